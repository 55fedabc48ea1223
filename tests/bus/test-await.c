/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for a message of a System V queue, which has nothing to poll: the service sleeps meanwhile, what comes is
 * given to who waits for its type, and who leaves in the middle takes nothing along. */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/msg.h>
#include <unistd.h>

#include "fixture.h"

typedef struct Message {
        long type;
        char text[8];
} Message;

typedef struct Waiting {
        GVariant *data, *meta;
        GError *error;
        bool answered;
} Waiting;

static int queue_of(const char *address) {
        unsigned key = 0;
        int id = -1;

        if (sscanf(address, "mq-sysv:id=%d", &id) != 1 && sscanf(address, "mq-sysv:key=%x", &key) == 1)
                id = msgget((key_t)key, 0);
        g_assert_cmpint(id, >=, 0);
        return id;
}

static char *queue_new(Fixture *fixture, int *ret_id) {
        char *address = fixture_create(fixture, "mq-sysv", NO_OPTIONS, NULL);

        *ret_id = queue_of(address);
        return address;
}

static void queue_remove(Fixture *fixture, const char *address) {
        g_autoptr(GError) error = NULL;

        ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error);
        g_assert_no_error(error);
}

static void answered(GObject *source, GAsyncResult *result, gpointer userdata) {
        Waiting *waiting = userdata;

        ipcbus_manager_call_receive_finish(
                IPCBUS_MANAGER(source), &waiting->data, &waiting->meta, result, &waiting->error);
        waiting->answered = true;
}

static void receive(IpcbusManager *manager, const char *address, GVariant *options, Waiting *waiting) {
        *waiting = (Waiting){};
        ipcbus_manager_call_receive(manager, address, options, PLAINLY, NULL, answered, waiting);
}

static GVariant *of_type(gint64 type, guint64 timeout) {
        return options("type", "x", type, "timeout", "t", timeout, NULL);
}

static void waiting_done(Waiting *waiting) {
        g_clear_pointer(&waiting->data, g_variant_unref);
        g_clear_pointer(&waiting->meta, g_variant_unref);
        g_clear_error(&waiting->error);
}

static void send_text(int id, long type, const char *text) {
        Message message = { .type = type };

        g_strlcpy(message.text, text, sizeof(message.text));
        g_assert_cmpint(msgsnd(id, &message, strlen(text), 0), ==, 0);
}

static void assert_message(Waiting *waiting, const char *text, guint64 type) {
        const char *bytes;
        guint64 got;
        gsize size;

        WAIT_UNTIL(waiting->answered);
        g_assert_no_error(waiting->error);
        bytes = g_variant_get_fixed_array(waiting->data, &size, 1);
        g_assert_cmpmem(bytes, size, text, strlen(text));
        g_assert_true(g_variant_lookup(waiting->meta, "type", "t", &got));
        g_assert_cmpuint(got, ==, type);
        waiting_done(waiting);
}

static guint64 wakeups(pid_t pid) {
        g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)pid), *text = NULL;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        return g_ascii_strtoull(strstr(text, "\nvoluntary_ctxt_switches:") + 25, NULL, 10);
}

/* One worker sleeps, the service too; what comes of another type wakes nobody. */
static void test_sleeps(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = NULL;
        Waiting waiting;
        guint64 before;
        pid_t service;
        int id;

        address = queue_new(fixture, &id);
        service = fixture_service_pid(fixture);
        receive(fixture->manager, address, of_type(7, 60000000), &waiting);
        WAIT_UNTIL(fixture_processes(fixture) == 2);
        g_usleep(200000);
        before = wakeups(service);
        send_text(id, 3, "other");
        g_usleep(500000);
        g_assert_cmpuint(wakeups(service), ==, before);
        send_text(id, 7, "mine");
        assert_message(&waiting, "mine", 7);
        WAIT_UNTIL(fixture_processes(fixture) == 1);
        queue_remove(fixture, address);
}

/* Each as msgrcv(2) has it: up to a type, all but a type, and a message without bytes. */
static void test_types(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = NULL;
        Waiting waiting;
        int id;

        address = queue_new(fixture, &id);
        receive(fixture->manager, address, of_type(-4, 60000000), &waiting);
        WAIT_UNTIL(fixture_processes(fixture) == 2);
        g_usleep(50000);
        send_text(id, 5, "no");
        send_text(id, 4, "four");
        assert_message(&waiting, "four", 4);
        receive(fixture->manager, address,
                options("type", "x", (gint64)5, "except", "b", TRUE, "timeout", "t", (guint64)60000000, NULL),
                &waiting);
        WAIT_UNTIL(fixture_processes(fixture) == 2);
        g_usleep(50000);
        send_text(id, 5, "no");
        send_text(id, 6, "");
        assert_message(&waiting, "", 6);
        queue_remove(fixture, address);
}

static uint64_t messages(int id) {
        struct msqid_ds st;

        g_assert_cmpint(msgctl(id, IPC_STAT, &st), ==, 0);
        return st.msg_qnum;
}

/* Its worker ends with who waited, and the message that comes then stays. */
static void test_caller_leaves(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = NULL;
        int id;

        address = queue_new(fixture, &id);
        for (unsigned i = 0; i < 10; i++) {
                GDBusConnection *other = fixture_connect(fixture);
                g_autoptr(IpcbusManager) manager = fixture_manager(other);
                Waiting waiting;

                receive(manager, address, of_type(i + 1, 60000000), &waiting);
                WAIT_UNTIL(fixture_processes(fixture) == 2);
                g_usleep(i * 1000);
                fixture_disconnect(other);
                WAIT_UNTIL(fixture_processes(fixture) == 1);
                g_assert_cmpuint(messages(id), ==, i);
                send_text(id, i + 1, "stays");
                g_usleep(2000);
                g_assert_cmpuint(messages(id), ==, i + 1);
                WAIT_UNTIL(waiting.answered);
                waiting_done(&waiting);
        }
        queue_remove(fixture, address);
}

static void test_ends(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = NULL;
        Waiting waiting;
        int id;

        address = queue_new(fixture, &id);
        receive(fixture->manager, address, of_type(0, 100000), &waiting);
        WAIT_UNTIL(waiting.answered);
        assert_error(&waiting.error, "TimedOut");
        /* Removed under who waits. */
        receive(fixture->manager, address, of_type(0, 60000000), &waiting);
        WAIT_UNTIL(fixture_processes(fixture) == 2);
        g_assert_cmpint(msgctl(id, IPC_RMID, NULL), ==, 0);
        WAIT_UNTIL(waiting.answered);
        assert_error(&waiting.error, "NoSuchObject");
        WAIT_UNTIL(fixture_processes(fixture) == 1);
}

/* Cut where it was asked for, and it is told. */
static void test_cut(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = NULL;
        gboolean truncated = FALSE;
        Waiting waiting;
        guint64 whole;
        int id;

        address = queue_new(fixture, &id);
        send_text(id, 1, "seven b");
        receive(fixture->manager, address, options("size", "t", (guint64)5, NULL), &waiting);
        WAIT_UNTIL(waiting.answered);
        assert_error(&waiting.error, "InvalidOption");
        receive(fixture->manager, address, options("size", "t", (guint64)5, "truncate", "b", TRUE, NULL), &waiting);
        WAIT_UNTIL(waiting.answered);
        g_assert_no_error(waiting.error);
        g_assert_true(g_variant_lookup(waiting.meta, "truncated", "b", &truncated) && truncated);
        g_assert_true(g_variant_lookup(waiting.meta, "message_bytes", "t", &whole));
        g_assert_cmpuint(whole, ==, 7);
        assert_message(&waiting, "seven", 1);
        g_assert_cmpuint(messages(id), ==, 0);
        queue_remove(fixture, address);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/await/sleeps", NULL, test_sleeps);
        FIXTURE_TEST("/await/types", NULL, test_types);
        FIXTURE_TEST("/await/caller-leaves", NULL, test_caller_leaves);
        FIXTURE_TEST("/await/ends", NULL, test_ends);
        FIXTURE_TEST("/await/cut", NULL, test_cut);
        return g_test_run();
}
