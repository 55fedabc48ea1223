/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The transports of pipes, FIFOs and UNIX sockets between two processes: both ways, with every way of waiting, large
 * messages, attempts, time-outs, and what is seen when the other side closes or dies. */
#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "mechanism-fixture.h"
#include "stream-wait.h"
#include "transport.h"

typedef struct Fixture {
        char *directory;
        unsigned descriptors;
        Link link;
        const Transport *transport;
        pid_t pid;
} Fixture;

typedef struct Case {
        const char *kind;
        WaitMode wait;
} Case;

static void set_up(Fixture *f, gconstpointer data) {
        const Case *c = data;

        f->directory = fixture_directory_new();
        f->descriptors = fixture_descriptors();
        f->link = (Link)LINK_EMPTY;
        f->link.mechanism = mechanism_find(c->kind);
        f->link.token = "unit";
        f->link.directory = f->directory;
        f->link.wait = c->wait;
        f->link.spin_nsec = 20000;
        f->link.message_max = 100000;
        f->transport = f->link.mechanism->transport;
}

/* Starts the other side, which runs the role, and attaches this one. */
static void begin(Fixture *f, int (*role)(Link *link, const Transport *transport)) {
        Error error = {};

        g_assert_cmpint(f->transport->setup(&f->link, &error), ==, 0);
        g_assert_cmpuint(f->link.message_max, ==, 100000);
        f->pid = fork();
        g_assert_cmpint(f->pid, >=, 0);
        if (f->pid == 0) {
                int r;

                alarm(30);
                f->link.side = 1;
                r = f->transport->attach(&f->link, &error);
                if (r >= 0)
                        r = link_wait_begin(&f->link, &error);
                if (r >= 0)
                        r = role(&f->link, f->transport);
                link_wait_end(&f->link);
                if (r >= 0)
                        f->transport->detach(&f->link);
                _exit(r < 0 ? 1 : 0);
        }
        f->link.side = 0;
        g_assert_cmpint(f->transport->attach(&f->link, &error), ==, 0);
        g_assert_cmpint(link_wait_begin(&f->link, &error), ==, 0);
        for (int i = 0; i < LINK_FDS_MAX; i++)
                g_assert_cmpint(f->link.fds[i], <, 0);
}

static void tear_down(Fixture *f, gconstpointer data) {
        int status;

        g_assert_cmpint(waitpid(f->pid, &status, 0), ==, f->pid);
        link_wait_end(&f->link);
        f->transport->detach(&f->link);
        f->transport->teardown(&f->link);
        g_assert_true(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
        g_assert_cmpuint(fixture_descriptors(), ==, f->descriptors);
        fixture_directory_done(f->directory);
}

static ssize_t receive_message(Link *link, const Transport *transport, void *buffer, size_t size) {
        return transport->boundaries ? link_receiver(link)(link, buffer, size) : link_receive_all(link, buffer, size);
}

static const size_t sizes[] = { 1, 64, 4096, 4097, 70000, 100000 };

static int role_echo(Link *link, const Transport *transport) {
        char *buffer = malloc(100000);

        for (size_t i = 0; buffer && i < G_N_ELEMENTS(sizes); i++)
                for (int round = 0; round < 20; round++)
                        if (receive_message(link, transport, buffer, sizes[i]) != (ssize_t)sizes[i] ||
                                link_sender(link)(link, buffer, sizes[i]) < 0)
                                return -EIO;
        free(buffer);
        return buffer ? 0 : -ENOMEM;
}

static void test_echo(Fixture *f, gconstpointer data) {
        g_autofree unsigned char *out = g_malloc(100000), *in = g_malloc(100000);

        begin(f, role_echo);
        for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
                for (int round = 0; round < 20; round++) {
                        for (size_t k = 0; k < sizes[i]; k++)
                                out[k] = (unsigned char)(k * 7 + (size_t)round);
                        g_assert_cmpint(link_sender(&f->link)(&f->link, out, sizes[i]), ==, 0);
                        g_assert_cmpint(receive_message(&f->link, f->transport, in, sizes[i]), ==, (ssize_t)sizes[i]);
                        g_assert_cmpmem(in, sizes[i], out, sizes[i]);
                }
}

static int role_wait(Link *link, const Transport *transport) {
        char word[4];

        return link_receiver(link)(link, word, sizeof word) == 4 ? 0 : -EIO;
}

/* Nothing there, then a full channel; neither waits, and what went in comes out. */
static void test_attempts(Fixture *f, gconstpointer data) {
        char byte, block[4096] = { 1 };
        unsigned fit = 0;
        int r;

        begin(f, role_wait);
        g_assert_cmpint(f->transport->try_receive(&f->link, &byte, 1), ==, -EAGAIN);
        g_assert_cmpint(f->transport->wait_readable(&f->link, 20000), ==, -ETIMEDOUT);
        g_assert_cmpint(link_sender(&f->link)(&f->link, "word", 4), ==, 0);
        while ((r = f->transport->try_send(&f->link, block, sizeof block)) == 0)
                g_assert_cmpuint(++fit, <, 100000);
        g_assert_true(r == -EAGAIN || r == -EPIPE || r == -ECONNREFUSED);
}

static int role_close(Link *link, const Transport *transport) {
        char word[8];

        if (link_sender(link)(link, "last", 4) < 0)
                return -EIO;
        transport->close_direction(link, true);
        /* The other direction still works. */
        return receive_message(link, transport, word, 5) == 5 ? 0 : -EIO;
}

static void test_close(Fixture *f, gconstpointer data) {
        char word[8];

        if (!f->transport->close_direction) {
                begin(f, role_wait);
                g_assert_cmpint(link_sender(&f->link)(&f->link, "word", 4), ==, 0);
                return;
        }
        begin(f, role_close);
        g_assert_cmpint(receive_message(&f->link, f->transport, word, 4), ==, 4);
        g_assert_cmpint(link_receiver(&f->link)(&f->link, word, sizeof word), ==, 0);
        g_assert_cmpint(f->transport->wait_readable(&f->link, 20000), ==, 0);
        g_assert_cmpint(link_sender(&f->link)(&f->link, "reply", 5), ==, 0);
}

static int role_sleep(Link *link, const Transport *transport) {
        pause();
        return 0;
}

static void test_killed(Fixture *f, gconstpointer data) {
        siginfo_t info;
        char byte;
        int r;

        begin(f, role_sleep);
        g_assert_cmpint(kill(f->pid, SIGKILL), ==, 0);
        g_assert_cmpint(waitid(P_PID, (id_t)f->pid, &info, WEXITED | WNOWAIT), ==, 0);
        do
                r = link_sender(&f->link)(&f->link, "x", 1);
        while (r == 0);
        g_assert_cmpint(r, ==, f->transport->close_direction ? -EPIPE : -ECONNREFUSED);
        if (f->transport->close_direction)
                g_assert_cmpint(link_receiver(&f->link)(&f->link, &byte, 1), ==, 0);
        else
                g_assert_cmpint(f->transport->try_receive(&f->link, &byte, 1), ==, -EAGAIN);
}

int main(int argc, char **argv) {
        static const char *const kinds[] = { "pipe", "fifo", "unix-stream", "unix-dgram", "unix-seqpacket" };
        static Case cases[G_N_ELEMENTS(kinds) * WAIT_MODE_MAX];
        size_t n = 0;

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
                for (WaitMode wait = 0; wait < WAIT_MODE_MAX; wait++) {
                        static const struct {
                                const char *name;
                                void (*run)(Fixture *f, gconstpointer data);
                        } tests[] = { { "echo", test_echo }, { "attempts", test_attempts }, { "close", test_close },
                                { "killed", test_killed } };

                        cases[n] = (Case){ kinds[i], wait };
                        for (size_t k = 0; k < G_N_ELEMENTS(tests); k++) {
                                g_autofree char *path = g_strdup_printf(
                                        "/transport/%s/%s/%s", kinds[i], wait_mode_name(wait), tests[k].name);

                                g_test_add(path, Fixture, &cases[n], set_up, tests[k].run, tear_down);
                        }
                        n++;
                }
        return g_test_run();
}
