/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an operation of the worker is: a function that gets the request, sends records, and returns 0 or a negative
 * errno with the Error filled; main.c sends the "end" record. A worker serves one request, in a process group of its
 * own that the service kills to cancel it; an operation therefore need not tidy up when it is cancelled, as long as
 * all that it starts stays in the group and dies with its parent (PR_SET_PDEATHSIG), and its kernel objects carry the
 * token: the service sweeps them, or a guard (guard.h) where the service itself was killed. */
#pragma once

#include "error.h"
#include "mechanism.h"
#include "record.h"

typedef struct ProcTable ProcTable;

typedef struct WorkerOp {
        const char *name; /* "test" */
        int (*run)(const Record *request, Error *error);
} WorkerOp;

/* Sends a record that has a "type". When the service is gone the process ends here, quietly. Otherwise 0 or a negative
 * errno: -EMSGSIZE for a record that is too large for a packet. */
int worker_send(const Record *record);
int worker_send_fds(const Record *record, const int *fds, unsigned n_fds);
/* The next descriptor that came beside the request, the operation's then; -EBADF where there is none left. */
int worker_take_fd(void);
/* fraction: 0 to 1. */
int worker_progress(double fraction, const char *message);
/* A record with that "type". */
int worker_record_new(const char *type, Record **ret);

/* What stands at the request's "address", parsed and with the form checked, not opened yet (object.c). Release it with
 * kernel_object_done(). */
int request_object(const Record *request, KernelObject *ret, Error *error);
/* The same, opened by its address, or made of the descriptor that came beside the request. */
int request_open(const Record *request, KernelObject *ret, Error *error);

/* Opens what `address` of the object names, having fetched it where that is needed. */
int object_open(KernelObject *object, const Record *options, Error *error);
/* Of the kind of the object; takes *fd over on success. */
int object_from_fd(KernelObject *object, int *fd, const Record *options, Error *error);
/* The record under the key, or NULL. */
const Record *request_record(const Record *request, const char *key);
/* The request's "options", or NULL. */
const Record *request_options(const Record *request);

/* All that is known of it as attributes: of what can be opened, else of its row in a scan of its kind. Without
 * `fetch`, what has to be fetched first is only looked for in that scan. Holders only with a table. */
int object_describe(
        KernelObject *object, const char *address, bool fetch, const ProcTable *table, Record *row, Error *error);

int op_list(const Record *request, Error *error);
int op_describe(const Record *request, Error *error);
int op_explain(const Record *request, Error *error);
int op_fetch(const Record *request, Error *error);
int op_create(const Record *request, Error *error);
int op_use(const Record *request, Error *error);
int op_await(const Record *request, Error *error);
int op_watch(const Record *request, Error *error);
int op_keep(const Record *request, Error *error);
int op_test(const Record *request, Error *error);
int op_benchmark(const Record *request, Error *error);
