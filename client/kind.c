/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Descriptions of kinds, kept for the run of one verb, and addresses as they are typed. Owns the descriptions. */
#include "kind.h"

#include <string.h>

#include "address.h"
#include "connection.h"
#include "errors.h"
#include "ipcbus-proxies.h"

static GHashTable *descriptions; /* kind -> GVariant, until exit */

ExitCode kind_describe(Cli *cli, const char *kind, GVariant **ret_description) {
        g_autoptr(GError) error = NULL;
        IpcbusManager *manager;

        if (descriptions == NULL)
                descriptions = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_variant_unref);
        GVariant *known = g_hash_table_lookup(descriptions, kind);
        if (known == NULL) {
                ExitCode code = connection_manager(cli, &manager);
                if (code != EXIT_CODE_DONE)
                        return code;
                if (!ipcbus_manager_call_describe_kind_sync(manager, kind, WITHOUT_TIMEOUT, &known, NULL, &error))
                        return fail_with(error, NULL);
                g_hash_table_insert(descriptions, g_strdup(kind), known);
        }
        *ret_description = g_variant_ref(known);
        return EXIT_CODE_DONE;
}

ExitCode kind_list(Cli *cli, char ***ret_kinds) {
        g_autoptr(GError) error = NULL;
        IpcbusManager *manager;
        ExitCode code = connection_manager(cli, &manager);

        if (code != EXIT_CODE_DONE)
                return code;
        if (!ipcbus_manager_call_list_kinds_sync(manager, WITHOUT_TIMEOUT, ret_kinds, NULL, &error))
                return fail_with(error, NULL);
        return EXIT_CODE_DONE;
}

static bool list_has(GVariant *description, const char *key, const char *item) {
        g_autofree const char **items = NULL;

        return g_variant_lookup(description, key, "^a&s", &items) && g_strv_contains(items, item);
}

bool kind_has_interface(GVariant *description, const char *interface) {
        return list_has(description, "interfaces", interface);
}

bool kind_has_operation(GVariant *description, const char *operation) {
        return list_has(description, "operations", operation);
}

bool kind_has_end(GVariant *description, const char *end) {
        return list_has(description, "ends", end);
}

bool kind_is(GVariant *description, const char *fact) {
        gboolean value = FALSE;

        return g_variant_lookup(description, fact, "b", &value) && value;
}

char *address_kind(const char *address) {
        const char *colon = strchr(address, ':');

        return g_strndup(address, colon != NULL ? (size_t)(colon - address) : 0);
}

char *text_for_bus(const char *text) {
        GString *out = g_string_new(NULL);

        for (const char *end; *text != '\0'; text = end) {
                if (g_utf8_validate(text, -1, &end))
                        g_string_append(out, text);
                else {
                        g_string_append_len(out, text, end - text);
                        g_string_append_printf(out, "\\x%02x", (unsigned char)*end++);
                }
        }
        return g_string_free(out, FALSE);
}

static ExitCode address_read(const char *text, bool canonical, char **ret_address) {
        g_autofree char *usable = text_for_bus(text);
        Address address = ADDRESS_EMPTY;
        Error error = { 0 };

        if (address_parse(usable, &address, &error) < 0) {
                const char *colon = strchr(usable, ':');

                if (colon == NULL || colon == usable || colon[1] == '\0')
                        return fail_with_error(&error);
                /* The service knows what an address of that kind looks like, and says it. */
                *ret_address = g_steal_pointer(&usable);
                return EXIT_CODE_DONE;
        }
        if (canonical) {
                g_free(usable);
                usable = address_print(&address);
                if (usable == NULL)
                        g_error("out of memory");
        }
        address_done(&address);
        *ret_address = g_steal_pointer(&usable);
        return EXIT_CODE_DONE;
}

ExitCode address_check(const char *text, char **ret_address) {
        return address_read(text, false, ret_address);
}

ExitCode address_canonical(const char *text, char **ret_address) {
        return address_read(text, true, ret_address);
}

/* An address by a word that stands for several kinds becomes one of the kind that it is. */
static ExitCode address_settle(Cli *cli, char **address) {
        g_autofree char *kind = address_kind(*address);
        g_autoptr(GVariant) attributes = NULL;
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) kinds = NULL;
        IpcbusManager *manager;
        const char *canonical;
        ExitCode code;

        if (strstr(*address, ":[") == NULL)
                return EXIT_CODE_DONE;
        code = kind_list(cli, &kinds);
        if (code != EXIT_CODE_DONE || g_strv_contains((const char *const *)kinds, kind))
                return code;
        code = connection_manager(cli, &manager);
        if (code != EXIT_CODE_DONE)
                return code;
        if (!ipcbus_manager_call_describe_sync(manager, *address, WITHOUT_TIMEOUT, &attributes, NULL, &error))
                return fail_with(error, *address);
        if (g_variant_lookup(attributes, "address", "&s", &canonical)) {
                g_free(*address);
                *address = g_strdup(canonical);
        }
        return EXIT_CODE_DONE;
}

ExitCode address_find(Cli *cli, const char *text, char **ret_address) {
        ExitCode code = address_check(text, ret_address);

        return code == EXIT_CODE_DONE ? address_settle(cli, ret_address) : code;
}
