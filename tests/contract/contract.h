/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The contract that every kind keeps, whatever it is: one table with a row a kind (rows.c), and facets that are the
 * same for all (facet-*.c). What a kind can do it says itself, through DescribeKind; the row says only what nobody can
 * know from outside. A kind without a row fails. */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>
#include <sys/types.h>

#include "fixture.h"

typedef struct Proof Proof;

/* Options are written as typed: "size=4K mode=0600". In them @name, @path and @bus (a name on a bus) are of the test's
 * own, new each time, and @host is an address of this machine that no other test has. */
typedef struct Contract {
        const char *kind;
        const char *create; /* a small one that nobody else uses; semaphores at 0, channels empty */
        /* More options, that ask for more than a limit allows: LimitExceeded. Or one of the three below. */
        const char *create_too_much;
        guint64 send_too_much; /* so many bytes in one Send */
        guint64 post_too_much;
        void (*too_much)(Proof *proof);    /* or what nothing of this says */
        const char *send, *receive, *post; /* options of one use */
        const char *taken;                 /* what Receive then gives; NULL: what was sent */
        void (*use)(Proof *proof, Fixture *fixture, const char *address); /* where a use is something else */
        const char *event; /* the signal that a use brings, for kinds that "watch": "MessageArrived" */
        /* A process holds the object: with this end (of "ends"), taken where that makes its death visible; or as
         * hold() does it, in a process of its own: it stays a holder until it is killed. 0, or a negative errno. */
        const char *end;
        bool take;
        const char *const *other_ends; /* those that only what is made with other options has: refused here */
        int (*hold)(const char *address);
        const char *not_held; /* why the kernel knows no holders; hold() then only uses it */
        const char *told;     /* the signal when that process was killed; NULL: only its hold ends */
        bool process;         /* it is a process, which takes a moment to end */
        bool listed_held;     /* others list it only while somebody holds it */
        /* The kernel gives a number that became free to who comes next, which may be this process itself: what is gone
         * is not looked for. */
        bool number_goes_on;
        bool released_later; /* another process, the bus, hears of the end a moment later */
        bool many;           /* the same options make another one, instead of Exists */
} Contract;

extern const Contract contract_rows[];
extern const size_t contract_rows_size;

struct Proof {
        Fixture *ours;   /* the service that is tested */
        Fixture *theirs; /* another of its kind on another bus: to ours, somebody else */
        const Contract *row;
        GVariant *facts; /* of DescribeKind */
};

typedef struct Facet {
        const char *name;
        void (*prove)(Proof *proof);
} Facet;

extern const Facet contract_life[], contract_words[], contract_others[]; /* end with a NULL name */

/* Of all kinds at a time. */
void contract_prove_watched(Proof *proofs, size_t n);

bool kind_supports(const Proof *proof, const char *operation);
/* The sentence why not, NULL where there is none. */
char *kind_reason(const Proof *proof, const char *operation);
bool kind_has_interface(const Proof *proof, const char *interface);

/* a{sv} from text; `more` may be NULL. The same name again in `more` wins. */
GVariant *contract_options(Fixture *fixture, const char *text, const char *more);
char *contract_create(Proof *proof, Fixture *fixture, const char *more, char **ret_path);
void contract_remove(Fixture *fixture, const char *address);
/* One use, and what came out of it is right. */
void contract_use(Proof *proof, Fixture *fixture, const char *address);
/* Fails with this error, of any call: Manager.METHOD(address, then the rest). Gives the sentence, the caller's. */
char *contract_refused(Fixture *fixture, const char *method, GVariant *arguments, const char *error);
/* Nothing stands at the address any more; METHOD(address) says so. */
void contract_gone(Proof *proof, Fixture *fixture, const char *method, const char *address);
GVariant *contract_describe(Fixture *fixture, const char *address);
/* The row of ListKernelObjects for this address, or NULL. */
GVariant *contract_row(Proof *proof, Fixture *fixture, const char *address);
/* Such a row is not there. */
void contract_unlisted(Proof *proof, Fixture *fixture, const char *address);
/* Is this process among the holders of the row or description? */
bool holders_have(GVariant *attributes, gint64 pid);

/* A process that holds the object; the caller kills it and frees it. */
GSubprocess *contract_holder(Proof *proof, Fixture *fixture, const char *address);
void contract_kill(GSubprocess *process);
/* In that process: the row's hold(). */
int contract_hold_main(const char *kind, const char *address);
