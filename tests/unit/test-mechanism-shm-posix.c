/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* POSIX shared memory as a kind: sizes that are none, writing that must not grow it, names taken over, users without
 * the right, and the lanes of its transport. */
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"
#include "mechanism-fixture.h"
#include "memory-fixture.h"
#include "posix-fixture.h"

typedef struct Fixture {
        char *name, *path, *address, *option;
        unsigned descriptors;
} Fixture;

static void set_up(Fixture *f, gconstpointer data) {
        f->name = g_strdup_printf("/ipcbus-unit-%d-%x", (int)getpid(), g_random_int());
        f->path = g_strdup_printf("/dev/shm%s", f->name);
        f->address = g_strdup_printf("shm-posix:%s", f->name);
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

static void test_create(Fixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *attributes = NULL;
        g_autofree char *address = NULL;
        KernelObject object;
        struct stat st;
        mode_t mask;

        mask = umask(077);
        fixture_create(&object, "shm-posix", f->option, "size=1M", "mode=0642", NULL);
        umask(mask);
        g_assert_cmpint(lstat(f->path, &st), ==, 0);
        g_assert_cmpuint(st.st_mode & 07777, ==, 0642);
        g_assert_cmpuint(object.mode, ==, 0642);
        g_assert_cmpint(st.st_size, ==, 1024 * 1024);
        g_assert_cmpint(st.st_blocks, ==, 0);
        g_assert_cmpuint(object.bytes, ==, 1024 * 1024);
        g_assert_cmpuint(object.created, >, 0);
        g_assert_false(object.unnamed);
        address = address_print(&object.address);
        g_assert_cmpstr(address, ==, f->address);
        /* No descriptor is kept. */
        g_assert_cmpuint(fixture_descriptors(), ==, f->descriptors);

        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(object.mechanism->describe(&object, attributes, NULL), ==, 0);
        g_assert_cmpuint(record_get_u64(attributes, "size", 0), ==, 1024 * 1024);
        g_assert_cmpuint(record_get_u64(attributes, "allocated", 1), ==, 0);
        posix_fixture_remove(&object);
}

static void test_create_refused(Fixture *f, gconstpointer data) {
        g_autofree char *sem = g_strdup_printf("name=/sem.%s", f->name + 1),
                        *slash = g_strconcat(f->option, "/x", NULL);

        posix_fixture_refused("shm-posix", ERROR_INVALID_OPTION, "option name", "size=1", NULL);
        posix_fixture_refused("shm-posix", ERROR_INVALID_OPTION, "option size", f->option, NULL);
        posix_fixture_refused("shm-posix", ERROR_INVALID_OPTION, "size 0", f->option, "size=0");
        posix_fixture_refused(
                "shm-posix", ERROR_LIMIT_EXCEEDED, "9223372036854775808", f->option, "size=9223372036854775808");
        posix_fixture_refused(
                "shm-posix", ERROR_LIMIT_EXCEEDED, "18446744073709551615", f->option, "size=18446744073709551615");
        posix_fixture_refused("shm-posix", ERROR_INVALID_OPTION, "second slash", slash, "size=1");
        posix_fixture_refused("shm-posix", ERROR_INVALID_OPTION, "sem-posix:/", sem, "size=1");
        posix_fixture_refused("shm-posix", ERROR_INVALID_OPTION, "mode", "mode=01777", f->option);
}

static void test_exists(Fixture *f, gconstpointer data) {
        KernelObject object;
        struct stat st;

        g_assert_true(g_file_set_contents(f->path, "theirs", 6, NULL));
        posix_fixture_refused("shm-posix", ERROR_EXISTS, "exists already", f->option, "size=64");
        g_assert_cmpint(lstat(f->path, &st), ==, 0);
        g_assert_cmpint(st.st_size, ==, 6);
        g_assert_cmpint(fixture_open(&object, f->address, NULL, NULL), ==, 0);
        fixture_assert_receives(&object, "theirs");
        posix_fixture_remove(&object);
}

static void test_open_refused(Fixture *f, gconstpointer data) {
        g_autofree char *sem = g_strdup_printf("shm-posix:/sem.%s", f->name + 1);
        g_autofree char *slash = g_strconcat(f->address, "/x", NULL);

        posix_fixture_open_refused(f->address, ERROR_NO_SUCH_OBJECT, f->name);
        posix_fixture_open_refused(sem, ERROR_INVALID_ADDRESS, "sem-posix:/");
        posix_fixture_open_refused(slash, ERROR_INVALID_ADDRESS, "second slash");
        g_assert_cmpint(mkfifo(f->path, 0600), ==, 0);
        posix_fixture_open_refused(f->address, ERROR_NO_SUCH_OBJECT, "no regular file");
        g_assert_cmpint(unlink(f->path), ==, 0);
}

/* -EINVAL and so on; reads and writes with the option "offset". */
static int write_at(KernelObject *object, const char *text, uint64_t offset, Error *error) {
        CLEANUP(record_freep) Record *options = NULL;
        size_t sent = 0;
        int r;

        g_assert_cmpint(record_new(&options), ==, 0);
        record_set_u64(options, "offset", offset);
        r = object->mechanism->send(object, text, strlen(text), options, &sent, error);
        if (r >= 0)
                g_assert_cmpuint(sent, ==, strlen(text));
        return r;
}

static int read_at(KernelObject *object, uint64_t offset, uint64_t size, char **ret, size_t *ret_size, Record *meta,
        Error *error) {
        CLEANUP(record_freep) Record *options = NULL;
        void *data;
        int r;

        g_assert_cmpint(record_new(&options), ==, 0);
        record_set_u64(options, "offset", offset);
        if (size > 0)
                record_set_u64(options, "size", size);
        r = object->mechanism->receive(object, false, options, &data, ret_size, meta, error);
        if (r >= 0)
                *ret = data;
        return r;
}

static void test_read_write(Fixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *meta = NULL;
        KernelObject object;
        Error error = {};
        size_t size;
        char *text;

        fixture_create(&object, "shm-posix", f->option, "size=8", NULL);
        g_assert_cmpint(record_new(&meta), ==, 0);
        g_assert_cmpint(write_at(&object, "abcdefgh", 0, &error), ==, 0);
        g_assert_cmpint(write_at(&object, "XY", 6, &error), ==, 0);
        fixture_assert_receives(&object, "abcdefXY");
        g_assert_cmpint(read_at(&object, 4, 2, &text, &size, meta, &error), ==, 0);
        g_assert_cmpmem(text, size, "ef", 2);
        free(text);
        g_assert_true(record_get_bool(meta, "truncated", false));
        /* Nothing is there at the end: a mapping would not reach there either. */
        g_assert_cmpint(read_at(&object, 8, 0, &text, &size, meta, &error), ==, -EINVAL);
        g_assert_nonnull(strstr(error.message, "it ends at 8"));
        error = (Error){};

        g_assert_cmpint(write_at(&object, "XYZ", 6, &error), ==, -EINVAL);
        g_assert_nonnull(strstr(error.message, "do not fit"));
        g_assert_cmpint(write_at(&object, "X", UINT64_MAX, &error), ==, -EINVAL);
        g_assert_cmpint(read_at(&object, 9, 0, &text, &size, meta, &error), ==, -EINVAL);
        g_assert_cmpint(read_at(&object, 0, 16 * 1024 * 1024 + 1, &text, &size, meta, &error), ==, -EDQUOT);
        fixture_assert_receives(&object, "abcdefXY");
        posix_fixture_remove(&object);
}

static void test_resize(Fixture *f, gconstpointer data) {
        KernelObject object;
        Error error = {};
        struct stat st;

        fixture_create(&object, "shm-posix", f->option, "size=8", NULL);
        g_assert_cmpint(object.mechanism->resize(&object, 4096, &error), ==, 0);
        g_assert_cmpint(lstat(f->path, &st), ==, 0);
        g_assert_cmpint(st.st_size, ==, 4096);
        g_assert_cmpuint(object.bytes, ==, 4096);
        g_assert_cmpint(object.mechanism->resize(&object, 0, &error), ==, -EINVAL);
        g_assert_cmpint(object.mechanism->resize(&object, UINT64_C(1) << 63, &error), ==, -EDQUOT);
        g_assert_cmpint(mechanism_supports(object.mechanism, OPERATION_SEAL, &error), ==, -EOPNOTSUPP);
        posix_fixture_remove(&object);
}

static void test_leased(Fixture *f, gconstpointer data) {
        KernelObject object;

        fixture_create(&object, "shm-posix", f->option, "size=8K", NULL);
        memory_assert_leased(&object, f->path);
        posix_fixture_remove(&object);
}

static void test_replaced(Fixture *f, gconstpointer data) {
        g_autofree char *text = NULL;
        KernelObject object;
        Error error = {};
        int fd = -1;

        fixture_create(&object, "shm-posix", f->option, "size=8", NULL);
        g_assert_cmpint(kernel_object_verify(&object, &error), ==, 0);
        g_assert_cmpint(unlink(f->path), ==, 0);
        g_assert_cmpint(kernel_object_verify(&object, &error), ==, -ESTALE);
        g_assert_cmpint(fixture_send(&object, "x", &error), ==, -ENOENT);

        g_assert_true(g_file_set_contents(f->path, "another", 7, NULL));
        g_assert_cmpint(kernel_object_verify(&object, &error), ==, -ESTALE);
        g_assert_cmpint(fixture_send(&object, "x", &error), ==, -ENOENT);
        g_assert_nonnull(strstr(error.message, "was replaced"));
        g_assert_cmpint(object.mechanism->resize(&object, 1, &error), ==, -ENOENT);
        g_assert_cmpint(object.mechanism->open_end(&object, "", false, &fd, &error), ==, -ENOENT);
        g_assert_cmpint(unlink(f->path), ==, 0);

        /* Opening a FIFO waits for its other end, unless one asks not to. */
        g_assert_cmpint(mkfifo(f->path, 0600), ==, 0);
        error = (Error){};
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, NULL, &error), ==, -ENOENT);
        g_assert_cmpint(fixture_send(&object, "x", &error), ==, -ENOENT);
        g_assert_cmpint(object.mechanism->open_end(&object, "", false, &fd, &error), ==, -ENOENT);
        kernel_object_done(&object);
        g_assert_cmpint(unlink(f->path), ==, 0);
}

static void test_end(Fixture *f, gconstpointer data) {
        CLEANUP_FD int fd = -EBADF;
        KernelObject object;
        Error error = {};
        char *memory;

        fixture_create(&object, "shm-posix", f->option, "size=4", NULL);
        g_assert_cmpint(object.mechanism->open_end(&object, "memory", false, &fd, &error), ==, 0);
        g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
        memory = mmap(NULL, 4, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        g_assert_true(memory != MAP_FAILED);
        memcpy(memory, "seen", 4);
        fixture_assert_receives(&object, "seen");
        munmap(memory, 4);
        g_assert_cmpint(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), ==, O_RDWR);
        fd = fd_close(fd);
        g_assert_cmpint(object.mechanism->open_end(&object, "read", false, &fd, &error), ==, 0);
        g_assert_cmpint(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), ==, O_RDONLY);
        g_assert_cmpint(object.mechanism->open_end(&object, "write", false, &fd, &error), ==, -EINVAL);
        posix_fixture_remove(&object);
        fd = fd_close(fd);
}

static void as_other_user(const char *address) {
        KernelObject object;
        Error error = {};
        int fd, flags;

        /* It can be looked at, and read as far as its mode allows. */
        g_assert_cmpint(fixture_open(&object, address, NULL, &error), ==, 0);
        fixture_assert_receives(&object, "kept");
        g_assert_cmpint(fixture_send(&object, "x", &error), ==, -EACCES);
        g_assert_cmpint(error.code, ==, ERROR_NOT_PERMITTED);
        g_assert_cmpint(object.mechanism->open_end(&object, "", false, &fd, &error), ==, 0);
        flags = fcntl(fd, F_GETFL);
        g_assert_cmpint(flags & O_ACCMODE, ==, O_RDONLY);
        close(fd);
        g_assert_cmpint(object.mechanism->remove(&object, &error), <, 0);
        g_assert_cmpint(error.code, ==, ERROR_NOT_PERMITTED);
        kernel_object_done(&object);
}

static void test_other_user(Fixture *f, gconstpointer data) {
        KernelObject object;

        if (!posix_fixture_can_be_other())
                return;
        fixture_create(&object, "shm-posix", f->option, "size=4", "mode=0644", NULL);
        g_assert_cmpint(fixture_send(&object, "kept", NULL), ==, 0);
        posix_fixture_as_other(as_other_user, f->address);
        fixture_assert_receives(&object, "kept");
        posix_fixture_remove(&object);
}

static void test_scan(Fixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *row = NULL;
        KernelObject object;

        fixture_create(&object, "shm-posix", f->option, "size=8192", "mode=0640", NULL);
        g_assert_cmpint(fixture_send(&object, "x", NULL), ==, 0);
        row = posix_fixture_scan(object.mechanism, f->address);
        g_assert_nonnull(row);
        g_assert_cmpuint(record_get_u64(row, "size", 0), ==, 8192);
        g_assert_cmpuint(record_get_u64(row, "used", 0), ==, 4096);
        g_assert_cmpuint(record_get_u64(row, "mode", 0), ==, 0640);
        g_assert_cmpuint(record_get_u64(row, "uid", 77), ==, geteuid());
        g_assert_cmpstr(record_get_string(row, "kind", ""), ==, "shm-posix");
        posix_fixture_remove(&object);
}

/* Any bytes but the slash and NUL: listed, and found by what the list says. */
static void test_odd_names(Fixture *f, gconstpointer data) {
        static const char odd[] = "/\xff\n\\ \t\xc3\xa9";
        g_autofree char *path = g_strdup_printf("%s%s", f->path, odd + 1);
        g_autofree char *address = g_strdup_printf("%s\\xff\\x0a\\x5c \\x09\xc3\xa9", f->address);
        CLEANUP(record_freep) Record *row = NULL;
        KernelObject object;
        Error error = {};

        g_assert_true(g_file_set_contents(path, "odd", 3, NULL));
        row = posix_fixture_scan(mechanism_find("shm-posix"), address);
        g_assert_nonnull(row);
        g_assert_cmpuint(record_get_u64(row, "size", 0), ==, 3);
        g_assert_cmpint(fixture_open(&object, address, NULL, &error), ==, 0);
        fixture_assert_receives(&object, "odd");
        posix_fixture_remove(&object);
        g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

static void test_far(Fixture *f, gconstpointer data) {
        KernelObject object;

        fixture_create(&object, "shm-posix", f->option, "size=8K", NULL);
        memory_assert_offsets(&object);
        memory_assert_resizes(&object);
        memory_assert_far(&object);
        posix_fixture_remove(&object);
}

static void test_sync(Fixture *f, gconstpointer data) {
        KernelObject object;
        Error error = {};

        fixture_create(&object, "shm-posix", f->option, "size=8K", NULL);
        g_assert_cmpint(fixture_send_with(&object, "x", "sync=true", &error), ==, -EOPNOTSUPP);
        g_assert_nonnull(strstr(error.message, "nothing to sync"));
        posix_fixture_remove(&object);
}

static void test_from_fd(Fixture *f, gconstpointer data) {
        const Mechanism *mechanism = mechanism_find("shm-posix");
        g_autofree char *sem = g_strdup_printf("/dev/shm/sem.%s", f->name + 1);
        KernelObject object;
        Error error = {};
        int fd;

        g_assert_true(g_file_set_contents(f->path, "theirs", 6, NULL));
        fd = open(f->path, O_RDWR | O_CLOEXEC);
        kernel_object_init(&object, mechanism);
        g_assert_cmpint(mechanism->from_fd(&object, fd, NULL, &error), ==, 0);
        g_assert_cmpstr(object.address.text, ==, f->name);
        fixture_assert_receives(&object, "theirs");
        posix_fixture_remove(&object);
        g_assert_true(g_file_set_contents(sem, "sem", 3, NULL));
        fd = open(sem, O_RDWR | O_CLOEXEC);
        kernel_object_init(&object, mechanism);
        g_assert_cmpint(mechanism->from_fd(&object, fd, NULL, &error), ==, -EMEDIUMTYPE);
        kernel_object_done(&object);
        close(fd);
        g_assert_cmpint(unlink(sem), ==, 0);
}

enum { CANNOT_MOUNT = 77 };

/* A /dev/shm of 64 KiB: what does not fit is told when it is written, and nothing of it is written. */
static int fill_up(void *userdata) {
        g_autofree char *bytes = g_strnfill(60 * 1024, 'x'), *small = g_strdup_printf("%s-small", (char *)userdata);
        KernelObject object, other;
        Error error = {};

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
                mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=64k") < 0)
                return CANNOT_MOUNT;
        posix_fixture_refused("shm-posix", ERROR_LIMIT_EXCEEDED, "64 K", userdata, "size=1M");
        fixture_create(&object, "shm-posix", userdata, "size=64K", NULL);
        fixture_create(&other, "shm-posix", small, "size=16K", NULL);
        g_assert_cmpint(memory_write(&object, bytes, 0, &error), ==, 0);
        bytes[16 * 1024] = '\0';
        g_assert_cmpint(memory_write(&other, bytes, 0, &error), ==, -EDQUOT);
        g_assert_cmpint(error.code, ==, ERROR_LIMIT_EXCEEDED);
        g_assert_nonnull(strstr(error.message, "ENOSPC"));
        g_assert_cmpuint(memory_attribute(&other, "allocated"), ==, 0);
        posix_fixture_remove(&object);
        g_assert_cmpint(memory_write(&other, bytes, 0, &error), ==, 0);
        posix_fixture_remove(&other);
        return 0;
}

static void test_full(Fixture *f, gconstpointer data) {
        if (child_run(fill_up, f->option) == CANNOT_MOUNT)
                g_test_skip("nothing can be mounted here");
}

static void test_holders(Fixture *f, gconstpointer data) {
        KernelObject object;

        fixture_create(&object, "shm-posix", f->option, "size=4", NULL);
        posix_fixture_assert_held_by_end(&object);
        posix_fixture_remove(&object);
}

static void test_transport(void) {
        posix_fixture_transport("shm-posix", WAIT_BLOCK, 3000);
        posix_fixture_transport("shm-posix", WAIT_SPIN, 300);
}

/* A side that sleeps hears that the other has closed. */
static void test_transport_close(void) {
        posix_fixture_transport_close("shm-posix");
}

static void test_sweep(void) {
        posix_fixture_sweep("shm-posix");
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/shm-posix/" name, Fixture, NULL, set_up, function, tear_down)
        ADD("create", test_create);
        ADD("create-refused", test_create_refused);
        ADD("exists", test_exists);
        ADD("open-refused", test_open_refused);
        ADD("read-write", test_read_write);
        ADD("resize", test_resize);
        ADD("replaced", test_replaced);
        ADD("leased", test_leased);
        ADD("end", test_end);
        ADD("other-user", test_other_user);
        ADD("scan", test_scan);
        ADD("odd-names", test_odd_names);
        ADD("far", test_far);
        ADD("sync", test_sync);
        ADD("from-fd", test_from_fd);
        ADD("full", test_full);
        ADD("holders", test_holders);
#undef ADD
        g_test_add_func("/shm-posix/transport", test_transport);
        g_test_add_func("/shm-posix/transport-close", test_transport_close);
        g_test_add_func("/shm-posix/sweep", test_sweep);
        return g_test_run();
}
