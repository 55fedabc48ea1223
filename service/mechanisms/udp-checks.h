/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The claims of UDP that are not in udp-checks.c: errors that come back, peers and addresses (udp-checks-ways.c). */
#pragma once

#include "inet-checks.h"

CheckResult udp_check_error_queue(CheckRun *run);
CheckResult udp_check_error_once(CheckRun *run);
CheckResult udp_check_port_zero(CheckRun *run);
CheckResult udp_check_reconnect(CheckRun *run);
CheckResult udp_check_broadcast(CheckRun *run);
CheckResult udp_check_multicast(CheckRun *run);
CheckResult udp_check_cork(CheckRun *run);
CheckResult udp_check_reuse_port(CheckRun *run);
CheckResult udp_check_checksum(CheckRun *run);
CheckResult udp_check_dual_stack(CheckRun *run);
