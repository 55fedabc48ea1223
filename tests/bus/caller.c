/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A caller to be killed: BUS-ADDRESS PATH. It makes a FIFO at the path with a caller's lease, waits on it in a call,
 * runs a job and subscribes; then it says "ready" and stays. */
#include <gio/gio.h>
#include <stdio.h>

#include "ipcbus-proxies.h"
#include "protocol.h"

static void must(gboolean done, GError *error) {
        if (done)
                return;
        fprintf(stderr, "caller: %s\n", error->message);
        exit(1);
}

int main(int argc, char *argv[]) {
        static const char *const kinds[] = { NULL };
        g_autoptr(GDBusConnection) connection = NULL;
        g_autofree char *object = NULL, *address = NULL, *job = NULL;
        g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
        g_autoptr(IpcbusManager) manager = NULL;
        GVariantDict create, receive, none;
        GError *error = NULL;

        if (argc != 3)
                return 2;
        connection = g_dbus_connection_new_for_address_sync(argv[1],
                G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL,
                NULL, &error);
        must(connection != NULL, error);
        manager = ipcbus_manager_proxy_new_sync(
                connection, G_DBUS_PROXY_FLAGS_DO_NOT_LOAD_PROPERTIES, IPCBUS_BUS_NAME, IPCBUS_PATH, NULL, &error);
        must(manager != NULL, error);

        g_variant_dict_init(&create, NULL);
        g_variant_dict_insert(&create, "path", "s", argv[2]);
        g_variant_dict_insert(&create, "lease", "s", "caller");
        must(ipcbus_manager_call_create_sync(manager, "fifo", g_variant_dict_end(&create), G_DBUS_CALL_FLAGS_NONE, -1,
                     &object, &address, NULL, &error),
                error);
        g_variant_dict_init(&none, NULL);
        must(ipcbus_manager_call_test_sync(
                     manager, kinds, g_variant_dict_end(&none), G_DBUS_CALL_FLAGS_NONE, -1, &job, NULL, &error),
                error);
        g_variant_dict_init(&none, NULL);
        must(ipcbus_manager_call_subscribe_sync(
                     manager, g_variant_dict_end(&none), G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error),
                error);
        g_variant_dict_init(&receive, NULL);
        g_variant_dict_insert(&receive, "timeout", "t", G_MAXUINT64);
        ipcbus_manager_call_receive(
                manager, address, g_variant_dict_end(&receive), G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, NULL, NULL);
        must(g_dbus_connection_flush_sync(connection, NULL, &error), error);

        puts("ready");
        fflush(stdout);
        g_main_loop_run(loop);
        return 0;
}
