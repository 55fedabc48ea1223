/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files in $XDG_STATE_HOME/ipcbus or ~/.local/state/ipcbus. What is kept is only an addition to what can be seen, so
 * nothing here is ever said to be wrong. Owns nothing. */
#include "kept-place.h"

#include <sys/stat.h>
#include <unistd.h>

#include "json.h"

enum { KEPT_MAX = 4 << 20 };

/* NULL where there is none of one's own: a HOME that belongs to another stays as it is. */
static char *directory(void) {
        const char *state = g_getenv("XDG_STATE_HOME"), *home = g_getenv("HOME");
        struct stat st;

        if (state != NULL && g_path_is_absolute(state))
                return g_build_filename(state, "ipcbus", NULL);
        if (home == NULL || !g_path_is_absolute(home) || stat(home, &st) < 0 || st.st_uid != geteuid())
                return NULL;
        return g_build_filename(home, ".local", "state", "ipcbus", NULL);
}

char *kept_file(const char *name) {
        g_autofree char *in = directory();

        return in != NULL ? g_build_filename(in, name, NULL) : NULL;
}

JsonNode *kept_read(const char *file) {
        g_autofree char *text = NULL;
        g_autoptr(JsonNode) node = NULL;
        struct stat st;
        gsize size;

        if (stat(file, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > KEPT_MAX ||
                !g_file_get_contents(file, &text, &size, NULL))
                return NULL;
        node = json_from_text(text, size, NULL);
        return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? g_steal_pointer(&node) : NULL;
}

void kept_write(const char *file, JsonNode *node) {
        g_autofree char *text = json_text(node, true), *line = g_strconcat(text, "\n", NULL);
        g_autofree char *in = g_path_get_dirname(file);

        if (g_mkdir_with_parents(in, 0700) == 0)
                (void)g_file_set_contents_full(file, line, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL);
}
