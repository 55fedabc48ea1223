/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memfd as a kind: seals and what they forbid, ends that can only read, what others made, and lists of all. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"
#include "fd-fetch.h"
#include "mechanism-fixture.h"
#include "memory-fixture.h"
#include "memory-seals.h"
#include "posix-fixture.h"

static void remove_object(KernelObject *object) {
        g_assert_cmpint(object->mechanism->remove(object, NULL), ==, 0);
        kernel_object_done(object);
}

static bool has_seal(KernelObject *object, const char *seal) {
        CLEANUP(record_freep) Record *attributes = NULL;
        const Value *seals;

        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(object->mechanism->describe(object, attributes, NULL), ==, 0);
        seals = record_get(attributes, "seals");
        g_assert_nonnull(seals);
        return g_strv_contains(seals->strings.items, seal);
}

static int seal(KernelObject *object, const char *name, Error *error) {
        const char *names[] = { name };

        *error = (Error){};
        return object->mechanism->seal(object, names, 1, error);
}

static void test_create(void) {
        unsigned descriptors = fixture_descriptors();
        CLEANUP(record_freep) Record *attributes = NULL;
        g_autofree char *address = NULL;
        KernelObject object;
        struct stat st;

        fixture_create(&object, "memfd", "size=8K", "name=frames", "seals=grow,shrink", NULL);
        g_assert_cmpint(fstat(object.fds[0], &st), ==, 0);
        address = address_print(&object.address);
        g_autofree char *wanted = g_strdup_printf("memfd:[%llu]", (unsigned long long)st.st_ino);
        g_assert_cmpstr(address, ==, wanted);
        g_assert_cmpint(st.st_size, ==, 8192);
        g_assert_cmpint(fcntl(object.fds[0], F_GETFD), ==, FD_CLOEXEC);
        g_assert_true(object.unnamed);
        g_assert_cmpuint(object.bytes, ==, 8192);
        g_assert_cmpuint(object.created, >, 0);
        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(object.mechanism->describe(&object, attributes, NULL), ==, 0);
        g_assert_cmpstr(record_get_string(attributes, "name", ""), ==, "frames");
        g_assert_true(record_get_bool(attributes, "sparse", false));
        g_assert_true(has_seal(&object, "grow") && has_seal(&object, "shrink"));
        g_assert_false(has_seal(&object, "write"));
        if (access("/proc/sys/vm/memfd_noexec", F_OK) == 0) {
                g_assert_true(has_seal(&object, "exec"));
                g_assert_cmpuint(st.st_mode & 0111, ==, 0);
        }
        remove_object(&object);
        g_assert_cmpuint(fixture_descriptors(), ==, descriptors);
}

static void test_exec(void) {
        Error error = {};
        KernelObject object;
        struct stat st;
        int r;

        r = fixture_try_create(&object, &error, "memfd", "size=1", "exec=true", NULL);
        if (r == -EOPNOTSUPP || r == -EACCES) {
                g_test_skip(error.message);
                return;
        }
        g_assert_cmpint(r, ==, 0);
        g_assert_cmpint(fstat(object.fds[0], &st), ==, 0);
        g_assert_cmpuint(st.st_mode & 0111, ==, 0111);
        g_assert_false(has_seal(&object, "exec"));
        remove_object(&object);
}

static void test_create_refused(void) {
        g_autofree char *name = g_strnfill(5 + 250, 'x');

        memcpy(name, "name=", 5);
        posix_fixture_refused("memfd", ERROR_INVALID_OPTION, "option size", "name=x", NULL);
        posix_fixture_refused("memfd", ERROR_INVALID_OPTION, "size 0", "size=0", NULL);
        posix_fixture_refused("memfd", ERROR_LIMIT_EXCEEDED, "2^63-1", "size=9223372036854775808", NULL);
        posix_fixture_refused("memfd", ERROR_INVALID_OPTION, "249", "size=1", name);
        posix_fixture_refused("memfd", ERROR_INVALID_OPTION, "did you mean \"shrink\"", "size=1", "seals=shrnk");
        posix_fixture_refused("memfd", ERROR_INVALID_OPTION, "no size of a huge page", "size=3M", "huge=3M");
        posix_fixture_refused("memfd", ERROR_INVALID_OPTION, "multiple", "size=3M", "huge=2M");
}

/* Where none is reserved it says how many are there, and where they come from; else it is there and can be read. */
static void test_huge(void) {
        KernelObject object;
        Error error = {};
        int r;

        r = fixture_try_create(&object, &error, "memfd", "size=2M", "huge=2M", NULL);
        if (r < 0) {
                g_test_message("%s", error.message);
                g_assert_true(error.code == ERROR_LIMIT_EXCEEDED || error.code == ERROR_NOT_SUPPORTED);
                g_assert_nonnull(strstr(error.message, "/sys/kernel/mm/hugepages"));
                return;
        }
        g_assert_cmpuint(memory_attribute(&object, "huge_page"), ==, 2 << 20);
        g_assert_cmpint(memory_write(&object, "x", 0, &error), ==, -EOPNOTSUPP);
        remove_object(&object);
}

static void test_memory(void) {
        KernelObject object;
        Error error = {};

        fixture_create(&object, "memfd", "size=8K", NULL);
        memory_assert_offsets(&object);
        memory_assert_resizes(&object);
        memory_assert_far(&object);
        g_assert_cmpint(fixture_send_with(&object, "x", "sync=true", &error), ==, -EOPNOTSUPP);
        g_assert_nonnull(strstr(error.message, "nothing to sync"));
        remove_object(&object);
}

static void test_seals(void) {
        KernelObject object;
        Error error = {};
        char *memory;

        fixture_create(&object, "memfd", "size=4K", NULL);
        g_assert_cmpint(seal(&object, "wirte", &error), ==, -EINVAL);
        g_assert_nonnull(strstr(error.message, "did you mean \"write\""));
        g_assert_cmpint(object.mechanism->seal(&object, NULL, 0, &error), ==, -EINVAL);

        g_assert_cmpint(seal(&object, "shrink", &error), ==, 0);
        g_assert_cmpint(object.mechanism->resize(&object, 1, &error), ==, -EACCES);
        g_assert_nonnull(strstr(error.message, "F_SEAL_SHRINK"));
        g_assert_cmpint(object.mechanism->resize(&object, 8192, &error), ==, 0);
        g_assert_cmpint(seal(&object, "grow", &error), ==, 0);
        g_assert_cmpint(object.mechanism->resize(&object, 16384, &error), ==, -EACCES);
        g_assert_nonnull(strstr(error.message, "F_SEAL_GROW"));

        memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, object.fds[0], 0);
        g_assert_true(memory != MAP_FAILED);
        g_assert_cmpint(seal(&object, "write", &error), ==, -EBUSY);
        g_assert_cmpint(error.code, ==, ERROR_BUSY);
        g_assert_nonnull(strstr(error.message, "future-write"));
        g_assert_cmpint(seal(&object, "future-write", &error), ==, 0);
        memcpy(memory, "old", 3);
        memory_assert_reads(&object, 0, "old");
        g_assert_cmpint(memory_write(&object, "new", 0, &error), ==, -EACCES);
        munmap(memory, 4096);

        g_assert_cmpint(seal(&object, "write", &error), ==, 0);
        g_assert_cmpint(memory_write(&object, "new", 0, &error), ==, -EACCES);
        g_assert_nonnull(strstr(error.message, "sealed against writing"));
        memory_assert_reads(&object, 0, "old");
        g_assert_cmpint(seal(&object, "seal", &error), ==, 0);
        g_assert_cmpint(seal(&object, "exec", &error), ==, -EACCES);
        g_assert_nonnull(strstr(error.message, "F_SEAL_SEAL"));
        remove_object(&object);
}

static void test_ends(void) {
        static const char *const writing[] = { "", "read-write", "memory" };
        KernelObject object;
        Error error = {};
        int fd = -EBADF;

        fixture_create(&object, "memfd", "size=4", NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(writing); i++) {
                g_assert_cmpint(object.mechanism->open_end(&object, writing[i], false, &fd, &error), ==, 0);
                g_assert_cmpint(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), ==, O_RDWR);
                g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
                g_assert_cmpint(pwrite(fd, "seen", 4, 0), ==, 4);
                fd = fd_close(fd);
        }
        fixture_assert_receives(&object, "seen");
        g_assert_cmpint(object.mechanism->open_end(&object, "read", false, &fd, &error), ==, 0);
        g_assert_cmpint(fcntl(fd, F_GETFL) & O_ACCMODE, ==, O_RDONLY);
        g_assert_true(mmap(NULL, 4, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
        fd = fd_close(fd);
        g_assert_cmpint(object.mechanism->open_end(&object, "write", false, &fd, &error), ==, -EINVAL);

        /* Given away: the memory lives in that descriptor alone. */
        error = (Error){};
        g_assert_cmpint(object.mechanism->open_end(&object, "", true, &fd, &error), ==, 0);
        g_assert_cmpint(memory_write(&object, "x", 0, &error), ==, -EOPNOTSUPP);
        g_assert_nonnull(strstr(error.message, "given away"));
        kernel_object_done(&object);
        fd = fd_close(fd);
}

static void test_holders(void) {
        KernelObject object;

        fixture_create(&object, "memfd", "size=4", NULL);
        posix_fixture_assert_held_by_end(&object);
        remove_object(&object);
}

/* --- What others made --- */

static int hold_memfd(unsigned long long answers[CHILD_ANSWERS], void *userdata) {
        int fd = memfd_create("ipcbus-theirs", MFD_CLOEXEC | MFD_ALLOW_SEALING), kept;
        bool mapped_only = *(bool *)userdata;
        struct stat st;
        void *memory;

        if (fd < 0 || ftruncate(fd, 4096) < 0 || pwrite(fd, "theirs", 6, 0) != 6 || fstat(fd, &st) < 0 ||
                fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) < 0)
                return -errno;
        memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (memory == MAP_FAILED)
                return -errno;
        if (mapped_only)
                close(fd);
        kept = mapped_only ? -1 : fd;
        answers[0] = st.st_ino;
        answers[1] = (unsigned long long)kept;
        return 0;
}

static void test_foreign(void) {
        bool mapped_only = false;
        CLEANUP(record_freep) Record *row = NULL;
        g_autofree char *address = NULL;
        const Mechanism *mechanism = mechanism_find("memfd");
        Address parsed = ADDRESS_EMPTY;
        KernelObject object;
        Error error = {};
        int fd = -EBADF;
        Child child;

        child_start(&child, hold_memfd, &mapped_only);
        address = g_strdup_printf("memfd:[%llu]", child.answers[0]);
        row = posix_fixture_scan(mechanism, address);
        g_assert_nonnull(row);
        g_assert_cmpstr(record_get_string(row, "name", ""), ==, "ipcbus-theirs");
        g_assert_cmpuint(record_get_u64(row, "size", 0), ==, 4096);
        g_assert_cmpuint(record_get_u64(row, "used", 0), ==, 4096);
        g_assert_cmpuint(record_get_u64(row, "uid", 77), ==, geteuid());
        g_assert_cmpstr(record_get_string(row, "state", ""), ==, "open and mapped");
        g_assert_cmpstr(record_get(row, "seals")->strings.items[0], ==, "grow");

        g_assert_cmpint(address_parse(address, &parsed, &error), ==, 0);
        g_assert_true(mechanism->needs_fetch(&parsed));
        g_assert_cmpint(mechanism->fetch(&parsed, NULL, &fd, &error), ==, 0);
        kernel_object_init(&object, mechanism);
        g_assert_cmpint(mechanism->from_fd(&object, fd, NULL, &error), ==, 0);
        g_assert_cmpuint(object.address.number, ==, child.answers[0]);
        memory_assert_reads(&object, 0, "theirs");
        /* Their mapping is in the way of sealing; our looking at it never is. */
        g_assert_cmpint(seal(&object, "write", &error), ==, -EBUSY);
        child_end(&child);
        g_assert_cmpint(seal(&object, "write", &error), ==, 0);
        kernel_object_done(&object);
        error = (Error){};
        g_assert_cmpint(mechanism->fetch(&parsed, NULL, &fd, &error), <, 0);
        address_done(&parsed);
}

static void test_mapped_only(void) {
        bool mapped_only = true;
        CLEANUP(record_freep) Record *row = NULL;
        g_autofree char *address = NULL;
        const Mechanism *mechanism = mechanism_find("memfd");
        Address parsed = ADDRESS_EMPTY;
        Error error = {};
        int fd = -EBADF;
        Child child;

        child_start(&child, hold_memfd, &mapped_only);
        address = g_strdup_printf("memfd:[%llu]", child.answers[0]);
        row = posix_fixture_scan(mechanism, address);
        g_assert_nonnull(row);
        g_assert_cmpstr(record_get_string(row, "name", ""), ==, "ipcbus-theirs");
        g_assert_cmpstr(record_get_string(row, "state", ""), ==, "mapped, no descriptor is left");
        g_assert_cmpint(address_parse(address, &parsed, &error), ==, 0);
        g_assert_cmpint(mechanism->fetch(&parsed, NULL, &fd, &error), ==, -EACCES);
        g_assert_nonnull(strstr(error.message, "only mapped"));
        address_done(&parsed);
        child_end(&child);
}

/* Who gave a descriptor for reading and has a lease on it does not hold the service up when it opens it for writing.
 */
static void test_leased(void) {
        int made = memfd_create("ipcbus-leased", MFD_CLOEXEC), theirs;
        g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", made);
        const Mechanism *mechanism = mechanism_find("memfd");
        CLEANUP_FD int end = -EBADF;
        KernelObject object;
        Error error = {};

        (void)signal(SIGIO, SIG_IGN);
        theirs = open(path, O_RDONLY | O_CLOEXEC);
        close(made);
        g_assert_cmpint(theirs, >=, 0);
        kernel_object_init(&object, mechanism);
        g_assert_cmpint(mechanism->from_fd(&object, fcntl(theirs, F_DUPFD_CLOEXEC, 3), NULL, &error), ==, 0);
        if (fcntl(theirs, F_SETLEASE, F_RDLCK) >= 0) {
                g_assert_cmpint(object.mechanism->open_end(&object, "read-write", false, &end, &error), ==, -EBUSY);
                g_assert_cmpint(error.code, ==, ERROR_BUSY);
                g_assert_nonnull(strstr(error.message, "lease"));
                g_assert_cmpint(fcntl(theirs, F_SETLEASE, F_UNLCK), ==, 0);
        }
        g_assert_cmpint(object.mechanism->open_end(&object, "read-write", false, &end, &error), ==, 0);
        g_assert_cmpint(fcntl(end, F_GETFL) & (O_ACCMODE | O_NONBLOCK), ==, O_RDWR);
        kernel_object_done(&object);
        close(theirs);
}

static void test_not_one(void) {
        const Mechanism *mechanism = mechanism_find("memfd");
        KernelObject object;
        Error error = {};
        int pair[2], file;

        g_assert_cmpint(pipe(pair), ==, 0);
        file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        kernel_object_init(&object, mechanism);
        g_assert_cmpint(mechanism->from_fd(&object, pair[0], NULL, &error), ==, -EMEDIUMTYPE);
        g_assert_cmpint(mechanism->from_fd(&object, file, NULL, &error), ==, -EMEDIUMTYPE);
        g_assert_false(error_is_set(&error));
        kernel_object_done(&object);
        close(pair[0]);
        close(pair[1]);
        close(file);
}

static void test_transport(void) {
        posix_fixture_transport("memfd", WAIT_BLOCK, 3000);
        posix_fixture_transport("memfd", WAIT_SPIN, 300);
}

static void test_transport_close(void) {
        posix_fixture_transport_close("memfd");
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/memfd/create", test_create);
        g_test_add_func("/memfd/exec", test_exec);
        g_test_add_func("/memfd/create-refused", test_create_refused);
        g_test_add_func("/memfd/huge", test_huge);
        g_test_add_func("/memfd/memory", test_memory);
        g_test_add_func("/memfd/seals", test_seals);
        g_test_add_func("/memfd/ends", test_ends);
        g_test_add_func("/memfd/holders", test_holders);
        g_test_add_func("/memfd/foreign", test_foreign);
        g_test_add_func("/memfd/mapped-only", test_mapped_only);
        g_test_add_func("/memfd/leased", test_leased);
        g_test_add_func("/memfd/not-one", test_not_one);
        g_test_add_func("/memfd/transport", test_transport);
        g_test_add_func("/memfd/transport-close", test_transport_close);
        return g_test_run();
}
