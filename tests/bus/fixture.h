/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A private bus with the service of the build tree, started by activation as a session would. After each test nothing
 * may be left: no kernel object of the test's names, no process of the bus, no file beside the journal. */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>
#include <sys/types.h>

#include "ipcbus-proxies.h"
#include "protocol.h"

typedef struct Fixture {
        char *directory; /* XDG_RUNTIME_DIR of the service, and where paths of the test are */
        char *bus_address;
        GPid bus;
        GDBusConnection *connection;
        IpcbusManager *manager; /* over the connection; calls have no time-out */
        unsigned subscription;
        GString *signals;  /* "Member(arguments)\n" of all that the service has sent */
        GPtrArray *queues; /* names that may be left in the mqueue file system, which may not be mounted */
        unsigned names;
} Fixture;

/* `arguments`: of ipcbusd, as text; NULL: none. */
void fixture_set_up(Fixture *fixture, gconstpointer arguments);
void fixture_tear_down(Fixture *fixture, gconstpointer arguments);
/* The two arguments of every call that say how: no flags, and the proxy's time-out, which is none. */
#define PLAINLY G_DBUS_CALL_FLAGS_NONE, -1

#define FIXTURE_TEST(path, arguments, function) \
        g_test_add(path, Fixture, arguments, fixture_set_up, function, fixture_tear_down)

/* Another connection, with a name of its own. Close it with fixture_disconnect(). */
GDBusConnection *fixture_connect(Fixture *fixture);
void fixture_disconnect(GDBusConnection *connection);
IpcbusManager *fixture_manager(GDBusConnection *connection);

/* Of this test alone: a path in the directory, and "/ipcbus-test-…" for POSIX names. */
char *fixture_path(Fixture *fixture);
char *fixture_name(Fixture *fixture);

/* a{sv} of "name", "signature", value …, NULL */
GVariant *options(const char *name, ...) G_GNUC_NULL_TERMINATED;
#define NO_OPTIONS options(NULL, NULL)
GVariant *bytes(const void *data, size_t size);

/* Creates or fails the test. */
char *fixture_create(Fixture *fixture, const char *kind, GVariant *options, char **ret_path);
/* A small one of any kind, with names of the test's own: queues of a user share one small limit. */
char *fixture_make(Fixture *fixture, const char *kind, char **ret_path);
/* Fails the test unless the error is org.ipcbus1.Error.NAME, and frees it. */
void assert_error(GError **error, const char *name);

/* Runs the main loop until the condition holds; fails the test after ten seconds. */
#define WAIT_UNTIL(condition)                                                        \
        do {                                                                         \
                gint64 give_up_ = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;      \
                bool holds_;                                                         \
                while (!(holds_ = (condition)) && g_get_monotonic_time() < give_up_) \
                        if (!g_main_context_iteration(NULL, FALSE))                  \
                                g_usleep(1000);                                      \
                if (!holds_)                                                         \
                        g_error("%s:%d: never: %s", __FILE__, __LINE__, #condition); \
        } while (0)
/* Everything that was sent before has been received. */
void fixture_settle(Fixture *fixture);
bool fixture_saw(Fixture *fixture, const char *signal);

/* The service's process, 0 where none runs. */
pid_t fixture_service_pid(Fixture *fixture);
/* Sends the signal and waits until the process is gone. */
void fixture_end_service(Fixture *fixture, int signal);
/* How many processes of this bus there are, the bus itself left out. */
unsigned fixture_processes(Fixture *fixture);

char *fixture_run(Fixture *fixture, const char *command, int *ret_status);
