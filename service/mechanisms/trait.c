/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The names of traits and levels, and how a kind's table becomes what DescribeKind tells. The tables are the kinds'
 * own; nothing is owned here. */
#include "trait.h"

#include <stddef.h>
#include <string.h>

static const char *const trait_names[TRAIT_NAME_MAX] = {
        [TRAIT_DATA] = "data",
        [TRAIT_STREAM] = "stream",
        [TRAIT_BOUNDARIES] = "boundaries",
        [TRAIT_PRIORITY] = "priority",
        [TRAIT_NOTIFY] = "notify",
        [TRAIT_LOCK] = "lock",
        [TRAIT_COUNT] = "count",
        [TRAIT_ORDER] = "order",
        [TRAIT_LOSSLESS] = "lossless",
        [TRAIT_DUPLEX] = "duplex",
        [TRAIT_UNRELATED] = "unrelated",
        [TRAIT_ACROSS_HOSTS] = "across_hosts",
        [TRAIT_MANY_READERS] = "many_readers",
        [TRAIT_MANY_WRITERS] = "many_writers",
        [TRAIT_BROADCAST] = "broadcast",
        [TRAIT_OTHER_USER] = "other_user",
        [TRAIT_GUARDED] = "guarded",
        [TRAIT_CREDENTIALS] = "credentials",
        [TRAIT_DESCRIPTORS] = "descriptors",
        [TRAIT_POLL] = "poll",
        [TRAIT_CRASH] = "crash",
        [TRAIT_PERSISTENT] = "persistent",
        [TRAIT_SYNCHRONISED] = "synchronised",
        [TRAIT_CLEANS_UP] = "cleans_up",
        [TRAIT_SIMPLE] = "simple",
        [TRAIT_COPIES] = "copies",
        [TRAIT_SIZE] = "size",
};

static const char *const level_names[LEVEL_MAX] = {
        [LEVEL_NO] = "no",
        [LEVEL_PARTLY] = "partly",
        [LEVEL_YES] = "yes",
        [LEVEL_NUMBER] = "number",
};

const char *trait_name(TraitName name) {
        return (unsigned)name < TRAIT_NAME_MAX ? trait_names[name] : NULL;
}

const char *level_name(TraitLevel level) {
        return (unsigned)level < LEVEL_MAX ? level_names[level] : NULL;
}

const Trait *trait_find(const Trait *traits, TraitName name) {
        for (; traits && traits->text; traits++)
                if (traits->name == name)
                        return traits;
        return NULL;
}

/* The value in force; false where probe() told none, or that there is no bound ("unlimited"). */
static bool limit_value(const Record *description, const char *name, uint64_t *ret) {
        const Value *limits = record_get(description, "limits");

        for (size_t i = 0; limits && i < limits->records.n; i++) {
                const Record *limit = limits->records.items[i];
                const Value *value = record_get(limit, "value");

                if (strcmp(record_get_string(limit, "name", ""), name) != 0)
                        continue;
                if (!value || value->type != VALUE_U64)
                        return false;
                *ret = value->u64;
                return true;
        }
        return false;
}

static void describe_number(const Trait *trait, const Record *description, Record *item) {
        uint64_t value = trait->number;

        if (trait->limit) {
                record_set_string(item, "limit", trait->limit);
                if (!limit_value(description, trait->limit, &value))
                        return;
        } else if (trait->name == TRAIT_SIZE && value == 0)
                return;
        record_set_u64(item, "number", value);
}

int traits_describe(const Trait *traits, Record *description) {
        int r;

        for (; traits && traits->text; traits++) {
                Record *item;
                size_t n = 0;

                r = record_new(&item);
                if (r < 0)
                        return r;
                record_set_string(item, "name", trait_name(traits->name));
                record_set_string(item, "value", level_name(traits->level));
                record_set_string(item, "text", traits->text);
                if (traits->level == LEVEL_NUMBER)
                        describe_number(traits, description, item);
                while (traits->claims && traits->claims[n])
                        n++;
                if (n > 0)
                        record_set_strings(item, "claims", traits->claims, n);
                if (traits->reason)
                        record_set_string(item, "reason", traits->reason);
                record_append_record(description, "traits", item);
        }
        return 0;
}
