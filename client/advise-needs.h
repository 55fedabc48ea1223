/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What somebody needs who has to choose a kind: one need is one trait of kinds (DescribeKind), or a figure. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "protocol.h"

typedef enum NeedUse {
        NEED_UNASKED,
        NEED_PREFERRED, /* ranks */
        NEED_HARD,      /* excludes, too */
} NeedUse;

/* Weights of a trait that nobody asked for: what it costs where a kind has not got it, or only partly. */
typedef struct NeedCost {
        int no, partly;
} NeedCost;

typedef enum Purpose {
        PURPOSE_DATA,
        PURPOSE_NOTIFY,
        PURPOSE_LOCK,
        PURPOSE_COUNT,
        PURPOSE_MAX,
} Purpose;

/* A row of the one table of needs. */
typedef struct Need {
        const char *name;  /* as typed: "across-hosts" */
        const char *trait; /* "across_hosts" */
        const char *title; /* "peers on other machines" */
        bool of_purpose;   /* asked with --for alone */
        bool data;         /* makes sense for what carries data only */
        int partly;        /* what it costs where it was asked for and takes work */
        NeedCost costs[PURPOSE_MAX];
} Need;

extern const Need need_table[];
extern const size_t need_table_size;
enum { NEEDS_MAX = 32 };

typedef struct Needs {
        NeedUse uses[NEEDS_MAX]; /* by the table of needs */
        Purpose purpose;
        bool purpose_given;           /* else data, as most want */
        bool fast;                    /* as much as can be had is wanted */
        bool strict;                  /* what a kind does partly is not enough */
        uint64_t size, rate, latency; /* bytes, messages per second, us; 0: not asked */
        double cpu;                   /* percent of one CPU; 0: not asked */
        const char *from;             /* a file of figures, or NULL */
} Needs;

/* The options of the verb; what they say is read by needs_read(). */
extern const GOptionEntry needs_entries[];
/* False: said why (exit with USAGE). */
bool needs_read(Needs *ret);
/* "data, duplex, messages of 4 K". The caller frees it. */
char *needs_text(const Needs *needs);
/* [{need, use, value}] */
JsonArray *needs_json(const Needs *needs);
