/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The least that a service on the bus can be: a name, a method that does nothing, and two that do nothing but tell, by
 * the signals of ObjectManager, that an object came or went. It links what ipcbusd links. What ipcbusd costs beyond
 * this is its own.
 *
 *   bare-service NAME */
#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

static GHashTable *objects; /* of no use but that GLib is linked and set up, as in ipcbusd */

static int nothing(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        return sd_bus_reply_method_return(message, NULL);
}

/* An object with as many properties, of the same types, as a FIFO has in ipcbusd. */
static int text_get(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
        void *userdata, sd_bus_error *ret_error) {
        return sd_bus_message_append(reply, "s", "fifo:/tmp/ipcbus-bench/fifo1");
}

static int number_get(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        return sd_bus_message_append(reply, "t", UINT64_C(1));
}

static int user_get(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
        void *userdata, sd_bus_error *ret_error) {
        return sd_bus_message_append(reply, "u", 1);
}

static const sd_bus_vtable object_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Kind", "s", text_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Address", "s", text_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Identity", "s", text_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Lease", "s", text_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Owner", "u", user_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Mode", "u", user_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Created", "t", number_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Expires", "t", number_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable stream_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Capacity", "t", number_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Queued", "t", number_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Peers", "t", number_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END,
};

static int add(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        int r;

        r = sd_bus_emit_object_added(sd_bus_message_get_bus(message), "/bare/object");
        return r < 0 ? r : sd_bus_reply_method_return(message, NULL);
}

static int drop(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        int r;

        r = sd_bus_emit_object_removed(sd_bus_message_get_bus(message), "/bare/object");
        return r < 0 ? r : sd_bus_reply_method_return(message, NULL);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Nothing", NULL, NULL, nothing, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Add", NULL, NULL, add, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Drop", NULL, NULL, drop, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static int serve(const char *name) {
        sd_event *event = NULL;
        sd_bus *bus = NULL;
        sigset_t signals;
        int r;

        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        (void)sigprocmask(SIG_BLOCK, &signals, NULL);
        objects = g_hash_table_new(g_direct_hash, g_direct_equal);
        r = sd_event_default(&event);
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
        if (r >= 0)
                r = sd_bus_open_user(&bus);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, NULL, "/bare", "org.ipcbus1.Bare", vtable, NULL);
        if (r >= 0)
                r = sd_bus_add_object_manager(bus, NULL, "/bare");
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, NULL, "/bare/object", "org.ipcbus1.BareObject", object_vtable, NULL);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, NULL, "/bare/object", "org.ipcbus1.BareStream", stream_vtable, NULL);
        if (r >= 0)
                r = sd_bus_request_name(bus, name, 0);
        if (r >= 0)
                r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_event_loop(event);
        sd_bus_flush_close_unref(bus);
        sd_event_unref(event);
        g_hash_table_destroy(objects);
        return r;
}

int main(int argc, char *argv[]) {
        int r;

        if (argc != 2) {
                fprintf(stderr, "Usage: bare-service NAME\n");
                return EXIT_FAILURE;
        }
        r = serve(argv[1]);
        if (r < 0)
                fprintf(stderr, "bare-service: %s\n", strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
