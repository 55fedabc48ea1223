/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Raw sockets: the table of the kind; what it does is in inet-datagram.c. In addresses the IP protocol stands in the
 * place of a port: raw:127.0.0.1:253 (253 and 254 are for experiments, RFC 3692). With IPv4 the kernel gives the
 * packet with its IP header, which is taken off unless header=true; with IPv6 it gives none (raw(7)). */
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

/* 255 is for senders that write the IP header themselves (raw(7)). */
enum { RAW_LAST = 254 };

static const char *const raw_ends[] = { "send", "receive", NULL };

static const OptionSpec raw_options[] = {
        { "host", OPTION_STRING, OPTION_FOR_CREATE, "127.0.0.1", 0, 0,
                "the address to receive at, as a number or localhost; 0.0.0.0 and :: are all addresses of the "
                "machine" },
        { "protocol", OPTION_COUNT, OPTION_FOR_CREATE, "253", 1, RAW_LAST,
                "the IP protocol, whose packets it gets; 253 and 254 are for experiments, 1 is ICMP" },
        { "share", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0,
                "also where another raw socket has that address; each gets a copy" },
        { "header", OPTION_BOOL, OPTION_FOR_RECEIVE | OPTION_FOR_PEEK, "false", 0, 0, "give the IPv4 header, too" },
        { "to", OPTION_STRING, OPTION_FOR_SEND, NULL, 0, 0,
                "from this socket of ours to that HOST:PROTOCOL, instead of to its own address" },
        INET_DATAGRAM_OPTIONS,
        {},
};

static int raw_probe(Record *facts, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        const InetName name = { .v4 = { .sin_family = AF_INET, .sin_port = htons(INET_RAW_PROTOCOL) } };
        int r;

        limit_append(facts, "message over IPv4", RAW_MESSAGE_MAX, "bytes", "RFC 791");
        limit_append(facts, "last protocol", RAW_LAST, "number", "RFC 791");
        limit_append_file(facts, "rmem_default", "bytes to be received", "/proc/sys/net/core/rmem_default");
        limit_append_file(facts, "rmem_max", "bytes to be received", "/proc/sys/net/core/rmem_max");
        r = inet_socket(&inet_raw, &name, 0, &fd, error);
        return r < 0 ? r : inet_loopback_check(error);
}

static int raw_create(KernelObject *object, const Record *options, Error *error) {
        return inet_datagram_create(&inet_raw, object, options, error);
}

static int raw_open(KernelObject *object, const Record *options, Error *error) {
        if (object->address.form == ADDRESS_HOST && (object->address.port == 0 || object->address.port > RAW_LAST))
                return error_set(error, ERROR_INVALID_ADDRESS,
                        "Behind the host of a raw address stands an IP protocol, 1 to %d, and not %u.", RAW_LAST,
                        object->address.port);
        return inet_open(&inet_raw, object, error);
}

static int raw_resolve(const Mechanism *mechanism, uint64_t inode) {
        return inet_resolve(&inet_raw, inode);
}

static int raw_from_fd(KernelObject *object, int fd, const Record *options, Error *error) {
        return inet_datagram_from_fd(&inet_raw, object, fd, error);
}

static int raw_revive(KernelObject *object, Error *error) {
        return inet_datagram_revive(&inet_raw, object, error);
}

static int raw_identify(const Address *address, char ret_identity[IDENTITY_MAX], Error *error) {
        return inet_identify(&inet_raw, address, ret_identity, error);
}

static int raw_send(
        KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error) {
        return inet_datagram_send(&inet_raw, object, data, size, options, ret_sent, error);
}

static int raw_receive(KernelObject *object, bool peek, const Record *options, void **ret_data, size_t *ret_size,
        Record *meta, Error *error) {
        return inet_datagram_receive(&inet_raw, object, peek, options, ret_data, ret_size, meta, error);
}

static int raw_open_end(KernelObject *object, const char *end, bool take, int *ret_fd, Error *error) {
        return inet_datagram_open_end(&inet_raw, object, end, take, ret_fd, error);
}

static int raw_describe(KernelObject *object, Record *attributes, Error *error) {
        return inet_datagram_describe(&inet_raw, object, attributes);
}

static int raw_scan(Scan *scan) {
        return inet_scan(&inet_raw, scan);
}

static int raw_holder_keys(const KernelObject *object, HolderKey *ret_keys, size_t *n) {
        return inet_holder_keys(&inet_raw, object, ret_keys, n);
}

static int raw_explain(const Address *address, Explanation *explanation) {
        return inet_explain(&inet_raw, address, explanation);
}

const Mechanism mechanism_raw = {
        .kind = "raw",
        .title = "raw IP packets",
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
                .source = "raw(7)",
        },
        .ends = raw_ends,
        .options = raw_options,
        .reasons = {
                [OPERATION_POST] = "A socket carries messages; posting is for semaphores.",
                [OPERATION_WAIT] = "A socket carries messages; waiting is for semaphores. Receive with a time-out waits for one.",
                [OPERATION_ACCEPT] = "A datagram socket has no connections to accept; TCP has.",
                [OPERATION_RESIZE] = "The buffer is set when the socket is made (receive_buffer); what waits in it is kept by the kernel.",
                [OPERATION_SEAL] = "A socket cannot be sealed; memory files can.",
                [OPERATION_LISTEN] = "Listening for signals is for the kind \"signal\".",
        },
        .ends_with_service = true,
        .probe = raw_probe,
        .create = raw_create,
        .open = raw_open,
        .from_fd = raw_from_fd,
        .needs_fetch = inet_needs_fetch,
        .alias = "socket",
        .resolve = raw_resolve,
        .fetch = inet_fetch,
        .revive = raw_revive,
        .close = inet_datagram_close,
        .remove = inet_datagram_remove,
        .identify = raw_identify,
        .explain = raw_explain,
        .send = raw_send,
        .receive = raw_receive,
        .wait_on = inet_datagram_wait_on,
        .open_end = raw_open_end,
        .describe = raw_describe,
        .watch_on = inet_datagram_watch_on,
        .watch = inet_datagram_watch,
        .scan = raw_scan,
        .holder_keys = raw_holder_keys,
        .transport = &raw_transport,
        .example = "protocol=253",
        .traits = raw_traits,
        .checks = raw_checks,
        .gaps = raw_gaps,
};
