/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of the kind dbus. In the service only what the kind's table says there (dbus.c) runs, which never talks to
 * a bus; everything else runs in workers. */
#pragma once

#include <string.h>

#include "dbus-address.h"
#include "mechanism.h"
#include "record-queue.h"

#define DBUS_KIND "dbus"

/* What is called when nobody says otherwise; a mailbox of ours takes any. */
#define DBUS_INTERFACE "org.ipcbus1.Mailbox"
#define DBUS_MEMBER    "Message"

/* What keeper and service say to each other, in the "type" of a record. */
#define DBUS_RECORD_MESSAGE "message" /* one that arrived: data, and what bus_message_describe() fills */
#define DBUS_RECORD_OWNED   "owned"   /* owned (BOOL): the name is ours, or somebody's before us in the queue */
#define DBUS_RECORD_TAKEN   "taken"   /* messages, bytes (U64): room in the mailbox */
#define DBUS_RECORD_EMIT    "emit"    /* a signal to be sent: what dbus_emit_fill() sets */

enum {
        DBUS_MESSAGE_MAX = 96 * 1024,       /* bytes of one message in a mailbox: it goes through a record */
        DBUS_MAILBOX_MAX = 4 * 1024 * 1024, /* bytes of all; how many messages: RECORD_QUEUE_MAX */
        DBUS_OWNERS_MAX = 16,               /* processes in the queue for a name that are told as holders */
};

enum { DBUS_FILLED }; /* fds[]: an eventfd, readable while something is in the mailbox */

/* What a message takes of DBUS_MAILBOX_MAX: its path can be as long as its data. */
static inline size_t dbus_message_room(size_t size, const char *path) {
        return size + (path ? strlen(path) : 0);
}

typedef struct DbusState {
        BusPlace place;
        bool ours; /* a connection of ours with a mailbox; only in the service */
        bool owned;
        RecordQueue mailbox;
        uint64_t bytes;              /* in it */
        uint64_t drops;              /* messages that found it full, as far as the keeper has said */
        uint64_t taken, taken_bytes; /* that the keeper does not know of yet */
        pid_t pids[DBUS_OWNERS_MAX]; /* the owner and those who wait for the name, when inspect() has run */
        size_t n_pids;
} DbusState;

/* dbus-use.c: as a client, in a worker. */
int dbus_client_send(
        KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error);
int dbus_client_receive(
        KernelObject *object, const Record *options, void **ret_data, size_t *ret_size, Record *meta, Error *error);
/* Is the message to be a signal? InvalidOption for what is neither that nor a call. */
int dbus_wants_signal(const Record *options, bool fallback, bool *ret, Error *error);
/* A signal that a connection of ours is to send: checked here, made by the keeper. */
int dbus_emit_fill(const Record *options, const void *data, size_t size, Record *ret, Error *error);

/* dbus-keeper.c */
int dbus_keep(const Record *options, int channel, Error *error);

/* dbus-scan.c: in a worker. */
int dbus_scan(Scan *scan);
int dbus_fetch(Address *address, const Record *options, int *ret_fd, Error *error);
int dbus_inspect(KernelObject *object, Record *attributes, Error *error);
/* dbus-explain.c */
int dbus_explain(const Address *address, Explanation *explanation);

extern const Transport dbus_direct_transport, dbus_daemon_transport;
