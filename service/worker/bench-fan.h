/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One to many and many to one: the sides of a trial with several peers. The hub is side 0, the peers are the sides
 * from 1 on. */
#pragma once

#include "bench-side.h"

int fan_out_hub(Side *side, Link *links, uint64_t until);
int fan_out_peer(Side *side);
int fan_in_hub(Side *side, Link *links, uint64_t until);
int fan_in_peer(Side *side);

/* Before the hub attaches to a link of its own for each peer: it sleeps on all of them, which only epoll(7) can. */
void fan_in_prepare(Link *link);
