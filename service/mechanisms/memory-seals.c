/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of seals, and what the kernel's answers to F_ADD_SEALS mean. Owns nothing. */
#include "memory-seals.h"

#include <errno.h>
#include <string.h>

#include "option.h"

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
        const char *name;
        int seal;
} seals_table[] = {
        { "seal", F_SEAL_SEAL },
        { "shrink", F_SEAL_SHRINK },
        { "grow", F_SEAL_GROW },
        { "write", F_SEAL_WRITE },
        { "future-write", F_SEAL_FUTURE_WRITE },
        { "exec", F_SEAL_EXEC },
};

static int seal_find(const char *name, int *ret_seal) {
        for (size_t i = 0; i < ELEMENTS(seals_table); i++)
                if (strcmp(seals_table[i].name, name) == 0) {
                        *ret_seal = seals_table[i].seal;
                        return 0;
                }
        return -EINVAL;
}

int memory_seals_parse(const char *const *names, size_t n, int *ret_seals, Error *error) {
        const char *known[ELEMENTS(seals_table)], *nearest;
        int seals = 0, seal = 0;

        for (size_t i = 0; i < ELEMENTS(seals_table); i++)
                known[i] = seals_table[i].name;
        for (size_t i = 0; i < n; i++) {
                if (seal_find(names[i], &seal) < 0) {
                        nearest = nearest_word(names[i], known, ELEMENTS(known));
                        return error_set(error, ERROR_INVALID_OPTION,
                                "There is no seal \"%.40s\"%s%s%s The seals are seal, shrink, grow, write, "
                                "future-write and exec.",
                                names[i], nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                                nearest ? "\"?" : ".");
                }
                seals |= seal;
        }
        if (seals == 0)
                return error_set(error, ERROR_INVALID_OPTION,
                        "Say which seals to add: seal, shrink, grow, write, future-write or exec.");
        *ret_seals = seals;
        return 0;
}

int memory_seals_add(int fd, int seals, const char *name, Error *error) {
        int number, now;

        if (fcntl(fd, F_ADD_SEALS, seals) >= 0)
                return 0;
        number = errno;
        now = fcntl(fd, F_GET_SEALS);
        if (number == EBUSY)
                return error_set(error, ERROR_BUSY,
                        "%.200s cannot be sealed against writing while a process maps it shared and writable (EBUSY); "
                        "ask who holds it, or add future-write, which leaves those mappings as they are.",
                        name);
        if (number == EPERM && now >= 0 && now & F_SEAL_SEAL)
                return error_set(error, ERROR_NOT_PERMITTED,
                        "%.200s takes no more seals: it is sealed against sealing (F_SEAL_SEAL).", name);
        if (number == EPERM && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY)
                return error_set(error, ERROR_NOT_PERMITTED,
                        "%.200s can be sealed only through a descriptor that is open for writing.", name);
        if (number == EINVAL && now < 0)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "%.200s is on a file system that knows no seals; only what memfd_create(2) made can be "
                        "sealed.",
                        name);
        if (number == EINVAL)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "This kernel does not know one of these seals: future-write came with Linux 5.1, exec with "
                        "6.3.");
        return error_set_errno(error, number, "%.200s cannot be sealed", name);
}

bool memory_sealed(int fd, int seals) {
        int now = fcntl(fd, F_GET_SEALS);

        return now >= 0 && now & seals;
}

void memory_seals_describe(int fd, Record *attributes) {
        const char *names[ELEMENTS(seals_table)];
        int now = fcntl(fd, F_GET_SEALS);
        size_t n = 0;

        if (now < 0)
                return;
        for (size_t i = 0; i < ELEMENTS(seals_table); i++)
                if (now & seals_table[i].seal)
                        names[n++] = seals_table[i].name;
        record_set_strings(attributes, "seals", names, n);
}
