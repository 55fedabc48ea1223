/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connections that hold something here: a lease, a wait, a job, a subscription. A Client exists while something is
 * bound to it; when its connection goes, however it dies, everything bound to it is told once. Peer to peer there is
 * one Client: the connection. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

typedef struct Clients Clients;
typedef struct Client Client;
typedef struct Binding Binding;

/* Embedded in whatever is bound to a connection. `gone` is called after the binding was taken off. */
struct Binding {
        Client *client; /* NULL: not bound */
        Binding *previous, *next;
        void (*gone)(Binding *binding);
};

int clients_new(sd_bus *bus, bool peer_to_peer, Clients **ret);
Clients *clients_free(Clients *clients);
/* The client that sent the message; made on the first binding. -ESRCH when it has left already. The pointer is valid
 * until control returns to the event loop, or as long as a binding stands. */
int clients_sender(Clients *clients, sd_bus_message *message, Client **ret);
/* The same if something is bound to it, else NULL: for what takes bindings off. Asks the bus nothing. */
Client *clients_known(const Clients *clients, sd_bus_message *message);
void client_bind(Client *client, Binding *binding);
void binding_release(Binding *binding); /* takes one that is not bound */
/* The connection of a peer-to-peer service ended. */
void clients_disconnected(Clients *clients);
/* Its unique bus name; NULL peer to peer. */
const char *client_name(const Client *client);
/* Its number of charged units by LimitKind (limit.h keeps it here). */
uint64_t *client_usage(Client *client, unsigned limit_kind);
