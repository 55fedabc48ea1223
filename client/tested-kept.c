/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One file for each place where tests ran, named after it, in $XDG_STATE_HOME/ipcbus or ~/.local/state/ipcbus. A place
 * is a boot of a kernel, a user and his namespaces: what was seen in another tells nothing of this one. It is only an
 * addition, so nothing here is ever said to be wrong. Files of places that are long gone are removed. */
#include "tested-kept.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "attributes.h"
#include "json.h"
#include "kept-place.h"
#include "tested.h"

enum { KEPT_DAYS = 30 };

static const char *const namespaces[] = { "ipc", "net", "mnt", "pid", "user" };

/* Where this process is; NULL where that cannot be known. */
static char *own_place(void) {
        g_autofree char *boot = NULL;
        g_autoptr(GString) place = g_string_new(NULL);
        struct utsname name;

        if (!g_file_get_contents("/proc/sys/kernel/random/boot_id", &boot, NULL, NULL) || uname(&name) < 0)
                return NULL;
        g_string_printf(place, "boot %s, kernel %s %s, uid %u", g_strstrip(boot), name.sysname, name.release,
                (unsigned)geteuid());
        for (size_t i = 0; i < G_N_ELEMENTS(namespaces); i++) {
                g_autofree char *path = g_strdup_printf("/proc/self/ns/%s", namespaces[i]);
                struct stat st;
                if (stat(path, &st) < 0)
                        return NULL;
                g_string_append_printf(place, ", %s %llu", namespaces[i], (unsigned long long)st.st_ino);
        }
        return g_string_free(g_steal_pointer(&place), FALSE);
}

/* The same, of where the checks ran: that may be somewhere else than here. */
static char *place_of(GVariant *environment) {
        g_autoptr(GString) place = g_string_new(NULL);
        uint64_t number;

        if (*attribute_string(environment, "boot_id") == '\0' || !attribute_number(environment, "uid", &number))
                return NULL;
        g_string_printf(place, "boot %s, kernel %s, uid %" G_GUINT64_FORMAT, attribute_string(environment, "boot_id"),
                attribute_string(environment, "kernel"), number);
        for (size_t i = 0; i < G_N_ELEMENTS(namespaces); i++) {
                g_autofree char *key = g_strdup_printf("namespace_inodes.%s", namespaces[i]);
                if (!attribute_number(environment, key, &number))
                        return NULL;
                g_string_append_printf(place, ", %s %" G_GUINT64_FORMAT, namespaces[i], number);
        }
        return g_string_free(g_steal_pointer(&place), FALSE);
}

static char *file_of(const char *place) {
        g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, place, -1);
        g_autofree char *name = g_strdup_printf("tested-%.16s.json", hash);

        return kept_file(name);
}

/* {place, claims{"KIND ID": {result, time}}}; an empty one where there is none of this place. */
static JsonNode *read_file(const char *file, const char *place) {
        g_autoptr(JsonNode) node = kept_read(file);

        if (node == NULL)
                return NULL;
        JsonObject *object = json_node_get_object(node);
        JsonNode *claims = json_object_get_member(object, "claims");
        JsonNode *of = json_object_get_member(object, "place");
        g_autofree char *written = of != NULL ? json_scalar_text(of) : NULL;
        if (g_strcmp0(written, place) != 0 || claims == NULL || !JSON_NODE_HOLDS_OBJECT(claims))
                return NULL;
        return g_steal_pointer(&node);
}

static void add_claim(GHashTable *tested, const char *key, JsonNode *node) {
        static const char *const results[] = { "ok", "failed", "skipped", NULL };
        g_auto(GStrv) words = g_strsplit(key, " ", 2);

        if (!JSON_NODE_HOLDS_OBJECT(node) || g_strv_length(words) != 2)
                return;
        JsonObject *claim = json_node_get_object(node);
        JsonNode *of = json_object_get_member(claim, "result"), *at = json_object_get_member(claim, "time");
        g_autofree char *result = of != NULL ? json_scalar_text(of) : NULL;
        gint64 time = at != NULL && JSON_NODE_HOLDS_VALUE(at) ? json_node_get_int(at) : 0;
        const Seen seen = { result, (guint64)time, true };
        /* What was seen in the future is no help when the clock was set back. */
        if (result != NULL && g_strv_contains(results, result) && time > 0 && time <= g_get_real_time())
                tested_add(tested, words[0], words[1], &seen);
}

void kept_load(GHashTable *tested) {
        g_autofree char *place = own_place(), *file = place != NULL ? file_of(place) : NULL;
        g_autoptr(JsonNode) node = file != NULL ? read_file(file, place) : NULL;

        if (node == NULL)
                return;
        JsonObject *claims = json_object_get_object_member(json_node_get_object(node), "claims");
        g_autoptr(GList) members = json_object_get_members(claims);
        for (GList *at = members; at != NULL; at = at->next)
                add_claim(tested, at->data, json_object_get_member(claims, at->data));
}

/* Those of boots and namespaces that nobody has tested in for long. */
static void remove_old(const char *in) {
        g_autoptr(GDir) dir = g_dir_open(in, 0, NULL);
        const char *name;

        while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
                g_autofree char *file = g_build_filename(in, name, NULL);
                struct stat st;
                if (g_str_has_prefix(name, "tested-") && g_str_has_suffix(name, ".json") && lstat(file, &st) == 0 &&
                        S_ISREG(st.st_mode) && st.st_mtime < time(NULL) - KEPT_DAYS * 24 * 60 * 60)
                        (void)unlink(file);
        }
}

static void store_claim(JsonObject *claims, GVariant *check, guint64 time) {
        g_autofree char *key = g_strdup_printf(
                "%s %s", attribute_string(check, "kind"), attribute_string(check, "id"));
        JsonObject *claim = json_object_new();

        json_object_set_string_member(claim, "result", attribute_string(check, "result"));
        json_add_u64(claim, "time", time);
        json_object_set_object_member(claims, key, claim);
}

static void write_file(const char *file, JsonNode *node) {
        g_autofree char *in = g_path_get_dirname(file);

        kept_write(file, node);
        remove_old(in);
}

static JsonNode *new_file(const char *place) {
        JsonObject *object = json_object_new();

        json_object_set_string_member(object, "place", place);
        json_object_set_object_member(object, "claims", json_object_new());
        return json_node_of(object);
}

void kept_store(GVariant *results, guint64 time) {
        g_autofree char *place = NULL, *file = NULL;
        g_autoptr(JsonNode) node = NULL;
        GVariantIter iter;
        GVariant *record;

        g_variant_iter_init(&iter, results);
        while (g_variant_iter_loop(&iter, "@a{sv}", &record)) {
                const char *type = attribute_string(record, "type");
                if (node == NULL && strcmp(type, "environment") == 0) {
                        place = place_of(record);
                        file = place != NULL ? file_of(place) : NULL;
                        node = file != NULL ? read_file(file, place) : NULL;
                        node = node == NULL && file != NULL ? new_file(place) : node;
                } else if (node != NULL && strcmp(type, "check") == 0)
                        store_claim(json_object_get_object_member(json_node_get_object(node), "claims"), record, time);
        }
        if (node != NULL)
                write_file(file, node);
}
