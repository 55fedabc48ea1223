/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /proc/PID/maps as holds. Lines are "start-end perms offset major:minor inode path" (proc(5)), the numbers
 * hexadecimal but for the inode. The device is the one of the superblock. Some file systems tell another by stat(2)
 * (btrfs: one for each subvolume; overlayfs, by version), and it is that one that others ask for: so the reader finds
 * out once for each device whether both agree, and only where they do not asks stat for each mapped file. */
#include "proc-maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "proc-table.h"

enum {
        DEVICES_MAX = 64,
        BUFFER_SIZE = 64 * 1024, /* a line has a path of PATH_MAX at the most, with each byte as \ooo */
};

typedef struct Device {
        dev_t device;
        bool agrees;
} Device;

struct MapsReader {
        Device devices[DEVICES_MAX];
        size_t n_devices;
        char buffer[BUFFER_SIZE + 1];
};

typedef struct Mapping {
        unsigned flags;
        dev_t device;
        uint64_t inode;
        const char *path;
        bool sysv; /* a System V segment: the inode is its identifier (shmat(2)) */
} Mapping;

int maps_reader_new(MapsReader **ret) {
        MapsReader *reader = calloc(1, sizeof(*reader));

        if (!reader)
                return -ENOMEM;
        *ret = reader;
        return 0;
}

MapsReader *maps_reader_free(MapsReader *reader) {
        free(reader);
        return NULL;
}

static const char *skip_field(const char *p) {
        while (*p && *p != ' ')
                p++;
        while (*p == ' ')
                p++;
        return p;
}

static uint64_t take_digits(const char **p, unsigned base) {
        uint64_t value = 0;

        for (;; (*p)++) {
                char c = **p;
                unsigned digit;

                if (c >= '0' && c <= '9')
                        digit = (unsigned)(c - '0');
                else if (base == 16 && c >= 'a' && c <= 'f')
                        digit = (unsigned)(c - 'a') + 10;
                else
                        return value;
                value = base * value + digit;
        }
}

/* "/SYSV<key in 8 digits> (deleted)", on the file system that the kernel keeps for them, which has no device of its
 * own. Anonymous shared memory is on the same one, and its inodes are as small as identifiers: the name decides. */
static bool is_sysv(const Mapping *mapping) {
        return major(mapping->device) == 0 && strncmp(mapping->path, "/SYSV", 5) == 0 &&
               strspn(mapping->path + 5, "0123456789abcdef") == 8 &&
               (mapping->path[13] == '\0' || strcmp(mapping->path + 13, " (deleted)") == 0);
}

static bool parse_line(const char *p, Mapping *ret) {
        unsigned high, low;
        bool shared;

        p = skip_field(p);
        if (strnlen(p, 4) < 4)
                return false;
        shared = p[3] == 's';
        /* What is written to a private mapping never reaches the file. */
        ret->flags = HOLD_MAPPED | (p[0] == 'r' || p[2] == 'x' ? HOLD_READ : 0u) |
                     (p[1] == 'w' && shared ? HOLD_WRITE : 0u) | (shared ? HOLD_SHARED : 0u);
        p = skip_field(skip_field(p));
        high = (unsigned)take_digits(&p, 16);
        if (*p++ != ':')
                return false;
        low = (unsigned)take_digits(&p, 16);
        ret->device = makedev(high, low);
        p = skip_field(p);
        ret->inode = take_digits(&p, 10);
        ret->path = skip_field(p);
        /* Without an inode: anonymous. A System V segment has its identifier there, and that may be 0 (shmop(2)). */
        ret->sysv = is_sysv(ret);
        return ret->inode > 0 || ret->sysv;
}

/* Identifiers belong to an IPC namespace. Where that of the process cannot be read it is taken for ours: a hold too
 * many does no harm, one too few may. */
static bool same_ipc_namespace(int process_fd) {
        char ours[64], theirs[64];
        ssize_t n = readlink("/proc/self/ns/ipc", ours, sizeof ours),
                m = readlinkat(process_fd, "ns/ipc", theirs, sizeof theirs);

        return n <= 0 || m <= 0 || (n == m && memcmp(ours, theirs, (size_t)n) == 0);
}

static int stat_device(const Mapping *mapping, dev_t *ret) {
        struct statx stx;

        if (mapping->path[0] != '/')
                return -ENOENT;
        if (statx(AT_FDCWD, mapping->path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO, &stx) < 0)
                return -errno;
        /* Another file by now, or in another mount namespace. */
        if (stx.stx_ino != mapping->inode)
                return -ESTALE;
        *ret = makedev(stx.stx_dev_major, stx.stx_dev_minor);
        return 0;
}

/* The device as stat(2) tells it; the one of the maps where that cannot be known, as for a file without a name. */
static dev_t mapping_device(MapsReader *reader, const Mapping *mapping) {
        dev_t device;

        for (size_t i = 0; i < reader->n_devices; i++)
                if (reader->devices[i].device == mapping->device) {
                        if (reader->devices[i].agrees)
                                return mapping->device;
                        return stat_device(mapping, &device) == 0 ? device : mapping->device;
                }
        if (stat_device(mapping, &device) < 0)
                return mapping->device;
        if (reader->n_devices < DEVICES_MAX)
                reader->devices[reader->n_devices++] = (Device){ .device = mapping->device,
                        .agrees = device == mapping->device };
        return device;
}

static int add_mapping(MapsReader *reader, int process_fd, const char *line, uint32_t process, ProcTable *table) {
        Mapping mapping;
        Hold hold = { .type = HOLDER_FILE, .process = process, .fd = -1 }, *last;

        if (!parse_line(line, &mapping))
                return 0;
        hold.flags = (uint8_t)mapping.flags;
        hold.number = mapping.inode;
        if (mapping.sysv) {
                hold.type = HOLDER_SYSV;
                if (!same_ipc_namespace(process_fd))
                        return 0;
        } else
                hold.device = mapping_device(reader, &mapping);
        /* A library is mapped in four or five pieces, one behind the other. */
        last = table->n_holds > 0 ? &table->holds[table->n_holds - 1] : NULL;
        if (last && last->process == process && (last->flags & HOLD_MAPPED) && last->type == hold.type &&
                last->number == hold.number && last->device == hold.device) {
                last->flags |= hold.flags;
                return 0;
        }
        return proc_table_add(table, &hold);
}

/* Calls `each` for each line until that gives something else than 0, and passes it on. */
static int read_lines(MapsReader *reader, int fd, int (*each)(const char *line, void *userdata), void *userdata) {
        size_t kept = 0;
        ssize_t size;
        int r;

        while ((size = read(fd, reader->buffer + kept, BUFFER_SIZE - kept)) > 0) {
                char *line = reader->buffer, *end;

                kept += (size_t)size;
                reader->buffer[kept] = '\0';
                while ((end = strchr(line, '\n'))) {
                        *end = '\0';
                        r = each(line, userdata);
                        if (r != 0)
                                return r;
                        line = end + 1;
                }
                kept -= (size_t)(line - reader->buffer);
                memmove(reader->buffer, line, kept);
                if (kept == BUFFER_SIZE)
                        return -EOVERFLOW;
        }
        return size < 0 ? -errno : 0;
}

typedef struct Reading {
        MapsReader *reader;
        ProcTable *table;
        int process_fd;
        uint32_t process;
} Reading;

static int read_line(const char *line, void *userdata) {
        const Reading *reading = userdata;

        return add_mapping(reading->reader, reading->process_fd, line, reading->process, reading->table);
}

int maps_read(MapsReader *reader, int process_fd, uint32_t process, ProcTable *table) {
        Reading reading = { reader, table, process_fd, process };
        CLEANUP_FD int fd = -EBADF;

        fd = openat(process_fd, "maps", O_RDONLY | O_CLOEXEC);
        return fd < 0 ? -errno : read_lines(reader, fd, read_line, &reading);
}

typedef struct PathSearch {
        MapsReader *reader;
        const HolderKey *key;
        char *path;
        size_t size;
} PathSearch;

/* A newline in the name is written \\012 there, and nothing else is. */
static int copy_path(const char *path, char *ret_path, size_t size) {
        size_t n = 0;

        for (; *path; path++) {
                if (n + 1 >= size)
                        return -ENAMETOOLONG;
                if (strncmp(path, "\\012", 4) == 0) {
                        ret_path[n++] = '\n';
                        path += 3;
                } else
                        ret_path[n++] = *path;
        }
        ret_path[n] = '\0';
        return 1;
}

static int search_line(const char *line, void *userdata) {
        const PathSearch *search = userdata;
        Mapping mapping;

        if (!parse_line(line, &mapping) || mapping.sysv || mapping.inode != search->key->number ||
                mapping_device(search->reader, &mapping) != search->key->device)
                return 0;
        return copy_path(mapping.path, search->path, search->size);
}

static void reader_free(MapsReader **reader) {
        *reader = maps_reader_free(*reader);
}

int proc_mapped_path(pid_t pid, const HolderKey *key, char *ret_path, size_t size) {
        CLEANUP(reader_free) MapsReader *reader = NULL;
        CLEANUP_FD int fd = -EBADF;
        char name[32];
        int r;

        r = maps_reader_new(&reader);
        if (r < 0)
                return r;
        (void)snprintf(name, sizeof name, "/proc/%d/maps", (int)pid);
        fd = open(name, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = read_lines(reader, fd, search_line, &(PathSearch){ reader, key, ret_path, size });
        return r < 0 ? r : r > 0 ? 0 : -ENOENT;
}
