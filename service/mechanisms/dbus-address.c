/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The grammar of names is that of the D-Bus Specification ("Valid Names"). A name holds neither '/' nor '@' and a path
 * no '@', so the parts of an address are found without quoting. Owns nothing. */
#include "dbus-address.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define KIND "dbus"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
#define DIGITS  "0123456789"

static bool all_of(const char *text, size_t length, const char *set) {
        return length > 0 && strspn(text, set) >= length;
}

/* Parts of `set`, with dots between them, at least two; a part begins with a digit only where `digits` allows it. */
static bool dotted_valid(const char *text, const char *set, bool digits) {
        size_t parts = 0;

        if (strlen(text) > BUS_NAME_MAX)
                return false;
        for (;;) {
                size_t length = strcspn(text, ".");

                if (!all_of(text, length, set) || (!digits && strchr(DIGITS, text[0])))
                        return false;
                parts++;
                if (text[length] == '\0')
                        return parts > 1;
                text += length + 1;
        }
}

bool bus_name_unique(const char *name) {
        return name[0] == ':';
}

bool bus_name_valid(const char *name) {
        return bus_name_unique(name) ? strlen(name) <= BUS_NAME_MAX && dotted_valid(name + 1, LETTERS DIGITS "-", true)
                                     : dotted_valid(name, LETTERS DIGITS "-", false);
}

bool bus_interface_valid(const char *interface) {
        return dotted_valid(interface, LETTERS DIGITS, false);
}

bool bus_member_valid(const char *member) {
        size_t length = strlen(member);

        return length <= BUS_NAME_MAX && all_of(member, length, LETTERS DIGITS) && !strchr(DIGITS, member[0]);
}

bool bus_path_valid(const char *path) {
        if (path[0] != '/')
                return false;
        if (path[1] == '\0')
                return true;
        while (*path == '/') {
                size_t length = strcspn(++path, "/");

                if (!all_of(path, length, LETTERS DIGITS))
                        return false;
                path += length;
        }
        return true;
}

static int copy_part(const char *text, size_t length, char *ret, size_t size) {
        if (length >= size)
                return -ENAMETOOLONG;
        memcpy(ret, text, length);
        ret[length] = '\0';
        return 0;
}

static int place_check(const BusPlace *place, Error *error) {
        if (!bus_name_valid(place->name))
                return error_set(error, ERROR_INVALID_ADDRESS,
                        "\"%.100s\" is no name on a bus; one looks like org.example.Name or, as the bus gives it, "
                        ":1.42.",
                        place->name);
        if (place->path[0] && !bus_path_valid(place->path))
                return error_set(error, ERROR_INVALID_ADDRESS,
                        "\"%.100s\" is no object path; one looks like /org/example/thing.", place->path);
        return 0;
}

/* The bus of the options, when the address says none or the same. */
static int place_set_bus(BusPlace *place, const Record *options, Error *error) {
        const char *bus = record_get_string(options, "bus", NULL);

        if (bus && place->bus[0] && strcmp(bus, place->bus) != 0)
                return error_set(error, ERROR_INVALID_OPTION,
                        "The address names the bus %.100s and the option bus names %.100s; say it once.", place->bus,
                        bus);
        if (bus && copy_part(bus, strlen(bus), place->bus, sizeof(place->bus)) < 0)
                return error_set(error, ERROR_INVALID_OPTION, "The address of a bus has at most %d bytes.",
                        BUS_ADDRESS_MAX - 1);
        if (!place->bus[0])
                (void)snprintf(place->bus, sizeof(place->bus), "session");
        return 0;
}

int bus_place_make(const char *name, const Record *options, BusPlace *ret, Error *error) {
        BusPlace place = { "" };
        int r;

        if (copy_part(name, strlen(name), place.name, sizeof(place.name)) < 0)
                return error_set(error, ERROR_INVALID_OPTION, "A name on a bus has at most %d bytes.", BUS_NAME_MAX);
        r = place_check(&place, error);
        if (r >= 0)
                r = place_set_bus(&place, options, error);
        if (r >= 0)
                *ret = place;
        return r;
}

int bus_place_parse(const Address *address, const Record *options, BusPlace *ret, Error *error) {
        const char *text = address->text, *at = strchr(text, '@');
        size_t name = strcspn(text, "/@"), path = strcspn(text + name, "@");
        BusPlace place = { "" };
        int r;

        r = copy_part(text, name, place.name, sizeof(place.name));
        if (r >= 0)
                r = copy_part(text + name, path, place.path, sizeof(place.path));
        if (r >= 0 && at)
                r = copy_part(at + 1, strlen(at + 1), place.bus, sizeof(place.bus));
        if (r < 0)
                return error_set(error, ERROR_INVALID_ADDRESS,
                        "The address is too long: a name has at most %d bytes, a path and a bus %d each.",
                        BUS_NAME_MAX, BUS_ADDRESS_MAX - 1);
        if (at && !place.bus[0])
                return error_set(error, ERROR_INVALID_ADDRESS,
                        "Behind the @ stands the bus: session, system or an address as unix:path=/run/bus.");
        r = place_check(&place, error);
        if (r >= 0)
                r = place_set_bus(&place, options, error);
        if (r >= 0)
                *ret = place;
        return r;
}

int bus_place_address(const BusPlace *place, Address *ret, Error *error) {
        char text[sizeof(BusPlace) + 1];
        bool is_default = strcmp(place->bus, "session") == 0;
        int n, r;

        n = snprintf(text, sizeof(text), "%s%s%s%s", place->name, place->path, is_default ? "" : "@",
                is_default ? "" : place->bus);
        r = address_set_bytes(ret, KIND, ADDRESS_NAME, text, (size_t)n);
        return r < 0 ? error_set_errno(error, r, "The address of %.100s cannot be kept", place->name) : 0;
}

const char *bus_text(const char *bus, char buffer[BUS_ADDRESS_MAX]) {
        bool named = strcmp(bus, "session") == 0 || strcmp(bus, "system") == 0;

        (void)snprintf(buffer, BUS_ADDRESS_MAX, named ? "the %.*s bus" : "the bus at %.*s", BUS_ADDRESS_MAX - 16, bus);
        return buffer;
}

/* Each of the alternatives, which are separated by semicolons. */
static bool only_sockets(const char *address) {
        while (address) {
                if (strncmp(address, "unix:", 5) != 0 && strncmp(address, "tcp:", 4) != 0)
                        return false;
                address = strchr(address, ';');
                address = address && address[1] ? address + 1 : NULL;
        }
        return true;
}

static int resolve_session(char ret_address[BUS_ADDRESS_MAX], Error *error) {
        const char *address = getenv("DBUS_SESSION_BUS_ADDRESS"), *directory = getenv("XDG_RUNTIME_DIR");
        char path[BUS_ADDRESS_MAX];
        struct stat st;

        if (address && address[0])
                return copy_part(address, strlen(address), ret_address, BUS_ADDRESS_MAX);
        if (!directory || !directory[0])
                return error_set(error, ERROR_NO_SUCH_OBJECT,
                        "There is no session bus here: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set. "
                        "dbus-run-session starts one; @system or @ADDRESS names another bus.");
        if (snprintf(path, sizeof(path), "%s/bus", directory) >= (int)sizeof(path) - 16 || stat(path, &st) < 0)
                return error_set(error, ERROR_NO_SUCH_OBJECT,
                        "There is no session bus here: DBUS_SESSION_BUS_ADDRESS is not set and there is no socket "
                        "%.200s/bus. dbus-run-session starts one; @system or @ADDRESS names another bus.",
                        directory);
        (void)snprintf(ret_address, BUS_ADDRESS_MAX, "unix:path=%.*s", BUS_ADDRESS_MAX - 16, path);
        return 0;
}

static int resolve_system(char ret_address[BUS_ADDRESS_MAX], Error *error) {
        const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
        static const char *const paths[] = { "/run/dbus/system_bus_socket", "/var/run/dbus/system_bus_socket" };
        struct stat st;

        if (address && address[0])
                return copy_part(address, strlen(address), ret_address, BUS_ADDRESS_MAX);
        for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
                if (stat(paths[i], &st) >= 0) {
                        (void)snprintf(ret_address, BUS_ADDRESS_MAX, "unix:path=%s", paths[i]);
                        return 0;
                }
        return error_set(error, ERROR_NO_SUCH_OBJECT,
                "There is no system bus here: no socket %s, and DBUS_SYSTEM_BUS_ADDRESS is not set.", paths[0]);
}

int bus_resolve(const char *bus, char ret_address[BUS_ADDRESS_MAX], Error *error) {
        char address[BUS_ADDRESS_MAX];
        int r;

        if (strcmp(bus, "session") == 0)
                r = resolve_session(address, error);
        else if (strcmp(bus, "system") == 0)
                r = resolve_system(address, error);
        else
                r = copy_part(bus, strlen(bus), address, sizeof(address));
        if (r == -ENAMETOOLONG)
                return error_set(error, ERROR_INVALID_ADDRESS, "The address of the %.20s bus is longer than %d bytes.",
                        bus, BUS_ADDRESS_MAX - 1);
        if (r < 0)
                return r;
        if (!only_sockets(address))
                return error_set(error, ERROR_INVALID_ADDRESS,
                        "\"%.200s\" is no bus that is connected to here; say session, system, or an address of a "
                        "socket, as unix:path=/run/bus or tcp:host=::1,port=1234.",
                        address);
        (void)copy_part(address, strlen(address), ret_address, BUS_ADDRESS_MAX);
        return 0;
}
