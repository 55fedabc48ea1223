/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl: finds the verb in the one table of verbs, parses its options together with those that every verb takes, and
 * runs it. Owns the Cli for the run. */
#include "cli.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "connection.h"
#include "option.h"
#include "output.h"

const Verb *const verb_table[] = {
        &verb_kinds,
        &verb_create,
        &verb_adopt,
        &verb_send,
        &verb_receive,
        &verb_peek,
        &verb_post,
        &verb_wait,
        &verb_resize,
        &verb_seal,
        &verb_signal,
        &verb_list,
        &verb_show,
        &verb_who,
        &verb_explain,
        &verb_remove,
        &verb_test,
        &verb_bench,
        &verb_advise,
        &verb_watch,
        &verb_jobs,
        &verb_cancel,
        &verb_complete,
        NULL,
};

static gboolean opt_json, opt_verbose, opt_user, opt_system, opt_embedded, opt_no_pager, opt_version, opt_help;
static char *opt_bus, *opt_host;

const GOptionEntry cli_entries[] = {
        { "json", 0, 0, G_OPTION_ARG_NONE, &opt_json, "Print JSON", NULL },
        { "verbose", 'v', 0, G_OPTION_ARG_NONE, &opt_verbose, "Say more", NULL },
        { "user", 0, 0, G_OPTION_ARG_NONE, &opt_user, "Talk to the service on the session bus", NULL },
        { "system", 0, 0, G_OPTION_ARG_NONE, &opt_system, "Talk to the service on the system bus", NULL },
        { "embedded", 0, 0, G_OPTION_ARG_NONE, &opt_embedded, "Start a service of our own, without a bus", NULL },
        { "host", 0, 0, G_OPTION_ARG_FILENAME, &opt_host, "Talk to the session bus of another host, over ssh",
                "USER@HOST" },
        { "bus", 0, 0, G_OPTION_ARG_FILENAME, &opt_bus, "Talk to the service on this bus", "BUS-ADDRESS" },
        { "no-pager", 0, 0, G_OPTION_ARG_NONE, &opt_no_pager, "Accepted: output is never paged", NULL },
        { "version", 0, 0, G_OPTION_ARG_NONE, &opt_version, "Print the version", NULL },
        { "help", 'h', 0, G_OPTION_ARG_NONE, &opt_help, "Show help, of the verb where one is given", NULL },
        { NULL },
};

static const char exit_codes[] = "Exit codes:\n"
                                 "  0 done; 1 failed; 2 wrong usage; 3 refused; 4 not supported here;\n"
                                 "  5 a claim failed; 6 timed out\n";

const Verb *verb_find(const char *name) {
        for (const Verb *const *verb = verb_table; *verb != NULL; verb++)
                if (strcmp((*verb)->name, name) == 0 || g_strcmp0((*verb)->alias, name) == 0)
                        return *verb;
        return NULL;
}

static ExitCode print_help(void) {
        printf("Usage: ipcctl [OPTION...] VERB [WORD...]\n\n"
               "Sets up, uses, tests, measures and inspects inter-process communication.\n\n");
        for (const Verb *const *verb = verb_table; *verb != NULL; verb++)
                if (!(*verb)->hidden)
                        printf("  %-8s %s\n", (*verb)->name, (*verb)->summary);
        printf("\nOptions, before or after the verb:\n"
               "  --json  -v --verbose  --no-pager  --version  -h --help\n"
               "  --user | --system | --embedded | --bus BUS-ADDRESS | --host USER@HOST\n\n"
               "An address is KIND:IDENTITY, as fifo:/tmp/x or mq-posix:/jobs.\n"
               "\"ipcctl VERB --help\" tells more of a verb.\n");
        return EXIT_CODE_DONE;
}

/* Options without the help of GLib, which would print and exit by itself. */
static GOptionContext *new_context(const GOptionEntry *entries) {
        GOptionContext *context = g_option_context_new(NULL);

        g_option_context_set_help_enabled(context, FALSE);
        if (entries != NULL)
                g_option_context_add_main_entries(context, entries, NULL);
        return context;
}

static ExitCode print_verb_help(const Verb *verb) {
        g_autoptr(GOptionContext) context = new_context(verb->entries);
        g_autoptr(GOptionContext) common = new_context(cli_entries);
        g_autofree char *options = g_option_context_get_help(context, FALSE, NULL);
        g_autofree char *common_options = g_option_context_get_help(common, FALSE, NULL);
        const char *own = strchr(options, '\n'), *shared = strstr(common_options, "  --json");

        printf("Usage: ipcctl %s%s%s [OPTION...]\n\n%s\n", verb->name, *verb->arguments != '\0' ? " " : "",
                verb->arguments, verb->summary);
        if (verb->alias != NULL)
                printf("\"%s\" is the same.\n", verb->alias);
        own = own != NULL ? strchr(own, ':') : NULL;
        if (verb->entries != NULL && own != NULL)
                printf("\nOptions%s", own);
        else
                putchar('\n');
        if (verb->details != NULL)
                printf("%s\n", verb->details);
        if (shared != NULL)
                printf("Options of every verb:\n%s", shared);
        fputs(exit_codes, stdout);
        return EXIT_CODE_DONE;
}

static void collect_names(GPtrArray *names, const GOptionEntry *entries) {
        for (; entries != NULL && entries->long_name != NULL; entries++)
                if (*entries->long_name != '\0')
                        g_ptr_array_add(names, (gpointer)entries->long_name);
}

static ExitCode say_option_error(const GError *error, const GOptionEntry *entries) {
        const char *word = strrchr(error->message, ' ');

        if (!g_error_matches(error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION) || word == NULL)
                return say_usage("%s", error->message);
        word++;
        g_autoptr(GPtrArray) names = g_ptr_array_new();
        collect_names(names, entries);
        collect_names(names, cli_entries);
        const char *bare = word + strspn(word, "-");
        const char *near = strlen(bare) > 1 ? nearest_word(bare, (const char *const *)names->pdata, names->len) : NULL;
        if (near != NULL)
                return say_usage("unknown option %s; did you mean --%s?", word, near);
        return say_usage("unknown option %s; --help lists the options", word);
}

static bool is_flag(const GOptionEntry *entries, const char *name, size_t length) {
        for (; entries != NULL && entries->long_name != NULL; entries++)
                if (entries->arg == G_OPTION_ARG_NONE && strlen(entries->long_name) == length &&
                        strncmp(entries->long_name, name, length) == 0)
                        return true;
        return false;
}

/* GLib takes --confirm=false for --confirm. */
static ExitCode check_flags(char **argv, const GOptionEntry *entries) {
        for (; *argv != NULL && strcmp(*argv, "--") != 0; argv++) {
                const char *name = *argv + 2, *end = strchr(*argv, '=');

                if (!g_str_has_prefix(*argv, "--") || end == NULL)
                        continue;
                if (is_flag(entries, name, (size_t)(end - name)) || is_flag(cli_entries, name, (size_t)(end - name)))
                        return say_usage(
                                "--%.*s takes no value; leave it out where it is not meant", (int)(end - name), name);
        }
        return EXIT_CODE_DONE;
}

static ExitCode say_unknown_verb(const char *word) {
        g_autoptr(GPtrArray) names = g_ptr_array_new();

        for (const Verb *const *verb = verb_table; *verb != NULL; verb++)
                if (!(*verb)->hidden)
                        g_ptr_array_add(names, (gpointer)(*verb)->name);
        const char *near = nearest_word(word, (const char *const *)names->pdata, names->len);
        if (near != NULL)
                return say_usage("unknown verb \"%s\"; did you mean \"%s\"?", word, near);
        return say_usage("unknown verb \"%s\"; \"ipcctl --help\" lists the verbs", word);
}

/* Takes the common options in front of the verb off the arguments. */
static ExitCode parse_common(char ***argv) {
        g_autoptr(GOptionContext) context = new_context(cli_entries);
        g_autoptr(GError) error = NULL;

        ExitCode code = check_flags(*argv, NULL);
        if (code != EXIT_CODE_DONE)
                return code;
        g_option_context_set_strict_posix(context, TRUE);
        if (!g_option_context_parse_strv(context, argv, &error))
                return say_option_error(error, NULL);
        return EXIT_CODE_DONE;
}

static ExitCode parse_verb(const Verb *verb, char ***argv, char ***ret_words) {
        GOptionEntry rest[] = {
                { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, ret_words, NULL, NULL },
                { NULL },
        };
        g_autoptr(GOptionContext) context = new_context(cli_entries);
        g_autoptr(GError) error = NULL;

        if (verb->entries != NULL)
                g_option_context_add_main_entries(context, verb->entries, NULL);
        g_option_context_add_main_entries(context, rest, NULL);
        ExitCode code = check_flags(*argv, verb->entries);
        if (code != EXIT_CODE_DONE)
                return code;
        if (!g_option_context_parse_strv(context, argv, &error))
                return say_option_error(error, verb->entries);
        if (*ret_words == NULL)
                *ret_words = g_new0(char *, 1);
        return EXIT_CODE_DONE;
}

static ExitCode fill_cli(Cli *cli) {
        if (opt_user + opt_system + opt_embedded + (opt_bus != NULL) + (opt_host != NULL) > 1)
                return say_usage("only one of --user, --system, --embedded, --bus and --host can be given");
        *cli = (Cli){
                .json = opt_json,
                .verbose = opt_verbose,
                .user = opt_user,
                .system = opt_system,
                .embedded = opt_embedded,
                .bus = opt_bus,
                .host = opt_host,
        };
        return EXIT_CODE_DONE;
}

static ExitCode run_verb(const Verb *verb, char ***argv) {
        g_auto(GStrv) words = NULL;
        Cli cli;

        ExitCode code = parse_verb(verb, argv, &words);
        if (code != EXIT_CODE_DONE)
                return code;
        if (opt_help)
                return print_verb_help(verb);
        code = fill_cli(&cli);
        if (code != EXIT_CODE_DONE)
                return code;
        unsigned n = g_strv_length(words);
        if (n < verb->words_min || (verb->words_max != 0 && n > verb->words_max))
                return say_usage("%s: usage: ipcctl %s %s", n < verb->words_min ? "too few words" : "too many words",
                        verb->name, verb->arguments);
        code = verb->run(&cli, words);
        connection_close(&cli);
        return code;
}

static ExitCode run(char ***argv) {
        ExitCode code = parse_common(argv);

        if (code != EXIT_CODE_DONE)
                return code;
        const char *word = (*argv)[0] != NULL ? (*argv)[1] : NULL;
        if (opt_version) {
                printf("ipcctl %s\n", IPCBUS_VERSION);
                return EXIT_CODE_DONE;
        }
        if (word == NULL)
                return print_help();
        const Verb *verb = verb_find(word);
        if (verb == NULL)
                return say_unknown_verb(word);
        /* The verb takes the place of the program's name. */
        char **rest = g_strdupv(*argv + 1);
        code = run_verb(verb, &rest);
        g_strfreev(rest);
        return code;
}

int main(int argc, char **argv) {
        output_start();
        /* Not LC_NUMERIC: figures read the same everywhere. Not LC_MESSAGES: nothing else is translated. */
        setlocale(LC_CTYPE, "");
        g_set_prgname("ipcctl");
        char **arguments = g_strdupv(argv);
        ExitCode code = output_finish(run(&arguments));
        g_strfreev(arguments);
        return code;
}
