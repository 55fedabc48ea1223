/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gets at what has no name through a process that has it open. Each holder is tried in turn; what is told at the end
 * is the refusal that came nearest. A process may end and its number go to another one at any moment: a pidfd is
 * opened before the descriptor is looked at, and what came out is compared with what was looked for. */
#include "fd-fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "proc-fdinfo.h"

#define YAMA_FILE "/proc/sys/kernel/yama/ptrace_scope"

enum { FOUND = -ECANCELED }; /* ends the walk */

typedef struct Fetch {
        const HolderKey *key;
        FetchWay way;
        int access;
        const char *what;
        size_t holders, mapped_only;
        Error refusal; /* of the last holder that did not let us */
        int refused;   /* its errno */
        int fd;
} Fetch;

static bool is_it(const Fetch *fetch, int fd) {
        uint64_t id;
        struct stat st;

        if (fetch->key->type == HOLDER_EVENTFD)
                return fdinfo_number(AT_FDCWD, "/proc/self/fdinfo/", fd, "eventfd-id:", &id) >= 0 &&
                       id == fetch->key->number;
        if (fstat(fd, &st) < 0 || st.st_ino != fetch->key->number)
                return false;
        switch (fetch->key->type) {
        case HOLDER_FILE:
                return st.st_dev == fetch->key->device;
        case HOLDER_PIPE:
                return S_ISFIFO(st.st_mode);
        case HOLDER_SOCKET:
                return S_ISSOCK(st.st_mode);
        default:
                return false;
        }
}

static uint64_t yama_scope(void) {
        char text[16] = "";
        CLEANUP_FD int fd = open(YAMA_FILE, O_RDONLY | O_CLOEXEC);

        if (fd < 0 || read(fd, text, sizeof text - 1) <= 0)
                return 0;
        return (uint64_t)strtoul(text, NULL, 10);
}

static void refuse(Fetch *fetch, int r, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void refuse(Fetch *fetch, int r, const char *format, ...) {
        char message[ERROR_MESSAGE_MAX / 2];
        va_list arguments;

        if (r == -ENOENT || r == -ESRCH || r == -EBADF)
                return; /* closed, or ended meanwhile */
        va_start(arguments, format);
        vsnprintf(message, sizeof message, format, arguments);
        va_end(arguments);
        fetch->refusal = (Error){};
        fetch->refused = r;
        (void)error_set_errno(&fetch->refusal, r, "%s", message);
}

/* Pinned without being opened: an open of what is no longer it could have an effect on others. */
static void reopen(Fetch *fetch, const Holder *holder) {
        CLEANUP_FD int pinned = -EBADF, fd = -EBADF;
        char path[64];

        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)holder->pid, holder->fd);
        pinned = open(path, O_PATH | O_CLOEXEC);
        if (pinned < 0) {
                refuse(fetch, -errno,
                        "%.100s can be reached only through %s, which takes ptrace access to process %d "
                        "(PTRACE_MODE_READ_FSCREDS): the same user, or CAP_SYS_PTRACE",
                        fetch->what, path, (int)holder->pid);
                return;
        }
        if (!is_it(fetch, pinned))
                return;
        snprintf(path, sizeof path, "/proc/self/fd/%d", pinned);
        if (!(fetch->access & O_PATH))
                fd = open(path, fetch->access | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        else if (faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) >= 0)
                fd = fd_take(&pinned);
        if (fd < 0) {
                struct stat st;
                int r = -errno;

                /* A file with a lease on it (fcntl(2), F_SETLEASE). It must not be told as "would block". */
                if (r == -EAGAIN) {
                        refuse(fetch, -EBUSY,
                                "A process has a lease on %.100s (fcntl(2), F_SETLEASE), and was just told to give it "
                                "up; try again later",
                                fetch->what);
                        return;
                }
                if (fstat(pinned, &st) < 0)
                        st = (struct stat){};
                refuse(fetch, r,
                        "Process %d (%s) has %.100s open, but opening it anew is refused: it belongs to user %u with "
                        "the mode %04o",
                        (int)holder->pid, holder->command, fetch->what, st.st_uid, st.st_mode & 07777);
                return;
        }
        fetch->fd = fd_take(&fd);
}

/* pidfd_getfd(2) wants what attaching a debugger wants: PTRACE_MODE_ATTACH_REALCREDS of ptrace(2). */
static void refuse_duplicate(Fetch *fetch, const Holder *holder, int r) {
        uint64_t scope = yama_scope();

        if (r == -EPERM && scope > 0)
                refuse(fetch, r,
                        "Duplicating a descriptor of process %d (%s) takes ptrace access "
                        "(PTRACE_MODE_ATTACH_REALCREDS), and " YAMA_FILE " is %" PRIu64 " here: %s",
                        (int)holder->pid, holder->command, scope,
                        scope == 1   ? "only for its ancestors, and with CAP_SYS_PTRACE"
                        : scope == 2 ? "only with CAP_SYS_PTRACE"
                                     : "for nobody");
        else if (r == -EPERM || r == -EACCES)
                refuse(fetch, r,
                        "Duplicating a descriptor of process %d (%s) takes ptrace access "
                        "(PTRACE_MODE_ATTACH_REALCREDS): the same user and a process that may be dumped, or "
                        "CAP_SYS_PTRACE",
                        (int)holder->pid, holder->command);
        else if (r == -ENOSYS)
                refuse(fetch, r, "%.100s can only be had with pidfd_getfd(2), of Linux 5.6 and later", fetch->what);
        else
                refuse(fetch, r, "The descriptor %d of process %d (%s) cannot be duplicated", holder->fd,
                        (int)holder->pid, holder->command);
}

static bool access_suffices(const Fetch *fetch, const Holder *holder) {
        bool reads = strchr(holder->access, 'r'), writes = strchr(holder->access, 'w');

        return fetch->access == O_RDONLY ? reads : fetch->access == O_WRONLY ? writes : reads && writes;
}

static void duplicate(Fetch *fetch, const Holder *holder) {
        CLEANUP_FD int pidfd = -EBADF, fd = -EBADF;

        if (!access_suffices(fetch, holder))
                return;
        pidfd = (int)syscall(SYS_pidfd_open, holder->pid, 0);
        if (pidfd >= 0)
                fd = (int)syscall(SYS_pidfd_getfd, pidfd, holder->fd, 0); /* close-on-exec, pidfd_getfd(2) */
        if (fd < 0) {
                refuse_duplicate(fetch, holder, -errno);
                return;
        }
        if (is_it(fetch, fd))
                fetch->fd = fd_take(&fd);
}

static int try_holder(const Holder *holder, void *userdata) {
        Fetch *fetch = userdata;

        fetch->holders++;
        if (holder->fd < 0) {
                fetch->mapped_only++;
                return 0;
        }
        if (fetch->way == FETCH_REOPEN)
                reopen(fetch, holder);
        else
                duplicate(fetch, holder);
        return fetch->fd >= 0 ? FOUND : 0;
}

/* How much of the machine could not be looked at. */
static int fail_unfound(const Fetch *fetch, const ProcTable *table, Error *error) {
        size_t unread = proc_table_unreadable(table), seen = proc_table_seen(table);

        if (fetch->mapped_only > 0)
                return error_set(error, ERROR_NOT_PERMITTED,
                        "%.100s is only mapped by those who have it, and nobody has a descriptor of it: there is "
                        "nothing to open it through.",
                        fetch->what);
        if (unread == 0)
                return error_set(error, ERROR_NO_SUCH_OBJECT,
                        "No process has %.100s open, and what has no name is gone with its last descriptor.",
                        fetch->what);
        return error_set(error, ERROR_NOT_PERMITTED,
                "No process that this user may look into has %.100s open, and %zu of %zu may not be looked into. That "
                "takes ptrace access (PTRACE_MODE_READ_FSCREDS for /proc/PID/fd): the same user, or CAP_SYS_PTRACE.",
                fetch->what, unread, seen);
}

static void table_done(ProcTable **table) {
        *table = proc_table_free(*table);
}

int fd_fetch(const HolderKey *key, FetchWay way, int access, const char *what, int *ret_fd, Error *error) {
        Fetch fetch = { .key = key, .way = way, .access = access, .what = what, .fd = -EBADF };
        CLEANUP(table_done) ProcTable *table = NULL;
        int r;

        r = proc_table_new(&table);
        if (r < 0)
                return error_set_errno(error, r, "/proc cannot be read to find out who has %.100s open", what);
        r = proc_table_holders(table, key, try_holder, &fetch);
        if (r < 0 && r != FOUND)
                return error_set_errno(error, r, "Who has %.100s open cannot be found out", what);
        if (fetch.fd >= 0) {
                *ret_fd = fetch.fd;
                return 0;
        }
        if (fetch.refused == 0)
                return fail_unfound(&fetch, table, error);
        if (error)
                *error = fetch.refusal;
        return fetch.refused;
}
