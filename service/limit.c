/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a user may make the service hold, in one table, and how much of it is in use. Users are few: their counters are
 * in a hash table by uid and stay for the life of the service. What is counted per connection as well is counted in
 * the Client, which goes with its connection. */
#include "limit.h"

#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "clients.h"

typedef struct LimitFacts {
        const char *name;
        uint64_t per_user;
        uint64_t per_client; /* 0: not counted per connection */
        const char *advice;
} LimitFacts;

struct Limits {
        uint64_t maximum[LIMIT_KIND_MAX];
        GHashTable *users; /* uid -> uint64_t[LIMIT_KIND_MAX] */
};

static const LimitFacts limit_facts[LIMIT_KIND_MAX] = {
        [LIMIT_OBJECTS] = { "objects", 16384, 0, "remove some that are not needed" },
        [LIMIT_BYTES] = { "bytes", UINT64_C(64) << 30, 0, "remove large objects, or ask for less" },
        [LIMIT_DESCRIPTORS] = { "descriptors", UINT64_MAX, 0,
                "remove objects that hold descriptors, or create with hold=false" },
        [LIMIT_JOBS] = { "jobs", 8, 4, "wait until a job ends, or cancel one" },
        [LIMIT_WAITS] = { "waits", 4096, 256, "let some calls end first" },
        [LIMIT_SUBSCRIPTIONS] = { "subscriptions", 256, 16, "unsubscribe first" },
        [LIMIT_WAITING_BYTES] = { "waiting-bytes", UINT64_C(256) << 20, UINT64_C(64) << 20,
                "send less at once, or take a descriptor with OpenEnd" },
        [LIMIT_WORKERS] = { "workers", 512, 64, "let some calls end first, or remove objects with a process" },
};

/* Descriptors are kept free for the bus, workers, timers and replies: so many, or half of a small RLIMIT_NOFILE. */
enum { DESCRIPTORS_RESERVED = 256 };

int limits_new(Limits **ret) {
        struct rlimit nofile;
        Limits *limits;

        limits = calloc(1, sizeof(*limits));
        if (!limits)
                return -ENOMEM;

        for (int i = 0; i < LIMIT_KIND_MAX; i++)
                limits->maximum[i] = limit_facts[i].per_user;
        if (getrlimit(RLIMIT_NOFILE, &nofile) < 0)
                limits->maximum[LIMIT_DESCRIPTORS] = DESCRIPTORS_RESERVED;
        else
                limits->maximum[LIMIT_DESCRIPTORS] = nofile.rlim_cur - MIN(nofile.rlim_cur / 2, DESCRIPTORS_RESERVED);
        limits->users = g_hash_table_new_full(NULL, NULL, NULL, g_free);

        *ret = limits;
        return 0;
}

Limits *limits_free(Limits *limits) {
        if (!limits)
                return NULL;

        g_hash_table_unref(limits->users);
        free(limits);
        return NULL;
}

static uint64_t *user_usage(Limits *limits, uid_t uid, LimitKind kind) {
        uint64_t *usage;

        usage = g_hash_table_lookup(limits->users, GUINT_TO_POINTER(uid));
        if (!usage) {
                usage = g_new0(uint64_t, LIMIT_KIND_MAX);
                g_hash_table_insert(limits->users, GUINT_TO_POINTER(uid), usage);
        }
        return usage + kind;
}

static int refuse(Error *error, LimitKind kind, const char *whose, uint64_t used, uint64_t maximum, uint64_t amount) {
        return error_set(error, ERROR_LIMIT_EXCEEDED,
                "The limit \"%s\" of the service for one %s is %" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT
                " are in use and %" G_GUINT64_FORMAT " more were asked for; %s.",
                limit_facts[kind].name, whose, maximum, used, amount, limit_facts[kind].advice);
}

/* The binding is off already, and that is all: the charge is the user's alone now. */
static void on_client_gone(Binding *binding) {
}

int limits_charge(
        Limits *limits, uid_t uid, Client *client, LimitKind kind, uint64_t amount, Charge *charge, Error *error) {
        uint64_t *user = user_usage(limits, uid, kind), *connection = NULL;
        uint64_t per_client = limit_facts[kind].per_client;

        if (amount > limits->maximum[kind] || *user > limits->maximum[kind] - amount)
                return refuse(error, kind, "user", *user, limits->maximum[kind], amount);

        if (client && per_client > 0) {
                connection = client_usage(client, kind);
                if (amount > per_client || *connection > per_client - amount)
                        return refuse(error, kind, "connection", *connection, per_client, amount);
        }

        *charge = (Charge){ .kind = kind, .amount = amount, .uid = uid, .binding.gone = on_client_gone };
        *user += amount;
        if (connection) {
                *connection += amount;
                client_bind(client, &charge->binding);
        }
        return 0;
}

void limits_release(Limits *limits, Charge *charge) {
        if (charge->amount == 0)
                return;

        *user_usage(limits, charge->uid, charge->kind) -= charge->amount;
        if (charge->binding.client)
                *client_usage(charge->binding.client, charge->kind) -= charge->amount;
        binding_release(&charge->binding);
        *charge = (Charge){};
}

uint64_t limits_maximum(const Limits *limits, LimitKind kind, bool per_client) {
        return per_client ? limit_facts[kind].per_client : limits->maximum[kind];
}

const char *limit_name(LimitKind kind, bool per_client) {
        static const char *const per_connection[LIMIT_KIND_MAX] = {
                [LIMIT_JOBS] = "jobs-per-connection",
                [LIMIT_WAITS] = "waits-per-connection",
                [LIMIT_SUBSCRIPTIONS] = "subscriptions-per-connection",
                [LIMIT_WAITING_BYTES] = "waiting-bytes-per-connection",
                [LIMIT_WORKERS] = "workers-per-connection",
        };

        return per_client ? per_connection[kind] : limit_facts[kind].name;
}
