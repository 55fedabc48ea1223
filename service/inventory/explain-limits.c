/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits of a process that stand in the way (getrlimit(2)). They are those of the process that asks, as nothing is
 * known of the one that will call: each step says whose it shows. Attempts are made under the same. Owns nothing. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "explain.h"

enum {
        STANDARD = 3, /* descriptors that a program begins with */
        COMMAND_MAX = 32,
        WHOSE_MAX = 160 + ACCESS_NAME_MAX,
};

typedef struct Limit {
        rlim_t value;
        bool asking; /* of the process that asks; else our own */
        char whose[WHOSE_MAX];
} Limit;

static void command_of(pid_t pid, char command[COMMAND_MAX]) {
        CLEANUP_FD int fd = -EBADF;
        ssize_t size = 0;
        char path[32];

        snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0)
                size = read(fd, command, COMMAND_MAX - 1);
        command[size > 0 ? size : 0] = '\0';
        command[strcspn(command, "\n")] = '\0';
}

static Limit limit_get(const Explanation *explanation, int resource) {
        struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
        char command[COMMAND_MAX];
        pid_t pid = explanation->asking;
        Limit found = {};

        found.asking = pid > 0 && prlimit(pid, (__rlimit_resource_t)resource, NULL, &limit) == 0;
        if (!found.asking)
                (void)getrlimit((__rlimit_resource_t)resource, &limit);
        found.value = limit.rlim_cur;
        if (found.asking) {
                command_of(pid, command);
                snprintf(found.whose, sizeof(found.whose), "as process %d (%s), which asks, has it%s%s%s", (int)pid,
                        command, explanation->for_other ? "; what another process of " : "",
                        explanation->for_other ? explanation->user.name : "",
                        explanation->for_other ? " has is not known" : "");
        } else
                snprintf(found.whose, sizeof(found.whose), "as ipcbus has it; what a process of %s has is not known",
                        explanation->user.name);
        return found;
}

static const char *limit_text(rlim_t value, char buffer[32]) {
        if (value == RLIM_INFINITY)
                return "unlimited";
        snprintf(buffer, 32, "%" PRIu64, (uint64_t)value);
        return buffer;
}

void explain_asked_by(Explanation *explanation, pid_t pid, bool for_other) {
        explanation->asking = pid;
        explanation->for_other = for_other;
        explanation->user.file_size = limit_get(explanation, RLIMIT_FSIZE).value;
}

/* The lowest number that is free counts (open(2)), up to `max`. */
static rlim_t lowest_free(pid_t pid, rlim_t max) {
        char path[48];
        struct stat st;
        rlim_t fd = 0;

        snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
        if (access(path, R_OK | X_OK) < 0)
                return STANDARD;
        for (; fd < max; fd++) {
                snprintf(path, sizeof(path), "/proc/%d/fd/%" PRIu64, (int)pid, (uint64_t)fd);
                if (lstat(path, &st) < 0)
                        break;
        }
        return fd;
}

void explain_descriptor(Explanation *explanation) {
        char text[32];
        Limit limit;
        rlim_t next;

        if (explanation->descriptors_told)
                return;
        explanation->descriptors_told = true;
        limit = limit_get(explanation, RLIMIT_NOFILE);
        next = limit.asking ? lowest_free(explanation->asking, limit.value) : STANDARD;
        if (limit.value > next && limit.value > STANDARD) {
                explain_ok(explanation, "limit of", "descriptors",
                        "It takes a descriptor, and RLIMIT_NOFILE is %s (%s): the next one is %" PRIu64 ".",
                        limit_text(limit.value, text), limit.whose, (uint64_t)next);
                return;
        }
        explanation->user.no_descriptors = true;
        explain_stopped(explanation, EMFILE, "close some, or raise it with ulimit -n", "limit of", "descriptors",
                "It takes a descriptor, and none is left: RLIMIT_NOFILE is %s (%s), and %s.",
                limit_text(limit.value, text), limit.whose,
                limit.value <= STANDARD ? "a program begins with three" : "all below that are open");
}

bool explain_file_size(Explanation *explanation, uint64_t size, const char *object) {
        Limit limit = limit_get(explanation, RLIMIT_FSIZE);
        char text[32];

        if (limit.value != RLIM_INFINITY && limit.value < size) {
                explain_judged(explanation, EFBIG, "raise it with ulimit -f", "limit of size", object,
                        "No file may be made larger than %s bytes: RLIMIT_FSIZE of getrlimit(2), %s.",
                        limit_text(limit.value, text), limit.whose);
                return false;
        }
        explain_ok(explanation, "limit of size", object, "RLIMIT_FSIZE of getrlimit(2) is %s (%s).",
                limit_text(limit.value, text), limit.whose);
        return true;
}

typedef struct GrowTrial {
        uint64_t size;
        AccessTry before;
        void *userdata;
} GrowTrial;

/* A file in memory that only this process has: the limit is one of the process, whatever the file is. */
static int try_growing(void *userdata, Error *error) {
        const GrowTrial *trial = userdata;
        CLEANUP_FD int fd = -EBADF;
        int r;

        r = trial->before(trial->userdata, error);
        if (r < 0)
                return r;
        fd = memfd_create("ipcbus-explain", MFD_CLOEXEC);
        return fd < 0 || ftruncate(fd, (off_t)trial->size) < 0 ? -errno : 0;
}

void explain_growing(
        Explanation *explanation, const char *object, uint64_t size, AccessTry may_write, void *userdata) {
        GrowTrial trial = { .size = size + 1, .before = may_write, .userdata = userdata };

        if (explanation->user.file_size == RLIM_INFINITY) {
                (void)explain_file_size(explanation, size, object);
                return;
        }
        explain_use_like_last(explanation, "grow");
        (void)explain_file_size(explanation, size + 1, object);
        (void)explain_try(explanation, object, try_growing, &trial);
        explain_use(explanation, NULL);
}

/* user_shm_lock() of mm/mlock.c and shmctl_do_lock() of ipc/shm.c. What the user has locked already is shown nowhere,
 * and locking the object would change it: so it is said and not tried. */
void explain_locking(Explanation *explanation, const char *object, uint64_t size, bool owner) {
        Limit limit = limit_get(explanation, RLIMIT_MEMLOCK);
        bool capable = access_user_can(&explanation->user, CAP_IPC_LOCK);
        uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), locked = (size + page - 1) / page * page;
        const char *says = capable            ? "CAP_IPC_LOCK overrides it"
                           : !owner           ? "it gives EPERM, as only its owner may"
                           : limit.value == 0 ? "it gives EPERM"
                           : limit.value != RLIM_INFINITY && locked > limit.value / page * page
                                   ? "it gives ENOMEM"
                                   : "that is enough, unless other segments that the user locked take from it";
        char text[32];

        explain_ok(explanation, "limit of locked memory", object,
                "It does not matter for reading and writing; SHM_LOCK (shmctl(2)) would take %" PRIu64
                " bytes, and RLIMIT_MEMLOCK is %s (%s): %s.",
                locked, limit_text(limit.value, text), limit.whose, says);
}
