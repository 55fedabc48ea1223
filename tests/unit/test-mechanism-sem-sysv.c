/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* System V semaphores as a kind: sets with several values, posting and waiting with their limits, who waits, users
 * without the right, and the tools of util-linux both ways. */
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "mechanism-fixture.h"
#include "posix-fixture.h"
#include "sem-sysv.h"
#include "sysv-fixture.h"

static void assert_numbers(KernelObject *object, const char *name, const uint64_t *wanted, size_t n) {
        CLEANUP(record_freep) Record *attributes = NULL;
        const Value *value;
        Error error = {};

        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(object->mechanism->describe(object, attributes, &error), ==, 0);
        value = record_get(attributes, name);
        g_assert_nonnull(value);
        g_assert_cmpmem(value->u64s.items, value->u64s.n * sizeof(uint64_t), wanted, n * sizeof(uint64_t));
}

static void test_create(SysvFixture *f, gconstpointer data) {
        static const uint64_t wanted[] = { 3, 0, 32767 }, same[] = { 7, 7 };
        g_autofree char *by_id = NULL;
        KernelObject object, again;
        Error error = {};

        fixture_create(&object, "sem-sysv", f->option, "values=3,0,32767", "mode=0642", NULL);
        g_assert_cmpint(semget(f->key, 0, 0), ==, sysv_id(&object));
        g_assert_cmpuint(object.mode, ==, 0642);
        assert_numbers(&object, "values", wanted, G_N_ELEMENTS(wanted));
        g_assert_cmpuint(sysv_fixture_attribute(&object, "semaphores"), ==, 3);
        posix_fixture_refused("sem-sysv", ERROR_EXISTS, "exists already", f->option, NULL);
        by_id = g_strdup_printf("sem-sysv:id=%d", sysv_id(&object));
        g_assert_cmpint(fixture_open(&again, by_id, NULL, &error), ==, 0);
        g_assert_cmpint(again.address.form, ==, ADDRESS_KEY);
        kernel_object_done(&again);
        /* Setting a value moves sem_ctime (semctl(2)), and it is the same set all the same. */
        g_usleep(1100 * 1000);
        g_assert_cmpint(semctl(sysv_id(&object), 0, SETVAL, (SemArgument){ .value = 1 }), ==, 0);
        posix_fixture_remove(&object);

        fixture_create(&object, "sem-sysv", "count=2", "value=7", NULL);
        g_assert_cmpint(object.address.form, ==, ADDRESS_ID);
        assert_numbers(&object, "values", same, G_N_ELEMENTS(same));
        posix_fixture_remove(&object);
}

static void test_refused(SysvFixture *f, gconstpointer data) {
        posix_fixture_refused("sem-sysv", ERROR_INVALID_OPTION, "one for each", "count=3", "values=1,2");
        posix_fixture_refused("sem-sysv", ERROR_INVALID_OPTION, "32768", "values=1,32768", NULL);
        posix_fixture_refused("sem-sysv", ERROR_LIMIT_EXCEEDED, "semmsl", "count=1000000", NULL);
}

static void test_post_wait(SysvFixture *f, gconstpointer data) {
        KernelObject object;
        Error error = {};

        fixture_create(&object, "sem-sysv", f->option, NULL);
        g_assert_cmpint(fixture_take(&object, 0, NULL, &error), ==, -ETIMEDOUT);
        g_assert_cmpint(fixture_take(&object, 20000, NULL, &error), ==, -ETIMEDOUT);
        g_assert_nonnull(strstr(error.message, "20 ms"));
        g_assert_cmpint(fixture_post(&object, 2, NULL, &error), ==, 0);
        g_assert_cmpuint(sysv_fixture_attribute(&object, "value"), ==, 2);
        g_assert_cmpint(fixture_take(&object, UINT64_MAX, NULL, &error), ==, 0);
        g_assert_cmpint(fixture_take(&object, 0, NULL, &error), ==, 0);
        g_assert_cmpint(fixture_post(&object, 0, NULL, &error), ==, -EINVAL);
        g_assert_cmpint(fixture_post(&object, 32768, NULL, &error), ==, -EDQUOT);
        g_assert_cmpint(fixture_post(&object, 32767, NULL, &error), ==, 0);
        g_assert_cmpint(fixture_post(&object, 1, NULL, &error), ==, -EDQUOT);
        g_assert_cmpuint(sysv_fixture_attribute(&object, "value"), ==, 32767);
        posix_fixture_remove(&object);
}

/* Who waits is counted; and a set that is removed ends the wait. */
static void test_waiters(SysvFixture *f, gconstpointer data) {
        KernelObject object;
        int status;
        pid_t pid;

        fixture_create(&object, "sem-sysv", f->option, NULL);
        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                Error error = {};

                alarm(60);
                _exit(fixture_take(&object, UINT64_MAX, NULL, &error) == -ENOENT ? 0 : 1);
        }
        for (int i = 0; i < 5000 && sysv_fixture_attribute(&object, "waiters") == 0; i++)
                g_usleep(1000);
        g_assert_cmpuint(sysv_fixture_attribute(&object, "waiters"), ==, 1);
        posix_fixture_remove(&object);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
}

static void as_other_user(const char *address) {
        KernelObject object;
        Error error = {};

        g_assert_cmpint(fixture_open(&object, address, NULL, &error), ==, 0);
        g_assert_cmpint(fixture_post(&object, 1, NULL, &error), <, 0);
        g_assert_cmpint(error.code, ==, ERROR_NOT_PERMITTED);
        g_assert_cmpuint(sysv_fixture_attribute(&object, "semaphores"), ==, 1);
        g_assert_cmpint(object.mechanism->remove(&object, &error), <, 0);
        g_assert_cmpint(error.code, ==, ERROR_NOT_PERMITTED);
        kernel_object_done(&object);
}

static void test_other_user(SysvFixture *f, gconstpointer data) {
        KernelObject object;

        if (!posix_fixture_can_be_other())
                return;
        fixture_create(&object, "sem-sysv", f->option, NULL);
        posix_fixture_as_other(as_other_user, f->address);
        posix_fixture_remove(&object);
}

/* "ipcmk -S 1" makes, "ipcs -s" tells what the scan tells, ipcrm removes; and ipcrm removes what was made here. */
static void test_tools(SysvFixture *f, gconstpointer data) {
        CLEANUP(record_freep) Record *row = NULL;
        g_autofree char *id = sysv_fixture_make("-S", "1", NULL), *address = NULL, *canonical = NULL, *line = NULL,
                        *wanted = NULL;
        KernelObject object, own;
        Error error = {};

        address = g_strconcat("sem-sysv:id=", id, NULL);
        g_assert_cmpint(fixture_open(&object, address, NULL, &error), ==, 0);
        g_assert_cmpint(fixture_post(&object, 1, NULL, &error), ==, 0);
        canonical = address_print(&object.address);
        row = posix_fixture_scan(object.mechanism, canonical);
        g_assert_nonnull(row);
        line = sysv_fixture_line("-s", id);
        wanted = g_strdup_printf("%s %s root 644 %u", record_get_string(row, "key", ""), id,
                (unsigned)record_get_u64(row, "semaphores", 0));
        if (geteuid() == 0)
                g_assert_cmpstr(line, ==, wanted);
        sysv_fixture_run("ipcrm", "-s", id);
        posix_fixture_open_refused(address, ERROR_NO_SUCH_OBJECT, id);
        kernel_object_done(&object);

        fixture_create(&own, "sem-sysv", f->option, NULL);
        sysv_fixture_run("ipcrm", "-S", f->key_text);
        g_assert_cmpint(kernel_object_verify(&own, &error), ==, -ESTALE);
        kernel_object_done(&own);
}

static void test_transport(void) {
        posix_fixture_transport("sem-sysv", WAIT_BLOCK, 3000);
        posix_fixture_transport("sem-sysv", WAIT_SPIN, 300);
}

static void test_sweep(void) {
        sysv_fixture_sweep("sem-sysv");
}

static uint64_t value_at(KernelObject *object, size_t index) {
        CLEANUP(record_freep) Record *attributes = NULL;
        const Value *values;

        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(object->mechanism->describe(object, attributes, NULL), ==, 0);
        values = record_get(attributes, "values");
        g_assert_nonnull(values);
        g_assert_cmpuint(index, <, values->u64s.n);
        return values->u64s.items[index];
}

/* What one call of post or wait does to a set of three. */
static void test_set(SysvFixture *f, gconstpointer data) {
        g_autoptr(GString) many = g_string_new("operations=0:+1");
        KernelObject object;
        Error error = {};

        fixture_create(&object, "sem-sysv", f->option, "values=1,0,2", NULL);
        g_assert_cmpint(fixture_post(&object, 4, "index=1", &error), ==, 0);
        g_assert_cmpuint(value_at(&object, 1), ==, 4);
        g_assert_cmpint(fixture_post(&object, 1, "index=3", &error), ==, -EINVAL);
        g_assert_nonnull(strstr(error.message, "EFBIG"));
        g_assert_cmpint(fixture_take(&object, 0, "operations=0:-1,1:-5", &error), ==, -ETIMEDOUT);
        g_assert_cmpuint(value_at(&object, 0), ==, 1);
        g_assert_cmpint(fixture_take(&object, 0, "operations=0:-1,1:-4,2:+3", &error), ==, 0);
        g_assert_cmpuint(value_at(&object, 2), ==, 5);
        g_assert_cmpint(fixture_take(&object, 0, "zero=true", &error), ==, 0);
        g_assert_cmpint(fixture_post(&object, 1, "operations=2:-6", &error), ==, -EBUSY);
        g_assert_cmpint(fixture_post(&object, 1, "operations=2", &error), ==, -EINVAL);
        g_assert_cmpint(fixture_post(&object, 1, "operations=2:+40000", &error), ==, -EINVAL);
        g_assert_cmpint(fixture_post(&object, 1, "set=9", &error), ==, 0);
        g_assert_cmpint(fixture_take(&object, 10000, "zero=true", &error), ==, -ETIMEDOUT);
        g_assert_nonnull(strstr(error.message, "did not become 0"));
        g_assert_cmpint(fixture_take(&object, 0, "count=8", &error), ==, 0);
        g_assert_cmpuint(value_at(&object, 0), ==, 1);
        g_assert_cmpint(fixture_post(&object, 1, "set=5,6,7", &error), ==, 0);
        g_assert_cmpuint(value_at(&object, 2), ==, 7);
        g_assert_cmpint(fixture_post(&object, 1, "set=5,6", &error), ==, -EINVAL);
        g_assert_cmpint(fixture_post(&object, 1, "set=32768", &error), ==, -EDQUOT);
        for (int i = 0; i < 600; i++)
                g_string_append(many, ",0:+1");
        g_assert_cmpint(fixture_post(&object, 1, many->str, &error), ==, -EDQUOT);
        g_assert_nonnull(strstr(error.message, "semopm"));
        posix_fixture_remove(&object);
}

/* A process that took with SEM_UNDO ends: in order, and killed. */
static void test_undo(SysvFixture *f, gconstpointer data) {
        KernelObject object;
        Error error = {};

        fixture_create(&object, "sem-sysv", f->option, "values=3,2", NULL);
        for (int killed = 0; killed < 2; killed++) {
                pid_t pid = fork();
                int status;

                g_assert_cmpint(pid, >=, 0);
                if (pid == 0) {
                        CLEANUP(record_freep) Record *options = NULL, *meta = NULL;
                        bool right = fixture_options(object.mechanism, OPTION_FOR_WAIT, &options, NULL,
                                             "operations=0:-1,1:-2", "undo=true", NULL) == 0 &&
                                     record_new(&meta) == 0 && object.mechanism->holds(options) &&
                                     object.mechanism->wait(&object, 0, options, meta, NULL) == 0 &&
                                     value_at(&object, 0) == 2 && value_at(&object, 1) == 0;

                        if (right && killed)
                                (void)raise(SIGKILL);
                        _exit(right && object.mechanism->release(&object, options, NULL) == 0 &&
                                                value_at(&object, 1) == 2
                                        ? 0
                                        : 1);
                }
                g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
                g_assert_true(killed ? WIFSIGNALED(status) : WIFEXITED(status) && WEXITSTATUS(status) == 0);
                g_assert_cmpuint(value_at(&object, 0), ==, 3);
                g_assert_cmpuint(value_at(&object, 1), ==, 2);
        }
        g_assert_false(object.mechanism->holds(NULL));
        g_assert_cmpint(error.code, ==, ERROR_NONE);
        posix_fixture_remove(&object);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
#define ADD(name, function) \
        g_test_add("/sem-sysv/" name, SysvFixture, "sem-sysv", sysv_fixture_set_up, function, sysv_fixture_tear_down)
        ADD("create", test_create);
        ADD("refused", test_refused);
        ADD("post-wait", test_post_wait);
        ADD("waiters", test_waiters);
        ADD("set", test_set);
        ADD("undo", test_undo);
        ADD("other-user", test_other_user);
        ADD("tools", test_tools);
#undef ADD
        g_test_add_func("/sem-sysv/transport", test_transport);
        g_test_add_func("/sem-sysv/sweep", test_sweep);
        return g_test_run();
}
