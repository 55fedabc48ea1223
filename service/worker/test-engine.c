/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-engine.h"

/* One check at a time. The judge's notes arrive while it runs, so that one that hangs or crashes still leaves its
 * evidence. This process is the subreaper of all that the judge leaves: nothing outlives a check. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "mechanism.h"
#include "spin.h"
#include "test-judge.h"
#include "units.h"
#include "worker-protocol.h"

enum { EVIDENCE_MAX = 1000 };

typedef struct Outcome {
        CheckResult result;
        char evidence[EVIDENCE_MAX];
} Outcome;

static void evidence_add(char *evidence, const char *separator, const char *text) {
        size_t used = strlen(evidence);

        (void)snprintf(evidence + used, EVIDENCE_MAX - used, "%s%s", used > 0 ? separator : "", text);
}

static void outcome_fail(Outcome *outcome, const char *text) {
        outcome->result = CHECK_FAILED;
        evidence_add(outcome->evidence, "; ", text);
}

/* Hears the judge until its verdict, its end or the bound. */
static void hear_judge(int channel, uint64_t bound_usec, Outcome *outcome, bool *ret_done) {
        uint64_t start = monotonic_now();
        bool done = false;

        while (!done) {
                Record *record = NULL;
                uint64_t spent = monotonic_now() - start;
                const char *note;
                int r = channel_receive(channel, spent < bound_usec ? bound_usec - spent : 0, &record);

                if (r == -ETIMEDOUT) {
                        char text[64];

                        (void)snprintf(text, sizeof text, "did not end within %.3g s", (double)bound_usec / 1e6);
                        outcome_fail(outcome, text);
                }
                if (r < 0)
                        break;
                note = record_get_string(record, "note", NULL);
                if (note)
                        evidence_add(outcome->evidence, "; ", note);
                if (record_has(record, "result")) {
                        uint64_t result = record_get_u64(record, "result", CHECK_FAILED);

                        outcome->result = result < CHECK_RESULT_MAX ? (CheckResult)result : CHECK_FAILED;
                        done = true;
                }
                record_free(record);
        }
        *ret_done = done;
}

static int start_judge(const Mechanism *mechanism, const Check *check, CheckRelation relation,
        const TestSetting *setting, pid_t *ret_pid, int *ret_channel) {
        pid_t parent = getpid(), pid;
        int fds[2], r;

        r = channel_pair(fds);
        if (r < 0)
                return r;
        pid = fork();
        if (pid < 0) {
                r = -errno;
                close(fds[0]);
                close(fds[1]);
                return r;
        }
        if (pid == 0) {
                if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
                        _exit(EXIT_FAILURE);
                (void)signal(SIGPIPE, SIG_IGN);
                test_judge_run(mechanism, check, relation, setting->token, setting->directory, fds[1]);
        }
        close(fds[1]);
        *ret_pid = pid;
        *ret_channel = fds[0];
        return 0;
}

static void end_judge(pid_t pid, bool done, Outcome *outcome) {
        bool late = !done && outcome->result == CHECK_FAILED;
        char text[96];
        int status = 0;

        if (late)
                kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        if (late || (done && WIFEXITED(status)))
                return;
        if (WIFSIGNALED(status))
                (void)snprintf(text, sizeof text, "the judge was killed by signal %d (SIG%s)", WTERMSIG(status),
                        sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?");
        else
                (void)snprintf(
                        text, sizeof text, "the judge ended with status %d and no verdict", WEXITSTATUS(status));
        outcome_fail(outcome, text);
}

static int run_relation(const Mechanism *mechanism, const Check *check, CheckRelation relation,
        const TestSetting *setting, Outcome *outcome) {
        char text[256], found[200];
        pid_t pid = -1, left;
        bool done = false;
        int channel = -EBADF, r;

        *outcome = (Outcome){ .result = CHECK_RESULT_INVALID };
        r = start_judge(mechanism, check, relation, setting, &pid, &channel);
        if (r < 0)
                return r;
        hear_judge(channel, setting->bound_usec, outcome, &done);
        close(channel);
        end_judge(pid, done, outcome);
        if (residue_end_children(&left) > 0 && done) {
                (void)snprintf(text, sizeof text, "left behind: process %d", left);
                outcome_fail(outcome, text);
        }
        /* One that was killed half-way has no chance to tidy up. */
        if (residue_find(mechanism, setting, found, sizeof found) > 0 && done) {
                (void)snprintf(text, sizeof text, "left behind: %s", found);
                outcome_fail(outcome, text);
        }
        /* Also what no list of the kind's shows, as memory that holds several of it. */
        residue_remove(mechanism, setting);
        return 0;
}

static CheckResult merge_results(CheckResult a, CheckResult b) {
        if (a == CHECK_FAILED || b == CHECK_FAILED)
                return CHECK_FAILED;
        return a == CHECK_OK || b == CHECK_OK ? CHECK_OK : CHECK_SKIPPED;
}

static void verdict_fill(const Mechanism *mechanism, const Check *check, CheckResult result, const char *evidence,
        uint64_t usec, Record *verdict) {
        const char *relations[2];
        size_t n = 0;

        if (check->relations & CHECK_FORKED)
                relations[n++] = "forked";
        if (check->relations & CHECK_EXECUTED)
                relations[n++] = "executed";
        record_set_string(verdict, WORKER_TYPE, "check");
        record_set_string(verdict, "kind", mechanism->kind);
        record_set_string(verdict, "id", check->id);
        record_set_string(verdict, "claim", check->claim);
        record_set_string(verdict, "source", check->source);
        record_set_string(verdict, "result", check_result_name(result));
        record_set_string(verdict, "evidence", evidence);
        record_set_strings(verdict, "relations", relations, n);
        record_set_u64(verdict, "usec", usec);
}

void test_check_skipped(const Mechanism *mechanism, const Check *check, const char *reason, Record *verdict) {
        verdict_fill(mechanism, check, CHECK_SKIPPED, reason, 0, verdict);
}

static void join_evidence(const Outcome *forked, const Outcome *executed, char *evidence) {
        bool both = forked->result != CHECK_RESULT_INVALID && executed->result != CHECK_RESULT_INVALID;

        if (!both || strcmp(forked->evidence, executed->evidence) == 0) {
                evidence_add(
                        evidence, "", forked->result != CHECK_RESULT_INVALID ? forked->evidence : executed->evidence);
                return;
        }
        evidence_add(evidence, "", "forked: ");
        evidence_add(evidence, "", forked->evidence);
        evidence_add(evidence, "; ", "executed: ");
        evidence_add(evidence, "", executed->evidence);
}

int test_check(const Mechanism *mechanism, const Check *check, const TestSetting *setting, Record *verdict,
        CheckResult *ret_result) {
        Outcome forked = { .result = CHECK_RESULT_INVALID }, executed = { .result = CHECK_RESULT_INVALID };
        char evidence[EVIDENCE_MAX] = "";
        CheckResult result;
        uint64_t start = monotonic_now();
        int r = 0;

        if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
                return -errno;
        if (check->relations & CHECK_FORKED)
                r = run_relation(mechanism, check, CHECK_FORKED, setting, &forked);
        if (r >= 0 && check->relations & CHECK_EXECUTED && !(setting->one_relation && check->relations & CHECK_FORKED))
                r = run_relation(mechanism, check, CHECK_EXECUTED, setting, &executed);
        if (r < 0)
                return r;
        if (forked.result == CHECK_RESULT_INVALID)
                result = executed.result;
        else if (executed.result == CHECK_RESULT_INVALID)
                result = forked.result;
        else
                result = merge_results(forked.result, executed.result);
        if (result == CHECK_RESULT_INVALID)
                return -EINVAL;
        join_evidence(&forked, &executed, evidence);
        verdict_fill(mechanism, check, result, evidence, monotonic_now() - start, verdict);
        *ret_result = result;
        return record_error(verdict);
}
