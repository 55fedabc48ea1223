/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of calls that are not answered yet, and the two ways in which they end from outside: their caller leaves
 * the bus, or their object goes. Who waits owns its Wait and ends it by answering. */
#include "waits.h"

#include <errno.h>
#include <stdlib.h>

#include "bus-cleanup.h"
#include "objects.h"
#include "record-bus.h"

struct Waits {
        Wait *first;
};

int waits_new(Manager *manager, Waits **ret) {
        Waits *waits;

        waits = calloc(1, sizeof(*waits));
        if (!waits)
                return -ENOMEM;
        *ret = waits;
        return 0;
}

Waits *waits_free(Waits *waits) {
        Error error = {};

        if (!waits)
                return NULL;
        (void)error_set(&error, ERROR_CANCELLED, "The service is ending; call again, and it starts anew.");
        while (waits->first)
                wait_fail(waits->first, &error);
        free(waits);
        return NULL;
}

bool waits_any(const Waits *waits) {
        return waits->first;
}

static void wait_link(Wait *wait) {
        Waits *waits = wait->manager->waits;

        wait->next = waits->first;
        if (wait->next)
                wait->next->previous = wait;
        waits->first = wait;

        if (!wait->object)
                return;
        wait->object_next = wait->object->waits;
        if (wait->object_next)
                wait->object_next->object_previous = wait;
        wait->object->waits = wait;
}

static void wait_unlink(Wait *wait) {
        if (wait->previous)
                wait->previous->next = wait->next;
        else
                wait->manager->waits->first = wait->next;
        if (wait->next)
                wait->next->previous = wait->previous;

        if (!wait->object)
                return;
        if (wait->object_previous)
                wait->object_previous->object_next = wait->object_next;
        else
                wait->object->waits = wait->object_next;
        if (wait->object_next)
                wait->object_next->object_previous = wait->object_previous;
}

static void wait_end(Wait *wait) {
        Manager *manager = wait->manager;

        wait_unlink(wait);
        binding_release(&wait->binding);
        limits_release(manager->limits, &wait->charge);
        sd_bus_message_unref(wait->call);
        wait->release(wait);
        manager_check_idle(manager);
}

/* Nobody is left to answer. */
static void on_caller_gone(Binding *binding) {
        wait_end(CONTAINER_OF(binding, Wait, binding));
}

/* All of a call that an answer needs. The call itself may hold descriptors that nobody asked for, and 128 MiB. */
static int call_copy(sd_bus_message *call, sd_bus_message **ret) {
        CLEANUP_MESSAGE sd_bus_message *copy = NULL;
        const char *sender = sd_bus_message_get_sender(call);
        uint64_t cookie;
        int r;

        r = sd_bus_message_get_cookie(call, &cookie);
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_call(sd_bus_message_get_bus(call), &copy, NULL, sd_bus_message_get_path(call),
                sd_bus_message_get_interface(call), sd_bus_message_get_member(call));
        if (r >= 0 && sender)
                r = sd_bus_message_set_sender(copy, sender);
        if (r >= 0)
                r = sd_bus_message_set_expect_reply(copy, sd_bus_message_get_expect_reply(call));
        if (r >= 0)
                r = sd_bus_message_seal(copy, cookie, 0);
        if (r < 0)
                return r;
        *ret = TAKE_POINTER(copy);
        return 0;
}

int wait_begin(Wait *wait, Manager *manager, sd_bus_message *call, Object *object, uid_t uid, Error *error) {
        Client *client;
        int r;

        r = clients_sender(manager->clients, call, &client);
        if (r == -ESRCH)
                return error_set(error, ERROR_CANCELLED, "The caller has left the bus.");
        if (r < 0)
                return error_set_errno(error, r, "The caller could not be watched");
        r = limits_charge(manager->limits, uid, client, LIMIT_WAITS, 1, &wait->charge, error);
        if (r < 0)
                return r;

        r = call_copy(call, &wait->call);
        if (r < 0) {
                limits_release(manager->limits, &wait->charge);
                return error_set_errno(error, r, "The call cannot be kept for an answer");
        }
        wait->manager = manager;
        wait->object = object;
        wait->binding.gone = on_caller_gone;
        client_bind(client, &wait->binding);
        wait_link(wait);
        manager_check_idle(manager);
        return 0;
}

void wait_answered(Wait *wait, int result) {
        if (result < 0)
                (void)sd_bus_reply_method_errno(wait->call, result, NULL);
        wait_end(wait);
}

void wait_fail(Wait *wait, const Error *error) {
        (void)bus_reply_error(wait->call, error);
        wait_end(wait);
}

void waits_end_object(Object *object, const Error *why) {
        while (object->waits)
                wait_fail(object->waits, why);
}

/* A retry can end its own wait, and no other. */
void waits_retry_object(Object *object) {
        for (Wait *wait = object->waits, *next; wait; wait = next) {
                next = wait->object_next;
                if (wait->retry)
                        wait->retry(wait);
        }
}
