/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Subscribes before the job is started, so that no record is missed, and reads the results once more at the end, so
 * that nothing depends on signals. Owns its subscriptions and the main loop for the time of the job. */
#include "run-job.h"

#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <glib-unix.h>

#include "errors.h"
#include "jobs.h"
#include "output.h"
#include "time-left.h"

enum { LEFT_WIDTH = 15 };

typedef struct Running {
        JobRun *run;
        char *path;
        GQueue early; /* signals that came before the path was known */
        guint shown;  /* records that were given to run->record */
        char *state;
        char *message;
        bool gone;
        bool interrupted, abandoned;
        bool progress_line;
        TimeLeft left;
} Running;

static void clear_progress(Running *running) {
        if (running->progress_line)
                fputs("\r\033[K", stderr);
        running->progress_line = false;
}

static unsigned stderr_width(void) {
        struct winsize size;

        return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void show_progress(Running *running, GVariant *changed) {
        double progress;
        const char *message = "";

        if (!running->run->show_progress || !g_variant_lookup(changed, "Progress", "d", &progress))
                return;
        g_variant_lookup(changed, "Message", "&s", &message);
        double seconds = time_left(&running->left, progress, g_get_monotonic_time());
        g_autofree char *left = seconds >= 0 ? time_left_text(seconds) : g_strdup("");
        g_autofree char *line = g_strdup_printf("%3d %%  %-*s  %s", (int)(progress * 100), LEFT_WIDTH, left, message);
        clear_progress(running);
        /* One line: what is longer than the terminal would scroll. */
        fprintf(stderr, "%.*s", (int)stderr_width() - 1, line);
        fflush(stderr);
        running->progress_line = true;
}

static void take_record(Running *running, GVariant *record) {
        running->shown++;
        clear_progress(running);
        if (running->run->record != NULL)
                running->run->record(running->run, record);
}

static void take_signal(Running *running, const char *member, GVariant *parameters) {
        if (g_str_equal(member, "Record") && g_variant_is_of_type(parameters, G_VARIANT_TYPE("(a{sv})"))) {
                g_autoptr(GVariant) record = g_variant_get_child_value(parameters, 0);
                take_record(running, record);
        } else if (g_str_equal(member, "Finished") && g_variant_is_of_type(parameters, G_VARIANT_TYPE("(sa{sv})"))) {
                g_autoptr(GVariant) summary = NULL;
                g_variant_get(parameters, "(s@a{sv})", &running->state, &summary);
                g_variant_lookup(summary, "message", "s", &running->message);
        } else if (g_str_equal(member, "PropertiesChanged") &&
                   g_variant_is_of_type(parameters, G_VARIANT_TYPE("(sa{sv}as)"))) {
                g_autoptr(GVariant) changed = g_variant_get_child_value(parameters, 1);
                show_progress(running, changed);
        }
}

typedef struct Early {
        char *path, *member;
        GVariant *parameters;
} Early;

static void job_signal(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
        const char *member, GVariant *parameters, gpointer userdata) {
        Running *running = userdata;

        if (running->path == NULL) {
                Early *early = g_new(Early, 1);
                *early = (Early){ g_strdup(path), g_strdup(member), g_variant_ref(parameters) };
                g_queue_push_tail(&running->early, early);
        } else if (running->state == NULL && g_str_equal(path, running->path))
                take_signal(running, member, parameters);
}

static void take_early(Running *running) {
        for (Early *early; (early = g_queue_pop_head(&running->early)) != NULL; g_free(early)) {
                if (running->path != NULL && running->state == NULL && g_str_equal(early->path, running->path))
                        take_signal(running, early->member, early->parameters);
                g_free(early->path);
                g_free(early->member);
                g_variant_unref(early->parameters);
        }
}

static void service_gone(void *userdata) {
        Running *running = userdata;

        running->gone = true;
}

static gboolean interrupted(gpointer userdata) {
        Running *running = userdata;

        /* The second time: whoever wants to go now can; the service cancels what its caller leaves behind. */
        running->abandoned = running->interrupted;
        running->interrupted = true;
        return G_SOURCE_CONTINUE;
}

static void wait_for_end(Running *running) {
        bool asked = false;

        while (running->state == NULL && !running->gone && !running->abandoned) {
                if (running->interrupted && !asked) {
                        asked = true;
                        clear_progress(running);
                        if (job_cancel(running->run->cli, running->path) != EXIT_CODE_DONE)
                                break;
                }
                g_main_context_iteration(NULL, TRUE);
        }
        clear_progress(running);
}

/* What no signal brought, and the whole for who wants the whole. */
static ExitCode fetch_results(Running *running, GVariant **ret_results) {
        ExitCode code = job_results(running->run->cli, running->path, ret_results);
        GVariantIter iter;
        GVariant *record;
        guint i = 0;

        if (code != EXIT_CODE_DONE)
                return code;
        g_variant_iter_init(&iter, *ret_results);
        while (g_variant_iter_loop(&iter, "@a{sv}", &record))
                if (i++ >= running->shown && running->run->record != NULL)
                        running->run->record(running->run, record);
        return EXIT_CODE_DONE;
}

static ExitCode conclude(Running *running, GVariant **ret_results) {
        if (running->gone)
                return say("the service ended before the job did"), EXIT_CODE_FAILED;
        if (running->state == NULL)
                return running->interrupted ? (ExitCode)EXIT_INTERRUPTED : EXIT_CODE_FAILED;
        ExitCode code = fetch_results(running, ret_results);
        if (running->interrupted)
                return say("cancelled"), (ExitCode)EXIT_INTERRUPTED;
        if (code != EXIT_CODE_DONE || g_str_equal(running->state, "done"))
                return code;
        say("the job %s%s%s", g_str_equal(running->state, "cancelled") ? "was cancelled" : "failed",
                running->message != NULL && *running->message != '\0' ? ": " : "",
                running->message != NULL ? running->message : "");
        return EXIT_CODE_FAILED;
}

static ExitCode start_and_wait(Running *running, GDBusConnection *bus) {
        g_autoptr(GError) error = NULL;
        IpcbusManager *manager;

        connection_manager(running->run->cli, &manager);
        if (!running->run->start(running->run, manager, &running->path, &error))
                return fail_with(error, NULL);
        connection_watch(running->run->cli, service_gone, running);
        take_early(running);
        wait_for_end(running);
        return EXIT_CODE_DONE;
}

ExitCode job_run(JobRun *run, GVariant **ret_results) {
        Running running = { .run = run };
        GDBusConnection *bus;
        ExitCode code = connection_bus(run->cli, &bus);

        *ret_results = NULL;
        if (code != EXIT_CODE_DONE)
                return code;
        run->show_progress = run->show_progress && isatty(STDERR_FILENO);
        g_queue_init(&running.early);
        guint job = g_dbus_connection_signal_subscribe(bus, connection_name(run->cli), IPCBUS_INTERFACE_JOB, NULL,
                NULL, NULL, G_DBUS_SIGNAL_FLAGS_NONE, job_signal, &running, NULL);
        guint properties = g_dbus_connection_signal_subscribe(bus, connection_name(run->cli),
                "org.freedesktop.DBus.Properties", "PropertiesChanged", NULL, IPCBUS_INTERFACE_JOB,
                G_DBUS_SIGNAL_FLAGS_NONE, job_signal, &running, NULL);
        guint sigint = g_unix_signal_add(SIGINT, interrupted, &running);
        guint sigterm = g_unix_signal_add(SIGTERM, interrupted, &running);
        code = start_and_wait(&running, bus);
        if (code == EXIT_CODE_DONE)
                code = conclude(&running, ret_results);
        g_source_remove(sigint);
        g_source_remove(sigterm);
        g_dbus_connection_signal_unsubscribe(bus, job);
        g_dbus_connection_signal_unsubscribe(bus, properties);
        g_clear_pointer(&running.path, g_free);
        take_early(&running);
        g_free(running.state);
        g_free(running.message);
        return code;
}
