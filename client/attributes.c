/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How attributes are shown. Which key is a size and which a time is the same for all kinds (mechanism.h), so it stands
 * here once. Owns nothing. */
#include "attributes.h"

#include <string.h>

#include "options.h"
#include "table.h"
#include "units.h"

enum { HOLDERS_SHOWN = 3 };

bool attribute_number(GVariant *record, const char *key, uint64_t *ret) {
        g_autoptr(GVariant) value = g_variant_lookup_value(record, key, NULL);

        if (value == NULL)
                return false;
        switch (g_variant_classify(value)) {
        case G_VARIANT_CLASS_UINT64:
                return *ret = g_variant_get_uint64(value), true;
        case G_VARIANT_CLASS_UINT32:
                return *ret = g_variant_get_uint32(value), true;
        case G_VARIANT_CLASS_INT64:
                return *ret = (uint64_t)g_variant_get_int64(value), true;
        case G_VARIANT_CLASS_INT32:
                return *ret = (uint64_t)g_variant_get_int32(value), true;
        default:
                return false;
        }
}

const char *attribute_string(GVariant *record, const char *key) {
        const char *text = "";

        g_variant_lookup(record, key, "&s", &text);
        return text;
}

typedef enum Shown { SHOWN_PLAIN, SHOWN_SIZE, SHOWN_TIME, SHOWN_USER, SHOWN_MODE } Shown;

static Shown shown_as(const char *key) {
        static const struct {
                const char *key;
                Shown shown;
        } table[] = {
                { "size", SHOWN_SIZE },
                { "used", SHOWN_SIZE },
                { "allocated", SHOWN_SIZE },
                { "capacity", SHOWN_SIZE },
                { "queued", SHOWN_SIZE },
                { "message_size", SHOWN_SIZE },
                { "max_bytes", SHOWN_SIZE },
                { "created", SHOWN_TIME },
                { "changed", SHOWN_TIME },
                { "sent", SHOWN_TIME },
                { "received", SHOWN_TIME },
                { "attached_at", SHOWN_TIME },
                { "detached_at", SHOWN_TIME },
                { "operated", SHOWN_TIME },
                { "uid", SHOWN_USER },
                { "owner", SHOWN_USER },
                { "mode", SHOWN_MODE },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
                if (strcmp(table[i].key, key) == 0)
                        return table[i].shown;
        return SHOWN_PLAIN;
}

static char *time_text(uint64_t usec) {
        g_autoptr(GDateTime) when = g_date_time_new_from_unix_local((gint64)(usec / USEC_PER_SEC));
        g_autofree char *date = when != NULL ? g_date_time_format(when, "%Y-%m-%d %H:%M:%S") : NULL;
        uint64_t now = (uint64_t)g_get_real_time();
        char age[UNITS_TEXT_MAX];

        if (usec == 0 || date == NULL)
                return g_strdup("-");
        return g_strdup_printf("%s (%s ago)", date, time_print(now > usec ? now - usec : 0, age));
}

static char *number_text(Shown shown, uint64_t number) {
        char buffer[UNITS_TEXT_MAX];

        switch (shown) {
        case SHOWN_SIZE:
                return g_strdup(size_print(number, buffer));
        case SHOWN_TIME:
                return time_text(number);
        case SHOWN_USER:
                return user_name(number);
        case SHOWN_MODE:
                return g_strdup_printf("%04o", (unsigned)number);
        default:
                return g_strdup_printf("%" G_GUINT64_FORMAT, number);
        }
}

char *attribute_text(const char *key, GVariant *value) {
        Shown shown = shown_as(key);

        switch (g_variant_classify(value)) {
        case G_VARIANT_CLASS_UINT64:
                return number_text(shown, g_variant_get_uint64(value));
        case G_VARIANT_CLASS_UINT32:
                return number_text(shown, g_variant_get_uint32(value));
        case G_VARIANT_CLASS_INT64:
                return g_strdup_printf("%" G_GINT64_FORMAT, g_variant_get_int64(value));
        case G_VARIANT_CLASS_BOOLEAN:
                return g_strdup(g_variant_get_boolean(value) ? "yes" : "no");
        case G_VARIANT_CLASS_STRING:
                return g_variant_dup_string(value, NULL);
        case G_VARIANT_CLASS_DOUBLE: {
                char number[G_ASCII_DTOSTR_BUF_SIZE];

                /* For people: 0.1 and no digits that only tell how it is stored. */
                return g_strdup(g_ascii_formatd(number, sizeof number, "%.4g", g_variant_get_double(value)));
        }
        default:
                break;
        }
        if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING_ARRAY)) {
                g_autofree const char **items = g_variant_get_strv(value, NULL);
                return items[0] != NULL ? g_strjoinv(" ", (char **)items) : g_strdup("-");
        }
        return g_variant_print(value, FALSE);
}

/* One process may hold it in several ways; it is named once. */
static void add_holder(GPtrArray *names, GVariant *holder) {
        uint64_t pid = 0;

        attribute_number(holder, "pid", &pid);
        g_autofree char *name = g_strdup_printf("%s(%" G_GUINT64_FORMAT ")", attribute_string(holder, "command"), pid);
        if (!g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL))
                g_ptr_array_add(names, g_steal_pointer(&name));
}

char *holders_text(GVariant *record) {
        g_autoptr(GVariant) holders = g_variant_lookup_value(record, "holders", G_VARIANT_TYPE("aa{sv}"));
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        gboolean complete = TRUE;
        GVariantIter iter;
        GVariant *holder;

        g_variant_lookup(record, "holders_complete", "b", &complete);
        if (holders != NULL) {
                g_variant_iter_init(&iter, holders);
                while (g_variant_iter_loop(&iter, "@a{sv}", &holder))
                        add_holder(names, holder);
        }
        if (names->len == 0)
                return g_strdup(complete ? "-" : "?");
        if (names->len > HOLDERS_SHOWN) {
                g_autofree char *more = g_strdup_printf("%u more", names->len - HOLDERS_SHOWN);
                g_ptr_array_set_size(names, HOLDERS_SHOWN);
                g_ptr_array_add(names, g_steal_pointer(&more));
        }
        g_ptr_array_add(names, NULL);
        return g_strjoinv(",", (char **)names->pdata);
}

void holders_print(GVariant *holders, bool heading, const char *indent) {
        g_autoptr(Table) table = table_new(heading);
        static const char *const columns[] = { "PID", "USER", "COMMAND", "HOW", "END" };
        GVariantIter iter;
        GVariant *holder;

        for (size_t i = 0; i < G_N_ELEMENTS(columns); i++)
                table_column(table, columns[i], i == 0);
        g_variant_iter_init(&iter, holders);
        while (g_variant_iter_loop(&iter, "@a{sv}", &holder)) {
                uint64_t pid = 0, uid = 0;
                attribute_number(holder, "pid", &pid);
                attribute_number(holder, "uid", &uid);
                g_autofree char *pid_text = g_strdup_printf("%" G_GUINT64_FORMAT, pid), *user = user_name(uid);
                const char *cells[] = { pid_text, user, attribute_string(holder, "command"),
                        attribute_string(holder, "how"), attribute_string(holder, "end") };
                table_row(table, cells);
        }
        table_print(table, indent);
}
