/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What all transports share: reading a whole message from a stream, and the names of the ways of waiting. */
#include "transport.h"

#include <string.h>

#include "mechanism.h"

static const char *const wait_mode_names[WAIT_MODE_MAX] = {
        [WAIT_BLOCK] = "block",
        [WAIT_SPIN] = "spin",
};

const Transport *link_transport(const Link *link) {
        return link->transport ? link->transport : link->mechanism->transport;
}

ssize_t link_receive_all(Link *link, void *buffer, size_t size) {
        const Transport *transport = link_transport(link);
        size_t done = 0;

        while (done < size) {
                ssize_t n = transport->receive(link, (char *)buffer + done, size - done);

                if (n < 0)
                        return n;
                if (n == 0)
                        break;
                done += (size_t)n;
        }
        return (ssize_t)done;
}

const char *wait_mode_name(WaitMode mode) {
        return mode >= 0 && mode < WAIT_MODE_MAX ? wait_mode_names[mode] : NULL;
}

WaitMode wait_mode_from_name(const char *name) {
        for (WaitMode mode = 0; mode < WAIT_MODE_MAX; mode++)
                if (strcmp(wait_mode_names[mode], name) == 0)
                        return mode;
        return WAIT_MODE_INVALID;
}
