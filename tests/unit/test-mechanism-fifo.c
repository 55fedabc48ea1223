/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FIFOs as a kind: held and not held, waits for readers and writers, ends of streams, and paths that are something
 * else. */
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "path-fixture.h"
#include "scan.h"

enum { READING, WRITING, PINNED };

static pid_t start(void (*role)(const char *path), const char *path) {
        pid_t pid = fork();

        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                role(path);
                _exit(0);
        }
        return pid;
}

static void finish(pid_t pid) {
        int status;

        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
}

static void test_create(PathFixture *f, gconstpointer data) {
        g_autofree char *address = NULL;
        KernelObject object;
        struct stat st;
        mode_t mask;

        mask = umask(077);
        fixture_create(&object, "fifo", f->option, "mode=0642", NULL);
        umask(mask);
        g_assert_cmpint(lstat(f->path, &st), ==, 0);
        g_assert_true(S_ISFIFO(st.st_mode));
        g_assert_cmpuint(st.st_mode & 07777, ==, 0642);
        g_assert_cmpuint(object.mode, ==, 0642);
        address = address_print(&object.address);
        g_assert_cmpstr(address, ==, f->address);
        g_assert_true(object.hold);
        g_assert_cmpuint(object.bytes, >, 0);
        path_fixture_remove(&object);
        g_assert_cmpint(lstat(f->path, &st), ==, -1);
}

static void test_refused(PathFixture *f, gconstpointer data) {
        g_autofree char *content = NULL, *below = g_strdup_printf("path=%s/none/fifo", f->directory);
        g_autofree char *slash = g_strdup_printf("path=%s/", f->path), *longer = g_strnfill(5000, 'x');
        g_autofree char *too_long = g_strdup_printf("path=/%s", longer);

        path_fixture_assert_refused("fifo", NULL, NULL, ERROR_INVALID_OPTION, "path");
        path_fixture_assert_refused("fifo", "path=", NULL, ERROR_INVALID_OPTION, "path");
        path_fixture_assert_refused("fifo", "path=relative", NULL, ERROR_INVALID_OPTION, "absolute");
        path_fixture_assert_refused("fifo", too_long, NULL, ERROR_INVALID_OPTION, "long");
        path_fixture_assert_refused("fifo", below, NULL, ERROR_NO_SUCH_OBJECT, "ENOENT");
        path_fixture_assert_refused("fifo", slash, NULL, ERROR_NO_SUCH_OBJECT, "ENOENT");
        path_fixture_assert_refused("fifo", f->option, "mode=0999", ERROR_INVALID_OPTION, "mode");
        path_fixture_assert_refused("fifo", f->option, "capacity=0", ERROR_INVALID_OPTION, "capacity");

        g_assert_true(g_file_set_contents(f->path, "precious", -1, NULL));
        path_fixture_assert_refused("fifo", f->option, NULL, ERROR_EXISTS, "regular file");
        g_assert_true(g_file_get_contents(f->path, &content, NULL, NULL));
        g_assert_cmpstr(content, ==, "precious");
        unlink(f->path);
        g_assert_cmpint(symlink("/nowhere", f->path), ==, 0);
        path_fixture_assert_refused("fifo", f->option, NULL, ERROR_EXISTS, "symbolic link");
        unlink(f->path);
}

static void test_open_refused(PathFixture *f, gconstpointer data) {
        KernelObject object;
        Error error = {};

        g_assert_cmpint(fixture_open(&object, f->address, NULL, &error), ==, -ENOENT);
        g_assert_cmpint(error.code, ==, ERROR_NO_SUCH_OBJECT);
        g_assert_true(g_file_set_contents(f->path, "precious", -1, NULL));
        g_assert_cmpint(fixture_open(&object, f->address, NULL, &error), ==, -ENOENT);
        g_assert_nonnull(strstr(error.message, "regular file"));
        unlink(f->path);
}

/* What replaced the FIFO is not removed in its place. */
static void test_verify(PathFixture *f, gconstpointer data) {
        g_autofree char *other = g_strdup_printf("%s.other", f->path);
        KernelObject object;
        Error error = {};

        fixture_create(&object, "fifo", f->option, NULL);
        g_assert_cmpint(rename(f->path, other), ==, 0);
        g_assert_cmpint(kernel_object_verify(&object, &error), ==, -ESTALE);
        g_assert_cmpint(mkfifo(f->path, 0600), ==, 0);
        error = (Error){};
        g_assert_cmpint(kernel_object_verify(&object, &error), ==, -ESTALE);
        g_assert_cmpint(error.code, ==, ERROR_NO_SUCH_OBJECT);
        kernel_object_done(&object);
        unlink(f->path);
        unlink(other);
}

/* As after a crash of the service, when nothing pins the inode and only the journal knows its number: that is given to
 * the next file, and another's FIFO must not be taken for the one that was made. */
static void test_number_again(PathFixture *f, gconstpointer data) {
        char identity[IDENTITY_MAX], now[IDENTITY_MAX];
        KernelObject object;
        struct stat before, after;
        Error error = {};

        fixture_create(&object, "fifo", f->option, "hold=false", NULL);
        g_strlcpy(identity, object.identity, sizeof identity);
        kernel_object_done(&object);
        g_assert_cmpint(fixture_open(&object, f->address, NULL, &error), ==, 0);
        g_assert_cmpstr(object.identity, ==, identity);
        kernel_object_done(&object);
        g_assert_cmpint(lstat(f->path, &before), ==, 0);
        g_usleep(20 * 1000); /* the time of birth is the kernel's, which goes in ticks */
        g_assert_cmpint(unlink(f->path), ==, 0);
        g_assert_cmpint(mkfifo(f->path, 0600), ==, 0);
        g_assert_cmpint(lstat(f->path, &after), ==, 0);
        g_assert_cmpint(fixture_open(&object, f->address, NULL, &error), ==, 0);
        if (before.st_ino != after.st_ino || object.created != 0)
                g_assert_cmpstr(object.identity, !=, identity);
        g_assert_cmpint(object.mechanism->identify(&object.address, now, &error), ==, 0);
        g_assert_cmpstr(object.identity, ==, now);
        path_fixture_remove(&object);
}

static void test_held(PathFixture *f, gconstpointer data) {
        g_autofree char *text = NULL;
        KernelObject object;
        Error error = {};
        int fd;

        fixture_create(&object, "fifo", f->option, "capacity=128K", NULL);
        g_assert_cmpuint(object.bytes, ==, 128 * 1024);
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, NULL, &error), ==, -EAGAIN);
        g_assert_cmpint(fixture_send(&object, "hello", &error), ==, 0);
        g_assert_cmpint(fixture_receive(&object, true, 0, &text, NULL, &error), ==, 0);
        g_assert_cmpstr(text, ==, "hello");
        fixture_assert_receives(&object, "hello");

        /* A writer of the outside comes and goes; no end of the stream, for the service holds the writing end. */
        fd = open(f->path, O_WRONLY | O_CLOEXEC);
        g_assert_cmpint(write(fd, "outside", 7), ==, 7);
        close(fd);
        fixture_assert_receives(&object, "outside");
        g_clear_pointer(&text, g_free);
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, NULL, &error), ==, -EAGAIN);
        path_fixture_remove(&object);
}

static void test_take(PathFixture *f, gconstpointer data) {
        g_autofree char *text = NULL;
        FixtureSink sink;
        KernelObject object;
        Error error = {};
        int fd;

        fixture_sink_init(&sink);
        fixture_create(&object, "fifo", f->option, NULL);
        g_assert_cmpint(object.mechanism->open_end(&object, "write", true, &fd, &error), ==, 0);
        g_assert_cmpint(object.fds[WRITING], <, 0);
        g_assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
        g_assert_cmpint(write(fd, "last", 4), ==, 4);
        g_assert_false(fixture_watch(&object, &sink, 0));
        close(fd);
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpstr(record_get_string(sink.last, "end", ""), ==, "write");
        fixture_assert_receives(&object, "last");
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, NULL, &error), ==, -EPIPE);
        /* A send opens a writing end for itself, and closes it. */
        error = (Error){};
        g_assert_cmpint(fixture_send(&object, "again", &error), ==, 0);
        fixture_assert_receives(&object, "again");
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, NULL, &error), ==, -EPIPE);

        /* With the reading end given away as well, writing is refused once that is closed; the FIFO is still known. */
        error = (Error){};
        g_assert_cmpint(object.mechanism->open_end(&object, "read", true, &fd, &error), ==, 0);
        g_assert_cmpint(object.fds[READING], <, 0);
        close(fd);
        g_assert_cmpint(open(f->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC), ==, -1);
        g_assert_cmpint(errno, ==, ENXIO);
        g_assert_cmpint(fixture_send(&object, "x", &error), ==, -EAGAIN);
        path_fixture_remove(&object);
        fixture_sink_done(&sink);
}

static void role_read_ten(const char *path) {
        char buffer[64];
        size_t n = 0;
        ssize_t r;
        int fd;

        fd = open(path, O_RDONLY | O_CLOEXEC); /* waits for the writer */
        while ((r = read(fd, buffer + n, sizeof buffer - n)) > 0)
                n += (size_t)r;
        if (r < 0 || n != 10 || memcmp(buffer, "0123456789", 10) != 0)
                _exit(1);
}

static void role_read_late(const char *path) {
        g_usleep(100000);
        role_read_ten(path);
}

static void test_send_waits_for_reader(PathFixture *f, gconstpointer data) {
        KernelObject object;
        Error error = {};
        pid_t pid;

        fixture_create(&object, "fifo", f->option, "hold=false", NULL);
        g_assert_cmpint(object.fds[READING], <, 0);
        g_assert_cmpint(object.fds[WRITING], <, 0);
        g_assert_cmpint(fixture_send(&object, "", &error), ==, 0);
        g_assert_cmpint(fixture_send(&object, "x", &error), ==, -EAGAIN);
        g_assert_nonnull(strstr(error.message, "Nobody reads"));
        g_assert_cmpint(fixture_wait(&object, OPERATION_SEND, 0), ==, -EOPNOTSUPP);
        g_assert_cmpint(fixture_send_waiting(&object, "x", 50, &error), ==, -EAGAIN);

        pid = start(role_read_late, f->path);
        g_assert_cmpint(fixture_send_waiting(&object, "0123456789", 10000, &error), ==, 0);
        finish(pid);
        path_fixture_remove(&object);
}

static void role_write_late(const char *path) {
        int fd;

        g_usleep(100000);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (write(fd, "hello", 5) != 5)
                _exit(1);
}

static void role_only_open(const char *path) {
        int fd = open(path, O_WRONLY | O_CLOEXEC);

        if (fd < 0)
                _exit(1);
}

/* "No writer yet" waits, "all writers gone" is the end; then the next writer is waited for. */
static void test_receive_waits_for_writer(PathFixture *f, gconstpointer data) {
        KernelObject object;
        pid_t pid;

        fixture_create(&object, "fifo", f->option, "hold=false", NULL);
        for (int round = 0; round < 2; round++) {
                g_autofree char *text = NULL, *none = NULL;
                Error error = {};

                g_assert_cmpint(fixture_receive(&object, false, 0, &none, NULL, &error), ==, -EAGAIN);
                g_assert_cmpint(fixture_wait(&object, OPERATION_RECEIVE, 20), ==, -ETIMEDOUT);
                pid = start(role_write_late, f->path);
                g_assert_cmpint(fixture_receive_waiting(&object, 10000, &text, NULL, &error), ==, 0);
                g_assert_cmpstr(text, ==, "hello");
                finish(pid);
                g_assert_cmpint(fixture_receive(&object, false, 0, &none, NULL, &error), ==, -EPIPE);
                g_assert_cmpint(error.code, ==, ERROR_PEER_GONE);

                error = (Error){};
                g_assert_cmpint(fixture_receive(&object, false, 0, &none, NULL, &error), ==, -EAGAIN);
                pid = start(role_only_open, f->path);
                g_assert_cmpint(fixture_receive_waiting(&object, 10000, &none, NULL, &error), ==, -EPIPE);
                finish(pid);
        }
        path_fixture_remove(&object);
}

/* An address of somebody else's: nothing is opened before it is used, and peeking is refused, for it could lose bytes.
 */
static void test_foreign(PathFixture *f, gconstpointer data) {
        g_autofree char *text = NULL;
        CLEANUP(record_freep) Record *attributes = NULL;
        HolderKey key;
        KernelObject object;
        struct stat st;
        Error error = {};
        size_t n = 1;
        pid_t pid;

        g_assert_cmpint(mkfifo(f->path, 0600), ==, 0);
        g_assert_cmpint(fixture_open(&object, f->address, NULL, &error), ==, 0);
        g_assert_cmpint(object.fds[READING], <, 0);
        g_assert_cmpint(open(f->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC), ==, -1);
        g_assert_cmpint(errno, ==, ENXIO);
        g_assert_cmpint(fixture_receive(&object, true, 0, &text, NULL, &error), ==, -EOPNOTSUPP);
        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(object.mechanism->describe(&object, attributes, &error), ==, 0);
        g_assert_false(record_has(attributes, "queued"));
        g_assert_cmpint(object.mechanism->holder_keys(&object, &key, &n), ==, 0);
        g_assert_cmpint(lstat(f->path, &st), ==, 0);
        g_assert_cmpuint(key.number, ==, st.st_ino);
        g_assert_cmpuint(key.device, ==, st.st_dev);

        pid = start(role_write_late, f->path);
        error = (Error){};
        g_assert_cmpint(fixture_receive_waiting(&object, 10000, &text, NULL, &error), ==, 0);
        g_assert_cmpstr(text, ==, "hello");
        finish(pid);
        kernel_object_done(&object);

        g_assert_cmpint(fixture_open(&object, f->address, "hold=true", &error), ==, 0);
        g_assert_cmpint(fixture_send(&object, "kept", &error), ==, 0);
        fixture_assert_receives(&object, "kept");
        path_fixture_remove(&object);
}

static void test_ends(PathFixture *f, gconstpointer data) {
        KernelObject object;
        Error error = {};
        char buffer[8];
        int reading, writing;

        fixture_create(&object, "fifo", f->option, "hold=false", NULL);
        g_assert_cmpint(object.mechanism->open_end(&object, "write", false, &writing, &error), ==, -EPIPE);
        g_assert_nonnull(strstr(error.message, "ENXIO"));
        error = (Error){};
        g_assert_cmpint(object.mechanism->open_end(&object, "both", false, &writing, &error), ==, -EINVAL);
        error = (Error){};
        g_assert_cmpint(object.mechanism->open_end(&object, "", false, &reading, &error), ==, 0);
        g_assert_cmpint(object.mechanism->open_end(&object, "write", false, &writing, &error), ==, 0);
        g_assert_false(fcntl(reading, F_GETFL) & O_NONBLOCK);
        g_assert_cmpint(write(writing, "through", 7), ==, 7);
        g_assert_cmpint(read(reading, buffer, sizeof buffer), ==, 7);
        close(writing);
        g_assert_cmpint(read(reading, buffer, sizeof buffer), ==, 0);
        close(reading);
        path_fixture_remove(&object);
}

static void test_removed(PathFixture *f, gconstpointer data) {
        g_autofree char *text = NULL;
        KernelObject object;
        Error error = {};

        fixture_create(&object, "fifo", f->option, "hold=false", NULL);
        g_assert_cmpint(unlink(f->path), ==, 0);
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, NULL, &error), ==, -ENOENT);
        error = (Error){};
        g_assert_cmpint(object.mechanism->remove(&object, &error), ==, -ENOENT);
        kernel_object_done(&object);
}

static void role_hold(const char *path) {
        (void)!open(path, O_RDWR | O_CLOEXEC);
        pause();
}

static void test_scan(PathFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *row = NULL;
        const Value *holders;
        KernelObject object;
        Error error = {};
        pid_t pid;

        fixture_create(&object, "fifo", f->option, NULL);
        g_assert_null(fixture_scan("fifo", f->address)); /* only the process that looks has it open */
        g_assert_cmpint(fixture_send(&object, "12345", &error), ==, 0);
        pid = start(role_hold, f->path);
        while (!(row = fixture_scan("fifo", f->address)) || !record_has(row, "used")) {
                row = record_free(row);
                g_usleep(5000);
        }
        g_assert_cmpuint(record_get_u64(row, "used", 0), ==, 5);
        g_assert_cmpuint(record_get_u64(row, "size", 0), ==, object.bytes);
        g_assert_cmpuint(record_get_u64(row, "mode", 0), ==, 0600);
        g_assert_cmpstr(record_get_string(row, "state", ""), ==, "open");
        holders = record_get(row, "holders");
        g_assert_cmpuint(record_get_u64(holders->records.items[0], "pid", 0), ==, (guint64)pid);
        g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
        path_fixture_remove(&object);
}

static void test_permission(PathFixture *f, gconstpointer data) {
        int status;
        pid_t pid;

        if (geteuid() != 0) {
                g_test_skip("needs root, to become another user");
                return;
        }
        g_assert_cmpint(chmod(f->directory, 0755), ==, 0);
        g_assert_cmpint(mkfifo(f->path, 0600), ==, 0);
        pid = fork();
        if (pid == 0) {
                g_autofree char *text = NULL, *other = g_strdup_printf("%s.other", f->option);
                KernelObject object;
                Error error = {};

                if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
                        _exit(2);
                if (fixture_open(&object, f->address, NULL, &error) < 0)
                        _exit(3);
                if (fixture_receive(&object, false, 0, &text, NULL, &error) != -EACCES ||
                        error.code != ERROR_NOT_PERMITTED)
                        _exit(4);
                error = (Error){};
                if (object.mechanism->remove(&object, &error) != -EACCES || error.code != ERROR_NOT_PERMITTED)
                        _exit(5);
                kernel_object_done(&object);
                if (fixture_try_create(&object, &error, "fifo", other, NULL) != -EACCES)
                        _exit(6);
                _exit(0);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
        unlink(f->path);
}

/* Its maker holds the ends, whatever the mode and the umask say. */
static void test_mode_without_owner(PathFixture *f, gconstpointer data) {
        int status;
        pid_t pid;

        g_assert_cmpint(chmod(f->directory, 0777), ==, 0);
        pid = fork();
        if (pid == 0) {
                KernelObject object;
                Error error = {};

                if (geteuid() == 0 && (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0))
                        _exit(2);
                umask(0777);
                fixture_create(&object, "fifo", f->option, "mode=0", NULL);
                if (object.mode != 0 || fixture_send(&object, "x", &error) < 0)
                        _exit(3);
                fixture_assert_receives(&object, "x");
                path_fixture_remove(&object);
                _exit(0);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
}

int main(int argc, char **argv) {
        signal(SIGPIPE, SIG_IGN);
        g_test_init(&argc, &argv, NULL);
        PATH_TEST("fifo", "create", test_create);
        PATH_TEST("fifo", "refused", test_refused);
        PATH_TEST("fifo", "open-refused", test_open_refused);
        PATH_TEST("fifo", "verify", test_verify);
        PATH_TEST("fifo", "number-again", test_number_again);
        PATH_TEST("fifo", "held", test_held);
        PATH_TEST("fifo", "take", test_take);
        PATH_TEST("fifo", "send-waits-for-reader", test_send_waits_for_reader);
        PATH_TEST("fifo", "receive-waits-for-writer", test_receive_waits_for_writer);
        PATH_TEST("fifo", "foreign", test_foreign);
        PATH_TEST("fifo", "ends", test_ends);
        PATH_TEST("fifo", "removed", test_removed);
        PATH_TEST("fifo", "scan", test_scan);
        PATH_TEST("fifo", "permission", test_permission);
        PATH_TEST("fifo", "mode-without-owner", test_mode_without_owner);
        return g_test_run();
}
