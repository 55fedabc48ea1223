/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an address means to one call: an object of ours, with the ends that are held for it, or a kernel object that
 * is opened for this call alone. */
#pragma once

#include "manager.h"
#include "mechanism.h"

typedef struct Object Object;

typedef struct Target {
        const Mechanism *mechanism; /* NULL: an alias, and which kind it is the worker will tell */
        Object *object;             /* ours, or NULL */
        KernelObject temporary; /* opened for the call: where the object is not ours, or is used as by a client; else,
                                   and where the work is a worker's, empty */
        char *address;          /* canonical, as far as that is known; owned */
        bool fetch;             /* a worker has to find or open it first (fetches.h) */
} Target;

#define TARGET_EMPTY \
        { .temporary = KERNEL_OBJECT_EMPTY }
#define CLEANUP_TARGET CLEANUP(target_done)

/* Ours at this address, unless its name stands for something else by now, or for nothing: then it leaves the bus, and
 * the address means what is there. */
Object *target_object_now(Manager *manager, const char *address);

/* Is the operation one of the kind's, and where is the object? Opens what is not ours, unless a worker will. */
int target_find(Manager *manager, const char *address, Operation operation, Target *ret, Error *error);
int target_of_object(Object *object, Operation operation, Target *ret, Error *error);
/* Only the address, for work that a worker does: nothing is opened. */
int target_parse(Manager *manager, const char *address, Target *ret, Error *error);
/* What was fetched: ours if it is, else it is taken over as the temporary object. */
int target_set_fetched(Manager *manager, Target *target, KernelObject *kernel, Error *error);
/* What is to be removed; ours also where its kind has no removal: it can leave the bus at least. */
int target_find_to_remove(Manager *manager, const char *address, Target *ret, Error *error);
int target_remove(Target *target, Error *error);
int target_open_end(Target *target, const char *end, bool take, int *ret_fd, Error *error);
/* Before the first use, once the options are known: see as_client in mechanism.h. */
int target_open_as_client(Target *target, Operation operation, const Record *options, Error *error);
KernelObject *target_kernel(Target *target);
bool target_in_worker(const Target *target, Operation operation);
void target_done(Target *target);
/* Moves it; the source is empty then. */
Target target_take(Target *target);
