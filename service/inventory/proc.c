/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One walk of /proc: which process has which files, pipes and sockets open or mapped. Relative to directory
 * descriptors, two or three system calls a descriptor; a process that ends while it is looked at is no error. The
 * table owns all that it found; the walk owns its buffers. Threads that do not share their descriptors with their
 * process (rare: CLONE_THREAD without CLONE_FILES) are not looked at. */
#include "scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "proc-fdinfo.h"
#include "proc-maps.h"
#include "proc-table.h"

enum {
        DIRECTORY_BUFFER = 32 * 1024,
        STATUS_BUFFER = 4096,
};

typedef struct Walk {
        ProcTable *table;
        MapsReader *maps;
        pid_t self;
        bool init_seen;
        /* Both nest: /proc is still being read while a process's descriptors are. */
        char proc_buffer[DIRECTORY_BUFFER] __attribute__((aligned(8)));
        char fd_buffer[DIRECTORY_BUFFER] __attribute__((aligned(8)));
        char status[STATUS_BUFFER];
} Walk;

/* Went away in the middle: ESRCH from files of a dead process, ENOENT from its directory. */
static bool vanished(int r) {
        return r == -ENOENT || r == -ESRCH;
}

static int digits_parse(const char *text, uint64_t *ret) {
        uint64_t value = 0;

        if (*text < '0' || *text > '9')
                return -EINVAL;
        for (; *text >= '0' && *text <= '9'; text++)
                value = 10 * value + (uint64_t)(*text - '0');
        *ret = value;
        return 0;
}

int proc_table_add(ProcTable *table, const Hold *hold) {
        if (table->n_holds == table->holds_allocated) {
                size_t allocated = table->holds_allocated > 0 ? 2 * table->holds_allocated : 1024;
                Hold *holds = reallocarray(table->holds, allocated, sizeof(*holds));

                if (!holds)
                        return -ENOMEM;
                table->holds = holds;
                table->holds_allocated = allocated;
        }
        table->holds[table->n_holds++] = *hold;
        return 0;
}

/* The symbolic link's own permission bits tell how the descriptor was opened (proc(5), /proc/pid/fd). */
static int read_access(int directory, const char *name, Hold *hold) {
        struct stat st;

        if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (st.st_mode & S_IRUSR)
                hold->flags |= HOLD_READ;
        if (st.st_mode & S_IWUSR)
                hold->flags |= HOLD_WRITE;
        return 0;
}

/* Through the link, so that it is the file that is open also where its name was removed or given to another. A server
 * that does not answer (NFS) must not hang the walk: what is cached is enough. */
static int read_file(int directory, const char *name, Hold *hold) {
        struct statx stx;

        if (statx(directory, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO | STATX_TYPE, &stx) < 0)
                return -errno;
        hold->type = HOLDER_FILE;
        hold->device = makedev(stx.stx_dev_major, stx.stx_dev_minor);
        hold->number = stx.stx_ino;
        if (S_ISFIFO(stx.stx_mode))
                hold->flags |= HOLD_FIFO;
        return read_access(directory, name, hold);
}

/* 1 if the descriptor is one of those that can be a hold. Once the link can be read all of it can, so that what fails
 * later is the file's own doing (a FUSE file system of another user): a file that nobody else can ask for either. */
static int read_descriptor(int directory, const char *name, Hold *hold) {
        char target[24]; /* "socket:[" and 20 digits may be cut, but inodes of both have 32 bits */
        ssize_t length;
        int r;

        length = readlinkat(directory, name, target, sizeof(target) - 1);
        if (length < 0 && errno != ENAMETOOLONG)
                return -errno;
        target[length < 0 ? 0 : length] = '\0';
        /* A path that is too long for the kernel to tell is still a path. */
        if (length < 0 || target[0] == '/')
                r = read_file(directory, name, hold);
        else if (strncmp(target, "pipe:[", 6) == 0 && digits_parse(target + 6, &hold->number) == 0) {
                hold->type = HOLDER_PIPE;
                r = read_access(directory, name, hold);
        } else if (strncmp(target, "socket:[", 8) == 0 && digits_parse(target + 8, &hold->number) == 0) {
                hold->type = HOLDER_SOCKET;
                hold->flags = HOLD_READ | HOLD_WRITE;
                r = 0;
        } else if (strcmp(target, "anon_inode:[eventfd]") == 0) {
                /* They all share one inode: only fdinfo tells which is which. */
                hold->type = HOLDER_EVENTFD;
                hold->flags = HOLD_READ | HOLD_WRITE;
                r = fdinfo_number(directory, "../fdinfo/", hold->fd, "eventfd-id:", &hold->number);
        } else
                return 0;
        return r == 0;
}

static int walk_descriptors(Walk *walk, int process_fd, uint32_t index) {
        CLEANUP_FD int directory = -EBADF;
        ssize_t size;
        int r;

        directory = openat(process_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory < 0)
                return -errno;
        while ((size = getdents64(directory, walk->fd_buffer, sizeof(walk->fd_buffer))) > 0)
                for (ssize_t at = 0; at < size;) {
                        const struct dirent64 *entry = (const struct dirent64 *)(walk->fd_buffer + at);
                        Hold hold = { .process = index };
                        uint64_t fd;

                        at += entry->d_reclen;
                        if (digits_parse(entry->d_name, &fd) < 0)
                                continue;
                        hold.fd = (int)fd;
                        r = read_descriptor(directory, entry->d_name, &hold);
                        if (r > 0)
                                r = proc_table_add(walk->table, &hold);
                        if (r < 0 && !vanished(r))
                                return r;
                }
        return size < 0 ? -errno : 0;
}

static const char *status_field(const char *status, const char *name) {
        const char *field = strstr(status, name);

        return field ? field + strlen(name) : NULL;
}

/* /proc/PID/status, for what is costly to know and seldom needed. The directory's owner is root also where the
 * process only may not be dumped (proc(5)). Returns whether it is alive but shows nothing of what it holds: not so for
 * kernel threads and for zombies, unless other threads of the zombie still run. */
static bool read_status(Walk *walk, int process_fd, Process *process, bool hidden) {
        CLEANUP_FD int fd = -EBADF;
        const char *uid, *state, *threads;
        uint64_t number;
        ssize_t size;

        fd = openat(process_fd, "status", O_RDONLY | O_CLOEXEC);
        size = fd < 0 ? -1 : read(fd, walk->status, sizeof(walk->status) - 1);
        if (size <= 0)
                return hidden && !vanished(-errno);
        walk->status[size] = '\0';
        uid = status_field(walk->status, "\nUid:\t");
        /* Real, effective, saved, file system: it is the effective one that opened things. */
        uid = uid ? strchr(uid, '\t') : NULL;
        if (uid && digits_parse(uid + 1, &number) == 0)
                process->uid = (uid_t)number;
        if (status_field(walk->status, "\nVmSize:"))
                return hidden;
        state = status_field(walk->status, "\nState:\t");
        threads = status_field(walk->status, "\nThreads:\t");
        return state && *state == 'Z' && threads && digits_parse(threads, &number) == 0 && number > 1;
}

static void read_command(int process_fd, Process *process) {
        CLEANUP_FD int fd = -EBADF;
        ssize_t size;

        fd = openat(process_fd, "comm", O_RDONLY | O_CLOEXEC);
        size = fd < 0 ? -1 : read(fd, process->command, sizeof(process->command) - 1);
        process->command[size > 0 ? size : 0] = '\0';
        process->command[strcspn(process->command, "\n")] = '\0';
}

static int add_process(ProcTable *table, pid_t pid, uid_t uid, uint32_t *ret_index) {
        if (table->n_processes == table->processes_allocated) {
                size_t allocated = table->processes_allocated > 0 ? 2 * table->processes_allocated : 128;
                Process *processes = reallocarray(table->processes, allocated, sizeof(*processes));

                if (!processes)
                        return -ENOMEM;
                table->processes = processes;
                table->processes_allocated = allocated;
        }
        *ret_index = (uint32_t)table->n_processes;
        table->processes[table->n_processes++] = (Process){ .pid = pid, .uid = uid };
        return 0;
}

static int walk_process(Walk *walk, int proc_fd, const char *name, pid_t pid) {
        CLEANUP_FD int process_fd = -EBADF;
        ProcTable *table = walk->table;
        size_t before = table->n_holds;
        bool hidden = false;
        struct stat st;
        uint32_t index;
        int r;

        process_fd = openat(proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (process_fd < 0 || fstat(process_fd, &st) < 0)
                return vanished(-errno) ? 0 : -errno;
        r = add_process(table, pid, st.st_uid, &index);
        if (r < 0)
                return r;
        read_command(process_fd, &table->processes[index]);
        r = walk_descriptors(walk, process_fd, index);
        hidden = r < 0 && !vanished(r);
        if (r != -ENOMEM)
                r = maps_read(walk->maps, process_fd, index, table);
        if (r == -ENOMEM)
                return r;
        hidden = hidden || (r < 0 && !vanished(r));
        if (table->n_holds == before || st.st_uid == 0 || hidden)
                if (read_status(walk, process_fd, &table->processes[index], hidden)) {
                        table->unreadable++;
                        table->unreadable_pid = pid;
                }
        return 0;
}

static int walk_all(Walk *walk) {
        CLEANUP_FD int proc_fd = -EBADF;
        ssize_t size;
        int r;

        proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (proc_fd < 0)
                return -errno;
        while ((size = getdents64(proc_fd, walk->proc_buffer, sizeof(walk->proc_buffer))) > 0)
                for (ssize_t at = 0; at < size;) {
                        const struct dirent64 *entry = (const struct dirent64 *)(walk->proc_buffer + at);
                        uint64_t pid;

                        at += entry->d_reclen;
                        if (digits_parse(entry->d_name, &pid) < 0)
                                continue;
                        walk->init_seen = walk->init_seen || pid == 1;
                        if ((pid_t)pid == walk->self)
                                continue;
                        r = walk_process(walk, proc_fd, entry->d_name, (pid_t)pid);
                        if (r < 0)
                                return r;
                }
        return size < 0 ? -errno : 0;
}

#define COMPARE(x, y)                              \
        do {                                       \
                if ((x) != (y))                    \
                        return (x) < (y) ? -1 : 1; \
        } while (0)

static int hold_compare(const void *a, const void *b) {
        const Hold *x = a, *y = b;

        COMPARE(x->type, y->type);
        COMPARE(x->number, y->number);
        COMPARE(x->device, y->device);
        COMPARE(x->process, y->process);
        COMPARE(x->fd, y->fd);
        return 0;
}

/* A file that is mapped in pieces is one hold, with the rights of all of them. */
static void merge_mappings(ProcTable *table) {
        size_t out = 0;

        for (size_t i = 0; i < table->n_holds; i++) {
                if (out > 0 && (table->holds[i].flags & HOLD_MAPPED) &&
                        hold_compare(&table->holds[out - 1], &table->holds[i]) == 0)
                        table->holds[out - 1].flags |= table->holds[i].flags;
                else
                        table->holds[out++] = table->holds[i];
        }
        table->n_holds = out;
}

static void walk_free(Walk **walk) {
        if (*walk)
                maps_reader_free((*walk)->maps);
        free(*walk);
}

static void table_free(ProcTable **table) {
        proc_table_free(*table);
}

static int walk_some(Walk *walk, const pid_t *pids, size_t n) {
        CLEANUP_FD int proc_fd = -EBADF;
        char name[24];
        int r = 0;

        proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (proc_fd < 0)
                return -errno;
        for (size_t i = 0; r >= 0 && i < n; i++) {
                snprintf(name, sizeof(name), "%d", (int)pids[i]);
                r = walk_process(walk, proc_fd, name, pids[i]);
        }
        return r < 0 ? r : 0;
}

/* Of all processes where `pids` is NULL. */
static int table_make(const pid_t *pids, size_t n, ProcTable **ret) {
        CLEANUP(table_free) ProcTable *table = NULL;
        CLEANUP(walk_free) Walk *walk = NULL;
        int r;

        table = calloc(1, sizeof(*table));
        walk = calloc(1, sizeof(*walk));
        if (!table || !walk)
                return -ENOMEM;
        table->references = 1;
        r = maps_reader_new(&walk->maps);
        if (r < 0)
                return r;
        walk->table = table;
        walk->self = getpid();
        r = pids ? walk_some(walk, pids, n) : walk_all(walk);
        if (r < 0)
                return r;
        /* Every PID namespace has a process 1: where it is not seen, /proc hides others' processes (hidepid), and how
         * many is not told. */
        if (!pids && !walk->init_seen)
                table->unreadable++;
        if (table->n_holds > 0)
                qsort(table->holds, table->n_holds, sizeof(*table->holds), hold_compare);
        merge_mappings(table);
        *ret = TAKE_POINTER(table);
        return 0;
}

int proc_table_new_of(const pid_t *pids, size_t n, ProcTable **ret) {
        return table_make(pids, n, ret);
}

static struct {
        bool sharing;
        ProcTable *table;
        size_t walked;
} walks;

int proc_table_new(ProcTable **ret) {
        int r = 0;

        if (!walks.table) {
                ProcTable *table;

                r = table_make(NULL, 0, &table);
                if (r < 0)
                        return r;
                walks.walked++;
                if (!walks.sharing) {
                        *ret = table;
                        return 0;
                }
                walks.table = table;
        }
        walks.table->references++;
        *ret = walks.table;
        return 0;
}

void proc_tables_share(bool share) {
        walks.sharing = share;
        if (!share)
                walks.table = proc_table_free(walks.table);
}

size_t proc_tables_walked(void) {
        return walks.walked;
}

bool proc_table_has_number(const ProcTable *table, uint64_t number) {
        for (size_t i = 0; i < table->n_holds; i++)
                if (table->holds[i].number == number)
                        return true;
        return false;
}

ProcTable *proc_table_free(ProcTable *table) {
        if (!table || --table->references > 0)
                return NULL;
        free(table->processes);
        free(table->holds);
        free(table);
        return NULL;
}
