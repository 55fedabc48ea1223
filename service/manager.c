/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The beginning and the end of the service. The parts are made in the order in which they need each other and
 * released the other way round; the name is asked for when the journal is locked, so that a service that is just
 * leaving has both until it has left; and what an earlier run left is taken up before the first call is looked at. */
#include "manager.h"

#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus-cleanup.h"
#include "bus.h"
#include "clients.h"
#include "idle.h"
#include "jobs.h"
#include "journal.h"
#include "limit.h"
#include "objects.h"
#include "protocol.h"
#include "runner.h"
#include "subscriptions.h"
#include "trim.h"
#include "waits.h"

/* What the journal tells before it is there to be changed. */
typedef struct Leftovers {
        Manager *manager;
        GArray *objects; /* JournalObject; the journal has the strings */
        GPtrArray *tokens;
} Leftovers;

/* What is in the journal is taken up while the bus looks at the request. */
static int on_journal_locked(void *userdata, Error *error) {
        Leftovers *leftovers = userdata;

        return leftovers->manager->peer_to_peer ? 0 : bus_own_name(leftovers->manager, error);
}

static void on_journal_object(void *userdata, const JournalObject *object) {
        Leftovers *leftovers = userdata;

        g_array_append_vals(leftovers->objects, object, 1);
}

static void on_journal_orphan(void *userdata, const JournalObject *object) {
        objects_remove_orphan(object);
}

static void on_journal_token(void *userdata, const char *token) {
        Leftovers *leftovers = userdata;

        g_ptr_array_add(leftovers->tokens, g_strdup(token));
}

static int take_up_journal(Manager *manager, Error *error) {
        static const JournalHandlers handlers = {
                .locked = on_journal_locked,
                .object = on_journal_object,
                .orphan = on_journal_orphan,
                .token = on_journal_token,
        };
        g_autoptr(GArray) objects = g_array_new(FALSE, FALSE, sizeof(JournalObject));
        g_autoptr(GPtrArray) tokens = g_ptr_array_new_with_free_func(g_free);
        CLEANUP_FREE char *instance = NULL;
        int r;

        if (!manager->peer_to_peer) {
                r = bus_instance(manager, &instance);
                if (r < 0)
                        return error_set_errno(error, r, "The address of the bus is not known");
        }
        r = journal_open(instance, &handlers, &(Leftovers){ manager, objects, tokens }, &manager->journal, error);
        if (r < 0)
                return r;
        for (guint i = 0; i < tokens->len; i++)
                jobs_sweep(tokens->pdata[i], journal_directory(manager->journal));
        for (guint i = 0; i < objects->len; i++)
                objects_restore(manager, &g_array_index(objects, JournalObject, i));
        return 0;
}

/* The one client, or the bus, is gone: nobody is left to work for. */
static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        Manager *manager = userdata;

        clients_disconnected(manager->clients);
        return sd_event_exit(manager->event, EXIT_SUCCESS);
}

static int on_name_released(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        Manager *manager = userdata;

        return sd_event_exit(manager->event, EXIT_SUCCESS);
}

/* First the name is given back: when the bus says that it is, all calls that came by it have been taken, and later
 * ones start a new service. Told twice, it ends at once. */
static int on_told_to_end(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        Manager *manager = userdata;
        bool again = manager->ending;

        manager->ending = true;
        if (!again && !manager->peer_to_peer &&
                sd_bus_release_name_async(manager->bus, NULL, IPCBUS_BUS_NAME, on_name_released, manager) >= 0)
                return 0;
        return sd_event_exit(manager->event, EXIT_SUCCESS);
}

static int add_signals(Manager *manager) {
        sigset_t mask;
        int r;

        (void)sigemptyset(&mask);
        (void)sigaddset(&mask, SIGTERM);
        (void)sigaddset(&mask, SIGINT);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;
        r = sd_event_add_signal(manager->event, NULL, SIGTERM, on_told_to_end, manager);
        return r < 0 ? r : sd_event_add_signal(manager->event, NULL, SIGINT, on_told_to_end, manager);
}

/* What ends with the service says so on the bus. */
static void end_parts(Manager *manager) {
        manager->idle = idle_free(manager->idle);
        manager->subscriptions = subscriptions_free(manager->subscriptions);
        manager->waits = waits_free(manager->waits);
        manager->jobs = jobs_free(manager->jobs);
        manager->objects = objects_free(manager->objects);
        manager->clients = clients_free(manager->clients);
        manager->trim = trim_free(manager->trim);
}

static int on_exit_loop(sd_event_source *source, void *userdata) {
        end_parts(userdata);
        return 0;
}

/* sd-bus closes its connection when the loop exits, so the parts have to be ended before: exit sources run in the
 * order of their priority. */
static int add_exit(Manager *manager) {
        sd_event_source *source;
        int r;

        r = sd_event_add_exit(manager->event, &source, on_exit_loop, manager);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(source, SD_EVENT_PRIORITY_IMPORTANT);
        if (r >= 0)
                r = sd_event_source_set_floating(source, true);
        sd_event_source_unref(source);
        return r;
}

static int make_parts(Manager *manager, uint64_t idle_timeout) {
        int r;

        r = bus_attach(manager);
        if (r >= 0)
                r = trim_new(manager, &manager->trim);
        if (r >= 0)
                r = limits_new(&manager->limits);
        if (r >= 0)
                r = clients_new(manager->bus, manager->peer_to_peer, &manager->clients);
        if (r >= 0)
                r = waits_new(manager, &manager->waits);
        if (r >= 0)
                r = objects_new(manager, &manager->objects);
        if (r >= 0)
                r = jobs_new(manager, &manager->jobs);
        if (r >= 0)
                r = subscriptions_new(manager, &manager->subscriptions);
        if (r >= 0 && !manager->peer_to_peer)
                r = idle_new(manager, idle_timeout, &manager->idle);
        return r;
}

static int begin(Manager *manager, const ManagerOptions *options, Error *error) {
        int r;

        r = sd_event_new(&manager->event);
        if (r >= 0)
                r = add_signals(manager);
        if (r >= 0)
                r = add_exit(manager);
        if (r >= 0)
                r = runner_prepare();
        if (r < 0)
                return error_set_errno(error, r, "The event loop cannot be made");
        r = bus_connect(manager, options->fd, error);
        if (r < 0)
                return r;
        r = make_parts(manager, options->idle_timeout);
        if (r < 0)
                return error_set_errno(error, r, "The service cannot be made");
        r = bus_register(manager, error);
        if (r < 0)
                return r;
        r = sd_bus_match_signal(manager->bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
                "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, manager);
        if (r < 0)
                return error_set_errno(error, r, "The end of the connection cannot be watched");
        r = take_up_journal(manager, error);
        if (r < 0)
                return r;
        manager_check_idle(manager);
        return 0;
}

int manager_new(const ManagerOptions *options, Manager **ret, Error *error) {
        Manager *manager;
        int r;

        manager = calloc(1, sizeof(*manager));
        if (!manager)
                return error_set_errno(error, ENOMEM, "The service cannot be made");
        r = begin(manager, options, error);
        if (r < 0) {
                manager_free(manager);
                return r;
        }
        *ret = manager;
        return 0;
}

Manager *manager_free(Manager *manager) {
        if (!manager)
                return NULL;
        end_parts(manager);
        manager->journal = journal_free(manager->journal);
        manager->limits = limits_free(manager->limits);
        sd_bus_flush_close_unref(manager->bus);
        runner_stop_dying();
        sd_event_unref(manager->event);
        free(manager);
        return NULL;
}

int manager_run(Manager *manager) {
        return sd_event_loop(manager->event);
}

void manager_check_idle(Manager *manager) {
        idle_check(manager->idle);
}
