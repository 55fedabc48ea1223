/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a kind offers to somebody who has to choose one, and what it asks of him: the same questions to every kind,
 * each answered by the kind itself, in its own file, with the claims that prove the answer. Told by DescribeKind;
 * `ipcctl advise` ranks by nothing else. Facts (mechanism.h) say yes or no; a trait knows the way between, "with work
 * of one's own", and says what that work is. */
#pragma once

#include <stdint.h>

#include "record.h"

typedef enum TraitName {
        TRAIT_DATA,         /* carries bytes */
        TRAIT_STREAM,       /* bytes one after the other, any amount */
        TRAIT_BOUNDARIES,   /* one send is one receive */
        TRAIT_PRIORITY,     /* what matters more comes first */
        TRAIT_NOTIFY,       /* tells another process that something happened */
        TRAIT_LOCK,         /* one at a time */
        TRAIT_COUNT,        /* counts what is free, and lets as many through */
        TRAIT_ORDER,        /* in the order in which it was sent */
        TRAIT_LOSSLESS,     /* what is sent arrives: who is too fast waits */
        TRAIT_DUPLEX,       /* both ways at the same time */
        TRAIT_UNRELATED,    /* processes that share no ancestor meet by a name */
        TRAIT_ACROSS_HOSTS, /* another machine can be the peer */
        TRAIT_MANY_READERS, /* several take from one, each message goes to one of them */
        TRAIT_MANY_WRITERS,
        TRAIT_BROADCAST,    /* all readers get everything */
        TRAIT_OTHER_USER,   /* another user can take part */
        TRAIT_GUARDED,      /* whoever has no right is kept out */
        TRAIT_CREDENTIALS,  /* the kernel tells who the other is */
        TRAIT_DESCRIPTORS,  /* open descriptors go along */
        TRAIT_POLL,         /* waits beside other things in poll(2) */
        TRAIT_CRASH,        /* a peer that is killed leaves nothing half, locked or unnoticed */
        TRAIT_PERSISTENT,   /* what is in it stays when all processes have ended */
        TRAIT_SYNCHRONISED, /* nobody has to synchronise himself */
        TRAIT_CLEANS_UP,    /* nothing is left when all have ended */
        TRAIT_SIMPLE,       /* little has to be written to use it */
        TRAIT_COPIES,       /* how often a byte is copied on its way: `number` */
        TRAIT_SIZE,         /* the largest message: `limit` or `number`, 0 for what has no bound of its own */
        TRAIT_NAME_MAX,
} TraitName;

typedef enum TraitLevel {
        LEVEL_NO,
        LEVEL_PARTLY, /* with what the text says */
        LEVEL_YES,
        LEVEL_NUMBER, /* of TRAIT_COPIES and TRAIT_SIZE, and of nothing else */
        LEVEL_MAX,
} TraitLevel;

typedef struct Trait {
        TraitName name;
        TraitLevel level;
        const char *text; /* the answer in words, which a line can end with: no capital, no full stop */
        uint64_t number;
        const char *limit;         /* the number is the value of this limit of probe() */
        const char *const *claims; /* ids of those that prove it, NULL-terminated; or NULL and */
        const char *reason;        /* why none does: a sentence */
} Trait;

#define TRAIT_CLAIMS(...)         \
        (const char *const[]) {   \
                __VA_ARGS__, NULL \
        }

/* Rows of a table: TRAIT_IS(POLL, YES, "its descriptor can be polled", "poll"), */
#define TRAIT_IS(name_, level_, text_, ...) \
        { .name = TRAIT_##name_, .level = LEVEL_##level_, .text = text_, .claims = TRAIT_CLAIMS(__VA_ARGS__) }
/* Without a claim, and why. */
#define TRAIT_SAID(name_, level_, text_, reason_) \
        { .name = TRAIT_##name_, .level = LEVEL_##level_, .text = text_, .reason = reason_ }
#define TRAIT_COUNTS(name_, number_, text_, ...)                                                \
        {                                                                                       \
                .name = TRAIT_##name_, .level = LEVEL_NUMBER, .number = number_, .text = text_, \
                .claims = TRAIT_CLAIMS(__VA_ARGS__)                                             \
        }
#define TRAIT_COUNTS_SAID(name_, number_, text_, reason_) \
        { .name = TRAIT_##name_, .level = LEVEL_NUMBER, .number = number_, .text = text_, .reason = reason_ }
#define TRAIT_LIMITED(name_, limit_, text_, ...)                                              \
        {                                                                                     \
                .name = TRAIT_##name_, .level = LEVEL_NUMBER, .limit = limit_, .text = text_, \
                .claims = TRAIT_CLAIMS(__VA_ARGS__)                                           \
        }
#define TRAIT_LIMITED_SAID(name_, limit_, text_, reason_) \
        { .name = TRAIT_##name_, .level = LEVEL_NUMBER, .limit = limit_, .text = text_, .reason = reason_ }
#define TRAIT_END \
        { .text = NULL }

/* Reasons that many share. */
#define REASON_NOT_OF_ITS_KIND \
        "It has no call that does anything of the sort, so there is nothing that could be tried."
#define REASON_OF_TASTE    "How much has to be written is counted in calls, not tested."
#define REASON_DESIGN      "This is how the kernel does it; a process cannot see it from outside."
#define REASON_ONE_MACHINE "It lives in the memory of one kernel; no check has a second machine."

const char *trait_name(TraitName name);   /* "across_hosts"; NULL for none */
const char *level_name(TraitLevel level); /* "partly" */
/* The table ends with a row without text. NULL: it has no such row. */
const Trait *trait_find(const Trait *traits, TraitName name);
/* Appends "traits" as DescribeKind has them. `description` has the limits already. 0 or negative errno. */
int traits_describe(const Trait *traits, Record *description);
