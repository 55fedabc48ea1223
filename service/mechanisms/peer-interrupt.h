/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A call of a peer that waits, and a signal in the middle of it: does it give EINTR, or does it go on? signal(7) lists
 * both; a check shows it by what the peer does. */
#pragma once

#include "peer-call.h"

/* In the judge. The peer begins the call, is seen asleep in it, and gets SIGUSR1, whose handler it has set up with
 * these flags: the call has to end with EINTR, and the handler to have run. */
bool peer_interrupted(CheckRun *run, CheckProcess *peer, const PeerCall *call, int flags, const char *what);
/* The same, but it has to sleep again; the call is left waiting, for the check to end. */
bool peer_goes_on(CheckRun *run, CheckProcess *peer, const PeerCall *call, int flags, const char *what);
/* That call ended with 0, and the handler ran in it. */
bool peer_ended_after_signal(CheckRun *run, CheckProcess *peer, const char *what);
/* It is stopped and continued in the middle of the call, and has no handler at all: EINTR, or it sleeps again. */
bool peer_stopped_interrupted(CheckRun *run, CheckProcess *peer, const PeerCall *call, const char *what);
bool peer_stopped_goes_on(CheckRun *run, CheckProcess *peer, const PeerCall *call, const char *what);
