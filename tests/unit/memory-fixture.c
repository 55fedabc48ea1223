/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "memory-fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "mechanism-fixture.h"

int memory_write(KernelObject *object, const char *text, uint64_t offset, Error *error) {
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

int memory_read(KernelObject *object, uint64_t offset, uint64_t size, char **ret_text, Record *meta, Error *error) {
        CLEANUP(record_freep) Record *options = NULL, *own = NULL;
        size_t length = 0;
        void *data;
        int r;

        g_assert_cmpint(record_new(&options), ==, 0);
        g_assert_cmpint(record_new(&own), ==, 0);
        record_set_u64(options, "offset", offset);
        if (size > 0)
                record_set_u64(options, "size", size);
        r = object->mechanism->receive(object, false, options, &data, &length, meta ? meta : own, error);
        if (r < 0)
                return r;
        *ret_text = g_malloc(length + 1);
        memcpy(*ret_text, data, length);
        (*ret_text)[length] = '\0';
        free(data);
        return 0;
}

void memory_assert_reads(KernelObject *object, uint64_t offset, const char *text) {
        g_autofree char *read = NULL;
        Error error = {};

        memory_read(object, offset, strlen(text), &read, NULL, &error);
        g_assert_cmpstr(error.message, ==, "");
        g_assert_cmpstr(read, ==, text);
}

uint64_t memory_attribute(KernelObject *object, const char *name) {
        CLEANUP(record_freep) Record *attributes = NULL;

        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(object->mechanism->describe(object, attributes, NULL), ==, 0);
        g_assert_true(record_has(attributes, name));
        return record_get_u64(attributes, name, 0);
}

static void assert_read_refused(
        KernelObject *object, uint64_t offset, uint64_t size, ErrorCode code, const char *word) {
        Error error = {};
        char *text;

        g_assert_cmpint(memory_read(object, offset, size, &text, NULL, &error), <, 0);
        g_assert_cmpint(error.code, ==, code);
        g_assert_nonnull(strstr(error.message, word));
}

void memory_assert_offsets(KernelObject *object) {
        CLEANUP(record_freep) Record *meta = NULL;
        g_autofree char *text = NULL, *rest = NULL;
        Error error = {};

        g_assert_cmpint(memory_write(object, "abcdefgh", 0, &error), ==, 0);
        g_assert_cmpint(memory_write(object, "XY", 6, &error), ==, 0);
        memory_assert_reads(object, 0, "abcdefXY");
        g_assert_cmpint(record_new(&meta), ==, 0);
        g_assert_cmpint(memory_read(object, 4, 2, &text, meta, &error), ==, 0);
        g_assert_cmpstr(text, ==, "ef");
        g_assert_true(record_get_bool(meta, "truncated", false));
        /* What is left, where more was asked for. */
        g_assert_cmpint(memory_write(object, "end", 8189, &error), ==, 0);
        g_assert_cmpint(memory_read(object, 8189, 100, &rest, NULL, &error), ==, 0);
        g_assert_cmpstr(rest, ==, "end");

        g_assert_cmpint(memory_write(object, "XYZ", 8190, &error), ==, -EINVAL);
        g_assert_nonnull(strstr(error.message, "ends at 8192"));
        g_assert_cmpint(memory_write(object, "X", UINT64_MAX, &error), ==, -EINVAL);
        assert_read_refused(object, 8192, 1, ERROR_INVALID_OPTION, "it ends at 8192");
        assert_read_refused(object, 8193, 0, ERROR_INVALID_OPTION, "it ends at 8192");
        assert_read_refused(object, UINT64_MAX, 1, ERROR_INVALID_OPTION, "it ends at 8192");
        assert_read_refused(object, 0, 16 * 1024 * 1024 + 1, ERROR_LIMIT_EXCEEDED, "16 MiB");
        memory_assert_reads(object, 0, "abcdefXY");
}

void memory_assert_far(KernelObject *object) {
        const uint64_t far = UINT64_C(8) << 30;
        g_autofree char *hole = NULL;
        Error error = {};

        g_assert_cmpint(object->mechanism->resize(object, far + 4096, &error), ==, 0);
        g_assert_cmpint(memory_write(object, "far", far + 1, &error), ==, 0);
        memory_assert_reads(object, far + 1, "far");
        g_assert_cmpint(memory_read(object, far, 1, &hole, NULL, &error), ==, 0);
        g_assert_cmpint(hole[0], ==, 0);
        g_assert_cmpuint(memory_attribute(object, "size"), ==, far + 4096);
        g_assert_cmpuint(memory_attribute(object, "allocated"), <, 1024 * 1024);
        g_assert_cmpint(object->mechanism->resize(object, 8192, &error), ==, 0);
        assert_read_refused(object, far + 1, 3, ERROR_INVALID_OPTION, "it ends at 8192");
}

void memory_assert_resizes(KernelObject *object) {
        g_autofree char *text = NULL;
        Error error = {};

        g_assert_cmpint(memory_write(object, "kept", 0, &error), ==, 0);
        g_assert_cmpint(memory_write(object, "lost", 4096, &error), ==, 0);
        g_assert_cmpint(object->mechanism->resize(object, 4096, &error), ==, 0);
        g_assert_cmpuint(object->bytes, ==, 4096);
        assert_read_refused(object, 4096, 4, ERROR_INVALID_OPTION, "it ends at 4096");
        g_assert_cmpint(object->mechanism->resize(object, 8192, &error), ==, 0);
        memory_assert_reads(object, 0, "kept");
        g_assert_cmpint(memory_read(object, 4096, 4, &text, NULL, &error), ==, 0);
        g_assert_cmpmem(text, 4, "\0\0\0\0", 4);
        g_assert_cmpint(object->mechanism->resize(object, 0, &error), ==, -EINVAL);
        g_assert_cmpint(object->mechanism->resize(object, UINT64_C(1) << 63, &error), ==, -EDQUOT);
        g_assert_cmpuint(memory_attribute(object, "size"), ==, 8192);
}

void memory_assert_leased(KernelObject *object, const char *path) {
        CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC), end = -EBADF;
        Error error = {};
        char *text;

        (void)signal(SIGIO, SIG_IGN); /* how the holder is told to give it up */
        g_assert_cmpint(fd, >=, 0);
        if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0) {
                g_test_message("no leases on %s: %s", path, g_strerror(errno));
                return;
        }
        g_assert_cmpint(memory_read(object, 0, 1, &text, NULL, &error), ==, -EBUSY);
        g_assert_cmpint(error.code, ==, ERROR_BUSY);
        g_assert_nonnull(strstr(error.message, "lease"));
        g_assert_cmpint(memory_write(object, "x", 0, &error), ==, -EBUSY);
        g_assert_cmpint(object->mechanism->resize(object, 8192, &error), ==, -EBUSY);
        g_assert_cmpint(object->mechanism->open_end(object, "", false, &end, &error), ==, -EBUSY);
        g_assert_cmpint(fcntl(fd, F_SETLEASE, F_UNLCK), ==, 0);
        g_assert_cmpint(memory_write(object, "x", 0, &error), ==, 0);
}
