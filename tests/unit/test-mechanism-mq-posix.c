/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* POSIX message queues as a kind: limits named, priorities, messages at their bounds, arrivals told, and the list with
 * nothing mounted. */
#include <fcntl.h>
#include <glib.h>
#include <mqueue.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "mechanism-fixture.h"
#include "posix-fixture.h"
#include "scan.h"

typedef struct Fixture {
        char *name, *address, *option;
        unsigned descriptors;
} Fixture;

static void set_up(Fixture *f, gconstpointer data) {
        f->name = g_strdup_printf("/ipcbus-unit-%d-%x", (int)getpid(), g_random_int());
        f->address = g_strdup_printf("mq-posix:%s", f->name);
        f->option = g_strdup_printf("name=%s", f->name);
        f->descriptors = fixture_descriptors();
}

static void tear_down(Fixture *f, gconstpointer data) {
        g_assert_cmpuint(fixture_descriptors(), ==, f->descriptors);
        g_assert_cmpint(mq_unlink(f->name), <, 0);
        g_free(f->name);
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

static int send_with(KernelObject *object, const char *text, uint64_t priority, Error *error) {
        CLEANUP(record_freep) Record *options = NULL;
        size_t sent;

        g_assert_cmpint(record_new(&options), ==, 0);
        record_set_u64(options, "priority", priority);
        return object->mechanism->send(object, text, strlen(text), options, &sent, error);
}

static void test_create(Fixture *f, gconstpointer data) {
        KernelObject object;
        struct mq_attr attr;
        struct stat st;
        mode_t mask;
        mqd_t mqd;

        mask = umask(077);
        fixture_create(&object, "mq-posix", f->option, "max_messages=3", "message_size=100", "mode=0622", NULL);
        umask(mask);
        mqd = mq_open(f->name, O_RDWR);
        g_assert_cmpint(mqd, >=, 0);
        g_assert_cmpint(mq_getattr(mqd, &attr), ==, 0);
        g_assert_cmpint(attr.mq_maxmsg, ==, 3);
        g_assert_cmpint(attr.mq_msgsize, ==, 100);
        g_assert_cmpint(fstat(mqd, &st), ==, 0);
        g_assert_cmpuint(st.st_mode & 07777, ==, 0622);
        mq_close(mqd);
        g_assert_cmpuint(object.mode, ==, 0622);
        g_assert_cmpuint(object.bytes, >=, 300);
        g_assert_cmpuint(attribute(&object, "max_messages"), ==, 3);
        g_assert_cmpuint(attribute(&object, "message_size"), ==, 100);
        g_assert_cmpuint(attribute(&object, "messages"), ==, 0);
        posix_fixture_remove(&object);
}

static void test_refused(Fixture *f, gconstpointer data) {
        g_autofree char *slash = g_strconcat(f->option, "/x", NULL), *address = g_strconcat(f->address, "/x", NULL);
        KernelObject object;

        posix_fixture_refused("mq-posix", ERROR_INVALID_OPTION, "option name", "message_size=1", NULL);
        posix_fixture_refused("mq-posix", ERROR_INVALID_OPTION, "second slash", slash, NULL);
        posix_fixture_refused("mq-posix", ERROR_INVALID_OPTION, "max_messages=0", f->option, "max_messages=0");
        posix_fixture_refused("mq-posix", ERROR_INVALID_OPTION, "message_size=0", f->option, "message_size=0");
        posix_fixture_refused("mq-posix", ERROR_LIMIT_EXCEEDED, "msg_max", f->option, "max_messages=65537");
        posix_fixture_refused("mq-posix", ERROR_LIMIT_EXCEEDED, "msgsize_max", f->option, "message_size=16777217");
        posix_fixture_refused(
                "mq-posix", ERROR_LIMIT_EXCEEDED, "msg_max", f->option, "max_messages=9223372036854775808");
        posix_fixture_refused("mq-posix", ERROR_INVALID_OPTION, "0400 or 0200", f->option, "mode=0077");
        posix_fixture_open_refused(f->address, ERROR_NO_SUCH_OBJECT, f->name);
        posix_fixture_open_refused(address, ERROR_INVALID_ADDRESS, "second slash");
        fixture_create(&object, "mq-posix", f->option, NULL);
        posix_fixture_refused("mq-posix", ERROR_EXISTS, "exists already", f->option, NULL);
        posix_fixture_remove(&object);
}

/* In a process of its own, for what it lowers is not to be raised again. */
static void limits_of_user(const char *name) {
        g_autofree char *option = g_strdup_printf("name=%s", name);
        const struct rlimit bytes = { 1000, 1000 };
        struct rlimit descriptors;

        g_assert_cmpint(setrlimit(RLIMIT_MSGQUEUE, &bytes), ==, 0);
        posix_fixture_refused("mq-posix", ERROR_LIMIT_EXCEEDED, "RLIMIT_MSGQUEUE", option, NULL);
        posix_fixture_refused("mq-posix", ERROR_LIMIT_EXCEEDED, "1000", option, NULL);
        /* As another user these bind. */
        posix_fixture_refused(
                "mq-posix", ERROR_LIMIT_EXCEEDED, "/proc/sys/fs/mqueue/msg_max", option, "max_messages=9999");
        posix_fixture_refused(
                "mq-posix", ERROR_LIMIT_EXCEEDED, "/proc/sys/fs/mqueue/msgsize_max", option, "message_size=9999999");
        g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &descriptors), ==, 0);
        descriptors.rlim_cur = 0;
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &descriptors), ==, 0);
        posix_fixture_refused("mq-posix", ERROR_LIMIT_EXCEEDED, "EMFILE", option, NULL);
}

static void test_limits(Fixture *f, gconstpointer data) {
        if (posix_fixture_can_be_other())
                posix_fixture_as_other(limits_of_user, f->name);
}

static void test_messages(Fixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *meta = NULL;
        g_autofree char *text = NULL;
        KernelObject object;
        Error error = {};

        fixture_create(&object, "mq-posix", f->option, "max_messages=3", "message_size=4", NULL);
        g_assert_cmpint(record_new(&meta), ==, 0);
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, meta, &error), ==, -EAGAIN);
        g_assert_cmpint(send_with(&object, "low", 1, &error), ==, 0);
        g_assert_cmpint(send_with(&object, "", 32767, &error), ==, 0);
        g_assert_cmpint(send_with(&object, "low2", 1, &error), ==, 0);
        g_assert_cmpuint(attribute(&object, "messages"), ==, 3);
        g_assert_cmpuint(attribute(&object, "used"), ==, 7);
        g_assert_cmpint(send_with(&object, "full", 1, &error), ==, -EAGAIN);
        g_assert_cmpint(fixture_wait(&object, OPERATION_SEND, 0), ==, -ETIMEDOUT);
        g_assert_cmpint(fixture_wait(&object, OPERATION_RECEIVE, 0), ==, 0);

        g_assert_cmpint(fixture_receive(&object, false, 0, &text, meta, &error), ==, 0);
        g_assert_cmpstr(text, ==, "");
        g_assert_cmpuint(record_get_u64(meta, "priority", 0), ==, 32767);
        g_assert_cmpint(fixture_wait(&object, OPERATION_SEND, 0), ==, 0);
        fixture_assert_receives(&object, "low");
        fixture_assert_receives(&object, "low2");
        g_assert_cmpint(fixture_wait(&object, OPERATION_RECEIVE, 0), ==, -ETIMEDOUT);

        g_assert_cmpint(send_with(&object, "large", 0, &error), ==, -EDQUOT);
        g_assert_nonnull(strstr(error.message, "5 bytes are more"));
        g_assert_cmpint(send_with(&object, "x", 32768, &error), ==, -EINVAL);
        g_assert_cmpint(send_with(&object, "x", 0, &error), ==, 0);
        g_assert_cmpint(fixture_receive(&object, false, 3, &text, meta, &error), ==, -EINVAL);
        g_assert_nonnull(strstr(error.message, "never cuts"));
        g_assert_cmpint(fixture_receive(&object, true, 0, &text, meta, &error), ==, -EOPNOTSUPP);
        fixture_assert_receives(&object, "x");
        posix_fixture_remove(&object);
}

static void test_events(Fixture *f, gconstpointer data) {
        KernelObject object;
        FixtureSink sink;
        mqd_t mqd;

        fixture_create(&object, "mq-posix", f->option, NULL);
        fixture_sink_init(&sink);
        /* The first look only finds that the queue can be used. */
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpuint(sink.counts[EVENT_MESSAGE_ARRIVED], ==, 0);
        mqd = mq_open(f->name, O_RDWR);
        g_assert_cmpint(mqd, >=, 0);
        g_assert_cmpint(mq_send(mqd, "one", 3, 0), ==, 0);
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpuint(sink.counts[EVENT_MESSAGE_ARRIVED], ==, 1);
        g_assert_cmpuint(record_get_u64(sink.last, "messages", 0), ==, 1);
        g_assert_cmpint(mq_send(mqd, "two", 3, 0), ==, 0);
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpuint(sink.counts[EVENT_MESSAGE_ARRIVED], ==, 2);
        g_assert_cmpuint(record_get_u64(sink.last, "messages", 0), ==, 2);
        fixture_assert_receives(&object, "one");
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpuint(sink.counts[EVENT_MESSAGE_ARRIVED], ==, 2);
        fixture_assert_receives(&object, "two");
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpint(mq_send(mqd, "three", 5, 0), ==, 0);
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpuint(sink.counts[EVENT_MESSAGE_ARRIVED], ==, 3);
        mq_close(mqd);

        /* Watched anew, with a message there and nothing new. */
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_true(fixture_watch(&object, &sink, 1000));
        g_assert_cmpuint(sink.counts[EVENT_MESSAGE_ARRIVED], ==, 3);
        fixture_sink_done(&sink);
        posix_fixture_remove(&object);
}

/* Looks once at what epoll tells of the queue. */
static bool look(int poller, KernelObject *object, FixtureSink *sink) {
        struct epoll_event event;

        if (epoll_wait(poller, &event, 1, 0) == 0)
                return false;
        object->mechanism->watch(object, event.events, &sink->sink);
        return true;
}

/* One taken and one sent before anybody looked is a message that came, though there are as many as before. */
static void test_events_merged(Fixture *f, gconstpointer data) {
        CLEANUP_FD int poller = -EBADF;
        struct epoll_event event = {};
        KernelObject object;
        FixtureSink sink;
        uint32_t events;
        int fd;

        fixture_create(&object, "mq-posix", f->option, NULL);
        fixture_sink_init(&sink);
        g_assert_cmpint(object.mechanism->watch_on(&object, &fd, &events), ==, 0);
        event.events = events;
        poller = epoll_create1(EPOLL_CLOEXEC);
        g_assert_cmpint(epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event), ==, 0);
        g_assert_true(look(poller, &object, &sink));
        g_assert_cmpint(fixture_send(&object, "one", NULL), ==, 0);
        g_assert_true(look(poller, &object, &sink));
        g_assert_cmpuint(sink.counts[EVENT_MESSAGE_ARRIVED], ==, 1);
        g_assert_false(look(poller, &object, &sink));

        fixture_assert_receives(&object, "one");
        g_assert_cmpint(fixture_send(&object, "two", NULL), ==, 0);
        g_assert_true(look(poller, &object, &sink));
        g_assert_cmpuint(sink.counts[EVENT_MESSAGE_ARRIVED], ==, 2);
        fixture_assert_receives(&object, "two");
        g_assert_true(look(poller, &object, &sink));
        g_assert_cmpuint(sink.counts[EVENT_MESSAGE_ARRIVED], ==, 2);
        poller = fd_close(poller);
        fixture_sink_done(&sink);
        posix_fixture_remove(&object);
}

static void test_foreign(Fixture *f, gconstpointer data) {
        struct mq_attr attr = { .mq_maxmsg = 2, .mq_msgsize = 10 };
        KernelObject object, again;
        Error error = {};
        mqd_t mqd;
        int fd = -1;

        mqd = mq_open(f->name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
        g_assert_cmpint(mqd, >=, 0);
        g_assert_cmpint(mq_send(mqd, "theirs", 6, 3), ==, 0);
        g_assert_cmpint(fixture_open(&object, f->address, NULL, &error), ==, 0);
        g_assert_cmpint(fixture_open(&again, f->address, NULL, &error), ==, 0);
        g_assert_cmpstr(object.identity, ==, again.identity);
        kernel_object_done(&again);
        fixture_assert_receives(&object, "theirs");
        g_assert_cmpint(object.mechanism->open_end(&object, "queue", false, &fd, &error), ==, 0);
        g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
        g_assert_cmpint(fcntl(fd, F_GETFL) & O_NONBLOCK, ==, 0);
        g_assert_cmpint(mq_send(fd, "own", 3, 0), ==, 0);
        close(fd);
        fixture_assert_receives(&object, "own");

        /* Another queue of the same name is another queue. */
        g_assert_cmpint(mq_unlink(f->name), ==, 0);
        g_assert_cmpint(kernel_object_verify(&object, &error), ==, -ESTALE);
        mq_close(mqd);
        mqd = mq_open(f->name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
        g_assert_cmpint(mqd, >=, 0);
        mq_close(mqd);
        g_assert_cmpint(kernel_object_verify(&object, &error), ==, -ESTALE);
        g_assert_cmpint(object.mechanism->open_end(&object, "", false, &fd, &error), ==, -ENOENT);
        kernel_object_done(&object);
        g_assert_cmpint(mq_unlink(f->name), ==, 0);
}

static void as_other_user(const char *address) {
        g_autofree char *text = NULL;
        KernelObject object;
        Error error = {};

        /* Mode 0622: may send only. */
        g_assert_cmpint(fixture_open(&object, address, NULL, &error), ==, 0);
        g_assert_cmpint(fixture_send(&object, "hello", &error), ==, 0);
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, NULL, &error), ==, -EACCES);
        g_assert_nonnull(strstr(error.message, "may send"));
        g_assert_cmpuint(attribute(&object, "messages"), ==, 1);
        g_assert_cmpint(object.mechanism->remove(&object, &error), <, 0);
        g_assert_cmpint(error.code, ==, ERROR_NOT_PERMITTED);
        kernel_object_done(&object);
}

static void as_other_user_refused(const char *address) {
        posix_fixture_open_refused(address, ERROR_NOT_PERMITTED, "EACCES");
}

static void test_other_user(Fixture *f, gconstpointer data) {
        KernelObject object;

        if (!posix_fixture_can_be_other())
                return;
        fixture_create(&object, "mq-posix", f->option, "mode=0622", NULL);
        posix_fixture_as_other(as_other_user, f->address);
        fixture_assert_receives(&object, "hello");
        posix_fixture_remove(&object);
        fixture_create(&object, "mq-posix", f->option, NULL);
        posix_fixture_as_other(as_other_user_refused, f->address);
        posix_fixture_remove(&object);
}

static int keep_reason(Scan *scan, Record *row) {
        const char *reason = record_get_string(row, "reason", NULL);

        if (reason)
                *(char **)scan->userdata = g_strdup(reason);
        record_free(row);
        return 0;
}

static void test_scan(Fixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *row = NULL;
        g_autofree char *reason = NULL;
        KernelObject object;
        Scan scan = { .row = keep_reason, .userdata = &reason };

        fixture_create(&object, "mq-posix", f->option, "max_messages=1", NULL);
        g_assert_cmpint(fixture_send(&object, "hello", NULL), ==, 0);
        g_assert_cmpint(object.mechanism->scan(&scan), ==, 0);
        row = posix_fixture_scan(object.mechanism, f->address);
        if (reason)
                g_test_skip(reason);
        else {
                g_assert_nonnull(row);
                g_assert_cmpuint(record_get_u64(row, "messages", 0), ==, 1);
                g_assert_cmpuint(record_get_u64(row, "used", 0), ==, 5);
                g_assert_cmpstr(record_get_string(row, "state", ""), ==, "full");
        }
        posix_fixture_assert_held_by_end(&object);
        posix_fixture_remove(&object);
}

static void test_transport(void) {
        posix_fixture_transport("mq-posix", WAIT_BLOCK, 3000);
        posix_fixture_transport("mq-posix", WAIT_SPIN, 300);
}

static void test_sweep(void) {
        posix_fixture_sweep("mq-posix");
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/mq-posix/" name, Fixture, NULL, set_up, function, tear_down)
        ADD("create", test_create);
        ADD("refused", test_refused);
        ADD("limits", test_limits);
        ADD("messages", test_messages);
        ADD("events", test_events);
        ADD("events-merged", test_events_merged);
        ADD("foreign", test_foreign);
        ADD("other-user", test_other_user);
        ADD("scan", test_scan);
#undef ADD
        g_test_add_func("/mq-posix/transport", test_transport);
        g_test_add_func("/mq-posix/sweep", test_sweep);
        return g_test_run();
}
