/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kind dbus: a name on a bus. An object is a name that others have, which is called and listened to, or a
 * connection of our own, which keeps what arrives as if it were a queue; a keeper (dbus-keeper.c) holds that one.
 *
 * A bus may take its time, so nothing in this file talks to one: what is here runs in the service, and the rest
 * (dbus-use.c, dbus-scan.c) in workers. */
#include "dbus.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "checks.h"
#include "cleanup.h"
#include "dbus-limits.h"
#include "kind-helpers.h"
#include "kinds.h"
#include "scan.h"
#include "trait-tables.h"
#include "transport-pair.h"
#include "worker-protocol.h"

#define KIND DBUS_KIND

static bool is_ours(const KernelObject *object) {
        const DbusState *state = object->state;

        return state && state->ours;
}

static void dbus_close(KernelObject *object) {
        DbusState *state = object->state;

        if (state)
                record_queue_clear(&state->mailbox);
        free(state);
        object->state = NULL;
        object->fds[DBUS_FILLED] = fd_close(object->fds[DBUS_FILLED]);
}

/* The object is the name, whoever has it just now; an address may be longer than an identity. */
static void place_identify(const BusPlace *place, char ret_identity[IDENTITY_MAX]) {
        uint64_t hash = fnv_1a(fnv_1a(FNV_START, place->name, strlen(place->name)), place->bus, strlen(place->bus));

        (void)snprintf(ret_identity, IDENTITY_MAX, "%.60s#%016" PRIx64, place->name, hash);
}

static int state_new(KernelObject *object, const BusPlace *place, Error *error) {
        CLEANUP(address_done) Address address = ADDRESS_EMPTY;
        DbusState *state;
        int r;

        r = bus_place_address(place, &address, error);
        if (r < 0)
                return r;
        state = calloc(1, sizeof(*state));
        if (!state)
                return error_set_errno(error, ENOMEM, "The name %.100s cannot be kept", place->name);
        state->place = *place;
        address_done(&object->address);
        object->address = address;
        address = (Address)ADDRESS_EMPTY;
        object->state = state;
        object->owner = geteuid();
        object->group = getegid();
        place_identify(place, object->identity);
        return 0;
}

/* Whether somebody has the name was asked by fetch(), and can change at any time. */
static int dbus_open(KernelObject *object, const Record *options, Error *error) {
        BusPlace place;
        int r;

        r = bus_place_parse(&object->address, options, &place, error);
        return r < 0 ? r : state_new(object, &place, error);
}

static bool dbus_needs_fetch(const Address *address) {
        return true;
}

/* The keeper has the connection, and told of it in its first record. */
static int dbus_create(KernelObject *object, const Record *options, Error *error) {
        const char *unique = record_get_string(options, "unique", NULL),
                   *name = record_get_string(options, "name", NULL);
        DbusState *state;
        BusPlace place;
        int r;

        if (!unique)
                return error_set(error, ERROR_FAILED, "A name needs the process that has it.");
        r = bus_place_make(name ? name : unique, options, &place, error);
        if (r >= 0)
                r = state_new(object, &place, error);
        if (r < 0)
                return r;
        state = object->state;
        state->ours = true;
        state->owned = record_get_bool(options, "owned", true);
        object->created = realtime_now();
        object->fds[DBUS_FILLED] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (object->fds[DBUS_FILLED] >= 0)
                return 0;
        r = error_set_errno(error, errno, "The mailbox cannot be made");
        dbus_close(object);
        return r;
}

static int dbus_remove(KernelObject *object, Error *error) {
        const DbusState *state = object->state;

        if (!is_ours(object))
                return error_set(error, ERROR_NOT_PERMITTED,
                        "Only the process that has the name %.100s can release it; \"show\" tells which that is.",
                        state->place.name);
        /* The keeper ends when its end of the channel does, and the bus takes the name back. */
        if (object->channel >= 0)
                (void)shutdown(object->channel, SHUT_RDWR);
        return 0;
}

/* What the keeper is told must not make the service wait. */
static int tell_keeper(KernelObject *object, const Record *record) {
        CLEANUP_FREE void *packet = NULL;
        size_t size;
        int r;

        r = record_encode(record, &packet, &size);
        if (r < 0)
                return r;
        return send(object->channel, packet, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* A signal of ours comes from the connection that has the name, so that others can match its sender. */
static int emit_signal(KernelObject *object, const void *data, size_t size, const Record *options, Error *error) {
        CLEANUP(record_freep) Record *request = NULL;
        int r;

        if (object->given && object->given->n > 0)
                return error_set(error, ERROR_NOT_SUPPORTED, "A signal of ours carries no descriptors; a call does.");
        r = record_new(&request);
        if (r < 0)
                return error_set_errno(error, r, "The signal cannot be made");
        record_set_string(request, WORKER_TYPE, DBUS_RECORD_EMIT);
        r = dbus_emit_fill(options, data, size, request, error);
        if (r < 0)
                return r;
        r = tell_keeper(object, request);
        if (r == -EAGAIN)
                return error_set(
                        error, ERROR_BUSY, "The process that has the name has not sent the last signals yet.");
        if (r == -EMSGSIZE)
                return error_set(
                        error, ERROR_LIMIT_EXCEEDED, "A signal of ours carries at most %d bytes.", DBUS_MESSAGE_MAX);
        return r < 0 ? error_set(error, ERROR_PEER_GONE, "The process that has the name has ended.") : 0;
}

static int dbus_send(
        KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error) {
        bool is_signal;
        int r;

        r = dbus_wants_signal(options, false, &is_signal, error);
        if (r < 0)
                return r;
        if (!is_ours(object) || !is_signal)
                return dbus_client_send(object, data, size, options, ret_sent, error);
        r = emit_signal(object, data, size, options, error);
        if (r >= 0)
                *ret_sent = size;
        return r;
}

static bool dbus_as_client(Operation operation, const Record *options) {
        static const char *const selecting[] = { "type", "member", "interface", "path" };

        if (operation == OPERATION_SEND)
                return strcmp(record_get_string(options, "type", ""), "signal") != 0;
        for (size_t i = 0; operation == OPERATION_RECEIVE && i < sizeof(selecting) / sizeof(*selecting); i++)
                if (record_has(options, selecting[i]))
                        return true;
        return false;
}

/* Told at once, or, where the keeper has no time, with the next. */
static void tell_taken(KernelObject *object, size_t bytes) {
        CLEANUP(record_freep) Record *record = NULL;
        DbusState *state = object->state;

        state->taken++;
        state->taken_bytes += bytes;
        if (record_new(&record) < 0)
                return;
        record_set_string(record, WORKER_TYPE, DBUS_RECORD_TAKEN);
        record_set_u64(record, "messages", state->taken);
        record_set_u64(record, "bytes", state->taken_bytes);
        if (tell_keeper(object, record) >= 0)
                state->taken = state->taken_bytes = 0;
}

static const Record *message_meta(const Record *message) {
        const Value *meta = record_get(message, "meta");

        return meta && meta->type == VALUE_RECORDS && meta->records.n == 1 ? meta->records.items[0] : NULL;
}

/* "SENDER PATH INTERFACE.MEMBER SIGNATURE VALUES" and a newline. */
static char *message_line(const Record *about, const void *data, size_t size, size_t *ret_size) {
        const char *interface = record_get_string(about, "interface", ""), *signature;
        char *line = NULL;
        FILE *out = open_memstream(&line, ret_size);

        if (!out)
                return NULL;
        signature = record_get_string(about, "signature", "");
        fprintf(out, "%s %s %s%s%s%s%s%s", record_get_string(about, "sender", ""),
                record_get_string(about, "path", ""), interface, interface[0] ? "." : "",
                record_get_string(about, "member", ""), signature[0] ? " " : "", signature, size > 0 ? " " : "");
        fwrite(data, 1, size, out);
        fputc('\n', out);
        if (fclose(out) == 0)
                return line;
        free(line);
        return NULL;
}

static char *message_body(const void *bytes, size_t size, size_t *ret_size) {
        char *data = malloc(size + 1);

        if (data && size > 0)
                memcpy(data, bytes, size);
        *ret_size = size;
        return data;
}

static int copy_message(const Record *message, const Record *options, void **ret_data, size_t *ret_size, Record *meta,
        size_t *ret_all) {
        bool whole_line = strcmp(record_get_string(options, "format", "body"), "line") == 0;
        uint64_t most = record_get_u64(options, "size", UINT64_MAX);
        const void *bytes = record_get_bytes(message, "data", ret_all);
        const Record *about = message_meta(message);
        size_t size;
        char *data;

        data = whole_line ? message_line(about, bytes, *ret_all, &size) : message_body(bytes, *ret_all, &size);
        if (!data)
                return -ENOMEM;
        if (size > most) {
                size = (size_t)most;
                record_set_bool(meta, "truncated", true);
        }
        if (about)
                record_merge(meta, about);
        *ret_data = data;
        *ret_size = size;
        return 0;
}

static int dbus_receive(KernelObject *object, bool peek, const Record *options, void **ret_data, size_t *ret_size,
        Record *meta, Error *error) {
        DbusState *state = object->state;
        const Record *message;
        size_t all = 0, room;
        int r;

        if (peek && !is_ours(object))
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "What waits for %.100s is in its process, where nobody else can look; only messages to a name "
                        "of ipcbus can be peeked at.",
                        state->place.name);
        if (!is_ours(object))
                return dbus_client_receive(object, options, ret_data, ret_size, meta, error);
        message = record_queue_at(&state->mailbox, peek ? record_get_u64(options, "index", 0) : 0);
        if (!message)
                return -EAGAIN;
        r = copy_message(message, options, ret_data, ret_size, meta, &all);
        if (r < 0)
                return error_set_errno(error, r, "The message cannot be received");
        if (peek)
                return 0;
        room = dbus_message_room(all, record_get_string(message_meta(message), "path", NULL));
        record_queue_drop_first(&state->mailbox, object->fds[DBUS_FILLED]);
        state->bytes -= all;
        tell_taken(object, room);
        return 0;
}

static int dbus_wait_on(KernelObject *object, Operation operation, int *ret_fd, uint32_t *ret_events) {
        if (operation == OPERATION_SEND || !is_ours(object))
                return -EOPNOTSUPP;
        *ret_fd = object->fds[DBUS_FILLED];
        *ret_events = EPOLLIN;
        return 0;
}

static void dbus_kept(KernelObject *object, const Record *record, EventSink *sink) {
        const char *type = record_get_string(record, WORKER_TYPE, "");
        CLEANUP(record_freep) Record *details = NULL;
        DbusState *state = object->state;
        bool arrived = strcmp(type, DBUS_RECORD_MESSAGE) == 0;
        size_t size = 0;

        if (!state || record_new(&details) < 0)
                return;
        if (arrived) {
                (void)record_get_bytes(record, "data", &size);
                state->bytes += size;
                state->drops += record_get_u64(message_meta(record), "lost", 0);
                record_queue_add(&state->mailbox, record, object->fds[DBUS_FILLED]);
                record_set_u64(details, "bytes", size);
                record_set_u64(details, "messages", state->mailbox.n);
        } else if (strcmp(type, DBUS_RECORD_OWNED) == 0)
                state->owned = record_get_bool(record, "owned", true);
        sink->emit(sink, arrived ? EVENT_MESSAGE_ARRIVED : EVENT_CHANGED, details);
}

static int dbus_describe(KernelObject *object, Record *attributes, Error *error) {
        const DbusState *state = object->state;
        const Record *first = record_queue_at(&state->mailbox, 0);
        size_t size = 0;

        record_set_string(attributes, "name", state->place.name);
        record_set_string(attributes, "bus", state->place.bus);
        if (!is_ours(object))
                return record_error(attributes);
        if (first)
                (void)record_get_bytes(first, "data", &size);
        record_set_string(attributes, "state", state->owned ? "owned" : "waits for the name");
        record_set_u64(attributes, "messages", state->mailbox.n);
        record_set_u64(attributes, "drops", state->drops);
        record_set_u64(attributes, "max_messages", RECORD_QUEUE_MAX);
        record_set_u64(attributes, "message_size", DBUS_MESSAGE_MAX);
        record_set_u64(attributes, "used", state->bytes);
        record_set_u64(attributes, "queued", size);
        return record_error(attributes);
}

/* Known when inspect() has asked the bus. */
static int dbus_holder_keys(const KernelObject *object, HolderKey *ret_keys, size_t *n) {
        const DbusState *state = object->state;

        if (*n < state->n_pids)
                return -ENOBUFS;
        for (size_t i = 0; i < state->n_pids; i++)
                ret_keys[i] = (HolderKey){ .type = HOLDER_PROCESS, .number = (uint64_t)state->pids[i] };
        *n = state->n_pids;
        return 0;
}

enum {
        FOR_MESSAGES = OPTION_FOR_SEND | OPTION_FOR_RECEIVE,
};

static const OptionSpec dbus_options[] = {
        { "name", OPTION_STRING, OPTION_FOR_CREATE, NULL, 0, 0,
                "the well-known name to have; without it the connection has only its unique one" },
        { "bus", OPTION_STRING, OPTION_FOR_CREATE, "session", 0, 0, "session, system, or the address of a bus" },
        { "queue", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0, "wait for the name where another has it" },
        { "replace", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0, "take the name from an owner that allows it" },
        { "allow-replacement", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0, "others may take the name" },
        { "reply", OPTION_STRING, OPTION_FOR_CREATE, "empty", 0, 0,
                "what calls to it are answered with: empty, echo or none" },
        { "match", OPTION_STRING, OPTION_FOR_CREATE, NULL, 0, 0,
                "match rules, separated by semicolons: signals of others that are kept too" },
        { "type", OPTION_STRING, FOR_MESSAGES, NULL, 0, 0,
                "call or signal: what is sent (call), or what is received (signal; call: its answer)" },
        { "path", OPTION_STRING, FOR_MESSAGES, "/", 0, 0, "the object, where the address names none" },
        { "interface", OPTION_STRING, FOR_MESSAGES, DBUS_INTERFACE, 0, 0,
                "of the member; a received signal may be of any" },
        { "member", OPTION_STRING, FOR_MESSAGES, DBUS_MEMBER, 0, 0,
                "the method or signal; a received signal may be any" },
        { "signature", OPTION_STRING, FOR_MESSAGES, NULL, 0, 0,
                "of the values; without it the data is one string, or one array of bytes" },
        { "args", OPTION_STRING, FOR_MESSAGES, NULL, 0, 0, "the values, written as busctl(1) takes them" },
        { "activate", OPTION_BOOL, FOR_MESSAGES, "false", 0, 0, "let the bus start somebody for the name" },
        { "noreply", OPTION_BOOL, OPTION_FOR_SEND, "false", 0, 0, "ask for no answer to a call, and wait for none" },
        { "destination", OPTION_STRING, OPTION_FOR_SEND, NULL, 0, 0,
                "of a signal of ours; without it all get it who match it" },
        { "format", OPTION_STRING, OPTION_FOR_RECEIVE, "body", 0, 0,
                "body: the values alone; line: also who sent which member, one message a line" },
        { "index", OPTION_COUNT, OPTION_FOR_PEEK, "0", 0, RECORD_QUEUE_MAX - 1, "which of the waiting to show" },
        {},
};

static const Transport *const dbus_more_transports[] = { &dbus_daemon_transport, NULL };

const Mechanism mechanism_dbus = {
        .kind = KIND,
        .title = "name on a D-Bus bus",
        .family = "higher level",
        .capabilities = CAPABILITY_DATAGRAM,
        .address_forms = 1u << ADDRESS_NAME,
        .facts = {
                .direction = "full-duplex",
                .full_duplex = true,
                .bidirectional = true,
                .boundaries = true,
                .order = "first in, first out from each sender",
                .priority = false,
                .persistence = "process: a name goes with its owner, or to the next in the queue",
                .unrelated = true,
                .carries_data = true,
                .descriptors = true,
                .source = "dbus-daemon(1), sd-bus(3), D-Bus Specification",
        },
        .options = dbus_options,
        .in_worker = 1u << OPERATION_SEND | 1u << OPERATION_RECEIVE,
        .reasons = {
                [OPERATION_POST] = "A name on a bus is no semaphore; send a message to it.",
                [OPERATION_WAIT] = "A name on a bus is no semaphore; receive with a time-out waits for a message.",
                [OPERATION_OPEN_END] = "A name is reached through the bus; there is no descriptor that leads to its owner alone. Connect to the bus, or let its owner pass you one end of a socket pair.",
                [OPERATION_ACCEPT] = "The bus has the connections; a name has messages.",
                [OPERATION_RESIZE] = "A name has no size; how many messages a mailbox keeps is fixed.",
                [OPERATION_SEAL] = "A name cannot be sealed.",
                [OPERATION_LISTEN] = "A mailbox takes every call; for signals of others give the option match when it is created.",
        },
        .probe = dbus_probe,
        .create = dbus_create,
        .open = dbus_open,
        .needs_fetch = dbus_needs_fetch,
        .fetch = dbus_fetch,
        .close = dbus_close,
        .remove = dbus_remove,
        .send = dbus_send,
        .receive = dbus_receive,
        .wait_on = dbus_wait_on,
        .as_client = dbus_as_client,
        .explain = dbus_explain,
        .describe = dbus_describe,
        .inspect = dbus_inspect,
        .keep = dbus_keep,
        .kept = dbus_kept,
        .scan = dbus_scan,
        .holder_keys = dbus_holder_keys,
        .transport = &dbus_direct_transport,
        .more_transports = dbus_more_transports,
        .example = "name=org.example.Name",
        .traits = dbus_traits,
        .checks = dbus_checks,
        .gaps = dbus_gaps,
};
