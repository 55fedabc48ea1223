/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The private bus and what is left of it. Processes are found by their environment: everything that the bus starts,
 * and everything that this starts, has the private directory in it. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <mqueue.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char bus_configuration[] =
        "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\"\n"
        " \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
        "<busconfig><type>session</type><listen>unix:path=%s/bus</listen><servicedir>%s/services</servicedir>\n"
        "<auth>EXTERNAL</auth><policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>\n"
        "<allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>\n";

static void write_file(Fixture *fixture, const char *name, const char *contents) {
        g_autofree char *path = g_build_filename(fixture->directory, name, NULL);
        g_autoptr(GError) error = NULL;

        g_file_set_contents(path, contents, -1, &error);
        g_assert_no_error(error);
}

/* When a test is killed or gives up, its bus goes too, and with the bus the service. */
static void die_with_test(gpointer data) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
}

/* The socket is there a moment before the bus listens on it. */
static void await_bus(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd, r = -1;

        g_assert_cmpuint(g_strlcpy(address.sun_path, path, sizeof(address.sun_path)), <, sizeof(address.sun_path));
        for (int i = 0; i < 2000 && r < 0; i++) {
                fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
                r = connect(fd, (struct sockaddr *)&address, sizeof(address));
                close(fd);
                if (r < 0)
                        g_usleep(5000);
        }
        g_assert_cmpint(r, ==, 0);
}

static void start_bus(Fixture *fixture, const char *arguments) {
        g_autofree char *configuration = g_strdup_printf(bus_configuration, fixture->directory, fixture->directory);
        g_autofree char *service = g_strdup_printf("[D-BUS Service]\nName=%s\nExec=%s%s%s\n", IPCBUS_BUS_NAME,
                g_getenv("IPCBUS_DAEMON"), arguments ? " " : "", arguments ? arguments : "");
        g_autofree char *option = g_strdup_printf("--config-file=%s/bus.conf", fixture->directory);
        const char *argv[] = { "dbus-daemon", option, "--nofork", "--nopidfile", NULL };
        g_auto(GStrv) environment = g_get_environ();
        g_autofree char *path = g_build_filename(fixture->directory, "bus", NULL);
        g_autoptr(GError) error = NULL;

        g_autofree char *services = g_build_filename(fixture->directory, "services", NULL);

        g_assert_cmpint(g_mkdir(services, 0700), ==, 0);
        write_file(fixture, "bus.conf", configuration);
        write_file(fixture, "services/org.ipcbus1.service", service);
        environment = g_environ_setenv(environment, "XDG_RUNTIME_DIR", fixture->directory, TRUE);
        environment = g_environ_unsetenv(environment, "RUNTIME_DIRECTORY");
        g_spawn_async(fixture->directory, (char **)argv, environment, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
                die_with_test, NULL, &fixture->bus, &error);
        g_assert_no_error(error);
        await_bus(path);
        fixture->bus_address = g_strdup_printf("unix:path=%s", path);
}

GDBusConnection *fixture_connect(Fixture *fixture) {
        g_autoptr(GError) error = NULL;
        GDBusConnection *connection;

        connection = g_dbus_connection_new_for_address_sync(fixture->bus_address,
                G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL,
                NULL, &error);
        g_assert_no_error(error);
        g_dbus_connection_set_exit_on_close(connection, FALSE);
        return connection;
}

void fixture_disconnect(GDBusConnection *connection) {
        g_dbus_connection_close_sync(connection, NULL, NULL);
        g_object_unref(connection);
}

IpcbusManager *fixture_manager(GDBusConnection *connection) {
        g_autoptr(GError) error = NULL;
        IpcbusManager *manager;

        manager = ipcbus_manager_proxy_new_sync(connection,
                G_DBUS_PROXY_FLAGS_DO_NOT_LOAD_PROPERTIES | G_DBUS_PROXY_FLAGS_DO_NOT_CONNECT_SIGNALS |
                        G_DBUS_PROXY_FLAGS_DO_NOT_AUTO_START_AT_CONSTRUCTION,
                g_dbus_connection_get_unique_name(connection) ? IPCBUS_BUS_NAME : NULL, IPCBUS_PATH, NULL, &error);
        g_assert_no_error(error);
        g_dbus_proxy_set_default_timeout(G_DBUS_PROXY(manager), G_MAXINT);
        return manager;
}

static const GPtrArray *queues_to_remove;

/* A failed assertion ends the test here, before tear_down(): what nobody would find again goes all the same. */
static void on_abort(int number) {
        for (guint i = 0; queues_to_remove && i < queues_to_remove->len; i++) {
                (void)mq_unlink(queues_to_remove->pdata[i]);
                (void)shm_unlink(queues_to_remove->pdata[i]);
                (void)sem_unlink(queues_to_remove->pdata[i]);
        }
}

static void on_signal(GDBusConnection *connection, const char *sender, const char *path, const char *interface,
        const char *member, GVariant *parameters, gpointer userdata) {
        g_autofree char *arguments = g_variant_print(parameters, FALSE);
        Fixture *fixture = userdata;

        g_string_append_printf(fixture->signals, "%s%s\n", member, arguments);
}

void fixture_set_up(Fixture *fixture, gconstpointer arguments) {
        g_autoptr(GError) error = NULL;

        fixture->directory = g_dir_make_tmp("ipcbus-test-XXXXXX", &error);
        g_assert_no_error(error);
        fixture->signals = g_string_new(NULL);
        fixture->queues = g_ptr_array_new_with_free_func(g_free);
        queues_to_remove = fixture->queues;
        (void)signal(SIGABRT, on_abort);
        start_bus(fixture, arguments);
        fixture->connection = fixture_connect(fixture);
        fixture->manager = fixture_manager(fixture->connection);
        fixture->subscription = g_dbus_connection_signal_subscribe(fixture->connection, IPCBUS_BUS_NAME, NULL, NULL,
                NULL, NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_signal, fixture, NULL);
        fixture_settle(fixture);
}

void fixture_settle(Fixture *fixture) {
        g_autoptr(GVariant) reply = NULL;

        reply = g_dbus_connection_call_sync(fixture->connection, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                "org.freedesktop.DBus", "GetId", NULL, NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL);
        g_assert_nonnull(reply);
        while (g_main_context_iteration(NULL, FALSE))
                ;
}

bool fixture_saw(Fixture *fixture, const char *signal) {
        return strstr(fixture->signals->str, signal);
}

pid_t fixture_service_pid(Fixture *fixture) {
        g_autoptr(GVariant) reply = NULL;
        guint32 pid;

        reply = g_dbus_connection_call_sync(fixture->connection, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                "org.freedesktop.DBus", "GetConnectionUnixProcessID", g_variant_new("(s)", IPCBUS_BUS_NAME),
                G_VARIANT_TYPE("(u)"), G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL);
        if (!reply)
                return 0;
        g_variant_get(reply, "(u)", &pid);
        return (pid_t)pid;
}

/* Also when nobody has reaped it yet: it is a child of process 1, which may take its time. */
static bool process_has_ended(pid_t pid) {
        g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid), *stat = NULL;
        const char *state;

        if (!g_file_get_contents(path, &stat, NULL, NULL))
                return true;
        state = strrchr(stat, ')');
        return state && g_str_has_prefix(state, ") Z");
}

void fixture_end_service(Fixture *fixture, int signal) {
        pid_t pid = fixture_service_pid(fixture);

        if (pid <= 0)
                return;
        g_assert_cmpint(kill(pid, signal), ==, 0);
        WAIT_UNTIL(process_has_ended(pid));
        /* A proxy goes on calling the old owner until it has heard of its end. */
        WAIT_UNTIL(fixture_service_pid(fixture) != pid);
        fixture_settle(fixture);
}

static bool process_is_ours(Fixture *fixture, const char *pid) {
        g_autofree char *path = g_build_filename("/proc", pid, "environ", NULL);
        g_autofree char *environment = NULL;
        gint64 number = g_ascii_strtoll(pid, NULL, 10);
        size_t size;

        if (!g_ascii_isdigit(pid[0]) || number == fixture->bus || number == getpid())
                return false;
        if (!g_file_get_contents(path, &environment, &size, NULL))
                return false;
        return memmem(environment, size, fixture->directory, strlen(fixture->directory));
}

unsigned fixture_processes(Fixture *fixture) {
        g_autoptr(GDir) directory = g_dir_open("/proc", 0, NULL);
        unsigned n = 0;

        for (const char *name; (name = g_dir_read_name(directory));)
                n += process_is_ours(fixture, name);
        return n;
}

/* Names what is left, so that the test that left it can be mended. */
static bool directory_is_clean(const char *path, const char *const *allowed) {
        g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
        bool clean = true;

        for (const char *name; directory && (name = g_dir_read_name(directory));) {
                bool expected = false;

                for (size_t i = 0; allowed[i]; i++)
                        expected = expected || g_pattern_match_simple(allowed[i], name);
                if (!expected)
                        g_test_message("left behind: %s/%s", path, name);
                clean = clean && expected;
        }
        return clean;
}

static bool memory_is_clean(Fixture *fixture) {
        g_autofree char *mark = g_path_get_basename(fixture->directory);
        g_autoptr(GDir) directory = g_dir_open("/dev/shm", 0, NULL);
        bool clean = true;

        for (const char *name; directory && (name = g_dir_read_name(directory));)
                if (strstr(name, mark)) {
                        g_test_message("left behind: /dev/shm/%s", name);
                        clean = false;
                }
        for (guint i = 0; i < fixture->queues->len; i++) {
                const char *name = fixture->queues->pdata[i];
                mqd_t queue = mq_open(name, O_RDONLY | O_CLOEXEC);

                if (queue == (mqd_t)-1)
                        continue;
                mq_close(queue);
                mq_unlink(name);
                g_test_message("left behind: queue %s", name);
                clean = false;
        }
        return clean;
}

static void remove_tree(const char *path) {
        g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);

        for (const char *name; directory && (name = g_dir_read_name(directory));) {
                g_autofree char *below = g_build_filename(path, name, NULL);

                remove_tree(below);
        }
        (void)g_remove(path);
}

void fixture_tear_down(Fixture *fixture, gconstpointer arguments) {
        static const char *const own_files[] = { "bus", "bus.conf", "services", "ipcbus", NULL };
        static const char *const state_files[] = { "journal-*", NULL };
        g_autofree char *state = g_build_filename(fixture->directory, "ipcbus", NULL);
        bool clean;

        fixture_end_service(fixture, SIGTERM);
        WAIT_UNTIL(fixture_processes(fixture) == 0);
        clean = directory_is_clean(fixture->directory, own_files);
        clean = directory_is_clean(state, state_files) && clean;
        clean = memory_is_clean(fixture) && clean;
        g_assert_true(clean);

        g_dbus_connection_signal_unsubscribe(fixture->connection, fixture->subscription);
        g_object_unref(fixture->manager);
        fixture_disconnect(fixture->connection);
        while (g_main_context_iteration(NULL, FALSE))
                ;
        kill(fixture->bus, SIGTERM);
        waitpid(fixture->bus, NULL, 0);
        g_spawn_close_pid(fixture->bus);
        remove_tree(fixture->directory);
        g_string_free(fixture->signals, TRUE);
        queues_to_remove = NULL;
        g_ptr_array_unref(fixture->queues);
        g_free(fixture->bus_address);
        g_free(fixture->directory);
}

char *fixture_path(Fixture *fixture) {
        return g_strdup_printf("%s/object-%u", fixture->directory, ++fixture->names);
}

char *fixture_name(Fixture *fixture) {
        g_autofree char *mark = g_path_get_basename(fixture->directory);
        char *name = g_strdup_printf("/%s-%u", mark, ++fixture->names);

        g_ptr_array_add(fixture->queues, g_strdup(name));
        return name;
}

GVariant *options(const char *name, ...) {
        GVariantBuilder builder;
        va_list arguments;

        g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
        va_start(arguments, name);
        while (name) {
                const char *signature = va_arg(arguments, const char *);

                g_variant_builder_add(&builder, "{sv}", name, g_variant_new_va(signature, NULL, &arguments));
                name = va_arg(arguments, const char *);
        }
        va_end(arguments);
        return g_variant_builder_end(&builder);
}

GVariant *bytes(const void *data, size_t size) {
        return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, data, size, 1);
}

char *fixture_create(Fixture *fixture, const char *kind, GVariant *given, char **ret_path) {
        g_autofree char *path = NULL;
        g_autoptr(GError) error = NULL;
        char *address;

        ipcbus_manager_call_create_sync(fixture->manager, kind, given, PLAINLY, &path, &address, NULL, &error);
        g_assert_no_error(error);
        if (ret_path)
                *ret_path = g_steal_pointer(&path);
        return address;
}

char *fixture_make(Fixture *fixture, const char *kind, char **ret_path) {
        g_autofree char *path = fixture_path(fixture), *name = fixture_name(fixture);

        if (g_str_equal(kind, "mq-posix"))
                return fixture_create(fixture, kind,
                        options("name", "s", name, "max_messages", "t", (guint64)4, "message_size", "t", (guint64)64,
                                NULL),
                        ret_path);
        if (g_str_equal(kind, "shm-posix"))
                return fixture_create(
                        fixture, kind, options("name", "s", name, "size", "t", (guint64)4096, NULL), ret_path);
        if (g_str_equal(kind, "mmap"))
                return fixture_create(
                        fixture, kind, options("path", "s", path, "size", "t", (guint64)4096, NULL), ret_path);
        if (g_str_equal(kind, "shm-sysv") || g_str_equal(kind, "memfd"))
                return fixture_create(fixture, kind, options("size", "t", (guint64)4096, NULL), ret_path);
        if (g_str_equal(kind, "sem-posix") || g_str_equal(kind, "mutex"))
                return fixture_create(fixture, kind, options("name", "s", name, NULL), ret_path);
        if (g_str_equal(kind, "fifo") || g_str_has_prefix(kind, "unix-"))
                return fixture_create(fixture, kind, options("path", "s", path, NULL), ret_path);
        return fixture_create(fixture, kind, NO_OPTIONS, ret_path);
}

void assert_error(GError **error, const char *name) {
        g_autofree char *wanted = g_strconcat(IPCBUS_ERROR_PREFIX, name, NULL);
        g_autofree char *seen = NULL;

        g_assert_nonnull(*error);
        seen = g_dbus_error_get_remote_error(*error);
        if (g_strcmp0(seen, wanted) != 0)
                g_test_message("%s", (*error)->message);
        g_assert_cmpstr(seen, ==, wanted);
        g_dbus_error_strip_remote_error(*error);
        g_assert_nonnull(strchr(".?)", (*error)->message[strlen((*error)->message) - 1]));
        g_clear_error(error);
}

char *fixture_run(Fixture *fixture, const char *command, int *ret_status) {
        g_auto(GStrv) environment = g_get_environ(), argv = NULL;
        g_autoptr(GError) error = NULL;
        char *output;

        g_shell_parse_argv(command, NULL, &argv, &error);
        g_assert_no_error(error);
        environment = g_environ_setenv(environment, "XDG_RUNTIME_DIR", fixture->directory, TRUE);
        environment = g_environ_setenv(environment, "DBUS_SESSION_BUS_ADDRESS", fixture->bus_address, TRUE);
        g_spawn_sync(NULL, argv, environment, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &output,
                NULL, ret_status, &error);
        g_assert_no_error(error);
        return output;
}
