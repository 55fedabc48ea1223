/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs claims in a worker that is lied to, and prints the verdicts, for the driver (lies.py):
 *
 *   lie-run list                         KIND, tab, CLAIM of all that there is, and the lies
 *   lie-run LIE USEC KIND CLAIM…         KIND, CLAIM, result, evidence; LIE "-": none; USEC: a check's time
 *
 * Environment: IPCBUS_WORKER, IPCBUS_LIES (the library). A lie is told in the worker only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "../worker/drive.h"
#include "channel.h"
#include "check.h"
#include "lies.h"
#include "mechanism.h"

enum { PATIENCE_USEC = 120 * 1000 * 1000 };

static int list(void) {
        for (size_t i = 0; i < mechanism_table_size; i++)
                for (const Check *check = mechanism_table[i]->checks; check && check->id; check++)
                        g_print("claim\t%s\t%s\n", mechanism_table[i]->kind, check->id);
#define LIE_LINE(name, promise) g_print("lie\t" #name "\tplain\n");
        LIES(LIE_LINE)
#undef LIE_LINE
#define LIE_LINE(name)                                                                    \
        g_print("lie\t" #name "_FAILS\tblunt\nlie\t" #name "_NOTHING\tblunt\nlie\t" #name \
                "_OTHER_ERROR\tplain\nlie\t" #name "_NEVER_REFUSES\tplain\n");
        CALLS(LIE_LINE)
#undef LIE_LINE
        return EXIT_SUCCESS;
}

static void print_check(const Record *record) {
        g_autofree char *evidence = g_strdup(record_get_string(record, "evidence", ""));

        g_print("%s\t%s\t%s\t%s\n", record_get_string(record, "kind", ""), record_get_string(record, "id", ""),
                record_get_string(record, "result", ""), g_strdelimit(evidence, "\t\n", ' '));
}

static int run(const char *lie, const char *usec, const char *kind, char **claims, size_t n_claims) {
        const char *kinds[] = { kind };
        Record *request = request_new("test"), *record;
        bool ended = false;
        Worker *worker;
        int status;

        record_set_strings(request, "kinds", kinds, 1);
        record_set_strings(request, "claims", (const char **)claims, n_claims);
        record_set_u64(request, "bound_usec", g_ascii_strtoull(usec, NULL, 10));
        record_set_bool(request, "one_relation", true);
        if (strcmp(lie, "-") != 0)
                g_setenv(LIE_VARIABLE, lie, TRUE);
        g_setenv("LD_PRELOAD", g_getenv("IPCBUS_LIES"), TRUE);
        worker = worker_start(request);
        while ((record = worker_next(worker, PATIENCE_USEC))) {
                const char *type = record_get_string(record, "type", "");

                if (strcmp(type, "check") == 0)
                        print_check(record);
                if (strcmp(type, "end") == 0)
                        ended = !record_has(record, "error");
                record_free(record);
        }
        g_assert_cmpint(waitpid(worker->pid, &status, 0), ==, worker->pid);
        worker_sweep(worker);
        worker_free(worker);
        return ended ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv) {
        if (argc == 2 && strcmp(argv[1], "list") == 0)
                return list();
        if (argc < 5)
                return EXIT_FAILURE;
        return run(argv[1], argv[2], argv[3], argv + 4, (size_t)argc - 4);
}
