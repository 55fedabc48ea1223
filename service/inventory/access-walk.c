/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* It judges by what decides in the kernel in the usual case: mode bits, lists, groups, capabilities. What it cannot
 * judge (security modules) a trial has to tell. Who declares the PathWalk owns it. */
#include "access-walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cleanup.h"

enum {
        LINKS_MAX = 40,       /* as the kernel follows at the most (path_resolution(7)) */
        LIST_SIZE_MAX = 4096, /* of an access control list: more than anybody writes */
};

void path_walk_done(PathWalk *walk) {
        fd_close(walk->fd);
        free(walk->rest);
}

/* acl(5): for all but the owner, entries beside the mode bits may decide. */
void path_check_permission(Explanation *explanation, int fd, const struct stat *st, int want, const char *path) {
        char link[32], list[LIST_SIZE_MAX];
        ssize_t size;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        size = getxattr(link, "system.posix_acl_access", list, sizeof(list));
        explain_rights(explanation, path, st, want, false, size > 0 ? list : NULL, size > 0 ? (size_t)size : 0);
}

unsigned path_setting(const char *path) {
        CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
        char text[16] = "";

        return fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 ? (unsigned)strtoul(text, NULL, 10) : 0;
}

static void fd_path(int fd, char buffer[PATH_MAX]) {
        char link[32];
        ssize_t length;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        length = readlink(link, buffer, PATH_MAX - 1);
        buffer[length > 0 ? length : 0] = '\0';
}

/* Why a component cannot be had. What blocks us blocks the user only where we are the user. */
static void step_failed(Explanation *explanation, const PathWalk *walk, const char *name, int number) {
        CLEANUP_FREE char *object = NULL;

        if (asprintf(&object, "%s/%s", strcmp(walk->here, "/") == 0 ? "" : walk->here, name) < 0) {
                object = NULL;
                record_append_record(explanation->verdict, "steps", NULL);
                return;
        }
        if (number == ENOENT)
                explain_missing(explanation, ENOENT, "find", object, "There is no %s%s.", object,
                        walk->links > 0 ? ", to which a symbolic link on the way points" : "");
        else if (number == ENOTDIR)
                explain_judged(explanation, ENOTDIR, NULL, "find", object, "%s is no directory, so there is no %s.",
                        walk->here, object);
        else if (number == EACCES && !explanation->user.ourselves)
                explain_unknown(explanation, "find", object,
                        "ipcbus itself may not search %s, so that nothing behind it can be looked at.", walk->here);
        else
                explain_judged(explanation, number, NULL, "find", object, "%s cannot be reached: %s (%s).", object,
                        strerrordesc_np(number), strerrorname_np(number));
}

/* fs.protected_symlinks (proc(5)): of a link that others made in a sticky directory that all may write to. */
static void check_link(Explanation *explanation, const PathWalk *walk, const char *name, const struct stat *link) {
        struct stat directory;

        if (fstat(walk->fd, &directory) < 0 || (directory.st_mode & (S_ISVTX | S_IWOTH)) != (S_ISVTX | S_IWOTH) ||
                link->st_uid == directory.st_uid || link->st_uid == explanation->user.uid ||
                path_setting("/proc/sys/fs/protected_symlinks") == 0)
                return;
        explain_judged(explanation, EACCES, "name what the link points to", "follow", name,
                "The symbolic link %s was made by user %u in %s, a sticky directory that all may write to, and "
                "/proc/sys/fs/protected_symlinks is 1: only that user may follow it.",
                name, link->st_uid, walk->here);
}

/* The link's target before what is left. */
static int follow_link(PathWalk *walk, int fd) {
        char target[PATH_MAX];
        ssize_t length;
        char *rest;

        if (++walk->links > LINKS_MAX)
                return -ELOOP;
        length = readlinkat(fd, "", target, sizeof(target) - 1);
        if (length < 0)
                return -errno;
        target[length] = '\0';
        if (asprintf(&rest, "%s/%s", target, walk->rest) < 0)
                return -ENOMEM;
        free(walk->rest);
        walk->rest = rest;
        if (target[0] == '/') {
                int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

                if (root < 0)
                        return -errno;
                fd_close(walk->fd);
                walk->fd = root;
                walk->searched = false;
                fd_path(walk->fd, walk->here);
        }
        return 0;
}

/* One component further: 1, or 0 at the end, or a negative errno that no step could tell. */
static int path_walk_next(Explanation *explanation, PathWalk *walk) {
        char name[NAME_MAX + 1];
        CLEANUP_FD int fd = -EBADF;
        struct stat st;
        size_t skip, length;
        int r;

        skip = strspn(walk->rest, "/");
        length = strcspn(walk->rest + skip, "/");
        if (length == 0) {
                walk->finished = true;
                return 0;
        }
        if (length > NAME_MAX) {
                step_failed(explanation, walk, "...", ENAMETOOLONG);
                return 0;
        }
        memcpy(name, walk->rest + skip, length);
        name[length] = '\0';
        memmove(walk->rest, walk->rest + skip + length, strlen(walk->rest + skip + length) + 1);

        if (fstat(walk->fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode) && !walk->searched)
                path_check_permission(explanation, walk->fd, &st, X_OK, walk->here);
        walk->searched = true;
        fd = openat(walk->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0) {
                step_failed(explanation, walk, name, errno);
                return 0;
        }
        if (S_ISLNK(st.st_mode)) {
                check_link(explanation, walk, name, &st);
                r = follow_link(walk, fd);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        step_failed(explanation, walk, name, -r);
                return r == 0;
        }
        if (fstat(walk->fd, &walk->directory) < 0)
                return -errno;
        fd_close(walk->fd);
        walk->fd = fd_take(&fd);
        walk->searched = false;
        fd_path(walk->fd, walk->here);
        return 1;
}

int path_walk(Explanation *explanation, const char *path, PathWalk *walk) {
        int r;

        walk->fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (walk->fd < 0)
                return -errno;
        fd_path(walk->fd, walk->here);
        walk->rest = strdup(path);
        if (!walk->rest)
                return -ENOMEM;
        do {
                explain_now(explanation, "look behind", walk->here);
                r = path_walk_next(explanation, walk);
        } while (r > 0);
        return r;
}
