/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inotify descriptor exists only while somebody is subscribed. One watch a directory serves all kinds that have
 * their objects there: each kind is asked whether an entry is one of its own. */
#include "subscriptions.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "limit.h"
#include "mechanism.h"
#include "protocol.h"

typedef struct Subscription {
        Subscriptions *subscriptions;
        char **kinds; /* NULL: all */
        Charge charge;
        Binding binding;
} Subscription;

typedef struct Watch {
        int descriptor;
        const Mechanism *mechanism;
} Watch;

struct Subscriptions {
        Manager *manager;
        GPtrArray *all; /* Subscription */
        GArray *watches;
        int inotify;
        sd_event_source *source;
};

int subscriptions_new(Manager *manager, Subscriptions **ret) {
        Subscriptions *subscriptions = g_new0(Subscriptions, 1);

        subscriptions->manager = manager;
        subscriptions->all = g_ptr_array_new();
        subscriptions->watches = g_array_new(FALSE, FALSE, sizeof(Watch));
        subscriptions->inotify = -EBADF;
        *ret = subscriptions;
        return 0;
}

static void watching_stop(Subscriptions *subscriptions) {
        sd_event_source_disable_unref(subscriptions->source);
        subscriptions->source = NULL;
        if (subscriptions->inotify >= 0)
                close(subscriptions->inotify);
        subscriptions->inotify = -EBADF;
        g_array_set_size(subscriptions->watches, 0);
}

static void subscription_end(Subscription *subscription) {
        Subscriptions *subscriptions = subscription->subscriptions;

        binding_release(&subscription->binding);
        limits_release(subscriptions->manager->limits, &subscription->charge);
        g_ptr_array_remove_fast(subscriptions->all, subscription);
        g_strfreev(subscription->kinds);
        g_free(subscription);
        if (subscriptions->all->len == 0)
                watching_stop(subscriptions);
        manager_check_idle(subscriptions->manager);
}

Subscriptions *subscriptions_free(Subscriptions *subscriptions) {
        if (!subscriptions)
                return NULL;

        while (subscriptions->all->len > 0)
                subscription_end(subscriptions->all->pdata[0]);
        watching_stop(subscriptions);
        g_ptr_array_unref(subscriptions->all);
        g_array_unref(subscriptions->watches);
        g_free(subscriptions);
        return NULL;
}

static bool wanted(const Subscription *subscription, const char *kind) {
        return !subscription->kinds || g_strv_contains((const char *const *)subscription->kinds, kind);
}

/* Signals go to those who asked for the kind, each by its name, so that nobody else is woken. */
static void tell(Subscriptions *subscriptions, const Mechanism *mechanism, const char *member, const char *address) {
        for (guint i = 0; i < subscriptions->all->len; i++) {
                const Subscription *subscription = subscriptions->all->pdata[i];
                sd_bus *bus = subscriptions->manager->bus;
                sd_bus_message *signal = NULL;
                const char *name;
                int r;

                if (!wanted(subscription, mechanism->kind))
                        continue;
                name = client_name(subscription->binding.client);
                r = sd_bus_message_new_signal(bus, &signal, IPCBUS_PATH, IPCBUS_INTERFACE_MANAGER, member);
                if (r >= 0 && name)
                        r = sd_bus_message_set_destination(signal, name);
                if (r >= 0)
                        r = sd_bus_message_append(signal, "s", address);
                if (r >= 0)
                        (void)sd_bus_send(bus, signal, NULL);
                sd_bus_message_unref(signal);
        }
}

static void tell_entry(Subscriptions *subscriptions, const struct inotify_event *event) {
        bool appeared = event->mask & (IN_CREATE | IN_MOVED_TO);

        for (guint i = 0; i < subscriptions->watches->len; i++) {
                const Watch *watch = &g_array_index(subscriptions->watches, Watch, i);
                char *address;

                if (watch->descriptor != event->wd || watch->mechanism->entry_address(event->name, &address) < 0)
                        continue;
                tell(subscriptions, watch->mechanism, appeared ? "KernelObjectAppeared" : "KernelObjectVanished",
                        address);
                free(address);
        }
}

/* sem_open(3) makes a file of a random name, links it to the right one and removes it again: what came and went within
 * one look is not told. Marks the later event as told. */
static bool cancelled_by_later(const struct inotify_event *event, char *at, const char *end) {
        if (!(event->mask & IN_CREATE))
                return event->mask == 0;
        while (at < end) {
                struct inotify_event *later = (struct inotify_event *)at;

                at += sizeof(*later) + later->len;
                if (later->wd == event->wd && later->len > 0 && (later->mask & IN_DELETE) &&
                        strcmp(later->name, event->name) == 0) {
                        later->mask = 0;
                        return true;
                }
        }
        return false;
}

static int on_inotify(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        char buffer[16 * 1024] __attribute__((aligned(__alignof__(struct inotify_event))));
        Subscriptions *subscriptions = userdata;
        ssize_t n;

        n = read(fd, buffer, sizeof(buffer));
        for (char *at = buffer; n > 0 && at < buffer + n;) {
                struct inotify_event *event = (struct inotify_event *)at;

                at += sizeof(*event) + event->len;
                if (event->len > 0 && !cancelled_by_later(event, at, buffer + n))
                        tell_entry(subscriptions, event);
        }
        return 0;
}

/* A directory that is not there, or may not be read, is one that nothing is told of. */
static void watch_kind(Subscriptions *subscriptions, const Mechanism *mechanism) {
        Watch watch = { .mechanism = mechanism };
        char path[64];
        int fd;

        fd = mechanism->watch_directory();
        if (fd < 0)
                return;
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        watch.descriptor = inotify_add_watch(
                subscriptions->inotify, path, IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO);
        close(fd);
        if (watch.descriptor >= 0)
                g_array_append_val(subscriptions->watches, watch);
}

static int watching_start(Subscriptions *subscriptions, Error *error) {
        int r;

        if (subscriptions->inotify >= 0)
                return 0;

        subscriptions->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (subscriptions->inotify < 0)
                return error_set_errno(error, errno,
                        "The machine cannot be watched now; see /proc/sys/fs/inotify/max_user_instances");
        r = sd_event_add_io(subscriptions->manager->event, &subscriptions->source, subscriptions->inotify, EPOLLIN,
                on_inotify, subscriptions);
        if (r < 0) {
                watching_stop(subscriptions);
                return error_set_errno(error, r, "The machine cannot be watched now");
        }

        for (size_t i = 0; i < mechanism_table_size; i++)
                if (mechanism_table[i]->watch_directory)
                        watch_kind(subscriptions, mechanism_table[i]);
        return 0;
}

static void on_client_gone(Binding *binding) {
        subscription_end((Subscription *)((char *)binding - offsetof(Subscription, binding)));
}

int subscriptions_add(Subscriptions *subscriptions, uid_t uid, Client *client, const Record *filter, Error *error) {
        const Value *kinds = record_get(filter, "kinds");
        Subscription *subscription;
        const Mechanism *mechanism;
        int r;

        for (size_t i = 0; kinds && i < kinds->strings.n; i++) {
                r = mechanism_for_kind(kinds->strings.items[i], &mechanism, error);
                if (r >= 0 && !mechanism->watch_directory)
                        r = error_set(error, ERROR_NOT_SUPPORTED,
                                "The kernel tells nobody when others make or remove objects of the kind %s; the "
                                "events of "
                                "the service's own objects come without a subscription.",
                                mechanism->kind);
                if (r < 0)
                        return r;
        }

        subscription = g_new0(Subscription, 1);
        r = limits_charge(
                subscriptions->manager->limits, uid, client, LIMIT_SUBSCRIPTIONS, 1, &subscription->charge, error);
        if (r >= 0) {
                r = watching_start(subscriptions, error);
                if (r < 0)
                        limits_release(subscriptions->manager->limits, &subscription->charge);
        }
        if (r < 0) {
                g_free(subscription);
                return r;
        }

        subscription->subscriptions = subscriptions;
        subscription->kinds = kinds ? g_strdupv((char **)kinds->strings.items) : NULL;
        subscription->binding.gone = on_client_gone;
        client_bind(client, &subscription->binding);
        g_ptr_array_add(subscriptions->all, subscription);
        return 0;
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
