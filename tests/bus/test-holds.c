/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What only a process can hold: made by Wait, seen as a job, given back by Post or by time, lost with its caller, by
 * Cancel and with its process. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

typedef struct Held {
        guint64 number, holder;
        char *warning;
} Held;

static Held take(IpcbusManager *manager, const char *address, GVariant *with) {
        g_autoptr(GVariant) meta = NULL;
        g_autoptr(GError) error = NULL;
        Held held = { 0 };

        ipcbus_manager_call_wait_sync(manager, address, with, PLAINLY, &meta, NULL, &error);
        g_assert_no_error(error);
        g_assert_true(g_variant_lookup(meta, "hold", "t", &held.number));
        g_assert_true(g_variant_lookup(meta, "holder", "t", &held.holder));
        g_variant_lookup(meta, "warning", "s", &held.warning);
        return held;
}

static void give_back(Fixture *fixture, const char *address, GVariant *with) {
        g_autoptr(GError) error = NULL;

        ipcbus_manager_call_post_sync(fixture->manager, address, 1, with, PLAINLY, NULL, &error);
        g_assert_no_error(error);
}

static char *state_of(Fixture *fixture, const char *address) {
        g_autoptr(GVariant) attributes = NULL;
        g_autoptr(GError) error = NULL;
        char *state = NULL;

        ipcbus_manager_call_describe_sync(fixture->manager, address, PLAINLY, &attributes, NULL, &error);
        g_assert_no_error(error);
        g_assert_true(g_variant_lookup(attributes, "state", "s", &state));
        return state;
}

static bool is_state(Fixture *fixture, const char *address, const char *words) {
        g_autofree char *state = state_of(fixture, address);

        return strstr(state, words) != NULL;
}

static void fails(Fixture *fixture, const char *address, GVariant *with, const char *name) {
        g_autoptr(GError) error = NULL;

        g_assert_false(ipcbus_manager_call_wait_sync(fixture->manager, address, with, PLAINLY, NULL, NULL, &error));
        assert_error(&error, name);
}

static void removed(Fixture *fixture, const char *address) {
        g_autoptr(GError) error = NULL;

        ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error);
        g_assert_no_error(error);
        WAIT_UNTIL(fixture_processes(fixture) == 1);
}

static void test_given_back(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = fixture_make(fixture, "mutex", NULL);
        Held held = take(fixture->manager, address, NO_OPTIONS);
        g_autoptr(GError) error = NULL;

        g_assert_true(is_state(fixture, address, "locked by process"));
        g_assert_cmpuint(fixture_processes(fixture), ==, 2);
        fails(fixture, address, NO_OPTIONS, "TimedOut");
        fails(fixture, address, options("timeout", "t", (guint64)20000, NULL), "TimedOut");
        g_assert_false(ipcbus_manager_call_post_sync(
                fixture->manager, address, 1, options("hold", "t", held.number + 1, NULL), PLAINLY, NULL, &error));
        assert_error(&error, "NoSuchJob");
        give_back(fixture, address, options("hold", "t", held.number, NULL));
        g_assert_true(is_state(fixture, address, "free"));
        g_assert_false(ipcbus_manager_call_post_sync(fixture->manager, address, 1, NO_OPTIONS, PLAINLY, NULL, &error));
        assert_error(&error, "NotPermitted");
        removed(fixture, address);
}

static void test_time(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = fixture_make(fixture, "mutex", NULL);

        (void)take(fixture->manager, address, options("hold", "s", "50ms", NULL));
        /* Who waits gets it when the time is over, and nothing is said of a death. */
        Held next = take(fixture->manager, address, options("timeout", "t", (guint64)30000000, NULL));
        g_assert_null(next.warning);
        give_back(fixture, address, NO_OPTIONS);
        fails(fixture, address, options("hold", "s", "soon", NULL), "InvalidOption");
        removed(fixture, address);
}

static void test_caller_leaves(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = fixture_make(fixture, "mutex", NULL);
        GDBusConnection *other = fixture_connect(fixture);
        g_autoptr(IpcbusManager) manager = fixture_manager(other);

        (void)take(manager, address, NO_OPTIONS);
        g_clear_object(&manager);
        fixture_disconnect(other);
        WAIT_UNTIL(is_state(fixture, address, "died holding it"));
        Held held = take(fixture->manager, address, NO_OPTIONS);
        g_assert_nonnull(strstr(held.warning, "EOWNERDEAD"));
        g_free(held.warning);
        give_back(fixture, address, NO_OPTIONS);
        g_assert_true(is_state(fixture, address, "free"));
        removed(fixture, address);
}

/* With hold=none it stays, for whoever gives it back. */
static void test_stays(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = fixture_make(fixture, "mutex", NULL);
        GDBusConnection *other = fixture_connect(fixture);
        g_autoptr(IpcbusManager) manager = fixture_manager(other);

        (void)take(manager, address, options("hold", "s", "none", NULL));
        g_clear_object(&manager);
        fixture_disconnect(other);
        fixture_settle(fixture);
        g_assert_true(is_state(fixture, address, "locked by process"));
        give_back(fixture, address, NO_OPTIONS);
        g_assert_true(is_state(fixture, address, "free"));
        removed(fixture, address);
}

static void cancel(Fixture *fixture, guint64 number) {
        g_autofree char *path = g_strdup_printf(IPCBUS_JOB_PATH "/%" G_GUINT64_FORMAT, number);
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;

        reply = g_dbus_connection_call_sync(g_dbus_proxy_get_connection(G_DBUS_PROXY(fixture->manager)),
                IPCBUS_BUS_NAME, path, IPCBUS_INTERFACE_JOB, "Cancel", NULL, NULL, PLAINLY, NULL, &error);
        g_assert_no_error(error);
}

static void test_ended(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = fixture_make(fixture, "mutex", NULL);
        Held held = take(fixture->manager, address, NO_OPTIONS);

        cancel(fixture, held.number);
        WAIT_UNTIL(is_state(fixture, address, "died holding it"));
        held = take(fixture->manager, address, NO_OPTIONS);
        g_assert_nonnull(held.warning);
        g_free(held.warning);
        g_assert_cmpint(kill((pid_t)held.holder, SIGKILL), ==, 0);
        WAIT_UNTIL(is_state(fixture, address, "died holding it"));
        WAIT_UNTIL(fixture_processes(fixture) == 1);
        removed(fixture, address);
}

static guint64 value_of(Fixture *fixture, const char *address) {
        g_autoptr(GVariant) attributes = NULL;
        g_autoptr(GError) error = NULL;
        guint64 value = 0;

        ipcbus_manager_call_describe_sync(fixture->manager, address, PLAINLY, &attributes, NULL, &error);
        g_assert_no_error(error);
        g_assert_true(g_variant_lookup(attributes, "value", "t", &value));
        return value;
}

/* A semaphore is held only where that is asked for. */
static void test_undo(Fixture *fixture, gconstpointer data) {
        g_autofree char *address = fixture_create(fixture, "sem-sysv", options("value", "t", (guint64)3, NULL), NULL);
        g_autoptr(GVariant) meta = NULL;
        g_autoptr(GError) error = NULL;

        ipcbus_manager_call_wait_sync(fixture->manager, address, NO_OPTIONS, PLAINLY, &meta, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(g_variant_n_children(meta), ==, 0);
        fails(fixture, address, options("hold", "s", "none", NULL), "InvalidOption");
        Held held = take(fixture->manager, address, options("undo", "b", TRUE, "hold", "s", "none", NULL));
        g_assert_cmpuint(value_of(fixture, address), ==, 1);
        give_back(fixture, address, NO_OPTIONS);
        g_assert_cmpuint(value_of(fixture, address), ==, 2);
        give_back(fixture, address, options("hold", "t", held.number, NULL));
        g_assert_cmpuint(value_of(fixture, address), ==, 3);
        held = take(fixture->manager, address, options("undo", "b", TRUE, NULL));
        cancel(fixture, held.number);
        WAIT_UNTIL(value_of(fixture, address) == 3);
        removed(fixture, address);
}

/* What was held of one that is gone is not taken for a hold of the next of its name. */
static void test_removed(Fixture *fixture, gconstpointer data) {
        g_autofree char *name = fixture_name(fixture), *address = g_strconcat("mutex:", name, NULL);
        const char *const holds[] = { "none", "caller" };
        g_autoptr(GError) error = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(holds); i++) {
                g_autofree char *made = fixture_create(fixture, "mutex", options("name", "s", name, NULL), NULL);

                g_assert_cmpstr(made, ==, address);
                Held held = take(fixture->manager, address, options("hold", "s", holds[i], NULL));
                ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error);
                g_assert_no_error(error);
                g_autofree char *again = fixture_create(fixture, "mutex", options("name", "s", name, NULL), NULL);
                (void)take(fixture->manager, again, NO_OPTIONS);
                give_back(fixture, address, NO_OPTIONS);
                g_assert_true(is_state(fixture, address, "free"));
                if (i > 0)
                        give_back(fixture, address, options("hold", "t", held.number, NULL));
                removed(fixture, address);
        }
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/holds/given-back", NULL, test_given_back);
        FIXTURE_TEST("/holds/time", NULL, test_time);
        FIXTURE_TEST("/holds/caller-leaves", NULL, test_caller_leaves);
        FIXTURE_TEST("/holds/stays", NULL, test_stays);
        FIXTURE_TEST("/holds/ended", NULL, test_ended);
        FIXTURE_TEST("/holds/undo", NULL, test_undo);
        FIXTURE_TEST("/holds/removed", NULL, test_removed);
        return g_test_run();
}
