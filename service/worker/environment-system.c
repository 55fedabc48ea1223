/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the machine and its mounts allow: sysctls of IPC, the file systems that it needs. What this
 * kernel or namespace does not have is left out. */
#include "environment-parts.h"

#include <errno.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "cleanup.h"
#include "environment.h"

enum { NUMBERS_MAX = 8 };

static const char *const sysctls[] = { "fs/epoll/max_user_watches", "fs/file-max", "fs/inotify/max_user_instances",
        "fs/mqueue/msg_default", "fs/mqueue/msg_max", "fs/mqueue/msgsize_default", "fs/mqueue/msgsize_max",
        "fs/mqueue/queues_max", "fs/nr_open", "fs/pipe-max-size", "fs/pipe-user-pages-hard", "fs/pipe-user-pages-soft",
        "fs/protected_fifos", "fs/protected_hardlinks", "fs/protected_regular", "fs/protected_symlinks",
        "kernel/apparmor_restrict_unprivileged_userns", "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni",
        "kernel/pid_max", "kernel/sem", "kernel/shm_rmid_forced", "kernel/shmall", "kernel/shmmax", "kernel/shmmni",
        "kernel/unprivileged_userns_clone", "kernel/yama/ptrace_scope", "net/core/optmem_max", "net/core/rmem_default",
        "net/core/rmem_max", "net/core/somaxconn", "net/core/wmem_default", "net/core/wmem_max",
        "net/ipv4/ip_local_port_range", "net/ipv4/ip_unprivileged_port_start", "net/ipv4/ping_group_range",
        "net/ipv4/tcp_rmem", "net/ipv4/tcp_wmem", "net/unix/max_dgram_qlen", "user/max_ipc_namespaces",
        "user/max_mnt_namespaces", "user/max_net_namespaces", "user/max_user_namespaces", "vm/hugetlb_shm_group",
        "vm/max_map_count", "vm/memfd_noexec", "vm/nr_hugepages", "vm/overcommit_memory" };

/* One number, several, or what else it is. */
static void set_numbers(Record *record, const char *key, const char *text) {
        uint64_t numbers[NUMBERS_MAX];
        size_t n = 0;
        const char *at = text;

        while (n < NUMBERS_MAX && *at >= '0' && *at <= '9') {
                char *end;

                errno = 0;
                numbers[n++] = strtoull(at, &end, 10);
                if (errno != 0)
                        break;
                at = end + strspn(end, " \t");
        }
        if (*at != '\0' || n == 0)
                record_set_string(record, key, text);
        else if (n == 1)
                record_set_u64(record, key, numbers[0]);
        else
                record_set_u64s(record, key, numbers, n);
}

static void describe_sysctls(Record *record) {
        for (size_t i = 0; i < sizeof sysctls / sizeof sysctls[0]; i++) {
                char path[128], key[RECORD_KEY_MAX], value[256];

                (void)snprintf(path, sizeof path, "/proc/sys/%s", sysctls[i]);
                (void)snprintf(key, sizeof key, "sysctl.%s", sysctls[i]);
                for (char *at = key; *at != '\0'; at++)
                        if (*at == '/')
                                *at = '.';
                if (environment_line(path, "", value, sizeof value))
                        set_numbers(record, key, value);
        }
}

/* The mount that `path` is in: the longest of those that lead there, and of equal ones the last, which hides the
 * others.
 */
static bool find_mount(const char *path, char *type, size_t type_size, char *options, size_t options_size, char *mount,
        size_t mount_size) {
        FILE *mounts = setmntent("/proc/self/mounts", "re");
        struct mntent *entry;
        size_t longest = 0;

        if (!mounts)
                return false;
        while ((entry = getmntent(mounts))) {
                size_t length = strlen(entry->mnt_dir);

                if (length < longest || strncmp(path, entry->mnt_dir, length) != 0 ||
                        (length > 1 && path[length] != '\0' && path[length] != '/'))
                        continue;
                longest = length;
                (void)snprintf(type, type_size, "%s", entry->mnt_type);
                (void)snprintf(options, options_size, "%s", entry->mnt_opts);
                (void)snprintf(mount, mount_size, "%s", entry->mnt_dir);
        }
        (void)endmntent(mounts);
        return longest > 0;
}

static void describe_mount(Record *record, const char *name, const char *path) {
        CLEANUP_FREE char *real = realpath(path, NULL);
        char key[RECORD_KEY_MAX], type[64], options[1024], mount[1024];
        struct statvfs fs;

        (void)snprintf(key, sizeof key, "mounts.%s.path", name);
        record_set_string(record, key, path);
        if (!real) {
                (void)snprintf(key, sizeof key, "mounts.%s.missing", name);
                record_set_string(record, key, strerrorname_np(errno));
                return;
        }
        if (find_mount(real, type, sizeof type, options, sizeof options, mount, sizeof mount)) {
                (void)snprintf(key, sizeof key, "mounts.%s.type", name);
                record_set_string(record, key, type);
                (void)snprintf(key, sizeof key, "mounts.%s.options", name);
                record_set_string(record, key, options);
        }
        if (statvfs(real, &fs) < 0 || fs.f_blocks == 0)
                return;
        (void)snprintf(key, sizeof key, "mounts.%s.size", name);
        record_set_u64(record, key, (uint64_t)fs.f_blocks * fs.f_frsize);
        (void)snprintf(key, sizeof key, "mounts.%s.free", name);
        record_set_u64(record, key, (uint64_t)fs.f_bavail * fs.f_frsize);
}

void environment_describe_system(Record *record) {
        describe_sysctls(record);
        describe_mount(record, "dev_shm", "/dev/shm");
        describe_mount(record, "dev_mqueue", "/dev/mqueue");
        describe_mount(record, "proc", "/proc");
        describe_mount(record, "tmp", "/tmp");
}

void environment_describe_files(Record *record, const char *directory) {
        CLEANUP_FREE char *real = realpath(directory, NULL);
        char type[64], options[1024], mount[1024];

        /* The directory has another name in each run; what counts is where its file system is mounted. */
        if (real && find_mount(real, type, sizeof type, options, sizeof options, mount, sizeof mount))
                describe_mount(record, "files", mount);
}
