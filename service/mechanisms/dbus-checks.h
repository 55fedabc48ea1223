/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The judge's side of the checks of dbus: a bus of the run, and peers that are connected to it. */
#pragma once

#include "checks.h"
#include "dbus-daemon.h"
#include "peer-call.h"

enum { MEETING_PEERS_MAX = 4 };

typedef struct Meeting {
        CheckRun *run;
        PrivateBus bus;
        CheckProcess *peers[MEETING_PEERS_MAX];
        char unique[MEETING_PEERS_MAX][64];
} Meeting;

/* False with a note; meeting_close() is to be called also then. */
bool meeting_open(CheckRun *run, unsigned peers, Meeting *ret);
CheckResult meeting_close(Meeting *meeting, CheckResult result);

/* A call of a peer, with its whole reply. */
#define tell(meeting, who, ret_reply, ...) \
        peer_call_full((meeting)->run, (meeting)->peers[who], &(const PeerCall){ __VA_ARGS__ }, ret_reply)
/* The same, for what has to work before the question can be asked. */
#define ready(meeting, who, ...) check_need((meeting)->run, "preparing a peer", tell(meeting, who, NULL, __VA_ARGS__))
#define begin(meeting, who, ...) \
        (peer_begin((meeting)->run, (meeting)->peers[who], &(const PeerCall){ __VA_ARGS__ }) >= 0)

/* dbus-checks-names.c */
CheckResult dbus_one_owner(CheckRun *run);
CheckResult dbus_queue(CheckRun *run);
CheckResult dbus_replacement(CheckRun *run);
CheckResult dbus_release(CheckRun *run);
CheckResult dbus_nobody(CheckRun *run);
CheckResult dbus_unique_names(CheckRun *run);
CheckResult dbus_credentials(CheckRun *run);
/* dbus-checks-messages.c */
CheckResult dbus_call_once(CheckRun *run);
CheckResult dbus_signal_match(CheckRun *run);
CheckResult dbus_types(CheckRun *run);
CheckResult dbus_descriptor(CheckRun *run);
CheckResult dbus_descriptor_limit(CheckRun *run);
CheckResult dbus_size_limit(CheckRun *run);
CheckResult dbus_callee_killed(CheckRun *run);
CheckResult dbus_call_timeout(CheckRun *run);
CheckResult dbus_direct_nameless(CheckRun *run);
int dbus_direct_nameless_role(CheckPeer *peer);
