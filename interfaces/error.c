/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of protocol.h as tables, and the sentences that go with a failure. Owns nothing: an Error is the caller's.
 */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

typedef struct ErrorEntry {
        const char *name;
        int number;
        ExitCode exit_code;
} ErrorEntry;

static const ErrorEntry error_table[ERROR_MAX] = { [ERROR_NONE] = { NULL, 0, EXIT_CODE_DONE },
#define X(symbol, name, number, exit_code) [ERROR_##symbol] = { name, number, exit_code },
        IPCBUS_ERRORS(X)
#undef X
};

/* What the kernel answers, as what a caller can act on. Not the errno column of protocol.h read backwards: the kernel
 * says ESRCH for a process and ENODEV for a device, never for a job or a kind. */
static const struct {
        int number;
        ErrorCode code;
} kernel_table[] = {
        { EPERM, ERROR_NOT_PERMITTED },
        { EACCES, ERROR_NOT_PERMITTED },
        { EROFS, ERROR_NOT_PERMITTED },
        { ENOSPC, ERROR_LIMIT_EXCEEDED },
        { EMFILE, ERROR_LIMIT_EXCEEDED },
        { ENFILE, ERROR_LIMIT_EXCEEDED },
        { ENOMEM, ERROR_LIMIT_EXCEEDED },
        { ENOBUFS, ERROR_LIMIT_EXCEEDED },
        { EMSGSIZE, ERROR_LIMIT_EXCEEDED },
        { EDQUOT, ERROR_LIMIT_EXCEEDED },
        { EFBIG, ERROR_LIMIT_EXCEEDED },
        { EOVERFLOW, ERROR_LIMIT_EXCEEDED },
        { ERANGE, ERROR_LIMIT_EXCEEDED },
        { ENOENT, ERROR_NO_SUCH_OBJECT },
        { ENOTDIR, ERROR_NO_SUCH_OBJECT },
        { ESRCH, ERROR_NO_SUCH_OBJECT },
        { EIDRM, ERROR_NO_SUCH_OBJECT },
        { ESTALE, ERROR_NO_SUCH_OBJECT },
        { EEXIST, ERROR_EXISTS },
        { EADDRINUSE, ERROR_EXISTS },
        { ETIMEDOUT, ERROR_TIMED_OUT },
        { EPIPE, ERROR_PEER_GONE },
        { ECONNRESET, ERROR_PEER_GONE },
        { ECONNREFUSED, ERROR_PEER_GONE },
        { ENOTCONN, ERROR_PEER_GONE },
        { ENXIO, ERROR_PEER_GONE },
        { EOPNOTSUPP, ERROR_NOT_SUPPORTED },
        { ENOSYS, ERROR_NOT_SUPPORTED },
        { EAFNOSUPPORT, ERROR_NOT_SUPPORTED },
        { EPROTONOSUPPORT, ERROR_NOT_SUPPORTED },
        { ESOCKTNOSUPPORT, ERROR_NOT_SUPPORTED },
        { EINVAL, ERROR_INVALID_OPTION },
        { EDESTADDRREQ, ERROR_INVALID_ADDRESS },
        { EADDRNOTAVAIL, ERROR_INVALID_ADDRESS },
        { ENAMETOOLONG, ERROR_INVALID_ADDRESS },
        { ELOOP, ERROR_INVALID_ADDRESS },
        { EBUSY, ERROR_BUSY },
        { ETXTBSY, ERROR_BUSY },
        { EAGAIN, ERROR_BUSY },
        { ECANCELED, ERROR_CANCELLED },
};

static ErrorCode code_of_kernel(int number) {
        for (size_t i = 0; i < sizeof(kernel_table) / sizeof(kernel_table[0]); i++)
                if (kernel_table[i].number == number)
                        return kernel_table[i].code;
        return ERROR_FAILED;
}

/* Messages quote what users sent and what processes call themselves, but have to be strings that the bus takes and
 * that a terminal shows as one line. A character that was cut at the end is dropped. */
static void message_clean(char *message, bool cut) {
        size_t size = strlen(message), in = 0, out = 0;

        while (in < size) {
                size_t length = utf8_character(message + in, size - in);

                if (length == 0 && cut && size - in < 4)
                        break;
                if (length == 0 || utf8_is_control(message + in, length)) {
                        message[out++] = '?';
                        in += length > 0 ? length : 1;
                        continue;
                }
                memmove(message + out, message + in, length);
                out += length;
                in += length;
        }
        message[out] = '\0';
}

__attribute__((format(printf, 3, 0))) static void message_fill(
        char *message, size_t size, const char *format, va_list arguments) {
        int length = vsnprintf(message, size, format, arguments);

        if (length < 0)
                message[0] = '\0';
        message_clean(message, length >= (int)size);
}

int error_set(Error *error, ErrorCode code, const char *format, ...) {
        va_list arguments;

        if (error) {
                error->code = code;
                va_start(arguments, format);
                message_fill(error->message, sizeof(error->message), format, arguments);
                va_end(arguments);
        }
        return -error_code_errno(code);
}

int error_set_errno(Error *error, int number, const char *format, ...) {
        const char *name, *description;
        char tail[128];
        size_t length;
        va_list arguments;

        number = abs(number);
        if (!error)
                return -number;
        name = strerrorname_np(number);
        description = strerrordesc_np(number);
        if (name)
                snprintf(tail, sizeof(tail), ": %s (%s)", description, name);
        else
                snprintf(tail, sizeof(tail), ": unknown error %d", number);

        error->code = code_of_kernel(number);
        /* What the kernel said must not be what a long path cuts away. */
        length = sizeof(error->message) - strlen(tail);
        va_start(arguments, format);
        message_fill(error->message, length, format, arguments);
        va_end(arguments);
        length = strlen(error->message);
        memcpy(error->message + length, tail, strlen(tail) + 1);
        return -number;
}

bool error_is_set(const Error *error) {
        return error && error->code != ERROR_NONE;
}

static bool code_known(ErrorCode code) {
        return code > ERROR_NONE && code < ERROR_MAX;
}

const char *error_code_name(ErrorCode code) {
        return code_known(code) ? error_table[code].name : NULL;
}

ErrorCode error_code_from_name(const char *name) {
        if (!name)
                return ERROR_INVALID;
        if (strncmp(name, IPCBUS_ERROR_PREFIX, strlen(IPCBUS_ERROR_PREFIX)) == 0)
                name += strlen(IPCBUS_ERROR_PREFIX);
        for (ErrorCode code = ERROR_NONE + 1; code < ERROR_MAX; code++)
                if (strcmp(error_table[code].name, name) == 0)
                        return code;
        return ERROR_INVALID;
}

int error_code_errno(ErrorCode code) {
        if (code == ERROR_NONE)
                return 0;
        return code_known(code) ? error_table[code].number : EIO;
}

ExitCode error_code_exit(ErrorCode code) {
        if (code == ERROR_NONE)
                return EXIT_CODE_DONE;
        return code_known(code) ? error_table[code].exit_code : EXIT_CODE_FAILED;
}
