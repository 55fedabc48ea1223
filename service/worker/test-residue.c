/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-engine.h"

/* What a check may leave behind: kernel objects that carry the token, files in the directory of the run, processes.
 * Objects are found through the kind's own scan, so that what `list` shows is what is looked for. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mechanism.h"
#include "scan.h"

enum {
        NESTED_MAX = 8,
        ROUNDS_MAX = 1000,
        ROUNDS_PATIENT = 200, /* of a millisecond: what is ending by itself is not left behind */
};

typedef struct Search {
        Scan scan;
        const Mechanism *mechanism;
        const char *token, *mark; /* that of the run, and how it stands in names */
        char *text;
        size_t size;
        int found;
} Search;

static int search_row(Scan *scan, Record *row) {
        Search *search = scan->userdata;
        const char *address = record_get_string(row, "address", "");
        bool left = search->mechanism->is_of_run ? search->mechanism->is_of_run(row, search->token)
                                                 : strstr(address, search->mark) != NULL;

        if (left) {
                if (search->found == 0)
                        (void)snprintf(search->text, search->size, "%s", address);
                search->found++;
        }
        record_free(row);
        return 0;
}

static int find_file(const char *directory, char *text, size_t size) {
        DIR *d = opendir(directory);
        struct dirent *entry;
        int found = 0;

        if (!d)
                return 0;
        while ((entry = readdir(d)))
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && found++ == 0)
                        (void)snprintf(text, size, "%s/%s", directory, entry->d_name);
        closedir(d);
        return found;
}

int residue_find(const Mechanism *mechanism, const TestSetting *setting, char *text, size_t size) {
        char mark[128];
        Search search = {
                .scan.row = search_row,
                .mechanism = mechanism,
                .token = setting->token,
                .mark = mark,
                .text = text,
                .size = size,
        };
        int found;

        (void)snprintf(mark, sizeof mark, "ipcbus-%s-", setting->token);
        found = find_file(setting->directory, text, size);
        /* What has no names (pipes) needs no sweep, and ended with its processes. */
        if (found > 0 || !mechanism->scan || !mechanism->sweep)
                return found;
        search.scan.userdata = &search;
        /* What cannot be listed here (message queues without the right to mount) is swept without being named. */
        (void)mechanism->scan(&search.scan);
        return search.found;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        if (ftw->level > 0)
                (void)remove(path);
        return 0;
}

void residue_remove(const Mechanism *mechanism, const TestSetting *setting) {
        if (mechanism->sweep)
                mechanism->sweep(setting->token);
        (void)nftw(setting->directory, remove_entry, NESTED_MAX, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static pid_t parent_of(const char *pid) {
        char path[64], text[512];
        const char *after;
        ssize_t n;
        int fd, parent = -1;

        (void)snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -1;
        n = read(fd, text, sizeof text - 1);
        close(fd);
        if (n <= 0)
                return -1;
        text[n] = '\0';
        after = strrchr(text, ')');
        return after && sscanf(after, ") %*c %d", &parent) == 1 ? parent : -1;
}

/* Kills the children that still run. */
static void kill_children(pid_t *ret_pid) {
        DIR *d = opendir("/proc");
        struct dirent *entry;

        if (!d)
                return;
        while ((entry = readdir(d))) {
                char *end;
                long pid = strtol(entry->d_name, &end, 10);

                if (end == entry->d_name || *end != '\0' || parent_of(entry->d_name) != getpid())
                        continue;
                *ret_pid = (pid_t)pid;
                kill((pid_t)pid, SIGKILL);
        }
        closedir(d);
}

int residue_end_children(pid_t *ret_pid) {
        int found = 0;

        for (unsigned round = 0; round < ROUNDS_MAX; round++) {
                bool patient = round < ROUNDS_PATIENT;
                pid_t pid = waitpid(-1, NULL, WNOHANG);

                if (pid > 0) {
                        if (!patient) {
                                *ret_pid = pid;
                                found++;
                        }
                        continue;
                }
                if (pid < 0 && errno != EINTR)
                        break;
                if (!patient)
                        kill_children(ret_pid);
                (void)usleep(1000);
        }
        return found;
}
