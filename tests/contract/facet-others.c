/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What others do and see: events, holders that come and are killed, leases that end, explanations, jobs. */
#include "contract.h"

#include <signal.h>
#include <string.h>

/* It comes with all its interfaces, tells what happens at it, and goes. */
static void prove_events(Proof *proof) {
        g_autofree char *path = NULL, *address = NULL, *added = NULL, *removed = NULL;
        g_autofree const char **interfaces = NULL;
        Fixture *fixture = proof->ours;

        g_assert_true(g_variant_lookup(proof->facts, "interfaces", "^a&s", &interfaces));
        g_string_truncate(fixture->signals, 0);
        address = contract_create(proof, fixture, NULL, &path);
        added = g_strdup_printf("InterfacesAdded('%s'", path);
        WAIT_UNTIL(fixture_saw(fixture, added));
        for (size_t i = 0; interfaces[i] != NULL; i++)
                g_assert_true(fixture_saw(fixture, interfaces[i]));
        contract_use(proof, fixture, address);
        if (proof->row->event != NULL) {
                g_autofree char *happened = g_strconcat(proof->row->event, "(", NULL);

                WAIT_UNTIL(fixture_saw(fixture, happened));
        }
        if (kind_supports(proof, "watch"))
                g_assert_true(proof->row->event != NULL || proof->row->told != NULL);
        contract_remove(fixture, address);
        removed = g_strdup_printf("InterfacesRemoved('%s'", path);
        WAIT_UNTIL(fixture_saw(fixture, removed));
}

static bool held_by(Proof *proof, Fixture *fixture, const char *address, gint64 pid) {
        g_autoptr(GVariant) shown = contract_describe(fixture, address);
        g_autoptr(GVariant) row = contract_row(proof, fixture, address);

        g_assert_true(row != NULL || proof->row->listed_held);
        /* What nobody holds any more is then not among what others hold. */
        if (proof->row->listed_held && (row == NULL || !g_variant_lookup(row, "holders", "@aa{sv}", NULL)))
                g_assert_false(holders_have(shown, pid));
        else
                g_assert_true(holders_have(row, pid) == holders_have(shown, pid));
        return holders_have(shown, pid);
}

/* A process that holds it is seen by everybody, and its death too; the object goes on. */
static void prove_killed_peer(Proof *proof) {
        const Contract *row = proof->row;
        g_autofree char *address = contract_create(proof, proof->ours, NULL, NULL);
        g_autoptr(GSubprocess) holder = NULL;
        gint64 pid;

        if (row->process) {
                pid = g_ascii_strtoll(strchr(address, ':') + 1, NULL, 10);
                g_assert_true(held_by(proof, proof->theirs, address, pid));
                g_assert_cmpint(kill((pid_t)pid, SIGKILL), ==, 0);
                WAIT_UNTIL(fixture_saw(proof->ours, "InterfacesRemoved("));
                return;
        }
        g_string_truncate(proof->ours->signals, 0);
        holder = contract_holder(proof, proof->ours, address);
        pid = g_ascii_strtoll(g_subprocess_get_identifier(holder), NULL, 10);
        if (row->not_held == NULL) {
                g_assert_true(held_by(proof, proof->ours, address, pid));
                g_assert_true(held_by(proof, proof->theirs, address, pid));
        }
        contract_kill(holder);
        if (row->not_held == NULL) {
                g_assert_false(held_by(proof, proof->ours, address, pid));
                g_assert_false(held_by(proof, proof->theirs, address, pid));
        }
        if (row->told != NULL) {
                g_autofree char *told = g_strconcat(row->told, "(", NULL);

                WAIT_UNTIL(fixture_saw(proof->ours, told));
        } else
                contract_use(proof, proof->ours, address);
        contract_remove(proof->ours, address);
}

static char *create_as(Proof *proof, GDBusConnection *connection, const char *lease) {
        g_autoptr(IpcbusManager) manager = fixture_manager(connection);
        g_autofree char *object = NULL;
        g_autoptr(GError) error = NULL;
        char *address = NULL;

        ipcbus_manager_call_create_sync(manager, proof->row->kind,
                contract_options(proof->ours, proof->row->create, lease), PLAINLY, &object, &address, NULL, &error);
        g_assert_no_error(error);
        return address;
}

/* Whoever asked for it has gone, or its time is over: it goes, for everybody. */
static void prove_lease(Proof *proof) {
        static const char *const leases[] = { "lease=caller", "lease=50ms" };

        for (size_t i = 0; i < G_N_ELEMENTS(leases); i++) {
                GDBusConnection *caller = fixture_connect(proof->ours);
                g_autofree char *address = create_as(proof, caller, leases[i]), *expired = NULL;
                g_autofree char *text = g_strdup_printf("'%s'", address);
                GString *signals = proof->ours->signals;

                fixture_disconnect(caller);
                expired = g_strdup_printf("%s, '%s')", text, i == 0 ? "caller" : "duration");
                WAIT_UNTIL(fixture_saw(proof->ours, expired));
                WAIT_UNTIL(strstr(strstr(signals->str, expired), "InterfacesRemoved(") != NULL);
                contract_gone(proof, proof->ours, "Describe", address);
                contract_unlisted(proof, proof->theirs, address);
        }
}

/* Who may do everything is told so, step by step; who asks for what is not there, is told that. */
static void prove_explain(Proof *proof) {
        g_autofree char *address = contract_create(proof, proof->ours, NULL, NULL);
        g_autoptr(GVariant) verdict = NULL, steps = NULL;
        g_autoptr(GError) error = NULL;
        const char *summary = NULL;
        gboolean possible = FALSE;

        if (!kind_supports(proof, "adopt")) {
                g_free(contract_refused(
                        proof->theirs, "Explain", g_variant_new("(s@a{sv})", address, NO_OPTIONS), "NotSupported"));
                contract_remove(proof->ours, address);
                return;
        }

        ipcbus_manager_call_explain_sync(proof->theirs->manager, address, NO_OPTIONS, PLAINLY, &verdict, NULL, &error);
        g_assert_no_error(error);
        g_assert_true(g_variant_lookup(verdict, "summary", "&s", &summary) && *summary != '\0');
        g_test_message("%s", summary);
        g_assert_true(g_variant_lookup(verdict, "possible", "b", &possible));
        g_assert_true(possible);
        steps = g_variant_lookup_value(verdict, "steps", G_VARIANT_TYPE("aa{sv}"));
        g_assert_nonnull(steps);
        contract_remove(proof->ours, address);
        g_clear_pointer(&verdict, g_variant_unref);
        ipcbus_manager_call_explain_sync(proof->theirs->manager, address, NO_OPTIONS, PLAINLY, &verdict, NULL, &error);
        g_assert_no_error(error);
        g_assert_true(g_variant_lookup(verdict, "possible", "b", &possible));
        g_assert_true(!possible || proof->row->number_goes_on);
}

/* The records of a job of this type, when it is done. */
static unsigned finish_job(Proof *proof, const char *path, const char *type) {
        g_autoptr(IpcbusJob) job = NULL;
        g_autoptr(GVariant) reply = NULL, boxed = NULL, results = NULL;
        g_autoptr(GError) error = NULL;
        unsigned n = 0;

        job = ipcbus_job_proxy_new_sync(
                proof->ours->connection, G_DBUS_PROXY_FLAGS_NONE, IPCBUS_BUS_NAME, path, NULL, &error);
        g_assert_no_error(error);
        WAIT_UNTIL(!g_str_equal(ipcbus_job_get_state(job), "running"));
        g_assert_cmpstr(ipcbus_job_get_state(job), ==, "done");
        reply = g_dbus_connection_call_sync(proof->ours->connection, IPCBUS_BUS_NAME, path,
                "org.freedesktop.DBus.Properties", "Get", g_variant_new("(ss)", IPCBUS_INTERFACE_JOB, "Results"), NULL,
                G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
        g_assert_no_error(error);
        boxed = g_variant_get_child_value(reply, 0);
        results = g_variant_get_variant(boxed);
        for (size_t i = 0; i < g_variant_n_children(results); i++) {
                g_autoptr(GVariant) record = g_variant_get_child_value(results, i);
                const char *text = "", *kind = "";

                g_variant_lookup(record, "type", "&s", &text);
                g_variant_lookup(record, "kind", "&s", &kind);
                if (!g_str_equal(text, type) || !g_str_equal(kind, proof->row->kind))
                        continue;
                n++;
                g_autofree char *printed = g_variant_print(record, FALSE);
                g_test_message("%s", printed);
                if (g_variant_lookup(record, "result", "&s", &text))
                        g_assert_cmpstr(text, ==, "ok");
                g_assert_false(g_variant_lookup(record, "skipped", "&s", &text));
        }
        return n;
}

/* Its first claim is proven, and it is measured: one message size, a moment. */
static void prove_jobs(Proof *proof) {
        const char *kinds[] = { proof->row->kind, NULL }, *claims[] = { NULL, NULL };
        static const char *const modes[] = { "latency", NULL };
        const guint64 sizes[] = { 64 }, cpus[] = { 0, 0 };
        g_autoptr(GVariant) table = g_variant_lookup_value(proof->facts, "claims", G_VARIANT_TYPE("aa{sv}"));
        g_autoptr(GVariant) first = g_variant_get_child_value(table, 0);
        g_autofree char *test = NULL, *bench = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_true(g_variant_lookup(first, "id", "&s", &claims[0]));
        ipcbus_manager_call_test_sync(
                proof->ours->manager, kinds, options("claims", "^as", claims, NULL), PLAINLY, &test, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(finish_job(proof, test, "check"), ==, 1);
        if (!kind_supports(proof, "benchmark"))
                return;
        ipcbus_manager_call_benchmark_sync(proof->ours->manager, kinds,
                options("modes", "^as", modes, "sizes", "@at",
                        g_variant_new_fixed_array(G_VARIANT_TYPE_UINT64, sizes, 1, 8), "cpus", "@at",
                        g_variant_new_fixed_array(G_VARIANT_TYPE_UINT64, cpus, 2, 8), "time", "t", (guint64)20000,
                        "trials", "t", (guint64)1, NULL),
                PLAINLY, &bench, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(finish_job(proof, bench, "result"), >=, 1);
}

const Facet contract_others[] = {
        { "events", prove_events },
        { "killed-peer", prove_killed_peer },
        { "lease", prove_lease },
        { "explain", prove_explain },
        { "jobs", prove_jobs },
        {},
};
