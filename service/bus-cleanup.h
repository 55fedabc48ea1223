/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ownership of what sd-bus gives, beside interfaces/cleanup.h. */
#pragma once

#include <stddef.h>
#include <systemd/sd-bus.h>

#include "cleanup.h"

#define CLEANUP_MESSAGE   CLEANUP(message_unref_indirect)
#define CLEANUP_BUS_ERROR CLEANUP(sd_bus_error_free)

/* The struct that `member` is embedded in. */
#define CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

static inline void message_unref_indirect(sd_bus_message **message) {
        sd_bus_message_unref(*message);
}
