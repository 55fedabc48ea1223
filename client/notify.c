/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells the desktop. At most one call for each key is on its way; what comes meanwhile waits and only its last is
 * sent, so that a storm of events is no storm of notifications. Owns its connection. */
#include "notify.h"

#include <gio/gio.h>

#include "connection.h"

enum { END_USEC = 3 * G_USEC_PER_SEC };

typedef struct Shown {
        Notifier *notifier;
        guint32 id; /* what the notification service calls it; 0: not shown yet */
        bool on_its_way;
        char *summary, *body; /* to be sent next, or NULL */
} Shown;

struct Notifier {
        GDBusConnection *bus;
        GHashTable *shown; /* key -> Shown */
        guint on_their_way;
};

static void shown_free(void *data) {
        Shown *shown = data;

        g_free(shown->summary);
        g_free(shown->body);
        g_free(shown);
}

Notifier *notifier_new(Cli *cli) {
        g_autoptr(GDBusConnection) bus = connection_session(cli);

        if (bus == NULL)
                return NULL;
        Notifier *notifier = g_new0(Notifier, 1);
        notifier->bus = g_steal_pointer(&bus);
        notifier->shown = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, shown_free);
        return notifier;
}

static void send_next(Shown *shown);

static void answered(GObject *source, GAsyncResult *result, gpointer userdata) {
        Shown *shown = userdata;
        /* Any failure: there is nobody to show it, and nothing to be done about that. */
        g_autoptr(GVariant) reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, NULL);

        shown->on_its_way = false;
        shown->notifier->on_their_way--;
        if (reply != NULL)
                g_variant_get(reply, "(u)", &shown->id);
        send_next(shown);
}

static void send_next(Shown *shown) {
        static const char *const no_actions[] = { NULL };
        GVariantBuilder hints;

        if (shown->on_its_way || shown->summary == NULL)
                return;
        /* Bodies may hold markup (Desktop Notifications Specification, "Markup"): ours is plain text. */
        g_autofree char *body = g_markup_escape_text(shown->body, -1);
        g_variant_builder_init(&hints, G_VARIANT_TYPE_VARDICT);
        g_variant_builder_add(&hints, "{sv}", "desktop-entry", g_variant_new_string("org.ipcbus1.Watch"));
        g_dbus_connection_call(shown->notifier->bus, "org.freedesktop.Notifications", "/org/freedesktop/Notifications",
                "org.freedesktop.Notifications", "Notify",
                g_variant_new("(susss^asa{sv}i)", "ipcctl", shown->id, "org.ipcbus1.Watch", shown->summary, body,
                        no_actions, &hints, -1),
                G_VARIANT_TYPE("(u)"), G_DBUS_CALL_FLAGS_NONE, -1, NULL, answered, shown);
        shown->on_its_way = true;
        shown->notifier->on_their_way++;
        g_clear_pointer(&shown->summary, g_free);
        g_clear_pointer(&shown->body, g_free);
}

void notifier_show(Notifier *notifier, const char *key, const char *summary, const char *body) {
        if (notifier == NULL)
                return;
        Shown *shown = g_hash_table_lookup(notifier->shown, key);
        if (shown == NULL) {
                shown = g_new0(Shown, 1);
                shown->notifier = notifier;
                g_hash_table_insert(notifier->shown, g_strdup(key), shown);
        }
        g_free(shown->summary);
        g_free(shown->body);
        shown->summary = g_strdup(summary);
        shown->body = g_strdup(body);
        send_next(shown);
}

static gboolean wake_up(gpointer userdata) {
        return G_SOURCE_CONTINUE;
}

Notifier *notifier_free(Notifier *notifier) {
        if (notifier == NULL)
                return NULL;
        gint64 end = g_get_monotonic_time() + END_USEC;
        guint timer = g_timeout_add(100, wake_up, NULL);
        while (notifier->on_their_way > 0 && g_get_monotonic_time() < end)
                g_main_context_iteration(NULL, TRUE);
        g_source_remove(timer);
        /* What is still on its way would answer into what is freed here; the process ends soon. */
        if (notifier->on_their_way > 0)
                return NULL;
        g_hash_table_unref(notifier->shown);
        g_object_unref(notifier->bus);
        g_free(notifier);
        return NULL;
}
