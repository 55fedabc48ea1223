/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a ring is and holds, who uses it, and who can.
 *
 * When a process that has a ring dies, the kernel closes its descriptors and mappings, and inotify(7) says so
 * (IN_CLOSE_WRITE): the service then has the ring recovered, without ever having waited for it. The state of an object
 * is a handle that only looks; it stays open, for each closing of one would be told as well. */
#include "ring-kind.h"

#include <errno.h>
#include <fcntl.h>
#include <ring-core.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "explain-held.h"
#include "kinds.h"
#include "memfd.h"
#include "memory-file.h"
#include "memory-seals.h"
#include "scan.h"

enum {
        LOOKS = 8, /* for who has just died */
        LOOK_USEC = 50,
};

struct RingState {
        IpcbusRing *observer;
        RingHead head; /* as it was when the handle was opened: whoever wants to open the ring later needs it */
        unsigned participants; /* when last looked at */
};

RingState *ring_state_free(RingState *state) {
        if (!state)
                return NULL;
        ipcbus_ring_close(state->observer);
        free(state);
        return NULL;
}

static bool head_read(int fd, RingHead *ret) {
        return pread(fd, ret, sizeof *ret, 0) == (ssize_t)sizeof *ret;
}

/* The handle, opened when it is first wanted; else what the library says. */
static int state_of(KernelObject *object, RingState **ret) {
        RingState *state;
        int r;

        if (object->state) {
                *ret = object->state;
                return 0;
        }
        state = calloc(1, sizeof *state);
        if (!state)
                return -ENOMEM;
        r = object->fds[0] < 0 ? -EBADF : ipcbus_ring_open(object->fds[0], IPCBUS_RING_OBSERVER, &state->observer);
        if (r >= 0 && !head_read(object->fds[0], &state->head))
                r = -EBADMSG;
        if (r < 0) {
                (void)ring_state_free(state);
                return r;
        }
        *ret = object->state = state;
        return 0;
}

static void describe_state(const IpcbusRingState *look, Record *attributes) {
        record_set_bool(attributes, "many", look->flags & IPCBUS_RING_MANY);
        record_set_bool(attributes, "awake", look->flags & IPCBUS_RING_AWAKE);
        record_set_bool(attributes, "packed", look->flags & IPCBUS_RING_PACKED);
        record_set_u64(attributes, "capacity", look->capacity);
        record_set_u64(attributes, "used", look->used);
        record_set_u64(attributes, "messages", look->messages);
        record_set_u64(attributes, "written", look->written);
        record_set_u64(attributes, "writers", look->writers);
        record_set_u64(attributes, "readers", look->readers);
        record_set_u64(attributes, "dead", look->dead);
        record_set_u64(attributes, "waiting_for_data", look->waiting_data);
        record_set_u64(attributes, "waiting_for_room", look->waiting_room);
        record_set_u64(attributes, "voided", look->voided);
        record_set_u64(attributes, "returned", look->returned);
}

int ring_describe(KernelObject *object, Record *attributes, Error *error) {
        char name[MEMFD_NAME_SIZE];
        IpcbusRingState look;
        RingState *state;
        RingHead head;
        struct stat st;
        int r;

        record_set_bool(attributes, "held", object->fds[0] >= 0);
        if (object->fds[0] < 0)
                return record_error(attributes);
        if (fstat(object->fds[0], &st) < 0)
                return error_set_errno(error, errno, "The ring cannot be looked at");
        if (memfd_name(object->fds[0], name) >= 0)
                record_set_string(attributes, "name", name);
        memory_file_describe(&st, attributes);
        memory_seals_describe(object->fds[0], attributes);
        r = state_of(object, &state);
        if (r >= 0)
                r = ipcbus_ring_state(state->observer, &look, sizeof look);
        if (r >= 0 && head_read(object->fds[0], &head) && memcmp(&head, &state->head, sizeof head) != 0)
                r = -EBADMSG;
        record_set_bool(attributes, "corrupt", r == -EBADMSG || r == -EMEDIUMTYPE);
        if (r >= 0) {
                describe_state(&look, attributes);
                record_set_u64(attributes, "message_size", ipcbus_ring_message_max(state->observer));
        }
        return record_error(attributes);
}

/* What the participants say of themselves; that they live the kernel says, by their locks. */
static int describe_participant(const IpcbusRingParticipant *one, Record *attributes) {
        static const char *const roles[] = { "observer", "writer", "reader" };
        static const char *const sleeps[] = { "no", "for a message", "for room" };
        CLEANUP(record_freep) Record *row = NULL;
        int r;

        r = record_new(&row);
        if (r < 0)
                return r;
        record_set_string(row, "role", (unsigned)one->role < 3 ? roles[one->role] : "unknown");
        record_set_u64(row, "pid", one->pid);
        record_set_bool(row, "alive", one->alive);
        record_set_string(row, "asleep", (unsigned)one->asleep < 3 ? sleeps[one->asleep] : "unknown");
        record_set_u64(row, "messages", one->messages);
        record_set_u64(row, "sleeps", one->sleeps);
        record_set_u64(row, "wakes", one->wakes);
        record_append_record(attributes, "participants", TAKE_POINTER(row));
        return 0;
}

int ring_inspect(KernelObject *object, Record *attributes, Error *error) {
        IpcbusRingParticipant one;
        RingState *state;
        int r;

        r = state_of(object, &state);
        /* Given away, or corrupt, as its description says. */
        if (r == -EBADF || r == -EMEDIUMTYPE || r == -EBADMSG)
                return 0;
        if (r < 0)
                return ring_join_failed(object, IPCBUS_RING_OBSERVER, r, error);
        for (unsigned i = 0; r >= 0 && i < IPCBUS_RING_PARTICIPANTS; i++)
                if (ipcbus_ring_participant(state->observer, i, &one, sizeof one) >= 0)
                        r = describe_participant(&one, attributes);
        return r < 0 ? r : record_error(attributes);
}

/* --- The end of a participant --- */

int ring_watch_on(KernelObject *object, int *ret_fd, uint32_t *ret_events) {
        CLEANUP_FD int fd = -EBADF;
        RingState *state;
        char path[32];
        int r;

        if (object->fds[0] < 0)
                return -EOPNOTSUPP;
        /* First: that it opens its descriptor is no news. */
        r = state_of(object, &state);
        if (r < 0)
                return r;
        if (object->fds[1] < 0) {
                (void)snprintf(path, sizeof path, "/proc/self/fd/%d", object->fds[0]);
                fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
                if (fd < 0 || inotify_add_watch(fd, path, IN_OPEN | IN_CLOSE_WRITE) < 0)
                        return -errno;
                object->fds[1] = fd_take(&fd);
        }
        *ret_fd = object->fds[1];
        *ret_events = EPOLLIN;
        return 0;
}

/* True: somebody closed it. */
static bool drain(int fd) {
        _Alignas(struct inotify_event) char buffer[4096];
        bool closed = false;
        ssize_t n;

        while ((n = read(fd, buffer, sizeof buffer)) > 0)
                for (const char *p = buffer; p < buffer + n;) {
                        const struct inotify_event *event = (const struct inotify_event *)(const void *)p;

                        closed = closed || event->mask & (IN_CLOSE_WRITE | IN_Q_OVERFLOW);
                        p += sizeof *event + event->len;
                }
        return closed;
}

static unsigned participants(const RingState *state) {
        IpcbusRingState look;

        return ipcbus_ring_state(state->observer, &look, sizeof look) < 0 ? 0
                                                                          : look.writers + look.readers + look.dead;
}

/* The kernel tells of the closing a moment before it gives up the lock that proves that a participant lives
 * (__fput()), so one that has just died is looked for again, shortly; who waits in the ring finds it later anyway. How
 * many were found. */
static unsigned recover(const RingState *state, unsigned before) {
        int r = ipcbus_ring_recover(state->observer);

        for (unsigned i = 0; i < LOOKS && r == 0 && participants(state) >= before && before > 0; i++) {
                (void)usleep(LOOK_USEC);
                r = ipcbus_ring_recover(state->observer);
        }
        return r > 0 ? (unsigned)r : 0;
}

void ring_watch(KernelObject *object, uint32_t revents, EventSink *sink) {
        CLEANUP(record_freep) Record *details = NULL;
        unsigned before, recovered = 0;
        RingState *state;
        bool closed;

        closed = drain(object->fds[1]);
        if (state_of(object, &state) < 0)
                return;
        before = participants(state);
        if (state->participants > before)
                before = state->participants;
        if (closed)
                recovered = recover(state, before);
        state->participants = participants(state);
        if (!closed || (recovered == 0 && state->participants >= before) || record_new(&details) < 0)
                return;
        record_set_u64(details, "participants", state->participants);
        record_set_u64(details, "recovered", recovered);
        sink->emit(sink, EVENT_PEER_CLOSED, details);
}

/* --- All of them --- */

/* What can be known by reading alone: for a list nothing of others' is mapped. */
static void look(int fd, Record *row) {
        RingControl control;
        uint64_t unread;

        if (pread(fd, &control, sizeof control, 0) != sizeof control || control.head.version != IPCBUS_RING_VERSION)
                return;
        unread = control.tail - control.taken;
        if (unread > control.head.capacity)
                unread = control.head.capacity;
        record_set_bool(row, "many", control.head.flags & IPCBUS_RING_MANY);
        record_set_u64(row, "size", control.head.capacity);
        record_set_u64(row, "used", unread);
        record_set_u64(row, "writers", (uint64_t)__builtin_popcountll(control.present[IPCBUS_RING_WRITER]));
        record_set_u64(row, "readers", (uint64_t)__builtin_popcountll(control.present[IPCBUS_RING_READER]));
        record_set_string(row, "state", unread == 0 ? "empty" : "filled");
}

int ring_scan(Scan *scan) {
        return memfd_scan_within(scan, &mechanism_ring, look);
}

/* --- Who may use one --- */

typedef struct Joining {
        HolderKey key;
        IpcbusRingRole role;
        const char *what;
} Joining;

static int try_join(void *userdata, Error *error) {
        const Joining *joining = userdata;
        KernelObject object = KERNEL_OBJECT_EMPTY;
        CLEANUP_FD int fd = -EBADF;
        IpcbusRing *ring = NULL;
        int r;

        r = fd_fetch(&joining->key, FETCH_REOPEN, O_RDWR, joining->what, &fd, error);
        if (r < 0)
                return r;
        object.address.number = joining->key.number;
        object.fds[0] = fd;
        r = ring_join(&object, joining->role, &ring, error);
        ipcbus_ring_close(ring);
        return r;
}

int ring_explain(const Address *address, Explanation *explanation) {
        dev_t devices[MEMFD_DEVICES_MAX] = {};
        Joining joining = { .what = explanation->what };
        int r;

        (void)memfd_devices(devices);
        joining.key = (HolderKey){ .type = HOLDER_FILE, .device = devices[0], .number = address->number };
        r = explain_held(explanation, &joining.key, 1, FETCH_REOPEN, R_OK | W_OK, explanation->what);
        if (r < 0 || explanation->missing)
                return r;
        /* Only looking: who takes a place, however shortly, would be noticed. */
        joining.role = IPCBUS_RING_OBSERVER;
        explain_use(explanation, "open");
        (void)explain_try(explanation, explanation->what, try_join, &joining);
        explain_use(explanation, NULL);
        return 0;
}
