/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a bus tells of its names: those that somebody has, and those that it could start somebody for. Runs in workers;
 * asks only the bus itself, so that nothing is started and nobody is disturbed. */
#include "dbus.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbus-bus.h"
#include "kind-helpers.h"
#include "scan.h"

#define KIND DBUS_KIND

/* --- One name --- */

int dbus_fetch(Address *address, const Record *options, int *ret_fd, Error *error) {
        CLEANUP_BUS sd_bus *bus = NULL;
        CLEANUP(address_done) Address canonical = ADDRESS_EMPTY;
        char text[BUS_ADDRESS_MAX];
        BusOwner owner;
        BusPlace place;
        int r;

        r = bus_place_parse(address, options, &place, error);
        if (r >= 0)
                r = bus_place_address(&place, &canonical, error);
        if (r >= 0)
                r = bus_join(place.bus, &bus, error);
        if (r < 0)
                return r;
        r = bus_owner(bus, place.name, &owner);
        if (r < 0)
                return error_set_errno(
                        error, r, "The owner of a name cannot be asked for on %.100s", bus_text(place.bus, text));
        if (r == 0 && !bus_activatable(bus, place.name))
                return error_set(error, ERROR_NO_SUCH_OBJECT, "Nobody has the name %.100s on %.100s.", place.name,
                        bus_text(place.bus, text));
        address_done(address);
        *address = canonical;
        canonical = (Address)ADDRESS_EMPTY;
        return 0;
}

/* Of the owner, as the bus got them from the kernel: the security label beside what BusOwner has. */
static void inspect_credentials(sd_bus *bus, const char *unique, Record *attributes) {
        CLEANUP_BUS_MESSAGE sd_bus_message *reply = NULL;
        const char *key, *contents;
        const void *label;
        size_t size;

        if (bus_driver_call(bus, "GetConnectionCredentials", &reply, NULL, "s", unique) < 0 ||
                sd_bus_message_enter_container(reply, 'a', "{sv}") < 0)
                return;
        while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
                if (sd_bus_message_read_basic(reply, 's', &key) < 0)
                        return;
                if (strcmp(key, "LinuxSecurityLabel") == 0 && sd_bus_message_peek_type(reply, NULL, &contents) > 0 &&
                        strcmp(contents, "ay") == 0 && sd_bus_message_enter_container(reply, 'v', "ay") >= 0) {
                        if (sd_bus_message_read_array(reply, 'y', &label, &size) > 0)
                                record_set_format(
                                        attributes, "security_label", "%.*s", (int)size, (const char *)label);
                        (void)sd_bus_message_exit_container(reply);
                } else if (sd_bus_message_skip(reply, "v") < 0)
                        return;
                if (sd_bus_message_exit_container(reply) < 0)
                        return;
        }
}

/* org.freedesktop.DBus.Debug.Stats is there where the daemon was built with it, and says different numbers in each. */
static void inspect_statistics(sd_bus *bus, const char *unique, Record *attributes) {
        CLEANUP_BUS_MESSAGE sd_bus_message *call = NULL, *reply = NULL;
        const char *key, *contents;
        uint32_t value;

        if (sd_bus_message_new_method_call(
                    bus, &call, BUS_DRIVER, BUS_DRIVER_PATH, BUS_DRIVER ".Debug.Stats", "GetConnectionStats") < 0 ||
                sd_bus_message_append(call, "s", unique) < 0 ||
                sd_bus_call(bus, call, BUS_PATIENCE_USEC, NULL, &reply) < 0 ||
                sd_bus_message_enter_container(reply, 'a', "{sv}") < 0)
                return;
        while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
                char name[RECORD_KEY_MAX];

                if (sd_bus_message_read_basic(reply, 's', &key) < 0)
                        return;
                if (sd_bus_message_peek_type(reply, NULL, &contents) > 0 && strcmp(contents, "u") == 0) {
                        if (sd_bus_message_read(reply, "v", "u", &value) < 0)
                                return;
                        if (snprintf(name, sizeof(name), "statistics.%s", key) < (int)sizeof(name))
                                record_set_u64(attributes, name, value);
                } else if (sd_bus_message_skip(reply, "v") < 0)
                        return;
                if (sd_bus_message_exit_container(reply) < 0)
                        return;
        }
}

static void add_pid(DbusState *state, pid_t pid) {
        for (size_t i = 0; i < state->n_pids; i++)
                if (state->pids[i] == pid)
                        return;
        if (pid > 0 && state->n_pids < DBUS_OWNERS_MAX)
                state->pids[state->n_pids++] = pid;
}

/* The owner is the first of those who want the name. */
static void inspect_queue(sd_bus *bus, DbusState *state, Record *attributes) {
        CLEANUP_BUS_MESSAGE sd_bus_message *reply = NULL;
        const char *queue[DBUS_OWNERS_MAX], *unique;
        size_t n = 0;

        if (bus_driver_call(bus, "ListQueuedOwners", &reply, NULL, "s", state->place.name) < 0 ||
                sd_bus_message_enter_container(reply, 'a', "s") < 0)
                return;
        while (n < DBUS_OWNERS_MAX && sd_bus_message_read_basic(reply, 's', &unique) > 0) {
                BusOwner owner;

                queue[n++] = unique;
                if (bus_owner(bus, unique, &owner) > 0)
                        add_pid(state, owner.pid);
        }
        record_set_strings(attributes, "queue", queue, n);
}

/* Where the file stands that tells the bus whom to start; named after the name, as systemd and most others do. */
static void inspect_service_file(const BusPlace *place, Record *attributes) {
        static const char *const session[] = { "/usr/local/share/dbus-1/services", "/usr/share/dbus-1/services" };
        static const char *const system[] = { "/usr/local/share/dbus-1/system-services",
                "/usr/share/dbus-1/system-services", "/lib/dbus-1/system-services" };
        bool is_system = strcmp(place->bus, "system") == 0;
        const char *const *directories = is_system ? system : session;
        const char *home = getenv("XDG_DATA_HOME");
        char path[PATH_MAX];

        if (!is_system && home &&
                snprintf(path, sizeof(path), "%s/dbus-1/services/%s.service", home, place->name) > 0 &&
                access(path, F_OK) >= 0)
                record_set_string(attributes, "service_file", path);
        for (size_t i = 0; i < (is_system ? 3 : 2) && !record_has(attributes, "service_file"); i++)
                if (snprintf(path, sizeof(path), "%s/%s.service", directories[i], place->name) > 0 &&
                        access(path, F_OK) >= 0)
                        record_set_string(attributes, "service_file", path);
}

int dbus_inspect(KernelObject *object, Record *attributes, Error *error) {
        CLEANUP_BUS sd_bus *bus = NULL;
        DbusState *state = object->state;
        const BusPlace *place = &state->place;
        char text[BUS_ADDRESS_MAX];
        bool activatable;
        BusOwner owner;
        int r;

        r = bus_join(place->bus, &bus, error);
        if (r < 0)
                return r;
        r = bus_owner(bus, place->name, &owner);
        if (r < 0)
                return error_set_errno(
                        error, r, "The owner of a name cannot be asked for on %.100s", bus_text(place->bus, text));
        activatable = bus_activatable(bus, place->name);
        if (r == 0 && !activatable)
                return error_set(error, ERROR_NO_SUCH_OBJECT, "Nobody has the name %.100s on %.100s.", place->name,
                        bus_text(place->bus, text));
        record_set_bool(attributes, "activatable", activatable);
        inspect_service_file(place, attributes);
        record_set_string(attributes, "state", r > 0 ? "owned" : "activatable");
        if (r == 0) {
                record_unset(attributes, "uid");
                record_unset(attributes, "gid");
                return record_error(attributes);
        }
        record_set_string(attributes, "unique", owner.unique);
        if (owner.pid > 0)
                record_set_u64(attributes, "pid", (uint64_t)owner.pid);
        if (owner.uid != (uid_t)-1)
                record_set_u64(attributes, "uid", owner.uid);
        if (owner.command[0])
                record_set_string(attributes, "command", owner.command);
        record_unset(attributes, "gid");
        add_pid(state, owner.pid);
        inspect_queue(bus, state, attributes);
        inspect_credentials(bus, owner.unique, attributes);
        inspect_statistics(bus, owner.unique, attributes);
        return record_error(attributes);
}

/* --- All names --- */

static int row_new(const char *bus, const char *name, const char *state, Record **ret) {
        CLEANUP(record_freep) Record *row = NULL;
        int r;

        r = record_new(&row);
        if (r < 0)
                return r;
        record_set_string(row, "kind", KIND);
        record_set_format(row, "address", KIND ":%s%s%s", name, strcmp(bus, "session") == 0 ? "" : "@",
                strcmp(bus, "session") == 0 ? "" : bus);
        record_set_string(row, "bus", bus);
        record_set_string(row, "state", state);
        *ret = TAKE_POINTER(row);
        return 0;
}

static int add_owners(Scan *scan, sd_bus *bus, const char *name, const BusOwner *owner, Record *row) {
        HolderKey keys[DBUS_OWNERS_MAX];
        DbusState state = { 0 };

        (void)snprintf(state.place.name, sizeof(state.place.name), "%s", name);
        add_pid(&state, owner->pid);
        inspect_queue(bus, &state, row);
        for (size_t i = 0; i < state.n_pids; i++)
                keys[i] = (HolderKey){ .type = HOLDER_PROCESS, .number = (uint64_t)state.pids[i] };
        return holders_append(scan->table, keys, state.n_pids, row);
}

static int owned_row(Scan *scan, sd_bus *bus, const char *bus_name, const char *name) {
        BusOwner owner;
        Record *row;
        int r;

        /* Gone since the list was made. */
        if (bus_owner(bus, name, &owner) <= 0)
                return 0;
        r = row_new(bus_name, name, "owned", &row);
        if (r < 0)
                return r;
        record_set_string(row, "unique", owner.unique);
        if (owner.uid != (uid_t)-1)
                record_set_u64(row, "uid", owner.uid);
        if (owner.pid > 0)
                record_set_u64(row, "pid", (uint64_t)owner.pid);
        if (owner.command[0])
                record_set_string(row, "command", owner.command);
        if (scan->table) {
                r = add_owners(scan, bus, name, &owner, row);
                if (r < 0) {
                        record_free(row);
                        return r;
                }
        }
        return scan->row(scan, row);
}

/* Unique names stand in the rows of the names that their connections have. */
static bool is_listed(const char *name) {
        return !bus_name_unique(name) && strcmp(name, BUS_DRIVER) != 0;
}

static int scan_owned(Scan *scan, sd_bus *bus, const char *bus_name, sd_bus_message *names) {
        const char *name;
        int r;

        r = sd_bus_message_enter_container(names, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read_basic(names, 's', &name)) > 0)
                if (is_listed(name))
                        r = owned_row(scan, bus, bus_name, name);
        return r;
}

static bool is_owned(sd_bus_message *names, const char *name) {
        const char *item;

        if (sd_bus_message_rewind(names, true) < 0 || sd_bus_message_enter_container(names, 'a', "s") < 0)
                return false;
        while (sd_bus_message_read_basic(names, 's', &item) > 0)
                if (strcmp(item, name) == 0)
                        return true;
        return false;
}

static int scan_activatable(Scan *scan, sd_bus *bus, const char *bus_name, sd_bus_message *names) {
        CLEANUP_BUS_MESSAGE sd_bus_message *reply = NULL;
        const char *name;
        int r;

        r = bus_driver_call(bus, "ListActivatableNames", &reply, NULL, NULL);
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read_basic(reply, 's', &name)) > 0) {
                Record *row;

                if (!is_listed(name) || is_owned(names, name))
                        continue;
                r = row_new(bus_name, name, "activatable", &row);
                if (r >= 0)
                        r = scan->row(scan, row);
        }
        return r;
}

static int scan_bus(Scan *scan, const char *bus_name, Error *error) {
        CLEANUP_BUS_MESSAGE sd_bus_message *names = NULL;
        CLEANUP_BUS sd_bus *bus = NULL;
        int r;

        r = bus_join(bus_name, &bus, error);
        if (r < 0)
                return r;
        r = bus_driver_call(bus, "ListNames", &names, NULL, NULL);
        if (r >= 0)
                r = scan_owned(scan, bus, bus_name, names);
        if (r >= 0)
                r = scan_activatable(scan, bus, bus_name, names);
        return r < 0 ? error_set_errno(error, r, "The names on the %.20s bus cannot be listed", bus_name) : 0;
}

/* A bus that is not here is worth a word only where there is no other. */
int dbus_scan(Scan *scan) {
        static const char *const buses[] = { "session", "system" };
        Error errors[2] = { { 0 }, { 0 } };
        bool any = false;
        int r = 0;

        for (size_t i = 0; i < 2; i++)
                any |= scan_bus(scan, buses[i], &errors[i]) >= 0;
        if (!any && errors[0].code == ERROR_NO_SUCH_OBJECT && errors[1].code == ERROR_NO_SUCH_OBJECT)
                return scan_reason(scan, KIND, "%.220s %.220s", errors[0].message, errors[1].message);
        for (size_t i = 0; r >= 0 && i < 2; i++)
                if (error_is_set(&errors[i]) && (!any || errors[i].code != ERROR_NO_SUCH_OBJECT))
                        r = scan_reason(scan, KIND, "%s", errors[i].message);
        return r;
}
