/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The walk of /proc where it is not easy: processes that vanish, that belong to others, that may not be dumped, and
 * files on an overlay. */
#include <errno.h>
#include <glib.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "holders-fixture.h"

enum { NOBODY = 65534 };

static int fork_and_exit(unsigned long long answers[CHILD_ANSWERS], void *userdata) {
        pid_t pid = fork();

        (void)answers;
        (void)userdata;
        if (pid != 0)
                return pid < 0 ? -errno : 0;
        /* Until the parent, which is the child of the test, ends. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGCHLD, SIG_IGN);
        for (;;) {
                pid = fork();
                if (pid == 0)
                        _exit(0);
                if (pid > 0)
                        waitpid(pid, NULL, 0);
        }
}

static void test_vanishing(void) {
        Child child;

        child_start(&child, fork_and_exit, NULL);
        for (unsigned i = 0; i < 20; i++)
                proc_table_free(new_table());
        child_end(&child);
}

static int become_nobody(void) {
        if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
                return -errno;
        return 0;
}

/* 1: what nobody cannot see is counted and told; else what went wrong. */
static int look_as_nobody(void *userdata) {
        const HolderKey *key = userdata;
        ProcTable *table = NULL;
        Record *row = NULL;
        int result;

        if (become_nobody() < 0 || proc_table_new(&table) < 0 || record_new(&row) < 0)
                return 2;
        if (holders_append(table, key, 1, row) < 0)
                return 3;
        if (proc_table_unreadable(table) == 0 || record_get_bool(row, "holders_complete", true) ||
                record_get_u64(row, "processes_unread", 0) != proc_table_unreadable(table))
                result = 4;
        else
                result = record_get(row, "holders")->records.n == 0 ? 1 : 5;
        record_free(row);
        proc_table_free(table);
        return result;
}

static void test_unreadable_is_counted(void) {
        char *directory;
        g_autofree char *path = NULL;
        HolderKey key;
        Child child;

        if (geteuid() != 0) {
                g_test_skip("Only root can become another user.");
                return;
        }
        directory = directory_new();
        path = g_build_filename(directory, "file", NULL);
        g_assert_true(g_file_set_contents(path, "x", 1, NULL));
        key = file_key(path);
        child_start(&child, open_four, path);
        g_assert_cmpint(child_run(look_as_nobody, &key), ==, 1);
        child_end(&child);
        directory_remove(directory);
}

static int open_as_nobody(unsigned long long answers[CHILD_ANSWERS], void *userdata) {
        int r = become_nobody();

        if (r < 0)
                return r;
        answers[1] = (unsigned long long)prctl(PR_GET_DUMPABLE);
        return open_fifo(answers, userdata);
}

/* After setuid() a process may not be dumped, and its directory in /proc is root's (proc(5)); it is nobody's all the
 * same. */
static void test_owner_of_undumpable(void) {
        char *directory;
        g_autofree char *path = NULL;
        ProcTable *table;
        Record *row;
        Child child;

        if (geteuid() != 0) {
                g_test_skip("Only root can become another user.");
                return;
        }
        directory = directory_new();
        path = g_build_filename(directory, "file", NULL);
        g_assert_true(g_file_set_contents(path, "x", 1, NULL));
        g_assert_cmpint(chmod(path, 0666), ==, 0);
        child_start(&child, open_as_nobody, path);
        g_assert_cmpuint(child.answers[1], ==, 0);
        table = new_table();
        row = holders_row(table, file_key(path));
        g_assert_cmpuint(record_get(row, "holders")->records.n, ==, 1);
        g_assert_cmpuint(record_get_u64(record_get(row, "holders")->records.items[0], "uid", 0), ==, NOBODY);
        record_free(row);
        proc_table_free(table);
        child_end(&child);
        directory_remove(directory);
}

enum { CANNOT_MOUNT = 77 };

/* Overlays of layers on different file systems give stat(2) another device than /proc/PID/maps shows. */
static int look_on_overlay(void *userdata) {
        g_autofree char *lower = g_build_filename(userdata, "lower", NULL),
                        *upper = g_build_filename(userdata, "upper", NULL),
                        *merged = g_build_filename(userdata, "merged", NULL), *options = NULL, *file = NULL,
                        *inner = NULL, *work = NULL;
        MapWork map = { .protection = PROT_READ, .flags = MAP_SHARED, .pieces = 1 };
        ProcTable *table;
        Child child;

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
                mount("tmpfs", upper, "tmpfs", 0, NULL) < 0)
                return CANNOT_MOUNT;
        inner = g_build_filename(upper, "upper", NULL);
        work = g_build_filename(upper, "work", NULL);
        g_assert_cmpint(mkdir(inner, 0755) | mkdir(work, 0755), ==, 0);
        options = g_strdup_printf("lowerdir=%s,upperdir=%s,workdir=%s", lower, inner, work);
        if (mount("overlay", merged, "overlay", 0, options) < 0)
                return CANNOT_MOUNT;
        file = g_build_filename(merged, "file", NULL);
        map.path = file;
        child_start(&child, map_file, &map);
        table = new_table();
        assert_holders(table, file_key(file), child.pid, WAYS("mapped read"), NULL);
        proc_table_free(table);
        child_end(&child);
        return 0;
}

static void test_overlay(void) {
        static const char *const names[] = { "lower", "upper", "merged" };
        char *directory = directory_new();
        g_autofree char *file = g_build_filename(directory, "lower", "file", NULL);
        int r;

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *path = g_build_filename(directory, names[i], NULL);

                g_assert_cmpint(mkdir(path, 0755), ==, 0);
        }
        g_assert_true(g_file_set_contents(file, "x", 1, NULL));
        r = child_run(look_on_overlay, directory);
        if (r == CANNOT_MOUNT)
                g_test_skip("Overlay file systems cannot be mounted here.");
        else
                g_assert_cmpint(r, ==, 0);
        directory_remove(directory);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/proc/vanishing", test_vanishing);
        g_test_add_func("/proc/unreadable-is-counted", test_unreadable_is_counted);
        g_test_add_func("/proc/owner-of-undumpable", test_owner_of_undumpable);
        g_test_add_func("/proc/overlay", test_overlay);
        return g_test_run();
}
