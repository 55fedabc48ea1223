/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker.h"

/* explain: can this user use that object, and what stands in the way. The steps are those of the kind; what is a file
 * is walked to. All of it happens in a process of its own, which may hang in a file system that does not answer: then
 * what it said until then is the answer. */
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access.h"
#include "channel.h"
#include "cleanup.h"
#include "explain.h"
#include "units.h"
#include "worker-protocol.h"

enum { PATIENCE_USEC = 15 * 1000 * 1000 }; /* several attempts have their own time, in sum less than that */

typedef struct Caller {
        uid_t uid;
        gid_t gid;
        const char *user; /* for its groups; NULL: the group alone */
        pid_t asking;     /* 0: not known */
        bool for_other;
} Caller;

/* The user that was asked for by name or number; a number need not have a name. */
static int caller_look_up(const char *user, Caller *caller, Error *error) {
        struct passwd *entry = getpwnam(user);
        uint64_t uid;

        if (!entry && number_parse(user, &uid) >= 0 && uid < UINT32_MAX) {
                caller->uid = (uid_t)uid;
                entry = getpwuid(caller->uid);
                if (!entry) {
                        caller->gid = (gid_t)uid;
                        caller->user = NULL;
                        return 0;
                }
        }
        if (!entry)
                return error_set(error, ERROR_INVALID_OPTION,
                        "There is no user \"%s\" here; give a name or a number that this machine knows.", user);
        caller->uid = entry->pw_uid;
        caller->gid = entry->pw_gid;
        caller->user = entry->pw_name;
        return 0;
}

static int caller_from_request(const Record *request, Caller *ret, Error *error) {
        const char *user = record_get_string(request, "user", NULL);
        const struct passwd *entry;
        uid_t asking_uid;
        int r;

        *ret = (Caller){
                .uid = (uid_t)record_get_u64(request, "uid", geteuid()),
                .gid = (gid_t)record_get_u64(request, "gid", getegid()),
                .asking = (pid_t)record_get_u64(request, "pid", 0),
        };
        asking_uid = ret->uid;
        if (user) {
                r = caller_look_up(user, ret, error);
                ret->for_other = r >= 0 && ret->uid != asking_uid;
                return r;
        }
        entry = getpwuid(ret->uid);
        ret->user = entry ? entry->pw_name : NULL;
        return 0;
}

/* `path`: at another one than that of its address, or NULL. */
static int open_copy(const KernelObject *object, const char *path, Error *error) {
        CLEANUP(record_freep) Record *options = NULL;
        KernelObject copy;
        int r;

        r = record_new(&options);
        if (r < 0)
                return error_set_errno(error, r, "It cannot be opened");
        kernel_object_init(&copy, object->mechanism);
        r = path ? address_set_path(&copy.address, object->mechanism->kind, path)
                 : address_copy(&object->address, &copy.address);
        if (r >= 0)
                r = object_open(&copy, options, error);
        kernel_object_done(&copy);
        return r;
}

/* In the process that is the user. */
static int try_object(void *userdata, Error *error) {
        return open_copy(userdata, NULL, error);
}

/* What was walked to may be of another kind: a FIFO where a socket is meant. Looked at as ourselves, as that is not
 * about rights. Programs follow symbolic links, and kinds whose address is a path want it without. */
static void explain_is_it(const KernelObject *object, const char *path, Explanation *explanation) {
        CLEANUP_FREE char *real = strcmp(path, object->address.text) == 0 ? realpath(path, NULL) : NULL;
        bool link = real && strcmp(real, path) != 0;
        Error error = {};
        int r;

        explain_now(explanation, "look at", path);
        r = open_copy(object, link ? real : NULL, &error);
        if (r < 0 && error.code != ERROR_NOT_PERMITTED && error.code != ERROR_TIMED_OUT)
                explain_blocked(explanation, -r, NULL, "look at", path, "%s", error.message);
        else if (link)
                explain_ok(explanation, "path of", path,
                        "There are symbolic links in that path: programs follow them, and ipcbus takes the object by "
                        "its "
                        "own path, %s:%s.",
                        object->mechanism->kind, real);
}

static unsigned making_needs(const Mechanism *mechanism) {
        return mechanism->capabilities & CAPABILITY_SEMAPHORE ? MAKING_BYTES
               : mechanism->capabilities & CAPABILITY_MEMORY  ? MAKING_SIZE
                                                              : 0;
}

/* Memory that has a file is as large as that. */
static int try_writing(void *userdata, Error *error) {
        (void)error;
        return access_try_file(userdata, R_OK | W_OK, NULL);
}

/* -EOPNOTSUPP: it is none. *ret_path stays NULL where nothing was found. */
static int explain_file(const KernelObject *object, Explanation *explanation, char **ret_path) {
        const Mechanism *mechanism = object->mechanism;
        CLEANUP_FREE char *path = NULL;
        struct stat st;
        int want, r;

        r = mechanism->file ? mechanism->file(&object->address, &path, &want) : -EOPNOTSUPP;
        if (r < 0)
                return r;
        explain_descriptor(explanation); /* what stands at a path is opened, or a socket connects to it */
        explain_namespace(explanation, "mnt");
        r = access_explain(explanation, path, want, access_try_file, NULL, &st);
        if (r >= 0 && st.st_nlink > 0)
                *ret_path = TAKE_POINTER(path);
        else if (r >= 0 && explanation->missing && mechanism->create && !mechanism->reasons[OPERATION_CREATE])
                r = access_explain_making(explanation, path, making_needs(mechanism));
        return r;
}

static int explain(const KernelObject *object, Explanation *explanation) {
        CLEANUP_FREE char *path = NULL;
        struct stat st;
        bool is_file;
        int r;

        r = explain_file(object, explanation, &path);
        is_file = r != -EOPNOTSUPP;
        if ((r >= 0 || !is_file) && object->mechanism->explain)
                r = object->mechanism->explain(&object->address, explanation);
        if (r < 0 && r != -EOPNOTSUPP)
                return r;
        if (path && !object->mechanism->explain && !explanation->common.seen.sentence)
                explain_is_it(object, path, explanation);
        if (path && object->mechanism->capabilities & CAPABILITY_MEMORY && stat(path, &st) == 0 && S_ISREG(st.st_mode))
                explain_growing(explanation, path, (uint64_t)st.st_size, try_writing, path);
        if (explanation->n_uses == 0 && !is_file && !explanation->missing) {
                explain_use(explanation, "use");
                (void)explain_try(explanation, explanation->what, try_object, (void *)object);
        }
        explain_security(explanation, path);
        return explanation_conclude(explanation);
}

/* --- The process that may hang --- */

enum { TELL_MAX = 512 };

typedef struct Teller {
        int channel;
} Teller;

/* To whoever waits: steps as they are made, and what is looked at now. */
static void tell(void *userdata, const char *action, const char *object, const Record *step) {
        const Teller *teller = userdata;
        CLEANUP(record_freep) Record *record = NULL;

        if (record_new(&record) < 0)
                return;
        if (step)
                record_merge(record, step);
        else
                record_set_format(record, "now", "%s %s", action, object ? object : "");
        (void)channel_send(teller->channel, record);
}

static _Noreturn void explain_in_child(
        const KernelObject *object, const Caller *caller, const char *address, pid_t parent, int channel) {
        Teller teller = { .channel = channel };
        Explanation explanation;
        Record *verdict = NULL;
        int r;

        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || record_new(&verdict) < 0)
                _exit(EXIT_FAILURE);
        r = explanation_init(&explanation, caller->uid, caller->gid, caller->user, address, verdict);
        explain_asked_by(&explanation, caller->asking, caller->for_other);
        explanation.told = tell;
        explanation.userdata = &teller;
        if (r >= 0)
                r = explain(object, &explanation);
        explanation_done(&explanation);
        if (r >= 0)
                record_set_bool(verdict, "verdict", true);
        if (r >= 0)
                r = channel_send(channel, verdict);
        record_free(verdict);
        _exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* It said nothing for too long: what it did say stays. */
static void conclude_hung(Record *row, const char *now, const char *address) {
        CLEANUP(record_freep) Record *step = NULL;

        if (record_new(&step) >= 0) {
                record_set_string(step, "step", now);
                record_set_string(step, "result", "blocked");
                record_set_string(step, "detail",
                        "This did not come to an end, as with a file system or a server that does not answer.");
        }
        record_append_record(row, "steps", TAKE_POINTER(step));
        record_set_bool(row, "possible", false);
        record_set_bool(row, "tried", false);
        record_set_string(row, "errno", "ETIMEDOUT");
        record_set_format(row, "summary",
                "Nobody can use %s now: \"%s\" did not come to an end, as with a file system or a server that does "
                "not "
                "answer; look at what is mounted there.",
                address, now);
}

static int listen_to_child(int channel, const char *address, Record *row, bool *ret_hung) {
        CLEANUP(record_freep) Record *steps = NULL;
        char now[TELL_MAX] = "begin";
        int r;

        r = record_new(&steps);
        while (r >= 0) {
                Record *record = NULL;

                r = channel_receive(channel, PATIENCE_USEC, &record);
                if (r < 0)
                        break;
                if (record_get_bool(record, "verdict", false)) {
                        record_unset(record, "verdict");
                        record_merge(row, record);
                        record_free(record);
                        return 0;
                }
                if (record_has(record, "now")) {
                        snprintf(now, sizeof(now), "%s", record_get_string(record, "now", ""));
                        record_free(record);
                } else
                        record_append_record(steps, "steps", record);
        }
        if (r != -ETIMEDOUT)
                return r;
        record_merge(row, steps);
        conclude_hung(row, now, address);
        *ret_hung = true;
        return 0;
}

static int explain_apart(
        const KernelObject *object, const Caller *caller, const char *address, Record *row, Error *error) {
        pid_t parent = getpid(), pid;
        bool hung = false;
        int fds[2], r;

        r = channel_pair(fds);
        if (r < 0)
                return error_set_errno(error, r, "Cannot look at it");
        pid = fork();
        if (pid == 0) {
                close(fds[0]);
                explain_in_child(object, caller, address, parent, fds[1]);
        }
        r = pid < 0 ? -errno : 0;
        close(fds[1]);
        if (r >= 0)
                r = listen_to_child(fds[0], address, row, &hung);
        close(fds[0]);
        /* It is not waited for: what hangs in the kernel does not end before that is over. This process ends now, and
         * with it the rest. */
        if (hung || r < 0)
                (void)(pid > 0 && kill(pid, SIGKILL));
        return r < 0 ? error_set_errno(error, r, "Cannot find out who may use it") : record_error(row);
}

int op_explain(const Record *request, Error *error) {
        CLEANUP(record_freep) Record *row = NULL;
        CLEANUP_FREE char *address = NULL;
        KernelObject object;
        Caller caller = { .uid = (uid_t)-1 };
        int r = request_object(request, &object, error);

        if (r < 0)
                return r;
        r = worker_record_new("row", &row);
        address = address_print(&object.address);
        if (r >= 0 && !address)
                r = -ENOMEM;
        if (r >= 0)
                r = mechanism_supports(object.mechanism, OPERATION_ADOPT, error);
        if (r >= 0)
                r = caller_from_request(request, &caller, error);
        if (r >= 0) {
                record_set_string(row, "kind", object.mechanism->kind);
                record_set_string(row, "address", address);
                record_set_u64(row, "uid", caller.uid);
                if (caller.user)
                        record_set_string(row, "user", caller.user);
                r = explain_apart(&object, &caller, address, row, error);
        }
        if (r >= 0)
                r = worker_send(row);
        kernel_object_done(&object);
        return r;
}
