/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ring as a kind: made and refused, used beside programs that have an end, told from other memory, and those who died
 * in it noticed and undone. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <ipcbus-ring.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"
#include "mechanism-fixture.h"
#include "posix-fixture.h"

static void remove_object(KernelObject *object) {
        g_assert_cmpint(object->mechanism->remove(object, NULL), ==, 0);
        kernel_object_done(object);
}

static Record *described(KernelObject *object) {
        Record *attributes;

        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(object->mechanism->describe(object, attributes, NULL), ==, 0);
        return attributes;
}

static uint64_t attribute(KernelObject *object, const char *name) {
        CLEANUP(record_freep) Record *attributes = described(object);

        g_assert_true(record_has(attributes, name));
        return record_get_u64(attributes, name, 0);
}

static void test_create(void) {
        unsigned descriptors = fixture_descriptors();
        KernelObject object;

        fixture_create(&object, "ring", "size=5000", "name=frames", "many=true", NULL);
        g_assert_true(object.unnamed);
        g_assert_cmpint(fcntl(object.fds[0], F_GETFD), ==, FD_CLOEXEC);
        g_assert_cmpint(ftruncate(object.fds[0], 0), ==, -1);
        g_assert_cmpint(errno, ==, EPERM);
        g_assert_cmpuint(attribute(&object, "capacity"), ==, 8192);
        g_assert_cmpuint(attribute(&object, "message_size"), >=, 2048);
        g_assert_cmpuint(attribute(&object, "messages"), ==, 0);
        CLEANUP(record_freep) Record *attributes = described(&object);
        g_assert_cmpstr(record_get_string(attributes, "name", ""), ==, "frames");
        g_assert_true(record_get_bool(attributes, "many", false));
        g_assert_false(record_get_bool(attributes, "corrupt", true));
        remove_object(&object);
        g_assert_cmpuint(fixture_descriptors(), ==, descriptors);
}

static void test_create_refused(void) {
        g_autofree char *name = g_strnfill(5 + 250, 'x');

        memcpy(name, "name=", 5);
        posix_fixture_refused("ring", ERROR_INVALID_OPTION, "249", "size=4K", name);
        posix_fixture_refused("ring", ERROR_INVALID_OPTION, "packed", "many=true", "packed=true");
}

static void test_use(void) {
        CLEANUP(record_freep) Record *meta = NULL, *options = NULL;
        KernelObject object;
        Error error = {};
        void *data = NULL;
        size_t size;

        fixture_create(&object, "ring", "size=4K", NULL);
        g_assert_cmpint(fixture_send(&object, "first", &error), ==, 0);
        g_assert_cmpint(fixture_send(&object, "", &error), ==, 0);
        g_assert_cmpint(fixture_send(&object, "third", &error), ==, 0);
        g_assert_cmpuint(attribute(&object, "messages"), ==, 3);
        g_assert_cmpint(fixture_options(object.mechanism, OPTION_FOR_PEEK, &options, &error, "index=2", NULL), ==, 0);
        g_assert_cmpint(record_new(&meta), ==, 0);
        g_assert_cmpint(object.mechanism->receive(&object, true, options, &data, &size, meta, &error), ==, 0);
        g_assert_cmpmem(data, size, "third", 5);
        free(data);
        g_assert_cmpuint(attribute(&object, "messages"), ==, 3);
        fixture_assert_receives(&object, "first");
        fixture_assert_receives(&object, "");
        fixture_assert_receives(&object, "third");
        g_assert_cmpint(object.mechanism->receive(&object, false, NULL, &data, &size, meta, &error), ==, -EAGAIN);
        remove_object(&object);
}

static void test_full(void) {
        g_autofree char *text = g_strnfill(1500, 'x'), *large = g_strnfill(4000, 'x');
        KernelObject object;
        Error error = {};

        fixture_create(&object, "ring", "size=4K", NULL);
        g_assert_cmpint(fixture_send(&object, large, &error), ==, -EDQUOT);
        g_assert_cmpint(error.code, ==, ERROR_LIMIT_EXCEEDED);
        error = (Error){};
        g_assert_cmpint(fixture_send(&object, text, &error), ==, 0);
        g_assert_cmpint(fixture_send(&object, text, &error), ==, 0);
        g_assert_cmpint(fixture_send(&object, text, &error), ==, -EAGAIN);
        fixture_assert_receives(&object, text);
        fixture_assert_receives(&object, text);
        g_assert_cmpint(fixture_send(&object, text, &error), ==, 0);
        /* That nobody reads any more is no error: each call that receives comes and leaves. */
        g_assert_cmpint(fixture_send(&object, text, &error), ==, 0);
        g_assert_cmpint(fixture_send(&object, text, &error), ==, -EAGAIN);
        remove_object(&object);
}

/* A program that has the place of the reader is named as what stands in the way; in one for many it is in nobody's. */
static void test_places(void) {
        static const char *const many[] = { "many=false", "many=true" };

        for (unsigned i = 0; i < 2; i++) {
                CLEANUP(record_freep) Record *meta = NULL;
                CLEANUP_FD int end = -EBADF;
                KernelObject object;
                IpcbusRing *ring;
                Error error = {};
                void *data = NULL;
                size_t size;
                int r;

                fixture_create(&object, "ring", "size=4K", many[i], NULL);
                g_assert_cmpint(object.mechanism->open_end(&object, "ring", false, &end, &error), ==, 0);
                g_assert_cmpint(ipcbus_ring_open(end, IPCBUS_RING_READER, &ring), ==, 0);
                g_assert_cmpint(fixture_send(&object, "for somebody", &error), ==, 0);
                g_assert_cmpint(record_new(&meta), ==, 0);
                r = object.mechanism->receive(&object, false, NULL, &data, &size, meta, &error);
                g_assert_cmpint(r, ==, i == 0 ? -EBUSY : 0);
                g_assert_true((error.code == ERROR_BUSY) == (i == 0));
                free(data);
                g_assert_cmpuint(attribute(&object, "readers"), ==, 1);
                ipcbus_ring_close(ring);
                g_assert_cmpuint(attribute(&object, "readers"), ==, 0);
                remove_object(&object);
        }
}

/* What a descriptor is of is told by what is in it, and first asked of who knows that. */
static void test_within(void) {
        const Mechanism *ring = mechanism_find("ring"), *memfd = mechanism_find("memfd");
        int plain = memfd_create("ipcbus-plain", MFD_CLOEXEC | MFD_ALLOW_SEALING), fd;
        KernelObject object;
        Error error = {};

        g_assert_cmpint(ipcbus_ring_create("ipcbus-theirs", 4096, 0, &fd), ==, 0);
        g_assert_true(mechanism_within(fd) == ring);
        g_assert_null(mechanism_within(plain));
        kernel_object_init(&object, ring);
        g_assert_cmpint(ring->from_fd(&object, plain, NULL, &error), ==, -EMEDIUMTYPE);
        g_assert_false(error_is_set(&error));
        kernel_object_done(&object);
        kernel_object_init(&object, memfd);
        g_assert_cmpint(memfd->from_fd(&object, fd, NULL, &error), ==, 0);
        kernel_object_done(&object);
        close(plain);
}

/* Of a descriptor for reading alone: opened again, for who uses a ring writes. */
static void test_reading_alone(void) {
        const Mechanism *ring = mechanism_find("ring");
        g_autofree char *path = NULL;
        KernelObject object;
        Error error = {};
        int made, reading;

        g_assert_cmpint(ipcbus_ring_create("ipcbus-theirs", 4096, 0, &made), ==, 0);
        path = g_strdup_printf("/proc/self/fd/%d", made);
        reading = open(path, O_RDONLY | O_CLOEXEC);
        close(made);
        kernel_object_init(&object, ring);
        g_assert_cmpint(ring->from_fd(&object, reading, NULL, &error), ==, 0);
        g_assert_cmpint(fcntl(object.fds[0], F_GETFL) & O_ACCMODE, ==, O_RDWR);
        g_assert_cmpint(fixture_send(&object, "x", &error), ==, 0);
        remove_object(&object);
}

static int hold_ring(unsigned long long answers[CHILD_ANSWERS], void *userdata) {
        IpcbusRing *ring;
        int r = ipcbus_ring_open(*(int *)userdata, IPCBUS_RING_WRITER, &ring);

        answers[0] = (unsigned long long)getpid();
        return r;
}

/* The death is told, once, and undone, though nobody waits in the ring. */
static void test_killed(void) {
        CLEANUP(record_freep) Record *attributes = NULL;
        const Record *participant;
        KernelObject object;
        FixtureSink sink;
        Child child;
        int fd;

        fixture_create(&object, "ring", "size=4K", NULL);
        fixture_sink_init(&sink);
        g_assert_false(fixture_watch(&object, &sink, 0));
        g_assert_cmpint(object.mechanism->open_end(&object, "ring", false, &fd, NULL), ==, 0);
        child_start(&child, hold_ring, &fd);
        close(fd);
        g_assert_true(fixture_watch(&object, &sink, 5000));
        g_assert_cmpuint(attribute(&object, "writers"), ==, 1);
        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(object.mechanism->inspect(&object, attributes, NULL), ==, 0);
        participant = record_get(attributes, "participants")->records.items[0];
        g_assert_cmpstr(record_get_string(participant, "role", ""), ==, "writer");
        g_assert_cmpuint(record_get_u64(participant, "pid", 0), ==, child.answers[0]);
        g_assert_true(record_get_bool(participant, "alive", false));
        child_end(&child);
        for (int i = 0; i < 100 && sink.counts[EVENT_PEER_CLOSED] == 0; i++)
                (void)fixture_watch(&object, &sink, 100);
        g_assert_cmpuint(sink.counts[EVENT_PEER_CLOSED], ==, 1);
        g_assert_cmpuint(record_get_u64(sink.last, "recovered", 0), ==, 1);
        g_assert_cmpuint(record_get_u64(sink.last, "participants", 9), ==, 0);
        g_assert_cmpuint(attribute(&object, "dead"), ==, 0);
        g_assert_cmpuint(attribute(&object, "writers"), ==, 0);
        /* Looking, sending and receiving are no news. */
        g_assert_cmpint(fixture_send(&object, "x", NULL), ==, 0);
        fixture_assert_receives(&object, "x");
        while (fixture_watch(&object, &sink, 20))
                ;
        g_assert_cmpuint(sink.counts[EVENT_PEER_CLOSED], ==, 1);
        fixture_sink_done(&sink);
        remove_object(&object);
}

/* Whoever has it can spoil it, and the service says so. */
static void test_spoilt(void) {
        KernelObject object;
        Error error = {};
        uint64_t nonsense = UINT64_MAX;

        fixture_create(&object, "ring", "size=4K", NULL);
        g_assert_cmpint(pwrite(object.fds[0], &nonsense, sizeof nonsense, 16), ==, sizeof nonsense);
        g_assert_cmpint(fixture_send(&object, "x", &error), <, 0);
        g_assert_nonnull(strstr(error.message, "makes no sense"));
        CLEANUP(record_freep) Record *attributes = described(&object);
        g_assert_true(record_get_bool(attributes, "corrupt", false));
        remove_object(&object);
}

static void test_listed(void) {
        CLEANUP(record_freep) Record *row = NULL, *memory = NULL;
        g_autofree char *address = NULL, *other = NULL;
        KernelObject object;

        fixture_create(&object, "ring", "size=8K", NULL);
        g_assert_cmpint(fixture_send(&object, "hello", NULL), ==, 0);
        /* A scan leaves out the process that makes it. */
        Child child;
        child_start(&child, hold_ring, &object.fds[0]);
        address = address_print(&object.address);
        other = g_strdup_printf("memfd:[%" G_GUINT64_FORMAT "]", object.address.number);
        row = posix_fixture_scan(object.mechanism, address);
        g_assert_nonnull(row);
        g_assert_cmpuint(record_get_u64(row, "size", 0), ==, 8192);
        g_assert_cmpuint(record_get_u64(row, "used", 0), ==, 64);
        g_assert_cmpuint(record_get_u64(row, "writers", 0), ==, 1);
        g_assert_cmpstr(record_get_string(row, "state", ""), ==, "filled");
        memory = posix_fixture_scan(mechanism_find("memfd"), other);
        g_assert_null(memory);
        child_end(&child);
        remove_object(&object);
}

static void test_transport(void) {
        posix_fixture_transport("ring", WAIT_BLOCK, 3000);
        posix_fixture_transport("ring", WAIT_SPIN, 300);
        posix_fixture_transport("ring", WAIT_ADAPTIVE, 3000);
}

static void test_transport_close(void) {
        posix_fixture_transport_close("ring");
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/ring/create", test_create);
        g_test_add_func("/ring/create-refused", test_create_refused);
        g_test_add_func("/ring/use", test_use);
        g_test_add_func("/ring/full", test_full);
        g_test_add_func("/ring/places", test_places);
        g_test_add_func("/ring/within", test_within);
        g_test_add_func("/ring/reading-alone", test_reading_alone);
        g_test_add_func("/ring/killed", test_killed);
        g_test_add_func("/ring/spoilt", test_spoilt);
        g_test_add_func("/ring/listed", test_listed);
        g_test_add_func("/ring/transport", test_transport);
        g_test_add_func("/ring/transport-close", test_transport_close);
        return g_test_run();
}
