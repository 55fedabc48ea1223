/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lies that the library tells: each breaks one promise of the kernel or the C library. A wrapper asks TELLS() only
 * where the lie would change something. */
#pragma once

#include <errno.h>
#include <stdbool.h>

#include "lies-list.h"

typedef enum Lie {
#define LIE_ENUM(name, promise) LIE_##name,
        LIES(LIE_ENUM)
#undef LIE_ENUM
#define LIE_ENUM(name) LIE_##name##_FAILS, LIE_##name##_NOTHING, LIE_##name##_OTHER_ERROR, LIE_##name##_NEVER_REFUSES,
                CALLS(LIE_ENUM)
#undef LIE_ENUM
                        LIE_MAX,
        LIE_NONE = -1,
} Lie;

#define LIE_VARIABLE   "IPCBUS_LIE"       /* the one to tell */
#define ASKED_VARIABLE "IPCBUS_LIE_ASKED" /* a file of LIE_MAX bytes: 1 where the lie could have been told */

/* Is this the lie to tell, and is it a check that would hear it? errno stays. */
bool lie_told(Lie lie, const void *caller);
void *lie_real(const char *name);
/* Undone when this process ends, before the engine looks for what is left behind. */
void lie_undo_later(void (*undo)(const char *name), const char *name);

#define REAL(function)                                                        \
        ({                                                                    \
                static __typeof__(&(function)) real_;                         \
                if (!real_)                                                   \
                        real_ = (__typeof__(&(function)))lie_real(#function); \
                real_;                                                        \
        })
#define TELLS(name) lie_told(LIE_##name, __builtin_return_address(0))

/* The four lies of each call that gives -1 and errno … */
#define BEGIN(NAME)                        \
        do {                               \
                if (TELLS(NAME##_FAILS)) { \
                        errno = EIO;       \
                        return -1;         \
                }                          \
                if (TELLS(NAME##_NOTHING)) \
                        return 0;          \
        } while (0)
#define END(NAME, call)                                  \
        ({                                               \
                __typeof__(call) r_ = (call);            \
                if (r_ == (__typeof__(r_))-1) {          \
                        if (TELLS(NAME##_OTHER_ERROR))   \
                                errno = EIO;             \
                        if (TELLS(NAME##_NEVER_REFUSES)) \
                                r_ = 0;                  \
                }                                        \
                r_;                                      \
        })
/* … and of those that give an error, the sign as said. */
#define BEGIN_RETURNS(NAME, error)         \
        do {                               \
                if (TELLS(NAME##_FAILS))   \
                        return error;      \
                if (TELLS(NAME##_NOTHING)) \
                        return 0;          \
        } while (0)
#define END_RETURNS(NAME, error, call)                        \
        ({                                                    \
                int r_ = (call);                              \
                if (r_ != 0 && (r_ < 0) == ((error) < 0)) {   \
                        if (TELLS(NAME##_OTHER_ERROR))        \
                                r_ = error;                   \
                        else if (TELLS(NAME##_NEVER_REFUSES)) \
                                r_ = 0;                       \
                }                                             \
                r_;                                           \
        })
#define CALL(type, NAME, name, parameters, arguments)   \
        type name parameters {                          \
                BEGIN(NAME);                            \
                return END(NAME, REAL(name) arguments); \
        }
#define CALL_RETURNS(NAME, name, error, parameters, arguments)         \
        int name parameters {                                          \
                BEGIN_RETURNS(NAME, error);                            \
                return END_RETURNS(NAME, error, REAL(name) arguments); \
        }
