/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From needs to a ranked list of kinds. Nothing here knows a kind: what is known is what DescribeKind tells, what
 * tests saw, and what was measured. */
#pragma once

#include <gio/gio.h>
#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

#include "advise-needs.h"
#include "measured.h"

/* Why a kind stands where it does. */
typedef struct Reason {
        const char *name; /* of the need; belongs to a table */
        char *text;
        bool asked;
        double cost;         /* what it adds to the score */
        const char **claims; /* ids of those that prove it, or NULL */
} Reason;

/* A need that a kind does not meet. */
typedef struct Miss {
        const char *option; /* "--across-hosts" */
        char *text;
} Miss;

typedef struct Candidate {
        const char *kind, *title, *example; /* belong to the description */
        GVariant *description;
        const char *unavailable; /* the reason, or NULL */
        GPtrArray *misses;       /* Miss; none: it fits */
        GPtrArray *reasons;      /* Reason: what is met */
        GPtrArray *prices;       /* Reason: what one has to do oneself or do without, the dearest first */
        Measured *measured;      /* or NULL */
        double score;            /* the price of it all; the least is the best */
        /* Of the claims behind what was asked for. */
        guint ok, failed, skipped;
        GPtrArray *untested; /* ids */
} Candidate;

typedef struct Advice {
        GPtrArray *ranked, *excluded; /* Candidate */
        guint measured;               /* how many of those ranked have figures of this size */
        bool figures_decide;          /* they were asked for, and there are some */
} Advice;

void advice_free(Advice *advice);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Advice, advice_free)

/* `descriptions` holds GVariants, `tested` is of tested.h, `figures` may be NULL. */
Advice *advice_new(const Needs *needs, GPtrArray *descriptions, GHashTable *tested, JsonNode *figures);
/* Of those excluded, what fails the fewest needs, the best first. Elements belong to the advice. */
GPtrArray *advice_nearest(const Advice *advice);
/* Whether speed matters at all for these needs. */
bool needs_ask_speed(const Needs *needs);
