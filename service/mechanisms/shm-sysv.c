/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kind shm-sysv: System V shared memory (shmget(2), shmop(2)).
 *
 * An object keeps nothing but the identifier of its segment: there is no descriptor, and staying attached would keep a
 * segment alive that others want to be rid of. Reading and writing attach it for the one copy, which shows in its
 * attach time and last pid. A segment has its size for life, so that it cannot be cut off under the service as a file
 * can (shmget(2)); a page of it may still not be had (SHM_NORESERVE), so the copy is made by process_vm_readv(2) on
 * the service itself, which gives an error where an access would give SIGBUS. */
#include "shm-sysv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include "checks.h"
#include "cleanup.h"
#include "kind-helpers.h"
#include "kinds.h"
#include "limit-facts.h"
#include "memory-file.h"
#include "scan.h"
#include "trait-tables.h"
#include "units.h"

#define KIND "shm-sysv"

#ifndef SHM_HUGE_SHIFT
#define SHM_HUGE_SHIFT 26
#endif

static int segment_get(key_t key, int flags) {
        return shmget(key, 0, flags);
}

static int segment_stat(int number, int command, SysvStat *ret) {
        int r = shmctl(number, command, &ret->shm);

        if (r >= 0) {
                ret->perm = ret->shm.shm_perm;
                ret->changed = ret->shm.shm_ctime;
        }
        return r;
}

static int segment_last(void) {
        struct shm_info info;

        return shmctl(0, SHM_INFO, (struct shmid_ds *)&info); /* shmctl(2) */
}

static int segment_remove(int id) {
        return shmctl(id, IPC_RMID, NULL);
}

/* One that was removed while processes had it attached has lost its key and lives until the last of them detaches
 * (shmctl(2), IPC_RMID). */
static void row_set_state(const SysvStat *st, Record *row) {
        const char *locked = st->perm.mode & SHM_LOCKED ? ", locked in memory" : "";
        uint64_t n = st->shm.shm_nattch;

        if (st->perm.mode & SHM_DEST)
                record_set_format(row, "state", "removed, %" PRIu64 " attached%s", n, locked);
        else if (n == 0)
                record_set_format(row, "state", "nobody attached%s", locked);
        else
                record_set_format(row, "state", "%" PRIu64 " attached%s", n, locked);
}

static void segment_row(const SysvStat *st, Record *row) {
        record_set_u64(row, "size", st->shm.shm_segsz);
        record_set_u64(row, "attached", st->shm.shm_nattch);
        record_set_u64(row, "creator_pid", (uint64_t)st->shm.shm_cpid);
        record_set_u64(row, "last_pid", (uint64_t)st->shm.shm_lpid);
        record_set_u64(row, "attached_at", sysv_time(st->shm.shm_atime));
        record_set_u64(row, "detached_at", sysv_time(st->shm.shm_dtime));
        row_set_state(st, row);
}

/* Attached by whom nobody could see (in another PID namespace, or without the right to look): then it is not known. */
static int segment_holders(Scan *scan, const SysvStat *st, Record *row) {
        const HolderKey key = { .type = HOLDER_SYSV, .number = (uint64_t)st->id };
        const Value *holders;
        int r;

        r = holders_append(scan->table, &key, 1, row);
        if (r < 0)
                return r;
        holders = record_get(row, "holders");
        if (st->shm.shm_nattch > 0 && (!holders || holders->records.n == 0))
                record_set_bool(row, "holders_complete", false);
        return record_error(row);
}

const SysvClass shm_sysv_class = {
        .kind = KIND,
        .noun = "System V shared memory segment",
        .limit = SHM_MNI_FILE,
        .stat_any = SHM_STAT_ANY,
        .settles = true,
        .get = segment_get,
        .stat = segment_stat,
        .last = segment_last,
        .remove = segment_remove,
        .row = segment_row,
        .holders = segment_holders,
};

static uint64_t limit_of_process(int resource) {
        struct rlimit limit;

        return getrlimit((__rlimit_resource_t)resource, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY
                       ? UINT64_MAX
                       : limit.rlim_cur;
}

static int shm_probe(Record *facts, Error *error) {
        struct shm_info info;
        int r;

        r = sysv_probe_call(&shm_sysv_class, shmctl(0, SHM_INFO, (struct shmid_ds *)&info) < 0 ? errno : 0, error);
        if (r < 0)
                return r;
        if (limit_read(SHM_MAX_FILE, UINT64_MAX) == 0)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "A System V shared memory segment may have no byte here: %s is 0.", SHM_MAX_FILE);
        limit_append_file(facts, "shmmax", "bytes of a segment", SHM_MAX_FILE);
        limit_append_file(facts, "shmall", "pages of all segments", SHM_ALL_FILE);
        limit_append_file(facts, "shmmni", "segments", SHM_MNI_FILE);
        limit_append(facts, "SHMLBA", (uint64_t)SHMLBA, "bytes, for addresses", "shmop(2)");
        limit_append_bounded(facts, "RLIMIT_MEMLOCK", limit_of_process(RLIMIT_MEMLOCK), "bytes that may be locked",
                "RLIMIT_MEMLOCK, for lock=true");
        return 0;
}

/* shmget(2), SHM_HUGETLB; Documentation/admin-guide/mm/hugetlbpage.rst. */
static int huge_failed(int number, uint64_t size, uint64_t huge, Error *error) {
        char directory[96], path[128], page[UNITS_TEXT_MAX], text[UNITS_TEXT_MAX];
        uint64_t free_pages;

        size_print(huge, page);
        size_print(size, text);
        snprintf(directory, sizeof(directory), "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB", huge / 1024);
        snprintf(path, sizeof(path), "%s/free_hugepages", directory);
        free_pages = limit_read(path, UINT64_MAX);
        if (number == EPERM)
                return error_set(error, ERROR_NOT_PERMITTED,
                        "Huge pages need CAP_IPC_LOCK, or to be in the group %" PRIu64 " that " HUGE_GROUP_FILE
                        " names; this user has neither.",
                        limit_read(HUGE_GROUP_FILE, 0));
        if (free_pages == UINT64_MAX)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "This kernel has no huge pages of %s (%s): there is no %s; the sizes that it has stand beside "
                        "it.",
                        page, strerror(number), directory);
        if (number == ENOMEM)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "There are not enough huge pages for %s: %" PRIu64
                        " of %s are free (%s). An administrator reserves them in %s/nr_hugepages.",
                        text, free_pages, page, path, directory);
        return error_set_errno(error, number, "No segment of %s in huge pages of %s can be made", text, page);
}

static int create_failed(int number, uint64_t key, uint64_t size, uint64_t huge, Error *error) {
        uint64_t most = limit_read(SHM_MAX_FILE, UINT64_MAX);
        char text[UNITS_TEXT_MAX];

        if (huge > 0 && number != EEXIST)
                return huge_failed(number, size, huge, error);
        if (number == EINVAL)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "A segment has from 1 to %" PRIu64 " bytes (" SHM_MAX_FILE "), not %" PRIu64 ".", most, size);
        if (number == ENOSPC)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "No further segment of %s can be made: their number is bounded by " SHM_MNI_FILE
                        ", their pages by " SHM_ALL_FILE ".",
                        size_print(size, text));
        if (number == ENOMEM)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "There is no memory for a segment of %s: the kernel counts all of a segment when it is made "
                        "(/proc/sys/vm/overcommit_memory). Ask for less; a memfd or a file takes its pages with the "
                        "first write.",
                        size_print(size, text));
        return sysv_create_failed(&shm_sysv_class, number, key, error);
}

static int huge_flags(uint64_t huge, int *ret_flags, Error *error) {
        int shift = 0;

        *ret_flags = 0;
        if (huge == 0)
                return 0;
        if (huge & (huge - 1))
                return error_set(error, ERROR_INVALID_OPTION,
                        "huge=%" PRIu64 " is no size of a page; huge pages have 2M or 1G on most machines.", huge);
        while (huge >> shift > 1)
                shift++;
        *ret_flags = SHM_HUGETLB | (int)((unsigned)shift << SHM_HUGE_SHIFT);
        return 0;
}

static int lock(int id, Error *error) {
        char text[UNITS_TEXT_MAX];

        if (shmctl(id, SHM_LOCK, NULL) >= 0)
                return 0;
        if (errno == EPERM)
                return error_set(error, ERROR_NOT_PERMITTED,
                        "The segment cannot be locked in memory: that needs CAP_IPC_LOCK, or a limit of locked memory "
                        "(RLIMIT_MEMLOCK, \"ulimit -l\") that is not 0.");
        if (errno == ENOMEM)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "The segment cannot be locked in memory: with what this user has locked already it is more "
                        "than RLIMIT_MEMLOCK allows, %s (\"ulimit -l\").",
                        size_print(limit_of_process(RLIMIT_MEMLOCK), text));
        return error_set_errno(error, errno, "The segment cannot be locked in memory");
}

static int shm_create(KernelObject *object, const Record *options, Error *error) {
        uint64_t key = record_get_u64(options, "key", IPC_PRIVATE), size = record_get_u64(options, "size", 0),
                 huge = record_get_u64(options, "huge", 0);
        int mode = (int)record_get_u64(options, "mode", 0600), flags = 0, id, r;
        SysvStat st;

        if (!record_has(options, "size"))
                return memory_size_missing(KIND, error);
        r = huge_flags(huge, &flags, error);
        if (r < 0)
                return r;
        id = shmget((key_t)(uint32_t)key, size, IPC_CREAT | IPC_EXCL | flags | mode);
        if (id < 0)
                return create_failed(errno, key, size, huge, error);
        if (record_get_bool(options, "lock", false)) {
                r = lock(id, error);
                if (r < 0) {
                        segment_remove(id);
                        return r;
                }
        }
        r = sysv_made(&shm_sysv_class, object, id, &st, error);
        if (r >= 0)
                object->bytes = st.shm.shm_segsz;
        return r;
}

static int shm_open_address(KernelObject *object, const Record *options, Error *error) {
        SysvStat st;
        int r;

        r = sysv_open(&shm_sysv_class, object, &st, error);
        if (r >= 0)
                object->bytes = st.shm.shm_segsz;
        return r;
}

static int shm_identify(const Address *address, char ret_identity[IDENTITY_MAX], Error *error) {
        return sysv_identify(&shm_sysv_class, address, ret_identity, error);
}

static int shm_remove(KernelObject *object, Error *error) {
        return sysv_remove(&shm_sysv_class, object, error);
}

static int shm_attach(const KernelObject *object, int flags, void **ret_base, Error *error) {
        void *base = shmat(sysv_id(object), NULL, flags);

        if (base == (void *)-1)
                return sysv_use_failed(
                        &shm_sysv_class, object, errno, flags & SHM_RDONLY ? "read" : "write to", error);
        *ret_base = base;
        return 0;
}

static int shm_map(KernelObject *object, void **ret, size_t *ret_size, Error *error) {
        int r = shm_attach(object, 0, ret, error);

        if (r >= 0)
                *ret_size = object->bytes;
        return r;
}

/* Both ways between the segment and the service's own memory. */
static int copy(void *own, void *there, size_t size, bool into) {
        size_t done = 0;

        while (done < size) {
                struct iovec local = { (char *)own + done, size - done },
                             remote = { (char *)there + done, size - done };
                ssize_t n = into ? process_vm_writev(getpid(), &local, 1, &remote, 1, 0)
                                 : process_vm_readv(getpid(), &local, 1, &remote, 1, 0);

                if (n <= 0)
                        return n < 0 ? -errno : -EFAULT;
                done += (size_t)n;
        }
        return 0;
}

static int copy_failed(const KernelObject *object, int r, Error *error) {
        if (r == -EFAULT)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "A page of the segment %d cannot be had: it was made without reserving them (SHM_NORESERVE), "
                        "and there is no memory left for it.",
                        sysv_id(object));
        return error_set_errno(error, r, "Cannot copy between the segment %d and the service", sysv_id(object));
}

static int shm_send(
        KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error) {
        uint64_t offset = record_get_u64(options, "offset", 0);
        char name[32];
        void *base;
        int r;

        (void)snprintf(name, sizeof name, "the segment %d", sysv_id(object));
        r = memory_check_write(name, object->bytes, offset, size, "a segment keeps its size", error);
        if (r < 0)
                return r;
        r = shm_attach(object, 0, &base, error);
        if (r < 0)
                return r;
        r = copy((void *)(uintptr_t)data, (char *)base + offset, size, true);
        shmdt(base);
        if (r < 0)
                return copy_failed(object, r, error);
        *ret_sent = size;
        return 0;
}

static int shm_receive(KernelObject *object, bool peek, const Record *options, void **ret_data, size_t *ret_size,
        Record *meta, Error *error) {
        uint64_t offset = record_get_u64(options, "offset", 0), want = 0;
        CLEANUP_FREE char *data = NULL;
        char name[32];
        void *base;
        int r;

        (void)snprintf(name, sizeof name, "the segment %d", sysv_id(object));
        r = memory_check_read(name, object->bytes, options, &want, error);
        if (r < 0)
                return r;
        data = malloc(want > 0 ? want : 1);
        if (!data)
                return error_set_errno(error, ENOMEM, "Cannot read %" PRIu64 " bytes", want);
        r = shm_attach(object, SHM_RDONLY, &base, error);
        if (r < 0)
                return r;
        r = copy(data, (char *)base + offset, want, false);
        shmdt(base);
        if (r < 0)
                return copy_failed(object, r, error);
        record_set_u64(meta, "offset", offset);
        if (want < object->bytes - offset)
                record_set_bool(meta, "truncated", true);
        *ret_data = TAKE_POINTER(data);
        *ret_size = want;
        return 0;
}

static int shm_describe(KernelObject *object, Record *attributes, Error *error) {
        SysvStat st;
        int r;

        r = sysv_stat_object(&shm_sysv_class, object, &st, error);
        if (r < 0)
                return r;
        sysv_describe(&st, attributes);
        segment_row(&st, attributes);
        return record_error(attributes);
}

static int shm_scan(Scan *scan) {
        return sysv_scan(&shm_sysv_class, scan);
}

static int shm_holder_keys(const KernelObject *object, HolderKey *ret_keys, size_t *n) {
        if (*n < 1)
                return -ENOBUFS;
        ret_keys[0] = (HolderKey){ .type = HOLDER_SYSV, .number = (uint64_t)sysv_id(object) };
        *n = 1;
        return 0;
}

static void shm_sweep(const char *token) {
        sysv_sweep(&shm_sysv_class, token);
}

static const OptionSpec shm_options[] = {
        SYSV_KEY_OPTION,
        { "size", OPTION_SIZE, OPTION_FOR_CREATE, NULL, 0, 0, "bytes, for as long as it lives" },
        { "size", OPTION_SIZE, OPTION_FOR_RECEIVE | OPTION_FOR_PEEK, "16M", 0, 0, "the most bytes to read" },
        SYSV_MODE_OPTION,
        { "huge", OPTION_SIZE, OPTION_FOR_CREATE, NULL, 0, 0, "of huge pages of that size, as 2M" },
        { "lock", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0, "keep it from being swapped out (SHM_LOCK)" },
        { "offset", OPTION_SIZE, OPTION_FOR_SEND | OPTION_FOR_RECEIVE | OPTION_FOR_PEEK, "0", 0, 0,
                "where in the memory to write or read" },
        {},
};

const Mechanism mechanism_shm_sysv = {
        .kind = KIND,
        .title = "System V shared memory",
        .family = "shared memory",
        .capabilities = CAPABILITY_MEMORY,
        .address_forms = 1u << ADDRESS_KEY | 1u << ADDRESS_ID,
        .facts = {
                .direction = "full-duplex",
                .full_duplex = true,
                .bidirectional = true,
                .boundaries = false,
                .order = "none: memory is a place and no queue; who shares it has to synchronise",
                .priority = false,
                .persistence = "until removed and detached, or until the machine stops",
                .unrelated = true,
                .carries_data = true,
                .source = "shmget(2)",
        },
        .options = shm_options,
        .reasons = {
                MEMORY_REASONS,
                [OPERATION_OPEN_END] = "A System V segment has no descriptor to hand out: programs attach it by its key or "
                                       "its number (shmat(2)). shm-posix and memfd have one.",
                [OPERATION_RESIZE] = "A System V segment keeps the size with which it was made (shmget(2)). shm-posix and "
                                     "memfd can be resized.",
                [OPERATION_SEAL] = "System V shared memory cannot be sealed. Use memfd.",
        },
        .probe = shm_probe,
        .create = shm_create,
        .open = shm_open_address,
        .remove = shm_remove,
        .identify = shm_identify,
        .send = shm_send,
        .map = shm_map,
        .receive = shm_receive,
        .explain = shm_sysv_explain,
        .describe = shm_describe,
        .scan = shm_scan,
        .holder_keys = shm_holder_keys,
        .sweep = shm_sweep,
        .is_of_run = sysv_is_of_run,
        .transport = &shm_sysv_transport,
        .example = "size=1M",
        .traits = shm_sysv_traits,
        .checks = shm_sysv_checks,
        .gaps = shm_sysv_gaps,
};
