/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker.h"

/* list: a row for every kernel object of the machine that the filter wants, told by each kind's scan(). Keys of the
 * filter: kinds (STRINGS), uid (U64), pid (U64), holders (BOOL); what is not there does not filter. Rows of the
 * service's own objects are marked there, not here. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "scan.h"
#include "worker-protocol.h"

typedef struct Listing {
        Scan scan;
        const Value *uid, *pid;
        bool holders;
        size_t unreadable;
} Listing;

static bool held_by(const Record *row, uint64_t pid) {
        const Value *holders = record_get(row, "holders");

        if (!holders || holders->type != VALUE_RECORDS)
                return false;
        for (size_t i = 0; i < holders->records.n; i++)
                if (record_get_u64(holders->records.items[i], "pid", 0) == pid)
                        return true;
        return false;
}

static uint64_t value_number(const Value *value) {
        return value->type == VALUE_U64 ? value->u64 : value->type == VALUE_I64 ? (uint64_t)value->i64 : UINT64_MAX;
}

static bool wanted(const Listing *listing, const Record *row) {
        if (record_has(row, "reason"))
                return true;
        if (listing->uid) {
                const Value *uid = record_get(row, "uid");

                if (!uid || value_number(uid) != value_number(listing->uid))
                        return false;
        }
        return !listing->pid || held_by(row, value_number(listing->pid));
}

static int send_row(Listing *listing, Record *row) {
        int r;

        record_set_string(row, WORKER_TYPE, "row");
        if (!listing->holders) {
                record_unset(row, "holders");
                record_unset(row, "holders_complete");
                record_unset(row, "processes");
                record_unset(row, "processes_unread");
                record_unset(row, "process_unread");
        }
        r = worker_send(row);
        if (r == -EMSGSIZE) {
                const Value *holders = record_get(row, "holders");

                if (holders && holders->type == VALUE_RECORDS)
                        record_set_u64(row, "holders_count", holders->records.n);
                record_unset(row, "holders");
                record_set_bool(row, "holders_complete", false);
                r = worker_send(row);
        }
        return r;
}

static int take_row(Scan *scan, Record *row) {
        Listing *listing = scan->userdata;
        int r = record_error(row);

        if (r >= 0 && wanted(listing, row))
                r = send_row(listing, row);
        record_free(row);
        return r;
}

static int send_reason(const Mechanism *mechanism, const char *reason) {
        Record *row = NULL;
        int r = worker_record_new("row", &row);

        if (r < 0)
                return r;
        record_set_string(row, "kind", mechanism->kind);
        record_set_string(row, "reason", reason);
        r = worker_send(row);
        record_free(row);
        return r;
}

static int list_kind(Listing *listing, const Mechanism *mechanism) {
        Error error = { 0 };
        int r = mechanism_supports(mechanism, OPERATION_LIST, &error);

        if (r < 0)
                return send_reason(mechanism, error.message);
        r = mechanism->scan(&listing->scan);
        if (r >= 0)
                return 0;
        error_set_errno(&error, r, "Objects of kind %s cannot be listed here", mechanism->kind);
        return send_reason(mechanism, error.message);
}

static int list_kinds(Listing *listing, const Value *kinds, Error *error) {
        int r = 0;

        if (!kinds || kinds->type != VALUE_STRINGS || kinds->strings.n == 0) {
                for (size_t i = 0; r >= 0 && i < mechanism_table_size; i++)
                        r = list_kind(listing, mechanism_table[i]);
                return r;
        }
        for (size_t i = 0; r >= 0 && i < kinds->strings.n; i++) {
                const Mechanism *mechanism;

                r = mechanism_for_kind(kinds->strings.items[i], &mechanism, error);
                if (r >= 0)
                        r = list_kind(listing, mechanism);
        }
        return r;
}

int op_list(const Record *request, Error *error) {
        const Value *value = record_get(request, "filter");
        const Record *filter = value && value->type == VALUE_RECORDS && value->records.n > 0 ? value->records.items[0]
                                                                                             : NULL;
        Listing listing = { .scan.filter = filter, .scan.row = take_row };
        ProcTable *table = NULL;
        int r;

        listing.scan.userdata = &listing;
        if (filter) {
                listing.uid = record_get(filter, "uid");
                listing.pid = record_get(filter, "pid");
                listing.holders = record_get_bool(filter, "holders", false);
        }
        if (listing.holders || listing.pid) {
                r = proc_table_new(&table);
                if (r < 0)
                        return error_set_errno(error, r, "Cannot read /proc");
                listing.scan.table = table;
        }
        r = list_kinds(&listing, filter ? record_get(filter, "kinds") : NULL, error);
        proc_table_free(table);
        return r;
}
