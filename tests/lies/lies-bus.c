/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lies.h"

/* What libsystemd promises of a bus. */
#include <stdarg.h>
#include <systemd/sd-bus.h>

CALL_RETURNS(BUS_CALL, sd_bus_call, -EIO,
        (sd_bus * bus, sd_bus_message *message, uint64_t usec, sd_bus_error *error, sd_bus_message **ret),
        (bus, message, usec, error, ret))
CALL_RETURNS(BUS_SEND, sd_bus_send, -EIO, (sd_bus * bus, sd_bus_message *message, uint64_t *ret_cookie),
        (bus, message, ret_cookie))
CALL_RETURNS(BUS_PROCESS, sd_bus_process, -EIO, (sd_bus * bus, sd_bus_message **ret), (bus, ret))
CALL_RETURNS(BUS_REQUEST_NAME, sd_bus_request_name, -EIO, (sd_bus * bus, const char *name, uint64_t flags),
        (bus, name, flags))
CALL_RETURNS(BUS_RELEASE_NAME, sd_bus_release_name, -EIO, (sd_bus * bus, const char *name), (bus, name))
CALL_RETURNS(BUS_START, sd_bus_start, -EIO, (sd_bus * bus), (bus))
CALL_RETURNS(BUS_FLUSH, sd_bus_flush, -EIO, (sd_bus * bus), (bus))
CALL_RETURNS(BUS_ADD_MATCH, sd_bus_add_match, -EIO,
        (sd_bus * bus, sd_bus_slot **slot, const char *match, sd_bus_message_handler_t callback, void *userdata),
        (bus, slot, match, callback, userdata))
CALL_RETURNS(BUS_APPEND_BASIC, sd_bus_message_append_basic, -EIO,
        (sd_bus_message * message, char type, const void *value), (message, type, value))
CALL_RETURNS(BUS_APPEND_ARRAY, sd_bus_message_append_array, -EIO,
        (sd_bus_message * message, char type, const void *data, size_t size), (message, type, data, size))
CALL_RETURNS(BUS_READ_BASIC, sd_bus_message_read_basic, -EIO, (sd_bus_message * message, char type, void *ret),
        (message, type, ret))
CALL_RETURNS(BUS_READ_ARRAY, sd_bus_message_read_array, -EIO,
        (sd_bus_message * message, char type, const void **ret, size_t *ret_size), (message, type, ret, ret_size))
CALL_RETURNS(BUS_UNIQUE_NAME, sd_bus_get_unique_name, -EIO, (sd_bus * bus, const char **ret), (bus, ret))

/* These say yes or no. */
int sd_bus_error_has_name(const sd_bus_error *error, const char *name) {
        if (TELLS(BUS_ERROR_HAS_NAME_NOTHING))
                return 0;
        return REAL(sd_bus_error_has_name)(error, name);
}

int sd_bus_message_is_method_error(sd_bus_message *message, const char *name) {
        if (TELLS(BUS_MESSAGE_IS_ERROR_NOTHING))
                return 0;
        return REAL(sd_bus_message_is_method_error)(message, name);
}

#define TO_LIST(last, call)                \
        ({                                 \
                va_list arguments;         \
                int v_;                    \
                va_start(arguments, last); \
                v_ = call;                 \
                va_end(arguments);         \
                v_;                        \
        })

int sd_bus_message_append(sd_bus_message *message, const char *types, ...) {
        BEGIN_RETURNS(BUS_APPEND, -EIO);
        return END_RETURNS(BUS_APPEND, -EIO, TO_LIST(types, sd_bus_message_appendv(message, types, arguments)));
}

int sd_bus_message_read(sd_bus_message *message, const char *types, ...) {
        BEGIN_RETURNS(BUS_READ, -EIO);
        return END_RETURNS(BUS_READ, -EIO, TO_LIST(types, sd_bus_message_readv(message, types, arguments)));
}

int sd_bus_call_method(sd_bus *bus, const char *destination, const char *path, const char *interface,
        const char *member, sd_bus_error *error, sd_bus_message **ret, const char *types, ...) {
        BEGIN_RETURNS(BUS_CALL_METHOD, -EIO);
        return END_RETURNS(BUS_CALL_METHOD, -EIO,
                TO_LIST(types,
                        sd_bus_call_methodv(bus, destination, path, interface, member, error, ret, types, arguments)));
}

int sd_bus_emit_signal(
        sd_bus *bus, const char *path, const char *interface, const char *member, const char *types, ...) {
        BEGIN_RETURNS(BUS_EMIT_SIGNAL, -EIO);
        return END_RETURNS(BUS_EMIT_SIGNAL, -EIO,
                TO_LIST(types, sd_bus_emit_signalv(bus, path, interface, member, types, arguments)));
}

int sd_bus_reply_method_return(sd_bus_message *call, const char *types, ...) {
        BEGIN_RETURNS(BUS_REPLY, -EIO);
        return END_RETURNS(BUS_REPLY, -EIO, TO_LIST(types, sd_bus_reply_method_returnv(call, types, arguments)));
}

int sd_bus_reply_method_errorf(sd_bus_message *call, const char *name, const char *format, ...) {
        BEGIN_RETURNS(BUS_REPLY_ERROR, -EIO);
        return END_RETURNS(
                BUS_REPLY_ERROR, -EIO, TO_LIST(format, sd_bus_reply_method_errorfv(call, name, format, arguments)));
}
