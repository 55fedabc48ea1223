/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Using a name as any other program would: a call, a signal, a match. Each runs in a worker with a connection of its
 * own, which is gone afterwards. */
#include "dbus.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "dbus-bus.h"
#include "dbus-message.h"
#include "passed-fds.h"
#include "spin.h"
#include "units.h"

/* As sd-bus, GDBus and dbus-send wait for an answer where nobody says how long. */
#define CALL_PATIENCE_USEC (UINT64_C(25) * USEC_PER_SEC)

enum { MATCH_RULE_MAX = 3 * BUS_NAME_MAX + BUS_ADDRESS_MAX + 128 };

typedef struct Message {
        const char *path, *interface, *member, *signature, *arguments;
} Message;

static int message_read_options(const BusPlace *place, const Record *options, Message *ret, Error *error) {
        Message message = {
                .path = place && place->path[0] ? place->path : record_get_string(options, "path", "/"),
                .interface = record_get_string(options, "interface", DBUS_INTERFACE),
                .member = record_get_string(options, "member", DBUS_MEMBER),
                .signature = record_get_string(options, "signature", NULL),
                .arguments = record_get_string(options, "args", NULL),
        };

        if (!bus_path_valid(message.path))
                return error_set(error, ERROR_INVALID_OPTION,
                        "\"%.100s\" is no object path; one looks like /org/example/thing.", message.path);
        if (!bus_interface_valid(message.interface))
                return error_set(error, ERROR_INVALID_OPTION,
                        "\"%.100s\" is no interface; one looks like org.example.Thing.", message.interface);
        if (!bus_member_valid(message.member))
                return error_set(error, ERROR_INVALID_OPTION,
                        "\"%.100s\" is no member; one looks like GetThing, with letters, digits and _ only.",
                        message.member);
        *ret = message;
        return 0;
}

int dbus_wants_signal(const Record *options, bool fallback, bool *ret, Error *error) {
        const char *type = record_get_string(options, "type", fallback ? "signal" : "call");
        bool is_signal = strcmp(type, "signal") == 0;

        if (!is_signal && strcmp(type, "call") != 0)
                return error_set(error, ERROR_INVALID_OPTION,
                        "\"%.40s\" is no type of message that can be asked for; there are call and signal.", type);
        *ret = is_signal;
        return 0;
}

/* Data is text of the signature where there is one, else one value; or the option args says it. */
static int message_append(sd_bus_message *message, const Message *wanted, const void *data, size_t size,
        const PassedFds *given, Error *error) {
        char *text;
        int r;

        if (given && given->n > 0 && (!wanted->signature || !strpbrk(wanted->signature, "hv")))
                return error_set(error, ERROR_INVALID_OPTION,
                        "Descriptors go along only where the signature has an h for each, whose value is its number: "
                        "signature=h, and 0 as the value.");
        if (size > 0 && wanted->arguments)
                return error_set(error, ERROR_INVALID_OPTION,
                        "Values are given twice, as data and with the option args; say them once.");
        if (!wanted->signature && wanted->arguments)
                return bus_append_bytes(message, wanted->arguments, strlen(wanted->arguments), error);
        if (!wanted->signature)
                return bus_append_bytes(message, data, size, error);
        if (wanted->arguments)
                return bus_append_text(message, wanted->signature, wanted->arguments, given, error);
        text = malloc(size + 1);
        if (!text)
                return error_set_errno(error, ENOMEM, "The message cannot be made");
        if (size > 0)
                memcpy(text, data, size);
        text[size] = '\0';
        if (strlen(text) != size)
                r = error_set(error, ERROR_INVALID_OPTION, "Values for a signature are text, without zero bytes.");
        else
                r = bus_append_text(message, wanted->signature, text, given, error);
        free(text);
        return r;
}

/* A call or signal to the name, from a connection of this process. */
static int message_new(sd_bus *bus, const BusPlace *place, bool is_signal, const Record *options, const void *data,
        size_t size, const PassedFds *given, sd_bus_message **ret, Error *error) {
        CLEANUP_BUS_MESSAGE sd_bus_message *message = NULL;
        Message wanted;
        int r;

        r = message_read_options(place, options, &wanted, error);
        if (r < 0)
                return r;
        if (is_signal) {
                r = sd_bus_message_new_signal(bus, &message, wanted.path, wanted.interface, wanted.member);
                if (r >= 0)
                        r = sd_bus_message_set_destination(message, place->name);
        } else
                r = sd_bus_message_new_method_call(
                        bus, &message, place->name, wanted.path, wanted.interface, wanted.member);
        if (r >= 0)
                r = sd_bus_message_set_auto_start(message, record_get_bool(options, "activate", false));
        if (r < 0)
                return error_set_errno(error, r, "The message cannot be made");
        r = message_append(message, &wanted, data, size, given, error);
        if (r >= 0)
                *ret = TAKE_POINTER(message);
        return r;
}

static int call_failed(sd_bus *bus, const BusPlace *place, int number, const sd_bus_error *said, const Message *wanted,
        Error *error) {
        char text[BUS_ADDRESS_MAX];

        if (number == -E2BIG || number == -EMSGSIZE)
                return error_set(error, ERROR_LIMIT_EXCEEDED, "The message is larger than a bus carries.");
        if (sd_bus_error_has_name(said, SD_BUS_ERROR_NAME_HAS_NO_OWNER) ||
                sd_bus_error_has_name(said, SD_BUS_ERROR_SERVICE_UNKNOWN)) {
                if (bus_activatable(bus, place->name))
                        return error_set(error, ERROR_NO_SUCH_OBJECT,
                                "Nobody has the name %.100s on %.100s now; the bus can start somebody for it: say "
                                "activate=true.",
                                place->name, bus_text(place->bus, text));
                return error_set(error, ERROR_NO_SUCH_OBJECT, "Nobody has the name %.100s on %.100s (%.100s).",
                        place->name, bus_text(place->bus, text), said->name);
        }
        return bus_error(error, number, said, "%.100s of %.100s", wanted->member, place->name);
}

static int call_name(sd_bus *bus, const BusPlace *place, sd_bus_message *call, uint64_t timeout, const Record *options,
        sd_bus_message **ret_reply, Error *error) {
        CLEANUP_BUS_ERROR sd_bus_error said = SD_BUS_ERROR_NULL;
        Message wanted;
        int r;

        r = message_read_options(place, options, &wanted, error);
        if (r < 0)
                return r;
        r = sd_bus_call(bus, call, timeout > 0 ? timeout : CALL_PATIENCE_USEC, &said, ret_reply);
        return r < 0 ? call_failed(bus, place, r, &said, &wanted, error) : 0;
}

int dbus_client_send(
        KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error) {
        CLEANUP_BUS sd_bus *bus = NULL;
        CLEANUP_BUS_MESSAGE sd_bus_message *message = NULL, *reply = NULL;
        const DbusState *state = object->state;
        bool is_signal;
        int r;

        r = dbus_wants_signal(options, false, &is_signal, error);
        if (r >= 0)
                r = bus_join(state->place.bus, &bus, error);
        if (r >= 0)
                r = message_new(bus, &state->place, is_signal, options, data, size, object->given, &message, error);
        if (r < 0)
                return r;
        if (!is_signal && !record_get_bool(options, "noreply", false))
                r = call_name(bus, &state->place, message, object->timeout, options, &reply, error);
        else {
                r = is_signal ? 0 : sd_bus_message_set_expect_reply(message, false);
                if (r >= 0)
                        r = sd_bus_send(bus, message, NULL);
                if (r >= 0)
                        r = sd_bus_flush(bus);
                if (r < 0)
                        return error_set_errno(error, r, "The message to %.100s cannot be sent", state->place.name);
        }
        if (r >= 0)
                *ret_sent = size;
        return r;
}

/* Descriptors among the values go where they are wanted. */
static int hand_out_descriptors(sd_bus_message *message, PassedFds *wanted) {
        const char *contents;
        char type;
        int r, fd;

        if (!wanted || !strchr(sd_bus_message_get_signature(message, true), 'h'))
                return 0;
        r = sd_bus_message_rewind(message, true);
        while (r >= 0 && (r = sd_bus_message_peek_type(message, &type, &contents)) > 0) {
                if (type != SD_BUS_TYPE_UNIX_FD) {
                        r = sd_bus_message_skip(message, NULL);
                        continue;
                }
                r = sd_bus_message_read_basic(message, 'h', &fd);
                if (r >= 0 && wanted->n < PASSED_FDS_MAX) {
                        wanted->fds[wanted->n] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
                        if (wanted->fds[wanted->n] < 0)
                                return -errno;
                        wanted->n++;
                }
        }
        return r;
}

/* What a receive gives of a message. `line`: all of it in one line, for people who follow. */
static int message_take(sd_bus_message *message, const Record *options, PassedFds *wanted, void **ret_data,
        size_t *ret_size, Record *meta) {
        const char *format = record_get_string(options, "format", "body");
        uint64_t most = record_get_u64(options, "size", UINT64_MAX);
        void *data;
        size_t size;
        int r;

        bus_message_describe(message, meta);
        r = hand_out_descriptors(message, wanted);
        if (r >= 0)
                r = strcmp(format, "line") == 0 ? bus_message_line(message, &data, &size)
                                                : bus_body_read(message, &data, &size);
        if (r < 0)
                return r;
        if (size > most) {
                size = (size_t)most;
                record_set_bool(meta, "truncated", true);
        }
        *ret_data = data;
        *ret_size = size;
        return 0;
}

/* The call's answer is what is received. */
static int receive_reply(
        sd_bus *bus, const KernelObject *object, const Record *options, sd_bus_message **ret_reply, Error *error) {
        CLEANUP_BUS_MESSAGE sd_bus_message *call = NULL;
        const DbusState *state = object->state;
        int r;

        r = message_new(bus, &state->place, false, options, NULL, 0, NULL, &call, error);
        return r < 0 ? r : call_name(bus, &state->place, call, object->timeout, options, ret_reply, error);
}

static int on_match(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        sd_bus_message **first = userdata;

        if (!*first)
                *first = sd_bus_message_ref(message);
        return 0;
}

/* Values of a rule stand in single quotes; names, paths and members hold none. All are bounded by now, or here, and
 * fit MATCH_RULE_MAX. */
static int match_rule(const BusPlace *place, const Record *options, char ret[MATCH_RULE_MAX], Error *error) {
        static const char *const keys[] = { "interface", "member" };
        const char *path = place->path[0] ? place->path : record_get_string(options, "path", "");
        Message checked;
        int n, r;

        r = message_read_options(place, options, &checked, error);
        if (r < 0)
                return r;
        if (strlen(path) >= BUS_ADDRESS_MAX)
                return error_set(error, ERROR_INVALID_OPTION,
                        "The path of signals to be received has at most %d bytes; this one has %zu.",
                        BUS_ADDRESS_MAX - 1, strlen(path));
        n = snprintf(ret, MATCH_RULE_MAX, "type='signal',sender='%s'", place->name);
        if (path[0])
                n += snprintf(ret + n, MATCH_RULE_MAX - (size_t)n, ",path='%s'", path);
        for (size_t i = 0; i < 2; i++) {
                const char *value = record_get_string(options, keys[i], NULL);

                if (value)
                        n += snprintf(ret + n, MATCH_RULE_MAX - (size_t)n, ",%s='%s'", keys[i], value);
        }
        return 0;
}

static int receive_signal(
        sd_bus *bus, const KernelObject *object, const Record *options, sd_bus_message **ret, Error *error) {
        char rule[MATCH_RULE_MAX], text[UNITS_TEXT_MAX];
        uint64_t timeout = object->timeout, end = monotonic_end(timeout), now;
        CLEANUP_BUS_MESSAGE sd_bus_message *first = NULL;
        const DbusState *state = object->state;
        int r;

        r = match_rule(&state->place, options, rule, error);
        if (r < 0)
                return r;
        r = sd_bus_add_match(bus, NULL, rule, on_match, &first);
        while (r >= 0 && !first) {
                r = sd_bus_process(bus, NULL);
                if (r != 0 || first)
                        continue;
                now = monotonic_now();
                if (now >= end)
                        return error_set(error, ERROR_TIMED_OUT, "No such signal of %.100s came within %s.",
                                state->place.name, time_print(timeout, text));
                r = sd_bus_wait(bus, end == UINT64_MAX ? UINT64_MAX : end - now);
                if (r == -EINTR)
                        r = 0;
        }
        if (r < 0)
                return error_set_errno(error, r, "Signals of %.100s cannot be waited for", state->place.name);
        *ret = TAKE_POINTER(first);
        return 0;
}

int dbus_client_receive(
        KernelObject *object, const Record *options, void **ret_data, size_t *ret_size, Record *meta, Error *error) {
        CLEANUP_BUS sd_bus *bus = NULL;
        CLEANUP_BUS_MESSAGE sd_bus_message *message = NULL;
        const DbusState *state = object->state;
        bool is_signal;
        int r;

        r = dbus_wants_signal(options, true, &is_signal, error);
        if (r >= 0)
                r = bus_join(state->place.bus, &bus, error);
        if (r >= 0)
                r = is_signal ? receive_signal(bus, object, options, &message, error)
                              : receive_reply(bus, object, options, &message, error);
        if (r < 0)
                return r;
        r = message_take(message, options, object->wanted, ret_data, ret_size, meta);
        return r < 0 ? error_set_errno(error, r, "The message cannot be read") : 0;
}

/* Made on a connection that is never used: what is wrong with it is known before the keeper is asked. */
int dbus_emit_fill(const Record *options, const void *data, size_t size, Record *ret, Error *error) {
        CLEANUP_BUS sd_bus *bus = NULL;
        CLEANUP_BUS_MESSAGE sd_bus_message *message = NULL;
        int fds[2] = { -EBADF, -EBADF }, r;
        Message wanted;

        r = message_read_options(NULL, options, &wanted, error);
        if (r < 0)
                return r;
        r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0 ? -errno : 0;
        if (r >= 0)
                r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_fd(bus, fds[0], fds[0]);
        if (r >= 0)
                fds[0] = -EBADF; /* the bus closes it */
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r >= 0)
                r = sd_bus_message_new_signal(bus, &message, wanted.path, wanted.interface, wanted.member);
        if (r < 0)
                r = error_set_errno(error, r, "The signal cannot be made");
        else
                r = message_append(message, &wanted, data, size, NULL, error);
        fd_close(fds[0]);
        fd_close(fds[1]);
        if (r < 0)
                return r;
        record_set_string(ret, "path", wanted.path);
        record_set_string(ret, "interface", wanted.interface);
        record_set_string(ret, "member", wanted.member);
        record_set_string(ret, "signature", wanted.signature);
        record_set_string(ret, "args", wanted.arguments);
        record_set_string(ret, "destination", record_get_string(options, "destination", NULL));
        record_set_bytes(ret, "data", data, size);
        return record_error(ret) < 0 ? error_set_errno(error, record_error(ret), "The signal cannot be made") : 0;
}

int bus_emit(sd_bus *bus, const Record *request) {
        CLEANUP_BUS_MESSAGE sd_bus_message *message = NULL;
        const char *destination = record_get_string(request, "destination", NULL);
        const void *data;
        Message wanted;
        size_t size;
        int r;

        r = message_read_options(NULL, request, &wanted, NULL);
        if (r >= 0)
                r = sd_bus_message_new_signal(bus, &message, wanted.path, wanted.interface, wanted.member);
        if (r >= 0 && destination)
                r = sd_bus_message_set_destination(message, destination);
        data = record_get_bytes(request, "data", &size);
        if (r >= 0)
                r = message_append(message, &wanted, data, size, NULL, NULL);
        return r < 0 ? r : sd_bus_send(bus, message, NULL);
}
