/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the three kinds of System V objects share. Owns nothing: the kernel keeps these objects, and they are reached
 * by number.
 *
 * An identifier holds a sequence number above its index, so that one that was removed is not given out again for long
 * (ipc/util.c): a call with an old one fails, it never hits another object. */
#include "sysv.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "kind-helpers.h"
#include "limit-facts.h"
#include "scan.h"
#include "units.h"

uint64_t sysv_time(time_t seconds) {
        return seconds > 0 ? (uint64_t)seconds * USEC_PER_SEC : 0;
}

int sysv_id(const KernelObject *object) {
        return (int)strtol(object->identity, NULL, 10);
}

int sysv_stat(const SysvClass *class, int id, SysvStat *ret) {
        /* Bits of an identifier that are the index: 15, or 24 with ipcmni_extend on the kernel's command line. */
        static const int masks[] = { 0x7fff, 0xffffff };
        SysvStat st;

        for (size_t i = 0; i < sizeof masks / sizeof *masks; i++)
                if (class->stat(id & masks[i], class->stat_any, &st) == id) {
                        st.id = id;
                        *ret = st;
                        return 0;
                }
        /* Gone, or a kernel before 4.17, which asks for the right to read. */
        if (class->stat(id, IPC_STAT, &st) < 0)
                return errno == EINVAL || errno == EIDRM ? -ENOENT : -errno;
        st.id = id;
        *ret = st;
        return 0;
}

/* `settles` says whether the change time belongs to what the object is: that of a semaphore set moves with each SETVAL
 * and SETALL (semctl(2)), which is use, so its creator stands there instead. */
static void identity_fill(const SysvClass *class, const SysvStat *st, char ret_identity[IDENTITY_MAX]) {
        if (class->settles)
                snprintf(ret_identity, IDENTITY_MAX, "%d:0x%x:%" PRId64, st->id, (unsigned)st->perm.__key,
                        (int64_t)st->changed);
        else
                snprintf(ret_identity, IDENTITY_MAX, "%d:0x%x:%u.%u", st->id, (unsigned)st->perm.__key, st->perm.cuid,
                        st->perm.cgid);
}

static int look_failed(const SysvClass *class, int number, Error *error) {
        if (number == ENOSYS || number == EPERM)
                return sysv_probe_call(class, number, error);
        return error_set_errno(error, number, "Cannot look at the %s", class->noun);
}

static int gone(const SysvClass *class, const Address *address, Error *error) {
        CLEANUP_FREE char *text = address_print(address);

        return error_set(error, ERROR_NO_SUCH_OBJECT, "There is no %s %.80s.", class->noun, text ? text : "there");
}

static int look_up(const SysvClass *class, const Address *address, SysvStat *ret, Error *error) {
        int id, r;

        if (address->form == ADDRESS_KEY) {
                if (address->number == 0 || address->number > UINT32_MAX)
                        return error_set(error, ERROR_INVALID_ADDRESS,
                                address->number == 0 ? "The key 0 is IPC_PRIVATE, by which nothing is found; such an "
                                                       "object has an address like %s:id=5."
                                                     : "A key has 32 bits; the address of a %s is key=0xffffffff at "
                                                       "the most.",
                                class->kind);
                /* Without a bit of a mode no permission is asked (ipcget_public() in ipc/util.c). */
                id = class->get((key_t)(uint32_t)address->number, 0);
                if (id < 0 && errno != ENOENT)
                        return error_set_errno(
                                error, errno, "Cannot find the %s 0x%" PRIx64, class->noun, address->number);
        } else {
                if (address->number > INT_MAX)
                        return error_set(error, ERROR_INVALID_ADDRESS,
                                "The number %" PRIu64 " is larger than any that the kernel gives to a %s.",
                                address->number, class->noun);
                id = (int)address->number;
        }
        r = id < 0 ? -ENOENT : sysv_stat(class, id, ret);
        if (r == -ENOENT)
                return gone(class, address, error);
        return r < 0 ? look_failed(class, -r, error) : 0;
}

static int fill(const SysvClass *class, KernelObject *object, const SysvStat *st, Error *error) {
        Address address = ADDRESS_EMPTY;
        uint32_t key = (uint32_t)st->perm.__key;
        int r;

        r = key != IPC_PRIVATE ? address_set_number(&address, class->kind, ADDRESS_KEY, key)
                               : address_set_number(&address, class->kind, ADDRESS_ID, (uint64_t)st->id);
        if (r < 0)
                return error_set_errno(error, r, "Cannot keep the address");
        address_done(&object->address);
        object->address = address;
        object->owner = st->perm.uid;
        object->group = st->perm.gid;
        object->mode = st->perm.mode & 0777;
        identity_fill(class, st, object->identity);
        return 0;
}

int sysv_open(const SysvClass *class, KernelObject *object, SysvStat *ret, Error *error) {
        int r;

        r = look_up(class, &object->address, ret, error);
        return r < 0 ? r : fill(class, object, ret, error);
}

int sysv_stat_object(const SysvClass *class, const KernelObject *object, SysvStat *ret, Error *error) {
        int r = sysv_stat(class, sysv_id(object), ret);

        if (r == -ENOENT)
                return gone(class, &object->address, error);
        return r < 0 ? look_failed(class, -r, error) : 0;
}

int sysv_identify(const SysvClass *class, const Address *address, char ret_identity[IDENTITY_MAX], Error *error) {
        SysvStat st;
        int r;

        r = look_up(class, address, &st, error);
        if (r >= 0)
                identity_fill(class, &st, ret_identity);
        return r;
}

int sysv_remove(const SysvClass *class, KernelObject *object, Error *error) {
        if (class->remove(sysv_id(object)) >= 0)
                return 0;
        if (errno == EINVAL || errno == EIDRM)
                return gone(class, &object->address, error);
        if (errno == EPERM)
                return error_set(error, ERROR_NOT_PERMITTED,
                        "Only its owner (user %u), its creator or root may remove this %s; the bits of its mode do "
                        "not "
                        "matter.",
                        object->owner, class->noun);
        return error_set_errno(error, errno, "Cannot remove the %s", class->noun);
}

int sysv_made(const SysvClass *class, KernelObject *object, int id, SysvStat *ret, Error *error) {
        int r;

        r = sysv_stat(class, id, ret);
        if (r < 0)
                r = error_set_errno(error, r, "Cannot look at the %s that was made", class->noun);
        else
                r = fill(class, object, ret, error);
        if (r < 0) {
                class->remove(id);
                return r;
        }
        object->created = realtime_now();
        return 0;
}

int sysv_create_failed(const SysvClass *class, int number, uint64_t key, Error *error) {
        switch (number) {
        case EEXIST:
                return error_set(error, ERROR_EXISTS,
                        "A %s with the key 0x%" PRIx64 " exists already; it is left as it is.", class->noun, key);
        case ENOSPC:
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "No further %s can be made (ENOSPC): the limit is in %s. Remove what is not needed, or raise "
                        "it.",
                        class->noun, class->limit);
        case ENOSYS:
        case EPERM:
                return sysv_probe_call(class, number, error);
        default:
                return error_set_errno(error, number, "Cannot make a %s", class->noun);
        }
}

static const char *whose_bits(const KernelObject *object) {
        uid_t uid = geteuid();

        return object->owner == uid ? "its owner" : object->group == getegid() ? "its group" : "others";
}

int sysv_use_failed(const SysvClass *class, const KernelObject *object, int number, const char *what, Error *error) {
        if (number == EINVAL || number == EIDRM)
                return error_set(error, ERROR_NO_SUCH_OBJECT, "The %s %d was removed.", class->noun, sysv_id(object));
        if (number == EACCES || number == EPERM)
                return error_set(error, ERROR_NOT_PERMITTED,
                        "User %u may not %s the %s %d: its mode %04o does not give that to %s (owner %u, group %u).",
                        geteuid(), what, class->noun, sysv_id(object), (unsigned)object->mode, whose_bits(object),
                        object->owner, object->group);
        return error_set_errno(error, number, "Cannot %s the %s %d", what, class->noun, sysv_id(object));
}

int sysv_probe_call(const SysvClass *class, int number, Error *error) {
        if (number == 0)
                return 0;
        if (number == ENOSYS)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "This kernel was built without System V IPC (CONFIG_SYSVIPC), or a filter of system calls "
                        "(seccomp) hides it; there can be no %s.",
                        class->noun);
        if (number == EPERM || number == EACCES)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "A filter of system calls (seccomp) or a security module refuses the calls for a %s: %s.",
                        class->noun, strerror(number));
        return error_set_errno(error, number, "Cannot ask for the limits of a %s", class->noun);
}

void sysv_describe(const SysvStat *st, Record *attributes) {
        record_set_u64(attributes, "id", (uint64_t)st->id);
        record_set_format(attributes, "key", "0x%08x", (unsigned)st->perm.__key);
        record_set_u64(attributes, "creator_uid", st->perm.cuid);
        record_set_u64(attributes, "creator_gid", st->perm.cgid);
        record_set_u64(attributes, "changed", sysv_time(st->changed));
}

/* --- The list --- */

static int scan_one(const SysvClass *class, Scan *scan, const SysvStat *st) {
        CLEANUP(record_freep) Record *row = NULL;
        KernelObject object = KERNEL_OBJECT_EMPTY;
        CLEANUP_FREE char *text = NULL;
        int r;

        r = record_new(&row);
        if (r >= 0)
                r = fill(class, &object, st, NULL);
        if (r < 0)
                return r;
        text = address_print(&object.address);
        address_done(&object.address);
        if (!text)
                return -ENOMEM;
        record_set_string(row, "kind", class->kind);
        record_set_string(row, "address", text);
        record_set_u64(row, "uid", st->perm.uid);
        record_set_u64(row, "gid", st->perm.gid);
        record_set_u64(row, "mode", st->perm.mode & 0777);
        /* When it was made or, later, given another owner or mode: it is at least as old. */
        record_set_u64(row, "created", sysv_time(st->changed));
        sysv_describe(st, row);
        class->row(st, row);
        if (scan->table && class->holders)
                r = class->holders(scan, st, row);
        else if (scan->table) {
                /* The kernel does not count who uses a queue or a set of semaphores. */
                r = holders_append(scan->table, NULL, 0, row);
                record_set_bool(row, "holders_complete", false);
                record_set_bool(row, "holders_unknown", true);
        }
        return r < 0 ? r : scan->row(scan, TAKE_POINTER(row));
}

int sysv_scan(const SysvClass *class, Scan *scan) {
        int last, r = 0;

        last = class->last();
        if (last < 0) {
                Error error = {};

                sysv_probe_call(class, errno, &error);
                return scan_reason(scan, class->kind, "%s", error.message);
        }
        for (int i = 0; r >= 0 && i <= last; i++) {
                SysvStat st;

                st.id = class->stat(i, class->stat_any, &st);
                if (st.id >= 0)
                        r = scan_one(class, scan, &st);
                else if (errno == EACCES)
                        return scan_reason(scan, class->kind,
                                "This kernel shows a %s only to who may read it (*_STAT_ANY came with Linux 4.17).",
                                class->noun);
        }
        return r < 0 ? r : 0;
}

/* --- Objects of a test --- */

/* FNV-1a over the token in the upper 26 bits, so that the keys of one run follow each other. */
key_t sysv_key_of_run(const char *token, unsigned i) {
        uint32_t hash = 2166136261u;

        for (const char *p = token; *p; p++)
                hash = (hash ^ (unsigned char)*p) * 16777619u;
        hash ^= hash >> 15;
        hash = (hash & ~(SYSV_KEYS_PER_RUN - 1u)) | i;
        return (key_t)(hash >= SYSV_KEYS_PER_RUN ? hash : hash | 0x80000000u); /* never IPC_PRIVATE */
}

int sysv_claim(const char *token, int (*make)(key_t key, void *userdata), void *userdata) {
        int r = -EEXIST;

        for (unsigned i = 0; i < SYSV_KEYS_PER_RUN && r == -EEXIST; i++)
                r = make(sysv_key_of_run(token, i), userdata);
        return r;
}

bool sysv_is_of_run(const Record *row, const char *token) {
        uint32_t key = (uint32_t)strtoul(record_get_string(row, "key", "0"), NULL, 16);

        if (key == IPC_PRIVATE || record_get_u64(row, "creator_uid", UINT64_MAX) != geteuid())
                return false;
        for (unsigned i = 0; i < SYSV_KEYS_PER_RUN; i++)
                if (key == (uint32_t)sysv_key_of_run(token, i))
                        return true;
        return false;
}

/* A key may be another's by chance, once in many millions: what this user did not make is left alone. */
void sysv_sweep(const SysvClass *class, const char *token) {
        for (unsigned i = 0; i < SYSV_KEYS_PER_RUN; i++) {
                int id = class->get(sysv_key_of_run(token, i), 0);
                SysvStat st;

                if (id >= 0 && sysv_stat(class, id, &st) >= 0 && st.perm.cuid == geteuid())
                        class->remove(id);
        }
}
