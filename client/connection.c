/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the bus, or starts a service of our own. Owns the connection, the proxy of the manager and the process of an
 * embedded service, which ends with its connection. */
#include "connection.h"

#include <errno.h>
#include <gio/gunixconnection.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "embedded.h"
#include "errors.h"
#include "output.h"

struct Connection {
        GDBusConnection *bus;
        const char *name; /* NULL peer to peer */
        IpcbusManager *manager;
        pid_t child; /* the embedded service or ssh, else 0 */
        bool embedded;
        guint watch;
        gulong closed;
        void (*gone)(void *userdata);
        void *gone_userdata;
};

enum { CHILD_END_MSEC = 3000 };

static GDBusConnection *open_bus(const char *address, GError **error) {
        GDBusConnectionFlags flags = G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                     G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION;

        return g_dbus_connection_new_for_address_sync(address, flags, NULL, NULL, error);
}

/* The address of the session bus, without the "autolaunch:" of GDBus, which would start a bus that nobody wants. */
static char *session_address(void) {
        const char *given = g_getenv("DBUS_SESSION_BUS_ADDRESS");

        if (given != NULL && *given != '\0')
                return g_strdup(given);
        g_autofree char *socket_path = g_build_filename(g_get_user_runtime_dir(), "bus", NULL);
        if (!g_file_test(socket_path, G_FILE_TEST_EXISTS))
                return NULL;
        g_autofree char *escaped = g_dbus_address_escape_value(socket_path);
        return g_strdup_printf("unix:path=%s", escaped);
}

static ExitCode open_session(Cli *cli, Connection *connection, bool *ret_found) {
        g_autofree char *address = session_address();
        g_autoptr(GError) error = NULL;

        *ret_found = false;
        if (address == NULL) {
                if (cli->user)
                        return say("there is no session bus: DBUS_SESSION_BUS_ADDRESS is not set and "
                                   "XDG_RUNTIME_DIR has no bus; use --embedded"),
                               EXIT_CODE_FAILED;
                if (cli->verbose)
                        say("there is no session bus: starting a service of our own");
                return EXIT_CODE_DONE;
        }
        connection->bus = open_bus(address, &error);
        if (connection->bus == NULL) {
                if (cli->user)
                        return fail_with(error, "the session bus");
                if (cli->verbose)
                        say("the session bus cannot be reached (%s): starting a service of our own", error->message);
                return EXIT_CODE_DONE;
        }
        *ret_found = true;
        return EXIT_CODE_DONE;
}

static ExitCode open_peer(Cli *cli, Connection *connection) {
        GDBusConnectionFlags flags = G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT;
        g_autoptr(GSocket) socket = NULL;
        g_autoptr(GError) error = NULL;
        const char *what = cli->host != NULL ? cli->host : "the embedded service";
        int fd;

        ExitCode code = cli->host != NULL ? remote_start(cli->host, &fd, &connection->child)
                                          : embedded_start(&fd, &connection->child);
        if (code != EXIT_CODE_DONE)
                return code;
        connection->embedded = cli->host == NULL;
        if (cli->host != NULL)
                flags |= G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION;
        socket = g_socket_new_from_fd(fd, &error);
        if (socket == NULL) {
                close(fd);
                return fail_with(error, what);
        }
        g_autoptr(GSocketConnection) stream = g_socket_connection_factory_create_connection(socket);
        connection->bus = g_dbus_connection_new_sync(G_IO_STREAM(stream), NULL, flags, NULL, NULL, &error);
        if (connection->bus == NULL)
                return say("%s did not answer: %s", what, error->message), EXIT_CODE_FAILED;
        return EXIT_CODE_DONE;
}

static ExitCode open_any(Cli *cli, Connection *connection) {
        g_autoptr(GError) error = NULL;
        bool found = false;

        connection->name = IPCBUS_BUS_NAME;
        if (cli->system || cli->bus != NULL) {
                g_autofree char *address = cli->bus != NULL
                                                   ? g_strdup(cli->bus)
                                                   : g_dbus_address_get_for_bus_sync(G_BUS_TYPE_SYSTEM, NULL, &error);
                if (address != NULL)
                        connection->bus = open_bus(address, &error);
                return connection->bus != NULL ? EXIT_CODE_DONE
                                               : fail_with(error, cli->bus != NULL ? cli->bus : "the system bus");
        }
        if (cli->host != NULL)
                return open_peer(cli, connection);
        if (!cli->embedded) {
                ExitCode code = open_session(cli, connection, &found);
                if (code != EXIT_CODE_DONE || found)
                        return code;
        }
        connection->name = NULL;
        return open_peer(cli, connection);
}

static ExitCode connection_open(Cli *cli) {
        g_autoptr(GError) error = NULL;

        if (cli->connection == NULL)
                cli->connection = g_new0(Connection, 1);
        Connection *connection = cli->connection;
        if (connection->manager != NULL)
                return EXIT_CODE_DONE;
        ExitCode code = open_any(cli, connection);
        if (code != EXIT_CODE_DONE)
                return code;
        /* The library would end the process with the connection; we say what happened instead. */
        g_dbus_connection_set_exit_on_close(connection->bus, FALSE);
        connection->manager = ipcbus_manager_proxy_new_sync(connection->bus,
                G_DBUS_PROXY_FLAGS_DO_NOT_LOAD_PROPERTIES | G_DBUS_PROXY_FLAGS_DO_NOT_CONNECT_SIGNALS |
                        G_DBUS_PROXY_FLAGS_DO_NOT_AUTO_START_AT_CONSTRUCTION,
                connection->name, IPCBUS_PATH, NULL, &error);
        if (connection->manager == NULL)
                return fail_with(error, NULL);
        return EXIT_CODE_DONE;
}

ExitCode connection_manager(Cli *cli, IpcbusManager **ret_manager) {
        ExitCode code = connection_open(cli);

        if (code == EXIT_CODE_DONE)
                *ret_manager = cli->connection->manager;
        return code;
}

ExitCode connection_bus(Cli *cli, GDBusConnection **ret_bus) {
        ExitCode code = connection_open(cli);

        if (code == EXIT_CODE_DONE)
                *ret_bus = cli->connection->bus;
        return code;
}

const char *connection_name(const Cli *cli) {
        return cli->connection->name;
}

bool connection_passes_descriptors(const Cli *cli) {
        return (g_dbus_connection_get_capabilities(cli->connection->bus) & G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING) !=
               0;
}

bool connection_is_embedded(const Cli *cli) {
        return cli->connection->embedded;
}

GDBusConnection *connection_session(Cli *cli) {
        if (cli->connection != NULL && cli->connection->child == 0 && !cli->system)
                return g_object_ref(cli->connection->bus);
        g_autofree char *address = session_address();
        GDBusConnection *bus = address != NULL ? open_bus(address, NULL) : NULL;
        if (bus != NULL)
                g_dbus_connection_set_exit_on_close(bus, FALSE);
        return bus;
}

static void name_vanished(GDBusConnection *bus, const char *name, gpointer userdata) {
        Connection *connection = userdata;

        connection->gone(connection->gone_userdata);
}

static void bus_closed(GDBusConnection *bus, gboolean vanished, GError *error, gpointer userdata) {
        Connection *connection = userdata;

        connection->gone(connection->gone_userdata);
}

void connection_watch(Cli *cli, void (*gone)(void *userdata), void *userdata) {
        Connection *connection = cli->connection;

        connection->gone = gone;
        connection->gone_userdata = userdata;
        if (connection->closed == 0)
                connection->closed = g_signal_connect(connection->bus, "closed", G_CALLBACK(bus_closed), connection);
        if (connection->name != NULL && connection->watch == 0)
                connection->watch = g_bus_watch_name_on_connection(connection->bus, connection->name,
                        G_BUS_NAME_WATCHER_FLAGS_NONE, NULL, name_vanished, connection, NULL);
}

/* The embedded service removes what must not outlive it when its connection closes; wait for that, but not for ever:
 * a service that hangs must not hang us. */
static void wait_for_child(pid_t pid) {
        int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

        if (pidfd >= 0) {
                struct pollfd pfd = { .fd = pidfd, .events = POLLIN };
                while (poll(&pfd, 1, CHILD_END_MSEC) < 0 && errno == EINTR)
                        ;
                close(pidfd);
        }
        if (waitpid(pid, NULL, WNOHANG) != 0)
                return;
        kill(pid, SIGTERM);
        waitpid(pid, NULL, 0);
}

void connection_close(Cli *cli) {
        Connection *connection = cli->connection;

        if (connection == NULL)
                return;
        if (connection->watch != 0)
                g_bus_unwatch_name(connection->watch);
        if (connection->closed != 0)
                g_signal_handler_disconnect(connection->bus, connection->closed);
        g_clear_object(&connection->manager);
        if (connection->bus != NULL && !g_dbus_connection_is_closed(connection->bus))
                g_dbus_connection_close_sync(connection->bus, NULL, NULL);
        g_clear_object(&connection->bus);
        if (connection->child > 0)
                wait_for_child(connection->child);
        g_clear_pointer(&cli->connection, g_free);
}
