/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* System V message queues as a kind: key and number as two addresses of one queue, types, peeking, sizes, users
 * without the right, and the tools of util-linux both ways. */
#include <glib.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <unistd.h>

#include "cleanup.h"
#include "mechanism-fixture.h"
#include "posix-fixture.h"
#include "sysv-fixture.h"

static int send_type(KernelObject *object, const char *text, int64_t type, Error *error) {
        CLEANUP(record_freep) Record *options = NULL;
        size_t sent;

        g_assert_cmpint(record_new(&options), ==, 0);
        record_set_i64(options, "type", type);
        return object->mechanism->send(object, text, strlen(text), options, &sent, error);
}

/* With one option or none. */
static int take(KernelObject *object, bool peek, const char *option, char **ret, Record *meta, Error *error) {
        CLEANUP(record_freep) Record *options = NULL;
        CLEANUP(record_freep) Record *own = NULL;
        void *data;
        size_t size;
        int r;

        g_assert_cmpint(record_new(&own), ==, 0);
        g_assert_cmpint(fixture_options(object->mechanism, peek ? OPTION_FOR_PEEK : OPTION_FOR_RECEIVE, &options,
                                error, option, NULL),
                ==, 0);
        r = object->mechanism->receive(object, peek, options, &data, &size, meta ? meta : own, error);
        if (r < 0)
                return r;
        *ret = g_strndup(data, size);
        free(data);
        return 0;
}

static void assert_takes(KernelObject *object, const char *option, const char *expected) {
        g_autofree char *text = NULL;
        Error error = {};

        g_assert_cmpint(take(object, false, option, &text, NULL, &error), ==, 0);
        g_assert_cmpstr(text, ==, expected);
}

static void test_create(SysvFixture *f, gconstpointer data) {
        g_autofree char *address = NULL, *by_id = NULL;
        KernelObject object, again;
        struct msqid_ds st;
        int id;

        fixture_create(&object, "mq-sysv", f->option, "max_bytes=1000", "mode=0642", NULL);
        id = msgget(f->key, 0);
        g_assert_cmpint(id, >=, 0);
        g_assert_cmpint(msgctl(id, IPC_STAT, &st), ==, 0);
        g_assert_cmpuint(st.msg_qbytes, ==, 1000);
        g_assert_cmpuint(st.msg_perm.mode & 0777, ==, 0642);
        g_assert_cmpuint(object.mode, ==, 0642);
        g_assert_cmpuint(object.bytes, ==, 1000);
        g_assert_cmpuint(object.created, >, 0);
        address = address_print(&object.address);
        g_assert_cmpstr(address, ==, f->address);
        posix_fixture_refused("mq-sysv", ERROR_EXISTS, "exists already", f->option, NULL);

        /* The number is another address of the same queue. */
        by_id = g_strdup_printf("mq-sysv:id=%d", id);
        g_assert_cmpint(fixture_open(&again, by_id, NULL, NULL), ==, 0);
        g_assert_cmpint(again.address.form, ==, ADDRESS_KEY);
        g_assert_cmpstr(again.identity, ==, object.identity);
        kernel_object_done(&again);
        posix_fixture_remove(&object);
        posix_fixture_open_refused(by_id, ERROR_NO_SUCH_OBJECT, "no System V message queue");
        posix_fixture_open_refused(f->address, ERROR_NO_SUCH_OBJECT, "no System V message queue");
}

static void test_refused(SysvFixture *f, gconstpointer data) {
        posix_fixture_refused("mq-sysv", ERROR_INVALID_OPTION, "max_bytes=0", f->option, "max_bytes=0");
        posix_fixture_refused("mq-sysv", ERROR_INVALID_OPTION, "key", "key=4294967296", NULL);
        posix_fixture_open_refused("mq-sysv:key=0x0", ERROR_INVALID_ADDRESS, "IPC_PRIVATE");
        posix_fixture_open_refused("mq-sysv:key=0x100000000", ERROR_INVALID_ADDRESS, "32 bits");
        posix_fixture_open_refused("mq-sysv:id=4294967296", ERROR_INVALID_ADDRESS, "larger");
}

/* A queue without a key is known by its number; another at the number is another. */
static void test_private(SysvFixture *f, gconstpointer data) {
        KernelObject object;
        Error error = {};

        fixture_create(&object, "mq-sysv", NULL);
        g_assert_cmpint(object.address.form, ==, ADDRESS_ID);
        g_assert_cmpint(msgctl((int)object.address.number, IPC_RMID, NULL), ==, 0);
        g_assert_cmpint(kernel_object_verify(&object, &error), ==, -ESTALE);
        g_assert_cmpint(fixture_send(&object, "x", &error), <, 0);
        g_assert_cmpint(error.code, ==, ERROR_NO_SUCH_OBJECT);
        kernel_object_done(&object);
}

static void test_types(SysvFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *meta = NULL;
        g_autofree char *text = NULL, *second = NULL;
        KernelObject object;
        Error error = {};

        fixture_create(&object, "mq-sysv", f->option, NULL);
        g_assert_cmpint(record_new(&meta), ==, 0);
        g_assert_cmpint(take(&object, false, NULL, &text, NULL, &error), ==, -EAGAIN);
        g_assert_cmpint(send_type(&object, "a", 3, &error), ==, 0);
        g_assert_cmpint(send_type(&object, "b", 1, &error), ==, 0);
        g_assert_cmpint(send_type(&object, "c", 2, &error), ==, 0);
        g_assert_cmpint(send_type(&object, "", 0, &error), ==, 0); /* type 1 */
        g_assert_cmpint(take(&object, true, "index=2", &text, meta, &error), ==, 0);
        g_assert_cmpstr(text, ==, "c");
        g_assert_cmpuint(record_get_u64(meta, "type", 0), ==, 2);
        g_assert_cmpint(take(&object, true, "index=4", &second, NULL, &error), ==, -EAGAIN);
        g_assert_cmpint(send_type(&object, "x", -1, &error), ==, -EINVAL);
        assert_takes(&object, "type=-2", "b");
        assert_takes(&object, "type=2", "c");
        g_assert_cmpint(take(&object, false, "type=9", &second, NULL, &error), ==, -EAGAIN);
        g_assert_cmpint(take(&object, false, "except=true", &second, NULL, &error), ==, -EINVAL);
        assert_takes(&object, NULL, "a");
        assert_takes(&object, "type=1", "");
        g_assert_cmpint(fixture_wait(&object, OPERATION_RECEIVE, 0), ==, -EOPNOTSUPP);
        posix_fixture_remove(&object);
}

static void test_sizes(SysvFixture *f, gconstpointer data) {
        g_autofree char *text = NULL, *large = g_strnfill(1000000, 'x');
        KernelObject object;
        Error error = {};

        fixture_create(&object, "mq-sysv", f->option, "max_bytes=8", NULL);
        g_assert_cmpint(fixture_send(&object, "123456789", &error), ==, -EDQUOT);
        g_assert_nonnull(strstr(error.message, "msg_qbytes"));
        g_assert_cmpint(fixture_send(&object, large, &error), ==, -EDQUOT);
        g_assert_cmpint(fixture_send(&object, "12345678", &error), ==, 0);
        g_assert_cmpint(fixture_send(&object, "9", &error), ==, -EAGAIN);
        g_assert_cmpint(take(&object, false, "size=3", &text, NULL, &error), ==, -EINVAL);
        g_assert_nonnull(strstr(error.message, "truncate=true"));
        g_assert_cmpint(take(&object, true, "size=3", &text, NULL, &error), ==, 0);
        g_assert_cmpstr(text, ==, "123");
        assert_takes(&object, NULL, "12345678");
        posix_fixture_remove(&object);
}

static void as_other_user(const char *address) {
        CLEANUP(record_freep) Record *verdict = NULL;
        g_autofree char *text = NULL;
        KernelObject object;
        Error error = {};

        /* Mode 0622: may send only. */
        g_assert_cmpint(fixture_open(&object, address, NULL, &error), ==, 0);
        g_assert_cmpint(fixture_send(&object, "hello", &error), ==, 0);
        g_assert_cmpint(fixture_receive(&object, false, 0, &text, NULL, &error), <, 0);
        g_assert_cmpint(error.code, ==, ERROR_NOT_PERMITTED);
        g_assert_nonnull(strstr(error.message, "0622"));
        verdict = fixture_explain(address);
        g_assert_true(fixture_may(verdict, "send to"));
        g_assert_false(fixture_may(verdict, "receive from"));
        g_assert_cmpuint(sysv_fixture_attribute(&object, "messages"), ==, 1);
        g_assert_cmpint(object.mechanism->remove(&object, &error), <, 0);
        g_assert_cmpint(error.code, ==, ERROR_NOT_PERMITTED);
        kernel_object_done(&object);
}

static void test_other_user(SysvFixture *f, gconstpointer data) {
        KernelObject object;

        if (!posix_fixture_can_be_other())
                return;
        fixture_create(&object, "mq-sysv", f->option, "mode=0622", NULL);
        posix_fixture_as_other(as_other_user, f->address);
        fixture_assert_receives(&object, "hello");
        posix_fixture_remove(&object);
}

/* ipcmk makes, ipcs tells what the scan tells, ipcrm removes; and ipcrm removes what was made here. */
static void test_tools(SysvFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *row = NULL;
        g_autofree char *id = sysv_fixture_make("-Q", NULL), *address = NULL, *canonical = NULL, *line = NULL,
                        *wanted = NULL;
        KernelObject object, own;

        address = g_strconcat("mq-sysv:id=", id, NULL);
        g_assert_cmpint(fixture_open(&object, address, NULL, NULL), ==, 0);
        g_assert_cmpint(fixture_send(&object, "theirs", NULL), ==, 0);
        canonical = address_print(&object.address);
        row = posix_fixture_scan(object.mechanism, canonical);
        g_assert_nonnull(row);
        line = sysv_fixture_line("-q", id);
        wanted = g_strdup_printf("%s %s root 644 %u %u", record_get_string(row, "key", ""), id,
                (unsigned)record_get_u64(row, "used", 0), (unsigned)record_get_u64(row, "messages", 0));
        if (geteuid() == 0)
                g_assert_cmpstr(line, ==, wanted);
        sysv_fixture_run("ipcrm", "-q", id);
        posix_fixture_open_refused(address, ERROR_NO_SUCH_OBJECT, id);
        kernel_object_done(&object);

        fixture_create(&own, "mq-sysv", f->option, NULL);
        sysv_fixture_run("ipcrm", "-Q", f->key_text);
        g_assert_cmpint(kernel_object_verify(&own, NULL), ==, -ESTALE);
        kernel_object_done(&own);
}

static void test_transport(void) {
        posix_fixture_transport("mq-sysv", WAIT_BLOCK, 3000);
        posix_fixture_transport("mq-sysv", WAIT_SPIN, 300);
}

static void test_sweep(void) {
        sysv_fixture_sweep("mq-sysv");
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
#define ADD(name, function) \
        g_test_add("/mq-sysv/" name, SysvFixture, "mq-sysv", sysv_fixture_set_up, function, sysv_fixture_tear_down)
        ADD("create", test_create);
        ADD("refused", test_refused);
        ADD("private", test_private);
        ADD("types", test_types);
        ADD("sizes", test_sizes);
        ADD("other-user", test_other_user);
        ADD("tools", test_tools);
#undef ADD
        g_test_add_func("/mq-sysv/transport", test_transport);
        g_test_add_func("/mq-sysv/sweep", test_sweep);
        return g_test_run();
}
