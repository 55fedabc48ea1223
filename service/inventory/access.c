/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The walk to a file, then what the mount, attributes and settings of the kernel say, and the trial. The caller owns
 * the Explanation. */
#include "access.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "access-walk.h"
#include "cleanup.h"

static void check_attributes(Explanation *explanation, int fd, const char *path, bool append_too) {
        struct statx stx;

        if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &stx) < 0)
                return;
        if (stx.stx_attributes & STATX_ATTR_IMMUTABLE || (append_too && stx.stx_attributes & STATX_ATTR_APPEND))
                explain_judged(explanation, EPERM, "root can take that away with chattr(1)", "attributes of", path,
                        "%s is marked %s, so that not even root may change it; lsattr(1) shows this.", path,
                        stx.stx_attributes & STATX_ATTR_IMMUTABLE ? "immutable" : "append-only");
}

/* What stands in the way of writing, whatever the mode says. A mount that is read-only does not concern FIFOs and
 * sockets: what is written to them does not go to the file system. */
static void check_writing(Explanation *explanation, int fd, const struct stat *st, const char *path) {
        struct statvfs file_system;

        if (S_ISREG(st->st_mode) && fstatvfs(fd, &file_system) == 0 && file_system.f_flag & ST_RDONLY)
                explain_judged(explanation, EROFS, "mount it read-write, or use a file elsewhere", "mount of", path,
                        "The file system that holds %s is mounted read-only.", path);
        check_attributes(explanation, fd, path, true);
}

/* may_create_in_sticky() of fs/namei.c: opening with O_CREAT what others made, as shells do for ">". Opening without
 * it is not concerned, so it is no obstacle by itself. */
static void check_protected(
        Explanation *explanation, const struct stat *directory, const struct stat *st, const char *path) {
        const char *setting = S_ISFIFO(st->st_mode) ? "/proc/sys/fs/protected_fifos"
                                                    : "/proc/sys/fs/protected_regular";
        unsigned level;

        if ((!S_ISFIFO(st->st_mode) && !S_ISREG(st->st_mode)) || !(directory->st_mode & S_ISVTX) ||
                st->st_uid == directory->st_uid || st->st_uid == explanation->user.uid)
                return;
        level = path_setting(setting);
        if (level == 0 || !(directory->st_mode & S_IWOTH || (directory->st_mode & S_IWGRP && level >= 2)))
                return;
        explain_ok(explanation, "sticky directory of", path,
                "%s is %u: whoever opens %s with O_CREAT, as a shell does for \">\", gets EACCES, since user %u made "
                "it "
                "in a sticky directory that others may write to; without O_CREAT it does not matter.",
                setting, level, path, st->st_uid);
}

static const char *use_name(int want, bool beside) {
        return want == W_OK && !beside ? "connect to"
               : want == (R_OK | W_OK) ? "read and write"
               : want == W_OK          ? "write"
                                       : "read";
}

typedef struct FileTrial {
        const char *path;
        int want;
        bool beside; /* writing, where reading was asked for */
        AccessOpen try_open;
        void *userdata;
} FileTrial;

static int try_file(void *userdata, Error *error) {
        const FileTrial *trial = userdata;

        (void)error;
        return trial->try_open(trial->path, trial->want, trial->userdata);
}

static void explain_one(Explanation *explanation, const PathWalk *walk, const struct stat *st, FileTrial *trial) {
        explain_use(explanation, use_name(trial->want, trial->beside));
        if (walk->finished) {
                path_check_permission(explanation, walk->fd, st, trial->want, walk->here);
                if (trial->want & W_OK)
                        check_writing(explanation, walk->fd, st, walk->here);
        }
        if (trial->try_open)
                (void)explain_try(explanation, trial->path, try_file, trial);
        explain_use(explanation, NULL);
}

int access_explain(Explanation *explanation, const char *path, int want, AccessOpen try_open, void *userdata,
        struct stat *ret_st) {
        CLEANUP(path_walk_done) PathWalk walk = PATH_WALK_EMPTY;
        FileTrial trial = { .path = path, .want = want, .try_open = try_open, .userdata = userdata };
        struct stat st = {};
        int r;

        if (path[0] != '/')
                return -EINVAL;
        r = path_walk(explanation, path, &walk);
        if (r < 0)
                return r;
        if (walk.finished && fstat(walk.fd, &st) < 0)
                return -errno;
        if (walk.finished)
                check_protected(explanation, &walk.directory, &st, walk.here);
        explain_one(explanation, &walk, &st, &trial);
        if (!(want & W_OK)) {
                trial.want = W_OK;
                trial.beside = true;
                explain_one(explanation, &walk, &st, &trial);
        }
        if (ret_st)
                *ret_st = st;
        return 0;
}

/* --- Making one --- */

static void check_room(Explanation *explanation, int fd, const char *path, bool bytes) {
        struct statvfs st;

        if (fstatvfs(fd, &st) < 0)
                return;
        if (st.f_flag & ST_RDONLY)
                explain_judged(explanation, EROFS, "mount it read-write, or choose another place", "mount of", path,
                        "The file system that holds %s is mounted read-only.", path);
        if (st.f_files > 0 && st.f_favail == 0)
                explain_judged(explanation, ENOSPC, "remove files there, or mount it with more (nr_inodes)", "room in",
                        path, "The file system of %s is full: no file is left of %llu (statvfs(3)).", path,
                        (unsigned long long)st.f_files);
        else if (bytes && st.f_blocks > 0 && st.f_bavail == 0)
                explain_judged(explanation, ENOSPC, "remove what is not needed there (df(1)), or mount it larger",
                        "room in", path, "The file system of %s is full: no byte is left of %llu (statvfs(3)).", path,
                        (unsigned long long)st.f_blocks * st.f_frsize);
        else
                explain_ok(explanation, "room in", path, "%llu bytes and %llu files are free (statvfs(3)).",
                        (unsigned long long)st.f_bavail * st.f_frsize, (unsigned long long)st.f_favail);
}

typedef struct MakingTrial {
        const char *directory;
        unsigned needs;
} MakingTrial;

static int try_making(void *userdata, Error *error) {
        const MakingTrial *trial = userdata;
        CLEANUP_FD int fd = open(trial->directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

        (void)error;
        if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOSYS))
                return faccessat(AT_FDCWD, trial->directory, W_OK | X_OK, AT_EACCESS) < 0 ? -errno : 0;
        if (fd < 0)
                return -errno;
        if (trial->needs & MAKING_SIZE && ftruncate(fd, 1) < 0)
                return -errno;
        return trial->needs & MAKING_BYTES && write(fd, "", 1) < 0 ? -errno : 0;
}

int access_explain_making(Explanation *explanation, const char *path, unsigned needs) {
        CLEANUP(path_walk_done) PathWalk walk = PATH_WALK_EMPTY;
        CLEANUP_FREE char *directory = strdup(path);
        MakingTrial trial = { .needs = needs };
        struct stat st;
        char *slash;
        int r;

        if (!directory)
                return -ENOMEM;
        slash = strrchr(directory, '/');
        if (!slash)
                return -EINVAL;
        slash[slash == directory ? 1 : 0] = '\0';
        trial.directory = directory;
        explain_making(explanation);
        r = path_walk(explanation, directory, &walk);
        if (r < 0)
                return r;
        if (walk.finished && fstat(walk.fd, &st) == 0) {
                path_check_permission(explanation, walk.fd, &st, W_OK | X_OK, walk.here);
                check_attributes(explanation, walk.fd, walk.here, false);
                check_room(explanation, walk.fd, walk.here, needs & MAKING_BYTES);
        }
        if (needs)
                (void)explain_file_size(explanation, 1, path);
        (void)explain_try(explanation, directory, try_making, &trial);
        explain_use(explanation, NULL);
        return 0;
}
