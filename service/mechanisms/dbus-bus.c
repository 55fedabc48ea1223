/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sd_bus_open_user() and its like would wait for up to 90 s for a bus that accepts and then says nothing, so the
 * handshake is driven here, with a bound. */
#include "dbus-bus.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dbus-address.h"
#include "spin.h"

static int wait_ready(sd_bus *bus) {
        uint64_t end = monotonic_end(BUS_PATIENCE_USEC), now;
        int r;

        while ((r = sd_bus_is_ready(bus)) == 0) {
                now = monotonic_now();
                if (now >= end)
                        return -ETIMEDOUT;
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, end - now);
                if (r < 0 && r != -EINTR)
                        return r;
        }
        return r;
}

int bus_connect_address(const char *address, sd_bus **ret) {
        CLEANUP_BUS sd_bus *bus = NULL;
        int r;

        r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_address(bus, address);
        if (r >= 0)
                r = sd_bus_set_bus_client(bus, true);
        if (r >= 0)
                r = sd_bus_negotiate_fds(bus, true);
        if (r >= 0)
                r = sd_bus_set_method_call_timeout(bus, BUS_PATIENCE_USEC);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r >= 0)
                r = wait_ready(bus);
        if (r < 0)
                return r;
        *ret = TAKE_POINTER(bus);
        return 0;
}

int bus_join(const char *bus, sd_bus **ret, Error *error) {
        char address[BUS_ADDRESS_MAX], text[BUS_ADDRESS_MAX];
        int r;

        r = bus_resolve(bus, address, error);
        if (r < 0)
                return r;
        r = bus_connect_address(address, ret);
        if (r == -ETIMEDOUT)
                return error_set(error, ERROR_TIMED_OUT,
                        "A connection was taken by %.100s, which then said nothing for 5 s.", bus_text(bus, text));
        if (r == -ENOENT || r == -ECONNREFUSED)
                return error_set(error, ERROR_NO_SUCH_OBJECT, "Nobody answers at %.200s: %s.", address, strerror(-r));
        if (r == -EPERM || r == -EACCES || r == -ECONNRESET || r == -EPIPE || r == -ENOTCONN)
                return error_set(error, ERROR_NOT_PERMITTED,
                        "This user (%u) is not let in by %.100s; it is another user's, perhaps (%s).",
                        (unsigned)geteuid(), bus_text(bus, text), strerror(-r));
        return r < 0 ? error_set_errno(error, r, "There is no connecting to %.100s", bus_text(bus, text)) : 0;
}

/* The names of errors that a caller can act on; the rest is told as it came. */
static ErrorCode code_of(const sd_bus_error *said, int number) {
        static const struct {
                const char *name;
                ErrorCode code;
        } codes[] = {
                { SD_BUS_ERROR_SERVICE_UNKNOWN, ERROR_NO_SUCH_OBJECT },
                { SD_BUS_ERROR_NAME_HAS_NO_OWNER, ERROR_NO_SUCH_OBJECT },
                { SD_BUS_ERROR_UNKNOWN_OBJECT, ERROR_NO_SUCH_OBJECT },
                { SD_BUS_ERROR_UNKNOWN_INTERFACE, ERROR_NOT_SUPPORTED },
                { SD_BUS_ERROR_UNKNOWN_METHOD, ERROR_NOT_SUPPORTED },
                { SD_BUS_ERROR_NOT_SUPPORTED, ERROR_NOT_SUPPORTED },
                { SD_BUS_ERROR_ACCESS_DENIED, ERROR_NOT_PERMITTED },
                { SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, ERROR_NOT_PERMITTED },
                { SD_BUS_ERROR_LIMITS_EXCEEDED, ERROR_LIMIT_EXCEEDED },
                { SD_BUS_ERROR_TIMEOUT, ERROR_TIMED_OUT },
                { SD_BUS_ERROR_DISCONNECTED, ERROR_PEER_GONE },
                { SD_BUS_ERROR_INVALID_ARGS, ERROR_INVALID_OPTION },
                { SD_BUS_ERROR_INVALID_SIGNATURE, ERROR_INVALID_OPTION },
        };

        for (size_t i = 0; said && said->name && i < sizeof(codes) / sizeof(*codes); i++)
                if (strcmp(said->name, codes[i].name) == 0)
                        return codes[i].code;
        /* What the bus says when the one who was asked is gone, and what sd-bus says when no answer came, have the
         * same name. */
        if (said && said->name && strcmp(said->name, SD_BUS_ERROR_NO_REPLY) == 0)
                return number == -ETIMEDOUT && said->message && strstr(said->message, "timed out") ? ERROR_TIMED_OUT
                                                                                                   : ERROR_PEER_GONE;
        return ERROR_FAILED;
}

int bus_error(Error *error, int number, const sd_bus_error *said, const char *format, ...) {
        char what[200];
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(what, sizeof(what), format, arguments);
        va_end(arguments);
        if (!said || !said->name)
                return error_set_errno(error, number, "%s", what);
        return error_set(error, code_of(said, number), "%s: %.180s (%.100s).", what,
                said->message && said->message[0] ? said->message : "it gave no reason", said->name);
}

int bus_driver_call(
        sd_bus *bus, const char *member, sd_bus_message **ret_reply, sd_bus_error *said, const char *types, ...) {
        CLEANUP_BUS_MESSAGE sd_bus_message *call = NULL;
        va_list arguments;
        int r;

        r = sd_bus_message_new_method_call(bus, &call, BUS_DRIVER, BUS_DRIVER_PATH, BUS_DRIVER_INTERFACE, member);
        if (r >= 0 && types && types[0]) {
                va_start(arguments, types);
                r = sd_bus_message_appendv(call, types, arguments);
                va_end(arguments);
        }
        return r < 0 ? r : sd_bus_call(bus, call, BUS_PATIENCE_USEC, said, ret_reply);
}

static int driver_number(sd_bus *bus, const char *member, const char *name, uint32_t *ret) {
        CLEANUP_BUS_MESSAGE sd_bus_message *reply = NULL;
        int r;

        r = bus_driver_call(bus, member, &reply, NULL, "s", name);
        return r < 0 ? r : sd_bus_message_read(reply, "u", ret);
}

static void read_command(pid_t pid, char *ret, size_t size) {
        CLEANUP_FD int fd = -EBADF;
        char path[64];
        ssize_t n;

        (void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd >= 0 ? read(fd, ret, size - 1) : 0;
        ret[n > 0 ? n : 0] = '\0';
        ret[strcspn(ret, "\n")] = '\0';
}

int bus_owner(sd_bus *bus, const char *name, BusOwner *ret) {
        CLEANUP_BUS_ERROR sd_bus_error said = SD_BUS_ERROR_NULL;
        CLEANUP_BUS_MESSAGE sd_bus_message *reply = NULL;
        BusOwner owner = { .uid = (uid_t)-1 };
        const char *unique;
        uint32_t number;
        int r;

        *ret = owner;
        r = bus_driver_call(bus, "GetNameOwner", &reply, &said, "s", name);
        if (r < 0 && sd_bus_error_has_name(&said, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                return 0;
        if (r >= 0)
                r = sd_bus_message_read(reply, "s", &unique);
        if (r < 0)
                return r;
        (void)snprintf(owner.unique, sizeof(owner.unique), "%s", unique);
        if (driver_number(bus, "GetConnectionUnixProcessID", unique, &number) >= 0)
                owner.pid = (pid_t)number;
        if (driver_number(bus, "GetConnectionUnixUser", unique, &number) >= 0)
                owner.uid = number;
        if (owner.pid > 0)
                read_command(owner.pid, owner.command, sizeof(owner.command));
        *ret = owner;
        return 1;
}

const char *bus_owner_text(const BusOwner *owner, char buffer[128]) {
        if (owner->pid > 0)
                (void)snprintf(buffer, 128, " by %.40s (pid %d, %.31s)", owner->unique, (int)owner->pid,
                        owner->command[0] ? owner->command : "which cannot be seen here");
        else
                (void)snprintf(buffer, 128, " by %.40s", owner->unique);
        return buffer;
}

bool bus_activatable(sd_bus *bus, const char *name) {
        CLEANUP_BUS_MESSAGE sd_bus_message *reply = NULL;
        const char *item;

        if (bus_driver_call(bus, "ListActivatableNames", &reply, NULL, NULL) < 0 ||
                sd_bus_message_enter_container(reply, 'a', "s") < 0)
                return false;
        while (sd_bus_message_read_basic(reply, 's', &item) > 0)
                if (strcmp(item, name) == 0)
                        return true;
        return false;
}
