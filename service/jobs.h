/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Jobs: tests and benchmarks, each in a worker of its own, readable after their end. jobs-bus.c is their D-Bus face.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "lease.h"
#include "manager.h"
#include "record.h"

typedef struct Job Job;

int jobs_new(Manager *manager, Jobs **ret);
Jobs *jobs_free(Jobs *jobs); /* ends all that run */
/* Takes a request as worker-protocol.h has it ("op" is "test" or "benchmark"); adds token and directory. */
int jobs_start(Jobs *jobs, uid_t uid, Client *client, LeaseType lease, const Record *request, Job **ret, Error *error);
const char *job_path(const Job *job);
bool jobs_any_running(const Jobs *jobs);
/* Ends what a killed job left behind: the kernel objects of its token and its directory. */
void jobs_sweep(const char *token, const char *directory);

/* jobs-bus.c: vtable, finder and enumerator at IPCBUS_JOB_PATH. */
int jobs_bus_register(Jobs *jobs);
