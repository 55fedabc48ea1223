/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Objects on the bus: what is announced of them and when, their interfaces used through generated proxies, and the
 * signals of what happens at them, whoever makes it happen. */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fixture.h"

static void remove_it(Fixture *fixture, const char *address) {
        g_autoptr(GError) error = NULL;

        ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error);
        g_assert_no_error(error);
}

typedef struct Seen {
        unsigned added, removed;
        char *last;
} Seen;

static void on_added(GDBusObjectManager *manager, GDBusObject *object, gpointer userdata) {
        Seen *seen = userdata;

        seen->added++;
        g_free(seen->last);
        seen->last = g_strdup(g_dbus_object_get_object_path(object));
}

static void on_removed(GDBusObjectManager *manager, GDBusObject *object, gpointer userdata) {
        Seen *seen = userdata;

        seen->removed++;
}

/* A generated object manager client follows: each object comes once, complete, and goes without leaving a ghost. */
static void test_object_manager(Fixture *fixture, gconstpointer data) {
        g_autoptr(GDBusObjectManager) objects = NULL;
        g_autofree char *address = NULL, *path = NULL;
        g_autoptr(IpcbusStream) stream = NULL;
        g_autoptr(IpcbusKernelObject) kernel_object = NULL;
        g_autoptr(IpcbusObject) object = NULL;
        g_autoptr(GError) error = NULL;
        Seen seen = {};

        objects = ipcbus_object_manager_client_new_sync(fixture->connection, G_DBUS_OBJECT_MANAGER_CLIENT_FLAGS_NONE,
                IPCBUS_BUS_NAME, IPCBUS_PATH, NULL, &error);
        g_assert_no_error(error);
        g_signal_connect(objects, "object-added", G_CALLBACK(on_added), &seen);
        g_signal_connect(objects, "object-removed", G_CALLBACK(on_removed), &seen);

        address = fixture_make(fixture, "fifo", &path);
        WAIT_UNTIL(seen.added == 1);
        g_assert_cmpstr(seen.last, ==, path);
        object = IPCBUS_OBJECT(g_dbus_object_manager_get_object(objects, path));
        kernel_object = ipcbus_object_get_kernel_object(object);
        stream = ipcbus_object_get_stream(object);
        g_assert_nonnull(kernel_object);
        g_assert_nonnull(stream);
        g_assert_null(ipcbus_object_peek_memory(object));
        g_assert_cmpstr(ipcbus_kernel_object_get_address(kernel_object), ==, address);
        g_assert_cmpstr(ipcbus_kernel_object_get_kind(kernel_object), ==, "fifo");
        g_assert_cmpuint(ipcbus_kernel_object_get_owner(kernel_object), ==, geteuid());
        g_assert_cmpuint(ipcbus_kernel_object_get_mode(kernel_object), ==, 0600);
        g_assert_false(ipcbus_kernel_object_get_adopted(kernel_object));
        g_assert_cmpstr(ipcbus_kernel_object_get_lease(kernel_object), ==, "none");
        g_assert_cmpuint(ipcbus_stream_get_capacity(stream), >, 0);

        remove_it(fixture, address);
        WAIT_UNTIL(seen.removed == 1);
        g_assert_null(g_dbus_object_manager_get_object(objects, path));
        g_free(seen.last);
}

/* Nothing stands at a path of the past, and other interfaces are not answered there either. */
static void test_gone(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = NULL, *address = fixture_make(fixture, "fifo", &path);
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;

        remove_it(fixture, address);
        reply = g_dbus_connection_call_sync(fixture->connection, IPCBUS_BUS_NAME, path,
                "org.freedesktop.DBus.Properties", "GetAll", g_variant_new("(s)", IPCBUS_INTERFACE_KERNEL_OBJECT),
                NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
        g_assert_error(error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_OBJECT);
}

/* Somebody removed it and made another of the same name: an address means what stands there now. */
static void test_replaced(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = NULL, *address = fixture_make(fixture, "fifo", &path);
        const char *file = strchr(address, ':') + 1;
        g_autoptr(GError) error = NULL;
        int reader;
        guint64 sent;
        char c;

        g_assert_cmpint(unlink(file), ==, 0);
        g_assert_cmpint(mkfifo(file, 0600), ==, 0);
        reader = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        ipcbus_manager_call_send_sync(
                fixture->manager, address, bytes("n", 1), NO_OPTIONS, PLAINLY, &sent, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpint(read(reader, &c, 1), ==, 1);
        close(reader);
        WAIT_UNTIL(fixture_saw(fixture, "InterfacesRemoved("));
        remove_it(fixture, address);
        g_assert_cmpint(access(file, F_OK), <, 0);
}

static void test_queue(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = NULL, *address = fixture_make(fixture, "mq-posix", &path);
        const char *name = strchr(address, ':') + 1;
        g_autoptr(IpcbusMessageQueue) queue = NULL;
        g_autoptr(GVariant) received = NULL, peeked = NULL, properties = NULL;
        GError *error = NULL;
        unsigned priority;
        mqd_t foreign;

        queue = ipcbus_message_queue_proxy_new_sync(
                fixture->connection, G_DBUS_PROXY_FLAGS_NONE, IPCBUS_BUS_NAME, path, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(ipcbus_message_queue_get_max_messages(queue), ==, 4);
        g_assert_cmpuint(ipcbus_message_queue_get_message_size(queue), ==, 64);
        g_assert_cmpuint(ipcbus_message_queue_get_messages(queue), ==, 0);

        g_assert_true(ipcbus_message_queue_call_send_sync(queue, bytes("low", 3), 1, PLAINLY, NULL, &error));
        WAIT_UNTIL(fixture_saw(fixture, "MessageArrived(1,)"));
        /* Sent by another program, past the service. */
        foreign = mq_open(name, O_WRONLY | O_CLOEXEC);
        g_assert_cmpint(mq_send(foreign, "high", 4, 7), ==, 0);
        mq_close(foreign);
        properties = g_dbus_connection_call_sync(fixture->connection, IPCBUS_BUS_NAME, path,
                "org.freedesktop.DBus.Properties", "Get",
                g_variant_new("(ss)", IPCBUS_INTERFACE_MESSAGE_QUEUE, "Messages"), NULL, G_DBUS_CALL_FLAGS_NONE, -1,
                NULL, &error);
        g_autofree char *text = g_variant_print(properties, FALSE);
        g_assert_cmpstr(text, ==, "(<uint64 2>,)");

        g_assert_true(ipcbus_message_queue_call_receive_sync(queue, 0, PLAINLY, &received, &priority, NULL, &error));
        g_assert_cmpmem(g_variant_get_data(received), g_variant_get_size(received), "high", 4);
        g_assert_cmpuint(priority, ==, 7);
        g_clear_pointer(&received, g_variant_unref);
        g_assert_true(ipcbus_message_queue_call_receive_sync(queue, 0, PLAINLY, &received, &priority, NULL, &error));
        g_assert_cmpuint(priority, ==, 1);
        g_clear_pointer(&received, g_variant_unref);
        g_assert_false(ipcbus_message_queue_call_receive_sync(queue, 0, PLAINLY, &received, &priority, NULL, &error));
        assert_error(&error, "TimedOut");
        g_assert_false(ipcbus_message_queue_call_peek_sync(queue, 0, PLAINLY, &peeked, &priority, NULL, &error));
        assert_error(&error, "NotSupported");
        remove_it(fixture, address);
}

static void test_semaphore(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = NULL, *address = fixture_make(fixture, "sem-posix", &path);
        g_autoptr(IpcbusSemaphore) semaphore = NULL;
        GError *error = NULL;

        semaphore = ipcbus_semaphore_proxy_new_sync(
                fixture->connection, G_DBUS_PROXY_FLAGS_NONE, IPCBUS_BUS_NAME, path, NULL, &error);
        g_assert_no_error(error);
        g_assert_false(ipcbus_semaphore_call_try_wait_sync(semaphore, PLAINLY, NULL, &error));
        assert_error(&error, "TimedOut");
        g_assert_true(ipcbus_semaphore_call_post_sync(semaphore, 3, PLAINLY, NULL, &error));
        WAIT_UNTIL(fixture_saw(fixture, "Posted(3, 3)"));
        g_assert_true(ipcbus_semaphore_call_try_wait_sync(semaphore, PLAINLY, NULL, &error));
        g_assert_true(ipcbus_semaphore_call_wait_sync(semaphore, G_MAXUINT64, PLAINLY, NULL, &error));
        g_assert_true(ipcbus_semaphore_call_wait_sync(semaphore, 1000000, PLAINLY, NULL, &error));
        g_assert_false(ipcbus_semaphore_call_wait_sync(semaphore, 10000, PLAINLY, NULL, &error));
        assert_error(&error, "TimedOut");
        g_assert_false(ipcbus_semaphore_call_post_sync(semaphore, 0, PLAINLY, NULL, &error));
        assert_error(&error, "InvalidOption");
        remove_it(fixture, address);
}

static void test_memory(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = NULL, *address = fixture_make(fixture, "shm-posix", &path);
        static const char *const seals[] = { "shrink", NULL };
        g_autoptr(IpcbusMemory) memory = NULL;
        g_autoptr(GVariant) read_back = NULL;
        GError *error = NULL;

        memory = ipcbus_memory_proxy_new_sync(
                fixture->connection, G_DBUS_PROXY_FLAGS_NONE, IPCBUS_BUS_NAME, path, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(ipcbus_memory_get_size(memory), ==, 4096);
        g_assert_true(ipcbus_memory_call_resize_sync(memory, 8192, PLAINLY, NULL, &error));
        g_assert_true(ipcbus_memory_call_write_sync(memory, 8190, bytes("\0\xff", 2), PLAINLY, NULL, &error));
        g_assert_true(ipcbus_memory_call_read_sync(memory, 8188, 100, PLAINLY, &read_back, NULL, &error));
        g_assert_cmpmem(g_variant_get_data(read_back), g_variant_get_size(read_back), "\0\0\0\xff", 4);
        g_assert_false(ipcbus_memory_call_resize_sync(memory, (guint64)1 << 62, PLAINLY, NULL, &error));
        assert_error(&error, "LimitExceeded");
        g_assert_false(ipcbus_memory_call_seal_sync(memory, seals, PLAINLY, NULL, &error));
        assert_error(&error, "NotSupported");
        remove_it(fixture, address);
}

static void test_stream(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = NULL, *address = fixture_make(fixture, "pipe", &path);
        g_autoptr(GVariant) read_back = NULL;
        g_autoptr(IpcbusStream) stream = NULL;
        GError *error = NULL;
        guint64 written;

        stream = ipcbus_stream_proxy_new_sync(
                fixture->connection, G_DBUS_PROXY_FLAGS_NONE, IPCBUS_BUS_NAME, path, NULL, &error);
        g_assert_true(ipcbus_stream_call_write_sync(stream, bytes("abcdef", 6), 0, PLAINLY, &written, NULL, &error));
        g_assert_cmpuint(written, ==, 6);
        g_assert_true(ipcbus_stream_call_read_sync(stream, 4, 0, PLAINLY, &read_back, NULL, &error));
        g_assert_cmpmem(g_variant_get_data(read_back), g_variant_get_size(read_back), "abcd", 4);
        g_clear_pointer(&read_back, g_variant_unref);
        g_assert_true(ipcbus_stream_call_read_sync(stream, 4, 0, PLAINLY, &read_back, NULL, &error));
        g_assert_cmpmem(g_variant_get_data(read_back), g_variant_get_size(read_back), "ef", 2);
        g_clear_pointer(&read_back, g_variant_unref);
        g_assert_false(ipcbus_stream_call_read_sync(stream, 4, 1000, PLAINLY, &read_back, NULL, &error));
        assert_error(&error, "TimedOut");
        remove_it(fixture, address);
}

static void test_datagram(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = NULL, *address = fixture_make(fixture, "unix-dgram", &path);
        struct sockaddr_un target = { .sun_family = AF_UNIX };
        g_autoptr(GVariant) read_back = NULL, meta = NULL;
        g_autoptr(IpcbusDatagram) datagram = NULL;
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        GError *error = NULL;
        gboolean truncated = FALSE;
        guint64 pid = 0;

        datagram = ipcbus_datagram_proxy_new_sync(
                fixture->connection, G_DBUS_PROXY_FLAGS_NONE, IPCBUS_BUS_NAME, path, NULL, &error);
        g_strlcpy(target.sun_path, strchr(address, ':') + 1, sizeof(target.sun_path));
        g_assert_cmpint(sendto(fd, "foreign", 7, MSG_NOSIGNAL, (struct sockaddr *)&target, sizeof(target)), ==, 7);
        close(fd);
        WAIT_UNTIL(fixture_saw(fixture, "MessageArrived("));
        g_assert_true(
                ipcbus_datagram_call_read_sync(datagram, 3, G_MAXUINT64, PLAINLY, &read_back, &meta, NULL, &error));
        g_assert_cmpmem(g_variant_get_data(read_back), g_variant_get_size(read_back), "for", 3);
        g_assert_true(g_variant_lookup(meta, "truncated", "b", &truncated) && truncated);
        g_assert_true(g_variant_lookup(meta, "pid", "t", &pid));
        g_assert_cmpuint(pid, ==, (guint64)getpid());

        g_clear_pointer(&read_back, g_variant_unref);
        g_clear_pointer(&meta, g_variant_unref);
        g_assert_true(ipcbus_datagram_call_write_sync(datagram, bytes("", 0), 0, PLAINLY, NULL, &error));
        g_assert_true(
                ipcbus_datagram_call_read_sync(datagram, 3, G_MAXUINT64, PLAINLY, &read_back, &meta, NULL, &error));
        g_assert_cmpuint(g_variant_get_size(read_back), ==, 0);
        remove_it(fixture, address);
}

/* A listener takes what it is sent, by the service and by anybody, with who sent it and the value. */
static void test_signals(Fixture *fixture, gconstpointer data) {
        static const char *const more[] = { "USR2", NULL };
        const char *names[] = { "USR1", "SIGRTMIN+1", NULL };
        g_autofree char *path = NULL, *address = NULL, *wanted = NULL, *by_us = NULL;
        g_autoptr(IpcbusSignals) signals = NULL;
        union sigval value = { .sival_int = -5 };
        GError *error = NULL;
        pid_t pid;

        address = fixture_create(fixture, "signal", options("signals", "^as", names, NULL), &path);
        signals = ipcbus_signals_proxy_new_sync(
                fixture->connection, G_DBUS_PROXY_FLAGS_NONE, IPCBUS_BUS_NAME, path, NULL, &error);
        g_assert_no_error(error);
        pid = (pid_t)ipcbus_signals_get_pid(signals);
        g_assert_cmpint(pid, ==, (int)strtol(strchr(address, ':') + 1, NULL, 10));

        g_assert_true(ipcbus_signals_call_send_sync(signals, "RTMIN+1", 42, PLAINLY, NULL, &error));
        wanted = g_strdup_printf("Received(%d, 'SIGRTMIN+1', 42, ", SIGRTMIN + 1);
        WAIT_UNTIL(fixture_saw(fixture, wanted));
        g_assert_cmpint(sigqueue(pid, SIGUSR1, value), ==, 0);
        by_us = g_strdup_printf("Received(%d, 'SIGUSR1', -5, %d, %u)", SIGUSR1, (int)getpid(), getuid());
        WAIT_UNTIL(fixture_saw(fixture, by_us));

        g_assert_true(ipcbus_signals_call_listen_sync(signals, more, PLAINLY, NULL, &error));
        g_assert_true(ipcbus_signals_call_send_sync(signals, "USR2", 0, PLAINLY, NULL, &error));
        WAIT_UNTIL(fixture_saw(fixture, "'SIGUSR2'"));
        g_assert_false(ipcbus_signals_call_send_sync(signals, "NOSUCH", 0, PLAINLY, NULL, &error));
        assert_error(&error, "InvalidOption");

        /* It dies without our doing: so does the object, and that is told. */
        g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
        WAIT_UNTIL(fixture_saw(fixture, "InterfacesRemoved("));
        g_assert_false(ipcbus_signals_call_send_sync(signals, "USR2", 0, PLAINLY, NULL, &error));
        g_clear_error(&error);
}

/* Another's process: looked at, sent to, never ended. */
static void test_adopted_process(Fixture *fixture, gconstpointer data) {
        const char *argv[] = { "/bin/sleep", "1000", NULL };
        g_autofree char *address = NULL, *path = NULL, *canonical = NULL;
        g_autoptr(IpcbusSignals) signals = NULL;
        GError *error = NULL;
        GPid pid;

        g_assert_true(g_spawn_async(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, NULL));
        address = g_strdup_printf("signal:%d", pid);
        g_assert_true(ipcbus_manager_call_adopt_sync(
                fixture->manager, address, NO_OPTIONS, PLAINLY, &path, &canonical, NULL, &error));
        signals = ipcbus_signals_proxy_new_sync(
                fixture->connection, G_DBUS_PROXY_FLAGS_NONE, IPCBUS_BUS_NAME, path, NULL, &error);
        g_assert_nonnull(ipcbus_signals_get_blocked(signals));
        remove_it(fixture, address);
        g_assert_cmpint(kill(pid, 0), ==, 0);
        WAIT_UNTIL(fixture_saw(fixture, "InterfacesRemoved("));
        kill(pid, SIGKILL);
        g_spawn_close_pid(pid);
}

/* Many objects are found, listed and removed as fast as few. */
static void test_many(Fixture *fixture, gconstpointer data) {
        g_autoptr(GPtrArray) addresses = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GVariant) reply = NULL, objects = NULL;
        g_autoptr(GError) error = NULL;

        for (size_t i = 0; i < 1000; i++)
                g_ptr_array_add(addresses, fixture_make(fixture, "pipe", NULL));
        reply = g_dbus_connection_call_sync(fixture->connection, IPCBUS_BUS_NAME, IPCBUS_PATH,
                "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL, NULL, G_DBUS_CALL_FLAGS_NONE, -1,
                NULL, &error);
        g_assert_no_error(error);
        objects = g_variant_get_child_value(reply, 0);
        g_assert_cmpuint(g_variant_n_children(objects), ==, 1000);
        for (size_t i = 0; i < addresses->len; i++)
                remove_it(fixture, addresses->pdata[i]);
        fixture_settle(fixture);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/objects/object-manager", NULL, test_object_manager);
        FIXTURE_TEST("/objects/gone", NULL, test_gone);
        FIXTURE_TEST("/objects/replaced", NULL, test_replaced);
        FIXTURE_TEST("/objects/queue", NULL, test_queue);
        FIXTURE_TEST("/objects/semaphore", NULL, test_semaphore);
        FIXTURE_TEST("/objects/memory", NULL, test_memory);
        FIXTURE_TEST("/objects/stream", NULL, test_stream);
        FIXTURE_TEST("/objects/datagram", NULL, test_datagram);
        FIXTURE_TEST("/objects/signals", NULL, test_signals);
        FIXTURE_TEST("/objects/adopted-process", NULL, test_adopted_process);
        FIXTURE_TEST("/objects/many", NULL, test_many);
        return g_test_run();
}
