/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What somebody else makes and removes is told to whoever watches the machine. One test for all kinds at a time, as it
 * takes some looks of the service at the machine. */
#include "contract.h"

enum { SPARE = 16 };

typedef struct Watched {
        Proof *proof;
        char *address;
        GPtrArray *before; /* addresses */
        GSubprocess *holder;
} Watched;

/* Where a number goes on to the next, those that others have just given up are taken first. */
static void make(Watched *watched) {
        Proof *proof = watched->proof;

        watched->before = g_ptr_array_new_with_free_func(g_free);
        for (int i = 0; proof->row->number_goes_on && i < SPARE; i++)
                g_ptr_array_add(watched->before, contract_create(proof, proof->theirs, NULL, NULL));
        watched->address = contract_create(proof, proof->theirs, NULL, NULL);
        if (proof->row->listed_held)
                watched->holder = contract_holder(proof, proof->theirs, watched->address);
}

static void unmake(Watched *watched) {
        if (watched->holder != NULL)
                contract_kill(watched->holder);
        g_clear_object(&watched->holder);
        contract_remove(watched->proof->theirs, watched->address);
        for (guint i = 0; i < watched->before->len; i++)
                contract_remove(watched->proof->theirs, watched->before->pdata[i]);
        g_ptr_array_unref(watched->before);
}

static void await_told(Watched *watched, const char *signal) {
        g_autofree char *told = g_strdup_printf("%s('%s'", signal, watched->address);

        g_test_message("%s", told);
        WAIT_UNTIL(fixture_saw(watched->proof->ours, told));
}

void contract_prove_watched(Proof *proofs, size_t n) {
        g_autofree Watched *watched = g_new0(Watched, n);
        g_autoptr(GPtrArray) kinds = g_ptr_array_new();
        g_autoptr(GError) error = NULL;
        IpcbusManager *manager = proofs[0].ours->manager;

        for (size_t i = 0; i < n; i++) {
                watched[i].proof = &proofs[i];
                g_ptr_array_add(kinds, (gpointer)proofs[i].row->kind);
        }
        g_ptr_array_add(kinds, NULL);
        ipcbus_manager_call_subscribe_sync(manager,
                options("kinds", "^as", (const char *const *)kinds->pdata, "interval", "t", (guint64)100000, NULL),
                PLAINLY, NULL, &error);
        g_assert_no_error(error);
        for (size_t i = 0; i < n; i++)
                make(&watched[i]);
        for (size_t i = 0; i < n; i++)
                await_told(&watched[i], "KernelObjectAppeared");
        for (size_t i = 0; i < n; i++)
                unmake(&watched[i]);
        for (size_t i = 0; i < n; i++) {
                await_told(&watched[i], "KernelObjectVanished");
                g_free(watched[i].address);
        }
        ipcbus_manager_call_unsubscribe_sync(manager, PLAINLY, NULL, &error);
        g_assert_no_error(error);
}
