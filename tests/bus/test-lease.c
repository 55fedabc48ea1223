/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Leases: of the caller, of a time, none; changed, ended, and what is told of it. */
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

static IpcbusKernelObject *object_proxy(GDBusConnection *connection, const char *path) {
        g_autoptr(GError) error = NULL;
        IpcbusKernelObject *object;

        object = ipcbus_kernel_object_proxy_new_sync(
                connection, G_DBUS_PROXY_FLAGS_NONE, IPCBUS_BUS_NAME, path, NULL, &error);
        g_assert_no_error(error);
        return object;
}

static char *create_as(GDBusConnection *connection, const char *path, const char *lease, char **ret_object) {
        g_autoptr(IpcbusManager) manager = fixture_manager(connection);
        g_autofree char *object = NULL;
        g_autoptr(GError) error = NULL;
        char *address;

        ipcbus_manager_call_create_sync(manager, "fifo", options("path", "s", path, "lease", "s", lease, NULL),
                PLAINLY, &object, &address, NULL, &error);
        g_assert_no_error(error);
        if (ret_object)
                *ret_object = g_steal_pointer(&object);
        return address;
}

static void test_caller(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *address = NULL, *object = NULL, *expired = NULL;
        GDBusConnection *caller = fixture_connect(fixture);

        address = create_as(caller, path, "caller", &object);
        g_assert_true(there(path));
        fixture_disconnect(caller);
        WAIT_UNTIL(!there(path));
        expired = g_strdup_printf("LeaseExpired('%s', '%s', 'caller')", object, address);
        WAIT_UNTIL(fixture_saw(fixture, expired));
        WAIT_UNTIL(fixture_saw(fixture, "InterfacesRemoved("));
}

static void test_duration(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *address = NULL;
        GDBusConnection *caller = fixture_connect(fixture);
        gint64 begin = g_get_monotonic_time();

        address = create_as(caller, path, "300ms", NULL);
        fixture_disconnect(caller);
        g_assert_true(there(path));
        WAIT_UNTIL(!there(path));
        g_assert_cmpint(g_get_monotonic_time() - begin, >=, 300000);
        WAIT_UNTIL(fixture_saw(fixture, "'duration')"));
}

static void test_none(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *address = NULL;
        GDBusConnection *caller = fixture_connect(fixture);
        g_autoptr(GError) error = NULL;

        address = create_as(caller, path, "none", NULL);
        fixture_disconnect(caller);
        fixture_settle(fixture);
        g_assert_true(there(path));
        ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error);
        g_assert_no_error(error);
        g_assert_false(there(path));
}

/* Longer, shorter, to whoever asks, and none: properties say so, and the old lease is without effect. */
static void test_set(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *address = NULL, *object_path = NULL;
        GDBusConnection *caller = fixture_connect(fixture), *other = fixture_connect(fixture);
        g_autoptr(IpcbusKernelObject) object = NULL, theirs = NULL;
        GError *error = NULL;
        gint64 now = g_get_real_time();

        address = create_as(caller, path, "caller", &object_path);
        object = object_proxy(fixture->connection, object_path);
        g_assert_cmpstr(ipcbus_kernel_object_get_lease(object), ==, "caller");
        g_assert_cmpuint(ipcbus_kernel_object_get_lease_expires(object), ==, 0);
        g_assert_true(ipcbus_kernel_object_call_set_lease_sync(object, "1h", PLAINLY, NULL, &error));
        WAIT_UNTIL(g_str_equal(ipcbus_kernel_object_get_lease(object), "duration"));
        g_assert_cmpint(
                (gint64)ipcbus_kernel_object_get_lease_expires(object), >=, now + 3590 * (gint64)G_USEC_PER_SEC);
        g_assert_cmpint(
                (gint64)ipcbus_kernel_object_get_lease_expires(object), <=, now + 3610 * (gint64)G_USEC_PER_SEC);
        fixture_disconnect(caller);
        fixture_settle(fixture);
        g_usleep(50000);
        g_assert_true(there(path));

        g_assert_true(ipcbus_kernel_object_call_set_lease_sync(object, "none", PLAINLY, NULL, &error));
        WAIT_UNTIL(g_str_equal(ipcbus_kernel_object_get_lease(object), "none"));
        g_assert_false(ipcbus_kernel_object_call_set_lease_sync(object, "forever", PLAINLY, NULL, &error));
        assert_error(&error, "InvalidOption");

        theirs = object_proxy(other, object_path);
        g_assert_true(ipcbus_kernel_object_call_set_lease_sync(theirs, "caller", PLAINLY, NULL, &error));
        g_clear_object(&theirs);
        fixture_disconnect(other);
        WAIT_UNTIL(!there(path));
}

/* Its name was taken by something else meanwhile: that is none of ours, and stays. */
static void test_replaced(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *address = NULL;
        GDBusConnection *caller = fixture_connect(fixture);

        address = create_as(caller, path, "caller", NULL);
        g_assert_cmpint(g_unlink(path), ==, 0);
        g_assert_cmpint(mkfifo(path, 0600), ==, 0);
        fixture_disconnect(caller);
        WAIT_UNTIL(fixture_saw(fixture, "InterfacesRemoved("));
        fixture_settle(fixture);
        g_assert_true(there(path));
        g_assert_cmpint(g_unlink(path), ==, 0);
}

/* What somebody else made is never the lease's to end. */
static void test_adopted(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *address = g_strconcat("fifo:", path, NULL);
        g_autofree char *object_path = NULL, *canonical = NULL;
        g_autoptr(IpcbusKernelObject) object = NULL;
        GError *error = NULL;

        g_assert_cmpint(mkfifo(path, 0600), ==, 0);
        g_assert_true(ipcbus_manager_call_adopt_sync(
                fixture->manager, address, NO_OPTIONS, PLAINLY, &object_path, &canonical, NULL, &error));
        g_assert_cmpstr(canonical, ==, address);
        object = object_proxy(fixture->connection, object_path);
        g_assert_true(ipcbus_kernel_object_get_adopted(object));
        g_assert_false(ipcbus_kernel_object_call_set_lease_sync(object, "1s", PLAINLY, NULL, &error));
        assert_error(&error, "NotSupported");
        fixture_end_service(fixture, SIGTERM);
        g_assert_true(there(path));
        ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error);
        g_assert_no_error(error);
        g_assert_false(there(path));
}

/* A lease of something without a name closes its last descriptor. */
static void test_pipe(Fixture *fixture, gconstpointer data) {
        GDBusConnection *caller = fixture_connect(fixture);
        g_autoptr(IpcbusManager) manager = fixture_manager(caller);
        g_autofree char *object = NULL, *address = NULL;
        g_autoptr(GVariant) received = NULL, meta = NULL;
        GError *error = NULL;

        g_assert_true(ipcbus_manager_call_create_sync(
                manager, "pipe", options("lease", "s", "caller", NULL), PLAINLY, &object, &address, NULL, &error));
        g_clear_object(&manager);
        fixture_disconnect(caller);
        WAIT_UNTIL(fixture_saw(fixture, "LeaseExpired("));
        g_assert_false(ipcbus_manager_call_receive_sync(
                fixture->manager, address, NO_OPTIONS, PLAINLY, &received, &meta, NULL, &error));
        g_clear_error(&error);
}

/* A listener for signals is a process of its own: it goes with its lease. */
static void test_listener(Fixture *fixture, gconstpointer data) {
        GDBusConnection *caller = fixture_connect(fixture);
        g_autoptr(IpcbusManager) manager = fixture_manager(caller);
        g_autofree char *object = NULL, *address = NULL;
        GError *error = NULL;

        g_assert_true(ipcbus_manager_call_create_sync(
                manager, "signal", options("lease", "s", "caller", NULL), PLAINLY, &object, &address, NULL, &error));
        g_assert_cmpuint(fixture_processes(fixture), >=, 2);
        g_clear_object(&manager);
        fixture_disconnect(caller);
        WAIT_UNTIL(fixture_processes(fixture) == 1);
        WAIT_UNTIL(fixture_saw(fixture, "LeaseExpired("));
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/lease/caller", NULL, test_caller);
        FIXTURE_TEST("/lease/duration", NULL, test_duration);
        FIXTURE_TEST("/lease/none", NULL, test_none);
        FIXTURE_TEST("/lease/set", NULL, test_set);
        FIXTURE_TEST("/lease/replaced", NULL, test_replaced);
        FIXTURE_TEST("/lease/adopted", NULL, test_adopted);
        FIXTURE_TEST("/lease/pipe", NULL, test_pipe);
        FIXTURE_TEST("/lease/listener", NULL, test_listener);
        return g_test_run();
}
