/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The eventfds of all processes that can be looked into. They have no name and share one inode, so that they are only
 * known by who holds them, and told apart by the eventfd-id of fdinfo (proc(5)). */
#include "eventfd-parts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "scan.h"

enum { INFO_MAX = 2048 };

/* The count is hexadecimal there, the others are decimal. */
static bool line_number(const char *text, const char *name, int base, uint64_t *ret) {
        const char *at = strstr(text, name);
        char *end;

        if (!at)
                return false;
        at += strlen(name);
        errno = 0;
        *ret = strtoull(at, &end, base);
        return errno == 0 && end != at;
}

int eventfd_info(const char *process, int fd, EventfdInfo *ret) {
        CLEANUP_FD int file = -EBADF;
        char path[64], text[INFO_MAX];
        EventfdInfo info = {};
        uint64_t semaphore = 0;
        ssize_t n;

        (void)snprintf(path, sizeof path, "/proc/%.20s/fdinfo/%d", process, fd);
        file = open(path, O_RDONLY | O_CLOEXEC);
        if (file < 0)
                return -errno;
        n = read(file, text, sizeof text - 1);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        if (!line_number(text, "eventfd-count:", 16, &info.count) || !line_number(text, "eventfd-id:", 10, &info.id))
                return -EMEDIUMTYPE;
        info.semaphore = line_number(text, "eventfd-semaphore:", 10, &semaphore) && semaphore != 0;
        *ret = info;
        return 0;
}

typedef struct EventfdScan {
        Scan *scan;
        const ProcTable *table;
} EventfdScan;

static int each_eventfd(uint64_t id, const Holder *first, void *userdata) {
        const HolderKey key = { .type = HOLDER_EVENTFD, .number = id };
        CLEANUP(address_done) Address address = ADDRESS_EMPTY;
        CLEANUP(record_freep) Record *row = NULL;
        CLEANUP_FREE char *text = NULL;
        EventfdScan *state = userdata;
        char process[16];
        EventfdInfo info;
        int r;

        r = address_set_number(&address, "eventfd", ADDRESS_INODE, id);
        if (r >= 0)
                r = record_new(&row);
        if (r < 0)
                return r;
        text = address_print(&address);
        if (!text)
                return -ENOMEM;
        record_set_string(row, "kind", "eventfd");
        record_set_string(row, "address", text);
        record_set_u64(row, "uid", first->uid);
        (void)snprintf(process, sizeof process, "%d", (int)first->pid);
        if (eventfd_info(process, first->fd, &info) >= 0 && info.id == id) {
                record_set_u64(row, "value", info.count);
                record_set_bool(row, "semaphore", info.semaphore);
                record_set_format(row, "state", "%s at %" PRIu64 "%s", info.semaphore ? "semaphore" : "counter",
                        info.count, info.count == EVENTFD_MAX ? ": full, writers wait" : "");
        }
        if (state->scan->table) {
                r = holders_append(state->scan->table, &key, 1, row);
                if (r < 0)
                        return r;
        }
        return state->scan->row(state->scan, TAKE_POINTER(row));
}

static void table_done(ProcTable **table) {
        *table = proc_table_free(*table);
}

int eventfd_scan(Scan *scan) {
        CLEANUP(table_done) ProcTable *own = NULL;
        EventfdScan state = { .scan = scan, .table = scan->table };
        int r;

        if (!state.table) {
                r = proc_table_new(&own);
                if (r < 0)
                        return r;
                state.table = own;
        }
        return proc_table_inodes(state.table, HOLDER_EVENTFD, each_eventfd, &state);
}
