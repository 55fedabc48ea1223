/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ring-checks.h"

/* What ipcbus-ring.h promises of messages through a ring in shared memory. */
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "cleanup.h"
#include "ring-kind.h"
#include "transport-pair.h"

static CheckResult direction(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        CheckProcess *peer;

        if (!ring_check_begin(run, RING_SMALL, 0, IPCBUS_RING_READER, &check, &peer) ||
                !check_expect(run, "the peer's send", peer_call(run, peer, "ring-send", 0, 7), 0) ||
                !check_expect(run, "the writer's receive", peer_call(run, peer, "ring-receive", 0), -EBADF) ||
                !ring_gives(run, &check, 7) ||
                !check_expect(run, "the reader's send", ring_send_number(check.ring, 8, 0), -EBADF))
                return CHECK_FAILED;
        return check_ok(run, "what the writer sent the reader received; a writer that receives, a reader that sends: "
                             "EBADF");
}

static CheckResult one_of_each(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        CheckProcess *peer, *next;

        if (!ring_check_begin(run, RING_SMALL, 0, IPCBUS_RING_READER, &check, &peer) ||
                peer_start(run, 0, &check.fd, 1, &next) < 0 ||
                !check_expect(run, "a second writer",
                        peer_call(run, next, "ring-open", 0, RING_FROM_JUDGE, IPCBUS_RING_WRITER), -EBUSY) ||
                !check_expect(run, "a second reader",
                        peer_call(run, next, "ring-open", 0, RING_FROM_JUDGE, IPCBUS_RING_READER), -EBUSY) ||
                !check_expect(run, "one that only looks",
                        peer_call(run, next, "ring-open", 1, RING_FROM_JUDGE, IPCBUS_RING_OBSERVER), 0) ||
                !check_expect(run, "the writer leaves", peer_call(run, peer, "ring-close", 0), 0) ||
                !check_expect(run, "the next one then",
                        peer_call(run, next, "ring-open", 0, RING_FROM_JUDGE, IPCBUS_RING_WRITER), 0) ||
                !check_expect(run, "its send", peer_call(run, next, "ring-send", 0, 2), 0) ||
                !ring_gives(run, &check, 2))
                return CHECK_FAILED;
        return check_ok(
                run, "a second writer and a second reader: EBUSY; when the writer has left, another takes its place");
}

static CheckResult in_place(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        CheckProcess *peer;

        if (!ring_check_begin(run, RING_SMALL, 0, IPCBUS_RING_READER, &check, &peer) ||
                !check_expect(run, "reserve, and write into it", peer_call(run, peer, "ring-reserve", 0, 4), 0) ||
                !check_expect(run, "receive before the commit", ring_receive_number(check.ring, 0), -EAGAIN) ||
                !check_expect(run, "commit", peer_call(run, peer, "ring-commit", 0), 0) ||
                !ring_gives(run, &check, 4) ||
                /* Who finds nothing left gives all the room back. */
                !check_expect(run, "receive behind it", ring_receive_number(check.ring, 0), -EAGAIN))
                return CHECK_FAILED;
        for (int64_t i = 0; i < RING_FITS; i++)
                if (!check_expect(run, "send", peer_call(run, peer, "ring-send", 0, i), 0))
                        return CHECK_FAILED;
        for (int i = 0; i < RING_FITS; i++) {
                const void *data;
                size_t size;

                if (!check_expect(run, "peek", ipcbus_ring_peek(check.ring, 0, &data, &size), 0))
                        return CHECK_FAILED;
        }
        if (!check_expect(run, "send, all peeked", peer_call(run, peer, "ring-send", 0, 50), -EAGAIN) ||
                !check_expect(run, "release", ipcbus_ring_release(check.ring), 0) ||
                !check_expect(run, "send, all released", peer_call(run, peer, "ring-send", 0, 50), 0) ||
                !ring_gives(run, &check, 50))
                return CHECK_FAILED;
        return check_ok(run,
                "reserved: not seen, committed: read; %d peeked are in the way of the next, released no more",
                RING_FITS);
}

static CheckResult empty_message(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        CheckProcess *peer;
        size_t size = 99;
        char byte;

        if (!ring_check_begin(run, RING_SMALL, 0, IPCBUS_RING_WRITER, &check, &peer) ||
                !check_expect(run, "receive from the empty ring", peer_call(run, peer, "ring-receive", 0), -EAGAIN) ||
                !check_expect(run, "send of no bytes", ipcbus_ring_send(check.ring, NULL, 0, 0), 0) ||
                !check_expect(run, "the peer leaves", peer_call(run, peer, "ring-close", 0), 0))
                return CHECK_FAILED;
        check.ring = ipcbus_ring_close(check.ring);
        if (!ring_check_open(run, &check, IPCBUS_RING_READER) ||
                !check_expect(run, "receive", ipcbus_ring_receive(check.ring, &byte, 1, 0, &size), 0) ||
                !check_expect(run, "its size", (int64_t)size, 0))
                return CHECK_FAILED;
        return check_ok(run, "empty: EAGAIN; a message of 0 bytes is one, of 0 bytes");
}

static CheckResult too_small(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        CheckProcess *peer;
        size_t size = 0;
        char little[8];

        if (!ring_check_begin(run, RING_SMALL, 0, IPCBUS_RING_READER, &check, &peer) ||
                !check_expect(run, "send", peer_call(run, peer, "ring-send", 0, 1), 0) ||
                !check_expect(run, "receive into 8 bytes",
                        ipcbus_ring_receive(check.ring, little, sizeof little, CHECK_PATIENCE_USEC, &size),
                        -EMSGSIZE) ||
                !ring_gives(run, &check, 1))
                return CHECK_FAILED;
        return check_ok(run, "%d bytes into 8: EMSGSIZE, and the message is still there, whole", RING_SIZE);
}

static CheckResult maximum(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        static unsigned char message[RING_SMALL];
        CheckProcess *peer;
        PeerReply reply;
        int64_t most;

        if (!ring_check_begin(run, RING_SMALL, 0, IPCBUS_RING_READER, &check, &peer))
                return CHECK_FAILED;
        most = (int64_t)ipcbus_ring_message_max(check.ring);
        if (!check_expect(run, "one byte more", peer_call(run, peer, "ring-large", 0, most + 1), -EMSGSIZE))
                return CHECK_FAILED;
        /* In every place that it can begin at. */
        for (int64_t i = 0; i < 3 * RING_SMALL / most; i++) {
                size_t size = 0;

                if (!check_expect(run, "the largest",
                            peer_call_full(run, peer, &(PeerCall){ "ring-large", 0, most, i }, &reply), 0) ||
                        !check_expect(run, "receive",
                                ipcbus_ring_receive(check.ring, message, sizeof message, CHECK_PATIENCE_USEC, &size),
                                0) ||
                        !check_expect(run, "its size", (int64_t)size, most) ||
                        !check_expect(run, "as sent", message_matches(message, size, (uint64_t)i), true))
                        return CHECK_FAILED;
        }
        return check_ok(run, "%" PRId64 " bytes in a ring of %d come whole, %" PRId64 ": EMSGSIZE", most, RING_SMALL,
                most + 1);
}

static CheckResult send_timeout(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        CheckProcess *peer;
        PeerReply reply;

        if (!ring_check_begin(run, RING_SMALL, 0, IPCBUS_RING_WRITER, &check, &peer) ||
                !check_expect(run, "waiting for a message",
                        peer_call_full(run, peer, &(PeerCall){ "ring-wait", 0, CHECK_TIMEOUT_USEC }, &reply),
                        -ETIMEDOUT) ||
                !check_expect(run, "early", reply.x, 0))
                return CHECK_FAILED;
        for (uint64_t i = 0; i < RING_FITS; i++)
                if (!check_expect(run, "send", ring_send_number(check.ring, i, 0), 0))
                        return CHECK_FAILED;
        if (!check_expect(run, "one more, with a time-out", ring_send_number(check.ring, 99, CHECK_TIMEOUT_USEC),
                    -ETIMEDOUT) ||
                !check_expect(run, "without", ring_send_number(check.ring, 99, 0), -EAGAIN) ||
                !check_expect(run, "taking all", peer_call(run, peer, "ring-drain", 0, RING_FITS), 0) ||
                !check_expect(run, "then", ring_send_number(check.ring, 99, 0), 0))
                return CHECK_FAILED;
        return check_ok(run, "empty, %d ms: ETIMEDOUT, not early; %d fit, one more: ETIMEDOUT, without waiting EAGAIN",
                CHECK_TIMEOUT_USEC / 1000, RING_FITS);
}

static CheckResult each_once(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        enum { PEERS = 3, MESSAGES = 12 };
        CheckProcess *peers[PEERS];
        unsigned seen = 0;

        if (!ring_check_make(run, RING_SMALL, IPCBUS_RING_MANY, &check) ||
                !ring_check_open(run, &check, IPCBUS_RING_WRITER))
                return CHECK_FAILED;
        for (int i = 0; i < PEERS; i++)
                if (!ring_check_add(run, &check, IPCBUS_RING_READER, &peers[i]))
                        return CHECK_FAILED;
        for (uint64_t i = 0; i < MESSAGES; i++)
                if (!check_expect(run, "send", ring_send_number(check.ring, i, 0), 0))
                        return CHECK_FAILED;
        for (unsigned i = 0; i < MESSAGES; i++) {
                int64_t n = peer_call(run, peers[i % PEERS], "ring-receive", 0, 0, CHECK_PATIENCE_USEC);

                if (n < 0 || n >= MESSAGES || seen & 1u << n)
                        return check_fail(run, "receive %u: %s", i,
                                n < 0 ? check_errno(n) : "a message that somebody has already");
                seen |= 1u << n;
        }
        if (!check_expect(run, "one more", peer_call(run, peers[0], "ring-receive", 0), -EAGAIN))
                return CHECK_FAILED;
        return check_ok(run, "%d messages, %d readers: each came once, to one of them", MESSAGES, PEERS);
}

static CheckResult awake(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        const PeerCall receive = { "ring-receive", .c = CHECK_PATIENCE_USEC };
        CheckProcess *peer;
        int r;

        if (!ring_check_begin(run, RING_SMALL, IPCBUS_RING_AWAKE, IPCBUS_RING_WRITER, &check, &peer) ||
                !check_expect(run, "asking it to sleep", peer_call(run, peer, "ring-way", 0, IPCBUS_RING_BLOCK),
                        -EOPNOTSUPP) ||
                peer_begin(run, peer, &receive) < 0 ||
                !check_expect(run, "the state R", check_await_state(run, peer, 'R'), 0))
                return CHECK_FAILED;
        r = (int)ring_send_number(check.ring, 3, 0);
        if (!check_expect(run, "send", r, 0) || !check_expect(run, "receive", peer_end(run, peer, NULL), 3))
                return CHECK_FAILED;
        return check_ok(run, "who waits runs (R), and cannot be told to sleep: EOPNOTSUPP");
}

static CheckResult memory_model(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        enum { MESSAGES = 20000 };
        CheckProcess *writer, *reader;
        PeerReply reply;

        if (!ring_check_make(run, 16 * RING_SMALL, 0, &check) ||
                !ring_check_add(run, &check, IPCBUS_RING_WRITER, &writer) ||
                !ring_check_add(run, &check, IPCBUS_RING_READER, &reader) ||
                peer_begin(run, reader, &(PeerCall){ "ring-drain", .b = MESSAGES }) < 0 ||
                !check_expect(run, "sending", peer_call(run, writer, "ring-flood", 0, MESSAGES), 0) ||
                !check_expect(run, "receiving", peer_end(run, reader, &reply), 0))
                return CHECK_FAILED;
        return check_ok(
                run, "%d messages without any lock: each was whole when it was seen, and none was lost", MESSAGES);
}

/* In a process of the peer's that is killed when it begins any system call. */
static bool quietly(CheckRun *run, CheckProcess *peer, bool receives) {
        PeerReply reply = {};
        int64_t r = peer_call_full(run, peer, &(PeerCall){ "ring-quiet", 0, RING_FITS, receives }, &reply);

        return check_expect(run, "the signal that killed it", reply.x, 0) &&
               (r == -EAGAIN || r == -ENOMEM ? check_expect(run, receives ? "receive" : "send", r, 0)
                                             : check_need(run, receives ? "receive" : "send", r));
}

static CheckResult no_calls(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        CheckProcess *writer, *reader;

        if (!ring_check_make(run, RING_SMALL, 0, &check) ||
                !ring_check_add(run, &check, IPCBUS_RING_WRITER, &writer) ||
                !ring_check_add(run, &check, IPCBUS_RING_READER, &reader) || !quietly(run, writer, false) ||
                !quietly(run, reader, true))
                return CHECK_FAILED;
        return check_ok(run,
                "%d messages with nobody asleep: sent and received by processes that any system call would have "
                "killed",
                RING_FITS);
}

#define PAGE "ipcbus-ring.h"

/* Over the transports of the kind: one to one, and with several at a side many to many. */
#define MANY .transport = &ring_transport_many

const Check ring_checks[] = {
        { "direction", "a writer only sends, a reader only receives", PAGE, CHECK_BOTH, direction, { ring_check_role },
                .aspects = ASPECT(BIDIRECTIONAL) },
        { "two-for-duplex", "one for each way: two rings carry both directions at the same time", PAGE, CHECK_BOTH,
                transport_duplex, { transport_duplex_role }, .aspects = ASPECT(FULL_DUPLEX) },
        { "order", "messages arrive in the order in which they were sent, whole and unchanged", PAGE, CHECK_BOTH,
                transport_order, { transport_order_role }, .aspects = ASPECT(ORDER) },
        { "many-order", "also where a ring is made for many", PAGE, CHECK_BOTH, transport_order,
                { transport_order_role }, MANY, .aspects = ASPECT(ORDER) },
        { "boundaries", "a message is received whole, never split or joined", PAGE, CHECK_BOTH, transport_boundaries,
                { transport_boundaries_role }, .aspects = ASPECT(BOUNDARIES) },
        { "many-writers", "what several send at once arrives once, whole, in the order of each", PAGE, CHECK_BOTH,
                transport_many_writers, { transport_many_writers_role }, MANY,
                .aspects = ASPECT(MANY_WRITERS) | ASPECT(ATOMICITY) },
        { "each-once", "of several readers each message goes to one", PAGE, CHECK_BOTH, each_once, { ring_check_role },
                .aspects = ASPECT(ATOMICITY) },
        { "one-of-each", "one to one there are one writer and one reader at a time", PAGE, CHECK_BOTH, one_of_each,
                { ring_check_role }, .aspects = ASPECT(LIMIT) },
        { "places", "64 writers and readers together have a place in one for many", PAGE, CHECK_BOTH, ring_places,
                { ring_check_role }, .aspects = ASPECT(LIMIT) },
        { "in-place",
                "a message is written and read where it lies, seen with its commit, in the way until its release",
                PAGE, CHECK_BOTH, in_place, { ring_check_role }, .aspects = ASPECT(ATOMICITY) },
        { "empty-message", "a message may be empty", PAGE, CHECK_BOTH, empty_message, { ring_check_role },
                .aspects = ASPECT(EMPTY) },
        { "maximum", "the largest message arrives whole, a larger one is refused", PAGE, CHECK_BOTH, maximum,
                { ring_check_role }, .aspects = ASPECT(MAXIMUM) },
        { "too-small", "a message that is longer than the buffer is refused and stays", PAGE, CHECK_BOTH, too_small,
                { ring_check_role }, .aspects = ASPECT(MAXIMUM) },
        { "receive-blocks", "a reader sleeps until a message comes", PAGE, CHECK_BOTH, transport_receive_blocks,
                { transport_receive_blocks_role }, .aspects = ASPECT(BLOCKING) | ASPECT(EMPTY) },
        { "send-blocks", "a writer sleeps while there is no room, and nothing is lost", PAGE, CHECK_BOTH,
                transport_send_blocks, { transport_send_blocks_role }, .aspects = ASPECT(BLOCKING) | ASPECT(FULL) },
        { "non-blocking", "without waiting an empty and a full ring give EAGAIN", PAGE, CHECK_BOTH,
                transport_nonblocking, { transport_nonblocking_role },
                .aspects = ASPECT(NON_BLOCKING) | ASPECT(EMPTY) | ASPECT(FULL) },
        { "timeout", "a wait for a message gives up at its time-out, never before", PAGE, CHECK_BOTH,
                transport_timeout, { transport_timeout_role }, .aspects = ASPECT(TIMEOUT) },
        { "full-timeout", "so does a wait for room", PAGE, CHECK_BOTH, send_timeout, { ring_check_role },
                .aspects = ASPECT(TIMEOUT) | ASPECT(FULL) },
        { "awake", "where it is made so nobody ever sleeps", PAGE, CHECK_BOTH, awake, { ring_check_role },
                .aspects = ASPECT(BLOCKING) },
        { "no-calls", "while nobody sleeps, messages pass without a system call", PAGE, CHECK_BOTH, no_calls,
                { ring_check_role }, .aspects = 0 },
        { "interrupted", "a reader that sleeps gets EINTR after a signal's handler, also with SA_RESTART", "signal(7)",
                CHECK_BOTH, transport_interrupted_always, { transport_interrupted_role },
                .aspects = ASPECT(INTERRUPTED) },
        { "stopped", "a reader that is stopped and continued while it waits goes on waiting", "signal(7)", CHECK_BOTH,
                transport_stopped_goes_on, { transport_interrupted_role }, .aspects = ASPECT(INTERRUPTED) },
        { "stopped-within", "a writer that is stopped within a message is not taken for dead", PAGE, CHECK_BOTH,
                ring_stopped, { ring_check_role }, .aspects = ASPECT(INTERRUPTED) },
        { "sender-killed", "what a killed writer sent is received, then it is told that nobody writes", PAGE,
                CHECK_BOTH, transport_sender_killed_end, { transport_sender_killed_role },
                .aspects = ASPECT(PERSISTENCE) },
        { "killed-within", "of a writer killed while it waits for room, what it had sent is received, nothing else",
                PAGE, CHECK_BOTH, transport_writer_killed_within, { transport_writer_killed_within_role },
                .aspects = ASPECT(WRITER_KILLED) | ASPECT(FULL) },
        { "writer-killed", "a message that its writer did not commit before it was killed is never read", PAGE,
                CHECK_BOTH, ring_writer_killed, { ring_check_role },
                .aspects = ASPECT(WRITER_KILLED) | ASPECT(ATOMICITY) },
        { "many-writer-killed", "among many, one killed within a message is in nobody's way", PAGE, CHECK_BOTH,
                ring_writer_killed_many, { ring_check_role }, .aspects = ASPECT(WRITER_KILLED) },
        { "batch", "a batch is seen all at once, or, its writer killed before, not at all", PAGE, CHECK_BOTH,
                ring_batch_killed, { ring_check_role }, .aspects = ASPECT(ATOMICITY) | ASPECT(WRITER_KILLED) },
        { "reader-killed", "what a killed reader looked at and did not release is read by the next", PAGE, CHECK_BOTH,
                ring_reader_killed, { ring_check_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "many-reader-killed", "among many, it goes to another reader that is there already", PAGE, CHECK_BOTH,
                ring_reader_killed_many, { ring_check_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "readers-gone", "a writer without room whose readers are dead is told, and does not wait for good", PAGE,
                CHECK_BOTH, ring_readers_gone, { ring_check_role }, .aspects = ASPECT(HOLDER_KILLED) | ASPECT(FULL) },
        { "waiter-killed", "a reader killed while it waits takes nothing along", PAGE, CHECK_BOTH,
                transport_waiter_killed, { transport_waiter_killed_role }, MANY, .aspects = ASPECT(WAITER_KILLED) },
        { "sleeper-killed", "the wake-up meant for one that was killed asleep reaches another", PAGE, CHECK_BOTH,
                ring_sleeper_killed, { ring_check_role }, .aspects = ASPECT(WAITER_KILLED) },
        { "recovered", "who only looks can tell the dead from the living, and undo what they held", PAGE, CHECK_BOTH,
                ring_recovered, { ring_check_role }, .aspects = ASPECT(HOLDER_KILLED) },
        { "survives", "a ring outlives who made it, and a message its writer", PAGE, CHECK_BOTH, ring_creator_gone,
                { ring_check_role }, .aspects = ASPECT(PERSISTENCE) | ASPECT(CREATOR_GONE) },
        { "memory-model", "without any lock, who sees a message sees all of it", "C11 5.1.2.4", CHECK_BOTH,
                memory_model, { ring_check_role }, .aspects = ASPECT(SYNCHRONISATION) },
        { "distrust", "whatever a peer writes into it, nobody reads outside of it or waits for good", PAGE, CHECK_BOTH,
                ring_scribbled, { ring_check_role }, .aspects = 0 },
        { "no-ring", "what is no ring, or one of another form, is not opened", PAGE, CHECK_BOTH, ring_senseless,
                { ring_check_role }, .aspects = 0 },
        { "sealed", "nobody can shorten its memory under the hands of the others, or make it longer", "fcntl(2)",
                CHECK_BOTH, ring_sealed, { ring_check_role }, .aspects = 0 },
        { "handed-on", "its descriptor makes any two processes meet", "unix(7)", CHECK_BOTH, ring_handed_on,
                { ring_check_role }, .aspects = ASPECT(UNRELATED) },
        { "permission", "another user gets it only by being given it", "proc(5)", CHECK_BOTH, ring_refused,
                { ring_check_role }, .aspects = ASPECT(PERMISSION) },
        { "other-user", "another user who was given it sends and receives", PAGE, CHECK_BOTH, transport_other_user,
                { transport_place_role }, .aspects = ASPECT(OTHER_USER) },
        { "other-ipc", "another IPC namespace does not matter to it", "ipc_namespaces(7)", CHECK_BOTH,
                transport_other_ipc, { transport_place_role }, .aspects = ASPECT(NAMESPACE) },
        { "other-net", "nor does another network namespace", "network_namespaces(7)", CHECK_BOTH, transport_other_net,
                { transport_place_role }, .aspects = ASPECT(NAMESPACE) },
        { "address-space", "what does not fit into RLIMIT_AS is not opened", "getrlimit(2)", CHECK_BOTH,
                ring_address_space, { ring_check_role }, .aspects = ASPECT(LIMIT) },
        { "exhaustion", "without a descriptor left it is not opened, and what is open goes on", "getrlimit(2)",
                CHECK_BOTH, ring_no_descriptors, { ring_check_role }, .aspects = ASPECT(EXHAUSTION) },
        {},
};

const CheckGap ring_gaps[] = {
        { ASPECT_PRIORITY, "A ring is first in, first out; for what is urgent make a second one." },
        { ASPECT_DESCRIPTORS, "A message carries bytes; the number of a descriptor in it means nothing elsewhere." },
        { ASPECT_CREDENTIALS,
                "Nothing tells who wrote a message: what a participant says of itself is in memory that all can write "
                "to." },
        {},
};
