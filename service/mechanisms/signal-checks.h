/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the checks of signals share. */
#pragma once

#include <signal.h>

#include "checks.h"
#include "peer-call.h"

enum { SIGNAL_PATIENCE_MSEC = CHECK_PATIENCE_USEC / 1000 / 2 };

/* first to last, without those that the C library keeps for itself. 0 or negative errno. */
int signal_check_set(int first, int last, sigset_t *ret);

/* Beside what all peers can: block a=first b=last | unblock a b | is-blocked a | is-pending a | take a b c=msec: takes
 * one of a to b: x the code, y the value, z the sender, text its user | sigwait a | suspend a: sigsuspend with all but
 * a blocked | pause | kill a=pid b=signal | forge a=pid b=signal c=code text=pid to pretend | signalfd a: reads one: x
 * the code, z the sender | signalfd-of a=descriptor: the same from one that it was given | signalfd-waits a: waits for
 * it | group a=pgid | session | catch a=signal b=flags c=signal to block meanwhile: notes what comes | seen a=index:
 * the signal; x code, y value, z sender | within a=signal b=flags c=signal to block meanwhile text=signal to raise
 * inside: x how deep the handlers got, y how often they ran | and those of signal-check-children.h */
int signal_check_role(CheckPeer *peer);

/* A peer that has the signals from `first` to `last` blocked. */
bool signal_check_begin(CheckRun *run, int first, int last, CheckProcess **ret);
int64_t signal_check_queue(CheckRun *run, const CheckProcess *peer, int signal, int value);
int64_t signal_check_take(CheckRun *run, CheckProcess *peer, int first, int last, int msec);
/* It ends, killed by that signal. */
bool signal_check_killed_by(CheckRun *run, CheckProcess *peer, int signal);

/* All with signal_check_role. signal-handler-checks.c: what is delivered when, and handlers. */
CheckResult signal_standard_first(CheckRun *run);
CheckResult signal_standard_value(CheckRun *run);
CheckResult signal_handler_told(CheckRun *run);
CheckResult signal_handlers_nest(CheckRun *run);
CheckResult signal_not_within_itself(CheckRun *run);
CheckResult signal_handler_once(CheckRun *run);
CheckResult signal_suspend(CheckRun *run);
CheckResult signal_no_wait(CheckRun *run);
CheckResult signal_calls_interrupted(CheckRun *run);
CheckResult signal_calls_stopped(CheckRun *run);
/* signal-process-checks.c: what signals do to processes and their children. */
CheckResult signal_number_zero(CheckRun *run);
CheckResult signal_group(CheckRun *run);
CheckResult signal_continue_always(CheckRun *run);
CheckResult signal_continue_discards(CheckRun *run);
CheckResult signal_stopped_waits(CheckRun *run);
CheckResult signal_program(CheckRun *run);
CheckResult signal_fork(CheckRun *run);
CheckResult signal_child_ended(CheckRun *run);
CheckResult signal_children_merge(CheckRun *run);
CheckResult signal_child_ignored(CheckRun *run);
CheckResult signal_real_time_kills(CheckRun *run);
CheckResult signal_broken_pipe(CheckRun *run);
CheckResult signal_receiver_killed(CheckRun *run);
/* signal-sender-checks.c: who may send, and what the receiver is told. */
/* 0, or -EAGAIN where RLIMIT_SIGPENDING lets nothing be queued. */
int signal_check_room(void);
CheckResult signal_forged(CheckRun *run);
CheckResult signal_descriptor_passed(CheckRun *run);
CheckResult signal_same_user(CheckRun *run);
CheckResult signal_continue_others(CheckRun *run);
CheckResult signal_no_descriptors(CheckRun *run);
CheckResult signal_pid_namespace(CheckRun *run);
CheckResult signal_pid_twice(CheckRun *run);
