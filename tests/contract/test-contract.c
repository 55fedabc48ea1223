/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One contract for all kinds that the service knows: every facet of every kind, as a test of its own. Two services
 * run, each on a bus of its own, so that what one makes is somebody else's to the other. -p /contract/KIND runs one
 * kind. */
#include "contract.h"

#include <string.h>

static Fixture ours, theirs, common;

enum {
        PARTS = 2,
        CLEAN_ROUNDS = 250, /* of 20 ms */
};

typedef struct Case {
        Proof proof;
        const Facet *facet;
} Case;

static const Contract *find_row(const char *kind) {
        for (size_t i = 0; i < contract_rows_size; i++)
                if (g_str_equal(contract_rows[i].kind, kind))
                        return contract_rows + i;
        return NULL;
}

/* What of that kind is still there and ours; NULL where nothing is. */
static char *find_left(Fixture *fixture, const char *kind) {
        const char *kinds[] = { kind, NULL };
        g_autoptr(GVariant) rows = NULL;
        g_autoptr(GError) error = NULL;

        ipcbus_manager_call_list_kernel_objects_sync(fixture->manager,
                options("mine", "b", TRUE, "kinds", "^as", kinds, NULL), PLAINLY, &rows, NULL, &error);
        g_assert_no_error(error);
        for (size_t i = 0; i < g_variant_n_children(rows); i++) {
                g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);
                const char *address = NULL;

                if (g_variant_lookup(row, "address", "&s", &address))
                        return g_strdup(address);
        }
        return NULL;
}

/* Nothing may be left on either bus, whatever the facet was about. A process that was killed takes a moment to end. */
static void prove_clean(Fixture *fixture, const char *kind) {
        g_autofree char *left = find_left(fixture, kind);

        for (int round = 0; left && round < CLEAN_ROUNDS; round++) {
                g_usleep(20000);
                g_free(left);
                left = find_left(fixture, kind);
        }
        if (left)
                g_error("left behind: %s", left);
}

static void prove(gconstpointer data) {
        const Case *one = data;
        Proof proof = one->proof;

        one->facet->prove(&proof);
        prove_clean(&ours, proof.row->kind);
        prove_clean(&theirs, proof.row->kind);
        WAIT_UNTIL(fixture_processes(&ours) <= 1);
}

/* To add a kind is to add its row in rows.c. */
static void no_row(gconstpointer kind) {
        g_error("The kind %s has no row in tests/contract/rows.c.", (const char *)kind);
}

static void add_facets(const Proof *proof, const Facet *facets) {
        for (const Facet *facet = facets; facet->name != NULL; facet++) {
                g_autofree char *path = g_strdup_printf("/contract/%s/%s", proof->row->kind, facet->name);
                Case *one = g_new0(Case, 1);

                *one = (Case){ .proof = *proof, .facet = facet };
                g_test_add_data_func_full(path, one, prove, g_free);
        }
}

/* Of all kinds, whichever of them this part has. */
static void prove_watched(gconstpointer data) {
        GArray *proofs = (gpointer)data;

        contract_prove_watched((gpointer)proofs->data, proofs->len);
}

/* `facets`: prove them here, and not in another part. */
static void add_kind(const char *kind, GArray *proofs, bool facets) {
        g_autofree char *path = g_strdup_printf("/contract/%s/row", kind);
        Proof proof = { .ours = &ours, .theirs = &theirs, .row = find_row(kind) };
        g_autoptr(GError) error = NULL;

        if (proof.row == NULL) {
                g_test_add_data_func_full(path, g_strdup(kind), no_row, g_free);
                return;
        }
        ipcbus_manager_call_describe_kind_sync(ours.manager, kind, PLAINLY, &proof.facts, NULL, &error);
        g_assert_no_error(error);
        g_array_append_val(proofs, proof);
        if (!facets)
                return;
        add_facets(&proof, contract_life);
        add_facets(&proof, contract_words);
        add_facets(&proof, contract_others);
}

static void add_kinds(GArray *proofs, guint64 part) {
        g_auto(GStrv) kinds = NULL;
        g_autoptr(GError) error = NULL;

        ipcbus_manager_call_list_kinds_sync(ours.manager, PLAINLY, &kinds, NULL, &error);
        g_assert_no_error(error);
        for (size_t i = 0; kinds[i] != NULL; i++)
                add_kind(kinds[i], proofs, part == PARTS || i % PARTS == part);
        for (size_t i = 0; i < contract_rows_size; i++)
                if (!g_strv_contains((const char *const *)kinds, contract_rows[i].kind))
                        g_error("tests/contract/rows.c has a row for %s, which is no kind.", contract_rows[i].kind);
        if (part == 0 || part == PARTS)
                g_test_add_data_func("/contract/watched", proofs, prove_watched);
}

static void proof_clear(gpointer proof) {
        g_variant_unref(((Proof *)proof)->facts);
}

/* --part N: every PARTS-th kind only, so that several such run at a time. */
int main(int argc, char *argv[]) {
        g_autoptr(GArray) proofs = g_array_new(FALSE, FALSE, sizeof(Proof));
        guint64 part = PARTS;
        int status;

        g_array_set_clear_func(proofs, proof_clear);
        if (argc == 4 && g_str_equal(argv[1], "--hold"))
                return contract_hold_main(argv[2], argv[3]);
        g_test_init(&argc, &argv, NULL);
        if (argc == 3 && g_str_equal(argv[1], "--part"))
                part = g_ascii_strtoull(argv[2], NULL, 10);
        /* A bus that both services know. */
        fixture_set_up(&common, NULL);
        g_assert_true(g_setenv("DBUS_SYSTEM_BUS_ADDRESS", common.bus_address, TRUE));
        fixture_set_up(&ours, NULL);
        fixture_set_up(&theirs, NULL);
        add_kinds(proofs, part);
        status = g_test_run();
        fixture_tear_down(&theirs, NULL);
        fixture_tear_down(&ours, NULL);
        fixture_tear_down(&common, NULL);
        return status;
}
