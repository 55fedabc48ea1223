/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What others made, on the bus: by its number, got at through the process that has it open, or by a descriptor. The
 * others are real processes. */
#include <errno.h>
#include <fcntl.h>
#include <gio/gunixfdlist.h>
#include <mqueue.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

/* A process that has these open and nothing else to do. */
static pid_t holder_start(const int *fds, size_t n) {
        pid_t pid = fork();

        g_assert_cmpint(pid, >=, 0);
        if (pid > 0)
                return pid;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (int fd = 3; fd < 256; fd++) {
                bool keep = false;

                for (size_t i = 0; i < n; i++)
                        keep = keep || fds[i] == fd;
                if (!keep)
                        close(fd);
        }
        for (;;)
                pause();
}

static void holder_end(pid_t pid) {
        g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
}

static char *address_of(const char *kind, int fd) {
        struct stat st;

        g_assert_cmpint(fstat(fd, &st), ==, 0);
        return g_strdup_printf("%s:[%" G_GUINT64_FORMAT "]", kind, (guint64)st.st_ino);
}

static void send_text(Fixture *fixture, const char *address, const char *text) {
        g_autoptr(GError) error = NULL;
        guint64 sent = 0;

        ipcbus_manager_call_send_sync(
                fixture->manager, address, bytes(text, strlen(text)), NO_OPTIONS, PLAINLY, &sent, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(sent, ==, strlen(text));
}

static void assert_receives(Fixture *fixture, const char *address, const char *text) {
        g_autoptr(GVariant) data = NULL, meta = NULL;
        g_autoptr(GError) error = NULL;

        ipcbus_manager_call_receive_sync(fixture->manager, address, NO_OPTIONS, PLAINLY, &data, &meta, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpmem(g_variant_get_data(data), g_variant_get_size(data), text, strlen(text));
}

static char *adopt(Fixture *fixture, const char *address, GVariant *options, char **ret_path, const char *error_name) {
        GError *error = NULL;
        char *canonical = NULL;

        ipcbus_manager_call_adopt_sync(
                fixture->manager, address, options, PLAINLY, ret_path, &canonical, NULL, &error);
        if (error_name)
                assert_error(&error, error_name);
        else
                g_assert_no_error(error);
        return canonical;
}

static char *adopt_fd(Fixture *fixture, int fd, GVariant *options, const char *error_name, const char *says) {
        g_autoptr(GUnixFDList) list = g_unix_fd_list_new();
        g_autofree char *path = NULL;
        GError *error = NULL;
        char *address = NULL;

        g_assert_cmpint(g_unix_fd_list_append(list, fd, &error), ==, 0);
        ipcbus_manager_call_adopt_fd_sync(fixture->manager, g_variant_new_handle(0), options, PLAINLY, list, &path,
                &address, NULL, NULL, &error);
        if (error_name) {
                g_assert_nonnull(error);
                if (!strstr(error->message, says))
                        g_error("\"%s\" says nothing of \"%s\"", error->message, says);
                assert_error(&error, error_name);
        } else
                g_assert_no_error(error);
        return address;
}

static void remove_it(Fixture *fixture, const char *address) {
        g_autoptr(GError) error = NULL;

        ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error);
        g_assert_no_error(error);
}

static int open_end(Fixture *fixture, const char *address, const char *end) {
        g_autoptr(GUnixFDList) list = NULL;
        g_autoptr(GVariant) handle = NULL;
        g_autoptr(GError) error = NULL;
        int fd;

        ipcbus_manager_call_open_end_sync(
                fixture->manager, address, end, NO_OPTIONS, PLAINLY, NULL, &handle, &list, NULL, &error);
        g_assert_no_error(error);
        fd = g_unix_fd_list_get(list, g_variant_get_handle(handle), &error);
        g_assert_no_error(error);
        return fd;
}

/* One use of a pipe that only others have: nothing is kept, so its ends stay what they are. */
static void test_pipe_once(Fixture *fixture, gconstpointer data) {
        g_autoptr(GVariant) attributes = NULL, received = NULL, meta = NULL;
        g_autofree char *address = NULL;
        int ends[2], fd;
        GError *error = NULL;
        guint64 queued;
        pid_t holder;
        char byte;

        g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
        address = address_of("pipe", ends[0]);
        holder = holder_start(ends, 2);
        send_text(fixture, address, "one");
        g_assert_true(
                ipcbus_manager_call_describe_sync(fixture->manager, address, PLAINLY, &attributes, NULL, &error));
        g_assert_true(g_variant_lookup(attributes, "queued", "t", &queued));
        g_assert_cmpuint(queued, ==, 3);
        g_assert_true(g_variant_lookup(attributes, "capacity", "t", &queued));
        assert_receives(fixture, address, "one");
        fd = open_end(fixture, address, "write");
        g_assert_cmpint(write(fd, "two", 3), ==, 3);
        close(fd);
        assert_receives(fixture, address, "two");
        g_assert_false(ipcbus_manager_call_receive_sync(fixture->manager, address,
                options("timeout", "t", (guint64)20000, NULL), PLAINLY, &received, &meta, NULL, &error));
        assert_error(&error, "TimedOut");
        g_assert_false(ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error));
        assert_error(&error, "NotSupported");
        holder_end(holder);

        close(ends[1]);
        g_assert_cmpint(read(ends[0], &byte, 1), ==, 0);
        g_assert_false(ipcbus_manager_call_receive_sync(
                fixture->manager, address, NO_OPTIONS, PLAINLY, &received, &meta, NULL, &error));
        assert_error(&error, "PeerGone");
        close(ends[0]);
}

/* Adopted, and held or not: with hold, bytes outlive all others. */
static void test_pipe_adopted(Fixture *fixture, gconstpointer data) {
        for (int hold = 0; hold < 2; hold++) {
                g_autofree char *address = NULL, *canonical = NULL, *again = NULL, *path = NULL, *same = NULL;
                int ends[2];
                char byte;

                g_assert_cmpint(pipe2(ends, O_CLOEXEC | O_NONBLOCK), ==, 0);
                address = address_of("pipe", ends[0]);
                canonical = adopt(fixture, address, options("hold", "b", hold, NULL), &path, NULL);
                g_assert_cmpstr(canonical, ==, address);
                again = adopt(fixture, address, NO_OPTIONS, &same, NULL);
                g_assert_cmpstr(path, ==, same);
                send_text(fixture, address, "bytes");
                assert_receives(fixture, address, "bytes");
                close(ends[1]);
                g_assert_cmpint(read(ends[0], &byte, 1), ==, hold ? -1 : 0);
                if (hold) {
                        close(ends[0]);
                        send_text(fixture, address, "kept");
                        assert_receives(fixture, address, "kept");
                } else
                        close(ends[0]);
                remove_it(fixture, address);
        }
}

/* A socket by the word for all of them becomes what it is. */
static void test_socket(Fixture *fixture, gconstpointer data) {
        static const struct {
                int domain, type;
                const char *kind;
        } cases[] = {
                { AF_UNIX, SOCK_STREAM, "unix-stream" },
                { AF_UNIX, SOCK_DGRAM, "unix-dgram" },
                { AF_UNIX, SOCK_SEQPACKET, "unix-seqpacket" },
                { AF_INET, SOCK_STREAM, "tcp" }, /* in no list of the kernel: neither bound nor connected */
                { AF_INET, SOCK_DGRAM, "udp" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                int fd = socket(cases[i].domain, cases[i].type | SOCK_CLOEXEC, 0);
                g_autofree char *address = address_of("socket", fd), *expected = address_of(cases[i].kind, fd);
                g_autoptr(GVariant) attributes = NULL;
                g_autoptr(GError) error = NULL;
                const char *canonical = NULL;

                ipcbus_manager_call_describe_sync(fixture->manager, address, PLAINLY, &attributes, NULL, &error);
                g_assert_no_error(error);
                g_assert_true(g_variant_lookup(attributes, "address", "&s", &canonical));
                g_assert_cmpstr(canonical, ==, expected);
                close(fd);
        }
}

/* Both ends of a pair in another process: used by number, and not changed in the least. */
static void test_socket_used(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = NULL, *canonical = NULL, *path = NULL, *expected = NULL;
        char text[16] = "";
        int pair[2];
        GError *error = NULL;
        guint64 sent;

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
        address = address_of("socket", pair[0]);
        expected = address_of("unix-stream", pair[0]);
        send_text(fixture, address, "to the far end");
        g_assert_cmpint(recv(pair[1], text, sizeof text - 1, 0), ==, 14);
        g_assert_cmpstr(text, ==, "to the far end");
        g_assert_false(ipcbus_manager_call_send_sync(fixture->manager, address, bytes("x", 1),
                options("no-such", "s", "option", NULL), PLAINLY, &sent, NULL, &error));
        assert_error(&error, "InvalidOption");
        canonical = adopt(fixture, address, NO_OPTIONS, &path, NULL);
        g_assert_cmpstr(canonical, ==, expected);
        g_assert_false(fcntl(pair[0], F_GETFL) & O_NONBLOCK);
        remove_it(fixture, canonical);
        close(pair[0]);
        close(pair[1]);
}

static void test_descriptors(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *address = NULL, *named = g_strdup_printf("fifo:%s", path),
                        *expected = NULL, *none = NULL;
        int ends[2], fd;

        /* Either end of a pipe, for writing and for reading. */
        g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
        expected = address_of("pipe", ends[0]);
        for (int i = 0; i < 2; i++) {
                address = adopt_fd(fixture, ends[i], NO_OPTIONS, NULL, NULL);
                g_assert_cmpstr(address, ==, expected);
                g_assert_false(fcntl(ends[i], F_GETFL) & O_NONBLOCK);
                send_text(fixture, address, "x");
                assert_receives(fixture, address, "x");
                remove_it(fixture, address);
                g_clear_pointer(&address, g_free);
        }
        none = adopt_fd(fixture, ends[0], options("no-such", "b", TRUE, NULL), "InvalidOption", "no-such");
        g_assert_null(none);
        close(ends[0]);
        close(ends[1]);

        /* What has a name becomes what has the name. */
        g_assert_cmpint(mkfifo(path, 0600), ==, 0);
        fd = open(path, O_RDWR | O_CLOEXEC);
        address = adopt_fd(fixture, fd, NO_OPTIONS, NULL, NULL);
        g_assert_cmpstr(address, ==, named);
        remove_it(fixture, address);
        g_assert_cmpint(access(path, F_OK), ==, -1);
        close(fd);
        g_assert_true(g_file_set_contents(path, "contents", -1, NULL));
        g_free(address);
        g_free(named);
        named = g_strdup_printf("mmap:%s", path);
        fd = open(path, O_RDWR | O_CLOEXEC);
        address = adopt_fd(fixture, fd, NO_OPTIONS, NULL, NULL);
        g_assert_cmpstr(address, ==, named);
        remove_it(fixture, address);
        close(fd);
}

/* A descriptor of a queue becomes the queue of that name, and says so where the name is gone. */
static void test_queue(Fixture *fixture, gconstpointer data) {
        g_autofree char *name = fixture_name(fixture), *expected = g_strconcat("mq-posix:", name, NULL);
        struct mq_attr attributes = { .mq_maxmsg = 1, .mq_msgsize = 16 };
        g_autofree char *address = NULL;
        mqd_t queue;

        queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attributes);
        g_assert_cmpint(queue, >=, 0);
        address = adopt_fd(fixture, queue, NO_OPTIONS, NULL, NULL);
        g_assert_cmpstr(address, ==, expected);
        send_text(fixture, address, "x");
        assert_receives(fixture, address, "x");
        remove_it(fixture, address);
        g_assert_null(adopt_fd(fixture, queue, NO_OPTIONS, "NotSupported", "none any more"));
        mq_close(queue);
}

static void test_refused(Fixture *fixture, gconstpointer data) {
        int epoll = epoll_create1(EPOLL_CLOEXEC), null = open("/dev/null", O_RDWR | O_CLOEXEC),
            directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), timer;

        g_assert_null(adopt_fd(fixture, epoll, NO_OPTIONS, "InvalidOption", "an epoll instance"));
        g_assert_null(adopt_fd(fixture, null, NO_OPTIONS, "InvalidOption", "/dev/null"));
        g_assert_null(adopt_fd(fixture, null, NO_OPTIONS, "InvalidOption", "pipe, fifo"));
        g_assert_null(adopt_fd(fixture, directory, NO_OPTIONS, "InvalidOption", "a directory"));
        timer = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
        g_assert_null(adopt_fd(fixture, timer, NO_OPTIONS, "InvalidOption", "a netlink socket"));
        close(timer);
        close(epoll);
        close(null);
        close(directory);
}

/* Whoever may look into the service could give it its own connection, and with one Send end it. */
static void test_own_connection(Fixture *fixture, gconstpointer data) {
        g_auto(GStrv) kinds = NULL;
        int pidfd, sockets = 0;

        /* Starts it. */
        g_assert_true(ipcbus_manager_call_list_kinds_sync(fixture->manager, PLAINLY, &kinds, NULL, NULL));
        pidfd = (int)syscall(SYS_pidfd_open, fixture_service_pid(fixture), 0);
        g_assert_cmpint(pidfd, >=, 0);
        for (int n = 3; n < 64; n++) {
                int fd = (int)syscall(SYS_pidfd_getfd, pidfd, n, 0);
                struct stat st;

                if (fd >= 0 && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode)) {
                        g_assert_null(adopt_fd(fixture, fd, NO_OPTIONS, "NotSupported", "own connection"));
                        sockets++;
                }
                if (fd >= 0)
                        close(fd);
        }
        close(pidfd);
        g_assert_cmpint(sockets, >=, 1);
}

/* A handle without a descriptor, and none such. */
static void test_bad_handle(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = NULL, *address = NULL;
        GError *error = NULL;
        int ends[2];

        g_assert_false(ipcbus_manager_call_adopt_fd_sync(fixture->manager, g_variant_new_handle(3), NO_OPTIONS,
                PLAINLY, NULL, &path, &address, NULL, NULL, &error));
        g_assert_nonnull(error);
        g_clear_error(&error);
        g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
        address = adopt_fd(fixture, ends[0], NO_OPTIONS, NULL, NULL);
        remove_it(fixture, address);
        close(ends[0]);
        close(ends[1]);
}

static void on_nothing(GObject *manager, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GVariant) data = NULL, meta = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_false(ipcbus_manager_call_receive_finish(IPCBUS_MANAGER(manager), &data, &meta, result, &error));
        *(bool *)userdata = true;
}

/* Who leaves while it is looked for, or waited for then, leaves nothing: no worker, no end held. */
static void test_caller_leaves(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = NULL;
        int ends[2];
        char byte;

        g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
        address = address_of("pipe", ends[0]);
        send_text(fixture, address, "first"); /* the service runs then */
        assert_receives(fixture, address, "first");
        for (unsigned i = 0; i < 20; i++) {
                GDBusConnection *other = fixture_connect(fixture);
                g_autoptr(IpcbusManager) manager = fixture_manager(other);
                bool answered = false;

                ipcbus_manager_call_receive(manager, address, options("timeout", "t", (guint64)60000000, NULL),
                        PLAINLY, NULL, on_nothing, &answered);
                g_assert_true(g_dbus_connection_flush_sync(other, NULL, NULL));
                g_usleep(i * 2000);
                fixture_disconnect(other);
                WAIT_UNTIL(answered);
        }
        WAIT_UNTIL(fixture_processes(fixture) == 1);
        send_text(fixture, address, "stays");
        close(ends[1]);
        for (int i = 0; i < 5; i++)
                g_assert_cmpint(read(ends[0], &byte, 1), ==, 1);
        g_assert_cmpint(read(ends[0], &byte, 1), ==, 0);
        close(ends[0]);
}

/* Two programs that never meet otherwise: each gets its end from the service. */
static void test_two_programs(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = fixture_create(fixture, "pipe", options("hold", "b", FALSE, NULL), NULL);
        const char *writer_argv[] = { "/bin/sh", "-c", "printf 'from one to the other'", NULL };
        const char *reader_argv[] = { "/bin/cat", NULL };
        g_autoptr(GIOChannel) channel = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;
        int reading, writing, output, status;
        GPid reader, writer;

        writing = open_end(fixture, address, "write");
        reading = open_end(fixture, address, "read");
        g_spawn_async_with_pipes_and_fds(NULL, reader_argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, reading, -1,
                -1, NULL, NULL, 0, &reader, NULL, &output, NULL, &error);
        g_assert_no_error(error);
        g_spawn_async_with_pipes_and_fds(NULL, writer_argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, -1, writing,
                -1, NULL, NULL, 0, &writer, NULL, NULL, NULL, &error);
        g_assert_no_error(error);
        close(writing);
        close(reading);
        channel = g_io_channel_unix_new(output);
        g_io_channel_set_close_on_unref(channel, TRUE);
        g_assert_cmpint(g_io_channel_read_to_end(channel, &text, NULL, NULL), ==, G_IO_STATUS_NORMAL);
        g_assert_cmpstr(text, ==, "from one to the other");
        g_assert_cmpint(waitpid(writer, &status, 0), ==, writer);
        g_assert_cmpint(waitpid(reader, &status, 0), ==, reader);
        remove_it(fixture, address);
}

/* 16 MiB through one operation in a worker, both ways: the kind leaves reading and writing files to one. */
static void test_sixteen(Fixture *fixture, gconstpointer data) {
        enum { SIZE = 16 * 1024 * 1024 };
        g_autofree char *path = fixture_path(fixture), *address = NULL;
        g_autofree guint32 *numbers = g_new(guint32, SIZE / sizeof(guint32));
        g_autoptr(GVariant) received = NULL, meta = NULL;
        GError *error = NULL;
        guint64 sent = 0;

        for (guint32 i = 0; i < SIZE / sizeof(guint32); i++)
                numbers[i] = i * 2654435761u;
        address = fixture_create(fixture, "mmap", options("path", "s", path, "size", "t", (guint64)SIZE, NULL), NULL);
        ipcbus_manager_call_send_sync(
                fixture->manager, address, bytes(numbers, SIZE), NO_OPTIONS, PLAINLY, &sent, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(sent, ==, SIZE);
        ipcbus_manager_call_receive_sync(fixture->manager, address, options("size", "t", (guint64)SIZE, NULL), PLAINLY,
                &received, &meta, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpmem(g_variant_get_data(received), g_variant_get_size(received), numbers, SIZE);
        g_assert_false(ipcbus_manager_call_receive_sync(fixture->manager, address,
                options("size", "t", (guint64)SIZE + 1, NULL), PLAINLY, &received, &meta, NULL, &error));
        assert_error(&error, "LimitExceeded");
        remove_it(fixture, address);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/bus/adopt/pipe-once", NULL, test_pipe_once);
        FIXTURE_TEST("/bus/adopt/pipe-adopted", NULL, test_pipe_adopted);
        FIXTURE_TEST("/bus/adopt/socket", NULL, test_socket);
        FIXTURE_TEST("/bus/adopt/socket-used", NULL, test_socket_used);
        FIXTURE_TEST("/bus/adopt/descriptors", NULL, test_descriptors);
        FIXTURE_TEST("/bus/adopt/queue", NULL, test_queue);
        FIXTURE_TEST("/bus/adopt/refused", NULL, test_refused);
        FIXTURE_TEST("/bus/adopt/own-connection", NULL, test_own_connection);
        FIXTURE_TEST("/bus/adopt/bad-handle", NULL, test_bad_handle);
        FIXTURE_TEST("/bus/adopt/caller-leaves", NULL, test_caller_leaves);
        FIXTURE_TEST("/bus/adopt/two-programs", NULL, test_two_programs);
        FIXTURE_TEST("/bus/adopt/sixteen-mebibytes", NULL, test_sixteen);
        return g_test_run();
}
