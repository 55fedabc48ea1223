/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The walk along a path as path_resolution(7) has it, symbolic links too, with a step for each directory. It judges by
 * what decides in the kernel in the usual case: mode bits, groups, capabilities, mounts, attributes. What it cannot
 * judge (access control lists, security modules) it says, and the trial at the end has the last word. The caller owns
 * the verdict. */
#include "access.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "access-user.h"
#include "cleanup.h"

enum { LINKS_MAX = 40 }; /* as the kernel follows at the most (path_resolution(7)) */

typedef enum StepResult { STEP_OK, STEP_BLOCKED, STEP_UNKNOWN, STEP_RESULT_MAX } StepResult;

static const char *const result_names[STEP_RESULT_MAX] = {
        [STEP_OK] = "ok",
        [STEP_BLOCKED] = "blocked",
        [STEP_UNKNOWN] = "unknown",
};

typedef struct Explanation {
        AccessUser user;
        const char *path;
        int want;
        Record *verdict;
        char *blocked; /* the detail of the first step that blocks */
        char *besides; /* the same of what was not asked for */
        bool beside;   /* is that looked at now? */
        bool no_file;
        bool unknown; /* a step could not be judged */
} Explanation;

static void explanation_done(Explanation *explanation) {
        access_user_done(&explanation->user);
        free(explanation->blocked);
        free(explanation->besides);
}

__attribute__((format(printf, 5, 6))) static void step_add(
        Explanation *explanation, StepResult result, const char *action, const char *object, const char *format, ...) {
        CLEANUP(record_freep) Record *step = NULL;
        CLEANUP_FREE char *detail = NULL;
        va_list arguments;

        va_start(arguments, format);
        if (vasprintf(&detail, format, arguments) < 0)
                detail = NULL;
        va_end(arguments);
        /* Appending nothing is what makes the verdict remember that there was no memory. */
        if (detail && record_new(&step) == 0) {
                record_set_format(step, "step", "%s %s", action, object);
                record_set_string(step, "result", result_names[result]);
                record_set_string(step, "detail", detail);
        }
        record_append_record(explanation->verdict, "steps", TAKE_POINTER(step));
        if (result == STEP_BLOCKED && explanation->beside) {
                free(explanation->besides);
                explanation->besides = TAKE_POINTER(detail);
        } else if (result == STEP_BLOCKED && !explanation->blocked)
                explanation->blocked = TAKE_POINTER(detail);
        if (result == STEP_UNKNOWN && !explanation->beside)
                explanation->unknown = true;
}

static const char *want_name(int want) {
        return want == (R_OK | W_OK) ? "read and write"
               : want == W_OK        ? "write"
               : want == R_OK        ? "read"
               : want == X_OK        ? "search"
                                     : "reach";
}

static const char *bits_name(unsigned bits, bool directory) {
        static const char *const names[8] = { "none", "execute", "write", "write and execute", "read",
                "read and execute", "read and write", "read, write and execute" };
        static const char *const directory_names[8] = { "none", "search", "write", "write and search", "list",
                "list and search", "list and write", "list, write and search" };

        return directory ? directory_names[bits & 7] : names[bits & 7];
}

static const char *owner_name(uid_t uid, char buffer[ACCESS_NAME_MAX]) {
        struct passwd entry, *found = NULL;
        char strings[1024];

        if (getpwuid_r(uid, &entry, strings, sizeof(strings), &found) == 0 && found)
                snprintf(buffer, ACCESS_NAME_MAX, "%s", found->pw_name);
        else
                snprintf(buffer, ACCESS_NAME_MAX, "%u", uid);
        return buffer;
}

static const char *group_name(gid_t gid, char buffer[ACCESS_NAME_MAX]) {
        struct group entry, *found = NULL;
        char strings[4096];

        if (getgrgid_r(gid, &entry, strings, sizeof(strings), &found) == 0 && found)
                snprintf(buffer, ACCESS_NAME_MAX, "%s", found->gr_name);
        else
                snprintf(buffer, ACCESS_NAME_MAX, "%u", gid);
        return buffer;
}

/* acl(5): for all but the owner, entries beside the mode bits may decide. */
static bool has_acl(int fd) {
        char path[32];

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return getxattr(path, "system.posix_acl_access", NULL, 0) > 0;
}

/* capabilities(7): the first overrides all checks here, the second those for reading and searching. */
static const char *overriding_capability(const AccessUser *user, int want, bool no_file) {
        if (no_file && access_user_can(user, CAP_IPC_OWNER))
                return "CAP_IPC_OWNER";
        if (access_user_can(user, CAP_DAC_OVERRIDE))
                return "CAP_DAC_OVERRIDE";
        if (!(want & W_OK) && access_user_can(user, CAP_DAC_READ_SEARCH))
                return "CAP_DAC_READ_SEARCH";
        return NULL;
}

static void check_permission(Explanation *explanation, int fd, const struct stat *st, int want, const char *path) {
        char owner[ACCESS_NAME_MAX], group[ACCESS_NAME_MAX];
        const AccessUser *user = &explanation->user;
        bool directory = S_ISDIR(st->st_mode);
        const char *class, *capability;
        unsigned bits;

        bits = access_user_bits(user, st, &class);
        owner_name(st->st_uid, owner);
        group_name(st->st_gid, group);
        if (fd >= 0 && user->uid != st->st_uid && has_acl(fd)) {
                step_add(explanation, STEP_UNKNOWN, want_name(want), path,
                        "%s has an access control list, which decides; getfacl(1) shows it.", path);
                return;
        }
        if ((bits & (unsigned)want) == (unsigned)want) {
                step_add(explanation, STEP_OK, want_name(want), path,
                        "%s has mode %04o, owner %s, group %s: %s counts as %s and may.", path, st->st_mode & 07777u,
                        owner, group, user->name, class);
                return;
        }
        capability = overriding_capability(user, want, explanation->no_file);
        step_add(explanation, capability ? STEP_OK : STEP_BLOCKED, want_name(want), path,
                "%s has mode %04o, owner %s, group %s: %s counts as %s (rights: %s) and needs to %s%s%s.", path,
                st->st_mode & 07777u, owner, group, user->name, class, bits_name(bits, directory), want_name(want),
                capability ? "; the capability that overrides this is there: " : "", capability ? capability : "");
}

/* What stands in the way of writing, whatever the mode says. A mount that is read-only does not concern FIFOs and
 * sockets: what is written to them does not go to the file system. */
static void check_writing(Explanation *explanation, int fd, const struct stat *st, const char *path) {
        struct statvfs file_system;
        struct statx stx;

        if (S_ISREG(st->st_mode) && fstatvfs(fd, &file_system) == 0 && file_system.f_flag & ST_RDONLY)
                step_add(explanation, STEP_BLOCKED, "mount of", path,
                        "The file system that holds %s is mounted read-only.", path);
        if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &stx) == 0 &&
                stx.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND))
                step_add(explanation, STEP_BLOCKED, "attributes of", path,
                        "%s is marked %s, so that not even root may change it; lsattr(1) shows this.", path,
                        stx.stx_attributes & STATX_ATTR_IMMUTABLE ? "immutable" : "append-only");
}

static void fd_path(int fd, char buffer[PATH_MAX]) {
        char link[32];
        ssize_t length;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        length = readlink(link, buffer, PATH_MAX - 1);
        buffer[length > 0 ? length : 0] = '\0';
}

typedef struct PathWalk {
        int fd; /* where it stands: a directory until the end */
        char here[PATH_MAX];
        char *rest; /* what is still to be walked */
        unsigned links;
        bool searched; /* the step for searching it was made */
        bool finished;
} PathWalk;

static void path_walk_done(PathWalk *walk) {
        fd_close(walk->fd);
        free(walk->rest);
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
                step_add(explanation, STEP_BLOCKED, "find", object, "There is no %s.", object);
        else if (number == ENOTDIR)
                step_add(explanation, STEP_BLOCKED, "find", object, "%s is no directory, so there is no %s.",
                        walk->here, object);
        else if (number == EACCES && !explanation->user.ourselves)
                step_add(explanation, STEP_UNKNOWN, "find", object,
                        "ipcbus itself may not search %s, so that nothing behind it can be looked at.", walk->here);
        else
                step_add(explanation, STEP_BLOCKED, "find", object, "%s cannot be reached: %s (%s).", object,
                        strerrordesc_np(number), strerrorname_np(number));
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
                check_permission(explanation, walk->fd, &st, X_OK, walk->here);
        walk->searched = true;
        fd = openat(walk->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0) {
                step_failed(explanation, walk, name, errno);
                return 0;
        }
        if (S_ISLNK(st.st_mode)) {
                r = follow_link(walk, fd);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        step_failed(explanation, walk, name, -r);
                return r == 0;
        }
        fd_close(walk->fd);
        walk->fd = fd_take(&fd);
        walk->searched = false;
        fd_path(walk->fd, walk->here);
        return 1;
}

static int look(Explanation *explanation) {
        CLEANUP(path_walk_done) PathWalk walk = { .fd = -EBADF };
        struct stat st;
        int r;

        walk.fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (walk.fd < 0)
                return -errno;
        fd_path(walk.fd, walk.here);
        walk.rest = strdup(explanation->path);
        if (!walk.rest)
                return -ENOMEM;
        do
                r = path_walk_next(explanation, &walk);
        while (r > 0);
        if (r < 0 || !walk.finished)
                return r;
        if (fstat(walk.fd, &st) < 0)
                return -errno;
        check_permission(explanation, walk.fd, &st, explanation->want, walk.here);
        explanation->beside = !(explanation->want & W_OK);
        if (explanation->beside)
                check_permission(explanation, walk.fd, &st, W_OK, walk.here);
        check_writing(explanation, walk.fd, &st, walk.here);
        return 0;
}

static void summarise(Explanation *explanation, bool tried, int result, const char *why) {
        const char *name = explanation->user.name, *want = want_name(explanation->want), *path = explanation->path;
        const char *blocked = explanation->blocked;
        Record *verdict = explanation->verdict;

        record_set_bool(verdict, "possible", tried ? result == 0 : !blocked && !explanation->unknown);
        record_set_bool(verdict, "tried", tried);
        if (tried && result == 0)
                record_set_format(verdict, "summary", "%s can %s %s: it was tried.%s%s", name, want, path,
                        explanation->besides ? " But it cannot be written: " : "",
                        explanation->besides ? explanation->besides : "");
        else if (tried && blocked)
                record_set_format(verdict, "summary", "%s cannot %s %s. %s", name, want, path, blocked);
        else if (tried)
                record_set_format(verdict, "summary",
                        "%s cannot %s %s: the attempt gave %s (%s), though nothing was found in the way. An access "
                        "control "
                        "list, a security module or a namespace may be the reason.",
                        name, want, path, strerrordesc_np(-result), strerrorname_np(-result));
        else if (blocked)
                record_set_format(verdict, "summary", "%s cannot %s %s. %s It was not tried: %s", name, want, path,
                        blocked, why);
        else
                record_set_format(verdict, "summary", "%s can%s %s %s, as far as can be seen. It was not tried: %s",
                        name, explanation->unknown ? " perhaps" : "", want, path, why);
}

int access_explain_mode(const char *what, const struct stat *st, uid_t uid, gid_t gid, const char *user,
        Record *verdict, char **ret_blocked) {
        CLEANUP(explanation_done) Explanation explanation = { .path = what, .verdict = verdict };
        int r;

        r = access_user_init(&explanation.user, uid, gid, user);
        if (r < 0)
                return r;
        explanation.no_file = true;
        check_permission(&explanation, -EBADF, st, R_OK, what);
        check_permission(&explanation, -EBADF, st, W_OK, what);
        *ret_blocked = TAKE_POINTER(explanation.blocked);
        return record_error(verdict);
}

int access_explain(const char *path, int want, uid_t uid, gid_t gid, const char *user, AccessTry try_open,
        void *userdata, Record *verdict) {
        CLEANUP(explanation_done) Explanation explanation = { .path = path, .want = want, .verdict = verdict };
        const char *why = "There is no attempt that has no effect on others.";
        bool tried = false;
        int r, result = 0;

        if (path[0] != '/')
                return -EINVAL;
        r = access_user_init(&explanation.user, uid, gid, user);
        if (r < 0)
                return r;
        r = look(&explanation);
        if (r < 0)
                return r;
        if (try_open)
                result = access_user_try(&explanation.user, path, try_open, userdata, &tried, &why);
        summarise(&explanation, tried, result, why);
        if (tried && result == 0)
                step_add(&explanation, STEP_OK, "try", path, "Done as %s: it works.", explanation.user.name);
        else if (tried)
                step_add(&explanation, STEP_BLOCKED, "try", path, "Done as %s: %s (%s).", explanation.user.name,
                        strerrordesc_np(-result), strerrorname_np(-result));
        else
                step_add(&explanation, STEP_UNKNOWN, "try", path, "%s", why);
        return record_error(verdict);
}
