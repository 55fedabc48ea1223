/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From errors of the bus to sentences and exit codes. The service's own sentences are shown as they are; what the bus
 * itself says is put into words that tell what to do. */
#include "errors.h"

#include <stdbool.h>
#include <string.h>

#include "output.h"

ErrorCode gerror_code(const GError *error) {
        g_autofree char *name = g_dbus_error_is_remote_error(error) ? g_dbus_error_get_remote_error(error) : NULL;

        if (name == NULL || !g_str_has_prefix(name, IPCBUS_ERROR_PREFIX))
                return ERROR_INVALID;
        return error_code_from_name(name);
}

static const struct {
        int code; /* GDBusError */
        ExitCode exit;
        const char *sentence;
} bus_errors[] = {
        { G_DBUS_ERROR_SERVICE_UNKNOWN, EXIT_CODE_FAILED,
                "this bus has no service " IPCBUS_BUS_NAME
                " and cannot start it: install its D-Bus service file, start ipcbusd on this bus, or use --embedded" },
        { G_DBUS_ERROR_NAME_HAS_NO_OWNER, EXIT_CODE_FAILED,
                "this bus has no service " IPCBUS_BUS_NAME ": start ipcbusd on this bus, or use --embedded" },
        { G_DBUS_ERROR_NO_REPLY, EXIT_CODE_FAILED,
                "the service ended before it answered: look at its messages in the journal of the session" },
        { G_DBUS_ERROR_DISCONNECTED, EXIT_CODE_FAILED, "the connection to the bus was lost" },
        { G_DBUS_ERROR_ACCESS_DENIED, EXIT_CODE_REFUSED, NULL },
        { G_DBUS_ERROR_LIMITS_EXCEEDED, EXIT_CODE_REFUSED, NULL },
        { G_DBUS_ERROR_NO_MEMORY, EXIT_CODE_REFUSED, NULL },
        { G_DBUS_ERROR_UNKNOWN_METHOD, EXIT_CODE_NOT_SUPPORTED, NULL },
        { G_DBUS_ERROR_UNKNOWN_INTERFACE, EXIT_CODE_NOT_SUPPORTED, NULL },
        { G_DBUS_ERROR_UNKNOWN_OBJECT, EXIT_CODE_FAILED, NULL },
};

/* The sentence names the object already, with or without its kind. */
static bool names(const char *sentence, const char *about) {
        const char *identity = strchr(about, ':');

        return strstr(sentence, about) != NULL ||
               (identity != NULL && identity[1] != '\0' && strstr(sentence, identity + 1) != NULL);
}

/* What to type next where something is not there. */
static char *next_step(ErrorCode code, const char *sentence, const char *about) {
        const char *colon = about != NULL ? strchr(about, ':') : NULL;

        if (code != ERROR_NO_SUCH_OBJECT || colon == NULL || strstr(sentence, "ipcctl ") != NULL)
                return g_strdup("");
        return g_strdup_printf(" \"ipcctl list %.*s\" shows what there is.", (int)(colon - about), about);
}

ExitCode fail_with(const GError *error, const char *about) {
        g_autoptr(GError) copy = g_error_copy(error);
        ErrorCode code = gerror_code(error);
        ExitCode exit_code = EXIT_CODE_FAILED;
        const char *sentence = NULL;

        if (code != ERROR_INVALID)
                exit_code = error_code_exit(code);
        else if (error->domain == G_DBUS_ERROR)
                for (size_t i = 0; i < G_N_ELEMENTS(bus_errors); i++)
                        if (bus_errors[i].code == error->code) {
                                exit_code = bus_errors[i].exit;
                                sentence = bus_errors[i].sentence;
                        }
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CLOSED))
                sentence = "the service ended before it answered";
        if (sentence == NULL) {
                g_dbus_error_strip_remote_error(copy);
                sentence = copy->message;
        }
        g_autofree char *next = next_step(code, sentence, about);
        if (about != NULL && !names(sentence, about))
                say("%s: %s%s", about, sentence, next);
        else
                say("%s%s", sentence, next);
        return exit_code;
}

ExitCode fail_with_error(const Error *error) {
        say("%s", error->message);
        return error_code_exit(error->code);
}
