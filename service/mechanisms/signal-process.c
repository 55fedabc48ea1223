/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What /proc says of a process and its signals (proc(5)). Owns nothing. */
#include "signal-process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "kind-helpers.h"
#include "units.h"

/* A read of a /proc file that ends in the middle (the process ended) is ESRCH. */
static int read_process_file(pid_t pid, const char *file, char *buffer, size_t size) {
        CLEANUP_FD int fd = -EBADF;
        size_t used = 0;
        char path[64];
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        while (used < size - 1 && (n = read(fd, buffer + used, size - 1 - used)) != 0) {
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                used += (size_t)n;
        }
        buffer[used] = '\0';
        return used > 0 ? 0 : -ESRCH;
}

/* What follows "Key:" and blanks in a line of its own. */
static const char *status_value(const char *status, const char *key) {
        size_t length = strlen(key);

        for (const char *line = status; line; line = strchr(line, '\n')) {
                if (*line == '\n')
                        line++;
                if (strncmp(line, key, length) == 0 && line[length] == ':')
                        return line + length + 1 + strspn(line + length + 1, " \t");
        }
        return NULL;
}

static uint64_t status_mask(const char *status, const char *key) {
        const char *value = status_value(status, key);

        return value ? strtoull(value, NULL, 16) : 0;
}

/* "S (sleeping)" is "sleeping". */
static void status_state(const char *status, char *buffer, size_t size) {
        const char *value = status_value(status, "State"), *open_bracket;

        open_bracket = value ? strchr(value, '(') : NULL;
        snprintf(buffer, size, "%.*s", open_bracket ? (int)strcspn(open_bracket + 1, ")\n") : 0,
                open_bracket ? open_bracket + 1 : "");
}

int process_read_signals(pid_t pid, ProcessSignals *ret) {
        ProcessSignals signals = { 0 };
        char status[8192];
        const char *value;
        int r;

        r = read_process_file(pid, "status", status, sizeof(status));
        if (r < 0)
                return r;
        value = status_value(status, "Name");
        snprintf(signals.command, sizeof(signals.command), "%.*s", value ? (int)strcspn(value, "\n") : 0,
                value ? value : "");
        status_state(status, signals.state, sizeof(signals.state));
        value = status_value(status, "Uid");
        signals.uid = value ? (uid_t)strtoul(value, NULL, 10) : (uid_t)-1;
        value = status_value(status, "Gid");
        signals.gid = value ? (gid_t)strtoul(value, NULL, 10) : (gid_t)-1;
        value = status_value(status, "SigQ");
        if (value)
                (void)sscanf(value, "%" SCNu64 "/%" SCNu64, &signals.queued, &signals.queue_max);
        signals.pending = status_mask(status, "SigPnd") | status_mask(status, "ShdPnd");
        signals.blocked = status_mask(status, "SigBlk");
        signals.ignored = status_mask(status, "SigIgn");
        signals.caught = status_mask(status, "SigCgt");
        *ret = signals;
        return 0;
}

int process_read_start_time(pid_t pid, uint64_t *ret) {
        char stat[1024], *field;
        int r;

        r = read_process_file(pid, "stat", stat, sizeof(stat));
        if (r < 0)
                return r;
        /* The command may have blanks and brackets: what counts begins behind the last bracket, with field 3. */
        field = strrchr(stat, ')');
        for (unsigned i = 2; field && i < 22; i++)
                field = strchr(field + 1, ' ');
        if (!field)
                return -EBADMSG;
        *ret = strtoull(field + 1, NULL, 10);
        return 0;
}

uint64_t process_start_to_realtime(uint64_t start_time) {
        uint64_t ticks = (uint64_t)sysconf(_SC_CLK_TCK);
        struct timespec boot;
        uint64_t uptime, since_boot;

        clock_gettime(CLOCK_BOOTTIME, &boot);
        uptime = (uint64_t)boot.tv_sec * USEC_PER_SEC + (uint64_t)boot.tv_nsec / NSEC_PER_USEC;
        since_boot = start_time / ticks * USEC_PER_SEC + start_time % ticks * USEC_PER_SEC / ticks;
        return since_boot < uptime ? realtime_now() - (uptime - since_boot) : realtime_now();
}
