/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Descriptors beside messages, and sockets and counters of another process, over the bus. The service has as many
 * descriptors open after it as before. */
#include <errno.h>
#include <fcntl.h>
#include <gio/gunixfdlist.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

enum { MESSAGES = 1000 };

static unsigned service_descriptors(Fixture *fixture) {
        g_autofree char *path = g_strdup_printf("/proc/%d/fd", (int)fixture_service_pid(fixture));
        g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
        unsigned n = 0;

        g_assert_nonnull(directory);
        while (g_dir_read_name(directory) != NULL)
                n++;
        return n;
}

static bool send_with(Fixture *fixture, const char *address, int fd, unsigned n, GError **error) {
        g_autoptr(GUnixFDList) list = g_unix_fd_list_new();
        GVariantBuilder handles = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("ah"));
        guint64 sent;

        for (unsigned i = 0; i < n; i++)
                g_variant_builder_add(&handles, "h", g_unix_fd_list_append(list, fd, NULL));
        return ipcbus_manager_call_send_with_descriptors_sync(fixture->manager, address, bytes("look", 4),
                g_variant_builder_end(&handles), NO_OPTIONS, PLAINLY, list, &sent, NULL, NULL, error);
}

static void test_there_and_back(Fixture *fixture, gconstpointer kind) {
        g_autofree char *address = fixture_create(fixture, kind, NO_OPTIONS, NULL);
        g_autoptr(GVariant) data = NULL, handles = NULL, meta = NULL;
        g_autoptr(GUnixFDList) list = NULL;
        g_autofree const char **names = NULL;
        g_autoptr(GError) error = NULL;
        struct stat sent, got;
        int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC), n;

        g_assert_true(send_with(fixture, address, fd, 3, &error));
        ipcbus_manager_call_receive_with_descriptors_sync(fixture->manager, address,
                options("timeout", "t", (guint64)G_USEC_PER_SEC, NULL), PLAINLY, NULL, &data, &handles, &meta, &list,
                NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(g_variant_n_children(handles), ==, 3);
        g_assert_cmpint(fstat(fd, &sent), ==, 0);
        for (int i = 0; i < 3; i++) {
                g_assert_cmpint(fstat(g_unix_fd_list_peek_fds(list, &n)[i], &got), ==, 0);
                g_assert_cmpuint(got.st_ino, ==, sent.st_ino);
        }
        g_assert_true(g_variant_lookup(meta, "fds", "^a&s", &names));
        g_assert_cmpstr(names[0], ==, "/etc/passwd");
        close(fd);
}

static void test_refused(Fixture *fixture, gconstpointer data) {
        g_autofree char *pipe_address = fixture_create(fixture, "pipe", NO_OPTIONS, NULL);
        GError *error = NULL;

        g_assert_false(send_with(fixture, pipe_address, 0, 1, &error));
        assert_error(&error, "NotSupported");
}

/* Plain Receive closes what comes along, ReceiveWithDescriptors hands it out: neither leaves anything behind. */
static void test_no_leak(Fixture *fixture, gconstpointer kind) {
        g_autofree char *address = fixture_create(fixture, kind, NO_OPTIONS, NULL);
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        unsigned before = service_descriptors(fixture);

        for (unsigned i = 0; i < MESSAGES; i++) {
                g_autoptr(GVariant) data = NULL, handles = NULL, meta = NULL;
                g_autoptr(GUnixFDList) list = NULL;
                g_autoptr(GError) error = NULL;

                g_assert_true(send_with(fixture, address, fd, 2, &error));
                if (i % 2 == 0)
                        ipcbus_manager_call_receive_sync(
                                fixture->manager, address, NO_OPTIONS, PLAINLY, &data, &meta, NULL, &error);
                else
                        ipcbus_manager_call_receive_with_descriptors_sync(fixture->manager, address, NO_OPTIONS,
                                PLAINLY, NULL, &data, &handles, &meta, &list, NULL, &error);
                g_assert_no_error(error);
        }
        fixture_settle(fixture);
        g_assert_cmpuint(service_descriptors(fixture), ==, before);
        close(fd);
}

/* May this user duplicate descriptors of a process of his own here (Yama)? */
static bool permitted(GError **error) {
        g_autofree char *name = *error != NULL ? g_dbus_error_get_remote_error(*error) : NULL;

        if (g_strcmp0(name, "org.ipcbus1.Error.NotPermitted") != 0)
                return true;
        g_test_skip((*error)->message);
        g_clear_error(error);
        return false;
}

static void test_socket_of_another(Fixture *fixture, gconstpointer kind) {
        int type = g_str_has_suffix(kind, "dgram")       ? SOCK_DGRAM
                   : g_str_has_suffix(kind, "seqpacket") ? SOCK_SEQPACKET
                                                         : SOCK_STREAM;
        g_autoptr(GVariant) data = NULL, meta = NULL;
        g_autofree char *address = NULL;
        GError *error = NULL;
        int fds[2], flags;
        struct stat st;
        guint64 sent;

        g_assert_cmpint(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), ==, 0);
        flags = fcntl(fds[0], F_GETFL);
        g_assert_cmpint(fstat(fds[0], &st), ==, 0);
        address = g_strdup_printf("%s:[%" G_GUINT64_FORMAT "]", (const char *)kind, (guint64)st.st_ino);
        g_assert_cmpint(send(fds[1], "hello", 5, 0), ==, 5);
        for (int take = 0; take < 2; take++) {
                gsize size;

                g_clear_pointer(&data, g_variant_unref);
                g_clear_pointer(&meta, g_variant_unref);
                if (take == 0)
                        ipcbus_manager_call_peek_sync(
                                fixture->manager, address, NO_OPTIONS, PLAINLY, &data, &meta, NULL, &error);
                else
                        ipcbus_manager_call_receive_sync(
                                fixture->manager, address, NO_OPTIONS, PLAINLY, &data, &meta, NULL, &error);
                if (!permitted(&error))
                        return;
                g_assert_no_error(error);
                g_assert_cmpmem(g_variant_get_fixed_array(data, &size, 1), g_variant_n_children(data), "hello", 5);
        }
        ipcbus_manager_call_send_sync(
                fixture->manager, address, bytes("back", 4), NO_OPTIONS, PLAINLY, &sent, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpint(recv(fds[1], (char[8]){}, 8, MSG_DONTWAIT), ==, 4);
        g_clear_pointer(&data, g_variant_unref);
        g_clear_pointer(&meta, g_variant_unref);
        ipcbus_manager_call_receive_sync(fixture->manager, address, NO_OPTIONS, PLAINLY, &data, &meta, NULL, &error);
        assert_error(&error, "TimedOut");
        g_assert_cmpint(fcntl(fds[0], F_GETFL), ==, flags);
        close(fds[0]);
        close(fds[1]);
}

static void test_counter_of_another(Fixture *fixture, gconstpointer data) {
        int fd = eventfd(5, EFD_CLOEXEC);
        g_autofree char *path = g_strdup_printf("/proc/self/fdinfo/%d", fd), *text = NULL, *address = NULL;
        g_autoptr(GVariant) meta = NULL;
        GError *error = NULL;
        guint64 count = 0;
        eventfd_t value;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        g_assert_nonnull(strstr(text, "eventfd-id:"));
        address = g_strdup_printf("eventfd:[%" G_GUINT64_FORMAT "]",
                g_ascii_strtoull(strstr(text, "eventfd-id:") + strlen("eventfd-id:"), NULL, 10));
        ipcbus_manager_call_post_sync(fixture->manager, address, 2, NO_OPTIONS, PLAINLY, NULL, &error);
        if (!permitted(&error))
                return;
        g_assert_no_error(error);
        g_assert_cmpint(eventfd_read(fd, &value), ==, 0);
        g_assert_cmpuint(value, ==, 7);
        g_assert_cmpint(eventfd_write(fd, 3), ==, 0);
        ipcbus_manager_call_wait_sync(fixture->manager, address, NO_OPTIONS, PLAINLY, &meta, NULL, &error);
        g_assert_no_error(error);
        g_assert_true(g_variant_lookup(meta, "count", "t", &count));
        g_assert_cmpuint(count, ==, 3);
        close(fd);
}

/* What tests are given is the kind; the service needs no arguments. */
static void set_up(Fixture *fixture, gconstpointer kind) {
        fixture_set_up(fixture, NULL);
}

static void tear_down(Fixture *fixture, gconstpointer kind) {
        fixture_tear_down(fixture, NULL);
}

int main(int argc, char **argv) {
        static const char *const kinds[] = { "unix-stream", "unix-dgram", "unix-seqpacket" };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                g_autofree char *back = g_strdup_printf("/descriptors/%s/there-and-back", kinds[i]);
                g_autofree char *leak = g_strdup_printf("/descriptors/%s/no-leak", kinds[i]);
                g_autofree char *another = g_strdup_printf("/descriptors/%s/of-another", kinds[i]);

                g_test_add(back, Fixture, kinds[i], set_up, test_there_and_back, tear_down);
                g_test_add(leak, Fixture, kinds[i], set_up, test_no_leak, tear_down);
                g_test_add(another, Fixture, kinds[i], set_up, test_socket_of_another, tear_down);
        }
        FIXTURE_TEST("/descriptors/refused", NULL, test_refused);
        FIXTURE_TEST("/descriptors/counter-of-another", NULL, test_counter_of_another);
        return g_test_run();
}
