/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What holds for every kind of the table: it can be found, described as data, and says why it cannot do what it
 * cannot. */
#include <glib.h>
#include <string.h>

#include "check.h"
#include "cleanup.h"
#include "mechanism.h"
#include "trait.h"
#include "transport.h"

static void test_order(void) {
        static const char *const order[] = { "shm-posix", "signal", "sem-posix", "eventfd", "pipe", "fifo", "mq-posix",
                "unix-stream", "unix-dgram", "unix-seqpacket" };
        size_t next = 0;

        for (size_t i = 0; i < mechanism_table_size && next < G_N_ELEMENTS(order); i++)
                if (strcmp(mechanism_table[i]->kind, order[next]) == 0)
                        next++;
        g_assert_cmpuint(next, ==, G_N_ELEMENTS(order));
}

static void test_find(void) {
        const Mechanism *mechanism = NULL;
        Error error = {};

        for (size_t i = 0; i < mechanism_table_size; i++) {
                g_assert_true(mechanism_find(mechanism_table[i]->kind) == mechanism_table[i]);
                g_assert_cmpint(mechanism_for_kind(mechanism_table[i]->kind, &mechanism, &error), ==, 0);
        }
        g_assert_null(mechanism_find("pip"));
        g_assert_cmpint(mechanism_for_kind("fifoo", &mechanism, &error), ==, -ENODEV);
        g_assert_cmpint(error.code, ==, ERROR_NO_SUCH_KIND);
        g_assert_nonnull(strstr(error.message, "\"fifo\""));
        g_assert_cmpint(mechanism_for_kind("carrier-pigeon", &mechanism, &error), ==, -ENODEV);
        g_assert_null(strstr(error.message, "did you mean"));
}

static void test_forms(void) {
        const Mechanism *mechanism;
        Error error = {};

        for (size_t i = 0; i < mechanism_table_size; i++) {
                for (AddressForm form = 0; form < ADDRESS_FORM_MAX; form++) {
                        CLEANUP(address_done) Address address = ADDRESS_EMPTY;
                        bool taken = mechanism_table[i]->address_forms & (1u << form);

                        g_strlcpy(address.kind, mechanism_table[i]->kind, sizeof address.kind);
                        address.form = form;
                        error = (Error){};
                        g_assert_cmpint(
                                mechanism_for_address(&address, &mechanism, &error), ==, taken ? 0 : -EDESTADDRREQ);
                        if (!taken)
                                g_assert_nonnull(strstr(error.message, mechanism_table[i]->kind));
                }
        }
}

static void assert_names(const Record *record, const char *const *names, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (!record_has(record, names[i]))
                        g_error("%s: no \"%s\"", record_get_string(record, "kind", "?"), names[i]);
}

static void test_describe(gconstpointer data) {
        static const char *const wanted[] = { "kind", "title", "family", "available", "direction", "order",
                "persistence", "source", "full_duplex", "bidirectional", "boundaries", "priority", "unrelated",
                "carries_data", "interfaces", "ends", "operations", "options", "limits", "example" };
        static const char *const of_option[] = { "name", "type", "uses", "help" };
        static const char *const of_limit[] = { "name", "value", "unit", "source" };
        const Mechanism *mechanism = data;
        CLEANUP(record_freep) Record *description = NULL;
        const Value *items;
        void *packet = NULL;
        size_t size;

        g_assert_cmpint(record_new(&description), ==, 0);
        g_assert_cmpint(mechanism_describe(mechanism, description), ==, 0);
        assert_names(description, wanted, G_N_ELEMENTS(wanted));
        items = record_get(description, "options");
        for (size_t i = 0; i < items->records.n; i++)
                assert_names(items->records.items[i], of_option, G_N_ELEMENTS(of_option));
        items = record_get(description, "limits");
        for (size_t i = 0; i < items->records.n; i++)
                assert_names(items->records.items[i], of_limit, G_N_ELEMENTS(of_limit));
        /* It also goes from the worker to the service. */
        g_assert_cmpint(record_encode(description, &packet, &size), ==, 0);
        free(packet);
}

static void test_reasons(gconstpointer data) {
        const Mechanism *mechanism = data;

        for (Operation operation = 0; operation < OPERATION_MAX; operation++) {
                Error error = {};

                g_assert_nonnull(operation_name(operation));
                if (mechanism_supports(mechanism, operation, &error) == 0)
                        continue;
                g_assert_cmpint(error.code, ==, ERROR_NOT_SUPPORTED);
                if (!mechanism->reasons[operation])
                        g_error("%s does not say why not: %s", mechanism->kind, operation_name(operation));
                g_assert_true(g_str_has_suffix(error.message, "."));
        }
        g_assert_cmpint(mechanism_supports(mechanism, OPERATION_MAX, NULL), ==, -EOPNOTSUPP);
        g_assert_cmpint(mechanism_supports(mechanism, OPERATION_INVALID, NULL), ==, -EOPNOTSUPP);
}

static void test_claims(gconstpointer data) {
        const Mechanism *mechanism = data;
        size_t n = 0;

        g_assert_nonnull(mechanism->checks);
        for (const Check *check = mechanism->checks; check->id; check++, n++) {
                g_assert_nonnull(check->claim);
                g_assert_nonnull(check->source);
                g_assert_cmpuint(check->relations, !=, 0);
                /* What is promised between processes is checked between processes. */
                if (!check->roles[0])
                        g_error("%s %s: no role for a peer", mechanism->kind, check->id);
                for (const Check *other = mechanism->checks; other != check; other++)
                        g_assert_cmpstr(other->id, !=, check->id);
        }
        g_assert_cmpuint(n, >=, 10);
}

/* Every aspect has a claim, or a sentence why it has none, never both. */
static void test_aspects(gconstpointer data) {
        const Mechanism *mechanism = data;
        g_autoptr(GString) missing = g_string_new(NULL);

        for (CheckAspect aspect = 0; aspect < ASPECT_MAX; aspect++) {
                unsigned claims = 0, gaps = 0;

                for (const Check *check = mechanism->checks; check->id; check++)
                        claims += (check->aspects >> aspect) & 1;
                for (const CheckGap *gap = mechanism->gaps; gap && gap->reason; gap++) {
                        gaps += gap->aspect == aspect;
                        g_assert_true(g_str_has_suffix(gap->reason, "."));
                }
                g_assert_cmpuint(gaps, <=, 1);
                if (claims > 0 ? gaps > 0 : gaps == 0)
                        g_string_append_printf(missing, " %s", check_aspect_name(aspect));
        }
        g_assert_cmpstr(missing->str, ==, "");
}

static bool has_claim(const Mechanism *mechanism, const char *id) {
        for (const Check *check = mechanism->checks; check->id; check++)
                if (strcmp(check->id, id) == 0)
                        return true;
        return false;
}

/* Each question is answered once, by claims that there are or with a reason why none can prove it; numbers are of
 * limits that probe() tells. */
static void test_traits(gconstpointer data) {
        const Mechanism *mechanism = data;
        CLEANUP(record_freep) Record *description = NULL;
        unsigned answers[TRAIT_NAME_MAX] = { 0 };

        g_assert_nonnull(mechanism->traits);
        for (const Trait *trait = mechanism->traits; trait->text; trait++) {
                const char *name = trait_name(trait->name);

                g_assert_nonnull(name);
                answers[trait->name]++;
                if ((trait->name == TRAIT_COPIES || trait->name == TRAIT_SIZE) != (trait->level == LEVEL_NUMBER))
                        g_error("%s: %s is the wrong kind of answer", mechanism->kind, name);
                if (*trait->text == '\0' || g_str_has_suffix(trait->text, ".") ||
                        (g_ascii_isupper(trait->text[0]) && g_ascii_islower(trait->text[1])))
                        g_error("%s: %s does not end a line: %s", mechanism->kind, name, trait->text);
                if ((trait->claims && trait->claims[0]) == (trait->reason != NULL))
                        g_error("%s: %s has neither claims nor a reason, or both", mechanism->kind, name);
                if (trait->reason && !g_str_has_suffix(trait->reason, "."))
                        g_error("%s: %s: no sentence: %s", mechanism->kind, name, trait->reason);
                for (const char *const *id = trait->claims; id && *id; id++)
                        if (!has_claim(mechanism, *id))
                                g_error("%s: %s rests on a claim that it does not have: %s", mechanism->kind, name,
                                        *id);
        }
        for (TraitName name = 0; name < TRAIT_NAME_MAX; name++)
                if (answers[name] != 1)
                        g_error("%s answers %u times: %s", mechanism->kind, answers[name], trait_name(name));
        g_assert_cmpint(record_new(&description), ==, 0);
        g_assert_cmpint(mechanism_describe(mechanism, description), ==, 0);
        g_assert_cmpuint(record_get(description, "traits")->records.n, ==, TRAIT_NAME_MAX);
        const Trait *size = trait_find(mechanism->traits, TRAIT_SIZE);
        const Value *limits = record_get(description, "limits");
        bool known = !size->limit;
        for (size_t i = 0; !known && i < limits->records.n; i++)
                known = g_str_equal(record_get_string(limits->records.items[i], "name", ""), size->limit);
        if (!known && record_get_bool(description, "available", false))
                g_error("%s: there is no limit %s", mechanism->kind, size->limit);
}

/* A fact is the short form of a trait: "yes" where the trait is, nothing else. */
static void test_facts(gconstpointer data) {
        const Mechanism *mechanism = data;
        const KindFacts *facts = &mechanism->facts;
        const struct {
                TraitName name;
                bool fact;
        } pairs[] = {
                { TRAIT_DATA, facts->carries_data },
                { TRAIT_BOUNDARIES, facts->boundaries },
                { TRAIT_PRIORITY, facts->priority },
                { TRAIT_DUPLEX, facts->full_duplex },
                { TRAIT_UNRELATED, facts->unrelated },
                { TRAIT_DESCRIPTORS, facts->descriptors },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++)
                if ((trait_find(mechanism->traits, pairs[i].name)->level == LEVEL_YES) != pairs[i].fact)
                        g_error("%s: fact and trait differ: %s", mechanism->kind, trait_name(pairs[i].name));
}

static void test_names(void) {
        g_assert_null(trait_name(TRAIT_NAME_MAX));
        g_assert_null(level_name(LEVEL_MAX));
        g_assert_null(check_aspect_name(ASPECT_MAX));
        g_assert_null(check_aspect_name(ASPECT_INVALID));
        for (CheckAspect aspect = 0; aspect < ASPECT_MAX; aspect++)
                g_assert_nonnull(check_aspect_name(aspect));
        g_assert_null(operation_name(OPERATION_MAX));
        g_assert_null(operation_name(OPERATION_INVALID));
        for (ObjectEvent event = 0; event < EVENT_MAX; event++)
                g_assert_nonnull(object_event_name(event));
        for (WaitMode mode = 0; mode < WAIT_MODE_MAX; mode++)
                g_assert_cmpint(wait_mode_from_name(wait_mode_name(mode)), ==, mode);
        g_assert_cmpint(wait_mode_from_name("sleep"), ==, WAIT_MODE_INVALID);
        g_assert_null(wait_mode_name(WAIT_MODE_MAX));
}

static void test_object(void) {
        KernelObject object;

        for (size_t i = 0; i < mechanism_table_size; i++) {
                kernel_object_init(&object, mechanism_table[i]);
                kernel_object_done(&object);
                g_assert_null(object.mechanism);
        }
        kernel_object_done(&object);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/mechanism/order", test_order);
        g_test_add_func("/mechanism/find", test_find);
        g_test_add_func("/mechanism/forms", test_forms);
        g_test_add_func("/mechanism/names", test_names);
        g_test_add_func("/mechanism/object", test_object);
        for (size_t i = 0; i < mechanism_table_size; i++) {
                static const struct {
                        const char *name;
                        void (*run)(gconstpointer data);
                } tests[] = { { "describe", test_describe }, { "reasons", test_reasons }, { "claims", test_claims },
                        { "aspects", test_aspects }, { "traits", test_traits }, { "facts", test_facts } };

                for (size_t k = 0; k < G_N_ELEMENTS(tests); k++) {
                        g_autofree char *path = g_strdup_printf(
                                "/mechanism/%s/%s", mechanism_table[i]->kind, tests[k].name);

                        g_test_add_data_func(path, mechanism_table[i], tests[k].run);
                }
        }
        return g_test_run();
}
