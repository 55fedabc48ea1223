/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process behind a connection of ours: it holds the name, tells the service of every message that arrives, and
 * answers calls at once, as nobody knows when the message will be received. What is told and not taken yet is bounded:
 * the caller of one more gets LimitsExceeded. Ends when the service closes the channel or the name is lost. */
#include "dbus.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "channel.h"
#include "dbus-bus.h"
#include "dbus-message.h"
#include "units.h"
#include "worker-protocol.h"

enum {
        DYING_LOOKS = 30, /* at an owner of the name that is about to go */
        DYING_LOOK_USEC = 10 * 1000,
};

typedef enum Answer {
        ANSWER_EMPTY,
        ANSWER_ECHO,
        ANSWER_NONE,
} Answer;

typedef struct Keeper {
        sd_bus *bus;
        int channel;
        BusPlace place; /* without a name for a connection that has only its own */
        Answer answer;
        uint64_t messages, bytes; /* told and not taken */
        uint64_t dropped;         /* and nobody was told of it, since the last message that was kept */
        bool lost;                /* the name is another's, and we do not wait for it */
        BusOwner sender;          /* the last one that was asked about */
        int failed;
} Keeper;

static int answer_from_options(const Record *options, Answer *ret, Error *error) {
        static const char *const names[] = {
                [ANSWER_EMPTY] = "empty",
                [ANSWER_ECHO] = "echo",
                [ANSWER_NONE] = "none",
        };
        const char *name = record_get_string(options, "reply", names[ANSWER_EMPTY]);

        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
                if (strcmp(name, names[i]) == 0) {
                        *ret = (Answer)i;
                        return 0;
                }
        return error_set(error, ERROR_INVALID_OPTION,
                "\"%.40s\" is no answer to calls; there are empty, echo (what came goes back) and none.", name);
}

/* A keeper whose object was removed a moment ago, or a process that was killed, gives the name up by itself. */
static bool owner_is_dying(const BusOwner *owner) {
        return owner->pid > 0 && (owner->command[0] == '\0' || strcmp(owner->command, "ipcbus-worker") == 0);
}

static int request_name(Keeper *keeper, const Record *options, Error *error) {
        const struct timespec pause = { .tv_nsec = DYING_LOOK_USEC * (long)NSEC_PER_USEC };
        uint64_t flags = (record_get_bool(options, "queue", false) ? SD_BUS_NAME_QUEUE : 0) |
                         (record_get_bool(options, "replace", false) ? SD_BUS_NAME_REPLACE_EXISTING : 0) |
                         (record_get_bool(options, "allow-replacement", false) ? SD_BUS_NAME_ALLOW_REPLACEMENT : 0);
        char text[BUS_ADDRESS_MAX], by[128] = "";
        BusOwner owner = { "" };
        int r;

        for (unsigned i = 0;; i++) {
                r = sd_bus_request_name(keeper->bus, keeper->place.name, flags);
                if (r != -EEXIST)
                        break;
                if (bus_owner(keeper->bus, keeper->place.name, &owner) > 0 &&
                        (i >= DYING_LOOKS || !owner_is_dying(&owner)))
                        break;
                (void)nanosleep(&pause, NULL);
        }
        if (r == -EEXIST)
                return error_set(error, ERROR_EXISTS,
                        "%.100s is taken on %.100s%s. With queue=true the name is waited for; replace=true takes it "
                        "from an owner that allows that.",
                        keeper->place.name, bus_text(keeper->place.bus, text), bus_owner_text(&owner, by));
        if (r == -EACCES || r == -EPERM)
                return error_set(error, ERROR_NOT_PERMITTED,
                        "The configuration of %.100s does not let this user have the name %.100s.",
                        bus_text(keeper->place.bus, text), keeper->place.name);
        return r < 0 ? error_set_errno(error, r, "The name %.100s cannot be had", keeper->place.name) : r;
}

static int on_any(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return 0; /* the filter has seen it */
}

/* Rules are separated by semicolons. */
static int add_matches(Keeper *keeper, const char *rules, Error *error) {
        char rule[BUS_ADDRESS_MAX];

        while (*rules) {
                size_t length = strcspn(rules, ";");
                int r;

                if (length >= sizeof(rule))
                        return error_set(
                                error, ERROR_INVALID_OPTION, "A match rule has at most %zu bytes.", sizeof(rule) - 1);
                (void)snprintf(rule, sizeof(rule), "%.*s", (int)length, rules);
                r = length == 0 ? 0 : sd_bus_add_match(keeper->bus, NULL, rule, on_any, NULL);
                if (r < 0)
                        return error_set(error, ERROR_INVALID_OPTION,
                                "\"%.200s\" is no match rule: %s; one looks like "
                                "type='signal',sender='org.example.X'.",
                                rule, strerror(-r));
                rules += length + (rules[length] == ';');
        }
        return 0;
}

static int tell_ready(Keeper *keeper, bool owned) {
        CLEANUP(record_freep) Record *record = NULL;
        const char *unique;
        sd_id128_t id;
        int r;

        r = sd_bus_get_unique_name(keeper->bus, &unique);
        if (r >= 0)
                r = record_new(&record);
        if (r < 0)
                return r;
        record_set_string(record, WORKER_TYPE, WORKER_TYPE_READY);
        record_set_bool(record, "ready", true);
        record_set_string(record, "unique", unique);
        record_set_bool(record, "owned", owned);
        record_set_u64(record, "pid", (uint64_t)getpid());
        if (sd_bus_get_bus_id(keeper->bus, &id) >= 0)
                record_set_format(record, "bus-id", SD_ID128_FORMAT_STR, SD_ID128_FORMAT_VAL(id));
        return channel_send(keeper->channel, record);
}

static void tell_owned(Keeper *keeper, bool owned) {
        CLEANUP(record_freep) Record *record = NULL;

        if (record_new(&record) < 0)
                return;
        record_set_string(record, WORKER_TYPE, DBUS_RECORD_OWNED);
        record_set_bool(record, "owned", owned);
        keeper->failed = channel_send(keeper->channel, record);
}

static void add_sender(Keeper *keeper, const char *sender, Record *record) {
        if (!sender || strcmp(sender, BUS_DRIVER) == 0)
                return;
        if (strcmp(keeper->sender.unique, sender) != 0)
                (void)bus_owner(keeper->bus, sender, &keeper->sender);
        if (strcmp(keeper->sender.unique, sender) != 0)
                return; /* gone already */
        if (keeper->sender.pid > 0)
                record_set_u64(record, "pid", (uint64_t)keeper->sender.pid);
        if (keeper->sender.uid != (uid_t)-1)
                record_set_u64(record, "uid", keeper->sender.uid);
        if (keeper->sender.command[0])
                record_set_string(record, "command", keeper->sender.command);
}

static int message_record_new(Keeper *keeper, sd_bus_message *message, const void *data, size_t size, Record **ret) {
        CLEANUP(record_freep) Record *record = NULL;
        Record *meta;
        int r;

        r = record_new(&record);
        if (r >= 0)
                r = record_new(&meta);
        if (r < 0)
                return r;
        bus_message_describe(message, meta);
        add_sender(keeper, sd_bus_message_get_sender(message), meta);
        if (keeper->dropped > 0)
                record_set_u64(meta, "lost", keeper->dropped);
        record_set_string(record, WORKER_TYPE, DBUS_RECORD_MESSAGE);
        record_set_bytes(record, "data", data, size);
        record_append_record(record, "meta", meta);
        r = record_error(record);
        if (r >= 0)
                *ret = TAKE_POINTER(record);
        return r;
}

/* 0, -EMSGSIZE for one that is too long, -ENOBUFS for one too many, or why it cannot be told. */
static int tell_message(Keeper *keeper, sd_bus_message *message) {
        CLEANUP(record_freep) Record *record = NULL;
        CLEANUP_FREE void *data = NULL;
        size_t size, room;
        int r;

        r = bus_body_read(message, &data, &size);
        if (r < 0)
                return r;
        if (size > DBUS_MESSAGE_MAX)
                return -EMSGSIZE;
        room = dbus_message_room(size, sd_bus_message_get_path(message));
        if (keeper->messages >= RECORD_QUEUE_MAX || keeper->bytes + room > DBUS_MAILBOX_MAX)
                return -ENOBUFS;
        r = message_record_new(keeper, message, data, size, &record);
        if (r >= 0)
                r = channel_send(keeper->channel, record);
        if (r == -EPIPE)
                keeper->failed = r;
        if (r >= 0) {
                keeper->messages++;
                keeper->bytes += room;
                keeper->dropped = 0;
        }
        return r;
}

static int answer_call(Keeper *keeper, sd_bus_message *call, int kept) {
        CLEANUP_BUS_MESSAGE sd_bus_message *reply = NULL;
        char limit[UNITS_TEXT_MAX];
        int r;

        if (kept == -EMSGSIZE)
                return sd_bus_reply_method_errorf(call, SD_BUS_ERROR_LIMITS_EXCEEDED,
                        "This mailbox takes messages of up to %s.", size_print(DBUS_MESSAGE_MAX, limit));
        if (kept == -ENOBUFS)
                return sd_bus_reply_method_errorf(call, SD_BUS_ERROR_LIMITS_EXCEEDED,
                        "This mailbox is full: %u messages of %s in all, and nobody has received them.",
                        (unsigned)keeper->messages, size_print(keeper->bytes, limit));
        if (kept < 0)
                return sd_bus_reply_method_errorf(
                        call, SD_BUS_ERROR_FAILED, "The message could not be kept: %s.", strerror(-kept));
        if (keeper->answer == ANSWER_NONE)
                return 0;
        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0 && keeper->answer == ANSWER_ECHO) {
                r = sd_bus_message_rewind(call, true);
                if (r >= 0)
                        r = sd_bus_message_copy(reply, call, true);
        }
        return r < 0 ? r : sd_bus_send(keeper->bus, reply, NULL);
}

/* What the bus itself tells us. */
static void take_driver_signal(Keeper *keeper, sd_bus_message *message) {
        bool lost = sd_bus_message_is_signal(message, BUS_DRIVER_INTERFACE, "NameLost") > 0;
        const char *name;

        if (!lost && sd_bus_message_is_signal(message, BUS_DRIVER_INTERFACE, "NameAcquired") <= 0)
                return;
        if (sd_bus_message_read(message, "s", &name) < 0 || strcmp(name, keeper->place.name) != 0)
                return;
        tell_owned(keeper, !lost);
        keeper->lost = lost;
}

/* For tools that look at whoever is on a bus. */
static int answer_introspection(sd_bus_message *call) {
        return sd_bus_reply_method_return(call, "s",
                "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n"
                "\"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n"
                "<!-- A mailbox of ipcbus: a call of any member on any path is kept until somebody receives it. -->\n"
                "<node><interface name=\"" DBUS_INTERFACE "\"><method name=\"" DBUS_MEMBER
                "\"/></interface></node>\n");
}

static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const char *interface = sd_bus_message_get_interface(message), *sender = sd_bus_message_get_sender(message);
        Keeper *keeper = userdata;
        uint8_t type = 0;
        int kept;

        (void)sd_bus_message_get_type(message, &type);
        if (type != SD_BUS_MESSAGE_METHOD_CALL && type != SD_BUS_MESSAGE_SIGNAL)
                return 0;
        /* sd-bus itself says so that the bus is gone; serve() tells why. */
        if (interface && strcmp(interface, "org.freedesktop.DBus.Local") == 0)
                return 0;
        if (type == SD_BUS_MESSAGE_SIGNAL && sender && strcmp(sender, BUS_DRIVER) == 0 &&
                sd_bus_message_get_destination(message)) {
                take_driver_signal(keeper, message);
                return 0;
        }
        if (sd_bus_message_is_method_call(message, "org.freedesktop.DBus.Introspectable", "Introspect") > 0)
                return answer_introspection(message) < 0 ? 0 : 1;
        /* Peer is answered by sd-bus, and there are no properties. */
        if (interface && type == SD_BUS_MESSAGE_METHOD_CALL && strncmp(interface, "org.freedesktop.DBus.", 21) == 0)
                return 0;
        kept = tell_message(keeper, message);
        if (type == SD_BUS_MESSAGE_METHOD_CALL && sd_bus_message_get_expect_reply(message) > 0)
                (void)answer_call(keeper, message, kept);
        else if (kept < 0)
                keeper->dropped++;
        return 1;
}

/* 0, or -EPIPE when the service has closed the channel. */
static int take_request(Keeper *keeper) {
        CLEANUP(record_freep) Record *request = NULL;
        const char *type;
        uint64_t messages, bytes;
        int r;

        r = channel_receive(keeper->channel, USEC_INFINITY, &request);
        if (r < 0)
                return r;
        type = record_get_string(request, WORKER_TYPE, "");
        if (strcmp(type, DBUS_RECORD_EMIT) == 0)
                return bus_emit(keeper->bus, request);
        if (strcmp(type, DBUS_RECORD_TAKEN) != 0)
                return -EPROTO;
        messages = record_get_u64(request, "messages", 0);
        bytes = record_get_u64(request, "bytes", 0);
        keeper->messages -= messages < keeper->messages ? messages : keeper->messages;
        keeper->bytes -= bytes < keeper->bytes ? bytes : keeper->bytes;
        return 0;
}

static int poll_both(Keeper *keeper) {
        struct pollfd fds[] = { { .fd = keeper->channel, .events = POLLIN }, { .fd = sd_bus_get_fd(keeper->bus) } };
        int r = sd_bus_get_events(keeper->bus);

        if (r < 0)
                return r;
        fds[1].events = (short)r;
        if (poll(fds, 2, -1) < 0)
                return errno == EINTR ? 0 : -errno;
        return fds[0].revents != 0 ? take_request(keeper) : 0;
}

static int lost_name(Keeper *keeper, Error *error) {
        char text[BUS_ADDRESS_MAX], by[128] = "";
        BusOwner owner;

        if (bus_owner(keeper->bus, keeper->place.name, &owner) > 0)
                (void)bus_owner_text(&owner, by);
        return error_set(error, ERROR_NO_SUCH_OBJECT, "The name %.100s on %.100s was taken over%s.",
                keeper->place.name, bus_text(keeper->place.bus, text), by);
}

static int serve(Keeper *keeper, bool queue, Error *error) {
        char text[BUS_ADDRESS_MAX];
        int r = 0;

        while (r >= 0) {
                do
                        r = sd_bus_process(keeper->bus, NULL);
                while (r > 0);
                if (r < 0)
                        break;
                if (keeper->failed < 0)
                        return keeper->failed;
                if (keeper->lost && !queue)
                        return lost_name(keeper, error);
                r = poll_both(keeper);
                /* Of the channel: the service has closed it. */
                if (r == -EPIPE || r == -EPROTO)
                        return r;
        }
        return error_set(error, ERROR_PEER_GONE, "The connection to %.100s has ended: %s.",
                bus_text(keeper->place.bus, text), strerror(-r));
}

static int keeper_open(Keeper *keeper, const Record *options, Error *error) {
        const char *name = record_get_string(options, "name", NULL);
        int r;

        r = answer_from_options(options, &keeper->answer, error);
        if (r >= 0)
                r = bus_place_make(name ? name : "org.ipcbus1.Nameless", options, &keeper->place, error);
        if (r >= 0 && name && bus_name_unique(name))
                return error_set(error, ERROR_INVALID_OPTION,
                        "The bus itself gives unique names as %.40s; leave the name out to get a connection with one.",
                        name);
        if (r >= 0 && name && strcmp(name, BUS_DRIVER) == 0)
                return error_set(error, ERROR_INVALID_OPTION, "The name " BUS_DRIVER " is the bus itself.");
        if (r >= 0)
                r = bus_join(keeper->place.bus, &keeper->bus, error);
        if (r < 0)
                return r;
        r = sd_bus_add_filter(keeper->bus, NULL, on_message, keeper);
        if (r < 0)
                return error_set_errno(error, r, "The messages cannot be kept");
        return add_matches(keeper, record_get_string(options, "match", ""), error);
}

int dbus_keep(const Record *options, int channel, Error *error) {
        Keeper keeper = { .channel = channel };
        int r;

        r = keeper_open(&keeper, options, error);
        if (r >= 0) {
                r = 1;
                if (record_has(options, "name"))
                        r = request_name(&keeper, options, error);
        }
        if (r >= 0)
                r = tell_ready(&keeper, r > 0);
        if (r >= 0)
                r = serve(&keeper, record_get_bool(options, "queue", false), error);
        keeper.bus = sd_bus_close_unref(keeper.bus);
        /* Without a word it is the channel, which the service has closed. */
        return r == -EPIPE && !error_is_set(error) ? 0 : r;
}
