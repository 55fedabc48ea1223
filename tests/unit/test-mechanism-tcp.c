/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TCP as a kind: listening here, connecting elsewhere, what is refused and why, ends of streams, events. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "inet-address.h"
#include "inet-fixture.h"
#include "peers.h"
#include "tcp-connection.h"

static void say(int fd, const char *text) {
        g_assert_cmpint(write(fd, text, strlen(text)), ==, (int)strlen(text));
}

static void assert_reads(int fd, const char *text) {
        char buffer[64];
        ssize_t n = read(fd, buffer, sizeof buffer);

        g_assert_cmpint(n, >=, 0);
        g_assert_cmpmem(buffer, (gsize)n, text, strlen(text));
}

static void assert_open_fails(const char *address, ErrorCode code, const char *word) {
        Error error = {};
        KernelObject object;

        g_assert_cmpint(fixture_open(&object, address, NULL, &error), <, 0);
        g_assert_cmpint(error.code, ==, code);
        if (!strstr(error.message, word))
                g_error("\"%s\" is not in: %s", word, error.message);
        kernel_object_done(&object);
}

static void test_create(PathFixture *f, gconstpointer data) {
        static const char *const hosts[] = { "host=127.0.0.1", "host=localhost", "host=::1", "host=[::1]" };
        static const char *const prefixes[] = { "tcp:127.0.0.1:", "tcp:127.0.0.1:", "tcp:[::1]:", "tcp:[::1]:" };

        for (size_t i = 0; i < G_N_ELEMENTS(hosts); i++) {
                g_autofree char *address = NULL;
                KernelObject object;
                Error error = {};
                int fd;

                fixture_create(&object, "tcp", hosts[i], NULL);
                address = inet_fixture_address(&object);
                g_assert_true(g_str_has_prefix(address, prefixes[i]));
                g_assert_cmpuint(object.address.port, >, 0);
                g_assert_false(object.unnamed);
                g_assert_cmpint(kernel_object_verify(&object, &error), ==, 0);
                fd = inet_fixture_connect(&object, SOCK_STREAM);
                say(fd, "hello");
                fixture_assert_receives(&object, "hello");
                close(fd);
                path_fixture_remove(&object);
                assert_open_fails(address, ERROR_NO_SUCH_OBJECT, "Nobody listens");
        }
}

/* Only what is asked for by name is reached from other machines. */
static void test_default_is_loopback(PathFixture *f, gconstpointer data) {
        KernelObject object;

        fixture_create(&object, "tcp", NULL);
        g_assert_cmpstr(object.address.text, ==, "127.0.0.1");
        path_fixture_remove(&object);
        fixture_create(&object, "tcp", "host=0.0.0.0", NULL);
        g_assert_cmpstr(object.address.text, ==, "0.0.0.0");
        path_fixture_remove(&object);
}

static void test_refused(PathFixture *f, gconstpointer data) {
        g_autofree char *port = NULL, *inode = NULL;
        struct stat st;
        uint16_t number;
        int fd;

        fd = inet_fixture_socket(AF_INET, SOCK_STREAM, &number);
        g_assert_cmpint(fstat(fd, &st), ==, 0);
        port = g_strdup_printf("port=%u", number);
        inode = g_strdup_printf("tcp:[%lu]", (unsigned long)st.st_ino);
        path_fixture_assert_refused("tcp", port, NULL, ERROR_EXISTS, inode);
        close(fd);
        path_fixture_assert_refused("tcp", "port=65536", NULL, ERROR_INVALID_OPTION, "port");
        path_fixture_assert_refused("tcp", "backlog=0", NULL, ERROR_INVALID_OPTION, "backlog");
        path_fixture_assert_refused("tcp", "host=no.such.host", NULL, ERROR_INVALID_OPTION, "numeric");
        path_fixture_assert_refused("tcp", "host=192.0.2.77", NULL, ERROR_INVALID_OPTION, "no interface");
        path_fixture_assert_refused("tcp", "host=fe80::1", NULL, ERROR_INVALID_OPTION, "interface");
        path_fixture_assert_refused("tcp", "host=fe80::1%nosuch", NULL, ERROR_INVALID_OPTION, "interface");
        path_fixture_assert_refused("tcp", "host=127.0.0.1", "v6only=true", ERROR_INVALID_OPTION, "v6only");
        assert_open_fails("tcp:127.0.0.1:0", ERROR_INVALID_ADDRESS, "Port 0");
        assert_open_fails("tcp:[4294967295]", ERROR_NOT_SUPPORTED, "through a process");
}

static void privileged(void) {
        inet_fixture_loopback_up();
        if (setresuid(65534, 65534, 65534) < 0)
                return;
        path_fixture_assert_refused("tcp", "port=80", NULL, ERROR_NOT_PERMITTED, "CAP_NET_BIND_SERVICE");
}

static void test_privileged(PathFixture *f, gconstpointer data) {
        if (geteuid() != 0)
                g_test_skip("only root can become another user");
        else
                inet_fixture_apart(privileged);
}

static void no_loopback(void) {
        CLEANUP(record_freep) Record *facts = NULL;
        const Mechanism *tcp = mechanism_find("tcp");
        KernelObject object;
        Error error = {};

        path_fixture_assert_refused("tcp", "host=127.0.0.1", NULL, ERROR_NOT_SUPPORTED, "ip link set lo up");
        path_fixture_assert_refused("tcp", "host=::1", NULL, ERROR_NOT_SUPPORTED, "ip link set lo up");
        g_assert_cmpint(record_new(&facts), ==, 0);
        g_assert_cmpint(tcp->probe(facts, &error), ==, -EOPNOTSUPP);
        g_assert_nonnull(strstr(error.message, "lo is down"));
        error = (Error){};
        g_assert_cmpint(fixture_open(&object, "tcp:127.0.0.1:4444", NULL, &error), ==, 0);
        g_assert_cmpint(fixture_send(&object, "x", &error), ==, -EOPNOTSUPP);
        g_assert_nonnull(strstr(error.message, "ip link set lo up"));
        kernel_object_done(&object);

        inet_fixture_loopback_up();
        error = (Error){};
        g_assert_cmpint(tcp->probe(facts, &error), ==, 0);
        fixture_create(&object, "tcp", "port=80", NULL);
        g_assert_cmpint(fixture_send(&object, "up", &error), ==, 0);
        fixture_assert_receives(&object, "up");
        kernel_object_done(&object);
        assert_open_fails("tcp:127.0.0.1:80", ERROR_NO_SUCH_OBJECT, "Nobody listens");
        /* No route to anywhere else. */
        error = (Error){};
        g_assert_cmpint(fixture_open(&object, "tcp:192.0.2.1:80", NULL, &error), ==, 0);
        g_assert_cmpstr(object.identity, ==, "elsewhere");
        g_assert_cmpint(fixture_send(&object, "x", &error), ==, -ENOENT);
        g_assert_nonnull(strstr(error.message, "ENETUNREACH"));
        kernel_object_done(&object);
}

/* With one port free the kernel has to choose the one that is connected to, and connects the socket with itself. */
static void itself(void) {
        InetName other;
        int fd;

        inet_fixture_loopback_up();
        if (!g_file_set_contents_full(
                    "/proc/sys/net/ipv4/ip_local_port_range", "40000 40001", -1, G_FILE_SET_CONTENTS_NONE, 0644, NULL))
                return;
        g_assert_cmpint(inet_name_from_host("127.0.0.1", 40000, &other, NULL), ==, 0);
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(bind(fd, &other.any, inet_name_size(&other)), ==, 0);
        assert_open_fails("tcp:127.0.0.1:40001", ERROR_NO_SUCH_OBJECT, "Nobody listens");
        close(fd);
}

static void test_itself(PathFixture *f, gconstpointer data) {
        inet_fixture_apart(itself);
}

static void test_no_loopback(PathFixture *f, gconstpointer data) {
        inet_fixture_apart(no_loopback);
}

static void test_receive(PathFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *meta = NULL;
        g_autofree char *text = NULL, *from = NULL;
        KernelObject object;
        Error error = {};
        int fd;

        g_assert_cmpint(record_new(&meta), ==, 0);
        fixture_create(&object, "tcp", NULL);
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, NULL, &error), ==, -EAGAIN);
        g_assert_cmpint(fixture_wait(&object, OPERATION_RECEIVE, 0), ==, -ETIMEDOUT);
        fd = inet_fixture_connect(&object, SOCK_STREAM);
        from = g_strdup_printf("tcp:127.0.0.1:%u", inet_fixture_port(fd));
        say(fd, "question");
        g_assert_cmpint(shutdown(fd, SHUT_WR), ==, 0);
        g_assert_cmpint(fixture_receive_waiting(&object, 1000, &text, meta, &error), ==, 0);
        g_assert_cmpstr(text, ==, "question");
        g_assert_cmpstr(record_get_string(meta, "from", ""), ==, from);
        g_assert_cmpuint(record_get_u64(meta, "peer", 0), ==, 1);

        /* Who closed only its sending direction is answered, and then told the end. */
        g_assert_cmpint(fixture_send_with(&object, "answer", "peer=1", &error), ==, 0);
        assert_reads(fd, "answer");
        g_assert_cmpint(fixture_send_with(&object, "!", "end=true", &error), ==, 0); /* a connection to itself */
        fixture_assert_receives(&object, "!");
        close(fd);
        path_fixture_remove(&object);
}

static void test_answer_and_end(PathFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *options = NULL;
        KernelObject object;
        Error error = {};
        size_t sent;
        int fd;

        fixture_create(&object, "tcp", NULL);
        g_assert_cmpint(
                fixture_options(object.mechanism, OPTION_FOR_SEND, &options, &error, "peer=1", "end=true", NULL), ==,
                0);
        fd = inet_fixture_connect(&object, SOCK_STREAM);
        say(fd, "q");
        fixture_assert_receives(&object, "q");
        g_assert_cmpint(object.mechanism->send(&object, "a", 1, options, &sent, &error), ==, 0);
        assert_reads(fd, "a");
        assert_reads(fd, "");
        g_assert_cmpint(object.mechanism->send(&object, "b", 1, options, &sent, &error), ==, -EPIPE);
        close(fd);
        path_fixture_remove(&object);
}

/* A connection of the object's own to somebody who is not ours. */
static void test_foreign(PathFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *attributes = NULL;
        g_autofree char *address = NULL, *text = NULL, *self = NULL;
        KernelObject object;
        Error error = {};
        uint16_t port;
        int server, peer;

        server = inet_fixture_socket(AF_INET, SOCK_STREAM, &port);
        address = g_strdup_printf("tcp:localhost:%u", port);
        g_assert_cmpint(fixture_open(&object, address, NULL, &error), ==, 0);
        self = inet_fixture_address(&object);
        g_assert_true(g_str_has_prefix(self, "tcp:127.0.0.1:"));
        g_assert_cmpint(fixture_send_waiting(&object, "question", 1000, &error), ==, 0);
        peer = accept4(server, NULL, NULL, SOCK_CLOEXEC);
        assert_reads(peer, "question");
        say(peer, "answer");
        g_assert_cmpint(fixture_receive_waiting(&object, 1000, &text, NULL, &error), ==, 0);
        g_assert_cmpstr(text, ==, "answer");
        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(object.mechanism->describe(&object, attributes, &error), ==, 0);
        g_assert_cmpstr(record_get_string(attributes, "state", ""), ==, "listening");
        g_assert_cmpuint(record_get_u64(attributes, "peers", 0), ==, 1);
        g_assert_cmpint(fixture_send_with(&object, "last", "end=true", &error), ==, 0);
        assert_reads(peer, "last");
        assert_reads(peer, "");
        g_clear_pointer(&text, g_free);
        error = (Error){};
        g_assert_cmpint(fixture_send_with(&object, "x", "listen=true", &error), ==, -EOPNOTSUPP);
        error = (Error){};
        g_assert_cmpint(object.mechanism->remove(&object, &error), ==, -EOPNOTSUPP);

        close(peer);
        close(server);
        kernel_object_done(&object);
}

static void test_reset_told(PathFixture *f, gconstpointer data) {
        g_autofree char *address = NULL, *text = NULL;
        KernelObject object;
        Error error = {};
        uint16_t port;
        int server, peer;

        server = inet_fixture_socket(AF_INET, SOCK_STREAM, &port);
        address = g_strdup_printf("tcp:127.0.0.1:%u", port);
        g_assert_cmpint(fixture_open(&object, address, NULL, &error), ==, 0);
        g_assert_cmpint(fixture_send_waiting(&object, "unread", 1000, &error), ==, 0);
        peer = accept4(server, NULL, NULL, SOCK_CLOEXEC);
        close(peer);
        g_assert_cmpint(fixture_receive_waiting(&object, 1000, &text, NULL, &error), ==, -EPIPE);
        g_assert_cmpint(error.code, ==, ERROR_PEER_GONE);
        g_assert_nonnull(strstr(error.message, "ECONNRESET"));
        close(server);
        kernel_object_done(&object);
}

static void test_events(PathFixture *f, gconstpointer data) {
        FixtureSink sink;
        KernelObject object;
        int fd;

        fixture_sink_init(&sink);
        fixture_create(&object, "tcp", NULL);
        g_assert_false(fixture_watch(&object, &sink, 0));
        fd = inet_fixture_connect(&object, SOCK_STREAM);
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpuint(sink.counts[EVENT_PEER_CONNECTED], ==, 1);
        g_assert_true(g_str_has_prefix(record_get_string(sink.last, "from", ""), "tcp:127.0.0.1:"));
        say(fd, "bye");
        close(fd);
        (void)fixture_watch(&object, &sink, 0);
        g_assert_cmpuint(sink.counts[EVENT_PEER_CLOSED], ==, 0);
        fixture_assert_receives(&object, "bye");
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpuint(sink.counts[EVENT_PEER_CLOSED], ==, 1);

        /* A reset, and then one that says nothing at all. */
        fd = inet_fixture_connect(&object, SOCK_STREAM);
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpint(setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger)), ==, 0);
        close(fd);
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpuint(sink.counts[EVENT_PEER_CLOSED], ==, 2);
        close(inet_fixture_connect(&object, SOCK_STREAM));
        while (sink.counts[EVENT_PEER_CLOSED] < 3)
                g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpuint(sink.counts[EVENT_PEER_CONNECTED], ==, 3);
        fixture_sink_done(&sink);
        path_fixture_remove(&object);
}

/* Connections at their end do not keep others out for ever. */
static void test_many(PathFixture *f, gconstpointer data) {
        FixtureSink sink;
        KernelObject object;
        Error error = {};

        fixture_sink_init(&sink);
        fixture_create(&object, "tcp", NULL);
        for (unsigned i = 0; i < PEERS_MAX + 10; i++) {
                close(inet_fixture_connect(&object, SOCK_STREAM));
                (void)fixture_watch(&object, &sink, 1000);
                (void)fixture_watch(&object, &sink, 0);
        }
        g_assert_cmpuint(sink.counts[EVENT_PEER_CLOSED], ==, PEERS_MAX + 10);
        g_assert_cmpint(fixture_send(&object, "late", &error), ==, 0);
        fixture_assert_receives(&object, "late");
        fixture_sink_done(&sink);
        path_fixture_remove(&object);
}

static void test_ends(PathFixture *f, gconstpointer data) {
        KernelObject object;
        Error error = {};
        int fd, listener, peer;

        fixture_create(&object, "tcp", NULL);
        g_assert_cmpint(object.mechanism->open_end(&object, "connect", false, &fd, &error), ==, 0);
        g_assert_cmpint(fcntl(fd, F_GETFL) & O_NONBLOCK, ==, 0);
        say(fd, "by hand");
        fixture_assert_receives(&object, "by hand");
        close(fd);
        g_assert_cmpint(object.mechanism->open_end(&object, "middle", false, &fd, &error), ==, -EINVAL);
        g_assert_cmpint(object.mechanism->open_end(&object, "listen", true, &listener, &error), ==, 0);
        fd = inet_fixture_connect(&object, SOCK_STREAM);
        peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        say(peer, "accepted elsewhere");
        assert_reads(fd, "accepted elsewhere");
        close(peer);
        close(fd);
        close(listener);
        kernel_object_done(&object);
}

static void test_accept(PathFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *peer = NULL;
        KernelObject object;
        Error error = {};
        int fd, accepted;

        g_assert_cmpint(record_new(&peer), ==, 0);
        fixture_create(&object, "tcp", "nodelay=true", NULL);
        g_assert_cmpint(object.mechanism->accept(&object, &accepted, peer, &error), ==, -EAGAIN);
        fd = inet_fixture_connect(&object, SOCK_STREAM);
        g_assert_cmpint(object.mechanism->accept(&object, &accepted, peer, &error), ==, 0);
        g_assert_true(record_has(peer, "from"));
        say(fd, "direct");
        assert_reads(accepted, "direct");
        close(fd);
        close(accepted);
        path_fixture_remove(&object);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        INET_TEST("tcp/create", test_create);
        INET_TEST("tcp/loopback", test_default_is_loopback);
        INET_TEST("tcp/refused", test_refused);
        INET_TEST("tcp/privileged", test_privileged);
        INET_TEST("tcp/itself", test_itself);
        INET_TEST("tcp/no-loopback", test_no_loopback);
        INET_TEST("tcp/receive", test_receive);
        INET_TEST("tcp/answer-and-end", test_answer_and_end);
        INET_TEST("tcp/foreign", test_foreign);
        INET_TEST("tcp/reset-told", test_reset_told);
        INET_TEST("tcp/events", test_events);
        INET_TEST("tcp/many", test_many);
        INET_TEST("tcp/ends", test_ends);
        INET_TEST("tcp/accept", test_accept);
        return g_test_run();
}
