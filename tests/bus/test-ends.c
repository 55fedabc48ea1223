/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ends that are held, handed out and given away: when nobody is left, end of file and EPIPE are real. Descriptors are
 * used from other processes than the one that asked for them. */
#include <errno.h>
#include <fcntl.h>
#include <gio/gunixfdlist.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

static int open_end(Fixture *fixture, const char *address, const char *end, bool take, GError **ret_error) {
        g_autoptr(GUnixFDList) list = NULL;
        g_autoptr(GVariant) handle = NULL;
        GError *error = NULL;
        int fd;

        if (!ipcbus_manager_call_open_end_sync(fixture->manager, address, end, options("take", "b", take, NULL),
                    PLAINLY, NULL, &handle, &list, NULL, &error)) {
                g_assert_nonnull(ret_error);
                *ret_error = error;
                return -1;
        }
        fd = g_unix_fd_list_get(list, g_variant_get_handle(handle), &error);
        g_assert_no_error(error);
        g_assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        return fd;
}

static void remove_it(Fixture *fixture, const char *address) {
        g_autoptr(GError) error = NULL;

        ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error);
        g_assert_no_error(error);
}

/* Runs in a process of its own, which gets the descriptor as its standard input or output. */
static char *run_with(int fd, int target, const char *command) {
        const char *argv[] = { "/bin/sh", "-c", command, NULL };
        g_autoptr(GError) error = NULL;
        g_autoptr(GIOChannel) channel = NULL;
        int output = -1, status;
        char *text = NULL;
        GPid pid;

        g_spawn_async_with_pipes_and_fds(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                target == 0 ? fd : -1, target == 1 ? fd : -1, -1, NULL, NULL, 0, &pid, NULL,
                target == 1 ? NULL : &output, NULL, &error);
        g_assert_no_error(error);
        if (output >= 0) {
                channel = g_io_channel_unix_new(output);
                g_io_channel_set_close_on_unref(channel, TRUE);
                g_io_channel_read_to_end(channel, &text, NULL, NULL);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
        return text;
}

/* A pipe between two programs that know nothing of each other, and its end when the writer is done. */
static void test_pipe_taken(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = fixture_create(fixture, "pipe", NO_OPTIONS, NULL);
        g_autofree char *seen = NULL;
        int reading, writing;
        GError *error = NULL;

        reading = open_end(fixture, address, "read", true, NULL);
        writing = open_end(fixture, address, "write", true, NULL);
        g_assert_null(run_with(writing, 1, "printf 'one\\ntwo\\n'"));
        close(writing);
        /* cat ends: the service has no copy of the writing end any more. */
        seen = run_with(reading, 0, "cat; echo end");
        g_assert_cmpstr(seen, ==, "one\ntwo\nend\n");
        close(reading);

        g_assert_cmpint(open_end(fixture, address, "read", false, &error), <, 0);
        assert_error(&error, "PeerGone");
        remove_it(fixture, address);
}

/* While the service holds the ends, nobody sees an end that is none, and what was sent stays. */
static void test_pipe_held(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = fixture_create(fixture, "pipe", NO_OPTIONS, NULL);
        g_autoptr(GVariant) received = NULL, meta = NULL;
        GError *error = NULL;
        int writing;

        writing = open_end(fixture, address, "write", false, NULL);
        g_assert_cmpint(write(writing, "kept", 4), ==, 4);
        close(writing);
        g_assert_true(ipcbus_manager_call_receive_sync(
                fixture->manager, address, NO_OPTIONS, PLAINLY, &received, &meta, NULL, &error));
        g_assert_cmpmem(g_variant_get_data(received), g_variant_get_size(received), "kept", 4);
        g_clear_pointer(&received, g_variant_unref);
        g_clear_pointer(&meta, g_variant_unref);
        g_assert_false(ipcbus_manager_call_receive_sync(
                fixture->manager, address, NO_OPTIONS, PLAINLY, &received, &meta, NULL, &error));
        assert_error(&error, "TimedOut");
        remove_it(fixture, address);
}

/* The reading end given away and closed: the service's own write gets EPIPE, and a signal tells that the side is gone.
 */
static void test_broken(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = fixture_create(fixture, "pipe", NO_OPTIONS, NULL);
        GError *error = NULL;
        guint64 sent;
        int reading;

        reading = open_end(fixture, address, "read", true, NULL);
        g_assert_true(ipcbus_manager_call_send_sync(
                fixture->manager, address, bytes("x", 1), NO_OPTIONS, PLAINLY, &sent, NULL, &error));
        close(reading);
        WAIT_UNTIL(fixture_saw(fixture, "PeerClosed("));
        g_assert_false(ipcbus_manager_call_send_sync(
                fixture->manager, address, bytes("x", 1), NO_OPTIONS, PLAINLY, &sent, NULL, &error));
        assert_error(&error, "PeerGone");
        remove_it(fixture, address);
}

/* The writer is killed while we wait for it: that is the end of the stream, not a hang. */
static void test_sender_killed(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = fixture_create(fixture, "pipe", NO_OPTIONS, NULL);
        const char *argv[] = { "/bin/sleep", "1000", NULL };
        g_autoptr(GVariant) received = NULL, meta = NULL;
        GError *error = NULL;
        int writing;
        GPid pid;

        writing = open_end(fixture, address, "write", true, NULL);
        g_spawn_async_with_pipes_and_fds(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, -1, writing, -1,
                NULL, NULL, 0, &pid, NULL, NULL, NULL, &error);
        g_assert_no_error(error);
        close(writing);
        g_assert_false(ipcbus_manager_call_receive_sync(fixture->manager, address,
                options("timeout", "t", (guint64)50000, NULL), PLAINLY, &received, &meta, NULL, &error));
        assert_error(&error, "TimedOut");
        g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
        g_assert_false(ipcbus_manager_call_receive_sync(fixture->manager, address,
                options("timeout", "t", G_MAXUINT64, NULL), PLAINLY, &received, &meta, NULL, &error));
        assert_error(&error, "PeerGone");
        remove_it(fixture, address);
}

static void on_received(GObject *source, GAsyncResult *result, gpointer userdata) {
        GError **error = userdata;

        g_assert_false(ipcbus_manager_call_receive_finish(IPCBUS_MANAGER(source), NULL, NULL, result, error));
}

/* An end is given away while a call waits on it: the call ends, and its end closes with the last who has it. */
static void test_taken_while_waiting(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = fixture_create(fixture, "pipe", NO_OPTIONS, NULL);
        GError *error = NULL;
        int reading, writing;

        ipcbus_manager_call_receive(fixture->manager, address, options("timeout", "t", G_MAXUINT64, NULL), PLAINLY,
                NULL, on_received, &error);
        fixture_settle(fixture);
        reading = open_end(fixture, address, "read", true, NULL);
        WAIT_UNTIL(error != NULL);
        assert_error(&error, "NotSupported");
        writing = open_end(fixture, address, "write", true, NULL);
        close(reading);
        signal(SIGPIPE, SIG_IGN);
        g_assert_cmpint(write(writing, "x", 1), <, 0);
        g_assert_cmpint(errno, ==, EPIPE);
        close(writing);
        remove_it(fixture, address);
}

static void test_fifo_not_held(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *address = NULL;
        char buffer[8];
        int reading, writing;

        address = fixture_create(fixture, "fifo", options("path", "s", path, "hold", "b", FALSE, NULL), NULL);
        reading = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        g_assert_cmpint(read(reading, buffer, sizeof(buffer)), ==, 0); /* nobody writes: its end */
        writing = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        g_assert_cmpint(write(writing, "abc", 3), ==, 3);
        close(writing);
        g_assert_cmpint(read(reading, buffer, sizeof(buffer)), ==, 3);
        g_assert_cmpint(read(reading, buffer, sizeof(buffer)), ==, 0);
        close(reading);
        g_assert_cmpint(open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC), <, 0);
        g_assert_cmpint(errno, ==, ENXIO);
        remove_it(fixture, address);
}

static void test_memory(Fixture *fixture, gconstpointer data) {
        g_autofree char *name = fixture_name(fixture), *address = NULL, *path = NULL;
        g_autoptr(IpcbusMemory) memory = NULL;
        g_autoptr(GVariant) read_back = NULL;
        GError *error = NULL;
        char *mapped;
        int fd;

        address = fixture_create(
                fixture, "shm-posix", options("name", "s", name, "size", "t", (guint64)4096, NULL), &path);
        fd = open_end(fixture, address, "", false, NULL);
        mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        g_assert_true(mapped != MAP_FAILED);
        memcpy(mapped + 100, "shared", 6);
        memory = ipcbus_memory_proxy_new_sync(
                fixture->connection, G_DBUS_PROXY_FLAGS_NONE, IPCBUS_BUS_NAME, path, NULL, &error);
        g_assert_true(ipcbus_memory_call_read_sync(memory, 100, 6, PLAINLY, &read_back, NULL, &error));
        g_assert_cmpmem(g_variant_get_data(read_back), g_variant_get_size(read_back), "shared", 6);
        g_assert_true(ipcbus_memory_call_write_sync(memory, 4090, bytes("abcdef", 6), PLAINLY, NULL, &error));
        g_assert_cmpmem(mapped + 4090, 6, "abcdef", 6);
        g_assert_false(ipcbus_memory_call_write_sync(memory, 4091, bytes("abcdef", 6), PLAINLY, NULL, &error));
        assert_error(&error, "InvalidOption");

        /* Truncated under the service's eyes: that is an answer, not its death. */
        g_assert_cmpint(ftruncate(fd, 0), ==, 0);
        g_clear_pointer(&read_back, g_variant_unref);
        g_assert_false(ipcbus_memory_call_read_sync(memory, 100, 6, PLAINLY, &read_back, NULL, &error));
        assert_error(&error, "InvalidOption");
        munmap(mapped, 4096);
        close(fd);
        remove_it(fixture, address);
}

static int connect_to(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
        g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
        return fd;
}

/* What connects to a listener of ours is announced, can be read from, and its leaving is told. */
static void test_stream(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *address = NULL;
        g_autoptr(GVariant) received = NULL, meta = NULL;
        GError *error = NULL;
        int fd;

        address = fixture_create(fixture, "unix-stream", options("path", "s", path, NULL), NULL);
        fd = connect_to(path);
        WAIT_UNTIL(fixture_saw(fixture, "PeerConnected("));
        g_assert_cmpint(send(fd, "hello", 5, MSG_NOSIGNAL), ==, 5);
        g_assert_true(ipcbus_manager_call_receive_sync(fixture->manager, address,
                options("timeout", "t", G_MAXUINT64, NULL), PLAINLY, &received, &meta, NULL, &error));
        g_assert_cmpmem(g_variant_get_data(received), g_variant_get_size(received), "hello", 5);
        close(fd);
        WAIT_UNTIL(fixture_saw(fixture, "PeerClosed("));
        remove_it(fixture, address);
}

static void test_accept(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *address = NULL, *object = NULL;
        g_autoptr(GVariant) handle = NULL, peer = NULL;
        g_autoptr(GUnixFDList) list = NULL;
        g_autoptr(IpcbusStream) stream = NULL;
        int ours, theirs;
        GError *error = NULL;
        char buffer[8];
        guint64 pid;

        address = fixture_create(fixture, "unix-stream", options("path", "s", path, NULL), &object);
        stream = ipcbus_stream_proxy_new_sync(
                fixture->connection, G_DBUS_PROXY_FLAGS_NONE, IPCBUS_BUS_NAME, object, NULL, &error);
        g_assert_false(
                ipcbus_stream_call_accept_sync(stream, 1000, PLAINLY, NULL, &handle, &peer, &list, NULL, &error));
        assert_error(&error, "TimedOut");
        theirs = connect_to(path);
        g_assert_true(ipcbus_stream_call_accept_sync(
                stream, G_MAXUINT64, PLAINLY, NULL, &handle, &peer, &list, NULL, &error));
        ours = g_unix_fd_list_get(list, g_variant_get_handle(handle), NULL);
        g_clear_object(&list); /* it has a copy of its own */
        g_assert_true(g_variant_lookup(peer, "pid", "t", &pid));
        g_assert_cmpuint(pid, ==, (guint64)getpid());
        g_assert_cmpint(send(theirs, "abc", 3, MSG_NOSIGNAL), ==, 3);
        g_assert_cmpint(read(ours, buffer, sizeof(buffer)), ==, 3);
        /* The connection is ours alone: closing it is its end. */
        close(ours);
        g_assert_cmpint(read(theirs, buffer, sizeof(buffer)), ==, 0);
        close(theirs);
        remove_it(fixture, address);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/ends/pipe-taken", NULL, test_pipe_taken);
        FIXTURE_TEST("/ends/pipe-held", NULL, test_pipe_held);
        FIXTURE_TEST("/ends/broken", NULL, test_broken);
        FIXTURE_TEST("/ends/sender-killed", NULL, test_sender_killed);
        FIXTURE_TEST("/ends/taken-while-waiting", NULL, test_taken_while_waiting);
        FIXTURE_TEST("/ends/fifo-not-held", NULL, test_fifo_not_held);
        FIXTURE_TEST("/ends/memory", NULL, test_memory);
        FIXTURE_TEST("/ends/stream", NULL, test_stream);
        FIXTURE_TEST("/ends/accept", NULL, test_accept);
        return g_test_run();
}
