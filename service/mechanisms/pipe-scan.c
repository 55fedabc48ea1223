/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All pipes and FIFOs that processes hold open, from one walk of /proc. How full one is can only be asked of an open
 * end, so one is opened for a moment, through a process that has it: with the same access as that process, so that
 * there was such an end before and nobody who waits for one is let through (fifo(7)). */
#include "pipe-parts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "cleanup.h"
#include "kind-helpers.h"
#include "pipe-io.h"
#include "scan.h"

typedef struct PipeScan {
        Scan *scan;
        const ProcTable *table;
        HolderKey key; /* of the row at hand */
        uint64_t readers, writers;
        Holder reader, writer;
} PipeScan;

static int count_holder(const Holder *holder, void *userdata) {
        PipeScan *state = userdata;

        if (strchr(holder->access, 'r')) {
                state->reader = *holder;
                state->readers++;
        }
        if (strchr(holder->access, 'w')) {
                state->writer = *holder;
                state->writers++;
        }
        return 0;
}

/* Pinned first: the process may have ended, and its descriptor be something else by now. */
static int holder_pin(const Holder *holder, const HolderKey *key, int *ret_fd, struct stat *ret) {
        CLEANUP_FD int fd = -EBADF;
        char path[64];

        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)holder->pid, holder->fd);
        fd = open(path, O_PATH | O_CLOEXEC);
        if (fd < 0 || fstat(fd, ret) < 0)
                return -errno;
        if (!S_ISFIFO(ret->st_mode) || ret->st_ino != key->number ||
                (key->type == HOLDER_FILE && ret->st_dev != key->device))
                return -ESTALE;
        *ret_fd = fd_take(&fd);
        return 0;
}

/* Owner, mode and fill, as far as this user may know them. Nothing here is worth failing a scan for. */
static void row_look(const PipeScan *state, Record *row) {
        CLEANUP_FD int pinned = -EBADF, end = -EBADF;
        const Holder *holder = state->readers > 0 ? &state->reader : &state->writer;
        struct stat st;

        if (holder_pin(holder, &state->key, &pinned, &st) < 0)
                return;
        record_set_u64(row, "uid", st.st_uid);
        record_set_u64(row, "gid", st.st_gid);
        record_set_u64(row, "mode", st.st_mode & 07777);
        if (pipe_reopen(pinned, (state->readers > 0 ? O_RDONLY : O_WRONLY) | O_NONBLOCK, &end, NULL) >= 0)
                pipe_describe(end, row);
}

/* Without knowing all holders nobody can say that an end has none. */
static const char *row_state(const PipeScan *state) {
        bool all = proc_table_unreadable(state->table) == 0;

        if (state->readers > 0 && state->writers > 0)
                return "open";
        if (!all)
                return "unknown: not all processes could be read";
        if (state->readers == 0 && state->writers == 0)
                return "not open for reading or writing";
        return state->readers == 0 ? "no reader: a write gets EPIPE" : "no writer: a read gets the end of the stream";
}

static int row_new(const char *kind, const Address *address, const Holder *first, Record **ret) {
        CLEANUP(record_freep) Record *row = NULL;
        CLEANUP_FREE char *text = NULL;
        int r;

        r = record_new(&row);
        if (r < 0)
                return r;
        text = address_print(address);
        if (!text)
                return -ENOMEM;
        record_set_string(row, "kind", kind);
        record_set_string(row, "address", text);
        record_set_u64(row, "uid", first->uid);
        *ret = TAKE_POINTER(row);
        return 0;
}

static int scan_one(PipeScan *state, const char *kind, const Address *address, const Holder *first) {
        CLEANUP(record_freep) Record *row = NULL;
        int r;

        state->readers = state->writers = 0;
        r = proc_table_holders(state->table, &state->key, count_holder, state);
        if (r < 0)
                return r;
        r = row_new(kind, address, first, &row);
        if (r < 0)
                return r;
        if (state->readers > 0 || state->writers > 0)
                row_look(state, row);
        record_set_string(row, "state", row_state(state));
        if (state->scan->table) {
                r = holders_append(state->scan->table, &state->key, 1, row);
                if (r < 0)
                        return r;
        }
        return state->scan->row(state->scan, TAKE_POINTER(row));
}

static int each_pipe(uint64_t inode, const Holder *first, void *userdata) {
        CLEANUP(address_done) Address address = ADDRESS_EMPTY;
        PipeScan *state = userdata;
        int r;

        state->key = (HolderKey){ .type = HOLDER_PIPE, .number = inode };
        r = address_set_number(&address, "pipe", ADDRESS_INODE, inode);
        return r < 0 ? r : scan_one(state, "pipe", &address, first);
}

/* A FIFO is named by its path; one that was removed, or that stands in another mount namespace, has none here. */
static int each_fifo(dev_t device, uint64_t inode, const Holder *first, void *userdata) {
        CLEANUP(address_done) Address address = ADDRESS_EMPTY;
        PipeScan *state = userdata;
        char link[64], path[PATH_MAX];
        struct stat st;
        ssize_t n;
        int r;

        state->key = (HolderKey){ .type = HOLDER_FILE, .device = device, .number = inode };
        snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)first->pid, first->fd);
        n = readlink(link, path, sizeof path - 1);
        if (n <= 0)
                return 0;
        path[n] = '\0';
        if (lstat(path, &st) < 0 || st.st_dev != device || st.st_ino != inode)
                return 0;
        r = address_set_path(&address, "fifo", path);
        return r < 0 ? r : scan_one(state, "fifo", &address, first);
}

static void table_done(ProcTable **table) {
        *table = proc_table_free(*table);
}

/* The table is also needed where holders are not wanted: pipes are only known by who holds them. */
static int scan_with_table(Scan *scan, int (*walk)(PipeScan *state)) {
        CLEANUP(table_done) ProcTable *own = NULL;
        PipeScan state = { .scan = scan, .table = scan->table };
        int r;

        if (!state.table) {
                r = proc_table_new(&own);
                if (r < 0)
                        return r;
                state.table = own;
        }
        return walk(&state);
}

static int walk_pipes(PipeScan *state) {
        return proc_table_inodes(state->table, HOLDER_PIPE, each_pipe, state);
}

static int walk_fifos(PipeScan *state) {
        return proc_table_fifos(state->table, each_fifo, state);
}

int pipe_scan(Scan *scan) {
        return scan_with_table(scan, walk_pipes);
}

int fifo_scan(Scan *scan) {
        return scan_with_table(scan, walk_fifos);
}
