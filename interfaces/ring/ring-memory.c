/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ring.h"

/* Making, checking, mapping and leaving a ring, and who lives: each handle has an open file description of its own (a
 * descriptor that was passed shares that of its sender) and in it a lock on the byte of its place. The kernel drops it
 * when the process has ended, which is after its last store. */

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "ring-many.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

enum { RING_SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

/* Handles of this process, so that the child of a fork() can close their descriptors: it would inherit the locks, and
 * its parent would seem to live. */
static pthread_mutex_t handles_lock = PTHREAD_MUTEX_INITIALIZER;
static IpcbusRing *handles;

static void fork_prepare(void) {
        pthread_mutex_lock(&handles_lock);
}

static void fork_parent(void) {
        pthread_mutex_unlock(&handles_lock);
}

static void fork_child(void) {
        for (IpcbusRing *ring = handles; ring; ring = ring->next) {
                close(ring->lock_fd);
                ring->lock_fd = -EBADF;
                ring->broken = -ECHILD;
        }
        pthread_mutex_unlock(&handles_lock);
}

static void fork_watch(void) {
        pthread_atfork(fork_prepare, fork_parent, fork_child);
}

static void handles_add(IpcbusRing *ring) {
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        pthread_once(&once, fork_watch);
        pthread_mutex_lock(&handles_lock);
        ring->next = handles;
        if (handles)
                handles->previous = ring;
        handles = ring;
        pthread_mutex_unlock(&handles_lock);
}

/* With its descriptor, so that no fork() comes between the two. */
static void handles_drop(IpcbusRing *ring) {
        pthread_mutex_lock(&handles_lock);
        if (ring->lock_fd >= 0)
                close(ring->lock_fd);
        ring->lock_fd = -EBADF;
        if (ring->next)
                ring->next->previous = ring->previous;
        if (ring->previous)
                ring->previous->next = ring->next;
        else if (handles == ring)
                handles = ring->next;
        pthread_mutex_unlock(&handles_lock);
}

static uint64_t round_up(uint64_t value, uint64_t to) {
        return (value + to - 1) / to * to;
}

/* Where the parts lie. Follows from capacity and flags, so that nothing has to be believed. */
static void layout_fill(RingHead *head, uint64_t capacity, unsigned flags) {
        uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), end = round_up(sizeof(RingControl), page);

        *head = (RingHead){
                .magic = RING_MAGIC, .version = IPCBUS_RING_VERSION, .flags = flags, .capacity = capacity
        };
        if (flags & IPCBUS_RING_MANY) {
                head->words_offset = end;
                end += round_up(capacity / RING_UNIT * sizeof(uint64_t), page);
        }
        head->data_offset = end;
}

static bool flags_valid(unsigned flags) {
        return (flags & ~(unsigned)RING_FLAGS) == 0 &&
               (flags & (IPCBUS_RING_MANY | IPCBUS_RING_PACKED)) != (IPCBUS_RING_MANY | IPCBUS_RING_PACKED);
}

RING_API unsigned ipcbus_ring_version(void) {
        return IPCBUS_RING_VERSION;
}

static int ring_fill(int fd, uint64_t capacity, unsigned flags) {
        RingControl *control;
        RingHead head;
        off_t size;
        int r;

        layout_fill(&head, capacity, flags);
        size = (off_t)(head.data_offset + capacity);
        if (ftruncate(fd, size) < 0)
                return -errno;
        do
                r = fallocate(fd, 0, 0, size) < 0 ? -errno : 0;
        while (r == -EINTR);
        if (r < 0)
                return r;
        control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (control == MAP_FAILED)
                return -errno;
        control->head = head;
        if (flags & IPCBUS_RING_MANY) /* Lap 0 is that of words that were never used. */
                control->tail = control->taken = control->freed = capacity;
        munmap(control, sizeof(*control));
        return fcntl(fd, F_ADD_SEALS, RING_SEALS) < 0 ? -errno : 0;
}

RING_API int ipcbus_ring_create(const char *name, uint64_t capacity, unsigned flags, int *ret_fd) {
        uint64_t rounded = (uint64_t)sysconf(_SC_PAGESIZE);
        int fd, r;

        if (!flags_valid(flags) || capacity == 0 || capacity > IPCBUS_RING_CAPACITY_MAX)
                return -EINVAL;
        while (rounded < capacity || rounded < IPCBUS_RING_CAPACITY_MIN)
                rounded *= 2;
        fd = memfd_create(name ? name : "ipcbus-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
        if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
                fd = memfd_create(name ? name : "ipcbus-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        r = ring_fill(fd, rounded, flags);
        if (r < 0) {
                close(fd);
                return r;
        }
        *ret_fd = fd;
        return 0;
}

static int lock_byte(const IpcbusRing *ring, unsigned place, short type, int command, struct flock *ret_lock) {
        *ret_lock = (struct flock){
                .l_type = type, .l_whence = SEEK_SET, .l_start = RING_LOCK_BASE + (off_t)place, .l_len = 1
        };
        return fcntl(ring->lock_fd, command, ret_lock) < 0 ? -errno : 0;
}

int ring_life_take(IpcbusRing *ring, unsigned place) {
        struct flock lock;
        int r = lock_byte(ring, place, F_WRLCK, F_OFD_SETLK, &lock);

        return r == -EACCES ? -EAGAIN : r;
}

void ring_life_drop(IpcbusRing *ring, unsigned place) {
        struct flock lock;

        lock_byte(ring, place, F_UNLCK, F_OFD_SETLK, &lock);
}

int ring_life_look(IpcbusRing *ring, unsigned place) {
        struct flock lock;
        int r;

        if (ring->role != IPCBUS_RING_OBSERVER && place == ring->place)
                return 1;
        r = lock_byte(ring, place, F_WRLCK, F_OFD_GETLK, &lock);
        return r < 0 ? r : lock.l_type != F_UNLCK;
}

/* A description of this handle's own, and the proof that it is a ring: what it is, its seals, its size. */
static int ring_reopen(IpcbusRing *ring, int fd, RingHead *ret_head) {
        char path[32];
        RingHead head, expected;
        struct stat status;
        int seals, r;

        seals = fcntl(fd, F_GET_SEALS);
        if (seals < 0)
                return errno == EBADF ? -EBADF : -EMEDIUMTYPE;
        if ((seals & RING_SEALS) != RING_SEALS || fstat(fd, &status) < 0)
                return -EMEDIUMTYPE;
        if (pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) || head.magic != RING_MAGIC)
                return -EMEDIUMTYPE;
        if (head.version != IPCBUS_RING_VERSION)
                return -EPROTONOSUPPORT;
        if (!flags_valid(head.flags) || head.capacity < IPCBUS_RING_CAPACITY_MIN ||
                head.capacity > IPCBUS_RING_CAPACITY_MAX || (head.capacity & (head.capacity - 1)) != 0 ||
                head.capacity % (uint64_t)sysconf(_SC_PAGESIZE) != 0)
                return -EMEDIUMTYPE;
        layout_fill(&expected, head.capacity, head.flags);
        if (memcmp(&head, &expected, sizeof(head)) != 0 || status.st_size != (off_t)(head.data_offset + head.capacity))
                return -EMEDIUMTYPE;
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        pthread_mutex_lock(&handles_lock);
        ring->lock_fd = open(path, O_RDWR | O_CLOEXEC);
        r = ring->lock_fd < 0 ? -errno : 0;
        pthread_mutex_unlock(&handles_lock);
        if (r == 0)
                *ret_head = head;
        return r;
}

/* The file, and behind it its data once more. Who only looks does not wait until all of it is mapped in. */
static int ring_map(IpcbusRing *ring, const RingHead *head) {
        int flags = MAP_SHARED | MAP_FIXED | (ring->role != IPCBUS_RING_OBSERVER ? MAP_POPULATE : 0);
        uint64_t file = head->data_offset + head->capacity;
        uint8_t *map;

        map = mmap(NULL, file + head->capacity, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (map == MAP_FAILED)
                return -errno;
        ring->map = map;
        ring->map_size = file + head->capacity;
        if (mmap(map, file, PROT_READ | PROT_WRITE, flags, ring->lock_fd, 0) == MAP_FAILED ||
                mmap(map + file, head->capacity, PROT_READ | PROT_WRITE, flags, ring->lock_fd,
                        (off_t)head->data_offset) == MAP_FAILED)
                return -errno;
        if (madvise(map, ring->map_size, MADV_DONTFORK) < 0)
                return -errno;
        ring->control = (RingControl *)(void *)map;
        ring->words = (uint64_t *)(void *)(map + head->words_offset);
        ring->data = map + head->data_offset;
        return 0;
}

void ring_cpu_refresh(IpcbusRing *ring) {
        cpu_set_t set;

        if (sched_getaffinity(0, sizeof(set), &set) < 0 || CPU_COUNT(&set) != 1)
                ring->cpu = 0;
        else
                for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
                        if (CPU_ISSET(cpu, &set))
                                ring->cpu = cpu + 1;
        if (ring->role != IPCBUS_RING_OBSERVER)
                ring_store_relaxed(&ring->control->places[ring->place].cpu, ring->cpu);
}

bool ring_is_crowded(const IpcbusRing *ring) {
        RingControl *control = ring->control;
        uint64_t others = ring_load(&control->present[IPCBUS_RING_WRITER]) |
                          ring_load(&control->present[IPCBUS_RING_READER]);

        if (ring->cpu == 0)
                return false;
        for (unsigned i = 0; others != 0; i++, others >>= 1)
                if ((others & 1) && i != ring->place && ring_load_relaxed(&control->places[i].cpu) != ring->cpu)
                        return false;
        return true;
}

/* Field 22 of /proc/self/stat; 0 where that cannot be read. */
static uint64_t own_start(void) {
        char text[1024], *at;
        uint64_t start = 0;
        ssize_t size;
        int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return 0;
        size = read(fd, text, sizeof(text) - 1);
        close(fd);
        if (size <= 0)
                return 0;
        text[size] = '\0';
        at = strrchr(text, ')');
        for (unsigned field = 2; at && field < 22; field++)
                at = strchr(at + 1, ' ');
        if (at)
                start = strtoull(at, NULL, 10);
        return start;
}

void ring_place_sign(IpcbusRing *ring, RingPlace *place) {
        *place = (RingPlace){ .pid = (uint64_t)getpid(), .start = own_start() };
        ring_cpu_refresh(ring);
}

static void ring_free(IpcbusRing *ring) {
        if (ring->map)
                munmap(ring->map, ring->map_size);
        free(ring->held);
        free(ring);
}

static int ring_attach(IpcbusRing *ring, int fd) {
        RingHead head = { 0 };
        int r;

        r = ring_reopen(ring, fd, &head);
        if (r < 0)
                return r;
        r = ring_map(ring, &head);
        if (r < 0)
                return r;
        ring->capacity = head.capacity;
        ring->flags = head.flags;
        ring->align = head.flags & IPCBUS_RING_PACKED ? 8 : RING_UNIT;
        ring->message_max = head.capacity / 2 - RING_RECORD_HEAD;
        ring->wait = head.flags & IPCBUS_RING_AWAKE ? IPCBUS_RING_SPIN : IPCBUS_RING_ADAPTIVE;
        if (ring_is_many(ring)) {
                while (UINT64_C(1) << ring->length_bits < ring->capacity / RING_UNIT)
                        ring->length_bits++;
                ring->lap_mask = (UINT64_C(1) << (64 - MANY_LENGTH_SHIFT - ring->length_bits)) - 1;
                ring->held = calloc(IPCBUS_RING_BATCH_MAX, sizeof(*ring->held));
                if (!ring->held)
                        return -ENOMEM;
        }
        if (ring->role == IPCBUS_RING_OBSERVER)
                return 0;
        return ring_place_take(ring);
}

RING_API int ipcbus_ring_open(int fd, IpcbusRingRole role, IpcbusRing **ret_ring) {
        IpcbusRing *ring;
        int r;

        if (role < IPCBUS_RING_OBSERVER || role > IPCBUS_RING_READER)
                return -EINVAL;
        ring = calloc(1, sizeof(*ring));
        if (!ring)
                return -ENOMEM;
        ring->role = role;
        ring->lock_fd = -EBADF;
        ring->place = IPCBUS_RING_PARTICIPANTS;
        ring->spin_usec = RING_SPIN_USEC;
        ring->patience_usec = RING_PATIENCE_USEC;
        /* Before it has a descriptor: another thread may fork() at any time. */
        handles_add(ring);
        r = ring_attach(ring, fd);
        if (r < 0) {
                handles_drop(ring);
                ring_free(ring);
                return r;
        }
        ring->looked_usec = ring_now();
        *ret_ring = ring;
        return 0;
}

RING_API IpcbusRing *ipcbus_ring_close(IpcbusRing *ring) {
        if (!ring)
                return NULL;
        if (ring->lock_fd < 0) /* after fork() */
                ring->map = NULL;
        else if (ring->role != IPCBUS_RING_OBSERVER)
                ring_place_leave(ring);
        handles_drop(ring);
        ring_free(ring);
        return NULL;
}
