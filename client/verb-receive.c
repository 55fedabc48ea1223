/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl receive and peek. A message is taken only while its reader is there: with the reader of our output gone, the
 * wait ends and the message stays where it is. */
#include "cli.h"

#include <stdio.h>
#include <unistd.h>

#include <glib-unix.h>

#include "connection.h"
#include "errors.h"
#include "kind.h"
#include "message.h"
#include "options.h"
#include "output.h"
#include "semaphore.h"
#include "stream.h"

static char *opt_count, *opt_timeout, *opt_size, *opt_offset, *opt_type, *opt_peer, *opt_index;
static gboolean opt_follow, opt_hex, opt_listen, opt_connect, opt_except;
static char **opt_options;

static const GOptionEntry receive_entries[] = {
        { "count", 'n', 0, G_OPTION_ARG_FILENAME, &opt_count, "Take this many (default: 1)", "N" },
        { "follow", 'f', 0, G_OPTION_ARG_NONE, &opt_follow, "Go on until the stream ends, or for ever", NULL },
        { "timeout", 't', 0, G_OPTION_ARG_FILENAME, &opt_timeout, "Give up after this long (default: never)", "TIME" },
        { "hex", 'x', 0, G_OPTION_ARG_NONE, &opt_hex, "Show the bytes in hexadecimal", NULL },
        { "size", 's', 0, G_OPTION_ARG_FILENAME, &opt_size, "Take at most this many bytes at a time", "SIZE" },
        { "offset", 0, 0, G_OPTION_ARG_FILENAME, &opt_offset, "Where in memory to begin", "N" },
        { "type", 0, 0, G_OPTION_ARG_FILENAME, &opt_type,
                "Of a System V queue: the first of type N; -N: of the lowest type up to N; 0: the first", "N" },
        { "except", 0, 0, G_OPTION_ARG_NONE, &opt_except, "The first that is not of --type", NULL },
        { "peer", 0, 0, G_OPTION_ARG_FILENAME, &opt_peer, "From which peer of a listening socket", "N" },
        { "listen", 0, 0, G_OPTION_ARG_NONE, &opt_listen, "From a socket: bind to the address and wait for a peer",
                NULL },
        { "connect", 0, 0, G_OPTION_ARG_NONE, &opt_connect, "From a socket: connect to the address", NULL },
        { "option", 'o', 0, G_OPTION_ARG_FILENAME_ARRAY, &opt_options, "Another option of the kind", "NAME=VALUE" },
        { NULL },
};

static const GOptionEntry peek_entries[] = {
        { "hex", 'x', 0, G_OPTION_ARG_NONE, &opt_hex, "Show the bytes in hexadecimal", NULL },
        { "size", 's', 0, G_OPTION_ARG_FILENAME, &opt_size, "Show at most this many bytes", "SIZE" },
        { "index", 'i', 0, G_OPTION_ARG_FILENAME, &opt_index, "Which message of a System V queue, from 0", "N" },
        { "offset", 0, 0, G_OPTION_ARG_FILENAME, &opt_offset, "Where in memory to begin", "N" },
        { "option", 'o', 0, G_OPTION_ARG_FILENAME_ARRAY, &opt_options, "Another option of the kind", "NAME=VALUE" },
        { NULL },
};

#define MEMORY_PART  (UINT64_C(4) * 1024 * 1024)
#define STREAM_PIECE (UINT64_C(64) * 1024)

typedef struct Waiting {
        IpcbusManager *manager;
        GVariant *data, *meta;
        GError *error;
        bool answered;
        bool lost;
} Waiting;

static void received(GObject *source, GAsyncResult *result, gpointer userdata) {
        Waiting *waiting = userdata;

        ipcbus_manager_call_receive_finish(waiting->manager, &waiting->data, &waiting->meta, result, &waiting->error);
        waiting->answered = true;
}

static gboolean output_lost(gint fd, GIOCondition condition, gpointer userdata) {
        Waiting *waiting = userdata;

        waiting->lost = true;
        return G_SOURCE_REMOVE;
}

/* One call of Receive, which ends early when nobody reads our output any more. */
static void receive_one(Waiting *waiting, const char *address, const Record *options) {
        guint watch = 0;

        if (output_may_be_lost())
                watch = g_unix_fd_add(STDOUT_FILENO, G_IO_ERR, output_lost, waiting);
        ipcbus_manager_call_receive(
                waiting->manager, address, options_variant(options), WITHOUT_TIMEOUT, NULL, received, waiting);
        while (!waiting->answered && !waiting->lost)
                g_main_context_iteration(NULL, TRUE);
        if (watch != 0 && !waiting->lost)
                g_source_remove(watch);
}

/* To follow a listening socket is to follow one connection to its end: bytes of two are no stream. */
static void follow_peer(GVariant *meta, Record *options) {
        guint64 peer;

        if (opt_follow && opt_peer == NULL && !record_has(options, "peer") &&
                g_variant_lookup(meta, "peer", "t", &peer))
                record_set_u64(options, "peer", peer);
}

static ExitCode receive_all(Cli *cli, const char *address, Record *options, uint64_t count) {
        for (uint64_t i = 0; opt_follow ? opt_count == NULL || i < count : i < count; i++) {
                /* Static: a call that is given up may still answer while the process ends. */
                static Waiting waiting;
                waiting = (Waiting){ 0 };

                ExitCode code = connection_manager(cli, &waiting.manager);
                if (code != EXIT_CODE_DONE)
                        return code;
                if (output_is_lost())
                        return EXIT_CODE_FAILED;
                receive_one(&waiting, address, options);
                g_autoptr(GVariant) data = waiting.data, meta = waiting.meta;
                g_autoptr(GError) error = waiting.error;
                if (waiting.lost && !waiting.answered)
                        return EXIT_CODE_FAILED;
                if (error != NULL) {
                        if (opt_follow && gerror_code(error) == ERROR_PEER_GONE)
                                return EXIT_CODE_DONE;
                        return fail_with(error, address);
                }
                if (!message_print(cli, address, data, meta, opt_hex, false))
                        return EXIT_CODE_FAILED;
                follow_peer(meta, options);
        }
        return EXIT_CODE_DONE;
}

/* Memory is read in parts that a message can carry, so that its size is no matter. */
static ExitCode receive_memory(Cli *cli, const char *address, Record *options) {
        uint64_t offset = record_get_u64(options, "offset", 0), left = record_get_u64(options, "size", UINT64_MAX);
        gboolean more = TRUE;

        record_unset(options, "timeout");
        while (more && left > 0) {
                g_autoptr(GVariant) data = NULL, meta = NULL;
                g_autoptr(GError) error = NULL;
                IpcbusManager *manager;

                ExitCode code = connection_manager(cli, &manager);
                if (code != EXIT_CODE_DONE)
                        return code;
                record_set_u64(options, "offset", offset);
                record_set_u64(options, "size", MIN(left, MEMORY_PART));
                if (!ipcbus_manager_call_receive_sync(
                            manager, address, options_variant(options), WITHOUT_TIMEOUT, &data, &meta, NULL, &error))
                        return fail_with(error, address);
                if (!message_print(cli, address, data, meta, opt_hex, true))
                        return EXIT_CODE_FAILED;
                gsize got = g_variant_n_children(data);
                more = FALSE;
                g_variant_lookup(meta, "truncated", "b", &more);
                more = more && got > 0;
                offset += got;
                left -= MIN(left, got);
        }
        return EXIT_CODE_DONE;
}

/* More than one piece of a stream comes through one descriptor: without it a FIFO would have no reader, and a socket
 * another connection, each time. A pipe has no address to be opened by; its descriptor would be the service's own. */
static bool may_use_descriptor(const Cli *cli, GVariant *description, uint64_t count, bool plain) {
        return (opt_follow || count > 1) && opt_peer == NULL && opt_options == NULL && !opt_listen &&
               kind_has_interface(description, IPCBUS_INTERFACE_STREAM) &&
               (plain || kind_is(description, "unrelated"));
}

static ExitCode receive_stream(
        Cli *cli, const char *address, GVariant *description, const Record *options, uint64_t count, bool *ret_done) {
        StreamReceive how = {
                .timeout = record_get_u64(options, "timeout", 0),
                .count = opt_follow && opt_count == NULL ? 0 : count,
                .size = record_get_u64(
                        options, "size", kind_is(description, "boundaries") ? UINT64_MAX : STREAM_PIECE),
                .follow = opt_follow,
                .hex = opt_hex,
                .plain = opt_follow && opt_count == NULL && opt_size == NULL && !opt_hex && !cli->json &&
                         !output_is_terminal(),
        };

        *ret_done = false;
        if (how.size == 0)
                return say_usage("--size: at least 1");
        if (!may_use_descriptor(cli, description, count, how.plain))
                return EXIT_CODE_DONE;
        return stream_receive(cli, address, description, &how, ret_done);
}

static bool receive_options(Record *options) {
        if (opt_except)
                record_set_bool(options, "except", true);
        return options_timeout(options, opt_timeout) && options_flag(options, OPTION_SIZE, "size", opt_size) &&
               options_flag(options, OPTION_SIZE, "offset", opt_offset) &&
               options_flag(options, OPTION_INTEGER, "type", opt_type) &&
               options_flag(options, OPTION_COUNT, "peer", opt_peer);
}

/* It carries nothing: receiving is waiting. */
static bool is_waited_for(GVariant *description) {
        return kind_has_interface(description, IPCBUS_INTERFACE_SEMAPHORE) &&
               !kind_has_operation(description, "receive");
}

static ExitCode receive_by_kind(
        Cli *cli, const char *address, GVariant *description, Record *options, uint64_t count) {
        ExitCode code = EXIT_CODE_DONE;

        if (is_waited_for(description)) {
                const SemaphoreWait wait = { .timeout = opt_timeout, .options = opt_options };

                for (uint64_t i = 0; i < count && code == EXIT_CODE_DONE; i++)
                        code = semaphore_wait(cli, address, &wait);
                return code;
        }
        if (kind_has_interface(description, IPCBUS_INTERFACE_MEMORY)) {
                if (opt_follow || count != 1)
                        return say_usage("memory has no next message: --follow and --count are not for it");
                return receive_memory(cli, address, options);
        }
        if (kind_has_interface(description, IPCBUS_INTERFACE_STREAM)) {
                bool done = false;
                code = receive_stream(cli, address, description, options, count, &done);
                if (done || code != EXIT_CODE_DONE)
                        return code;
        }
        return receive_all(cli, address, options, count);
}

static ExitCode run_receive(Cli *cli, char **words) {
        g_autofree char *address = NULL, *kind = NULL;
        g_autoptr(GVariant) description = NULL;
        g_autoptr(Record) options = options_new();
        uint64_t count;
        ExitCode code = address_find(cli, words[0], &address);

        if (code != EXIT_CODE_DONE)
                return code;
        if (!receive_options(options) || !options_number(OPTION_COUNT, "count", opt_count, 1, &count))
                return EXIT_CODE_USAGE;
        if (opt_listen && opt_connect)
                return say_usage("only one of --listen and --connect can be given");
        if (opt_listen || opt_connect)
                record_set_bool(options, opt_listen ? "listen" : "connect", true);
        kind = address_kind(address);
        code = kind_describe(cli, kind, &description);
        if (code == EXIT_CODE_DONE)
                code = options_words(
                        description, is_waited_for(description) ? "wait" : "receive", opt_options, options);
        if (code != EXIT_CODE_DONE)
                return code;
        /* Nothing may be taken that cannot be printed. A reader that had enough is no news. */
        if (output_is_lost()) {
                if (!output_may_be_lost())
                        say("standard output cannot be written to: nothing was received");
                return EXIT_CODE_FAILED;
        }
        return receive_by_kind(cli, address, description, options, count);
}

static ExitCode run_peek(Cli *cli, char **words) {
        g_autofree char *address = NULL;
        g_autoptr(Record) options = options_new();
        g_autoptr(GVariant) data = NULL, meta = NULL;
        g_autoptr(GError) error = NULL;
        IpcbusManager *manager;
        ExitCode code = address_find(cli, words[0], &address);

        if (code != EXIT_CODE_DONE)
                return code;
        if (!options_flag(options, OPTION_SIZE, "size", opt_size) ||
                !options_flag(options, OPTION_SIZE, "offset", opt_offset) ||
                !options_flag(options, OPTION_COUNT, "index", opt_index))
                return EXIT_CODE_USAGE;
        code = options_for_address(cli, address, "peek", opt_options, options);
        if (code == EXIT_CODE_DONE)
                code = connection_manager(cli, &manager);
        if (code != EXIT_CODE_DONE)
                return code;
        if (!ipcbus_manager_call_peek_sync(
                    manager, address, options_variant(options), WITHOUT_TIMEOUT, &data, &meta, NULL, &error))
                return fail_with(error, address);
        return message_print(cli, address, data, meta, opt_hex, opt_size != NULL) ? EXIT_CODE_DONE : EXIT_CODE_FAILED;
}

const Verb verb_receive = {
        .name = "receive",
        .alias = "recv",
        .arguments = "ADDRESS",
        .summary = "Print what arrives",
        .details =
                "Waits until something is there, for ever without --timeout; when that is over, the exit code is 6.\n"
                "Into a pipe or a file the bytes go exactly as they came, with nothing between messages; a terminal\n"
                "gets a newline behind a message that has none. --json prints one object a message.\n"
                "With --follow the end of a stream is success; from a listening socket it is one connection that is\n"
                "followed. From memory it reads, from a semaphore it takes "
                "one.\n\n"
                "Examples:\n  ipcctl receive mq-posix:/jobs --timeout 5s\n  ipcctl receive fifo:/tmp/x --follow > "
                "copy\n",
        .entries = receive_entries,
        .words_min = 1,
        .words_max = 1,
        .run = run_receive,
};

const Verb verb_peek = {
        .name = "peek",
        .arguments = "ADDRESS",
        .summary = "Show what waits without taking it",
        .details = "Where the kernel cannot do that, it says so and the exit code is 4; where nothing waits, 6.\n\n"
                   "Example:\n  ipcctl peek unix-dgram:/run/log.sock --hex\n",
        .entries = peek_entries,
        .words_min = 1,
        .words_max = 1,
        .run = run_peek,
};
