/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sockets end with the process that listens. What the service made without a lease works again after its restart, even
 * when it was killed; what others have taken since is left to them. */
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fixture.h"

static void kill_service(Fixture *fixture) {
        g_assert_cmpint(fixture_service_pid(fixture), >, 0);
        fixture_end_service(fixture, SIGKILL);
}

static void send_and_receive(Fixture *fixture, const char *address) {
        g_autoptr(GVariant) data = NULL, meta = NULL;
        g_autoptr(GError) error = NULL;
        const char *received;
        guint64 sent;
        gsize size;

        (void)ipcbus_manager_call_send_sync(
                fixture->manager, address, bytes("again", 5), NO_OPTIONS, PLAINLY, &sent, NULL, &error);
        g_assert_no_error(error);
        (void)ipcbus_manager_call_receive_sync(fixture->manager, address,
                options("timeout", "t", (guint64)5 * G_USEC_PER_SEC, NULL), PLAINLY, &data, &meta, NULL, &error);
        g_assert_no_error(error);
        received = g_variant_get_fixed_array(data, &size, 1);
        g_assert_cmpmem(received, size, "again", 5);
}

static void remove_object(Fixture *fixture, const char *address) {
        g_autoptr(GError) error = NULL;

        (void)ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error);
        g_assert_no_error(error);
}

static void works_again(Fixture *fixture, const char *kind) {
        g_autofree char *path = fixture_path(fixture), *object = NULL, *address = NULL;
        GStatBuf before, after;

        address = fixture_create(fixture, kind, options("path", "s", path, "mode", "t", (guint64)0640, NULL), &object);
        g_assert_cmpint(g_stat(path, &before), ==, 0);
        for (int i = 0; i < 2; i++) {
                kill_service(fixture);
                send_and_receive(fixture, address);
                g_assert_cmpint(g_stat(path, &after), ==, 0);
                g_assert_cmpuint(after.st_mode, ==, before.st_mode);
        }
        remove_object(fixture, address);
        g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

static void test_stream(Fixture *fixture, gconstpointer data) {
        works_again(fixture, "unix-stream");
}

static void test_datagram(Fixture *fixture, gconstpointer data) {
        works_again(fixture, "unix-dgram");
}

/* A port ends with the service, too, and is had again under the same number. */
static void port_works_again(Fixture *fixture, const char *kind) {
        g_autofree char *object = NULL, *address = NULL;

        address = fixture_create(fixture, kind, NO_OPTIONS, &object);
        for (int i = 0; i < 2; i++) {
                kill_service(fixture);
                send_and_receive(fixture, address);
        }
        remove_object(fixture, address);
}

static void test_tcp(Fixture *fixture, gconstpointer data) {
        port_works_again(fixture, "tcp");
}

static void test_udp(Fixture *fixture, gconstpointer data) {
        port_works_again(fixture, "udp");
}

/* Another process has the port by then: it is left to it, and is none of ours any more. */
static void test_port_taken(Fixture *fixture, gconstpointer data) {
        struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        g_autofree char *object = NULL, *address = NULL;
        g_autoptr(GVariant) rows = NULL;
        g_autoptr(GError) error = NULL;
        const int on = 1;
        int listener;

        address = fixture_create(fixture, "tcp", NO_OPTIONS, &object);
        kill_service(fixture);
        name.sin_port = htons((guint16)g_ascii_strtoull(strrchr(address, ':') + 1, NULL, 10));
        listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), ==, 0);
        g_assert_cmpint(bind(listener, (struct sockaddr *)&name, sizeof(name)), ==, 0);
        g_assert_cmpint(listen(listener, 1), ==, 0);
        (void)ipcbus_manager_call_list_kernel_objects_sync(
                fixture->manager, options("mine", "b", TRUE, NULL), PLAINLY, &rows, NULL, &error);
        g_assert_no_error(error);
        for (gsize i = 0; i < g_variant_n_children(rows); i++) {
                g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);

                g_assert_false(g_variant_lookup(row, "address", "s", NULL));
        }
        close(listener);
}

/* While the service was away, another process made a socket of its own there. */
static void test_others(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *object = NULL, *address = NULL;
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        GStatBuf before, after;
        g_auto(GStrv) kinds = NULL;
        int listener;

        address = fixture_create(fixture, "unix-stream", options("path", "s", path, NULL), &object);
        kill_service(fixture);
        g_assert_cmpint(g_unlink(path), ==, 0);
        (void)g_strlcpy(name.sun_path, path, sizeof(name.sun_path));
        listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(bind(listener, (struct sockaddr *)&name, sizeof(name)), ==, 0);
        g_assert_cmpint(listen(listener, 1), ==, 0);
        g_assert_cmpint(g_stat(path, &before), ==, 0);

        (void)ipcbus_manager_call_list_kinds_sync(fixture->manager, PLAINLY, &kinds, NULL, NULL); /* starts it */
        g_assert_cmpint(g_stat(path, &after), ==, 0);
        g_assert_cmpuint(before.st_ino, ==, after.st_ino);
        close(listener);
        g_assert_cmpint(g_unlink(path), ==, 0);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/bus/revive/stream", NULL, test_stream);
        FIXTURE_TEST("/bus/revive/datagram", NULL, test_datagram);
        FIXTURE_TEST("/bus/revive/others", NULL, test_others);
        FIXTURE_TEST("/bus/revive/tcp", NULL, test_tcp);
        FIXTURE_TEST("/bus/revive/udp", NULL, test_udp);
        FIXTURE_TEST("/bus/revive/port-taken", NULL, test_port_taken);
        return g_test_run();
}
