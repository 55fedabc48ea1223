/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Jobs: tests and benchmarks, and what is held, each in a worker of its own, readable after their end. jobs-bus.c is
 * their D-Bus face. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <glib.h>

#include "error.h"
#include "lease.h"
#include "limit.h"
#include "manager.h"
#include "record.h"
#include "runner.h"

typedef enum JobState {
        JOB_RUNNING,
        JOB_DONE,
        JOB_FAILED,
        JOB_CANCELLED,
        JOB_STATE_MAX,
        JOB_STATE_INVALID = -1,
} JobState;

typedef struct Job {
        Jobs *jobs;
        char *path;
        char *kind;    /* "test", "benchmark": the worker's operation; "hold" */
        char *address; /* of what is held, else NULL */
        char *asked;   /* the address by which it was asked for: one object may have two */
        uid_t uid;
        JobState state;
        double progress;
        char *message;
        uint64_t started, ended; /* CLOCK_REALTIME, microseconds */
        GPtrArray *results;      /* Record */
        Record *summary;         /* what the worker said at the end, else NULL */
        Runner *runner;          /* while it runs */
        bool given_back;         /* its worker was told to give back what it holds */
        bool object_gone;        /* what it holds was removed; who has it still is found by number only */
        bool cancelled;          /* its worker is being killed; `message` says why */
        char *token, *directory; /* of a test or a benchmark */
        void (*on_ended)(struct Job *job, const Error *outcome); /* NULL: nobody waits for its end */
        void *ended_userdata;
        Lease lease;
        Charge charge;
} Job;

int jobs_new(Manager *manager, Jobs **ret);
Jobs *jobs_free(Jobs *jobs); /* ends all that run */
/* Takes a request as worker-protocol.h has it ("op" is "test" or "benchmark"); adds token and directory. */
int jobs_start(Jobs *jobs, uid_t uid, Client *client, LeaseType lease, const Record *request, Job **ret, Error *error);
/* A worker that holds something for who asked becomes a job; the job owns it on success. `expires` as lease_set(). */
int jobs_hold(Jobs *jobs, uid_t uid, Client *client, LeaseType lease, uint64_t expires, Runner *runner,
        const char *address, const char *asked, Job **ret, Error *error);
/* What is held at the address, by number or (0) the oldest, one that is being given back last; NULL. */
Job *jobs_find_hold(Jobs *jobs, const char *address, uint64_t number);
uint64_t job_number(const Job *job);
/* What is at the address was removed: holds that no time and no caller ends are given back, nothing else will. */
void jobs_object_gone(Jobs *jobs, const char *address);
/* Tells the worker of a hold to give it back; the job ends when it has. */
int job_give_back(Job *job, Error *error);
/* Kills it; it is cancelled when all of it is gone. Errors: NoSuchJob where it has ended. */
int job_cancel(Job *job, Error *error);
Job *jobs_find(Jobs *jobs, const char *path);
bool jobs_any_running(const Jobs *jobs);
char **jobs_paths(const Jobs *jobs); /* a strv, the caller's */
/* Ends what a killed job left behind: the kernel objects of its token and its directory below `parent`. */
void jobs_sweep(const char *token, const char *parent);
const char *job_state_name(JobState state);
/* What Finished tells: ok, failed, skipped where there are some, and the message. The caller frees it. */
Record *job_summary(const Job *job);

/* jobs-bus.c */
int jobs_bus_register(Jobs *jobs, Manager *manager);
void job_bus_added(Manager *manager, const Job *job);
void job_bus_removed(Manager *manager, const Job *job);
void job_bus_progress(Manager *manager, const Job *job);
void job_bus_record(Manager *manager, const Job *job, const Record *record);
void job_bus_finished(Manager *manager, const Job *job);
