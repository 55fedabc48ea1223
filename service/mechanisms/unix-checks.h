/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the checks of UNIX sockets share. A Socket owns a descriptor and the path that it is bound to. */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "checks.h"
#include "peer-call.h"

typedef struct Socket {
        int fd;
        char path[CHECK_PATH_MAX]; /* "": none */
} Socket;

#define SOCKET_EMPTY \
        { .fd = -EBADF }

void socket_done(Socket *socket);
/* Of that type (and flags), bound to path `n` of the run where n >= 0. A failure is noted. */
bool socket_make(CheckRun *run, int type, int n, Socket *ret);
/* The two ends of a socketpair(2): [0] for the judge, [1] for a peer. */
bool socket_pair_make(CheckRun *run, int type, Socket ends[2]);
/* A path, or an abstract name where it begins with '@'. Negative errno where it does not fit. */
int socket_address(const char *name, struct sockaddr_un *ret, socklen_t *ret_length);
/* connect(2) and bind(2) by name: 0 or negative errno. */
int64_t socket_connect(int fd, const char *name);
int64_t socket_bind(int fd, const char *name);
int64_t socket_send(int fd, size_t size);
/* Never waits. Gives what was received, at most 256 bytes. */
int64_t socket_receive(int fd);
/* With it comes a descriptor, the caller's. */
int64_t socket_receive_fd(int fd, int *ret_fd);
/* One byte, with a descriptor beside it. */
int64_t socket_send_fd(int sock, int fd);

/* A peer: beside what all can: socket a=slot b=type | bind a text | listen a b=backlog | connect a text | shutdown a
 * b=how | send a b=size | send-to a b=size text | send-fresh text | send-fd a b=number | credentials a: x pid, y uid,
 * z gid of SO_PEERCRED | autobind a: bytes of the name that it got, and text as socket_connect() takes it |
 * send-time-out a b=usec: SO_SNDTIMEO | fill a: why it sends no more bytes, x how many | timed-send a: x usec that it
 * took | urgent a b=byte: MSG_OOB */
int unix_check_role(CheckPeer *peer);

/* The type of the run's kind. */
int unix_check_type(const CheckRun *run);
/* The checks that all types have alike. */
CheckResult unix_check_permission(CheckRun *run);
CheckResult unix_check_descriptor(CheckRun *run);
CheckResult unix_check_stale(CheckRun *run);
CheckResult unix_check_abstract(CheckRun *run);
CheckResult unix_check_path_limit(CheckRun *run);
CheckResult unix_check_pair(CheckRun *run);
/* Those of messages: one that does not fit the send buffer, and one that does not fit the receiver's. What the peer
 * sends from PEER_SLOT comes to `fd`, which does not wait. */
CheckResult unix_check_too_long(CheckRun *run);
CheckResult unix_check_truncated(CheckRun *run, int fd, CheckProcess *peer);
/* Those that sockets with connections have alike, of the type that the run's kind stands for (unix-stream-checks.c).
 */
CheckResult unix_connection_credentials(CheckRun *run);
CheckResult unix_connection_half_closed(CheckRun *run);
CheckResult unix_connection_backlog(CheckRun *run);
CheckResult unix_connection_nobody_there(CheckRun *run);
/* A listening socket at a path, and a peer with a socket that is not connected yet, in slot PEER_SLOT; then they meet.
 */
bool unix_connection_begin(CheckRun *run, int backlog, Socket *server, CheckProcess **ret);
bool unix_connection_meet(CheckRun *run, const Socket *server, CheckProcess *peer, Socket *ret);

/* Of all types (unix-rights-checks.c). */
CheckResult unix_rights_truncated(CheckRun *run);
CheckResult unix_rights_exhausted(CheckRun *run);
CheckResult unix_rights_limit(CheckRun *run);
CheckResult unix_rights_in_flight(CheckRun *run);
CheckResult unix_rights_under_way(CheckRun *run);
CheckResult unix_credentials_forged(CheckRun *run);
CheckResult unix_autobind(CheckRun *run);
CheckResult unix_opened_as_file(CheckRun *run);
CheckResult unix_send_timeout(CheckRun *run);
int unix_pretend_role(CheckPeer *peer);
/* Of connections, and of streams. */
CheckResult unix_connection_hang_up(CheckRun *run);
CheckResult unix_connection_shared_end(CheckRun *run);
CheckResult unix_connection_client_gone(CheckRun *run);
CheckResult unix_connection_past_credentials(CheckRun *run);
CheckResult unix_stream_urgent(CheckRun *run);
