/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UNIX stream sockets of others: connecting to a server, abstract names, sockets of another type, and what the whole
 * machine has. */
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "path-fixture.h"

/* A server of another process, that answers what it is asked. */
static pid_t serve(const char *path) {
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        pid_t pid;

        g_strlcpy(name.sun_path, path, sizeof name.sun_path);
        g_assert_cmpint(bind(fd, (struct sockaddr *)&name, sizeof name), ==, 0);
        g_assert_cmpint(listen(fd, 5), ==, 0);
        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                for (;;) {
                        char buffer[64];
                        int peer = accept(fd, NULL, NULL);
                        ssize_t n = read(peer, buffer, sizeof buffer);

                        if (n > 0 && memcmp(buffer, "quit", 4) == 0)
                                _exit(0);
                        if (n > 0)
                                (void)!write(peer, "answer", 6);
                        close(peer);
                }
        }
        close(fd);
        return pid;
}

static void test_foreign(PathFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *attributes = NULL, *meta = NULL;
        g_autofree char *text = NULL;
        HolderKey keys[HOLDER_KEYS_MAX];
        KernelObject object;
        Error error = {};
        size_t n = HOLDER_KEYS_MAX;
        int status;
        pid_t pid;

        g_assert_cmpint(fixture_open(&object, f->address, NULL, &error), ==, -ENOENT);
        pid = serve(f->path);
        error = (Error){};
        g_assert_cmpint(fixture_open(&object, f->address, NULL, &error), ==, 0);
        g_assert_cmpint(fixture_send(&object, "question", &error), ==, 0);
        g_assert_cmpint(record_new(&meta), ==, 0);
        g_assert_cmpint(fixture_receive_waiting(&object, 10000, &text, meta, &error), ==, 0);
        g_assert_cmpstr(text, ==, "answer");
        g_assert_cmpuint(record_get_u64(meta, "pid", 0), ==, (guint64)getpid()); /* who called listen(2) */
        g_clear_pointer(&text, g_free);
        g_assert_cmpint(fixture_receive_waiting(&object, 10000, &text, NULL, &error), ==, -EPIPE);
        error = (Error){};
        g_assert_cmpint(fixture_send_with(&object, "x", "listen=true", &error), ==, -EOPNOTSUPP);

        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(object.mechanism->describe(&object, attributes, &error), ==, 0);
        g_assert_cmpstr(record_get_string(attributes, "state", ""), ==, "listening");
        g_assert_cmpint(object.mechanism->holder_keys(&object, keys, &n), ==, 0);
        g_assert_cmpuint(n, >=, 1);
        g_assert_cmpint(fixture_send(&object, "quit", &error), ==, 0);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        kernel_object_done(&object);

        /* The file stays when its process has gone. */
        error = (Error){};
        g_assert_cmpint(fixture_open(&object, f->address, NULL, &error), ==, 0);
        g_assert_cmpint(fixture_send(&object, "x", &error), ==, -EPIPE);
        g_assert_nonnull(strstr(error.message, "ECONNREFUSED"));
        path_fixture_remove(&object);
}

static void test_abstract(PathFixture *f, gconstpointer data) {
        g_autofree char *option = g_strdup_printf("name=ipcbus-test-%d", getpid());
        g_autofree char *address = g_strdup_printf("unix-stream:@ipcbus-test-%d", getpid());
        g_autofree char *printed = NULL;
        KernelObject object, foreign;
        Error error = {};

        fixture_create(&object, "unix-stream", option, NULL);
        printed = address_print(&object.address);
        g_assert_cmpstr(printed, ==, address);
        g_assert_true(object.unnamed);
        g_assert_cmpint(kernel_object_verify(&object, &error), ==, 0);
        path_fixture_assert_refused("unix-stream", option, "replace=true", ERROR_EXISTS, "in use");
        g_assert_cmpint(fixture_open(&foreign, address, NULL, &error), ==, 0);
        g_assert_cmpstr(foreign.identity, ==, object.identity);
        g_assert_cmpuint(foreign.owner, ==, geteuid());
        g_assert_cmpint(fixture_send(&foreign, "over there", &error), ==, 0);
        fixture_assert_receives(&object, "over there");
        g_assert_cmpint(foreign.mechanism->remove(&foreign, &error), ==, -EOPNOTSUPP);
        kernel_object_done(&foreign);
        path_fixture_remove(&object);
        error = (Error){};
        g_assert_cmpint(fixture_open(&foreign, address, NULL, &error), ==, -ENOENT);
}

static void test_wrong_type(PathFixture *f, gconstpointer data) {
        g_autofree char *other = g_strdup_printf("unix-dgram:%s", f->path);
        KernelObject object, foreign;
        Error error = {};

        fixture_create(&object, "unix-stream", f->option, NULL);
        g_assert_cmpint(fixture_open(&foreign, other, NULL, &error), ==, -EDESTADDRREQ);
        g_assert_cmpint(error.code, ==, ERROR_INVALID_ADDRESS);
        path_fixture_remove(&object);
        g_assert_true(g_file_set_contents(f->path, "x", -1, NULL));
        g_assert_cmpint(fixture_open(&foreign, f->address, NULL, &error), ==, -ENOENT);
        g_assert_nonnull(strstr(error.message, "regular file"));
        unlink(f->path);
        error = (Error){};
        g_assert_cmpint(fixture_open(&foreign, "unix-stream:[1]", NULL, &error), ==, -EOPNOTSUPP);
}

/* A listening socket is a row, and so is a connection, at one of its ends. The process that looks is left out of the
 * holders, hence the child. */
static void test_scan(PathFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *row = NULL;
        const Value *holders;
        KernelObject object;
        pid_t pid;
        int fd;

        fixture_create(&object, "unix-stream", f->option, NULL);
        fd = path_fixture_connect(f->path, SOCK_STREAM);
        fixture_wait(&object, OPERATION_RECEIVE, 0);
        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                pause();
                _exit(0);
        }
        row = fixture_scan("unix-stream", f->address);
        g_assert_nonnull(row);
        g_assert_cmpstr(record_get_string(row, "state", ""), ==, "listening");
        g_assert_cmpuint(record_get_u64(row, "uid", 99), ==, geteuid());
        g_assert_cmpuint(record_get_u64(row, "mode", 0), ==, 0600);
        g_assert_cmpuint(record_get_u64(row, "waiting_connections", 99), ==, 1);
        holders = record_get(row, "holders");
        g_assert_cmpuint(holders->records.n, ==, 1);
        g_assert_cmpuint(record_get_u64(holders->records.items[0], "pid", 0), ==, (guint64)pid);
        g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
        close(fd);
        path_fixture_remove(&object);
}

int main(int argc, char **argv) {
        signal(SIGPIPE, SIG_IGN);
        g_test_init(&argc, &argv, NULL);
        PATH_TEST("unix-stream", "foreign", test_foreign);
        PATH_TEST("unix-stream", "abstract", test_abstract);
        PATH_TEST("unix-stream", "wrong-type", test_wrong_type);
        PATH_TEST("unix-stream", "scan", test_scan);
        return g_test_run();
}
