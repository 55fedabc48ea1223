/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A kind seen as "send bytes, receive bytes between two processes": what generic checks and benchmarks run over. A
 * Link is always usable both ways: a kind that goes one way makes two kernel objects for it, lane 0 (from side 0 to
 * side 1) and lane 1 (back); a duplex kind may serve both lanes with one.
 *
 * setup() runs once, in the process that judges; attach() in each of the two sides, forked (descriptors are inherited)
 * or executed (the Link came as a record, with its descriptors beside it); detach() in each side; teardown() in the
 * judge, and removes what setup() made. Names begin with "ipcbus-<token>-", so that sweep() finds them.
 *
 * attach() moves from `fds` to `own` what its side needs and closes the rest of `fds`, so that the end of a stream is
 * real: a judge that is a side itself attaches after it started the other; one that is none closes its `fds` (sets
 * them to -EBADF) once both sides run. */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "record.h"

typedef struct Mechanism Mechanism;
typedef struct Transport Transport;

typedef enum WaitMode {
        WAIT_BLOCK,    /* the blocking system call */
        WAIT_POLL,     /* epoll(7) on the descriptor, and the non-blocking call when it says so */
        WAIT_SPIN,     /* the non-blocking call, again and again */
        WAIT_ADAPTIVE, /* that for a while (Link.spin_nsec), and then the blocking one */
        WAIT_MODE_MAX,
        WAIT_MODE_INVALID = -1,
} WaitMode;

enum {
        LINK_LANES = 2,
        LINK_FDS_MAX = 4,
        LINK_NAME_MAX = 128,
};

typedef struct Link {
        const Mechanism *mechanism;
        const Transport *transport; /* one of the kind's, where it has several; NULL: its first */
        const char *token;          /* of this run, for names */
        const char *directory;      /* a private directory for what needs a path */
        WaitMode wait;
        bool interruptible;    /* receive() gives -EINTR where a signal's handler interrupted it */
        unsigned mode;         /* permission bits of what setup() names; 0: the owner's alone */
        unsigned side;         /* 0 or 1, set by the engine before attach() */
        unsigned number;       /* among the links that one process has at a time, set before setup() */
        uint64_t spin_nsec;    /* WAIT_ADAPTIVE: how long to look before sleeping; 0 where both share a CPU */
        size_t message_max;    /* asked for by the engine; setup() lowers it to what the kind carries here */
        unsigned depth;        /* messages that fit before a sender blocks, 0: unknown; setup() fills it */
        int fds[LINK_FDS_MAX]; /* what setup() opened, handed to both sides; -EBADF where there is none */
        char names[LINK_LANES][LINK_NAME_MAX]; /* what setup() named, for attach() */
        uint64_t words[4];                     /* anything else that must reach an executed side */
        int own[LINK_FDS_MAX];                 /* what attach() opened in this side */
        void *state;                           /* of this side */
        int epoll;                             /* of this side, link_wait_begin() */
} Link;

struct Transport {
        const char *variant; /* its name among those of its kind ("direct", "daemon"); NULL where there is only one */
        size_t message_max;  /* the most that the kind can ever carry in one message; 0: tokens without bytes */
        bool boundaries;
        bool in_memory; /* a message takes no system call, unless somebody sleeps */
        bool delayed;   /* what was sent may be under way yet when send() returns: somebody stands between */
        bool executed;  /* can a side be executed separately? Else the reason is said here: */
        const char *executed_reason;
        /* WAIT_POLL: the descriptor of this side that becomes readable when a message arrives. Where there is none,
         * the reason is said instead. */
        int (*poll_fd)(const Link *link);
        const char *poll_reason;
        bool buffered; /* several messages may come out of it at once and wait in the process */
        bool adapts;   /* send() and receive() themselves spin for spin_nsec before they sleep */
        /* Messages up to this size stay whole and in each sender's order where several processes attach as the same
         * side of one link; each is received by one of them. 0: one process a side. */
        size_t several_max;

        int (*setup)(Link *link, Error *error);
        int (*attach)(Link *link, Error *error);
        /* Sends one message whole, waiting as link->wait says; for WAIT_ADAPTIVE sleeping (link_sender() spins
         * before). 0 or negative errno (-EPIPE, for datagrams -ECONNREFUSED: nobody there). */
        int (*send)(Link *link, const void *data, size_t size);
        /* One message, or whatever bytes are there for a stream. Size, 0 at the end of a stream, negative errno.
         * WAIT_ADAPTIVE sleeps (link_receiver() spins before), WAIT_POLL does not come here. */
        ssize_t (*receive)(Link *link, void *buffer, size_t size);
        /* The same, but never waits: -EAGAIN. Of a stream the beginning may have gone out then: what is sent next is
         * the same message, and goes on there. */
        int (*try_send)(Link *link, const void *data, size_t size);
        ssize_t (*try_receive)(Link *link, void *buffer, size_t size);
        /* Where full can be over a moment later, though nobody took anything: waits until nothing that this side sent
         * is on its way any more. 0, -ETIMEDOUT after a bound of its own. May be NULL. */
        int (*settle)(Link *link);
        /* Waits for a message at most that long; 0 if there is one, -ETIMEDOUT. NULL where the kernel has no such
         * call. */
        int (*wait_readable)(Link *link, uint64_t timeout_usec);
        /* Without a copy, all four or none, waiting as link->wait says: room for a message of `size` bytes, aligned to
         * 8, which the other side sees once it is committed; and the next message where it lies, which is the
         * sender's room again once it is released. One at a time each way. */
        int (*reserve)(Link *link, size_t size, void **ret);
        int (*commit)(Link *link, size_t size);
        ssize_t (*peek)(Link *link, const void **ret);
        int (*release)(Link *link);
        /* Gives up the sending (or the receiving) direction of this side, so that the other sees the end. */
        void (*close_direction)(Link *link, bool sending);
        void (*detach)(Link *link);
        void (*teardown)(Link *link);
};

#define LINK_EMPTY \
        { .fds = { -EBADF, -EBADF, -EBADF, -EBADF }, .own = { -EBADF, -EBADF, -EBADF, -EBADF }, .epoll = -EBADF }

/* Does receive() try again after this result? Interrupted it does, unless somebody wants to see that. */
static inline bool link_receives_again(const Link *link, int64_t result) {
        return (result == -EINTR && !link->interruptible) || (result == -EAGAIN && link->wait == WAIT_SPIN);
}

static inline unsigned link_mode(const Link *link) {
        return link->mode != 0 ? link->mode : 0600;
}

/* What the link runs over. */
const Transport *link_transport(const Link *link);
/* Can its sides wait so? -EOPNOTSUPP with the reason. */
int transport_waits(const Transport *transport, WaitMode wait, const char **ret_reason);

/* What a side sends and receives with, waiting as link->wait says: the transport's own, or with what goes before it.
 * To be called between these two, which stand between attach() and detach(). */
typedef int (*LinkSend)(Link *link, const void *data, size_t size);
typedef ssize_t (*LinkReceive)(Link *link, void *buffer, size_t size);
int link_wait_begin(Link *link, Error *error);
void link_wait_end(Link *link);
LinkSend link_sender(const Link *link);
LinkReceive link_receiver(const Link *link);

/* Does this side make the calls that never wait? */
static inline bool link_never_sleeps(const Link *link) {
        return link->wait == WAIT_SPIN || link->wait == WAIT_POLL;
}

/* For streams: the whole of `size`, over as many receive() as it takes. Size, less at the end, or negative errno. */
ssize_t link_receive_all(Link *link, void *buffer, size_t size);

const char *wait_mode_name(WaitMode mode);
WaitMode wait_mode_from_name(const char *name);
