/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who a user is to the kernel: groups, capabilities, and a child process that becomes the user and tries. The
 * AccessUser owns its list of groups. */
#include "access-user.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"

enum {
        GROUPS_MAX = 65536, /* NGROUPS_MAX of the kernel */
        TRIAL_MSEC = 5000,
};

static uint64_t own_capabilities(void) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

        if (syscall(SYS_capget, &header, data) < 0)
                return 0;
        return (uint64_t)data[1].effective << 32 | data[0].effective;
}

static int groups_ours(AccessUser *user) {
        int n = getgroups(0, NULL);

        if (n < 0)
                return -errno;
        user->groups = calloc((size_t)n + 1, sizeof(gid_t));
        if (!user->groups)
                return -ENOMEM;
        n = getgroups(n, user->groups);
        if (n < 0)
                return -errno;
        user->n_groups = n;
        return 0;
}

static int groups_of_name(AccessUser *user, const char *name) {
        int n = 32, room;

        do {
                gid_t *groups;

                room = n;
                groups = reallocarray(user->groups, (size_t)room, sizeof(gid_t));
                if (!groups)
                        return -ENOMEM;
                user->groups = groups;
                /* Sets n to what is needed where that is more; old C libraries leave it. */
                if (getgrouplist(name, user->gid, user->groups, &n) >= 0)
                        break;
                n = n > room ? n : 2 * room;
        } while (n <= GROUPS_MAX);
        user->n_groups = n <= room ? n : room;
        return 0;
}

int access_user_init(AccessUser *user, uid_t uid, gid_t gid, const char *name) {
        int r;

        *user = (AccessUser){ .uid = uid, .gid = gid, .ourselves = uid == geteuid() };
        if (name)
                snprintf(user->name, sizeof(user->name), "%s", name);
        else
                snprintf(user->name, sizeof(user->name), "user %u", uid);
        if (user->ourselves) {
                user->gid = getegid();
                user->capabilities = own_capabilities();
                r = groups_ours(user);
        } else {
                /* As nothing is known of the process that will do it: what a fresh login has. */
                user->capabilities = uid == 0 ? UINT64_MAX : 0;
                r = name ? groups_of_name(user, name) : 0;
        }
        if (r < 0)
                access_user_done(user);
        return r;
}

void access_user_done(AccessUser *user) {
        free(user->groups);
        *user = (AccessUser){ .groups = NULL };
}

bool access_user_can(const AccessUser *user, unsigned capability) {
        return user->capabilities >> capability & 1;
}

static bool in_group(const AccessUser *user, gid_t gid) {
        if (user->gid == gid)
                return true;
        for (int i = 0; i < user->n_groups; i++)
                if (user->groups[i] == gid)
                        return true;
        return false;
}

unsigned access_user_bits(const AccessUser *user, const struct stat *st, const char **ret_class) {
        if (user->uid == st->st_uid) {
                *ret_class = "its owner";
                return st->st_mode >> 6 & 7;
        }
        if (in_group(user, st->st_gid)) {
                *ret_class = "its group";
                return st->st_mode >> 3 & 7;
        }
        *ret_class = "others";
        return st->st_mode & 7;
}

typedef struct Trial {
        int become; /* 0 or the errno of becoming the user */
        int result; /* of the attempt */
} Trial;

static int become(const AccessUser *user) {
        if (user->ourselves)
                return 0;
        if (setgroups((size_t)user->n_groups, user->groups) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
                setresuid(user->uid, user->uid, user->uid) < 0)
                return -errno;
        return 0;
}

static _Noreturn void trial_child(
        const AccessUser *user, const char *path, AccessTry try_open, void *userdata, int channel) {
        Trial trial = { .become = become(user) };

        /* After the change of user, which clears it (prctl(2)). */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (trial.become == 0)
                trial.result = try_open(path, userdata);
        _exit(write(channel, &trial, sizeof(trial)) == sizeof(trial) ? 0 : 1);
}

/* An open can hang in a file system that does not answer: so it has its time. */
static int trial_read(int channel, Trial *ret) {
        struct pollfd poll_fd = { .fd = channel, .events = POLLIN };
        ssize_t size;
        int r;

        do
                r = poll(&poll_fd, 1, TRIAL_MSEC);
        while (r < 0 && errno == EINTR);
        if (r <= 0)
                return r < 0 ? -errno : -ETIMEDOUT;
        size = read(channel, ret, sizeof(*ret));
        return size == sizeof(*ret) ? 0 : -EIO;
}

static int trial_run(const AccessUser *user, const char *path, AccessTry try_open, void *userdata, Trial *ret) {
        CLEANUP_FD int reading = -EBADF, writing = -EBADF;
        int ends[2], r;
        pid_t pid;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        reading = ends[0];
        writing = ends[1];
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                trial_child(user, path, try_open, userdata, writing);
        writing = fd_close(writing);
        r = trial_read(reading, ret);
        if (r < 0)
                kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        return r;
}

int access_user_try(const AccessUser *user, const char *path, AccessTry try_open, void *userdata, bool *ret_tried,
        const char **ret_why) {
        Trial trial = { .become = 0 };
        int r;

        *ret_tried = false;
        *ret_why = NULL;
        if (!user->ourselves && geteuid() != 0) {
                *ret_why = "Only root can become another user and try.";
                return -EPERM;
        }
        r = trial_run(user, path, try_open, userdata, &trial);
        if (r == -ETIMEDOUT)
                *ret_why = "The attempt did not come to an end in five seconds.";
        else if (r < 0)
                *ret_why = "The attempt could not be started.";
        else if (trial.become < 0) {
                *ret_why = "The user could not be become here, as in a container without the right to.";
                r = trial.become;
        } else {
                *ret_tried = true;
                r = trial.result < 0 ? trial.result : 0;
        }
        return r;
}
