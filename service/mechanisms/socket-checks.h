/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks of what all sockets promise alike, whatever their family: the run's kind says which they are made of. Their
 * peers are unix_check_role and inet_check_role. */
#pragma once

#include "checks.h"
#include "peer-call.h"

/* Calls that both roles have beside their own: take a b=slot: accept(2) | burst a b=how many c=byte: so many sends of
 * SOCKET_BURST_SIZE bytes | time-out a b=usec: SO_RCVTIMEO | receive-buffer a b=size: SO_RCVBUF | timed-receive a:
 * x usec that it took | hand-over a b=number c=how many times: over the UNIX socket a | receive-fds a b=how many have
 * room: x how many came, y whether MSG_CTRUNC was told, z how many more are open then */
enum { SOCKET_BURST_SIZE = 100 };
/* The role: what `own` has, then those. */
int socket_serve(CheckPeer *peer, const PeerFunction *own);

CheckResult socket_check_peek(CheckRun *run);
CheckResult socket_check_receive_timeout(CheckRun *run);
CheckResult socket_check_timeout_interrupted(CheckRun *run);
CheckResult socket_check_waiter_killed(CheckRun *run);
CheckResult socket_check_many_writers(CheckRun *run);
CheckResult socket_check_creator_gone(CheckRun *run);
CheckResult socket_check_handed_over(CheckRun *run);
CheckResult socket_check_buffer_limit(CheckRun *run);
CheckResult socket_check_namespace(CheckRun *run); /* ports and abstract names */
/* Of sockets that listen. */
CheckResult socket_check_accept_exhausted(CheckRun *run);
CheckResult socket_check_accept_killed(CheckRun *run);
