/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libipcbus-ring: messages between processes through one piece of shared memory, without a system call on the way.
 *
 * A ring is a sealed memfd. Its descriptor reaches the other program as descriptors do: over D-Bus (GetEnd of a `ring`
 * of org.ipcbus1, `ipcctl create ring`), by SCM_RIGHTS, or by inheritance. Each side opens it as a writer or as a
 * reader:
 *
 *         int fd;                                     IpcbusRing *reader;
 *         IpcbusRing *writer;                         const void *data;
 *                                                     size_t size;
 *         ipcbus_ring_create("example", 1 << 20,
 *                            0, &fd);
 *         ipcbus_ring_open(fd, IPCBUS_RING_WRITER,    ipcbus_ring_open(fd, IPCBUS_RING_READER, &reader);
 *                          &writer);
 *         ipcbus_ring_send(writer, "hello", 5,        ipcbus_ring_peek(reader, IPCBUS_RING_FOREVER, &data, &size);
 *                          IPCBUS_RING_FOREVER);      ... look at it where it lies ...
 *                                                     ipcbus_ring_release(reader);
 *
 * Messages have any length from 0 to ipcbus_ring_message_max() and arrive whole and in order. In a ring that is one to
 * one (the default) there are one writer and one reader at a time; with IPCBUS_RING_MANY up to 64 of both together,
 * and each message goes to one of the readers.
 *
 * Death. A process may be killed at any instruction. What it had not committed is never read; what it had peeked and
 * not released is read again by whoever reads next; nobody waits for it for good: who has to wait looks every 100 ms
 * whether the others live (ipcbus_ring_set_patience()). Proof of life is a lock on a byte of the memfd, which the
 * kernel takes away from the dead; it needs /proc. A ring is not inherited over fork(): the child may only close it.
 *
 * Distrust. The other side may write anything anywhere into the memory at any time. The library never reads or writes
 * outside of it and never runs in circles for it; it answers -EBADMSG where the ring makes no sense any more, and from
 * then on for that handle. What peek shows lies in that memory: an untrusted writer may change it while it is looked
 * at. Copy what has to be checked first, or use ipcbus_ring_receive().
 *
 * Threads. A handle belongs to one thread at a time; several threads open the ring several times (IPCBUS_RING_MANY).
 * ipcbus_ring_create(), ipcbus_ring_open() and ipcbus_ring_close() may be called from any thread. No call here is
 * async-signal-safe.
 *
 * Errors are negative errno values. Outputs (ret_...) are written only on success. Sizes are bytes, times
 * microseconds. */
#ifndef IPCBUS_RING_H
#define IPCBUS_RING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What may be asked of the library at run time: ipcbus_ring_version(). */
#define IPCBUS_RING_VERSION 1 /* of the layout in memory; the library refuses every other */

#define IPCBUS_RING_CAPACITY_MIN ((uint64_t)4096) /* or one page, where that is larger */
#define IPCBUS_RING_CAPACITY_MAX ((uint64_t)1 << 30)
#define IPCBUS_RING_PARTICIPANTS 64  /* writers and readers together, IPCBUS_RING_MANY */
#define IPCBUS_RING_BATCH_MAX    256 /* records of one batch, IPCBUS_RING_MANY; one to one there is no limit but room */

#define IPCBUS_RING_FOREVER UINT64_MAX /* a time-out that never comes */

/* Properties of a ring, fixed when it is created. */
enum {
        IPCBUS_RING_MANY = 1,   /* up to 64 writers and readers, else one of each */
        IPCBUS_RING_AWAKE = 2,  /* nobody ever sleeps: every wait spins. Publishing costs no memory barrier, so it is
                                 * the  fastest for single messages, and burns a CPU while it waits */
        IPCBUS_RING_PACKED = 4, /* one to one: records lie close together (at 8 bytes) instead of beginning on a cache
                                 * line: more messages fit, and small ones go through faster in batches; one of them
                                 * alone takes longer, as it can touch two lines */
};

typedef enum IpcbusRingRole {
        IPCBUS_RING_OBSERVER, /* looks and recovers, takes no place among the participants */
        IPCBUS_RING_WRITER,
        IPCBUS_RING_READER,
} IpcbusRingRole;

/* How a handle waits for data or for room. */
typedef enum IpcbusRingWait {
        IPCBUS_RING_ADAPTIVE, /* spin some microseconds, then sleep; at once where all can only run on one CPU. Default
                               */
        IPCBUS_RING_BLOCK,    /* sleep at once (futex) */
        IPCBUS_RING_SPIN, /* never sleep; give way (sched_yield) where all can only run on one CPU. Default, and the
                           * only one, with IPCBUS_RING_AWAKE */
} IpcbusRingWait;

typedef struct IpcbusRing IpcbusRing;

/* The version of the layout that this library speaks. */
unsigned ipcbus_ring_version(void);

/* Makes a ring: a memfd, CLOEXEC, zeroed, all of its memory there, sealed (shrink, grow, seal). `name` appears in
 * /proc/PID/maps. `capacity` is rounded up to a power of two; a ring larger than the second-level cache of one core
 * and smaller than the shared third level is the fastest (4 MiB, say). Nobody has to open it before it is handed on.
 * -EINVAL: capacity or flags; else what memfd_create(2), ftruncate(2), fallocate(2) and mmap(2) say (-ENOMEM,
 * -EMFILE, -ENOSPC, ...). */
int ipcbus_ring_create(const char *name, uint64_t capacity, unsigned flags, int *ret_fd);

/* Opens a ring; `fd` stays the caller's and may be closed afterwards. The memory is mapped and faulted in (of an
 * observer where it is looked at). -EINVAL: role; -EMEDIUMTYPE: no ring, not sealed, or of the wrong size;
 * -EPROTONOSUPPORT: another version of the layout; -EBUSY: somebody alive has that place (one to one; said after some
 * 30 ms), -EUSERS: all 64 places are taken; -EBADMSG: what lies in the ring makes no sense; -ENOENT: /proc is not
 * mounted; else what open(2), mmap(2) and fcntl(2) say. Who comes after one that was killed goes on where that one
 * stopped. */
int ipcbus_ring_open(int fd, IpcbusRingRole role, IpcbusRing **ret_ring);

/* Leaves the ring: what was reserved is given up, what was peeked and not released will be read by somebody else,
 * those who wait are told. NULL is taken. Returns NULL. After fork() the child calls it to get rid of what it cannot
 * use. */
IpcbusRing *ipcbus_ring_close(IpcbusRing *ring);

/* How this handle waits, and how long IPCBUS_RING_ADAPTIVE spins (microseconds; 0: the default, 12).
 * -EINVAL: no such way; -EOPNOTSUPP: it would sleep in a ring with IPCBUS_RING_AWAKE. */
int ipcbus_ring_set_wait(IpcbusRing *ring, IpcbusRingWait wait, unsigned spin_usec);

/* How often, while it waits, this handle looks whether the others live; 0: never, because somebody else does and calls
 * ipcbus_ring_recover(). Default 100000. */
void ipcbus_ring_set_patience(IpcbusRing *ring, uint64_t usec);

unsigned ipcbus_ring_flags(const IpcbusRing *ring);
uint64_t ipcbus_ring_capacity(const IpcbusRing *ring);
size_t ipcbus_ring_message_max(const IpcbusRing *ring);

/* Writing, in place or by copy. Common errors: -EBADF: the handle does not write; -EBADMSG: the ring is corrupt.
 *
 * Waiting ends with -EAGAIN if the time-out is 0, -ETIMEDOUT, -EINTR (a signal's handler ran while it slept), or
 * -EPIPE: there were readers, all are gone or dead, and there is no room. As long as there is room, writing goes on
 * without them. */

/* Room for a message of at most `size` bytes, aligned to 8 bytes, its contents undefined. Nothing else may be reserved
 * until it was committed, appended or aborted. Batches are published before it waits.
 * -EMSGSIZE: more than ipcbus_ring_message_max(); -EALREADY: something is reserved; -ENOBUFS: the batch is full
 * (IPCBUS_RING_BATCH_MAX). */
int ipcbus_ring_reserve(IpcbusRing *ring, size_t size, uint64_t timeout_usec, void **ret_data);
/* Publishes what was reserved, `size` bytes of it, and all that was appended before. -EINVAL: nothing reserved, or
 * more than that; -EOWNERDEAD: it was taken for dead (its lock was lost) and the record was given up. */
int ipcbus_ring_commit(IpcbusRing *ring, size_t size);
/* Gives up what was reserved. -EINVAL: nothing is. */
int ipcbus_ring_abort(IpcbusRing *ring);

/* A batch: append closes a record like commit, but nobody sees it until publish, which shows all of them at once, for
 * the price of one. Publishing nothing is no error. */
int ipcbus_ring_append(IpcbusRing *ring, size_t size);
int ipcbus_ring_publish(IpcbusRing *ring);

/* Reserves, copies, commits. */
int ipcbus_ring_send(IpcbusRing *ring, const void *data, size_t size, uint64_t timeout_usec);
/* Sends many, published together as far as there is room; waits until at least one went, and for no more. Returns how
 * many went (0 only if count is 0). */
int ipcbus_ring_send_many(IpcbusRing *ring, const struct iovec *messages, size_t count, uint64_t timeout_usec);

/* Reading, in place or by copy. Common errors: -EBADF: the handle does not read; -EBADMSG: the ring is corrupt.
 *
 * Waiting ends with -EAGAIN if the time-out is 0, -ETIMEDOUT, -EINTR, or -EPIPE: there were writers, all are gone or
 * dead, and nothing is left. */

/* The next message where it lies, aligned to 8 bytes. Each call goes one further: what was peeked stays where it is
 * until it is released. -ENOBUFS: IPCBUS_RING_BATCH_MAX were peeked (IPCBUS_RING_MANY). */
int ipcbus_ring_peek(IpcbusRing *ring, uint64_t timeout_usec, const void **ret_data, size_t *ret_size);
/* Gives back the room of all that was peeked. Releasing nothing is no error. */
int ipcbus_ring_release(IpcbusRing *ring);

/* Takes the next message and copies it. -EMSGSIZE: it is longer than `size`, and still there; -EALREADY: something was
 * peeked and not released. */
int ipcbus_ring_receive(IpcbusRing *ring, void *buffer, size_t size, uint64_t timeout_usec, size_t *ret_size);
/* Waits until there is something to read (or to peek further). */
int ipcbus_ring_wait_readable(IpcbusRing *ring, uint64_t timeout_usec);

/* Looking after a ring. Any handle may. */

/* Looks for dead participants and undoes what they held: reservations are voided, peeked messages go to other readers,
 * waiters are told. Returns how many were found. A service that has a pidfd of each calls it when one becomes
 * readable; who waits does it by itself. */
int ipcbus_ring_recover(IpcbusRing *ring);

typedef struct IpcbusRingState {
        uint64_t capacity;
        uint64_t used;     /* bytes from the oldest record that was not given back to the newest, with their headers */
        uint64_t written;  /* bytes that ever went through, with headers */
        uint64_t messages; /* committed and not yet released, one to one; taken or not */
        unsigned flags;
        unsigned writers; /* that live */
        unsigned readers;
        unsigned dead;         /* participants that died and were not recovered */
        unsigned waiting_data; /* participants that sleep for data (they say), and for room */
        unsigned waiting_room;
        uint64_t voided;   /* reservations of the dead that were given up, IPCBUS_RING_MANY */
        uint64_t returned; /* peeked messages of the dead that went to others, IPCBUS_RING_MANY */
} IpcbusRingState;

/* One look; in a ring that moves the numbers are of slightly different moments. They are what the participants say:
 * an untrusted one may lie. `size` is sizeof(IpcbusRingState) as the caller knows it. */
int ipcbus_ring_state(IpcbusRing *ring, IpcbusRingState *ret_state, size_t size);

typedef struct IpcbusRingParticipant {
        IpcbusRingRole role;
        int alive;         /* proved by its lock */
        int asleep;        /* 1 for data, 2 for room: what it says */
        uint32_t pid;      /* what it says, in its own PID namespace */
        uint64_t start;    /* its start time in clock ticks since boot, field 22 of /proc/PID/stat: what it says */
        uint64_t messages; /* sent or received through this handle, brought up to date now and then */
        uint64_t sleeps;   /* times it slept */
        uint64_t wakes;    /* system calls it made to wake others */
} IpcbusRingParticipant;

/* The participant at `place` (0 to IPCBUS_RING_PARTICIPANTS - 1). -ENOENT: nobody is; -EINVAL: no such place. */
int ipcbus_ring_participant(IpcbusRing *ring, unsigned place, IpcbusRingParticipant *ret_participant, size_t size);

#ifdef __cplusplus
}
#endif

#endif
