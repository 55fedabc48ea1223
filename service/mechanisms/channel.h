/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records over a SOCK_SEQPACKET socket, one record a packet: what service and worker, judge and peer, and a keeper of
 * a kind say to each other. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "record.h"

/* The most descriptors beside one record: those of a message of the bus, and two more. */
enum { CHANNEL_FDS_MAX = 18 };

/* Two ends, close-on-exec. */
int channel_pair(int ret_fds[2]);
/* Waits for room. -EPIPE when nobody is there any more; never raises SIGPIPE. */
int channel_send(int fd, const Record *record);
/* Waits at most `timeout_usec` (USEC_INFINITY: for ever). -ETIMEDOUT, or -EPIPE when the other side is gone and all it
 * said was read. Descriptors that come beside the record are put in `fds` (at most `n_fds`, the rest are closed);
 * *n_fds becomes how many. Both may be NULL. */
int channel_receive_fds(int fd, uint64_t timeout_usec, Record **ret, int *fds, unsigned *n_fds);
int channel_send_fds(int fd, const Record *record, const int *fds, unsigned n_fds);
/* For the service, which waits for nobody: -EAGAIN where there is no room now. */
int channel_send_now(int fd, const Record *record, const int *fds, unsigned n_fds);
static inline int channel_receive(int fd, uint64_t timeout_usec, Record **ret) {
        return channel_receive_fds(fd, timeout_usec, ret, NULL, NULL);
}
