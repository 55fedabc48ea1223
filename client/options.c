/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options as text become typed values by the tables that the service publishes, so that a new option of a kind needs
 * no change here. Owns nothing. */
#include "options.h"

#include <pwd.h>
#include <string.h>

#include "errors.h"
#include "kind.h"
#include "output.h"
#include "units.h"

Record *options_new(void) {
        Record *record;

        if (record_new(&record) < 0)
                g_error("out of memory");
        return record;
}

static GVariant *value_variant(const Value *value) {
        GVariantBuilder builder;

        switch (value->type) {
        case VALUE_STRING:
                return g_variant_new_string(value->string);
        case VALUE_BYTES:
                return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, value->bytes.data, value->bytes.size, 1);
        case VALUE_U64:
                return g_variant_new_uint64(value->u64);
        case VALUE_I64:
                return g_variant_new_int64(value->i64);
        case VALUE_BOOL:
                return g_variant_new_boolean(value->boolean);
        case VALUE_DOUBLE:
                return g_variant_new_double(value->number);
        case VALUE_STRINGS:
                return g_variant_new_strv(value->strings.items, (gssize)value->strings.n);
        case VALUE_U64S:
                return g_variant_new_fixed_array(
                        G_VARIANT_TYPE_UINT64, value->u64s.items, value->u64s.n, sizeof(uint64_t));
        case VALUE_RECORDS:
                g_variant_builder_init(&builder, G_VARIANT_TYPE("aa{sv}"));
                for (size_t i = 0; i < value->records.n; i++)
                        g_variant_builder_add_value(&builder, options_variant(value->records.items[i]));
                return g_variant_builder_end(&builder);
        default:
                g_assert_not_reached();
        }
}

GVariant *options_variant(const Record *record) {
        GVariantBuilder builder;
        const Value *value;

        /* Only want of memory can have failed on the way here. */
        if (record_error(record) < 0)
                g_error("cannot put the options together: %s", g_strerror(-record_error(record)));
        g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
        for (size_t i = 0; i < record_size(record); i++) {
                const char *key = record_entry(record, i, &value);
                g_variant_builder_add(&builder, "{sv}", key, value_variant(value));
        }
        return g_variant_builder_end(&builder);
}

bool options_flag(Record *record, OptionType type, const char *name, const char *text) {
        Error error = { 0 };

        if (text == NULL || option_parse(type, name, text, record, &error) >= 0)
                return true;
        say("--%s: %s", name, error.message);
        return false;
}

bool options_number(OptionType type, const char *name, const char *text, uint64_t fallback, uint64_t *ret) {
        g_autoptr(Record) record = options_new();

        if (!options_flag(record, type, name, text))
                return false;
        *ret = record_get_u64(record, name, fallback);
        return true;
}

bool options_timeout(Record *record, const char *text) {
        if (text == NULL)
                record_set_u64(record, "timeout", USEC_INFINITY);
        return options_flag(record, OPTION_TIME, "timeout", text);
}

/* The entry of the option table, or NULL with the names of those that are for this use in `names`. */
static GVariant *find_option(GVariant *description, const char *use, const char *name, GPtrArray *names) {
        g_autoptr(GVariant) table = g_variant_lookup_value(description, "options", G_VARIANT_TYPE("aa{sv}"));
        GVariantIter iter;
        GVariant *entry;

        if (table == NULL)
                return NULL;
        g_variant_iter_init(&iter, table);
        while ((entry = g_variant_iter_next_value(&iter)) != NULL) {
                const char *known = NULL;
                g_autofree const char **uses = NULL;
                if (g_variant_lookup(entry, "name", "&s", &known) &&
                        (!g_variant_lookup(entry, "uses", "^a&s", &uses) || g_strv_contains(uses, use))) {
                        if (strcmp(known, name) == 0)
                                return entry;
                        g_ptr_array_add(names, g_strdup(known));
                }
                g_variant_unref(entry);
        }
        return NULL;
}

static ExitCode say_unknown_option(GVariant *description, const char *use, const char *name, GPtrArray *names) {
        const char *kind = "this kind";
        const char *near = nearest_word(name, (const char *const *)names->pdata, names->len);

        g_variant_lookup(description, "kind", "&s", &kind);
        if (names->len == 0)
                return say_usage("%s takes no options to %s, so not \"%s\"", kind, use, name);
        if (near != NULL)
                return say_usage("%s has no option \"%s\" to %s; did you mean \"%s\"?", kind, name, use, near);
        g_ptr_array_add(names, NULL);
        g_autofree char *list = g_strjoinv(", ", (char **)names->pdata);
        return say_usage("%s has no option \"%s\" to %s; there are: %s", kind, name, use, list);
}

ExitCode options_words(GVariant *description, const char *use, char *const *words, Record *record) {
        for (; words != NULL && *words != NULL; words++) {
                const char *equals = strchr(*words, '=');
                Error error = { 0 };
                const char *type_name = NULL;

                if (equals == NULL || equals == *words)
                        return say_usage("\"%s\" is no option: write NAME=VALUE, as lease=30s", *words);
                g_autofree char *name = g_strndup(*words, (size_t)(equals - *words));
                g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
                g_autoptr(GVariant) entry = find_option(description, use, name, names);
                if (entry == NULL)
                        return say_unknown_option(description, use, name, names);
                if (record_has(record, name))
                        return say_usage("the option \"%s\" is given twice", name);
                g_variant_lookup(entry, "type", "&s", &type_name);
                OptionType type = type_name != NULL ? option_type_from_name(type_name) : OPTION_TYPE_INVALID;
                if (type == OPTION_TYPE_INVALID)
                        type = OPTION_STRING;
                /* Made under another name than was asked for would be worse than not at all. */
                if (!g_utf8_validate(equals + 1, -1, NULL))
                        return say_usage(
                                "the value of \"%s\" has bytes that are no UTF-8, which an option cannot carry; "
                                "an object that is there has an address, with \\xHH for such bytes",
                                name);
                g_autofree char *text = text_for_bus(equals + 1);
                if (option_parse(type, name, text, record, &error) < 0)
                        return fail_with_error(&error);
        }
        return EXIT_CODE_DONE;
}

ExitCode options_for_address(Cli *cli, const char *address, const char *use, char *const *words, Record *record) {
        g_autoptr(GVariant) description = NULL;

        if (words == NULL || *words == NULL)
                return EXIT_CODE_DONE;
        g_autofree char *kind = address_kind(address);
        ExitCode code = kind_describe(cli, kind, &description);
        if (code != EXIT_CODE_DONE)
                return code;
        return options_words(description, use, words, record);
}

bool options_user(const char *text, uint64_t *ret_uid) {
        struct passwd *entry = getpwnam(text);

        if (entry != NULL)
                *ret_uid = entry->pw_uid;
        else if (number_parse(text, ret_uid) < 0 || *ret_uid >= G_MAXUINT32) {
                say("there is no user \"%s\"", text);
                return false;
        }
        return true;
}

char *user_name(uint64_t uid) {
        struct passwd *entry = uid < G_MAXUINT32 ? getpwuid((uid_t)uid) : NULL;

        return entry != NULL ? g_strdup(entry->pw_name) : g_strdup_printf("%" G_GUINT64_FORMAT, uid);
}
