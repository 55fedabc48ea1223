/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Several callers send to one stream socket of the service at the same time, more than its buffers hold: each has a
 * connection of its own, and no byte of one gets into that of another. */
#include <string.h>

#include "fixture.h"

enum {
        SENDERS = 4,
        SENT = 2 * 1024 * 1024, /* each */
};

typedef struct Sending {
        guint64 sent;
        bool done;
} Sending;

static void on_sent(GObject *manager, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;
        Sending *sending = userdata;

        (void)ipcbus_manager_call_send_finish(IPCBUS_MANAGER(manager), &sending->sent, result, &error);
        g_assert_no_error(error);
        sending->done = true;
}

static void send_letters(IpcbusManager *manager, const char *address, char letter, Sending *sending) {
        g_autofree char *letters = g_malloc(SENT);

        memset(letters, letter, SENT);
        ipcbus_manager_call_send(manager, address, bytes(letters, SENT),
                options("timeout", "t", (guint64)30 * G_USEC_PER_SEC, NULL), PLAINLY, NULL, on_sent, sending);
}

typedef struct Received {
        GHashTable *letters; /* peer number -> the only letter it may send */
        gsize size;
} Received;

static void receive_some(Fixture *fixture, const char *address, Received *received) {
        g_autoptr(GVariant) data = NULL, meta = NULL;
        g_autoptr(GError) error = NULL;
        const char *text;
        gpointer letter;
        guint64 peer;
        gsize size;

        (void)ipcbus_manager_call_receive_sync(fixture->manager, address,
                options("timeout", "t", (guint64)10 * G_USEC_PER_SEC, NULL), PLAINLY, &data, &meta, NULL, &error);
        g_assert_no_error(error);
        text = g_variant_get_fixed_array(data, &size, 1);
        g_assert_cmpuint(size, >, 0);
        g_assert_true(g_variant_lookup(meta, "peer", "t", &peer));
        letter = g_hash_table_lookup(received->letters, GSIZE_TO_POINTER(peer));
        if (!letter) {
                letter = GINT_TO_POINTER(text[0]);
                g_hash_table_insert(received->letters, GSIZE_TO_POINTER(peer), letter);
        }
        for (gsize i = 0; i < size; i++)
                if (text[i] != (char)GPOINTER_TO_INT(letter))
                        g_error("peer %" G_GUINT64_FORMAT " sent \"%c\", and now \"%c\"", peer,
                                GPOINTER_TO_INT(letter), text[i]);
        received->size += size;
}

static void test_not_mixed(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *object = NULL, *address = NULL;
        Received received = { .letters = g_hash_table_new(NULL, NULL) };
        GDBusConnection *connections[SENDERS];
        IpcbusManager *managers[SENDERS];
        Sending sending[SENDERS] = {};
        g_autoptr(GError) error = NULL;

        address = fixture_create(fixture, "unix-stream", options("path", "s", path, NULL), &object);
        for (int i = 0; i < SENDERS; i++) {
                connections[i] = fixture_connect(fixture);
                managers[i] = fixture_manager(connections[i]);
                send_letters(managers[i], address, (char)('a' + i), sending + i);
        }
        while (received.size < (gsize)SENDERS * SENT)
                receive_some(fixture, address, &received);
        for (int i = 0; i < SENDERS; i++) {
                WAIT_UNTIL(sending[i].done);
                g_assert_cmpuint(sending[i].sent, ==, SENT);
                g_object_unref(managers[i]);
                fixture_disconnect(connections[i]);
        }
        g_assert_cmpuint(g_hash_table_size(received.letters), ==, SENDERS);
        g_hash_table_unref(received.letters);

        (void)ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error);
        g_assert_no_error(error);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/bus/streams/not-mixed", NULL, test_not_mixed);
        return g_test_run();
}
