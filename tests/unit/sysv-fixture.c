/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys and foreign programs for the tests of System V kinds. */
#include "sysv-fixture.h"

#include <stdarg.h>
#include <string.h>

#include "cleanup.h"
#include "mechanism-fixture.h"
#include "posix-fixture.h"
#include "scan.h"
#include "sysv.h"

void sysv_fixture_set_up(SysvFixture *f, gconstpointer data) {
        f->kind = data;
        f->key = (key_t)(g_random_int() | 1);
        f->key_text = g_strdup_printf("0x%x", (unsigned)f->key);
        f->option = g_strdup_printf("key=%s", f->key_text);
        f->address = g_strdup_printf("%s:%s", f->kind, f->option);
        f->descriptors = fixture_descriptors();
}

void sysv_fixture_tear_down(SysvFixture *f, gconstpointer data) {
        KernelObject object;
        Error error = {};

        g_assert_cmpuint(fixture_descriptors(), ==, f->descriptors);
        g_assert_cmpint(fixture_open(&object, f->address, NULL, &error), ==, -ENOENT);
        g_free(f->key_text);
        g_free(f->option);
        g_free(f->address);
}

uint64_t sysv_fixture_attribute(KernelObject *object, const char *name) {
        CLEANUP(record_freep) Record *attributes = NULL;
        Error error = {};

        g_assert_cmpint(record_new(&attributes), ==, 0);
        g_assert_cmpint(object->mechanism->describe(object, attributes, &error), ==, 0);
        g_assert_true(record_has(attributes, name));
        return record_get_u64(attributes, name, 0);
}

static char *output_of(const char *const *words) {
        g_autoptr(GError) error = NULL;
        char *output = NULL;
        int status;

        g_assert_true(g_spawn_sync(NULL, (char **)words, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL,
                NULL, &output, NULL, &status, &error));
        g_assert_no_error(error);
        g_assert_cmpint(status, ==, 0);
        return output;
}

void sysv_fixture_run(const char *program, const char *option, const char *argument) {
        const char *const words[] = { program, option, argument, NULL };

        g_free(output_of(words));
}

char *sysv_fixture_make(const char *option, ...) {
        const char *words[8] = { "ipcmk", option };
        g_autofree char *output = NULL;
        va_list more;
        size_t n = 2;

        va_start(more, option);
        while (n < G_N_ELEMENTS(words) - 1 && (words[n] = va_arg(more, const char *)))
                n++;
        va_end(more);
        output = output_of(words);
        g_assert_nonnull(strrchr(output, ' '));
        return g_strdup(g_strstrip(strrchr(output, ' ')));
}

char *sysv_fixture_line(const char *option, const char *id) {
        const char *const words[] = { "ipcs", option, NULL };
        g_autofree char *output = output_of(words);
        g_auto(GStrv) lines = g_strsplit(output, "\n", -1);

        for (char **line = lines; *line; line++) {
                g_autoptr(GRegex) blanks = g_regex_new(" +", 0, 0, NULL);
                g_autofree char *plain = g_regex_replace_literal(blanks, g_strstrip(*line), -1, 0, " ", 0, NULL);
                g_auto(GStrv) fields = g_strsplit(plain, " ", 3);

                if (fields[0] && fields[1] && strcmp(fields[1], id) == 0)
                        return g_steal_pointer(&plain);
        }
        g_error("ipcs %s does not list %s", option, id);
}

static void link_prepare(Link *link, const Mechanism *mechanism, const char *token) {
        Error error = {};

        *link = (Link)LINK_EMPTY;
        link->mechanism = mechanism;
        link->token = token;
        link->message_max = 64;
        g_assert_cmpint(mechanism->transport->setup(link, &error), ==, 0);
}

static unsigned count_of_run(const char *kind, const char *token) {
        unsigned found = 0;

        for (unsigned i = 0; i < SYSV_KEYS_PER_RUN; i++) {
                g_autofree char *address = g_strdup_printf("%s:key=0x%x", kind, (unsigned)sysv_key_of_run(token, i));
                KernelObject object;
                Error error = {};

                if (fixture_open(&object, address, NULL, &error) < 0)
                        continue;
                found++;
                kernel_object_done(&object);
        }
        return found;
}

typedef struct Run {
        const Mechanism *mechanism;
        const char *token;
        unsigned found;
} Run;

static int take_row(Scan *scan, Record *row) {
        Run *run = scan->userdata;

        run->found += run->mechanism->is_of_run(row, run->token);
        record_free(row);
        return 0;
}

/* What the engine finds of it in a scan, after each check. */
static unsigned residue_of_run(const Mechanism *mechanism, const char *token) {
        Run run = { .mechanism = mechanism, .token = token };
        Scan scan = { .row = take_row, .userdata = &run };

        g_assert_cmpint(mechanism->scan(&scan), ==, 0);
        return run.found;
}

void sysv_fixture_sweep(const char *kind) {
        g_autofree char *token = g_strdup_printf("unit%x", g_random_int());
        g_autofree char *longer = g_strconcat(token, "1", NULL);
        const Mechanism *mechanism = mechanism_find(kind);
        Link first, second, other;
        unsigned each;

        link_prepare(&first, mechanism, token);
        each = count_of_run(kind, token);
        g_assert_cmpuint(each, >, 0);
        link_prepare(&second, mechanism, token);
        link_prepare(&other, mechanism, longer);
        g_assert_cmpuint(count_of_run(kind, token), ==, 2 * each);
        g_assert_cmpuint(residue_of_run(mechanism, token), ==, 2 * each);
        g_assert_cmpuint(residue_of_run(mechanism, longer), ==, each);
        mechanism->sweep(token);
        g_assert_cmpuint(count_of_run(kind, token), ==, 0);
        g_assert_cmpuint(residue_of_run(mechanism, token), ==, 0);
        g_assert_cmpuint(count_of_run(kind, longer), ==, each);
        mechanism->transport->teardown(&other);
        g_assert_cmpuint(count_of_run(kind, longer), ==, 0);
}
