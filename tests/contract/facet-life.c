/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The life of one object: made, adopted by somebody else, used, its ends handed out, shown, listed, removed. */
#include "contract.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static GVariant *properties(Fixture *fixture, const char *path, const char *interface) {
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;

        reply = g_dbus_connection_call_sync(fixture->connection, IPCBUS_BUS_NAME, path,
                "org.freedesktop.DBus.Properties", "GetAll", g_variant_new("(s)", interface),
                G_VARIANT_TYPE("(a{sv})"), G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, &error);
        g_assert_no_error(error);
        return g_variant_get_child_value(reply, 0);
}

/* What the kind says of itself is complete: all that is not done has a sentence that a user understands. */
static void prove_described(Proof *proof) {
        static const char *const operations[] = { "create", "adopt", "send", "receive", "peek", "post", "wait",
                "open-end", "accept", "resize", "seal", "listen", "list", "watch", "remove", "test", "benchmark" };
        static const char *const texts[] = { "title", "family", "direction", "order", "persistence", "source" };
        gboolean available = FALSE;

        for (size_t i = 0; i < G_N_ELEMENTS(operations); i++) {
                g_autofree char *reason = kind_reason(proof, operations[i]);

                g_test_message("%s: %s", operations[i], reason != NULL ? reason : "supported");
                g_assert_true(kind_supports(proof, operations[i]) == (reason == NULL));
                if (reason == NULL)
                        continue;
                g_assert_cmpuint(strlen(reason), >, 20);
                g_assert_true(g_ascii_isupper(*reason) && g_str_has_suffix(reason, "."));
        }
        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
                const char *text = NULL;

                g_test_message("%s", texts[i]);
                g_assert_true(g_variant_lookup(proof->facts, texts[i], "&s", &text) && *text != '\0');
        }
        g_assert_true(g_variant_lookup(proof->facts, "available", "b", &available));
        g_assert_true(available);
        g_autoptr(GVariant) claims = g_variant_lookup_value(proof->facts, "claims", G_VARIANT_TYPE("aa{sv}"));
        g_assert_cmpuint(g_variant_n_children(claims), >=, 10);
}

/* Each limit has its value and where it comes from. */
static void prove_limits_told(Proof *proof) {
        g_autoptr(GVariant) limits = g_variant_lookup_value(proof->facts, "limits", G_VARIANT_TYPE("aa{sv}"));

        g_assert_nonnull(limits);
        g_assert_cmpuint(g_variant_n_children(limits), >, 0);
        for (size_t i = 0; i < g_variant_n_children(limits); i++) {
                g_autoptr(GVariant) limit = g_variant_get_child_value(limits, i);
                g_autoptr(GVariant) value = g_variant_lookup_value(limit, "value", NULL);
                const char *name = NULL, *source = NULL;

                g_assert_true(g_variant_lookup(limit, "name", "&s", &name));
                g_test_message("%s", name);
                g_assert_nonnull(value);
                g_assert_true(g_variant_lookup(limit, "source", "&s", &source) && *source != '\0');
        }
}

static void prove_create(Proof *proof) {
        g_autofree char *path = NULL, *address = contract_create(proof, proof->ours, "lease=none", &path);
        g_autofree char *prefix = g_strconcat(proof->row->kind, ":", NULL), *kind_path = NULL;
        g_autoptr(GVariant) object = properties(proof->ours, path, IPCBUS_INTERFACE_KERNEL_OBJECT);
        g_autofree const char **interfaces = NULL;
        const char *text = NULL;
        gboolean adopted = TRUE;
        guint32 owner = 77;

        g_assert_true(g_str_has_prefix(address, prefix));
        kind_path = g_strdelimit(g_strdup(proof->row->kind), "-", '_');
        g_autofree char *wanted = g_strdup_printf(IPCBUS_OBJECT_PATH "/%s/", kind_path);
        g_assert_true(g_str_has_prefix(path, wanted));
        g_assert_true(g_variant_lookup(object, "Address", "&s", &text));
        g_assert_cmpstr(text, ==, address);
        g_assert_true(g_variant_lookup(object, "Kind", "&s", &text));
        g_assert_cmpstr(text, ==, proof->row->kind);
        g_assert_true(g_variant_lookup(object, "Identity", "&s", &text) && *text != '\0');
        g_assert_true(g_variant_lookup(object, "Lease", "&s", &text));
        g_assert_cmpstr(text, ==, "none");
        g_assert_true(g_variant_lookup(object, "Owner", "u", &owner));
        g_assert_cmpuint(owner, ==, geteuid());
        g_assert_true(g_variant_lookup(object, "Adopted", "b", &adopted) && !adopted);
        g_assert_true(g_variant_lookup(proof->facts, "interfaces", "^a&s", &interfaces));
        for (size_t i = 0; interfaces[i] != NULL; i++) {
                g_autoptr(GVariant) more = properties(proof->ours, path, interfaces[i]);

                g_assert_cmpuint(g_variant_n_children(more), >, 0);
        }
        contract_remove(proof->ours, address);
}

/* A second one of the same name is refused and leaves the first as it is. */
static void prove_exists(Proof *proof) {
        g_autoptr(GVariant) given = g_variant_ref_sink(contract_options(proof->ours, proof->row->create, NULL));
        g_autofree char *first = fixture_create(proof->ours, proof->row->kind, given, NULL);

        if (proof->row->many) {
                g_autofree char *second = fixture_create(proof->ours, proof->row->kind, given, NULL);

                g_assert_cmpstr(first, !=, second);
                contract_remove(proof->ours, second);
        } else {
                g_free(contract_refused(
                        proof->ours, "Create", g_variant_new("(s@a{sv})", proof->row->kind, given), "Exists"));
                g_free(contract_refused(
                        proof->theirs, "Create", g_variant_new("(s@a{sv})", proof->row->kind, given), "Exists"));
        }
        contract_use(proof, proof->ours, first);
        contract_remove(proof->ours, first);
}

static void prove_use(Proof *proof) {
        g_autofree char *address = contract_create(proof, proof->ours, NULL, NULL);

        for (int i = 0; i < 3; i++)
                contract_use(proof, proof->ours, address);
        contract_remove(proof->ours, address);
}

/* What another service made is somebody else's: exported, used, and left alone when ours forgets it. */
static void prove_adopt(Proof *proof) {
        g_autofree char *address = contract_create(proof, proof->theirs, NULL, NULL), *sentence = NULL;
        g_autofree char *reason = kind_reason(proof, "adopt"), *path = NULL, *canonical = NULL, *again = NULL;
        g_autoptr(GVariant) object = NULL;
        g_autoptr(GError) error = NULL;
        gboolean adopted = FALSE;

        if (reason != NULL) {
                sentence = contract_refused(
                        proof->ours, "Adopt", g_variant_new("(s@a{sv})", address, NO_OPTIONS), "NotSupported");
                g_assert_nonnull(strstr(sentence, reason));
                contract_remove(proof->theirs, address);
                return;
        }
        ipcbus_manager_call_adopt_sync(
                proof->ours->manager, address, NO_OPTIONS, PLAINLY, &path, &canonical, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(canonical, ==, address);
        object = properties(proof->ours, path, IPCBUS_INTERFACE_KERNEL_OBJECT);
        g_assert_true(g_variant_lookup(object, "Adopted", "b", &adopted) && adopted);
        g_clear_pointer(&canonical, g_free);
        ipcbus_manager_call_adopt_sync(
                proof->ours->manager, address, NO_OPTIONS, PLAINLY, &again, &canonical, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(again, ==, path);
        contract_use(proof, proof->theirs, address);
        fixture_end_service(proof->ours, SIGTERM);
        contract_use(proof, proof->theirs, address);
        contract_remove(proof->theirs, address);
}

/* Every end is a descriptor that a program does not inherit by accident; another word is no end. */
static void prove_ends(Proof *proof) {
        g_autofree char *address = contract_create(proof, proof->ours, NULL, NULL), *reason = NULL;
        g_autofree const char **ends = NULL;

        g_assert_true(g_variant_lookup(proof->facts, "ends", "^a&s", &ends));
        reason = kind_reason(proof, "open-end");
        g_assert_true((reason == NULL) == (ends[0] != NULL));
        for (size_t i = 0; ends[i] != NULL; i++) {
                g_autoptr(GUnixFDList) list = NULL;
                g_autoptr(GVariant) index = NULL;
                g_autoptr(GError) error = NULL;
                int n, fd;

                g_test_message("%s", ends[i]);
                if (proof->row->other_ends != NULL && g_strv_contains(proof->row->other_ends, ends[i])) {
                        g_free(contract_refused(proof->ours, "OpenEnd",
                                g_variant_new("(ss@a{sv})", address, ends[i], NO_OPTIONS), "InvalidOption"));
                        continue;
                }
                ipcbus_manager_call_open_end_sync(proof->ours->manager, address, ends[i], NO_OPTIONS, PLAINLY, NULL,
                        &index, &list, NULL, &error);
                g_assert_no_error(error);
                fd = g_unix_fd_list_peek_fds(list, &n)[0];
                g_assert_cmpint(n, ==, 1);
                g_assert_cmpint(fcntl(fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
        }
        g_autofree char *sentence = contract_refused(proof->ours, "OpenEnd",
                g_variant_new("(ss@a{sv})", address, "middle", NO_OPTIONS),
                reason != NULL ? "NotSupported" : "InvalidOption");
        if (reason != NULL)
                g_assert_nonnull(strstr(sentence, reason));
        contract_remove(proof->ours, address);
}

/* Described by us and by somebody else, it is the same object. */
static void prove_show(Proof *proof) {
        g_autofree char *address = contract_create(proof, proof->ours, NULL, NULL);
        Fixture *const both[] = { proof->ours, proof->theirs };

        for (size_t i = 0; i < G_N_ELEMENTS(both); i++) {
                g_autoptr(GVariant) shown = contract_describe(both[i], address);
                gboolean complete = FALSE;
                const char *text = NULL;
                guint64 uid = 77;

                g_assert_true(g_variant_lookup(shown, "address", "&s", &text));
                g_assert_cmpstr(text, ==, address);
                g_assert_true(g_variant_lookup(shown, "kind", "&s", &text));
                g_assert_cmpstr(text, ==, proof->row->kind);
                g_assert_true(g_variant_lookup(shown, "uid", "t", &uid));
                g_assert_cmpuint(uid, ==, geteuid());
                if (proof->row->not_held == NULL)
                        g_assert_true(g_variant_lookup(shown, "holders_complete", "b", &complete));
        }
        contract_remove(proof->ours, address);
        contract_gone(proof, proof->theirs, "Describe", address);
}

/* Everybody lists it, and its maker knows it for its own. */
static void prove_list(Proof *proof) {
        g_autofree char *address = contract_create(proof, proof->ours, NULL, NULL);
        g_autoptr(GSubprocess) holder = proof->row->listed_held ? contract_holder(proof, proof->ours, address) : NULL;
        g_autoptr(GVariant) mine = contract_row(proof, proof->ours, address);
        g_autoptr(GVariant) other = contract_row(proof, proof->theirs, address);
        gboolean ours = FALSE, also = FALSE;
        guint64 uid = 77, created = 0, now = (guint64)g_get_real_time();

        g_assert_nonnull(mine);
        g_assert_nonnull(other);
        g_assert_true(g_variant_lookup(mine, "ours", "b", &ours) && ours);
        g_assert_false(g_variant_lookup(other, "ours", "b", &also) && also);
        /* Also where the kernel does not tell. A process was there before. */
        g_assert_true(g_variant_lookup(mine, "created", "t", &created));
        g_assert_cmpuint(created, <=, now + G_USEC_PER_SEC);
        g_assert_cmpuint(created, >, now - G_TIME_SPAN_MINUTE);
        g_assert_true(g_variant_lookup(mine, "uid", "t", &uid));
        g_assert_cmpuint(uid, ==, geteuid());
        if (holder != NULL)
                contract_kill(holder);
        contract_remove(proof->ours, address);
        contract_unlisted(proof, proof->ours, address);
        contract_unlisted(proof, proof->theirs, address);
}

/* Gone from the bus, and for everybody else. */
static void prove_remove(Proof *proof) {
        g_autofree char *path = NULL, *address = contract_create(proof, proof->ours, NULL, &path);
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;

        contract_use(proof, proof->ours, address);
        contract_remove(proof->ours, address);
        reply = g_dbus_connection_call_sync(proof->ours->connection, IPCBUS_BUS_NAME, path,
                IPCBUS_INTERFACE_KERNEL_OBJECT, "Describe", NULL, NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
        g_assert_error(error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_OBJECT);
        contract_gone(proof, proof->ours, "Remove", address);
        contract_gone(proof, proof->theirs, "Remove", address);
}

const Facet contract_life[] = {
        { "described", prove_described },
        { "limits-told", prove_limits_told },
        { "create", prove_create },
        { "exists", prove_exists },
        { "adopt", prove_adopt },
        { "use", prove_use },
        { "ends", prove_ends },
        { "show", prove_show },
        { "list", prove_list },
        { "remove", prove_remove },
        {},
};
