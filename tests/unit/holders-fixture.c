/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables of processes for tests, what they say of one object, and children's work that makes something to find. */
#include "holders-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

ProcTable *new_table(void) {
        ProcTable *table = NULL;

        g_assert_cmpint(proc_table_new(&table), ==, 0);
        g_assert_cmpuint(proc_table_seen(table), >, 0);
        return table;
}

HolderKey file_key(const char *path) {
        struct stat st;

        g_assert_cmpint(stat(path, &st), ==, 0);
        return (HolderKey){ .type = HOLDER_FILE, .device = st.st_dev, .number = st.st_ino };
}

Record *holders_row(const ProcTable *table, HolderKey key) {
        Record *row = NULL;

        g_assert_cmpint(record_new(&row), ==, 0);
        g_assert_cmpint(holders_append(table, &key, 1, row), ==, 0);
        g_assert_cmpint(record_get(row, "holders")->type, ==, VALUE_RECORDS);
        return row;
}

/* Exactly these ways, in any order, all of that process. */
void assert_holders(const ProcTable *table, HolderKey key, pid_t pid, const char *const *ways, const char *end) {
        Record *row = holders_row(table, key);
        const Value *holders = record_get(row, "holders");

        g_assert_cmpuint(holders->records.n, ==, g_strv_length((char **)ways));
        for (size_t i = 0; i < holders->records.n; i++) {
                const Record *holder = holders->records.items[i];
                const char *how = record_get_string(holder, "how", "");

                g_assert_cmpuint(record_get_u64(holder, "pid", 0), ==, pid);
                g_assert_cmpuint(record_get_u64(holder, "uid", 77), ==, geteuid());
                if (!g_strv_contains(ways, how))
                        g_error("'%s' was not expected", how);
                g_assert_cmpstr(record_get_string(holder, "end", NULL), ==, end);
        }
        record_free(row);
}

int open_four(unsigned long long answers[CHILD_ANSWERS], void *userdata) {
        static const int flags[] = { O_RDONLY, O_WRONLY, O_RDWR, O_PATH };

        for (size_t i = 0; i < G_N_ELEMENTS(flags); i++) {
                int fd = open(userdata, flags[i] | O_CLOEXEC);

                if (fd < 0)
                        return -errno;
                answers[i] = (unsigned long long)fd;
        }
        return 0;
}

int open_fifo(unsigned long long answers[CHILD_ANSWERS], void *userdata) {
        int fd = open(userdata, O_RDWR | O_CLOEXEC | O_NONBLOCK);

        answers[0] = (unsigned long long)fd;
        return fd < 0 ? -errno : 0;
}

int map_file(unsigned long long answers[CHILD_ANSWERS], void *userdata) {
        const MapWork *work = userdata;
        int fd = open(work->path, O_RDWR | O_CLOEXEC);

        (void)answers;
        if (fd < 0)
                return -errno;
        for (int i = 0; i < work->pieces; i++)
                if (mmap(NULL, 4096, work->protection, work->flags, fd, 0) == MAP_FAILED)
                        return -errno;
        close(fd);
        return 0;
}
