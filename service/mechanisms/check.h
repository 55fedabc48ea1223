/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A claim and the check that proves it. A check runs in a process of its own (the judge) and starts peers: processes
 * forked from it, or executed separately, that meet it by address. The engine (worker/test-engine.c) gives what a
 * check needs through CheckRun, so that a kind's file needs nothing above it. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "record.h"
#include "transport.h"

typedef struct Mechanism Mechanism;
typedef struct Transport Transport;
typedef struct Check Check;
typedef struct CheckGap CheckGap;
typedef struct CheckRun CheckRun;
typedef struct CheckPeer CheckPeer;

typedef enum CheckResult {
        CHECK_OK,
        CHECK_FAILED,
        CHECK_SKIPPED,
        CHECK_RESULT_MAX,
        CHECK_RESULT_INVALID = -1,
} CheckResult;

typedef enum CheckRelation {
        CHECK_FORKED = 1 << 0,
        CHECK_EXECUTED = 1 << 1,
} CheckRelation;

/* What a claim is about. The first ones are also facts of a kind (mechanism.h), by the same names: a claim that has
 * one of those proves what the facts say, be it yes or no. */
typedef enum CheckAspect {
        ASPECT_FULL_DUPLEX,
        ASPECT_BIDIRECTIONAL,
        ASPECT_BOUNDARIES,
        ASPECT_ORDER,
        ASPECT_PRIORITY,
        ASPECT_PERSISTENCE,
        ASPECT_UNRELATED,
        ASPECT_DESCRIPTORS,     /* open descriptors go along */
        ASPECT_ATOMICITY,       /* what is done at once, or not at all */
        ASPECT_BLOCKING,        /* a call that cannot go on sleeps until it can */
        ASPECT_NON_BLOCKING,    /* or says so at once, when asked to */
        ASPECT_TIMEOUT,         /* it gives up then, never before */
        ASPECT_INTERRUPTED,     /* a signal in the middle of a call that waits */
        ASPECT_FULL,            /* what is full: who waits, what is lost */
        ASPECT_EMPTY,           /* what is empty */
        ASPECT_MAXIMUM,         /* the largest message, size or value, and one more */
        ASPECT_LIMIT,           /* the error at a limit of the system, a user or a process */
        ASPECT_EXHAUSTION,      /* no descriptors left */
        ASPECT_WRITER_KILLED,   /* SIGKILL in the middle of a write */
        ASPECT_WAITER_KILLED,   /* SIGKILL of who waits: it takes nothing with it */
        ASPECT_HOLDER_KILLED,   /* SIGKILL of who holds a lock, an end, an attachment */
        ASPECT_CREATOR_GONE,    /* who made it has ended */
        ASPECT_MANY_WRITERS,    /* several at once */
        ASPECT_PERMISSION,      /* another user is refused */
        ASPECT_OTHER_USER,      /* another user can, where the rights allow it */
        ASPECT_NAMESPACE,       /* a peer in another IPC or network namespace */
        ASPECT_CREDENTIALS,     /* who is at the other side */
        ASPECT_SYNCHRONISATION, /* what is lost without, and not with */
        ASPECT_MAX,
        ASPECT_INVALID = -1,
} CheckAspect;
#define ASPECT(name) (UINT64_C(1) << ASPECT_##name)

/* An aspect that a kind does not have at all, and why, in a sentence for people. */
struct CheckGap {
        CheckAspect aspect;
        const char *reason;
};

/* Where a peer is while it runs its role (place.h). */
typedef enum CheckPlace {
        CHECK_PLACE_HERE,
        CHECK_PLACE_OTHER_USER, /* nobody, without groups and capabilities; in the public folder if there is one */
        CHECK_PLACE_OTHER_IPC,  /* a new IPC namespace: System V objects and POSIX message queues */
        CHECK_PLACE_OTHER_NET,  /* a new network namespace, its loopback up */
        CHECK_PLACE_MAX,
} CheckPlace;

enum { CHECK_ROLES_MAX = 4 };

/* What a peer does; runs in the peer's process. `link` is attached as side 1 where the check asked for one, else NULL.
 * Talks to the judge over check_peer_say() and check_peer_hear(). Its return value (0 or negative errno) is what
 * check_peer_wait() gives the judge. */
typedef int (*CheckRole)(CheckPeer *peer);

struct Check {
        const char *id;     /* "order": unique within the kind */
        const char *claim;  /* one sentence */
        const char *source; /* "pipe(7)" */
        unsigned relations; /* CheckRelation: in which it is run */
        CheckResult (*run)(CheckRun *run);
        CheckRole roles[CHECK_ROLES_MAX];
        const Transport *transport; /* what the generic checks run over; NULL: the kind's first */
        uint64_t aspects;           /* ASPECT() */
        bool anywhere;              /* about who may use the kind: runs also where it cannot be used */
};

/* In the judge. */
struct CheckRun {
        const Mechanism *mechanism;
        const Check *check;
        CheckRelation relation;
        const char *token;
        const char *directory;
        const struct CheckEngine *engine;
        bool untestable; /* what the check needs cannot be had here: a failure is then none of the claim's */
};

typedef struct CheckProcess CheckProcess; /* a peer, as the judge sees it */

/* What the engine implements. Checks call the check_*() below. */
struct CheckEngine {
        int (*start)(CheckRun *run, CheckPlace place, unsigned role, Link *link, const Record *arguments,
                CheckProcess **ret);
        int (*say)(CheckProcess *process, const Record *record);
        int (*hear)(CheckProcess *process, uint64_t timeout_usec, Record **ret);
        pid_t (*pid)(const CheckProcess *process);
        int (*kill)(CheckProcess *process, int signal);
        int (*wait)(CheckProcess *process, uint64_t timeout_usec, int *ret_status);
        void (*evidence)(CheckRun *run, const char *format, va_list arguments);
};

/* Starts a peer in the relation of this run. `link` may be NULL; one without a mechanism is handed over as it is, with
 * its descriptors, names and words, and not attached. The peer holds no other descriptor of the judge. 0 or negative
 * errno. */
int check_start(CheckRun *run, unsigned role, Link *link, const Record *arguments, CheckProcess **ret);
/* The same somewhere else: the peer goes to its place before it attaches the link. Where it cannot, that is noted and
 * the check counts as skipped, so that `if (check_start_at(…) < 0) return CHECK_FAILED;` is all that a check does.
 * What the peer makes in a namespace of its own ends with it: there is nothing to sweep. */
int check_start_at(
        CheckRun *run, CheckPlace place, unsigned role, Link *link, const Record *arguments, CheckProcess **ret);
/* Records to and from a peer, a channel apart from the mechanism. hear(): -ETIMEDOUT, -EPIPE when the peer is gone. */
int check_say(CheckRun *run, CheckProcess *process, const Record *record);
int check_hear(CheckRun *run, CheckProcess *process, uint64_t timeout_usec, Record **ret);
/* A word is a record with "word" alone: for going step by step. hear_word(): -EPROTO for another word. */
int check_say_word(CheckRun *run, CheckProcess *process, const char *word);
int check_hear_word(CheckRun *run, CheckProcess *process, const char *word, uint64_t timeout_usec);
pid_t check_pid(CheckRun *run, const CheckProcess *process);
int check_kill(CheckRun *run, CheckProcess *process, int signal);
/* Reaps. *ret_status as waitpid(2) gives it. -ETIMEDOUT leaves it running; the engine kills and reaps what is left. */
int check_wait(CheckRun *run, CheckProcess *process, uint64_t timeout_usec, int *ret_status);

/* Adds to the evidence; the three below also give the verdict: `return check_fail(run, "read gave %zd", n);` */
void check_note(CheckRun *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
CheckResult check_ok(CheckRun *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
CheckResult check_fail(CheckRun *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
CheckResult check_skip(CheckRun *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* In a peer. Its exit status is 0, or the errno that its role returned. */
struct CheckPeer {
        const Mechanism *mechanism;
        const Check *check;
        Link *link;              /* attached as side 1, or NULL */
        const Record *arguments; /* may be NULL */
        const char *token;
        const char *directory;
        int control;
};
int check_peer_say(CheckPeer *peer, const Record *record);
int check_peer_say_word(CheckPeer *peer, const char *word);
int check_peer_hear(CheckPeer *peer, uint64_t timeout_usec, Record **ret);
int check_peer_hear_word(CheckPeer *peer, const char *word, uint64_t timeout_usec);

/* What the generic checks of this run go over. */
const Transport *check_transport(const CheckRun *run);
const char *check_result_name(CheckResult result); /* "ok", "failed", "skipped" */
const char *check_aspect_name(CheckAspect aspect); /* "full_duplex"; NULL for none */
