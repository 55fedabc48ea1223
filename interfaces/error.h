/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A failure that a caller can act on: one code from the list in protocol.h, and one sentence that says what was
 * asked, what stood in the way and what to do. Functions that fail return a negative errno and fill the Error that
 * they were given; a NULL Error is allowed and is left out. */
#pragma once

#include <stdbool.h>

#include "protocol.h"

typedef enum ErrorCode {
        ERROR_NONE,
#define X(symbol, name, number, exit_code) ERROR_##symbol,
        IPCBUS_ERRORS(X)
#undef X
                ERROR_MAX,
        ERROR_INVALID = -1,
} ErrorCode;

enum { ERROR_MESSAGE_MAX = 512 };

typedef struct Error {
        ErrorCode code;
        char message[ERROR_MESSAGE_MAX];
} Error;

/* Fills the error and returns the negative errno of the code, so that `return error_set(...)` reads well. */
int error_set(Error *error, ErrorCode code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same for what the kernel answered: picks the code that fits the errno (EPERM and EACCES: NotPermitted; ENOSPC,
 * EMFILE, ENFILE, ENOMEM, EMSGSIZE, EDQUOT: LimitExceeded; …; else Failed), appends ": <strerror> (<ENAME>)" to the
 * sentence, and returns -abs(number) unchanged. */
int error_set_errno(Error *error, int number, const char *format, ...) __attribute__((format(printf, 3, 4)));

bool error_is_set(const Error *error);

/* "NoSuchKind", without the prefix; NULL for what is no code. */
const char *error_code_name(ErrorCode code);
/* Takes names with and without "org.ipcbus1.Error."; ERROR_INVALID for what is none of ours. */
ErrorCode error_code_from_name(const char *name);
int error_code_errno(ErrorCode code);
ExitCode error_code_exit(ErrorCode code);
