/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-faults.h"

/* The proof that the generic checks can fail: each is found in the tables of the kinds, and run over every kind and
 * transport that uses it, in its relations, first as it is, where it has to pass, and then with each fault that it
 * exists to find, where it has to fail. Runs go on in processes of their own, several at a time: they mostly sleep.
 * The table at the end says how many faults were found; it has to be all of them.
 *
 * How long a check may take is no verdict: what is found by other evidence has all of the engine's time for it. Only
 * where a fault makes a check wait for what never comes, its bound is shorter: some times what it took without a fault
 * on this machine, as busy as it is. */
#include <dlfcn.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spin.h"
#include "test-engine.h"
#include "units.h"

enum {
        PARALLEL = 12,
        EVIDENCE_MAX = 300,
        ROUNDS = 4, /* until what others hold of a limit that all share is free again */
        BOUND_LEAST_USEC = 250 * 1000,
        BOUND_TIMES = 10,
};

/* Of a run, in memory that its process shares with us. */
typedef struct Outcome {
        CheckResult result;
        uint64_t usec;
        char evidence[EVIDENCE_MAX];
} Outcome;

typedef struct Run {
        const Mechanism *kind;
        const Check *check;
        CheckRelation relation;
        const FaultPlan *plan;
        FaultTarget target; /* FAULT_NONE: the control */
        size_t control;     /* the run without a fault */
        pid_t pid;
        Outcome *outcome;
} Run;

static GArray *runs;
static uint64_t run_usec;
static unsigned runs_again; /* of faults that were not found at first, and of checks that were skipped */

/* --- What there is to run --- */

/* The names of the generic checks begin with transport_; the program exports its symbols, so that they can be asked
 * for. */
static const char *generic_name(CheckFunction run) {
        Dl_info info;

        if (dladdr((const void *)(uintptr_t)run, &info) == 0 || !info.dli_sname ||
                info.dli_saddr != (const void *)(uintptr_t)run || !g_str_has_prefix(info.dli_sname, "transport_"))
                return NULL;
        return info.dli_sname + strlen("transport_");
}

static const Transport *transport_of(const Run *run) {
        return run->check->transport ? run->check->transport : run->kind->transport;
}

static void plan_check(const Mechanism *kind, const Check *check, CheckRelation relation) {
        Run run = { .kind = kind, .check = check, .relation = relation, .plan = fault_plan_find(check->run) };

        run.control = runs->len;
        g_array_append_val(runs, run);
        for (const FaultTarget *target = run.plan->targets; target->fault != FAULT_NONE; target++)
                if (!fault_invisible(target->fault, check->run, transport_of(&run))) {
                        run.target = *target;
                        g_array_append_val(runs, run);
                }
}

static void plan_kind(const Mechanism *kind) {
        for (const Check *check = kind->checks; check && check->id; check++) {
                const char *name = generic_name(check->run);

                if (!name)
                        continue;
                if (!fault_plan_find(check->run))
                        g_error("%s: nobody has said which faults the generic check \"%s\" has to find; say it in %s",
                                kind->kind, name, "test-faults-table.c");
                for (CheckRelation relation = CHECK_FORKED; relation <= CHECK_EXECUTED; relation <<= 1)
                        if (check->relations & relation)
                                plan_check(kind, check, relation);
        }
}

/* --- Running --- */

static const Run *control_of(const Run *run) {
        return &g_array_index(runs, Run, run->control);
}

static uint64_t bound_of(const Run *run) {
        return run->target.waits ? BOUND_LEAST_USEC + BOUND_TIMES * control_of(run)->outcome->usec : CHECK_BOUND_USEC;
}

static void run_here(const Run *run) {
        g_autofree char *token = g_strdup_printf("f%d-%x", getpid(), g_random_int());
        g_autofree char *directory = g_dir_make_tmp("ipcbus-XXXXXX", NULL);
        TestSetting setting = { .token = token, .directory = directory, .bound_usec = bound_of(run) };
        CheckResult result = CHECK_RESULT_INVALID;
        Check check = *run->check;
        const Mechanism *mechanism;
        const Check *faulty;
        Record *verdict = NULL;
        char left[256];

        check.relations = run->relation;
        fault_inject(run->kind, &check, run->target.fault, run->plan->nth, &mechanism, &faulty);
        if (record_new(&verdict) < 0 || test_check(mechanism, faulty, &setting, verdict, &result) < 0)
                _exit(EXIT_FAILURE);
        g_strlcpy(run->outcome->evidence, record_get_string(verdict, "evidence", ""), EVIDENCE_MAX);
        run->outcome->usec = record_get_u64(verdict, "usec", 0);
        /* Whatever a check did, the engine leaves nothing. */
        if (residue_find(mechanism, &setting, left, sizeof left) > 0 || g_rmdir(directory) < 0)
                _exit(EXIT_FAILURE);
        run->outcome->result = result;
}

static void run_start(Run *run) {
        pid_t parent = getpid();

        *run->outcome = (Outcome){ .result = CHECK_RESULT_INVALID };
        run->pid = fork();
        g_assert_cmpint(run->pid, >=, 0);
        if (run->pid > 0)
                return;
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
                _exit(EXIT_FAILURE);
        run_here(run);
        _exit(EXIT_SUCCESS);
}

static void run_ended(pid_t pid, int status) {
        for (guint i = 0; i < runs->len; i++) {
                Run *run = &g_array_index(runs, Run, i);

                if (run->pid != pid)
                        continue;
                run->pid = 0;
                if (status != 0)
                        run->outcome->result = CHECK_RESULT_INVALID;
        }
}

static void run_await(unsigned *running, unsigned most) {
        while (*running > most) {
                int status;
                pid_t pid = waitpid(-1, &status, 0);

                g_assert_cmpint(pid, >, 0);
                run_ended(pid, status);
                (*running)--;
        }
}

/* The check itself found it, and for the reason that it is there for: it was not an accident of the judge's. */
static bool found(const Run *run) {
        const char *evidence = run->outcome->evidence;

        if (run->outcome->result != CHECK_FAILED || *evidence == '\0')
                return false;
        if (strstr(evidence, "did not end within") && !run->target.waits)
                return false;
        return !strstr(evidence, "left behind: ") && !strstr(evidence, "the judge ");
}

static bool is_due(const Run *run, bool control, unsigned round) {
        if ((run->target.fault == FAULT_NONE) != control)
                return false;
        if (!control && control_of(run)->outcome->result != CHECK_OK)
                return false;
        /* That a check can fail is what is to be shown: on a busy machine a fault can be over before anybody looks. */
        if (!control && !found(run))
                return true;
        return round == 0 || run->outcome->result == CHECK_SKIPPED;
}

/* The neighbours in the list are of one kind and would take what all share of its limits, so those that run at the
 * same time are far apart. What was skipped is run again, alone: other programs, too, take of these limits. */
static void run_all(bool control) {
        const guint stride = 97;

        for (unsigned round = 0; round < ROUNDS; round++) {
                unsigned running = 0, most = round == 0 ? PARALLEL : 1;
                bool paused = round == 0;

                for (guint first = 0; first < stride; first++)
                        for (guint i = first; i < runs->len; i += stride) {
                                Run *run = &g_array_index(runs, Run, i);

                                if (!is_due(run, control, round))
                                        continue;
                                if (!paused)
                                        g_usleep(USEC_PER_SEC);
                                paused = true;
                                run_await(&running, most - 1);
                                runs_again += round > 0;
                                run_start(run);
                                running++;
                        }
                run_await(&running, 0);
        }
}

static void run_once(void) {
        uint64_t start = monotonic_now();
        Outcome *outcomes;

        if (runs)
                return;
        runs = g_array_new(FALSE, TRUE, sizeof(Run));
        for (size_t i = 0; i < mechanism_table_size; i++)
                plan_kind(mechanism_table[i]);
        outcomes = mmap(NULL, runs->len * sizeof(Outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        g_assert_true(outcomes != MAP_FAILED);
        for (guint i = 0; i < runs->len; i++)
                g_array_index(runs, Run, i).outcome = outcomes + i;
        run_all(true);
        run_all(false);
        run_usec = monotonic_now() - start;
}

/* --- Verdicts --- */

static const char *relation_name(CheckRelation relation) {
        return relation == CHECK_FORKED ? "forked" : "executed";
}

static bool counts(const Run *run) {
        return run->target.fault != FAULT_NONE && control_of(run)->outcome->result == CHECK_OK;
}

static const char *result_text(CheckResult result) {
        return result == CHECK_RESULT_INVALID ? "no verdict" : check_result_name(result);
}

static void test_plan(gconstpointer data) {
        const FaultPlan *plan = data;
        unsigned controls = 0, wrong = 0;

        run_once();
        for (guint i = 0; i < runs->len; i++) {
                const Run *run = &g_array_index(runs, Run, i);
                bool control = run->target.fault == FAULT_NONE;
                CheckResult result = run->outcome->result;

                if (run->plan != plan || (!control && !counts(run)))
                        continue;
                controls += control;
                g_test_message("%s %s %s, %s: %s in %.2f s: %s", run->kind->kind, run->check->id,
                        relation_name(run->relation), fault_name(run->target.fault), result_text(result),
                        (double)run->outcome->usec / 1e6, run->outcome->evidence);
                if (control ? result == CHECK_OK || result == CHECK_SKIPPED : found(run))
                        continue;
                wrong++;
                g_test_message("WRONG: %s %s %s, %s: %s: %s", run->kind->kind, run->check->id,
                        relation_name(run->relation), fault_name(run->target.fault), result_text(result),
                        run->outcome->evidence);
        }
        g_assert_cmpuint(wrong, ==, 0);
        if (controls == 0)
                g_test_skip("no kind has a claim that this check proves");
}

/* --- The table --- */

static void print_cell(const FaultPlan *plan, Fault fault, unsigned *ret_found, unsigned *ret_tried) {
        g_autoptr(GString) kinds = g_string_new(NULL);
        unsigned n_found = 0, n_tried = 0;
        const Mechanism *last = NULL;

        for (guint i = 0; i < runs->len; i++) {
                const Run *run = &g_array_index(runs, Run, i);

                if (run->plan != plan || run->target.fault != fault || !counts(run))
                        continue;
                n_tried++;
                n_found += found(run);
                if (run->kind != last)
                        g_string_append_printf(kinds, " %s", run->kind->kind);
                last = run->kind;
        }
        *ret_found += n_found;
        *ret_tried += n_tried;
        g_test_message(
                "%-20s %-18s %3u of %3u %s", generic_name(plan->run), fault_name(fault), n_found, n_tried, kinds->str);
}

static void print_invisible(const FaultPlan *plan, Fault fault) {
        for (Shape shape = SHAPE_TOKENS; shape <= SHAPE_MESSAGES; shape <<= 1) {
                g_autoptr(GString) kinds = g_string_new(NULL);
                const Mechanism *last = NULL;
                const char *reason = NULL;

                for (guint i = 0; i < runs->len; i++) {
                        const Run *run = &g_array_index(runs, Run, i);
                        const char *why = run->target.fault == FAULT_NONE && run->plan == plan &&
                                                          transport_shape(transport_of(run)) == shape
                                                  ? fault_invisible(fault, plan->run, transport_of(run))
                                                  : NULL;

                        if (!why)
                                continue;
                        reason = why;
                        if (run->kind != last)
                                g_string_append_printf(kinds, " %s", run->kind->kind);
                        last = run->kind;
                }
                if (reason)
                        g_test_message(
                                "%-20s %-18s %s: %s", generic_name(plan->run), fault_name(fault), reason, kinds->str);
        }
}

static void print_table(unsigned *ret_found, unsigned *ret_tried) {
        g_test_message("%-20s %-18s found      over", "generic check", "fault");
        for (const FaultPlan *plan = fault_plans; plan->run; plan++)
                for (const FaultTarget *target = plan->targets; target->fault != FAULT_NONE; target++)
                        print_cell(plan, target->fault, ret_found, ret_tried);
        g_test_message("not counted, since it cannot be seen there:");
        for (const FaultPlan *plan = fault_plans; plan->run; plan++)
                for (const FaultTarget *target = plan->targets; target->fault != FAULT_NONE; target++)
                        print_invisible(plan, target->fault);
}

static void test_kill_rate(void) {
        unsigned n_found = 0, n_tried = 0, skipped = 0;

        run_once();
        print_table(&n_found, &n_tried);
        for (guint i = 0; i < runs->len; i++) {
                const Run *run = &g_array_index(runs, Run, i);

                if (run->target.fault != FAULT_NONE || run->outcome->result != CHECK_SKIPPED)
                        continue;
                skipped++;
                g_test_message("cannot be tested here: %s %s %s: %s", run->kind->kind, run->check->id,
                        relation_name(run->relation), run->outcome->evidence);
        }
        g_test_message("kill rate: %u of %u faults found, %.2f %%, in %.1f s; %u runs were made again, %u could not "
                       "be tested here",
                n_found, n_tried, n_tried > 0 ? 100.0 * n_found / n_tried : 0.0, (double)run_usec / 1e6, runs_again,
                skipped);
        g_assert_cmpuint(n_tried, >, 0);
        g_assert_cmpuint(n_found, ==, n_tried);
}

int main(int argc, char **argv) {
        if (argc == 2 && strcmp(argv[1], "peer") == 0)
                return fault_peer_main();
        g_test_init(&argc, &argv, NULL);
        g_test_set_nonfatal_assertions();
        for (const FaultPlan *plan = fault_plans; plan->run; plan++) {
                g_autofree char *path = g_strdup_printf("/faults/%s", generic_name(plan->run));

                g_test_add_data_func(path, plan, test_plan);
        }
        g_test_add_func("/faults/kill-rate", test_kill_rate);
        return g_test_run();
}
