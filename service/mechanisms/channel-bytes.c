/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory files as envelopes, memfd_create(2). */
#include "channel-bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

int channel_bytes_new(const void *data, size_t size, int *ret_fd) {
        CLEANUP_FD int fd = -EBADF;

        fd = memfd_create("ipcbus-bytes", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        for (size_t done = 0; done < size;) {
                ssize_t n = write(fd, (const char *)data + done, size - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                done += (size_t)n;
        }
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
                return -errno;
        *ret_fd = fd_take(&fd);
        return 0;
}

int channel_bytes_read(int fd, size_t max, void **ret_data, size_t *ret_size) {
        CLEANUP_FREE char *data = NULL;
        struct stat st;
        size_t size, done = 0;

        if (fstat(fd, &st) < 0)
                return -errno;
        /* Anything else could block, or change under our eyes. */
        if (!S_ISREG(st.st_mode) || fcntl(fd, F_GET_SEALS) < 0)
                return -EBADMSG;
        if ((uint64_t)st.st_size > max)
                return -EMSGSIZE;
        size = (size_t)st.st_size;
        data = malloc(size ? size : 1);
        if (!data)
                return -ENOMEM;
        while (done < size) {
                ssize_t n = pread(fd, data + done, size - done, (off_t)done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EBADMSG;
                done += (size_t)n;
        }
        *ret_data = TAKE_POINTER(data);
        *ret_size = size;
        return 0;
}
