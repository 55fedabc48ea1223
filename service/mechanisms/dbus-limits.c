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

static void append_text(Record *facts, const char *name, const char *value, const char *source) {
        Record *item;

        if (record_new(&item) < 0)
                return;
        record_set_string(item, "name", name);
        record_set_string(item, "value", value);
        record_set_string(item, "unit", "");
        record_set_string(item, "source", source);
        record_append_record(facts, "limits", item);
}

static void append_bus(Record *facts, const char *bus, const char *name, const char *source) {
        char address[BUS_ADDRESS_MAX];
        Error error = { 0 };

        append_text(facts, name, bus_resolve(bus, address, &error) >= 0 ? address : error.message, source);
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
                const char *name, *limit, *unit;
                uint64_t built_in;
        } limits[] = {
                { "message-size", "max_message_size", "bytes", 32 * 1024 * 1024 },
                { "descriptors-per-message", "max_message_unix_fds", "descriptors", 16 },
                { "names-per-connection", "max_names_per_connection", "names", 512 },
                { "match-rules-per-connection", "max_match_rules_per_connection", "rules", 512 },
                { "calls-waiting-per-connection", "max_replies_per_connection", "calls", 128 },
                { "connections-per-user", "max_connections_per_user", "connections", 256 },
        };
        CLEANUP_FREE char *conf = read_conf(SESSION_CONF);

        append_bus(facts, "session", "session-bus", "DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR");
        append_bus(facts, "system", "system-bus", "DBUS_SYSTEM_BUS_ADDRESS, /run/dbus");
        for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
                uint64_t value = conf_limit(conf, limits[i].limit, UINT64_MAX);
                char name[64];

                (void)snprintf(name, sizeof(name), "session-%s", limits[i].name);
                limit_append(facts, name, value == UINT64_MAX ? limits[i].built_in : value, limits[i].unit,
                        value == UINT64_MAX ? "dbus-daemon(1), built in" : SESSION_CONF);
        }
        limit_append(
                facts, "client-message-size", UINT64_C(128) * 1024 * 1024, "bytes", "sd-bus, D-Bus Specification");
        limit_append(facts, "name-length", BUS_NAME_MAX, "bytes", "D-Bus Specification");
        return 0;
}
