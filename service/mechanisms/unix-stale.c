/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Socket files that their sockets left behind. Nobody keeps a list of them, so they are looked for where sockets are:
 * the usual directories, and those of all sockets that exist. Of each file the kernel is asked whether anybody is
 * bound to it, in whatever network namespace, without anybody noticing. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "cleanup.h"
#include "kind-helpers.h"
#include "scan.h"
#include "sock-diag.h"
#include "unix-address.h"
#include "unix-parts.h"

enum {
        DIRECTORIES_MAX = 64,
        ENTRIES_MAX = 4096, /* of one directory */
};

typedef struct Places {
        char *items[DIRECTORIES_MAX];
        struct stat seen[DIRECTORIES_MAX];
        size_t n;
} Places;

static void places_done(Places *places) {
        for (size_t i = 0; i < places->n; i++)
                free(places->items[i]);
        places->n = 0;
}

/* One directory by two names is one. */
static void places_add(Places *places, const char *path, size_t length) {
        CLEANUP_FREE char *directory = strndup(path, length);
        struct stat st;

        if (!directory || places->n == DIRECTORIES_MAX || stat(directory, &st) < 0 || !S_ISDIR(st.st_mode))
                return;
        for (size_t i = 0; i < places->n; i++)
                if (places->seen[i].st_dev == st.st_dev && places->seen[i].st_ino == st.st_ino)
                        return;
        places->seen[places->n] = st;
        places->items[places->n++] = TAKE_POINTER(directory);
}

static void places_collect(Places *places, const UnixSockets *sockets) {
        const char *runtime = getenv("XDG_RUNTIME_DIR");

        places_add(places, "/run", strlen("/run"));
        places_add(places, "/tmp", strlen("/tmp"));
        if (runtime && runtime[0] == '/')
                places_add(places, runtime, strlen(runtime));
        for (size_t i = 0; i < sockets->n; i++) {
                const UnixSocket *socket = &sockets->items[i];
                const char *slash;

                if (!socket->name || socket->abstract || socket->name[0] != '/')
                        continue;
                slash = strrchr(socket->name, '/');
                if (slash > socket->name)
                        places_add(places, socket->name, (size_t)(slash - socket->name));
        }
}

static bool is_bound(const UnixSockets *sockets, const struct stat *st) {
        for (size_t i = 0; i < sockets->n; i++)
                if (sockets->items[i].file_inode == (uint32_t)st->st_ino &&
                        sockets->items[i].file_device == st->st_dev)
                        return true;
        return false;
}

static int stale_row(Scan *scan, const char *kind, const Address *address, const struct stat *st) {
        CLEANUP(record_freep) Record *row = NULL;
        int r;

        r = scan_row_new(kind, address->text, st, &row);
        if (r < 0)
                return r;
        record_set_string(row, "state", UNIX_STATE_STALE);
        return scan_row_done(scan, TAKE_POINTER(row), st);
}

static int look_at(Scan *scan, const char *kind, const UnixSockets *sockets, const char *path) {
        CLEANUP(address_done) Address address = ADDRESS_EMPTY;
        UnixOccupant occupant;
        struct stat st;
        int r;

        if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode) || is_bound(sockets, &st))
                return 0;
        r = address_set_path(&address, kind, path);
        if (r < 0)
                return r;
        if (unix_occupant(&address, &occupant) < 0 || occupant != UNIX_NOBODY)
                return 0;
        return stale_row(scan, kind, &address, &st);
}

static int look_into(Scan *scan, const char *kind, const UnixSockets *sockets, const char *directory) {
        DIR *open_directory = opendir(directory);
        const struct dirent *entry;
        char path[UNIX_NAME_MAX + 1];
        int r = 0;

        if (!open_directory)
                return 0; /* what may not be read is not told of */
        for (size_t i = 0; r >= 0 && i < ENTRIES_MAX && (entry = readdir(open_directory)); i++) {
                if (entry->d_type != DT_SOCK && entry->d_type != DT_UNKNOWN)
                        continue;
                int n = snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);

                if (n > 0 && (size_t)n < sizeof path)
                        r = look_at(scan, kind, sockets, path);
        }
        (void)closedir(open_directory);
        return r;
}

int unix_stale_scan(Scan *scan, const char *kind, const UnixSockets *sockets) {
        CLEANUP(places_done) Places places = {};
        int r = 0;

        places_collect(&places, sockets);
        for (size_t i = 0; r >= 0 && i < places.n; i++)
                r = look_into(scan, kind, sockets, places.items[i]);
        return r;
}
