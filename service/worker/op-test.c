/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker.h"

/* test: runs the checks of the kinds asked for, in the order of the table, and sends a record for each. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "environment.h"
#include "test-engine.h"
#include "worker-protocol.h"

typedef struct Plan {
        const Value *kinds, *claims; /* NULL: all */
        TestSetting setting;
        size_t total, done;
        uint64_t counts[CHECK_RESULT_MAX];
} Plan;

static bool listed(const Value *list, const char *word) {
        if (!list || list->type != VALUE_STRINGS || list->strings.n == 0)
                return true;
        for (size_t i = 0; i < list->strings.n; i++)
                if (strcmp(list->strings.items[i], word) == 0)
                        return true;
        return false;
}

static bool has_claim(const Value *kinds, const char *id) {
        for (size_t i = 0; i < mechanism_table_size; i++)
                for (const Check *check = mechanism_table[i]->checks; check && check->id; check++)
                        if (listed(kinds, mechanism_table[i]->kind) && strcmp(check->id, id) == 0)
                                return true;
        return false;
}

/* A claim that is not there is not left out without a word: who misspells one would take it for kept. */
static int plan_claims(const Plan *plan, Error *error) {
        for (size_t i = 0; plan->claims && plan->claims->type == VALUE_STRINGS && i < plan->claims->strings.n; i++)
                if (!has_claim(plan->kinds, plan->claims->strings.items[i]))
                        return error_set(error, ERROR_INVALID_OPTION,
                                "No kind that was asked for has a claim \"%s\"; DescribeKind (\"ipcctl kinds KIND\") "
                                "lists the ids of a kind's claims.",
                                plan->claims->strings.items[i]);
        return 0;
}

static int plan_count(Plan *plan, Error *error) {
        for (size_t i = 0; plan->kinds && plan->kinds->type == VALUE_STRINGS && i < plan->kinds->strings.n; i++) {
                const Mechanism *mechanism;
                int r = mechanism_for_kind(plan->kinds->strings.items[i], &mechanism, error);

                if (r < 0)
                        return r;
                if (!mechanism->checks)
                        return mechanism_supports(mechanism, OPERATION_TEST, error);
        }
        for (size_t i = 0; i < mechanism_table_size; i++)
                for (const Check *check = mechanism_table[i]->checks; check && check->id; check++)
                        if (listed(plan->kinds, mechanism_table[i]->kind) && listed(plan->claims, check->id))
                                plan->total++;
        return plan_claims(plan, error);
}

static int run_check(Plan *plan, const Mechanism *mechanism, const Check *check, const char *reason) {
        CheckResult result = CHECK_SKIPPED;
        Record *verdict = NULL;
        char message[256];
        int r;

        (void)snprintf(message, sizeof message, "%s: %s", mechanism->kind, check->claim);
        r = worker_progress((double)plan->done / (double)plan->total, message);
        if (r >= 0)
                r = record_new(&verdict);
        if (r < 0)
                return r;
        if (reason)
                test_check_skipped(mechanism, check, reason, verdict);
        else
                r = test_check(mechanism, check, &plan->setting, verdict, &result);
        if (r >= 0)
                r = worker_send(verdict);
        record_free(verdict);
        plan->counts[result]++;
        plan->done++;
        return r;
}

static int run_kind(Plan *plan, const Mechanism *mechanism) {
        Error error = { 0 };
        Record *facts = NULL;
        bool available;
        int r = record_new(&facts);

        if (r < 0)
                return r;
        available = !mechanism->probe || mechanism->probe(facts, &error) >= 0;
        record_free(facts);
        for (const Check *check = mechanism->checks; check && check->id; check++) {
                if (!listed(plan->claims, check->id))
                        continue;
                r = run_check(plan, mechanism, check, available || check->anywhere ? NULL : error.message);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int send_environment(const Plan *plan) {
        Record *record = NULL;
        int r = worker_record_new("environment", &record);

        if (r < 0)
                return r;
        environment_describe(record);
        environment_describe_files(record, plan->setting.directory);
        r = worker_send(record);
        record_free(record);
        return r;
}

static int send_summary(const Plan *plan) {
        Record *record = NULL;
        int r = worker_record_new("summary", &record);

        if (r < 0)
                return r;
        for (CheckResult result = 0; result < CHECK_RESULT_MAX; result++)
                record_set_u64(record, check_result_name(result), plan->counts[result]);
        r = worker_send(record);
        record_free(record);
        return r;
}

int op_test(const Record *request, Error *error) {
        Plan plan = {
                .kinds = record_get(request, "kinds"),
                .claims = record_get(request, "claims"),
                .setting.token = record_get_string(request, "token", NULL),
                .setting.directory = record_get_string(request, "directory", NULL),
                .setting.bound_usec = record_get_u64(request, "bound_usec", CHECK_BOUND_USEC),
                .setting.one_relation = record_get_bool(request, "one_relation", false),
        };
        int r;

        if (!plan.setting.token || !plan.setting.directory)
                return error_set(error, ERROR_INVALID_OPTION, "A test needs a token and a directory of its own.");
        r = plan_count(&plan, error);
        if (r >= 0)
                r = send_environment(&plan);
        for (size_t i = 0; r >= 0 && i < mechanism_table_size; i++)
                if (listed(plan.kinds, mechanism_table[i]->kind))
                        r = run_kind(&plan, mechanism_table[i]);
        return r < 0 ? r : send_summary(&plan);
}
