/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a memfd of some process can or cannot be read and written: through /proc/PID/fd, as its mode says, and its
 * seals. Owns nothing. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cleanup.h"
#include "explain-held.h"
#include "mechanism.h"
#include "memfd.h"

typedef struct Reopening {
        const HolderKey *keys;
        size_t n;
        int access;
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
                if (reopening->access != O_RDONLY && seals >= 0 && seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) {
                        error_set(error, ERROR_NOT_PERMITTED,
                                "It is sealed against writing (F_SEAL_WRITE or F_SEAL_FUTURE_WRITE of fcntl(2)): "
                                "write(2) "
                                "gives EPERM, and seals are never taken back.");
                        return -EPERM;
                }
                return 0;
        }
        return r;
}

int memfd_explain(const Address *address, Explanation *explanation) {
        HolderKey keys[MEMFD_DEVICES_MAX];
        dev_t devices[MEMFD_DEVICES_MAX];
        size_t n = memfd_devices(devices);
        Reopening reopening = { .keys = keys, .n = n, .what = explanation->what };
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
        explain_use(explanation, "write");
        (void)explain_try(explanation, explanation->what, try_reopen, &reopening);
        explain_use(explanation, NULL);
        return 0;
}
