/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TCP sockets of others: by descriptor, in the list of the machine, explained, and by host name. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "inet-fixture.h"

static void say(int fd, const char *text) {
        g_assert_cmpint(write(fd, text, strlen(text)), ==, (int)strlen(text));
}

static void assert_reads(int fd, const char *text) {
        char buffer[64];
        ssize_t n = read(fd, buffer, sizeof buffer);

        g_assert_cmpint(n, >=, 0);
        g_assert_cmpmem(buffer, (gsize)n, text, strlen(text));
}

/* A descriptor of a connection, and one of somebody's listener, which is looked at only. */
static void test_from_fd(PathFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *attributes = NULL, *meta = NULL;
        const Mechanism *tcp = mechanism_find("tcp");
        g_autofree char *address = NULL, *text = NULL, *wanted = NULL;
        KernelObject listener, object;
        Error error = {};
        struct stat st;
        int fd, peer, pipe_fds[2], server;
        uint16_t port;

        g_assert_cmpint(record_new(&meta), ==, 0);
        fixture_create(&listener, "tcp", NULL);
        fd = inet_fixture_connect(&listener, SOCK_STREAM);
        g_assert_cmpint(listener.mechanism->accept(&listener, &peer, meta, &error), ==, 0);
        kernel_object_init(&object, tcp);
        g_assert_cmpint(tcp->from_fd(&object, fd, NULL, &error), ==, 0);
        g_assert_cmpint(fstat(fd, &st), ==, 0);
        address = inet_fixture_address(&object);
        wanted = g_strdup_printf("tcp:[%lu]", (unsigned long)st.st_ino);
        g_assert_cmpstr(address, ==, wanted);
        g_assert_true(object.unnamed);
        g_assert_cmpint(fixture_send(&object, "over the fd", &error), ==, 0);
        assert_reads(peer, "over the fd");
        say(peer, "back");
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, NULL, &error), ==, 0);
        g_assert_cmpstr(text, ==, "back");
        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(tcp->describe(&object, attributes, &error), ==, 0);
        g_assert_cmpstr(record_get_string(attributes, "state", ""), ==, "connected");
        g_assert_true(record_has(attributes, "mss"));
        g_assert_true(g_str_has_prefix(record_get_string(attributes, "far_end", ""), "tcp:["));
        g_assert_cmpuint(object.created, ==, 0);
        kernel_object_done(&object);
        close(peer);
        path_fixture_remove(&listener);

        server = inet_fixture_socket(AF_INET6, SOCK_STREAM, &port);
        kernel_object_init(&object, tcp);
        g_assert_cmpint(tcp->from_fd(&object, server, NULL, &error), ==, 0);
        g_assert_cmpuint(object.address.port, ==, port);
        g_assert_cmpint(tcp->accept(&object, &fd, meta, &error), ==, -EOPNOTSUPP);
        g_assert_cmpint(fixture_send(&object, "as a client", &error), ==, 0);
        peer = accept4(server, NULL, NULL, SOCK_CLOEXEC);
        assert_reads(peer, "as a client");
        close(peer);
        kernel_object_done(&object);

        g_assert_cmpint(pipe2(pipe_fds, O_CLOEXEC), ==, 0);
        kernel_object_init(&object, tcp);
        g_assert_cmpint(tcp->from_fd(&object, pipe_fds[0], NULL, &error), ==, -EMEDIUMTYPE);
        close(pipe_fds[0]);
        close(pipe_fds[1]);
}

static void test_scan(PathFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *row = NULL, *connection = NULL, *meta = NULL;
        g_autofree char *address = NULL, *inode = NULL;
        uint64_t here, there;
        KernelObject object;
        struct stat st;
        Error error = {};
        int fd, peer;

        g_assert_cmpint(record_new(&meta), ==, 0);
        fixture_create(&object, "tcp", NULL);
        address = inet_fixture_address(&object);
        fd = inet_fixture_connect(&object, SOCK_STREAM);
        g_assert_cmpint(object.mechanism->accept(&object, &peer, meta, &error), ==, 0);
        say(fd, "12345");
        row = fixture_scan("tcp", address);
        g_assert_nonnull(row);
        g_assert_cmpstr(record_get_string(row, "state", ""), ==, "listening");
        g_assert_cmpuint(record_get_u64(row, "backlog", 0), >, 0);
        g_assert_cmpint(fstat(fd, &st), ==, 0);
        here = st.st_ino;
        g_assert_cmpint(fstat(peer, &st), ==, 0);
        there = st.st_ino;
        /* The connection is one row, at the smaller number. */
        inode = g_strdup_printf("tcp:[%lu]", (unsigned long)MIN(here, there));
        connection = fixture_scan("tcp", inode);
        g_assert_nonnull(connection);
        g_assert_cmpstr(record_get_string(connection, "state", ""), ==, "connected");
        g_assert_cmpuint(record_get_u64(connection, "used", 0), ==, 5);
        g_free(inode);
        inode = g_strdup_printf("tcp:[%lu]", (unsigned long)MAX(here, there));
        g_assert_cmpstr(record_get_string(connection, "far_end", ""), ==, inode);
        g_assert_null(fixture_scan("tcp", inode));
        close(fd);
        close(peer);
        path_fixture_remove(&object);
}

static void test_explain(PathFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *verdict = NULL;
        g_autofree char *address = NULL;
        const Value *steps;
        KernelObject object;

        fixture_create(&object, "tcp", NULL);
        address = address_print(&object.address);
        verdict = fixture_explain(address);
        g_assert_true(fixture_may(verdict, "connect to"));
        steps = record_get(verdict, "steps");
        g_assert_nonnull(steps);
        g_assert_cmpuint(steps->records.n, ==, 7);
        for (size_t i = 0; i < steps->records.n; i++)
                g_assert_cmpstr(record_get_string(steps->records.items[i], "result", ""), !=, "blocked");
        path_fixture_remove(&object);
        record_free(verdict);
        verdict = fixture_explain(address);
        g_assert_false(fixture_may(verdict, "connect to"));
        g_assert_cmpstr(record_get_string(verdict, "errno", ""), ==, "ECONNREFUSED");
        g_assert_true(record_get_bool(verdict, "creatable", false));
}

/* A host name is looked up in a worker; what is a number already is not. */
static void test_names(PathFixture *f, gconstpointer data) {
        static const struct {
                const char *address;
                bool needs;
        } rows[] = { { "tcp:127.0.0.1:1", false }, { "tcp:[::1]:1", false }, { "tcp:localhost:1", false },
                { "tcp:ip6-loopback.invalid:1", true }, { "tcp:[7]", true } };
        const Mechanism *tcp = mechanism_find("tcp");

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                CLEANUP(address_done) Address address = ADDRESS_EMPTY;

                g_assert_cmpint(address_parse(rows[i].address, &address, NULL), ==, 0);
                g_assert_true(tcp->needs_fetch(&address) == rows[i].needs);
        }
        for (unsigned i = 0; i < 2; i++) {
                CLEANUP(address_done) Address address = ADDRESS_EMPTY;
                int fd = -EBADF, r;
                Error error = {};

                g_assert_cmpint(
                        address_parse(i ? "tcp:no-such-host.invalid:1" : "tcp:127.1:99", &address, NULL), ==, 0);
                r = tcp->fetch(&address, NULL, &fd, &error);
                g_assert_cmpint(fd, ==, -EBADF);
                g_assert_true(i ? r < 0 : r == 0);
                if (!i)
                        g_assert_cmpstr(address.text, ==, "127.0.0.1");
        }
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        INET_TEST("tcp/from-fd", test_from_fd);
        INET_TEST("tcp/scan", test_scan);
        INET_TEST("tcp/explain", test_explain);
        INET_TEST("tcp/names", test_names);
        return g_test_run();
}
