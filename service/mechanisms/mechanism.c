/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of kinds, and what holds for all of them: looking one up, saying what it supports, describing it, and the
 * life of a KernelObject. What is particular to a kind is in the kind's own file. */
#include "mechanism.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "cleanup.h"
#include "kinds.h"
#include "trait.h"

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

const Mechanism *const mechanism_table[] = {
        &mechanism_shm_sysv,
        &mechanism_shm_posix,
        &mechanism_memfd,
        &mechanism_mmap,
        &mechanism_ring,
        &mechanism_signal,
        &mechanism_sem_sysv,
        &mechanism_sem_posix,
        &mechanism_eventfd,
        &mechanism_mutex,
        &mechanism_pipe,
        &mechanism_fifo,
        &mechanism_mq_sysv,
        &mechanism_mq_posix,
        &mechanism_unix_stream,
        &mechanism_unix_dgram,
        &mechanism_unix_seqpacket,
        &mechanism_tcp,
        &mechanism_udp,
        &mechanism_raw,
        &mechanism_dbus,
};
const size_t mechanism_table_size = ELEMENTS(mechanism_table);

static const char *const operation_names[OPERATION_MAX] = {
        [OPERATION_CREATE] = "create",
        [OPERATION_ADOPT] = "adopt",
        [OPERATION_SEND] = "send",
        [OPERATION_RECEIVE] = "receive",
        [OPERATION_PEEK] = "peek",
        [OPERATION_POST] = "post",
        [OPERATION_WAIT] = "wait",
        [OPERATION_OPEN_END] = "open-end",
        [OPERATION_ACCEPT] = "accept",
        [OPERATION_RESIZE] = "resize",
        [OPERATION_SEAL] = "seal",
        [OPERATION_LISTEN] = "listen",
        [OPERATION_LIST] = "list",
        [OPERATION_WATCH] = "watch",
        [OPERATION_REMOVE] = "remove",
        [OPERATION_TEST] = "test",
        [OPERATION_BENCHMARK] = "benchmark",
};

static const char *const object_event_names[EVENT_MAX] = {
        [EVENT_MESSAGE_ARRIVED] = "message-arrived",
        [EVENT_PEER_CONNECTED] = "peer-connected",
        [EVENT_PEER_CLOSED] = "peer-closed",
        [EVENT_SIGNAL_RECEIVED] = "received",
        [EVENT_POSTED] = "posted",
        [EVENT_CHANGED] = "changed",
};

const char *operation_name(Operation operation) {
        return operation >= 0 && operation < OPERATION_MAX ? operation_names[operation] : NULL;
}

const char *object_event_name(ObjectEvent event) {
        return (unsigned)event < EVENT_MAX ? object_event_names[event] : NULL;
}

const Mechanism *mechanism_find(const char *kind) {
        for (size_t i = 0; i < mechanism_table_size; i++)
                if (strcmp(mechanism_table[i]->kind, kind) == 0)
                        return mechanism_table[i];
        return NULL;
}

int mechanism_for_kind(const char *kind, const Mechanism **ret, Error *error) {
        const char *names[ELEMENTS(mechanism_table)], *nearest;
        const Mechanism *mechanism = mechanism_find(kind);

        if (!mechanism) {
                for (size_t i = 0; i < mechanism_table_size; i++)
                        names[i] = mechanism_table[i]->kind;
                nearest = nearest_word(kind, names, mechanism_table_size);
                if (nearest)
                        return error_set(error, ERROR_NO_SUCH_KIND, "There is no kind \"%.64s\"; did you mean \"%s\"?",
                                kind, nearest);
                return error_set(error, ERROR_NO_SUCH_KIND,
                        "There is no kind \"%.64s\"; ListKinds (\"ipcctl kinds\") tells which there are.", kind);
        }
        *ret = mechanism;
        return 0;
}

static bool mechanism_has(const Mechanism *m, Operation operation) {
        switch (operation) {
        case OPERATION_CREATE:
                return m->create;
        case OPERATION_ADOPT:
                return m->open || m->from_fd;
        case OPERATION_SEND:
                return m->send;
        case OPERATION_RECEIVE:
        case OPERATION_PEEK:
                return m->receive;
        case OPERATION_POST:
                return m->post;
        case OPERATION_WAIT:
                return m->wait;
        case OPERATION_OPEN_END:
                return m->open_end;
        case OPERATION_ACCEPT:
                return m->accept;
        case OPERATION_RESIZE:
                return m->resize;
        case OPERATION_SEAL:
                return m->seal;
        case OPERATION_LISTEN:
                return m->listen;
        case OPERATION_LIST:
                return m->scan;
        case OPERATION_WATCH:
                return m->watch || m->kept;
        case OPERATION_REMOVE:
                return m->remove;
        case OPERATION_TEST:
                return m->transport || m->checks;
        case OPERATION_BENCHMARK:
                return m->transport;
        default:
                return false;
        }
}

/* NULL: it is supported. A reason counts also where there is a function. */
static const char *mechanism_reason(const Mechanism *mechanism, Operation operation) {
        if (mechanism->reasons[operation])
                return mechanism->reasons[operation];
        return mechanism_has(mechanism, operation) ? NULL : "This kind has no such operation.";
}

int mechanism_supports(const Mechanism *mechanism, Operation operation, Error *error) {
        const char *reason;

        if (operation < 0 || operation >= OPERATION_MAX)
                return error_set(error, ERROR_NOT_SUPPORTED, "There is no such operation.");
        reason = mechanism_reason(mechanism, operation);
        if (!reason)
                return 0;
        return error_set(error, ERROR_NOT_SUPPORTED, "%s", reason);
}

static void describe_interfaces(const Mechanism *mechanism, Record *description) {
        static const struct {
                Capability capability;
                const char *interface;
        } interfaces[] = {
                { CAPABILITY_MEMORY, IPCBUS_INTERFACE_MEMORY },
                { CAPABILITY_SEMAPHORE, IPCBUS_INTERFACE_SEMAPHORE },
                { CAPABILITY_MESSAGE_QUEUE, IPCBUS_INTERFACE_MESSAGE_QUEUE },
                { CAPABILITY_STREAM, IPCBUS_INTERFACE_STREAM },
                { CAPABILITY_DATAGRAM, IPCBUS_INTERFACE_DATAGRAM },
                { CAPABILITY_SIGNALS, IPCBUS_INTERFACE_SIGNALS },
        };
        const char *names[ELEMENTS(interfaces)];
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTS(interfaces); i++)
                if (mechanism->capabilities & interfaces[i].capability)
                        names[n++] = interfaces[i].interface;
        record_set_strings(description, "interfaces", names, n);
}

static int describe_operations(const Mechanism *mechanism, Record *description) {
        const char *supported[OPERATION_MAX];
        size_t n = 0;
        int r;

        for (Operation operation = 0; operation < OPERATION_MAX; operation++) {
                const char *reason = mechanism_reason(mechanism, operation);
                Record *item;

                if (!reason) {
                        supported[n++] = operation_name(operation);
                        continue;
                }
                r = record_new(&item);
                if (r < 0)
                        return r;
                record_set_string(item, "operation", operation_name(operation));
                record_set_string(item, "reason", reason);
                record_append_record(description, "unsupported", item);
        }
        record_set_strings(description, "operations", supported, n);
        return 0;
}

static void describe_option_uses(const OptionSpec *spec, Record *item) {
        static const struct {
                OptionUse use;
                const char *name;
        } uses[] = {
                { OPTION_FOR_CREATE, "create" },
                { OPTION_FOR_ADOPT, "adopt" },
                { OPTION_FOR_SEND, "send" },
                { OPTION_FOR_RECEIVE, "receive" },
                { OPTION_FOR_PEEK, "peek" },
                { OPTION_FOR_END, "open-end" },
                { OPTION_FOR_POST, "post" },
                { OPTION_FOR_WAIT, "wait" },
        };
        const char *names[ELEMENTS(uses)];
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTS(uses); i++)
                if (spec->uses & uses[i].use)
                        names[n++] = uses[i].name;
        record_set_strings(item, "uses", names, n);
}

static int describe_options(const Mechanism *mechanism, Record *description) {
        int r;

        for (const OptionSpec *spec = mechanism->options; spec && spec->name; spec++) {
                Record *item;

                r = record_new(&item);
                if (r < 0)
                        return r;
                record_set_string(item, "name", spec->name);
                record_set_string(item, "type", option_type_name(spec->type));
                describe_option_uses(spec, item);
                if (spec->fallback)
                        record_set_string(item, "default", spec->fallback);
                if (spec->minimum > 0)
                        record_set_u64(item, "minimum", spec->minimum);
                if (spec->maximum > 0)
                        record_set_u64(item, "maximum", spec->maximum);
                record_set_string(item, "help", spec->help);
                record_append_record(description, "options", item);
        }
        return 0;
}

static void describe_aspects(const Check *check, Record *item) {
        const char *names[ASPECT_MAX];
        size_t n = 0;

        for (CheckAspect aspect = 0; aspect < ASPECT_MAX; aspect++)
                if (check->aspects & UINT64_C(1) << aspect)
                        names[n++] = check_aspect_name(aspect);
        record_set_strings(item, "aspects", names, n);
}

static int describe_claims(const Mechanism *mechanism, Record *description) {
        int r;

        for (const Check *check = mechanism->checks; check && check->id; check++) {
                Record *item;

                r = record_new(&item);
                if (r < 0)
                        return r;
                record_set_string(item, "id", check->id);
                record_set_string(item, "claim", check->claim);
                record_set_string(item, "source", check->source);
                describe_aspects(check, item);
                record_append_record(description, "claims", item);
        }
        for (const CheckGap *gap = mechanism->gaps; gap && gap->reason; gap++) {
                Record *item;

                r = record_new(&item);
                if (r < 0)
                        return r;
                record_set_string(item, "aspect", check_aspect_name(gap->aspect));
                record_set_string(item, "reason", gap->reason);
                record_append_record(description, "gaps", item);
        }
        return 0;
}

static void describe_facts(const KindFacts *facts, Record *description) {
        record_set_string(description, "direction", facts->direction);
        record_set_bool(description, "full_duplex", facts->full_duplex);
        record_set_bool(description, "bidirectional", facts->bidirectional);
        record_set_bool(description, "boundaries", facts->boundaries);
        record_set_string(description, "order", facts->order);
        record_set_bool(description, "priority", facts->priority);
        record_set_string(description, "persistence", facts->persistence);
        record_set_bool(description, "unrelated", facts->unrelated);
        record_set_bool(description, "carries_data", facts->carries_data);
        record_set_bool(description, "descriptors", facts->descriptors);
        if (facts->connection)
                record_set_string(description, "connection", facts->connection);
        record_set_string(description, "source", facts->source);
}

int mechanism_describe(const Mechanism *mechanism, Record *ret_description) {
        Error error = {};
        size_t n_ends = 0;
        int r;

        record_set_string(ret_description, "kind", mechanism->kind);
        record_set_string(ret_description, "title", mechanism->title);
        record_set_string(ret_description, "family", mechanism->family);
        record_set_string(ret_description, "example", mechanism->example);

        r = mechanism->probe ? mechanism->probe(ret_description, &error) : 0;
        record_set_bool(ret_description, "available", r >= 0);
        if (r < 0)
                record_set_string(ret_description, "reason", error.message);

        describe_facts(&mechanism->facts, ret_description);
        describe_interfaces(mechanism, ret_description);
        while (mechanism->ends && mechanism->ends[n_ends])
                n_ends++;
        record_set_strings(ret_description, "ends", mechanism->ends, n_ends);

        r = describe_operations(mechanism, ret_description);
        if (r < 0)
                return r;
        r = describe_options(mechanism, ret_description);
        if (r < 0)
                return r;
        r = describe_claims(mechanism, ret_description);
        if (r < 0)
                return r;
        r = traits_describe(mechanism->traits, ret_description);
        if (r < 0)
                return r;
        return record_error(ret_description);
}

void kernel_object_init(KernelObject *object, const Mechanism *mechanism) {
        *object = (KernelObject)KERNEL_OBJECT_EMPTY;
        object->mechanism = mechanism;
}

int kernel_object_from_fd(KernelObject *object, int *fd, const Record *options, Error *error) {
        int r;

        if (!object->mechanism->from_fd)
                return -EMEDIUMTYPE;
        r = object->mechanism->from_fd(object, *fd, options, error);
        if (r >= 0)
                *fd = -EBADF;
        return r;
}

void kernel_object_done(KernelObject *object) {
        if (object->mechanism && object->mechanism->close)
                object->mechanism->close(object);
        for (size_t i = 0; i < KERNEL_OBJECT_FDS_MAX; i++)
                fd_close(object->fds[i]);
        fd_close(object->channel);
        address_done(&object->address);
        *object = (KernelObject)KERNEL_OBJECT_EMPTY;
}

int kernel_object_verify(const KernelObject *object, Error *error) {
        char identity[IDENTITY_MAX];
        CLEANUP_FREE char *text = NULL;
        int r;

        /* What has no name is proven by its descriptor; a process has its number, which may be another's by now. */
        if (!object->mechanism->identify || (object->unnamed && object->address.form != ADDRESS_NUMBER))
                return 0;
        r = object->mechanism->identify(&object->address, identity, error);
        if (r == -ENOENT)
                return -ESTALE;
        if (r < 0)
                return r;
        if (strcmp(identity, object->identity) == 0)
                return 0;
        text = address_print(&object->address);
        error_set(error, ERROR_NO_SUCH_OBJECT,
                "What stands at %.200s now is another object (%s) than the one that was opened (%s); it is left "
                "alone.",
                text ? text : "the address", identity, object->identity);
        return -ESTALE;
}
