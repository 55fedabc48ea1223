/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What this process is and may do: its user, capabilities, namespaces, filters and limits. */
#include "environment-parts.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CAPABILITIES_MAX = 64, GROUPS_MAX = 64, VALUE_MAX = 512 };

/* By number, linux/capability.h. */
static const char *const capabilities[] = { "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER",
        "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE",
        "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER",
        "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN",
        "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD",
        "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN",
        "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF",
        "CAP_CHECKPOINT_RESTORE" };

static void describe_capabilities(Record *record) {
        static const struct {
                const char *line, *key;
        } sets[] = {
                { "CapEff:", "capabilities.effective" },
                { "CapBnd:", "capabilities.bounding" },
                { "CapAmb:", "capabilities.ambient" },
        };
        char value[VALUE_MAX];

        for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
                const char *names[CAPABILITIES_MAX];
                size_t n = 0;
                uint64_t mask;

                if (!environment_line("/proc/self/status", sets[i].line, value, sizeof value))
                        continue;
                mask = strtoull(value, NULL, 16);
                for (size_t bit = 0; bit < sizeof capabilities / sizeof capabilities[0]; bit++)
                        if (mask >> bit & 1)
                                names[n++] = capabilities[bit];
                record_set_strings(record, sets[i].key, names, n);
        }
}

/* Whether each is that of process 1. Its links need the right to trace it (namespaces(7)); where that is missing,
 * those of the machine itself are still known, by numbers that the kernel gives to no others (linux/proc_ns.h). */
static void describe_namespaces(Record *record) {
        static const struct {
                const char *name, *key;
                ino_t initial; /* 0: not fixed in every kernel */
        } namespaces[] = {
                { "ipc", "namespaces.ipc", 0xEFFFFFFFU },
                { "uts", "namespaces.uts", 0xEFFFFFFEU },
                { "user", "namespaces.user", 0xEFFFFFFDU },
                { "pid", "namespaces.pid", 0xEFFFFFFCU },
                { "time", "namespaces.time", 0xEFFFFFFAU },
                { "net", "namespaces.net", 0 },
                { "mnt", "namespaces.mnt", 0 },
        };
        int number = 0;

        for (size_t i = 0; i < sizeof namespaces / sizeof namespaces[0]; i++) {
                char path[64], key[RECORD_KEY_MAX];
                struct stat own, first;
                const char *is;

                (void)snprintf(path, sizeof path, "/proc/self/ns/%s", namespaces[i].name);
                if (stat(path, &own) < 0)
                        continue;
                (void)snprintf(key, sizeof key, "namespace_inodes.%s", namespaces[i].name);
                record_set_u64(record, key, own.st_ino);
                (void)snprintf(path, sizeof path, "/proc/1/ns/%s", namespaces[i].name);
                if (stat(path, &first) == 0)
                        is = own.st_ino == first.st_ino ? "that of process 1" : "not that of process 1";
                else {
                        number = errno;
                        is = namespaces[i].initial == 0            ? "unknown"
                             : own.st_ino == namespaces[i].initial ? "the first of the machine"
                                                                   : "not the first of the machine";
                }
                record_set_string(record, namespaces[i].key, is);
        }
        if (number != 0)
                record_set_format(record, "namespaces.why_unknown",
                        "those of process 1 cannot be read: %s, which needs CAP_SYS_PTRACE over it",
                        strerrorname_np(number));
}

static void describe_user(Record *record) {
        const struct passwd *user = getpwuid(geteuid());
        gid_t groups[GROUPS_MAX];
        uint64_t numbers[GROUPS_MAX];
        int n = getgroups(GROUPS_MAX, groups);

        record_set_u64(record, "uid", geteuid());
        record_set_u64(record, "gid", getegid());
        if (user)
                record_set_string(record, "user", user->pw_name);
        for (int i = 0; i < n; i++)
                numbers[i] = groups[i];
        if (n >= 0)
                record_set_u64s(record, "groups", numbers, (size_t)n);
}

static void describe_filters(Record *record) {
        static const char *const modes[] = { "disabled", "strict", "filter" };
        char value[VALUE_MAX];

        if (environment_line("/proc/self/status", "Seccomp:", value, sizeof value)) {
                unsigned long mode = strtoul(value, NULL, 10);

                record_set_string(record, "seccomp", mode < 3 ? modes[mode] : value);
        }
        if (environment_line("/proc/self/status", "Seccomp_filters:", value, sizeof value))
                record_set_u64(record, "seccomp_filters", strtoull(value, NULL, 10));
        if (environment_line("/proc/self/status", "NoNewPrivs:", value, sizeof value))
                record_set_bool(record, "no_new_privs", value[0] == '1');
        record_set_string(record, "lsm",
                environment_line("/sys/kernel/security/lsm", "", value, sizeof value) ? value : "cannot be read");
        if (environment_line("/proc/self/attr/current", "", value, sizeof value) && value[0])
                record_set_string(record, "security_label", value);
        /* What stands before the C library changes what IPC does. */
        record_set_string(record, "preload", getenv("LD_PRELOAD"));
}

static void describe_limits(Record *record) {
        static const struct {
                const char *name;
                int resource;
        } limits[] = {
                { "open_files", RLIMIT_NOFILE },
                { "message_queue_bytes", RLIMIT_MSGQUEUE },
                { "pending_signals", RLIMIT_SIGPENDING },
                { "locked_memory", RLIMIT_MEMLOCK },
                { "file_size", RLIMIT_FSIZE },
                { "processes", RLIMIT_NPROC },
                { "address_space", RLIMIT_AS },
        };

        for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
                char keys[2][RECORD_KEY_MAX];
                struct rlimit limit;
                rlim_t values[2];

                if (getrlimit(limits[i].resource, &limit) < 0)
                        continue;
                values[0] = limit.rlim_cur;
                values[1] = limit.rlim_max;
                (void)snprintf(keys[0], sizeof keys[0], "limits.%s", limits[i].name);
                (void)snprintf(keys[1], sizeof keys[1], "hard_limits.%s", limits[i].name);
                for (size_t k = 0; k < 2; k++)
                        if (values[k] == RLIM_INFINITY)
                                record_set_string(record, keys[k], "unlimited");
                        else
                                record_set_u64(record, keys[k], values[k]);
        }
}

void environment_describe_process(Record *record) {
        describe_user(record);
        describe_capabilities(record);
        describe_namespaces(record);
        describe_filters(record);
        describe_limits(record);
}
