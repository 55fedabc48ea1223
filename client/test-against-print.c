/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What changed since an earlier run, for people: the claims, failed ones first, and beside them what differs in the
 * surroundings, which is where the cause is. Owns nothing. */
#include <stdio.h>
#include <string.h>

#include "environment-change.h"
#include "json.h"
#include "output.h"
#include "test-against.h"

enum { ALIKE_MIN = 3 };

static const char *string_or_null(JsonObject *object, const char *key) {
        return json_object_get_null_member(object, key) ? NULL : json_object_get_string_member(object, key);
}

static void print_side(JsonObject *change, const char *side, const char *prefix, const char *indent) {
        g_autofree char *key = g_strdup_printf("%s_evidence", side);
        const char *result = string_or_null(change, side);

        if (result == NULL)
                return;
        g_autofree char *evidence = g_strdelimit(g_strdup(string_or_null(change, key)), "\n", ' ');
        g_autofree char *harmless = text_harmless(evidence);
        printf("%s%s%-3s  %-7s  %s\n", prefix, indent, side, result, harmless);
}

static bool is_failure(JsonObject *change) {
        return g_strcmp0(string_or_null(change, "is"), "failed") == 0;
}

static void print_title(JsonObject *change, const char *prefix, const char *indent, bool with_kind) {
        const char *what = json_object_get_string_member(change, "change");
        g_autofree char *kind = text_harmless(json_object_get_string_member(change, "kind"));
        g_autofree char *id = text_harmless(json_object_get_string_member(change, "id"));
        g_autofree char *claim = text_harmless(json_object_get_string_member(change, "claim"));

        printf("%s%s%s%s%s%s%s: %s%s\n", prefix, indent, is_failure(change) ? output_colour("red") : "",
                with_kind ? kind : "", with_kind ? " " : "", id, is_failure(change) ? output_colour("") : "", claim,
                strcmp(what, "new") == 0    ? " (new: the earlier run did not have it)"
                : strcmp(what, "gone") == 0 ? " (gone: only the earlier run had it)"
                                            : "");
}

/* Of one kind, and for the same reason not tested now? */
static bool same_reason(JsonObject *one, JsonObject *other) {
        static const char *const keys[] = { "change", "kind", "was", "is", "is_evidence" };

        if (g_strcmp0(string_or_null(one, "is"), "skipped") != 0)
                return false;
        for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
                if (g_strcmp0(string_or_null(one, keys[i]), string_or_null(other, keys[i])) != 0)
                        return false;
        return true;
}

static guint count_alike(JsonArray *changes, guint first) {
        JsonObject *one = json_array_get_object_element(changes, first);
        guint n = 1;

        while (first + n < json_array_get_length(changes) &&
                same_reason(one, json_array_get_object_element(changes, first + n)))
                n++;
        return n;
}

/* What stands for many of them is said once. */
static void print_alike(JsonArray *changes, guint first, guint n, const char *prefix) {
        JsonObject *one = json_array_get_object_element(changes, first);

        printf("%s  %s, %u claims:\n", prefix, json_object_get_string_member(one, "kind"), n);
        print_side(one, "is", prefix, "    ");
        for (guint i = first; i < first + n; i++) {
                JsonObject *change = json_array_get_object_element(changes, i);
                print_title(change, prefix, "    ", false);
                print_side(change, "was", prefix, "      ");
        }
}

static void print_changes(JsonArray *changes, bool failures, const char *prefix) {
        for (guint i = 0, n; i < json_array_get_length(changes); i += n) {
                JsonObject *change = json_array_get_object_element(changes, i);
                n = count_alike(changes, i);
                if (is_failure(change) != failures)
                        continue;
                if (n >= ALIKE_MIN) {
                        print_alike(changes, i, n, prefix);
                        continue;
                }
                n = 1;
                print_title(change, prefix, "  ", true);
                print_side(change, "was", prefix, "    ");
                print_side(change, "is", prefix, "    ");
        }
}

static char *time_text(JsonObject *against) {
        gint64 usec = json_object_get_int_member_with_default(against, "time", 0);
        g_autoptr(GDateTime) time = usec > 0 ? g_date_time_new_from_unix_local(usec / G_USEC_PER_SEC) : NULL;

        return time != NULL ? g_date_time_format(time, " of %Y-%m-%d %H:%M:%S") : g_strdup("");
}

void against_print(JsonObject *against, const char *prefix) {
        JsonArray *claims = json_object_get_array_member(against, "claims");
        JsonArray *facts = json_object_get_array_member(against, "environment");
        gint64 compared = json_object_get_int_member(against, "compared");
        g_autofree char *file = text_harmless(json_object_get_string_member(against, "file"));
        g_autofree char *time = time_text(against);
        guint n = json_array_get_length(claims);

        printf("%s%scompared with %s%s%s: ", *prefix == '\0' ? "\n" : "", prefix, file, time,
                json_object_get_boolean_member(against, "complete") ? "" : ", which did not come to its end");
        if (n == 0 && compared == 0)
                puts("it has none of these claims, so nothing can be compared");
        else if (n == 0)
                printf("nothing changed, %" G_GINT64_FORMAT " %s had\n", compared,
                        compared == 1 ? "claim has the result that it" : "claims have the result that they");
        else if (compared == 0)
                printf("%u %s, and no claim that both have\n", n, n == 1 ? "difference" : "differences");
        else
                printf("%u %s, of %" G_GINT64_FORMAT " that both have\n", n, n == 1 ? "difference" : "differences",
                        compared);
        print_changes(claims, true, prefix);
        print_changes(claims, false, prefix);
        environment_print(facts, json_object_get_boolean_member(against, "environment_known"), prefix);
        fflush(stdout);
}
