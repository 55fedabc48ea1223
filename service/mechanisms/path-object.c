/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looking at, identifying and removing FIFOs and sockets by path. Nothing is kept here. */
#include "path-object.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "kind-helpers.h"

const char *path_type_name(mode_t mode) {
        switch (mode & S_IFMT) {
        case S_IFREG:
                return "a regular file";
        case S_IFDIR:
                return "a directory";
        case S_IFLNK:
                return "a symbolic link";
        case S_IFIFO:
                return "a FIFO";
        case S_IFSOCK:
                return "a socket";
        case S_IFCHR:
                return "a character device";
        case S_IFBLK:
                return "a block device";
        default:
                return "something else";
        }
}

int path_check(const char *path, size_t max, Error *error) {
        if (!path || !*path)
                return error_set(error, ERROR_INVALID_OPTION, "The option \"path\" is needed: an absolute path.");
        if (*path != '/')
                return error_set(error, ERROR_INVALID_OPTION,
                        "The path \"%.200s\" is not absolute; the service has no current directory to begin at.",
                        path);
        if (strlen(path) > max)
                return error_set(error, ERROR_INVALID_OPTION, "The path is %zu bytes long; at most %zu are possible.",
                        strlen(path), max);
        return 0;
}

int path_pin(const char *path, mode_t type, const char *what, int *ret_fd, struct stat *ret, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        struct stat st;

        fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
                return error_set(error, ERROR_NO_SUCH_OBJECT, "There is no %s at %.300s.", what, path);
        if (fd < 0 || fstat(fd, &st) < 0)
                return error_set_errno(error, errno, "What stands at %.300s cannot be looked at", path);
        if ((st.st_mode & S_IFMT) != type)
                return error_set(error, ERROR_NO_SUCH_OBJECT, "There is no %s at %.300s: it is %s.", what, path,
                        path_type_name(st.st_mode));
        *ret_fd = fd_take(&fd);
        *ret = st;
        return 0;
}

/* The number of an inode is given to another file as soon as the first is gone (ext4 does so at once), and a journal
 * is read when nothing has pinned it: the time of birth tells them apart, where the file system keeps it. */
static void path_identity(int fd, const struct stat *st, char ret_identity[IDENTITY_MAX]) {
        struct statx stx;
        size_t length;

        identity_from_stat(st, ret_identity);
        if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &stx) < 0 || !(stx.stx_mask & STATX_BTIME))
                return;
        length = strlen(ret_identity);
        snprintf(ret_identity + length, IDENTITY_MAX - length, ":%lld.%09u", (long long)stx.stx_btime.tv_sec,
                stx.stx_btime.tv_nsec);
}

int path_identify(
        const Address *address, mode_t type, const char *what, char ret_identity[IDENTITY_MAX], Error *error) {
        CLEANUP_FD int fd = -EBADF;
        struct stat st;
        int r;

        r = path_pin(address->text, type, what, &fd, &st, error);
        if (r < 0)
                return r;
        path_identity(fd, &st, ret_identity);
        return 0;
}

void path_fill(KernelObject *object, int fd, const struct stat *st) {
        kernel_object_from_stat(object, st);
        path_identity(fd, st, object->identity);
        object->created = birth_of_file(fd, "");
}

bool path_is(const KernelObject *object, int fd) {
        char identity[IDENTITY_MAX];
        struct stat st;

        if (fstat(fd, &st) < 0)
                return false;
        path_identity(fd, &st, identity);
        return strcmp(identity, object->identity) == 0;
}

int path_exists(const char *path, Error *error) {
        struct stat st;

        if (lstat(path, &st) < 0)
                return error_set(error, ERROR_EXISTS, "Something stands at %.300s already.", path);
        return error_set(error, ERROR_EXISTS,
                "%.300s exists already: it is %s. It was left as it is; choose another path, or remove it first.",
                path, path_type_name(st.st_mode));
}

int path_set_mode(int fd, mode_t mode, struct stat *st, Error *error) {
        char name[sizeof "/proc/self/fd/" + 12];

        if ((st->st_mode & 07777) == mode)
                return 0;
        /* fchmod(2) refuses O_PATH descriptors; the link in /proc leads to the same inode. */
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        if (chmod(name, mode) < 0 || fstat(fd, st) < 0)
                return error_set_errno(error, errno, "The mode %04o cannot be set", mode);
        return 0;
}

int path_unlink(const char *path, const char *what, Error *error) {
        if (unlink(path) == 0)
                return 0;
        if (errno == ENOENT || errno == ENOTDIR)
                return error_set(error, ERROR_NO_SUCH_OBJECT, "There is no %s at %.300s any more.", what, path);
        return error_set_errno(error, errno, "The %s %.300s cannot be removed", what, path);
}

void path_unlink_made(const char *path, int fd) {
        struct stat made, now;

        if (fstat(fd, &made) >= 0 && lstat(path, &now) >= 0 && made.st_dev == now.st_dev && made.st_ino == now.st_ino)
                unlink(path);
}

/* The link tells the path at which it was opened, proc(5); something else may stand there by now. */
int path_of_fd(int fd, char ret_path[PATH_MAX]) {
        char link[sizeof "/proc/self/fd/" + 12];
        struct stat at, of;
        ssize_t n;

        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        n = readlink(link, ret_path, PATH_MAX - 1);
        if (n < 0)
                return -errno;
        ret_path[n] = '\0';
        if (fstat(fd, &of) < 0)
                return -errno;
        if (ret_path[0] != '/' || lstat(ret_path, &at) < 0 || at.st_dev != of.st_dev || at.st_ino != of.st_ino)
                return -ENOENT;
        return 0;
}
