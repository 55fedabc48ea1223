/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs one ipcbus-worker: executes it with a request, gives its records to the owner, and ends it with everything that
 * it started. The owner keeps the Runner; freeing it kills the worker's process group and calls nothing any more.
 *
 * The service is a child subreaper (runner_prepare()), so that what a killed worker leaves running becomes its child,
 * and "ended" means that the last process of the group is gone. */
#pragma once

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "error.h"
#include "record.h"

typedef struct Runner Runner;

typedef struct RunnerHandlers {
        /* A record that is no "end"; borrowed. The owner may free the Runner in here. */
        void (*record)(void *userdata, const Record *record);
        /* Once: the worker ended, with ERROR_NONE in `outcome` when all went well. The owner frees the Runner here. */
        void (*end)(void *userdata, const Error *outcome);
} RunnerHandlers;

/* Once, at start. */
int runner_prepare(void);
int runner_start(sd_event *event, const Record *request, const RunnerHandlers *handlers, void *userdata, Runner **ret,
        Error *error);
/* With descriptors beside the request (at most CHANNEL_FDS_MAX); they stay the caller's. */
int runner_start_with(sd_event *event, const Record *request, const int *fds, unsigned n_fds,
        const RunnerHandlers *handlers, void *userdata, Runner **ret, Error *error);
/* In the handler of a record: the descriptors that came beside it, the caller's then. What nobody takes is closed. */
unsigned runner_take_fds(Runner *runner, int *ret_fds, unsigned max);
/* Another owner from now on, also in the middle of a record's handler. */
void runner_hand_over(Runner *runner, const RunnerHandlers *handlers, void *userdata);
Runner *runner_free(Runner *runner);
/* Kills the worker's group; `end` comes with ERROR_CANCELLED when all of it is gone. */
void runner_kill(Runner *runner);
/* At the end of the service: kills, waits until all of it is gone (bounded), and frees. No callback. */
Runner *runner_stop(Runner *runner);
/* The same for all that were freed while they were dying. */
void runner_stop_dying(void);
/* A further packet for the worker. Never waits: -EAGAIN where it does not read; -EPIPE where it has gone. */
int runner_send(Runner *runner, const Record *record);
pid_t runner_pid(const Runner *runner);
/* The service's end of the socket, for kinds with a keeper. */
int runner_channel(const Runner *runner);
