/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A lease is embedded in what it governs. A duration is a timer on CLOCK_BOOTTIME, so that it goes on while the
 * machine sleeps and is not moved by changes of the wall clock; the caller's lease is a binding to its connection. */
#include "lease.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "units.h"

static const char *const lease_names[LEASE_TYPE_MAX] = {
        [LEASE_NONE] = "none",
        [LEASE_CALLER] = "caller",
        [LEASE_DURATION] = "duration",
};

const char *lease_type_name(LeaseType type) {
        return type >= 0 && type < LEASE_TYPE_MAX ? lease_names[type] : NULL;
}

LeaseType lease_type_from_name(const char *name) {
        for (int i = 0; name && i < LEASE_TYPE_MAX; i++)
                if (strcmp(lease_names[i], name) == 0)
                        return i;
        return LEASE_TYPE_INVALID;
}

int lease_parse(const char *text, LeaseType *ret_type, uint64_t *ret_duration, Error *error) {
        uint64_t duration = 0;
        LeaseType type;

        if (strcmp(text, "none") == 0)
                type = LEASE_NONE;
        else if (strcmp(text, "caller") == 0)
                type = LEASE_CALLER;
        else if (time_parse(text, &duration) >= 0 && duration > 0 && duration < USEC_INFINITY / 2)
                type = LEASE_DURATION;
        else
                return error_set(error, ERROR_INVALID_OPTION,
                        "The lease \"%.64s\" is none of \"none\", \"caller\" or a duration above 0, as \"30s\" or "
                        "\"2h\".",
                        text);

        *ret_type = type;
        *ret_duration = duration;
        return 0;
}

static void lease_expire(Lease *lease) {
        sd_event_source_disable_unref(lease->timer);
        lease->timer = NULL;
        lease->expired(lease);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        lease_expire(userdata);
        return 0;
}

static void on_client_gone(Binding *binding) {
        Lease *lease = (Lease *)((char *)binding - offsetof(Lease, binding));

        lease_expire(lease);
}

int lease_set(Lease *lease, LeaseType type, uint64_t expires, sd_event *event, Client *client, Error *error) {
        sd_event_source *timer = NULL;
        int r;

        if (type == LEASE_CALLER && !client)
                return error_set(error, ERROR_CANCELLED, "The caller of this lease has left the bus already.");
        if (type == LEASE_DURATION) {
                r = sd_event_add_time(event, &timer, CLOCK_BOOTTIME, expires, 0, on_timer, lease);
                if (r < 0)
                        return error_set_errno(error, r, "No timer could be set for the lease");
        }

        lease_done(lease);
        lease->type = type;
        lease->expires = type == LEASE_DURATION ? expires : 0;
        lease->timer = timer;
        if (type == LEASE_CALLER) {
                lease->binding.gone = on_client_gone;
                client_bind(client, &lease->binding);
        }
        return 0;
}

void lease_done(Lease *lease) {
        sd_event_source_disable_unref(lease->timer);
        lease->timer = NULL;
        binding_release(&lease->binding);
        lease->type = LEASE_NONE;
        lease->expires = 0;
}

static uint64_t now(clockid_t clock) {
        struct timespec t;

        (void)clock_gettime(clock, &t);
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / NSEC_PER_USEC;
}

uint64_t lease_expires_realtime(const Lease *lease) {
        uint64_t boottime = now(CLOCK_BOOTTIME), realtime = now(CLOCK_REALTIME);

        if (lease->type != LEASE_DURATION)
                return 0;
        return lease->expires >= boottime ? realtime + (lease->expires - boottime)
                                          : realtime - (boottime - lease->expires);
}
