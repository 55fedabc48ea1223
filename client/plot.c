/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starts ipcbus-plot, gives it the run as JSON, and waits for it; says what it says where it cannot. Owns
 * nothing. */
#include "plot.h"

#include <string.h>
#include <unistd.h>

#include <gio/gio.h>

#include "json.h"
#include "output.h"
#include "saved.h"

static const char *program(void) {
        const char *given = g_getenv("IPCBUS_PLOT");

        return given != NULL && *given != '\0' ? given : IPCBUS_LIBEXECDIR "/ipcbus-plot";
}

static bool ends_with(const char *path, const char *ending) {
        size_t n = strlen(path), m = strlen(ending);

        return n > m && g_ascii_strcasecmp(path + n - m, ending) == 0;
}

ExitCode plot_check(const char *path) {
        if (!ends_with(path, ".svg") && !ends_with(path, ".png"))
                return say_usage("cannot draw %s: the name of a picture ends in .svg or .png", path);
        if (access(program(), X_OK) < 0)
                return say("cannot draw: %s cannot be run; it is a part of ipcbus, and IPCBUS_PLOT can name it",
                               program()),
                       EXIT_CODE_FAILED;
        return saved_check(path);
}

ExitCode plot_write(const char *path, JsonNode *run) {
        g_autofree char *text = json_text(run, false), *problem = NULL;
        g_autoptr(GBytes) input = g_bytes_new(text, strlen(text));
        g_autoptr(GBytes) errors = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(GSubprocess) process = g_subprocess_new(
                G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE, &error, program(), path, NULL);

        if (process == NULL || !g_subprocess_communicate(process, input, NULL, NULL, &errors, &error))
                return say("cannot draw %s: %s", path, error->message), EXIT_CODE_FAILED;
        if (g_subprocess_get_successful(process))
                return EXIT_CODE_DONE;
        problem = g_strndup(g_bytes_get_data(errors, NULL), g_bytes_get_size(errors));
        if (g_subprocess_get_if_signaled(process))
                say("cannot draw %s: %s ended by signal %d", path, program(), g_subprocess_get_term_sig(process));
        else
                say("cannot draw %s: %s", path, *problem != '\0' ? problem : "it failed");
        return EXIT_CODE_FAILED;
}
