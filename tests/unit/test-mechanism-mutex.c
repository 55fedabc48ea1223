/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mutexes as a kind: that programs in C take what create() wrote, with shm_open(3) and mmap(2) alone, and back;
 * mutexes at places in other memory; owners that die; what is no mutex. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "mechanism-fixture.h"
#include "mutex.h"
#include "posix-fixture.h"
#include "units.h"

enum { MEMORY_SIZE = 8192 };

typedef struct Fixture {
        char *name, *path, *memory, *address, *option, *memory_option;
        unsigned descriptors;
} Fixture;

static void set_up(Fixture *f, gconstpointer data) {
        f->name = g_strdup_printf("/ipcbus-unit-%d-%x", (int)getpid(), g_random_int());
        f->path = g_strdup_printf("/dev/shm/mutex.%s", f->name + 1);
        f->memory = g_strdup_printf("/mutex.%s", f->name + 1);
        f->address = g_strdup_printf("mutex:%s", f->name);
        f->option = g_strdup_printf("name=%s", f->name);
        f->memory_option = g_strdup_printf("name=%s.memory", f->name);
        f->descriptors = fixture_descriptors();
}

static void tear_down(Fixture *f, gconstpointer data) {
        g_assert_cmpuint(fixture_descriptors(), ==, f->descriptors);
        g_assert_false(g_file_test(f->path, G_FILE_TEST_EXISTS));
        g_free(f->name);
        g_free(f->path);
        g_free(f->memory);
        g_free(f->address);
        g_free(f->option);
        g_free(f->memory_option);
}

/* What a program in C does. */
static pthread_mutex_t *map(const char *memory, size_t offset) {
        CLEANUP_FD int fd = shm_open(memory, O_RDWR | O_CLOEXEC, 0);
        char *mapping;

        g_assert_cmpint(fd, >=, 0);
        mapping = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        g_assert_true(mapping != MAP_FAILED);
        return (pthread_mutex_t *)(void *)(mapping + offset);
}

static void unmap(pthread_mutex_t *mutex, size_t offset) {
        g_assert_cmpint(munmap((char *)mutex - offset, MEMORY_SIZE), ==, 0);
}

static char *state(KernelObject *object) {
        CLEANUP(record_freep) Record *attributes = NULL;
        Error error = {};

        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(object->mechanism->describe(object, attributes, &error), ==, 0);
        return g_strdup(record_get_string(attributes, "state", "none"));
}

static void assert_state(KernelObject *object, const char *wanted) {
        g_autofree char *text = state(object);

        if (strstr(text, wanted) == NULL)
                g_error("the state is \"%s\", not \"%s\"", text, wanted);
}

static void assert_locked_by(KernelObject *object, pid_t pid) {
        g_autofree char *text = g_strdup_printf("locked by process %d ", (int)pid);

        assert_state(object, text);
}

/* A process that locks it and is killed with it. */
static pid_t locked_and_killed(const char *memory, size_t offset) {
        int status;
        pid_t pid = fork();

        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                (void)pthread_mutex_lock(map(memory, offset));
                (void)raise(SIGKILL);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFSIGNALED(status));
        return pid;
}

static void test_named(Fixture *f, gconstpointer data) {
        pthread_mutex_t *mutex;
        const MutexFile *file;
        KernelObject object;
        struct stat st;
        mode_t mask;

        mask = umask(077);
        fixture_create(&object, "mutex", f->option, "mode=0660", "type=errorcheck", "size=8K", NULL);
        umask(mask);
        g_assert_cmpint(stat(f->path, &st), ==, 0);
        g_assert_cmpint(st.st_mode & 07777, ==, 0660);
        g_assert_cmpint(st.st_size, ==, MEMORY_SIZE);
        mutex = map(f->memory, 0);
        file = (const void *)mutex;
        g_assert_cmpmem(file->header.magic, 8, MUTEX_MAGIC, 8);
        g_assert_cmpuint(file->header.mutex_size, ==, sizeof(pthread_mutex_t));
        g_assert_cmpuint(file->header.type, ==, MUTEX_ERRORCHECK);
        g_assert_cmpuint(file->header.data_offset, ==, 128);
        assert_state(&object, "free");
        g_assert_cmpint(pthread_mutex_lock(mutex), ==, 0);
        g_assert_cmpint(pthread_mutex_lock(mutex), ==, EDEADLK);
        assert_locked_by(&object, getpid());
        g_assert_cmpint(pthread_mutex_unlock(mutex), ==, 0);
        assert_state(&object, "free");
        unmap(mutex, 0);
        posix_fixture_refused("mutex", ERROR_EXISTS, "exists already", f->option, NULL);
        posix_fixture_remove(&object);
}

static void test_refused(Fixture *f, gconstpointer data) {
        posix_fixture_refused("mutex", ERROR_INVALID_OPTION, "errorcheck", f->option, "type=fast");
        posix_fixture_refused("mutex", ERROR_INVALID_OPTION, "inherit", f->option, "protocol=ceiling");
        posix_fixture_refused("mutex", ERROR_INVALID_OPTION, "at least 128", f->option, "size=64");
        posix_fixture_refused("mutex", ERROR_INVALID_OPTION, "that memory's", f->option, "place=shm-posix:/x+0");
        posix_fixture_refused("mutex", ERROR_INVALID_ADDRESS, "no place in memory", "place=shm-posix:/x", NULL);
        posix_fixture_refused("mutex", ERROR_INVALID_ADDRESS, "is none", "place=mq-posix:/x+0", NULL);
        posix_fixture_refused(
                "mutex", ERROR_NO_SUCH_OBJECT, "no POSIX shared memory", "place=shm-posix:/nosuch+0", NULL);
        posix_fixture_open_refused(f->address, ERROR_NO_SUCH_OBJECT, "no mutex named");
        posix_fixture_open_refused("mutex:a+b", ERROR_INVALID_ADDRESS, "no place in memory");
}

/* A file of the right name that is something else. */
static void test_no_mutex(Fixture *f, gconstpointer data) {
        g_autofree char *zeros = g_malloc0(MEMORY_SIZE);
        Error error = {};
        KernelObject object;

        g_assert_true(g_file_set_contents(f->path, zeros, 32, NULL));
        posix_fixture_open_refused(f->address, ERROR_NO_SUCH_OBJECT, "no mutex named");
        g_assert_true(g_file_set_contents(f->path, zeros, MEMORY_SIZE, NULL));
        posix_fixture_open_refused(f->address, ERROR_NO_SUCH_OBJECT, "does not say so");
        g_assert_null(posix_fixture_scan(mechanism_find("mutex"), f->address));
        g_assert_cmpint(unlink(f->path), ==, 0);

        /* Its bytes were written over while it was open. */
        fixture_create(&object, "mutex", f->option, NULL);
        CLEANUP_FD int fd = open(f->path, O_WRONLY | O_CLOEXEC);
        memset(zeros, 0xff, sizeof(pthread_mutex_t));
        g_assert_cmpint(pwrite(fd, zeros, sizeof(pthread_mutex_t), 0), ==, sizeof(pthread_mutex_t));
        g_assert_cmpint(fixture_take(&object, 0, NULL, &error), ==, -ENOENT);
        g_assert_nonnull(strstr(error.message, "no mutex"));
        posix_fixture_remove(&object);
        fd = fd_close(fd);
}

/* A descriptor of memory without a mutex stays the caller's, open and not closed twice. */
static void test_descriptor_refused(Fixture *f, gconstpointer data) {
        CLEANUP_FD int fd = memfd_create("ipcbus-test", MFD_CLOEXEC);
        struct stat st;
        g_autofree char *address = NULL;
        KernelObject object;
        Error error = {};

        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(ftruncate(fd, MEMORY_SIZE), ==, 0);
        g_assert_cmpint(fstat(fd, &st), ==, 0);
        address = g_strdup_printf("mutex:memfd:[%" G_GUINT64_FORMAT "]+64", (guint64)st.st_ino);
        kernel_object_init(&object, mechanism_find("mutex"));
        g_assert_cmpint(address_parse(address, &object.address, &error), ==, 0);
        g_assert_cmpint(object.mechanism->from_fd(&object, fd, NULL, &error), ==, -ENOENT);
        kernel_object_done(&object);
        g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
        fd = fd_close(fd);
}

static void test_lock(Fixture *f, gconstpointer data) {
        KernelObject object;
        Error error = {};
        int status;
        pid_t pid;

        fixture_create(&object, "mutex", f->option, NULL);
        g_assert_true(object.mechanism->holds(NULL));
        g_assert_cmpint(fixture_post(&object, 1, NULL, &error), ==, -EACCES);
        g_assert_nonnull(strstr(error.message, "not locked"));
        g_assert_cmpint(fixture_take(&object, USEC_INFINITY, NULL, &error), ==, 0);
        assert_locked_by(&object, getpid());
        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                KernelObject own;
                bool right;

                right = fixture_open(&own, f->address, NULL, NULL) == 0 &&
                        fixture_take(&own, 0, NULL, NULL) == -ETIMEDOUT &&
                        fixture_take(&own, 20000, NULL, NULL) == -ETIMEDOUT &&
                        fixture_post(&own, 1, NULL, NULL) == -EACCES;
                _exit(right ? 0 : 1);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
        g_assert_cmpint(object.mechanism->release(&object, NULL, &error), ==, 0);
        assert_state(&object, "free");
        g_assert_cmpint(fixture_post(&object, 2, NULL, &error), ==, -EINVAL);
        posix_fixture_remove(&object);
}

static void test_owner_died(Fixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *meta = NULL;
        KernelObject object;
        Error error = {};
        pid_t dead;

        fixture_create(&object, "mutex", f->option, "type=recursive", "size=8K", NULL);
        dead = locked_and_killed(f->memory, 0);
        g_autofree char *words = g_strdup_printf("process %d, died holding it", (int)dead);
        assert_state(&object, words);
        g_assert_cmpint(fixture_post(&object, 1, NULL, &error), ==, -EACCES);
        g_assert_nonnull(strstr(error.message, "owner"));
        g_assert_cmpint(record_new(&meta), ==, 0);
        g_assert_cmpint(object.mechanism->wait(&object, 0, NULL, meta, &error), ==, 0);
        g_assert_true(record_get_bool(meta, "owner_died", false));
        g_assert_cmpuint(record_get_u64(meta, "last_owner", 0), ==, (uint64_t)dead);
        g_assert_nonnull(strstr(record_get_string(meta, "warning", ""), "half-changed"));
        assert_locked_by(&object, getpid());
        g_assert_cmpint(object.mechanism->release(&object, NULL, &error), ==, 0);
        assert_state(&object, "free");

        (void)locked_and_killed(f->memory, 0);
        g_assert_cmpint(fixture_take(&object, 0, "recover=false", &error), ==, 0);
        assert_state(&object, "not consistent yet");
        g_assert_cmpint(object.mechanism->release(&object, NULL, &error), ==, 0);
        assert_state(&object, "not recoverable");
        g_assert_cmpint(fixture_take(&object, 0, NULL, &error), <, 0);
        g_assert_nonnull(strstr(error.message, "ENOTRECOVERABLE"));
        posix_fixture_remove(&object);
}

static void test_stalled(Fixture *f, gconstpointer data) {
        KernelObject object;
        Error error = {};

        fixture_create(&object, "mutex", f->option, "robust=false", "size=8K", NULL);
        (void)locked_and_killed(f->memory, 0);
        assert_state(&object, "which is gone");
        g_assert_cmpint(fixture_take(&object, 10000, NULL, &error), ==, -ETIMEDOUT);
        g_assert_nonnull(strstr(error.message, "which is gone"));
        posix_fixture_remove(&object);
}

static void test_placed(Fixture *f, gconstpointer data) {
        g_autofree char *memory = g_strdup_printf("%s.memory", f->name);
        g_autofree char *place = g_strdup_printf("place=shm-posix:%s+64", memory);
        g_autofree char *crooked = g_strdup_printf("place=shm-posix:%s+66", memory);
        g_autofree char *outside = g_strdup_printf("place=shm-posix:%s+8184", memory);
        g_autofree char *address = g_strdup_printf("mutex:shm-posix:%s+64", memory);
        g_autofree char *empty = g_strdup_printf("mutex:shm-posix:%s+1024", memory);
        KernelObject object, memory_object, again;
        pthread_mutex_t *mutex;
        Error error = {};

        fixture_create(&memory_object, "shm-posix", f->memory_option, "size=8K", NULL);
        posix_fixture_refused("mutex", ERROR_INVALID_ADDRESS, "aligned", crooked, NULL);
        posix_fixture_refused("mutex", ERROR_NO_SUCH_OBJECT, "ends before", outside, NULL);
        posix_fixture_open_refused(address, ERROR_NO_SUCH_OBJECT, "no mutex at");
        fixture_create(&object, "mutex", place, "type=recursive", NULL);
        posix_fixture_refused("mutex", ERROR_EXISTS, "replace=true", place, NULL);
        posix_fixture_open_refused(empty, ERROR_NO_SUCH_OBJECT, "no mutex at");
        g_assert_cmpint(fixture_open(&again, address, NULL, &error), ==, 0);
        g_assert_cmpstr(again.identity, ==, object.identity);
        mutex = map(memory, 64);
        g_assert_cmpint(pthread_mutex_lock(mutex), ==, 0);
        g_assert_cmpint(pthread_mutex_lock(mutex), ==, 0);
        assert_locked_by(&again, getpid());
        g_assert_cmpint(again.mechanism->remove(&again, &error), ==, -EBUSY);
        g_assert_cmpint(pthread_mutex_unlock(mutex), ==, 0);
        assert_locked_by(&again, getpid());
        g_assert_cmpint(pthread_mutex_unlock(mutex), ==, 0);
        unmap(mutex, 64);
        kernel_object_done(&again);
        g_assert_cmpint(kernel_object_verify(&object, &error), ==, 0);
        g_assert_cmpint(object.mechanism->remove(&object, &error), ==, 0);
        kernel_object_done(&object);
        posix_fixture_open_refused(address, ERROR_NO_SUCH_OBJECT, "no mutex at");
        posix_fixture_remove(&memory_object);
}

/* pthread_mutex_init(3) as many notes have it. */
static void test_private(Fixture *f, gconstpointer data) {
        g_autofree char *memory = g_strdup_printf("%s.memory", f->name);
        g_autofree char *address = g_strdup_printf("mutex:shm-posix:%s+0", memory);
        KernelObject object, memory_object;
        pthread_mutexattr_t attributes;
        pthread_mutex_t *mutex;
        Error error = {};

        fixture_create(&memory_object, "shm-posix", f->memory_option, "size=8K", NULL);
        mutex = map(memory, 0);
        g_assert_cmpint(pthread_mutexattr_init(&attributes), ==, 0);
        g_assert_cmpint(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK), ==, 0);
        g_assert_cmpint(pthread_mutex_init(mutex, &attributes), ==, 0);
        g_assert_cmpint(fixture_open(&object, address, NULL, &error), ==, 0);
        g_assert_cmpint(fixture_take(&object, 0, NULL, &error), ==, -EOPNOTSUPP);
        g_assert_nonnull(strstr(error.message, "PTHREAD_PROCESS_SHARED"));
        kernel_object_done(&object);
        unmap(mutex, 0);
        pthread_mutexattr_destroy(&attributes);
        posix_fixture_remove(&memory_object);
}

/* Those of other programs: with the default type, and with the same type asked for by name. */
static void test_of_others(Fixture *f, gconstpointer data) {
        g_autofree char *memory = g_strdup_printf("%s.memory", f->name);
        g_autofree char *address = g_strdup_printf("mutex:shm-posix:%s+0", memory);
        KernelObject object, memory_object;
        pthread_mutex_t *mutex;
        Error error = {};

        fixture_create(&memory_object, "shm-posix", f->memory_option, "size=8K", NULL);
        mutex = map(memory, 0);
        for (int named = 0; named < 2; named++) {
                pthread_mutexattr_t attributes;

                g_assert_cmpint(pthread_mutexattr_init(&attributes), ==, 0);
                g_assert_cmpint(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), ==, 0);
                if (named)
                        g_assert_cmpint(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_NORMAL), ==, 0);
                g_assert_cmpint(pthread_mutex_init(mutex, &attributes), ==, 0);
                pthread_mutexattr_destroy(&attributes);
                g_assert_cmpint(fixture_open(&object, address, NULL, &error), ==, 0);
                g_assert_cmpint(pthread_mutex_lock(mutex), ==, 0);
                assert_locked_by(&object, getpid());
                g_assert_cmpint(pthread_mutex_unlock(mutex), ==, 0);
                g_assert_cmpint(fixture_take(&object, 0, NULL, &error), ==, 0);
                g_assert_cmpint(pthread_mutex_trylock(mutex), ==, EBUSY);
                g_assert_cmpint(object.mechanism->release(&object, NULL, &error), ==, 0);
                kernel_object_done(&object);
        }
        unmap(mutex, 0);
        posix_fixture_remove(&memory_object);
}

/* The memory is made smaller under it: the process that maps it ends, nothing else does. */
static void test_truncated(Fixture *f, gconstpointer data) {
        KernelObject object;
        Error error = {};
        int status;
        pid_t pid;

        fixture_create(&object, "mutex", f->option, NULL);
        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                (void)signal(SIGBUS, SIG_DFL); /* a sanitizer would report it instead */
                if (fixture_take(&object, 0, NULL, NULL) < 0 || truncate(f->path, 0) < 0)
                        _exit(1);
                (void)object.mechanism->release(&object, NULL, NULL);
                _exit(2);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFSIGNALED(status));
        g_assert_cmpint(WTERMSIG(status), ==, SIGBUS);
        g_assert_cmpint(fixture_take(&object, 0, NULL, &error), ==, -ENOENT);
        g_assert_nonnull(strstr(error.message, "ends before"));
        object.mechanism->close(&object);
        kernel_object_done(&object);
        g_assert_cmpint(unlink(f->path), ==, 0);
}

static void test_scan(Fixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *row = NULL;
        KernelObject object;

        fixture_create(&object, "mutex", f->option, "type=recursive", "protocol=inherit", NULL);
        row = posix_fixture_scan(object.mechanism, f->address);
        g_assert_nonnull(row);
        g_assert_cmpstr(record_get_string(row, "mutex_type", ""), ==, "recursive");
        g_assert_cmpstr(record_get_string(row, "protocol", ""), ==, "inherit");
        g_assert_cmpstr(record_get_string(row, "state", ""), ==, "free");
        posix_fixture_assert_held_by_end(&object);
        posix_fixture_remove(&object);
}

static void test_transport(void) {
        posix_fixture_transport("mutex", WAIT_BLOCK, 3000);
        posix_fixture_transport("mutex", WAIT_SPIN, 300);
}

static void test_sweep(void) {
        posix_fixture_sweep("mutex");
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/mutex/" name, Fixture, NULL, set_up, function, tear_down)
        ADD("named", test_named);
        ADD("refused", test_refused);
        ADD("no-mutex", test_no_mutex);
        ADD("descriptor-refused", test_descriptor_refused);
        ADD("lock", test_lock);
        ADD("owner-died", test_owner_died);
        ADD("stalled", test_stalled);
        ADD("placed", test_placed);
        ADD("private", test_private);
        ADD("of-others", test_of_others);
        ADD("truncated", test_truncated);
        ADD("scan", test_scan);
#undef ADD
        g_test_add_func("/mutex/transport", test_transport);
        g_test_add_func("/mutex/sweep", test_sweep);
        return g_test_run();
}
