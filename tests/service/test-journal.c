/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The journal over crashes: a child process that is killed stands for the service that was. */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "journal-file.h"

typedef struct Seen {
        GString *objects; /* "serial address lease;" */
        GString *orphans, *tokens;
} Seen;

typedef struct Fixture {
        char *directory;
        Seen seen;
} Fixture;

static void on_object(void *userdata, const JournalObject *object) {
        Seen *seen = userdata;

        g_string_append_printf(seen->objects, "%" G_GUINT64_FORMAT " %s %s %s%s;", object->serial, object->address,
                object->identity, object->lease, object->adopted ? " adopted" : "");
}

static void on_orphan(void *userdata, const JournalObject *object) {
        Seen *seen = userdata;

        g_string_append_printf(seen->orphans, "%s %s;", object->address, object->lease);
}

static void on_token(void *userdata, const char *token) {
        Seen *seen = userdata;

        g_string_append_printf(seen->tokens, "%s;", token);
}

static const JournalHandlers handlers = { .object = on_object, .orphan = on_orphan, .token = on_token };

static void set_up(Fixture *fixture, gconstpointer data) {
        fixture->directory = g_dir_make_tmp("ipcbus-journal-XXXXXX", NULL);
        g_assert_nonnull(fixture->directory);
        g_setenv("XDG_RUNTIME_DIR", fixture->directory, TRUE);
        g_unsetenv("RUNTIME_DIRECTORY");
        fixture->seen = (Seen){ g_string_new(NULL), g_string_new(NULL), g_string_new(NULL) };
}

static void tear_down(Fixture *fixture, gconstpointer data) {
        g_autofree char *below = g_build_filename(fixture->directory, "ipcbus", NULL);
        GDir *directory = g_dir_open(below, 0, NULL);

        for (const char *name; directory && (name = g_dir_read_name(directory));) {
                g_autofree char *path = g_build_filename(below, name, NULL);

                (void)g_unlink(path);
        }
        if (directory)
                g_dir_close(directory);
        (void)g_rmdir(below);
        g_assert_cmpint(g_rmdir(fixture->directory), ==, 0);
        g_free(fixture->directory);
        g_string_free(fixture->seen.objects, TRUE);
        g_string_free(fixture->seen.orphans, TRUE);
        g_string_free(fixture->seen.tokens, TRUE);
}

static Journal *open_journal(Fixture *fixture, const char *instance) {
        Journal *journal = NULL;
        Error error = {};

        g_string_truncate(fixture->seen.objects, 0);
        g_string_truncate(fixture->seen.orphans, 0);
        g_string_truncate(fixture->seen.tokens, 0);
        g_assert_cmpint(journal_open(instance, &handlers, &fixture->seen, &journal, &error), ==, 0);
        return journal;
}

static JournalObject an_object(uint64_t serial, const char *address, const char *lease, uint64_t expires) {
        return (JournalObject){
                .serial = serial, .address = address, .identity = "1:2", .lease = lease, .expires = expires, .uid = 7
        };
}

/* Runs `what` in a process that is killed at its end, and waits for that. */
static void in_killed_process(Fixture *fixture, void (*what)(Fixture *fixture)) {
        pid_t pid = fork();
        int status;

        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                what(fixture);
                (void)raise(SIGKILL);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void fill(Fixture *fixture) {
        Journal *journal = open_journal(fixture, "bus-a");
        uint64_t first = journal_next_serial(journal), second = journal_next_serial(journal);
        JournalObject objects[] = {
                an_object(first, "fifo:/tmp/kept", "none", 0),
                an_object(second, "fifo:/tmp/dropped", "none", 0),
                an_object(journal_next_serial(journal), "mq-posix:/caller", "caller", 0),
                an_object(journal_next_serial(journal), "mq-posix:/later", "none", 0),
                an_object(journal_next_serial(journal), "mq-posix:/long", "duration", UINT64_MAX / 2),
        };

        for (size_t i = 0; i < G_N_ELEMENTS(objects); i++)
                g_assert_cmpint(journal_add(journal, objects + i), ==, 0);
        g_assert_cmpint(journal_drop(journal, second), ==, 0);
        g_assert_cmpint(journal_lease(journal, objects[3].serial, "duration", 1), ==, 0);
        g_assert_cmpint(journal_token(journal, "run1", true), ==, 0);
        g_assert_cmpint(journal_token(journal, "run2", true), ==, 0);
        g_assert_cmpint(journal_token(journal, "run1", false), ==, 0);
}

static void test_after_kill(Fixture *fixture, gconstpointer data) {
        Journal *journal;

        in_killed_process(fixture, fill);
        journal = open_journal(fixture, "bus-a");
        g_assert_cmpstr(fixture->seen.objects->str, ==,
                "1 fifo:/tmp/kept 1:2 none;3 mq-posix:/caller 1:2 caller;4 mq-posix:/later 1:2 duration;"
                "5 mq-posix:/long 1:2 duration;");
        g_assert_cmpstr(fixture->seen.tokens->str, ==, "run2;");
        g_assert_cmpstr(fixture->seen.orphans->str, ==, "");
        g_assert_cmpuint(journal_next_serial(journal), >, 5);
        g_assert_cmpint(journal_drop(journal, 3), ==, 0);
        journal_free(journal);

        journal = open_journal(fixture, "bus-a");
        g_assert_null(strstr(fixture->seen.objects->str, "/caller"));
        g_assert_cmpstr(fixture->seen.tokens->str, ==, "");
        journal_free(journal);
}

/* The file system is full in the middle of an entry, and later it is not (a bound of the file's size does the same).
 */
static void fill_torn(Fixture *fixture) {
        Journal *journal = open_journal(fixture, "bus-a");
        g_autofree char *pattern = NULL, *long_address = g_strnfill(600, 'x');
        struct rlimit limit;
        JournalObject torn = an_object(journal_next_serial(journal), long_address, "caller", 0);
        JournalObject whole = an_object(journal_next_serial(journal), "mq-posix:/whole", "caller", 0);
        GDir *directory;
        struct stat st;

        pattern = g_build_filename(fixture->directory, "ipcbus", NULL);
        directory = g_dir_open(pattern, 0, NULL);
        g_free(pattern);
        pattern = g_build_filename(fixture->directory, "ipcbus", g_dir_read_name(directory), NULL);
        g_dir_close(directory);
        g_assert_cmpint(g_stat(pattern, &st), ==, 0);

        (void)signal(SIGXFSZ, SIG_IGN);
        g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &limit), ==, 0);
        g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ (rlim_t)st.st_size + 100, limit.rlim_max }), ==, 0);
        g_assert_cmpint(journal_add(journal, &torn), <, 0);
        g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
        g_assert_cmpint(journal_add(journal, &whole), ==, 0);
}

static void test_torn_in_the_middle(Fixture *fixture, gconstpointer data) {
        Journal *journal;

        in_killed_process(fixture, fill_torn);
        journal = open_journal(fixture, "bus-a");
        g_assert_cmpstr(fixture->seen.objects->str, ==, "2 mq-posix:/whole 1:2 caller;");
        journal_free(journal);
}

static void test_orphans(Fixture *fixture, gconstpointer data) {
        Journal *journal;

        in_killed_process(fixture, fill);
        journal = open_journal(fixture, "bus-b");
        g_assert_cmpstr(fixture->seen.objects->str, ==, "");
        g_assert_cmpstr(fixture->seen.orphans->str, ==, "mq-posix:/caller caller;mq-posix:/later duration;");
        g_assert_cmpstr(fixture->seen.tokens->str, ==, "run2;");
        journal_free(journal);

        /* They are told once, and what has no lease, or one that is not over, is left to its own instance. */
        journal = open_journal(fixture, "bus-c");
        g_assert_cmpstr(fixture->seen.orphans->str, ==, "");
        journal_free(journal);
        journal = open_journal(fixture, "bus-a");
        g_assert_cmpstr(fixture->seen.objects->str, ==, "1 fifo:/tmp/kept 1:2 none;5 mq-posix:/long 1:2 duration;");
        journal_free(journal);
}

static void test_live_is_left_alone(Fixture *fixture, gconstpointer data) {
        Journal *live = open_journal(fixture, "bus-a"), *other;
        JournalObject object = an_object(journal_next_serial(live), "fifo:/tmp/x", "caller", 0);

        g_assert_cmpint(journal_add(live, &object), ==, 0);
        other = open_journal(fixture, "bus-b");
        g_assert_cmpstr(fixture->seen.orphans->str, ==, "");
        journal_free(other);
        journal_free(live);
}

static void test_torn(Fixture *fixture, gconstpointer data) {
        g_autofree char *below = g_build_filename(fixture->directory, "ipcbus", NULL), *name = NULL, *path = NULL;
        GDir *directory;
        Journal *journal;
        int fd;

        in_killed_process(fixture, fill);
        directory = g_dir_open(below, 0, NULL);
        g_assert_nonnull(directory);
        name = g_strdup(g_dir_read_name(directory));
        g_dir_close(directory);
        path = g_build_filename(below, name, NULL);
        fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
        g_assert_cmpint(write(fd, "\x40\0\0\0half", 8), ==, 8);
        close(fd);

        journal = open_journal(fixture, "bus-a");
        g_assert_nonnull(strstr(fixture->seen.objects->str, "/kept"));
        journal_free(journal);
}

static void test_other_boot(Fixture *fixture, gconstpointer data) {
        g_autofree char *below = g_build_filename(fixture->directory, "ipcbus", NULL), *path = NULL;
        const char *name;
        GDir *directory;
        Journal *journal;
        Record *boot;
        int fd;

        in_killed_process(fixture, fill);
        directory = g_dir_open(below, 0, NULL);
        name = g_dir_read_name(directory);
        path = g_build_filename(below, name, NULL);
        g_dir_close(directory);
        g_assert_cmpint(record_new(&boot), ==, 0);
        record_set_string(boot, "op", "boot");
        record_set_string(boot, "boot", "another");
        fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
        g_assert_cmpint(journal_file_append(fd, boot), ==, 0);
        close(fd);
        record_free(boot);

        journal = open_journal(fixture, "bus-a");
        g_assert_cmpstr(fixture->seen.objects->str, ==, "");
        g_assert_cmpstr(fixture->seen.tokens->str, ==, "");
        g_assert_cmpuint(journal_next_serial(journal), >, 5); /* serials go on */
        journal_free(journal);
}

/* What was made and removed does not stay in the file for ever. */
static void test_compacts(Fixture *fixture, gconstpointer data) {
        Journal *journal = open_journal(fixture, "bus-a");
        g_autofree char *below = g_build_filename(fixture->directory, "ipcbus", NULL), *path = NULL;
        GDir *directory;
        GStatBuf st;

        for (int i = 0; i < 50000; i++) {
                JournalObject object = an_object(journal_next_serial(journal), "fifo:/tmp/churn", "none", 0);

                g_assert_cmpint(journal_add(journal, &object), ==, 0);
                g_assert_cmpint(journal_drop(journal, object.serial), ==, 0);
        }
        directory = g_dir_open(below, 0, NULL);
        path = g_build_filename(below, g_dir_read_name(directory), NULL);
        g_dir_close(directory);
        g_assert_cmpint(g_stat(path, &st), ==, 0);
        g_assert_cmpint(st.st_size, <, 2 * 1024 * 1024);
        journal_free(journal);

        journal = open_journal(fixture, "bus-a");
        g_assert_cmpuint(journal_next_serial(journal), >, 50000);
        journal_free(journal);
}

static void test_embedded(Fixture *fixture, gconstpointer data) {
        Journal *journal = open_journal(fixture, NULL);
        g_autofree char *below = g_build_filename(fixture->directory, "ipcbus", NULL);
        GDir *directory;

        journal_free(journal);
        directory = g_dir_open(below, 0, NULL);
        g_assert_null(g_dir_read_name(directory));
        g_dir_close(directory);
}

static void test_not_private(Fixture *fixture, gconstpointer data) {
        g_autofree char *below = g_build_filename(fixture->directory, "ipcbus", NULL), *path = NULL;
        int fd;

        g_assert_cmpint(g_mkdir(below, 0777), ==, 0);
        g_assert_cmpint(g_chmod(below, 0777), ==, 0);
        if (journal_directory_open(&path, &fd) >= 0) {
                g_assert_cmpstr(path, !=, below); /* the checked one of /tmp instead */
                close(fd);
        }
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
#define ADD(path, function) g_test_add("/journal/" path, Fixture, NULL, set_up, function, tear_down)
        ADD("after-kill", test_after_kill);
        ADD("torn-in-the-middle", test_torn_in_the_middle);
        ADD("orphans", test_orphans);
        ADD("live-is-left-alone", test_live_is_left_alone);
        ADD("torn", test_torn);
        ADD("other-boot", test_other_boot);
        ADD("compacts", test_compacts);
        ADD("embedded", test_embedded);
        ADD("not-private", test_not_private);
#undef ADD
        return g_test_run();
}
