/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What service and worker say to each other: one SOCK_SEQPACKET socket, one Record a packet. The worker finds it as
 * descriptor WORKER_FD. The first packet is the request: "op", and what the operation needs. Every packet of the
 * worker has a "type"; the last is "end", and then the worker exits. Without an "end" the worker died.
 *
 *   op          request                                                     records besides "progress" and "end"
 *   test        kinds, claims (STRINGS), bound_usec, token, directory       environment, check, summary
 *   benchmark   kinds, modes, waits, placements (STRINGS), sizes, cpus,     environment, floor, result, summary
 *               peers (U64S), time (us), trials, token, directory
 *   list        filter (RECORDS, one)                                       row
 *   describe    address, holders (BOOL)                                     row
 *   explain     address, uid, gid, user (STRING)                            row
 *   watch       kinds, announced, addresses (STRINGS), interval (us),       ready, appeared, vanished, changed
 *               changes, holders (BOOL), serial (U64)
 *   await       operation, address, options (RECORDS, one or none)          -
 *   use         operation (a name of mechanism.c), address, timeout (us),   done
 *               options, arguments (RECORDS, one or none), takes_fds (BOOL),
 *               identity (of an object of the service's: nothing else will do)
 *               and beside it, in this order, what is said to be there:
 *               object (BOOL: a descriptor of it), data (BOOL: a memory file
 *               with the bytes to send), passed (U64: descriptors that go along)
 *   fetch       address, options (RECORDS, one or none)                     object
 *   create      kind, options                                               object
 *   keep        kind, options (RECORDS, one)                                ready, then the kind's own
 *
 *   object: address, and either "descriptor" (BOOL: one descriptor beside it, for from_fd()), or "opened" (BOOL) with
 *           the fields of handover.c and the object's descriptors beside it in "places", or nothing: open() does the
 * rest done: sent (U64), meta (RECORDS, one), and beside it, in this order: data (BOOL: a memory file with the bytes),
 *         descriptor (BOOL), passed (U64: descriptors that came along)
 *
 *         held (BOOL) and address: of a wait for what only a process can hold. Then the worker stays, until it hears a
 *         record with "op" "release", gives it back and ends, or is killed.
 *
 *   A watch ends only when it is killed. Another request of the same keys takes the place of the one before.
 *
 *   ready (of a watch): serial, reasons (RECORDS: kind, reason) of what cannot be looked at
 *
 *   appeared, vanished, changed: kind, address, asked (BOOL), details (RECORDS, one)
 *
 *   progress: progress (DOUBLE, 0 to 1), message (STRING)
 *   end: nothing, or "error" (a name of IPCBUS_ERRORS) and "message"
 *   check: kind, id, claim, source, result ("ok", "failed", "skipped"), evidence, relations (STRINGS), usec (U64)
 *   summary: ok, failed, skipped (U64)
 *   floor: name, value (DOUBLE), unit, and "size" where it has one
 *   result: kind, variant (STRING, of a kind that is measured in several ways), mode, burst (messages to one answer),
 *           size, wait, spin_us (of an adaptive one), placement, cpus (U64S: of side 0, then of each that stands
 *           opposite), trials; of fan-out and fan-in: peers, shared (BOOL: one object for all), fairness (DOUBLE: the
 *           slowest by the fastest), peer_messages_per_second (U64S); latency_ns.min … latency_ns.max,
 *           latency_ns.interval (U64S, two), latency_ns.curve (U64S: the i-th is exceeded by one in 10^(i/10)
 *           round trips), messages_per_second, bytes_per_second, cpu_ns_per_message,
 *           context_switches_per_message (DOUBLE), floor (STRING), floor_ns, ratio_to_floor (DOUBLE),
 *           disturbed (BOOL), disturbed_by (STRINGS, also of trials that were left out), trial_figures (RECORDS:
 *           ns (of a round trip or of a message), floors.NAME (ns, as probed beside it), disturbed, left_out); or
 * "skipped", and "failed" (BOOL) where it was tried
 */
#pragma once

enum { WORKER_FD = 3 };

#define WORKER_TYPE          "type"
#define WORKER_TYPE_END      "end"
#define WORKER_TYPE_PROGRESS "progress"
#define WORKER_TYPE_READY    "ready"
