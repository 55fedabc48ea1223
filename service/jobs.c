/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A job owns its worker, its results, its token and its private directory. It ends in one place, job_ended(), whether
 * it was done, failed, was cancelled or lost its caller: there the kernel objects of its token are swept away. The
 * last ended ones stay readable; the oldest goes when another ends. */
#include "jobs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "journal.h"
#include "mechanism.h"
#include "units.h"
#include "worker-protocol.h"

enum {
        JOBS_KEPT = 16,      /* ended ones */
        RESULTS_MAX = 16384, /* records a job */
};

struct Jobs {
        Manager *manager;
        GHashTable *by_path;
        GQueue ended; /* oldest first */
        unsigned running;
};

static const char *const state_names[JOB_STATE_MAX] = {
        [JOB_RUNNING] = "running",
        [JOB_DONE] = "done",
        [JOB_FAILED] = "failed",
        [JOB_CANCELLED] = "cancelled",
};

const char *job_state_name(JobState state) {
        return state_names[state];
}

static uint64_t now_realtime(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_REALTIME, &t);
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / NSEC_PER_USEC;
}

static void remove_directory(const char *path) {
        DIR *directory = opendir(path);

        if (!directory)
                return;
        for (struct dirent *entry; (entry = readdir(directory));) {
                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                if (unlinkat(dirfd(directory), entry->d_name, 0) < 0 && errno == EISDIR) {
                        g_autofree char *below = g_build_filename(path, entry->d_name, NULL);

                        remove_directory(below);
                }
        }
        (void)closedir(directory);
        (void)rmdir(path);
}

static char *token_directory(const char *token, const char *parent) {
        return g_strdup_printf("%s/run-%s", parent, token);
}

void jobs_sweep(const char *token, const char *parent) {
        g_autofree char *directory = token_directory(token, parent);

        for (size_t i = 0; i < mechanism_table_size; i++)
                if (mechanism_table[i]->sweep)
                        mechanism_table[i]->sweep(token);
        remove_directory(directory);
}

static void job_sweep(const Job *job) {
        Journal *journal = job->jobs->manager->journal;

        if (!job->token)
                return;
        jobs_sweep(job->token, journal_directory(journal));
        (void)journal_token(journal, job->token, false);
}

static void record_unref(gpointer record) {
        (void)record_free(record);
}

static void job_free(gpointer data) {
        Job *job = data;

        job->runner = runner_free(job->runner);
        lease_done(&job->lease);
        limits_release(job->jobs->manager->limits, &job->charge);
        g_ptr_array_unref(job->results);
        job->summary = record_free(job->summary);
        g_free(job->path);
        g_free(job->kind);
        g_free(job->address);
        g_free(job->asked);
        g_free(job->message);
        g_free(job->token);
        g_free(job->directory);
        g_free(job);
}

int jobs_new(Manager *manager, Jobs **ret) {
        Jobs *jobs = g_new0(Jobs, 1);

        jobs->manager = manager;
        jobs->by_path = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, job_free);
        g_queue_init(&jobs->ended);
        *ret = jobs;
        return 0;
}

Jobs *jobs_free(Jobs *jobs) {
        GHashTableIter iterator;
        gpointer value;

        if (!jobs)
                return NULL;

        g_hash_table_iter_init(&iterator, jobs->by_path);
        while (g_hash_table_iter_next(&iterator, NULL, &value)) {
                Job *job = value;

                if (job->state != JOB_RUNNING)
                        continue;
                job->runner = runner_stop(job->runner);
                job_sweep(job);
        }
        g_queue_clear(&jobs->ended);
        g_hash_table_unref(jobs->by_path);
        g_free(jobs);
        return NULL;
}

Job *jobs_find(Jobs *jobs, const char *path) {
        return g_hash_table_lookup(jobs->by_path, path);
}

bool jobs_any_running(const Jobs *jobs) {
        return jobs->running > 0;
}

char **jobs_paths(const Jobs *jobs) {
        g_autofree char **keys = (char **)g_hash_table_get_keys_as_array(jobs->by_path, NULL);

        return g_strdupv(keys);
}

Record *job_summary(const Job *job) {
        Record *summary;

        if ((job->summary ? record_copy(job->summary, &summary) : record_new(&summary)) < 0)
                return NULL;
        record_unset(summary, WORKER_TYPE);
        record_set_string(summary, "message", job->message);
        return summary;
}

static void job_set_message(Job *job, const char *message) {
        char *copy = g_strdup(message); /* it may be the one that stands there */

        g_free(job->message);
        job->message = copy;
}

static void jobs_forget_oldest(Jobs *jobs) {
        while (g_queue_get_length(&jobs->ended) > JOBS_KEPT) {
                Job *oldest = g_queue_pop_head(&jobs->ended);

                job_bus_removed(jobs->manager, oldest);
                (void)g_hash_table_remove(jobs->by_path, oldest->path);
        }
}

static void job_ended(Job *job, JobState state) {
        Jobs *jobs = job->jobs;

        job->state = state;
        job->ended = now_realtime();
        if (state == JOB_DONE)
                job->progress = 1;
        job->runner = runner_free(job->runner);
        lease_done(&job->lease);
        limits_release(jobs->manager->limits, &job->charge);
        job_sweep(job);
        jobs->running--;

        job_bus_finished(jobs->manager, job);
        if (job->address && state == JOB_DONE) {
                /* Nobody reads of what was held once it was given back; it must not push tests out. */
                job_bus_removed(jobs->manager, job);
                (void)g_hash_table_remove(jobs->by_path, job->path);
        } else {
                g_queue_push_tail(&jobs->ended, job);
                jobs_forget_oldest(jobs);
        }
        manager_check_idle(jobs->manager);
}

static void on_record(void *userdata, const Record *record) {
        const char *type = record_get_string(record, WORKER_TYPE, "");
        Job *job = userdata;
        Record *copy;

        if (job->cancelled)
                return;
        if (strcmp(type, WORKER_TYPE_PROGRESS) == 0) {
                job->progress = CLAMP(record_get_double(record, "progress", job->progress), 0, 1);
                job_set_message(job, record_get_string(record, "message", job->message));
                job_bus_progress(job->jobs->manager, job);
                return;
        }
        if (job->results->len >= RESULTS_MAX || record_copy(record, &copy) < 0)
                return;

        g_ptr_array_add(job->results, copy);
        if (strcmp(type, "summary") == 0) {
                job->summary = record_free(job->summary);
                (void)record_copy(record, &job->summary);
        }
        job_bus_record(job->jobs->manager, job, record);
}

static void on_end(void *userdata, const Error *outcome) {
        Job *job = userdata;

        if (job->on_ended)
                job->on_ended(job, outcome);
        if (outcome->code == ERROR_NONE) {
                job_set_message(job, job->address ? "It was given back." : "done");
                job_ended(job, JOB_DONE);
        } else if (outcome->code == ERROR_CANCELLED)
                job_ended(job, JOB_CANCELLED); /* whoever cancelled it said why */
        else {
                job_set_message(job, outcome->message);
                job_ended(job, JOB_FAILED);
        }
}

static void job_kill(Job *job, const char *why) {
        if (job->cancelled)
                return;
        job->cancelled = true;
        job_set_message(job, why);
        runner_kill(job->runner);
}

int job_cancel(Job *job, Error *error) {
        if (job->state != JOB_RUNNING)
                return error_set(error, ERROR_NO_SUCH_JOB,
                        "The job %s has ended already (%s); there is nothing to cancel.", job->path,
                        job_state_name(job->state));

        job_kill(job, "It was cancelled.");
        return 0;
}

static void on_lease_expired(Lease *lease) {
        Job *job = (Job *)((char *)lease - offsetof(Job, lease));

        if (job->address && lease->type == LEASE_DURATION) {
                (void)job_give_back(job, NULL);
                return;
        }
        if (job->address) {
                job_kill(job, "Its caller left the bus, and who held it for the caller was ended with it.");
                return;
        }
        job_kill(job,
                "Its caller left the bus, so it was cancelled; start it with the option lease=none to let it go on.");
}

static void job_add(Job *job) {
        g_hash_table_insert(job->jobs->by_path, job->path, job);
        job->jobs->running++;
        job_bus_added(job->jobs->manager, job);
}

static Job *job_new(Jobs *jobs, uid_t uid, const char *kind, const char *message) {
        Job *job = g_new0(Job, 1);

        *job = (Job){ .jobs = jobs,
                .kind = g_strdup(kind),
                .uid = uid,
                .message = g_strdup(message),
                .started = now_realtime(),
                .results = g_ptr_array_new_with_free_func(record_unref),
                .lease.expired = on_lease_expired };
        job->path = g_strdup_printf(
                IPCBUS_JOB_PATH "/%" G_GUINT64_FORMAT, journal_next_serial(jobs->manager->journal));
        return job;
}

int jobs_hold(Jobs *jobs, uid_t uid, Client *client, LeaseType lease, uint64_t expires, Runner *runner,
        const char *address, const char *asked, Job **ret, Error *error) {
        static const RunnerHandlers handlers = { .record = on_record, .end = on_end };
        Manager *manager = jobs->manager;
        Job *job = job_new(jobs, uid, "hold", NULL);
        Record *held;
        int r;

        job->address = g_strdup(address);
        job->asked = g_strdup(asked);
        job->message = g_strdup_printf("%.200s is held by process %d", address, (int)runner_pid(runner));
        r = limits_charge(manager->limits, uid, client, LIMIT_WORKERS, 1, &job->charge, error);
        if (r >= 0)
                r = lease_set(&job->lease, lease, expires, manager->event, client, error);
        if (r < 0) {
                job_free(job);
                return r;
        }
        if (record_new(&held) >= 0) {
                record_set_string(held, WORKER_TYPE, "hold");
                record_set_string(held, "address", address);
                record_set_u64(held, "holder", (uint64_t)runner_pid(runner));
                g_ptr_array_add(job->results, held);
        }
        job->runner = runner;
        runner_hand_over(runner, &handlers, job);
        job_add(job);
        *ret = job;
        return 0;
}

uint64_t job_number(const Job *job) {
        const char *slash = strrchr(job->path, '/');

        return g_ascii_strtoull(slash + 1, NULL, 10);
}

static bool hold_goes_first(const Job *job, const Job *other) {
        if (!other || job->given_back != other->given_back)
                return !other || !job->given_back;
        return job_number(job) < job_number(other);
}

Job *jobs_find_hold(Jobs *jobs, const char *address, uint64_t number) {
        GHashTableIter iterator;
        Job *found = NULL;
        gpointer value;

        g_hash_table_iter_init(&iterator, jobs->by_path);
        while (g_hash_table_iter_next(&iterator, NULL, &value)) {
                Job *job = value;

                if (job->state != JOB_RUNNING || job->cancelled || !job->address ||
                        (strcmp(job->address, address) != 0 && strcmp(job->asked, address) != 0) ||
                        (job->object_gone && number == 0))
                        continue;
                if (number > 0 ? job_number(job) == number : hold_goes_first(job, found))
                        found = job;
        }
        return found;
}

int job_give_back(Job *job, Error *error) {
        __attribute__((cleanup(record_freep))) Record *request = NULL;
        int r;

        r = record_new(&request);
        if (r >= 0) {
                record_set_string(request, "op", "release");
                r = runner_send(job->runner, request);
                job->given_back = true;
        }
        return r < 0 ? error_set_errno(error, r, "Who holds %.200s cannot be told to give it back", job->address) : 0;
}

void jobs_object_gone(Jobs *jobs, const char *address) {
        GHashTableIter iterator;
        gpointer value;

        g_hash_table_iter_init(&iterator, jobs->by_path);
        while (g_hash_table_iter_next(&iterator, NULL, &value)) {
                Job *job = value;

                if (job->state != JOB_RUNNING || !job->address || job->object_gone ||
                        (strcmp(job->address, address) != 0 && strcmp(job->asked, address) != 0))
                        continue;
                job->object_gone = true;
                if (job->lease.type == LEASE_NONE && !job->given_back)
                        (void)job_give_back(job, NULL);
        }
}

static int make_token(char **ret) {
        uint8_t random[6];

        if (getrandom(random, sizeof(random), 0) != sizeof(random))
                return -errno;
        *ret = g_strdup_printf(
                "%02x%02x%02x%02x%02x%02x", random[0], random[1], random[2], random[3], random[4], random[5]);
        return 0;
}

static int job_run(Job *job, const Record *request, Error *error) {
        static const RunnerHandlers handlers = { .record = on_record, .end = on_end };
        __attribute__((cleanup(record_freep))) Record *whole = NULL;
        Manager *manager = job->jobs->manager;
        int r;

        r = record_copy(request, &whole);
        if (r < 0)
                return error_set_errno(error, r, "The job could not be prepared");
        record_set_string(whole, "token", job->token);
        record_set_string(whole, "directory", job->directory);

        /* First the journal, then what it names: a crash in between leaves a token that covers nothing. */
        r = journal_token(manager->journal, job->token, true);
        if (r < 0)
                return error_set_errno(error, r, "The job could not be written to the journal");
        if (mkdir(job->directory, 0700) < 0)
                r = error_set_errno(error, errno, "The directory %s could not be made for the job", job->directory);
        else
                r = runner_start(manager->event, whole, &handlers, job, &job->runner, error);
        if (r < 0) {
                jobs_sweep(job->token, journal_directory(manager->journal));
                (void)journal_token(manager->journal, job->token, false);
        }
        return r;
}

int jobs_start(
        Jobs *jobs, uid_t uid, Client *client, LeaseType lease, const Record *request, Job **ret, Error *error) {
        Manager *manager = jobs->manager;
        Job *job = job_new(jobs, uid, record_get_string(request, "op", ""), "starting");
        int r;

        r = limits_charge(manager->limits, uid, client, LIMIT_JOBS, 1, &job->charge, error);
        if (r < 0)
                goto fail;
        r = make_token(&job->token);
        if (r < 0) {
                r = error_set_errno(error, r, "No token could be made for the job");
                goto fail;
        }
        job->directory = token_directory(job->token, journal_directory(manager->journal));
        r = lease_set(&job->lease, lease, 0, manager->event, client, error);
        if (r < 0)
                goto fail;
        r = job_run(job, request, error);
        if (r < 0)
                goto fail;

        job_add(job);
        *ret = job;
        return 0;

fail:
        job_free(job);
        return r;
}
