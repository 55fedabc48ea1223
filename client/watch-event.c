/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One table of signals: what an event is called and how its arguments are. The names own a map from paths to
 * addresses, because most signals come from an object without saying which it is. */
#include "watch-event.h"

#include <string.h>

#include "attributes.h"
#include "connection.h"
#include "errors.h"

#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"
#define PROPERTIES     "org.freedesktop.DBus.Properties"

enum { OURS = 1, WAS_OURS };

struct EventNames {
        GHashTable *addresses; /* path -> address */
        GHashTable *own;       /* address -> OURS, or WAS_OURS until its name has vanished */
};

typedef struct SignalSpec {
        const char *interface, *member, *type;
        const char *event;
        const char *arguments[5]; /* names in details; "address" is the event's own; "" takes over an a{sv} */
} SignalSpec;

static const SignalSpec specs[] = {
        { IPCBUS_INTERFACE_MANAGER, "LeaseExpired", "(oss)", "lease-expired", { NULL, "address", "lease" } },
        { IPCBUS_INTERFACE_MANAGER, "KernelObjectAppeared", "(s)", "appeared", { "address" } },
        { IPCBUS_INTERFACE_MANAGER, "KernelObjectVanished", "(s)", "vanished", { "address" } },
        { IPCBUS_INTERFACE_MANAGER, "KernelObjectChanged", "(sa{sv})", "changed", { "address", "" } },
        { IPCBUS_INTERFACE_MESSAGE_QUEUE, "MessageArrived", "(t)", "message-arrived", { "messages" } },
        { IPCBUS_INTERFACE_DATAGRAM, "MessageArrived", "(t)", "message-arrived", { "bytes" } },
        { IPCBUS_INTERFACE_STREAM, "PeerConnected", "(a{sv})", "peer-connected", { "" } },
        { IPCBUS_INTERFACE_STREAM, "PeerClosed", "(a{sv})", "peer-closed", { "" } },
        { IPCBUS_INTERFACE_MESSAGE_QUEUE, "PeerClosed", "(a{sv})", "peer-closed", { "" } },
        { IPCBUS_INTERFACE_SEMAPHORE, "Posted", "(tt)", "posted", { "count", "value" } },
        { IPCBUS_INTERFACE_SIGNALS, "Received", "(isiuu)", "signal-received",
                { "signal", "name", "value", "sender_pid", "sender_uid" } },
        { IPCBUS_INTERFACE_JOB, "Finished", "(sa{sv})", "job-finished", { "state", "" } },
};

static void learn(EventNames *names, const char *path, GVariant *interfaces) {
        g_autoptr(GVariant) properties = g_variant_lookup_value(
                interfaces, IPCBUS_INTERFACE_KERNEL_OBJECT, G_VARIANT_TYPE_VARDICT);
        const char *address;

        if (properties == NULL || !g_variant_lookup(properties, "Address", "&s", &address))
                return;
        g_hash_table_replace(names->addresses, g_strdup(path), g_strdup(address));
        g_hash_table_replace(names->own, g_strdup(address), GINT_TO_POINTER(OURS));
}

ExitCode event_names_new(Cli *cli, EventNames **ret) {
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;
        GDBusConnection *bus;
        GVariantIter *objects;
        GVariant *interfaces;
        const char *path;
        ExitCode code = connection_bus(cli, &bus);

        if (code != EXIT_CODE_DONE)
                return code;
        reply = g_dbus_connection_call_sync(bus, connection_name(cli), IPCBUS_PATH, OBJECT_MANAGER,
                "GetManagedObjects", NULL, G_VARIANT_TYPE("(a{oa{sa{sv}}})"), G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL,
                &error);
        if (reply == NULL)
                return fail_with(error, NULL);
        EventNames *names = g_new0(EventNames, 1);
        names->addresses = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        names->own = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_variant_get(reply, "(a{oa{sa{sv}}})", &objects);
        while (g_variant_iter_loop(objects, "{&o@a{sa{sv}}}", &path, &interfaces))
                learn(names, path, interfaces);
        g_variant_iter_free(objects);
        *ret = names;
        return EXIT_CODE_DONE;
}

EventNames *event_names_free(EventNames *names) {
        if (names == NULL)
                return NULL;
        g_hash_table_unref(names->addresses);
        g_hash_table_unref(names->own);
        g_free(names);
        return NULL;
}

/* The name and the address where they were not said yet, from the path. */
static bool complete(EventNames *names, const char *path, const char *event_name, Event *event) {
        event->time = (uint64_t)g_get_real_time();
        event->name = event_name;
        event->path = g_strdup(path);
        if (event->details == NULL)
                event->details = g_variant_ref_sink(g_variant_new_array(G_VARIANT_TYPE("{sv}"), NULL, 0));
        if (g_str_has_prefix(path, IPCBUS_JOB_PATH "/")) {
                event->kind = g_strdup("job");
                return true;
        }
        if (event->address == NULL)
                event->address = g_strdup(g_hash_table_lookup(names->addresses, path));
        if (event->address == NULL) {
                event_done(event);
                return false;
        }
        const char *colon = strchr(event->address, ':');
        event->kind = g_strndup(event->address, colon != NULL ? (size_t)(colon - event->address) : 0);
        return true;
}

static bool from_added(EventNames *names, GVariant *parameters, Event *event) {
        g_autoptr(GVariant) interfaces = NULL, object = NULL, job = NULL;
        gboolean adopted = FALSE;
        const char *path;

        if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(oa{sa{sv}})")))
                return false;
        g_variant_get(parameters, "(&o@a{sa{sv}})", &path, &interfaces);
        learn(names, path, interfaces);
        object = g_variant_lookup_value(interfaces, IPCBUS_INTERFACE_KERNEL_OBJECT, G_VARIANT_TYPE_VARDICT);
        job = g_variant_lookup_value(interfaces, IPCBUS_INTERFACE_JOB, G_VARIANT_TYPE_VARDICT);
        if (job != NULL) {
                GVariantDict dict;
                g_autoptr(GVariant) kind = g_variant_lookup_value(job, "Kind", G_VARIANT_TYPE_STRING);
                g_variant_dict_init(&dict, NULL);
                if (kind != NULL)
                        g_variant_dict_insert_value(&dict, "kind", kind);
                event->details = g_variant_ref_sink(g_variant_dict_end(&dict));
                return complete(names, path, "job-started", event);
        }
        if (object == NULL)
                return false;
        g_variant_lookup(object, "Adopted", "b", &adopted);
        return complete(names, path, adopted ? "adopted" : "created", event);
}

static bool from_removed(EventNames *names, GVariant *parameters, Event *event) {
        g_autofree const char **interfaces = NULL;
        const char *path;

        if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(oas)")))
                return false;
        g_variant_get(parameters, "(&o^a&s)", &path, &interfaces);
        bool job = g_strv_contains(interfaces, IPCBUS_INTERFACE_JOB);
        if (!job && !g_strv_contains(interfaces, IPCBUS_INTERFACE_KERNEL_OBJECT))
                return false;
        bool known = complete(names, path, job ? "job-forgotten" : "removed", event);
        const char *address = g_hash_table_lookup(names->addresses, path);
        if (address != NULL)
                g_hash_table_replace(names->own, g_strdup(address), GINT_TO_POINTER(WAS_OURS));
        g_hash_table_remove(names->addresses, path);
        return known;
}

static bool from_changed(EventNames *names, const char *path, GVariant *parameters, Event *event) {
        g_autoptr(GVariant) changed = NULL;
        const char *interface;

        if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(sa{sv}as)")))
                return false;
        g_variant_get(parameters, "(&s@a{sv}@as)", &interface, &changed, NULL);
        if (!g_str_has_prefix(interface, IPCBUS_BUS_NAME ".") || g_variant_n_children(changed) == 0)
                return false;
        event->details = g_steal_pointer(&changed);
        bool job = strcmp(interface, IPCBUS_INTERFACE_JOB) == 0;
        return complete(names, path, job ? "job-progress" : "changed", event);
}

/* The service sees the names of its own objects come and go as everybody's; they were told as created and removed. */
static bool is_told_already(EventNames *names, const char *event, const char *address) {
        int state = GPOINTER_TO_INT(g_hash_table_lookup(names->own, address));

        if (strcmp(event, "appeared") == 0)
                return state == OURS;
        return strcmp(event, "vanished") == 0 && state == WAS_OURS && g_hash_table_remove(names->own, address);
}

static bool from_spec(
        EventNames *names, const SignalSpec *spec, const char *path, GVariant *parameters, Event *event) {
        GVariantDict dict;

        g_variant_dict_init(&dict, NULL);
        for (gsize i = 0; i < g_variant_n_children(parameters); i++) {
                g_autoptr(GVariant) argument = g_variant_get_child_value(parameters, i);
                const char *name = spec->arguments[i];
                if (name == NULL)
                        continue;
                if (strcmp(name, "address") == 0)
                        event->address = g_variant_dup_string(argument, NULL);
                else if (*name != '\0')
                        g_variant_dict_insert_value(&dict, name, argument);
                else {
                        GVariantIter iter;
                        GVariant *value;
                        const char *key;
                        g_variant_iter_init(&iter, argument);
                        while (g_variant_iter_loop(&iter, "{&sv}", &key, &value))
                                g_variant_dict_insert_value(&dict, key, value);
                }
        }
        event->details = g_variant_ref_sink(g_variant_dict_end(&dict));
        if (event->address != NULL && is_told_already(names, spec->event, event->address)) {
                event_done(event);
                return false;
        }
        return complete(names, path, spec->event, event);
}

static bool from_record(EventNames *names, const char *path, GVariant *parameters, Event *event) {
        if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(a{sv})")))
                return false;
        event->details = g_variant_get_child_value(parameters, 0);
        return complete(names, path, "job-record", event);
}

bool event_from_signal(EventNames *names, const char *path, const char *interface, const char *member,
        GVariant *parameters, bool all, Event *ret_event) {
        *ret_event = (Event){ 0 };
        if (strcmp(interface, OBJECT_MANAGER) == 0)
                return strcmp(member, "InterfacesAdded") == 0 ? from_added(names, parameters, ret_event)
                                                              : from_removed(names, parameters, ret_event);
        if (strcmp(interface, PROPERTIES) == 0)
                return from_changed(names, path, parameters, ret_event);
        if (strcmp(interface, IPCBUS_INTERFACE_JOB) == 0 && strcmp(member, "Record") == 0)
                return all && from_record(names, path, parameters, ret_event);
        for (size_t i = 0; i < G_N_ELEMENTS(specs); i++)
                if (strcmp(specs[i].interface, interface) == 0 && strcmp(specs[i].member, member) == 0 &&
                        g_variant_is_of_type(parameters, G_VARIANT_TYPE(specs[i].type)))
                        return from_spec(names, &specs[i], path, parameters, ret_event);
        return false;
}

void event_done(Event *event) {
        g_free(event->path);
        g_free(event->address);
        g_free(event->kind);
        g_clear_pointer(&event->details, g_variant_unref);
        *event = (Event){ 0 };
}

char *event_details_text(const Event *event) {
        GString *text = g_string_new(NULL);
        GVariantIter iter;
        GVariant *value;
        const char *key;

        g_variant_iter_init(&iter, event->details);
        while (g_variant_iter_loop(&iter, "{&sv}", &key, &value)) {
                g_autofree char *shown = attribute_text(key, value);
                g_string_append_printf(text, "%s%s=%s", text->len > 0 ? " " : "", key, shown);
        }
        return g_string_free(text, FALSE);
}
