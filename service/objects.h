/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one registry of kernel objects that the service made or adopted. An Object owns its KernelObject, its lease,
 * what it is charged for, and the keeper of a kind that has one. Everything here is found in constant time: by bus
 * path and by canonical address. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "journal.h"
#include "keeper.h"
#include "lease.h"
#include "limit.h"
#include "manager.h"
#include "mechanism.h"
#include "waits.h"

typedef enum ObjectCharge {
        OBJECT_CHARGE_SELF,
        OBJECT_CHARGE_BYTES,
        OBJECT_CHARGE_DESCRIPTORS,
        OBJECT_CHARGE_MAX,
} ObjectCharge;

typedef struct Object {
        Manager *manager;
        KernelObject kernel;
        uint64_t serial;
        char *address; /* canonical */
        char *path;
        uid_t uid; /* whom it is charged to */
        bool adopted;
        bool journalled;
        bool needs_service; /* counted in Objects: the service may not exit while it stands */
        Lease lease;
        Charge charges[OBJECT_CHARGE_MAX];
        Record *attributes;     /* as describe() gave them last */
        uint64_t attributes_at; /* the event loop's iteration, 0: stale */
        EventSink sink;
        sd_event_source *watch;
        sd_event_source *watch_pause; /* events.c: while it is told nothing */
        int watch_edges;              /* an epoll instance that keeps what happens meanwhile; -EBADF: none */
        bool told_message;
        Keeper *keeper;
        uint64_t keeper_asked, keeper_answered; /* requests to it, so far */
        Wait *waits;                            /* calls that wait on it */
        const void *sender; /* of a stream: the call whose bytes went in by half; others wait for their turn */
} Object;

typedef struct ObjectRequest {
        const Mechanism *mechanism;
        const Record *options;
        uid_t uid;
        LeaseType lease;
        uint64_t duration;  /* of the lease, from now */
        Client *client;     /* for a caller's lease */
        Keeper **keeper;    /* taken when the object was made; NULL where the kind has none */
        KernelObject *made; /* by a worker, and taken over; NULL: it is made now */
} ObjectRequest;

int objects_new(Manager *manager, Objects **ret);
/* Ends the objects with a caller's lease; the others stay in the kernel and in the journal. */
Objects *objects_free(Objects *objects);

Object *objects_find_path(const Objects *objects, const char *path);
/* `address` in its canonical form. */
Object *objects_find_address(const Objects *objects, const char *address);
void objects_foreach(const Objects *objects, void (*each)(Object *object, void *userdata), void *userdata);
/* A NULL-terminated list, the caller's. */
char **objects_paths(const Objects *objects);
/* Could the service exit without a loss: nothing is held open, and no lease runs. */
bool objects_may_leave(const Objects *objects);

/* object-make.c */
/* Is it possible here at all: also said before a keeper is started. */
int objects_check_request(Manager *manager, const ObjectRequest *request, Error *error);
uint64_t lease_end(uint64_t duration);
int objects_create(Manager *manager, const ObjectRequest *request, Object **ret, Error *error);
/* Takes the address over. An object that is registered already is given back as it is. */
int objects_adopt(Manager *manager, Address *address, const Record *options, uid_t uid, Object **ret, Error *error);
/* The same for what is open already; takes it over. */
int objects_adopt_kernel(Manager *manager, KernelObject *kernel, uid_t uid, Object **ret, Error *error);
/* What this instance's journal says of an earlier run: registers it again, or removes it where its lease has ended. */
void objects_restore(Manager *manager, const JournalObject *entry);
/* What the journal of an instance that has died says: its lease has ended, so it is removed. */
void objects_remove_orphan(const JournalObject *entry);

/* Puts a complete object on the bus (owned by the registry from then on). */
int objects_insert(Objects *objects, Object *object, Error *error);
/* Takes it off the bus and releases it; the kernel object's name stays. Calls that wait on it end, with `why`. */
void object_drop(Object *object, const Error *why);
/* Removes the kernel object, if the name still stands for it, and takes it off the bus. */
int object_remove(Object *object, Error *error);
/* Charges for the descriptors that it takes now. */
int object_settle_descriptors(Object *object, Error *error);
/* For an object that is not registered yet or never will be. */
Object *object_free(Object *object);

/* `expires` is on CLOCK_BOOTTIME. Counts anew whether the object needs the service. */
int object_set_lease(Object *object, LeaseType type, uint64_t expires, Client *client, Error *error);
/* What it holds becomes `bytes`; on failure it stays as it was. */
int object_charge_bytes(Object *object, uint64_t bytes, Error *error);
/* Charges for what is added before, and gives back what is not used after. */
int object_resize(Object *object, uint64_t size, Error *error);
int object_open_end(Object *object, const char *end, bool take, int *ret_fd, Error *error);
/* Attributes as of now, read from the kernel at most once in an iteration of the event loop. Never NULL. */
const Record *object_attributes(Object *object);
void object_attributes_stale(Object *object);
