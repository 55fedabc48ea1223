/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What peers of memory kinds can be told beside making, mapping, reading and writing (memory-calls.h): looks at the
 * pages behind a mapping, and what signals, limits and a sudden end do to who uses it. */
#pragma once

#include <stdbool.h>

#include "peer-call.h"

/* Calls; offsets are into what the peer has mapped:
 *   frame a=offset: x frame of memory behind it, 0 where the kernel does not tell | share a=offset: x resident, y
 *   proportional bytes of its mapping | answer a=rounds: in a process that is killed for any system call but exit |
 *   half a=offset b=size c=byte: locks the mutex of the area (memory-model.h), writes half of it and never goes on |
 *   own-byte a=offset b=how often: x how often it was another than written | catch a=signal b=restart | caught: how
 *   often | futex-wait a=offset b=seen c=usec (0: for ever) | tight-map a=descriptor b=size: with no address space
 *   left | largest a=descriptor: x the largest size that ftruncate(2) takes | exhaust: opens until there are no
 *   descriptors left: x how many | relieve: closes them | mount b=bytes text=where: a file system of that size there,
 *   for this process alone | child a=offset b=byte: a child of fork(2) reads and then writes it: x what it read |
 *   umask a=mask | mode a=descriptor | seek a=descriptor b=where, or b=-1: where it is */
extern const PeerFunction memory_peer_calls[];

/* The frame of memory behind it, 0 where the kernel does not tell; negative errno. */
int memory_frame(volatile unsigned char *at, uint64_t *ret_frame);
/* Is this process in another namespace ("mnt", "ipc") than its judge? What changes a namespace asks that first: were
 * it the judge's after all, the whole machine would be changed. */
bool memory_apart(const char *name);
/* Leaves no address space to get, until it is given back the limit that it had. */
int memory_tighten(uint64_t *ret_before);
void memory_loosen(uint64_t before);
