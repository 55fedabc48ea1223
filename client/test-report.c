/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TAP, JSON and JUnit XML from the records of a test job. Owns nothing. */
#include "test-report.h"

#include <errno.h>
#include <string.h>

#include "attributes.h"
#include "json.h"
#include "output.h"

bool record_is_check(GVariant *record) {
        return strcmp(attribute_string(record, "type"), "check") == 0;
}

void verdicts_count(Verdicts *verdicts, GVariant *check) {
        const char *result = attribute_string(check, "result");

        verdicts->ok += strcmp(result, "ok") == 0;
        verdicts->failed += strcmp(result, "failed") == 0;
        verdicts->skipped += strcmp(result, "skipped") == 0;
}

/* '#' begins a directive in TAP, and a line ends at its newline. */
static void print_tap_text(const char *text) {
        for (; *text != '\0'; text++)
                if (*text == '#')
                        fputs("\\#", stdout);
                else
                        putchar(g_ascii_iscntrl(*text) ? ' ' : *text);
}

void report_tap(GVariant *check, guint number, bool verbose) {
        const char *result = attribute_string(check, "result"), *evidence = attribute_string(check, "evidence");
        bool skipped = strcmp(result, "skipped") == 0;

        printf("%s %u - %s %s: ", strcmp(result, "failed") == 0 ? "not ok" : "ok", number,
                attribute_string(check, "kind"), attribute_string(check, "id"));
        print_tap_text(attribute_string(check, "claim"));
        if (skipped) {
                fputs(" # SKIP ", stdout);
                print_tap_text(evidence);
        }
        putchar('\n');
        if (!skipped && (verbose || strcmp(result, "failed") == 0) && *evidence != '\0') {
                g_auto(GStrv) lines = g_strsplit(evidence, "\n", -1);
                for (char **line = lines; *line != NULL; line++)
                        printf("# %s\n", *line);
        }
        fflush(stdout);
}

static char *fact_text(GVariant *value) {
        g_autoptr(GString) text = g_string_new(NULL);
        GVariantIter iter;
        GVariant *item;

        if (!g_variant_is_container(value)) {
                g_autofree char *scalar = g_variant_is_of_type(value, G_VARIANT_TYPE_STRING)
                                                  ? g_variant_dup_string(value, NULL)
                                                  : g_variant_print(value, FALSE);
                return text_harmless(scalar);
        }
        g_variant_iter_init(&iter, value);
        for (; (item = g_variant_iter_next_value(&iter)) != NULL; g_variant_unref(item)) {
                g_autofree char *one = fact_text(item);
                g_string_append_printf(text, "%s%s", text->len > 0 ? " " : "", one);
        }
        return g_string_free(g_steal_pointer(&text), FALSE);
}

void report_environment(GVariant *environment, bool tap, bool all) {
        static const char *const some[] = { "kernel", "distribution", "container", "user", "seccomp", "lsm", "preload",
                "namespaces.ipc", "namespaces.net", "namespaces.why_unknown", NULL };
        GVariantIter iter;
        const char *key;
        GVariant *value;
        int width = 0;

        g_variant_iter_init(&iter, environment);
        while (g_variant_iter_loop(&iter, "{&sv}", &key, &value))
                if (all || g_strv_contains(some, key))
                        width = MAX(width, (int)strlen(key));
        g_variant_iter_init(&iter, environment);
        while (g_variant_iter_loop(&iter, "{&sv}", &key, &value)) {
                g_autofree char *text = fact_text(value);
                if (strcmp(key, "type") != 0 && (all || g_strv_contains(some, key)))
                        printf("%s%-*s  %s\n", tap ? "# " : "", width, key, *text != '\0' ? text : "(none)");
        }
        if (!tap)
                putchar('\n');
        fflush(stdout);
}

static JsonObject *kind_object(JsonArray *kinds, GHashTable *known, const char *kind) {
        JsonObject *object = g_hash_table_lookup(known, kind);

        if (object != NULL)
                return object;
        object = json_object_new();
        json_add_string(object, "kind", kind);
        json_object_set_array_member(object, "checks", json_array_new());
        json_array_add_object_element(kinds, object);
        g_hash_table_insert(known, g_strdup(kind), object);
        return object;
}

static JsonNode *check_node(GVariant *check) {
        JsonNode *node = json_from_variant(check);

        /* They stand around it already. */
        json_object_remove_member(json_node_get_object(node), "type");
        json_object_remove_member(json_node_get_object(node), "kind");
        return node;
}

JsonNode *report_node(GVariant *results, bool complete) {
        g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        JsonObject *object = json_object_new();
        JsonArray *kinds = json_array_new();
        Verdicts all = { 0 };
        GVariantIter iter;
        GVariant *record;

        json_object_set_array_member(object, "kinds", kinds);
        g_variant_iter_init(&iter, results);
        while (g_variant_iter_loop(&iter, "@a{sv}", &record)) {
                if (strcmp(attribute_string(record, "type"), "environment") == 0) {
                        JsonNode *node = check_node(record);
                        json_add(object, "environment", node);
                }
                if (!record_is_check(record))
                        continue;
                JsonObject *kind = kind_object(kinds, known, attribute_string(record, "kind"));
                json_array_add_element(json_object_get_array_member(kind, "checks"), check_node(record));
                verdicts_count(&all, record);
        }
        json_add_u64(object, "summary.ok", all.ok);
        json_add_u64(object, "summary.failed", all.failed);
        json_add_u64(object, "summary.skipped", all.skipped);
        json_object_set_boolean_member(object, "complete", complete);
        json_add_u64(object, "time", (uint64_t)g_get_real_time());
        return json_node_of(object);
}

/* As an attribute or as text of XML; control characters are not allowed there even when escaped. */
static char *xml_text(const char *text) {
        g_autofree char *plain = g_strdup(text);

        for (char *at = plain; *at != '\0'; at++)
                if (g_ascii_iscntrl(*at) && *at != '\n' && *at != '\t')
                        *at = ' ';
        return g_markup_escape_text(plain, -1);
}

static void write_properties(FILE *file, GVariant *environment) {
        GVariantIter iter;
        const char *key;
        GVariant *value;

        fputs("  <properties>\n", file);
        g_variant_iter_init(&iter, environment);
        while (g_variant_iter_loop(&iter, "{&sv}", &key, &value)) {
                g_autofree char *text = fact_text(value), *name = xml_text(key), *escaped = xml_text(text);
                if (strcmp(key, "type") != 0)
                        fprintf(file, "    <property name=\"%s\" value=\"%s\"/>\n", name, escaped);
        }
        fputs("  </properties>\n", file);
}

static void write_case(FILE *file, GVariant *check) {
        const char *result = attribute_string(check, "result");
        g_autofree char *kind = xml_text(attribute_string(check, "kind"));
        g_autofree char *id = xml_text(attribute_string(check, "id"));
        g_autofree char *claim = xml_text(attribute_string(check, "claim"));
        g_autofree char *evidence = xml_text(attribute_string(check, "evidence"));
        uint64_t usec = 0;

        attribute_number(check, "usec", &usec);
        fprintf(file, "  <testcase classname=\"%s\" name=\"%s\" time=\"%" G_GUINT64_FORMAT ".%06u\">\n", kind, id,
                usec / 1000000, (unsigned)(usec % 1000000));
        if (strcmp(result, "failed") == 0)
                fprintf(file, "    <failure message=\"%s\">%s</failure>\n", claim, evidence);
        else if (strcmp(result, "skipped") == 0)
                fprintf(file, "    <skipped message=\"%s\"/>\n", evidence);
        else
                fprintf(file, "    <system-out>%s: %s</system-out>\n", claim, evidence);
        fputs("  </testcase>\n", file);
}

static void write_suite(FILE *file, const Verdicts *all, bool complete) {
        fprintf(file,
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"ipcctl test\" "
                "tests=\"%" G_GUINT64_FORMAT "\" failures=\"%" G_GUINT64_FORMAT
                "\" errors=\"%d\" skipped=\"%" G_GUINT64_FORMAT "\">\n",
                all->ok + all->failed + all->skipped + !complete, all->failed, !complete, all->skipped);
}

ExitCode report_junit(const char *path, GVariant *results, bool complete) {
        g_autoptr(GVariant) records = g_variant_ref_sink(
                results != NULL ? results : g_variant_new_array(G_VARIANT_TYPE_VARDICT, NULL, 0));
        FILE *file = fopen(path, "we");
        Verdicts all = { 0 };
        GVariantIter iter;
        GVariant *record;

        if (file == NULL)
                return say("cannot write %s: %s", path, g_strerror(errno)), EXIT_CODE_FAILED;
        g_variant_iter_init(&iter, records);
        while (g_variant_iter_loop(&iter, "@a{sv}", &record))
                if (record_is_check(record))
                        verdicts_count(&all, record);
        write_suite(file, &all, complete);
        g_variant_iter_init(&iter, records);
        while (g_variant_iter_loop(&iter, "@a{sv}", &record))
                if (record_is_check(record))
                        write_case(file, record);
                else if (strcmp(attribute_string(record, "type"), "environment") == 0)
                        write_properties(file, record);
        if (!complete)
                fputs("  <testcase classname=\"ipcctl test\" name=\"run\">\n    <error message=\"" TEST_CUT
                      "\"/>\n  </testcase>\n",
                        file);
        fputs("</testsuite>\n", file);
        bool failed = ferror(file);
        if (fclose(file) != 0 || failed)
                return say("cannot write %s: %s", path, g_strerror(errno)), EXIT_CODE_FAILED;
        return EXIT_CODE_DONE;
}
