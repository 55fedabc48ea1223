/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Wrong input: each gets a named error and a sentence, and changes nothing. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

static void refuse_create(Fixture *fixture, const char *kind, GVariant *given, const char *name) {
        g_autofree char *path = NULL, *address = NULL;
        GError *error = NULL;

        g_assert_false(ipcbus_manager_call_create_sync(
                fixture->manager, kind, given, PLAINLY, &path, &address, NULL, &error));
        assert_error(&error, name);
}

static void test_kind(Fixture *fixture, gconstpointer data) {
        g_autoptr(GVariant) description = NULL;
        GError *error = NULL;

        refuse_create(fixture, "fifoo", NO_OPTIONS, "NoSuchKind");
        refuse_create(fixture, "", NO_OPTIONS, "NoSuchKind");
        g_assert_false(ipcbus_manager_call_describe_kind_sync(
                fixture->manager, "pipes", PLAINLY, &description, NULL, &error));
        g_assert_nonnull(strstr(error->message, "pipe"));
        assert_error(&error, "NoSuchKind");
}

static void test_options(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *name = fixture_name(fixture);
        g_autofree char *relative = g_path_get_basename(path);

        refuse_create(fixture, "fifo", options("path", "s", path, "pat", "s", "x", NULL), "InvalidOption");
        refuse_create(fixture, "fifo", options("path", "t", (guint64)5, NULL), "InvalidOption");
        refuse_create(fixture, "fifo", options("path", "s", path, "mode", "s", "rw", NULL), "InvalidOption");
        refuse_create(fixture, "fifo", options("path", "s", path, "mode", "v", g_variant_new_uint32(1), NULL),
                "InvalidOption");
        refuse_create(fixture, "fifo", options("path", "s", path, "hold", "s", "maybe", NULL), "InvalidOption");
        refuse_create(fixture, "fifo", options("path", "s", path, "lease", "s", "soon", NULL), "InvalidOption");
        refuse_create(fixture, "fifo", options("path", "s", path, "lease", "s", "0s", NULL), "InvalidOption");
        refuse_create(fixture, "fifo", options("path", "s", relative, NULL), "InvalidOption");
        refuse_create(fixture, "fifo", NO_OPTIONS, "InvalidOption");
        refuse_create(
                fixture, "shm-posix", options("name", "s", name, "size", "t", (guint64)0, NULL), "InvalidOption");
        refuse_create(
                fixture, "shm-posix", options("name", "s", name, "size", "x", (gint64)-1, NULL), "InvalidOption");
        refuse_create(
                fixture, "shm-posix", options("name", "s", "/a/b", "size", "t", (guint64)1, NULL), "InvalidOption");
        refuse_create(fixture, "mq-posix", options("name", "s", "/a/b", NULL), "InvalidOption");
        g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

/* More than there is, or can be: not a crash, not a file of that size. */
static void test_size(Fixture *fixture, gconstpointer data) {
        g_autofree char *name = fixture_name(fixture), *file = g_strconcat("/dev/shm", name, NULL);
        g_autofree char *path = NULL, *address = NULL, *remote = NULL;
        GError *error = NULL;

        g_assert_false(ipcbus_manager_call_create_sync(fixture->manager, "shm-posix",
                options("name", "s", name, "size", "t", (guint64)1 << 63, NULL), PLAINLY, &path, &address, NULL,
                &error));
        remote = g_dbus_error_get_remote_error(error);
        g_assert_true(g_str_has_suffix(remote, ".LimitExceeded") || g_str_has_suffix(remote, ".InvalidOption"));
        g_clear_error(&error);
        g_assert_false(g_file_test(file, G_FILE_TEST_EXISTS));
}

static void test_address(Fixture *fixture, gconstpointer data) {
        static const struct {
                const char *address, *error;
        } wrong[] = {
                { "", "InvalidAddress" },
                { "fifo", "InvalidAddress" },
                { "fifo:", "InvalidAddress" },
                { "fifo:relative", "InvalidAddress" },
                { ":/tmp/x", "InvalidAddress" },
                { "nosuch:/tmp/x", "NoSuchKind" },
                { "mq-posix:/a/b", "InvalidAddress" },
                { "pipe:[x]", "InvalidAddress" },
                { "signal:99999999999999999999", "InvalidAddress" },
                { "signal:-1", "InvalidAddress" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autoptr(GVariant) received = NULL, meta = NULL;
                GError *error = NULL;

                g_test_message("'%s'", wrong[i].address);
                g_assert_false(ipcbus_manager_call_receive_sync(
                        fixture->manager, wrong[i].address, NO_OPTIONS, PLAINLY, &received, &meta, NULL, &error));
                assert_error(&error, wrong[i].error);
        }
}

static void test_not_there(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *name = fixture_name(fixture);
        g_autofree char *addresses[] = { g_strconcat("fifo:", path, NULL), g_strconcat("mq-posix:", name, NULL),
                g_strconcat("shm-posix:", name, NULL), g_strconcat("sem-posix:", name, NULL),
                g_strdup("signal:99999999"), g_strconcat("unix-stream:", path, NULL),
                g_strconcat("unix-dgram:", path, NULL) };

        for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
                GError *error = NULL;

                g_test_message("%s", addresses[i]);
                g_assert_false(ipcbus_manager_call_remove_sync(fixture->manager, addresses[i], PLAINLY, NULL, &error));
                assert_error(&error, "NoSuchObject");
                if (i > 0)
                        g_free(addresses[i]);
        }
}

/* A regular file in the way is left as it is, whoever is asked to make or to remove what. */
static void test_regular_file(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *address = g_strconcat("fifo:", path, NULL);
        g_autofree char *contents = NULL;
        GError *error = NULL;

        g_assert_true(g_file_set_contents(path, "precious", -1, NULL));
        refuse_create(fixture, "fifo", options("path", "s", path, NULL), "Exists");
        refuse_create(fixture, "unix-stream", options("path", "s", path, NULL), "Exists");
        refuse_create(fixture, "unix-dgram", options("path", "s", path, "replace", "b", TRUE, NULL), "Exists");
        g_assert_false(ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error));
        g_assert_true(g_dbus_error_is_remote_error(error));
        g_clear_error(&error);
        g_assert_true(g_file_get_contents(path, &contents, NULL, NULL));
        g_assert_cmpstr(contents, ==, "precious");
        g_assert_cmpint(g_unlink(path), ==, 0);
}

static void test_exists(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *address = NULL;
        g_autoptr(GError) error = NULL;

        address = fixture_create(fixture, "fifo", options("path", "s", path, NULL), NULL);
        refuse_create(fixture, "fifo", options("path", "s", path, NULL), "Exists");
        g_assert_true(ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error));
}

/* Where the service's user may not: it has to be another than root, who may everything. */
static void test_no_permission(Fixture *fixture, gconstpointer data) {
        if (geteuid() != 0) {
                refuse_create(fixture, "fifo", options("path", "s", "/ipcbus-test-fifo", NULL), "NotPermitted");
                return;
        }
        g_autofree char *path = NULL, *address = NULL;
        g_autofree char *remote = NULL;
        GError *error = NULL;

        /* The root user is refused where the file system has nothing to write. */
        g_assert_false(ipcbus_manager_call_create_sync(fixture->manager, "fifo",
                options("path", "s", "/proc/ipcbus-test", NULL), PLAINLY, &path, &address, NULL, &error));
        remote = g_dbus_error_get_remote_error(error);
        g_assert_true(g_str_has_prefix(remote, IPCBUS_ERROR_PREFIX));
        g_clear_error(&error);
}

static void test_not_supported(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *address = NULL;
        g_autoptr(GVariant) received = NULL, meta = NULL;
        GError *error = NULL;

        address = fixture_create(fixture, "fifo", options("path", "s", path, NULL), NULL);
        g_assert_false(ipcbus_manager_call_post_sync(fixture->manager, address, 1, NO_OPTIONS, PLAINLY, NULL, &error));
        assert_error(&error, "NotSupported");
        g_assert_false(
                ipcbus_manager_call_wait_sync(fixture->manager, address, NO_OPTIONS, PLAINLY, NULL, NULL, &error));
        assert_error(&error, "NotSupported");
        g_assert_true(ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error));
        g_assert_false(ipcbus_manager_call_peek_sync(
                fixture->manager, "mq-posix:/nothing", NO_OPTIONS, PLAINLY, &received, &meta, NULL, &error));
        assert_error(&error, "NotSupported");
}

/* Nobody is there to read: a time-out, not a hang. */
static void test_no_reader(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *address = NULL;
        gint64 begin = g_get_monotonic_time();
        GError *error = NULL;
        guint64 sent;

        address = fixture_create(fixture, "fifo", options("path", "s", path, "hold", "b", FALSE, NULL), NULL);
        g_assert_false(ipcbus_manager_call_send_sync(
                fixture->manager, address, bytes("x", 1), NO_OPTIONS, PLAINLY, &sent, NULL, &error));
        assert_error(&error, "TimedOut");
        g_assert_false(ipcbus_manager_call_send_sync(fixture->manager, address, bytes("x", 1),
                options("timeout", "t", (guint64)100000, NULL), PLAINLY, &sent, NULL, &error));
        assert_error(&error, "TimedOut");
        g_assert_cmpint(g_get_monotonic_time() - begin, >=, 100000);
        g_assert_true(ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error));
}

static void test_too_large(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *name = fixture_name(fixture), *address = NULL, *queue = NULL;
        size_t size = (16 << 20) + 1;
        g_autofree char *data_ = g_malloc0(size);
        g_autoptr(GVariant) received = NULL, meta = NULL;
        GError *error = NULL;
        guint64 sent;

        address = fixture_create(fixture, "fifo", options("path", "s", path, NULL), NULL);
        g_assert_false(ipcbus_manager_call_send_sync(
                fixture->manager, address, bytes(data_, size), NO_OPTIONS, PLAINLY, &sent, NULL, &error));
        g_assert_nonnull(strstr(error->message, "OpenEnd"));
        assert_error(&error, "LimitExceeded");
        g_assert_false(ipcbus_manager_call_receive_sync(fixture->manager, address,
                options("size", "t", (guint64)size, NULL), PLAINLY, &received, &meta, NULL, &error));
        assert_error(&error, "LimitExceeded");
        g_assert_true(ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error));

        queue = fixture_create(
                fixture, "mq-posix", options("name", "s", name, "message_size", "t", (guint64)16, NULL), NULL);
        g_assert_false(ipcbus_manager_call_send_sync(
                fixture->manager, queue, bytes(data_, 17), NO_OPTIONS, PLAINLY, &sent, NULL, &error));
        assert_error(&error, "LimitExceeded");
        g_assert_false(ipcbus_manager_call_send_sync(fixture->manager, queue, bytes(data_, 1),
                options("priority", "u", 40000, NULL), PLAINLY, &sent, NULL, &error));
        assert_error(&error, "InvalidOption");
        g_assert_true(ipcbus_manager_call_remove_sync(fixture->manager, queue, PLAINLY, NULL, &error));
}

static void test_end(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = fixture_create(fixture, "pipe", NO_OPTIONS, NULL);
        g_autoptr(GUnixFDList) list = NULL;
        g_autoptr(GVariant) fd = NULL;
        GError *error = NULL;

        g_assert_false(ipcbus_manager_call_open_end_sync(
                fixture->manager, address, "middle", NO_OPTIONS, PLAINLY, NULL, &fd, &list, NULL, &error));
        assert_error(&error, "InvalidOption");
        g_assert_false(ipcbus_manager_call_open_end_sync(fixture->manager, address, "read",
                options("tak", "b", TRUE, NULL), PLAINLY, NULL, &fd, &list, NULL, &error));
        assert_error(&error, "InvalidOption");
        g_assert_true(ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error));
}

static void test_job(Fixture *fixture, gconstpointer data) {
        static const char *const wrong[] = { "pip", NULL }, *const right[] = { "pipe", NULL };
        g_autoptr(IpcbusJob) job = NULL;
        g_autofree char *path = NULL;
        GError *error = NULL;

        g_assert_false(
                ipcbus_manager_call_test_sync(fixture->manager, wrong, NO_OPTIONS, PLAINLY, &path, NULL, &error));
        assert_error(&error, "NoSuchKind");
        g_assert_false(ipcbus_manager_call_test_sync(
                fixture->manager, right, options("lease", "s", "30s", NULL), PLAINLY, &path, NULL, &error));
        assert_error(&error, "InvalidOption");
        g_assert_false(ipcbus_manager_call_benchmark_sync(
                fixture->manager, right, options("sizes", "s", "big", NULL), PLAINLY, &path, NULL, &error));
        assert_error(&error, "InvalidOption");

        g_assert_true(
                ipcbus_manager_call_test_sync(fixture->manager, right, NO_OPTIONS, PLAINLY, &path, NULL, &error));
        job = ipcbus_job_proxy_new_sync(
                fixture->connection, G_DBUS_PROXY_FLAGS_NONE, IPCBUS_BUS_NAME, path, NULL, &error);
        WAIT_UNTIL(fixture_saw(fixture, "Finished("));
        g_assert_false(ipcbus_job_call_cancel_sync(job, PLAINLY, NULL, &error));
        assert_error(&error, "NoSuchJob");
}

static void test_limits(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = fixture_create(fixture, "pipe", NO_OPTIONS, NULL);
        GDBusConnection *crowd = fixture_connect(fixture);
        g_autoptr(IpcbusManager) manager = fixture_manager(crowd);
        g_autoptr(GVariant) limits = NULL, received = NULL, meta = NULL;
        GError *error = NULL;
        guint64 most;

        limits = g_dbus_connection_call_sync(crowd, IPCBUS_BUS_NAME, IPCBUS_PATH, "org.freedesktop.DBus.Properties",
                "Get", g_variant_new("(ss)", IPCBUS_INTERFACE_MANAGER, "Limits"), NULL, G_DBUS_CALL_FLAGS_NONE, -1,
                NULL, &error);
        g_assert_no_error(error);
        g_autoptr(GVariant) boxed = g_variant_get_child_value(limits, 0), dictionary = g_variant_get_variant(boxed);
        g_assert_true(g_variant_lookup(dictionary, "waits-per-connection", "t", &most));

        for (guint64 i = 0; i < most; i++)
                ipcbus_manager_call_receive(
                        manager, address, options("timeout", "t", G_MAXUINT64, NULL), PLAINLY, NULL, NULL, NULL);
        g_assert_false(ipcbus_manager_call_receive_sync(manager, address, options("timeout", "t", G_MAXUINT64, NULL),
                PLAINLY, &received, &meta, NULL, &error));
        g_assert_nonnull(strstr(error->message, "waits"));
        assert_error(&error, "LimitExceeded");
        /* Another connection is not hindered, and what does not wait is answered at once. */
        g_assert_false(ipcbus_manager_call_receive_sync(fixture->manager, address,
                options("timeout", "t", (guint64)1000, NULL), PLAINLY, &received, &meta, NULL, &error));
        assert_error(&error, "TimedOut");
        g_clear_object(&manager);
        fixture_disconnect(crowd);
        g_assert_true(ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error));
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/errors/kind", NULL, test_kind);
        FIXTURE_TEST("/errors/options", NULL, test_options);
        FIXTURE_TEST("/errors/size", NULL, test_size);
        FIXTURE_TEST("/errors/address", NULL, test_address);
        FIXTURE_TEST("/errors/not-there", NULL, test_not_there);
        FIXTURE_TEST("/errors/regular-file", NULL, test_regular_file);
        FIXTURE_TEST("/errors/exists", NULL, test_exists);
        FIXTURE_TEST("/errors/no-permission", NULL, test_no_permission);
        FIXTURE_TEST("/errors/not-supported", NULL, test_not_supported);
        FIXTURE_TEST("/errors/no-reader", NULL, test_no_reader);
        FIXTURE_TEST("/errors/too-large", NULL, test_too_large);
        FIXTURE_TEST("/errors/end", NULL, test_end);
        FIXTURE_TEST("/errors/job", NULL, test_job);
        FIXTURE_TEST("/errors/limits", NULL, test_limits);
        return g_test_run();
}
