/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UNIX sockets without a name, sockets that come as descriptors, and descriptors beside messages, for all three kinds.
 * A test that leaves a descriptor open fails. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "path-fixture.h"
#include "unix-address.h"
#include "unix-message.h"
#include "unix-pair.h"

enum { MESSAGES = 1000 };

static int type_of(gconstpointer kind) {
        return unix_type_of(kind);
}

static void make(PathFixture *f, gconstpointer kind, KernelObject *object) {
        fixture_create(object, kind, NULL, NULL);
        g_assert_true(object->unnamed && object->hold);
        g_assert_cmpint(object->address.form, ==, ADDRESS_INODE);
}

static int take_end(KernelObject *object, const char *end, bool take) {
        Error error = {};
        int fd = -EBADF;

        g_assert_cmpint(object->mechanism->open_end(object, end, take, &fd, &error), ==, 0);
        g_assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        g_assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
        return fd;
}

/* Both ways by default and by name; the address is the smaller inode's. */
static void test_both_ends(PathFixture *f, gconstpointer kind) {
        CLEANUP(record_freep) Record *attributes = NULL, *options = NULL;
        g_autofree char *text = NULL, *other = NULL;
        KernelObject object;
        struct stat a, b;
        Error error = {};
        void *data;
        size_t size;

        make(f, kind, &object);
        g_assert_cmpint(fstat(object.fds[UNIX_END_A], &a), ==, 0);
        g_assert_cmpint(fstat(object.fds[UNIX_END_B], &b), ==, 0);
        g_assert_cmpuint(object.address.number, ==, a.st_ino);
        g_assert_cmpuint(a.st_ino, <, b.st_ino);

        g_assert_cmpint(fixture_send(&object, "there", &error), ==, 0);
        fixture_assert_receives(&object, "there");
        g_assert_cmpint(fixture_send_with(&object, "back", "end=b", &error), ==, 0);
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, NULL, &error), ==, -EAGAIN);
        g_assert_cmpint(fixture_wait(&object, OPERATION_RECEIVE, 0), ==, -ETIMEDOUT);
        g_assert_cmpint(fixture_options(object.mechanism, OPTION_FOR_RECEIVE, &options, &error, "end=a", NULL), ==, 0);
        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(object.mechanism->receive(&object, false, options, &data, &size, attributes, &error), ==, 0);
        g_assert_cmpmem(data, size, "back", 4);
        free(data);
        g_assert_cmpint(fixture_send_with(&object, "x", "end=c", &error), ==, -EINVAL);

        g_assert_cmpint(object.mechanism->describe(&object, attributes, &error), ==, 0);
        other = g_strdup_printf("%s:[%" G_GUINT64_FORMAT "]", (const char *)kind, (guint64)b.st_ino);
        g_assert_cmpstr(record_get_string(attributes, "other_end", ""), ==, other);
        g_assert_cmpstr(record_get_string(attributes, "a_condition", ""), ==, "open");
        path_fixture_remove(&object);
}

/* When an end was taken and its taker closed it, the other end is alone, for real. */
static void test_end(PathFixture *f, gconstpointer kind) {
        bool connected = type_of(kind) != SOCK_DGRAM;
        g_autofree char *text = NULL;
        KernelObject object;
        FixtureSink sink;
        Error error = {};
        int fd;

        fixture_sink_init(&sink);
        make(f, kind, &object);
        fd = take_end(&object, "a", true);
        g_assert_cmpint(object.fds[UNIX_END_A], <, 0);
        g_assert_cmpint(send(fd, "last", 4, 0), ==, 4);
        close(fd);
        fixture_assert_receives(&object, "last");
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, NULL, &error), ==, connected ? -EPIPE : -EAGAIN);
        error = (Error){};
        g_assert_cmpint(fixture_send(&object, "x", &error), ==, -EPIPE);
        g_assert_cmpint(error.code, ==, ERROR_PEER_GONE);
        if (connected) {
                g_assert_true(fixture_watch(&object, &sink, 1000));
                g_assert_cmpuint(sink.counts[EVENT_PEER_CLOSED], ==, 1);
                g_assert_cmpstr(record_get_string(sink.last, "end", ""), ==, "a");
        }
        fixture_sink_done(&sink);
        path_fixture_remove(&object);
}

/* One send, and what came out at the other end as descriptors. */
static void pass(KernelObject *object, const int *fds, unsigned n, PassedFds *wanted, Record **ret_meta) {
        PassedFds given = { .n = n };
        Error error = {};
        size_t size, sent;
        void *data;

        memcpy(given.fds, fds, n * sizeof *fds);
        object->given = &given;
        g_assert_cmpint(object->mechanism->send(object, "x", 1, NULL, &sent, &error), ==, 0);
        object->given = NULL;
        g_assert_cmpint(record_new(ret_meta), ==, 0);
        object->wanted = wanted;
        g_assert_cmpint(object->mechanism->receive(object, false, NULL, &data, &size, *ret_meta, &error), ==, 0);
        object->wanted = NULL;
        free(data);
}

static void test_descriptors(PathFixture *f, gconstpointer kind) {
        CLEANUP_FD int file = open("/etc/passwd", O_RDONLY | O_CLOEXEC),
                       null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        int both[] = { file, null };
        KernelObject object;

        make(f, kind, &object);
        for (int wanted = 0; wanted < 2; wanted++) {
                CLEANUP(record_freep) Record *meta = NULL;
                PassedFds got = {};
                const Value *names;

                pass(&object, both, 2, wanted ? &got : NULL, &meta);
                names = record_get(meta, "fds");
                g_assert_nonnull(names);
                g_assert_cmpint(names->type, ==, VALUE_STRINGS);
                g_assert_cmpuint(names->strings.n, ==, 2);
                g_assert_cmpstr(names->strings.items[0], ==, "/etc/passwd");
                g_assert_cmpstr(names->strings.items[1], ==, "/dev/null");
                g_assert_cmpuint(got.n, ==, wanted ? 2 : 0);
                passed_fds_done(&got);
        }
        path_fixture_remove(&object);
}

/* Many messages with descriptors, taken and not: none is left. */
static void test_no_leak(PathFixture *f, gconstpointer kind) {
        CLEANUP_FD int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        KernelObject object;
        unsigned before;

        make(f, kind, &object);
        before = fixture_descriptors();
        for (unsigned i = 0; i < MESSAGES; i++) {
                CLEANUP(record_freep) Record *meta = NULL;

                pass(&object, &null, 1, NULL, &meta);
        }
        g_assert_cmpuint(fixture_descriptors(), ==, before);
        path_fixture_remove(&object);
}

/* A process that has no descriptor free is told that some were cut off, and goes on. */
static void test_cut(PathFixture *f, gconstpointer kind) {
        CLEANUP_FD int null = open("/dev/null", O_RDONLY | O_CLOEXEC), probe = -EBADF;
        CLEANUP(record_freep) Record *meta = NULL;
        struct rlimit limit, low;
        KernelObject object;
        int two[] = { null, null };

        make(f, kind, &object);
        probe = dup(null);
        g_assert_cmpint(probe, >=, 0);
        g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &limit), ==, 0);
        low = limit;
        low.rlim_cur = (rlim_t)probe + 1;
        probe = fd_close(probe);
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &low), ==, 0);
        pass(&object, two, 2, NULL, &meta);
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
        g_assert_true(record_get_bool(meta, "descriptors_cut", false));
        path_fixture_remove(&object);
}

/* A socket of somebody else's: used, described, handed on, and left as it was. */
static void test_adopted(PathFixture *f, gconstpointer kind) {
        CLEANUP(record_freep) Record *options = NULL, *attributes = NULL;
        KernelObject object;
        int fds[2], flags, copy;
        Error error = {};
        char buffer[8];

        g_assert_cmpint(socketpair(AF_UNIX, type_of(kind) | SOCK_CLOEXEC, 0, fds), ==, 0);
        flags = fcntl(fds[0], F_GETFL);
        copy = fcntl(fds[0], F_DUPFD_CLOEXEC, 3);
        g_assert_cmpint(record_new(&options), ==, 0);
        kernel_object_init(&object, mechanism_find(kind));
        g_assert_cmpint(object.mechanism->from_fd(&object, copy, options, &error), ==, 0);
        g_assert_cmpint(object.address.form, ==, ADDRESS_INODE);

        g_assert_cmpint(fixture_send(&object, "in", &error), ==, 0);
        g_assert_cmpint(recv(fds[1], buffer, sizeof buffer, 0), ==, 2);
        g_assert_cmpint(send(fds[1], "out", 3, 0), ==, 3);
        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(object.mechanism->describe(&object, attributes, &error), ==, 0);
        g_assert_cmpuint(record_get_u64(attributes, "socket_unread", 0), ==, 3);
        g_assert_cmpuint(record_get_u64(attributes, "socket_peer_pid", 0), ==, (guint64)getpid());
        fixture_assert_receives(&object, "out");
        close(take_end(&object, "a", false));
        g_assert_cmpint(fcntl(fds[0], F_GETFL), ==, flags);
        g_assert_cmpint(object.mechanism->remove(&object, &error), ==, -EOPNOTSUPP);
        kernel_object_done(&object);
        close(fds[0]);
        close(fds[1]);
}

/* Without SO_PASSCRED, which a socket of others does not have, an empty message looks like the end: not while more is
 * behind it, and not where descriptors came along, none of which may stay open. */
static void test_empty_before_the_end(PathFixture *f, gconstpointer data) {
        CLEANUP_FD int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        const PassedFds given = { .fds = { null }, .n = 1 };
        static const char *const expected[] = { "", "x", "" };
        CLEANUP(record_freep) Record *options = NULL, *meta = NULL;
        unsigned before = fixture_descriptors();
        KernelObject object;
        Error error = {};
        size_t sent;
        char *text;
        int fds[2];

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), ==, 0);
        g_assert_cmpint(record_new(&options), ==, 0);
        kernel_object_init(&object, mechanism_find("unix-seqpacket"));
        g_assert_cmpint(object.mechanism->from_fd(&object, fds[0], options, &error), ==, 0);
        g_assert_cmpint(unix_message_send(fds[1], SOCK_SEQPACKET, "", 0, NULL, false, &sent), ==, 0);
        g_assert_cmpint(unix_message_send(fds[1], SOCK_SEQPACKET, "x", 1, NULL, false, &sent), ==, 0);
        g_assert_cmpint(unix_message_send(fds[1], SOCK_SEQPACKET, "", 0, &given, false, &sent), ==, 0);
        close(fds[1]);
        for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
                record_freep(&meta);
                g_assert_cmpint(record_new(&meta), ==, 0);
                g_assert_cmpint(fixture_receive(&object, false, 0, &text, meta, &error), ==, 0);
                g_assert_cmpstr(text, ==, expected[i]);
                g_free(text);
        }
        g_assert_nonnull(record_get(meta, "fds"));
        g_assert_cmpstr(record_get(meta, "fds")->strings.items[0], ==, "/dev/null");
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, meta, &error), ==, -EPIPE);
        kernel_object_done(&object);
        g_assert_cmpuint(fixture_descriptors(), ==, before);
}

/* Options that choose among connections mean nothing to one, and are not passed over. */
static void test_one_connection(PathFixture *f, gconstpointer kind) {
        static const char *const options[] = { "peer=1", "listen=true" };
        KernelObject object;

        if (type_of(kind) == SOCK_DGRAM)
                return;
        make(f, kind, &object);
        for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
                Error error = {};

                g_assert_cmpint(fixture_send_with(&object, "x", options[i], &error), ==, -EINVAL);
                g_assert_nonnull(strstr(error.message, "is one connection"));
        }
        path_fixture_remove(&object);
}

/* What is bound to a path is the object of that path; another type and what is no socket are not taken. */
static void test_adopted_named(PathFixture *f, gconstpointer kind) {
        CLEANUP_FD int fd = socket(AF_UNIX, type_of(kind) | SOCK_CLOEXEC, 0), null = open("/dev/null", O_RDONLY);
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        CLEANUP(record_freep) Record *options = NULL;
        g_autofree char *address = NULL;
        KernelObject object;
        Error error = {};

        g_strlcpy(name.sun_path, f->path, sizeof name.sun_path);
        g_assert_cmpint(bind(fd, (struct sockaddr *)&name, sizeof name), ==, 0);
        g_assert_cmpint(record_new(&options), ==, 0);
        kernel_object_init(&object, mechanism_find(kind));
        g_assert_cmpint(object.mechanism->from_fd(&object, null, options, &error), ==, -EMEDIUMTYPE);
        g_assert_false(error_is_set(&error));
        g_assert_cmpint(object.mechanism->from_fd(&object, fd, options, &error), ==, 0);
        fd = -EBADF;
        address = address_print(&object.address);
        g_assert_cmpstr(address, ==, f->address);
        path_fixture_remove(&object);
}

/* Of a path that changed hands between the look and the step nothing is removed. */
static void test_stale(PathFixture *f, gconstpointer kind) {
        CLEANUP(record_freep) Record *row = NULL, *again = NULL;
        CLEANUP_FD int fd = socket(AF_UNIX, type_of(kind) | SOCK_CLOEXEC, 0);
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        g_autofree char *as_stream = g_strconcat("unix-stream:", f->path, NULL);
        CLEANUP(record_freep) Record *attributes = NULL;
        KernelObject object;
        Error error = {};

        g_strlcpy(name.sun_path, f->path, sizeof name.sun_path);
        g_assert_cmpint(bind(fd, (struct sockaddr *)&name, sizeof name), ==, 0);
        fd = fd_close(fd);
        g_assert_cmpint(fixture_open(&object, f->address, NULL, &error), ==, 0);
        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(object.mechanism->describe(&object, attributes, &error), ==, 0);
        g_assert_cmpstr(record_get_string(attributes, "state", ""), ==, "stale: nobody listens");
        kernel_object_done(&object);

        g_setenv("XDG_RUNTIME_DIR", f->directory, TRUE);
        row = fixture_scan("unix-stream", as_stream);
        g_assert_nonnull(row);
        g_assert_cmpstr(record_get_string(row, "state", ""), ==, "stale: nobody listens");
        path_fixture_assert_refused(kind, f->option, NULL, ERROR_EXISTS, "replace=true");
        fixture_create(&object, kind, f->option, "replace=true", NULL);
        path_fixture_remove(&object);
        again = fixture_scan("unix-stream", as_stream);
        g_assert_null(again);
}

int main(int argc, char **argv) {
        static const char *const kinds[] = { "unix-stream", "unix-dgram", "unix-seqpacket" };
        static const struct {
                const char *name;
                void (*run)(PathFixture *f, gconstpointer data);
        } tests[] = { { "both-ends", test_both_ends }, { "end", test_end }, { "descriptors", test_descriptors },
                { "no-leak", test_no_leak }, { "cut", test_cut }, { "adopted", test_adopted },
                { "adopted-named", test_adopted_named }, { "stale", test_stale },
                { "one-connection", test_one_connection } };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
                for (size_t k = 0; k < G_N_ELEMENTS(tests); k++) {
                        g_autofree char *path = g_strdup_printf("/unix-pair/%s/%s", kinds[i], tests[k].name);

                        g_test_add(path, PathFixture, kinds[i], path_fixture_set_up, tests[k].run,
                                path_fixture_tear_down);
                }
        PATH_TEST("unix-pair/unix-seqpacket", "empty-before-the-end", test_empty_before_the_end);
        return g_test_run();
}
