/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* System V shared memory as a kind: key and number as two addresses of one segment, reading and writing at offsets,
 * who is attached, marked for destruction, users without the right, and the tools of util-linux both ways. */
#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "mechanism-fixture.h"
#include "memory-fixture.h"
#include "posix-fixture.h"
#include "scan.h"
#include "sysv-fixture.h"
#include "sysv.h"

static void test_create(SysvFixture *f, gconstpointer data) {
        g_autofree char *address = NULL, *by_id = NULL;
        KernelObject object, again;
        Error error = {};
        int id;

        fixture_create(&object, "shm-sysv", f->option, "size=1M", "mode=0642", NULL);
        id = shmget(f->key, 0, 0);
        g_assert_cmpint(id, ==, sysv_id(&object));
        g_assert_cmpuint(object.mode, ==, 0642);
        g_assert_cmpuint(object.bytes, ==, 1024 * 1024);
        address = address_print(&object.address);
        g_assert_cmpstr(address, ==, f->address);
        posix_fixture_refused("shm-sysv", ERROR_EXISTS, "exists already", f->option, "size=1");
        by_id = g_strdup_printf("shm-sysv:id=%d", id);
        g_assert_cmpint(fixture_open(&again, by_id, NULL, &error), ==, 0);
        g_assert_cmpint(again.address.form, ==, ADDRESS_KEY);
        g_assert_cmpstr(again.identity, ==, object.identity);
        kernel_object_done(&again);
        posix_fixture_remove(&object);
        posix_fixture_open_refused(by_id, ERROR_NO_SUCH_OBJECT, "no System V shared memory");
}

static void test_refused(SysvFixture *f, gconstpointer data) {
        posix_fixture_refused("shm-sysv", ERROR_INVALID_OPTION, "option size", f->option, NULL);
        posix_fixture_refused("shm-sysv", ERROR_LIMIT_EXCEEDED, "shmmax", f->option, "size=0");
        posix_fixture_refused("shm-sysv", ERROR_LIMIT_EXCEEDED, "shmmax", f->option, "size=18446744073709551615");
        posix_fixture_refused("shm-sysv", ERROR_INVALID_OPTION, "no size of a page", "size=4M", "huge=3M");
        posix_fixture_open_refused("shm-sysv:key=0x0", ERROR_INVALID_ADDRESS, "IPC_PRIVATE");
}

static void test_read_write(SysvFixture *f, gconstpointer data) {
        KernelObject object;

        fixture_create(&object, "shm-sysv", f->option, "size=8192", NULL);
        memory_assert_offsets(&object);
        g_assert_cmpuint(sysv_fixture_attribute(&object, "attached"), ==, 0);
        posix_fixture_remove(&object);
}

static unsigned holds_of(KernelObject *object, pid_t pid) {
        CLEANUP(record_freep) Record *row = NULL;
        HolderKey key;
        ProcTable *table;
        const Value *holders;
        size_t n = 1;
        unsigned found = 0;

        g_assert_cmpint(object->mechanism->holder_keys(object, &key, &n), ==, 0);
        g_assert_cmpint(proc_table_new(&table), ==, 0);
        g_assert_cmpint(record_new(&row), ==, 0);
        g_assert_cmpint(holders_append(table, &key, n, row), ==, 0);
        proc_table_free(table);
        holders = record_get(row, "holders");
        for (size_t i = 0; i < holders->records.n; i++) {
                g_assert_cmpuint(record_get_u64(holders->records.items[i], "pid", 0), ==, (uint64_t)pid);
                found++;
        }
        return found;
}

/* Who is attached is found by the number of the segment; and removed while attached it lives on, marked, without a
 * key.
 */
static void test_attached(SysvFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *row = NULL;
        g_autofree char *by_id = NULL;
        KernelObject object, marked;
        Error error = {};
        int ready[2];
        pid_t pid;
        char byte;

        fixture_create(&object, "shm-sysv", f->option, "size=4096", NULL);
        g_assert_cmpuint(holds_of(&object, 0), ==, 0);
        g_assert_cmpint(pipe(ready), ==, 0);
        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                if (shmat(sysv_id(&object), NULL, 0) == (void *)-1 || write(ready[1], "x", 1) != 1)
                        _exit(1);
                alarm(60);
                pause();
        }
        g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
        g_assert_cmpuint(holds_of(&object, pid), ==, 1);
        g_assert_cmpuint(sysv_fixture_attribute(&object, "attached"), ==, 1);
        g_assert_cmpuint(sysv_fixture_attribute(&object, "last_pid"), ==, (uint64_t)pid);

        by_id = g_strdup_printf("shm-sysv:id=%d", sysv_id(&object));
        g_assert_cmpint(object.mechanism->remove(&object, &error), ==, 0);
        g_assert_cmpint(kernel_object_verify(&object, &error), ==, -ESTALE);
        kernel_object_done(&object);
        g_assert_cmpint(fixture_open(&marked, by_id, NULL, &error), ==, 0);
        g_assert_cmpint(marked.address.form, ==, ADDRESS_ID);
        row = posix_fixture_scan(marked.mechanism, by_id);
        g_assert_nonnull(row);
        g_assert_cmpstr(record_get_string(row, "state", ""), ==, "removed, 1 attached");
        g_assert_cmpuint(holds_of(&marked, pid), ==, 1);
        g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
        g_assert_cmpint(kernel_object_verify(&marked, &error), ==, -ESTALE);
        kernel_object_done(&marked);
        close(ready[0]);
        close(ready[1]);
}

static void as_other_user(const char *address) {
        CLEANUP(record_freep) Record *verdict = NULL;
        KernelObject object;
        Error error = {};

        /* Mode 0604: may read only. */
        g_assert_cmpint(fixture_open(&object, address, NULL, &error), ==, 0);
        memory_assert_reads(&object, 0, "hello");
        g_assert_cmpint(memory_write(&object, "x", 0, &error), <, 0);
        g_assert_cmpint(error.code, ==, ERROR_NOT_PERMITTED);
        verdict = fixture_explain(address);
        g_assert_true(fixture_may(verdict, "read"));
        g_assert_false(fixture_may(verdict, "write"));
        g_assert_nonnull(strstr(record_get_string(verdict, "summary", ""), "others"));
        g_assert_cmpint(object.mechanism->remove(&object, &error), <, 0);
        g_assert_cmpint(error.code, ==, ERROR_NOT_PERMITTED);
        kernel_object_done(&object);
}

static void test_other_user(SysvFixture *f, gconstpointer data) {
        KernelObject object;

        if (!posix_fixture_can_be_other())
                return;
        fixture_create(&object, "shm-sysv", f->option, "size=5", "mode=0604", NULL);
        g_assert_cmpint(memory_write(&object, "hello", 0, NULL), ==, 0);
        posix_fixture_as_other(as_other_user, f->address);
        posix_fixture_remove(&object);
}

/* Pages that nobody reserved, a size that the machine has not, and, where an administrator did reserve some, success.
 */
static void test_huge(SysvFixture *f, gconstpointer data) {
        g_autofree char *free_pages = NULL;
        KernelObject object;
        Error error = {};
        int r;

        r = fixture_try_create(&object, &error, "shm-sysv", "size=1G", "huge=512G", NULL);
        g_assert_cmpint(r, <, 0);
        g_assert_cmpint(error.code, ==, ERROR_NOT_SUPPORTED);
        if (!g_file_get_contents(
                    "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", &free_pages, NULL, NULL)) {
                g_test_skip("this machine has no huge pages of 2M");
                return;
        }
        error = (Error){};
        r = fixture_try_create(&object, &error, "shm-sysv", "size=2M", "huge=2M", NULL);
        if (r >= 0) {
                g_assert_cmpuint(object.bytes, ==, 2 * 1024 * 1024);
                posix_fixture_remove(&object);
                return;
        }
        if (error.code == ERROR_NOT_PERMITTED)
                g_assert_nonnull(strstr(error.message, "hugetlb_shm_group"));
        else {
                g_assert_cmpint(error.code, ==, ERROR_LIMIT_EXCEEDED);
                g_assert_nonnull(strstr(error.message, "nr_hugepages"));
                g_assert_cmpstr(free_pages, ==, "0\n");
        }
}

static void lock_without_right(const char *address) {
        struct rlimit limit = { 0, 0 };
        KernelObject object;
        Error error = {};

        g_assert_cmpint(setrlimit(RLIMIT_MEMLOCK, &limit), ==, 0);
        g_assert_cmpint(fixture_try_create(&object, &error, "shm-sysv", "size=4096", "lock=true", NULL), <, 0);
        g_assert_cmpint(error.code, ==, ERROR_NOT_PERMITTED);
        g_assert_nonnull(strstr(error.message, "RLIMIT_MEMLOCK"));
        error = (Error){};
        g_assert_cmpint(fixture_try_create(&object, &error, "shm-sysv", "size=2M", "huge=2M", NULL), <, 0);
}

/* One page more than may be locked; the one before it fits. */
static void lock_too_much(const char *address) {
        struct rlimit limit = { 4096, 4096 };
        KernelObject object;
        Error error = {};

        g_assert_cmpint(setrlimit(RLIMIT_MEMLOCK, &limit), ==, 0);
        g_assert_cmpint(fixture_try_create(&object, &error, "shm-sysv", "size=8192", "lock=true", NULL), <, 0);
        g_assert_cmpint(error.code, ==, ERROR_LIMIT_EXCEEDED);
        g_assert_nonnull(strstr(error.message, "RLIMIT_MEMLOCK"));
        g_assert_cmpint(fixture_try_create(&object, NULL, "shm-sysv", "size=4096", "lock=true", NULL), ==, 0);
        posix_fixture_remove(&object);
}

static void test_lock(SysvFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *row = NULL;
        KernelObject object;
        Error error = {};

        if (fixture_try_create(&object, &error, "shm-sysv", f->option, "size=4096", "lock=true", NULL) >= 0) {
                row = posix_fixture_scan(object.mechanism, f->address);
                g_assert_nonnull(row);
                g_assert_cmpstr(record_get_string(row, "state", ""), ==, "nobody attached, locked in memory");
                posix_fixture_remove(&object);
        } else
                g_assert_nonnull(strstr(error.message, "RLIMIT_MEMLOCK"));
        if (!posix_fixture_can_be_other())
                return;
        posix_fixture_as_other(lock_without_right, f->address);
        posix_fixture_as_other(lock_too_much, f->address);
}

/* "ipcmk -M 1M" makes, "ipcs -m" tells what the scan tells, ipcrm removes; and ipcrm removes what was made here. */
static void test_tools(SysvFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *row = NULL;
        g_autofree char *id = sysv_fixture_make("-M", "1M", NULL), *address = NULL, *canonical = NULL, *line = NULL,
                        *wanted = NULL;
        KernelObject object, own;
        Error error = {};

        address = g_strconcat("shm-sysv:id=", id, NULL);
        g_assert_cmpint(fixture_open(&object, address, NULL, &error), ==, 0);
        g_assert_cmpint(memory_write(&object, "theirs", 1024 * 1024 - 6, &error), ==, 0);
        canonical = address_print(&object.address);
        row = posix_fixture_scan(object.mechanism, canonical);
        g_assert_nonnull(row);
        line = sysv_fixture_line("-m", id);
        wanted = g_strdup_printf("%s %s root 644 %u %u", record_get_string(row, "key", ""), id,
                (unsigned)record_get_u64(row, "size", 0), (unsigned)record_get_u64(row, "attached", 9));
        if (geteuid() == 0)
                g_assert_cmpstr(line, ==, wanted);
        sysv_fixture_run("ipcrm", "-m", id);
        posix_fixture_open_refused(address, ERROR_NO_SUCH_OBJECT, id);
        kernel_object_done(&object);

        fixture_create(&own, "shm-sysv", f->option, "size=64", NULL);
        sysv_fixture_run("ipcrm", "-M", f->key_text);
        g_assert_cmpint(kernel_object_verify(&own, &error), ==, -ESTALE);
        kernel_object_done(&own);
}

static void test_transport(void) {
        posix_fixture_transport("shm-sysv", WAIT_BLOCK, 3000);
        posix_fixture_transport("shm-sysv", WAIT_SPIN, 300);
        posix_fixture_transport_close("shm-sysv");
}

static void test_sweep(void) {
        sysv_fixture_sweep("shm-sysv");
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
#define ADD(name, function) \
        g_test_add("/shm-sysv/" name, SysvFixture, "shm-sysv", sysv_fixture_set_up, function, sysv_fixture_tear_down)
        ADD("create", test_create);
        ADD("refused", test_refused);
        ADD("read-write", test_read_write);
        ADD("attached", test_attached);
        ADD("other-user", test_other_user);
        ADD("huge", test_huge);
        ADD("lock", test_lock);
        ADD("tools", test_tools);
#undef ADD
        g_test_add_func("/shm-sysv/transport", test_transport);
        g_test_add_func("/shm-sysv/sweep", test_sweep);
        return g_test_run();
}
