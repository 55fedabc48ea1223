/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lies that the library tells: each breaks one promise of the kernel or the C library. A wrapper asks TELLS() only
 * where the lie would change something. */
#pragma once

#include <stdbool.h>

#include "lies-list.h"

typedef enum Lie {
#define LIE_ENUM(name, promise) LIE_##name,
        LIES(LIE_ENUM)
#undef LIE_ENUM
                LIE_MAX,
        LIE_NONE = -1,
} Lie;

#define LIE_VARIABLE "IPCBUS_LIE" /* the one to tell */

/* Is this the lie to tell, and is it a check that would hear it? */
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
