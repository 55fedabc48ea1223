/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory that is known only by who holds it, from one walk of /proc: memfds, which have no name, and files that some
 * process maps shared. A memfd is opened for a moment, for reading, through a process that has it: that changes
 * nothing for anybody. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "cleanup.h"
#include "file-system.h"
#include "kind-helpers.h"
#include "memfd.h"
#include "memory-file.h"
#include "memory-seals.h"
#include "mmap.h"
#include "posix-name.h"
#include "scan.h"

#define DELETED " (deleted)"

typedef struct MemoryScan {
        Scan *scan;
        const ProcTable *table;
        dev_t devices[MEMFD_DEVICES_MAX]; /* of memfds, System V segments and anonymous shared memory */
        size_t n_devices;
        /* Of the file at hand: */
        HolderKey key;
        Holder opened; /* has it open; pid 0: nobody */
        Holder mapper; /* maps it, shared where somebody does; pid 0: nobody */
        uint64_t shared, private;
        /* Of which memfds: those that this kind knows, NULL: those that none does; and what it adds. */
        const Mechanism *within;
        void (*look)(int fd, Record *row);
} MemoryScan;

static bool is_memfd_device(const MemoryScan *state, dev_t device) {
        for (size_t i = 0; i < state->n_devices; i++)
                if (state->devices[i] == device)
                        return true;
        return false;
}

static int look_at_holder(const Holder *holder, void *userdata) {
        MemoryScan *state = userdata;

        if (!holder->mapped) {
                /* One that can be opened again is better than one of O_PATH. */
                if (state->opened.pid == 0 || state->opened.access[0] == '\0')
                        state->opened = *holder;
                return 0;
        }
        if (holder->shared)
                state->shared++;
        else
                state->private ++;
        if (state->mapper.pid == 0 || (holder->shared && !state->mapper.shared))
                state->mapper = *holder;
        return 0;
}

static int look_at_holders(MemoryScan *state, dev_t device, uint64_t inode) {
        state->key = (HolderKey){ .type = HOLDER_FILE, .device = device, .number = inode };
        state->opened = state->mapper = (Holder){ .fd = -1 };
        state->shared = state->private = 0;
        return proc_table_holders(state->table, &state->key, look_at_holder, state);
}

static bool is_at_hand(const MemoryScan *state, const struct stat *st) {
        return st->st_dev == state->key.device && st->st_ino == state->key.number;
}

/* --- memfd --- */

/* The name, and with it the proof that it is a memfd. */
static int memfd_row_name(const MemoryScan *state, char ret_name[MEMFD_NAME_SIZE]) {
        char path[PATH_MAX], link[64];
        ssize_t n;
        int r;

        if (state->opened.pid > 0) {
                (void)snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)state->opened.pid, state->opened.fd);
                n = readlink(link, path, sizeof path - 1);
                if (n > 0) {
                        path[n] = '\0';
                        return memfd_name_from_link(path, ret_name);
                }
        }
        if (state->mapper.pid == 0)
                return -ENOENT;
        r = proc_mapped_path(state->mapper.pid, &state->key, path, sizeof path);
        return r < 0 ? r : memfd_name_from_link(path, ret_name);
}

/* Size, owner and seals, as far as this user may know them. Nothing here is worth failing a scan for. */
static void memfd_row_look(const MemoryScan *state, Record *row, int *ret_fd) {
        CLEANUP_FD int pinned = -EBADF;
        char link[64];
        struct stat st;

        if (state->opened.pid == 0)
                return;
        /* Pinned first: the process may have ended, and its descriptor be something else by now. */
        (void)snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)state->opened.pid, state->opened.fd);
        pinned = open(link, O_PATH | O_CLOEXEC);
        if (pinned < 0 || fstat(pinned, &st) < 0 || !is_at_hand(state, &st))
                return;
        record_set_u64(row, "uid", st.st_uid);
        record_set_u64(row, "gid", st.st_gid);
        record_set_u64(row, "mode", st.st_mode & 07777);
        record_set_u64(row, "size", (uint64_t)st.st_size);
        record_set_u64(row, "used", (uint64_t)st.st_blocks * 512);
        record_set_u64(row, "created", birth_of_file(pinned, ""));
        if (memory_file_reopen(pinned, O_RDONLY, ret_fd) >= 0)
                memory_seals_describe(*ret_fd, row);
}

static int scan_memfd(MemoryScan *state) {
        CLEANUP(record_freep) Record *row = NULL;
        CLEANUP(address_done) Address address = ADDRESS_EMPTY;
        const char *kind = state->within ? state->within->kind : "memfd";
        CLEANUP_FREE char *text = NULL;
        CLEANUP_FD int fd = -EBADF;
        char name[MEMFD_NAME_SIZE];
        int r;

        /* Not one of ours to show, or gone meanwhile. */
        if (memfd_row_name(state, name) < 0)
                return 0;
        r = address_set_number(&address, kind, ADDRESS_INODE, state->key.number);
        if (r < 0)
                return r;
        text = address_print(&address);
        r = text ? record_new(&row) : -ENOMEM;
        if (r < 0)
                return r;
        record_set_string(row, "kind", kind);
        record_set_string(row, "address", text);
        record_set_string(row, "name", name);
        record_set_u64(row, "uid", state->opened.pid > 0 ? state->opened.uid : state->mapper.uid);
        memfd_row_look(state, row, &fd);
        if ((fd >= 0 ? mechanism_within(fd) : NULL) != state->within)
                return 0;
        record_set_string(row, "state",
                state->opened.pid == 0               ? "mapped, no descriptor is left"
                : state->shared + state->private > 0 ? "open and mapped"
                                                     : "open");
        if (state->look)
                state->look(fd, row);
        if (state->scan->table) {
                r = holders_append(state->scan->table, &state->key, 1, row);
                if (r < 0)
                        return r;
        }
        return state->scan->row(state->scan, TAKE_POINTER(row));
}

static int each_memfd(dev_t device, uint64_t inode, void *userdata) {
        MemoryScan *state = userdata;
        int r;

        if (!is_memfd_device(state, device))
                return 0;
        r = look_at_holders(state, device, inode);
        return r < 0 ? r : scan_memfd(state);
}

/* --- mmap --- */

/* The kernel adds the word to a name that is gone. What has no folder on its own file system never had a name: memory
 * of the kernel's that only looks like a file. */
static bool was_deleted(const MemoryScan *state, char *path) {
        size_t length = strlen(path), end = strlen(DELETED);
        char folder[PATH_MAX];
        struct stat st;
        char *slash;

        if (length <= end || strcmp(path + length - end, DELETED) != 0)
                return false;
        (void)snprintf(folder, sizeof folder, "%.*s", (int)(length - end), path);
        slash = strrchr(folder, '/');
        if (!slash)
                return false;
        slash[slash == folder ? 1 : 0] = '\0';
        return stat(folder, &st) >= 0 && st.st_dev == state->key.device;
}

static void describe_mappings(const MemoryScan *state, bool deleted, Record *row) {
        char private[64] = "";

        if (state->private > 0)
                (void)snprintf(private, sizeof private, ", private by %" PRIu64, state->private);
        record_set_format(row, "state", "mapped shared by %" PRIu64 " process%s%s%s", state->shared,
                state->shared == 1 ? "" : "es", private, deleted ? "; its name was removed" : "");
}

static int scan_mapped(MemoryScan *state) {
        CLEANUP(record_freep) Record *row = NULL;
        char path[PATH_MAX];
        bool deleted = false;
        struct stat st = {};
        int r;

        if (proc_mapped_path(state->mapper.pid, &state->key, path, sizeof path) < 0 || path[0] != '/' ||
                posix_shm_is_entry(path))
                return 0;
        if (lstat(path, &st) < 0 || !is_at_hand(state, &st)) {
                deleted = was_deleted(state, path);
                /* Of another mount namespace: it has no name here. */
                if (!deleted)
                        return 0;
                st = (struct stat){ .st_uid = state->mapper.uid };
        } else if (!S_ISREG(st.st_mode))
                return 0;
        r = scan_row_new("mmap", path, &st, &row);
        if (r < 0)
                return r == -EINVAL ? 0 : r;
        if (!deleted) {
                record_set_u64(row, "size", (uint64_t)st.st_size);
                record_set_u64(row, "used", (uint64_t)st.st_blocks * 512);
                record_set_u64(row, "created", birth_of_file(AT_FDCWD, path));
                file_system_describe(-1, path, row);
        }
        describe_mappings(state, deleted, row);
        if (state->scan->table) {
                r = holders_append(state->scan->table, &state->key, 1, row);
                if (r < 0)
                        return r;
        }
        return state->scan->row(state->scan, TAKE_POINTER(row));
}

static int each_mapped(dev_t device, uint64_t inode, void *userdata) {
        MemoryScan *state = userdata;
        int r;

        if (is_memfd_device(state, device))
                return 0;
        r = look_at_holders(state, device, inode);
        return r < 0 || state->shared == 0 ? r : scan_mapped(state);
}

static void table_done(ProcTable **table) {
        *table = proc_table_free(*table);
}

/* The table is also needed where holders are not wanted. */
static int scan_files(MemoryScan *state, int (*each)(dev_t device, uint64_t inode, void *userdata)) {
        CLEANUP(table_done) ProcTable *own = NULL;
        int r;

        state->table = state->scan->table;
        if (!state->table) {
                r = proc_table_new(&own);
                if (r < 0)
                        return r;
                state->table = own;
        }
        state->n_devices = memfd_devices(state->devices);
        return proc_table_files(state->table, each, state);
}

int memfd_scan_within(Scan *scan, const Mechanism *within, void (*look)(int fd, Record *row)) {
        return scan_files(&(MemoryScan){ .scan = scan, .within = within, .look = look }, each_memfd);
}

int memfd_scan(Scan *scan) {
        return memfd_scan_within(scan, NULL, NULL);
}

int mmap_scan(Scan *scan) {
        return scan_files(&(MemoryScan){ .scan = scan }, each_mapped);
}
