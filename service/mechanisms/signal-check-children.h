/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What peers of checks of signals do with children of their own. */
#pragma once

#include "peer-call.h"

/* A child that does not end before its parent; and waiting for it (waitpid(2)). */
int64_t signal_call_start_child(CheckPeer *peer, const PeerCall *call, PeerReply *reply);
int64_t signal_call_wait_child(CheckPeer *peer, const PeerCall *call, PeerReply *reply);
/* A child blocks SIGUSR1 and sends it to itself, ignores SIGUSR2, has a handler for SIGHUP, and executes a program.
 * What is then pending; x blocked, y ignored, z caught, each a set. */
int64_t signal_call_program(CheckPeer *peer, const PeerCall *call, PeerReply *reply);
/* In a child made by fork: x is `a` pending, y is it blocked, z has it a handler? */
int64_t signal_call_fork_pending(CheckPeer *peer, const PeerCall *call, PeerReply *reply);
/* A child that ends with status `a` at once: what waitpid(2) gave is 0 or negative errno, x the status; y the si_code
 * of a SIGCHLD that is blocked, z its si_status. */
int64_t signal_call_child(CheckPeer *peer, const PeerCall *call, PeerReply *reply);
/* `a` children end, then all are waited for: how many were there; x how many SIGCHLD, blocked, came. */
int64_t signal_call_children(CheckPeer *peer, const PeerCall *call, PeerReply *reply);
/* Writes into a pipe that nobody reads. */
int64_t signal_call_broken_pipe(CheckPeer *peer, const PeerCall *call, PeerReply *reply);
/* The same, with SIGPIPE as it is by default. */
int64_t signal_call_default_pipe(CheckPeer *peer, const PeerCall *call, PeerReply *reply);
/* A child in a new PID namespace, which gets SIGUSR1 from here: x its own pid there, y si_pid, z what kill(2) with 0
 * of `a`, a pid of out here, gives there. */
int64_t signal_call_pid_namespace(CheckPeer *peer, const PeerCall *call, PeerReply *reply);
/* In a new PID namespace, a child with the pid `a`, that has ended and been reaped, and then another with the same: x
 * that pid, or a negative errno where it could not be chosen; y what a pidfd of the first gives for SIGKILL, z the
 * signal, sent to the pid after it, that the second was killed by. */
int64_t signal_call_pid_twice(CheckPeer *peer, const PeerCall *call, PeerReply *reply);
