/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The claims of every kind hold on the machine that runs the tests, each proven by the built worker. With --verbose
 * the evidence is printed; -p /claims/KIND runs one kind. */
#include <string.h>

#include "drive.h"
#include "mechanism.h"

static void test_kind(gconstpointer data) {
        const Mechanism *mechanism = data;
        const char *const kinds[] = { mechanism->kind };
        g_autoptr(GPtrArray) checks = NULL;
        g_autofree char *error = NULL, *message = NULL;
        Record *request = request_new("test");
        guint failed = 0, ok = 0;

        record_set_strings(request, "kinds", kinds, 1);
        checks = worker_run(request, "check", &error, &message);
        g_assert_cmpstr(message, ==, NULL);
        for (guint i = 0; i < checks->len; i++) {
                const Record *check = checks->pdata[i];
                const char *result = record_get_string(check, "result", "");

                g_test_message("%-7s %4" G_GUINT64_FORMAT " ms  %-16s %s  [%s]", result,
                        record_get_u64(check, "usec", 0) / 1000, record_get_string(check, "id", ""),
                        record_get_string(check, "claim", ""), record_get_string(check, "evidence", ""));
                if (strcmp(result, "failed") == 0)
                        failed++;
                if (strcmp(result, "ok") == 0)
                        ok++;
        }
        g_assert_cmpuint(failed, ==, 0);
        g_assert_cmpuint(ok, >=, 10);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < mechanism_table_size; i++) {
                g_autofree char *path = g_strdup_printf("/claims/%s", mechanism_table[i]->kind);

                if (mechanism_table[i]->checks)
                        g_test_add_data_func(path, mechanism_table[i], test_kind);
        }
        return g_test_run();
}
