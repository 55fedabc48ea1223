/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads jobs through org.freedesktop.DBus.ObjectManager and Properties. The array owns its JobInfos. */
#include "jobs.h"

#include <string.h>

#include "connection.h"
#include "errors.h"
#include "output.h"
#include "units.h"

static void job_info_free(void *data) {
        JobInfo *info = data;

        g_free(info->path);
        g_free(info->kind);
        g_free(info->state);
        g_free(info->message);
        g_variant_unref(info->properties);
        g_free(info);
}

guint64 job_serial(const char *path) {
        const char *slash = strrchr(path, '/');
        guint64 serial = 0;

        if (slash != NULL && number_parse(slash + 1, &serial) < 0)
                serial = 0;
        return serial;
}

static char *string_of(GVariant *properties, const char *name) {
        const char *text = "";

        g_variant_lookup(properties, name, "&s", &text);
        return g_strdup(text);
}

static JobInfo *job_info_new(const char *path, GVariant *properties) {
        JobInfo *info = g_new0(JobInfo, 1);

        info->path = g_strdup(path);
        info->serial = job_serial(path);
        info->kind = string_of(properties, "Kind");
        info->state = string_of(properties, "State");
        info->message = string_of(properties, "Message");
        g_variant_lookup(properties, "Owner", "u", &info->owner);
        g_variant_lookup(properties, "Started", "t", &info->started);
        g_variant_lookup(properties, "Ended", "t", &info->ended);
        g_variant_lookup(properties, "Progress", "d", &info->progress);
        info->properties = g_variant_ref(properties);
        return info;
}

static int compare_jobs(gconstpointer a, gconstpointer b) {
        const JobInfo *x = *(const JobInfo *const *)a, *y = *(const JobInfo *const *)b;

        return x->serial < y->serial ? -1 : x->serial > y->serial;
}

ExitCode jobs_load(Cli *cli, GPtrArray **ret_jobs) {
        g_autoptr(GPtrArray) jobs = g_ptr_array_new_with_free_func(job_info_free);
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;
        GDBusConnection *bus;
        GVariantIter *objects;
        GVariant *interfaces;
        const char *path;
        ExitCode code = connection_bus(cli, &bus);

        if (code != EXIT_CODE_DONE)
                return code;
        reply = g_dbus_connection_call_sync(bus, connection_name(cli), IPCBUS_PATH,
                "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL, G_VARIANT_TYPE("(a{oa{sa{sv}}})"),
                G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, &error);
        if (reply == NULL)
                return fail_with(error, NULL);
        g_variant_get(reply, "(a{oa{sa{sv}}})", &objects);
        while (g_variant_iter_loop(objects, "{&o@a{sa{sv}}}", &path, &interfaces)) {
                g_autoptr(GVariant)
                        properties = g_variant_lookup_value(interfaces, IPCBUS_INTERFACE_JOB, G_VARIANT_TYPE_VARDICT);
                if (properties != NULL)
                        g_ptr_array_add(jobs, job_info_new(path, properties));
        }
        g_variant_iter_free(objects);
        g_ptr_array_sort(jobs, compare_jobs);
        *ret_jobs = g_steal_pointer(&jobs);
        return EXIT_CODE_DONE;
}

ExitCode job_results(Cli *cli, const char *path, GVariant **ret_results) {
        g_autoptr(GVariant) reply = NULL, value = NULL;
        g_autoptr(GError) error = NULL;
        GDBusConnection *bus;
        ExitCode code = connection_bus(cli, &bus);

        if (code != EXIT_CODE_DONE)
                return code;
        reply = g_dbus_connection_call_sync(bus, connection_name(cli), path, "org.freedesktop.DBus.Properties", "Get",
                g_variant_new("(ss)", IPCBUS_INTERFACE_JOB, "Results"), G_VARIANT_TYPE("(v)"), G_DBUS_CALL_FLAGS_NONE,
                G_MAXINT, NULL, &error);
        if (reply == NULL)
                return fail_with(error, path);
        g_variant_get(reply, "(v)", &value);
        if (!g_variant_is_of_type(value, G_VARIANT_TYPE("aa{sv}")))
                return say("the service answered with results of type %s", g_variant_get_type_string(value)),
                       EXIT_CODE_FAILED;
        *ret_results = g_steal_pointer(&value);
        return EXIT_CODE_DONE;
}

char *job_path(const char *text) {
        guint64 serial;

        if (g_str_has_prefix(text, IPCBUS_JOB_PATH "/") && g_variant_is_object_path(text))
                return g_strdup(text);
        if (number_parse(text, &serial) >= 0)
                return g_strdup_printf(IPCBUS_JOB_PATH "/%" G_GUINT64_FORMAT, serial);
        say("\"%s\" is no job: give the number that \"ipcctl jobs\" shows, or its path on the bus", text);
        return NULL;
}

ExitCode job_cancel(Cli *cli, const char *path) {
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;
        GDBusConnection *bus;
        ExitCode code = connection_bus(cli, &bus);

        if (code != EXIT_CODE_DONE)
                return code;
        reply = g_dbus_connection_call_sync(bus, connection_name(cli), path, IPCBUS_INTERFACE_JOB, "Cancel", NULL,
                NULL, G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, &error);
        if (reply == NULL && g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_OBJECT))
                return say("there is no job %" G_GUINT64_FORMAT "; \"ipcctl jobs\" lists them", job_serial(path)),
                       EXIT_CODE_FAILED;
        return reply != NULL ? EXIT_CODE_DONE : fail_with(error, NULL);
}
