/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One message, or some bytes of a stream, through a UNIX socket, with what the kernel carries beside it: who sent it
 * and open descriptors (unix(7)). Never waits, never raises SIGPIPE, and leaves the flags of the socket alone, which
 * may be another process's as well. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "passed-fds.h"
#include "record.h"

/* 1: something came; 0: the end, for sockets with connections; -EAGAIN or another errno. For types with boundaries
 * `size` is the most to take of the message (SIZE_MAX: all of it). `meta` gets pid, uid, gid where SO_PASSCRED is on,
 * from (the sender's address, of datagrams), truncated and length, and of descriptors: fds (what they are), fds_lost,
 * descriptors_cut. The descriptors go to `wanted`, or are closed. */
int unix_message_receive(
        int fd, int type, bool peek, size_t size, void **ret_data, size_t *ret_size, Record *meta, PassedFds *wanted);
/* The length of the next message; -EAGAIN. */
int unix_message_next(int fd, size_t *ret_size);
/* Is there something to be received, be it an empty message of a connection that has ended? */
bool unix_message_waits(int fd, int type);

/* `given` may be NULL. -EMSGSIZE: longer than the send buffer takes; `grow` tries to make that larger first, for what
 * is ours alone. *ret_sent may be short for a stream. */
int unix_message_send(
        int fd, int type, const void *data, size_t size, const PassedFds *given, bool grow, size_t *ret_sent);
