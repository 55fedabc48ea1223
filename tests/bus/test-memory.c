/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory that is a file, over the bus: what is cut off under the feet of the service, seals, sizes and syncs by object
 * and by address, and leases that end for what the service made and for nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

enum {
        LARGE = 8 * 1024 * 1024,
        READS = 25,
};

static void remove_it(Fixture *fixture, const char *address) {
        g_autoptr(GError) error = NULL;

        ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error);
        g_assert_no_error(error);
}

static IpcbusMemory *memory_of(Fixture *fixture, const char *path) {
        g_autoptr(GError) error = NULL;
        IpcbusMemory *memory;

        memory = ipcbus_memory_proxy_new_sync(
                fixture->connection, G_DBUS_PROXY_FLAGS_NONE, IPCBUS_BUS_NAME, path, NULL, &error);
        g_assert_no_error(error);
        return memory;
}

static char *make_file(Fixture *fixture, guint64 size, char **ret_path, char **ret_object) {
        g_autofree char *path = fixture_path(fixture);
        char *address = fixture_create(
                fixture, "mmap", options("path", "s", path, "size", "t", size, NULL), ret_object);

        *ret_path = g_steal_pointer(&path);
        return address;
}

/* Cuts the file off and makes it whole again, as fast as it can, until it is killed. */
static pid_t start_cutting(const char *path) {
        pid_t pid = fork();

        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                int fd = open(path, O_RDWR | O_CLOEXEC);

                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                while (fd >= 0 && ftruncate(fd, 4096) == 0 && ftruncate(fd, LARGE) == 0)
                        ;
                _exit(1);
        }
        return pid;
}

/* Whole, or an error that says where the end is; and the service lives. */
static void read_while_cut(Fixture *fixture, const char *address, const char *path) {
        pid_t service = fixture_service_pid(fixture), pid = start_cutting(path);
        unsigned whole = 0, cut = 0;
        int status;

        for (unsigned i = 0; i < READS; i++) {
                g_autoptr(GVariant) data = NULL, meta = NULL;
                g_autoptr(GError) error = NULL;

                if (ipcbus_manager_call_receive_sync(fixture->manager, address,
                            options("offset", "t", (guint64)4096, "size", "t", (guint64)(LARGE - 4096), NULL), PLAINLY,
                            &data, &meta, NULL, &error)) {
                        g_assert_cmpuint(g_variant_get_size(data), ==, LARGE - 4096);
                        whole++;
                } else {
                        g_assert_nonnull(strstr(error->message, "it ends at "));
                        cut++;
                }
        }
        g_test_message("%u whole, %u cut off", whole, cut);
        g_assert_cmpint(waitpid(pid, &status, WNOHANG), ==, 0);
        g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(fixture_service_pid(fixture), ==, service);
}

static void test_cut_file(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = NULL, *address = make_file(fixture, LARGE, &path, NULL);

        read_while_cut(fixture, address, path);
        remove_it(fixture, address);
}

static void test_cut_posix(Fixture *fixture, gconstpointer data) {
        g_autofree char *name = fixture_name(fixture), *path = g_strconcat("/dev/shm", name, NULL);
        g_autofree char *address = fixture_create(
                fixture, "shm-posix", options("name", "s", name, "size", "t", (guint64)LARGE, NULL), NULL);

        read_while_cut(fixture, address, path);
        remove_it(fixture, address);
}

static void test_object(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = NULL, *object = NULL, *address = make_file(fixture, 8192, &path, &object);
        g_autoptr(IpcbusMemory) memory = memory_of(fixture, object);
        g_autoptr(GVariant) read_back = NULL;
        const char *seals[] = { "write", NULL };
        GError *error = NULL;
        struct stat st;

        g_assert_true(ipcbus_memory_call_resize_sync(memory, (UINT64_C(6) << 30) + 3, PLAINLY, NULL, &error));
        g_assert_true(
                ipcbus_memory_call_write_sync(memory, UINT64_C(6) << 30, bytes("far", 3), PLAINLY, NULL, &error));
        g_assert_true(ipcbus_memory_call_read_sync(memory, UINT64_C(6) << 30, 100, PLAINLY, &read_back, NULL, &error));
        g_assert_cmpmem(g_variant_get_data(read_back), g_variant_get_size(read_back), "far", 3);
        g_clear_pointer(&read_back, g_variant_unref);
        g_assert_cmpint(stat(path, &st), ==, 0);
        g_assert_cmpint(st.st_size, ==, (INT64_C(6) << 30) + 3);
        g_assert_cmpint(st.st_blocks * 512, <, 1 << 20);
        g_assert_false(ipcbus_memory_call_seal_sync(memory, seals, PLAINLY, NULL, &error));
        assert_error(&error, "NotSupported");
        if (!ipcbus_memory_call_sync_sync(memory, PLAINLY, NULL, &error))
                assert_error(&error, "NotSupported"); /* on a tmpfs */

        g_assert_true(ipcbus_manager_call_resize_sync(fixture->manager, address, 16, PLAINLY, NULL, &error));
        g_assert_cmpint(stat(path, &st), ==, 0);
        g_assert_cmpint(st.st_size, ==, 16);
        g_assert_false(ipcbus_memory_call_read_sync(memory, UINT64_C(6) << 30, 3, PLAINLY, &read_back, NULL, &error));
        assert_error(&error, "InvalidOption");
        g_assert_false(ipcbus_manager_call_resize_sync(fixture->manager, "signal:1", 16, PLAINLY, NULL, &error));
        assert_error(&error, "NotSupported");
        remove_it(fixture, address);
}

/* Made by a worker: what the service may not keep leaves nothing behind. */
static void test_beyond_limit(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *object = NULL, *address = NULL;
        GError *error = NULL;
        struct stat st;

        g_assert_false(ipcbus_manager_call_create_sync(fixture->manager, "mmap",
                options("path", "s", path, "size", "t", UINT64_C(1) << 40, NULL), PLAINLY, &object, &address, NULL,
                &error));
        assert_error(&error, "LimitExceeded");
        g_assert_cmpint(stat(path, &st), <, 0);
        g_assert_cmpint(errno, ==, ENOENT);
}

/* What was put in the place of our file is somebody else's: by the object nothing is done to it. */
static void test_replaced(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = NULL, *object = NULL, *address = make_file(fixture, 8192, &path, &object),
                        *other = fixture_path(fixture), *text = NULL;
        g_autoptr(IpcbusMemory) memory = memory_of(fixture, object);
        g_autoptr(GVariant) read_back = NULL;
        GError *error = NULL;

        g_assert_true(g_file_set_contents(other, "precious", 8, NULL));
        g_assert_cmpint(rename(other, path), ==, 0);
        g_assert_false(ipcbus_memory_call_resize_sync(memory, 2, PLAINLY, NULL, &error));
        assert_error(&error, "NoSuchObject");
        g_assert_false(ipcbus_memory_call_write_sync(memory, 0, bytes("x", 1), PLAINLY, NULL, &error));
        assert_error(&error, "NoSuchObject");
        g_assert_false(ipcbus_memory_call_read_sync(memory, 0, 4, PLAINLY, &read_back, NULL, &error));
        assert_error(&error, "NoSuchObject");
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        g_assert_cmpstr(text, ==, "precious");
        /* By its name it is what stands there now. */
        g_assert_true(ipcbus_manager_call_resize_sync(fixture->manager, address, 3, PLAINLY, NULL, &error));
        remove_it(fixture, address);
}

static GVariant *property(Fixture *fixture, const char *path, const char *name) {
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;
        GVariant *value;

        reply = g_dbus_connection_call_sync(fixture->connection, IPCBUS_BUS_NAME, path,
                "org.freedesktop.DBus.Properties", "Get", g_variant_new("(ss)", IPCBUS_INTERFACE_MEMORY, name), NULL,
                G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
        g_assert_no_error(error);
        g_variant_get(reply, "(v)", &value);
        return value;
}

static void test_seals(Fixture *fixture, gconstpointer data) {
        g_autofree char *object = NULL, *address = fixture_create(
                                                fixture, "memfd", options("size", "t", (guint64)4096, NULL), &object);
        g_autoptr(IpcbusMemory) memory = memory_of(fixture, object);
        const char *grow[] = { "grow", NULL }, *all[] = { "shrink", "write", "seal", NULL }, *none[] = { NULL };
        g_autoptr(GVariant) value = NULL;
        g_autofree const char **seals = NULL;
        GError *error = NULL;

        g_assert_true(ipcbus_memory_call_seal_sync(memory, grow, PLAINLY, NULL, &error));
        g_assert_false(ipcbus_memory_call_resize_sync(memory, 8192, PLAINLY, NULL, &error));
        assert_error(&error, "NotPermitted");
        g_assert_true(ipcbus_manager_call_seal_sync(fixture->manager, address, all, PLAINLY, NULL, &error));
        g_assert_false(ipcbus_memory_call_write_sync(memory, 0, bytes("x", 1), PLAINLY, NULL, &error));
        assert_error(&error, "NotPermitted");
        g_assert_false(ipcbus_manager_call_seal_sync(fixture->manager, address, grow, PLAINLY, NULL, &error));
        assert_error(&error, "NotPermitted");
        g_assert_false(ipcbus_manager_call_seal_sync(fixture->manager, address, none, PLAINLY, NULL, &error));
        assert_error(&error, "InvalidOption");
        value = property(fixture, object, "Seals");
        seals = g_variant_get_strv(value, NULL);
        for (size_t i = 0; all[i] != NULL; i++)
                g_assert_true(g_strv_contains(seals, all[i]));
        g_assert_false(ipcbus_memory_call_sync_sync(memory, PLAINLY, NULL, &error));
        assert_error(&error, "NotSupported");
        remove_it(fixture, address);
}

/* The file of a lease goes with it; one that was put in its place, or that was there before, stays. */
static void test_lease(Fixture *fixture, gconstpointer data) {
        g_autofree char *ours = fixture_path(fixture), *replaced = fixture_path(fixture),
                        *theirs = fixture_path(fixture), *address = g_strconcat("mmap:", theirs, NULL), *text = NULL,
                        *path = NULL, *canonical = NULL;
        GDBusConnection *connection = fixture_connect(fixture);
        g_autoptr(IpcbusManager) manager = fixture_manager(connection);
        g_autoptr(GError) error = NULL;
        const char *made[] = { ours, replaced };
        struct stat st;

        for (size_t i = 0; i < G_N_ELEMENTS(made); i++) {
                g_autofree char *object = NULL, *of = NULL;

                ipcbus_manager_call_create_sync(manager, "mmap",
                        options("path", "s", made[i], "size", "t", (guint64)64, "lease", "s", "caller", NULL), PLAINLY,
                        &object, &of, NULL, &error);
                g_assert_no_error(error);
        }
        g_assert_true(g_file_set_contents(theirs, "theirs", 6, NULL));
        ipcbus_manager_call_adopt_sync(manager, address, NO_OPTIONS, PLAINLY, &path, &canonical, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpint(unlink(replaced), ==, 0);
        g_usleep(20 * 1000); /* the clock of the file system has ticks */
        g_assert_true(g_file_set_contents(replaced, "another", 7, NULL));
        fixture_disconnect(connection);

        WAIT_UNTIL(stat(ours, &st) < 0);
        fixture_settle(fixture);
        g_assert_true(g_file_get_contents(replaced, &text, NULL, NULL));
        g_assert_cmpstr(text, ==, "another");
        g_assert_cmpint(stat(theirs, &st), ==, 0);
        g_assert_cmpint(st.st_size, ==, 6);
        g_assert_cmpint(unlink(replaced), ==, 0);
        remove_it(fixture, address);
        g_assert_cmpint(stat(theirs, &st), <, 0);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/memory/cut-file", NULL, test_cut_file);
        FIXTURE_TEST("/memory/cut-posix", NULL, test_cut_posix);
        FIXTURE_TEST("/memory/object", NULL, test_object);
        FIXTURE_TEST("/memory/beyond-limit", NULL, test_beyond_limit);
        FIXTURE_TEST("/memory/replaced", NULL, test_replaced);
        FIXTURE_TEST("/memory/seals", NULL, test_seals);
        FIXTURE_TEST("/memory/lease", NULL, test_lease);
        return g_test_run();
}
