/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the results of the test jobs that the service keeps and takes the latest of each kind. The table owns its
 * entries. */
#include "tested.h"

#include "jobs.h"
#include "json.h"

typedef struct Seen {
        guint64 job;
        guint64 ok, failed, skipped;
        JsonObject *claims;
} Seen;

static void seen_free(void *data) {
        Seen *seen = data;

        json_object_unref(seen->claims);
        g_free(seen);
}

static Seen *seen_of(GHashTable *tested, const char *kind, guint64 job) {
        Seen *seen = g_hash_table_lookup(tested, kind);

        /* Jobs come in the order of their serial numbers: a later one replaces what an earlier one saw. */
        if (seen == NULL || seen->job != job) {
                seen = g_new0(Seen, 1);
                seen->job = job;
                seen->claims = json_object_new();
                g_hash_table_replace(tested, g_strdup(kind), seen);
        }
        return seen;
}

static void add_results(GHashTable *tested, guint64 job, GVariant *results) {
        GVariantIter iter;
        GVariant *record;

        g_variant_iter_init(&iter, results);
        while (g_variant_iter_loop(&iter, "@a{sv}", &record)) {
                const char *type = "", *kind, *id = "", *result = "";
                g_variant_lookup(record, "type", "&s", &type);
                if (!g_str_equal(type, "check") || !g_variant_lookup(record, "kind", "&s", &kind))
                        continue;
                g_variant_lookup(record, "id", "&s", &id);
                g_variant_lookup(record, "result", "&s", &result);
                Seen *seen = seen_of(tested, kind, job);
                seen->ok += g_str_equal(result, "ok");
                seen->failed += g_str_equal(result, "failed");
                seen->skipped += g_str_equal(result, "skipped");
                json_object_set_string_member(seen->claims, id, result);
        }
}

GHashTable *tested_load(Cli *cli) {
        GHashTable *tested = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, seen_free);
        g_autoptr(GPtrArray) jobs = NULL;

        if (jobs_load(cli, &jobs) != EXIT_CODE_DONE)
                return tested;
        for (size_t i = 0; i < jobs->len; i++) {
                const JobInfo *job = jobs->pdata[i];
                g_autoptr(GVariant) results = NULL;
                if (g_str_equal(job->kind, "test") && job_results(cli, job->path, &results) == EXIT_CODE_DONE)
                        add_results(tested, job->serial, results);
        }
        return tested;
}

char *tested_summary(GHashTable *tested, const char *kind) {
        const Seen *seen = g_hash_table_lookup(tested, kind);

        if (seen == NULL)
                return g_strdup("-");
        return g_strdup_printf("%" G_GUINT64_FORMAT " ok, %" G_GUINT64_FORMAT " failed", seen->ok, seen->failed);
}

void tested_add_json(GHashTable *tested, const char *kind, JsonObject *object) {
        const Seen *seen = g_hash_table_lookup(tested, kind);

        if (seen == NULL)
                return;
        json_add_u64(object, "seen.ok", seen->ok);
        json_add_u64(object, "seen.failed", seen->failed);
        json_add_u64(object, "seen.skipped", seen->skipped);
        json_add(object, "seen.claims", json_node_of(json_object_ref(seen->claims)));
}
