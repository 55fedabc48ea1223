/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a memfd of some process can or cannot be read and written: through /proc/PID/fd, as its mode says, and its
 * seals. Owns nothing. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "explain-held.h"
#include "mechanism.h"
#include "memfd.h"

typedef struct Reopening {
        const HolderKey *keys;
        size_t n;
        int access, refusing; /* seals */
        const char *what;
} Reopening;

static int try_reopen(void *userdata, Error *error) {
        const Reopening *reopening = userdata;
        int r = -ENOENT;

        for (size_t i = 0; i < reopening->n; i++) {
                CLEANUP_FD int fd = -EBADF;
                Error why = {};
                int seals;

                r = fd_fetch(&reopening->keys[i], FETCH_REOPEN, reopening->access, reopening->what, &fd, &why);
                if (r < 0) {
                        if (i == 0 || why.code != ERROR_NO_SUCH_OBJECT)
                                *error = why;
                        continue;
                }
                *error = (Error){};
                seals = fcntl(fd, F_GET_SEALS);
                if (seals >= 0 && seals & reopening->refusing) {
                        error_set(error, ERROR_NOT_PERMITTED,
                                "It is sealed against %s of fcntl(2)): %s gives EPERM, and seals are never taken "
                                "back.",
                                reopening->refusing & F_SEAL_GROW ? "growing (F_SEAL_GROW"
                                                                  : "writing (F_SEAL_WRITE or F_SEAL_FUTURE_WRITE",
                                reopening->refusing & F_SEAL_GROW ? "ftruncate(2)" : "write(2)");
                        return -EPERM;
                }
                return 0;
        }
        return r;
}

static int memfd_size(const Reopening *reopening, uint64_t *ret) {
        int r = -ENOENT;

        for (size_t i = 0; i < reopening->n && r < 0; i++) {
                CLEANUP_FD int fd = -EBADF;
                Error error = {};
                struct stat st;

                r = fd_fetch(&reopening->keys[i], FETCH_REOPEN, O_RDONLY, reopening->what, &fd, &error);
                if (r >= 0)
                        r = fstat(fd, &st) < 0 ? -errno : 0;
                if (r >= 0)
                        *ret = (uint64_t)st.st_size;
        }
        return r;
}

int memfd_explain(const Address *address, Explanation *explanation) {
        HolderKey keys[MEMFD_DEVICES_MAX];
        dev_t devices[MEMFD_DEVICES_MAX];
        size_t n = memfd_devices(devices);
        Reopening reopening = { .keys = keys, .n = n, .what = explanation->what };
        uint64_t size = 0;
        int r;

        for (size_t i = 0; i < n; i++)
                keys[i] = (HolderKey){ .type = HOLDER_FILE, .device = devices[i], .number = address->number };
        r = explain_held(explanation, keys, n, FETCH_REOPEN, R_OK, explanation->what);
        if (r < 0 || explanation->missing)
                return r;
        reopening.access = O_RDONLY;
        explain_use(explanation, "read");
        (void)explain_try(explanation, explanation->what, try_reopen, &reopening);
        reopening.access = O_RDWR;
        reopening.refusing = F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
        explain_use(explanation, "write");
        (void)explain_try(explanation, explanation->what, try_reopen, &reopening);
        explain_use(explanation, NULL);
        reopening.refusing = F_SEAL_GROW;
        if (memfd_size(&reopening, &size) >= 0)
                explain_growing(explanation, explanation->what, size, try_reopen, &reopening);
        return 0;
}
