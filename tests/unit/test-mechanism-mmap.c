/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mapped files as a kind, on a disk and on a tmpfs: what is never created over, files that were put in the place of
 * others, what is no regular file, full file systems, and lists of who maps what. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"
#include "mechanism-fixture.h"
#include "memory-fixture.h"
#include "posix-fixture.h"

typedef struct Fixture {
        char *directory, *path, *address, *option;
        unsigned descriptors;
} Fixture;

/* `data`: where. */
static void set_up(Fixture *f, gconstpointer data) {
        f->directory = g_strdup_printf("%s/ipcbus-unit-XXXXXX", (const char *)data);
        g_assert_nonnull(g_mkdtemp(f->directory));
        f->path = g_build_filename(f->directory, "file", NULL);
        f->address = g_strdup_printf("mmap:%s", f->path);
        f->option = g_strdup_printf("path=%s", f->path);
        f->descriptors = fixture_descriptors();
}

static void tear_down(Fixture *f, gconstpointer data) {
        g_assert_cmpuint(fixture_descriptors(), ==, f->descriptors);
        g_assert_cmpint(rmdir(f->directory), ==, 0);
        g_free(f->directory);
        g_free(f->path);
        g_free(f->address);
        g_free(f->option);
}

static void test_create(Fixture *f, gconstpointer data) {
        KernelObject object;
        struct stat st;
        mode_t mask;

        mask = umask(077);
        fixture_create(&object, "mmap", f->option, "size=1M", "mode=0642", NULL);
        umask(mask);
        g_assert_cmpint(lstat(f->path, &st), ==, 0);
        g_assert_cmpuint(st.st_mode & 07777, ==, 0642);
        g_assert_cmpint(st.st_size, ==, 1024 * 1024);
        g_assert_cmpint(st.st_blocks, ==, 0);
        g_assert_cmpuint(object.mode, ==, 0642);
        g_assert_cmpuint(object.created, >, 0);
        g_assert_false(object.unnamed);
        /* No descriptor is kept. */
        g_assert_cmpuint(fixture_descriptors(), ==, f->descriptors);
        posix_fixture_remove(&object);
        g_assert_false(g_file_test(f->path, G_FILE_TEST_EXISTS));
}

static void test_allocate(Fixture *f, gconstpointer data) {
        KernelObject object;
        struct stat st;

        fixture_create(&object, "mmap", f->option, "size=1M", "allocate=true", NULL);
        g_assert_cmpint(lstat(f->path, &st), ==, 0);
        g_assert_cmpint(st.st_blocks * 512, >=, 1024 * 1024);
        g_assert_cmpuint(memory_attribute(&object, "allocated"), >=, 1024 * 1024);
        posix_fixture_remove(&object);
}

static void test_create_refused(Fixture *f, gconstpointer data) {
        g_autofree char *folder = g_strdup_printf("path=%s/none/file", f->directory);

        posix_fixture_refused("mmap", ERROR_INVALID_OPTION, "option \"path\"", "size=1", NULL);
        posix_fixture_refused("mmap", ERROR_INVALID_OPTION, "not absolute", "size=1", "path=file");
        posix_fixture_refused("mmap", ERROR_INVALID_OPTION, "option size", f->option, NULL);
        posix_fixture_refused("mmap", ERROR_INVALID_OPTION, "size 0", f->option, "size=0");
        posix_fixture_refused("mmap", ERROR_LIMIT_EXCEEDED, "2^63-1", f->option, "size=18446744073709551615");
        posix_fixture_refused("mmap", ERROR_NO_SUCH_OBJECT, "folder", folder, "size=1");
        g_assert_false(g_file_test(f->path, G_FILE_TEST_EXISTS));
}

static int make_too_large(void *userdata) {
        const struct rlimit limit = { 4096, 4096 };

        g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
        (void)signal(SIGXFSZ, SIG_IGN); /* as the service and the worker do */
        posix_fixture_refused("mmap", ERROR_LIMIT_EXCEEDED, "RLIMIT_FSIZE", userdata, "size=8K");
        return 0;
}

static void test_limit(Fixture *f, gconstpointer data) {
        g_assert_cmpint(child_run(make_too_large, f->option), ==, 0);
        g_assert_false(g_file_test(f->path, G_FILE_TEST_EXISTS));
}

/* What stands there is left as it is, whatever it is. */
static void test_exists(Fixture *f, gconstpointer data) {
        g_autofree char *text = NULL;

        g_assert_true(g_file_set_contents(f->path, "theirs", 6, NULL));
        posix_fixture_refused("mmap", ERROR_EXISTS, "a regular file", f->option, "size=1M");
        g_assert_true(g_file_get_contents(f->path, &text, NULL, NULL));
        g_assert_cmpstr(text, ==, "theirs");
        g_assert_cmpint(unlink(f->path), ==, 0);
        g_assert_cmpint(symlink("nowhere", f->path), ==, 0);
        posix_fixture_refused("mmap", ERROR_EXISTS, "a symbolic link", f->option, "size=1M");
        g_assert_cmpint(unlink(f->path), ==, 0);
        posix_fixture_refused("mmap", ERROR_EXISTS, "a directory", "path=/tmp", "size=1M");
}

static void test_open_refused(Fixture *f, gconstpointer data) {
        g_autofree char *folder = g_strdup_printf("mmap:%s", f->directory);

        posix_fixture_open_refused(f->address, ERROR_NO_SUCH_OBJECT, "There is no regular file");
        posix_fixture_open_refused(folder, ERROR_NO_SUCH_OBJECT, "a directory");
        posix_fixture_open_refused("mmap:/dev/null", ERROR_NO_SUCH_OBJECT, "a character device");
        g_assert_cmpint(mkfifo(f->path, 0600), ==, 0);
        posix_fixture_open_refused(f->address, ERROR_NO_SUCH_OBJECT, "a FIFO");
        g_assert_cmpint(unlink(f->path), ==, 0);
        g_assert_cmpint(symlink("/etc/passwd", f->path), ==, 0);
        posix_fixture_open_refused(f->address, ERROR_NO_SUCH_OBJECT, "symbolic link, to /etc/passwd");
        g_assert_cmpint(unlink(f->path), ==, 0);
}

static void test_memory(Fixture *f, gconstpointer data) {
        KernelObject object;

        fixture_create(&object, "mmap", f->option, "size=8K", NULL);
        memory_assert_offsets(&object);
        memory_assert_resizes(&object);
        memory_assert_far(&object);
        memory_assert_leased(&object, f->path);
        g_assert_cmpint(mechanism_supports(object.mechanism, OPERATION_SEAL, NULL), ==, -EOPNOTSUPP);
        posix_fixture_remove(&object);
}

static void test_sync(Fixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *attributes = NULL;
        KernelObject object;
        Error error = {};
        int r;

        fixture_create(&object, "mmap", f->option, "size=8K", NULL);
        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(object.mechanism->describe(&object, attributes, NULL), ==, 0);
        g_test_message("%s: %s", f->directory, record_get_string(attributes, "file_system", ""));
        g_assert_true(record_get_bool(attributes, "sparse", false));
        r = fixture_send_with(&object, "synced", "sync=true", &error);
        if (strcmp(record_get_string(attributes, "backing", ""), "memory") == 0) {
                g_assert_cmpint(r, ==, -EOPNOTSUPP);
                g_assert_nonnull(strstr(error.message, "nothing to sync"));
        } else
                g_assert_cmpint(r, ==, 0);
        posix_fixture_remove(&object);
}

static void test_adopted(Fixture *f, gconstpointer data) {
        g_autofree char *text = NULL;
        KernelObject object;
        Error error = {};

        g_assert_true(g_file_set_contents(f->path, "theirs", 6, NULL));
        g_assert_cmpint(fixture_open(&object, f->address, NULL, &error), ==, 0);
        fixture_assert_receives(&object, "theirs");
        g_assert_cmpint(memory_write(&object, "O", 0, &error), ==, 0);
        /* Writing never makes it longer. */
        g_assert_cmpint(memory_write(&object, "longer!", 0, &error), ==, -EINVAL);
        kernel_object_done(&object);
        g_assert_true(g_file_get_contents(f->path, &text, NULL, NULL));
        g_assert_cmpstr(text, ==, "Oheirs");
        g_assert_cmpint(unlink(f->path), ==, 0);
}

/* Another of the same name, also one that got the same inode number (ext4 gives it at once). */
static void test_replaced(Fixture *f, gconstpointer data) {
        g_autofree char *text = NULL;
        KernelObject object;
        Error error = {};
        int fd = -EBADF;

        fixture_create(&object, "mmap", f->option, "size=8", NULL);
        g_assert_cmpint(kernel_object_verify(&object, &error), ==, 0);
        g_assert_cmpint(unlink(f->path), ==, 0);
        g_assert_cmpint(kernel_object_verify(&object, &error), ==, -ESTALE);
        g_assert_cmpint(fixture_send(&object, "x", &error), ==, -ENOENT);
        g_usleep(20 * 1000); /* the clock of the file system has ticks */
        g_assert_true(g_file_set_contents(f->path, "another", 7, NULL));
        g_assert_cmpint(kernel_object_verify(&object, &error), ==, -ESTALE);
        g_assert_cmpint(fixture_send(&object, "x", &error), ==, -ENOENT);
        g_assert_nonnull(strstr(error.message, "was replaced"));
        g_assert_cmpint(object.mechanism->resize(&object, 1, &error), ==, -ENOENT);
        g_assert_cmpint(object.mechanism->open_end(&object, "", false, &fd, &error), ==, -ENOENT);
        g_assert_true(g_file_get_contents(f->path, &text, NULL, NULL));
        g_assert_cmpstr(text, ==, "another");
        g_assert_cmpint(unlink(f->path), ==, 0);
        g_assert_cmpint(symlink("/etc/passwd", f->path), ==, 0);
        g_assert_cmpint(object.mechanism->open_end(&object, "read", false, &fd, &error), ==, -ENOENT);
        g_assert_cmpint(unlink(f->path), ==, 0);
        g_assert_cmpint(mkfifo(f->path, 0600), ==, 0);
        g_assert_cmpint(object.mechanism->open_end(&object, "", false, &fd, &error), ==, -ENOENT);
        kernel_object_done(&object);
        g_assert_cmpint(unlink(f->path), ==, 0);
}

static void test_ends(Fixture *f, gconstpointer data) {
        CLEANUP_FD int fd = -EBADF;
        KernelObject object;
        Error error = {};
        char *memory;

        fixture_create(&object, "mmap", f->option, "size=4", NULL);
        g_assert_cmpint(object.mechanism->open_end(&object, "", false, &fd, &error), ==, 0);
        g_assert_cmpint(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), ==, O_RDWR);
        memory = mmap(NULL, 4, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        g_assert_true(memory != MAP_FAILED);
        memcpy(memory, "seen", 4);
        fixture_assert_receives(&object, "seen");
        munmap(memory, 4);
        fd = fd_close(fd);
        g_assert_cmpint(object.mechanism->open_end(&object, "read", false, &fd, &error), ==, 0);
        g_assert_cmpint(fcntl(fd, F_GETFL) & O_ACCMODE, ==, O_RDONLY);
        posix_fixture_remove(&object);
        fd = fd_close(fd);
}

static void test_from_fd(Fixture *f, gconstpointer data) {
        const Mechanism *mechanism = mechanism_find("mmap");
        KernelObject object;
        Error error = {};
        int fd;

        g_assert_true(g_file_set_contents(f->path, "theirs", 6, NULL));
        fd = open(f->path, O_RDONLY | O_CLOEXEC);
        kernel_object_init(&object, mechanism);
        g_assert_cmpint(mechanism->from_fd(&object, fd, NULL, &error), ==, 0);
        g_assert_cmpstr(object.address.text, ==, f->path);
        fixture_assert_receives(&object, "theirs");
        kernel_object_done(&object);
        g_assert_cmpint(unlink(f->path), ==, 0);
}

static void as_other_user(const char *address) {
        KernelObject object;
        Error error = {};
        int fd;

        g_assert_cmpint(fixture_open(&object, address, NULL, &error), ==, 0);
        fixture_assert_receives(&object, "kept");
        g_assert_cmpint(fixture_send(&object, "x", &error), ==, -EACCES);
        g_assert_cmpint(error.code, ==, ERROR_NOT_PERMITTED);
        g_assert_cmpint(object.mechanism->resize(&object, 1, &error), ==, -EACCES);
        g_assert_cmpint(object.mechanism->open_end(&object, "read-write", false, &fd, &error), ==, -EACCES);
        g_assert_cmpint(object.mechanism->open_end(&object, "read", false, &fd, &error), ==, 0);
        close(fd);
        g_assert_cmpint(object.mechanism->remove(&object, &error), <, 0);
        g_assert_cmpint(error.code, ==, ERROR_NOT_PERMITTED);
        kernel_object_done(&object);
}

static void test_other_user(Fixture *f, gconstpointer data) {
        KernelObject object;

        if (!posix_fixture_can_be_other())
                return;
        g_assert_cmpint(chmod(f->directory, 0755), ==, 0);
        fixture_create(&object, "mmap", f->option, "size=4", "mode=0644", NULL);
        g_assert_cmpint(fixture_send(&object, "kept", NULL), ==, 0);
        posix_fixture_as_other(as_other_user, f->address);
        fixture_assert_receives(&object, "kept");
        posix_fixture_remove(&object);
}

typedef struct MapWork {
        const char *path;
        int flags;
} MapWork;

static int map_file(unsigned long long answers[CHILD_ANSWERS], void *userdata) {
        const MapWork *work = userdata;
        int fd = open(work->path, O_RDWR | O_CLOEXEC);

        if (fd < 0 || mmap(NULL, 4096, PROT_READ | PROT_WRITE, work->flags, fd, 0) == MAP_FAILED)
                return -errno;
        close(fd);
        return 0;
}

/* What stands in /dev/shm itself is POSIX shared memory. */
static void test_entry_of_dev_shm(void) {
        g_autofree char *path = g_strdup("/dev/shm/ipcbus-unit-XXXXXX"), *address = NULL;
        MapWork shared = { path, MAP_SHARED };
        const Mechanism *mechanism = mechanism_find("mmap");
        KernelObject object;
        Error error = {};
        Child child;
        int fd = g_mkstemp(path);

        address = g_strconcat("mmap:", path, NULL);
        g_assert_cmpint(ftruncate(fd, 4096), ==, 0);
        kernel_object_init(&object, mechanism);
        g_assert_cmpint(mechanism->from_fd(&object, fd, NULL, &error), ==, -EMEDIUMTYPE);
        close(fd);
        child_start(&child, map_file, &shared);
        g_assert_null(posix_fixture_scan(mechanism, address));
        child_end(&child);
        g_assert_cmpint(unlink(path), ==, 0);
}

static void test_scan(Fixture *f, gconstpointer data) {
        const Mechanism *mechanism = mechanism_find("mmap");
        MapWork shared = { f->path, MAP_SHARED }, private = { f->path, MAP_PRIVATE };
        g_autofree char *deleted = g_strconcat(f->address, " (deleted)", NULL);
        Record *row;
        Child one, other;

        g_assert_true(g_file_set_contents(f->path, "x", 1, NULL));
        child_start(&other, map_file, &private);
        g_assert_null(posix_fixture_scan(mechanism, f->address));
        child_start(&one, map_file, &shared);
        row = posix_fixture_scan(mechanism, f->address);
        g_assert_nonnull(row);
        g_assert_cmpuint(record_get_u64(row, "size", 0), ==, 1);
        g_assert_cmpstr(record_get_string(row, "state", ""), ==, "mapped shared by 1 process, private by 1");
        g_assert_true(record_has(row, "file_system"));
        row = record_free(row);
        g_assert_cmpint(unlink(f->path), ==, 0);
        row = posix_fixture_scan(mechanism, deleted);
        g_assert_nonnull(row);
        g_assert_nonnull(strstr(record_get_string(row, "state", ""), "its name was removed"));
        record_free(row);
        child_end(&one);
        child_end(&other);
        g_assert_null(posix_fixture_scan(mechanism, f->address));
}

static void test_holders(Fixture *f, gconstpointer data) {
        KernelObject object;

        fixture_create(&object, "mmap", f->option, "size=4", NULL);
        posix_fixture_assert_held_by_end(&object);
        posix_fixture_remove(&object);
}

enum { CANNOT_MOUNT = 77 };

/* A file system of 64 KiB of its own: what does not fit is told, and leaves nothing half made or half written. */
static int fill_up(void *userdata) {
        g_autofree char *option = g_strdup_printf("path=%s/big", (char *)userdata),
                        *small = g_strdup_printf("path=%s/small", (char *)userdata),
                        *path = g_strdup_printf("%s/big", (char *)userdata), *bytes = g_strnfill(128 * 1024, 'x');
        KernelObject object;
        Error error = {};

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
                mount("tmpfs", userdata, "tmpfs", 0, "size=64k") < 0)
                return CANNOT_MOUNT;
        g_assert_cmpint(fixture_try_create(&object, &error, "mmap", option, "size=1M", "allocate=true", NULL), <, 0);
        g_assert_cmpint(error.code, ==, ERROR_LIMIT_EXCEEDED);
        g_assert_nonnull(strstr(error.message, "ENOSPC"));
        g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));

        error = (Error){};
        fixture_create(&object, "mmap", option, "size=1M", NULL);
        g_assert_cmpint(memory_write(&object, bytes, 0, &error), ==, -EDQUOT);
        g_assert_cmpint(error.code, ==, ERROR_LIMIT_EXCEEDED);
        g_assert_nonnull(strstr(error.message, "are free"));
        g_assert_cmpuint(memory_attribute(&object, "allocated"), ==, 0);
        g_assert_cmpint(memory_write(&object, "fits", 512 * 1024, &error), ==, 0);
        memory_assert_reads(&object, 512 * 1024, "fits");
        posix_fixture_remove(&object);
        g_assert_cmpint(mount(NULL, userdata, NULL, MS_REMOUNT | MS_RDONLY, NULL), ==, 0);
        error = (Error){};
        g_assert_cmpint(fixture_try_create(&object, &error, "mmap", small, "size=1", NULL), <, 0);
        g_assert_nonnull(strstr(error.message, "EROFS"));
        return 0;
}

static void test_full(Fixture *f, gconstpointer data) {
        if (child_run(fill_up, f->directory) == CANNOT_MOUNT)
                g_test_skip("nothing can be mounted here");
}

static void test_transport(void) {
        posix_fixture_transport("mmap", WAIT_BLOCK, 3000);
        posix_fixture_transport("mmap", WAIT_SPIN, 300);
}

static void test_transport_close(void) {
        posix_fixture_transport_close("mmap");
}

int main(int argc, char **argv) {
        static const struct {
                const char *name, *place;
        } places[] = { { "disk", "/var/tmp" }, { "tmpfs", "/dev/shm" } };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
#define ADD(what, function)                                                                \
        do {                                                                               \
                g_autofree char *path = g_strdup_printf("/mmap/%s/" what, places[i].name); \
                g_test_add(path, Fixture, places[i].place, set_up, function, tear_down);   \
        } while (0)
                ADD("create", test_create);
                ADD("allocate", test_allocate);
                ADD("create-refused", test_create_refused);
                ADD("limit", test_limit);
                ADD("exists", test_exists);
                ADD("open-refused", test_open_refused);
                ADD("memory", test_memory);
                ADD("sync", test_sync);
                ADD("adopted", test_adopted);
                ADD("replaced", test_replaced);
                ADD("ends", test_ends);
                ADD("from-fd", test_from_fd);
                ADD("other-user", test_other_user);
                ADD("scan", test_scan);
                ADD("holders", test_holders);
                ADD("full", test_full);
#undef ADD
        }
        g_test_add_func("/mmap/transport", test_transport);
        g_test_add_func("/mmap/transport-close", test_transport_close);
        g_test_add_func("/mmap/entry-of-dev-shm", test_entry_of_dev_shm);
        return g_test_run();
}
