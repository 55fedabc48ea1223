/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unnamed pipes as a kind: options, both ends, end of file and EPIPE once an end was given away. */
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "path-fixture.h"

enum { READING, WRITING };

static void test_create(void) {
        unsigned before = fixture_descriptors();
        g_autofree char *address = NULL, *expected = NULL;
        KernelObject object;
        struct stat st;

        fixture_create(&object, "pipe", NULL);
        g_assert_cmpint(fstat(object.fds[READING], &st), ==, 0);
        address = address_print(&object.address);
        expected = g_strdup_printf("pipe:[%lu]", (unsigned long)st.st_ino);
        g_assert_cmpstr(address, ==, expected);
        g_assert_cmpuint(object.bytes, ==, (guint64)fcntl(object.fds[READING], F_GETPIPE_SZ));
        g_assert_cmpuint(object.mode, ==, 0600);
        g_assert_true(object.hold);
        g_assert_true(object.unnamed);
        for (int i = READING; i <= WRITING; i++) {
                g_assert_cmpint(fcntl(object.fds[i], F_GETFD), ==, FD_CLOEXEC);
                g_assert_true(fcntl(object.fds[i], F_GETFL) & O_NONBLOCK);
        }
        g_assert_cmpint(kernel_object_verify(&object, NULL), ==, 0);
        g_assert_cmpint(object.mechanism->remove(&object, NULL), ==, 0);
        kernel_object_done(&object);
        g_assert_cmpuint(fixture_descriptors(), ==, before);
}

static void test_options(void) {
        unsigned before = fixture_descriptors();
        KernelObject object;
        Error error;

        fixture_create(&object, "pipe", "capacity=5000", NULL);
        g_assert_cmpuint(object.bytes, ==, 8192);
        kernel_object_done(&object);

        error = (Error){};
        g_assert_cmpint(fixture_try_create(&object, &error, "pipe", "capacity=0", NULL), ==, -EINVAL);
        g_assert_cmpint(error.code, ==, ERROR_INVALID_OPTION);
        error = (Error){};
        g_assert_cmpint(
                fixture_try_create(&object, &error, "pipe", "capacity=9223372036854775808", NULL), ==, -EINVAL);
        error = (Error){};
        g_assert_cmpint(fixture_try_create(&object, &error, "pipe", "path=/tmp/x", NULL), ==, -EINVAL);
        g_assert_nonnull(strstr(error.message, "path"));
        error = (Error){};
        g_assert_cmpint(fixture_try_create(&object, &error, "pipe", "hold=perhaps", NULL), ==, -EINVAL);
        g_assert_cmpuint(fixture_descriptors(), ==, before);
}

/* More than pipe-max-size is refused with the name of the limit, to whoever may not exceed it. */
static void test_capacity_limit(void) {
        pid_t pid;
        int status;

        if (geteuid() != 0) {
                KernelObject object;
                Error error = {};

                g_assert_cmpint(fixture_try_create(&object, &error, "pipe", "capacity=1G", NULL), ==, -EDQUOT);
                g_assert_cmpint(error.code, ==, ERROR_LIMIT_EXCEEDED);
                g_assert_nonnull(strstr(error.message, "pipe-max-size"));
                return;
        }
        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                KernelObject object;
                Error error = {};

                if (setresuid(65534, 65534, 65534) < 0)
                        _exit(2);
                _exit(fixture_try_create(&object, &error, "pipe", "capacity=1G", NULL) != -EDQUOT ||
                        error.code != ERROR_LIMIT_EXCEEDED || !strstr(error.message, "pipe-max-size"));
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
}

static void test_send_receive(void) {
        g_autofree char *peeked = NULL, *part = NULL;
        KernelObject object;
        Error error = {};

        fixture_create(&object, "pipe", NULL);
        g_assert_cmpint(fixture_receive(&object, false, 0, &part, NULL, &error), ==, -EAGAIN);
        g_assert_false(error_is_set(&error));
        g_assert_cmpint(fixture_receive(&object, true, 0, &part, NULL, &error), ==, -EAGAIN);
        g_assert_cmpint(fixture_wait(&object, OPERATION_RECEIVE, 0), ==, -ETIMEDOUT);
        g_assert_cmpint(fixture_wait(&object, OPERATION_SEND, 0), ==, 0);

        g_assert_cmpint(fixture_send(&object, "", &error), ==, 0);
        g_assert_cmpint(fixture_receive(&object, false, 0, &part, NULL, &error), ==, -EAGAIN);
        g_assert_cmpint(fixture_send(&object, "one", &error), ==, 0);
        g_assert_cmpint(fixture_send(&object, "two", &error), ==, 0);
        g_assert_cmpint(fixture_wait(&object, OPERATION_RECEIVE, 0), ==, 0);
        g_assert_cmpint(fixture_receive(&object, true, 0, &peeked, NULL, &error), ==, 0);
        g_assert_cmpstr(peeked, ==, "onetwo");
        g_assert_cmpint(fixture_receive(&object, false, 4, &part, NULL, &error), ==, 0);
        g_assert_cmpstr(part, ==, "onet");
        fixture_assert_receives(&object, "wo");
        kernel_object_done(&object);
}

/* Peeking shows all of a pipe that many small writes filled, and takes none of it. */
static void test_peek_many(void) {
        g_autofree char *peeked = NULL;
        KernelObject object;
        Error error = {};

        fixture_create(&object, "pipe", "packet=true", "capacity=256K", NULL);
        for (int i = 0; i < 40; i++)
                g_assert_cmpint(fixture_send(&object, i % 2 ? "odd" : "even", &error), ==, 0);
        g_assert_cmpint(fixture_receive(&object, true, 0, &peeked, NULL, &error), ==, 0);
        g_assert_cmpstr(peeked, ==, "even");
        for (int i = 0; i < 40; i++)
                fixture_assert_receives(&object, i % 2 ? "odd" : "even");
        kernel_object_done(&object);

        fixture_create(&object, "pipe", "capacity=1M", NULL);
        for (int i = 0; i < 100; i++) {
                g_autofree char *block = g_strnfill(4096, 'x');
                g_assert_cmpint(fixture_send(&object, block, &error), ==, 0);
        }
        g_clear_pointer(&peeked, g_free);
        g_assert_cmpint(fixture_receive(&object, true, 1 << 20, &peeked, NULL, &error), ==, 0);
        g_assert_cmpuint(strlen(peeked), ==, 100 * 4096);
        kernel_object_done(&object);
}

static void test_full(void) {
        g_autofree char *much = g_strnfill(100 * 1024, 'a');
        g_autofree char *text = NULL;
        KernelObject object;
        Error error = {};
        size_t sent = 0;

        fixture_create(&object, "pipe", "capacity=64K", NULL);
        g_assert_cmpint(object.mechanism->send(&object, much, strlen(much), NULL, &sent, &error), ==, 0);
        g_assert_cmpuint(sent, ==, 64 * 1024);
        g_assert_cmpint(object.mechanism->send(&object, much, 1, NULL, &sent, &error), ==, -EAGAIN);
        g_assert_cmpint(fixture_wait(&object, OPERATION_SEND, 0), ==, -ETIMEDOUT);
        g_assert_cmpint(fixture_receive(&object, false, PIPE_BUF, &text, NULL, &error), ==, 0);
        g_assert_cmpint(fixture_wait(&object, OPERATION_SEND, 0), ==, 0);
        kernel_object_done(&object);
}

static void test_ends(void) {
        unsigned before = fixture_descriptors();
        KernelObject object;
        Error error = {};
        char buffer[8];
        int fd = -1;

        fixture_create(&object, "pipe", NULL);
        g_assert_cmpint(object.mechanism->open_end(&object, "left", false, &fd, &error), ==, -EINVAL);
        g_assert_nonnull(strstr(error.message, "left"));

        /* An end that was handed out blocks, while the service's own does not. */
        g_assert_cmpint(object.mechanism->open_end(&object, "", false, &fd, &error), ==, 0);
        g_assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
        g_assert_cmpint(fcntl(fd, F_GETFL) & O_ACCMODE, ==, O_RDONLY);
        g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
        g_assert_true(fcntl(object.fds[READING], F_GETFL) & O_NONBLOCK);
        error = (Error){};
        g_assert_cmpint(fixture_send(&object, "hello", &error), ==, 0);
        g_assert_cmpint(read(fd, buffer, sizeof buffer), ==, 5);
        close(fd);

        g_assert_cmpint(object.mechanism->open_end(&object, "write", false, &fd, &error), ==, 0);
        g_assert_cmpint(fcntl(fd, F_GETFL) & O_ACCMODE, ==, O_WRONLY);
        g_assert_cmpint(write(fd, "back", 4), ==, 4);
        close(fd);
        fixture_assert_receives(&object, "back");
        kernel_object_done(&object);
        g_assert_cmpuint(fixture_descriptors(), ==, before);
}

/* With the writing end given away, its closing is a real end of the stream; with the reading end, a real EPIPE. */
static void test_take_write(void) {
        unsigned before = fixture_descriptors();
        g_autofree char *text = NULL;
        FixtureSink sink;
        KernelObject object;
        Error error = {};
        int fd = -1;

        fixture_sink_init(&sink);
        fixture_create(&object, "pipe", NULL);
        g_assert_false(fixture_watch(&object, &sink, 0));
        g_assert_cmpint(object.mechanism->open_end(&object, "write", true, &fd, &error), ==, 0);
        g_assert_cmpint(object.fds[WRITING], <, 0);
        g_assert_cmpint(fixture_send(&object, "x", &error), ==, -EOPNOTSUPP);
        error = (Error){};
        g_assert_cmpint(object.mechanism->open_end(&object, "write", false, &fd, &error), ==, -EPIPE);
        error = (Error){};

        g_assert_false(fixture_watch(&object, &sink, 0));
        g_assert_cmpint(write(fd, "last", 4), ==, 4);
        g_assert_false(fixture_watch(&object, &sink, 0));
        close(fd);
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpuint(sink.counts[EVENT_PEER_CLOSED], ==, 1);
        g_assert_cmpstr(record_get_string(sink.last, "end", ""), ==, "write");
        fixture_assert_receives(&object, "last");
        g_assert_cmpint(fixture_receive(&object, true, 0, &text, NULL, &error), ==, -EPIPE);
        error = (Error){};
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, NULL, &error), ==, -EPIPE);
        g_assert_cmpint(error.code, ==, ERROR_PEER_GONE);
        kernel_object_done(&object);
        fixture_sink_done(&sink);
        g_assert_cmpuint(fixture_descriptors(), ==, before);
}

static void test_take_read(void) {
        FixtureSink sink;
        KernelObject object;
        Error error = {};
        int fd = -1;

        fixture_sink_init(&sink);
        fixture_create(&object, "pipe", "hold=false", NULL);
        g_assert_cmpint(object.mechanism->open_end(&object, "read", false, &fd, &error), ==, 0);
        g_assert_cmpint(object.fds[READING], <, 0);
        g_assert_cmpint(fixture_send(&object, "x", &error), ==, 0);
        close(fd);
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpstr(record_get_string(sink.last, "end", ""), ==, "read");
        g_assert_cmpint(fixture_send(&object, "x", &error), ==, -EPIPE);
        g_assert_cmpint(error.code, ==, ERROR_PEER_GONE);
        kernel_object_done(&object);
        fixture_sink_done(&sink);
}

static void test_packets(void) {
        g_autofree char *text = NULL;
        KernelObject object;
        Error error = {};
        int fd = -1;

        fixture_create(&object, "pipe", "packet=true", NULL);
        g_assert_cmpint(object.mechanism->open_end(&object, "write", false, &fd, &error), ==, 0);
        g_assert_true(fcntl(fd, F_GETFL) & O_DIRECT);
        g_assert_cmpint(write(fd, "one", 3), ==, 3);
        g_assert_cmpint(fixture_send(&object, "second", &error), ==, 0);
        fixture_assert_receives(&object, "one");
        g_assert_cmpint(fixture_receive(&object, false, 3, &text, NULL, &error), ==, 0);
        g_assert_cmpstr(text, ==, "sec");
        g_clear_pointer(&text, g_free);
        /* What did not fit is gone with its packet, pipe(2). */
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, NULL, &error), ==, -EAGAIN);
        close(fd);
        kernel_object_done(&object);
}

static void test_describe(void) {
        CLEANUP(record_freep) Record *attributes = NULL;
        KernelObject object;
        HolderKey key;
        Error error = {};
        size_t n = 1;

        g_assert_cmpint(record_new(&attributes), ==, 0);
        fixture_create(&object, "pipe", "capacity=64K", NULL);
        g_assert_cmpint(fixture_send(&object, "12345", &error), ==, 0);
        g_assert_cmpint(object.mechanism->describe(&object, attributes, &error), ==, 0);
        g_assert_cmpuint(record_get_u64(attributes, "capacity", 0), ==, 65536);
        g_assert_cmpuint(record_get_u64(attributes, "queued", 0), ==, 5);
        g_assert_cmpint(object.mechanism->holder_keys(&object, &key, &n), ==, 0);
        g_assert_cmpint(key.type, ==, HOLDER_PIPE);
        g_assert_cmpuint(key.number, ==, object.address.number);
        kernel_object_done(&object);
}

/* The process that looks is left out, hence the child, which has one end. */
static void test_scan(void) {
        CLEANUP(record_freep) Record *row = NULL;
        g_autofree char *address = NULL;
        KernelObject object;
        const Value *holders;
        Error error = {};
        pid_t pid;

        fixture_create(&object, "pipe", NULL);
        address = address_print(&object.address);
        g_assert_cmpint(fixture_send(&object, "12345", &error), ==, 0);
        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                close(object.fds[WRITING]);
                pause();
                _exit(0);
        }
        do {
                record_free(row);
                row = fixture_scan("pipe", address);
                g_assert_nonnull(row);
                holders = record_get(row, "holders");
        } while (holders->records.n != 1);
        g_assert_cmpuint(record_get_u64(row, "used", 0), ==, 5);
        g_assert_cmpuint(record_get_u64(row, "size", 0), ==, object.bytes);
        g_assert_cmpuint(record_get_u64(holders->records.items[0], "pid", 0), ==, (guint64)pid);
        g_assert_cmpstr(record_get_string(holders->records.items[0], "end", ""), ==, "read");
        if (record_get_bool(row, "holders_complete", false))
                g_assert_nonnull(strstr(record_get_string(row, "state", ""), "no writer"));
        g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
        kernel_object_done(&object);
}

static void adopt(KernelObject *object, int fd, const char *hold) {
        const Mechanism *mechanism = mechanism_find("pipe");
        Record *options = NULL;
        Error error = {};
        int copy;

        copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        g_assert_cmpint(copy, >=, 0);
        g_assert_cmpint(fixture_options(mechanism, OPTION_FOR_ADOPT, &options, &error, hold, NULL), ==, 0);
        kernel_object_init(object, mechanism);
        g_assert_cmpint(kernel_object_from_fd(object, &copy, options, &error), ==, 0);
        g_assert_cmpint(copy, ==, -EBADF);
        record_free(options);
}

/* A pipe of others, by either end: used through ends that are opened for the moment. */
static void test_adopted(void) {
        unsigned before = fixture_descriptors();
        KernelObject object;
        Error error = {};
        char byte;
        int ends[2], fd;

        for (int which = 0; which < 2; which++) {
                g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
                adopt(&object, ends[which], NULL);
                g_assert_true(object.unnamed);
                g_assert_cmpuint(object.bytes, >, 0);
                /* The caller shares its description with nobody who changed it. */
                g_assert_false(fcntl(ends[which], F_GETFL) & O_NONBLOCK);
                g_assert_cmpint(fixture_send(&object, "text", &error), ==, 0);
                fixture_assert_receives(&object, "text");
                g_assert_cmpint(object.mechanism->open_end(&object, "write", false, &fd, &error), ==, 0);
                g_assert_cmpint(write(fd, "x", 1), ==, 1);
                g_assert_cmpint(read(ends[0], &byte, 1), ==, 1);
                close(fd);
                /* None is held: with the last writer comes the end, and with the last reader EPIPE. */
                close(ends[1]);
                g_assert_cmpint(read(ends[0], &byte, 1), ==, 0);
                g_assert_cmpint(fixture_receive(&object, false, 0, &(char *){ NULL }, NULL, &error), ==, -EPIPE);
                close(ends[0]);
                error = (Error){};
                g_assert_cmpint(fixture_send(&object, "text", &error), ==, -EPIPE);
                g_assert_cmpint(error.code, ==, ERROR_PEER_GONE);
                kernel_object_done(&object);
        }
        g_assert_cmpuint(fixture_descriptors(), ==, before);
}

static void test_adopted_and_held(void) {
        unsigned before = fixture_descriptors();
        KernelObject object;
        Error error = {};
        char byte;
        int ends[2];

        g_assert_cmpint(pipe2(ends, O_CLOEXEC | O_NONBLOCK), ==, 0);
        adopt(&object, ends[0], "hold=true");
        close(ends[1]);
        g_assert_cmpint(read(ends[0], &byte, 1), ==, -1);
        g_assert_cmpint(errno, ==, EAGAIN);
        close(ends[0]);
        g_assert_cmpint(fixture_send(&object, "kept", &error), ==, 0);
        fixture_assert_receives(&object, "kept");
        kernel_object_done(&object);
        g_assert_cmpuint(fixture_descriptors(), ==, before);
}

static void test_no_pipe(void) {
        const Mechanism *mechanism = mechanism_find("pipe");
        g_autofree char *directory = fixture_directory_new(), *path = g_build_filename(directory, "fifo", NULL);
        const char *const others[] = { path, "/dev/null", directory, NULL };

        g_assert_cmpint(mkfifo(path, 0600), ==, 0);
        for (size_t i = 0; others[i]; i++) {
                KernelObject object;
                Error error = {};
                int fd = open(others[i], O_RDONLY | O_NONBLOCK | O_CLOEXEC), same = fd;

                g_assert_cmpint(fd, >=, 0);
                kernel_object_init(&object, mechanism);
                g_assert_cmpint(kernel_object_from_fd(&object, &fd, NULL, &error), ==, -EMEDIUMTYPE);
                g_assert_false(error_is_set(&error));
                g_assert_cmpint(fd, ==, same);
                close(fd);
                kernel_object_done(&object);
        }
        g_assert_cmpint(unlink(path), ==, 0);
        fixture_directory_done(g_steal_pointer(&directory));
}

static void test_reasons(void) {
        const Mechanism *mechanism = mechanism_find("pipe");
        CLEANUP(record_freep) Record *description = NULL;

        for (Operation operation = 0; operation < OPERATION_MAX; operation++) {
                Error error = {};

                if (mechanism_supports(mechanism, operation, &error) == 0)
                        continue;
                g_assert_cmpint(error.code, ==, ERROR_NOT_SUPPORTED);
                g_assert_nonnull(mechanism->reasons[operation]);
        }
        g_assert_cmpint(record_new(&description), ==, 0);
        g_assert_cmpint(mechanism_describe(mechanism, description), ==, 0);
        g_assert_true(record_get_bool(description, "available", false));
        g_assert_true(record_has(description, "limits"));
        g_assert_true(record_has(description, "options"));
}

int main(int argc, char **argv) {
        signal(SIGPIPE, SIG_IGN);
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/pipe/create", test_create);
        g_test_add_func("/pipe/options", test_options);
        g_test_add_func("/pipe/capacity-limit", test_capacity_limit);
        g_test_add_func("/pipe/send-receive", test_send_receive);
        g_test_add_func("/pipe/peek-many", test_peek_many);
        g_test_add_func("/pipe/full", test_full);
        g_test_add_func("/pipe/ends", test_ends);
        g_test_add_func("/pipe/take-write", test_take_write);
        g_test_add_func("/pipe/take-read", test_take_read);
        g_test_add_func("/pipe/packets", test_packets);
        g_test_add_func("/pipe/describe", test_describe);
        g_test_add_func("/pipe/scan", test_scan);
        g_test_add_func("/pipe/adopted", test_adopted);
        g_test_add_func("/pipe/adopted-and-held", test_adopted_and_held);
        g_test_add_func("/pipe/no-pipe", test_no_pipe);
        g_test_add_func("/pipe/reasons", test_reasons);
        return g_test_run();
}
