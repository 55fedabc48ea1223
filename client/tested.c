/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the results of the test jobs that the service has and those that were kept, and takes the newest of each
 * claim. The table owns its entries. */
#include "tested.h"

#include <string.h>

#include "attributes.h"
#include "jobs.h"
#include "json.h"
#include "tested-kept.h"
#include "units.h"

static void seen_free(void *data) {
        Seen *seen = data;

        g_free(seen->result);
        g_free(seen);
}

void tested_add(GHashTable *tested, const char *kind, const char *id, const Seen *seen) {
        g_autofree char *key = g_strdup_printf("%s %s", kind, id);
        const Seen *old = g_hash_table_lookup(tested, key);

        if (old != NULL && old->time > seen->time)
                return;
        Seen *copy = g_new(Seen, 1);
        *copy = *seen;
        copy->result = g_strdup(seen->result);
        g_hash_table_replace(tested, g_steal_pointer(&key), copy);
}

static void add_results(GHashTable *tested, const JobInfo *job, GVariant *results) {
        guint64 time = job->ended != 0 ? job->ended : (guint64)g_get_real_time();
        GVariantIter iter;
        GVariant *record;

        g_variant_iter_init(&iter, results);
        while (g_variant_iter_loop(&iter, "@a{sv}", &record)) {
                const Seen seen = { (char *)attribute_string(record, "result"), time, false };
                if (strcmp(attribute_string(record, "type"), "check") == 0)
                        tested_add(tested, attribute_string(record, "kind"), attribute_string(record, "id"), &seen);
        }
}

GHashTable *tested_load(Cli *cli) {
        GHashTable *tested = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, seen_free);
        g_autoptr(GPtrArray) jobs = NULL;

        /* What was kept is of this machine. */
        if (cli->host == NULL)
                kept_load(tested);
        if (jobs_load(cli, &jobs) != EXIT_CODE_DONE)
                return tested;
        for (size_t i = 0; i < jobs->len; i++) {
                const JobInfo *job = jobs->pdata[i];
                g_autoptr(GVariant) results = NULL;
                if (g_str_equal(job->kind, "test") && job_results(cli, job->path, &results) == EXIT_CODE_DONE)
                        add_results(tested, job, results);
        }
        return tested;
}

const Seen *tested_claim(GHashTable *tested, const char *kind, const char *id) {
        g_autofree char *key = g_strdup_printf("%s %s", kind, id);

        return g_hash_table_lookup(tested, key);
}

typedef struct Count {
        guint64 ok, failed, skipped, time;
        bool service, kept;
} Count;

/* Of the claims that the kind has now. */
static Count count_kind(GHashTable *tested, GVariant *description, JsonObject *claims_seen) {
        g_autoptr(GVariant) claims = g_variant_lookup_value(description, "claims", G_VARIANT_TYPE("aa{sv}"));
        Count count = { 0 };
        GVariantIter iter;
        GVariant *claim;

        if (claims == NULL)
                return count;
        g_variant_iter_init(&iter, claims);
        while (g_variant_iter_loop(&iter, "@a{sv}", &claim)) {
                const char *id = attribute_string(claim, "id");
                const Seen *seen = tested_claim(tested, attribute_string(description, "kind"), id);
                if (seen == NULL)
                        continue;
                count.ok += strcmp(seen->result, "ok") == 0;
                count.failed += strcmp(seen->result, "failed") == 0;
                count.skipped += strcmp(seen->result, "skipped") == 0;
                count.time = MAX(count.time, seen->time);
                count.service |= !seen->kept;
                count.kept |= seen->kept;
                if (claims_seen != NULL)
                        json_object_set_string_member(claims_seen, id, seen->result);
        }
        return count;
}

char *tested_summary(GHashTable *tested, GVariant *description) {
        Count count = count_kind(tested, description, NULL);
        guint64 now = (guint64)g_get_real_time();
        char age[UNITS_TEXT_MAX];

        if (count.time == 0)
                return g_strdup("-");
        return g_strdup_printf("%" G_GUINT64_FORMAT " ok, %" G_GUINT64_FORMAT " failed, %s ago", count.ok,
                count.failed, time_print(now > count.time ? now - count.time : 0, age));
}

void tested_add_json(GHashTable *tested, GVariant *description, JsonObject *object) {
        g_autoptr(JsonObject) claims = json_object_new();
        Count count = count_kind(tested, description, claims);

        if (count.time == 0)
                return;
        json_add_u64(object, "seen.ok", count.ok);
        json_add_u64(object, "seen.failed", count.failed);
        json_add_u64(object, "seen.skipped", count.skipped);
        json_add_u64(object, "seen.time", count.time);
        json_add_string(object, "seen.from", !count.kept ? "service" : count.service ? "service and kept" : "kept");
        json_add(object, "seen.claims", json_node_of(g_steal_pointer(&claims)));
}
