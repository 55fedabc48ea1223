/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's list of TCP, UDP and raw sockets, against sockets that the test made. */
#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inet-diag.h"

static InetSockets *list(int protocol, unsigned states, uint16_t port) {
        InetSockets *sockets = NULL;
        Error error = {};

        if (inet_sockets_new(protocol, states, port, &sockets, &error) < 0)
                g_error("%s", error.message);
        return sockets;
}

static const InetSocket *find_fd(const InetSockets *sockets, int fd) {
        struct stat st;

        g_assert_cmpint(fstat(fd, &st), ==, 0);
        return inet_sockets_find(sockets, st.st_ino);
}

static InetName loopback(int family) {
        InetName name = {};

        name.any.sa_family = (sa_family_t)family;
        if (family == AF_INET6)
                name.v6.sin6_addr = in6addr_loopback;
        else
                name.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return name;
}

/* Bound to loopback, and what it is bound to. */
static int new_socket(int family, int type, InetName *ret) {
        int fd = socket(family, type | SOCK_CLOEXEC, 0);
        socklen_t length = sizeof *ret;

        *ret = loopback(family);
        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(bind(fd, &ret->any, inet_name_size(ret)), ==, 0);
        g_assert_cmpint(getsockname(fd, &ret->any, &length), ==, 0);
        return fd;
}

static void connection_in(int family) {
        const InetSocket *a, *b, *server;
        InetSockets *sockets;
        InetName name;
        int listener, client, accepted;

        listener = new_socket(family, SOCK_STREAM, &name);
        g_assert_cmpint(listen(listener, 7), ==, 0);
        client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(connect(client, &name.any, inet_name_size(&name)), ==, 0);
        sockets = list(IPPROTO_TCP, INET_STATES_ALL, 0);
        server = find_fd(sockets, listener);
        g_assert_nonnull(server);
        g_assert_cmpuint(server->state, ==, TCP_LISTEN);
        g_assert_cmpuint(server->backlog, ==, 7);
        g_assert_cmpuint(server->queued, ==, 1);
        g_assert_true(inet_sockets_bound(sockets, &name) == server);
        inet_sockets_free(sockets);

        accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        g_assert_cmpint(send(client, "hello", 5, 0), ==, 5);
        sockets = list(IPPROTO_TCP, INET_STATES_ALL, 0);
        a = find_fd(sockets, client);
        b = find_fd(sockets, accepted);
        g_assert_nonnull(a);
        g_assert_nonnull(b);
        g_assert_cmpuint(b->queued, ==, 5);
        g_assert_cmpuint(a->mss, >, 0);
        g_assert_cmpuint(a->uid, ==, geteuid());
        g_assert_true(inet_sockets_far_end(sockets, a) == b);
        g_assert_true(inet_sockets_far_end(sockets, b) == a);
        inet_sockets_free(sockets);

        /* Only those that listen, and only at that port. */
        sockets = list(IPPROTO_TCP, 1 << TCP_LISTEN, inet_name_port(&name));
        g_assert_nonnull(find_fd(sockets, listener));
        g_assert_null(find_fd(sockets, client));
        for (size_t i = 0; i < sockets->n; i++)
                g_assert_cmpuint(inet_name_port(&sockets->items[i].local), ==, inet_name_port(&name));
        inet_sockets_free(sockets);
        close(listener);
        close(client);
        close(accepted);
}

static void test_connection(void) {
        connection_in(AF_INET);
        connection_in(AF_INET6);
}

static void test_datagrams(void) {
        const InetSocket *socket_here;
        InetSockets *sockets;
        InetName name;
        int fd = new_socket(AF_INET, SOCK_DGRAM, &name), client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        g_assert_cmpint(connect(client, &name.any, inet_name_size(&name)), ==, 0);
        sockets = list(IPPROTO_UDP, INET_STATES_ALL, 0);
        socket_here = find_fd(sockets, fd);
        g_assert_nonnull(socket_here);
        g_assert_cmpuint(socket_here->state, ==, TCP_CLOSE);
        g_assert_true(socket_here->drops_known);
        g_assert_cmpuint(find_fd(sockets, client)->state, ==, TCP_ESTABLISHED);
        g_assert_true(inet_sockets_bound(sockets, &name) == socket_here);
        inet_sockets_free(sockets);
        close(fd);
        close(client);
}

/* A socket at any address takes what is sent to one of them, IPv4 also where it is IPv6, unless told not to. */
static void test_any(void) {
        for (int only = 0; only < 2; only++) {
                InetName name = { .v6 = { .sin6_family = AF_INET6 } }, four = loopback(AF_INET);
                int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
                socklen_t length = sizeof name;
                InetSockets *sockets;

                g_assert_cmpint(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only), ==, 0);
                g_assert_cmpint(bind(fd, &name.any, sizeof name.v6), ==, 0);
                g_assert_cmpint(listen(fd, 1), ==, 0);
                g_assert_cmpint(getsockname(fd, &name.any, &length), ==, 0);
                inet_name_set_port(&four, inet_name_port(&name));
                name.v6.sin6_addr = in6addr_loopback;
                sockets = list(IPPROTO_TCP, INET_STATES_ALL, inet_name_port(&name));
                g_assert_true(inet_sockets_bound(sockets, &name) == find_fd(sockets, fd));
                g_assert_true((inet_sockets_bound(sockets, &four) == find_fd(sockets, fd)) == !only);
                inet_sockets_free(sockets);
                close(fd);
        }
}

static void test_raw(void) {
        InetName name = loopback(AF_INET), six = loopback(AF_INET6);
        const InetSocket *item;
        InetSockets *sockets;
        int fd, fd6;

        fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, 253);
        if (fd < 0 && (errno == EPERM || errno == EACCES)) {
                g_test_skip("raw sockets need CAP_NET_RAW");
                return;
        }
        fd6 = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, 254);
        g_assert_cmpint(bind(fd, &name.any, sizeof name.v4), ==, 0);
        g_assert_cmpint(bind(fd6, &six.any, sizeof six.v6), ==, 0);
        sockets = list(IPPROTO_RAW, INET_STATES_ALL, 0);
        item = find_fd(sockets, fd);
        g_assert_nonnull(item);
        g_assert_cmpuint(item->protocol, ==, 253);
        g_assert_true(item->raw && item->drops_known);
        g_assert_true(inet_name_same_host(&item->local, &name));
        item = find_fd(sockets, fd6);
        g_assert_nonnull(item);
        g_assert_cmpuint(item->protocol, ==, 254);
        g_assert_true(inet_name_same_host(&item->local, &six));
        inet_sockets_free(sockets);
        close(fd);
        close(fd6);
}

static void test_hosts(void) {
        InetName four = loopback(AF_INET), mapped = { .v6 = { .sin6_family = AF_INET6 } }, six = loopback(AF_INET6);

        g_assert_cmpint(inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.v6.sin6_addr), ==, 1);
        g_assert_true(inet_name_same_host(&four, &mapped));
        g_assert_false(inet_name_same_host(&four, &six));
        g_assert_cmpstr(inet_state_name(TCP_LISTEN), ==, "listening");
        g_assert_cmpstr(inet_state_name(99), ==, "unknown");
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/inet-diag/connection", test_connection);
        g_test_add_func("/inet-diag/datagrams", test_datagrams);
        g_test_add_func("/inet-diag/any", test_any);
        g_test_add_func("/inet-diag/raw", test_raw);
        g_test_add_func("/inet-diag/hosts", test_hosts);
        return g_test_run();
}
