/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UDP and raw sockets as kinds: what is refused, what was lost, answers, descriptors, the list. */
#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "inet-fixture.h"
#include "inet-socket.h"
#include "inet-transport.h"

static int send_with(KernelObject *object, const char *text, const char *one, Error *error) {
        return fixture_send_with(object, text, one, error);
}

static void test_udp_use(PathFixture *f, gconstpointer data) {
        static const char *const hosts[] = { "host=127.0.0.1", "host=::1" };

        for (size_t i = 0; i < G_N_ELEMENTS(hosts); i++) {
                CLEANUP(record_freep) Record *meta = NULL;
                g_autofree char *text = NULL, *address = NULL;
                KernelObject object;
                Error error = {};

                g_assert_cmpint(record_new(&meta), ==, 0);
                fixture_create(&object, "udp", hosts[i], NULL);
                address = inet_fixture_address(&object);
                g_assert_cmpint(fixture_receive(&object, false, 0, &text, NULL, &error), ==, -EAGAIN);
                g_assert_cmpint(fixture_send(&object, "one", &error), ==, 0);
                g_assert_cmpint(fixture_send(&object, "", &error), ==, 0);
                g_assert_cmpint(fixture_send(&object, "three", &error), ==, 0);
                fixture_assert_receives(&object, "one");
                fixture_assert_receives(&object, "");
                g_assert_cmpint(fixture_receive(&object, false, 2, &text, meta, &error), ==, 0);
                g_assert_cmpstr(text, ==, "th");
                g_assert_true(record_get_bool(meta, "truncated", false));
                g_assert_cmpuint(record_get_u64(meta, "length", 0), ==, 5);
                g_assert_true(
                        g_str_has_prefix(record_get_string(meta, "from", ""), i ? "udp:[::1]:" : "udp:127.0.0.1:"));
                path_fixture_remove(&object);
                g_assert_cmpint(fixture_open(&object, address, NULL, &error), ==, -ENOENT);
        }
}

/* A question, and an answer from the address that was asked. */
static void test_udp_answer(PathFixture *f, gconstpointer data) {
        g_autofree char *to = NULL, *nobody = NULL;
        KernelObject object;
        Error error = {};
        char buffer[16];
        uint16_t port;
        int fd;

        fixture_create(&object, "udp", NULL);
        fd = inet_fixture_connect(&object, SOCK_DGRAM);
        g_assert_cmpint(send(fd, "question", 8, 0), ==, 8);
        fixture_assert_receives(&object, "question");
        to = g_strdup_printf("to=127.0.0.1:%u", inet_fixture_port(fd));
        g_assert_cmpint(send_with(&object, "answer", to, &error), ==, 0);
        g_assert_cmpint(recv(fd, buffer, sizeof buffer, MSG_DONTWAIT), ==, 6);
        close(fd);

        /* Nobody is there any more, and this is told, though the socket is not connected. */
        g_assert_cmpint(send_with(&object, "answer", to, &error), ==, -EPIPE);
        g_assert_cmpint(error.code, ==, ERROR_PEER_GONE);
        g_assert_nonnull(strstr(error.message, "ECONNREFUSED"));
        fd = inet_fixture_socket(AF_INET, SOCK_DGRAM, &port);
        nobody = g_strdup_printf("to=127.0.0.1:%u", port);
        g_assert_cmpint(send_with(&object, "next", nobody, &error), ==, 0);
        close(fd);
        error = (Error){};
        g_assert_cmpint(send_with(&object, "x", "to=nowhere", &error), ==, -EINVAL);
        path_fixture_remove(&object);
}

static void test_udp_nobody(PathFixture *f, gconstpointer data) {
        g_autofree char *address = NULL;
        KernelObject object;
        Error error = {};
        uint16_t port;
        int fd;

        fd = inet_fixture_socket(AF_INET, SOCK_DGRAM, &port);
        address = g_strdup_printf("udp:localhost:%u", port);
        g_assert_cmpint(fixture_open(&object, address, NULL, &error), ==, 0);
        g_assert_cmpint(fixture_send(&object, "heard", &error), ==, 0);
        close(fd);
        g_assert_cmpint(fixture_send(&object, "not heard", &error), ==, -EPIPE);
        g_assert_cmpint(error.code, ==, ERROR_PEER_GONE);
        error = (Error){};
        g_assert_cmpint(object.mechanism->remove(&object, &error), ==, -EOPNOTSUPP);
        kernel_object_done(&object);
}

/* Losses are counted, told once with the message that follows, and shown. */
static void test_udp_lost(PathFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *meta = NULL, *again = NULL, *attributes = NULL;
        g_autofree char *text = NULL, *second = NULL;
        KernelObject object;
        Error error = {};
        uint64_t drops;

        g_assert_cmpint(record_new(&meta), ==, 0);
        g_assert_cmpint(record_new(&again), ==, 0);
        g_assert_cmpint(record_new(&attributes), ==, 0);
        fixture_create(&object, "udp", "receive_buffer=1", NULL);
        for (int i = 0; i < 100; i++)
                g_assert_cmpint(fixture_send(&object, "x", &error), ==, 0);
        g_assert_cmpint(object.mechanism->describe(&object, attributes, &error), ==, 0);
        drops = record_get_u64(attributes, "drops", 0);
        g_assert_cmpuint(drops, >, 0);
        g_assert_cmpuint(drops, <, 100);
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, meta, &error), ==, 0);
        g_assert_cmpuint(record_get_u64(meta, "lost", 0), ==, drops);
        g_assert_cmpuint(record_get_u64(meta, "drops", 0), ==, drops);
        g_assert_cmpint(fixture_send(&object, "y", &error), ==, 0);
        g_assert_cmpint(fixture_receive(&object, false, 0, &second, again, &error), ==, 0);
        g_assert_false(record_has(again, "lost"));
        path_fixture_remove(&object);
}

static void test_udp_too_long(PathFixture *f, gconstpointer data) {
        g_autofree char *longest = g_strnfill(65508, 'x');
        KernelObject object;
        Error error = {};

        fixture_create(&object, "udp", NULL);
        g_assert_cmpint(fixture_send(&object, longest, &error), <, 0);
        g_assert_cmpint(error.code, ==, ERROR_LIMIT_EXCEEDED);
        g_assert_nonnull(strstr(error.message, "65507"));
        longest[65507] = '\0';
        g_assert_cmpint(fixture_send(&object, longest, &error), ==, 0);
        fixture_assert_receives(&object, longest);
        path_fixture_remove(&object);
}

static void test_udp_refused(PathFixture *f, gconstpointer data) {
        g_autofree char *taken = NULL;
        KernelObject object;

        fixture_create(&object, "udp", NULL);
        taken = g_strdup_printf("port=%u", object.address.port);
        path_fixture_assert_refused("udp", taken, NULL, ERROR_EXISTS, "in use");
        path_fixture_assert_refused("udp", "host=192.0.2.77", NULL, ERROR_INVALID_OPTION, "no interface");
        path_fixture_remove(&object);
}

static void test_udp_ends(PathFixture *f, gconstpointer data) {
        KernelObject object;
        Error error = {};
        char buffer[8];
        int out, in;

        fixture_create(&object, "udp", NULL);
        g_assert_cmpint(object.mechanism->open_end(&object, "send", false, &out, &error), ==, 0);
        g_assert_cmpint(object.mechanism->open_end(&object, "receive", true, &in, &error), ==, 0);
        g_assert_cmpint(send(out, "direct", 6, 0), ==, 6);
        g_assert_cmpint(recv(in, buffer, sizeof buffer, MSG_DONTWAIT), ==, 6);
        g_assert_cmpint(object.mechanism->open_end(&object, "receive", false, &in, &error), ==, -EPIPE);
        close(out);
        close(in);
        kernel_object_done(&object);
}

static void test_udp_from_fd(PathFixture *f, gconstpointer data) {
        const Mechanism *udp = mechanism_find("udp");
        KernelObject object, connected;
        Error error = {};
        uint16_t port;
        int fd, client;

        fd = inet_fixture_socket(AF_INET, SOCK_DGRAM, &port);
        kernel_object_init(&object, udp);
        g_assert_cmpint(mechanism_find("tcp")->from_fd(&object, fd, NULL, &error), ==, -EMEDIUMTYPE);
        g_assert_cmpint(udp->from_fd(&object, fd, NULL, &error), ==, 0);
        g_assert_cmpuint(object.address.port, ==, port);
        client = inet_fixture_connect(&object, SOCK_DGRAM);
        kernel_object_init(&connected, udp);
        g_assert_cmpint(udp->from_fd(&connected, client, NULL, &error), ==, 0);
        g_assert_cmpint(connected.address.form, ==, ADDRESS_INODE);
        g_assert_cmpint(fixture_send(&connected, "given", &error), ==, 0);
        fixture_assert_receives(&object, "given");
        kernel_object_done(&connected);
        kernel_object_done(&object);
}

static void test_udp_events(PathFixture *f, gconstpointer data) {
        FixtureSink sink;
        KernelObject object;
        Error error = {};

        fixture_sink_init(&sink);
        fixture_create(&object, "udp", NULL);
        g_assert_false(fixture_watch(&object, &sink, 0));
        g_assert_cmpint(fixture_send(&object, "12345", &error), ==, 0);
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpuint(sink.counts[EVENT_MESSAGE_ARRIVED], ==, 1);
        g_assert_cmpuint(record_get_u64(sink.last, "bytes", 0), ==, 5);
        fixture_sink_done(&sink);
        path_fixture_remove(&object);
}

static void test_udp_scan(PathFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *row = NULL, *connected = NULL;
        g_autofree char *address = NULL, *inode = NULL;
        KernelObject object;
        struct stat st;
        int fd;

        fixture_create(&object, "udp", NULL);
        address = inet_fixture_address(&object);
        fd = inet_fixture_connect(&object, SOCK_DGRAM);
        g_assert_cmpint(send(fd, "waits", 5, 0), ==, 5);
        row = fixture_scan("udp", address);
        g_assert_nonnull(row);
        g_assert_cmpuint(record_get_u64(row, "used", 0), >, 0);
        g_assert_true(record_has(row, "drops"));
        g_assert_cmpint(fstat(fd, &st), ==, 0);
        inode = g_strdup_printf("udp:[%lu]", (unsigned long)st.st_ino);
        connected = fixture_scan("udp", inode);
        g_assert_nonnull(connected);
        g_assert_cmpstr(record_get_string(connected, "peer", ""), ==, address);
        close(fd);
        path_fixture_remove(&object);
}

static void raw_apart(void) {
        CLEANUP(record_freep) Record *meta = NULL, *verdict = NULL;
        g_autofree char *text = NULL, *packet = NULL;
        KernelObject object, icmp;
        Error error = {};

        path_fixture_assert_refused("raw", NULL, NULL, ERROR_NOT_SUPPORTED, "ip link set lo up");
        inet_fixture_loopback_up();
        g_assert_cmpint(record_new(&meta), ==, 0);
        fixture_create(&object, "raw", NULL);
        g_assert_cmpuint(object.address.port, ==, 253);
        path_fixture_assert_refused("raw", NULL, NULL, ERROR_EXISTS, "share=true");
        path_fixture_assert_refused("raw", "protocol=255", NULL, ERROR_INVALID_OPTION, "254");
        g_assert_cmpint(fixture_send(&object, "packet", &error), ==, 0);
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, meta, &error), ==, 0);
        g_assert_cmpstr(text, ==, "packet");
        g_assert_cmpstr(record_get_string(meta, "from", ""), ==, "raw:127.0.0.1:253");
        g_assert_cmpint(fixture_send(&object, "packet", &error), ==, 0);
        g_assert_cmpint(fixture_receive(&object, false, 4, &packet, meta, &error), ==, 0);
        g_assert_cmpstr(packet, ==, "pack");
        g_assert_cmpuint(record_get_u64(meta, "length", 0), ==, 6);
        kernel_object_done(&object);

        /* Refused by the host, and told; ICMP is taken by the kernel, so there is always somebody. */
        g_assert_cmpint(fixture_open(&object, "raw:127.0.0.1:253", NULL, &error), ==, -ENOENT);
        kernel_object_done(&object);
        error = (Error){};
        g_assert_cmpint(fixture_open(&icmp, "raw:127.0.0.1:1", NULL, &error), ==, 0);
        g_assert_cmpstr(icmp.identity, ==, "kernel");
        verdict = fixture_explain("raw:127.0.0.1:1");
        g_assert_true(fixture_may(verdict, "send to"));
        if (setresuid(65534, 65534, 65534) == 0) {
                record_free(verdict);
                verdict = fixture_explain("raw:127.0.0.1:1");
                g_assert_false(fixture_may(verdict, "send to"));
                g_assert_cmpstr(record_get_string(verdict, "errno", ""), ==, "EPERM");
                g_assert_nonnull(strstr(record_get_string(verdict, "summary", ""), "CAP_NET_RAW"));
                path_fixture_assert_refused("raw", NULL, NULL, ERROR_NOT_PERMITTED, "CAP_NET_RAW");
        }
        kernel_object_done(&icmp);
        error = (Error){};
        g_assert_cmpint(fixture_open(&icmp, "raw:127.0.0.1:256", NULL, &error), <, 0);
        g_assert_cmpint(error.code, ==, ERROR_INVALID_ADDRESS);
        kernel_object_done(&icmp);
}

/* What others sent before a side of the link was bound, or connected, is not received over it. */
static void raw_strangers(void) {
        struct sockaddr_in side = {};
        socklen_t length = sizeof side;
        char buffer[16];
        Link a = LINK_EMPTY, b;
        Error error = {};
        int stranger, early;

        inet_fixture_loopback_up();
        stranger = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, INET_RAW_PROTOCOL);
        early = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, INET_RAW_PROTOCOL);
        a.message_max = sizeof buffer;
        g_assert_cmpint(raw_transport.setup(&a, &error), ==, 0);
        g_assert_cmpint(getsockname(a.fds[1], (struct sockaddr *)&side, &length), ==, 0);
        g_assert_cmpint(sendto(stranger, "xyz", 3, 0, (struct sockaddr *)&side, length), ==, 3);

        /* A socket that is not bound has it, too. */
        g_assert_cmpint(recv(early, buffer, sizeof buffer, MSG_PEEK), ==, sizeof buffer);
        inet_raw_forget(early);
        g_assert_cmpint(recv(early, buffer, sizeof buffer, MSG_DONTWAIT), <, 0);

        b = a;
        b.side = 1;
        for (size_t i = 0; i < LINK_FDS_MAX; i++)
                b.fds[i] = dup(a.fds[i]);
        g_assert_cmpint(raw_transport.attach(&a, &error), ==, 0);
        g_assert_cmpint(raw_transport.attach(&b, &error), ==, 0);
        g_assert_cmpint(raw_transport.send(&a, "ours", 4), ==, 0);
        g_assert_cmpint(raw_transport.receive(&b, buffer, sizeof buffer), ==, 4);
        g_assert_cmpint(memcmp(buffer, "ours", 4), ==, 0);
        raw_transport.detach(&a);
        raw_transport.detach(&b);
        close(stranger);
        close(early);
}

static void test_raw_strangers(PathFixture *f, gconstpointer data) {
        inet_fixture_apart(raw_strangers);
}

/* In a network namespace of its own there are no raw sockets of others, and root in it has the capability. */
static void test_raw(PathFixture *f, gconstpointer data) {
        inet_fixture_apart(raw_apart);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        INET_TEST("udp/use", test_udp_use);
        INET_TEST("udp/answer", test_udp_answer);
        INET_TEST("udp/nobody", test_udp_nobody);
        INET_TEST("udp/lost", test_udp_lost);
        INET_TEST("udp/too-long", test_udp_too_long);
        INET_TEST("udp/refused", test_udp_refused);
        INET_TEST("udp/ends", test_udp_ends);
        INET_TEST("udp/from-fd", test_udp_from_fd);
        INET_TEST("udp/events", test_udp_events);
        INET_TEST("udp/scan", test_udp_scan);
        INET_TEST("raw/apart", test_raw);
        INET_TEST("raw/strangers", test_raw_strangers);
        return g_test_run();
}
