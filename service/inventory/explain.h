/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a user can or cannot use something: steps in the order in which a call meets them, what each gave, and attempts
 * that are really made as that user. Kinds add the steps (explain() of mechanism.h), the conclusion is drawn here.
 *
 * What is found in the way is either judged (mode bits, lists, capabilities: what usually decides), and then an
 * attempt of that use which works overrules it; or it is seen (nobody listens, the queue is full), and stays. Forks:
 * for the worker only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "access-user.h"
#include "error.h"
#include "record.h"

enum { EXPLAIN_USES_MAX = 4, EXPLAIN_SUSPECTS_MAX = 384 };

/* The first thing in the way. */
typedef struct Obstacle {
        int number;     /* errno, 0: none that has one */
        char *sentence; /* NULL: nothing is in the way */
        char *advice;   /* what to do, as in "raise the limit"; may be NULL */
} Obstacle;

typedef struct ExplainUse {
        const char *name; /* "read", "send to": what a user does with it */
        bool tried, unknown;
        int result;                  /* of the attempt */
        char *said;                  /* by the attempt that failed */
        Obstacle judged, seen, stop; /* `stop`: what a call meets before all others */
} ExplainUse;

typedef struct Explanation {
        AccessUser user;
        Record *verdict; /* the caller's */
        char *what;      /* for people: the address */
        ExplainUse common, making, uses[EXPLAIN_USES_MAX];
        size_t n_uses;
        ExplainUse *current;
        bool missing, made; /* there is no such object; is it explained who could make it? */
        char *missed;       /* the sentence */
        const char *not_tried;
        pid_t asking;                        /* whose limits are shown; 0: our own */
        bool for_other;                      /* that process is of another user */
        bool descriptors_told;               /* explain_descriptor() was there */
        char suspects[EXPLAIN_SUSPECTS_MAX]; /* of a refusal that nothing explains; empty: not looked at */
        /* Called with each step, and without one before what may take long. */
        void (*told)(void *userdata, const char *action, const char *object, const Record *step);
        void *userdata;
} Explanation;

/* `user`: the name, to say it and to find its groups; NULL: the number is said, and the groups are `gid` alone unless
 * it is ourselves. */
int explanation_init(
        Explanation *explanation, uid_t uid, gid_t gid, const char *user, const char *what, Record *verdict);
void explanation_done(Explanation *explanation);

/* What follows is about this use; before, and after NULL, about all uses. */
void explain_use(Explanation *explanation, const char *name);
/* What follows is about making the object, which is not there. */
void explain_making(Explanation *explanation);

/* Says what is looked at now, for the case that it never ends. */
void explain_now(Explanation *explanation, const char *action, const char *object);

/* One step. Its name is "ACTION OBJECT"; `object` may be NULL. The text is one sentence with the numbers seen and
 * where they come from. */
void explain_ok(Explanation *explanation, const char *action, const char *object, const char *format, ...)
        __attribute__((format(printf, 4, 5)));
void explain_unknown(Explanation *explanation, const char *action, const char *object, const char *format, ...)
        __attribute__((format(printf, 4, 5)));
/* In the way, as judged and as seen; `number` is what a call gets, `advice` what to do about it (may be NULL). */
void explain_judged(Explanation *explanation, int number, const char *advice, const char *action, const char *object,
        const char *format, ...) __attribute__((format(printf, 6, 7)));
void explain_blocked(Explanation *explanation, int number, const char *advice, const char *action, const char *object,
        const char *format, ...) __attribute__((format(printf, 6, 7)));
/* The same, where a call meets it before what is told later: unless something is in the way already, it comes first.
 */
void explain_stopped(Explanation *explanation, int number, const char *advice, const char *action, const char *object,
        const char *format, ...) __attribute__((format(printf, 6, 7)));
/* There is no such object: a step, and the beginning of the summary; `number` is what a call gets. */
void explain_missing(Explanation *explanation, int number, const char *action, const char *object, const char *format,
        ...) __attribute__((format(printf, 5, 6)));

/* --- Limits of a process, and what nobody can ask --- */

/* Whose limits count, before all else; 0: it is not known, and ours are shown. `for_other`: --for another user. */
void explain_asked_by(Explanation *explanation, pid_t pid, bool for_other);
/* The use opens a descriptor (RLIMIT_NOFILE): one step, however often it is asked for. The kernel takes the number of
 * a descriptor before it looks at a path. */
void explain_descriptor(Explanation *explanation);
/* A file is made that large (RLIMIT_FSIZE): a step about the current use; is it allowed? */
bool explain_file_size(Explanation *explanation, uint64_t size, const char *object);
/* The use "grow", where that is limited: what is in the way of the use that was told last is in its way too.
 * `may_write` tries to open it for writing. */
void explain_growing(Explanation *explanation, const char *object, uint64_t size, AccessTry may_write, void *userdata);
/* What RLIMIT_MEMLOCK means for SHM_LOCK of a segment (shmctl(2)). */
void explain_locking(Explanation *explanation, const char *object, uint64_t size, bool owner);
/* A use that begins with what stands in the way of the last one. */
void explain_use_like_last(Explanation *explanation, const char *name);
/* Security modules, labels (of the file at `path`, or NULL) and seccomp. */
void explain_security(Explanation *explanation, const char *path);

/* In which namespace it is looked for: "ipc", "net", "pid", "mnt". */
void explain_namespace(Explanation *explanation, const char *name);

/* What mode, owner, group and an access control list (as getxattr(2) gives it; NULL: none) give to the user for `want`
 * (R_OK, W_OK, X_OK): a step. `sysv`: of a System V object, where another capability overrides. */
void explain_rights(Explanation *explanation, const char *object, const struct stat *st, int want, bool sysv,
        const void *list, size_t size);

/* Makes the attempt as that user, in a process of its own, bounded in time, and adds a step: 0, negative errno, or
 * -ECANCELED where it could not be made; an attempt that gives that itself says in its Error why. */
int explain_try(Explanation *explanation, const char *object, AccessTry attempt, void *userdata);
/* What went well in the attempt is only a part of this use: whether the rest does is not known. */
void explain_tried_in_part(Explanation *explanation);

/* Sets in the verdict:
 *
 *   possible   BOOL: is at least one use possible?
 *   tried      BOOL: was that tried as this user?
 *   exists     BOOL: false where there is no such object
 *   creatable  BOOL: could this user make it, where it does not exist and that can be told?
 *   errno      STRING: what a call gets, "EACCES"; where nothing is possible
 *   summary    STRING: one sentence, that names the first thing in the way and what to do
 *   uses       RECORDS: use, possible, tried, errno, reason
 *   steps      RECORDS of STRINGs: step, result ("ok", "blocked", "unknown"), detail
 */
int explanation_conclude(Explanation *explanation);
