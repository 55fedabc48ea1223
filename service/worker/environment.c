/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "environment.h"

/* Read from /proc, /etc/os-release and uname(2). What cannot be read is left out. */
#include <gnu/libc-version.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "environment-parts.h"

enum { LINE_MAX_BYTES = 512 };

bool environment_line(const char *path, const char *key, char *value, size_t size) {
        char line[LINE_MAX_BYTES];
        FILE *f = fopen(path, "re");
        bool found = false;

        if (!f)
                return false;
        while (!found && fgets(line, sizeof line, f)) {
                char *text = line + strlen(key);

                if (strncmp(line, key, strlen(key)) != 0)
                        continue;
                text += strspn(text, " \t\"");
                text[strcspn(text, "\"\n")] = '\0';
                (void)snprintf(value, size, "%s", text);
                found = true;
        }
        fclose(f);
        return found;
}

static bool first_line(const char *path, char *value, size_t size) {
        return environment_line(path, "", value, size);
}

/* Best effort: what container runtimes leave for their processes to see. */
static void describe_container(Record *record) {
        static const struct {
                const char *path, *name;
        } marks[] = {
                { "/run/systemd/container", NULL }, /* names it */
                { "/.dockerenv", "docker" },
                { "/run/.containerenv", "podman" },
                { "/var/run/secrets/kubernetes.io", "kubernetes" },
                { "/.flatpak-info", "flatpak" },
        };
        char value[LINE_MAX_BYTES];

        for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
                bool named = !marks[i].name && first_line(marks[i].path, value, sizeof value) && value[0];

                if (!named && (!marks[i].name || access(marks[i].path, F_OK) < 0))
                        continue;
                record_set_string(record, "container", named ? value : marks[i].name);
                record_set_string(record, "container_told_by", marks[i].path);
                return;
        }
        if (getenv("container")) {
                record_set_string(record, "container", getenv("container"));
                record_set_string(record, "container_told_by", "the environment variable container");
        } else if (first_line("/proc/1/cgroup", value, sizeof value) &&
                   (strstr(value, "docker") || strstr(value, "kubepods") || strstr(value, "lxc"))) {
                record_set_string(record, "container", "yes");
                record_set_string(record, "container_told_by", "/proc/1/cgroup");
        } else
                record_set_string(record, "container", "none seen");
}

void environment_describe(Record *record) {
        char value[LINE_MAX_BYTES];
        struct utsname name;
        cpu_set_t set;

        if (uname(&name) == 0) {
                record_set_format(record, "kernel", "%s %s", name.sysname, name.release);
                record_set_string(record, "machine", name.machine);
        }
        if (first_line("/proc/sys/kernel/random/boot_id", value, sizeof value))
                record_set_string(record, "boot_id", value);
        record_set_format(record, "libc", "glibc %s", gnu_get_libc_version());
        record_set_string(record, "ipcbus", IPCBUS_VERSION);
        if (environment_line("/etc/os-release", "PRETTY_NAME=", value, sizeof value))
                record_set_string(record, "distribution", value);
        if (environment_line("/proc/cpuinfo", "model name", value, sizeof value))
                record_set_string(record, "processor", value + strspn(value, "\t :"));
        describe_container(record);
        if (sched_getaffinity(0, sizeof set, &set) == 0)
                record_set_u64(record, "cpus", (uint64_t)CPU_COUNT(&set));
        environment_describe_process(record);
        environment_describe_system(record);
        environment_describe_cgroup(record);
}
