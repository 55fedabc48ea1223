/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UNIX datagram sockets as a kind: whole messages, their senders, full queues, limits and wrong input. */
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "limit-facts.h"
#include "path-fixture.h"
#include "scan.h"

enum { BOUND, SENDING };

static void test_create(PathFixture *f, gconstpointer data) {
        KernelObject object, other;
        struct stat st;
        Error error = {};

        fixture_create(&object, "unix-dgram", f->option, "mode=0620", NULL);
        g_assert_cmpint(lstat(f->path, &st), ==, 0);
        g_assert_true(S_ISSOCK(st.st_mode));
        g_assert_cmpuint(st.st_mode & 07777, ==, 0620);
        g_assert_cmpint(
                fixture_try_create(&other, &error, "unix-dgram", f->option, "replace=true", NULL), ==, -EEXIST);
        g_assert_nonnull(strstr(error.message, "in use"));
        kernel_object_done(&object);
        g_assert_cmpint(fixture_try_create(&other, &error, "unix-dgram", f->option, NULL), ==, -EEXIST);
        g_assert_nonnull(strstr(error.message, "replace=true"));
        fixture_create(&object, "unix-dgram", f->option, "replace=true", NULL);
        path_fixture_remove(&object);
        error = (Error){};
        g_assert_cmpint(fixture_try_create(&other, &error, "unix-dgram", "name=", NULL), ==, -EINVAL);
        g_assert_cmpint(fixture_try_create(&other, &error, "unix-dgram", "backlog=5", NULL), ==, -EINVAL);
}

static void test_messages(PathFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *meta = NULL;
        g_autofree char *text = NULL, *peeked = NULL, *part = NULL;
        KernelObject object;
        Error error = {};

        g_assert_cmpint(record_new(&meta), ==, 0);
        fixture_create(&object, "unix-dgram", f->option, NULL);
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, NULL, &error), ==, -EAGAIN);
        g_assert_cmpint(fixture_wait(&object, OPERATION_RECEIVE, 0), ==, -ETIMEDOUT);
        g_assert_cmpint(fixture_send(&object, "one", &error), ==, 0);
        g_assert_cmpint(fixture_send(&object, "", &error), ==, 0);
        g_assert_cmpint(fixture_send(&object, "third", &error), ==, 0);
        g_assert_cmpint(fixture_wait(&object, OPERATION_RECEIVE, 0), ==, 0);
        g_assert_cmpint(fixture_receive(&object, true, 0, &peeked, NULL, &error), ==, 0);
        g_assert_cmpstr(peeked, ==, "one");
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, meta, &error), ==, 0);
        g_assert_cmpstr(text, ==, "one");
        g_assert_cmpuint(record_get_u64(meta, "pid", 0), ==, (guint64)getpid());
        g_assert_cmpuint(record_get_u64(meta, "uid", 99), ==, geteuid());
        g_assert_false(record_get_bool(meta, "truncated", true));
        fixture_assert_receives(&object, "");
        g_assert_cmpint(fixture_receive(&object, false, 2, &part, meta, &error), ==, 0);
        g_assert_cmpstr(part, ==, "th");
        g_assert_true(record_get_bool(meta, "truncated", false));
        g_assert_cmpuint(record_get_u64(meta, "length", 0), ==, 5);
        /* What was cut off is gone. */
        g_clear_pointer(&text, g_free);
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, NULL, &error), ==, -EAGAIN);
        path_fixture_remove(&object);
}

/* A child sends; its pid comes with the message, also after it has ended. Descriptors that it sends are not kept. */
static void test_child(PathFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *meta = NULL;
        g_autofree char *text = NULL;
        unsigned before;
        KernelObject object;
        Error error = {};
        pid_t pid;

        g_assert_cmpint(record_new(&meta), ==, 0);
        fixture_create(&object, "unix-dgram", f->option, NULL);
        before = fixture_descriptors();
        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                char space[CMSG_SPACE(3 * sizeof(int))] = { 0 };
                struct iovec vector = { .iov_base = (void *)"from a child", .iov_len = 12 };
                struct msghdr header = {
                        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space
                };
                struct cmsghdr *control = CMSG_FIRSTHDR(&header);

                control->cmsg_level = SOL_SOCKET;
                control->cmsg_type = SCM_RIGHTS;
                control->cmsg_len = CMSG_LEN(3 * sizeof(int));
                memcpy(CMSG_DATA(control), (int[3]){ 0, 0, 0 }, 3 * sizeof(int));
                _exit(sendmsg(path_fixture_connect(f->path, SOCK_DGRAM), &header, 0) != 12);
        }
        g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
        g_assert_cmpint(fixture_receive(&object, true, 0, &text, meta, &error), ==, 0);
        g_clear_pointer(&text, g_free);
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, meta, &error), ==, 0);
        g_assert_cmpstr(text, ==, "from a child");
        g_assert_cmpuint(record_get_u64(meta, "pid", 0), ==, (guint64)pid);
        g_assert_cmpuint(fixture_descriptors(), ==, before);
        path_fixture_remove(&object);
}

/* A name may fill sun_path to its last byte, with no NUL behind it; the kernel tells its length as one byte more than
 * the structure has (unix(7)). */
static void test_longest_sender(PathFixture *f, gconstpointer data) {
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        CLEANUP(record_freep) Record *meta = NULL;
        g_autofree char *text = NULL, *sender = NULL, *expected = NULL;
        KernelObject object;
        Error error = {};
        size_t used;
        int fd;

        g_assert_cmpint(record_new(&meta), ==, 0);
        fixture_create(&object, "unix-dgram", f->option, NULL);
        memset(name.sun_path, 's', sizeof name.sun_path);
        used = strlen(f->directory);
        g_assert_cmpuint(used, <, sizeof name.sun_path);
        memcpy(name.sun_path, f->directory, used);
        name.sun_path[used] = '/';
        sender = g_strndup(name.sun_path, sizeof name.sun_path);
        expected = g_strconcat("unix-dgram:", sender, NULL);
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(bind(fd, (struct sockaddr *)&name, sizeof name), ==, 0);
        name = (struct sockaddr_un){ .sun_family = AF_UNIX };
        g_strlcpy(name.sun_path, f->path, sizeof name.sun_path);
        g_assert_cmpint(sendto(fd, "far", 3, 0, (struct sockaddr *)&name, sizeof name), ==, 3);
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, meta, &error), ==, 0);
        g_assert_cmpstr(text, ==, "far");
        g_assert_cmpstr(record_get_string(meta, "from", ""), ==, expected);
        close(fd);
        g_assert_cmpint(unlink(sender), ==, 0);
        path_fixture_remove(&object);
}

static void test_full(PathFixture *f, gconstpointer data) {
        unsigned capacity = 0;
        KernelObject object;
        Error error = {};

        fixture_create(&object, "unix-dgram", f->option, NULL);
        while (fixture_send(&object, "x", &error) == 0)
                g_assert_cmpuint(++capacity, <, 100000);
        g_assert_cmpint(error.code, ==, ERROR_BUSY);
        g_assert_nonnull(strstr(error.message, "full"));
        g_assert_cmpuint(capacity, ==, limit_read("/proc/sys/net/unix/max_dgram_qlen", 0) + 1);
        g_assert_cmpint(fixture_wait(&object, OPERATION_SEND, 0), ==, -ETIMEDOUT);
        fixture_assert_receives(&object, "x");
        g_assert_cmpint(fixture_wait(&object, OPERATION_SEND, 1000), ==, 0);
        g_assert_cmpint(fixture_send(&object, "x", &error), ==, 0);
        path_fixture_remove(&object);
}

static void test_size_limit(PathFixture *f, gconstpointer data) {
        guint64 wmem = limit_read("/proc/sys/net/core/wmem_max", 0);
        g_autofree char *much = NULL, *more = NULL, *text = NULL;
        KernelObject object;
        Error error = {};

        fixture_create(&object, "unix-dgram", f->option, NULL);
        /* Longer than the default buffer lets through, but not than the largest. */
        much = g_strnfill(wmem, 'm');
        g_assert_cmpint(fixture_send(&object, much, &error), ==, 0);
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, NULL, &error), ==, 0);
        g_assert_cmpuint(strlen(text), ==, wmem);
        more = g_strnfill(2 * wmem, 'm');
        g_assert_cmpint(fixture_send(&object, more, &error), ==, -EDQUOT);
        g_assert_cmpint(error.code, ==, ERROR_LIMIT_EXCEEDED);
        g_assert_nonnull(strstr(error.message, "wmem_max"));
        error = (Error){};
        g_assert_cmpint(fixture_send(&object, "small", &error), ==, 0);
        fixture_assert_receives(&object, "small");
        path_fixture_remove(&object);
}

static void test_foreign(PathFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *attributes = NULL;
        g_autofree char *text = NULL;
        HolderKey keys[HOLDER_KEYS_MAX];
        KernelObject object, foreign;
        Error error = {};
        size_t n = HOLDER_KEYS_MAX;
        int connected;

        g_assert_cmpint(fixture_open(&foreign, f->address, NULL, &error), ==, -ENOENT);
        fixture_create(&object, "unix-dgram", f->option, NULL);
        g_assert_cmpint(fixture_open(&foreign, f->address, NULL, &error), ==, 0);
        g_assert_cmpint(fixture_send(&foreign, "over", &error), ==, 0);
        g_assert_cmpint(fixture_receive(&foreign, false, 0, &text, NULL, &error), ==, -EOPNOTSUPP);
        g_assert_nonnull(strstr(error.message, "bound"));
        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(foreign.mechanism->describe(&foreign, attributes, &error), ==, 0);
        g_assert_cmpuint(record_get_u64(attributes, "used", 0), ==, 4);
        /* Nothing of one send stays behind, to be taken for somebody's socket. */
        g_assert_cmpint(foreign.fds[SENDING], <, 0);
        connected = path_fixture_connect(f->path, SOCK_DGRAM);
        g_assert_cmpint(foreign.mechanism->holder_keys(&foreign, keys, &n), ==, 0);
        /* The one that is bound, and the one that is connected to it. */
        g_assert_cmpuint(n, ==, 2);
        g_assert_cmpint(keys[0].type, ==, HOLDER_SOCKET);
        g_assert_cmpint(keys[1].type, ==, HOLDER_SOCKET);
        fixture_assert_receives(&object, "over");
        close(connected);

        /* The receiver goes, and another takes its place: what is sent finds it. */
        kernel_object_done(&object);
        error = (Error){};
        g_assert_cmpint(fixture_send(&foreign, "lost", &error), ==, -EPIPE);
        g_assert_cmpint(error.code, ==, ERROR_PEER_GONE);
        fixture_create(&object, "unix-dgram", f->option, "replace=true", NULL);
        error = (Error){};
        g_assert_cmpint(fixture_send(&foreign, "first", &error), ==, 0);
        kernel_object_done(&object);
        fixture_create(&object, "unix-dgram", f->option, "replace=true", NULL);
        g_assert_cmpint(fixture_send(&foreign, "second", &error), ==, 0);
        fixture_assert_receives(&object, "second");
        kernel_object_done(&foreign);
        path_fixture_remove(&object);
}

static void test_ends(PathFixture *f, gconstpointer data) {
        KernelObject object;
        Error error = {};
        char buffer[16];
        int sending, receiving;

        fixture_create(&object, "unix-dgram", f->option, NULL);
        g_assert_cmpint(object.mechanism->open_end(&object, "listen", false, &sending, &error), ==, -EINVAL);
        g_assert_cmpint(object.mechanism->open_end(&object, "", false, &sending, &error), ==, 0);
        g_assert_cmpint(send(sending, "through", 7, 0), ==, 7);
        fixture_assert_receives(&object, "through");
        g_assert_cmpint(object.mechanism->open_end(&object, "receive", true, &receiving, &error), ==, 0);
        g_assert_cmpint(object.fds[BOUND], <, 0);
        g_assert_false(fcntl(receiving, F_GETFL) & O_NONBLOCK);
        g_assert_cmpint(send(sending, "taken", 5, 0), ==, 5);
        g_assert_cmpint(recv(receiving, buffer, sizeof buffer, 0), ==, 5);
        error = (Error){};
        g_assert_cmpint(object.mechanism->open_end(&object, "receive", false, &receiving, &error), ==, -EPIPE);
        close(receiving);
        g_assert_cmpint(send(sending, "x", 1, MSG_NOSIGNAL), ==, -1);
        g_assert_cmpint(errno, ==, ECONNREFUSED);
        close(sending);
        path_fixture_remove(&object);
}

static void test_events(PathFixture *f, gconstpointer data) {
        FixtureSink sink;
        KernelObject object;
        Error error = {};

        fixture_sink_init(&sink);
        fixture_create(&object, "unix-dgram", f->option, NULL);
        g_assert_false(fixture_watch(&object, &sink, 0));
        g_assert_cmpint(fixture_send(&object, "12345", &error), ==, 0);
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpuint(sink.counts[EVENT_MESSAGE_ARRIVED], ==, 1);
        g_assert_cmpuint(record_get_u64(sink.last, "bytes", 0), ==, 5);
        fixture_assert_receives(&object, "12345");
        g_assert_false(fixture_watch(&object, &sink, 0));
        path_fixture_remove(&object);
        fixture_sink_done(&sink);
}

/* The sender's own name, where it has one; abstract names with bytes that do not print. */
static void test_abstract(PathFixture *f, gconstpointer data) {
        g_autofree char *option = g_strdup_printf("name=ipcbus-test-dgram-%d", getpid());
        g_autofree char *text = NULL;
        CLEANUP(record_freep) Record *meta = NULL;
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        KernelObject object;
        Error error = {};
        socklen_t length;
        int fd, n;

        g_assert_cmpint(record_new(&meta), ==, 0);
        fixture_create(&object, "unix-dgram", option, NULL);
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        n = g_snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "ipcbus-\t-%d", getpid());
        length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
        g_assert_cmpint(bind(fd, (struct sockaddr *)&name, length), ==, 0);
        memset(name.sun_path, 0, sizeof name.sun_path);
        n = g_snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "ipcbus-test-dgram-%d", getpid());
        length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
        g_assert_cmpint(sendto(fd, "hello", 5, 0, (struct sockaddr *)&name, length), ==, 5);
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, meta, &error), ==, 0);
        g_assert_true(g_str_has_prefix(record_get_string(meta, "from", ""), "unix-dgram:@ipcbus-\\x09-"));
        close(fd);
        path_fixture_remove(&object);
}

int main(int argc, char **argv) {
        signal(SIGPIPE, SIG_IGN);
        g_test_init(&argc, &argv, NULL);
        PATH_TEST("unix-dgram", "create", test_create);
        PATH_TEST("unix-dgram", "messages", test_messages);
        PATH_TEST("unix-dgram", "child", test_child);
        PATH_TEST("unix-dgram", "longest-sender", test_longest_sender);
        PATH_TEST("unix-dgram", "full", test_full);
        PATH_TEST("unix-dgram", "size-limit", test_size_limit);
        PATH_TEST("unix-dgram", "foreign", test_foreign);
        PATH_TEST("unix-dgram", "ends", test_ends);
        PATH_TEST("unix-dgram", "events", test_events);
        PATH_TEST("unix-dgram", "abstract", test_abstract);
        return g_test_run();
}
