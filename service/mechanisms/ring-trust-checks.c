/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ring-checks.h"

/* Claims on what the others cannot do, whatever they write into the memory; on who gets a ring; and on limits. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "spin.h"

enum { SCRIBBLED_MSEC = 25 };

static void ring_closep(IpcbusRing **ring) {
        *ring = ipcbus_ring_close(*ring);
}

/* All that these calls may say of a ring that somebody writes over. */
static bool is_sensible(int r) {
        return r >= 0 || r == -EBADMSG || r == -EAGAIN || r == -ETIMEDOUT || r == -EPIPE || r == -EMSGSIZE ||
               r == -EBUSY || r == -EUSERS || r == -EMEDIUMTYPE || r == -EPROTONOSUPPORT || r == -ENOBUFS ||
               r == -EOWNERDEAD;
}

typedef struct Siege {
        uint64_t calls, received, senseless;
        int odd; /* something that no call may say */
        size_t largest;
} Siege;

static void note(Siege *siege, int r) {
        siege->calls++;
        siege->senseless += r == -EBADMSG || r == -EMEDIUMTYPE;
        if (!is_sensible(r))
                siege->odd = r;
}

/* Each byte that is shown is touched: outside of the memory that is the end of this process. */
static void use_while_written(int fd, IpcbusRingRole role, Siege *siege) {
        CLEANUP(ring_closep) IpcbusRing *ring = NULL;
        static const char message[100] = "x";
        IpcbusRingParticipant one;
        IpcbusRingState state;
        int r;

        r = ipcbus_ring_open(fd, role, &ring);
        note(siege, r);
        for (int i = 0; r >= 0 && i < 50; i++) {
                const unsigned char *data;
                volatile unsigned char sum = 0;
                size_t size;

                if (role == IPCBUS_RING_WRITER)
                        r = ipcbus_ring_send(ring, message, sizeof message, 0);
                else
                        r = ipcbus_ring_peek(ring, 0, (const void **)&data, &size);
                note(siege, r);
                if (r >= 0 && role == IPCBUS_RING_READER) {
                        for (size_t at = 0; at < size; at++)
                                sum = (unsigned char)(sum + data[at]);
                        siege->received++;
                        if (size > siege->largest)
                                siege->largest = size;
                        note(siege, ipcbus_ring_release(ring));
                }
                if (r == -EAGAIN)
                        r = 0;
        }
        if (!ring)
                return;
        note(siege, ipcbus_ring_state(ring, &state, sizeof state));
        (void)ipcbus_ring_participant(ring, 1, &one, sizeof one);
        note(siege, ipcbus_ring_recover(ring));
}

static bool besieged(CheckRun *run, unsigned flags, Siege *siege) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        CheckProcess *peer;
        uint64_t end, last;

        if (!ring_check_make(run, RING_SMALL, flags, &check) || peer_start(run, 0, &check.fd, 1, &peer) < 0 ||
                peer_begin(run, peer, &(PeerCall){ "ring-scribble", .b = RING_FROM_JUDGE, .c = SCRIBBLED_MSEC }) < 0)
                return false;
        end = monotonic_now() + SCRIBBLED_MSEC * 1000;
        last = monotonic_end(CHECK_PATIENCE_USEC / 4);
        /* Longer where the peer gets to write late; what it wrote stays. */
        while ((monotonic_now() < end || (siege->senseless == 0 && monotonic_now() < last)) && siege->odd == 0) {
                use_while_written(check.fd, IPCBUS_RING_READER, siege);
                use_while_written(check.fd, IPCBUS_RING_WRITER, siege);
        }
        return check_expect(run, "writing over it", peer_end(run, peer, NULL), 0) &&
               check_expect(run, "what a call said", siege->odd, 0) &&
               check_expect(run, "a message larger than the ring", siege->largest > RING_SMALL, false) &&
               check_expect(run, "that it makes no sense was seen", siege->senseless > 0, true);
}

CheckResult ring_scribbled(CheckRun *run) {
        Siege one = {}, many = {};

        if (!besieged(run, 0, &one) || !besieged(run, IPCBUS_RING_MANY, &many))
                return CHECK_FAILED;
        return check_ok(run,
                "a peer wrote anything anywhere: %" PRIu64 " calls, %" PRIu64
                " found no sense in it, no byte outside of it was touched",
                one.calls + many.calls, one.senseless + many.senseless);
}

/* Another form of each word of its head, one after the other, for a peer to open. */
CheckResult ring_senseless(CheckRun *run) {
        static const struct {
                off_t offset;
                const char *what;
                int64_t refused;
        } words[] = { { 0, "another magic", -EMEDIUMTYPE }, { 8, "another version", -EPROTONOSUPPORT },
                { 16, "another capacity", -EMEDIUMTYPE }, { 32, "another offset", -EMEDIUMTYPE } };
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        CLEANUP_FD int plain = memfd_create("ipcbus-check", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        CheckProcess *peer;
        uint64_t kept, word;

        if (!check_need(run, "memfd_create", plain < 0 ? -errno : 0) || !ring_check_make(run, RING_SMALL, 0, &check) ||
                peer_start(run, 0, (const int[]){ check.fd, plain }, 2, &peer) < 0 ||
                !check_expect(run, "an empty memfd",
                        peer_call(run, peer, "ring-open", 0, RING_FROM_JUDGE + 1, IPCBUS_RING_READER), -EMEDIUMTYPE))
                return CHECK_FAILED;
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
                if (pread(check.fd, &kept, sizeof kept, words[i].offset) != sizeof kept)
                        return check_fail(run, "pread: %s", check_errno(errno));
                word = kept ^ 0x5000;
                if (pwrite(check.fd, &word, sizeof word, words[i].offset) != sizeof word ||
                        !check_expect(run, words[i].what,
                                peer_call(run, peer, "ring-open", 0, RING_FROM_JUDGE, IPCBUS_RING_READER),
                                words[i].refused) ||
                        pwrite(check.fd, &kept, sizeof kept, words[i].offset) != sizeof kept)
                        return CHECK_FAILED;
        }
        if (!check_expect(
                    run, "as it was", peer_call(run, peer, "ring-open", 0, RING_FROM_JUDGE, IPCBUS_RING_READER), 0))
                return CHECK_FAILED;
        return check_ok(run, "handed to a peer: a memfd that is none, another magic, capacity or offset: EMEDIUMTYPE; "
                             "another version: EPROTONOSUPPORT");
}

CheckResult ring_sealed(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        CheckProcess *peer;

        if (!ring_check_begin(run, RING_SMALL, 0, IPCBUS_RING_READER, &check, &peer) ||
                !check_expect(run, "ftruncate to nothing", peer_call(run, peer, "truncate", 0, RING_FROM_JUDGE, 0),
                        -EPERM) ||
                !check_expect(run, "ftruncate to more",
                        peer_call(run, peer, "truncate", 0, RING_FROM_JUDGE, 64 * 1024 * 1024), -EPERM) ||
                !check_expect(run, "send", peer_call(run, peer, "ring-send", 0, 6), 0) || !ring_gives(run, &check, 6))
                return CHECK_FAILED;
        return check_ok(run, "ftruncate by a peer: EPERM; it goes on");
}

CheckResult ring_refused(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        CheckProcess *peer;
        char path[64];

        if (!ring_check_make(run, RING_SMALL, 0, &check) ||
                peer_start_at(run, CHECK_PLACE_OTHER_USER, 0, NULL, 0, &peer) < 0)
                return CHECK_FAILED;
        (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), check.fd);
        if (!check_expect(run, "opening it through /proc by another user",
                    peer_call(run, peer, "open", PEER_SLOT, O_RDWR, .text = path), -EACCES))
                return CHECK_FAILED;
        return check_ok(run, "user %d, through /proc/PID/fd: EACCES; it has no name to be opened by", CHECK_NOBODY);
}

CheckResult ring_handed_on(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        CheckProcess *writer, *reader;

        /* Two processes that have nothing in common but what each was given. */
        if (!ring_check_make(run, RING_SMALL, 0, &check) ||
                !ring_check_add(run, &check, IPCBUS_RING_WRITER, &writer) ||
                !ring_check_add(run, &check, IPCBUS_RING_READER, &reader) ||
                !check_expect(run, "send", peer_call(run, writer, "ring-send", 0, 12), 0) ||
                !check_expect(run, "receive", peer_call(run, reader, "ring-receive", 0, 0, CHECK_PATIENCE_USEC), 12))
                return CHECK_FAILED;
        return check_ok(run, "two processes were handed its descriptor: what one sent the other received");
}

CheckResult ring_address_space(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        enum { LARGE = 1024 * 1024, LITTLE = 64 * 1024 };
        CheckProcess *peer;

        if (!ring_check_make(run, LARGE, 0, &check) || peer_start(run, 0, &check.fd, 1, &peer) < 0 ||
                !check_need(run, "RLIMIT_AS", peer_call(run, peer, "limit", RLIMIT_AS, LITTLE)) ||
                !check_expect(run, "opening it",
                        peer_call(run, peer, "ring-open", 0, RING_FROM_JUDGE, IPCBUS_RING_READER), -ENOMEM))
                return CHECK_FAILED;
        return check_ok(run, "a ring of %d MiB where RLIMIT_AS leaves nothing: ENOMEM", LARGE / 1024 / 1024);
}

CheckResult ring_no_descriptors(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        CheckProcess *peer;

        if (!ring_check_begin(run, RING_SMALL, IPCBUS_RING_MANY, IPCBUS_RING_READER, &check, &peer) ||
                !check_need(run, "RLIMIT_NOFILE", peer_call(run, peer, "limit", RLIMIT_NOFILE, 1)) ||
                !check_expect(run, "opening another handle",
                        peer_call(run, peer, "ring-open", 1, RING_FROM_JUDGE, IPCBUS_RING_WRITER), -EMFILE) ||
                !check_expect(run, "send by the one that is open", peer_call(run, peer, "ring-send", 0, 3), 0) ||
                !ring_gives(run, &check, 3))
                return CHECK_FAILED;
        return check_ok(run, "no descriptor left: opening it gives EMFILE, and what is open goes on");
}

CheckResult ring_places(CheckRun *run) {
        CLEANUP(ring_check_done) RingCheck check = RING_CHECK_EMPTY;
        PeerReply reply;
        CheckProcess *peer;
        int64_t r;

        if (!ring_check_make(run, RING_SMALL, IPCBUS_RING_MANY, &check) ||
                !ring_check_add(run, &check, IPCBUS_RING_READER, &peer))
                return CHECK_FAILED;
        r = peer_call_full(run, peer, &(PeerCall){ "ring-places", .b = RING_FROM_JUDGE }, &reply);
        if (r == -EMFILE)
                return check_skip(run, "RLIMIT_NOFILE lets a process open fewer than %d", IPCBUS_RING_PARTICIPANTS);
        if (!check_expect(run, "opening more and more", r, -EUSERS) ||
                !check_expect(run, "how many there were beside one", reply.x, IPCBUS_RING_PARTICIPANTS - 1) ||
                !ring_check_open(run, &check, IPCBUS_RING_WRITER))
                return CHECK_FAILED;
        return check_ok(run, "%d at a time, one more: EUSERS; when they have left there is room again",
                IPCBUS_RING_PARTICIPANTS);
}
