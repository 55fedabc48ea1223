/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kind dbus on a bus of the test: a mailbox with its keeper, calls and signals. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "cleanup.h"
#include "dbus-address.h"
#include "dbus-bus.h"
#include "dbus-daemon.h"
#include "dbus-message.h"
#include "dbus.h"
#include "mechanism-fixture.h"
#include "scan.h"
#include "units.h"
#include "worker-protocol.h"

typedef struct Place {
        char *directory;
        PrivateBus bus;
        unsigned descriptors;
} Place;

static void place_set_up(Place *f, gconstpointer data) {
        Error error = {};

        f->descriptors = fixture_descriptors();
        f->directory = fixture_directory_new();
        if (private_bus_start(f->directory, "unit", &f->bus, &error) < 0)
                g_error("%s", error.message);
        g_setenv("DBUS_SESSION_BUS_ADDRESS", f->bus.address, TRUE);
        g_setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/at/all", TRUE);
}

static void place_tear_down(Place *f, gconstpointer data) {
        private_bus_stop(&f->bus);
        fixture_directory_done(f->directory);
        g_assert_cmpuint(fixture_descriptors(), ==, f->descriptors);
}

/* A name of ours, with its keeper as the service has it. */
typedef struct Box {
        KernelObject object;
        FixtureSink sink;
        pid_t keeper;
        Error ended;
} Box;

static void keeper_run(const Record *options, int channel) {
        CLEANUP(record_freep) Record *end = NULL;
        Error error = {};
        int r = mechanism_find("dbus")->keep(options, channel, &error);

        if (record_new(&end) >= 0) {
                record_set_string(end, WORKER_TYPE, WORKER_TYPE_END);
                record_set_i64(end, "code", error.code);
                record_set_string(end, "message", error.message);
                (void)channel_send(channel, end);
        }
        _exit(r < 0);
}

/* Until a record of that type, or the end. */
static bool box_pump(Box *box, const char *type, uint64_t timeout) {
        for (;;) {
                CLEANUP(record_freep) Record *record = NULL;
                const char *got;

                if (channel_receive(box->object.channel, timeout, &record) < 0)
                        return false;
                got = record_get_string(record, WORKER_TYPE, "");
                if (strcmp(got, WORKER_TYPE_END) == 0) {
                        box->ended.code = (ErrorCode)record_get_i64(record, "code", 0);
                        g_strlcpy(box->ended.message, record_get_string(record, "message", ""), ERROR_MESSAGE_MAX);
                        return strcmp(type, WORKER_TYPE_END) == 0;
                }
                box->object.mechanism->kept(&box->object, record, &box->sink.sink);
                if (strcmp(got, type) == 0)
                        return true;
        }
}

static bool box_open(Box *box, const char *first, const char *second) {
        CLEANUP(record_freep) Record *options = NULL, *ready = NULL;
        const Mechanism *mechanism = mechanism_find("dbus");
        int fds[2];

        *box = (Box){ .object = KERNEL_OBJECT_EMPTY };
        fixture_sink_init(&box->sink);
        g_assert_cmpint(
                fixture_options(mechanism, OPTION_FOR_CREATE, &options, &box->ended, first, second, NULL), ==, 0);
        g_assert_cmpint(channel_pair(fds), ==, 0);
        box->keeper = fork();
        if (box->keeper == 0) {
                close(fds[0]);
                keeper_run(options, fds[1]);
        }
        close(fds[1]);
        kernel_object_init(&box->object, mechanism);
        box->object.channel = fds[0];
        g_assert_cmpint(channel_receive(fds[0], 10 * USEC_PER_SEC, &ready), ==, 0);
        if (!record_get_bool(ready, "ready", false)) {
                box->ended.code = (ErrorCode)record_get_i64(ready, "code", 0);
                g_strlcpy(box->ended.message, record_get_string(ready, "message", ""), ERROR_MESSAGE_MAX);
                return false;
        }
        record_merge(options, ready);
        g_assert_cmpint(mechanism->create(&box->object, options, &box->ended), ==, 0);
        return true;
}

static void box_close(Box *box) {
        if (box->object.state)
                g_assert_cmpint(box->object.mechanism->remove(&box->object, NULL), ==, 0);
        kernel_object_done(&box->object);
        fixture_sink_done(&box->sink);
        g_assert_cmpint(waitpid(box->keeper, NULL, 0), ==, box->keeper);
}

/* As another process would, on a connection of its own. */
static int use(const char *address, bool receive, const char *data, const char *first, const char *second, char **ret,
        Error *error) {
        const Mechanism *mechanism = mechanism_find("dbus");
        CLEANUP(record_freep) Record *options = NULL, *meta = NULL;
        KernelObject object;
        size_t size = 0;
        void *got;
        int r;

        g_assert_cmpint(fixture_options(mechanism, receive ? OPTION_FOR_RECEIVE : OPTION_FOR_SEND, &options, error,
                                first, second, NULL),
                ==, 0);
        g_assert_cmpint(record_new(&meta), ==, 0);
        g_assert_cmpint(fixture_open(&object, address, NULL, error), ==, 0);
        object.timeout = 5 * USEC_PER_SEC;
        if (receive) {
                r = mechanism->receive(&object, false, options, &got, &size, meta, error);
                if (r >= 0)
                        *ret = got;
        } else
                r = mechanism->send(&object, data, strlen(data), options, &size, error);
        kernel_object_done(&object);
        return r;
}

static void assert_taken(Box *box, const char *wanted, const char *member) {
        CLEANUP(record_freep) Record *meta = NULL;
        g_autofree char *text = NULL;
        Error error = {};

        g_assert_cmpint(record_new(&meta), ==, 0);
        g_assert_cmpint(fixture_receive(&box->object, false, 0, &text, meta, &error), ==, 0);
        g_assert_cmpstr(text, ==, wanted);
        g_assert_cmpstr(record_get_string(meta, "member", ""), ==, member);
        /* Of a sender that waited for the answer it is known; another may be gone before it can be asked for. */
        g_assert_cmpuint(record_get_u64(meta, "pid", wanted[0] ? 0 : (uint64_t)getpid()), ==, (uint64_t)getpid());
}

static void test_mailbox(Place *f, gconstpointer data) {
        CLEANUP(record_freep) Record *attributes = NULL;
        g_autofree char *text = NULL;
        Error error = {};
        Box box;

        g_assert_true(box_open(&box, "name=org.example.Box", NULL));
        g_assert_cmpint(fixture_receive(&box.object, false, 0, &text, NULL, &error), ==, -EAGAIN);
        g_assert_cmpint(use("dbus:org.example.Box", false, "hello", NULL, NULL, NULL, &error), ==, 0);
        g_assert_cmpint(
                use("dbus:org.example.Box/a/b", false, "1 2", "member=Add", "signature=ii", NULL, &error), ==, 0);
        g_assert_cmpint(use("dbus:org.example.Box", false, "", "noreply=true", NULL, NULL, &error), ==, 0);
        for (int i = 0; i < 3; i++)
                g_assert_true(box_pump(&box, DBUS_RECORD_MESSAGE, 5 * USEC_PER_SEC));
        g_assert_cmpuint(box.sink.counts[EVENT_MESSAGE_ARRIVED], ==, 3);
        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(box.object.mechanism->describe(&box.object, attributes, &error), ==, 0);
        g_assert_cmpuint(record_get_u64(attributes, "messages", 0), ==, 3);
        g_assert_cmpuint(record_get_u64(attributes, "queued", 0), ==, 5);
        g_assert_cmpuint(record_get_u64(attributes, "used", 0), ==, 8);
        g_assert_cmpint(fixture_receive(&box.object, true, 2, &text, attributes, &error), ==, 0);
        g_assert_cmpstr(text, ==, "he");
        g_assert_true(record_get_bool(attributes, "truncated", false));
        assert_taken(&box, "hello", "Message");
        assert_taken(&box, "1 2", "Add");
        assert_taken(&box, "", "Message");
        box_close(&box);
        g_assert_cmpint(use("dbus:org.example.Box", false, "x", NULL, NULL, NULL, &error), ==, -ENOENT);
}

static void test_bounds(Place *f, gconstpointer data) {
        g_autofree char *large = g_strnfill(DBUS_MESSAGE_MAX + 1, 'x');
        Error error = {};
        Box box;

        g_assert_true(box_open(&box, "name=org.example.Box", NULL));
        g_assert_cmpint(use("dbus:org.example.Box", false, large, NULL, NULL, NULL, &error), ==, -EDQUOT);
        for (int i = 0; i < RECORD_QUEUE_MAX; i++) {
                g_assert_cmpint(use("dbus:org.example.Box", false, "x", NULL, NULL, NULL, &error), ==, 0);
                g_assert_true(box_pump(&box, DBUS_RECORD_MESSAGE, 5 * USEC_PER_SEC));
        }
        g_assert_cmpint(use("dbus:org.example.Box", false, "x", NULL, NULL, NULL, &error), ==, -EDQUOT);
        g_assert_nonnull(strstr(error.message, "full"));
        assert_taken(&box, "x", "Message");
        g_assert_cmpint(use("dbus:org.example.Box", false, "y", NULL, NULL, NULL, &error), ==, 0);
        g_assert_true(box_pump(&box, DBUS_RECORD_MESSAGE, 5 * USEC_PER_SEC));
        box_close(&box);
}

static void test_names(Place *f, gconstpointer data) {
        g_autofree char *owner = NULL;
        Error error = {};
        Box first, second;

        g_assert_true(box_open(&first, "name=org.example.Box", "allow-replacement=true"));
        g_assert_false(box_open(&second, "name=org.example.Box", NULL));
        g_assert_cmpint(second.ended.code, ==, ERROR_EXISTS);
        owner = g_strdup_printf("(pid %d, ", (int)first.keeper);
        g_assert_nonnull(strstr(second.ended.message, owner));
        box_close(&second);
        g_assert_true(box_open(&second, "name=org.example.Box", "queue=true"));
        g_assert_false(((DbusState *)second.object.state)->owned);
        /* The first is killed: the second has the name, and is told so. */
        g_assert_cmpint(kill(first.keeper, SIGKILL), ==, 0);
        g_assert_true(box_pump(&second, DBUS_RECORD_OWNED, 5 * USEC_PER_SEC));
        g_assert_true(((DbusState *)second.object.state)->owned);
        g_assert_cmpuint(second.sink.counts[EVENT_CHANGED], ==, 1);
        box_close(&first);
        box_close(&second);

        g_assert_true(box_open(&first, "name=org.example.Box", "allow-replacement=true"));
        g_assert_true(box_open(&second, "name=org.example.Box", "replace=true"));
        g_assert_true(box_pump(&first, WORKER_TYPE_END, 5 * USEC_PER_SEC));
        g_assert_cmpint(first.ended.code, ==, ERROR_NO_SUCH_OBJECT);
        g_assert_nonnull(strstr(first.ended.message, "taken over"));
        box_close(&first);
        box_close(&second);

        g_assert_false(box_open(&first, "name=:1.7", NULL));
        g_assert_cmpint(first.ended.code, ==, ERROR_INVALID_OPTION);
        box_close(&first);
        g_assert_false(box_open(&first, "name=org.a.b", "reply=perhaps"));
        g_assert_cmpint(first.ended.code, ==, ERROR_INVALID_OPTION);
        box_close(&first);
        g_assert_false(box_open(&first, "match=nonsense=1", NULL));
        g_assert_cmpint(first.ended.code, ==, ERROR_INVALID_OPTION);
        box_close(&first);
        g_assert_cmpint(use("dbus:org.example.Box", false, "x", "member=a.b", NULL, NULL, &error), ==, -EINVAL);
}

static void test_signals(Place *f, gconstpointer data) {
        CLEANUP(record_freep) Record *options = NULL;
        Box emitter, listener;
        Error error = {};
        size_t sent;

        g_assert_true(box_open(&emitter, "name=org.example.Emitter", NULL));
        g_assert_true(box_open(&listener, "match=type='signal',sender='org.example.Emitter',member='Heard'", NULL));
        g_assert_cmpint(fixture_options(emitter.object.mechanism, OPTION_FOR_SEND, &options, &error, "type=signal",
                                "member=Unheard", NULL),
                ==, 0);
        g_assert_cmpint(emitter.object.mechanism->send(&emitter.object, "1", 1, options, &sent, &error), ==, 0);
        record_set_string(options, "member", "Heard");
        record_set_string(options, "signature", "ai");
        g_assert_cmpint(emitter.object.mechanism->send(&emitter.object, "2 1 2", 5, options, &sent, &error), ==, 0);
        g_assert_cmpint(
                emitter.object.mechanism->send(&emitter.object, "2 1", 3, options, &sent, &error), ==, -EINVAL);
        g_assert_true(box_pump(&listener, DBUS_RECORD_MESSAGE, 5 * USEC_PER_SEC));
        g_assert_cmpuint(((DbusState *)listener.object.state)->mailbox.n, ==, 1);
        {
                CLEANUP(record_freep) Record *meta = NULL;
                g_autofree char *text = NULL;

                g_assert_cmpint(record_new(&meta), ==, 0);
                g_assert_cmpint(fixture_receive(&listener.object, false, 0, &text, meta, &error), ==, 0);
                g_assert_cmpstr(text, ==, "2 1 2");
                g_assert_cmpstr(record_get_string(meta, "type", ""), ==, "signal");
        }
        box_close(&emitter);
        box_close(&listener);
}

static void test_calls(Place *f, gconstpointer data) {
        g_autofree char *id = NULL, *echoed = NULL;
        Error error = {};
        Box box;

        g_assert_cmpint(use("dbus:org.freedesktop.DBus", true, NULL, "type=call", "member=Nothing", &id, &error), ==,
                -EOPNOTSUPP);
        g_assert_true(box_open(&box, "name=org.example.Echo", "reply=echo"));
        g_assert_cmpint(use("dbus:org.example.Echo", true, NULL, "type=call", "args=again", &echoed, &error), ==, 0);
        g_assert_cmpstr(echoed, ==, "again");
        box_close(&box);
        g_assert_true(box_open(&box, "name=org.example.Mute", "reply=none"));
        {
                const Mechanism *mechanism = box.object.mechanism;
                CLEANUP(record_freep) Record *none = NULL;
                KernelObject object;
                size_t sent;

                g_assert_cmpint(record_new(&none), ==, 0);
                g_assert_cmpint(fixture_open(&object, "dbus:org.example.Mute", NULL, &error), ==, 0);
                object.timeout = 50 * USEC_PER_MSEC;
                g_assert_cmpint(mechanism->send(&object, "x", 1, none, &sent, &error), ==, -ETIMEDOUT);
                g_assert_cmpint(mechanism->remove(&object, &error), ==, -EACCES);
                kernel_object_done(&object);
        }
        box_close(&box);
}

static int count_row(Scan *scan, Record *row) {
        GHashTable *rows = scan->userdata;

        g_hash_table_insert(rows, g_strdup(record_get_string(row, "address", record_get_string(row, "reason", ""))),
                g_strdup(record_get_string(row, "state", "")));
        record_free(row);
        return 0;
}

static void test_scan(Place *f, gconstpointer data) {
        g_autoptr(GHashTable) rows = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        CLEANUP(record_freep) Record *attributes = NULL;
        Scan scan = { .row = count_row, .userdata = rows };
        KernelObject object;
        Error error = {};
        Box box;

        g_assert_true(box_open(&box, "name=org.example.Listed", NULL));
        g_assert_cmpint(mechanism_find("dbus")->scan(&scan), >=, 0);
        g_assert_cmpstr(g_hash_table_lookup(rows, "dbus:org.example.Listed"), ==, "owned");
        /* Not here, and another is: no word about it. */
        g_assert_cmpuint(g_hash_table_size(rows), ==, 1);
        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(fixture_open(&object, "dbus:org.example.Listed", NULL, &error), ==, 0);
        g_assert_cmpint(object.mechanism->inspect(&object, attributes, &error), ==, 0);
        g_assert_cmpuint(record_get_u64(attributes, "pid", 0), ==, (uint64_t)box.keeper);
        g_assert_cmpuint(record_get_u64(attributes, "uid", 77), ==, geteuid());
        g_assert_false(record_get_bool(attributes, "activatable", true));
        box_close(&box);
        g_assert_cmpint(object.mechanism->inspect(&object, attributes, &error), ==, -ENOENT);
        kernel_object_done(&object);
        g_setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/at/all", TRUE);
        g_hash_table_remove_all(rows);
        g_assert_cmpint(mechanism_find("dbus")->scan(&scan), >=, 0);
        /* One row with both reasons. */
        g_assert_cmpuint(g_hash_table_size(rows), ==, 1);
        g_assert_true(g_hash_table_contains(rows,
                "Nobody answers at unix:path=/nowhere/at/all: No such file or directory. Nobody answers at "
                "unix:path=/nowhere/at/all: No such file or directory."));
}

static void test_silent_bus(Place *f, gconstpointer data) {
        g_autofree char *path = g_build_filename(f->directory, "silent", NULL);
        g_autofree char *address = g_strconcat("dbus:org.a.b@unix:path=", path, NULL);
        g_autofree char *option = g_strconcat("path=", path, NULL);
        KernelObject object, socket_object;
        Error error = {};
        size_t sent;

        fixture_create(&socket_object, "unix-stream", option, NULL);
        g_assert_cmpint(fixture_open(&object, address, NULL, &error), ==, 0);
        /* It takes the connection and says nothing: given up after a bounded time, and told so. */
        g_assert_cmpint(object.mechanism->send(&object, "x", 1, NULL, &sent, &error), <, 0);
        g_test_message("%s", error.message);
        g_assert_cmpint(error.code, ==, ERROR_TIMED_OUT);
        kernel_object_done(&object);
        g_assert_cmpint(socket_object.mechanism->remove(&socket_object, &error), ==, 0);
        kernel_object_done(&socket_object);
}

#define PLACE_TEST(path, function) g_test_add(path, Place, NULL, place_set_up, function, place_tear_down)

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        PLACE_TEST("/dbus/mailbox", test_mailbox);
        PLACE_TEST("/dbus/bounds", test_bounds);
        PLACE_TEST("/dbus/names", test_names);
        PLACE_TEST("/dbus/signals", test_signals);
        PLACE_TEST("/dbus/calls", test_calls);
        PLACE_TEST("/dbus/scan", test_scan);
        PLACE_TEST("/dbus/silent-bus", test_silent_bus);
        return g_test_run();
}
