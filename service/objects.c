/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The registry, and what happens to an object while it is in it: lease, ends, attributes, removal. Both tables refer
 * to the strings of the Object, which the registry owns. How objects come to be is in object-make.c. */
#include "objects.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus-cleanup.h"
#include "events.h"
#include "jobs.h"
#include "protocol.h"
#include "trim.h"

struct Objects {
        Manager *manager;
        GHashTable *by_path;
        GHashTable *by_address;
        size_t needing_service;
};

int objects_new(Manager *manager, Objects **ret) {
        Objects *objects;

        objects = calloc(1, sizeof(*objects));
        if (!objects)
                return -ENOMEM;
        objects->manager = manager;
        objects->by_path = g_hash_table_new(g_str_hash, g_str_equal);
        objects->by_address = g_hash_table_new(g_str_hash, g_str_equal);
        *ret = objects;
        return 0;
}

static gboolean end_object(gpointer key, gpointer value, gpointer userdata) {
        Object *object = value;

        object->keeper = keeper_stop(object->keeper);
        object_free(object);
        return TRUE;
}

Objects *objects_free(Objects *objects) {
        g_autoptr(GList) all = NULL;

        if (!objects)
                return NULL;
        all = g_hash_table_get_values(objects->by_path);
        for (GList *item = all; item; item = item->next) {
                Object *object = item->data;
                Error error = {};

                if (object->lease.type == LEASE_CALLER && object_remove(object, &error) < 0 && error_is_set(&error))
                        fprintf(stderr, "ipcbusd: %s\n", error.message);
        }
        g_hash_table_remove_all(objects->by_address);
        g_hash_table_foreach_remove(objects->by_path, end_object, NULL);
        g_hash_table_unref(objects->by_address);
        g_hash_table_unref(objects->by_path);
        free(objects);
        return NULL;
}

Object *objects_find_path(const Objects *objects, const char *path) {
        return g_hash_table_lookup(objects->by_path, path);
}

Object *objects_find_address(const Objects *objects, const char *address) {
        return g_hash_table_lookup(objects->by_address, address);
}

void objects_foreach(const Objects *objects, void (*each)(Object *object, void *userdata), void *userdata) {
        GHashTableIter iterator;
        gpointer object;

        g_hash_table_iter_init(&iterator, objects->by_path);
        while (g_hash_table_iter_next(&iterator, NULL, &object))
                each(object, userdata);
}

char **objects_paths(const Objects *objects) {
        g_autofree char **keys = (char **)g_hash_table_get_keys_as_array(objects->by_path, NULL);

        return g_strdupv(keys);
}

bool objects_may_leave(const Objects *objects) {
        return objects->needing_service == 0;
}

/* It needs the service while a descriptor or a process of the service is part of it, or a lease runs. */
static void object_count_need(Object *object, bool registered) {
        Manager *manager = object->manager;
        bool needs = object->keeper || object->lease.type != LEASE_NONE;

        for (size_t i = 0; i < KERNEL_OBJECT_FDS_MAX; i++)
                needs = needs || object->kernel.fds[i] >= 0;
        needs = needs && registered;
        if (needs == object->needs_service)
                return;
        object->needs_service = needs;
        manager->objects->needing_service += needs ? 1 : (size_t)-1;
        manager_check_idle(manager);
}

static int object_make_path(Object *object) {
        char *path = NULL;

        if (asprintf(&path, IPCBUS_OBJECT_PATH "/%s/%llu", object->kernel.mechanism->kind,
                    (unsigned long long)object->serial) < 0)
                return -ENOMEM;
        for (char *c = path; *c; c++)
                if (*c == '-')
                        *c = '_';
        free(object->path);
        object->path = path;
        return 0;
}

/* Another object of the same address: one that has lost its name to this one without our doing. */
static int drop_stale(Objects *objects, const char *address, Error *error) {
        Object *other = objects_find_address(objects, address);
        Error gone = {};

        if (!other)
                return 0;
        if (kernel_object_verify(&other->kernel, NULL) != -ESTALE)
                return error_set(error, ERROR_EXISTS, "%.200s is an object of the service already.", address);
        (void)error_set(&gone, ERROR_NO_SUCH_OBJECT, "%.200s was removed by somebody else.", address);
        object_drop(other, &gone);
        return 0;
}

int objects_insert(Objects *objects, Object *object, Error *error) {
        Manager *manager = objects->manager;
        int r;

        r = drop_stale(objects, object->address, error);
        if (r < 0)
                return r;
        r = object_make_path(object);
        if (r < 0)
                return error_set_errno(error, r, "%.200s cannot be registered", object->address);

        g_hash_table_insert(objects->by_path, object->path, object);
        g_hash_table_insert(objects->by_address, object->address, object);
        events_sink_init(object);
        events_watch(object);
        object_count_need(object, true);
        r = sd_bus_emit_object_added(manager->bus, object->path);
        if (r < 0)
                fprintf(stderr, "ipcbusd: the addition of %s could not be told: %s\n", object->address, strerror(-r));
        manager_check_idle(manager);
        return 0;
}

Object *object_free(Object *object) {
        if (!object)
                return NULL;
        events_unwatch(object);
        lease_done(&object->lease);
        object->keeper = keeper_free(object->keeper);
        if (object->kernel.mechanism)
                kernel_object_done(&object->kernel);
        for (size_t i = 0; i < OBJECT_CHARGE_MAX; i++)
                limits_release(object->manager->limits, &object->charges[i]);
        record_free(object->attributes);
        free(object->address);
        free(object->path);
        free(object);
        return NULL;
}

enum { OBJECT_MEMORY = 2048 }; /* about so much an object takes */

void object_drop(Object *object, const Error *why) {
        Manager *manager = object->manager;
        Objects *objects = manager->objects;
        int r;

        /* Told before it is gone: what is announced is what its path still has. */
        r = sd_bus_emit_object_removed(manager->bus, object->path);
        if (r < 0 && r != -ENOTCONN)
                fprintf(stderr, "ipcbusd: the removal of %s could not be told: %s\n", object->address, strerror(-r));
        g_hash_table_remove(objects->by_path, object->path);
        g_hash_table_remove(objects->by_address, object->address);
        object_count_need(object, false);
        waits_end_object(object, why);
        if (manager->jobs)
                jobs_object_gone(manager->jobs, object->address);
        if (object->journalled)
                (void)journal_drop(manager->journal, object->serial);
        object_free(object);
        trim_released(manager->trim, OBJECT_MEMORY);
        manager_check_idle(manager);
}

int object_remove(Object *object, Error *error) {
        const Mechanism *mechanism = object->kernel.mechanism;
        Error why = {};
        int r;

        (void)error_set(&why, ERROR_NO_SUCH_OBJECT, "%.200s was removed while you waited.", object->address);
        r = kernel_object_verify(&object->kernel, error);
        if (r == -ESTALE) {
                r = error_set(error, ERROR_NO_SUCH_OBJECT,
                        "%.200s was removed or replaced by somebody else; it is off the bus now, and what stands "
                        "there "
                        "was left alone.",
                        object->address);
                object_drop(object, &why);
                return r;
        }
        if (r < 0)
                return r;

        if (mechanism->remove) {
                events_unwatch(object);
                r = mechanism->remove(&object->kernel, error);
                /* What cannot be removed at all, as a process of somebody's, can still leave the bus. */
                if (r == -EOPNOTSUPP && object->adopted)
                        r = 0;
                if (r < 0 && r != -ENOENT) {
                        events_watch(object);
                        return r;
                }
        }
        object_drop(object, &why);
        return r;
}

static void on_lease_expired(Lease *lease) {
        Object *object = CONTAINER_OF(lease, Object, lease);
        Error error = {};

        (void)sd_bus_emit_signal(object->manager->bus, IPCBUS_PATH, IPCBUS_INTERFACE_MANAGER, "LeaseExpired", "oss",
                object->path, object->address, lease_type_name(lease->type));
        if (object_remove(object, &error) >= 0 || error.code == ERROR_NO_SUCH_OBJECT)
                return;
        fprintf(stderr, "ipcbusd: the lease of %s ended, but it stays: %s\n", object->address, error.message);
        (void)object_set_lease(object, LEASE_NONE, 0, NULL, NULL);
}

int object_set_lease(Object *object, LeaseType type, uint64_t expires, Client *client, Error *error) {
        Manager *manager = object->manager;
        bool registered;
        int r;

        /* The journal comes first: after a crash nothing is removed whose lease was taken off. */
        registered = object->path && objects_find_path(manager->objects, object->path) == object;
        if (registered && object->journalled) {
                r = journal_lease(manager->journal, object->serial, lease_type_name(type), expires);
                if (r < 0)
                        return error_set_errno(
                                error, r, "The lease of %.200s cannot be written to the journal", object->address);
        }
        object->lease.expired = on_lease_expired;
        r = lease_set(&object->lease, type, expires, manager->event, client, error);
        if (r < 0)
                return r;

        if (!registered)
                return 0;
        object_count_need(object, true);
        (void)sd_bus_emit_properties_changed(
                manager->bus, object->path, IPCBUS_INTERFACE_KERNEL_OBJECT, "Lease", "LeaseExpires", NULL);
        return 0;
}

int object_charge_bytes(Object *object, uint64_t bytes, Error *error) {
        Charge *charge = &object->charges[OBJECT_CHARGE_BYTES];
        Limits *limits = object->manager->limits;
        uint64_t before = charge->amount;
        int r;

        limits_release(limits, charge);
        r = limits_charge(limits, object->uid, NULL, LIMIT_BYTES, bytes, charge, error);
        /* What was given back a moment ago is there to be had again. */
        if (r < 0)
                (void)limits_charge(limits, object->uid, NULL, LIMIT_BYTES, before, charge, NULL);
        return r;
}

int object_resize(Object *object, uint64_t size, Error *error) {
        uint64_t before = object->charges[OBJECT_CHARGE_BYTES].amount;
        int r;

        r = object_charge_bytes(object, size, error);
        if (r < 0)
                return r;
        r = object->kernel.mechanism->resize(&object->kernel, size, error);
        object_attributes_stale(object);
        if (r < 0)
                (void)object_charge_bytes(object, before, NULL);
        return r;
}

int object_open_end(Object *object, const char *end, bool take, int *ret_fd, Error *error) {
        int r;

        /* The service's own copy may be closed here, and then there may be something else to watch and to wait for. */
        events_unwatch(object);
        r = object->kernel.mechanism->open_end(&object->kernel, end, take, ret_fd, error);
        events_watch(object);
        if (r < 0)
                return r;
        object_attributes_stale(object);
        (void)object_settle_descriptors(object, NULL); /* there can only be fewer */
        object_count_need(object, true);
        waits_retry_object(object);
        return 0;
}

const Record *object_attributes(Object *object) {
        CLEANUP(record_freep) Record *fresh = NULL;
        uint64_t now = 0;
        int r = 0;

        (void)sd_event_get_iteration(object->manager->event, &now);
        if (object->attributes && object->attributes_at == now + 1)
                return object->attributes;
        if (record_new(&fresh) < 0)
                return object->attributes;
        if (object->kernel.mechanism->describe)
                r = object->kernel.mechanism->describe(&object->kernel, fresh, NULL);
        /* What cannot be read now is shown as it was: a property has no way to fail that does not hide all others. */
        if (r >= 0 || !object->attributes) {
                record_free(object->attributes);
                object->attributes = TAKE_POINTER(fresh);
        }
        object->attributes_at = now + 1;
        return object->attributes;
}

void object_attributes_stale(Object *object) {
        object->attributes_at = 0;
}
