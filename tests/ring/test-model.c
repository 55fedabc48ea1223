/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Model-checks the ring, or a ring with a mistake in it: test-model [--mutant CASE] [--explain] [CASE]. */

#include <stdio.h>
#include <string.h>

#include "model-cases.h"

#define W    IPCBUS_RING_WRITER
#define R    IPCBUS_RING_READER
#define MANY IPCBUS_RING_MANY
#define SPIN (IPCBUS_RING_MANY | IPCBUS_RING_AWAKE)

static const Case cases[] = {
        { { .name = "one-spin", .threads = 2, .races = true }, 128, IPCBUS_RING_AWAKE, { W, R }, { 3, 3 } },
        { { .name = "one-spin-batch", .threads = 2, .races = true }, 256, IPCBUS_RING_AWAKE, { W, R }, { 4, 4 },
                .batch = 2 },
        { { .name = "one-hold", .threads = 2, .races = true }, 256, IPCBUS_RING_AWAKE, { W, R }, { 5, 5 }, .hold = 3 },
        { { .name = "one-abort", .threads = 2, .races = true }, 512, IPCBUS_RING_AWAKE, { W, R }, { 3, 3 },
                .aborts = true },
        { { .name = "one-packed", .threads = 2, .races = true }, 64, IPCBUS_RING_AWAKE | IPCBUS_RING_PACKED, { W, R },
                { 4, 4 } },
        { { .name = "one-sleep", .threads = 2 }, 128, 0, { W, R }, { 2, 2 } },
        { { .name = "one-sleep-batch", .threads = 2 }, 256, 0, { W, R }, { 4, 4 }, .batch = 2 },
        { { .name = "one-leave", .threads = 2 }, 128, 0, { W, R }, { 1, 2 }, .leave = true },
        { { .name = "one-writer-dies", .threads = 3, .victims = 1, .after_death = 4 }, 128, IPCBUS_RING_AWAKE,
                { W, R, W }, { 2, 4, 1 }, .leave = true },
        { { .name = "one-reader-dies", .threads = 3, .victims = 2, .after_death = 4 }, 128, IPCBUS_RING_AWAKE,
                { W, R, R }, { 2, 2, 2 }, .leave = true, .leftovers = true },
        { { .name = "one-writer-dies-sleep", .threads = 2, .victims = 1 }, 128, 0, { W, R }, { 1, 2 }, .leave = true },
        { { .name = "one-reader-dies-sleep", .threads = 2, .victims = 2 }, 128, 0, { W, R }, { 2, 2 }, .leave = true,
                .leftovers = true },
        { { .name = "many-spin", .threads = 2, .races = true }, 128, SPIN, { W, R }, { 2, 2 } },
        { { .name = "many-full", .threads = 2 }, 128, SPIN, { W, R }, { 3, 3 }, .prefill = 2 },
        { { .name = "many-two-writers", .threads = 3, .races = true }, 256, SPIN, { W, W, R }, { 1, 1, 2 } },
        { { .name = "many-two-writers-full", .threads = 3 }, 128, SPIN, { W, W, R }, { 2, 1, 3 }, .prefill = 1,
                .heavy = true },
        { { .name = "many-two-readers", .threads = 3 }, 256, SPIN, { W, R, R }, { 2, 1, 1 }, .prefill = 1 },
        { { .name = "many-sleep", .threads = 2 }, 128, MANY, { W, R }, { 2, 2 } },
        { { .name = "many-two-readers-sleep", .threads = 3 }, 256, MANY, { W, R, R }, { 2, 1, 1 }, .prefill = 1,
                .heavy = true },
        { { .name = "many-two-writers-sleep", .threads = 3 }, 256, MANY, { W, W, R }, { 1, 1, 2 }, .heavy = true },
        { { .name = "many-both-sleep", .threads = 4 }, 256, MANY, { W, W, R, R }, { 1, 1, 1, 1 }, .heavy = true },
        { { .name = "many-writer-dies", .threads = 3, .victims = 1, .after_death = 6 }, 128, SPIN, { W, R, W },
                { 1, 2, 1 }, .seated = 2, .leave = true },
        { { .name = "many-reader-dies", .threads = 2, .victims = 1, .after_death = 2 }, 256, SPIN, { R, R }, { 2, 2 },
                .prefill = 2, .hold = 2, .leave = true },
        { { .name = "many-writer-dies-sleep", .threads = 2, .victims = 1 }, 128, MANY, { W, R }, { 1, 2 },
                .leave = true, .heavy = true },
        { { .name = "many-reader-dies-sleep", .threads = 2, .victims = 2 }, 128, MANY, { W, R }, { 2, 2 },
                .leave = true, .leftovers = true, .prefill = 1, .heavy = true },
};

static const Case *current;

static void prepare(void) {
        cases_prepare(current);
}

static void run(unsigned thread) {
        cases_run(current, thread);
}

static const char *judge(void) {
        return cases_judge(current);
}

static void check(const Case *c, bool explain, ModelResult *ret_result) {
        ModelCase model = c->model;

        current = c;
        model.prepare = prepare;
        model.run = run;
        model.judge = judge;
        cases_memory(c, &model);
        model_check(&model, explain, ret_result);
}

int main(int argc, char **argv) {
        bool explain = false, mutant = false;
        const char *only = NULL;
        unsigned number = 0, failed = 0;

        for (int i = 1; i < argc; i++) {
                if (strcmp(argv[i], "--explain") == 0)
                        explain = true;
                else if (strcmp(argv[i], "--mutant") == 0)
                        mutant = true;
                else
                        only = argv[i];
        }
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                ModelResult result;
                bool ok;

                if (only ? strcmp(only, cases[i].model.name) != 0 : cases[i].heavy)
                        continue;
                check(&cases[i], explain, &result);
                ok = (result.wrong[0] == '\0') != mutant;
                failed += !ok;
                printf("%s %u - %s%s\n", ok ? "ok" : "not ok", ++number, mutant ? "the mistake is found by " : "",
                        cases[i].model.name);
                printf("# %llu states, %llu of them after a death, %llu runs", (unsigned long long)result.states,
                        (unsigned long long)result.deaths, (unsigned long long)result.runs);
                if (result.wrong[0] != '\0')
                        printf(": %s\n", result.wrong);
                else
                        printf(", for %.3g interleavings\n", result.interleavings);
                fflush(stdout);
        }
        printf("1..%u\n", number);
        return failed > 0 || number == 0;
}
