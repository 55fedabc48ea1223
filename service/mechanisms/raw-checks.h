/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the claims of raw sockets share. All raw sockets of a protocol share it, so each check has
 * addresses of 127.0.0.0/8 of its own. The claims are in raw-checks.c, those about headers, filters and rights in
 * raw-checks-header.c. */
#pragma once

#include "inet-checks.h"

enum { RAW_HEADER = 20 }; /* of IPv4 without options */

/* Bound to an address of the check's own, n below 4. */
bool raw_make(CheckRun *run, int protocol, unsigned n, Sock *ret);
/* The same of the protocol of tests, and a peer with a socket of that protocol in its first slot. */
bool raw_begin(CheckRun *run, Sock *here, CheckProcess **ret);
/* The next packet to this socket's address, waited for. The size with the header. */
int64_t raw_await(const Sock *here, void *packet, size_t size);
int64_t raw_size(const Sock *here);
/* As IP has it. */
uint16_t raw_checksum(const void *data, size_t size);

CheckResult raw_check_header_included(CheckRun *run);
CheckResult raw_check_header_fields(CheckRun *run);
CheckResult raw_check_only_sends(CheckRun *run);
CheckResult raw_check_copy_of_others(CheckRun *run);
CheckResult raw_check_icmp_filter(CheckRun *run);
CheckResult raw_check_filter(CheckRun *run);
CheckResult raw_check_no_protocol(CheckRun *run);
CheckResult raw_check_own_namespace(CheckRun *run);
CheckResult raw_check_ping(CheckRun *run);
