/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Wrong input and limits: named errors, with sentences that say what to do, and nothing changed. */
#include "contract.h"

#include <string.h>

/* The calls that take an address and options, and the operation that each is. */
static const struct {
        const char *method, *operation;
} calls[] = {
        { "Send", "send" },
        { "Receive", "receive" },
        { "Peek", "peek" },
        { "Wait", "wait" },
        { "OpenEnd", "open-end" },
        { "Post", "post" },
};

static GVariant *arguments_of(const char *method, const char *address, GVariant *given) {
        if (g_str_equal(method, "Send"))
                return g_variant_new("(s@ay@a{sv})", address, bytes("x", 1), given);
        if (g_str_equal(method, "OpenEnd"))
                return g_variant_new("(ss@a{sv})", address, "", given);
        if (g_str_equal(method, "Post"))
                return g_variant_new("(st@a{sv})", address, (guint64)1, given);
        return g_variant_new("(s@a{sv})", address, given);
}

/* Whoever asks for what the kind does not do is told why, in the words of DescribeKind. */
static void prove_unsupported(Proof *proof) {
        g_autofree char *address = contract_create(proof, proof->ours, NULL, NULL);

        for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
                g_autofree char *reason = kind_reason(proof, calls[i].operation), *sentence = NULL;

                if (reason == NULL || kind_supports(proof, calls[i].operation))
                        continue;
                sentence = contract_refused(proof->ours, calls[i].method,
                        arguments_of(calls[i].method, address, NO_OPTIONS), "NotSupported");
                if (strstr(sentence, reason) == NULL)
                        g_test_message("%s: %s, and not: %s", calls[i].method, sentence, reason);
                g_assert_nonnull(strstr(sentence, reason));
        }
        contract_remove(proof->ours, address);
}

/* An option that there is not is named, and so is the one that was meant. */
static void prove_unknown_options(Proof *proof) {
        g_autofree char *address = contract_create(proof, proof->ours, NULL, NULL);
        g_autofree char *create = contract_refused(proof->ours, "Create",
                g_variant_new("(s@a{sv})", proof->row->kind,
                        contract_options(proof->ours, proof->row->create, "colour=red")),
                "InvalidOption");
        g_autofree char *near = contract_refused(proof->ours, "Create",
                g_variant_new(
                        "(s@a{sv})", proof->row->kind, contract_options(proof->ours, proof->row->create, "leas=none")),
                "InvalidOption");

        g_assert_nonnull(strstr(create, "colour"));
        g_assert_nonnull(strstr(near, "lease"));
        for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
                g_autofree char *sentence = NULL;

                if (!kind_supports(proof, calls[i].operation))
                        continue;
                sentence = contract_refused(proof->ours, calls[i].method,
                        arguments_of(calls[i].method, address, options("colour", "s", "red", NULL)), "InvalidOption");
                g_assert_nonnull(strstr(sentence, "colour"));
        }
        contract_remove(proof->ours, address);
}

/* Each option of the table, with a value of no type that it could take, and with one past its bound. */
static void prove_wrong_values(Proof *proof) {
        g_autoptr(GVariant) table = g_variant_lookup_value(proof->facts, "options", G_VARIANT_TYPE("aa{sv}"));

        for (size_t i = 0; i < g_variant_n_children(table); i++) {
                g_autoptr(GVariant) option = g_variant_get_child_value(table, i), given = NULL;
                g_autofree const char **uses = NULL;
                g_autofree char *sentence = NULL;
                const char *name = NULL, *type = NULL, *help = NULL;
                guint64 maximum = 0;

                g_assert_true(g_variant_lookup(option, "name", "&s", &name));
                g_assert_true(g_variant_lookup(option, "type", "&s", &type));
                g_assert_true(g_variant_lookup(option, "uses", "^a&s", &uses));
                g_assert_true(g_variant_lookup(option, "help", "&s", &help) && *help != '\0');
                if (!g_strv_contains(uses, "create"))
                        continue;
                g_test_message("%s", name);
                GVariantDict dictionary;
                g_autoptr(GVariant) base = g_variant_ref_sink(contract_options(proof->ours, proof->row->create, NULL));
                g_variant_dict_init(&dictionary, base);
                if (g_variant_lookup(option, "maximum", "t", &maximum) && maximum > 0 && maximum < G_MAXUINT64)
                        g_variant_dict_insert(&dictionary, name, "t", maximum + 1);
                else
                        g_variant_dict_insert(&dictionary, name, "(ss)", "no", "type");
                given = g_variant_ref_sink(g_variant_dict_end(&dictionary));
                sentence = contract_refused(
                        proof->ours, "Create", g_variant_new("(s@a{sv})", proof->row->kind, given), "InvalidOption");
                if (strstr(sentence, name) == NULL)
                        g_test_message("%s", sentence);
                g_assert_nonnull(strstr(sentence, name));
        }
}

/* An address of the kind that nobody could have. */
static void prove_wrong_address(Proof *proof) {
        static const char *const identities[] = { "", "?", "[", "id=", "\x01" };
        static const char *const methods[] = { "Describe", "Remove" };

        for (size_t i = 0; i < G_N_ELEMENTS(identities); i++)
                for (size_t j = 0; j < G_N_ELEMENTS(methods); j++) {
                        g_autofree char *address = g_strdup_printf("%s:%s", proof->row->kind, identities[i]);

                        g_test_message("%s", address);
                        g_free(contract_refused(
                                proof->ours, methods[j], g_variant_new("(s)", address), "InvalidAddress"));
                }
}

/* More than there can be is LimitExceeded, never a crash, a hang or a bare errno. */
static void prove_limit(Proof *proof) {
        const Contract *row = proof->row;
        g_autofree char *address = NULL;

        g_assert_true(row->create_too_much != NULL || row->send_too_much > 0 || row->post_too_much > 0 ||
                      row->too_much != NULL);
        if (row->create_too_much != NULL)
                g_free(contract_refused(proof->ours, "Create",
                        g_variant_new("(s@a{sv})", row->kind,
                                contract_options(proof->ours, row->create, row->create_too_much)),
                        "LimitExceeded"));
        if (row->too_much != NULL)
                row->too_much(proof);
        address = contract_create(proof, proof->ours, NULL, NULL);
        if (row->send_too_much > 0) {
                g_autofree char *data = g_malloc0(row->send_too_much);

                g_free(contract_refused(proof->ours, "Send",
                        g_variant_new("(s@ay@a{sv})", address, bytes(data, row->send_too_much),
                                contract_options(proof->ours, row->send, NULL)),
                        "LimitExceeded"));
        }
        if (row->post_too_much > 0)
                g_free(contract_refused(proof->ours, "Post",
                        g_variant_new("(st@a{sv})", address, row->post_too_much, NO_OPTIONS), "LimitExceeded"));
        contract_use(proof, proof->ours, address);
        contract_remove(proof->ours, address);
}

static bool has_claim(const Proof *proof, const char *id) {
        g_autoptr(GVariant) claims = g_variant_lookup_value(proof->facts, "claims", G_VARIANT_TYPE("aa{sv}"));
        GVariantIter iter;
        GVariant *claim;
        bool found = false;

        g_variant_iter_init(&iter, claims);
        while (g_variant_iter_loop(&iter, "@a{sv}", &claim)) {
                const char *name = NULL;
                found |= g_variant_lookup(claim, "id", "&s", &name) && g_str_equal(name, id);
        }
        return found;
}

/* What it says of itself to whoever has to choose rests on claims that it has, or on a reason why none can. */
static void prove_traits(Proof *proof) {
        g_autoptr(GVariant) traits = g_variant_lookup_value(proof->facts, "traits", G_VARIANT_TYPE("aa{sv}"));

        g_assert_nonnull(traits);
        g_assert_cmpuint(g_variant_n_children(traits), >=, 27);
        for (size_t i = 0; i < g_variant_n_children(traits); i++) {
                g_autoptr(GVariant) trait = g_variant_get_child_value(traits, i);
                g_autofree const char **claims = NULL;
                const char *name = NULL, *value = NULL, *text = NULL, *reason = NULL;

                g_assert_true(g_variant_lookup(trait, "name", "&s", &name));
                g_assert_true(g_variant_lookup(trait, "value", "&s", &value));
                g_assert_true(g_variant_lookup(trait, "text", "&s", &text) && *text != '\0');
                g_test_message("%s: %s, %s", name, value, text);
                g_assert_true(g_variant_lookup(trait, "claims", "^a&s", &claims) !=
                              g_variant_lookup(trait, "reason", "&s", &reason));
                for (const char **id = claims; id != NULL && *id != NULL; id++)
                        g_assert_true(has_claim(proof, *id));
                g_assert_true(g_strv_contains((const char *const[]){ "yes", "partly", "no", "number", NULL }, value));
        }
}

const Facet contract_words[] = {
        { "traits", prove_traits },
        { "unsupported", prove_unsupported },
        { "unknown-options", prove_unknown_options },
        { "wrong-values", prove_wrong_values },
        { "wrong-address", prove_wrong_address },
        { "limit", prove_limit },
        {},
};
