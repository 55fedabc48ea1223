/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-faults.h"

/* The transport of a kind, made to do one thing wrong. What a transport does is a table of functions without a place
 * for our own data, so there is one faulty transport in a process. An executed peer, which is this program too, is
 * told of the fault by its environment and takes the kind from there: mechanism_find() is wrapped by the linker. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spin.h"
#include "test-peer.h"
#include "units.h"
#include "worker-protocol.h"

#define FAULT_VARIABLE "IPCBUS_TEST_FAULT"

enum { KEPT_MAX = 192 * 1024 };

static struct {
        Fault fault;
        unsigned nth, sends;
        const Transport *real;
        Transport transport;
        Check checks[2];
        Mechanism mechanism;
        bool installed;
        unsigned char kept[KEPT_MAX]; /* of a message that leaves later */
        size_t kept_size;
        bool keeping;
        bool was_full, was_interrupted, attached;
} faulty;

const Mechanism *__real_mechanism_find(const char *kind);
const Mechanism *__wrap_mechanism_find(const char *kind);

const Mechanism *__wrap_mechanism_find(const char *kind) {
        return faulty.installed && strcmp(kind, faulty.mechanism.kind) == 0 ? &faulty.mechanism
                                                                            : __real_mechanism_find(kind);
}

const char *fault_name(Fault fault) {
        static const char *const names[FAULT_MAX] = {
                [FAULT_NONE] = "none",
                [FAULT_DROP] = "drop",
                [FAULT_SWAP] = "swap",
                [FAULT_DUPLICATE] = "duplicate",
                [FAULT_CORRUPT] = "corrupt a bit",
                [FAULT_SPLIT] = "split",
                [FAULT_JOIN] = "join",
                [FAULT_HOLD] = "hold",
                [FAULT_APART] = "keep apart",
                [FAULT_TRUNCATE] = "truncate",
                [FAULT_SMALL] = "smaller maximum",
                [FAULT_EARLY] = "time-out early",
                [FAULT_NEVER] = "time-out never",
                [FAULT_BLIND] = "readiness missed",
                [FAULT_LIE_READY] = "readiness lied",
                [FAULT_NO_WAIT] = "receive returns",
                [FAULT_SPIN] = "receive spins",
                [FAULT_BLOCK_RECEIVE] = "try-receive waits",
                [FAULT_NO_WAIT_SEND] = "send returns",
                [FAULT_SPIN_SEND] = "send spins",
                [FAULT_BLOCK] = "try-send waits",
                [FAULT_STUCK] = "full for ever",
                [FAULT_DEPTH] = "depth lied",
                [FAULT_ONE_WAY] = "duplex lied",
                [FAULT_BOUNDARIES] = "boundaries lied",
                [FAULT_NO_END] = "no end",
                [FAULT_END] = "end lied",
                [FAULT_DEAF] = "peer's end unseen",
                [FAULT_RESTART] = "goes on",
                [FAULT_INTERRUPTED] = "interrupted",
                [FAULT_FORGET] = "forgets",
                [FAULT_REFUSED] = "attach refused",
                [FAULT_OPENS] = "opening lied",
        };

        return names[fault];
}

Shape transport_shape(const Transport *transport) {
        if (transport->message_max == 0)
                return SHAPE_TOKENS;
        return transport->boundaries ? SHAPE_MESSAGES : SHAPE_BYTES;
}

/* --- Sending --- */

static int pass_on(Link *link, const void *data, size_t size, bool wait) {
        return wait ? faulty.real->send(link, data, size) : faulty.real->try_send(link, data, size);
}

static void keep(const void *data, size_t size) {
        if (faulty.kept_size + size > KEPT_MAX)
                abort();
        memcpy(faulty.kept + faulty.kept_size, data, size);
        faulty.kept_size += size;
        faulty.keeping = true;
}

static int pass_kept(Link *link, bool wait) {
        size_t size = faulty.kept_size;

        faulty.keeping = false;
        faulty.kept_size = 0;
        return pass_on(link, faulty.kept, size, wait);
}

static int send_swapped(Link *link, const void *data, size_t size, bool wait) {
        int r;

        if (faulty.sends == faulty.nth) {
                keep(data, size);
                return 0;
        }
        r = pass_on(link, data, size, wait);
        return r >= 0 && faulty.keeping ? pass_kept(link, wait) : r;
}

static int send_joined(Link *link, const void *data, size_t size, bool wait) {
        if (faulty.sends != faulty.nth && !faulty.keeping)
                return pass_on(link, data, size, wait);
        keep(data, size);
        return faulty.sends == faulty.nth ? 0 : pass_kept(link, wait);
}

static int send_held(Link *link, const void *data, size_t size, bool wait) {
        int r = faulty.keeping ? pass_kept(link, wait) : 0;

        if (r >= 0)
                keep(data, size);
        return r;
}

static int send_corrupt(Link *link, const void *data, size_t size, bool wait) {
        keep(data, size);
        if (size > 0)
                faulty.kept[size - 1] ^= 0x10;
        return pass_kept(link, wait);
}

static int send_twice(Link *link, const void *data, size_t size, bool wait) {
        int r = pass_on(link, data, size, wait);

        return r < 0 ? r : pass_on(link, data, size, wait);
}

static int send_halves(Link *link, const void *data, size_t size, bool wait) {
        int r = pass_on(link, data, size / 2, wait);

        return r < 0 ? r : pass_on(link, (const char *)data + size / 2, size - size / 2, wait);
}

static int send_spinning(Link *link, const void *data, size_t size, bool wait) {
        int r;

        do
                r = pass_on(link, data, size, false);
        while (r == -EAGAIN && wait);
        return r;
}

static int send_until_full(Link *link, const void *data, size_t size, bool wait) {
        int r = faulty.was_full ? -EAGAIN : pass_on(link, data, size, wait);

        faulty.was_full = r == -EAGAIN;
        return r;
}

/* Of the faults that one message has. */
static int send_nth(Link *link, const void *data, size_t size, bool wait) {
        switch (faulty.fault) {
        case FAULT_DROP:
                return 0;
        case FAULT_CORRUPT:
                return send_corrupt(link, data, size, wait);
        case FAULT_DUPLICATE:
                return send_twice(link, data, size, wait);
        case FAULT_SPLIT:
                return send_halves(link, data, size, wait);
        default:
                return pass_on(link, data, size, wait);
        }
}

static int send_counted(Link *link, const void *data, size_t size, bool wait) {
        int r;

        switch (faulty.fault) {
        case FAULT_SWAP:
                return send_swapped(link, data, size, wait);
        case FAULT_JOIN:
                return send_joined(link, data, size, wait);
        case FAULT_HOLD:
                return send_held(link, data, size, wait);
        case FAULT_TRUNCATE:
                return pass_on(link, data, size < link->message_max ? size : link->message_max, wait);
        case FAULT_SMALL:
                return size >= link->message_max ? -EMSGSIZE : pass_on(link, data, size, wait);
        case FAULT_ONE_WAY:
                return link->side == 0 ? -EAGAIN : pass_on(link, data, size, wait);
        case FAULT_NO_WAIT_SEND:
                return pass_on(link, data, size, false);
        case FAULT_SPIN_SEND:
                return send_spinning(link, data, size, wait);
        case FAULT_BLOCK:
                return pass_on(link, data, size, true);
        case FAULT_STUCK:
                return send_until_full(link, data, size, wait);
        case FAULT_DEAF:
                r = pass_on(link, data, size, wait);
                return r == -EPIPE ? 0 : r;
        default:
                return faulty.sends == faulty.nth ? send_nth(link, data, size, wait) : pass_on(link, data, size, wait);
        }
}

/* What was refused is not counted: it comes again. */
static int send_with_fault(Link *link, const void *data, size_t size, bool wait) {
        int r;

        faulty.sends++;
        r = send_counted(link, data, size, wait);
        if (r < 0)
                faulty.sends--;
        return r;
}

static int faulty_send(Link *link, const void *data, size_t size) {
        return send_with_fault(link, data, size, true);
}

static int faulty_try_send(Link *link, const void *data, size_t size) {
        return send_with_fault(link, data, size, false);
}

/* --- Receiving --- */

static ssize_t faulty_try_receive(Link *link, void *buffer, size_t size) {
        ssize_t n;

        if (faulty.fault == FAULT_BLOCK_RECEIVE)
                return faulty.real->receive(link, buffer, size);
        n = faulty.real->try_receive(link, buffer, faulty.fault == FAULT_APART && size > 1 ? 1 : size);
        if (faulty.fault == FAULT_NO_END && n == 0)
                return -EAGAIN;
        if (faulty.fault == FAULT_END && n == -EAGAIN)
                return 0;
        return n;
}

static ssize_t receive_spinning(Link *link, void *buffer, size_t size) {
        ssize_t n;

        do
                n = faulty_try_receive(link, buffer, size);
        while (n == -EAGAIN);
        return n;
}

/* Sleeps in a call that nothing begins again: neither SA_RESTART nor SIGCONT (signal(7)). */
static ssize_t receive_interrupted(Link *link, void *buffer, size_t size) {
        const struct timespec nap = { .tv_nsec = 50 * 1000 * 1000 };
        sigset_t none;
        ssize_t n;

        sigemptyset(&none);
        while ((n = faulty_try_receive(link, buffer, size)) == -EAGAIN)
                if (sigtimedwait(&none, NULL, &nap) < 0 && errno == EINTR)
                        return -EINTR;
        return n;
}

static ssize_t receive_forgetting(Link *link, void *buffer, size_t size) {
        ssize_t n = faulty.real->receive(link, buffer, size);

        if (n >= 0 && faulty.was_interrupted)
                n = faulty.real->receive(link, buffer, size);
        faulty.was_interrupted = n == -EINTR;
        return n;
}

static ssize_t faulty_receive(Link *link, void *buffer, size_t size) {
        ssize_t n;

        switch (faulty.fault) {
        case FAULT_NO_WAIT:
                return faulty_try_receive(link, buffer, size);
        case FAULT_SPIN:
                return receive_spinning(link, buffer, size);
        case FAULT_INTERRUPTED:
                return receive_interrupted(link, buffer, size);
        case FAULT_FORGET:
                return receive_forgetting(link, buffer, size);
        case FAULT_RESTART:
                while ((n = faulty.real->receive(link, buffer, size)) == -EINTR)
                        ;
                return n;
        default:
                return faulty.real->receive(link, buffer, size);
        }
}

static int faulty_wait_readable(Link *link, uint64_t timeout_usec) {
        switch (faulty.fault) {
        case FAULT_LIE_READY:
                return 0;
        case FAULT_BLIND:
                (void)usleep(timeout_usec < USEC_PER_SEC ? (useconds_t)timeout_usec : USEC_PER_SEC);
                return -ETIMEDOUT;
        case FAULT_EARLY:
                return faulty.real->wait_readable(link, timeout_usec / 16);
        case FAULT_NEVER:
                return faulty.real->wait_readable(link, USEC_INFINITY);
        default:
                return faulty.real->wait_readable(link, timeout_usec);
        }
}

/* What opening another one should have said, said wrongly. */
static int other_answer(int r, Link *link, void (*undo)(Link *link)) {
        if (r < 0)
                return -ENFILE;
        undo(link);
        return -EMFILE;
}

static int faulty_setup(Link *link, Error *error) {
        int r = faulty.real->setup(link, error);

        if (faulty.fault == FAULT_DEPTH)
                link->depth++;
        return faulty.fault == FAULT_OPENS && faulty.attached ? other_answer(r, link, faulty.real->teardown) : r;
}

static int faulty_attach(Link *link, Error *error) {
        int r;

        if (faulty.fault == FAULT_REFUSED && link->side == 1)
                return error_set_errno(error, EACCES, "The link is refused");
        r = faulty.real->attach(link, error);
        if (faulty.fault == FAULT_OPENS && faulty.attached)
                return other_answer(r, link, faulty.real->detach);
        faulty.attached = r >= 0;
        return r;
}

/* --- The kind that has it --- */

static void install(const Mechanism *real, const Check *check, Fault fault, unsigned nth) {
        faulty.fault = fault;
        faulty.nth = nth;
        faulty.real = check->transport ? check->transport : real->transport;
        faulty.transport = *faulty.real;
        faulty.transport.setup = faulty_setup;
        faulty.transport.attach = faulty_attach;
        faulty.transport.send = faulty_send;
        faulty.transport.try_send = faulty_try_send;
        faulty.transport.receive = faulty_receive;
        faulty.transport.try_receive = faulty_try_receive;
        if (faulty.real->wait_readable)
                faulty.transport.wait_readable = faulty_wait_readable;
        if (fault == FAULT_BOUNDARIES)
                faulty.transport.boundaries = !faulty.real->boundaries;
        faulty.checks[0] = *check;
        faulty.checks[0].transport = &faulty.transport;
        faulty.checks[1] = (Check){ 0 };
        faulty.mechanism = *real;
        faulty.mechanism.checks = faulty.checks;
        faulty.installed = true;
}

void fault_inject(const Mechanism *real, const Check *check, Fault fault, unsigned nth, const Mechanism **ret,
        const Check **ret_check) {
        char text[256];

        (void)snprintf(text, sizeof text, "%d %u %s %s", (int)fault, nth, real->kind, check->id);
        if (setenv(FAULT_VARIABLE, text, 1) < 0)
                abort();
        install(real, check, fault, nth);
        *ret = &faulty.mechanism;
        *ret_check = faulty.checks;
}

int fault_peer_main(void) {
        const char *text = getenv(FAULT_VARIABLE);
        char kind[32], id[96];
        unsigned fault, nth;
        const Mechanism *real;

        if (!text || sscanf(text, "%u %u %31s %95s", &fault, &nth, kind, id) != 4 || fault >= FAULT_MAX)
                return EXIT_FAILURE;
        real = __real_mechanism_find(kind);
        for (const Check *check = real ? real->checks : NULL; check && check->id; check++)
                if (strcmp(check->id, id) == 0)
                        install(real, check, (Fault)fault, nth);
        return faulty.installed ? test_peer_main(WORKER_FD) : EXIT_FAILURE;
}
