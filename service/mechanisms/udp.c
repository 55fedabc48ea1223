/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UDP: the table of the kind; what it does is in inet-datagram.c. Nothing tells a sender that a message arrived; that
 * the far host refused one is told where it comes at once. What found no room is counted by the kernel, and shown. */
#include "mechanism.h"

#include <errno.h>
#include <sys/socket.h>

#include "checks.h"
#include "cleanup.h"
#include "inet-datagram.h"
#include "inet-transport.h"
#include "kinds.h"
#include "limit-facts.h"
#include "scan.h"
#include "trait-tables.h"

static const char *const udp_ends[] = { "send", "receive", NULL };

static const OptionSpec udp_options[] = {
        { "host", OPTION_STRING, OPTION_FOR_CREATE, "127.0.0.1", 0, 0,
                "the address to receive at, as a number or localhost; 0.0.0.0 and :: are all addresses of the "
                "machine" },
        { "port", OPTION_COUNT, OPTION_FOR_CREATE, "0", 0, UINT16_MAX,
                "the port to receive at; 0: the kernel chooses one, which the address then has" },
        { "reuse", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0,
                "others may bind the same port too; the last one gets the messages (SO_REUSEADDR)" },
        { "v6only", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0, "a socket at :: takes no IPv4 (IPV6_V6ONLY)" },
        { "to", OPTION_STRING, OPTION_FOR_SEND, NULL, 0, 0,
                "from this socket of ours to that HOST:PORT, such as who sent a message, instead of to its address" },
        INET_DATAGRAM_OPTIONS,
        {},
};

static int udp_probe(Record *facts, Error *error) {
        CLEANUP_FD int fd = -EBADF;

        limit_append(facts, "message over IPv4", UDP_MESSAGE_MAX, "bytes", "RFC 768");
        limit_append(facts, "message over IPv6", UDP6_MESSAGE_MAX, "bytes", "RFC 8200");
        limit_append_file(facts, "rmem_default", "bytes to be received", "/proc/sys/net/core/rmem_default");
        limit_append_file(facts, "rmem_max", "bytes to be received", "/proc/sys/net/core/rmem_max");
        limit_append_file(facts, "ip_unprivileged_port_start", "lowest port for everybody",
                "/proc/sys/net/ipv4/ip_unprivileged_port_start");
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return error_set_errno(error, errno, "No UDP socket can be made");
        return inet_loopback_check(error);
}

static int udp_create(KernelObject *object, const Record *options, Error *error) {
        return inet_datagram_create(&inet_udp, object, options, error);
}

static int udp_open(KernelObject *object, const Record *options, Error *error) {
        return inet_open(&inet_udp, object, error);
}

static int udp_resolve(const Mechanism *mechanism, uint64_t inode) {
        return inet_resolve(&inet_udp, inode);
}

static int udp_from_fd(KernelObject *object, int fd, const Record *options, Error *error) {
        return inet_datagram_from_fd(&inet_udp, object, fd, error);
}

static int udp_revive(KernelObject *object, Error *error) {
        return inet_datagram_revive(&inet_udp, object, error);
}

static int udp_identify(const Address *address, char ret_identity[IDENTITY_MAX], Error *error) {
        return inet_identify(&inet_udp, address, ret_identity, error);
}

static int udp_send(
        KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error) {
        return inet_datagram_send(&inet_udp, object, data, size, options, ret_sent, error);
}

static int udp_receive(KernelObject *object, bool peek, const Record *options, void **ret_data, size_t *ret_size,
        Record *meta, Error *error) {
        return inet_datagram_receive(&inet_udp, object, peek, options, ret_data, ret_size, meta, error);
}

static int udp_open_end(KernelObject *object, const char *end, bool take, int *ret_fd, Error *error) {
        return inet_datagram_open_end(&inet_udp, object, end, take, ret_fd, error);
}

static int udp_describe(KernelObject *object, Record *attributes, Error *error) {
        return inet_datagram_describe(&inet_udp, object, attributes);
}

static int udp_scan(Scan *scan) {
        return inet_scan(&inet_udp, scan);
}

static int udp_holder_keys(const KernelObject *object, HolderKey *ret_keys, size_t *n) {
        return inet_holder_keys(&inet_udp, object, ret_keys, n);
}

static int udp_explain(const Address *address, Explanation *explanation) {
        return inet_explain(&inet_udp, address, explanation);
}

const Mechanism mechanism_udp = {
        .kind = "udp",
        .title = "UDP datagrams",
        .family = "sockets",
        .capabilities = CAPABILITY_DATAGRAM,
        .address_forms = INET_ADDRESS_FORMS,
        .facts = {
                .direction = "full-duplex",
                .full_duplex = true,
                .bidirectional = true,
                .boundaries = true,
                .order = "none promised; on loopback as sent",
                .persistence = "until the last descriptor closes",
                .unrelated = true,
                .carries_data = true,
                .source = "udp(7)",
        },
        .ends = udp_ends,
        .options = udp_options,
        .reasons = {
                [OPERATION_POST] = "A socket carries messages; posting is for semaphores.",
                [OPERATION_WAIT] = "A socket carries messages; waiting is for semaphores. Receive with a time-out waits for one.",
                [OPERATION_ACCEPT] = "A datagram socket has no connections to accept; TCP has.",
                [OPERATION_RESIZE] = "The buffer is set when the socket is made (receive_buffer); what waits in it is kept by the kernel.",
                [OPERATION_SEAL] = "A socket cannot be sealed; memory files can.",
                [OPERATION_LISTEN] = "Listening for signals is for the kind \"signal\".",
        },
        .ends_with_service = true,
        .probe = udp_probe,
        .create = udp_create,
        .open = udp_open,
        .from_fd = udp_from_fd,
        .needs_fetch = inet_needs_fetch,
        .alias = "socket",
        .resolve = udp_resolve,
        .fetch = inet_fetch,
        .revive = udp_revive,
        .close = inet_datagram_close,
        .remove = inet_datagram_remove,
        .identify = udp_identify,
        .explain = udp_explain,
        .send = udp_send,
        .receive = udp_receive,
        .wait_on = inet_datagram_wait_on,
        .open_end = udp_open_end,
        .describe = udp_describe,
        .watch_on = inet_datagram_watch_on,
        .watch = inet_datagram_watch,
        .scan = udp_scan,
        .holder_keys = udp_holder_keys,
        .transport = &udp_transport,
        .example = "host=127.0.0.1 port=4444",
        .traits = udp_traits,
        .checks = udp_checks,
        .gaps = udp_gaps,
};
