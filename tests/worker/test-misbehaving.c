/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The engine against checks that misbehave: they crash, hang, end, and leave things behind. Each gets a verdict with
 * what was seen, and nothing outlives it. */
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

static CheckResult stays_alone(CheckRun *check_run) {
        return check_ok(check_run, "fine");
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
        { "stays-alone", stays_alone, waiting_role, CHECK_FAILED, "fine; no other process took part" },
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
        g_test_add_func("/engine/misbehaving", test_misbehaving);
        return g_test_run();
}
