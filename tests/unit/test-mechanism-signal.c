/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signals as a kind: listeners that take them, processes as targets, values, what is refused, and that a number that
 * has become another process is not hit. */
#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "cleanup.h"
#include "mechanism-fixture.h"
#include "posix-fixture.h"
#include "units.h"

typedef struct Listener {
        KernelObject object;
        FixtureSink sink;
        pid_t pid;
        unsigned descriptors;
} Listener;

/* As the service does: a process that keeps, its first record added to the options. */
static void listener_start(Listener *l, const char *signals) {
        CLEANUP(record_freep) Record *options = NULL, *ready = NULL;
        const Mechanism *mechanism = mechanism_find("signal");
        Error error = {};
        int fds[2];

        l->descriptors = fixture_descriptors();
        g_assert_cmpint(fixture_options(mechanism, OPTION_FOR_CREATE, &options, &error, signals, NULL), ==, 0);
        g_assert_cmpint(channel_pair(fds), ==, 0);
        l->pid = fork();
        g_assert_cmpint(l->pid, >=, 0);
        if (l->pid == 0) {
                close(fds[0]);
                _exit(mechanism->keep(options, fds[1], NULL) < 0 ? 1 : 0);
        }
        close(fds[1]);
        g_assert_cmpint(channel_receive(fds[0], 30 * USEC_PER_SEC, &ready), ==, 0);
        g_assert_true(record_get_bool(ready, "ready", false));
        g_assert_cmpuint(record_get_u64(ready, "pid", 0), ==, (uint64_t)l->pid);
        record_merge(options, ready);
        kernel_object_init(&l->object, mechanism);
        g_assert_cmpint(mechanism->create(&l->object, options, &error), ==, 0);
        l->object.channel = fds[0];
        fixture_sink_init(&l->sink);
}

static void listener_end(Listener *l) {
        Error error = {};
        int status;

        g_assert_cmpint(kernel_object_verify(&l->object, &error), ==, 0);
        g_assert_cmpint(l->object.mechanism->remove(&l->object, &error), ==, 0);
        g_assert_cmpint(waitpid(l->pid, &status, 0), ==, l->pid);
        g_assert_cmpint(status, ==, 0);
        kernel_object_done(&l->object);
        fixture_sink_done(&l->sink);
        g_assert_cmpuint(fixture_descriptors(), ==, l->descriptors);
}

/* Gives the next record of the listener to the kind, as the service does. */
static void listener_hear(Listener *l) {
        CLEANUP(record_freep) Record *record = NULL;

        g_assert_cmpint(channel_receive(l->object.channel, 30 * USEC_PER_SEC, &record), ==, 0);
        l->object.mechanism->kept(&l->object, record, &l->sink.sink);
}

static int send_signal(KernelObject *object, const char *signal, const char *value, Error *error) {
        CLEANUP(record_freep) Record *options = NULL;
        g_autofree char *signal_option = g_strconcat("signal=", signal, NULL);
        g_autofree char *value_option = value ? g_strconcat("value=", value, NULL) : NULL;
        size_t sent;
        int r;

        r = fixture_options(object->mechanism, OPTION_FOR_SEND, &options, error, signal_option, value_option, NULL);
        return r < 0 ? r : object->mechanism->send(object, "", 0, options, &sent, error);
}

static void test_receive(void) {
        CLEANUP(record_freep) Record *meta = NULL;
        g_autofree char *text = NULL, *peeked = NULL, *address = NULL;
        Error error = {};
        Listener l;

        listener_start(&l, "signals=USR1,RTMIN+1");
        address = address_print(&l.object.address);
        g_assert_cmpint(g_ascii_strtoll(address + strlen("signal:"), NULL, 10), ==, l.pid);
        g_assert_true(l.object.unnamed);
        g_assert_cmpint(record_new(&meta), ==, 0);
        g_assert_cmpint(fixture_receive(&l.object, false, 0, &text, meta, &error), ==, -EAGAIN);
        g_assert_cmpint(fixture_wait(&l.object, OPERATION_RECEIVE, 0), ==, -ETIMEDOUT);

        g_assert_cmpint(kill(l.pid, SIGUSR1), ==, 0);
        listener_hear(&l);
        g_assert_cmpuint(l.sink.counts[EVENT_SIGNAL_RECEIVED], ==, 1);
        g_assert_cmpint(record_get_i64(l.sink.last, "signal", 0), ==, SIGUSR1);
        g_assert_cmpuint(record_get_u64(l.sink.last, "pid", 0), ==, (uint64_t)getpid());
        g_assert_cmpuint(record_get_u64(l.sink.last, "uid", 77), ==, getuid());
        g_assert_cmpint(send_signal(&l.object, "RTMIN+1", "-5", &error), ==, 0);
        listener_hear(&l);
        g_assert_cmpint(record_get_i64(l.sink.last, "value", 0), ==, -5);

        g_assert_cmpint(fixture_wait(&l.object, OPERATION_RECEIVE, 0), ==, 0);
        g_assert_cmpint(fixture_receive(&l.object, true, 0, &peeked, meta, &error), ==, 0);
        g_assert_cmpstr(peeked, ==, "SIGUSR1");
        g_assert_cmpint(fixture_receive(&l.object, false, 0, &text, meta, &error), ==, 0);
        g_assert_cmpstr(text, ==, "SIGUSR1");
        g_assert_cmpstr(record_get_string(meta, "code", ""), ==, "kill");
        g_assert_false(record_has(meta, "lost"));
        fixture_assert_receives(&l.object, "SIGRTMIN+1");
        g_assert_cmpint(fixture_wait(&l.object, OPERATION_RECEIVE, 0), ==, -ETIMEDOUT);
        listener_end(&l);
}

static void test_lost(void) {
        CLEANUP(record_freep) Record *meta = NULL;
        g_autofree char *text = NULL;
        Error error = {};
        Listener l;

        listener_start(&l, "signals=RTMIN");
        for (int i = 0; i < 260; i++) {
                g_autofree char *value = g_strdup_printf("%d", i);

                g_assert_cmpint(send_signal(&l.object, "RTMIN", value, &error), ==, 0);
        }
        for (int i = 0; i < 260; i++)
                listener_hear(&l);
        g_assert_cmpuint(l.sink.counts[EVENT_SIGNAL_RECEIVED], ==, 260);
        g_assert_cmpint(record_new(&meta), ==, 0);
        g_assert_cmpint(fixture_receive(&l.object, false, 0, &text, meta, &error), ==, 0);
        g_assert_cmpint(record_get_i64(meta, "value", 0), ==, 4);
        g_assert_cmpuint(record_get_u64(meta, "lost", 0), ==, 4);
        listener_end(&l);
}

static void test_listen(void) {
        const char *const others[] = { "USR2" }, *const kill_alone[] = { "KILL" };
        CLEANUP(record_freep) Record *attributes = NULL;
        const Value *signals;
        Error error = {};
        Listener l;

        listener_start(&l, "signals=USR1");
        g_assert_cmpint(l.object.mechanism->listen(&l.object, kill_alone, 1, &error), ==, -EINVAL);
        g_assert_cmpint(l.object.mechanism->listen(&l.object, others, 1, &error), ==, 0);
        listener_hear(&l);
        g_assert_cmpuint(l.sink.counts[EVENT_CHANGED], ==, 1);
        g_assert_cmpint(kill(l.pid, SIGUSR2), ==, 0);
        listener_hear(&l);
        g_assert_cmpint(record_get_i64(l.sink.last, "signal", 0), ==, SIGUSR2);
        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(l.object.mechanism->describe(&l.object, attributes, &error), ==, 0);
        signals = record_get(attributes, "signals");
        g_assert_cmpuint(signals->strings.n, ==, 1);
        g_assert_cmpstr(signals->strings.items[0], ==, "SIGUSR2");
        signals = record_get(attributes, "blocked");
        g_assert_cmpuint(signals->strings.n, ==, 1);
        g_assert_cmpuint(record_get_u64(attributes, "messages", 0), ==, 1);
        listener_end(&l);
}

static void refused(const char *signals, const char *expected) {
        CLEANUP(record_freep) Record *options = NULL;
        const Mechanism *mechanism = mechanism_find("signal");
        KernelObject object;
        Error error = {};

        g_assert_cmpint(fixture_options(mechanism, OPTION_FOR_CREATE, &options, &error, signals, NULL), ==, 0);
        kernel_object_init(&object, mechanism);
        g_assert_cmpint(mechanism->create(&object, options, &error), ==, -EINVAL);
        if (!strstr(error.message, expected))
                g_error("\"%s\" does not say \"%s\"", error.message, expected);
        kernel_object_done(&object);
}

static void test_create_refused(void) {
        refused("signals=USR1,KILL", "SIGKILL");
        refused("signals=STOP", "SIGSTOP");
        refused("signals=NOTHING", "is no signal");
        refused("signals=", "signal");
}

/* A child that sleeps, with the object of its process. */
static pid_t child_open(KernelObject *object) {
        g_autofree char *address = NULL;
        Error error = {};
        pid_t pid;

        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                for (;;)
                        pause();
        }
        address = g_strdup_printf("signal:%d", (int)pid);
        g_assert_cmpint(fixture_open(object, address, NULL, &error), ==, 0);
        return pid;
}

static void test_target(void) {
        CLEANUP(record_freep) Record *attributes = NULL, *data = NULL;
        const char *const names[] = { "USR1" };
        g_autofree char *text = NULL;
        KernelObject object;
        Error error = {};
        size_t sent;
        int status;
        pid_t pid;

        pid = child_open(&object);
        g_assert_cmpuint(object.owner, ==, getuid());
        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(object.mechanism->describe(&object, attributes, &error), ==, 0);
        g_assert_cmpuint(record_get_u64(attributes, "pid", 0), ==, (uint64_t)pid);
        g_assert_cmpuint(record_get_u64(attributes, "signal_queue_max", 0), >, 0);

        g_assert_cmpint(fixture_receive(&object, false, 0, &text, NULL, &error), ==, -EOPNOTSUPP);
        g_assert_cmpint(object.mechanism->listen(&object, names, 1, &error), ==, -EOPNOTSUPP);
        g_assert_cmpint(object.mechanism->remove(&object, &error), ==, -EOPNOTSUPP);
        g_assert_nonnull(strstr(error.message, "does not end processes"));
        g_assert_cmpint(fixture_send(&object, "data", &error), ==, -EINVAL);
        g_assert_nonnull(strstr(error.message, "carries no data"));
        g_assert_cmpint(fixture_send(&object, "", &error), ==, -EINVAL);
        g_assert_cmpint(send_signal(&object, "NOTHING", NULL, &error), ==, -EINVAL);
        g_assert_cmpint(send_signal(&object, "TERM", "2147483648", &error), ==, -EINVAL);
        g_assert_cmpint(record_new(&data), ==, 0);
        record_set_string(data, "signal", "TERM");
        g_assert_cmpint(object.mechanism->send(&object, "x", 1, data, &sent, &error), ==, -EINVAL);

        g_assert_cmpint(send_signal(&object, "TERM", NULL, &error), ==, 0);
        g_assert_cmpint(waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT), ==, 0);
        /* Not collected yet: the kernel would take a signal, and nobody would get it. */
        g_assert_cmpint(send_signal(&object, "TERM", NULL, &error), ==, -EPIPE);
        g_assert_cmpint(error.code, ==, ERROR_PEER_GONE);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFSIGNALED(status));
        g_assert_cmpint(WTERMSIG(status), ==, SIGTERM);
        g_assert_cmpint(send_signal(&object, "TERM", NULL, &error), ==, -EPIPE);
        g_assert_cmpint(object.mechanism->describe(&object, attributes, &error), ==, -ENOENT);
        g_assert_cmpint(kernel_object_verify(&object, &error), ==, -ESTALE);
        kernel_object_done(&object);
}

static void test_open_refused(void) {
        posix_fixture_open_refused("signal:0", ERROR_INVALID_ADDRESS, "no process id");
        posix_fixture_open_refused("signal:4294967296", ERROR_INVALID_ADDRESS, "no process id");
        posix_fixture_open_refused("signal:2147483647", ERROR_NO_SUCH_OBJECT, "no process");
}

/* It would be the test itself, and what runs it. */
static void test_confirm(void) {
        g_autofree char *self = g_strdup_printf("signal:%d", (int)getpid());
        g_autofree char *parent = g_strdup_printf("signal:%d", (int)getppid());
        const char *const addresses[] = { "signal:1", self, parent };
        CLEANUP(record_freep) Record *options = NULL;
        KernelObject object;
        Error error = {};
        size_t sent;

        for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
                g_assert_cmpint(fixture_open(&object, addresses[i], NULL, &error), ==, 0);
                g_assert_cmpint(send_signal(&object, "CONT", NULL, &error), ==, -EACCES);
                g_assert_nonnull(strstr(error.message, "confirm=true"));
                kernel_object_done(&object);
        }
        g_assert_cmpint(fixture_open(&object, self, NULL, &error), ==, 0);
        g_assert_cmpint(record_new(&options), ==, 0);
        record_set_string(options, "signal", "CONT");
        record_set_bool(options, "confirm", true);
        g_assert_cmpint(object.mechanism->send(&object, NULL, 0, options, &sent, &error), ==, 0);
        kernel_object_done(&object);
}

/* The identity is of a process, not of its number. */
static void test_recycled(void) {
        KernelObject object;
        Error error = {};
        pid_t pid;

        pid = child_open(&object);
        g_assert_cmpint(kernel_object_verify(&object, &error), ==, 0);
        g_snprintf(object.identity, sizeof object.identity, "%d:1", (int)pid);
        g_assert_cmpint(kernel_object_verify(&object, &error), ==, -ESTALE);
        g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
        kernel_object_done(&object);
}

/* The limit is that of the receiver's user; root would pass it. */
static void queue_is_full(void) {
        const struct rlimit limit = { 3, 3 };
        KernelObject object;
        Error error = {};
        sigset_t set;
        pid_t pid;
        int r = 0;

        /* The child inherits that it is blocked. */
        sigemptyset(&set);
        sigaddset(&set, SIGRTMIN);
        sigprocmask(SIG_BLOCK, &set, NULL);
        g_assert_cmpint(setrlimit(RLIMIT_SIGPENDING, &limit), ==, 0);
        pid = child_open(&object);
        for (int i = 0; i < 100 && r >= 0; i++)
                r = send_signal(&object, "RTMIN", NULL, &error);
        kill(pid, SIGKILL);
        g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
        g_assert_cmpint(r, ==, -EDQUOT);
        g_assert_nonnull(strstr(error.message, "RLIMIT_SIGPENDING"));
        kernel_object_done(&object);
}

static void as_other_user(const char *address) {
        CLEANUP(record_freep) Record *attributes = NULL;
        KernelObject object;
        Error error = {};

        g_assert_cmpint(fixture_open(&object, address, NULL, &error), ==, 0);
        g_assert_cmpint(send_signal(&object, "USR1", NULL, &error), <, 0);
        g_assert_cmpint(error.code, ==, ERROR_NOT_PERMITTED);
        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(object.mechanism->describe(&object, attributes, &error), ==, 0);
        kernel_object_done(&object);
        queue_is_full();
}

static void test_other_user(void) {
        g_autofree char *address = NULL;
        KernelObject object;
        pid_t pid;

        if (!posix_fixture_can_be_other())
                return;
        pid = child_open(&object);
        address = g_strdup_printf("signal:%d", (int)pid);
        posix_fixture_as_other(as_other_user, address);
        g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
        kernel_object_done(&object);
}

static void test_scan(void) {
        CLEANUP(record_freep) Record *row = NULL;
        g_autofree char *address = NULL;
        Listener l;

        listener_start(&l, "signals=USR1,USR2");
        address = address_print(&l.object.address);
        row = posix_fixture_scan(l.object.mechanism, address);
        g_assert_nonnull(row);
        g_assert_cmpstr(record_get_string(row, "state", ""), ==, "signalfd takes: SIGUSR1, SIGUSR2");
        g_assert_cmpuint(record_get_u64(row, "pid", 0), ==, (uint64_t)l.pid);
        listener_end(&l);
}

static void test_transport(void) {
        posix_fixture_transport("signal", WAIT_BLOCK, 3000);
        posix_fixture_transport("signal", WAIT_SPIN, 300);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/signal/receive", test_receive);
        g_test_add_func("/signal/lost", test_lost);
        g_test_add_func("/signal/listen", test_listen);
        g_test_add_func("/signal/create-refused", test_create_refused);
        g_test_add_func("/signal/target", test_target);
        g_test_add_func("/signal/open-refused", test_open_refused);
        g_test_add_func("/signal/confirm", test_confirm);
        g_test_add_func("/signal/recycled", test_recycled);
        g_test_add_func("/signal/other-user", test_other_user);
        g_test_add_func("/signal/scan", test_scan);
        g_test_add_func("/signal/transport", test_transport);
        return g_test_run();
}
