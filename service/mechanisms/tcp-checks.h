/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of TCP's claims share: a listening socket of the judge, and a peer that connects in its first slot.
 * The claims are in tcp-checks.c, those about making connections in tcp-checks-connect.c, those about what goes over
 * one in tcp-checks-bytes.c. */
#pragma once

#include "inet-checks.h"

/* A listening socket, and a peer with a socket that is not connected yet. */
bool tcp_begin(CheckRun *run, int backlog, Sock *server, CheckProcess **ret);
/* The peer connects; its connection, which does not wait. */
bool tcp_meet(CheckRun *run, const Sock *server, CheckProcess *peer, Sock *ret);

CheckResult tcp_check_connect_twice(CheckRun *run);
CheckResult tcp_check_self_connect(CheckRun *run);
CheckResult tcp_check_not_connected(CheckRun *run);
CheckResult tcp_check_accept_flags(CheckRun *run);
CheckResult tcp_check_client_gone(CheckRun *run);
CheckResult tcp_check_reuse_port(CheckRun *run);
CheckResult tcp_check_reuse_port_user(CheckRun *run);
CheckResult tcp_check_no_ports_left(CheckRun *run);
CheckResult tcp_check_somaxconn(CheckRun *run);
CheckResult tcp_check_dual_stack(CheckRun *run);

CheckResult tcp_check_linger(CheckRun *run);
CheckResult tcp_check_nagle(CheckRun *run);
CheckResult tcp_check_cork(CheckRun *run);
CheckResult tcp_check_keepalive(CheckRun *run);
CheckResult tcp_check_wait_all(CheckRun *run);
CheckResult tcp_check_rdhup(CheckRun *run);
CheckResult tcp_check_last_close(CheckRun *run);
CheckResult tcp_check_in_flight(CheckRun *run);
CheckResult tcp_check_half_open(CheckRun *run);
CheckResult tcp_check_low_water(CheckRun *run);
CheckResult tcp_check_edge(CheckRun *run);
