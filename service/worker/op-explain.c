/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker.h"

/* explain: can this user open that object, and what stands in the way. The answer is found by really opening it, in a
 * child that has become the user; nothing is sent, received or changed. What is a file is also looked at step by step.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "access.h"
#include "channel.h"
#include "cleanup.h"
#include "units.h"
#include "worker-protocol.h"

enum { TRY_USEC = 5 * 1000 * 1000 };

typedef struct Caller {
        uid_t uid;
        gid_t gid;
        const char *user; /* for its groups; NULL: the group alone */
} Caller;

static int become(const Caller *caller) {
        int r;

        if (caller->uid == geteuid())
                return 0;
        r = caller->user ? initgroups(caller->user, caller->gid) : setgroups(1, &caller->gid);
        if (r < 0 || setresgid(caller->gid, caller->gid, caller->gid) < 0 ||
                setresuid(caller->uid, caller->uid, caller->uid) < 0)
                return -errno;
        /* A change of user clears it, prctl(2). */
        return prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? -errno : 0;
}

static int try_open(KernelObject *object, const Caller *caller, Record *outcome) {
        Record *options = NULL;
        Error error = { 0 };
        int r = become(caller);

        if (r < 0)
                error_set_errno(&error, r, "Cannot become user %u to try it", caller->uid);
        else
                r = record_new(&options);
        if (r >= 0)
                r = object_open(object, options, &error);
        if (r >= 0 && object->mechanism->try_use)
                r = object->mechanism->try_use(object, &error);
        record_set_bool(outcome, "possible", r >= 0);
        if (r >= 0)
                record_set_format(outcome, "summary", "User %u can open it.", caller->uid);
        else {
                record_set_string(outcome, "error", error_code_name(error.code));
                record_set_string(outcome, "summary", error.message);
        }
        record_free(options);
        return 0;
}

static void try_in_child(KernelObject *object, const Caller *caller, pid_t parent, int channel) {
        Record *outcome = NULL;

        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
                _exit(EXIT_FAILURE);
        if (record_new(&outcome) < 0 || try_open(object, caller, outcome) < 0)
                _exit(EXIT_FAILURE);
        _exit(channel_send(channel, outcome) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static int try_as(KernelObject *object, const Caller *caller, Record **ret, Error *error) {
        pid_t parent = getpid(), pid;
        int fds[2], r;

        r = channel_pair(fds);
        if (r < 0)
                return error_set_errno(error, r, "Cannot try it");
        pid = fork();
        if (pid < 0) {
                r = -errno;
                close(fds[0]);
                close(fds[1]);
                return error_set_errno(error, r, "Cannot start a process to try it");
        }
        if (pid == 0) {
                close(fds[0]);
                try_in_child(object, caller, parent, fds[1]);
        }
        close(fds[1]);
        r = channel_receive(fds[0], TRY_USEC, ret);
        if (r < 0)
                kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        close(fds[0]);
        if (r == -ETIMEDOUT)
                return error_set(error, ERROR_TIMED_OUT, "Opening it did not end within 5 s.");
        return r < 0 ? error_set_errno(error, r, "The process that tried it died") : 0;
}

static void add_step(Record *row, const Record *outcome) {
        Record *step = NULL;

        if (record_new(&step) < 0)
                return;
        record_set_string(step, "step", "opening it as that user");
        record_set_string(step, "result", record_get_bool(outcome, "possible", false) ? "ok" : "blocked");
        record_set_string(step, "detail", record_get_string(outcome, "summary", ""));
        record_append_record(row, "steps", step);
}

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
        return 0;
}

static const char *user_name(uid_t uid) {
        const struct passwd *entry = getpwuid(uid);

        return entry ? entry->pw_name : NULL;
}

/* connect(2) of a datagram socket reaches nobody, and where connections are taken it fails with EPROTOTYPE, but only
 * after the kernel has looked at the rights and found somebody bound there (unix_find_other() in net/unix/af_unix.c).
 */
static int try_socket(const char *path) {
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        CLEANUP_FD int fd = -EBADF;
        size_t length = strlen(path);

        if (length >= sizeof(name.sun_path))
                return -ENAMETOOLONG;
        memcpy(name.sun_path, path, length);
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *)&name, sizeof(name)) < 0 && errno != EPROTOTYPE)
                return -errno;
        return 0;
}

/* Opening a regular file has no effect; opening a FIFO has one on whoever is there, and the kernel is only asked
 * whether it would be allowed. */
static int try_file(const char *path, void *userdata) {
        int want = *(const int *)userdata;
        struct stat st;
        int fd;

        if (stat(path, &st) < 0)
                return -errno;
        if (S_ISSOCK(st.st_mode))
                return try_socket(path);
        if (!S_ISREG(st.st_mode))
                return faccessat(AT_FDCWD, path, want, AT_EACCESS) < 0 ? -errno : 0;
        fd = open(path, (want & W_OK ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

static int explain_file(const KernelObject *object, const Caller *caller, Record *row, Error *error) {
        CLEANUP_FREE char *path = NULL;
        int want, r;

        r = object->mechanism->file(&object->address, &path, &want);
        if (r == -EOPNOTSUPP)
                return r;
        if (r >= 0)
                r = access_explain(path, want, caller->uid, caller->gid, caller->user, try_file, &want, row);
        return r < 0 ? error_set_errno(error, r, "Cannot find out who may open it") : 0;
}

/* The mode of what is no file, where we ourselves can look at it. */
static int explain_mode(const KernelObject *object, const Caller *caller, Record *row, char **ret_blocked) {
        CLEANUP(record_freep) Record *options = NULL;
        CLEANUP_FREE char *text = NULL;
        KernelObject ours;
        struct stat st;
        int r;

        *ret_blocked = NULL;
        if (!option_find(object->mechanism->options, "mode"))
                return 0;
        r = record_new(&options);
        if (r < 0)
                return r;
        kernel_object_init(&ours, object->mechanism);
        r = address_copy(&object->address, &ours.address);
        if (r >= 0 && object_open(&ours, options, NULL) >= 0) {
                st = (struct stat){ .st_mode = ours.mode, .st_uid = ours.owner, .st_gid = ours.group };
                text = address_print(&ours.address);
                r = text ? access_explain_mode(text, &st, caller->uid, caller->gid, caller->user, row, ret_blocked)
                         : -ENOMEM;
        }
        kernel_object_done(&ours);
        return r;
}

/* The attempt has the last word; the bit that is missing is its reason. */
static void conclude(Record *row, const Caller *caller, const char *what, const char *blocked) {
        bool possible = record_get_bool(row, "possible", false);
        char number[32];
        const char *name = caller->user;

        (void)snprintf(number, sizeof number, "user %u", caller->uid);
        if (!name)
                name = number;
        if (possible)
                record_set_format(row, "summary", "%s can open %s: it was tried.%s%s", name, what,
                        blocked ? " But not everything is allowed: " : "", blocked ? blocked : "");
        else if (blocked)
                record_set_format(row, "summary", "%s cannot open %s. %s", name, what, blocked);
}

static int explain(KernelObject *object, const Record *request, Record *row, Error *error) {
        Caller caller = {
                .uid = (uid_t)record_get_u64(request, "uid", geteuid()),
                .gid = (gid_t)record_get_u64(request, "gid", getegid()),
                .user = record_get_string(request, "user", NULL),
        };
        CLEANUP_FREE char *blocked = NULL;
        Record *outcome = NULL;
        int r = mechanism_supports(object->mechanism, OPERATION_ADOPT, error);

        if (r >= 0 && caller.user)
                r = caller_look_up(caller.user, &caller, error);
        if (r < 0)
                return r;
        if (!caller.user)
                caller.user = user_name(caller.uid);
        record_set_u64(row, "uid", caller.uid);
        if (caller.user)
                record_set_string(row, "user", caller.user);
        if (object->mechanism->file) {
                r = explain_file(object, &caller, row, error);
                if (r != -EOPNOTSUPP)
                        return r;
        }
        if (caller.uid != geteuid() && geteuid() != 0)
                return error_set(error, ERROR_NOT_PERMITTED,
                        "Only root can try an object as another user; ask as that user instead.");
        r = explain_mode(object, &caller, row, &blocked);
        if (r < 0)
                return error_set_errno(error, r, "Cannot find out who may open it");
        if (object->mechanism->explain)
                object->mechanism->explain(&object->address, row);
        r = try_as(object, &caller, &outcome, error);
        if (r < 0)
                return r;
        add_step(row, outcome);
        record_merge(row, outcome);
        conclude(row, &caller, record_get_string(row, "address", ""), blocked);
        record_free(outcome);
        return record_error(row);
}

int op_explain(const Record *request, Error *error) {
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
                r = explain(&object, request, row, error);
        }
        if (r >= 0)
                r = worker_send(row);
        free(address);
        record_free(row);
        kernel_object_done(&object);
        return r;
}
