/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All POSIX message queues of this IPC namespace. They can only be listed through their file system. With
 * CAP_SYS_ADMIN one is mounted for oneself, nowhere and for nobody else to see: fsmount(2) gives a descriptor of a
 * mount that ends with it. Else one that is mounted already will do (/dev/mqueue, by most systems). */
#include "mq-posix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "kind-helpers.h"
#include "posix-name.h"
#include "scan.h"

#define KIND "mq-posix"

/* The system call asks nothing of a file system, which may be one that never answers. */
bool mq_posix_is_queue(int fd) {
        struct mq_attr attributes;

        return mq_getattr(fd, &attributes) >= 0;
}

static int mount_detached(void) {
        CLEANUP_FD int context = -EBADF, mount_fd = -EBADF;
        int fd;

        context = fsopen("mqueue", FSOPEN_CLOEXEC);
        if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;
        mount_fd = fsmount(context, FSMOUNT_CLOEXEC, 0);
        if (mount_fd < 0)
                return -errno;
        /* That one is as of O_PATH; what is opened below it keeps the mount. */
        fd = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

/* Undoes the octal escapes of /proc/self/mountinfo (proc(5)) in place. */
static void unescape(char *text) {
        char *to = text;

        for (const char *from = text; *from != '\0';)
                if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' && from[2] <= '7' &&
                        from[3] >= '0' && from[3] <= '7') {
                        *to++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
                        from += 4;
                } else
                        *to++ = *from++;
        *to = '\0';
}

/* Opens the first mqueue file system that is mounted. */
static int open_mounted(void) {
        CLEANUP_FREE char *line = NULL;
        size_t size = 0;
        int fd = -ENOENT;
        FILE *file;

        file = fopen("/proc/self/mountinfo", "re");
        if (!file)
                return -errno;
        while (fd < 0 && getline(&line, &size, file) > 0) {
                char path[PATH_MAX];

                /* id, parent, major:minor, root, mount point, options …, "-", type */
                if (!strstr(line, " - mqueue ") || sscanf(line, "%*s %*s %*s %*s %4095s", path) != 1)
                        continue;
                unescape(path);
                fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fd < 0)
                        fd = -errno;
        }
        fclose(file);
        return fd;
}

/* Whether the file is the queue that this process reaches by its name: a file system that was mounted elsewhere may
 * show the queues of another IPC namespace. Where the queue may not be opened, the file is believed. */
static bool is_reached_by_name(const char *name, const struct stat *st, mqd_t *ret) {
        struct stat reached;
        mqd_t mqd;
        int r;

        r = mq_open_allowed(name, O_NONBLOCK, &mqd);
        if (r < 0)
                return r == -EACCES;
        if (fstat(mqd, &reached) < 0 || reached.st_dev != st->st_dev || reached.st_ino != st->st_ino) {
                close(mqd);
                return false;
        }
        *ret = mqd;
        return true;
}

static void row_set_fill(Record *row, mqd_t mqd) {
        struct mq_attr attr;
        uint64_t bytes;
        pid_t notified;

        if (mqd < 0 || mq_getattr(mqd, &attr) < 0) {
                record_set_string(row, "state", "not readable by this user");
                return;
        }
        record_set_u64(row, "size", (uint64_t)attr.mq_maxmsg * (uint64_t)attr.mq_msgsize);
        record_set_u64(row, "messages", (uint64_t)attr.mq_curmsgs);
        record_set_u64(row, "max_messages", (uint64_t)attr.mq_maxmsg);
        record_set_u64(row, "message_size", (uint64_t)attr.mq_msgsize);
        record_set_string(row, "state",
                attr.mq_curmsgs == 0                ? "empty"
                : attr.mq_curmsgs >= attr.mq_maxmsg ? "full"
                                                    : "filled");
        if (mq_read_status(mqd, &bytes, &notified) >= 0) {
                record_set_u64(row, "used", bytes);
                if (notified > 0)
                        record_set_u64(row, "notified_pid", (uint64_t)notified);
        }
}

static int scan_one(Scan *scan, int directory, const char *file) {
        CLEANUP_FD int mqd = -EBADF;
        char name[POSIX_NAME_SIZE];
        struct stat st;
        Record *row;
        int r;

        /* What vanished since is no failure of the list. */
        if (fstatat(directory, file, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
                return 0;
        snprintf(name, sizeof(name), "/%s", file);
        if (!is_reached_by_name(name, &st, &mqd))
                return 0;
        r = scan_row_new(KIND, name, &st, &row);
        if (r < 0)
                return r;
        row_set_fill(row, mqd);
        return scan_row_done(scan, row, &st);
}

int mq_posix_open_directory(void) {
        int fd = mount_detached();

        return fd < 0 ? open_mounted() : fd;
}

int mq_posix_scan(Scan *scan) {
        struct dirent *entry;
        DIR *directory;
        int fd, r = 0;

        fd = mount_detached();
        if (fd < 0) {
                r = fd;
                fd = open_mounted();
        }
        if (fd < 0)
                return scan_reason(scan, KIND,
                        "POSIX message queues can only be listed where an mqueue file system is mounted, for example "
                        "at "
                        "/dev/mqueue; here is none, and this user may not mount one (%s).",
                        strerror(-r));
        directory = fdopendir(fd);
        if (!directory) {
                r = -errno;
                close(fd);
                return scan_reason(scan, KIND, "The mqueue file system cannot be read: %s.", strerror(-r));
        }
        r = 0;
        while (r >= 0 && (entry = readdir(directory)))
                r = scan_one(scan, dirfd(directory), entry->d_name);
        closedir(directory);
        return r < 0 ? r : 0;
}

/* By name, for listing may not be possible. */
void mq_posix_sweep(const char *token) {
        char name[POSIX_NAME_SIZE];

        for (unsigned i = 0; i < POSIX_NAMES_PER_RUN; i++)
                if (posix_name_of_run(token, i, name, sizeof(name)) >= 0)
                        mq_unlink(name);
}
