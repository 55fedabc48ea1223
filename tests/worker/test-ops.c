/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operations of the built worker beside test and benchmark, and how it ends: by itself, with its service, killed
 * in the middle. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "drive.h"
#include "kinds.h"
#include "mechanism.h"
#include "test-engine.h"
#include "units.h"
#include "worker-protocol.h"

enum { PATIENCE_USEC = 20 * 1000 * 1000 };

static char *unique_name(const char *prefix) {
        static unsigned counter;

        return g_strdup_printf("%sipcbus-test-%d-%u", prefix, getpid(), ++counter);
}

static void expect_error(Record *request, const char *name, const char *part) {
        g_autofree char *error = NULL, *message = NULL;

        g_ptr_array_unref(worker_run(request, "row", &error, &message));
        g_assert_cmpstr(error, ==, name);
        g_assert_nonnull(strstr(message, part));
}

/* --- Without a service --- */

static void test_by_hand(void) {
        const char *const runs[][2] = { { NULL, "2" }, { "--help", "0" }, { "--version", "0" }, { "peer", "2" },
                { "--nonsense", "2" } };

        for (size_t i = 0; i < G_N_ELEMENTS(runs); i++) {
                const char *argv[] = { g_getenv("IPCBUS_WORKER"), runs[i][0], NULL };
                g_autofree char *out = NULL, *err = NULL;
                int status = -1;

                g_assert_true(g_spawn_sync(
                        NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, &err, &status, NULL));
                g_assert_true(WIFEXITED(status));
                g_assert_cmpint(WEXITSTATUS(status), ==, g_ascii_strtoll(runs[i][1], NULL, 10));
                g_assert_nonnull(strstr(WEXITSTATUS(status) ? err : out, "ipcbus-worker"));
                g_assert_cmpstr(WEXITSTATUS(status) ? out : err, ==, "");
        }
}

static Record *use_request(const char *operation) {
        Record *request = request_new("use");

        record_set_string(request, "operation", operation);
        return request;
}

static void test_refused(void) {
        Record *request;

        expect_error(request_new("nonsense"), "NotSupported", "nonsense");
        request = use_request("wait");
        expect_error(request, "InvalidAddress", "address");
        request = request_new("describe");
        record_set_string(request, "address", "no-such-kind:/x");
        expect_error(request, "NoSuchKind", "no-such-kind");
        request = request_new("describe");
        record_set_string(request, "address", "shm-posix");
        expect_error(request, "InvalidAddress", "shm-posix");
        request = request_new("describe");
        record_set_string(request, "address", "shm-posix:/ipcbus-that-nobody-made");
        expect_error(request, "NoSuchObject", "ipcbus-that-nobody-made");
        request = use_request("wait");
        record_set_string(request, "address", "shm-posix:/ipcbus-that-nobody-made");
        expect_error(request, "NoSuchObject", "ipcbus-that-nobody-made");
        request = request_new("test");
        record_set_strings(request, "kinds", (const char *const[]){ "no-such-kind" }, 1);
        expect_error(request, "NoSuchKind", "no-such-kind");
        request = request_new("test");
        record_set_strings(request, "claims", (const char *const[]){ "no-such-claim" }, 1);
        expect_error(request, "InvalidOption", "claim");
        request = request_new("keep");
        record_set_string(request, "kind", "pipe");
        expect_error(request, "NotSupported", "pipe");
}

/* What is not a record gets an answer too. */
static void test_rubbish(void) {
        Worker *worker = worker_start(NULL);
        g_autofree char *rubbish = g_strnfill(1000, 'x');
        Record *record;

        g_assert_cmpint(send(worker->channel, rubbish, 1000, 0), ==, 1000);
        record = worker_next(worker, PATIENCE_USEC);
        g_assert_cmpstr(record_get_string(record, WORKER_TYPE, ""), ==, WORKER_TYPE_END);
        g_assert_nonnull(record_get_string(record, "error", NULL));
        record_free(record);
        g_assert_null(worker_next(worker, PATIENCE_USEC));
        g_assert_cmpint(worker_finish(worker), ==, 0);
}

/* --- Semaphores --- */

static Record *semaphore_request(const char *op, const char *name) {
        g_autofree char *address = g_strdup_printf("sem-posix:%s", name);
        Record *request = use_request(op);

        record_set_string(request, "address", address);
        return request;
}

static void test_wait_and_post(void) {
        g_autofree char *name = unique_name("/"), *error = NULL, *message = NULL;
        g_autoptr(GPtrArray) none = NULL;
        sem_t *sem = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
        Record *request, *arguments, *end;
        Worker *waiter;
        gint64 start;
        int value = 0;

        g_assert_true(sem != SEM_FAILED);

        request = semaphore_request("wait", name);
        record_set_u64(request, "timeout", 30 * 1000);
        start = g_get_monotonic_time();
        expect_error(request, "TimedOut", "");
        g_assert_cmpint(g_get_monotonic_time() - start, >=, 30 * 1000);

        request = semaphore_request("post", name);
        g_assert_cmpint(record_new(&arguments), ==, 0);
        record_set_u64(arguments, "count", 3);
        record_append_record(request, "arguments", arguments);
        none = worker_run(request, "row", &error, &message);
        g_assert_cmpstr(message, ==, NULL);
        g_assert_cmpint(sem_getvalue(sem, &value), ==, 0);
        g_assert_cmpint(value, ==, 3);

        /* One that waits without end until somebody posts. */
        while (sem_trywait(sem) == 0)
                ;
        request = semaphore_request("wait", name);
        record_set_u64(request, "timeout", USEC_INFINITY);
        waiter = worker_start(request);
        g_assert_cmpint(sem_post(sem), ==, 0);
        end = worker_next(waiter, PATIENCE_USEC);
        g_assert_cmpstr(record_get_string(end, WORKER_TYPE, ""), ==, "done");
        record_free(end);
        end = worker_next(waiter, PATIENCE_USEC);
        g_assert_cmpstr(record_get_string(end, WORKER_TYPE, ""), ==, WORKER_TYPE_END);
        g_assert_cmpstr(record_get_string(end, "message", NULL), ==, NULL);
        record_free(end);
        g_assert_cmpint(worker_finish(waiter), ==, 0);
        g_assert_cmpint(sem_getvalue(sem, &value), ==, 0);
        g_assert_cmpint(value, ==, 0);

        sem_close(sem);
        sem_unlink(name);
}

/* --- Listing and describing --- */

typedef struct Segment {
        char *name, *address;
        int fd;
} Segment;

static Segment segment_new(void) {
        Segment segment = { .name = unique_name("/") };

        segment.fd = shm_open(segment.name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        g_assert_cmpint(segment.fd, >=, 0);
        g_assert_cmpint(ftruncate(segment.fd, 12345), ==, 0);
        segment.address = g_strdup_printf("shm-posix:%s", segment.name);
        return segment;
}

static void segment_done(Segment *segment) {
        close(segment->fd);
        shm_unlink(segment->name);
        g_free(segment->name);
        g_free(segment->address);
}

static const Record *find_row(GPtrArray *rows, const char *address) {
        for (guint i = 0; i < rows->len; i++)
                if (g_strcmp0(record_get_string(rows->pdata[i], "address", NULL), address) == 0)
                        return rows->pdata[i];
        return NULL;
}

static gboolean held_by_us(const Record *row) {
        const Value *holders = record_get(row, "holders");

        if (!holders || holders->type != VALUE_RECORDS)
                return FALSE;
        for (size_t i = 0; i < holders->records.n; i++)
                if (record_get_u64(holders->records.items[i], "pid", 0) == (guint64)getpid())
                        return TRUE;
        return FALSE;
}

static GPtrArray *list(Record *filter) {
        g_autofree char *error = NULL, *message = NULL;
        Record *request = request_new("list");
        GPtrArray *rows;

        if (filter)
                record_append_record(request, "filter", filter);
        rows = worker_run(request, "row", &error, &message);
        g_assert_cmpstr(message, ==, NULL);
        return rows;
}

static Record *filter_new(const char *kind) {
        Record *filter = NULL;

        g_assert_cmpint(record_new(&filter), ==, 0);
        if (kind)
                record_set_strings(filter, "kinds", &kind, 1);
        return filter;
}

static void test_list(void) {
        Segment segment = segment_new();
        GPtrArray *rows = list(NULL);
        const Record *row = find_row(rows, segment.address);
        Record *filter;

        g_assert_nonnull(row);
        g_assert_cmpstr(record_get_string(row, "kind", ""), ==, "shm-posix");
        g_assert_cmpuint(record_get_u64(row, "uid", 999999), ==, getuid());
        g_assert_false(record_has(row, "holders"));
        /* Every kind has either rows, or a reason, or nothing to show. */
        for (guint i = 0; i < rows->len; i++)
                g_assert_true(record_has(rows->pdata[i], "address") || record_has(rows->pdata[i], "reason"));
        g_ptr_array_unref(rows);

        filter = filter_new("shm-posix");
        record_set_bool(filter, "holders", true);
        rows = list(filter);
        g_assert_true(held_by_us(find_row(rows, segment.address)));
        g_ptr_array_unref(rows);

        filter = filter_new(NULL);
        record_set_u64(filter, "pid", (guint64)getpid());
        rows = list(filter);
        g_assert_nonnull(find_row(rows, segment.address));
        g_ptr_array_unref(rows);

        filter = filter_new("shm-posix");
        record_set_u64(filter, "uid", getuid() + 1u);
        rows = list(filter);
        g_assert_null(find_row(rows, segment.address));
        g_ptr_array_unref(rows);

        filter = filter_new("sem-posix");
        rows = list(filter);
        g_assert_null(find_row(rows, segment.address));
        g_ptr_array_unref(rows);
        segment_done(&segment);
}

static void test_describe(void) {
        g_autofree char *error = NULL, *message = NULL;
        g_autoptr(GPtrArray) rows = NULL;
        Segment segment = segment_new();
        Record *request = request_new("describe");

        record_set_string(request, "address", segment.address);
        record_set_bool(request, "holders", true);
        rows = worker_run(request, "row", &error, &message);
        g_assert_cmpstr(message, ==, NULL);
        g_assert_cmpuint(rows->len, ==, 1);
        g_assert_cmpstr(record_get_string(rows->pdata[0], "address", ""), ==, segment.address);
        g_assert_cmpuint(record_get_u64(rows->pdata[0], "size", 0), ==, 12345);
        g_assert_cmpuint(record_get_u64(rows->pdata[0], "mode", 0), ==, 0600);
        g_assert_true(held_by_us(rows->pdata[0]));
        segment_done(&segment);
}

/* A pipe of this process: nobody can open it by an address, but it can be described. */
static void test_describe_pipe(void) {
        g_autofree char *error = NULL, *message = NULL, *address = NULL;
        g_autoptr(GPtrArray) rows = NULL;
        Record *request = request_new("describe");
        struct stat st;
        int fds[2];

        g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
        g_assert_cmpint(fstat(fds[0], &st), ==, 0);
        address = g_strdup_printf("pipe:[%llu]", (unsigned long long)st.st_ino);
        record_set_string(request, "address", address);
        record_set_bool(request, "holders", true);
        rows = worker_run(request, "row", &error, &message);
        g_assert_cmpstr(message, ==, NULL);
        g_assert_cmpuint(rows->len, ==, 1);
        g_assert_cmpstr(record_get_string(rows->pdata[0], "address", ""), ==, address);
        g_assert_true(held_by_us(rows->pdata[0]));
        close(fds[0]);
        close(fds[1]);
}

static gboolean possible_for(const char *address, guint64 id) {
        g_autofree char *error = NULL, *message = NULL;
        g_autoptr(GPtrArray) rows = NULL;
        Record *request = request_new("explain");
        gboolean possible;

        record_set_string(request, "address", address);
        record_set_u64(request, "uid", id);
        record_set_u64(request, "gid", id);
        rows = worker_run(request, "row", &error, &message);
        g_assert_cmpstr(message, ==, NULL);
        g_assert_cmpuint(rows->len, ==, 1);
        g_assert_cmpstr(record_get_string(rows->pdata[0], "summary", ""), !=, "");
        g_assert_true(record_has(rows->pdata[0], "steps"));
        possible = record_get_bool(rows->pdata[0], "possible", false);
        return possible;
}

static void test_explain(void) {
        Segment segment = segment_new();

        g_assert_true(possible_for(segment.address, getuid()));
        if (geteuid() == 0) {
                g_assert_false(possible_for(segment.address, 65534));
                g_assert_cmpint(fchmod(segment.fd, 0666), ==, 0);
                g_assert_true(possible_for(segment.address, 65534));
        }
        segment_done(&segment);
}

/* The mode of a socket counts, and somebody has to be there; asking reaches nobody. */
static void test_explain_socket(int type, const char *kind) {
        g_autofree char *directory = g_dir_make_tmp("ipcbus-test-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(directory, "socket", NULL);
        g_autofree char *address = g_strconcat(kind, ":", path, NULL);
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        struct pollfd came;
        int fd;

        g_assert_cmpint(chmod(directory, 0755), ==, 0);
        g_strlcpy(name.sun_path, path, sizeof name.sun_path);
        fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
        g_assert_cmpint(bind(fd, (struct sockaddr *)&name, sizeof name), ==, 0);
        g_assert_cmpint(chmod(path, 0600), ==, 0);
        g_assert_true(type != SOCK_STREAM || listen(fd, 5) == 0);
        g_assert_true(possible_for(address, getuid()));
        if (geteuid() == 0) {
                g_assert_false(possible_for(address, 65534));
                g_assert_cmpint(chmod(path, 0602), ==, 0);
                g_assert_true(possible_for(address, 65534));
        }
        came = (struct pollfd){ .fd = fd, .events = POLLIN };
        g_assert_cmpint(poll(&came, 1, 0), ==, 0);
        close(fd);
        g_assert_false(possible_for(address, getuid()));
        g_assert_cmpint(unlink(path), ==, 0);
        g_assert_cmpint(rmdir(directory), ==, 0);
}

static void test_explain_sockets(void) {
        test_explain_socket(SOCK_STREAM, "unix-stream");
        test_explain_socket(SOCK_DGRAM, "unix-dgram");
}

/* --- Ends --- */

/* The service is gone: the worker has to end, without a word. */
static void test_service_gone(void) {
        Worker *worker = worker_start(request_new("test"));
        int status;

        record_free(worker_next(worker, PATIENCE_USEC));
        shutdown(worker->channel, SHUT_RDWR);
        g_assert_cmpint(waitpid(worker->pid, &status, 0), ==, worker->pid);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, EXIT_FAILURE);
        worker_sweep(worker);
        worker_free(worker);
}

/* Killed as a group at any moment of a test: no process is left, and what objects there are the sweep removes. */
static void test_cancel(void) {
        g_assert_cmpint(prctl(PR_SET_CHILD_SUBREAPER, 1), ==, 0);
        for (unsigned moment = 0; moment < 40; moment += 3) {
                Worker *worker = worker_start(request_new("test"));
                TestSetting setting = { .token = worker->token, .directory = worker->directory };
                char left[256];
                int status;

                for (unsigned seen = 0; seen <= moment; seen++) {
                        Record *record = worker_next(worker, PATIENCE_USEC);

                        g_assert_nonnull(record);
                        record_free(record);
                }
                g_usleep(moment * 131 % 3000);
                worker_kill_group(worker);
                g_assert_cmpint(waitpid(worker->pid, &status, 0), ==, worker->pid);
                g_assert_true(WIFSIGNALED(status));
                /* All that it had started is dead or dying, and belongs to this process now. */
                while (waitpid(-worker->pid, &status, 0) > 0)
                        g_assert_true(WIFSIGNALED(status) || WIFEXITED(status));
                g_assert_cmpint(errno, ==, ECHILD);
                g_assert_cmpint(kill(-worker->pid, 0), <, 0);
                g_assert_cmpint(errno, ==, ESRCH);
                worker_sweep(worker);
                for (size_t i = 0; i < mechanism_table_size; i++)
                        g_assert_cmpint(residue_find(mechanism_table[i], &setting, left, sizeof left), ==, 0);
                worker_free(worker);
        }
}

/* The service is gone, and who holds a mutex for it sees that before it is killed: the next one is told. */
static void test_held_service_gone(void) {
        g_autofree char *name = unique_name("/"), *address = g_strconcat("mutex:", name, NULL);
        Record *given, *attributes;
        KernelObject object;

        kernel_object_init(&object, &mechanism_mutex);
        g_assert_cmpint(record_new(&given), ==, 0);
        record_set_string(given, "name", name);
        g_assert_cmpint(mechanism_mutex.create(&object, given, NULL), ==, 0);
        record_free(given);
        Record *request = use_request("wait");
        record_set_string(request, "address", address);
        Worker *worker = worker_start(request);
        Record *done = worker_next(worker, PATIENCE_USEC);
        g_assert_true(record_get_bool(done, "held", false));
        record_free(done);
        g_assert_cmpint(shutdown(worker->channel, SHUT_RDWR), ==, 0);
        g_assert_true(WIFEXITED(worker_finish(worker)));
        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(mechanism_mutex.describe(&object, attributes, NULL), ==, 0);
        g_assert_nonnull(strstr(record_get_string(attributes, "state", ""), "died holding it"));
        record_free(attributes);
        g_assert_cmpint(mechanism_mutex.remove(&object, NULL), ==, 0);
        kernel_object_done(&object);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/ops/by-hand", test_by_hand);
        g_test_add_func("/ops/refused", test_refused);
        g_test_add_func("/ops/rubbish", test_rubbish);
        g_test_add_func("/ops/wait-and-post", test_wait_and_post);
        g_test_add_func("/ops/list", test_list);
        g_test_add_func("/ops/describe", test_describe);
        g_test_add_func("/ops/describe-pipe", test_describe_pipe);
        g_test_add_func("/ops/explain", test_explain);
        g_test_add_func("/ops/explain-sockets", test_explain_sockets);
        g_test_add_func("/ends/service-gone", test_service_gone);
        g_test_add_func("/ends/held-service-gone", test_held_service_gone);
        g_test_add_func("/ends/cancel", test_cancel);
        return g_test_run();
}
