/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one place for bounds: what a user, and for some things one connection, may make the service hold. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "clients.h"
#include "error.h"

typedef struct Limits Limits;

typedef enum LimitKind {
        LIMIT_OBJECTS,
        LIMIT_BYTES,         /* memory that objects can hold */
        LIMIT_DESCRIPTORS,   /* that the service keeps open for objects and waits */
        LIMIT_JOBS,          /* running tests and benchmarks; also per connection */
        LIMIT_WAITS,         /* calls that are not answered yet; also per connection */
        LIMIT_SUBSCRIPTIONS, /* per connection too */
        LIMIT_WAITING_BYTES, /* that calls which wait are to send; also per connection */
        LIMIT_WORKERS,       /* processes for calls, also per connection, and behind objects */
        LIMIT_KIND_MAX,
} LimitKind;

/* What was charged, to be given back; empty (amount 0) when nothing was. It stays where it is: it is bound to the
 * connection where the limit is per connection as well. When that connection goes, what is still charged counts for
 * the user alone. */
typedef struct Charge {
        LimitKind kind;
        uint64_t amount;
        uid_t uid;
        Binding binding;
} Charge;

int limits_new(Limits **ret);
Limits *limits_free(Limits *limits);
/* LimitExceeded names the limit, its value and how much of it is in use. `client` may be NULL (after a restart). */
int limits_charge(
        Limits *limits, uid_t uid, Client *client, LimitKind kind, uint64_t amount, Charge *charge, Error *error);
void limits_release(Limits *limits, Charge *charge);
uint64_t limits_maximum(const Limits *limits, LimitKind kind, bool per_client);
const char *limit_name(LimitKind kind, bool per_client);
