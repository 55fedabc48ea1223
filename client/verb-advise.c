/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl advise: which kind for what is needed, and why. */
#include "cli.h"

#include <string.h>

#include "advise-needs.h"
#include "advise-print.h"
#include "advise-rank.h"
#include "json.h"
#include "kind.h"
#include "measured.h"
#include "option.h"
#include "output.h"
#include "tested.h"

/* Needs are options; who leaves out the dashes is told so. */
static ExitCode refuse_word(const char *word) {
        const char *names[NEEDS_MAX];
        size_t n = 0;

        for (size_t i = 0; i < need_table_size; i++)
                if (!need_table[i].of_purpose)
                        names[n++] = need_table[i].name;
        const char *nearest = nearest_word(word, names, n);
        if (nearest != NULL)
                return say_usage("needs are options: did you mean --%s and not \"%s\"?", nearest, word);
        return say_usage("needs are options, and \"%s\" is none; \"ipcctl advise --help\" lists them", word);
}

static ExitCode describe_all(Cli *cli, GPtrArray *descriptions) {
        g_auto(GStrv) kinds = NULL;
        ExitCode code = kind_list(cli, &kinds);

        for (char **kind = kinds; code == EXIT_CODE_DONE && *kind != NULL; kind++) {
                GVariant *description;
                code = kind_describe(cli, *kind, &description);
                if (code == EXIT_CODE_DONE)
                        g_ptr_array_add(descriptions, description);
        }
        return code;
}

static ExitCode run(Cli *cli, char **words) {
        g_autoptr(GPtrArray) descriptions = g_ptr_array_new_with_free_func((GDestroyNotify)g_variant_unref);
        g_autoptr(GHashTable) tested = NULL;
        g_autoptr(JsonNode) figures = NULL;
        g_autoptr(Advice) advice = NULL;
        Needs needs;
        ExitCode code;

        if (*words != NULL)
                return refuse_word(*words);
        if (!needs_read(&needs))
                return EXIT_CODE_USAGE;
        code = measured_load(cli, needs.from, &figures);
        if (code == EXIT_CODE_DONE)
                code = describe_all(cli, descriptions);
        if (code != EXIT_CODE_DONE)
                return code;
        tested = tested_load(cli);
        advice = advice_new(&needs, descriptions, tested, figures);
        if (cli->json)
                json_print(advice_json(advice, &needs), true);
        else
                advice_print(advice, &needs, cli->verbose);
        return advice->ranked->len > 0 ? EXIT_CODE_DONE : EXIT_CODE_NOT_SUPPORTED;
}

const Verb verb_advise = {
        .name = "advise",
        .arguments = "",
        .summary = "Rank the kinds for what is needed, with the reasons",
        .details = "A need that is given excludes each kind that does not offer it, and says why; --prefer only "
                   "ranks. A kind\n"
                   "that offers it with work of your own stays, at a price (-). Reasons rest on claims that \"ipcctl "
                   "test\"\n"
                   "proves: one that failed here excludes. With figures, kept of \"ipcctl bench\" or of --from FILE, "
                   "speed\n"
                   "decides as --size, --rate, --cpu, --latency and --fast ask for it. --verbose shows all of every "
                   "kind.\n"
                   "Where nothing fits, the exit code is 4, and it shows what to give up.\n\n"
                   "Examples:\n  ipcctl advise --unrelated --boundaries --priority\n"
                   "  ipcctl advise --unrelated --fast --size 1M\n  ipcctl advise --for lock --unrelated\n",
        .entries = needs_entries,
        .run = run,
};
