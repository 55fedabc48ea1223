/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes for which signals matter just now: some are pending, or a signalfd(2) is open that waits for them. A row
 * for every process would tell nothing. Owns nothing. */
#include "signal-process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "cleanup.h"
#include "kind-helpers.h"
#include "scan.h"
#include "signal-names.h"

/* "sigmask:" of the fdinfo of a signalfd. */
static uint64_t signalfd_mask(int fdinfo, const char *name) {
        CLEANUP_FD int fd = -EBADF;
        const char *mask;
        char text[512];
        ssize_t n;

        fd = openat(fdinfo, name, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return 0;
        n = read(fd, text, sizeof(text) - 1);
        if (n <= 0)
                return 0;
        text[n] = '\0';
        mask = strstr(text, "sigmask:");
        return mask ? strtoull(mask + strlen("sigmask:"), NULL, 16) : 0;
}

/* All signals that signalfds of the process wait for; 0 also where its descriptors cannot be read. */
static uint64_t process_signalfds(pid_t pid) {
        CLEANUP_FD int fdinfo = -EBADF;
        struct dirent *entry;
        char path[64];
        uint64_t mask = 0;
        DIR *fds;

        snprintf(path, sizeof(path), "/proc/%d/fdinfo", (int)pid);
        fdinfo = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fdinfo < 0)
                return 0;
        snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
        fds = opendir(path);
        if (!fds)
                return 0;
        while ((entry = readdir(fds))) {
                char target[64];
                ssize_t n = readlinkat(dirfd(fds), entry->d_name, target, sizeof(target) - 1);

                if (n < 0)
                        continue;
                target[n] = '\0';
                if (strcmp(target, "anon_inode:[signalfd]") == 0)
                        mask |= signalfd_mask(fdinfo, entry->d_name);
        }
        closedir(fds);
        return mask;
}

static void row_set_state(Record *row, uint64_t pending, uint64_t waiting) {
        char pending_text[160], waiting_text[160];

        signal_mask_print(pending, pending_text, sizeof(pending_text));
        signal_mask_print(waiting, waiting_text, sizeof(waiting_text));
        if (pending != 0 && waiting != 0)
                record_set_format(row, "state", "pending: %s; signalfd takes: %s", pending_text, waiting_text);
        else if (pending != 0)
                record_set_format(row, "state", "pending: %s", pending_text);
        else
                record_set_format(row, "state", "signalfd takes: %s", waiting_text);
}

static int row_new(pid_t pid, const ProcessSignals *signals, uint64_t waiting, Record **ret) {
        CLEANUP(record_freep) Record *row = NULL;
        uint64_t start_time;
        int r;

        r = record_new(&row);
        if (r < 0)
                return r;
        record_set_string(row, "kind", "signal");
        record_set_format(row, "address", "signal:%d", (int)pid);
        record_set_u64(row, "uid", signals->uid);
        record_set_u64(row, "gid", signals->gid);
        record_set_u64(row, "pid", (uint64_t)pid);
        record_set_string(row, "command", signals->command);
        record_set_u64(row, "messages", (uint64_t)__builtin_popcountll(signals->pending));
        if (process_read_start_time(pid, &start_time) >= 0)
                record_set_u64(row, "created", process_start_to_realtime(start_time));
        record_set_signals(row, "pending", signals->pending);
        record_set_signals(row, "signalfd", waiting);
        row_set_state(row, signals->pending, waiting);
        *ret = TAKE_POINTER(row);
        return 0;
}

static int scan_process(Scan *scan, pid_t pid) {
        HolderKey key = { .type = HOLDER_PROCESS, .number = (uint64_t)pid };
        ProcessSignals signals;
        uint64_t waiting;
        Record *row;
        int r;

        /* Gone since the folder was read. */
        if (process_read_signals(pid, &signals) < 0)
                return 0;
        /* A signalfd is of use only for blocked signals (signalfd(2)): the others need not be searched. */
        waiting = signals.blocked != 0 ? process_signalfds(pid) : 0;
        if (signals.pending == 0 && waiting == 0)
                return 0;
        r = row_new(pid, &signals, waiting, &row);
        if (r < 0)
                return r;
        if (scan->table) {
                r = holders_append(scan->table, &key, 1, row);
                if (r < 0) {
                        record_free(row);
                        return r;
                }
        }
        return scan->row(scan, row);
}

int signal_scan(Scan *scan) {
        DIR *directory = opendir("/proc");
        struct dirent *entry;
        int r = 0;

        if (!directory)
                return scan_reason(scan, "signal", "/proc cannot be read: %s.", strerror(errno));
        while (r >= 0 && (entry = readdir(directory)))
                if (isdigit((unsigned char)entry->d_name[0]))
                        r = scan_process(scan, (pid_t)strtol(entry->d_name, NULL, 10));
        closedir(directory);
        return r < 0 ? r : 0;
}
