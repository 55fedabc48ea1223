/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A daemon does not tell its limits; those of the session bus stand in the file that dbus-daemon(1) reads, the rest is
 * built into it. The kind is there also without any bus: two processes can speak D-Bus over a socket. */
#include "dbus-limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "dbus-address.h"
#include "limit-facts.h"

#define SESSION_CONF "/usr/share/dbus-1/session.conf"

enum { CONF_MAX = 64 * 1024 };

/* Which buses there are: no limits, but what somebody wants to know before. */
static void note_buses(Record *facts) {
        static const char *const buses[] = { "session", "system" };
        char texts[2][BUS_ADDRESS_MAX + sizeof(((Error *)0)->message)];
        const char *notes[] = { texts[0], texts[1] };

        for (size_t i = 0; i < 2; i++) {
                char address[BUS_ADDRESS_MAX];
                Error error = { 0 };

                if (bus_resolve(buses[i], address, &error) >= 0)
                        (void)snprintf(texts[i], sizeof(texts[i]), "The %s bus is %s.", buses[i], address);
                else
                        (void)snprintf(texts[i], sizeof(texts[i]), "%s", error.message);
        }
        record_set_strings(facts, "notes", notes, 2);
}

static char *read_conf(const char *path) {
        FILE *file = fopen(path, "re");
        char *text;
        size_t n;

        if (!file)
                return NULL;
        text = malloc(CONF_MAX + 1);
        n = text ? fread(text, 1, CONF_MAX, file) : 0;
        if (text)
                text[n] = '\0';
        fclose(file);
        return text;
}

/* <limit name="NAME">NUMBER</limit>, outside of comments where there are several. */
static uint64_t conf_limit(const char *text, const char *name, uint64_t fallback) {
        char start[80];
        const char *found;

        if (!text)
                return fallback;
        (void)snprintf(start, sizeof(start), "\n  <limit name=\"%s\">", name);
        found = strstr(text, start);
        return found ? strtoull(found + strlen(start), NULL, 10) : fallback;
}

int dbus_probe(Record *facts, Error *error) {
        static const struct {
                const char *limit, *unit;
                uint64_t built_in;
        } limits[] = {
                { "max_message_size", "bytes of a message", 32 * 1024 * 1024 },
                { "max_message_unix_fds", "descriptors in one message", 16 },
                { "max_names_per_connection", "names of a connection", 512 },
                { "max_match_rules_per_connection", "match rules of a connection", 512 },
                { "max_replies_per_connection", "calls that wait for a reply", 128 },
                { "max_connections_per_user", "connections of a user", 256 },
        };
        CLEANUP_FREE char *conf = read_conf(SESSION_CONF);

        note_buses(facts);
        for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
                uint64_t value = conf_limit(conf, limits[i].limit, UINT64_MAX);

                limit_append(facts, limits[i].limit, value == UINT64_MAX ? limits[i].built_in : value, limits[i].unit,
                        value == UINT64_MAX ? "dbus-daemon(1), built in" : SESSION_CONF);
        }
        limit_append(facts, "sd-bus message", UINT64_C(128) * 1024 * 1024, "bytes of a message", "sd-bus(3)");
        limit_append(facts, "bus name", BUS_NAME_MAX, "bytes of a name", "D-Bus Specification");
        return 0;
}
