/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Methods of the Manager that look at the machine: a worker does it, and what the service knows of its own objects is
 * added to what the worker saw. */
#include <errno.h>
#include <glib.h>
#include <unistd.h>

#include "authorise.h"
#include "bus-cleanup.h"
#include "common-options.h"
#include "manager-bus.h"
#include "objects.h"
#include "record-bus.h"
#include "target.h"
#include "worker-calls.h"

/* The worker ended well and said nothing: a fault of ours, and no empty answer. */
static int reply_no_row(WorkerCall *call) {
        Error error = {};

        (void)error_set(&error, ERROR_FAILED, "The worker found nothing to say; this is a bug.");
        return bus_reply_error(call->wait.call, &error);
}

static void add_ours(Record *row, const Object *object) {
        record_set_bool(row, "ours", object != NULL);
        if (!object)
                return;
        record_set_string(row, "path", object->path);
        record_set_string(row, "lease", lease_type_name(object->lease.type));
        record_set_bool(row, "adopted", object->adopted);
        /* Of what has no name the kernel does not tell when it was made; of ours the service knows. */
        if (!object->adopted && object->kernel.created > 0 && !record_has(row, "created"))
                record_set_u64(row, "created", object->kernel.created);
}

static int reply_described(WorkerCall *call) {
        CLEANUP(record_freep) Record *attributes = NULL;
        Object *object = call->wait.object;
        int r;

        if (call->rows->len == 0)
                return reply_no_row(call);
        r = record_copy(call->rows->pdata[0], &attributes);
        if (r < 0)
                return r;
        if (!object)
                object = objects_find_address(
                        call->wait.manager->objects, record_get_string(attributes, "address", ""));
        /* Which ends the service holds, only the service knows. */
        if (object)
                record_merge(attributes, object_attributes(object));
        add_ours(attributes, object);
        return bus_reply_record(call->wait.call, attributes);
}

static int reply_holders(WorkerCall *call) {
        const Value *holders;

        if (call->rows->len == 0)
                return reply_no_row(call);
        holders = record_get(call->rows->pdata[0], "holders");
        if (!holders || holders->type != VALUE_RECORDS)
                return bus_reply_records(call->wait.call, NULL, 0);
        return bus_reply_records(call->wait.call, holders->records.items, holders->records.n);
}

static int start_describe(
        sd_bus_message *call, Manager *manager, int (*reply)(WorkerCall *call), sd_bus_error *ret_error) {
        CLEANUP_TARGET Target target = TARGET_EMPTY;
        Record *request = NULL;
        const char *address;
        Error error = {};
        int r;

        r = sd_bus_message_read(call, "s", &address);
        if (r < 0)
                return r;
        r = authorise(call, geteuid(), &error);
        if (r >= 0)
                r = target_parse(manager, address, &target, &error);
        if (r >= 0)
                r = worker_request_new("describe", target.address, &request, &error);
        if (r >= 0) {
                record_set_bool(request, "holders", true);
                r = worker_call_start(manager, call, target.object, caller_uid(call), request, reply, &error);
        }
        if (r < 0)
                return bus_set_error(ret_error, &error);
        return 1;
}

int manager_describe(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        return start_describe(call, userdata, reply_described, ret_error);
}

int manager_list_holders(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        return start_describe(call, userdata, reply_holders, ret_error);
}

typedef struct Listing {
        const Record *filter;
        GHashTable *seen; /* addresses of ours that the worker has seen */
        GPtrArray *rows;
} Listing;

static bool wants_kind(const Record *filter, const char *kind) {
        const Value *kinds = record_get(filter, "kinds");

        if (!kinds || kinds->strings.n == 0)
                return true;
        for (size_t i = 0; i < kinds->strings.n; i++)
                if (g_str_equal(kinds->strings.items[i], kind))
                        return true;
        return false;
}

/* Ours that no scan shows: the kind cannot be listed here, or what it is cannot be told from outside. */
static void add_unseen(Object *object, void *userdata) {
        Listing *listing = userdata;
        Record *row = NULL;

        if (g_hash_table_contains(listing->seen, object->address) ||
                !wants_kind(listing->filter, object->kernel.mechanism->kind) ||
                record_get_u64(listing->filter, "uid", object->kernel.owner) != object->kernel.owner ||
                record_has(listing->filter, "pid"))
                return;
        if (record_copy(object_attributes(object), &row) < 0)
                return;
        record_set_string(row, "kind", object->kernel.mechanism->kind);
        record_set_string(row, "address", object->address);
        record_set_u64(row, "uid", object->kernel.owner);
        record_set_u64(row, "gid", object->kernel.group);
        record_set_u64(row, "mode", object->kernel.mode);
        if (object->kernel.created > 0)
                record_set_u64(row, "created", object->kernel.created);
        add_ours(row, object);
        g_ptr_array_add(listing->rows, row);
}

static void note_address(Object *object, void *userdata) {
        Listing *listing = userdata;

        if (wants_kind(listing->filter, object->kernel.mechanism->kind))
                g_ptr_array_add(listing->rows, g_strdup(object->address));
}

/* Ours that somebody else removed, or put something else in the place of, are ours no more. */
static void drop_gone(Manager *manager, const Record *filter) {
        g_autoptr(GPtrArray) addresses = g_ptr_array_new_with_free_func(g_free);

        objects_foreach(manager->objects, note_address, &(Listing){ .filter = filter, .rows = addresses });
        for (guint i = 0; i < addresses->len; i++)
                (void)target_object_now(manager, addresses->pdata[i]);
}

static void free_record(gpointer record) {
        record_free(record);
}

static int reply_listed(WorkerCall *call) {
        g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
        g_autoptr(GPtrArray) own = g_ptr_array_new_with_free_func(free_record);
        g_autoptr(GPtrArray) rows = g_ptr_array_new();
        const Record *filter = record_get(call->request, "filter")->records.items[0];
        Manager *manager = call->wait.manager;
        bool mine = record_get_bool(filter, "mine", false);

        drop_gone(manager, filter);
        for (guint i = 0; i < call->rows->len; i++) {
                Record *row = call->rows->pdata[i];
                const char *address = record_get_string(row, "address", NULL);
                Object *object = address ? objects_find_address(manager->objects, address) : NULL;

                if (object)
                        g_hash_table_add(seen, object->address);
                if (mine && !object)
                        continue;
                if (address)
                        add_ours(row, object);
                g_ptr_array_add(rows, row);
        }
        objects_foreach(manager->objects, add_unseen, &(Listing){ .filter = filter, .seen = seen, .rows = own });
        for (guint i = 0; i < own->len; i++)
                g_ptr_array_add(rows, own->pdata[i]);
        return bus_reply_records(call->wait.call, (Record *const *)rows->pdata, rows->len);
}

static int check_kinds(const Record *filter, Error *error) {
        const Value *kinds = record_get(filter, "kinds");
        const Mechanism *mechanism;
        int r;

        for (size_t i = 0; kinds && i < kinds->strings.n; i++) {
                r = mechanism_for_kind(kinds->strings.items[i], &mechanism, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

int manager_list_kernel_objects(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        CLEANUP(record_freep) Record *filter = NULL;
        Record *request = NULL;
        Error error = {};
        int r;

        r = bus_read_options(call, list_filter_options, NULL, OPTION_FOR_CREATE, &filter, &error);
        if (r >= 0)
                r = check_kinds(filter, &error);
        if (r >= 0)
                r = authorise(call, geteuid(), &error);
        if (r >= 0)
                r = worker_request_new("list", NULL, &request, &error);
        if (r >= 0) {
                record_append_record(request, "filter", TAKE_POINTER(filter));
                r = worker_call_start(userdata, call, NULL, caller_uid(call), request, reply_listed, &error);
        }
        if (r < 0)
                return bus_set_error(ret_error, &error);
        return 1;
}

static int reply_explained(WorkerCall *call) {
        if (call->rows->len == 0)
                return reply_no_row(call);
        return bus_reply_record(call->wait.call, call->rows->pdata[0]);
}

int manager_explain(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        CLEANUP(record_freep) Record *options = NULL;
        CLEANUP_TARGET Target target = TARGET_EMPTY;
        Record *request = NULL;
        const char *address;
        Error error = {};
        int r;

        r = sd_bus_message_read(call, "s", &address);
        if (r < 0)
                return r;
        r = bus_read_options(call, explain_options, NULL, OPTION_FOR_CREATE, &options, &error);
        if (r >= 0)
                r = authorise(call, geteuid(), &error);
        if (r >= 0)
                r = target_parse(userdata, address, &target, &error);
        if (r >= 0)
                r = worker_request_new("explain", target.address, &request, &error);
        if (r >= 0) {
                /* A name is looked up by the worker: that may ask a server. */
                record_set_u64(request, "uid", caller_uid(call));
                record_set_u64(request, "gid", getegid());
                /* Its limits are those that count. */
                record_set_u64(request, "pid", (uint64_t)caller_pid(call));
                if (record_has(options, "for"))
                        record_set_string(request, "user", record_get_string(options, "for", ""));
                r = worker_call_start(
                        userdata, call, target.object, caller_uid(call), request, reply_explained, &error);
        }
        if (r < 0)
                return bus_set_error(ret_error, &error);
        return 1;
}
