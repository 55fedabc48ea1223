/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The dump of UNIX_DIAG as a sorted list. What has no name and no descriptor is told as well: a connection that waits
 * for accept(2) has inode 0. The list owns the names. */
#include "sock-diag.h"

#include <errno.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "diag-dump.h"

enum { DUMP_TRIES = 5 };

static const char *const state_names[SOCKET_STATE_MAX] = {
        [SOCKET_CONNECTED] = "connected",
        [SOCKET_LISTENING] = "listening",
        [SOCKET_UNCONNECTED] = "unconnected",
};

const char *socket_state_name(SocketState state) {
        return state >= 0 && state < SOCKET_STATE_MAX ? state_names[state] : NULL;
}

/* UNIX sockets borrow the numbers of TCP's states. */
static SocketState state_of(unsigned state) {
        return state == TCP_ESTABLISHED ? SOCKET_CONNECTED
               : state == TCP_LISTEN    ? SOCKET_LISTENING
                                        : SOCKET_UNCONNECTED;
}

static int name_read(const struct nlattr *attribute, UnixSocket *item) {
        const char *name = mnl_attr_get_payload(attribute);
        size_t length = mnl_attr_get_payload_len(attribute);

        if (length == 0)
                return 0;
        item->abstract = name[0] == '\0';
        if (item->abstract) {
                name++;
                length--;
        } else
                /* bind(2) takes a path with and without its NUL. */
                length = strnlen(name, length);
        item->name = malloc(length + 1);
        if (!item->name)
                return -ENOMEM;
        memcpy(item->name, name, length);
        item->name[length] = '\0';
        item->name_length = length;
        return 0;
}

static void file_read(const struct nlattr *attribute, UnixSocket *item) {
        struct unix_diag_vfs vfs;

        memcpy(&vfs, mnl_attr_get_payload(attribute), sizeof(vfs));
        /* The kernel's own form of a device number: 12 bits of major, 20 of minor. */
        item->file_device = makedev(vfs.udiag_vfs_dev >> 20, vfs.udiag_vfs_dev & 0xFFFFF);
        item->file_inode = vfs.udiag_vfs_ino;
}

static void queue_read(const struct nlattr *attribute, UnixSocket *item) {
        struct unix_diag_rqlen queue;

        memcpy(&queue, mnl_attr_get_payload(attribute), sizeof(queue));
        item->queued = queue.udiag_rqueue;
        /* For others the second one is the memory of what they have sent. */
        if (item->state == SOCKET_LISTENING)
                item->backlog = queue.udiag_wqueue;
}

static int attribute_read(const struct nlattr *attribute, UnixSocket *item) {
        size_t length = mnl_attr_get_payload_len(attribute);

        switch (mnl_attr_get_type(attribute)) {
        case UNIX_DIAG_NAME:
                return name_read(attribute, item);
        case UNIX_DIAG_VFS:
                if (length >= sizeof(struct unix_diag_vfs))
                        file_read(attribute, item);
                return 0;
        case UNIX_DIAG_RQLEN:
                if (length >= sizeof(struct unix_diag_rqlen))
                        queue_read(attribute, item);
                return 0;
        case UNIX_DIAG_PEER:
                if (length >= sizeof(uint32_t))
                        item->peer = mnl_attr_get_u32(attribute);
                return 0;
        case UNIX_DIAG_SHUTDOWN:
                if (length >= sizeof(uint8_t))
                        item->shutdown = mnl_attr_get_u8(attribute);
                return 0;
        case UNIX_DIAG_UID:
                item->uid_known = length >= sizeof(uint32_t);
                if (item->uid_known)
                        item->uid = mnl_attr_get_u32(attribute);
                return 0;
        default:
                return 0;
        }
}

static int socket_add(UnixSockets *sockets, const UnixSocket *item) {
        if (sockets->n == sockets->allocated) {
                size_t allocated = sockets->allocated > 0 ? 2 * sockets->allocated : 128;
                UnixSocket *items = reallocarray(sockets->items, allocated, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                sockets->items = items;
                sockets->allocated = allocated;
        }
        sockets->items[sockets->n++] = *item;
        return 0;
}

static int message_read(const struct nlmsghdr *header, void *userdata) {
        const struct unix_diag_msg *message = mnl_nlmsg_get_payload(header);
        const struct nlattr *attribute;
        UnixSocket item = { .inode = 0 };
        int r = 0;

        if (mnl_nlmsg_get_payload_len(header) < sizeof(*message))
                return MNL_CB_OK;
        item.inode = message->udiag_ino;
        item.type = message->udiag_type;
        item.state = state_of(message->udiag_state);
        mnl_attr_for_each(attribute, header, sizeof(*message)) {
                r = attribute_read(attribute, &item);
                if (r < 0)
                        break;
        }
        if (r == 0)
                r = socket_add(userdata, &item);
        if (r < 0) {
                free(item.name);
                errno = -r;
                return MNL_CB_ERROR;
        }
        return MNL_CB_OK;
}

static int dump(UnixSockets *sockets) {
        static const struct unix_diag_req request = {
                .sdiag_family = AF_UNIX,
                .udiag_states = UINT32_MAX,
                .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN | UDIAG_SHOW_UID,
        };

        return diag_dump(&request, sizeof(request), message_read, sockets);
}

static int socket_compare(const void *a, const void *b) {
        uint32_t x = ((const UnixSocket *)a)->inode, y = ((const UnixSocket *)b)->inode;

        return (x > y) - (x < y);
}

static void sockets_empty(UnixSockets *sockets) {
        for (size_t i = 0; i < sockets->n; i++)
                free(sockets->items[i].name);
        sockets->n = 0;
}

int unix_sockets_new(UnixSockets **ret, Error *error) {
        CLEANUP(unix_sockets_freep) UnixSockets *sockets = NULL;
        int r = -EINTR;

        sockets = calloc(1, sizeof(*sockets));
        if (!sockets)
                return error_set_errno(error, ENOMEM, "The UNIX sockets cannot be listed");
        /* EINTR: sockets came and went so that the dump is not whole (netlink(7), NLM_F_DUMP_INTR). */
        for (unsigned i = 0; i < DUMP_TRIES && r == -EINTR; i++) {
                sockets_empty(sockets);
                r = dump(sockets);
        }
        if (r == -ENOENT || r == -EPROTONOSUPPORT || r == -EINVAL)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "This kernel does not list UNIX sockets: it was built without CONFIG_UNIX_DIAG, or the module "
                        "unix_diag is not loaded.");
        if (r < 0)
                return error_set_errno(error, r, "The kernel did not list the UNIX sockets");
        if (sockets->n > 0)
                qsort(sockets->items, sockets->n, sizeof(*sockets->items), socket_compare);
        *ret = TAKE_POINTER(sockets);
        return 0;
}

UnixSockets *unix_sockets_free(UnixSockets *sockets) {
        if (!sockets)
                return NULL;
        sockets_empty(sockets);
        free(sockets->items);
        free(sockets);
        return NULL;
}

const UnixSocket *unix_sockets_find(const UnixSockets *sockets, uint64_t inode) {
        UnixSocket key = { .inode = (uint32_t)inode };

        if (inode == 0 || inode > UINT32_MAX || sockets->n == 0)
                return NULL;
        return bsearch(&key, sockets->items, sockets->n, sizeof(key), socket_compare);
}
