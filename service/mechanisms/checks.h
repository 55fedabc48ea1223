/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The checks of the kinds, and what they share: generic checks over a transport, and looks at a process from outside.
 * Times are used in one way only: nothing may happen too early, and what must happen may take CHECK_PATIENCE_USEC. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check.h"
#include "mechanism.h"

extern const Check shm_sysv_checks[];
extern const CheckGap shm_sysv_gaps[];
extern const Check shm_posix_checks[];
extern const CheckGap shm_posix_gaps[];
extern const Check memfd_checks[];
extern const CheckGap memfd_gaps[];
extern const Check mmap_checks[];
extern const CheckGap mmap_gaps[];
extern const Check ring_checks[];
extern const CheckGap ring_gaps[];
extern const Check signal_checks[];
extern const CheckGap signal_gaps[];
extern const Check sem_sysv_checks[];
extern const CheckGap sem_sysv_gaps[];
extern const Check sem_posix_checks[];
extern const CheckGap sem_posix_gaps[];
extern const Check eventfd_checks[];
extern const CheckGap eventfd_gaps[];
extern const Check mutex_checks[];
extern const CheckGap mutex_gaps[];
extern const Check pipe_checks[];
extern const CheckGap pipe_gaps[];
extern const Check fifo_checks[];
extern const CheckGap fifo_gaps[];
extern const Check mq_posix_checks[];
extern const CheckGap mq_posix_gaps[];
extern const Check mq_sysv_checks[];
extern const CheckGap mq_sysv_gaps[];
extern const Check unix_stream_checks[];
extern const CheckGap unix_stream_gaps[];
extern const Check unix_dgram_checks[];
extern const CheckGap unix_dgram_gaps[];
extern const Check unix_seqpacket_checks[];
extern const CheckGap unix_seqpacket_gaps[];
extern const Check dbus_checks[];
extern const CheckGap dbus_gaps[];
extern const Check tcp_checks[];
extern const CheckGap tcp_gaps[];
extern const Check udp_checks[];
extern const CheckGap udp_gaps[];
extern const Check raw_checks[];
extern const CheckGap raw_gaps[];

#define CHECK_BOTH (CHECK_FORKED | CHECK_EXECUTED)

enum {
        CHECK_PATIENCE_USEC = 8 * 1000 * 1000, /* under the engine's bound, so that evidence still says what it was */
        CHECK_TIMEOUT_USEC = 40 * 1000,        /* of calls that have to time out */
        CHECK_NOBODY = 65534,
        CHECK_PATH_MAX = 256,
};

/* --- Tools (checks-tools.c) --- */

/* "EAGAIN" for 11 and -11, "no error" for 0. */
const char *check_errno(int64_t number);
/* "ok" for a result that is no error, else its errno's name: for evidence. */
const char *check_outcome(int64_t result);
/* Is it what the claim says? If not, notes "<what>: <got>, not <want>". For results: numbers from 0, negative errno.
 */
bool check_expect(CheckRun *run, const char *what, int64_t got, int64_t want);
/* Something that the check needs before it can ask its question. False for a negative errno, which is noted; where it
 * says that a limit or a right stands in the way (EMFILE, ENOSPC, EPERM …), the check counts as skipped, not failed.
 */
bool check_need(CheckRun *run, const char *what, int64_t result);
/* The same, with a sentence that says all. */
bool check_need_said(CheckRun *run, const char *sentence, int64_t result);
/* Waits until the process sleeps in one and the same system call for as long as two looks at it, and says in which
 * ("asleep in read"). -EALREADY when it said something instead (its call did not block), -EPIPE when it died,
 * -ETIMEDOUT when it keeps running. */
int check_await_sleep(CheckRun *run, CheckProcess *process, char *text, size_t size);
/* Waits until the process is in that state ('T', 'Z' …). */
int check_await_state(CheckRun *run, CheckProcess *process, char state);
/* The same, noted: "<who>: asleep in read", or why not. */
bool check_sleeps(CheckRun *run, CheckProcess *process, const char *who);
/* SIGKILL, and reaps. */
int check_murder(CheckRun *run, CheckProcess *process);
/* A path in the directory of the run: "<directory>/ipcbus-<token>-<n>"; -ENAMETOOLONG. */
int check_path(const CheckRun *run, unsigned n, char ret_path[CHECK_PATH_MAX]);
/* Can a peer become another user? */
bool check_can_be_nobody(void);
/* Makes it that; the peer serves calls (peer-call.h). */
bool check_become_nobody(CheckRun *run, CheckProcess *process);
/* A folder in the directory that the user nobody may enter once it stands in it, for sockets and FIFOs of permission
 * checks; remove it with rmdir(2). */
int check_public_folder(const CheckRun *run, char ret_path[CHECK_PATH_MAX]);
/* Has that asked with such a folder, which is then removed; skipped where no peer can be another user. */
CheckResult check_in_public_folder(CheckRun *run, CheckResult (*ask)(CheckRun *run, const char *folder));

/* --- Checks over a transport, with their roles (checks-transport.c, checks-waiting.c, checks-ends.c,
 * checks-interrupted.c, checks-several.c, checks-places.c) --- */

/* All that is sent arrives, once, in order, unchanged. */
CheckResult transport_order(CheckRun *run);
int transport_order_role(CheckPeer *peer);
/* One send is one receive (facts.boundaries), or two sends are received at once. */
CheckResult transport_boundaries(CheckRun *run);
int transport_boundaries_role(CheckPeer *peer);
/* Both sides send before either receives. */
CheckResult transport_duplex(CheckRun *run);
int transport_duplex_role(CheckPeer *peer);
/* The largest message arrives whole; one byte more is refused with EMSGSIZE. */
CheckResult transport_maximum(CheckRun *run);
int transport_maximum_role(CheckPeer *peer);

/* A receiver sleeps until there is a message. */
CheckResult transport_receive_blocks(CheckRun *run);
int transport_receive_blocks_role(CheckPeer *peer);
/* A sender sleeps when it is full, until something is taken; nothing is lost. */
CheckResult transport_send_blocks(CheckRun *run);
int transport_send_blocks_role(CheckPeer *peer);
/* Without waiting: EAGAIN when empty; when full EAGAIN after as many as the depth says, and room again after a
 * receive. */
CheckResult transport_nonblocking(CheckRun *run);
int transport_nonblocking_role(CheckPeer *peer);
/* Waiting with a time-out gives up, never early; and ends at once when there is a message. */
CheckResult transport_timeout(CheckRun *run);
int transport_timeout_role(CheckPeer *peer);

/* A sender is killed with SIGKILL: what it sent is received. Then a stream ends ("end"), and what has no connection is
 * only empty ("empty"). */
CheckResult transport_sender_killed_end(CheckRun *run);
CheckResult transport_sender_killed_empty(CheckRun *run);
int transport_sender_killed_role(CheckPeer *peer);
/* A receiver is killed: sending gives EPIPE. */
CheckResult transport_receiver_killed(CheckRun *run);
int transport_receiver_killed_role(CheckPeer *peer);
/* A sender is killed in the middle of what it sends, while there is no room: what it had sent comes whole, and of a
 * stream a beginning of the rest, nothing else. For kinds where a sender waits for room.
 * Finds: one lost, twice or changed among those sent before (DROP, DUPLICATE, CORRUPT), a sender that does not wait
 * (NO_WAIT_SEND), bytes that come from nowhere after the death. */
CheckResult transport_writer_killed_within(CheckRun *run);
int transport_writer_killed_within_role(CheckPeer *peer);

/* A signal's handler runs while a receiver waits: by signal(7) the call gives EINTR, and goes on by itself with
 * SA_RESTART ("restarts"), or gives EINTR in any case ("always"), or never ("never": pthread_mutex_lock(3)). What is
 * sent after it is received, by the same call or the next.
 * Finds: a receiver that goes on where it must not, or ends where it must go on (each of the three checks over a kind
 * of another), one that loses a message after EINTR, one that does not wait (NO_WAIT) or not asleep (SPIN). */
CheckResult transport_interrupted_restarts(CheckRun *run);
CheckResult transport_interrupted_always(CheckRun *run);
CheckResult transport_interrupted_never(CheckRun *run);
int transport_interrupted_role(CheckPeer *peer);
/* A receiver that waits is stopped and continued: it goes on by itself, or gives EINTR though there is no handler, as
 * signal(7) lists it for a few calls (semop(2), sigwaitinfo(2), epoll_wait(2)). With transport_interrupted_role.
 * Finds: DROP, CORRUPT, HOLD, NO_WAIT; each of the two checks over a kind of the other. */
CheckResult transport_stopped_goes_on(CheckRun *run);
CheckResult transport_stopped_ends(CheckRun *run);

/* The only receiver that waits is killed, then the first of two: what is sent then goes whole to the next; nothing is
 * taken along. For kinds where several processes can attach to one side (no connections).
 * Finds: a message lost, twice or changed after a death (DROP, DUPLICATE, CORRUPT), receivers that do not wait
 * (NO_WAIT), emptiness that looks like the end (END). */
CheckResult transport_waiter_killed(CheckRun *run);
int transport_waiter_killed_role(CheckPeer *peer);
/* Several senders at once on one side: all messages come once, each sender's in order, none mixed with another's. For
 * kinds where several processes can attach to one side. Of a stream, each write has 512 bytes: no more than PIPE_BUF.
 * Finds: DROP, SWAP, DUPLICATE, CORRUPT, SPLIT, HOLD. */
CheckResult transport_many_writers(CheckRun *run);
int transport_many_writers_role(CheckPeer *peer);

/* A peer of the user nobody, in another IPC or network namespace, attaches, receives and sends. What the link names
 * has mode 0666 for the other user (Link.mode), and stands in the public folder where names are paths.
 * One goes there, then one comes back: what is held back makes it hang.
 * Finds: DROP, SWAP, HOLD, CORRUPT, ONE_WAY; names that others cannot open. */
CheckResult transport_other_user(CheckRun *run);
CheckResult transport_other_ipc(CheckRun *run);
CheckResult transport_other_net(CheckRun *run);
int transport_place_role(CheckPeer *peer);
/* A peer without a descriptor left gets EMFILE for opening another (or opens it, where the kind takes none); what is
 * open goes on, and nothing that was sent is lost.
 * Finds: DROP, CORRUPT, SWAP; each of the two checks over a kind of the other. */
CheckResult transport_exhausted(CheckRun *run);
CheckResult transport_exhausted_takes_none(CheckRun *run);
int transport_exhausted_role(CheckPeer *peer);
