/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "environment.h"

/* Read from /proc, /etc/os-release and uname(2). What cannot be read is left out. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 512 };

/* The value of the line that begins with `key`, without quotes and the end of the line. */
static bool line_value(const char *path, const char *key, char *value, size_t size) {
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
        return line_value(path, "", value, size);
}

/* Best effort: what container runtimes leave for their processes to see. */
static const char *container_name(char *buffer, size_t size) {
        if (first_line("/run/systemd/container", buffer, size) && buffer[0])
                return buffer;
        if (access("/.dockerenv", F_OK) == 0)
                return "docker";
        if (access("/run/.containerenv", F_OK) == 0)
                return "podman";
        if (getenv("container")) {
                (void)snprintf(buffer, size, "%s", getenv("container"));
                return buffer;
        }
        if (first_line("/proc/1/cgroup", buffer, size) &&
                (strstr(buffer, "docker") || strstr(buffer, "kubepods") || strstr(buffer, "lxc")))
                return "yes";
        return "none seen";
}

static void describe_limits(Record *record) {
        static const struct {
                const char *key;
                int resource;
        } limits[] = {
                { "limits.open_files", RLIMIT_NOFILE },
                { "limits.message_queue_bytes", RLIMIT_MSGQUEUE },
                { "limits.pending_signals", RLIMIT_SIGPENDING },
                { "limits.locked_memory", RLIMIT_MEMLOCK },
                { "limits.file_size", RLIMIT_FSIZE },
                { "limits.processes", RLIMIT_NPROC },
        };

        for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
                struct rlimit limit;

                if (getrlimit(limits[i].resource, &limit) < 0)
                        continue;
                if (limit.rlim_cur == RLIM_INFINITY)
                        record_set_string(record, limits[i].key, "unlimited");
                else
                        record_set_u64(record, limits[i].key, limit.rlim_cur);
        }
}

static void describe_process(Record *record) {
        static const char *const seccomp_modes[] = { "disabled", "strict", "filter" };
        const struct passwd *user = getpwuid(geteuid());
        char value[LINE_MAX_BYTES];
        cpu_set_t set;

        record_set_u64(record, "uid", geteuid());
        if (user)
                record_set_string(record, "user", user->pw_name);
        if (line_value("/proc/self/status", "CapEff:", value, sizeof value))
                record_set_string(record, "capabilities", value);
        if (line_value("/proc/self/status", "Seccomp:", value, sizeof value)) {
                unsigned long mode = strtoul(value, NULL, 10);

                record_set_string(record, "seccomp", mode < 3 ? seccomp_modes[mode] : value);
        }
        if (first_line("/proc/self/attr/current", value, sizeof value) && value[0])
                record_set_string(record, "security_label", value);
        if (sched_getaffinity(0, sizeof set, &set) == 0)
                record_set_u64(record, "cpus", (uint64_t)CPU_COUNT(&set));
}

void environment_describe(Record *record) {
        char value[LINE_MAX_BYTES];
        struct utsname name;

        if (uname(&name) == 0) {
                record_set_format(record, "kernel", "%s %s", name.sysname, name.release);
                record_set_string(record, "machine", name.machine);
        }
        if (line_value("/etc/os-release", "PRETTY_NAME=", value, sizeof value))
                record_set_string(record, "distribution", value);
        if (line_value("/proc/cpuinfo", "model name", value, sizeof value))
                record_set_string(record, "processor", value + strspn(value, "\t :"));
        record_set_string(record, "container", container_name(value, sizeof value));
        describe_process(record);
        describe_limits(record);
}
