/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a name on a bus can or cannot be called: is there a bus, does it let the user in, has somebody the name. Only
 * the bus itself is asked, and nothing is started. Owns nothing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dbus-bus.h"
#include "dbus.h"
#include "explain.h"

static int try_bus(void *userdata, Error *error) {
        const BusPlace *place = userdata;
        CLEANUP_BUS sd_bus *bus = NULL;

        return bus_join(place->bus, &bus, error);
}

/* As ourselves where we are let in: what the bus tells is the same for all that it lets in. */
static void explain_owner(const BusPlace *place, Explanation *explanation) {
        CLEANUP_BUS sd_bus *bus = NULL;
        char text[BUS_ADDRESS_MAX], who[128];
        Error error = {};
        BusOwner owner;
        int r;

        r = bus_join(place->bus, &bus, &error);
        if (r < 0) {
                explain_unknown(explanation, "owner of", place->name, "%s", error.message);
                return;
        }
        r = bus_owner(bus, place->name, &owner);
        bus_text(place->bus, text);
        if (r > 0)
                explain_ok(explanation, "owner of", place->name, "The name is had%s.", bus_owner_text(&owner, who));
        else if (r < 0)
                explain_unknown(explanation, "owner of", place->name, "The bus does not tell who has the name: %s.",
                        strerror(-r));
        else if (bus_activatable(bus, place->name))
                explain_ok(explanation, "owner of", place->name,
                        "Nobody has the name now, and %.200s would start a program for it when it is called.", text);
        else {
                explain_missing(explanation, ENOENT, "owner of", place->name, "Nobody has the name %s on %.200s.",
                        place->name, text);
                explain_making(explanation);
                explain_unknown(explanation, "policy for", place->name,
                        "Whether the policy of the bus lets this user have the name is told only when it is asked "
                        "for.");
                explain_use(explanation, NULL);
        }
}

int dbus_explain(const Address *address, Explanation *explanation) {
        char text[BUS_ADDRESS_MAX], resolved[BUS_ADDRESS_MAX];
        BusPlace place;
        Error error = {};
        int r;

        r = bus_place_parse(address, NULL, &place, &error);
        if (r >= 0)
                r = bus_resolve(place.bus, resolved, &error);
        if (r < 0) {
                explain_blocked(explanation, -r, NULL, "find", "the bus", "%s", error.message);
                return 0;
        }
        explain_descriptor(explanation);
        bus_text(place.bus, text);
        explain_ok(explanation, "find", "the bus", "%.200s is at %.300s.", text, resolved);
        explain_use(explanation, "call");
        r = explain_try(explanation, text, try_bus, &place);
        explain_use(explanation, NULL);
        if (r >= 0 || r == -ECANCELED || !explanation->user.ourselves)
                explain_owner(&place, explanation);
        explain_ok(explanation, "policy of", "the bus",
                "The bus may still refuse a call to this name by its policy (dbus-daemon(1)), and then answers "
                "AccessDenied; that shows when it is made.");
        return 0;
}
