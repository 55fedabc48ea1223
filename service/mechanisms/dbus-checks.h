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
/* The bus with more in its configuration, and its socket in `directory` (NULL: that of the run). */
bool meeting_open_with(CheckRun *run, unsigned peers, const char *more, const char *directory, Meeting *ret);
CheckResult meeting_close(Meeting *meeting, CheckResult result);

/* A call of a peer, with its whole reply. */
#define tell(meeting, who, ret_reply, ...) \
        peer_call_full((meeting)->run, (meeting)->peers[who], &(const PeerCall){ __VA_ARGS__ }, ret_reply)
/* The same, for what has to work before the question can be asked. */
#define ready(meeting, who, ...) check_need((meeting)->run, "preparing a peer", tell(meeting, who, NULL, __VA_ARGS__))
#define begin(meeting, who, ...) \
        (peer_begin((meeting)->run, (meeting)->peers[who], &(const PeerCall){ __VA_ARGS__ }) >= 0)

/* A shared beginning of all errors of the bus. */
#define DBUS_ERROR(name) "org.freedesktop.DBus.Error." name

/* "NAME MEMBER" of a peer, for call, post and their like. */
const char *meeting_target(const Meeting *meeting, unsigned who, const char *member, char buffer[128]);

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
/* dbus-checks-answers.c */
CheckResult dbus_answers_order(CheckRun *run);
CheckResult dbus_caller_killed(CheckRun *run);
CheckResult dbus_interrupted(CheckRun *run);
CheckResult dbus_many_senders(CheckRun *run);
CheckResult dbus_bus_killed(CheckRun *run);
CheckResult dbus_match_removed(CheckRun *run);
CheckResult dbus_activation(CheckRun *run);
CheckResult dbus_monitor(CheckRun *run);
/* dbus-checks-access.c */
CheckResult dbus_forged(CheckRun *run);
CheckResult dbus_refused_user(CheckRun *run);
CheckResult dbus_other_user(CheckRun *run);
CheckResult dbus_other_net(CheckRun *run);
CheckResult dbus_other_ipc(CheckRun *run);
CheckResult dbus_policy(CheckRun *run);
/* dbus-checks-limits.c */
CheckResult dbus_connections_limit(CheckRun *run);
CheckResult dbus_names_limit(CheckRun *run);
CheckResult dbus_matches_limit(CheckRun *run);
CheckResult dbus_replies_limit(CheckRun *run);
CheckResult dbus_reply_timeout(CheckRun *run);
CheckResult dbus_slow_receiver(CheckRun *run);
CheckResult dbus_exhausted(CheckRun *run);
CheckResult dbus_exhausted_receiver(CheckRun *run);
