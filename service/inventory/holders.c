/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who holds what: searches in a ProcTable, and its answers as records. */
#include "scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "proc-table.h"

size_t proc_table_seen(const ProcTable *table) {
        return table->n_processes;
}

size_t proc_table_unreadable(const ProcTable *table) {
        return table->unreadable;
}

static void holder_fill(const ProcTable *table, const Hold *hold, Holder *ret) {
        const Process *process = &table->processes[hold->process];
        size_t n = 0;

        *ret = (Holder){
                .pid = process->pid,
                .uid = process->uid,
                .command = process->command,
                .fd = hold->fd,
                .mapped = hold->flags & HOLD_MAPPED,
                .shared = hold->flags & HOLD_SHARED,
                .channel = hold->type == HOLDER_PIPE || (hold->flags & HOLD_FIFO),
        };
        if (hold->flags & HOLD_READ)
                ret->access[n++] = 'r';
        if (hold->flags & HOLD_WRITE)
                ret->access[n++] = 'w';
}

/* The first hold that is not before the key; holds of a type and number stand together. */
static size_t lower_bound(const ProcTable *table, HolderKeyType type, uint64_t number, dev_t device) {
        size_t low = 0, high = table->n_holds;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                const Hold *hold = &table->holds[middle];
                bool before;

                if (hold->type != type)
                        before = hold->type < type;
                else if (hold->number != number)
                        before = hold->number < number;
                else
                        before = hold->device < device;
                if (before)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static int process_compare(const void *key, const void *member) {
        uint64_t pid = *(const uint64_t *)key, other = (uint64_t)((const Process *)member)->pid;

        return (pid > other) - (pid < other);
}

static int process_holder(
        const ProcTable *table, uint64_t pid, int (*each)(const Holder *holder, void *userdata), void *userdata) {
        const Process *process = NULL;

        if (table->n_processes > 0)
                process = bsearch(&pid, table->processes, table->n_processes, sizeof(*process), process_compare);
        if (!process)
                return 0;
        return each(&(Holder){ .pid = process->pid, .uid = process->uid, .command = process->command, .fd = -1 },
                userdata);
}

int proc_table_holders(const ProcTable *table, const HolderKey *key, int (*each)(const Holder *holder, void *userdata),
        void *userdata) {
        dev_t device = key->type == HOLDER_FILE ? key->device : 0;
        Holder holder;
        int r;

        if (key->type == HOLDER_PROCESS)
                return process_holder(table, key->number, each, userdata);
        for (size_t i = lower_bound(table, key->type, key->number, device); i < table->n_holds; i++) {
                const Hold *hold = &table->holds[i];

                if (hold->type != key->type || hold->number != key->number || hold->device != device)
                        break;
                holder_fill(table, hold, &holder);
                r = each(&holder, userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}

int proc_table_inodes(const ProcTable *table, HolderKeyType type,
        int (*each)(uint64_t inode, const Holder *first, void *userdata), void *userdata) {
        uint64_t last = 0;
        bool any = false;
        Holder holder;
        int r;

        if (type != HOLDER_PIPE && type != HOLDER_SOCKET && type != HOLDER_EVENTFD)
                return -EINVAL;
        for (size_t i = lower_bound(table, type, 0, 0); i < table->n_holds && table->holds[i].type == type; i++) {
                if (any && table->holds[i].number == last)
                        continue;
                any = true;
                last = table->holds[i].number;
                holder_fill(table, &table->holds[i], &holder);
                r = each(last, &holder, userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}

int proc_table_fifos(const ProcTable *table,
        int (*each)(dev_t device, uint64_t inode, const Holder *first, void *userdata), void *userdata) {
        const Hold *last = NULL;
        Holder holder;
        int r;

        for (size_t i = lower_bound(table, HOLDER_FILE, 0, 0);
                i < table->n_holds && table->holds[i].type == HOLDER_FILE; i++) {
                const Hold *hold = &table->holds[i];

                if (!(hold->flags & HOLD_FIFO) ||
                        (last && last->number == hold->number && last->device == hold->device))
                        continue;
                last = hold;
                holder_fill(table, hold, &holder);
                r = each(hold->device, hold->number, &holder, userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}

int proc_table_files(
        const ProcTable *table, int (*each)(dev_t device, uint64_t inode, void *userdata), void *userdata) {
        const Hold *last = NULL;
        int r;

        for (size_t i = lower_bound(table, HOLDER_FILE, 0, 0);
                i < table->n_holds && table->holds[i].type == HOLDER_FILE; i++) {
                const Hold *hold = &table->holds[i];

                if (last && last->number == hold->number && last->device == hold->device)
                        continue;
                last = hold;
                r = each(hold->device, hold->number, userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}

typedef struct Appending {
        Record *row;
        uint64_t shown, omitted;
} Appending;

static const char *access_name(const char *access) {
        static const struct {
                const char *access, *name;
        } names[] = { { "r", "read" }, { "w", "write" }, { "rw", "read-write" } };

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (strcmp(names[i].access, access) == 0)
                        return names[i].name;
        /* A mapping has PROT_NONE. */
        return "no access";
}

static int append_holder(const Holder *holder, void *userdata) {
        CLEANUP(record_freep) Record *item = NULL;
        Appending *appending = userdata;
        int r;

        if (appending->shown == HOLDERS_SHOWN_MAX) {
                appending->omitted++;
                return 0;
        }
        r = record_new(&item);
        if (r < 0)
                return r;
        record_set_u64(item, "pid", (uint64_t)holder->pid);
        record_set_u64(item, "uid", holder->uid);
        record_set_string(item, "command", holder->command);
        if (holder->mapped)
                record_set_format(
                        item, "how", "mapped %s%s", access_name(holder->access), holder->shared ? "" : ", private");
        else if (holder->fd >= 0)
                /* open(2): a descriptor without either direction is one of O_PATH. */
                record_set_format(item, "how", "fd %d %s", holder->fd,
                        holder->access[0] ? access_name(holder->access) : "path only");
        else
                record_set_string(item, "how", "the process itself");
        if (holder->channel && holder->access[0])
                record_set_string(item, "end", access_name(holder->access));
        record_append_record(appending->row, "holders", TAKE_POINTER(item));
        appending->shown++;
        return record_error(appending->row);
}

int holders_append(const ProcTable *table, const HolderKey *keys, size_t n, Record *row) {
        Appending appending = { .row = row };
        int r;

        if (!record_has(row, "holders"))
                record_set_value(row, "holders", &(Value){ .type = VALUE_RECORDS });
        for (size_t i = 0; i < n; i++) {
                r = proc_table_holders(table, &keys[i], append_holder, &appending);
                if (r < 0)
                        return r;
        }
        if (appending.omitted > 0)
                record_set_u64(row, "holders_omitted", appending.omitted);
        record_set_bool(row, "holders_complete", proc_table_unreadable(table) == 0);
        if (proc_table_unreadable(table) > 0) {
                record_set_u64(row, "processes", proc_table_seen(table));
                record_set_u64(row, "processes_unread", proc_table_unreadable(table));
                if (table->unreadable == 1 && table->unreadable_pid > 0)
                        record_set_u64(row, "process_unread", (uint64_t)table->unreadable_pid);
        }
        return record_error(row);
}
