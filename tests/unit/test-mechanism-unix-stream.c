/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UNIX stream sockets as a kind: listening here, connecting elsewhere, several peers, ends of streams, events. */
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
#include "mechanism-fixture.h"
#include "scan.h"
#include "unix-address.h"
#include "unix-peers.h"

enum { LISTENING, CONNECTED };

typedef struct Fixture {
        char *directory, *path, *address, *option;
        unsigned descriptors;
} Fixture;

static void set_up(Fixture *f, gconstpointer data) {
        f->directory = fixture_directory_new();
        f->path = g_strdup_printf("%s/s", f->directory);
        f->address = g_strdup_printf("unix-stream:%s", f->path);
        f->option = g_strdup_printf("path=%s", f->path);
        f->descriptors = fixture_descriptors();
}

static void tear_down(Fixture *f, gconstpointer data) {
        g_assert_cmpuint(fixture_descriptors(), ==, f->descriptors);
        fixture_directory_done(f->directory);
        g_free(f->path);
        g_free(f->address);
        g_free(f->option);
}

static void remove_object(KernelObject *object) {
        Error error = {};

        g_assert_cmpint(kernel_object_verify(object, &error), ==, 0);
        g_assert_cmpint(object->mechanism->remove(object, &error), ==, 0);
        kernel_object_done(object);
}

static int client(const char *path) {
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        g_strlcpy(name.sun_path, path, sizeof name.sun_path);
        g_assert_cmpint(connect(fd, (struct sockaddr *)&name, sizeof name), ==, 0);
        return fd;
}

static void say(int fd, const char *text) {
        g_assert_cmpint(write(fd, text, strlen(text)), ==, (int)strlen(text));
}

static int receive(KernelObject *object, char **ret_text, Record *meta) {
        Error error = {};

        return fixture_receive(object, false, 0, ret_text, meta, &error);
}

static int send_with(KernelObject *object, const char *text, const char *option, Error *error) {
        CLEANUP(record_freep) Record *options = NULL;
        size_t sent;

        g_assert_cmpint(fixture_options(object->mechanism, OPTION_FOR_SEND, &options, error, option, NULL), ==, 0);
        return object->mechanism->send(object, text, strlen(text), options, &sent, error);
}

static void assert_refused(const char *one, const char *two, ErrorCode code, const char *word) {
        KernelObject object;
        Error error = {};

        g_assert_cmpint(fixture_try_create(&object, &error, "unix-stream", one, two, NULL), <, 0);
        g_assert_cmpstr(error_code_name(error.code), ==, error_code_name(code));
        if (!strstr(error.message, word))
                g_error("\"%s\" does not say \"%s\"", error.message, word);
}

static void test_create(Fixture *f, gconstpointer data) {
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
        remove_object(&object);
        g_assert_cmpint(lstat(f->path, &st), ==, -1);
}

static void test_refused(Fixture *f, gconstpointer data) {
        g_autofree char *content = NULL, *longer = g_strnfill(120, 'x');
        g_autofree char *too_long = g_strdup_printf("path=/%s", longer);
        g_autofree char *below = g_strdup_printf("path=%s/none/s", f->directory);

        assert_refused(NULL, NULL, ERROR_INVALID_OPTION, "neither");
        assert_refused(f->option, "name=x", ERROR_INVALID_OPTION, "both");
        assert_refused("path=relative", NULL, ERROR_INVALID_OPTION, "absolute");
        assert_refused(too_long, NULL, ERROR_INVALID_OPTION, "107");
        assert_refused("name=@", NULL, ERROR_INVALID_OPTION, "abstract");
        assert_refused(f->option, "backlog=0", ERROR_INVALID_OPTION, "backlog");
        assert_refused(below, NULL, ERROR_NO_SUCH_OBJECT, "ENOENT");
        g_assert_true(g_file_set_contents(f->path, "precious", -1, NULL));
        assert_refused(f->option, NULL, ERROR_EXISTS, "regular file");
        assert_refused(f->option, "replace=true", ERROR_EXISTS, "regular file");
        g_assert_true(g_file_get_contents(f->path, &content, NULL, NULL));
        g_assert_cmpstr(content, ==, "precious");
        unlink(f->path);
}

/* A socket that is used is never replaced, and its owner notices nothing; what nobody is bound to is, when asked. */
static void test_replace(Fixture *f, gconstpointer data) {
        KernelObject first, second;
        g_autofree char *text = NULL;
        Error error = {};

        fixture_create(&first, "unix-stream", f->option, NULL);
        assert_refused(f->option, NULL, ERROR_EXISTS, "in use");
        assert_refused(f->option, "replace=true", ERROR_EXISTS, "in use");
        g_assert_cmpint(receive(&first, &text, NULL), ==, -EAGAIN);
        g_assert_cmpuint(peers_count(first.state), ==, 0);
        kernel_object_done(&first);

        assert_refused(f->option, NULL, ERROR_EXISTS, "replace=true");
        fixture_create(&second, "unix-stream", f->option, "replace=true", NULL);
        g_assert_cmpint(fixture_send(&second, "new", &error), ==, 0);
        fixture_assert_receives(&second, "new");
        remove_object(&second);
}

static void test_receive(Fixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *meta = NULL;
        g_autofree char *text = NULL, *peeked = NULL;
        KernelObject object;
        Error error = {};
        int fd;

        g_assert_cmpint(record_new(&meta), ==, 0);
        fixture_create(&object, "unix-stream", f->option, NULL);
        g_assert_cmpint(receive(&object, &text, NULL), ==, -EAGAIN);
        g_assert_cmpint(fixture_wait(&object, OPERATION_RECEIVE, 0), ==, -ETIMEDOUT);

        fd = client(f->path);
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

        close(client(f->path));
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, NULL, &error), ==, -EPIPE);
        g_assert_cmpint(error.code, ==, ERROR_PEER_GONE);
        g_assert_cmpint(receive(&object, &text, NULL), ==, -EAGAIN);
        remove_object(&object);
}

static void test_turns(Fixture *f, gconstpointer data) {
        KernelObject object;
        int a, b;

        fixture_create(&object, "unix-stream", f->option, NULL);
        a = client(f->path);
        b = client(f->path);
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
        remove_object(&object);
}

/* Send to an address of ours is a connection, the bytes, and its end. */
static void test_send_self(Fixture *f, gconstpointer data) {
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
        remove_object(&object);
}

static void test_send_listening(Fixture *f, gconstpointer data) {
        KernelObject object;
        Error error = {};
        char buffer[16];
        int a, b;

        fixture_create(&object, "unix-stream", f->option, NULL);
        g_assert_cmpint(send_with(&object, "x", "listen=true", &error), ==, -EAGAIN);
        g_assert_cmpint(fixture_wait(&object, OPERATION_SEND, 0), ==, -ETIMEDOUT);
        a = client(f->path);
        b = client(f->path);
        g_assert_cmpint(fixture_wait(&object, OPERATION_SEND, 0), ==, 0);
        g_assert_cmpint(send_with(&object, "first", "listen=true", &error), ==, 0);
        g_assert_cmpint(read(a, buffer, sizeof buffer), ==, 5);
        g_assert_cmpint(send_with(&object, "second", "peer=2", &error), ==, 0);
        g_assert_cmpint(read(b, buffer, sizeof buffer), ==, 6);
        g_assert_cmpint(send_with(&object, "x", "peer=3", &error), ==, -EPIPE);

        /* Who only closed its sending direction still gets an answer. */
        say(a, "question");
        g_assert_cmpint(shutdown(a, SHUT_WR), ==, 0);
        fixture_assert_receives(&object, "question");
        g_assert_cmpint(send_with(&object, "answer", "peer=1", &error), ==, 0);
        g_assert_cmpint(read(a, buffer, sizeof buffer), ==, 6);
        close(a);
        error = (Error){};
        g_assert_cmpint(send_with(&object, "x", "peer=1", &error), ==, -EPIPE);
        g_assert_cmpint(error.code, ==, ERROR_PEER_GONE);
        g_assert_cmpint(send_with(&object, "next", "listen=true", &error), ==, 0);
        g_assert_cmpint(read(b, buffer, sizeof buffer), ==, 4);
        close(b);
        remove_object(&object);
}

static void test_events(Fixture *f, gconstpointer data) {
        FixtureSink sink;
        KernelObject object;
        int a, b;

        fixture_sink_init(&sink);
        fixture_create(&object, "unix-stream", f->option, NULL);
        g_assert_false(fixture_watch(&object, &sink, 0));
        a = client(f->path);
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
        b = client(f->path);
        say(b, "b");
        fixture_assert_receives(&object, "b");
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpuint(sink.counts[EVENT_PEER_CONNECTED], ==, 2);
        close(b);
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpuint(sink.counts[EVENT_PEER_CLOSED], ==, 2);
        g_assert_cmpuint(peers_count(object.state), ==, 0);
        remove_object(&object);
        fixture_sink_done(&sink);
}

/* A watcher that comes first does not swallow the end that a receive waits for. */
static void test_empty_end_watched(Fixture *f, gconstpointer data) {
        g_autofree char *text = NULL;
        FixtureSink sink;
        KernelObject object;

        fixture_sink_init(&sink);
        fixture_create(&object, "unix-stream", f->option, NULL);
        g_assert_false(fixture_watch(&object, &sink, 0));
        close(client(f->path));
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpint(receive(&object, &text, NULL), ==, -EAGAIN);
        g_assert_cmpint(fixture_wait(&object, OPERATION_RECEIVE, 0), ==, -ETIMEDOUT);
        close(client(f->path));
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpuint(sink.counts[EVENT_PEER_CLOSED], ==, 2);
        g_assert_cmpint(receive(&object, &text, NULL), ==, -EPIPE);
        g_assert_cmpint(receive(&object, &text, NULL), ==, -EAGAIN);
        remove_object(&object);
        fixture_sink_done(&sink);
}

/* More come than are kept: the rest waits in the backlog and gets its turn. */
static void test_many(Fixture *f, gconstpointer data) {
        enum { MANY = PEERS_MAX + 20 };
        FixtureSink sink;
        KernelObject object;
        int fds[MANY];

        fixture_sink_init(&sink);
        fixture_create(&object, "unix-stream", f->option, NULL);
        g_assert_false(fixture_watch(&object, &sink, 0));
        for (int i = 0; i < MANY; i++) {
                g_autofree char *text = g_strdup_printf("%d", i);

                fds[i] = client(f->path);
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
        remove_object(&object);
        fixture_sink_done(&sink);
}

static void test_accept(Fixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *peer = NULL;
        KernelObject object;
        Error error = {};
        char buffer[16];
        int fd, accepted = -1;

        g_assert_cmpint(record_new(&peer), ==, 0);
        fixture_create(&object, "unix-stream", f->option, NULL);
        g_assert_cmpint(object.mechanism->accept(&object, &accepted, peer, &error), ==, -EAGAIN);
        g_assert_cmpint(fixture_wait(&object, OPERATION_ACCEPT, 0), ==, -ETIMEDOUT);
        fd = client(f->path);
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
        remove_object(&object);
}

static void test_ends(Fixture *f, gconstpointer data) {
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
        connected = client(f->path);
        accepted = accept(listening, NULL, NULL);
        g_assert_cmpint(accepted, >=, 0);
        say(connected, "direct");
        g_assert_cmpint(read(accepted, buffer, sizeof buffer), ==, 6);
        close(connected);
        close(accepted);
        close(listening);
        remove_object(&object);
}

/* A server of another process, that answers what it is asked. */
static pid_t serve(const char *path) {
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        pid_t pid;

        g_strlcpy(name.sun_path, path, sizeof name.sun_path);
        g_assert_cmpint(bind(fd, (struct sockaddr *)&name, sizeof name), ==, 0);
        g_assert_cmpint(listen(fd, 5), ==, 0);
        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                for (;;) {
                        char buffer[64];
                        int peer = accept(fd, NULL, NULL);
                        ssize_t n = read(peer, buffer, sizeof buffer);

                        if (n > 0 && memcmp(buffer, "quit", 4) == 0)
                                _exit(0);
                        if (n > 0)
                                (void)!write(peer, "answer", 6);
                        close(peer);
                }
        }
        close(fd);
        return pid;
}

static void test_foreign(Fixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *attributes = NULL, *meta = NULL;
        g_autofree char *text = NULL;
        HolderKey keys[HOLDER_KEYS_MAX];
        KernelObject object;
        Error error = {};
        size_t n = HOLDER_KEYS_MAX;
        int status;
        pid_t pid;

        g_assert_cmpint(fixture_open(&object, f->address, NULL, &error), ==, -ENOENT);
        pid = serve(f->path);
        error = (Error){};
        g_assert_cmpint(fixture_open(&object, f->address, NULL, &error), ==, 0);
        g_assert_cmpint(fixture_send(&object, "question", &error), ==, 0);
        g_assert_cmpint(record_new(&meta), ==, 0);
        g_assert_cmpint(fixture_receive_waiting(&object, 10000, &text, meta, &error), ==, 0);
        g_assert_cmpstr(text, ==, "answer");
        g_assert_cmpuint(record_get_u64(meta, "pid", 0), ==, (guint64)getpid()); /* who called listen(2) */
        g_clear_pointer(&text, g_free);
        g_assert_cmpint(fixture_receive_waiting(&object, 10000, &text, NULL, &error), ==, -EPIPE);
        error = (Error){};
        g_assert_cmpint(send_with(&object, "x", "listen=true", &error), ==, -EOPNOTSUPP);

        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(object.mechanism->describe(&object, attributes, &error), ==, 0);
        g_assert_cmpstr(record_get_string(attributes, "state", ""), ==, "listening");
        g_assert_cmpint(object.mechanism->holder_keys(&object, keys, &n), ==, 0);
        g_assert_cmpuint(n, >=, 1);
        g_assert_cmpint(fixture_send(&object, "quit", &error), ==, 0);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        kernel_object_done(&object);

        /* The file stays when its process has gone. */
        error = (Error){};
        g_assert_cmpint(fixture_open(&object, f->address, NULL, &error), ==, 0);
        g_assert_cmpint(fixture_send(&object, "x", &error), ==, -EPIPE);
        g_assert_nonnull(strstr(error.message, "ECONNREFUSED"));
        remove_object(&object);
}

static void test_abstract(Fixture *f, gconstpointer data) {
        g_autofree char *option = g_strdup_printf("name=ipcbus-test-%d", getpid());
        g_autofree char *address = g_strdup_printf("unix-stream:@ipcbus-test-%d", getpid());
        g_autofree char *printed = NULL;
        KernelObject object, foreign;
        Error error = {};

        fixture_create(&object, "unix-stream", option, NULL);
        printed = address_print(&object.address);
        g_assert_cmpstr(printed, ==, address);
        g_assert_true(object.unnamed);
        g_assert_cmpint(kernel_object_verify(&object, &error), ==, 0);
        assert_refused(option, "replace=true", ERROR_EXISTS, "in use");
        g_assert_cmpint(fixture_open(&foreign, address, NULL, &error), ==, 0);
        g_assert_cmpstr(foreign.identity, ==, object.identity);
        g_assert_cmpuint(foreign.owner, ==, geteuid());
        g_assert_cmpint(fixture_send(&foreign, "over there", &error), ==, 0);
        fixture_assert_receives(&object, "over there");
        g_assert_cmpint(foreign.mechanism->remove(&foreign, &error), ==, -EOPNOTSUPP);
        kernel_object_done(&foreign);
        remove_object(&object);
        error = (Error){};
        g_assert_cmpint(fixture_open(&foreign, address, NULL, &error), ==, -ENOENT);
}

static void test_wrong_type(Fixture *f, gconstpointer data) {
        g_autofree char *other = g_strdup_printf("unix-dgram:%s", f->path);
        KernelObject object, foreign;
        Error error = {};

        fixture_create(&object, "unix-stream", f->option, NULL);
        g_assert_cmpint(fixture_open(&foreign, other, NULL, &error), ==, -EDESTADDRREQ);
        g_assert_cmpint(error.code, ==, ERROR_INVALID_ADDRESS);
        remove_object(&object);
        g_assert_true(g_file_set_contents(f->path, "x", -1, NULL));
        g_assert_cmpint(fixture_open(&foreign, f->address, NULL, &error), ==, -ENOENT);
        g_assert_nonnull(strstr(error.message, "regular file"));
        unlink(f->path);
        error = (Error){};
        g_assert_cmpint(fixture_open(&foreign, "unix-stream:[1]", NULL, &error), ==, -EOPNOTSUPP);
}

typedef struct Search {
        Scan scan;
        const char *address;
        unsigned found;
        char *state;
} Search;

static int search_row(Scan *scan, Record *row) {
        Search *search = scan->userdata;

        if (strcmp(record_get_string(row, "address", ""), search->address) == 0) {
                search->found++;
                g_free(search->state);
                search->state = g_strdup(record_get_string(row, "state", ""));
                g_assert_cmpuint(record_get_u64(row, "uid", 99), ==, geteuid());
        }
        g_assert_cmpint(record_error(row), ==, 0);
        record_free(row);
        return 0;
}

static void test_scan(Fixture *f, gconstpointer data) {
        Search search = { .scan.row = search_row, .address = f->address };
        KernelObject object;
        int fd;

        search.scan.userdata = &search;
        fixture_create(&object, "unix-stream", f->option, NULL);
        fd = client(f->path);
        fixture_wait(&object, OPERATION_RECEIVE, 0);
        g_assert_cmpint(object.mechanism->scan(&search.scan), ==, 0);
        g_assert_cmpuint(search.found, ==, 1);
        g_assert_cmpstr(search.state, ==, "listening");
        close(fd);
        remove_object(&object);
        g_free(search.state);
}

#define ADD(name, function) g_test_add("/unix-stream/" name, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv) {
        signal(SIGPIPE, SIG_IGN);
        g_test_init(&argc, &argv, NULL);
        ADD("create", test_create);
        ADD("refused", test_refused);
        ADD("replace", test_replace);
        ADD("receive", test_receive);
        ADD("turns", test_turns);
        ADD("send-self", test_send_self);
        ADD("send-listening", test_send_listening);
        ADD("events", test_events);
        ADD("empty-end-watched", test_empty_end_watched);
        ADD("many", test_many);
        ADD("accept", test_accept);
        ADD("ends", test_ends);
        ADD("foreign", test_foreign);
        ADD("abstract", test_abstract);
        ADD("wrong-type", test_wrong_type);
        ADD("scan", test_scan);
        return g_test_run();
}
