/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Eventfds as a kind: both modes, the limit, events by whoever writes, what is somebody else's, the list of all. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "eventfd-parts.h"
#include "mechanism-fixture.h"
#include "path-fixture.h"

static uint64_t taken(KernelObject *object) {
        CLEANUP(record_freep) Record *meta = NULL;
        Error error = {};

        g_assert_cmpint(record_new(&meta), ==, 0);
        g_assert_cmpint(object->mechanism->wait(object, 0, NULL, meta, &error), ==, 0);
        return record_get_u64(meta, "count", 0);
}

static uint64_t value_of(KernelObject *object) {
        CLEANUP(record_freep) Record *attributes = NULL;

        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(object->mechanism->describe(object, attributes, NULL), ==, 0);
        return record_get_u64(attributes, "value", 77);
}

static void test_counter(PathFixture *f, gconstpointer data) {
        KernelObject object;
        Error error = {};

        fixture_create(&object, "eventfd", "value=5", NULL);
        g_assert_cmpuint(value_of(&object), ==, 5);
        g_assert_cmpint(fixture_post(&object, 3, NULL, &error), ==, 0);
        g_assert_cmpuint(taken(&object), ==, 8);
        g_assert_cmpint(fixture_take(&object, 0, NULL, &error), ==, -EAGAIN);
        g_assert_cmpint(fixture_wait(&object, OPERATION_WAIT, 0), ==, -ETIMEDOUT);
        g_assert_cmpint(fixture_post(&object, 1, NULL, &error), ==, 0);
        g_assert_cmpint(fixture_wait(&object, OPERATION_WAIT, 0), ==, 0);
        path_fixture_remove(&object);
}

static void test_semaphore(PathFixture *f, gconstpointer data) {
        KernelObject object;
        Error error = {};

        fixture_create(&object, "eventfd", "value=2", "semaphore=true", NULL);
        g_assert_cmpuint(taken(&object), ==, 1);
        g_assert_cmpuint(taken(&object), ==, 1);
        g_assert_cmpint(fixture_take(&object, 0, NULL, &error), ==, -EAGAIN);
        path_fixture_remove(&object);
}

/* More than 32 bits to begin with, and not one more than fits. */
static void test_limit(PathFixture *f, gconstpointer data) {
        KernelObject object;
        Error error = {};

        fixture_create(&object, "eventfd", "value=18446744073709551613", NULL);
        g_assert_cmpint(fixture_post(&object, UINT64_MAX, NULL, &error), ==, -EDQUOT);
        g_assert_cmpint(error.code, ==, ERROR_LIMIT_EXCEEDED);
        error = (Error){};
        g_assert_cmpint(fixture_post(&object, 2, NULL, &error), ==, -EAGAIN);
        g_assert_nonnull(strstr(error.message, "2^64 - 2"));
        g_assert_cmpint(fixture_post(&object, 1, NULL, &error), ==, 0);
        g_assert_cmpuint(value_of(&object), ==, EVENTFD_MAX);
        g_assert_cmpuint(taken(&object), ==, EVENTFD_MAX);
        path_fixture_remove(&object);
}

/* The end is the same open file, and blocks, for a program that expects it to. Others' writes are told. */
static void test_end_and_events(PathFixture *f, gconstpointer data) {
        KernelObject object;
        FixtureSink sink;
        Error error = {};
        int fd;

        fixture_sink_init(&sink);
        fixture_create(&object, "eventfd", NULL, NULL);
        g_assert_cmpint(object.mechanism->open_end(&object, "counter", false, &fd, &error), ==, 0);
        g_assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
        g_assert_cmpint(eventfd_write(fd, 4), ==, 0);
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpuint(sink.counts[EVENT_POSTED], ==, 1);
        g_assert_cmpuint(record_get_u64(sink.last, "count", 0), ==, 4);
        g_assert_cmpuint(record_get_u64(sink.last, "value", 0), ==, 4);
        close(fd);
        g_assert_cmpint(object.mechanism->open_end(&object, "", true, &fd, &error), ==, 0);
        close(fd);
        g_assert_cmpint(fixture_take(&object, 0, NULL, &error), ==, -EPIPE);
        g_assert_cmpint(error.code, ==, ERROR_PEER_GONE);
        fixture_sink_done(&sink);
        path_fixture_remove(&object);
}

static void test_adopted(PathFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *options = NULL;
        CLEANUP_FD int owner = eventfd(6, EFD_CLOEXEC | EFD_NONBLOCK), pipe_end = open("/dev/null", O_RDONLY);
        KernelObject object;
        Error error = {};
        int copy = fcntl(owner, F_DUPFD_CLOEXEC, 3);
        eventfd_t value;

        g_assert_cmpint(record_new(&options), ==, 0);
        kernel_object_init(&object, mechanism_find("eventfd"));
        g_assert_cmpint(object.mechanism->from_fd(&object, pipe_end, options, &error), ==, -EMEDIUMTYPE);
        g_assert_cmpint(object.mechanism->from_fd(&object, copy, options, &error), ==, 0);
        g_assert_cmpint(fixture_post(&object, 1, NULL, &error), ==, 0);
        g_assert_cmpint(eventfd_read(owner, &value), ==, 0);
        g_assert_cmpuint(value, ==, 7);
        g_assert_cmpint(object.mechanism->remove(&object, &error), ==, -EOPNOTSUPP);
        kernel_object_done(&object);
}

/* This process leaves itself out of its own walk, so another one holds it. */
static void test_scan(PathFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *row = NULL;
        g_autofree char *address = NULL;
        EventfdInfo info;
        int ready[2], fd;
        pid_t pid;

        g_assert_cmpint(pipe(ready), ==, 0);
        pid = fork();
        if (pid == 0) {
                fd = eventfd(9, EFD_CLOEXEC | EFD_SEMAPHORE);
                if (eventfd_info("self", fd, &info) < 0 || write(ready[1], &info, sizeof info) < 0)
                        _exit(1);
                for (;;)
                        pause();
        }
        g_assert_cmpint(read(ready[0], &info, sizeof info), ==, sizeof info);
        g_assert_true(info.semaphore);
        g_assert_cmpuint(info.count, ==, 9);
        address = g_strdup_printf("eventfd:[%" G_GUINT64_FORMAT "]", (guint64)info.id);
        row = fixture_scan("eventfd", address);
        g_assert_nonnull(row);
        g_assert_cmpuint(record_get_u64(row, "value", 0), ==, 9);
        g_assert_true(record_get_bool(row, "semaphore", false));
        g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
        close(ready[0]);
        close(ready[1]);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        PATH_TEST("eventfd", "counter", test_counter);
        PATH_TEST("eventfd", "semaphore", test_semaphore);
        PATH_TEST("eventfd", "limit", test_limit);
        PATH_TEST("eventfd", "end-and-events", test_end_and_events);
        PATH_TEST("eventfd", "adopted", test_adopted);
        PATH_TEST("eventfd", "scan", test_scan);
        return g_test_run();
}
