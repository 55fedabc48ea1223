/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The control group of this process, in either version, the systemd unit that it belongs to, and the limits that it
 * and those above it set: for each the smallest, which is the one that is met (cgroups(7)). */
#include "environment-parts.h"

#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_SIZE = 512, VALUE_SIZE = 64 };

/* Larger ones are how version 1 writes that there is none: LONG_MAX, cut to whole pages. */
#define UNLIMITED (UINT64_C(1) << 62)

typedef struct Limit {
        const char *key, *controller; /* of version 1; in version 2 there is one tree for all */
        const char *file, *file_v1;
} Limit;

static const Limit limits[] = {
        { "memory", "memory", "memory.max", "memory.limit_in_bytes" },
        { "memory_high", NULL, "memory.high", NULL },
        { "swap", NULL, "memory.swap.max", NULL },
        { "memory_and_swap", "memory", NULL, "memory.memsw.limit_in_bytes" },
        { "processes", "pids", "pids.max", "pids.max" },
        { "cpu_quota_usec", "cpu", NULL, "cpu.cfs_quota_us" },
        { "cpu_quota_usec", NULL, "cpu.max", NULL },
};

static bool listed(const char *list, const char *word) {
        size_t length = strlen(word);

        for (const char *at = list; (at = strstr(at, word)); at += length)
                if ((at == list || at[-1] == ',') && (at[length] == ',' || at[length] == '\0' || at[length] == ':'))
                        return true;
        return false;
}

/* The path in the tree of a controller, "" for that of version 2. */
static bool own_path(const char *controller, char path[PATH_SIZE]) {
        FILE *f = fopen("/proc/self/cgroup", "re");
        char line[PATH_SIZE];
        bool found = false;

        if (!f)
                return false;
        while (!found && fgets(line, sizeof line, f)) {
                char *names = strchr(line, ':'), *at = names ? strchr(names + 1, ':') : NULL;

                if (!at)
                        continue;
                names++;
                *at++ = '\0';
                found = *controller != '\0' ? listed(names, controller) : *names == '\0';
                at[strcspn(at, "\n")] = '\0';
                if (found)
                        (void)snprintf(path, PATH_SIZE, "%s", at);
        }
        fclose(f);
        return found;
}

static bool find_mount(const char *controller, char path[PATH_SIZE]) {
        FILE *mounts = setmntent("/proc/self/mounts", "re");
        const struct mntent *entry;
        bool found = false;

        if (!mounts)
                return false;
        while (!found && (entry = getmntent(mounts))) {
                found = *controller != '\0'
                                ? strcmp(entry->mnt_type, "cgroup") == 0 && listed(entry->mnt_opts, controller)
                                : strcmp(entry->mnt_type, "cgroup2") == 0;
                if (found)
                        (void)snprintf(path, PATH_SIZE, "%s", entry->mnt_dir);
        }
        (void)endmntent(mounts);
        return found;
}

/* "max 100000" of cpu.max begins with what counts; -1 is how version 1 says that there is no quota. */
static bool read_limit(const char *directory, const char *file, uint64_t *ret) {
        char path[PATH_SIZE * 3], value[VALUE_SIZE];

        (void)snprintf(path, sizeof path, "%s/%s", directory, file);
        if (!environment_line(path, "", value, sizeof value))
                return false;
        *ret = value[0] >= '0' && value[0] <= '9' ? strtoull(value, NULL, 10) : UINT64_MAX;
        return true;
}

/* From the group upwards to where its tree is mounted. False: no such file in any. */
static bool smallest(const char *controller, const char *file, uint64_t *ret) {
        char mount[PATH_SIZE], own[PATH_SIZE], directory[PATH_SIZE * 2];
        bool found = false;
        struct stat st;

        if (!find_mount(controller, mount) || !own_path(controller, own))
                return false;
        (void)snprintf(directory, sizeof directory, "%s%s", mount, strcmp(own, "/") == 0 ? "" : own);
        /* In a container the mount can be the group itself, while its path is told from the machine's root. */
        if (stat(directory, &st) < 0)
                (void)snprintf(directory, sizeof directory, "%s", mount);
        *ret = UINT64_MAX;
        while (strlen(directory) >= strlen(mount)) {
                char *slash = strrchr(directory, '/');
                uint64_t limit;

                if (read_limit(directory, file, &limit)) {
                        found = true;
                        *ret = limit < *ret ? limit : *ret;
                }
                if (!slash)
                        break;
                *slash = '\0';
        }
        return found;
}

static void describe_limit(Record *record, const Limit *limit) {
        char key[RECORD_KEY_MAX];
        uint64_t value;

        if (!(limit->file && smallest("", limit->file, &value)) &&
                !(limit->file_v1 && smallest(limit->controller, limit->file_v1, &value)))
                return;
        (void)snprintf(key, sizeof key, "cgroup_limits.%s", limit->key);
        if (value >= UNLIMITED)
                record_set_string(record, key, "unlimited");
        else
                record_set_u64(record, key, value);
}

/* The last part of the path that is a service or a scope: of user@1000.service/app.slice/a.service, the latter. */
static void describe_unit(Record *record, const char *path) {
        char copy[PATH_SIZE], *rest = NULL;
        const char *unit = NULL;

        (void)snprintf(copy, sizeof copy, "%s", path);
        for (const char *part = strtok_r(copy, "/", &rest); part; part = strtok_r(NULL, "/", &rest)) {
                const char *dot = strrchr(part, '.');

                if (dot && (strcmp(dot, ".service") == 0 || strcmp(dot, ".scope") == 0))
                        unit = part;
        }
        record_set_string(record, "systemd_unit", unit);
}

void environment_describe_cgroup(Record *record) {
        static const char *const controllers[] = { "memory", "pids", "cpu" };
        char path[PATH_SIZE], mount[PATH_SIZE];
        bool two = find_mount("", mount), one = false;

        for (size_t i = 0; i < sizeof controllers / sizeof controllers[0]; i++) {
                char key[RECORD_KEY_MAX];

                if (!own_path(controllers[i], path))
                        continue;
                one = true;
                (void)snprintf(key, sizeof key, "cgroup_paths.%s", controllers[i]);
                record_set_string(record, key, path);
        }
        if (one || two)
                record_set_string(record, "cgroup_version", one && two ? "1 and 2" : one ? "1" : "2");
        if (own_path("", path)) {
                record_set_string(record, "cgroup", path);
                describe_unit(record, path);
        }
        if (!record_has(record, "systemd_unit") && own_path("name=systemd", path))
                describe_unit(record, path);
        for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
                describe_limit(record, &limits[i]);
}
