/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl send: one message from the words of the command line, or standard input. Standard input goes to a stream
 * through a descriptor where there is one (stream.c), else in pieces over the bus; to a kind with boundaries as one
 * message; into memory piece after piece. */
#include "cli.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <gio/gunixfdlist.h>

#include "connection.h"
#include "errors.h"
#include "kind.h"
#include "options.h"
#include "output.h"
#include "stream.h"
#include "units.h"

enum {
        PIECE = 64 * 1024,
        MESSAGE_MAX = 16 * 1024 * 1024, /* what one call of the bus carries with room to spare */
};

static char *opt_priority, *opt_type, *opt_offset, *opt_peer, *opt_timeout;
static gboolean opt_listen, opt_sync;
static char **opt_options, **opt_fds;

static const GOptionEntry entries[] = {
        { "priority", 'p', 0, G_OPTION_ARG_FILENAME, &opt_priority, "Priority of the message", "N" },
        { "type", 0, 0, G_OPTION_ARG_FILENAME, &opt_type, "Type of the message (System V)", "N" },
        { "offset", 0, 0, G_OPTION_ARG_FILENAME, &opt_offset, "Where in memory to write", "N" },
        { "sync", 0, 0, G_OPTION_ARG_NONE, &opt_sync, "To a mapped file: come back when the disk has it", NULL },
        { "listen", 0, 0, G_OPTION_ARG_NONE, &opt_listen, "To a socket: wait for a peer instead of connecting", NULL },
        { "peer", 0, 0, G_OPTION_ARG_FILENAME, &opt_peer, "To which peer of a listening socket", "N" },
        { "fd", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &opt_fds,
                "This open descriptor goes along (UNIX sockets); may be said several times", "N" },
        { "timeout", 't', 0, G_OPTION_ARG_FILENAME, &opt_timeout, "Give up after this long (default: never)", "TIME" },
        { "option", 'o', 0, G_OPTION_ARG_FILENAME_ARRAY, &opt_options, "Another option of the kind", "NAME=VALUE" },
        { NULL },
};

typedef struct Sending {
        Cli *cli;
        const char *address;
        Record *options;
        IpcbusManager *manager;
        GUnixFDList *fds; /* with the first bytes; NULL: none */
} Sending;

static bool send_some(Sending *sending, GVariant *bytes, guint64 *ret_sent, GError **error) {
        GVariantBuilder handles = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("ah"));

        if (sending->fds == NULL)
                return ipcbus_manager_call_send_sync(sending->manager, sending->address, bytes,
                        options_variant(sending->options), WITHOUT_TIMEOUT, ret_sent, NULL, error);
        g_autoptr(GUnixFDList) fds = g_steal_pointer(&sending->fds);
        for (int i = 0; i < g_unix_fd_list_get_length(fds); i++)
                g_variant_builder_add(&handles, "h", i);
        return ipcbus_manager_call_send_with_descriptors_sync(sending->manager, sending->address, bytes,
                g_variant_builder_end(&handles), options_variant(sending->options), WITHOUT_TIMEOUT, fds, ret_sent,
                NULL, NULL, error);
}

/* All of the bytes: a stream may take less at a time. No bytes are one empty message. */
static ExitCode send_bytes(Sending *sending, const char *data, size_t size) {
        uint64_t offset = record_get_u64(sending->options, "offset", 0);

        for (;;) {
                g_autoptr(GError) error = NULL;
                guint64 sent = 0;
                GVariant *bytes = g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, data, size, 1);

                if (!send_some(sending, bytes, &sent, &error))
                        return fail_with(error, sending->address);
                if (sent >= size)
                        return EXIT_CODE_DONE;
                if (sent == 0)
                        return say("%s took none of %zu bytes", sending->address, size), EXIT_CODE_FAILED;
                data += sent;
                size -= sent;
                if (record_has(sending->options, "offset"))
                        record_set_u64(sending->options, "offset", offset += sent);
        }
}

/* Up to `max` bytes, fewer only at the end. */
static ExitCode read_input(char *buffer, size_t max, size_t *ret_size) {
        size_t size = 0;

        while (size < max) {
                ssize_t n = read(STDIN_FILENO, buffer + size, max - size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return say("cannot read standard input: %s", g_strerror(errno)), EXIT_CODE_FAILED;
                if (n == 0)
                        break;
                size += (size_t)n;
        }
        *ret_size = size;
        return EXIT_CODE_DONE;
}

static ExitCode send_whole_input(Sending *sending) {
        g_autofree char *buffer = g_malloc(MESSAGE_MAX + 1);
        size_t size;
        ExitCode code = read_input(buffer, MESSAGE_MAX + 1, &size);

        if (code == EXIT_CODE_DONE && size > MESSAGE_MAX)
                return say("standard input is longer than the 16 MiB that one message can carry over the bus"),
                       EXIT_CODE_REFUSED;
        return code == EXIT_CODE_DONE ? send_bytes(sending, buffer, size) : code;
}

static ExitCode send_input_in_pieces(Sending *sending, bool memory) {
        g_autofree char *buffer = g_malloc(PIECE);
        uint64_t offset = record_get_u64(sending->options, "offset", 0);
        ExitCode code;
        size_t size;

        for (;;) {
                code = read_input(buffer, PIECE, &size);
                if (code != EXIT_CODE_DONE || size == 0)
                        return code;
                if (memory)
                        record_set_u64(sending->options, "offset", offset);
                code = send_bytes(sending, buffer, size);
                if (code != EXIT_CODE_DONE || size < PIECE)
                        return code;
                offset += size;
        }
}

static ExitCode send_input(Sending *sending) {
        g_autofree char *kind = address_kind(sending->address);
        g_autoptr(GVariant) description = NULL;
        ExitCode code = kind_describe(sending->cli, kind, &description);

        if (code != EXIT_CODE_DONE)
                return code;
        if (kind_has_interface(description, IPCBUS_INTERFACE_MEMORY))
                return send_input_in_pieces(sending, true);
        if (kind_is(description, "boundaries") || !kind_has_interface(description, IPCBUS_INTERFACE_STREAM))
                return send_whole_input(sending);
        if (!opt_listen && opt_peer == NULL && opt_fds == NULL) {
                bool done = false;
                code = stream_send_input(sending->cli, sending->address, description,
                        record_get_u64(sending->options, "timeout", USEC_INFINITY), &done);
                if (done || code != EXIT_CODE_DONE)
                        return code;
        }
        /* Over the bus each call is a connection of its own, so all of it has to go in one. */
        if (kind_has_end(description, "connect") && !opt_listen && opt_peer == NULL)
                return send_whole_input(sending);
        return send_input_in_pieces(sending, false);
}

/* What the words name must be open here. */
static ExitCode take_fds(GUnixFDList **ret) {
        g_autoptr(GUnixFDList) fds = NULL;

        for (char **word = opt_fds; word != NULL && *word != NULL; word++) {
                g_autoptr(GError) error = NULL;
                guint64 fd;

                if (!g_ascii_string_to_unsigned(*word, 10, 0, G_MAXINT, &fd, NULL))
                        return say_usage("--fd: '%s' is not the number of a descriptor", *word);
                if (fds == NULL)
                        fds = g_unix_fd_list_new();
                if (g_unix_fd_list_append(fds, (int)fd, &error) < 0)
                        return say("descriptor %s cannot be sent: %s", *word, error->message), EXIT_CODE_USAGE;
        }
        *ret = g_steal_pointer(&fds);
        return EXIT_CODE_DONE;
}

static ExitCode run(Cli *cli, char **words) {
        g_autofree char *address = NULL;
        g_autoptr(Record) options = options_new();
        Sending sending = { .cli = cli, .options = options };
        ExitCode code = address_find(cli, words[0], &address);

        if (code != EXIT_CODE_DONE)
                return code;
        if (words[1] == NULL)
                return say_usage("say what to send: words, '' for an empty message, or - for standard input");
        if (!options_timeout(options, opt_timeout) || !options_flag(options, OPTION_COUNT, "priority", opt_priority) ||
                !options_flag(options, OPTION_INTEGER, "type", opt_type) ||
                !options_flag(options, OPTION_SIZE, "offset", opt_offset) ||
                !options_flag(options, OPTION_COUNT, "peer", opt_peer))
                return EXIT_CODE_USAGE;
        g_autoptr(GUnixFDList) fds = NULL;
        code = take_fds(&fds);
        if (code != EXIT_CODE_DONE)
                return code;
        if (opt_listen)
                record_set_bool(options, "listen", true);
        if (opt_sync)
                record_set_bool(options, "sync", true);
        code = options_for_address(cli, address, "send", opt_options, options);
        if (code == EXIT_CODE_DONE)
                code = connection_manager(cli, &sending.manager);
        if (code != EXIT_CODE_DONE)
                return code;
        sending.address = address;
        sending.fds = g_steal_pointer(&fds);
        if (words[2] == NULL && strcmp(words[1], "-") == 0)
                return send_input(&sending);
        g_autofree char *data = g_strjoinv(" ", words + 1);
        return send_bytes(&sending, data, strlen(data));
}

const Verb verb_send = {
        .name = "send",
        .arguments = "ADDRESS [DATA...]",
        .summary = "Send a message, or standard input with -",
        .details =
                "Several words are one message, joined by single spaces; no newline is added. '' is an empty "
                "message.\n"
                "With - a stream gets all of standard input as fast as it takes it, a socket of streams in one "
                "connection;\nanother kind gets it as one message.\n"
                "Put -- in front of DATA that begins with a dash. With --fd N an open descriptor of the shell goes "
                "along,\nas in: ipcctl send unix-dgram:/run/x look --fd 5 5</etc/hostname\n\n"
                "Examples:\n  ipcctl send mq-posix:/jobs hello --priority 5\n  tar c . | ipcctl send fifo:/tmp/x -\n",
        .entries = entries,
        .words_min = 1,
        .run = run,
};
