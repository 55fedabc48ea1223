/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who holds what, on real processes: files, mappings, pipes, FIFOs, sockets, memfds, and processes that vanish. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "holders-fixture.h"

static void test_file(void) {
        char *directory = directory_new();
        g_autofree char *path = g_build_filename(directory, "file", NULL);
        char *ways[5] = { NULL };
        static const char *const access[] = { "read", "write", "read-write", "path only" };
        ProcTable *table;
        HolderKey key, other;
        Child child;

        g_assert_true(g_file_set_contents(path, "x", 1, NULL));
        key = file_key(path);
        child_start(&child, open_four, path);
        for (size_t i = 0; i < G_N_ELEMENTS(access); i++)
                ways[i] = g_strdup_printf("fd %llu %s", child.answers[i], access[i]);
        /* By what it is, not by its name. */
        g_assert_cmpint(unlink(path), ==, 0);
        table = new_table();
        assert_holders(table, key, child.pid, (const char *const *)ways, NULL);
        other = key;
        other.device++;
        assert_holders(table, other, child.pid, (const char *const[]){ NULL }, NULL);
        other = key;
        other.type = HOLDER_PIPE;
        assert_holders(table, other, child.pid, (const char *const[]){ NULL }, NULL);
        proc_table_free(table);
        child_end(&child);

        table = new_table();
        assert_holders(table, key, child.pid, (const char *const[]){ NULL }, NULL);
        proc_table_free(table);
        for (size_t i = 0; i < G_N_ELEMENTS(ways); i++)
                g_free(ways[i]);
        directory_remove(directory);
}

typedef struct FileSearch {
        const HolderKey *key;
        unsigned found;
} FileSearch;

static int search_file(dev_t device, uint64_t inode, void *userdata) {
        FileSearch *search = userdata;

        search->found += device == search->key->device && inode == search->key->number;
        return 0;
}

static void assert_file_listed(const ProcTable *table, const HolderKey *key) {
        FileSearch search = { key, 0 };

        g_assert_cmpint(proc_table_files(table, search_file, &search), ==, 0);
        g_assert_cmpuint(search.found, ==, 1);
}

static void test_mapping(void) {
        static const struct {
                int protection, flags, pieces;
                const char *how;
        } cases[] = {
                { PROT_READ | PROT_WRITE, MAP_SHARED, 1, "mapped read-write" },
                { PROT_READ, MAP_SHARED, 1, "mapped read" },
                { PROT_WRITE, MAP_SHARED, 1, "mapped write" },
                { PROT_NONE, MAP_SHARED, 1, "mapped no access" },
                { PROT_READ | PROT_WRITE, MAP_PRIVATE, 1, "mapped read, private" },
                { PROT_READ | PROT_WRITE, MAP_SHARED, 5, "mapped read-write" },
        };
        char *directory = directory_new();
        g_autofree char *path = g_build_filename(directory, "file\nwith \\ odd (deleted)", NULL);
        char mapped[PATH_MAX];

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                MapWork work = { path, cases[i].protection, cases[i].flags, cases[i].pieces };
                ProcTable *table;
                HolderKey key;
                Child child;

                g_assert_true(g_file_set_contents(path, "x", 1, NULL));
                key = file_key(path);
                child_start(&child, map_file, &work);
                table = new_table();
                assert_holders(table, key, child.pid, WAYS(cases[i].how), NULL);
                assert_file_listed(table, &key);
                proc_table_free(table);
                /* What is odd in the name is told as it is. */
                g_assert_cmpint(proc_mapped_path(child.pid, &key, mapped, sizeof mapped), ==, 0);
                g_assert_cmpstr(mapped, ==, path);
                g_assert_cmpint(proc_mapped_path(child.pid, &key, mapped, strlen(path)), ==, -ENAMETOOLONG);
                g_assert_cmpint(g_unlink(path), ==, 0);
                g_assert_cmpint(proc_mapped_path(child.pid, &key, mapped, sizeof mapped), ==, 0);
                g_assert_true(g_str_has_suffix(mapped, "(deleted) (deleted)"));
                key.number++;
                g_assert_cmpint(proc_mapped_path(child.pid, &key, mapped, sizeof mapped), ==, -ENOENT);
                child_end(&child);
        }
        directory_remove(directory);
}

static int hold_pipe(unsigned long long answers[CHILD_ANSWERS], void *userdata) {
        int *fds = userdata;
        struct stat st;

        if (fstat(fds[0], &st) < 0)
                return -errno;
        answers[0] = st.st_ino;
        close(fds[1]);
        return 0;
}

typedef struct Search {
        uint64_t inode;
        unsigned found;
        pid_t pid;
} Search;

static int search_inode(uint64_t inode, const Holder *first, void *userdata) {
        Search *search = userdata;

        if (inode == search->inode) {
                search->found++;
                search->pid = first->pid;
        }
        return 0;
}

static int stop_at_once(const Holder *holder, void *userdata) {
        (void)holder;
        ++*(unsigned *)userdata;
        return -EXFULL;
}

static int stop_at_first(uint64_t inode, const Holder *first, void *userdata) {
        (void)inode;
        return stop_at_once(first, userdata);
}

static void test_pipe(void) {
        Search search = { .found = 0 };
        unsigned called = 0;
        Child reader, writer;
        ProcTable *table;
        HolderKey key;
        Record *row;
        int fds[2];

        /* Each child keeps one end. */
        g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
        child_start(&reader, hold_pipe, fds);
        child_start(&writer, hold_pipe, (int[]){ fds[1], fds[0] });
        close(fds[0]);
        close(fds[1]);
        g_assert_cmpuint(reader.answers[0], ==, writer.answers[0]);
        key = (HolderKey){ .type = HOLDER_PIPE, .number = reader.answers[0] };

        table = new_table();
        row = holders_row(table, key);
        g_assert_cmpuint(record_get(row, "holders")->records.n, ==, 2);
        for (size_t i = 0; i < 2; i++) {
                const Record *holder = record_get(row, "holders")->records.items[i];
                bool reads = record_get_u64(holder, "pid", 0) == (uint64_t)reader.pid;
                g_autofree char *how = g_strdup_printf("fd %d %s", fds[reads ? 0 : 1], reads ? "read" : "write");

                g_assert_cmpstr(record_get_string(holder, "end", NULL), ==, reads ? "read" : "write");
                g_assert_cmpstr(record_get_string(holder, "how", NULL), ==, how);
                g_assert_true(reads || record_get_u64(holder, "pid", 0) == (uint64_t)writer.pid);
        }
        record_free(row);

        search.inode = key.number;
        g_assert_cmpint(proc_table_inodes(table, HOLDER_PIPE, search_inode, &search), ==, 0);
        g_assert_cmpuint(search.found, ==, 1);
        g_assert_true(search.pid == reader.pid || search.pid == writer.pid);
        g_assert_cmpint(proc_table_inodes(table, HOLDER_FILE, search_inode, &search), ==, -EINVAL);
        g_assert_cmpint(proc_table_holders(table, &key, stop_at_once, &called), ==, -EXFULL);
        g_assert_cmpuint(called, ==, 1);
        g_assert_cmpint(proc_table_inodes(table, HOLDER_PIPE, stop_at_first, &called), ==, -EXFULL);
        g_assert_cmpuint(called, ==, 2);
        proc_table_free(table);
        child_end(&reader);
        child_end(&writer);
}

static void test_fifo(void) {
        char *directory = directory_new();
        g_autofree char *path = g_build_filename(directory, "fifo", NULL), *how = NULL;
        ProcTable *table;
        Child child;

        g_assert_cmpint(mkfifo(path, 0600), ==, 0);
        child_start(&child, open_fifo, path);
        how = g_strdup_printf("fd %llu read-write", child.answers[0]);
        table = new_table();
        assert_holders(table, file_key(path), child.pid, WAYS(how), "read-write");
        proc_table_free(table);
        child_end(&child);
        directory_remove(directory);
}

static int open_sockets(unsigned long long answers[CHILD_ANSWERS], void *userdata) {
        struct stat st;
        int fds[2], memory;

        (void)userdata;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        memory = memfd_create("ipcbus-unit", MFD_CLOEXEC);
        if (memory < 0)
                return -errno;
        for (int i = 0; i < 2; i++) {
                if (fstat(fds[i], &st) < 0)
                        return -errno;
                answers[2 * i] = (unsigned long long)fds[i];
                answers[2 * i + 1] = st.st_ino;
        }
        if (fstat(memory, &st) < 0)
                return -errno;
        answers[4] = (unsigned long long)memory;
        answers[5] = st.st_dev;
        answers[6] = st.st_ino;
        prctl(PR_SET_NAME, "unit \xff test");
        return 0;
}

static void test_socket_and_memfd(void) {
        g_autofree char *memory_how = NULL;
        ProcTable *table;
        HolderKey key;
        Record *row;
        Child child;

        child_start(&child, open_sockets, NULL);
        table = new_table();
        for (int i = 0; i < 2; i++) {
                g_autofree char *how = g_strdup_printf("fd %llu read-write", child.answers[2 * i]);

                key = (HolderKey){ .type = HOLDER_SOCKET, .number = child.answers[2 * i + 1] };
                assert_holders(table, key, child.pid, WAYS(how), NULL);
        }
        memory_how = g_strdup_printf("fd %llu read-write", child.answers[4]);
        key = (HolderKey){ .type = HOLDER_FILE, .device = child.answers[5], .number = child.answers[6] };
        assert_holders(table, key, child.pid, WAYS(memory_how), NULL);

        key = (HolderKey){ .type = HOLDER_PROCESS, .number = (uint64_t)child.pid };
        assert_holders(table, key, child.pid, WAYS("the process itself"), NULL);
        row = holders_row(table, key);
        g_assert_cmpstr(record_get_string(record_get(row, "holders")->records.items[0], "command", NULL), ==,
                "unit \\xff test");
        record_free(row);
        /* The one who looks is not seen. */
        key.number = (uint64_t)getpid();
        assert_holders(table, key, 0, (const char *const[]){ NULL }, NULL);
        proc_table_free(table);
        child_end(&child);
}

enum { MANY = HOLDERS_SHOWN_MAX + 88 };

static int open_many(unsigned long long answers[CHILD_ANSWERS], void *userdata) {
        (void)answers;
        for (int i = 0; i < MANY; i++)
                if (open(userdata, O_RDONLY | O_CLOEXEC) < 0)
                        return -errno;
        return 0;
}

static void test_many_holders(void) {
        char *directory = directory_new();
        g_autofree char *path = g_build_filename(directory, "file", NULL);
        ProcTable *table;
        Record *row;
        Child child;
        size_t size;
        void *data;

        g_assert_true(g_file_set_contents(path, "x", 1, NULL));
        child_start(&child, open_many, path);
        table = new_table();
        row = holders_row(table, file_key(path));
        g_assert_cmpuint(record_get(row, "holders")->records.n, ==, HOLDERS_SHOWN_MAX);
        g_assert_cmpuint(record_get_u64(row, "holders_omitted", 0), ==, MANY - HOLDERS_SHOWN_MAX);
        g_assert_cmpint(record_encode(row, &data, &size), ==, 0);
        free(data);
        record_free(row);
        proc_table_free(table);
        child_end(&child);
        directory_remove(directory);
}

static void test_leaves_nothing(void) {
        size_t before = open_descriptors();

        proc_table_free(new_table());
        g_assert_cmpuint(open_descriptors(), ==, before);
        g_assert_null(proc_table_free(NULL));
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/proc/file", test_file);
        g_test_add_func("/proc/mapping", test_mapping);
        g_test_add_func("/proc/pipe", test_pipe);
        g_test_add_func("/proc/fifo", test_fifo);
        g_test_add_func("/proc/socket-and-memfd", test_socket_and_memfd);
        g_test_add_func("/proc/many-holders", test_many_holders);
        g_test_add_func("/proc/leaves-nothing", test_leaves_nothing);
        return g_test_run();
}
