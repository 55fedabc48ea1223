/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls that wait: answered when something comes, when the time is over, when the object goes; and ended without a
 * trace when their caller goes, however it goes. The service answers others all the while. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

typedef struct Answer {
        bool done;
        GVariant *data;
        GError *error;
} Answer;

static void on_received(GObject *source, GAsyncResult *result, gpointer userdata) {
        Answer *answer = userdata;

        ipcbus_manager_call_receive_finish(IPCBUS_MANAGER(source), &answer->data, NULL, result, &answer->error);
        answer->done = true;
}

static void on_waited(GObject *source, GAsyncResult *result, gpointer userdata) {
        Answer *answer = userdata;

        ipcbus_manager_call_wait_finish(IPCBUS_MANAGER(source), NULL, result, &answer->error);
        answer->done = true;
}

static void receive_later(IpcbusManager *manager, const char *address, guint64 timeout, Answer *answer) {
        ipcbus_manager_call_receive(
                manager, address, options("timeout", "t", timeout, NULL), PLAINLY, NULL, on_received, answer);
}

static void remove_it(Fixture *fixture, const char *address) {
        g_autoptr(GError) error = NULL;

        ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error);
        g_assert_no_error(error);
}

static void send_it(Fixture *fixture, const char *address, const char *text) {
        g_autoptr(GError) error = NULL;
        guint64 sent;

        ipcbus_manager_call_send_sync(
                fixture->manager, address, bytes(text, strlen(text)), NO_OPTIONS, PLAINLY, &sent, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(sent, ==, strlen(text));
}

static void assert_data(Answer *answer, const char *text) {
        g_assert_no_error(answer->error);
        g_assert_cmpmem(g_variant_get_data(answer->data), g_variant_get_size(answer->data), text, strlen(text));
        g_variant_unref(answer->data);
        *answer = (Answer){};
}

static void test_arrival(Fixture *fixture, gconstpointer kind) {
        g_autofree char *address = fixture_make(fixture, kind, NULL);
        Answer answer = {};

        receive_later(fixture->manager, address, G_MAXUINT64, &answer);
        fixture_settle(fixture);
        g_assert_false(answer.done);
        send_it(fixture, address, "hello");
        WAIT_UNTIL(answer.done);
        assert_data(&answer, "hello");
        remove_it(fixture, address);
}

static void test_timeout(Fixture *fixture, gconstpointer kind) {
        g_autofree char *address = fixture_make(fixture, kind, NULL);
        g_autoptr(GVariant) data = NULL, meta = NULL;
        gint64 begin = g_get_monotonic_time();
        GError *error = NULL;

        g_assert_false(ipcbus_manager_call_receive_sync(
                fixture->manager, address, NO_OPTIONS, PLAINLY, &data, &meta, NULL, &error));
        g_assert_nonnull(strstr(error->message, "timeout"));
        assert_error(&error, "TimedOut");
        g_assert_false(ipcbus_manager_call_receive_sync(fixture->manager, address,
                options("timeout", "t", (guint64)150000, NULL), PLAINLY, &data, &meta, NULL, &error));
        assert_error(&error, "TimedOut");
        g_assert_cmpint(g_get_monotonic_time() - begin, >=, 150000);
        remove_it(fixture, address);
}

/* Each message goes to one of those who wait, none to two, and none is lost. */
static void test_many(Fixture *fixture, gconstpointer kind) {
        g_autofree char *address = fixture_make(fixture, kind, NULL);
        Answer answers[8] = {};
        unsigned done = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(answers); i++)
                receive_later(fixture->manager, address, G_MAXUINT64, &answers[i]);
        for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
                send_it(fixture, address, "x");
                WAIT_UNTIL(({
                        done = 0;
                        for (size_t j = 0; j < G_N_ELEMENTS(answers); j++)
                                done += answers[j].done;
                        done == i + 1;
                }));
        }
        for (size_t i = 0; i < G_N_ELEMENTS(answers); i++)
                assert_data(&answers[i], "x");
        remove_it(fixture, address);
}

static void test_remove(Fixture *fixture, gconstpointer kind) {
        g_autofree char *address = fixture_make(fixture, kind, NULL);
        Answer answer = {};

        receive_later(fixture->manager, address, G_MAXUINT64, &answer);
        remove_it(fixture, address);
        WAIT_UNTIL(answer.done);
        g_assert_nonnull(strstr(answer.error->message, "while you waited"));
        assert_error(&answer.error, "NoSuchObject");
}

/* Somebody else's kernel object: opened for the call, and let go after it. */
static void test_foreign(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *address = g_strconcat("fifo:", path, NULL);
        Answer answer = {};
        int fd;

        g_assert_cmpint(mkfifo(path, 0600), ==, 0);
        receive_later(fixture->manager, address, G_MAXUINT64, &answer);
        fixture_settle(fixture);
        WAIT_UNTIL((fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)) >= 0 || errno != ENXIO);
        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(write(fd, "out", 3), ==, 3);
        WAIT_UNTIL(answer.done);
        assert_data(&answer, "out");
        close(fd);
        g_assert_cmpint(g_unlink(path), ==, 0);
}

/* A large write goes on while a reader drains it, and what does not fit in the time is told. */
static void test_partial(Fixture *fixture, gconstpointer kind) {
        g_autofree char *address = fixture_make(fixture, kind, NULL), *much = g_malloc0(1 << 20);
        g_autoptr(GError) error = NULL;
        guint64 sent;

        ipcbus_manager_call_send_sync(fixture->manager, address, bytes(much, 1 << 20),
                options("timeout", "t", (guint64)50000, NULL), PLAINLY, &sent, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(sent, >, 0);
        g_assert_cmpuint(sent, <, 1 << 20);
        ipcbus_manager_call_send_sync(
                fixture->manager, address, bytes(much, 1), NO_OPTIONS, PLAINLY, &sent, NULL, &error);
        g_assert_nonnull(error);
        assert_error(&error, "TimedOut");
        remove_it(fixture, address);
}

/* A semaphore is waited for in a worker: it can be taken, it can time out, it goes with its object and its caller. */
static void on_sent(GObject *source, GAsyncResult *result, gpointer userdata) {
        Answer *answer = userdata;
        guint64 sent;

        ipcbus_manager_call_send_finish(IPCBUS_MANAGER(source), &sent, result, &answer->error);
        answer->done = true;
}

/* What one call sends to a stream of ours comes in one piece, also where it goes in bit by bit and others send too. */
static void test_senders(Fixture *fixture, gconstpointer kind) {
        enum { FIRST = 500000, SECOND = 10 };
        g_autofree char *address = fixture_make(fixture, kind, NULL);
        g_autofree char *first = g_strnfill(FIRST, 'A'), *second = g_strnfill(SECOND, 'B');
        g_autoptr(GString) received = g_string_new(NULL);
        GVariant *wait = g_variant_ref_sink(options("timeout", "t", 10 * G_USEC_PER_SEC, NULL));
        Answer answers[2] = {};

        ipcbus_manager_call_send(
                fixture->manager, address, bytes(first, FIRST), wait, PLAINLY, NULL, on_sent, &answers[0]);
        ipcbus_manager_call_send(
                fixture->manager, address, bytes(second, SECOND), wait, PLAINLY, NULL, on_sent, &answers[1]);
        /* A socket is read from one sender after the other in turns: here from the first alone, to its end. */
        while (received->len < FIRST + SECOND) {
                bool one = g_str_equal(kind, "unix-stream") && received->len < FIRST;
                Answer answer = {};

                ipcbus_manager_call_receive(fixture->manager, address,
                        options("timeout", "t", 10 * G_USEC_PER_SEC, one ? "peer" : NULL, "t", (guint64)1, NULL),
                        PLAINLY, NULL, on_received, &answer);
                WAIT_UNTIL(answer.done);
                g_assert_no_error(answer.error);
                g_string_append_len(
                        received, g_variant_get_data(answer.data), (gssize)g_variant_get_size(answer.data));
                g_variant_unref(answer.data);
        }
        WAIT_UNTIL(answers[0].done && answers[1].done);
        g_assert_no_error(answers[0].error);
        g_assert_no_error(answers[1].error);
        g_assert_true(g_str_has_prefix(received->str, first));
        g_assert_true(g_str_has_suffix(received->str, second));
        g_variant_unref(wait);
        remove_it(fixture, address);
}

/* A call that gives up with part of its bytes taken leaves no end open: the reader sees the end. */
static void gives_up(Fixture *fixture, guint64 timeout) {
        g_autofree char *path = fixture_path(fixture), *much = g_malloc0(1 << 20);
        g_autoptr(GError) error = NULL;
        g_autofree char *address = NULL;
        char buffer[4096];
        guint64 sent;
        ssize_t n;
        int fd;

        address = fixture_create(
                fixture, "fifo", options("path", "s", path, "hold", "b", (gboolean)FALSE, NULL), NULL);
        fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        g_assert_cmpint(fd, >=, 0);
        ipcbus_manager_call_send_sync(fixture->manager, address, bytes(much, 1 << 20),
                options("timeout", "t", timeout, NULL), PLAINLY, &sent, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(sent, <, 1 << 20);
        /* The answer may be here a moment before the end is closed. */
        do {
                struct pollfd more = { .fd = fd, .events = POLLIN };

                g_assert_cmpint(poll(&more, 1, 10000), ==, 1);
                n = read(fd, buffer, sizeof buffer);
                g_assert_cmpint(n, >=, 0);
                sent -= (guint64)n;
        } while (n > 0);
        g_assert_cmpuint(sent, ==, 0);
        close(fd);
        remove_it(fixture, address);
}

static void test_sender_gives_up(Fixture *fixture, gconstpointer data) {
        gives_up(fixture, 50000);
        gives_up(fixture, 0);
}

static void test_semaphore(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = fixture_make(fixture, "sem-posix", NULL);
        GDBusConnection *other = fixture_connect(fixture);
        g_autoptr(IpcbusManager) manager = fixture_manager(other);
        g_autoptr(GError) error = NULL;
        Answer answer = {}, taken = {}, leaving = {};

        ipcbus_manager_call_wait_sync(fixture->manager, address, NO_OPTIONS, PLAINLY, NULL, NULL, &error);
        assert_error(&error, "TimedOut");
        ipcbus_manager_call_wait(fixture->manager, address, options("timeout", "t", G_MAXUINT64, NULL), PLAINLY, NULL,
                on_waited, &taken);
        ipcbus_manager_call_post_sync(fixture->manager, address, 1, NO_OPTIONS, PLAINLY, NULL, &error);
        g_assert_no_error(error);
        WAIT_UNTIL(taken.done);
        g_assert_no_error(taken.error);
        WAIT_UNTIL(fixture_saw(fixture, "Posted(1, "));

        ipcbus_manager_call_wait(fixture->manager, address, options("timeout", "t", G_MAXUINT64, NULL), PLAINLY, NULL,
                on_waited, &answer);
        ipcbus_manager_call_wait(
                manager, address, options("timeout", "t", G_MAXUINT64, NULL), PLAINLY, NULL, on_waited, &leaving);
        WAIT_UNTIL(fixture_processes(fixture) == 3); /* the service and two workers */
        g_clear_object(&manager);
        fixture_disconnect(other);
        WAIT_UNTIL(fixture_processes(fixture) == 2);
        g_assert_false(answer.done);
        remove_it(fixture, address);
        WAIT_UNTIL(answer.done);
        assert_error(&answer.error, "NoSuchObject");
        WAIT_UNTIL(fixture_processes(fixture) == 1);
        WAIT_UNTIL(leaving.done);
        g_clear_error(&leaving.error);
}

/* A caller that disconnects while it waits: nothing is kept for it, and what it waited for goes to the next. */
static void test_caller_leaves(Fixture *fixture, gconstpointer kind) {
        g_autofree char *address = fixture_make(fixture, kind, NULL);
        GDBusConnection *other = fixture_connect(fixture);
        g_autoptr(IpcbusManager) manager = fixture_manager(other);
        Answer left = {}, answer = {};

        receive_later(manager, address, G_MAXUINT64, &left);
        g_assert_true(g_dbus_connection_flush_sync(other, NULL, NULL));
        receive_later(fixture->manager, address, G_MAXUINT64, &answer);
        fixture_settle(fixture);
        g_clear_object(&manager);
        fixture_disconnect(other);
        fixture_settle(fixture);
        g_usleep(50000);
        send_it(fixture, address, "mine");
        WAIT_UNTIL(answer.done);
        assert_data(&answer, "mine");
        remove_it(fixture, address);
        WAIT_UNTIL(left.done);
        g_clear_error(&left.error);
}

/* Killed with a lease, a wait, a job and a subscription: all of it ends. */
static void test_caller_killed(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *line = NULL;
        const char *argv[] = { g_getenv("IPCBUS_CALLER"), fixture->bus_address, path, NULL };
        g_autoptr(GIOChannel) channel = NULL;
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) kinds = NULL;
        int output;
        GPid pid;

        ipcbus_manager_call_list_kinds_sync(fixture->manager, PLAINLY, &kinds, NULL, &error);
        g_assert_no_error(error);
        g_spawn_async_with_pipes(
                NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, NULL, &output, NULL, &error);
        g_assert_no_error(error);
        channel = g_io_channel_unix_new(output);
        g_io_channel_set_close_on_unref(channel, TRUE);
        g_assert_cmpint(g_io_channel_read_line(channel, &line, NULL, NULL, NULL), ==, G_IO_STATUS_NORMAL);
        g_assert_cmpstr(line, ==, "ready\n");
        g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));

        g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
        WAIT_UNTIL(!g_file_test(path, G_FILE_TEST_EXISTS));
        WAIT_UNTIL(fixture_saw(fixture, "LeaseExpired("));
        WAIT_UNTIL(fixture_saw(fixture, "Finished('cancelled'"));
        WAIT_UNTIL(fixture_processes(fixture) == 1);
}

/* A call that waits does not hinder one that does not. */
static void test_others_are_served(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = fixture_make(fixture, "pipe", NULL);
        Answer answers[100] = {};
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) kinds = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(answers); i++)
                receive_later(fixture->manager, address, G_MAXUINT64, &answers[i]);
        ipcbus_manager_call_list_kinds_sync(fixture->manager, PLAINLY, &kinds, NULL, &error);
        g_assert_no_error(error);
        remove_it(fixture, address);
        for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
                WAIT_UNTIL(answers[i].done);
                assert_error(&answers[i].error, "NoSuchObject");
        }
}

/* The service is told to end while a call waits: the call is answered. */
static void test_service_ends(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = fixture_make(fixture, "pipe", NULL);
        Answer answer = {};

        receive_later(fixture->manager, address, G_MAXUINT64, &answer);
        fixture_settle(fixture);
        fixture_end_service(fixture, SIGTERM);
        WAIT_UNTIL(answer.done);
        assert_error(&answer.error, "Cancelled");
}

/* The data of these tests is a kind. */
static void set_up(Fixture *fixture, gconstpointer kind) {
        fixture_set_up(fixture, NULL);
}

int main(int argc, char *argv[]) {
        static const char *const carriers[] = { "pipe", "fifo", "mq-posix", "unix-dgram" };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(carriers); i++) {
                static const struct {
                        const char *name;
                        void (*run)(Fixture *fixture, gconstpointer kind);
                } tests[] = { { "arrival", test_arrival }, { "timeout", test_timeout }, { "many", test_many },
                        { "remove", test_remove }, { "caller-leaves", test_caller_leaves } };

                for (size_t j = 0; j < G_N_ELEMENTS(tests); j++) {
                        g_autofree char *path = g_strdup_printf("/waits/%s/%s", carriers[i], tests[j].name);

                        g_test_add(path, Fixture, carriers[i], set_up, tests[j].run, fixture_tear_down);
                }
        }
        FIXTURE_TEST("/waits/foreign", NULL, test_foreign);
        g_test_add("/waits/pipe/partial", Fixture, "pipe", set_up, test_partial, fixture_tear_down);
        g_test_add("/waits/pipe/senders", Fixture, "pipe", set_up, test_senders, fixture_tear_down);
        g_test_add("/waits/fifo/senders", Fixture, "fifo", set_up, test_senders, fixture_tear_down);
        g_test_add("/waits/unix-stream/senders", Fixture, "unix-stream", set_up, test_senders, fixture_tear_down);
        FIXTURE_TEST("/waits/fifo/sender-gives-up", NULL, test_sender_gives_up);
        FIXTURE_TEST("/waits/semaphore", NULL, test_semaphore);
        FIXTURE_TEST("/waits/caller-killed", NULL, test_caller_killed);
        FIXTURE_TEST("/waits/others-are-served", NULL, test_others_are_served);
        FIXTURE_TEST("/waits/service-ends", NULL, test_service_ends);
        return g_test_run();
}
