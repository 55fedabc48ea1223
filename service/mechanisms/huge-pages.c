/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From /sys/kernel/mm/hugepages, which has a folder for each size. Owns nothing. */
#include "huge-pages.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limit-facts.h"
#include "units.h"

#define HUGE_DIRECTORY "/sys/kernel/mm/hugepages"

size_t huge_pages_sizes(uint64_t ret_sizes[HUGE_SIZES_MAX]) {
        DIR *directory = opendir(HUGE_DIRECTORY);
        struct dirent *entry;
        size_t n = 0;

        if (!directory)
                return 0;
        while (n < HUGE_SIZES_MAX && (entry = readdir(directory)))
                if (strncmp(entry->d_name, "hugepages-", 10) == 0)
                        ret_sizes[n++] = strtoull(entry->d_name + 10, NULL, 10) * 1024;
        closedir(directory);
        return n;
}

int huge_pages_shift(uint64_t size, int *ret_shift, Error *error) {
        uint64_t sizes[HUGE_SIZES_MAX];
        char known[HUGE_SIZES_MAX * UNITS_TEXT_MAX] = "", text[UNITS_TEXT_MAX];
        size_t n = huge_pages_sizes(sizes), length = 0;

        for (size_t i = 0; i < n; i++) {
                if (sizes[i] == size) {
                        *ret_shift = __builtin_ctzll(size);
                        return 0;
                }
                length += (size_t)snprintf(known + length, sizeof known - length, "%s%s", length > 0 ? ", " : "",
                        size_print(sizes[i], text));
        }
        if (n == 0)
                return error_set(
                        error, ERROR_NOT_SUPPORTED, "This machine has no huge pages: there is no " HUGE_DIRECTORY ".");
        return error_set(error, ERROR_INVALID_OPTION,
                "%s is no size of a huge page here (" HUGE_DIRECTORY "); there are: %s.", size_print(size, text),
                known);
}

static uint64_t read_count(uint64_t size, const char *name) {
        char path[128];

        (void)snprintf(path, sizeof path, HUGE_DIRECTORY "/hugepages-%" PRIu64 "kB/%s", size / 1024, name);
        return limit_read(path, 0);
}

void huge_pages_count(uint64_t size, uint64_t *ret_reserved, uint64_t *ret_free, uint64_t *ret_more) {
        uint64_t allowed = read_count(size, "nr_overcommit_hugepages"),
                 surplus = read_count(size, "surplus_hugepages");

        *ret_reserved = read_count(size, "nr_hugepages");
        *ret_free = read_count(size, "free_hugepages");
        *ret_more = allowed > surplus ? allowed - surplus : 0;
}
