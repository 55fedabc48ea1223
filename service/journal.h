/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What has to be known after a crash: which kernel objects are ours, how to tell that they are still the same, how
 * long they live, and the tokens of running jobs. One file an instance (an instance is one service on one bus),
 * append-only and locked, in a directory of the user's; written again, short, at start. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "lease.h"
#include "record.h"

typedef struct Journal Journal;

typedef struct JournalObject {
        uint64_t serial;
        const char *address;
        const char *identity;
        const char *lease; /* a LeaseType's name */
        uint64_t expires;  /* CLOCK_BOOTTIME */
        bool adopted;
        uid_t uid;
        uint64_t created;
        bool hold;
} JournalObject;

/* `instance` names this service among others of the user (the bus address), NULL for an embedded one, whose journal
 * goes with it. Reads and compacts what an earlier run left: calls `object` for each object that stood in it, in the
 * order of making; it stays in the journal until journal_drop(). Entries of another boot are left out. The journals of
 * instances that have died are looked through as well: `orphan` is called for their objects whose lease is over (those
 * of a caller, and durations that have passed), `token` for jobs that were running. The
 * handlers run before the journal is returned; the strings of an object live until its journal_drop(). */
typedef struct JournalHandlers {
        /* No other service has the journal, and none will; may be NULL. */
        int (*locked)(void *userdata, Error *error);
        void (*object)(void *userdata, const JournalObject *object);
        void (*orphan)(void *userdata, const JournalObject *object);
        void (*token)(void *userdata, const char *token);
} JournalHandlers;

int journal_open(const char *instance, const JournalHandlers *handlers, void *userdata, Journal **ret, Error *error);
Journal *journal_free(Journal *journal);
int journal_add(Journal *journal, const JournalObject *object);
int journal_drop(Journal *journal, uint64_t serial);
int journal_lease(Journal *journal, uint64_t serial, const char *lease, uint64_t expires);
int journal_token(Journal *journal, const char *token, bool running);
/* Serials are never used again, also across restarts. */
uint64_t journal_next_serial(Journal *journal);
/* Where the private directories of jobs are made. */
const char *journal_directory(const Journal *journal);
