/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One Client a connection that holds something here. sd_bus_track(3) tells when its unique name goes, which covers
 * every way to die. A Client with nothing bound any more is dropped at the end of the event loop's iteration, so that
 * a pointer from clients_sender() can be bound later in the same handler. */
#include "clients.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limit.h"

struct Client {
        Clients *clients;
        char *name; /* unique bus name; NULL peer to peer */
        sd_bus_slot *match, *query;
        bool gone;
        Binding *bindings;
        uint64_t usage[LIMIT_KIND_MAX];
};

struct Clients {
        sd_bus *bus;
        bool peer_to_peer;
        GHashTable *by_name;
        Client *connection; /* peer to peer: the one */
        sd_event_source *reap;
        sd_event_source *ending; /* while a client that has gone has bindings that were not told */
};

static void client_free(gpointer data) {
        Client *client = data;

        for (Binding *binding; (binding = client->bindings);)
                binding_release(binding);
        sd_bus_slot_unref(client->match);
        sd_bus_slot_unref(client->query);
        g_free(client->name);
        free(client);
}

static gboolean client_is_idle(gpointer key, gpointer value, gpointer userdata) {
        const Client *client = value;

        return !client->bindings;
}

static int on_reap(sd_event_source *source, void *userdata) {
        Clients *clients = userdata;

        g_hash_table_foreach_remove(clients->by_name, client_is_idle, NULL);
        return 0;
}

enum { TOLD_AT_ONCE = 32 }; /* thousands of leases can end with one client: others have their turn between */

/* Tells bindings, each once. What a binding's owner does may release others of the same client, so the list is taken
 * from its head each time. */
static void client_tell_gone(Client *client) {
        for (unsigned i = 0; i < TOLD_AT_ONCE && client->bindings; i++) {
                Binding *binding = client->bindings;

                binding_release(binding);
                binding->gone(binding);
        }
        if (client->bindings)
                (void)sd_event_source_set_enabled(client->clients->ending, SD_EVENT_ONESHOT);
}

static int on_ending(sd_event_source *source, void *userdata) {
        Clients *clients = userdata;
        GHashTableIter iterator;
        gpointer value;

        g_hash_table_iter_init(&iterator, clients->by_name);
        while (g_hash_table_iter_next(&iterator, NULL, &value)) {
                Client *client = value;

                if (client->gone && client->bindings)
                        client_tell_gone(client);
        }
        return 0;
}

/* Runs once, when everything else of this iteration is done. */
static void reap_later(Clients *clients) {
        (void)sd_event_source_set_enabled(clients->reap, SD_EVENT_ONESHOT);
}

int clients_new(sd_bus *bus, bool peer_to_peer, Clients **ret) {
        Clients *clients;
        int r;

        clients = calloc(1, sizeof(*clients));
        if (!clients)
                return -ENOMEM;

        clients->bus = bus;
        clients->peer_to_peer = peer_to_peer;
        clients->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, client_free);

        r = sd_event_add_defer(sd_bus_get_event(bus), &clients->reap, on_reap, clients);
        if (r >= 0)
                r = sd_event_source_set_enabled(clients->reap, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_priority(clients->reap, SD_EVENT_PRIORITY_IDLE);
        if (r >= 0)
                r = sd_event_add_defer(sd_bus_get_event(bus), &clients->ending, on_ending, clients);
        if (r >= 0)
                r = sd_event_source_set_enabled(clients->ending, SD_EVENT_OFF);
        if (r < 0) {
                clients_free(clients);
                return r;
        }

        *ret = clients;
        return 0;
}

Clients *clients_free(Clients *clients) {
        if (!clients)
                return NULL;

        g_hash_table_unref(clients->by_name);
        if (clients->connection)
                client_free(clients->connection);
        sd_event_source_disable_unref(clients->reap);
        sd_event_source_disable_unref(clients->ending);
        free(clients);
        return NULL;
}

static void client_gone(Client *client) {
        client->gone = true;
        client_tell_gone(client);
        reap_later(client->clients);
}

static int on_name_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        const char *name, *old_owner, *new_owner;

        if (sd_bus_message_read(message, "sss", &name, &old_owner, &new_owner) >= 0 && new_owner[0] == 0)
                client_gone(userdata);
        return 0;
}

static int on_owner_known(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        if (sd_bus_message_is_method_error(message, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                client_gone(userdata);
        return 0;
}

static int client_watch(Client *client) {
        char match[512];
        int r;

        r = snprintf(match, sizeof(match),
                "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'",
                client->name);
        if (r < 0 || (size_t)r >= sizeof(match))
                return -EINVAL;

        r = sd_bus_add_match_async(client->clients->bus, &client->match, match, on_name_owner_changed, NULL, client);
        if (r < 0)
                return r;
        return sd_bus_call_method_async(client->clients->bus, &client->query, "org.freedesktop.DBus",
                "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetNameOwner", on_owner_known, client, "s",
                client->name);
}

static int client_new(Clients *clients, const char *name, Client **ret) {
        Client *client;
        int r;

        client = calloc(1, sizeof(*client));
        if (!client)
                return -ENOMEM;

        client->clients = clients;
        client->name = g_strdup(name);
        if (name) {
                r = client_watch(client);
                if (r < 0) {
                        client_free(client);
                        return r;
                }
        }

        *ret = client;
        return 0;
}

Client *clients_known(const Clients *clients, sd_bus_message *message) {
        const char *name = sd_bus_message_get_sender(message);

        if (clients->peer_to_peer)
                return clients->connection;
        return name ? g_hash_table_lookup(clients->by_name, name) : NULL;
}

int clients_sender(Clients *clients, sd_bus_message *message, Client **ret) {
        const char *name = clients->peer_to_peer ? NULL : sd_bus_message_get_sender(message);
        Client *client;
        int r;

        if (clients->peer_to_peer) {
                if (!clients->connection) {
                        r = client_new(clients, NULL, &clients->connection);
                        if (r < 0)
                                return r;
                }
                *ret = clients->connection;
                return 0;
        }
        if (!name)
                return -ESRCH;

        client = g_hash_table_lookup(clients->by_name, name);
        if (client && client->gone)
                return -ESRCH;
        if (!client) {
                r = client_new(clients, name, &client);
                if (r < 0)
                        return r;
                g_hash_table_insert(clients->by_name, client->name, client);
                reap_later(clients);
        }

        *ret = client;
        return 0;
}

void client_bind(Client *client, Binding *binding) {
        binding_release(binding);
        binding->client = client;
        binding->previous = NULL;
        binding->next = client->bindings;
        if (binding->next)
                binding->next->previous = binding;
        client->bindings = binding;
}

void binding_release(Binding *binding) {
        Client *client = binding->client;

        if (!client)
                return;

        if (binding->previous)
                binding->previous->next = binding->next;
        else
                client->bindings = binding->next;
        if (binding->next)
                binding->next->previous = binding->previous;
        binding->client = NULL;
        binding->previous = binding->next = NULL;
        if (!client->bindings && client->clients->reap)
                reap_later(client->clients);
}

void clients_disconnected(Clients *clients) {
        GHashTableIter iterator;
        gpointer client;

        if (clients->connection)
                client_gone(clients->connection);

        g_hash_table_iter_init(&iterator, clients->by_name);
        while (g_hash_table_iter_next(&iterator, NULL, &client))
                client_gone(client);
}

const char *client_name(const Client *client) {
        return client->name;
}

uint64_t *client_usage(Client *client, unsigned limit_kind) {
        return client->usage + limit_kind;
}
