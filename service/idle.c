/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exit on idleness without losing a call. The timer is armed only while nothing would be lost; a filter notes when a
 * method was called last, so that calls cost no system call. Before exiting the name is given back: the bus answers
 * after it has delivered all calls that were sent to the name before. Clients that know the connection by its unique
 * name (every GDBus proxy) go on calling that until they have heard that the name is gone, so the service lingers a
 * moment. Meanwhile it holds the journal: a service that is started anew takes neither the journal nor the name before
 * this one has gone, and if something came that would be lost, this one takes the name back. */
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

#define LINGER   (100 * USEC_PER_MSEC)
#define ACCURACY (10 * USEC_PER_MSEC)

typedef enum IdleState {
        IDLE_SERVING,
        IDLE_RELEASING, /* the name is being given back */
        IDLE_LINGERING, /* it is given back */
        IDLE_RETURNING, /* it is being taken back */
} IdleState;

struct Idle {
        Manager *manager;
        IdleState state;
        uint64_t timeout;
        uint64_t last_call; /* CLOCK_MONOTONIC */
        uint64_t left;      /* when it began to leave */
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

        if (sd_bus_message_is_method_call(message, NULL, NULL) > 0)
                (void)sd_event_now(idle->manager->event, CLOCK_MONOTONIC, &idle->last_call);
        return 0;
}

static void arm(Idle *idle, uint64_t usec) {
        (void)sd_event_source_set_time(idle->timer, usec);
        (void)sd_event_source_set_enabled(idle->timer, SD_EVENT_ONESHOT);
}

static int on_name_again(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        Idle *idle = userdata;

        idle->name_call = sd_bus_slot_unref(idle->name_call);
        idle->state = IDLE_SERVING;
        if (sd_bus_message_is_method_error(reply, NULL))
                fprintf(stderr, "ipcbusd: the name %s could not be taken again: %s\n", IPCBUS_BUS_NAME,
                        sd_bus_message_get_error(reply)->message);
        idle_check(idle);
        return 0;
}

static void idle_return(Idle *idle) {
        int r;

        (void)sd_event_source_set_enabled(idle->timer, SD_EVENT_OFF);
        idle->state = IDLE_RETURNING;
        r = sd_bus_request_name_async(
                idle->manager->bus, &idle->name_call, IPCBUS_BUS_NAME, SD_BUS_NAME_QUEUE, on_name_again, idle);
        if (r < 0)
                (void)sd_event_exit(idle->manager->event, EXIT_FAILURE);
}

static int on_name_released(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        Idle *idle = userdata;
        uint64_t now;

        idle->name_call = sd_bus_slot_unref(idle->name_call);
        idle->state = IDLE_LINGERING;
        (void)sd_event_now(idle->manager->event, CLOCK_MONOTONIC, &now);
        arm(idle, idle->last_call >= idle->left ? now : now + LINGER);
        idle_check(idle);
        return 0;
}

static int idle_leave(Idle *idle) {
        int r;

        idle->state = IDLE_RELEASING;
        (void)sd_event_now(idle->manager->event, CLOCK_MONOTONIC, &idle->left);
        r = sd_bus_release_name_async(idle->manager->bus, &idle->name_call, IPCBUS_BUS_NAME, on_name_released, idle);
        return r < 0 ? sd_event_exit(idle->manager->event, EXIT_FAILURE) : 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Idle *idle = userdata;
        uint64_t now;

        if (!idle_would_lose_nothing(idle->manager))
                return 0;
        (void)sd_event_now(idle->manager->event, CLOCK_MONOTONIC, &now);
        if (idle->state == IDLE_LINGERING && idle->last_call >= idle->left)
                idle_return(idle); /* it is wanted after all */
        else if (idle->state == IDLE_LINGERING)
                return sd_event_exit(idle->manager->event, EXIT_SUCCESS);
        else if (now < idle->last_call + idle->timeout)
                arm(idle, idle->last_call + idle->timeout);
        else
                return idle_leave(idle);
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
                        r = sd_event_add_time(manager->event, &idle->timer, CLOCK_MONOTONIC, USEC_INFINITY, ACCURACY,
                                on_timer, idle);
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

        if (!idle || !idle->timer || idle->state == IDLE_RELEASING || idle->state == IDLE_RETURNING)
                return;
        if (!idle_would_lose_nothing(idle->manager)) {
                if (idle->state == IDLE_LINGERING)
                        idle_return(idle);
                else
                        (void)sd_event_source_set_enabled(idle->timer, SD_EVENT_OFF);
                return;
        }
        /* A timer that runs already looks at last_call itself. */
        if (sd_event_source_get_enabled(idle->timer, NULL) > 0)
                return;
        (void)sd_event_now(idle->manager->event, CLOCK_MONOTONIC, &now);
        arm(idle, now + idle->timeout);
}
