/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exit on idleness without losing a call. The timer is armed only while nothing would be lost; a filter notes when a
 * method was called last, so that calls cost no system call. Before exiting the name is given back: the bus answers
 * after it has delivered all calls that were sent to the name before, so that a call that crossed is seen here, and
 * the name is asked for again. What comes later starts a new service. */
#include "idle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs.h"
#include "objects.h"
#include "subscriptions.h"
#include "units.h"
#include "waits.h"

struct Idle {
        Manager *manager;
        uint64_t timeout;
        uint64_t calls; /* so far */
        uint64_t calls_at_release;
        uint64_t last_call; /* CLOCK_MONOTONIC */
        bool releasing;     /* the name is being given back */
        sd_event_source *timer;
        sd_bus_slot *filter;
        sd_bus_slot *name_call;
};

static bool idle_would_lose_nothing(const Manager *manager) {
        return objects_may_leave(manager->objects) && !waits_any(manager->waits) && !jobs_any_running(manager->jobs) &&
               !subscriptions_any(manager->subscriptions);
}

static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        Idle *idle = userdata;

        if (sd_bus_message_is_method_call(message, NULL, NULL) > 0) {
                idle->calls++;
                (void)sd_event_now(idle->manager->event, CLOCK_MONOTONIC, &idle->last_call);
        }
        return 0;
}

static int on_name_again(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        Idle *idle = userdata;

        idle->name_call = sd_bus_slot_unref(idle->name_call);
        idle->releasing = false;
        if (sd_bus_message_is_method_error(reply, NULL))
                fprintf(stderr, "ipcbusd: the name %s could not be taken again: %s\n", IPCBUS_BUS_NAME,
                        sd_bus_message_get_error(reply)->message);
        idle_check(idle);
        return 0;
}

/* The bus has nothing more for us. Queued: a service that was started meanwhile has the name until it sees that the
 * journal is in use and leaves. */
static int on_name_released(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        Idle *idle = userdata;
        int r;

        idle->name_call = sd_bus_slot_unref(idle->name_call);
        if (idle->calls == idle->calls_at_release && idle_would_lose_nothing(idle->manager))
                return sd_event_exit(idle->manager->event, EXIT_SUCCESS);

        r = sd_bus_request_name_async(
                idle->manager->bus, &idle->name_call, IPCBUS_BUS_NAME, SD_BUS_NAME_QUEUE, on_name_again, idle);
        if (r < 0)
                return sd_event_exit(idle->manager->event, EXIT_FAILURE);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Idle *idle = userdata;
        int r;

        if (!idle_would_lose_nothing(idle->manager))
                return 0;
        if (usec < idle->last_call + idle->timeout) {
                r = sd_event_source_set_time(source, idle->last_call + idle->timeout);
                return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        }

        idle->releasing = true;
        idle->calls_at_release = idle->calls;
        r = sd_bus_release_name_async(idle->manager->bus, &idle->name_call, IPCBUS_BUS_NAME, on_name_released, idle);
        if (r < 0)
                return sd_event_exit(idle->manager->event, EXIT_FAILURE);
        return 0;
}

int idle_new(Manager *manager, uint64_t timeout, Idle **ret) {
        Idle *idle;
        int r;

        idle = calloc(1, sizeof(*idle));
        if (!idle)
                return -ENOMEM;
        *idle = (Idle){ .manager = manager, .timeout = timeout };
        if (timeout > 0) {
                r = sd_bus_add_filter(manager->bus, &idle->filter, on_message, idle);
                if (r >= 0)
                        r = sd_event_add_time(
                                manager->event, &idle->timer, CLOCK_MONOTONIC, USEC_INFINITY, 0, on_timer, idle);
                if (r >= 0)
                        r = sd_event_source_set_enabled(idle->timer, SD_EVENT_OFF);
                if (r < 0) {
                        idle_free(idle);
                        return r;
                }
        }
        *ret = idle;
        return 0;
}

Idle *idle_free(Idle *idle) {
        if (!idle)
                return NULL;
        sd_event_source_disable_unref(idle->timer);
        sd_bus_slot_unref(idle->filter);
        sd_bus_slot_unref(idle->name_call);
        free(idle);
        return NULL;
}

void idle_check(Idle *idle) {
        uint64_t now;

        if (!idle || !idle->timer || idle->releasing)
                return;
        if (!idle_would_lose_nothing(idle->manager)) {
                (void)sd_event_source_set_enabled(idle->timer, SD_EVENT_OFF);
                return;
        }
        /* A timer that runs already looks at last_call itself. */
        if (sd_event_source_get_enabled(idle->timer, NULL) > 0)
                return;
        (void)sd_event_now(idle->manager->event, CLOCK_MONOTONIC, &now);
        (void)sd_event_source_set_time(idle->timer, now + idle->timeout);
        (void)sd_event_source_set_enabled(idle->timer, SD_EVENT_ONESHOT);
}
