/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The dumps of INET_DIAG, and the tables of /proc/net, as one sorted list. */
#include "inet-diag.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "diag-dump.h"

enum { DUMP_TRIES = 5 };

typedef struct Query {
        int protocol;
        unsigned states;
        uint16_t port;
        InetSockets *sockets;
} Query;

static int socket_add(InetSockets *sockets, const InetSocket *item) {
        if (sockets->n == sockets->allocated) {
                size_t allocated = sockets->allocated > 0 ? 2 * sockets->allocated : 64;
                InetSocket *items = reallocarray(sockets->items, allocated, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                sockets->items = items;
                sockets->allocated = allocated;
        }
        sockets->items[sockets->n++] = *item;
        return 0;
}

static void name_set(InetName *ret, int family, const uint32_t *address, uint16_t port, uint32_t interface) {
        memset(ret, 0, sizeof(*ret));
        ret->any.sa_family = (sa_family_t)family;
        if (family == AF_INET6) {
                memcpy(&ret->v6.sin6_addr, address, sizeof(ret->v6.sin6_addr));
                ret->v6.sin6_port = port;
                if (IN6_IS_ADDR_LINKLOCAL(&ret->v6.sin6_addr))
                        ret->v6.sin6_scope_id = interface;
        } else {
                memcpy(&ret->v4.sin_addr, address, sizeof(ret->v4.sin_addr));
                ret->v4.sin_port = port;
        }
}

/* --- sock_diag(7) --- */

static void attribute_read(const struct nlattr *attribute, InetSocket *item) {
        const void *payload = mnl_attr_get_payload(attribute);
        size_t length = mnl_attr_get_payload_len(attribute);
        uint32_t memory[SK_MEMINFO_VARS] = {};
        struct tcp_info info = {};

        switch (mnl_attr_get_type(attribute)) {
        case INET_DIAG_SKMEMINFO:
                if (length < (SK_MEMINFO_DROPS + 1) * sizeof(memory[0]))
                        return;
                memcpy(memory, payload, length < sizeof(memory) ? length : sizeof(memory));
                item->drops = memory[SK_MEMINFO_DROPS];
                item->drops_known = true;
                return;
        case INET_DIAG_INFO:
                memcpy(&info, payload, length < sizeof(info) ? length : sizeof(info));
                item->rtt = info.tcpi_rtt;
                item->retransmits = info.tcpi_total_retrans;
                item->mss = info.tcpi_snd_mss;
                return;
        case INET_DIAG_SKV6ONLY:
                item->v6only = length >= 1 && *(const uint8_t *)payload;
                return;
        default:
                return;
        }
}

static int message_read(const struct nlmsghdr *header, void *userdata) {
        const struct inet_diag_msg *message = mnl_nlmsg_get_payload(header);
        const struct nlattr *attribute;
        Query *query = userdata;
        InetSocket item = {};
        int r;

        if (mnl_nlmsg_get_payload_len(header) < sizeof(*message))
                return MNL_CB_OK;
        item.inode = message->idiag_inode;
        item.state = message->idiag_state;
        item.protocol = (unsigned)query->protocol;
        item.uid = message->idiag_uid;
        item.queued = message->idiag_rqueue;
        if (item.state == TCP_LISTEN)
                item.backlog = message->idiag_wqueue;
        else
                item.unsent = message->idiag_wqueue;
        name_set(&item.local, message->idiag_family, message->id.idiag_src, message->id.idiag_sport,
                message->id.idiag_if);
        name_set(&item.peer, message->idiag_family, message->id.idiag_dst, message->id.idiag_dport,
                message->id.idiag_if);
        mnl_attr_for_each(attribute, header, sizeof(*message)) attribute_read(attribute, &item);
        r = socket_add(query->sockets, &item);
        if (r < 0) {
                errno = -r;
                return MNL_CB_ERROR;
        }
        return MNL_CB_OK;
}

static int dump(Query *query, int family) {
        const struct inet_diag_req_v2 request = {
                .sdiag_family = (uint8_t)family,
                .sdiag_protocol = (uint8_t)query->protocol,
                .idiag_ext = (1 << (INET_DIAG_SKMEMINFO - 1)) | (1 << (INET_DIAG_INFO - 1)),
                .idiag_states = query->states,
                .id.idiag_sport = htons(query->port),
        };

        return diag_dump(&request, sizeof(request), message_read, query);
}

static int dump_both(Query *query) {
        int r;

        r = dump(query, AF_INET);
        if (r < 0)
                return r;
        r = dump(query, AF_INET6);
        /* A kernel without IPv6 has no table of it. */
        return r == -ENOENT ? 0 : r;
}

/* --- /proc/net --- */

/* "0100007F:1F90" or 32 digits: the bytes of each word are in the order of the machine (net/ipv4/tcp_ipv4.c). */
static int name_scan(const char *text, int family, InetName *ret) {
        size_t words = family == AF_INET6 ? 4 : 1;
        uint32_t address[4];
        unsigned port;
        int end = 0;

        if (strlen(text) < words * 8 + 2)
                return -EBADMSG;
        for (size_t i = 0; i < words; i++)
                if (sscanf(text + i * 8, "%8" SCNx32, &address[i]) != 1)
                        return -EBADMSG;
        if (sscanf(text + words * 8, ":%4x%n", &port, &end) != 1)
                return -EBADMSG;
        name_set(ret, family, address, htons((uint16_t)port), 0);
        return 0;
}

static int line_scan(const Query *query, int family, const char *line, InetSocket *ret) {
        InetSocket item = {};
        char local[48], peer[48];
        unsigned long long inode, drops = 0;
        int r, n;

        n = sscanf(line,
                " %*[0-9]: %47[0-9A-F:] %47[0-9A-F:] %x %" SCNx32 ":%" SCNx32 " %*x:%*x %*x %u %*u %llu %*u %*s %llu",
                local, peer, &item.state, &item.unsent, &item.queued, &item.uid, &inode, &drops);
        if (n < 7)
                return -EBADMSG;
        r = name_scan(local, family, &item.local);
        if (r >= 0)
                r = name_scan(peer, family, &item.peer);
        if (r < 0)
                return r;
        item.inode = inode;
        item.protocol = query->protocol == IPPROTO_RAW ? inet_name_port(&item.local) : (unsigned)query->protocol;
        item.raw = query->protocol == IPPROTO_RAW;
        item.drops_known = n == 8 && query->protocol != IPPROTO_TCP;
        item.drops = item.drops_known ? drops : 0;
        *ret = item;
        return 0;
}

static int table_read(Query *query, int family, const char *path) {
        FILE *file = fopen(path, "re");
        char line[512];
        int r = 0;

        if (!file)
                return -errno;
        while (r >= 0 && fgets(line, sizeof(line), file)) {
                InetSocket item;

                if (line_scan(query, family, line, &item) >= 0 && (query->states & (1u << item.state)) &&
                        (query->port == 0 || inet_name_port(&item.local) == query->port))
                        r = socket_add(query->sockets, &item);
        }
        fclose(file);
        return r;
}

static int tables_read(Query *query) {
        const char *name = query->protocol == IPPROTO_TCP ? "tcp" : query->protocol == IPPROTO_UDP ? "udp" : "raw";
        char path[32];
        int r;

        snprintf(path, sizeof(path), "/proc/net/%s", name);
        r = table_read(query, AF_INET, path);
        if (r < 0)
                return r;
        snprintf(path, sizeof(path), "/proc/net/%s6", name);
        r = table_read(query, AF_INET6, path);
        return r == -ENOENT ? 0 : r;
}

/* --- The list --- */

static int socket_compare(const void *a, const void *b) {
        uint64_t x = ((const InetSocket *)a)->inode, y = ((const InetSocket *)b)->inode;

        return (x > y) - (x < y);
}

static int port_compare(const void *a, const void *b) {
        const InetSocket *x = *(const InetSocket *const *)a, *y = *(const InetSocket *const *)b;
        int difference = inet_name_port(&x->local) - inet_name_port(&y->local);

        return difference != 0 ? difference : (x > y) - (x < y);
}

static int sockets_index(InetSockets *sockets) {
        if (sockets->n == 0)
                return 0;
        sockets->by_port = calloc(sockets->n, sizeof(*sockets->by_port));
        if (!sockets->by_port)
                return -ENOMEM;
        for (size_t i = 0; i < sockets->n; i++)
                sockets->by_port[i] = &sockets->items[i];
        qsort(sockets->by_port, sockets->n, sizeof(*sockets->by_port), port_compare);
        return 0;
}

int inet_sockets_new(int protocol, unsigned states, uint16_t port, InetSockets **ret, Error *error) {
        CLEANUP(inet_sockets_freep) InetSockets *sockets = calloc(1, sizeof(*sockets));
        Query query = { .protocol = protocol, .states = states, .port = port, .sockets = sockets };
        int r = -EINTR, refused;

        if (!sockets)
                return error_set_errno(error, ENOMEM, "The sockets cannot be listed");
        /* EINTR: sockets came and went so that the dump is not whole (netlink(7), NLM_F_DUMP_INTR). */
        for (unsigned i = 0; protocol != IPPROTO_RAW && i < DUMP_TRIES && r == -EINTR; i++) {
                sockets->n = 0;
                r = dump_both(&query);
        }
        if (r < 0) {
                refused = r;
                sockets->n = 0;
                r = tables_read(&query);
                if (r < 0)
                        return error_set(error, ERROR_NOT_SUPPORTED,
                                "The sockets cannot be listed here: sock_diag(7) gives %s, and /proc/net cannot be "
                                "read (%s).",
                                protocol == IPPROTO_RAW ? "no raw sockets" : strerror(-refused), strerror(-r));
        }
        if (sockets->n > 0)
                qsort(sockets->items, sockets->n, sizeof(*sockets->items), socket_compare);
        r = sockets_index(sockets);
        if (r < 0)
                return error_set_errno(error, r, "The sockets cannot be listed");
        *ret = TAKE_POINTER(sockets);
        return 0;
}

InetSockets *inet_sockets_free(InetSockets *sockets) {
        if (!sockets)
                return NULL;
        free(sockets->items);
        free(sockets->by_port);
        free(sockets);
        return NULL;
}

const InetSocket *inet_sockets_find(const InetSockets *sockets, uint64_t inode) {
        InetSocket key = { .inode = inode };

        if (inode == 0 || sockets->n == 0)
                return NULL;
        return bsearch(&key, sockets->items, sockets->n, sizeof(key), socket_compare);
}
