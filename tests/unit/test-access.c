/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Explanations, on real files, as ourselves and as nobody: the first thing in the way is named, and what was tried
 * agrees. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/fs.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "access.h"
#include "child.h"

enum { NOBODY = 65534 };

static int ask_kernel(const char *path, int want, void *userdata) {
        (void)userdata;
        return faccessat(AT_FDCWD, path, want, AT_EACCESS) < 0 ? -errno : 0;
}

static Record *explain_so(
        const char *path, int want, uid_t uid, gid_t gid, const char *user, AccessOpen try_open, int expected) {
        Explanation explanation;
        Record *verdict = NULL;

        g_assert_cmpint(record_new(&verdict), ==, 0);
        g_assert_cmpint(explanation_init(&explanation, uid, gid, user, path, verdict), ==, 0);
        g_assert_cmpint(access_explain(&explanation, path, want, try_open, NULL, NULL), ==, expected);
        if (expected == 0)
                g_assert_cmpint(explanation_conclude(&explanation), ==, 0);
        explanation_done(&explanation);
        return verdict;
}

static Record *explain_as(const char *path, int want, uid_t uid, const char *user) {
        return explain_so(path, want, uid, uid, user, ask_kernel, 0);
}

/* The step of that name, or NULL. */
static const Record *find_step(const Record *verdict, const char *step) {
        const Value *steps = record_get(verdict, "steps");

        for (size_t i = 0; i < steps->records.n; i++)
                if (strcmp(record_get_string(steps->records.items[i], "step", ""), step) == 0)
                        return steps->records.items[i];
        return NULL;
}

static const char *step_result(const Record *verdict, const char *action, const char *path) {
        g_autofree char *name = g_strconcat(action, " ", path, NULL);
        const Record *step = find_step(verdict, name);

        return step ? record_get_string(step, "result", NULL) : "none";
}

static void assert_verdict(const Record *verdict, bool possible, bool tried, const char *summary) {
        const char *text = record_get_string(verdict, "summary", "");

        g_test_message("%s", text);
        g_assert_true(record_has(verdict, "possible"));
        g_assert_cmpint(record_get_bool(verdict, "possible", !possible), ==, possible);
        g_assert_cmpint(record_get_bool(verdict, "tried", !tried), ==, tried);
        if (!strstr(text, summary))
                g_error("'%s' does not say '%s'", text, summary);
}

typedef struct Files {
        char *directory, *secret, *open, *fifo, *closed, *inside, *link, *loop, *missing, *below;
} Files;

static void make_file(const char *path, mode_t mode) {
        g_assert_true(g_file_set_contents(path, "x", 1, NULL));
        g_assert_cmpint(chmod(path, mode), ==, 0);
}

static void files_new(Files *files, const void *userdata) {
        (void)userdata;
        files->directory = directory_new();
        files->secret = g_build_filename(files->directory, "secret", NULL);
        files->open = g_build_filename(files->directory, "open", NULL);
        files->fifo = g_build_filename(files->directory, "fifo", NULL);
        files->closed = g_build_filename(files->directory, "closed", NULL);
        files->inside = g_build_filename(files->closed, "inside", NULL);
        files->link = g_build_filename(files->directory, "link", NULL);
        files->loop = g_build_filename(files->directory, "loop", NULL);
        files->missing = g_build_filename(files->directory, "missing", "file", NULL);
        files->below = g_build_filename(files->open, "file", NULL);
        make_file(files->secret, 0600);
        make_file(files->open, 0666);
        g_assert_cmpint(mkfifo(files->fifo, 0600), ==, 0);
        g_assert_cmpint(chmod(files->fifo, 0644), ==, 0);
        g_assert_cmpint(mkdir(files->closed, 0700), ==, 0);
        make_file(files->inside, 0666);
        g_assert_cmpint(symlink("closed/inside", files->link), ==, 0);
        g_assert_cmpint(symlink("loop", files->loop), ==, 0);
}

static void files_done(Files *files, const void *userdata) {
        (void)userdata;
        directory_remove(files->directory);
        g_free(files->secret);
        g_free(files->open);
        g_free(files->fifo);
        g_free(files->closed);
        g_free(files->inside);
        g_free(files->link);
        g_free(files->loop);
        g_free(files->missing);
        g_free(files->below);
}

static bool not_root(void) {
        if (geteuid() != 0)
                g_test_skip("Only root can become another user.");
        return geteuid() != 0;
}

static void test_nobody(Files *files, const void *userdata) {
        Record *verdict;

        (void)userdata;
        if (not_root())
                return;
        verdict = explain_as(files->secret, R_OK, NOBODY, "nobody");
        assert_verdict(verdict, false, true, "mode 0600");
        /* Not "nobody can", which would be read as "no one can". */
        g_assert_true(g_str_has_prefix(record_get_string(verdict, "summary", ""), "user nobody cannot read"));
        g_assert_cmpstr(step_result(verdict, "search", files->directory), ==, "ok");
        g_assert_cmpstr(step_result(verdict, "read", files->secret), ==, "blocked");
        g_assert_cmpstr(step_result(verdict, "try", files->secret), ==, "blocked");
        record_free(verdict);

        verdict = explain_as(files->open, R_OK | W_OK, NOBODY, "nobody");
        assert_verdict(verdict, true, true, "nobody can read and write");
        g_assert_cmpstr(step_result(verdict, "read and write", files->open), ==, "ok");
        g_assert_cmpstr(step_result(verdict, "try", files->open), ==, "ok");
        record_free(verdict);

        verdict = explain_as(files->fifo, W_OK, NOBODY, "nobody");
        assert_verdict(verdict, false, true, "(rights: read) and needs to write");
        record_free(verdict);
        verdict = explain_as(files->fifo, R_OK, NOBODY, "nobody");
        assert_verdict(verdict, true, true, "nobody can read");
        record_free(verdict);
}

/* The file itself is open to all: what blocks is the directory, also behind a symbolic link. */
static void test_closed_directory(Files *files, const void *userdata) {
        const char *paths[] = { files->inside, files->link };

        (void)userdata;
        if (not_root())
                return;
        for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
                Record *verdict = explain_as(paths[i], R_OK, NOBODY, "nobody");

                assert_verdict(verdict, false, true, "needs to search");
                g_assert_nonnull(strstr(record_get_string(verdict, "summary", ""), "closed has mode 0700"));
                g_assert_cmpstr(step_result(verdict, "search", files->closed), ==, "blocked");
                g_assert_cmpstr(step_result(verdict, "read", files->inside), ==, "ok");
                g_assert_cmpstr(step_result(verdict, "try", paths[i]), ==, "blocked");
                record_free(verdict);
        }
}

static void test_groups(Files *files, const void *userdata) {
        Record *verdict;

        (void)userdata;
        if (not_root())
                return;
        g_assert_cmpint(chown(files->secret, 0, NOBODY), ==, 0);
        g_assert_cmpint(chmod(files->secret, 0640), ==, 0);
        verdict = explain_as(files->secret, R_OK, NOBODY, NULL);
        assert_verdict(verdict, true, true, "user 65534 can read");
        record_free(verdict);
        /* The first class that fits counts, though others might: the group has no right here. */
        g_assert_cmpint(chmod(files->secret, 0604), ==, 0);
        verdict = explain_as(files->secret, R_OK, NOBODY, NULL);
        assert_verdict(verdict, false, true, "counts as its group (rights: none)");
        record_free(verdict);
        verdict = explain_so(files->secret, R_OK, NOBODY, 12345, NULL, ask_kernel, 0);
        assert_verdict(verdict, true, true, "can read");
        record_free(verdict);
}

static void test_ourselves(Files *files, const void *userdata) {
        Record *verdict;

        (void)userdata;
        verdict = explain_as(files->secret, R_OK | W_OK, geteuid(), NULL);
        assert_verdict(verdict, true, true, "can read and write");
        record_free(verdict);
        verdict = explain_as(files->missing, R_OK, geteuid(), NULL);
        assert_verdict(verdict, false, true, "There is no ");
        record_free(verdict);
        verdict = explain_as(files->below, R_OK, geteuid(), NULL);
        assert_verdict(verdict, false, true, "is no directory");
        record_free(verdict);
        verdict = explain_as(files->loop, R_OK, geteuid(), NULL);
        assert_verdict(verdict, false, true, "ELOOP");
        record_free(verdict);
}

static void test_capability(Files *files, const void *userdata) {
        Record *verdict;

        (void)userdata;
        if (not_root())
                return;
        g_assert_cmpint(chmod(files->secret, 0), ==, 0);
        verdict = explain_as(files->secret, R_OK | W_OK, 0, "root");
        assert_verdict(verdict, true, true, "root can read and write");
        g_assert_cmpstr(step_result(verdict, "read and write", files->secret), ==, "ok");
        record_free(verdict);
}

/* Runs as nobody, who may neither become root nor look into the closed directory: 1 if that is what it says. */
static int explain_as_stranger(void *userdata) {
        Files *files = userdata;
        Record *verdict = NULL;

        if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
                return 2;
        verdict = explain_as(files->open, R_OK, 1, "daemon");
        assert_verdict(verdict, true, false, "only root can become another user");
        record_free(verdict);
        verdict = explain_as(files->inside, R_OK, 0, "root");
        assert_verdict(verdict, false, false, "root can perhaps read");
        g_assert_cmpstr(step_result(verdict, "find", files->inside), ==, "unknown");
        record_free(verdict);
        verdict = explain_so(files->open, R_OK, NOBODY, NOBODY, NULL, NULL, 0);
        assert_verdict(verdict, true, false, "as far as can be seen");
        record_free(verdict);
        return 1;
}

static void test_stranger(Files *files, const void *userdata) {
        (void)userdata;
        if (not_root())
                return;
        g_assert_cmpint(child_run(explain_as_stranger, files), ==, 1);
}

static void test_immutable(Files *files, const void *userdata) {
        int fd, flags = 0, set;
        Record *verdict;

        (void)userdata;
        fd = open(files->open, O_RDONLY | O_CLOEXEC);
        g_assert_cmpint(fd, >=, 0);
        set = ioctl(fd, FS_IOC_GETFLAGS, &flags);
        if (set == 0)
                set = ioctl(fd, FS_IOC_SETFLAGS, &(int){ flags | FS_IMMUTABLE_FL });
        if (set < 0)
                g_test_skip("Files cannot be made immutable here.");
        else {
                verdict = explain_as(files->open, W_OK, geteuid(), NULL);
                g_assert_cmpint(ioctl(fd, FS_IOC_SETFLAGS, &flags), ==, 0);
                assert_verdict(verdict, false, true, "is marked immutable");
                record_free(verdict);
        }
        close(fd);
}

static int hang(const char *path, int want, void *userdata) {
        (void)path;
        (void)want;
        (void)userdata;
        pause();
        return 0;
}

static void test_hanging_attempt(Files *files, const void *userdata) {
        Record *verdict = NULL;

        (void)userdata;
        verdict = explain_so(files->open, R_OK | W_OK, geteuid(), getegid(), NULL, hang, 0);
        assert_verdict(verdict, false, false, "did not come to an end");
        record_free(verdict);
        /* The child that hung is gone and waited for. */
        g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
        g_assert_cmpint(errno, ==, ECHILD);
}

static void test_relative(void) {
        Record *verdict = explain_so("tmp", R_OK, 0, 0, NULL, NULL, -EINVAL);

        g_assert_cmpuint(record_size(verdict), ==, 0);
        record_free(verdict);
}

static void test_leaves_nothing(Files *files, const void *userdata) {
        size_t before = open_descriptors();

        (void)userdata;
        record_free(explain_as(files->link, R_OK, geteuid(), NULL));
        record_free(explain_as(files->missing, R_OK, geteuid(), NULL));
        g_assert_cmpuint(open_descriptors(), ==, before);
}

#define ADD(name, function) g_test_add(name, Files, NULL, files_new, function, files_done)

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        ADD("/access/nobody", test_nobody);
        ADD("/access/closed-directory", test_closed_directory);
        ADD("/access/groups", test_groups);
        ADD("/access/ourselves", test_ourselves);
        ADD("/access/capability", test_capability);
        ADD("/access/stranger", test_stranger);
        ADD("/access/immutable", test_immutable);
        ADD("/access/hanging-attempt", test_hanging_attempt);
        g_test_add_func("/access/relative", test_relative);
        ADD("/access/leaves-nothing", test_leaves_nothing);
        return g_test_run();
}
