/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Drives one Mechanism as the service does: options through the table, waits through wait_on(). */
#include "mechanism-fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "cleanup.h"
#include "explain.h"

static int options_parse(const Mechanism *mechanism, OptionUse use, va_list arguments, Record **ret, Error *error) {
        CLEANUP(record_freep) Record *options = NULL;
        const char *text;

        g_assert_cmpint(record_new(&options), ==, 0);
        while ((text = va_arg(arguments, const char *))) {
                g_auto(GStrv) parts = g_strsplit(text, "=", 2);
                CLEANUP(record_freep) Record *value = NULL;
                const OptionSpec *spec = option_find(mechanism->options, parts[0]);
                int r;

                g_assert_cmpint(record_new(&value), ==, 0);
                r = option_parse(spec ? spec->type : OPTION_STRING, parts[0], parts[1], value, error);
                if (r >= 0)
                        r = option_accept(
                                mechanism->options, use, parts[0], record_get(value, parts[0]), options, error);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_POINTER(options);
        return 0;
}

int fixture_options(const Mechanism *mechanism, OptionUse use, Record **ret, Error *error, ...) {
        va_list arguments;
        int r;

        va_start(arguments, error);
        r = options_parse(mechanism, use, arguments, ret, error);
        va_end(arguments);
        return r;
}

static int create(KernelObject *object, Error *error, const char *kind, va_list arguments) {
        CLEANUP(record_freep) Record *options = NULL;
        const Mechanism *mechanism;
        int r;

        g_assert_cmpint(mechanism_for_kind(kind, &mechanism, error), ==, 0);
        kernel_object_init(object, mechanism);
        r = options_parse(mechanism, OPTION_FOR_CREATE, arguments, &options, error);
        if (r >= 0)
                r = mechanism->create(object, options, error);
        if (r < 0) {
                g_assert_true(error_is_set(error));
                g_assert_cmpstr(error->message, !=, "");
                for (int i = 0; i < KERNEL_OBJECT_FDS_MAX; i++)
                        g_assert_cmpint(object->fds[i], <, 0);
                kernel_object_done(object);
        }
        return r;
}

void fixture_create(KernelObject *object, const char *kind, ...) {
        Error error = {};
        va_list arguments;
        int r;

        va_start(arguments, kind);
        r = create(object, &error, kind, arguments);
        va_end(arguments);
        g_assert_cmpstr(error.message, ==, "");
        g_assert_cmpint(r, ==, 0);
        g_assert_cmpstr(object->identity, !=, "");
        g_assert_cmpuint(object->owner, ==, geteuid());
}

int fixture_try_create(KernelObject *object, Error *error, const char *kind, ...) {
        va_list arguments;
        int r;

        va_start(arguments, kind);
        r = create(object, error, kind, arguments);
        va_end(arguments);
        return r;
}

int fixture_open(KernelObject *object, const char *address, const char *option, Error *error) {
        CLEANUP(record_freep) Record *options = NULL;
        Address parsed = ADDRESS_EMPTY;
        const Mechanism *mechanism;
        int r;

        g_assert_cmpint(address_parse(address, &parsed, error), ==, 0);
        r = mechanism_for_address(&parsed, &mechanism, error);
        if (r < 0) {
                address_done(&parsed);
                return r;
        }
        kernel_object_init(object, mechanism);
        object->address = parsed;
        r = fixture_options(mechanism, OPTION_FOR_ADOPT, &options, error, option, NULL);
        g_assert_cmpint(r, ==, 0);
        r = mechanism->open(object, options, error);
        if (r < 0) {
                g_assert_true(error_is_set(error));
                kernel_object_done(object);
        }
        return r;
}

Record *fixture_explain(const char *address) {
        CLEANUP(address_done) Address parsed = ADDRESS_EMPTY;
        const Mechanism *mechanism;
        Explanation explanation;
        Record *verdict = NULL;

        g_assert_cmpint(mechanism_parse_address(address, &parsed, NULL), ==, 0);
        g_assert_cmpint(mechanism_for_address(&parsed, &mechanism, NULL), ==, 0);
        g_assert_cmpint(record_new(&verdict), ==, 0);
        g_assert_cmpint(explanation_init(&explanation, geteuid(), getegid(), NULL, address, verdict), ==, 0);
        g_assert_cmpint(mechanism->explain(&parsed, &explanation), ==, 0);
        g_assert_cmpint(explanation_conclude(&explanation), ==, 0);
        explanation_done(&explanation);
        g_test_message("%s", record_get_string(verdict, "summary", ""));
        return verdict;
}

bool fixture_may(const Record *verdict, const char *use) {
        const Value *uses = record_get(verdict, "uses");

        for (size_t i = 0; i < uses->records.n; i++)
                if (strcmp(record_get_string(uses->records.items[i], "use", ""), use) == 0)
                        return record_get_bool(uses->records.items[i], "possible", false);
        g_error("There is no use \"%s\".", use);
}

int fixture_send(KernelObject *object, const char *text, Error *error) {
        CLEANUP(record_freep) Record *options = NULL;
        size_t sent = SIZE_MAX;
        int r;

        g_assert_cmpint(record_new(&options), ==, 0);
        r = object->mechanism->send(object, text, strlen(text), options, &sent, error);
        if (r >= 0)
                g_assert_cmpuint(sent, ==, strlen(text));
        else
                g_assert_cmpuint(sent, ==, SIZE_MAX);
        return r;
}

int fixture_send_with(KernelObject *object, const char *text, const char *option, Error *error) {
        CLEANUP(record_freep) Record *options = NULL;
        size_t sent;

        g_assert_cmpint(fixture_options(object->mechanism, OPTION_FOR_SEND, &options, error, option, NULL), ==, 0);
        return object->mechanism->send(object, text, strlen(text), options, &sent, error);
}

int fixture_receive(KernelObject *object, bool peek, size_t size, char **ret_text, Record *meta, Error *error) {
        CLEANUP(record_freep) Record *options = NULL, *own = NULL;
        void *data = NULL;
        size_t n = 0;
        int r;

        g_assert_cmpint(record_new(&options), ==, 0);
        g_assert_cmpint(record_new(&own), ==, 0);
        if (size > 0)
                record_set_u64(options, "size", size);
        r = object->mechanism->receive(object, peek, options, &data, &n, meta ? meta : own, error);
        if (r < 0) {
                g_assert_null(data);
                if (r != -EAGAIN)
                        g_assert_true(error_is_set(error));
                return r;
        }
        *ret_text = g_strndup(data, n);
        free(data);
        return r;
}

void fixture_assert_receives(KernelObject *object, const char *expected) {
        g_autofree char *text = NULL;
        Error error = {};
        int r;

        r = fixture_receive(object, false, 0, &text, NULL, &error);
        g_assert_cmpstr(error.message, ==, "");
        g_assert_cmpint(r, ==, 0);
        g_assert_cmpstr(text, ==, expected);
}

int fixture_post(KernelObject *object, uint64_t count, const char *option, Error *error) {
        CLEANUP(record_freep) Record *options = NULL;
        int r;

        r = fixture_options(object->mechanism, OPTION_FOR_POST, &options, error, option, NULL);
        return r < 0 ? r : object->mechanism->post(object, count, options, error);
}

int fixture_take(KernelObject *object, uint64_t timeout, const char *option, Error *error) {
        CLEANUP(record_freep) Record *options = NULL, *meta = NULL;
        int r;

        r = fixture_options(object->mechanism, OPTION_FOR_WAIT, &options, error, option, NULL);
        if (r < 0)
                return r;
        g_assert_cmpint(record_new(&meta), ==, 0);
        return object->mechanism->wait(object, timeout, options, meta, error);
}

int fixture_wait(KernelObject *object, Operation operation, int msec) {
        CLEANUP_FD int poller = -EBADF, copy = -EBADF;
        struct epoll_event event = {}, ready;
        uint32_t events;
        int fd, r;

        r = object->mechanism->wait_on(object, operation, &fd, &events);
        if (r < 0)
                return r;
        event.events = events;
        copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        poller = epoll_create1(EPOLL_CLOEXEC);
        g_assert_cmpint(copy, >=, 0);
        g_assert_cmpint(epoll_ctl(poller, EPOLL_CTL_ADD, copy, &event), ==, 0);
        r = epoll_wait(poller, &ready, 1, msec);
        g_assert_cmpint(r, >=, 0);
        return r > 0 ? 0 : -ETIMEDOUT;
}

static bool wait_more(KernelObject *object, Operation operation, gint64 end) {
        gint64 left = end - g_get_monotonic_time();

        if (left <= 0)
                return false;
        if (fixture_wait(object, operation, (int)(left / 1000) + 1) == -EOPNOTSUPP)
                g_usleep(2000);
        return true;
}

int fixture_receive_waiting(KernelObject *object, int msec, char **ret_text, Record *meta, Error *error) {
        gint64 end = g_get_monotonic_time() + msec * 1000;
        int r;

        while ((r = fixture_receive(object, false, 0, ret_text, meta, error)) == -EAGAIN)
                if (!wait_more(object, OPERATION_RECEIVE, end))
                        break;
        return r;
}

int fixture_send_waiting(KernelObject *object, const char *text, int msec, Error *error) {
        gint64 end = g_get_monotonic_time() + msec * 1000;
        int r;

        while ((r = fixture_send(object, text, error)) == -EAGAIN)
                if (!wait_more(object, OPERATION_SEND, end))
                        break;
        return r;
}

static void sink_emit(EventSink *sink, ObjectEvent event, const Record *details) {
        FixtureSink *fixture = (FixtureSink *)sink;

        fixture->counts[event]++;
        record_free(fixture->last);
        g_assert_cmpint(record_copy(details, &fixture->last), ==, 0);
}

void fixture_sink_init(FixtureSink *sink) {
        *sink = (FixtureSink){ .sink.emit = sink_emit };
}

void fixture_sink_done(FixtureSink *sink) {
        sink->last = record_free(sink->last);
}

bool fixture_watch(KernelObject *object, FixtureSink *sink, int msec) {
        CLEANUP_FD int poller = -EBADF;
        struct epoll_event event = {}, ready;
        uint32_t events;
        int fd, r;

        r = object->mechanism->watch_on(object, &fd, &events);
        if (r == -EOPNOTSUPP)
                return false;
        g_assert_cmpint(r, ==, 0);
        event.events = events;
        poller = epoll_create1(EPOLL_CLOEXEC);
        g_assert_cmpint(epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event), ==, 0);
        r = epoll_wait(poller, &ready, 1, msec);
        g_assert_cmpint(r, >=, 0);
        if (r == 0)
                return false;
        object->mechanism->watch(object, ready.events, &sink->sink);
        return true;
}

unsigned fixture_descriptors(void) {
        DIR *directory = opendir("/proc/self/fd");
        unsigned n = 0;

        g_assert_nonnull(directory);
        while (readdir(directory))
                n++;
        closedir(directory);
        return n;
}

char *fixture_directory_new(void) {
        g_autoptr(GError) error = NULL;
        char *directory = g_dir_make_tmp("ipcbus-test-XXXXXX", &error);

        g_assert_no_error(error);
        return directory;
}

void fixture_directory_done(char *directory) {
        g_assert_cmpint(rmdir(directory), ==, 0);
        g_free(directory);
}
