/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The proof that checks can fail: real transports that are made to do one thing wrong, and checks that misbehave
 * themselves. Every generic check has to pass over the transport as it is, and to fail for the fault that it exists to
 * find. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checks.h"
#include "mechanism.h"
#include "test-engine.h"
#include "units.h"

typedef enum Fault {
        FAULT_NONE,
        FAULT_DROP,         /* one message vanishes */
        FAULT_SWAP,         /* two change places */
        FAULT_DUPLICATE,    /* one comes twice */
        FAULT_CORRUPT,      /* one bit changes */
        FAULT_SPLIT,        /* one comes in two halves */
        FAULT_HOLD,         /* each leaves only with the next: the last never */
        FAULT_TRUNCATE,     /* what is too large is cut, not refused */
        FAULT_EARLY,        /* a time-out fires at half its time */
        FAULT_LIE_READY,    /* waiting says that there is something when there is not */
        FAULT_NO_WAIT,      /* receiving does not wait */
        FAULT_NO_WAIT_SEND, /* sending does not wait when full */
        FAULT_SPIN,         /* receiving waits without sleeping */
        FAULT_BLOCK,        /* trying to send waits */
        FAULT_DEPTH,        /* fewer fit than is said */
        FAULT_ONE_WAY,      /* while one lane is in use the other does not work */
        FAULT_BOUNDARIES,   /* says the opposite of what it does with boundaries */
        FAULT_NO_END,       /* end of file looks like emptiness */
        FAULT_END,          /* emptiness looks like end of file */
        FAULT_DEAF,         /* does not notice that the receiver is gone */
} Fault;

static Fault fault;
static const Mechanism *real;
static unsigned sends;
static unsigned char kept[128 * 1024];
static size_t kept_size;
static gboolean keeping;

static int pass_on(Link *link, const void *data, size_t size, gboolean wait) {
        return wait ? real->transport->send(link, data, size) : real->transport->try_send(link, data, size);
}

static void keep(const void *data, size_t size) {
        memcpy(kept, data, size);
        kept_size = size;
        keeping = TRUE;
}

static int send_swapped(Link *link, const void *data, size_t size, gboolean wait) {
        int r;

        if (sends == 2) {
                keep(data, size);
                return 0;
        }
        r = pass_on(link, data, size, wait);
        if (r >= 0 && keeping) {
                keeping = FALSE;
                r = pass_on(link, kept, kept_size, wait);
        }
        return r;
}

static int send_held(Link *link, const void *data, size_t size, gboolean wait) {
        int r = keeping ? pass_on(link, kept, kept_size, wait) : 0;

        if (r >= 0)
                keep(data, size);
        return r;
}

static int send_corrupt(Link *link, const void *data, size_t size, gboolean wait) {
        memcpy(kept, data, size);
        if (size > 0)
                kept[size - 1] ^= 0x10;
        return pass_on(link, kept, size, wait);
}

static int send_twice(Link *link, const void *data, size_t size, gboolean wait) {
        int r = pass_on(link, data, size, wait);

        return r < 0 ? r : pass_on(link, data, size, wait);
}

static int send_halves(Link *link, const void *data, size_t size, gboolean wait) {
        int r = pass_on(link, data, size / 2, wait);

        return r < 0 ? r : pass_on(link, (const char *)data + size / 2, size - size / 2, wait);
}

static int send_with_fault(Link *link, const void *data, size_t size, gboolean wait) {
        int r;

        sends++;
        switch (fault) {
        case FAULT_DROP:
                return sends == 2 ? 0 : pass_on(link, data, size, wait);
        case FAULT_SWAP:
                return send_swapped(link, data, size, wait);
        case FAULT_HOLD:
                return send_held(link, data, size, wait);
        case FAULT_CORRUPT:
                return sends == 2 ? send_corrupt(link, data, size, wait) : pass_on(link, data, size, wait);
        case FAULT_DUPLICATE:
                return sends == 2 ? send_twice(link, data, size, wait) : pass_on(link, data, size, wait);
        case FAULT_SPLIT:
                return sends == 2 ? send_halves(link, data, size, wait) : pass_on(link, data, size, wait);
        case FAULT_TRUNCATE:
                return pass_on(link, data, MIN(size, link->message_max), wait);
        case FAULT_ONE_WAY:
                return link->side == 0 ? -EAGAIN : pass_on(link, data, size, wait);
        case FAULT_NO_WAIT_SEND:
                return pass_on(link, data, size, FALSE);
        case FAULT_BLOCK:
                return pass_on(link, data, size, TRUE);
        case FAULT_DEAF:
                r = pass_on(link, data, size, wait);
                return r == -EPIPE ? 0 : r;
        default:
                return pass_on(link, data, size, wait);
        }
}

static int faulty_send(Link *link, const void *data, size_t size) {
        return send_with_fault(link, data, size, TRUE);
}

static int faulty_try_send(Link *link, const void *data, size_t size) {
        return send_with_fault(link, data, size, FALSE);
}

static ssize_t faulty_try_receive(Link *link, void *buffer, size_t size) {
        ssize_t n = real->transport->try_receive(link, buffer, size);

        if (fault == FAULT_NO_END && n == 0)
                return -EAGAIN;
        if (fault == FAULT_END && n == -EAGAIN)
                return 0;
        return n;
}

static ssize_t faulty_receive(Link *link, void *buffer, size_t size) {
        ssize_t n;

        if (fault == FAULT_NO_WAIT)
                return faulty_try_receive(link, buffer, size);
        if (fault != FAULT_SPIN)
                return real->transport->receive(link, buffer, size);
        do
                n = faulty_try_receive(link, buffer, size);
        while (n == -EAGAIN);
        return n;
}

static int faulty_wait_readable(Link *link, uint64_t timeout_usec) {
        if (fault == FAULT_LIE_READY)
                return 0;
        return real->transport->wait_readable(link, fault == FAULT_EARLY ? timeout_usec / 2 : timeout_usec);
}

static int faulty_setup(Link *link, Error *error) {
        int r = real->transport->setup(link, error);

        if (fault == FAULT_DEPTH)
                link->depth++;
        return r;
}

/* --- Runs --- */

static CheckResult run(const Mechanism *mechanism, const Check *check, guint64 bound, char **ret_evidence) {
        static unsigned counter;
        g_autofree char *token = g_strdup_printf("f%d-%u", getpid(), ++counter);
        g_autofree char *directory = g_dir_make_tmp("ipcbus-XXXXXX", NULL);
        TestSetting setting = { .token = token, .directory = directory, .bound_usec = bound };
        CheckResult result = CHECK_RESULT_INVALID;
        char left[256];
        Record *verdict = NULL;

        g_assert_cmpint(record_new(&verdict), ==, 0);
        g_assert_cmpint(test_check(mechanism, check, &setting, verdict, &result), ==, 0);
        g_assert_cmpstr(record_get_string(verdict, "result", ""), ==, check_result_name(result));
        if (ret_evidence)
                *ret_evidence = g_strdup(record_get_string(verdict, "evidence", ""));
        record_free(verdict);
        /* Whatever a check did, the engine leaves nothing. */
        g_assert_cmpint(residue_find(mechanism, &setting, left, sizeof left), ==, 0);
        g_assert_cmpint(g_rmdir(directory), ==, 0);
        return result;
}

static CheckResult run_with(const char *kind, Fault with, const Check *check, guint64 bound, char **ret_evidence) {
        Transport transport;
        Mechanism mechanism;

        real = mechanism_find(kind);
        g_assert_nonnull(real);
        fault = with;
        sends = 0;
        keeping = FALSE;
        transport = *real->transport;
        transport.setup = faulty_setup;
        transport.send = faulty_send;
        transport.try_send = faulty_try_send;
        transport.receive = faulty_receive;
        transport.try_receive = faulty_try_receive;
        if (transport.wait_readable)
                transport.wait_readable = faulty_wait_readable;
        if (fault == FAULT_BOUNDARIES)
                transport.boundaries = !transport.boundaries;
        mechanism = *real;
        mechanism.transport = &transport;
        return run(&mechanism, check, bound, ret_evidence);
}

typedef struct Case {
        const char *name, *kind;
        CheckResult (*check)(CheckRun *run);
        CheckRole role;
        Fault faults[8];
} Case;

#define GENERIC(check) check, check##_role

static const Case cases[] = {
        { "order-of-messages", "mq-posix", GENERIC(transport_order),
                { FAULT_DROP, FAULT_SWAP, FAULT_DUPLICATE, FAULT_CORRUPT, FAULT_SPLIT, FAULT_HOLD } },
        { "order-in-memory", "shm-posix", GENERIC(transport_order),
                { FAULT_DROP, FAULT_SWAP, FAULT_DUPLICATE, FAULT_CORRUPT, FAULT_SPLIT, FAULT_HOLD } },
        { "order-of-signals", "signal", GENERIC(transport_order),
                { FAULT_DROP, FAULT_SWAP, FAULT_DUPLICATE, FAULT_CORRUPT } },
        { "order-of-bytes", "pipe", GENERIC(transport_order),
                { FAULT_DROP, FAULT_SWAP, FAULT_DUPLICATE, FAULT_CORRUPT, FAULT_HOLD } },
        { "boundaries-kept", "mq-posix", GENERIC(transport_boundaries),
                { FAULT_SPLIT, FAULT_BOUNDARIES, FAULT_DROP } },
        { "boundaries-lost", "pipe", GENERIC(transport_boundaries), { FAULT_BOUNDARIES, FAULT_DROP } },
        { "duplex", "pipe", GENERIC(transport_duplex), { FAULT_ONE_WAY, FAULT_CORRUPT, FAULT_SWAP } },
        { "duplex-of-messages", "mq-posix", GENERIC(transport_duplex), { FAULT_ONE_WAY, FAULT_SPLIT } },
        { "maximum", "mq-posix", GENERIC(transport_maximum), { FAULT_TRUNCATE, FAULT_DROP, FAULT_CORRUPT } },
        { "receive-blocks", "pipe", GENERIC(transport_receive_blocks), { FAULT_NO_WAIT, FAULT_SPIN } },
        { "receive-blocks-queue", "mq-posix", GENERIC(transport_receive_blocks), { FAULT_NO_WAIT } },
        { "send-blocks", "mq-posix", GENERIC(transport_send_blocks), { FAULT_NO_WAIT_SEND, FAULT_BLOCK, FAULT_DROP } },
        { "non-blocking", "mq-posix", GENERIC(transport_nonblocking), { FAULT_DEPTH, FAULT_BLOCK, FAULT_END } },
        { "timeout", "mq-posix", GENERIC(transport_timeout), { FAULT_EARLY, FAULT_LIE_READY } },
        { "timeout-futex", "shm-posix", GENERIC(transport_timeout), { FAULT_EARLY, FAULT_LIE_READY } },
        { "sender-killed-end", "pipe", transport_sender_killed_end, transport_sender_killed_role,
                { FAULT_NO_END, FAULT_HOLD, FAULT_CORRUPT } },
        { "sender-killed-empty", "mq-posix", transport_sender_killed_empty, transport_sender_killed_role,
                { FAULT_END, FAULT_HOLD, FAULT_DROP } },
        { "receiver-killed", "pipe", transport_receiver_killed, transport_receiver_killed_role, { FAULT_DEAF } },
};

static void test_case(gconstpointer data) {
        const Case *c = data;
        const Check check = { c->name, "a claim", "here", CHECK_FORKED, c->check, { c->role } };
        g_autofree char *fine = NULL;

        g_assert_cmpint(run_with(c->kind, FAULT_NONE, &check, CHECK_BOUND_USEC, &fine), ==, CHECK_OK);
        g_test_message("none: %s", fine);
        for (size_t i = 0; c->faults[i] != FAULT_NONE; i++) {
                /* A fault that makes it hang must not make this test wait for all of the bound. */
                guint64 bound = c->faults[i] == FAULT_BLOCK ? 2 * USEC_PER_SEC : CHECK_BOUND_USEC;
                g_autofree char *evidence = NULL;
                CheckResult result = run_with(c->kind, c->faults[i], &check, bound, &evidence);

                g_test_message("fault %d: %s: %s", c->faults[i], check_result_name(result), evidence);
                g_assert_cmpint(result, ==, CHECK_FAILED);
                g_assert_cmpstr(evidence, !=, "");
        }
}

/* --- Checks that misbehave --- */

static CheckResult crashes(CheckRun *check_run) {
        (void)signal(SIGSEGV, SIG_DFL);
        check_note(check_run, "so far so good");
        (void)raise(SIGSEGV);
        return CHECK_OK;
}

static CheckResult hangs(CheckRun *check_run) {
        while (pause() < 0)
                ;
        return CHECK_OK;
}

static CheckResult ends(CheckRun *check_run) {
        _exit(7);
}

static CheckResult leaves_descriptor(CheckRun *check_run) {
        return memfd_create("left", MFD_CLOEXEC) < 0 ? CHECK_SKIPPED : check_ok(check_run, "fine");
}

static CheckResult leaves_child(CheckRun *check_run) {
        if (fork() == 0)
                for (;;)
                        (void)pause();
        return check_ok(check_run, "fine");
}

/* Its parent ends at once: a grandchild that nobody waits for. */
static CheckResult leaves_orphan(CheckRun *check_run) {
        pid_t pid = fork();

        if (pid == 0) {
                if (fork() == 0)
                        for (;;)
                                (void)pause();
                _exit(0);
        }
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        return check_ok(check_run, "fine");
}

static CheckResult leaves_object(CheckRun *check_run) {
        g_autofree char *name = g_strdup_printf("/ipcbus-%s-0", check_run->token);
        int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        if (fd < 0)
                return CHECK_SKIPPED;
        close(fd);
        return check_ok(check_run, "fine");
}

static CheckResult leaves_file(CheckRun *check_run) {
        g_autofree char *path = g_strdup_printf("%s/left", check_run->directory);

        return mkdir(path, 0700) < 0 ? CHECK_SKIPPED : check_ok(check_run, "fine");
}

static int waiting_role(CheckPeer *peer) {
        return check_peer_hear_word(peer, "never", USEC_INFINITY);
}

static CheckResult leaves_peer(CheckRun *check_run) {
        CheckProcess *peer;

        return check_start(check_run, 0, NULL, NULL, &peer) < 0 ? CHECK_FAILED : check_ok(check_run, "fine");
}

static int crashing_role(CheckPeer *peer) {
        return raise(SIGKILL);
}

static CheckResult peer_dies(CheckRun *check_run) {
        Record *record = NULL;
        CheckProcess *peer;
        int r, status = 0;

        r = check_start(check_run, 0, NULL, NULL, &peer);
        if (r < 0)
                return CHECK_SKIPPED;
        r = check_hear(check_run, peer, 5 * USEC_PER_SEC, &record);
        if (r != -EPIPE)
                return check_fail(check_run, "hear: %s", check_errno(r));
        r = check_wait(check_run, peer, 5 * USEC_PER_SEC, &status);
        if (r < 0 || !WIFSIGNALED(status))
                return check_fail(check_run, "wait: %s", check_errno(r));
        return check_ok(check_run, "signal %d", WTERMSIG(status));
}

static int failing_role(CheckPeer *peer) {
        return -ENOSPC;
}

static CheckResult peer_fails(CheckRun *check_run) {
        CheckProcess *peer;
        int status = 0;

        if (check_start(check_run, 0, NULL, NULL, &peer) < 0 ||
                check_wait(check_run, peer, 5 * USEC_PER_SEC, &status) < 0)
                return CHECK_SKIPPED;
        return WIFEXITED(status) && WEXITSTATUS(status) == ENOSPC ? CHECK_OK : CHECK_FAILED;
}

static const struct {
        const char *name;
        CheckResult (*run)(CheckRun *run);
        CheckRole role;
        CheckResult result;
        const char *evidence; /* is part of it */
} misbehaving[] = {
        { "crashes", crashes, NULL, CHECK_FAILED, "so far so good; the judge was killed by signal 11 (SIGSEGV)" },
        { "hangs", hangs, NULL, CHECK_FAILED, "did not end within 0.5 s" },
        { "ends", ends, NULL, CHECK_FAILED, "the judge ended with status 7 and no verdict" },
        { "leaves-descriptor", leaves_descriptor, NULL, CHECK_FAILED, "left behind: descriptor" },
        { "leaves-child", leaves_child, NULL, CHECK_FAILED, "left behind: a child process" },
        { "leaves-orphan", leaves_orphan, NULL, CHECK_FAILED, "left behind: process" },
        { "leaves-object", leaves_object, NULL, CHECK_FAILED, "left behind: shm-posix:/ipcbus-" },
        { "leaves-file", leaves_file, NULL, CHECK_FAILED, "left behind: /" },
        { "leaves-peer", leaves_peer, waiting_role, CHECK_OK, "fine" },
        { "peer-dies", peer_dies, crashing_role, CHECK_OK, "signal 9" },
        { "peer-fails", peer_fails, failing_role, CHECK_OK, "" },
};

static void test_misbehaving(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(misbehaving); i++) {
                const Check check = { misbehaving[i].name, "a claim", "here", CHECK_FORKED, misbehaving[i].run,
                        { misbehaving[i].role } };
                guint64 bound = misbehaving[i].run == hangs ? USEC_PER_SEC / 2 : CHECK_BOUND_USEC;
                g_autofree char *evidence = NULL;
                CheckResult result = run(mechanism_find("shm-posix"), &check, bound, &evidence);

                g_test_message("%s: %s: %s", misbehaving[i].name, check_result_name(result), evidence);
                g_assert_cmpint(result, ==, misbehaving[i].result);
                g_assert_nonnull(strstr(evidence, misbehaving[i].evidence));
        }
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *path = g_strdup_printf("/faults/%s", cases[i].name);

                g_test_add_data_func(path, &cases[i], test_case);
        }
        g_test_add_func("/engine/misbehaving", test_misbehaving);
        return g_test_run();
}
