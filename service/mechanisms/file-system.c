/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* statfs(2) tells a number for each file system; the table gives the names that mount(8) uses. Owns nothing. */
#include "file-system.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/statfs.h>

typedef struct FileSystem {
        long type;
        const char *name;
        const char *backing;
} FileSystem;

static const FileSystem file_systems[] = {
        { TMPFS_MAGIC, "tmpfs", "memory" },
        { RAMFS_MAGIC, "ramfs", "memory" },
        { HUGETLBFS_MAGIC, "hugetlbfs", "memory" },
        { EXT4_SUPER_MAGIC, "ext2, ext3 or ext4", "disk" }, /* one number for the three */
        { XFS_SUPER_MAGIC, "xfs", "disk" },
        { BTRFS_SUPER_MAGIC, "btrfs", "disk" },
        { F2FS_SUPER_MAGIC, "f2fs", "disk" },
        { MSDOS_SUPER_MAGIC, "vfat", "disk" },
        { 0x2011bab0, "exfat", "disk" },
        { 0x2fc12fc1, "zfs", "disk" },
        { OVERLAYFS_SUPER_MAGIC, "overlay", "unknown" }, /* as that of its upper folder */
        { NFS_SUPER_MAGIC, "nfs", "network" },
        { SMB_SUPER_MAGIC, "smb", "network" },
        { (long)CIFS_SUPER_MAGIC, "cifs", "network" },
        { V9FS_MAGIC, "9p", "network" },
        { FUSE_SUPER_MAGIC, "fuse", "unknown" },
};

static const FileSystem *find(const struct statfs *fs) {
        for (size_t i = 0; i < sizeof(file_systems) / sizeof(file_systems[0]); i++)
                if ((unsigned)file_systems[i].type == (unsigned)fs->f_type)
                        return &file_systems[i];
        return NULL;
}

void file_system_describe(int fd, const char *path, Record *attributes) {
        const FileSystem *found;
        struct statfs fs;

        if ((fd >= 0 ? fstatfs(fd, &fs) : statfs(path, &fs)) < 0)
                return;
        found = find(&fs);
        if (found)
                record_set_string(attributes, "file_system", found->name);
        else
                record_set_format(attributes, "file_system", "0x%x", (unsigned)fs.f_type);
        record_set_string(attributes, "backing", found ? found->backing : "unknown");
}

bool file_system_can_sync(int fd) {
        const FileSystem *found;
        struct statfs fs;

        if (fstatfs(fd, &fs) < 0)
                return true;
        found = find(&fs);
        return !found || strcmp(found->backing, "memory") != 0;
}
