/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kind ring: messages between processes through a sealed memfd, with no system call on the way (libipcbus-ring).
 *
 * fds[0] is the service's descriptor, which keeps the memory as that of a memfd does. fds[1] tells who closes it
 * (ring-look.c). Making one takes all of its memory, sending and receiving map it: those are a worker's. The service
 * itself maps it only to look and to recover; that is safe of what is sealed against shrinking and in ordinary pages:
 * no access to it can be SIGBUS, whatever others do. */
#include "ring-kind.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <ring-core.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "checks.h"
#include "cleanup.h"
#include "fd-fetch.h"
#include "kind-helpers.h"
#include "kinds.h"
#include "limit-facts.h"
#include "memfd.h"
#include "memory-file.h"
#include "scan.h"
#include "trait-tables.h"

#define SIZE_DEFAULT (UINT64_C(1) << 20)

bool ring_is(int fd) {
        int seals = fcntl(fd, F_GET_SEALS);
        uint64_t magic = 0;
        struct statfs fs;

        return seals >= 0 && seals & F_SEAL_SHRINK && fstatfs(fd, &fs) >= 0 && fs.f_type == TMPFS_MAGIC &&
               pread(fd, &magic, sizeof magic, 0) == sizeof magic && magic == RING_MAGIC;
}

RingName ring_name(const KernelObject *object) {
        RingName name;

        (void)snprintf(name.text, sizeof name.text, RING_KIND ":[%" PRIu64 "]", object->address.number);
        return name;
}

static int ring_probe(Record *facts, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        int r;

        r = ipcbus_ring_create("ipcbus-probe", IPCBUS_RING_CAPACITY_MIN, 0, &fd);
        if (r < 0)
                return error_set_errno(error, r, "No ring can be made here");
        if (access("/proc/self/fd", R_OK | X_OK) < 0)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "A ring is opened through /proc/self/fd, which cannot be used here: %s.", strerror(errno));
        limit_append(facts, "IPCBUS_RING_CAPACITY_MAX", IPCBUS_RING_CAPACITY_MAX, "bytes", "ipcbus-ring.h");
        limit_append(facts, "message_max", IPCBUS_RING_CAPACITY_MAX / 2 - RING_RECORD_HEAD,
                "bytes: half of the largest ring, and of any", "ipcbus_ring_message_max()");
        limit_append(facts, "IPCBUS_RING_PARTICIPANTS", IPCBUS_RING_PARTICIPANTS,
                "writers and readers of one that is many to many", "ipcbus-ring.h");
        limit_append(facts, "layout", ipcbus_ring_version(), "version", "ipcbus_ring_version()");
        return 0;
}

/* What a descriptor is: address, identity, owner, size. */
static int ring_fill(KernelObject *object, int fd, Error *error) {
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return error_set_errno(error, errno, "The ring cannot be looked at");
        r = address_set_number(&object->address, RING_KIND, ADDRESS_INODE, st.st_ino);
        if (r < 0)
                return error_set_errno(error, r, "The address of the ring cannot be kept");
        kernel_object_from_stat(object, &st);
        object->created = birth_of_file(fd, "");
        object->bytes = (uint64_t)st.st_size;
        object->unnamed = true;
        return 0;
}

static unsigned flags_from_options(const Record *options) {
        return (record_get_bool(options, "many", false) ? IPCBUS_RING_MANY : 0u) |
               (record_get_bool(options, "awake", false) ? IPCBUS_RING_AWAKE : 0u) |
               (record_get_bool(options, "packed", false) ? IPCBUS_RING_PACKED : 0u);
}

static int ring_create(KernelObject *object, const Record *options, Error *error) {
        const char *name = record_get_string(options, "name", "ipcbus-ring");
        uint64_t size = record_get_u64(options, "size", SIZE_DEFAULT);
        unsigned flags = flags_from_options(options);
        CLEANUP_FD int fd = -EBADF;
        int r;

        if (strlen(name) > MEMFD_NAME_MAX)
                return error_set(error, ERROR_INVALID_OPTION,
                        "The name of a ring has %d bytes at the most (memfd_create(2)), not %zu.", MEMFD_NAME_MAX,
                        strlen(name));
        if (flags & IPCBUS_RING_MANY && flags & IPCBUS_RING_PACKED)
                return error_set(error, ERROR_INVALID_OPTION,
                        "packed is for a ring with one writer and one reader; leave many or packed out.");
        r = ipcbus_ring_create(name, size, flags, &fd);
        if (r == -ENOMEM || r == -ENOSPC)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "There is no memory for a ring of %" PRIu64 " bytes (%s); ask for less.", size,
                        strerrorname_np(-r));
        if (r < 0)
                return error_set_errno(error, r, "The ring \"%.80s\" of %" PRIu64 " bytes cannot be made", name, size);
        r = ring_fill(object, fd, error);
        if (r < 0)
                return r;
        object->created = realtime_now();
        object->fds[0] = fd_take(&fd);
        return 0;
}

/* As long as the service has it open for writing nobody can have a lease on it, which would make opening it once more,
 * as the library does, wait. */
static int open_for_writing(int fd, int *ret_fd, Error *error) {
        int flags = fcntl(fd, F_GETFL), r;

        *ret_fd = -EBADF;
        if (flags >= 0 && (flags & O_ACCMODE) == O_RDWR)
                return 0;
        r = memory_file_reopen(fd, O_RDWR, ret_fd);
        if (r == -EAGAIN)
                return memory_file_leased("The ring", error);
        return r < 0 ? error_set_errno(
                               error, r, "Who uses a ring has to write into it, and this one cannot be opened so")
                     : 0;
}

static int ring_from_fd(KernelObject *object, int fd, const Record *options, Error *error) {
        CLEANUP_FD int writable = -EBADF;
        char name[MEMFD_NAME_SIZE];
        int r;

        if (!ring_is(fd) || memfd_name(fd, name) < 0)
                return -EMEDIUMTYPE;
        r = open_for_writing(fd, &writable, error);
        if (r >= 0)
                r = ring_fill(object, fd, error);
        if (r < 0)
                return r;
        object->fds[0] = writable >= 0 ? fd_take(&writable) : fd;
        if (object->fds[0] != fd)
                (void)fd_close(fd);
        return 0;
}

static bool ring_needs_fetch(const Address *address) {
        return true;
}

/* Of a number that other memory has the descriptor would be none of a ring: from_fd() looks. */
static int ring_fetch(Address *address, const Record *options, int *ret_fd, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        dev_t devices[MEMFD_DEVICES_MAX];
        char what[40];
        int r;

        if (memfd_devices(devices) == 0)
                return error_set(error, ERROR_NOT_SUPPORTED, "No memfd can be made here, so none can be found.");
        (void)snprintf(what, sizeof what, RING_KIND ":[%" PRIu64 "]", address->number);
        r = fd_fetch(&(HolderKey){ .type = HOLDER_FILE, .device = devices[0], .number = address->number },
                FETCH_REOPEN, O_RDWR, what, &fd, error);
        if (r < 0)
                return r;
        if (!ring_is(fd))
                return error_set(error, ERROR_NO_SUCH_OBJECT,
                        "What has the inode %" PRIu64 " is no ring but other shared memory.", address->number);
        *ret_fd = fd_take(&fd);
        return 0;
}

static void ring_close(KernelObject *object) {
        object->state = ring_state_free(object->state);
        object->fds[0] = fd_close(object->fds[0]);
        object->fds[1] = fd_close(object->fds[1]);
}

/* Gone with its last descriptor and mapping, and this is the service's. */
static int ring_remove(KernelObject *object, Error *error) {
        ring_close(object);
        return 0;
}

static int given_away(const KernelObject *object, Error *error) {
        RingName name = ring_name(object);

        return error_set(error, ERROR_NOT_SUPPORTED,
                "The service holds no descriptor of %s any more: it was given away.", name.text);
}

int ring_join_failed(const KernelObject *object, IpcbusRingRole role, int r, Error *error) {
        static const char *const does[] = { "look into", "write into", "read from" };
        RingName name = ring_name(object);

        switch (r) {
        case -EBUSY:
                return error_set(error, ERROR_BUSY,
                        "Another process %s %s, and one to one there is a place for one; wait until it closes it, or "
                        "make a ring with many=true.",
                        role == IPCBUS_RING_WRITER ? "writes into" : "reads from", name.text);
        case -EUSERS:
                return error_set(error, ERROR_LIMIT_EXCEEDED, "All %d places of %s are taken.",
                        IPCBUS_RING_PARTICIPANTS, name.text);
        case -EMEDIUMTYPE:
        case -EBADMSG:
                return error_set(error, ERROR_FAILED,
                        "What lies in %s makes no sense: some process that has it wrote over it (%s). Nothing of it "
                        "can be used; remove it.",
                        name.text, strerrorname_np(-r));
        case -EPROTONOSUPPORT:
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "%s has another version of the layout than this library, which knows %u.", name.text,
                        ipcbus_ring_version());
        default:
                return error_set_errno(error, r, "This user cannot %s %s", does[role], name.text);
        }
}

int ring_join(const KernelObject *object, IpcbusRingRole role, IpcbusRing **ret, Error *error) {
        int r;

        if (object->fds[0] < 0)
                return given_away(object, error);
        r = ipcbus_ring_open(object->fds[0], role, ret);
        return r < 0 ? ring_join_failed(object, role, r, error) : 0;
}

static int ring_open_end(KernelObject *object, const char *end, bool take, int *ret_fd, Error *error) {
        RingName name = ring_name(object);
        int r;

        r = single_end_check(object, end, error);
        if (r < 0)
                return r;
        if (object->fds[0] < 0)
                return given_away(object, error);
        r = memory_file_reopen(object->fds[0], O_RDWR, ret_fd);
        if (r < 0)
                return error_set_errno(
                        error, r, "%s cannot be opened again through /proc/self/fd, as its end needs", name.text);
        if (take)
                ring_close(object);
        return 0;
}

static int ring_holder_keys(const KernelObject *object, HolderKey *ret_keys, size_t *n) {
        struct stat st;

        if (object->fds[0] < 0 || fstat(object->fds[0], &st) < 0)
                return -ESTALE;
        return holder_key_from_stat(&st, ret_keys, n);
}

static const OptionSpec ring_options[] = {
        { "name", OPTION_STRING, OPTION_FOR_CREATE, "ipcbus-ring", 0, 0,
                "what /proc shows of its memory; several may have the same" },
        { "size", OPTION_SIZE, OPTION_FOR_CREATE, "1M", IPCBUS_RING_CAPACITY_MIN, IPCBUS_RING_CAPACITY_MAX,
                "bytes for messages, rounded up to a power of two; all of it is taken at once" },
        { "many", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0,
                "up to 64 writers and readers together, each message to one of them; else one of each" },
        { "awake", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0,
                "nobody who waits ever sleeps: the fastest, and it burns a CPU" },
        { "packed", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0,
                "one to one: messages lie close together, so that more fit and small ones in batches go faster" },
        { "size", OPTION_SIZE, OPTION_FOR_RECEIVE | OPTION_FOR_PEEK, "16M", 0, 0,
                "the longest message to take; a longer one stays" },
        { "index", OPTION_COUNT, OPTION_FOR_PEEK, "0", 0, IPCBUS_RING_BATCH_MAX - 1,
                "which message, from 0 in the order of sending" },
        {},
};

static const char *const ring_ends[] = { "ring", NULL };

const Mechanism mechanism_ring = {
        .kind = RING_KIND,
        .title = "lock-free ring in shared memory",
        .family = "synchronised shared memory",
        .capabilities = CAPABILITY_MESSAGE_QUEUE,
        .address_forms = 1u << ADDRESS_INODE,
        .facts = {
                .direction = "simplex",
                .boundaries = true,
                .order = "first in, first out; of several writers each keeps its own order",
                .persistence = "until the last descriptor and mapping are gone",
                .carries_data = true,
                .source = "ipcbus-ring.h",
        },
        .ends = ring_ends,
        .options = ring_options,
        .in_worker = 1u << OPERATION_CREATE | 1u << OPERATION_SEND | 1u << OPERATION_RECEIVE | 1u << OPERATION_PEEK,
        .reasons = {
                [OPERATION_POST] = "A ring has no counter; send a message, which may be empty.",
                [OPERATION_WAIT] = "A ring has no counter to wait for; receive waits for a message.",
                [OPERATION_ACCEPT] = "A ring has no connections: who has its descriptor can use it.",
                [OPERATION_RESIZE] = "A ring is sealed against growing and shrinking; make another one.",
                [OPERATION_SEAL] = "A ring is sealed when it is made, also against more seals.",
                [OPERATION_LISTEN] = "A ring receives no signals.",
        },
        .probe = ring_probe,
        .create = ring_create,
        .from_fd = ring_from_fd,
        .within = ring_is,
        .needs_fetch = ring_needs_fetch,
        .fetch = ring_fetch,
        .explain = ring_explain,
        .close = ring_close,
        .remove = ring_remove,
        .send = ring_send,
        .receive = ring_receive,
        .open_end = ring_open_end,
        .describe = ring_describe,
        .inspect = ring_inspect,
        .watch_on = ring_watch_on,
        .watch = ring_watch,
        .scan = ring_scan,
        .holder_keys = ring_holder_keys,
        .transport = &ring_transport,
        .more_transports = ring_more_transports,
        .example = "size=1M",
        .traits = ring_traits,
        .checks = ring_checks,
        .gaps = ring_gaps,
};
