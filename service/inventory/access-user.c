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
        TRIAL_MSEC = 3000,
        GRACE_MSEC = 500, /* after SIGKILL */
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

        *user = (AccessUser){ .uid = uid, .gid = gid, .ourselves = uid == geteuid(), .file_size = RLIM_INFINITY };
        /* "nobody can" would say the opposite. */
        if (name && strcmp(name, "nobody") == 0)
                snprintf(user->name, sizeof(user->name), "user %s", name);
        else if (name)
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

bool access_user_in_group(const AccessUser *user, gid_t gid) {
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
        if (access_user_in_group(user, st->st_gid)) {
                *ret_class = "its group";
                return st->st_mode >> 3 & 7;
        }
        *ret_class = "others";
        return st->st_mode & 7;
}

/* acl(5), in the form of linux/posix_acl_xattr.h: a version, then entries, each little endian. */
enum {
        LIST_VERSION = 2,
        LIST_USER = 0x02,
        LIST_OWNING_GROUP = 0x04,
        LIST_GROUP = 0x08,
        LIST_MASK = 0x10,
        LIST_OTHERS = 0x20,
};

typedef struct ListEntry {
        uint16_t tag, bits;
        uint32_t id;
} ListEntry;

typedef struct ListSums {
        const AccessUser *user;
        gid_t group; /* of the file */
        unsigned want, named, groups, mask, others;
        bool is_named, in_groups;
} ListSums;

static void list_add(ListSums *sums, const ListEntry *entry) {
        bool ours = entry->tag == LIST_OWNING_GROUP ? access_user_in_group(sums->user, sums->group)
                    : entry->tag == LIST_GROUP      ? access_user_in_group(sums->user, entry->id)
                                                    : false;

        if (entry->tag == LIST_USER && entry->id == sums->user->uid) {
                sums->is_named = true;
                sums->named = entry->bits;
        } else if (entry->tag == LIST_MASK)
                sums->mask = entry->bits;
        else if (entry->tag == LIST_OTHERS)
                sums->others = entry->bits;
        /* One entry has to give all that is wanted: rights of two groups do not add up. */
        if (ours && (!sums->in_groups || (entry->bits & sums->want) == sums->want)) {
                sums->in_groups = true;
                sums->groups = entry->bits;
        }
}

int access_user_list_bits(const AccessUser *user, const struct stat *st, const void *list, size_t size, int want,
        unsigned *ret_bits, const char **ret_class) {
        ListSums sums = { .user = user, .group = st->st_gid, .want = (unsigned)want, .mask = 7 };
        const char *bytes = list;
        uint32_t version;
        ListEntry entry;

        if (size < sizeof(version))
                return -EINVAL;
        memcpy(&version, bytes, sizeof(version));
        if (version != LIST_VERSION)
                return -EINVAL;
        for (size_t i = sizeof(version); i + sizeof(entry) <= size; i += sizeof(entry)) {
                memcpy(&entry, bytes + i, sizeof(entry));
                list_add(&sums, &entry);
        }
        if (user->uid == st->st_uid)
                *ret_bits = access_user_bits(user, st, ret_class);
        else if (sums.is_named) {
                *ret_class = "a user that it names";
                *ret_bits = sums.named & sums.mask;
        } else if (sums.in_groups) {
                *ret_class = "one of its groups";
                *ret_bits = sums.groups & sums.mask;
        } else {
                *ret_class = "others";
                *ret_bits = sums.others;
        }
        return 0;
}

typedef struct Trial {
        int become; /* 0 or the errno of becoming the user */
        int result; /* of the attempt */
        Error error;
} Trial;

static int become(const AccessUser *user) {
        if (user->ourselves)
                return 0;
        if (setgroups((size_t)user->n_groups, user->groups) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
                setresuid(user->uid, user->uid, user->uid) < 0)
                return -errno;
        return 0;
}

/* As a program of that user's would be: what was set to a user by root may not even look into its own /proc/self
 * (prctl(2), PR_SET_DUMPABLE). But then other processes of the user may look into it as well, and so it has nothing of
 * ours any more. */
static int leave_ours_behind(int *channel) {
        enum { CHANNEL = 3, MANY = 65536 };

        if (*channel != CHANNEL && dup3(*channel, CHANNEL, O_CLOEXEC) < 0)
                return -errno;
        *channel = CHANNEL;
        if (syscall(SYS_close_range, CHANNEL + 1, ~0U, 0) < 0)
                for (int fd = CHANNEL + 1; fd < MANY; fd++)
                        close(fd);
        return prctl(PR_SET_DUMPABLE, 1) < 0 ? -errno : 0;
}

/* What is higher than ours stays ours, as only root may raise it. */
static void take_limits(const AccessUser *user) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && user->file_size < limit.rlim_cur) {
                limit.rlim_cur = user->file_size;
                (void)setrlimit(RLIMIT_FSIZE, &limit);
        }
        if (user->no_descriptors && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
                limit.rlim_cur = 0;
                (void)setrlimit(RLIMIT_NOFILE, &limit);
        }
}

static _Noreturn void trial_child(const AccessUser *user, AccessTry attempt, void *userdata, int channel) {
        Trial trial = { .become = become(user) };

        /* After the change of user, which clears it (prctl(2)). */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        /* Writing above RLIMIT_FSIZE is to be an error. */
        signal(SIGXFSZ, SIG_IGN);
        if (trial.become == 0 && !user->ourselves)
                trial.become = leave_ours_behind(&channel);
        take_limits(user);
        if (trial.become == 0)
                trial.result = attempt(userdata, &trial.error);
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

/* Where a process hangs in the kernel, even SIGKILL waits: then it is left to end by itself. */
static void trial_collect(pid_t pid, bool killed) {
        struct pollfd process = { .fd = -EBADF, .events = POLLIN };

        if (killed)
                process.fd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (process.fd < 0 || poll(&process, 1, GRACE_MSEC) != 0)
                while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        fd_close(process.fd);
}

static int trial_run(const AccessUser *user, AccessTry attempt, void *userdata, Trial *ret) {
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
                trial_child(user, attempt, userdata, writing);
        writing = fd_close(writing);
        r = trial_read(reading, ret);
        if (r < 0)
                kill(pid, SIGKILL);
        trial_collect(pid, r < 0);
        return r;
}

int access_user_try(const AccessUser *user, AccessTry attempt, void *userdata, Error *error, bool *ret_tried,
        const char **ret_why) {
        Trial trial = { .become = 0 };
        int r;

        *ret_tried = false;
        *ret_why = NULL;
        if (!user->ourselves && geteuid() != 0) {
                *ret_why = "Only root can become another user and try.";
                return -EPERM;
        }
        r = trial_run(user, attempt, userdata, &trial);
        if (r == -ETIMEDOUT)
                *ret_why =
                        "The attempt did not come to an end in three seconds, as with a file system or a server that "
                        "does not answer.";
        else if (r < 0)
                *ret_why = "The attempt could not be started.";
        else if (trial.become < 0) {
                *ret_why = "The user could not be become here, as in a container without the right to.";
                r = trial.become;
        } else {
                *ret_tried = true;
                r = trial.result < 0 ? trial.result : 0;
                *error = trial.error;
        }
        return r;
}
