/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which CPUs there are for us, how two of them lie to each other, and what else of the machine decides a measured
 * figure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "record.h"

typedef enum PlacementType {
        PLACEMENT_SAME_CPU,
        PLACEMENT_OTHER_CPU,       /* of the same node, another core */
        PLACEMENT_OTHER_CPU_AWAKE, /* the same, and something else keeps both from going idle */
        PLACEMENT_SMT_SIBLING,     /* the other hardware thread of the same core */
        PLACEMENT_OTHER_NODE,
        PLACEMENT_TYPE_MAX,
        PLACEMENT_TYPE_INVALID = -1,
} PlacementType;

typedef struct Placement {
        PlacementType type;
        unsigned cpus[2];    /* of side 0 and side 1 */
        const char *missing; /* why there is none here; NULL: there is */
} Placement;

const char *placement_name(PlacementType type);
PlacementType placement_from_name(const char *name);

/* What is measured unless the caller says otherwise: both sides on one CPU, and, where there are two, on two. Returns
 * how many were filled in, or negative errno. */
int placement_defaults(Placement ret[2]);
/* The first CPUs that lie so to each other, of those that this process may use; where there are none, with what the
 * machine lacks in `missing`. Negative errno where the CPUs cannot be told. */
int placement_find(PlacementType type, Placement *ret);
/* These two CPUs as that placement, with the reason in `missing` where they are none. */
Placement placement_as(const Placement *placement, PlacementType type);
/* The CPU of the nth of several processes that stand opposite to side 0: they take turns on those that lie to its CPU
 * as the placement says. */
unsigned placement_peer_cpu(const Placement *placement, unsigned nth);
/* InvalidOption where one of the CPUs is not for us, naming those that are. */
int placement_of(unsigned a, unsigned b, Placement *ret, Error *error);

/* The calling process runs on that CPU alone from now on. */
int cpu_pin(unsigned cpu);

/* Adds to what environment_describe() says: cpus_online, virtual_machine, smt, clock, governor. What cannot be read is
 * left out. */
void machine_describe(Record *record);

/* Ticks (of sysconf(_SC_CLK_TCK)) that the host gave to others while this CPU wanted to run; 0 where it does not say.
 */
unsigned long long cpu_steal_ticks(unsigned cpu);
/* What the CPU's clock runs at now, in kHz; 0 where the machine does not say. */
uint64_t cpu_clock_khz(unsigned cpu);
