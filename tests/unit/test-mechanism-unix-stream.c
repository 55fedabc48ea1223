/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UNIX stream sockets as a kind: listening here, connecting elsewhere, several peers, ends of streams, events. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "path-fixture.h"
#include "peers.h"
#include "unix-address.h"

enum { LISTENING, CONNECTED };

static void say(int fd, const char *text) {
        g_assert_cmpint(write(fd, text, strlen(text)), ==, (int)strlen(text));
}

static int receive(KernelObject *object, char **ret_text, Record *meta) {
        Error error = {};

        return fixture_receive(object, false, 0, ret_text, meta, &error);
}

static void test_create(PathFixture *f, gconstpointer data) {
        g_autofree char *address = NULL;
        KernelObject object;
        struct stat st;
        mode_t mask = umask(0);

        fixture_create(&object, "unix-stream", f->option, "mode=0640", NULL);
        umask(mask);
        g_assert_cmpint(lstat(f->path, &st), ==, 0);
        g_assert_true(S_ISSOCK(st.st_mode));
        g_assert_cmpuint(st.st_mode & 07777, ==, 0640);
        address = address_print(&object.address);
        g_assert_cmpstr(address, ==, f->address);
        g_assert_false(object.unnamed);
        path_fixture_remove(&object);
        g_assert_cmpint(lstat(f->path, &st), ==, -1);
}

static void test_refused(PathFixture *f, gconstpointer data) {
        g_autofree char *content = NULL, *longer = g_strnfill(120, 'x');
        g_autofree char *too_long = g_strdup_printf("path=/%s", longer);
        g_autofree char *below = g_strdup_printf("path=%s/none/s", f->directory);

        path_fixture_assert_refused("unix-stream", "backlog=4", NULL, ERROR_INVALID_OPTION, "a pair");
        path_fixture_assert_refused("unix-stream", f->option, "name=x", ERROR_INVALID_OPTION, "Only one of");
        path_fixture_assert_refused("unix-stream", "path=relative", NULL, ERROR_INVALID_OPTION, "absolute");
        path_fixture_assert_refused("unix-stream", too_long, NULL, ERROR_INVALID_OPTION, "107");
        path_fixture_assert_refused("unix-stream", "name=@", NULL, ERROR_INVALID_OPTION, "abstract");
        path_fixture_assert_refused("unix-stream", f->option, "backlog=0", ERROR_INVALID_OPTION, "backlog");
        path_fixture_assert_refused("unix-stream", below, NULL, ERROR_NO_SUCH_OBJECT, "ENOENT");
        g_assert_true(g_file_set_contents(f->path, "precious", -1, NULL));
        path_fixture_assert_refused("unix-stream", f->option, NULL, ERROR_EXISTS, "regular file");
        path_fixture_assert_refused("unix-stream", f->option, "replace=true", ERROR_EXISTS, "regular file");
        g_assert_true(g_file_get_contents(f->path, &content, NULL, NULL));
        g_assert_cmpstr(content, ==, "precious");
        unlink(f->path);
}

/* A socket that is used is never replaced, and its owner notices nothing; what nobody is bound to is, when asked. */
static void test_replace(PathFixture *f, gconstpointer data) {
        KernelObject first, second;
        g_autofree char *text = NULL;
        Error error = {};

        fixture_create(&first, "unix-stream", f->option, NULL);
        path_fixture_assert_refused("unix-stream", f->option, NULL, ERROR_EXISTS, "in use");
        path_fixture_assert_refused("unix-stream", f->option, "replace=true", ERROR_EXISTS, "in use");
        g_assert_cmpint(receive(&first, &text, NULL), ==, -EAGAIN);
        g_assert_cmpuint(peers_count(first.state), ==, 0);
        kernel_object_done(&first);

        path_fixture_assert_refused("unix-stream", f->option, NULL, ERROR_EXISTS, "replace=true");
        fixture_create(&second, "unix-stream", f->option, "replace=true", NULL);
        g_assert_cmpint(fixture_send(&second, "new", &error), ==, 0);
        fixture_assert_receives(&second, "new");
        path_fixture_remove(&second);
}

static void test_receive(PathFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *meta = NULL;
        g_autofree char *text = NULL, *peeked = NULL;
        KernelObject object;
        Error error = {};
        int fd;

        g_assert_cmpint(record_new(&meta), ==, 0);
        fixture_create(&object, "unix-stream", f->option, NULL);
        g_assert_cmpint(receive(&object, &text, NULL), ==, -EAGAIN);
        g_assert_cmpint(fixture_wait(&object, OPERATION_RECEIVE, 0), ==, -ETIMEDOUT);

        fd = path_fixture_connect(f->path, SOCK_STREAM);
        say(fd, "hi");
        close(fd);
        g_assert_cmpint(fixture_wait(&object, OPERATION_RECEIVE, 0), ==, 0);
        g_assert_cmpint(fixture_receive(&object, true, 0, &peeked, NULL, &error), ==, 0);
        g_assert_cmpstr(peeked, ==, "hi");
        g_assert_cmpint(receive(&object, &text, meta), ==, 0);
        g_assert_cmpstr(text, ==, "hi");
        g_assert_cmpuint(record_get_u64(meta, "peer", 0), ==, 1);
        g_assert_cmpuint(record_get_u64(meta, "pid", 0), ==, (guint64)getpid());
        g_assert_cmpuint(record_get_u64(meta, "uid", 99), ==, geteuid());
        /* A connection that gave its bytes is not an end for the next receive: that one waits for who comes next. */
        g_clear_pointer(&text, g_free);
        g_assert_cmpint(receive(&object, &text, NULL), ==, -EAGAIN);
        g_assert_cmpint(fixture_wait(&object, OPERATION_RECEIVE, 0), ==, -ETIMEDOUT);
        g_assert_cmpuint(peers_count(object.state), ==, 0);

        close(path_fixture_connect(f->path, SOCK_STREAM));
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, NULL, &error), ==, -EPIPE);
        g_assert_cmpint(error.code, ==, ERROR_PEER_GONE);
        g_assert_cmpint(receive(&object, &text, NULL), ==, -EAGAIN);
        path_fixture_remove(&object);
}

static void test_turns(PathFixture *f, gconstpointer data) {
        KernelObject object;
        int a, b;

        fixture_create(&object, "unix-stream", f->option, NULL);
        a = path_fixture_connect(f->path, SOCK_STREAM);
        b = path_fixture_connect(f->path, SOCK_STREAM);
        say(a, "a1");
        say(b, "b1");
        fixture_assert_receives(&object, "a1");
        say(a, "a2");
        fixture_assert_receives(&object, "b1");
        fixture_assert_receives(&object, "a2");
        close(a);
        say(b, "b2");
        fixture_assert_receives(&object, "b2");
        close(b);
        path_fixture_remove(&object);
}

/* Send to an address of ours is a connection, the bytes, and its end. */
static void test_send_self(PathFixture *f, gconstpointer data) {
        g_autofree char *text = NULL, *much = g_strnfill(4 << 20, 'x');
        KernelObject object;
        Error error = {};
        size_t sent = 0, received = 0;

        fixture_create(&object, "unix-stream", f->option, NULL);
        g_assert_cmpint(fixture_send(&object, "", &error), ==, 0);
        g_assert_cmpint(fixture_send(&object, "one", &error), ==, 0);
        g_assert_cmpint(fixture_send(&object, "two", &error), ==, 0);
        g_assert_cmpint(object.fds[CONNECTED], <, 0);
        fixture_assert_receives(&object, "one");
        fixture_assert_receives(&object, "two");
        g_assert_cmpint(receive(&object, &text, NULL), ==, -EAGAIN);

        while (received < (size_t)4 << 20) {
                g_autofree char *part = NULL;
                size_t n = 0;
                int r = 0;

                if (sent < (size_t)4 << 20)
                        r = object.mechanism->send(&object, much + sent, ((size_t)4 << 20) - sent, NULL, &n, &error);
                if (r == -EAGAIN)
                        g_assert_cmpint(fixture_wait(&object, OPERATION_SEND, 0), ==, -ETIMEDOUT);
                else
                        g_assert_cmpint(r, ==, 0);
                sent += r < 0 ? 0 : n;
                g_assert_cmpint(receive(&object, &part, NULL), ==, 0);
                received += strlen(part);
        }
        g_assert_cmpint(object.fds[CONNECTED], <, 0);
        path_fixture_remove(&object);
}

static void test_send_listening(PathFixture *f, gconstpointer data) {
        KernelObject object;
        Error error = {};
        char buffer[16];
        int a, b;

        fixture_create(&object, "unix-stream", f->option, NULL);
        g_assert_cmpint(fixture_send_with(&object, "x", "listen=true", &error), ==, -EAGAIN);
        g_assert_cmpint(fixture_wait(&object, OPERATION_SEND, 0), ==, -ETIMEDOUT);
        a = path_fixture_connect(f->path, SOCK_STREAM);
        b = path_fixture_connect(f->path, SOCK_STREAM);
        g_assert_cmpint(fixture_wait(&object, OPERATION_SEND, 0), ==, 0);
        g_assert_cmpint(fixture_send_with(&object, "first", "listen=true", &error), ==, 0);
        g_assert_cmpint(read(a, buffer, sizeof buffer), ==, 5);
        g_assert_cmpint(fixture_send_with(&object, "second", "peer=2", &error), ==, 0);
        g_assert_cmpint(read(b, buffer, sizeof buffer), ==, 6);
        g_assert_cmpint(fixture_send_with(&object, "x", "peer=3", &error), ==, -EPIPE);

        /* Who only closed its sending direction still gets an answer. */
        say(a, "question");
        g_assert_cmpint(shutdown(a, SHUT_WR), ==, 0);
        fixture_assert_receives(&object, "question");
        g_assert_cmpint(fixture_send_with(&object, "answer", "peer=1", &error), ==, 0);
        g_assert_cmpint(read(a, buffer, sizeof buffer), ==, 6);
        close(a);
        error = (Error){};
        g_assert_cmpint(fixture_send_with(&object, "x", "peer=1", &error), ==, -EPIPE);
        g_assert_cmpint(error.code, ==, ERROR_PEER_GONE);
        g_assert_cmpint(fixture_send_with(&object, "next", "listen=true", &error), ==, 0);
        g_assert_cmpint(read(b, buffer, sizeof buffer), ==, 4);
        close(b);
        path_fixture_remove(&object);
}

static void test_events(PathFixture *f, gconstpointer data) {
        FixtureSink sink;
        KernelObject object;
        int a, b;

        fixture_sink_init(&sink);
        fixture_create(&object, "unix-stream", f->option, NULL);
        g_assert_false(fixture_watch(&object, &sink, 0));
        a = path_fixture_connect(f->path, SOCK_STREAM);
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpuint(sink.counts[EVENT_PEER_CONNECTED], ==, 1);
        g_assert_cmpuint(record_get_u64(sink.last, "pid", 0), ==, (guint64)getpid());
        g_assert_false(fixture_watch(&object, &sink, 0));

        /* Closed with bytes in it: they are kept, and its end is told after they were read. */
        say(a, "bye");
        close(a);
        (void)fixture_watch(&object, &sink, 0);
        g_assert_cmpuint(sink.counts[EVENT_PEER_CLOSED], ==, 0);
        fixture_assert_receives(&object, "bye");
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpuint(sink.counts[EVENT_PEER_CLOSED], ==, 1);
        g_assert_cmpuint(record_get_u64(sink.last, "peer", 0), ==, 1);
        g_assert_false(fixture_watch(&object, &sink, 0));

        /* What a receive accepted is told all the same. */
        b = path_fixture_connect(f->path, SOCK_STREAM);
        say(b, "b");
        fixture_assert_receives(&object, "b");
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpuint(sink.counts[EVENT_PEER_CONNECTED], ==, 2);
        close(b);
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpuint(sink.counts[EVENT_PEER_CLOSED], ==, 2);
        g_assert_cmpuint(peers_count(object.state), ==, 0);
        path_fixture_remove(&object);
        fixture_sink_done(&sink);
}

/* A watcher that comes first does not swallow the end that a receive waits for. */
static void test_empty_end_watched(PathFixture *f, gconstpointer data) {
        g_autofree char *text = NULL;
        FixtureSink sink;
        KernelObject object;

        fixture_sink_init(&sink);
        fixture_create(&object, "unix-stream", f->option, NULL);
        g_assert_false(fixture_watch(&object, &sink, 0));
        close(path_fixture_connect(f->path, SOCK_STREAM));
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpint(receive(&object, &text, NULL), ==, -EAGAIN);
        g_assert_cmpint(fixture_wait(&object, OPERATION_RECEIVE, 0), ==, -ETIMEDOUT);
        close(path_fixture_connect(f->path, SOCK_STREAM));
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpuint(sink.counts[EVENT_PEER_CLOSED], ==, 2);
        g_assert_cmpint(receive(&object, &text, NULL), ==, -EPIPE);
        g_assert_cmpint(receive(&object, &text, NULL), ==, -EAGAIN);
        path_fixture_remove(&object);
        fixture_sink_done(&sink);
}

/* More come than are kept: the rest waits in the backlog and gets its turn. */
static void test_many(PathFixture *f, gconstpointer data) {
        enum { MANY = PEERS_MAX + 20 };
        FixtureSink sink;
        KernelObject object;
        int fds[MANY];

        fixture_sink_init(&sink);
        fixture_create(&object, "unix-stream", f->option, NULL);
        g_assert_false(fixture_watch(&object, &sink, 0));
        for (int i = 0; i < MANY; i++) {
                g_autofree char *text = g_strdup_printf("%d", i);

                fds[i] = path_fixture_connect(f->path, SOCK_STREAM);
                say(fds[i], text);
        }
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpuint(peers_count(object.state), ==, PEERS_MAX);
        for (int i = 0; i < PEERS_MAX; i++)
                close(fds[i]);
        for (int i = 0; i < MANY; i++) {
                g_autofree char *text = NULL;
                Error error = {};

                g_assert_cmpint(fixture_receive_waiting(&object, 1000, &text, NULL, &error), ==, 0);
                (void)fixture_watch(&object, &sink, 0);
        }
        g_assert_cmpuint(sink.counts[EVENT_PEER_CONNECTED], ==, MANY);
        g_assert_cmpuint(sink.counts[EVENT_PEER_CLOSED], ==, PEERS_MAX);
        for (int i = PEERS_MAX; i < MANY; i++)
                close(fds[i]);
        path_fixture_remove(&object);
        fixture_sink_done(&sink);
}

/* The service watches for edges only: what ends while a receive looks has to make one, or its place is never free. */
static void test_many_ended(PathFixture *f, gconstpointer data) {
        enum { MANY = PEERS_MAX * 3 };
        CLEANUP_FD int poller = -EBADF;
        struct epoll_event event = {};
        unsigned n_received = 0;
        FixtureSink sink;
        KernelObject object;
        uint32_t events;
        int fd;

        fixture_sink_init(&sink);
        fixture_create(&object, "unix-stream", f->option, NULL);
        g_assert_cmpint(object.mechanism->watch_on(&object, &fd, &events), ==, 0);
        event.events = events;
        poller = epoll_create1(EPOLL_CLOEXEC);
        g_assert_cmpint(epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event), ==, 0);
        for (int i = 0; i < MANY; i++) {
                CLEANUP_FD int connection = path_fixture_connect(f->path, SOCK_STREAM);

                say(connection, "x");
        }
        do {
                g_autofree char *text = NULL;

                if (epoll_wait(poller, &event, 1, 0) == 1) {
                        object.mechanism->watch(&object, event.events, &sink.sink);
                        continue;
                }
                /* All of them have been sent: only a place that was not freed can stand in the way. */
                g_assert_cmpint(receive(&object, &text, NULL), ==, 0);
                n_received++;
        } while (n_received < MANY);
        while (epoll_wait(poller, &event, 1, 0) == 1)
                object.mechanism->watch(&object, event.events, &sink.sink);
        g_assert_cmpuint(sink.counts[EVENT_PEER_CONNECTED], ==, MANY);
        g_assert_cmpuint(sink.counts[EVENT_PEER_CLOSED], ==, MANY);
        path_fixture_remove(&object);
        fixture_sink_done(&sink);
}

static void test_accept(PathFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *peer = NULL;
        KernelObject object;
        Error error = {};
        char buffer[16];
        int fd, accepted = -1;

        g_assert_cmpint(record_new(&peer), ==, 0);
        fixture_create(&object, "unix-stream", f->option, NULL);
        g_assert_cmpint(object.mechanism->accept(&object, &accepted, peer, &error), ==, -EAGAIN);
        g_assert_cmpint(fixture_wait(&object, OPERATION_ACCEPT, 0), ==, -ETIMEDOUT);
        fd = path_fixture_connect(f->path, SOCK_STREAM);
        say(fd, "hello");
        g_assert_cmpint(fixture_wait(&object, OPERATION_ACCEPT, 0), ==, 0);
        g_assert_cmpint(object.mechanism->accept(&object, &accepted, peer, &error), ==, 0);
        g_assert_cmpuint(record_get_u64(peer, "pid", 0), ==, (guint64)getpid());
        g_assert_false(fcntl(accepted, F_GETFL) & O_NONBLOCK);
        g_assert_cmpint(fcntl(accepted, F_GETFD), ==, FD_CLOEXEC);
        g_assert_cmpint(read(accepted, buffer, sizeof buffer), ==, 5);
        close(fd);
        g_assert_cmpint(read(accepted, buffer, sizeof buffer), ==, 0);
        close(accepted);
        g_assert_cmpuint(peers_count(object.state), ==, 0);
        path_fixture_remove(&object);
}

static void test_ends(PathFixture *f, gconstpointer data) {
        KernelObject object;
        Error error = {};
        char buffer[16];
        int connected, listening, accepted;

        fixture_create(&object, "unix-stream", f->option, NULL);
        g_assert_cmpint(object.mechanism->open_end(&object, "read", false, &connected, &error), ==, -EINVAL);
        g_assert_cmpint(object.mechanism->open_end(&object, "", false, &connected, &error), ==, 0);
        g_assert_false(fcntl(connected, F_GETFL) & O_NONBLOCK);
        say(connected, "ready");
        fixture_assert_receives(&object, "ready");
        close(connected);

        g_assert_cmpint(object.mechanism->open_end(&object, "listen", true, &listening, &error), ==, 0);
        g_assert_cmpint(object.fds[LISTENING], <, 0);
        g_assert_false(fcntl(listening, F_GETFL) & O_NONBLOCK);
        connected = path_fixture_connect(f->path, SOCK_STREAM);
        accepted = accept(listening, NULL, NULL);
        g_assert_cmpint(accepted, >=, 0);
        say(connected, "direct");
        g_assert_cmpint(read(accepted, buffer, sizeof buffer), ==, 6);
        close(connected);
        close(accepted);
        close(listening);
        path_fixture_remove(&object);
}

int main(int argc, char **argv) {
        signal(SIGPIPE, SIG_IGN);
        g_test_init(&argc, &argv, NULL);
        PATH_TEST("unix-stream", "create", test_create);
        PATH_TEST("unix-stream", "refused", test_refused);
        PATH_TEST("unix-stream", "replace", test_replace);
        PATH_TEST("unix-stream", "receive", test_receive);
        PATH_TEST("unix-stream", "turns", test_turns);
        PATH_TEST("unix-stream", "send-self", test_send_self);
        PATH_TEST("unix-stream", "send-listening", test_send_listening);
        PATH_TEST("unix-stream", "events", test_events);
        PATH_TEST("unix-stream", "empty-end-watched", test_empty_end_watched);
        PATH_TEST("unix-stream", "many", test_many);
        PATH_TEST("unix-stream", "many-ended", test_many_ended);
        PATH_TEST("unix-stream", "accept", test_accept);
        PATH_TEST("unix-stream", "ends", test_ends);
        return g_test_run();
}
