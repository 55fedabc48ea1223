/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* POSIX semaphores as a kind: that the C library takes what create() wrote, and back; values at their bounds; waits
 * with and without a time-out; files that are no semaphores. */
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <limits.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "mechanism-fixture.h"
#include "posix-fixture.h"
#include "units.h"

typedef struct Fixture {
        char *name, *path, *address, *option;
        unsigned descriptors;
} Fixture;

static void set_up(Fixture *f, gconstpointer data) {
        f->name = g_strdup_printf("/ipcbus-unit-%d-%x", (int)getpid(), g_random_int());
        f->path = g_strdup_printf("/dev/shm/sem.%s", f->name + 1);
        f->address = g_strdup_printf("sem-posix:%s", f->name);
        f->option = g_strdup_printf("name=%s", f->name);
        f->descriptors = fixture_descriptors();
}

static void tear_down(Fixture *f, gconstpointer data) {
        g_assert_cmpuint(fixture_descriptors(), ==, f->descriptors);
        g_assert_false(g_file_test(f->path, G_FILE_TEST_EXISTS));
        g_free(f->name);
        g_free(f->path);
        g_free(f->address);
        g_free(f->option);
}

static uint64_t attribute(KernelObject *object, const char *name) {
        CLEANUP(record_freep) Record *attributes = NULL;
        Error error = {};

        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(object->mechanism->describe(object, attributes, &error), ==, 0);
        g_assert_true(record_has(attributes, name));
        return record_get_u64(attributes, name, 0);
}

static void test_create(Fixture *f, gconstpointer data) {
        KernelObject object;
        struct stat st;
        mode_t mask;
        sem_t *sem;
        int value;

        mask = umask(077);
        fixture_create(&object, "sem-posix", f->option, "value=2", "mode=0660", NULL);
        umask(mask);
        g_assert_cmpint(lstat(f->path, &st), ==, 0);
        g_assert_cmpuint(st.st_mode & 07777, ==, 0660);
        g_assert_cmpuint(attribute(&object, "value"), ==, 2);
        g_assert_cmpuint(attribute(&object, "waiters"), ==, 0);

        /* The C library takes it for its own. */
        sem = sem_open(f->name, 0);
        g_assert_true(sem != SEM_FAILED);
        g_assert_cmpint(sem_getvalue(sem, &value), ==, 0);
        g_assert_cmpint(value, ==, 2);
        g_assert_cmpint(sem_trywait(sem), ==, 0);
        g_assert_cmpuint(attribute(&object, "value"), ==, 1);
        sem_close(sem);
        posix_fixture_remove(&object);
}

static void test_refused(Fixture *f, gconstpointer data) {
        g_autofree char *slash = g_strconcat(f->option, "/x", NULL), *address = g_strconcat(f->address, "/x", NULL);
        KernelObject object;
        sem_t *sem;

        posix_fixture_refused("sem-posix", ERROR_INVALID_OPTION, "option name", "value=1", NULL);
        posix_fixture_refused("sem-posix", ERROR_INVALID_OPTION, "second slash", slash, NULL);
        posix_fixture_refused("sem-posix", ERROR_INVALID_OPTION, "2147483647", f->option, "value=2147483648");
        posix_fixture_refused("sem-posix", ERROR_INVALID_OPTION, "size", f->option, "size=1");
        posix_fixture_open_refused(f->address, ERROR_NO_SUCH_OBJECT, f->name);
        posix_fixture_open_refused(address, ERROR_INVALID_ADDRESS, "second slash");

        sem = sem_open(f->name, O_CREAT | O_EXCL, 0600, 7);
        g_assert_true(sem != SEM_FAILED);
        posix_fixture_refused("sem-posix", ERROR_EXISTS, "exists already", f->option, NULL);
        g_assert_cmpint(fixture_open(&object, f->address, NULL, NULL), ==, 0);
        g_assert_cmpuint(attribute(&object, "value"), ==, 7);
        sem_close(sem);
        posix_fixture_remove(&object);
}

static void test_no_semaphore(Fixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *attributes = NULL;
        KernelObject object;
        Error error = {};

        g_assert_true(g_file_set_contents(f->path, "short", 5, NULL));
        posix_fixture_open_refused(f->address, ERROR_NO_SUCH_OBJECT, "is no semaphore");
        g_assert_cmpint(unlink(f->path), ==, 0);

        /* Cut by its owner after it was opened: nobody gets SIGBUS. */
        fixture_create(&object, "sem-posix", f->option, NULL);
        g_assert_cmpint(truncate(f->path, 0), ==, 0);
        g_assert_cmpint(fixture_post(&object, 1, NULL, &error), ==, -ENOENT);
        g_assert_cmpint(fixture_take(&object, 0, NULL, &error), ==, -ENOENT);
        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(object.mechanism->describe(&object, attributes, &error), ==, -ENOENT);
        kernel_object_done(&object);
        g_assert_cmpint(unlink(f->path), ==, 0);
}

static void test_post_wait(Fixture *f, gconstpointer data) {
        const uint64_t timeout = 20 * USEC_PER_MSEC;
        KernelObject object;
        Error error = {};
        gint64 start;

        fixture_create(&object, "sem-posix", f->option, NULL);
        g_assert_cmpint(fixture_take(&object, 0, NULL, &error), ==, -ETIMEDOUT);
        g_assert_cmpint(fixture_post(&object, 3, NULL, &error), ==, 0);
        g_assert_cmpuint(attribute(&object, "value"), ==, 3);
        g_assert_cmpint(fixture_take(&object, 0, NULL, &error), ==, 0);
        g_assert_cmpint(fixture_take(&object, timeout, NULL, &error), ==, 0);
        g_assert_cmpint(fixture_take(&object, USEC_INFINITY, NULL, &error), ==, 0);
        start = g_get_monotonic_time();
        g_assert_cmpint(fixture_take(&object, timeout, NULL, &error), ==, -ETIMEDOUT);
        g_assert_cmpint(g_get_monotonic_time() - start, >=, timeout);
        g_assert_cmpint(error.code, ==, ERROR_TIMED_OUT);
        g_assert_cmpint(fixture_post(&object, 0, NULL, &error), ==, -EINVAL);
        posix_fixture_remove(&object);
}

static void test_overflow(Fixture *f, gconstpointer data) {
        KernelObject object;
        Error error = {};

        fixture_create(&object, "sem-posix", f->option, "value=2147483646", NULL);
        g_assert_cmpint(fixture_post(&object, 2, NULL, &error), ==, -EDQUOT);
        g_assert_cmpint(error.code, ==, ERROR_LIMIT_EXCEEDED);
        g_assert_cmpuint(attribute(&object, "value"), ==, SEM_VALUE_MAX - 1);
        g_assert_cmpint(fixture_post(&object, 1, NULL, &error), ==, 0);
        g_assert_cmpint(fixture_post(&object, 1, NULL, &error), ==, -EDQUOT);
        g_assert_cmpint(fixture_post(&object, UINT64_MAX, NULL, &error), ==, -EDQUOT);
        g_assert_cmpuint(attribute(&object, "value"), ==, SEM_VALUE_MAX);
        posix_fixture_remove(&object);
}

/* Somebody waits: the file tells, and posting wakes it. */
static void test_waiter(Fixture *f, gconstpointer data) {
        KernelObject object;
        Error error = {};
        int status;
        pid_t pid;

        fixture_create(&object, "sem-posix", f->option, NULL);
        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0)
                _exit(fixture_take(&object, 30 * USEC_PER_SEC, NULL, NULL) < 0 ? 1 : 0);
        while (attribute(&object, "waiters") == 0)
                g_usleep(1000);
        g_assert_cmpuint(attribute(&object, "waiters"), ==, 1);
        g_assert_cmpint(fixture_post(&object, 1, NULL, &error), ==, 0);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
        g_assert_cmpuint(attribute(&object, "value"), ==, 0);
        g_assert_cmpuint(attribute(&object, "waiters"), ==, 0);
        posix_fixture_remove(&object);
}

static void test_replaced(Fixture *f, gconstpointer data) {
        KernelObject object;
        Error error = {};
        sem_t *sem;

        fixture_create(&object, "sem-posix", f->option, "value=1", NULL);
        g_assert_cmpint(sem_unlink(f->name), ==, 0);
        sem = sem_open(f->name, O_CREAT | O_EXCL, 0600, 5);
        g_assert_true(sem != SEM_FAILED);
        sem_close(sem);
        g_assert_cmpint(kernel_object_verify(&object, &error), ==, -ESTALE);
        g_assert_cmpint(fixture_post(&object, 1, NULL, &error), ==, -ENOENT);
        g_assert_nonnull(strstr(error.message, "was replaced"));
        kernel_object_done(&object);
        g_assert_cmpint(sem_unlink(f->name), ==, 0);
}

static void as_other_user(const char *address) {
        CLEANUP(record_freep) Record *attributes = NULL;
        KernelObject object;
        Error error = {};

        g_assert_cmpint(fixture_open(&object, address, NULL, &error), ==, 0);
        g_assert_cmpint(fixture_post(&object, 1, NULL, &error), ==, -EACCES);
        g_assert_cmpint(fixture_take(&object, 0, NULL, &error), ==, -EACCES);
        g_assert_cmpint(error.code, ==, ERROR_NOT_PERMITTED);
        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(object.mechanism->describe(&object, attributes, &error), ==, 0);
        g_assert_false(record_has(attributes, "value"));
        g_assert_cmpint(object.mechanism->remove(&object, &error), <, 0);
        g_assert_cmpint(error.code, ==, ERROR_NOT_PERMITTED);
        kernel_object_done(&object);
}

static void test_other_user(Fixture *f, gconstpointer data) {
        KernelObject object;

        if (!posix_fixture_can_be_other())
                return;
        fixture_create(&object, "sem-posix", f->option, "value=1", NULL);
        posix_fixture_as_other(as_other_user, f->address);
        g_assert_cmpuint(attribute(&object, "value"), ==, 1);
        posix_fixture_remove(&object);
}

static void test_scan(Fixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *row = NULL;
        g_autofree char *as_memory = g_strdup_printf("shm-posix:/sem.%s", f->name + 1);
        KernelObject object;

        fixture_create(&object, "sem-posix", f->option, "value=9", NULL);
        row = posix_fixture_scan(object.mechanism, f->address);
        g_assert_nonnull(row);
        g_assert_cmpuint(record_get_u64(row, "value", 0), ==, 9);
        g_assert_cmpuint(record_get_u64(row, "waiters", 7), ==, 0);
        g_assert_null(posix_fixture_scan(mechanism_find("shm-posix"), as_memory));
        posix_fixture_assert_held_by_end(&object);
        posix_fixture_remove(&object);
}

/* Unnamed: at a place in memory, where sem_init(3) put it, or create(). */
static void test_placed(Fixture *f, gconstpointer data) {
        g_autofree char *memory_option = g_strdup_printf("name=%s.memory", f->name);
        g_autofree char *place = g_strdup_printf("place=shm-posix:%s.memory+64", f->name);
        g_autofree char *crooked = g_strdup_printf("place=shm-posix:%s.memory+68", f->name);
        g_autofree char *outside = g_strdup_printf("place=shm-posix:%s.memory+4080", f->name);
        g_autofree char *address = g_strdup_printf("sem-posix:shm-posix:%s.memory+64", f->name);
        g_autofree char *local = g_strdup_printf("sem-posix:shm-posix:%s.memory+128", f->name);
        g_autofree char *memory = g_strdup_printf("%s.memory", f->name);
        KernelObject memory_object, object, other;
        Error error = {};
        char *mapping;
        int fd;

        fixture_create(&memory_object, "shm-posix", memory_option, "size=4K", NULL);
        posix_fixture_refused("sem-posix", ERROR_INVALID_ADDRESS, "aligned", crooked, NULL);
        posix_fixture_refused("sem-posix", ERROR_NO_SUCH_OBJECT, "ends before", outside, NULL);
        posix_fixture_open_refused(address, ERROR_NO_SUCH_OBJECT, "no semaphore at");
        fixture_create(&object, "sem-posix", place, "value=2", NULL);
        posix_fixture_refused("sem-posix", ERROR_EXISTS, "replace=true", place, NULL);

        fd = shm_open(memory, O_RDWR | O_CLOEXEC, 0);
        g_assert_cmpint(fd, >=, 0);
        mapping = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        g_assert_true(mapping != MAP_FAILED);
        close(fd);
        g_assert_cmpint(sem_trywait((sem_t *)(void *)(mapping + 64)), ==, 0);
        g_assert_cmpuint(attribute(&object, "value"), ==, 1);
        g_assert_cmpint(fixture_take(&object, 0, NULL, &error), ==, 0);
        g_assert_cmpint(fixture_take(&object, 20000, NULL, &error), ==, -ETIMEDOUT);
        g_assert_cmpint(fixture_post(&object, 3, NULL, &error), ==, 0);
        g_assert_cmpint(sem_trywait((sem_t *)(void *)(mapping + 64)), ==, 0);

        /* As many notes print it. */
        g_assert_cmpint(sem_init((sem_t *)(void *)(mapping + 128), 0, 1), ==, 0);
        g_assert_cmpint(fixture_open(&other, local, NULL, &error), ==, 0);
        g_assert_cmpint(fixture_take(&other, 0, NULL, &error), ==, -EOPNOTSUPP);
        g_assert_nonnull(strstr(error.message, "pshared 0"));
        kernel_object_done(&other);
        memset(mapping + 128, 0xff, sizeof(sem_t));
        posix_fixture_open_refused(local, ERROR_NO_SUCH_OBJECT, "no semaphore at");
        munmap(mapping, 4096);
        g_assert_cmpint(kernel_object_verify(&object, &error), ==, 0);
        posix_fixture_remove(&object);
        posix_fixture_open_refused(address, ERROR_NO_SUCH_OBJECT, "no semaphore at");
        posix_fixture_remove(&memory_object);
}

static void test_transport(void) {
        posix_fixture_transport("sem-posix", WAIT_BLOCK, 3000);
        posix_fixture_transport("sem-posix", WAIT_SPIN, 300);
}

static void test_sweep(void) {
        posix_fixture_sweep("sem-posix");
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/sem-posix/" name, Fixture, NULL, set_up, function, tear_down)
        ADD("create", test_create);
        ADD("refused", test_refused);
        ADD("no-semaphore", test_no_semaphore);
        ADD("post-wait", test_post_wait);
        ADD("overflow", test_overflow);
        ADD("waiter", test_waiter);
        ADD("replaced", test_replaced);
        ADD("other-user", test_other_user);
        ADD("scan", test_scan);
        ADD("placed", test_placed);
#undef ADD
        g_test_add_func("/sem-posix/transport", test_transport);
        g_test_add_func("/sem-posix/sweep", test_sweep);
        return g_test_run();
}
