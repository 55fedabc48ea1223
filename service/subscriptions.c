/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who asked for what, and the one description of all of it that the watcher gets anew whenever somebody comes or goes.
 * A call of Subscribe waits until its first look was taken, so that what happens after its answer is told; that wait
 * and its subscription know each other and may end in any order. */
#include "subscriptions.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus-cleanup.h"
#include "entries.h"
#include "limit.h"
#include "mechanism.h"
#include "objects.h"
#include "protocol.h"
#include "record-bus.h"
#include "units.h"
#include "waits.h"
#include "watcher.h"
#include "worker-protocol.h"

enum {
        ADDRESSES_MAX = 64,
        RESTART_USEC = 1000 * USEC_PER_MSEC,
};

typedef struct SubscribeCall SubscribeCall;

typedef struct Subscription {
        Subscriptions *subscriptions;
        char **kinds;     /* NULL: all */
        char **addresses; /* canonical; NULL: none */
        bool changes, holders;
        uint64_t interval;
        SubscribeCall *call; /* not answered yet; NULL: it was */
        Charge charge;
        Binding binding;
} Subscription;

struct SubscribeCall {
        Wait wait;
        Subscription *subscription; /* NULL: ended */
        uint64_t serial;            /* of the watcher's answer */
};

struct Subscriptions {
        Manager *manager;
        GPtrArray *all;   /* Subscription */
        Entries *entries; /* NULL: nobody is subscribed */
        Watcher *watcher;
        sd_event_source *restart; /* of a watcher that was lost */
};

/* --- Telling --- */

static bool wants_kind(const Subscription *subscription, const char *kind) {
        return !subscription->kinds || g_strv_contains((const char *const *)subscription->kinds, kind);
}

static bool wants_address(const Subscription *subscription, const char *address) {
        return subscription->addresses && g_strv_contains((const char *const *)subscription->addresses, address);
}

typedef struct Event {
        const char *member, *kind, *address;
        const Record *details; /* of a change; else NULL */
        bool by_kind, by_address;
} Event;

static bool wants(const Subscription *subscription, const Event *event) {
        bool by_kind = wants_kind(subscription, event->kind) && (!event->details || subscription->changes);

        return by_kind ? event->by_kind : event->by_address && wants_address(subscription, event->address);
}

/* Signals go to those who asked, each by its name, so that nobody else is woken. */
static void tell(const Subscriptions *subscriptions, const Event *event) {
        sd_bus *bus = subscriptions->manager->bus;

        for (guint i = 0; i < subscriptions->all->len; i++) {
                const Subscription *subscription = subscriptions->all->pdata[i];
                CLEANUP_MESSAGE sd_bus_message *signal = NULL;
                const char *name;
                int r;

                if (!wants(subscription, event))
                        continue;
                name = client_name(subscription->binding.client);
                r = sd_bus_message_new_signal(bus, &signal, IPCBUS_PATH, IPCBUS_INTERFACE_MANAGER, event->member);
                if (r >= 0 && name)
                        r = sd_bus_message_set_destination(signal, name);
                if (r >= 0)
                        r = sd_bus_message_append(signal, "s", event->address);
                if (r >= 0 && event->details)
                        r = bus_append_record(signal, event->details);
                if (r >= 0)
                        (void)sd_bus_send(bus, signal, NULL);
        }
}

static void on_entry(const Mechanism *mechanism, bool appeared, const char *address, void *userdata) {
        tell(userdata, &(Event){ .member = appeared ? "KernelObjectAppeared" : "KernelObjectVanished",
                               .kind = mechanism->kind,
                               .address = address,
                               .by_kind = true,
                               .by_address = true });
}

/* What happens at an object of ours is told by its own signals where its kind has something to poll. */
static bool is_told_by_itself(const Subscriptions *subscriptions, const char *address) {
        const Object *object = objects_find_address(subscriptions->manager->objects, address);

        return object && object->kernel.mechanism->watch_on;
}

static void on_told(void *userdata, const Record *record) {
        const char *type = record_get_string(record, WORKER_TYPE, "");
        const Value *details = record_get(record, "details");
        Subscriptions *subscriptions = userdata;
        bool asked = record_get_bool(record, "asked", false);
        Event event = {
                .kind = record_get_string(record, "kind", ""),
                .address = record_get_string(record, "address", ""),
                .by_kind = !asked,
                .by_address = asked,
        };

        if (strcmp(type, "appeared") == 0)
                event.member = "KernelObjectAppeared";
        else if (strcmp(type, "vanished") == 0)
                event.member = "KernelObjectVanished";
        else if (strcmp(type, "changed") == 0 && details && details->type == VALUE_RECORDS && details->records.n > 0) {
                if (is_told_by_itself(subscriptions, event.address))
                        return;
                event.member = "KernelObjectChanged";
                event.details = details->records.items[0];
        } else
                return;
        tell(subscriptions, &event);
}

/* --- What is to be watched --- */

static bool wants_address_of(const Subscription *subscription, const char *kind) {
        size_t length = strlen(kind);

        for (char **address = subscription->addresses; address && *address; address++)
                if (strncmp(*address, kind, length) == 0 && (*address)[length] == ':')
                        return true;
        return false;
}

static void add_kinds(const Subscriptions *subscriptions, Record *request) {
        g_autoptr(GPtrArray) kinds = g_ptr_array_new(), announced = g_ptr_array_new();

        for (size_t i = 0; i < mechanism_table_size; i++) {
                const Mechanism *mechanism = mechanism_table[i];
                bool wanted = false, changes = false, by_address = false;

                for (guint j = 0; j < subscriptions->all->len; j++) {
                        const Subscription *subscription = subscriptions->all->pdata[j];

                        by_address = by_address || wants_address_of(subscription, mechanism->kind);
                        if (!wants_kind(subscription, mechanism->kind))
                                continue;
                        wanted = true;
                        changes = changes || subscription->changes;
                }
                entries_watch(subscriptions->entries, mechanism, wanted || by_address);
                if (entries_announce(subscriptions->entries, mechanism)) {
                        g_ptr_array_add(announced, (gpointer)mechanism->kind);
                        wanted = changes;
                }
                if (wanted)
                        g_ptr_array_add(kinds, (gpointer)mechanism->kind);
        }
        record_set_strings(request, "kinds", (const char *const *)kinds->pdata, kinds->len);
        record_set_strings(request, "announced", (const char *const *)announced->pdata, announced->len);
}

static void add_rest(const Subscriptions *subscriptions, Record *request) {
        g_autoptr(GHashTable) addresses = g_hash_table_new(g_str_hash, g_str_equal);
        uint64_t interval = UINT64_MAX;
        bool changes = false, holders = false;
        g_autofree gpointer *keys = NULL;
        guint n;

        for (guint i = 0; i < subscriptions->all->len; i++) {
                const Subscription *subscription = subscriptions->all->pdata[i];

                for (char **address = subscription->addresses; address && *address; address++)
                        g_hash_table_add(addresses, *address);
                changes = changes || subscription->changes;
                holders = holders || subscription->holders;
                interval = MIN(interval, subscription->interval);
        }
        keys = g_hash_table_get_keys_as_array(addresses, &n);
        record_set_strings(request, "addresses", (const char *const *)keys, n);
        record_set_bool(request, "changes", changes);
        record_set_bool(request, "holders", holders);
        record_set_u64(request, "interval", interval);
}

static bool list_empty(const Record *request, const char *key) {
        const Value *value = record_get(request, key);

        return !value || value->strings.n == 0;
}

/* 1 and the serial of the answer, or 0 where there is nothing to look at. */
static int watch_anew(Subscriptions *subscriptions, uint64_t *ret_serial, Error *error) {
        CLEANUP(record_freep) Record *request = NULL;
        int r;

        r = record_new(&request);
        if (r < 0)
                return error_set_errno(error, r, "The machine cannot be watched now");
        add_kinds(subscriptions, request);
        add_rest(subscriptions, request);
        if (list_empty(request, "kinds") && list_empty(request, "addresses")) {
                watcher_stop(subscriptions->watcher);
                return 0;
        }
        r = watcher_set(subscriptions->watcher, request, ret_serial, error);
        return r < 0 ? r : 1;
}

static int on_restart(sd_event_source *source, uint64_t usec, void *userdata) {
        Subscriptions *subscriptions = userdata;
        Error error = {};
        uint64_t serial;

        subscriptions->restart = sd_event_source_disable_unref(subscriptions->restart);
        if (watch_anew(subscriptions, &serial, &error) < 0)
                fprintf(stderr, "ipcbusd: %s\n", error.message);
        return 0;
}

static void restart_later(Subscriptions *subscriptions) {
        if (!subscriptions->restart)
                (void)sd_event_add_time_relative(subscriptions->manager->event, &subscriptions->restart,
                        CLOCK_MONOTONIC, RESTART_USEC, 0, on_restart, subscriptions);
}

/* --- Beginning and end --- */

static void subscription_end(Subscription *subscription) {
        Subscriptions *subscriptions = subscription->subscriptions;
        SubscribeCall *call = subscription->call;
        uint64_t serial;
        Error error = {};

        binding_release(&subscription->binding);
        limits_release(subscriptions->manager->limits, &subscription->charge);
        g_ptr_array_remove_fast(subscriptions->all, subscription);
        g_strfreev(subscription->kinds);
        g_strfreev(subscription->addresses);
        g_free(subscription);
        if (subscriptions->all->len == 0) {
                subscriptions->entries = entries_free(subscriptions->entries);
                subscriptions->restart = sd_event_source_disable_unref(subscriptions->restart);
                watcher_stop(subscriptions->watcher);
        } else if (watch_anew(subscriptions, &serial, &error) < 0)
                restart_later(subscriptions);
        if (call) {
                call->subscription = NULL;
                (void)error_set(&error, ERROR_CANCELLED, "The subscription was ended before it began.");
                wait_fail(&call->wait, &error);
        }
        manager_check_idle(subscriptions->manager);
}

static void on_client_gone(Binding *binding) {
        subscription_end(CONTAINER_OF(binding, Subscription, binding));
}

static void subscribe_call_release(Wait *wait) {
        SubscribeCall *call = CONTAINER_OF(wait, SubscribeCall, wait);

        if (call->subscription)
                call->subscription->call = NULL;
        free(call);
}

/* The reason why nothing of what a subscription names can be watched; NULL where something can. */
static const char *reason_against(const Subscription *subscription, const Value *reasons) {
        const char *reason = NULL;

        if (!subscription->kinds || !*subscription->kinds || subscription->addresses || !reasons)
                return NULL;
        for (char **kind = subscription->kinds; *kind; kind++) {
                const char *found = NULL;

                for (size_t i = 0; i < reasons->records.n && !found; i++)
                        if (strcmp(record_get_string(reasons->records.items[i], "kind", ""), *kind) == 0)
                                found = record_get_string(reasons->records.items[i], "reason", NULL);
                if (!found)
                        return NULL;
                reason = found;
        }
        return reason;
}

static void subscribe_call_answer(SubscribeCall *call, const Value *reasons) {
        Subscription *subscription = call->subscription;
        const char *reason = subscription ? reason_against(subscription, reasons) : NULL;
        Error error = {};

        if (!reason) {
                wait_answered(&call->wait, sd_bus_reply_method_return(call->wait.call, NULL));
                return;
        }
        (void)error_set(&error, ERROR_NOT_SUPPORTED, "%s", reason);
        wait_fail(&call->wait, &error);
        subscription_end(subscription);
}

/* An answer may end a subscription, and so move the others. */
static void on_ready(void *userdata, uint64_t serial, const Value *reasons) {
        Subscriptions *subscriptions = userdata;

        for (guint i = subscriptions->all->len; i > 0; i--) {
                Subscription *subscription = subscriptions->all->pdata[i - 1];

                if (subscription->call && subscription->call->serial <= serial)
                        subscribe_call_answer(subscription->call, reasons);
        }
}

static void on_lost(void *userdata, const Error *why) {
        Subscriptions *subscriptions = userdata;

        fprintf(stderr, "ipcbusd: The machine is not watched for a moment: %s\n", why->message);
        restart_later(subscriptions);
}

int subscriptions_new(Manager *manager, Subscriptions **ret) {
        static const WatcherHandlers handlers = { .ready = on_ready, .told = on_told, .lost = on_lost };
        Subscriptions *subscriptions = g_new0(Subscriptions, 1);
        int r;

        r = watcher_new(manager->event, &handlers, subscriptions, &subscriptions->watcher);
        if (r < 0) {
                g_free(subscriptions);
                return r;
        }
        subscriptions->manager = manager;
        subscriptions->all = g_ptr_array_new();
        *ret = subscriptions;
        return 0;
}

Subscriptions *subscriptions_free(Subscriptions *subscriptions) {
        if (!subscriptions)
                return NULL;

        while (subscriptions->all->len > 0)
                subscription_end(subscriptions->all->pdata[0]);
        watcher_free(subscriptions->watcher);
        g_ptr_array_unref(subscriptions->all);
        g_free(subscriptions);
        return NULL;
}

/* --- Subscribing --- */

static int read_addresses(const Value *addresses, char ***ret, Error *error) {
        g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(free);
        int r;

        if (!addresses)
                return 0;
        if (addresses->strings.n > ADDRESSES_MAX)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "One subscription takes %d addresses at the most; subscribe again for more, or to their kind.",
                        ADDRESSES_MAX);
        for (size_t i = 0; i < addresses->strings.n; i++) {
                CLEANUP(address_done) Address address = ADDRESS_EMPTY;
                const Mechanism *mechanism;
                char *text;

                r = mechanism_parse_address(addresses->strings.items[i], &address, error);
                if (r >= 0)
                        r = mechanism_for_address(&address, &mechanism, error);
                if (r < 0)
                        return r;
                text = address_print(&address);
                if (!text)
                        return error_set_errno(error, ENOMEM, "Cannot keep the address");
                g_ptr_array_add(list, text);
        }
        g_ptr_array_add(list, NULL);
        *ret = g_strdupv((char **)list->pdata);
        return 0;
}

static int subscription_new(Subscriptions *subscriptions, const Record *filter, Subscription **ret, Error *error) {
        const Value *kinds = record_get(filter, "kinds"), *addresses = record_get(filter, "addresses");
        const Mechanism *mechanism;
        char **names = NULL;
        int r;

        for (size_t i = 0; kinds && i < kinds->strings.n; i++) {
                r = mechanism_for_kind(kinds->strings.items[i], &mechanism, error);
                if (r < 0)
                        return r;
        }
        r = read_addresses(addresses, &names, error);
        if (r < 0)
                return r;
        *ret = g_new0(Subscription, 1);
        **ret = (Subscription){
                .subscriptions = subscriptions,
                .kinds = kinds       ? g_strdupv((char **)kinds->strings.items)
                         : addresses ? g_new0(char *, 1)
                                     : NULL,
                .addresses = names,
                .changes = record_get_bool(filter, "changes", kinds || addresses),
                .holders = record_get_bool(filter, "holders", false),
                .interval = record_get_u64(filter, "interval", USEC_PER_SEC),
                .binding.gone = on_client_gone,
        };
        return 0;
}

/* The wait takes its place beside the subscription, or the call is answered now (1). */
static int subscription_begin(Subscription *subscription, sd_bus_message *message, uid_t uid, Error *error) {
        Subscriptions *subscriptions = subscription->subscriptions;
        uint64_t serial = 0;
        SubscribeCall *call;
        int r;

        if (!subscriptions->entries) {
                r = entries_new(
                        subscriptions->manager->event, on_entry, subscriptions, &subscriptions->entries, error);
                if (r < 0)
                        return r;
        }
        r = watch_anew(subscriptions, &serial, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        call = calloc(1, sizeof(*call));
        if (!call)
                return error_set_errno(error, ENOMEM, "The call cannot wait");
        r = wait_begin(&call->wait, subscriptions->manager, message, NULL, uid, error);
        if (r < 0) {
                free(call);
                return r;
        }
        call->wait.release = subscribe_call_release;
        call->subscription = subscription;
        call->serial = serial;
        subscription->call = call;
        return 0;
}

int subscriptions_add(Subscriptions *subscriptions, sd_bus_message *call, uid_t uid, Client *client,
        const Record *filter, Error *error) {
        Limits *limits = subscriptions->manager->limits;
        Subscription *subscription;
        int r;

        r = subscription_new(subscriptions, filter, &subscription, error);
        if (r < 0)
                return r;
        r = limits_charge(limits, uid, client, LIMIT_SUBSCRIPTIONS, 1, &subscription->charge, error);
        if (r >= 0) {
                client_bind(client, &subscription->binding);
                g_ptr_array_add(subscriptions->all, subscription);
                r = subscription_begin(subscription, call, uid, error);
                if (r < 0)
                        subscription_end(subscription);
                return r;
        }
        g_strfreev(subscription->kinds);
        g_strfreev(subscription->addresses);
        g_free(subscription);
        return r;
}

void subscriptions_remove(Subscriptions *subscriptions, const Client *client) {
        for (guint i = subscriptions->all->len; i > 0; i--) {
                Subscription *subscription = subscriptions->all->pdata[i - 1];

                if (subscription->binding.client == client)
                        subscription_end(subscription);
        }
}

bool subscriptions_any(const Subscriptions *subscriptions) {
        return subscriptions->all->len > 0;
}
