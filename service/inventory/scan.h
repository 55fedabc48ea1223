/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a system-wide scan shares between kinds: who asked for what, where rows go, and one walk of /proc for all. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "record.h"

typedef struct ProcTable ProcTable;

/* What a descriptor or mapping of a process must match to be a hold of an object. */
typedef enum HolderKeyType {
        HOLDER_FILE,    /* device and inode: files, FIFOs, /dev/shm, memfds, queues; descriptors and mappings */
        HOLDER_SOCKET,  /* socket:[inode] */
        HOLDER_PIPE,    /* pipe:[inode] */
        HOLDER_SYSV,    /* a System V segment of this IPC namespace: number is its identifier; mappings */
        HOLDER_PROCESS, /* the process itself: number is its pid */
        HOLDER_EVENTFD, /* eventfd-id of its fdinfo */
        HOLDER_KEY_TYPE_MAX,
} HolderKeyType;

typedef struct HolderKey {
        HolderKeyType type;
        dev_t device;
        uint64_t number; /* inode, identifier or pid */
} HolderKey;

enum { HOLDER_KEYS_MAX = 64 };

/* One process holding one object in one way. */
typedef struct Holder {
        pid_t pid;
        uid_t uid;
        const char *command; /* of /proc/PID/comm; lives as long as the table */
        int fd;              /* -1 for a mapping */
        char access[4];      /* "r", "w", "rw"; of the fd or of the mapping */
        bool mapped;
        bool shared;  /* of a mapping: what is written reaches the object (MAP_SHARED) */
        bool channel; /* a pipe or FIFO: access tells which end */
} Holder;

/* Walks /proc once. The process that walks is left out. What could not be read (other users' processes without the
 * right) is counted, not hidden. */
int proc_table_new(ProcTable **ret);
ProcTable *proc_table_free(ProcTable *table);
/* Only these processes, also the one that walks. */
int proc_table_new_of(const pid_t *pids, size_t n, ProcTable **ret);
/* Scans of several kinds in one go share one walk: from true to false, all that proc_table_new() gives is the table of
 * the first of them. */
void proc_tables_share(bool share);
/* How many walks of all of /proc this process has made. */
size_t proc_tables_walked(void);
/* Is the number that of a pipe, socket, eventfd or file that one of the table's processes holds? For small tables. */
bool proc_table_has_number(const ProcTable *table, uint64_t number);
/* Calls `each` for every hold that matches the key; a negative return of it ends the walk and is passed on. */
int proc_table_holders(const ProcTable *table, const HolderKey *key, int (*each)(const Holder *holder, void *userdata),
        void *userdata);
/* Processes seen, and those of them whose descriptors or mappings could not be read. */
size_t proc_table_seen(const ProcTable *table);
size_t proc_table_unreadable(const ProcTable *table);

/* Calls `each` for every pipe or socket inode or eventfd-id (`type`) that a descriptor of anybody's shows, once each,
 * with one holder. */
int proc_table_inodes(const ProcTable *table, HolderKeyType type,
        int (*each)(uint64_t inode, const Holder *first, void *userdata), void *userdata);

/* The same for FIFOs. */
int proc_table_fifos(const ProcTable *table,
        int (*each)(dev_t device, uint64_t inode, const Holder *first, void *userdata), void *userdata);

/* The same for all files, also those that are only mapped. */
int proc_table_files(
        const ProcTable *table, int (*each)(dev_t device, uint64_t inode, void *userdata), void *userdata);
/* What the process calls a file that it maps, as /proc/PID/maps has it: with " (deleted)" where the name is gone.
 * -ENOENT where it maps no such file any more. */
int proc_mapped_path(pid_t pid, const HolderKey *key, char *ret_path, size_t size);

/* A row has to fit a packet: more holders of one object than this are counted, not listed. */
enum { HOLDERS_SHOWN_MAX = 512 };

/* Appends to `row` under "holders" (an empty list where there are none) one record a hold: pid, uid, command, how
 * ("fd 5 read", "mapped read-write", "mapped read, private"), end ("read", "write", "read-write"; pipes and FIFOs
 * only). Sets "holders_complete", false where some processes could not be read ("processes_unread" of "processes", and
 * "process_unread", its pid, where it is one), and "holders_omitted" where there were too many.
 */
int holders_append(const ProcTable *table, const HolderKey *keys, size_t n, Record *row);

struct Scan {
        const Record *filter;   /* as ListKernelObjects takes it; may be NULL */
        const ProcTable *table; /* NULL where holders are not wanted */
        /* Takes ownership of the row. Keys of a row: kind, address, uid, gid, mode, size (bytes it can hold or is),
         * used (bytes in it), messages, created (us), state, holders … Negative return: stop. */
        int (*row)(struct Scan *scan, Record *row);
        void *userdata;
};
