/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The service for one client over a socket pair, as ipcctl runs it where there is no bus. */
#include <errno.h>
#include <fcntl.h>
#include <gio/gunixfdlist.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

typedef struct Embedded {
        char *directory;
        GPid service;
        GDBusConnection *connection;
        IpcbusManager *manager;
} Embedded;

static void set_up(Embedded *embedded, gconstpointer data) {
        const char *argv[] = { g_getenv("IPCBUS_DAEMON"), "--fd", "3", NULL };
        g_auto(GStrv) environment = g_get_environ();
        g_autoptr(GSocketConnection) stream = NULL;
        g_autoptr(GSocket) own = NULL;
        g_autoptr(GError) error = NULL;
        int pair[2], target = 3;

        embedded->directory = g_dir_make_tmp("ipcbus-test-XXXXXX", &error);
        g_assert_no_error(error);
        environment = g_environ_setenv(environment, "XDG_RUNTIME_DIR", embedded->directory, TRUE);
        environment = g_environ_unsetenv(environment, "DBUS_SESSION_BUS_ADDRESS");

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
        g_spawn_async_with_pipes_and_fds(NULL, argv, (const char *const *)environment, G_SPAWN_DO_NOT_REAP_CHILD, NULL,
                NULL, -1, -1, -1, &pair[1], &target, 1, &embedded->service, NULL, NULL, NULL, &error);
        g_assert_no_error(error);
        close(pair[1]);

        own = g_socket_new_from_fd(pair[0], &error);
        g_assert_no_error(error);
        stream = g_socket_connection_factory_create_connection(own);
        embedded->connection = g_dbus_connection_new_sync(
                G_IO_STREAM(stream), NULL, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, NULL, &error);
        g_assert_no_error(error);
        embedded->manager = fixture_manager(embedded->connection);
}

static void tear_down(Embedded *embedded, gconstpointer data) {
        g_autofree char *state = g_build_filename(embedded->directory, "ipcbus", NULL);
        int status;

        g_object_unref(embedded->manager);
        if (!g_dbus_connection_is_closed(embedded->connection))
                g_dbus_connection_close_sync(embedded->connection, NULL, NULL);
        g_object_unref(embedded->connection);
        /* It ends with its client, well. */
        g_assert_cmpint(waitpid(embedded->service, &status, 0), ==, embedded->service);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
        g_assert_cmpint(g_rmdir(state), ==, 0);
        g_assert_cmpint(g_rmdir(embedded->directory), ==, 0);
        g_free(embedded->directory);
}

static void test_kinds(Embedded *embedded, gconstpointer data) {
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) kinds = NULL;

        ipcbus_manager_call_list_kinds_sync(embedded->manager, PLAINLY, &kinds, NULL, &error);
        g_assert_no_error(error);
        g_assert_true(g_strv_contains((const char *const *)kinds, "fifo"));
}

/* A file that would grow past the limit of the process is an error to the caller and not the end of the service. */
static void test_file_size(Embedded *embedded, gconstpointer data) {
        g_autofree char *name = g_strdup_printf("/ipcbus-test-%d-%x", (int)getpid(), g_random_int());
        g_autofree char *file = g_strconcat("/dev/shm", name, NULL);
        const struct rlimit limit = { 65536, 65536 };
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(prlimit(embedded->service, RLIMIT_FSIZE, &limit, NULL), ==, 0);
        ipcbus_manager_call_create_sync(embedded->manager, "shm-posix",
                options("name", "s", name, "size", "t", (guint64)1024 * 1024, NULL), PLAINLY, NULL, NULL, NULL,
                &error);
        assert_error(&error, "LimitExceeded");
        g_assert_false(g_file_test(file, G_FILE_TEST_EXISTS));
}

/* What has a name stays in the kernel, and another service finds it there. */
static void test_named(Embedded *embedded, gconstpointer data) {
        g_autofree char *path = g_build_filename(embedded->directory, "fifo", NULL);
        g_autofree char *object = NULL, *address = NULL, *wanted = g_strconcat("fifo:", path, NULL);
        g_autoptr(GError) error = NULL;

        ipcbus_manager_call_create_sync(
                embedded->manager, "fifo", options("path", "s", path, NULL), PLAINLY, &object, &address, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(address, ==, wanted);
        g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));

        g_dbus_connection_close_sync(embedded->connection, NULL, NULL);
        for (int i = 0; i < 200 && kill(embedded->service, 0) == 0; i++) {
                siginfo_t info = {};

                if (waitid(P_PID, (id_t)embedded->service, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid)
                        break;
                g_usleep(10000);
        }
        g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
        g_assert_cmpint(g_unlink(path), ==, 0);
}

static void test_refused(Embedded *embedded, gconstpointer data) {
        g_autofree char *path = g_build_filename(embedded->directory, "fifo", NULL);
        g_autofree char *object = NULL, *address = NULL;
        GError *error = NULL;

        g_assert_false(ipcbus_manager_call_create_sync(
                embedded->manager, "pipe", NO_OPTIONS, PLAINLY, &object, &address, NULL, &error));
        assert_error(&error, "NotSupported");
        g_assert_false(ipcbus_manager_call_create_sync(
                embedded->manager, "signal", NO_OPTIONS, PLAINLY, &object, &address, NULL, &error));
        assert_error(&error, "NotSupported");
        g_assert_false(ipcbus_manager_call_create_sync(embedded->manager, "fifo",
                options("path", "s", path, "lease", "s", "caller", NULL), PLAINLY, &object, &address, NULL, &error));
        assert_error(&error, "NotSupported");
        g_assert_false(ipcbus_manager_call_create_sync(embedded->manager, "fifo",
                options("path", "s", path, "lease", "s", "30s", NULL), PLAINLY, &object, &address, NULL, &error));
        assert_error(&error, "NotSupported");
        g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

/* A FIFO of ours without a held end is like anybody's: its writer waits for a reader, and closing it is its end. */
static void test_ends(Embedded *embedded, gconstpointer data) {
        g_autofree char *path = g_build_filename(embedded->directory, "fifo", NULL);
        g_autofree char *object = NULL, *address = NULL;
        GError *error = NULL;
        guint64 sent;
        int reader;
        char buffer[8];

        g_assert_true(ipcbus_manager_call_create_sync(embedded->manager, "fifo", options("path", "s", path, NULL),
                PLAINLY, &object, &address, NULL, &error));
        g_assert_false(ipcbus_manager_call_send_sync(
                embedded->manager, address, bytes("x", 1), NO_OPTIONS, PLAINLY, &sent, NULL, &error));
        assert_error(&error, "TimedOut");
        reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        g_assert_cmpint(reader, >=, 0);
        g_assert_true(ipcbus_manager_call_send_sync(
                embedded->manager, address, bytes("x\0y", 3), NO_OPTIONS, PLAINLY, &sent, NULL, &error));
        g_assert_cmpuint(sent, ==, 3);
        g_assert_cmpint(read(reader, buffer, sizeof(buffer)), ==, 3);
        g_assert_cmpmem(buffer, 3, "x\0y", 3);
        close(reader);
        g_assert_true(ipcbus_manager_call_remove_sync(embedded->manager, address, PLAINLY, NULL, &error));
}

/* Limits, waits and jobs are the connection's: they work without a sender's name. */
static void test_job(Embedded *embedded, gconstpointer data) {
        static const char *const kinds[] = { "pipe", NULL };
        g_autofree char *path = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(IpcbusJob) job = NULL;

        g_assert_true(
                ipcbus_manager_call_test_sync(embedded->manager, kinds, NO_OPTIONS, PLAINLY, &path, NULL, &error));
        job = ipcbus_job_proxy_new_sync(embedded->connection, G_DBUS_PROXY_FLAGS_NONE, NULL, path, NULL, &error);
        g_assert_no_error(error);
        WAIT_UNTIL(g_strcmp0(ipcbus_job_get_state(job), "running") != 0);
        g_assert_cmpstr(ipcbus_job_get_state(job), ==, "done");
}

static void read_until(int fd, GByteArray *into, bool (*enough)(const GByteArray *into)) {
        struct pollfd wait = { .fd = fd, .events = POLLIN };
        guint8 buffer[4096];

        while (!enough(into)) {
                ssize_t n;

                g_assert_cmpint(poll(&wait, 1, 10000), ==, 1);
                n = read(fd, buffer, sizeof(buffer));
                g_assert_cmpint(n, >, 0);
                g_byte_array_append(into, buffer, (guint)n);
        }
}

static bool has_line(const GByteArray *bytes) {
        return bytes->len >= 2 && memcmp(bytes->data + bytes->len - 2, "\r\n", 2) == 0;
}

static bool has_message(const GByteArray *bytes) {
        return bytes->len >= 16 && g_dbus_message_bytes_needed(bytes->data, bytes->len, NULL) <= (gssize)bytes->len;
}

/* The last word of the handshake and the first call, in one piece: the call is answered all the same. */
static void test_call_behind_handshake(void) {
        g_autofree char *directory = g_dir_make_tmp("ipcbus-test-XXXXXX", NULL);
        g_autofree char *state = g_build_filename(directory, "ipcbus", NULL);
        const char *hello = "AUTH ANONYMOUS 78\r\n";
        const char *argv[] = { g_getenv("IPCBUS_DAEMON"), "--fd", "3", NULL };
        g_auto(GStrv) environment = g_environ_setenv(g_get_environ(), "XDG_RUNTIME_DIR", directory, TRUE);
        g_autoptr(GDBusMessage)
                call = g_dbus_message_new_method_call(NULL, IPCBUS_PATH, IPCBUS_INTERFACE_MANAGER, "ListKinds");
        g_autoptr(GByteArray) seen = g_byte_array_new(), piece = g_byte_array_new();
        g_autofree guint8 *blob = NULL;
        int pair[2], target = 3;
        GPid service;
        gsize size;

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
        g_assert_true(g_spawn_async_with_pipes_and_fds(NULL, argv, (const char *const *)environment,
                G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, -1, -1, -1, &pair[1], &target, 1, &service, NULL, NULL, NULL,
                NULL));
        close(pair[1]);
        g_assert_cmpint(write(pair[0], "", 1), ==, 1);
        g_assert_cmpint(write(pair[0], hello, strlen(hello)), ==, (ssize_t)strlen(hello));
        read_until(pair[0], seen, has_line);
        g_assert_true(g_str_has_prefix((const char *)seen->data, "OK "));

        g_dbus_message_set_serial(call, 1);
        blob = g_dbus_message_to_blob(call, &size, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
        g_byte_array_append(piece, (const guint8 *)"BEGIN\r\n", 7);
        g_byte_array_append(piece, blob, (guint)size);
        g_assert_cmpint(write(pair[0], piece->data, piece->len), ==, (ssize_t)piece->len);
        g_byte_array_set_size(seen, 0);
        read_until(pair[0], seen, has_message);

        close(pair[0]);
        g_assert_cmpint(waitpid(service, NULL, 0), ==, service);
        g_assert_cmpint(g_rmdir(state), ==, 0);
        g_assert_cmpint(g_rmdir(directory), ==, 0);
}

static void test_foreign_socket(void) {
        g_autofree char *command = g_strdup_printf("%s --fd 0", g_getenv("IPCBUS_DAEMON"));
        g_autofree char *output = NULL, *errors = NULL;
        g_autoptr(GError) error = NULL;
        int status;

        g_spawn_command_line_sync(command, &output, &errors, &status, &error);
        g_assert_no_error(error);
        g_assert_false(g_spawn_check_wait_status(status, NULL));
        g_assert_nonnull(strstr(errors, "not one end of a UNIX socket pair"));
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add("/embedded/kinds", Embedded, NULL, set_up, test_kinds, tear_down);
        g_test_add("/embedded/file-size", Embedded, NULL, set_up, test_file_size, tear_down);
        g_test_add("/embedded/named", Embedded, NULL, set_up, test_named, tear_down);
        g_test_add("/embedded/refused", Embedded, NULL, set_up, test_refused, tear_down);
        g_test_add("/embedded/ends", Embedded, NULL, set_up, test_ends, tear_down);
        g_test_add("/embedded/job", Embedded, NULL, set_up, test_job, tear_down);
        g_test_add_func("/embedded/call-behind-handshake", test_call_behind_handshake);
        g_test_add_func("/embedded/foreign-socket", test_foreign_socket);
        return g_test_run();
}
