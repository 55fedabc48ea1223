/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What tests of System V kinds share: a key of one's own, and the programs of util-linux. */
#pragma once

#include <glib.h>
#include <sys/types.h>

#include "mechanism.h"

typedef struct SysvFixture {
        const char *kind;
        key_t key;
        char *key_text, *option, *address; /* 0x1234, key=0x1234, KIND:key=0x1234 */
        unsigned descriptors;
} SysvFixture;

/* `data` is the kind. tear_down fails the test where the key still finds an object. */
void sysv_fixture_set_up(SysvFixture *f, gconstpointer data);
void sysv_fixture_tear_down(SysvFixture *f, gconstpointer data);

uint64_t sysv_fixture_attribute(KernelObject *object, const char *name);
/* Runs a program to its end; fails the test where that fails. */
void sysv_fixture_run(const char *program, const char *option, const char *argument);
/* "ipcmk OPTION …": the number of what it made. NULL-terminated further words. */
char *sysv_fixture_make(const char *option, ...) G_GNUC_NULL_TERMINATED;
/* The line of "ipcs OPTION" for that number, with single spaces. */
char *sysv_fixture_line(const char *option, const char *id);
/* What links of a token made and nobody tore down: sweep() leaves none of it, and what is another's alone. */
void sysv_fixture_sweep(const char *kind);
