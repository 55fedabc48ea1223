/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds are jobs of the service: whoever cancels one ends it, and then who waits here has to be told. */
#include "hold.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>

#include "connection.h"
#include "errors.h"
#include "json.h"
#include "options.h"
#include "output.h"

typedef struct Watching {
        bool interrupted, ended, gone;
} Watching;

void hold_print(Cli *cli, const Hold *hold, const char *until) {
        if (cli->json) {
                JsonObject *object = json_object_new();

                json_add_string(object, "address", hold->address);
                json_add_u64(object, "hold", hold->number);
                json_add_u64(object, "holder", hold->holder);
                json_print(json_node_of(object), false);
        } else if (until != NULL)
                printf("hold %" G_GUINT64_FORMAT ": process %" G_GUINT64_FORMAT " holds %s until %s\n", hold->number,
                        hold->holder, hold->address, until);
        else
                printf("hold %" G_GUINT64_FORMAT ": process %" G_GUINT64_FORMAT
                       " holds %s until this is interrupted (Ctrl-C)\n",
                        hold->number, hold->holder, hold->address);
        (void)fflush(stdout);
}

static gboolean interrupted(gpointer userdata) {
        Watching *watching = userdata;

        watching->interrupted = true;
        return G_SOURCE_CONTINUE;
}

static void job_finished(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
        const char *member, GVariant *parameters, gpointer userdata) {
        Watching *watching = userdata;

        watching->ended = true;
}

static void service_gone(void *userdata) {
        Watching *watching = userdata;

        watching->gone = true;
}

ExitCode hold_until_interrupted(Cli *cli, const Hold *hold) {
        g_autofree char *path = g_strdup_printf(IPCBUS_JOB_PATH "/%" G_GUINT64_FORMAT, hold->number);
        static Watching watching; /* the connection keeps its address */
        const int signals[] = { SIGINT, SIGTERM, SIGHUP };
        guint sources[G_N_ELEMENTS(signals)];
        GDBusConnection *bus;
        ExitCode code = connection_bus(cli, &bus);

        if (code != EXIT_CODE_DONE)
                return code;
        watching = (Watching){ 0 };
        guint finished = g_dbus_connection_signal_subscribe(bus, connection_name(cli), IPCBUS_INTERFACE_JOB,
                "Finished", path, NULL, G_DBUS_SIGNAL_FLAGS_NONE, job_finished, &watching, NULL);
        connection_watch(cli, service_gone, &watching);
        for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
                sources[i] = g_unix_signal_add(signals[i], interrupted, &watching);
        hold_print(cli, hold, NULL);
        while (!watching.interrupted && !watching.ended && !watching.gone)
                g_main_context_iteration(NULL, TRUE);
        for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
                g_source_remove(sources[i]);
        g_dbus_connection_signal_unsubscribe(bus, finished);
        if (watching.interrupted)
                return hold_give_back(cli, hold);
        say("%s is held no more: %s", hold->address,
                watching.gone ? "the service ended" : "who held it was ended, or gave it back for another");
        return EXIT_CODE_FAILED;
}

ExitCode hold_give_back(Cli *cli, const Hold *hold) {
        g_autoptr(Record) options = options_new();
        g_autoptr(GError) error = NULL;
        IpcbusManager *manager;
        ExitCode code = connection_manager(cli, &manager);

        record_set_u64(options, "hold", hold->number);
        if (code == EXIT_CODE_DONE && !ipcbus_manager_call_post_sync(manager, hold->address, 1,
                                              options_variant(options), WITHOUT_TIMEOUT, NULL, &error))
                code = fail_with(error, hold->address);
        return code;
}
