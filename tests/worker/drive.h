/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Drives the built ipcbus-worker as the service does: over a socket, one request, records until "end". */
#pragma once

#include <glib.h>
#include <sys/types.h>

#include "record.h"

typedef struct Worker {
        pid_t pid;
        int channel;
        char *token;
        char *directory; /* private, made and removed with the worker */
} Worker;

/* Starts it and sends the request; "token" and "directory" are added. Takes the request; NULL: sends none. */
Worker *worker_start(Record *request);
/* The next record, or NULL at its end. */
Record *worker_next(Worker *worker, guint64 timeout_usec);
/* Reaps it: its status as waitpid(2) gives it; frees it and removes its directory. */
int worker_finish(Worker *worker);
void worker_kill_group(Worker *worker);
/* Removes what one that was killed left of kernel objects and files, as the service does. */
void worker_sweep(Worker *worker);
/* Of one that was reaped: removes its directory, which has to be empty. */
void worker_free(Worker *worker);

/* All records of the type, and what the end said: NULL or the error's name. */
GPtrArray *worker_run(Record *request, const char *type, char **ret_error, char **ret_message);

Record *request_new(const char *op);
