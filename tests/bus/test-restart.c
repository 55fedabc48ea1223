/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The service ends, well or badly, and starts again: what a lease covers is gone, what has none is there again as an
 * object under the same path, and what is not ours any more is left alone. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

static bool there(const char *path) {
        return g_file_test(path, G_FILE_TEST_EXISTS);
}

static void call_something(Fixture *fixture) {
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) kinds = NULL;

        ipcbus_manager_call_list_kinds_sync(fixture->manager, PLAINLY, &kinds, NULL, &error);
        g_assert_no_error(error);
}

static void remove_it(Fixture *fixture, const char *address) {
        g_autoptr(GError) error = NULL;

        ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error);
        g_assert_no_error(error);
}

/* As GetManagedObjects has it, for looking into. */
static char *managed_objects(Fixture *fixture) {
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;

        reply = g_dbus_connection_call_sync(fixture->connection, IPCBUS_BUS_NAME, IPCBUS_PATH,
                "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL, NULL, G_DBUS_CALL_FLAGS_NONE, -1,
                NULL, &error);
        g_assert_no_error(error);
        return g_variant_print(reply, FALSE);
}

static void test_killed(Fixture *fixture, gconstpointer data) {
        g_autofree char *leased = fixture_path(fixture), *timed = fixture_path(fixture), *kept = fixture_path(fixture);
        g_autofree char *later = fixture_path(fixture), *object = NULL, *address = NULL, *unused[3] = {}, *all = NULL;

        unused[0] = fixture_create(fixture, "fifo", options("path", "s", leased, "lease", "s", "caller", NULL), NULL);
        unused[1] = fixture_create(fixture, "fifo", options("path", "s", timed, "lease", "s", "100ms", NULL), NULL);
        unused[2] = fixture_create(fixture, "fifo", options("path", "s", later, "lease", "s", "1h", NULL), NULL);
        address = fixture_create(fixture, "fifo", options("path", "s", kept, NULL), &object);
        fixture_end_service(fixture, SIGKILL);
        g_assert_true(there(leased) && there(kept) && there(later));
        g_usleep(110000);

        call_something(fixture);
        g_assert_false(there(leased));
        g_assert_false(there(timed));
        g_assert_true(there(kept));
        g_assert_true(there(later));
        all = managed_objects(fixture);
        g_assert_nonnull(strstr(all, object));
        g_assert_nonnull(strstr(all, address));
        g_assert_nonnull(strstr(all, unused[2]));
        g_assert_null(strstr(all, leased));
        remove_it(fixture, address);
        remove_it(fixture, unused[2]);
        for (size_t i = 1; i < G_N_ELEMENTS(unused); i++)
                g_free(unused[i]);
}

static void test_terminated(Fixture *fixture, gconstpointer data) {
        g_autofree char *leased = fixture_path(fixture), *kept = fixture_path(fixture);
        g_autofree char *first = NULL, *address = NULL, *object = NULL, *again = NULL;

        first = fixture_create(fixture, "fifo", options("path", "s", leased, "lease", "s", "caller", NULL), NULL);
        address = fixture_create(fixture, "fifo", options("path", "s", kept, NULL), &object);
        fixture_end_service(fixture, SIGTERM);
        g_assert_false(there(leased));
        g_assert_true(there(kept));
        again = managed_objects(fixture);
        g_assert_nonnull(strstr(again, object));
        remove_it(fixture, address);
}

/* Every kind with a name, killed and found again, works again. */
static void test_kinds(Fixture *fixture, gconstpointer data) {
        static const char *const kinds[] = { "mq-posix", "shm-posix", "sem-posix", "fifo", "unix-dgram" };

        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                g_autofree char *object = NULL, *address = NULL, *all = NULL;
                g_autoptr(GVariant) received = NULL, meta = NULL;
                g_autoptr(GError) error = NULL;
                guint64 sent;

                g_test_message("%s", kinds[i]);
                address = fixture_make(fixture, kinds[i], &object);
                fixture_end_service(fixture, SIGKILL);
                all = managed_objects(fixture);
                g_assert_nonnull(strstr(all, object));
                if (g_str_equal(kinds[i], "sem-posix"))
                        g_assert_true(ipcbus_manager_call_post_sync(
                                fixture->manager, address, 1, NO_OPTIONS, PLAINLY, NULL, &error));
                else {
                        ipcbus_manager_call_send_sync(fixture->manager, address, bytes("again", 5), NO_OPTIONS,
                                PLAINLY, &sent, NULL, &error);
                        g_assert_no_error(error);
                        ipcbus_manager_call_receive_sync(fixture->manager, address,
                                options("size", "t", (guint64)64, NULL), PLAINLY, &received, &meta, NULL, &error);
                        g_assert_no_error(error);
                        g_assert_cmpmem(g_variant_get_data(received), 5, "again", 5);
                }
                remove_it(fixture, address);
        }
}

/* While nobody looked, another took the name: that one is neither removed nor taken for ours. */
static void test_replaced(Fixture *fixture, gconstpointer data) {
        g_autofree char *leased = fixture_path(fixture), *kept = fixture_path(fixture), *first = NULL, *second = NULL;
        g_autofree char *all = NULL;

        first = fixture_create(fixture, "fifo", options("path", "s", leased, "lease", "s", "caller", NULL), NULL);
        second = fixture_create(fixture, "fifo", options("path", "s", kept, NULL), NULL);
        fixture_end_service(fixture, SIGKILL);
        for (int i = 0; i < 2; i++) {
                const char *path = i == 0 ? leased : kept;
                g_autofree char *other = g_strconcat(path, ".new", NULL);

                /* A new one first, so that it cannot get the inode of the old one. */
                g_assert_cmpint(mkfifo(other, 0600), ==, 0);
                g_assert_cmpint(rename(other, path), ==, 0);
        }
        all = managed_objects(fixture);
        g_assert_null(strstr(all, first));
        g_assert_null(strstr(all, second));
        g_assert_true(there(leased) && there(kept));
        g_assert_cmpint(g_unlink(leased), ==, 0);
        g_assert_cmpint(g_unlink(kept), ==, 0);
}

/* Serials are never used again. */
static void test_serials(Fixture *fixture, gconstpointer data) {
        g_autofree char *first = NULL, *second = NULL, *address = NULL;

        g_free(fixture_create(fixture, "pipe", NO_OPTIONS, &first));
        fixture_end_service(fixture, SIGKILL);
        address = fixture_create(fixture, "pipe", NO_OPTIONS, &second);
        g_assert_cmpstr(first, !=, second);
        remove_it(fixture, address);
}

/* A job of a killed service leaves nothing behind: its processes end with it, the rest with the next start. */
static void test_job(Fixture *fixture, gconstpointer data) {
        static const char *const kinds[] = { NULL };
        g_autoptr(GError) error = NULL;
        g_autofree char *job = NULL;

        ipcbus_manager_call_test_sync(
                fixture->manager, kinds, options("lease", "s", "none", NULL), PLAINLY, &job, NULL, &error);
        g_assert_no_error(error);
        WAIT_UNTIL(fixture_processes(fixture) >= 2); /* the service and its worker */
        fixture_end_service(fixture, SIGKILL);
        WAIT_UNTIL(fixture_processes(fixture) == 0);
        call_something(fixture);
}

/* Nothing is open, nobody calls: it ends, with exit status 0, and starts again when it is called. */
static void test_idle(Fixture *fixture, gconstpointer data) {
        g_autofree char *name = fixture_name(fixture), *address = NULL, *all = NULL;
        pid_t pid;

        address = fixture_create(fixture, "sem-posix", options("name", "s", name, NULL), NULL);
        pid = fixture_service_pid(fixture);
        g_assert_cmpint(pid, >, 0);
        WAIT_UNTIL(fixture_service_pid(fixture) == 0);
        fixture_settle(fixture);
        all = managed_objects(fixture);
        g_assert_nonnull(strstr(all, address));
        g_assert_cmpint(fixture_service_pid(fixture), !=, pid);
        remove_it(fixture, address);
}

/* A lease, a descriptor, or a subscription would be lost: it stays. */
static void test_busy(Fixture *fixture, gconstpointer data) {
        g_autofree char *pipe = NULL, *name = fixture_name(fixture), *leased = NULL;
        g_autoptr(GError) error = NULL;
        pid_t pid;

        pipe = fixture_create(fixture, "pipe", NO_OPTIONS, NULL);
        pid = fixture_service_pid(fixture);
        g_usleep(700000);
        g_assert_cmpint(fixture_service_pid(fixture), ==, pid);
        leased = fixture_create(fixture, "sem-posix", options("name", "s", name, "lease", "s", "1h", NULL), NULL);
        remove_it(fixture, pipe);
        g_usleep(700000);
        g_assert_cmpint(fixture_service_pid(fixture), ==, pid);
        ipcbus_manager_call_subscribe_sync(fixture->manager, NO_OPTIONS, PLAINLY, NULL, &error);
        g_assert_no_error(error);
        remove_it(fixture, leased);
        g_usleep(700000);
        g_assert_cmpint(fixture_service_pid(fixture), ==, pid);
        ipcbus_manager_call_unsubscribe_sync(fixture->manager, PLAINLY, NULL, &error);
        g_assert_no_error(error);
        WAIT_UNTIL(fixture_service_pid(fixture) == 0);
}

/* Calls that come all the time while it wants to leave are all answered. */
static void test_race(Fixture *fixture, gconstpointer data) {
        gint64 end = g_get_monotonic_time() + 3 * G_USEC_PER_SEC;
        unsigned pids = 0;
        pid_t last = 0;

        while (g_get_monotonic_time() < end) {
                pid_t pid;

                call_something(fixture);
                pid = fixture_service_pid(fixture);
                if (pid && pid != last) {
                        pids++;
                        last = pid;
                }
                /* About as long as it takes until it has left. */
                g_usleep((gulong)g_random_int_range(15000, 160000));
                fixture_settle(fixture);
        }
        g_test_message("%u services", pids);
        g_assert_cmpuint(pids, >=, 1);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/restart/killed", NULL, test_killed);
        FIXTURE_TEST("/restart/terminated", NULL, test_terminated);
        FIXTURE_TEST("/restart/kinds", NULL, test_kinds);
        FIXTURE_TEST("/restart/replaced", NULL, test_replaced);
        FIXTURE_TEST("/restart/serials", NULL, test_serials);
        FIXTURE_TEST("/restart/job", NULL, test_job);
        FIXTURE_TEST("/restart/idle", "--idle-timeout 200ms", test_idle);
        FIXTURE_TEST("/restart/busy", "--idle-timeout 200ms", test_busy);
        FIXTURE_TEST("/restart/race", "--idle-timeout 20ms", test_race);
        return g_test_run();
}
