/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl watch: events as they happen, one a line, and on the desktop with --notify. */
#include "cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib-unix.h>

#include "connection.h"
#include "errors.h"
#include "json.h"
#include "kind.h"
#include "notify.h"
#include "options.h"
#include "output.h"
#include "units.h"
#include "watch-event.h"

static gboolean opt_notify, opt_holders, opt_no_changes;
static char *opt_count, *opt_timeout, *opt_interval;

static const GOptionEntry entries[] = {
        { "notify", 0, 0, G_OPTION_ARG_NONE, &opt_notify, "Show them on the desktop as well, where one listens",
                NULL },
        { "holders", 0, 0, G_OPTION_ARG_NONE, &opt_holders,
                "Also tell which processes come to hold them and go; for an ADDRESS always", NULL },
        { "no-changes", 0, 0, G_OPTION_ARG_NONE, &opt_no_changes, "Of others' objects only what comes and goes",
                NULL },
        { "interval", 0, 0, G_OPTION_ARG_FILENAME, &opt_interval,
                "Between two looks at what the kernel sends no events of: 1s unless said, 100ms at the least",
                "TIME" },
        { "count", 'n', 0, G_OPTION_ARG_FILENAME, &opt_count, "End after this many", "N" },
        { "timeout", 't', 0, G_OPTION_ARG_FILENAME, &opt_timeout, "End after this long", "TIME" },
        { NULL },
};

typedef struct Watch {
        Cli *cli;
        EventNames *names; /* NULL until what is there is known */
        Notifier *notifier;
        GPtrArray *kinds, *addresses;
        uint64_t interval;
        uint64_t count; /* 0: no end */
        uint64_t seen;
        bool ended;
        ExitCode code;
} Watch;

static bool is_wanted(const Watch *watch, const Event *event) {
        if (watch->kinds->len == 0 && watch->addresses->len == 0)
                return true;
        if (g_ptr_array_find_with_equal_func(watch->kinds, event->kind, g_str_equal, NULL))
                return true;
        return event->address != NULL &&
               g_ptr_array_find_with_equal_func(watch->addresses, event->address, g_str_equal, NULL);
}

static void print_json(const Event *event) {
        JsonObject *object = json_object_new();

        json_add_u64(object, "time", event->time);
        json_add_string(object, "event", event->name);
        json_add_string(object, "kind", event->kind);
        if (event->address != NULL)
                json_add_string(object, "address", event->address);
        json_add_string(object, "path", event->path);
        json_add_variant(object, "details", event->details);
        json_print(json_node_of(object), false);
}

static void print_line(const Event *event, const char *details) {
        g_autoptr(GDateTime) when = g_date_time_new_from_unix_local((gint64)(event->time / USEC_PER_SEC));
        g_autofree char *date = g_date_time_format(when, "%Y-%m-%d %H:%M:%S");

        printf("%s.%06u  %-15s  %s", date, (unsigned)(event->time % USEC_PER_SEC), event->name,
                event->address != NULL ? event->address : event->path);
        if (*details != '\0') {
                fputs("  ", stdout);
                output_text(details);
        }
        putchar('\n');
}

static void end(Watch *watch, ExitCode code) {
        watch->ended = true;
        watch->code = code;
}

static void show(Watch *watch, const Event *event) {
        g_autofree char *details = event_details_text(event);
        const char *what = event->address != NULL ? event->address : event->path;
        g_autofree char *key = g_strdup_printf("%s %s", event->name, what);

        if (watch->cli->json)
                print_json(event);
        else
                print_line(event, details);
        if (fflush(stdout) != 0)
                end(watch, EXIT_CODE_FAILED);
        notifier_show(watch->notifier, key, key, details);
        if (++watch->seen == watch->count)
                end(watch, EXIT_CODE_DONE);
}

static void got_signal(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
        const char *member, GVariant *parameters, gpointer userdata) {
        Watch *watch = userdata;
        Event event;

        if (watch->ended || watch->names == NULL ||
                !event_from_signal(watch->names, path, interface, member, parameters, watch->cli->verbose, &event))
                return;
        if (is_wanted(watch, &event))
                show(watch, &event);
        event_done(&event);
}

static void service_gone(void *userdata) {
        Watch *watch = userdata;

        if (watch->ended)
                return;
        say("the service has ended");
        end(watch, EXIT_CODE_FAILED);
}

static gboolean time_over(gpointer userdata) {
        Watch *watch = userdata;

        end(watch, watch->count > 0 ? EXIT_CODE_TIMED_OUT : EXIT_CODE_DONE);
        return G_SOURCE_CONTINUE;
}

static gboolean output_lost(gint fd, GIOCondition condition, gpointer userdata) {
        end(userdata, EXIT_CODE_FAILED);
        return G_SOURCE_CONTINUE;
}

/* Words with a colon are addresses, the others kinds; "job" is one here. */
static ExitCode read_words(Watch *watch, char **words) {
        for (; *words != NULL; words++) {
                g_autoptr(GVariant) description = NULL;
                g_autofree char *word = text_for_bus(*words);
                char *address;
                ExitCode code = EXIT_CODE_DONE;

                if (strchr(word, ':') != NULL) {
                        code = address_canonical(word, &address);
                        if (code == EXIT_CODE_DONE)
                                g_ptr_array_add(watch->addresses, address);
                } else {
                        if (strcmp(word, "job") != 0)
                                code = kind_describe(watch->cli, word, &description);
                        g_ptr_array_add(watch->kinds, g_steal_pointer(&word));
                }
                if (code != EXIT_CODE_DONE)
                        return code;
        }
        return EXIT_CODE_DONE;
}

/* With no kinds it asks for nothing of others, and keeps the service from leaving while nothing happens. */
static Record *filter_new(const Watch *watch, bool others) {
        g_autoptr(GPtrArray) kinds = g_ptr_array_new();
        bool named = watch->kinds->len > 0 || watch->addresses->len > 0;
        Record *filter = options_new();

        for (guint i = 0; others && i < watch->kinds->len; i++)
                if (strcmp(watch->kinds->pdata[i], "job") != 0)
                        g_ptr_array_add(kinds, watch->kinds->pdata[i]);
        if (named || !others)
                record_set_strings(filter, "kinds", (const char *const *)kinds->pdata, kinds->len);
        if (!others)
                return filter;
        if (watch->addresses->len > 0)
                record_set_strings(
                        filter, "addresses", (const char *const *)watch->addresses->pdata, watch->addresses->len);
        if (opt_no_changes)
                record_set_bool(filter, "changes", false);
        record_set_bool(filter, "holders", !opt_no_changes && (opt_holders || watch->addresses->len > 0));
        record_set_u64(filter, "interval", watch->interval);
        return filter;
}

/* Where it cannot be told what others do, the reason is said, and our own objects are told of all the same. */
static ExitCode ask_for_events(const Watch *watch) {
        g_autoptr(Record) filter = filter_new(watch, true), nothing = filter_new(watch, false);
        g_autoptr(GError) error = NULL;
        IpcbusManager *manager;
        ExitCode code = connection_manager(watch->cli, &manager);

        if (code != EXIT_CODE_DONE)
                return code;
        if (ipcbus_manager_call_subscribe_sync(manager, options_variant(filter), WITHOUT_TIMEOUT, NULL, &error))
                return EXIT_CODE_DONE;
        if (gerror_code(error) != ERROR_NOT_SUPPORTED)
                return fail_with(error, NULL);
        g_dbus_error_strip_remote_error(error);
        say("only objects of the service itself can be told of: %s", error->message);
        g_clear_error(&error);
        if (!ipcbus_manager_call_subscribe_sync(manager, options_variant(nothing), WITHOUT_TIMEOUT, NULL, &error))
                return fail_with(error, NULL);
        return EXIT_CODE_DONE;
}

static ExitCode wait_for_events(Watch *watch, uint64_t timeout) {
        guint timer = 0, output = 0;

        if (timeout != USEC_INFINITY)
                timer = g_timeout_add(
                        (guint)MIN((timeout + USEC_PER_MSEC - 1) / USEC_PER_MSEC, G_MAXUINT), time_over, watch);
        if (output_may_be_lost())
                output = g_unix_fd_add(STDOUT_FILENO, G_IO_ERR, output_lost, watch);
        while (!watch->ended)
                g_main_context_iteration(NULL, TRUE);
        if (timer != 0)
                g_source_remove(timer);
        if (output != 0)
                g_source_remove(output);
        return watch->code;
}

static ExitCode run_watch(Watch *watch, char **words, uint64_t timeout) {
        GDBusConnection *bus;
        ExitCode code = connection_bus(watch->cli, &bus);

        if (code != EXIT_CODE_DONE)
                return code;
        /* Signals wait in the main context until wait_for_events(), so none is lost between here and there. */
        guint all = g_dbus_connection_signal_subscribe(bus, connection_name(watch->cli), NULL, NULL, NULL, NULL,
                G_DBUS_SIGNAL_FLAGS_NONE, got_signal, watch, NULL);
        code = read_words(watch, words);
        if (code == EXIT_CODE_DONE)
                code = event_names_new(watch->cli, &watch->names);
        if (code == EXIT_CODE_DONE)
                code = ask_for_events(watch);
        if (code == EXIT_CODE_DONE) {
                connection_watch(watch->cli, service_gone, watch);
                if (opt_notify)
                        watch->notifier = notifier_new(watch->cli);
                if (watch->cli->verbose)
                        say("watching");
                code = wait_for_events(watch, timeout);
        }
        g_dbus_connection_signal_unsubscribe(bus, all);
        notifier_free(watch->notifier);
        event_names_free(watch->names);
        return code;
}

static ExitCode run(Cli *cli, char **words) {
        g_autoptr(GPtrArray) kinds = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GPtrArray) addresses = g_ptr_array_new_with_free_func(g_free);
        Watch watch = { .cli = cli, .kinds = kinds, .addresses = addresses };
        uint64_t timeout;

        if (!options_number(OPTION_COUNT, "count", opt_count, 0, &watch.count) ||
                !options_number(OPTION_TIME, "timeout", opt_timeout, USEC_INFINITY, &timeout) ||
                !options_number(OPTION_TIME, "interval", opt_interval, USEC_PER_SEC, &watch.interval))
                return EXIT_CODE_USAGE;
        if (opt_count != NULL && watch.count == 0)
                return say_usage("--count: at least 1");
        return run_watch(&watch, words, timeout);
}

const Verb verb_watch = {
        .name = "watch",
        .arguments = "[KIND...] [ADDRESS...]",
        .summary = "Show events as they happen, one a line",
        .details = "Events: created adopted changed removed lease-expired appeared vanished message-arrived\n"
                   "peer-connected peer-closed posted signal-received job-started job-progress job-finished\n"
                   "job-forgotten. \"job\" is a KIND here. appeared and vanished are what others make and remove.\n"
                   "changed also tells what others change at a KIND or ADDRESS that is named, and who comes to hold\n"
                   "it (holder_came) and goes (holder_gone); without a name, only what comes and goes is told.\n"
                   "--json prints one object a line; --verbose also tells each result of a job (job-record).\n"
                   "When --timeout is over before --count events came, the exit code is 6.\n\n"
                   "Examples:\n  ipcctl watch mq-posix:/jobs --notify\n  ipcctl watch shm-sysv mq-sysv\n  ipcctl "
                   "watch --json --count 1 shm-posix\n",
        .entries = entries,
        .run = run,
};
