/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How objects come to be: made, adopted, or found again after a restart. An Object under construction belongs to the
 * function that makes it, and to the registry from objects_insert() on. What it may cost is charged before anything is
 * done, and settled to what it does cost after. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bus-cleanup.h"
#include "events.h"
#include "objects.h"
#include "units.h"

static uint64_t now_boottime(void) {
        struct timespec now;

        (void)clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}

uint64_t lease_end(uint64_t duration) {
        return now_boottime() + duration;
}

static void object_free_indirect(Object **object) {
        object_free(*object);
}

static int object_new(Manager *manager, const Mechanism *mechanism, uid_t uid, Object **ret, Error *error) {
        Object *object;

        object = calloc(1, sizeof(*object));
        if (!object)
                return error_set_errno(error, ENOMEM, "The object cannot be kept");
        object->manager = manager;
        object->uid = uid;
        object->watch_edges = -EBADF;
        kernel_object_init(&object->kernel, mechanism);
        *ret = object;
        return 0;
}

static int object_charge(Object *object, uint64_t bytes, Error *error) {
        const struct {
                LimitKind kind;
                uint64_t amount;
        } costs[OBJECT_CHARGE_MAX] = {
                [OBJECT_CHARGE_SELF] = { LIMIT_OBJECTS, 1 },
                [OBJECT_CHARGE_BYTES] = { LIMIT_BYTES, bytes },
                [OBJECT_CHARGE_DESCRIPTORS] = { LIMIT_DESCRIPTORS, KERNEL_OBJECT_FDS_MAX },
        };
        int r;

        for (size_t i = 0; i < OBJECT_CHARGE_MAX; i++) {
                r = limits_charge(object->manager->limits, object->uid, NULL, costs[i].kind, costs[i].amount,
                        &object->charges[i], error);
                if (r < 0)
                        return r;
        }
        return 0;
}

int object_settle_descriptors(Object *object, Error *error) {
        Limits *limits = object->manager->limits;
        Charge *charge = &object->charges[OBJECT_CHARGE_DESCRIPTORS];
        uint64_t n = object->keeper ? 2 : 0; /* its channel, and the watch on it */

        for (size_t i = 0; i < KERNEL_OBJECT_FDS_MAX; i++)
                n += object->kernel.fds[i] >= 0;
        n += events_has_messages(object);
        limits_release(limits, charge);
        return limits_charge(limits, object->uid, NULL, LIMIT_DESCRIPTORS, n, charge, error);
}

/* The kernel object is there: what it costs is known now. */
static int object_settle(Object *object, Error *error) {
        Limits *limits = object->manager->limits;
        Charge *bytes = &object->charges[OBJECT_CHARGE_BYTES];
        int r;

        limits_release(limits, bytes);
        r = limits_charge(limits, object->uid, NULL, LIMIT_BYTES, object->kernel.bytes, bytes, error);
        return r < 0 ? r : object_settle_descriptors(object, error);
}

static int object_set_address(Object *object, Error *error) {
        object->address = address_print(&object->kernel.address);
        return object->address ? 0 : error_set_errno(error, ENOMEM, "The address of the object cannot be kept");
}

/* What has no name is gone with the service, so there is nothing to find again; and where objects are processes, it
 * is not told by a name whether it is the same one. */
static int object_journal(Object *object, Error *error) {
        Manager *manager = object->manager;
        int r;

        if (manager->peer_to_peer || object->kernel.unnamed || object->kernel.mechanism->keep)
                return 0;
        r = journal_add(manager->journal, &(JournalObject){ .serial = object->serial,
                                                  .address = object->address,
                                                  .identity = object->kernel.identity,
                                                  .lease = lease_type_name(object->lease.type),
                                                  .expires = object->lease.expires,
                                                  .adopted = object->adopted,
                                                  .uid = object->uid,
                                                  .created = object->kernel.created,
                                                  .hold = object->kernel.hold });
        if (r < 0)
                return error_set_errno(error, r, "%.200s cannot be written to the journal", object->address);
        object->journalled = true;
        return 0;
}

/* Serial, journal, registry. On failure the journal knows nothing of it. */
static int object_enter(Object *object, Error *error) {
        Manager *manager = object->manager;
        int r;

        object->serial = journal_next_serial(manager->journal);
        r = object_journal(object, error);
        if (r < 0)
                return r;
        r = objects_insert(manager->objects, object, error);
        if (r < 0 && object->journalled)
                (void)journal_drop(manager->journal, object->serial);
        return r;
}

static const char embedded_ends[] = "a service that was started for one command ends with it. Start the service on a "
                                    "session bus (dbus-run-session gives one), and make it there";

/* Before a worker makes it: what will not be kept must not be made, which may take long and fill a disk. */
static int check_cost(Manager *manager, const ObjectRequest *request, Error *error) {
        CLEANUP(object_free_indirect) Object *object = NULL;
        int r;

        if (request->made || !(request->mechanism->in_worker & 1u << OPERATION_CREATE))
                return 0;
        r = object_new(manager, request->mechanism, request->uid, &object, error);
        return r < 0 ? r : object_charge(object, record_get_u64(request->options, "size", 0), error);
}

int objects_check_request(Manager *manager, const ObjectRequest *request, Error *error) {
        int r;

        r = mechanism_supports(request->mechanism, OPERATION_CREATE, error);
        if (r >= 0)
                r = check_cost(manager, request, error);
        if (r < 0 || !manager->peer_to_peer)
                return r;
        if (request->lease != LEASE_NONE)
                return error_set(error, ERROR_NOT_SUPPORTED, "A lease cannot be kept here: %s.", embedded_ends);
        if (request->mechanism->keep)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "An object of the kind %s is a process of the service: %s.", request->mechanism->kind,
                        embedded_ends);
        return 0;
}

static int object_finish(Object *object, const ObjectRequest *request, Error *error) {
        Manager *manager = object->manager;
        int r;

        if (manager->peer_to_peer && (object->kernel.unnamed || request->mechanism->ends_with_service))
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "An object of the kind %s %s gone with the service that made it: %s.",
                        request->mechanism->kind, object->kernel.unnamed ? "has no name and is" : "is", embedded_ends);
        r = object_set_address(object, error);
        if (r < 0)
                return r;
        r = object_set_lease(object, request->lease,
                request->lease == LEASE_DURATION ? lease_end(request->duration) : 0, request->client, error);
        if (r < 0)
                return r;
        if (request->keeper)
                object->keeper = TAKE_POINTER(*request->keeper);
        r = object_settle(object, error);
        if (r < 0)
                return r;
        return object_enter(object, error);
}

int objects_create(Manager *manager, const ObjectRequest *request, Object **ret, Error *error) {
        CLEANUP(object_free_indirect) Object *object = NULL;
        const Mechanism *mechanism = request->mechanism;
        bool there = false;
        int r;

        r = objects_check_request(manager, request, error);
        if (r < 0)
                return r;
        r = object_new(manager, mechanism, request->uid, &object, error);
        if (r < 0)
                return r;
        if (request->made) {
                object->kernel = *request->made;
                *request->made = (KernelObject)KERNEL_OBJECT_EMPTY;
                there = true;
        }
        r = object_charge(object, record_get_u64(request->options, "size", 0), error);
        if (r >= 0 && request->keeper) {
                r = keeper_channel(*request->keeper, &object->kernel.channel);
                if (r < 0)
                        error_set_errno(error, r, "The channel to the process of the object cannot be kept");
        }
        if (r >= 0 && !there) {
                r = mechanism->create(&object->kernel, request->options, error);
                there = r >= 0;
        }
        if (r >= 0)
                r = object_finish(object, request, error);
        if (r < 0) {
                if (there && mechanism->remove)
                        (void)mechanism->remove(&object->kernel, NULL);
                return r;
        }
        if (object->keeper)
                keeper_set_object(object->keeper, object);
        *ret = TAKE_POINTER(object);
        return 0;
}

int objects_adopt_kernel(Manager *manager, KernelObject *kernel, uid_t uid, Object **ret, Error *error) {
        CLEANUP(object_free_indirect) Object *object = NULL;
        Object *known;
        int r;

        r = object_new(manager, kernel->mechanism, uid, &object, error);
        if (r < 0)
                return r;
        object->kernel = *kernel;
        *kernel = (KernelObject)KERNEL_OBJECT_EMPTY;
        r = object_set_address(object, error);
        if (r < 0)
                return r;
        known = objects_find_address(manager->objects, object->address);
        if (known && strcmp(known->kernel.identity, object->kernel.identity) == 0) {
                *ret = known;
                return 0;
        }
        if (manager->peer_to_peer)
                return error_set(error, ERROR_NOT_SUPPORTED, "Adopting %.200s would keep it on the bus, and %s.",
                        object->address, embedded_ends);
        r = object_charge(object, 0, error);
        if (r >= 0)
                r = object_settle(object, error);
        if (r < 0)
                return r;
        object->adopted = true;
        r = object_enter(object, error);
        if (r < 0)
                return r;
        *ret = TAKE_POINTER(object);
        return 0;
}

int objects_adopt(Manager *manager, Address *address, const Record *options, uid_t uid, Object **ret, Error *error) {
        CLEANUP(kernel_object_done) KernelObject kernel = KERNEL_OBJECT_EMPTY;
        const Mechanism *mechanism;
        int r;

        r = mechanism_for_address(address, &mechanism, error);
        if (r >= 0)
                r = mechanism_supports(mechanism, OPERATION_ADOPT, error);
        if (r < 0)
                return r;
        kernel_object_init(&kernel, mechanism);
        kernel.address = *address;
        *address = (Address)ADDRESS_EMPTY;
        r = mechanism->open(&kernel, options, error);
        return r < 0 ? r : objects_adopt_kernel(manager, &kernel, uid, ret, error);
}

static bool lease_is_over(const JournalObject *entry) {
        LeaseType lease = lease_type_from_name(entry->lease);

        return !entry->adopted &&
               (lease == LEASE_CALLER || (lease == LEASE_DURATION && entry->expires <= now_boottime()));
}

/* Opens what the entry names and compares. -ESTALE: it is gone, or another stands there. What is gone because it could
 * not be otherwise is none of that, and has no identity: it is to be revived. */
static int entry_open(const JournalObject *entry, KernelObject *kernel, Error *error) {
        CLEANUP(record_freep) Record *options = NULL;
        CLEANUP(address_done) Address address = ADDRESS_EMPTY;
        const Mechanism *mechanism;
        int r;

        r = record_new(&options);
        if (r < 0)
                return r;
        record_set_bool(options, "hold", entry->hold);
        r = address_parse(entry->address, &address, error);
        if (r >= 0)
                r = mechanism_for_address(&address, &mechanism, error);
        if (r >= 0)
                r = mechanism_supports(mechanism, OPERATION_ADOPT, error);
        if (r < 0)
                return r;
        kernel_object_init(kernel, mechanism);
        kernel->address = address;
        address = (Address)ADDRESS_EMPTY;
        r = mechanism->open(kernel, options, error);
        if (r < 0 && error && error->code == ERROR_NO_SUCH_OBJECT) {
                kernel->identity[0] = '\0';
                return mechanism->ends_with_service && !entry->adopted ? 0 : -ESTALE;
        }
        if (r < 0)
                return r;
        return strcmp(kernel->identity, entry->identity) == 0 ? 0 : -ESTALE;
}

static int entry_remove(KernelObject *kernel, Error *error) {
        int r;

        r = kernel_object_verify(kernel, error);
        if (r < 0 || !kernel->mechanism->remove)
                return r;
        return kernel->mechanism->remove(kernel, error);
}

void objects_remove_orphan(const JournalObject *entry) {
        CLEANUP(kernel_object_done) KernelObject kernel = KERNEL_OBJECT_EMPTY;
        Error error = {};
        int r;

        r = entry_open(entry, &kernel, &error);
        if (r >= 0)
                r = entry_remove(&kernel, &error);
        if (r < 0 && r != -ESTALE)
                fprintf(stderr, "ipcbusd: %s was left by a service that died, and cannot be removed: %s\n",
                        entry->address, error.message);
}

/* What ended with the service that made it works again, unless others have it by now. 1: its identity is another. */
static int entry_revive(const JournalObject *entry, KernelObject *kernel) {
        Error error = {};
        int r;

        if (entry->adopted || !kernel->mechanism->revive)
                return 0;
        r = kernel->mechanism->revive(kernel, &error);
        if (r < 0 && error.code != ERROR_EXISTS)
                fprintf(stderr, "ipcbusd: %s is there again, but does not work: %s\n", entry->address, error.message);
        return r >= 0;
}

static int object_restore(Manager *manager, const JournalObject *entry, KernelObject *kernel, Error *error) {
        CLEANUP(object_free_indirect) Object *object = NULL;
        LeaseType lease = lease_type_from_name(entry->lease);
        bool revived = entry_revive(entry, kernel) > 0;
        int r;

        if (!revived && !kernel->identity[0])
                return -ESTALE;
        r = object_new(manager, kernel->mechanism, entry->uid, &object, error);
        if (r < 0)
                return r;
        r = object_charge(object, 0, error);
        if (r < 0)
                return r;
        object->kernel = *kernel;
        *kernel = (KernelObject)KERNEL_OBJECT_EMPTY;
        object->serial = entry->serial;
        object->adopted = entry->adopted;
        object->journalled = true;
        r = object_set_address(object, error);
        if (r >= 0)
                r = object_settle(object, error);
        if (r >= 0 && lease == LEASE_DURATION)
                r = object_set_lease(object, lease, entry->expires, NULL, error);
        if (r >= 0 && revived)
                r = object_journal(object, error);
        if (r >= 0)
                r = objects_insert(manager->objects, object, error);
        if (r < 0)
                return r;
        object = NULL;
        return 0;
}

void objects_restore(Manager *manager, const JournalObject *entry) {
        CLEANUP(kernel_object_done) KernelObject kernel = KERNEL_OBJECT_EMPTY;
        uint64_t serial = entry->serial;
        Error error = {};
        bool over = lease_is_over(entry);
        int r;

        r = entry_open(entry, &kernel, &error);
        if (r >= 0)
                r = over ? entry_remove(&kernel, &error) : object_restore(manager, entry, &kernel, &error);
        if (r < 0 && r != -ESTALE)
                fprintf(stderr, "ipcbusd: %s of an earlier run cannot be taken up again: %s\n", entry->address,
                        error.message);
        if (r == -ESTALE || (r >= 0 && over))
                (void)journal_drop(manager->journal, serial);
}
