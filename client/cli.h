/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every verb of ipcctl works with: the options that stand before or after any verb, the table of verbs, and the
 * few calls that main.c offers to them. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "protocol.h"

typedef struct Connection Connection;

typedef struct Cli {
        bool json;
        bool verbose;
        bool user, system, embedded;
        char *bus;  /* --bus */
        char *host; /* --host */
        Connection *connection;
} Cli;

typedef struct Verb {
        const char *name;
        const char *alias;     /* or NULL */
        const char *arguments; /* "KIND [NAME=VALUE...]" */
        const char *summary;   /* one line */
        const char *details;   /* below the options: more words, an example */
        const GOptionEntry *entries;
        unsigned words_min, words_max; /* how many words it takes; words_max 0: any number */
        bool hidden;
        /* `words` is NULL-terminated. Returns what to exit with, having said why where that is not 0. */
        ExitCode (*run)(Cli *cli, char **words);
} Verb;

extern const Verb verb_kinds, verb_create, verb_adopt, verb_send, verb_receive, verb_peek, verb_post, verb_wait,
        verb_resize, verb_seal, verb_signal, verb_list, verb_show, verb_who, verb_explain, verb_remove, verb_test,
        verb_bench, verb_advise, verb_watch, verb_jobs, verb_cancel, verb_complete;

/* Ends with a NULL; in the order in which help shows them. */
extern const Verb *const verb_table[];

const Verb *verb_find(const char *name);
/* The options that every verb takes. */
extern const GOptionEntry cli_entries[];
