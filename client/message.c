/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows a message. In a pipe or a file the bytes stand exactly as they came, with nothing between two messages: who
 * wants the boundaries of binary messages takes one at a time, or --json. Owns nothing. */
#include "message.h"

#include <stdio.h>

#include "json.h"
#include "output.h"

static void print_json(const char *address, GVariant *data, GVariant *meta) {
        JsonObject *object = json_object_new();

        json_add_string(object, "address", address);
        json_add_variant(object, "data", data);
        json_add_variant(object, "meta", meta);
        json_print(json_node_of(object), false);
}

/* "SIGUSR1 from pid 12 (uid 0) value 5": who sent it stands beside the bytes, which are only its name. */
static bool print_signal(GVariant *meta) {
        const char *name;
        guint64 pid, uid;
        gint64 value;

        if (!g_variant_lookup(meta, "signal", "x", &value) || !g_variant_lookup(meta, "name", "&s", &name))
                return false;
        fputs(name, stdout);
        if (g_variant_lookup(meta, "pid", "t", &pid))
                printf(" from pid %" G_GUINT64_FORMAT, pid);
        if (g_variant_lookup(meta, "uid", "t", &uid))
                printf(" (uid %" G_GUINT64_FORMAT ")", uid);
        if (g_variant_lookup(meta, "value", "x", &value))
                printf(" value %" G_GINT64_FORMAT, value);
        putchar('\n');
        return true;
}

/* They were closed again: the program that wants them asks the bus itself. */
static void say_descriptors(const char *address, GVariant *meta) {
        g_autofree const char **fds = NULL;
        gboolean cut = FALSE;

        if (g_variant_lookup(meta, "fds", "^a&s", &fds) && fds[0] != NULL) {
                g_autofree char *text = g_strjoinv(", ", (char **)fds);
                say("%s: %u descriptor%s came along: %s", address, g_strv_length((char **)fds),
                        fds[1] != NULL ? "s" : "", text);
        }
        if (g_variant_lookup(meta, "descriptors_cut", "b", &cut) && cut)
                say("%s: more descriptors came along than could be taken; the kernel closed the rest", address);
}

bool message_print(const Cli *cli, const char *address, GVariant *data, GVariant *meta, bool hex, bool may_be_cut) {
        gsize size;
        const char *bytes = g_variant_get_fixed_array(data, &size, 1);
        gboolean truncated = FALSE;
        guint64 offset = 0;

        g_variant_lookup(meta, "offset", "t", &offset);
        if (cli->json)
                print_json(address, data, meta);
        else if (hex)
                output_hex(bytes, size, offset);
        else if (!print_signal(meta) && output_bytes(bytes, size) && output_is_terminal() &&
                 (size == 0 || bytes[size - 1] != '\n'))
                putchar('\n');
        if (fflush(stdout) != 0 || ferror(stdout))
                return false;
        if (!cli->json && !may_be_cut && g_variant_lookup(meta, "truncated", "b", &truncated) && truncated)
                say("%s: this is not all: there was more than fits --size", address);
        if (!cli->json)
                say_descriptors(address, meta);
        return true;
}
