/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where journals are and how their bytes lie. Locks are flock(2): they go with the process, however it dies. */
#include "journal-file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { JOURNAL_FILE_MAX = 256 * 1024 * 1024 };

/* Opens a directory that must be ours alone. */
static int open_private(const char *path) {
        struct stat st;
        int fd;

        if (mkdir(path, 0700) < 0 && errno != EEXIST)
                return -errno;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0 || st.st_uid != getuid() || (st.st_mode & 0077) != 0) {
                close(fd);
                return -EPERM;
        }
        return fd;
}

int journal_directory_open(char **ret_path, int *ret_fd) {
        const char *service = getenv("RUNTIME_DIRECTORY"), *session = getenv("XDG_RUNTIME_DIR");
        g_autofree char *path = NULL;
        int fd = -ENOENT;

        /* systemd lists several with colons between; ours is the first. */
        if (service && service[0] == '/') {
                path = g_strndup(service, strcspn(service, ":"));
                fd = open_private(path);
        }
        if (fd < 0 && session && session[0] == '/') {
                g_free(path);
                path = g_build_filename(session, "ipcbus", NULL);
                fd = open_private(path);
        }
        if (fd < 0) {
                g_free(path);
                path = g_strdup_printf("/tmp/ipcbus-%u", (unsigned)getuid());
                fd = open_private(path);
        }
        if (fd < 0)
                return fd;

        *ret_path = g_steal_pointer(&path);
        *ret_fd = fd;
        return 0;
}

int journal_file_open(int directory, const char *name, int flags, int *ret_fd) {
        for (;;) {
                struct stat locked, named;
                int fd, r;

                fd = openat(directory, name, flags | O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
                if (fd < 0)
                        return -errno;
                if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                        r = -errno;
                        close(fd);
                        return r;
                }
                /* Whoever had it may have put a new file in its place, or removed it, before it let go. */
                if (fstat(fd, &locked) >= 0 && fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) >= 0 &&
                        locked.st_ino == named.st_ino && locked.st_dev == named.st_dev) {
                        *ret_fd = fd;
                        return 0;
                }
                close(fd);
                if (!(flags & O_CREAT))
                        return -ENOENT;
        }
}

int journal_file_read(int fd, void (*each)(void *userdata, const Record *record), void *userdata) {
        g_autofree uint8_t *bytes = NULL;
        size_t have = 0, size;
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size > JOURNAL_FILE_MAX)
                return -EFBIG;
        size = (size_t)st.st_size;
        bytes = g_malloc(size + 1);
        while (have < size) {
                ssize_t n = pread(fd, bytes + have, size - have, (off_t)have);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                have += (size_t)n;
        }

        for (size_t at = 0; have - at >= sizeof(uint32_t);) {
                uint32_t length;
                Record *record;

                memcpy(&length, bytes + at, sizeof(length));
                if (length > RECORD_PACKET_MAX || length > have - at - sizeof(length))
                        break;
                if (record_decode(bytes + at + sizeof(length), length, &record) < 0)
                        break;
                each(userdata, record);
                record_free(record);
                at += sizeof(length) + length;
        }
        return 0;
}

int journal_file_append(int fd, const Record *record) {
        g_autofree void *packet = NULL;
        void *encoded = NULL;
        uint32_t length;
        struct stat st;
        size_t size;
        ssize_t n;
        int r;

        r = record_encode(record, &encoded, &size);
        if (r < 0)
                return r;

        /* One write: with O_APPEND it is whole or, in a crash of the machine, torn at the end. */
        length = (uint32_t)size;
        packet = g_malloc(sizeof(length) + size);
        memcpy(packet, &length, sizeof(length));
        memcpy((uint8_t *)packet + sizeof(length), encoded, size);
        free(encoded);
        n = write(fd, packet, sizeof(length) + size);
        if (n < 0)
                return -errno;
        if ((size_t)n == sizeof(length) + size)
                return 0;
        /* No room for the rest. What is torn would hide all that is written behind it later. */
        if (fstat(fd, &st) >= 0)
                (void)!ftruncate(fd, st.st_size - n);
        return -ENOSPC;
}
