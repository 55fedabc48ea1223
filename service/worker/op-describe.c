/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker.h"

/* describe: everything about one object. What has a name is opened for it; what has none (a pipe of others) is found
 * again in a scan of its kind. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "scan.h"
#include "worker-protocol.h"

typedef struct Search {
        Scan scan;
        const char *address;
        Record *found;
} Search;

static int search_row(Scan *scan, Record *row) {
        Search *search = scan->userdata;

        if (!search->found && strcmp(record_get_string(row, "address", ""), search->address) == 0)
                search->found = row;
        else
                record_free(row);
        return 0;
}

/* The row that a scan of the kind has for the address; -ENOENT if it has none. */
static int find_row(const KernelObject *object, const char *address, const ProcTable *table, Record **ret) {
        Search search = { .scan.row = search_row, .scan.table = table, .address = address };
        int r;

        search.scan.userdata = &search;
        if (!object->mechanism->scan)
                return -ENOENT;
        r = object->mechanism->scan(&search.scan);
        if (search.found) {
                *ret = search.found;
                return 0;
        }
        return r < 0 ? r : -ENOENT;
}

static void add_facts(const KernelObject *object, Record *row) {
        if (object->owner != (uid_t)-1)
                record_set_u64(row, "uid", object->owner);
        if (object->group != (gid_t)-1)
                record_set_u64(row, "gid", object->group);
        record_set_u64(row, "mode", object->mode);
        if (object->created > 0)
                record_set_u64(row, "created", object->created);
        if (object->bytes > 0)
                record_set_u64(row, "size", object->bytes);
        if (object->identity[0])
                record_set_string(row, "identity", object->identity);
}

static int add_holders(const KernelObject *object, const ProcTable *table, Record *row) {
        HolderKey keys[HOLDER_KEYS_MAX];
        size_t n = HOLDER_KEYS_MAX;
        int r;

        if (!object->mechanism->holder_keys) {
                record_set_bool(row, "holders_complete", false);
                record_set_bool(row, "holders_unknown", true);
                return record_error(row);
        }
        r = object->mechanism->holder_keys(object, keys, &n);
        return r < 0 ? r : holders_append(table, keys, n, row);
}

/* The open object as a row, without its holders: our own descriptors are closed before they are looked for. */
static int describe_open(KernelObject *object, Record *row, Error *error) {
        CLEANUP_FREE char *address = address_print(&object->address);
        int r;

        /* Canonical now: it may have been asked for by another address that it has. */
        if (!address)
                return error_set_errno(error, ENOMEM, "Cannot keep the address");
        record_set_string(row, "address", address);
        add_facts(object, row);
        r = object->mechanism->describe ? object->mechanism->describe(object, row, error) : 0;
        if (r >= 0 && object->mechanism->inspect)
                r = object->mechanism->inspect(object, row, error);
        return r < 0 ? r : record_error(row);
}

int object_describe(
        KernelObject *object, const char *address, bool fetch, const ProcTable *table, Record *row, Error *error) {
        CLEANUP(record_freep) Record *options = NULL, *found = NULL;
        int r, opened;

        r = record_new(&options);
        if (r < 0)
                return error_set_errno(error, r, "Cannot look at it");
        if (!fetch && object->mechanism->needs_fetch && object->mechanism->needs_fetch(&object->address))
                opened = error_set(error, ERROR_NO_SUCH_OBJECT, "There is no %s.", address);
        else
                opened = object_open(object, options, error);
        if (opened >= 0) {
                r = describe_open(object, row, error);
                return r >= 0 && table ? add_holders(object, table, row) : r;
        }
        if (find_row(object, address, table, &found) < 0)
                return opened;
        record_merge(row, found);
        record_set_string(row, "note", error->message);
        *error = (Error){ 0 };
        return 0;
}

static int describe(KernelObject *object, const char *address, bool holders, Record *row, Error *error) {
        ProcTable *table = NULL;
        int r;

        if (holders) {
                r = proc_table_new(&table);
                if (r < 0)
                        return error_set_errno(error, r, "Cannot read /proc");
        }
        r = object_describe(object, address, true, table, row, error);
        proc_table_free(table);
        return r;
}

int op_describe(const Record *request, Error *error) {
        KernelObject object;
        Record *row = NULL;
        char *address = NULL;
        int r = request_object(request, &object, error);

        if (r < 0)
                return r;
        r = worker_record_new("row", &row);
        address = address_print(&object.address);
        if (r >= 0 && !address)
                r = -ENOMEM;
        if (r >= 0) {
                record_set_string(row, "kind", object.mechanism->kind);
                record_set_string(row, "address", address);
                r = describe(&object, address, record_get_bool(request, "holders", true), row, error);
        }
        if (r >= 0) {
                record_set_string(row, WORKER_TYPE, "row");
                r = worker_send(row);
        }
        free(address);
        record_free(row);
        kernel_object_done(&object);
        return r;
}
