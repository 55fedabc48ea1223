/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of needs and the options made of it. A need that is new is a row here, and a trait of kinds; nothing else
 * changes. Owns the texts that the options were given, until exit. */
#include "advise-needs.h"

#include <string.h>

#include "option.h"
#include "options.h"
#include "output.h"
#include "units.h"

/* What nobody asked for still has its price, which depends on what it is wanted for. */
#define FOR_DATA(no, partly)   [PURPOSE_DATA] = { no, partly }
#define FOR_NOTIFY(no, partly) [PURPOSE_NOTIFY] = { no, partly }
#define FOR_LOCK(no, partly)   [PURPOSE_LOCK] = { no, partly }
#define FOR_COUNT(no, partly)  [PURPOSE_COUNT] = { no, partly }

/* clang-format off */
/* X(index, name, trait, title, help, of data only, cost of partly, costs unasked...); what --for asks for stands in front, and is no option. */
#define NEEDS(X)                                                                                              \
        X(STREAM, "stream", "stream", "a stream of bytes",                                                    \
                "Bytes without boundaries, any amount", true, 12, { 0, 0 })                                   \
        X(BOUNDARIES, "boundaries", "boundaries", "message boundaries",                                       \
                "One send is one receive", true, 8, { 0, 0 })                                                 \
        X(PRIORITY, "priority", "priority", "priorities",                                                     \
                "What matters more comes first", false, 12, { 0, 0 })                                         \
        X(DUPLEX, "duplex", "duplex", "both ways at once",                                                    \
                "Both ways at the same time", false, 12, { 0, 0 })                                            \
        X(UNRELATED, "unrelated", "unrelated", "unrelated processes",                                         \
                "Processes without a common ancestor meet by a name", false, 8, { 0, 0 })                    \
        X(ACROSS_HOSTS, "across-hosts", "across_hosts", "peers on other machines",                            \
                "The peer is on another machine", false, 12, { 0, 0 })                                        \
        X(MANY_READERS, "many-readers", "many_readers", "many readers",                                       \
                "Several take from one, each message goes to one of them", false, 12, { 0, 0 })               \
        X(MANY_WRITERS, "many-writers", "many_writers", "many writers",                                       \
                "Several write at once", false, 12, { 0, 0 })                                                 \
        X(BROADCAST, "broadcast", "broadcast", "all readers get everything",                                  \
                "All readers get everything", false, 12, { 0, 0 })                                            \
        X(OTHER_USER, "other-user", "other_user", "another user takes part",                                  \
                "Another user takes part", false, 12, { 0, 0 })                                               \
        X(GUARDED, "guarded", "guarded", "others are kept out",                                               \
                "Whoever has no right is kept out", false, 12,                                                \
                FOR_DATA(3, 1), FOR_NOTIFY(2, 1), FOR_LOCK(2, 1), FOR_COUNT(2, 1))                            \
        X(CREDENTIALS, "credentials", "credentials", "who the peer is",                                       \
                "The kernel tells who the peer is", false, 12, { 0, 0 })                                      \
        X(DESCRIPTORS, "descriptors", "descriptors", "descriptors go along",                                  \
                "Open descriptors go along", true, 12, { 0, 0 })                                              \
        X(POLL, "poll", "poll", "waiting with poll",                                                          \
                "Wait for it beside other things, in poll(2)", false, 12,                                     \
                FOR_DATA(4, 1), FOR_NOTIFY(3, 1), FOR_COUNT(2, 1))                                            \
        X(CRASH, "crash", "crash", "a peer may crash",                                                        \
                "A killed peer leaves nothing half, locked or unnoticed", false, 12,                          \
                FOR_DATA(4, 1), FOR_NOTIFY(2, 1), FOR_LOCK(10, 2), FOR_COUNT(4, 2))                           \
        X(PERSISTENT, "persistent", "persistent", "outlives all processes",                                   \
                "What is in it outlives all processes", false, 12, { 0, 0 })                                  \
        X(ORDER, "order", "order", "order", "In the order in which it was sent", true, 12, FOR_DATA(6, 1))    \
        X(LOSSLESS, "lossless", "lossless", "nothing is lost",                                                \
                "Nothing is lost: who is too fast waits", false, 12,                                          \
                FOR_DATA(8, 2), FOR_NOTIFY(6, 3), FOR_COUNT(6, 3))                                            \
        X(SYNCHRONISED, "synchronised", "synchronised", "no synchronising of one's own",                      \
                "Nothing has to be synchronised by yourself", false, 12,                                      \
                FOR_DATA(12, 4), FOR_NOTIFY(4, 2), FOR_LOCK(12, 4), FOR_COUNT(12, 4))                         \
        X(NO_LEFTOVERS, "no-leftovers", "cleans_up", "nothing is left behind",                                \
                "Nothing is left when all have ended", false, 12,                                             \
                FOR_DATA(3, 1), FOR_NOTIFY(3, 1), FOR_LOCK(2, 1), FOR_COUNT(3, 1))                            \
        X(SIMPLE, "simple", "simple", "little to write",                                                      \
                "Little has to be written to use it", false, 12,                                              \
                FOR_DATA(6, 3), FOR_NOTIFY(6, 2), FOR_LOCK(8, 2), FOR_COUNT(8, 4))                            \
        X(NO_COPY, "no-copy", "copies", "no copying",                                                         \
                "No byte is copied on its way", true, 12, FOR_DATA(1, 1), FOR_NOTIFY(1, 1))

#define NEED_INDEX(index, ...) INDEX_##index,
enum { INDEX_DATA, INDEX_NOTIFY, INDEX_LOCK, INDEX_COUNT, NEEDS(NEED_INDEX) };

#define NEED_ROW(index, name, trait, title, help, data, partly, ...) \
        [INDEX_##index] = { name, trait, title, false, data, partly, { __VA_ARGS__ } },
const Need need_table[] = {
        [INDEX_DATA] = { "data", "data", "data", true, true, 12, { { 0, 0 } } },
        [INDEX_NOTIFY] = { "notify", "notify", "notifying", true, false, 12, { { 0, 0 } } },
        [INDEX_LOCK] = { "lock", "lock", "one at a time", true, false, 12, { { 0, 0 } } },
        [INDEX_COUNT] = { "count", "count", "counting what is free", true, false, 12, { { 0, 0 } } },
        NEEDS(NEED_ROW)
};
/* clang-format on */
const size_t need_table_size = G_N_ELEMENTS(need_table);
G_STATIC_ASSERT(G_N_ELEMENTS(need_table) <= NEEDS_MAX);

static gboolean flags[NEEDS_MAX], opt_fast, opt_strict;
static char *opt_for, *opt_prefer, *opt_size, *opt_rate, *opt_latency, *opt_cpu, *opt_from;

/* clang-format off */
#define NEED_ENTRY(index, name, trait, title, help, ...) \
        { name, 0, 0, G_OPTION_ARG_NONE, &flags[INDEX_##index], help, NULL },
const GOptionEntry needs_entries[] = {
        { "for", 0, 0, G_OPTION_ARG_FILENAME, &opt_for, "What it is for: data (default), notify, lock or count", "PURPOSE" },
        NEEDS(NEED_ENTRY)
        { "size", 's', 0, G_OPTION_ARG_FILENAME, &opt_size, "Messages of this size", "SIZE" },
        { "rate", 'r', 0, G_OPTION_ARG_FILENAME, &opt_rate, "So many messages per second", "N" },
        { "latency", 0, 0, G_OPTION_ARG_FILENAME, &opt_latency, "A round trip takes no longer, the median", "TIME" },
        { "cpu", 0, 0, G_OPTION_ARG_FILENAME, &opt_cpu, "With --rate: no more of one CPU, for both sides", "PERCENT" },
        { "fast", 0, 0, G_OPTION_ARG_NONE, &opt_fast, "As fast as can be had, also where it is more work", NULL },
        { "prefer", 'p', 0, G_OPTION_ARG_FILENAME, &opt_prefer, "Needs that rank and do not exclude", "NEED,..." },
        { "strict", 0, 0, G_OPTION_ARG_NONE, &opt_strict, "Exclude also what takes work of your own", NULL },
        { "from", 0, 0, G_OPTION_ARG_FILENAME, &opt_from, "Figures of a file of \"ipcctl bench --save\"", "FILE" },
        { NULL },
};
/* clang-format on */

static const char *const purposes[PURPOSE_MAX] = {
        [PURPOSE_DATA] = "data",
        [PURPOSE_NOTIFY] = "notify",
        [PURPOSE_LOCK] = "lock",
        [PURPOSE_COUNT] = "count",
};

/* -1: none of that name. */
static int find_need(const char *name) {
        for (size_t i = 0; i < need_table_size; i++)
                if (strcmp(need_table[i].name, name) == 0)
                        return (int)i;
        return -1;
}

static bool read_purpose(Needs *needs) {
        const char *word = opt_for != NULL ? opt_for : purposes[PURPOSE_DATA];

        for (Purpose purpose = 0; purpose < PURPOSE_MAX; purpose++)
                if (strcmp(purposes[purpose], word) == 0) {
                        needs->purpose = purpose;
                        needs->purpose_given = opt_for != NULL;
                        needs->uses[find_need(word)] = NEED_HARD;
                        return true;
                }
        const char *nearest = nearest_word(word, purposes, PURPOSE_MAX);
        say_usage("--for takes data, notify, lock or count, and not \"%s\"%s%s%s", word,
                nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
                nearest != NULL ? "\"?" : "");
        return false;
}

static bool read_preferred(Needs *needs) {
        g_auto(GStrv) words = opt_prefer != NULL ? g_strsplit(opt_prefer, ",", -1) : NULL;
        const char *names[NEEDS_MAX];

        for (size_t i = 0; i < need_table_size; i++)
                names[i] = need_table[i].name;
        for (char **word = words; word != NULL && *word != NULL; word++) {
                int index = find_need(*word);
                if (index >= 0 && !need_table[index].of_purpose) {
                        if (needs->uses[index] == NEED_UNASKED)
                                needs->uses[index] = NEED_PREFERRED;
                        continue;
                }
                const char *nearest = nearest_word(*word, names, need_table_size);
                if (nearest != NULL && index < 0)
                        say_usage("--prefer: there is no need \"%s\"; did you mean \"%s\"?", *word, nearest);
                else
                        say_usage(
                                "--prefer: there is no need \"%s\"; the options of \"ipcctl advise --help\" are needs",
                                *word);
                return false;
        }
        return true;
}

/* "10" or "12.5%". */
static bool read_percent(const char *text, double *ret) {
        char *end;

        if (text == NULL)
                return true;
        *ret = g_ascii_strtod(text, &end);
        if (end != text && *end == '%')
                end++;
        /* Written so that NaN is refused, too. */
        if (end == text || *end != '\0' || !(*ret > 0 && *ret <= 1e6))
                return say_usage("--cpu takes percent of one CPU, as 10%%, and not \"%s\"", text), false;
        return true;
}

static bool read_figures(Needs *needs) {
        if (!options_number(OPTION_SIZE, "size", opt_size, 0, &needs->size) ||
                !options_number(OPTION_COUNT, "rate", opt_rate, 0, &needs->rate) ||
                !options_number(OPTION_TIME, "latency", opt_latency, 0, &needs->latency) ||
                !read_percent(opt_cpu, &needs->cpu))
                return false;
        if ((opt_size != NULL && needs->size == 0) || (opt_rate != NULL && needs->rate == 0) ||
                (opt_latency != NULL && needs->latency == 0))
                return say_usage("--size, --rate and --latency are above 0"), false;
        if (needs->cpu > 0 && needs->rate == 0)
                return say_usage("--cpu needs --rate: what a message costs is known, not how many there are"), false;
        return true;
}

/* What makes no sense together is not a need that nothing fits. */
static bool check_purpose(const Needs *needs) {
        const char *word = purposes[needs->purpose];

        if (needs->purpose == PURPOSE_DATA)
                return true;
        if (needs->size > 0)
                return say_usage("--size is of data; --for %s carries none", word), false;
        for (size_t i = 0; i < need_table_size; i++)
                if (needs->uses[i] != NEED_UNASKED && need_table[i].data)
                        return say_usage("--%s is of data; --for %s carries none", need_table[i].name, word), false;
        return true;
}

bool needs_read(Needs *ret) {
        *ret = (Needs){ .fast = opt_fast, .strict = opt_strict, .from = opt_from };
        for (size_t i = 0; i < need_table_size; i++)
                if (flags[i])
                        ret->uses[i] = NEED_HARD;
        return read_purpose(ret) && read_preferred(ret) && read_figures(ret) && check_purpose(ret);
}

static void append(GString *text, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void append(GString *text, const char *format, ...) {
        va_list arguments;

        if (text->len > 0)
                g_string_append(text, "; ");
        va_start(arguments, format);
        g_string_append_vprintf(text, format, arguments);
        va_end(arguments);
}

char *needs_text(const Needs *needs) {
        GString *text = g_string_new(NULL);
        char buffer[UNITS_TEXT_MAX];

        for (size_t i = 0; i < need_table_size; i++)
                if (needs->uses[i] == NEED_HARD)
                        append(text, "%s", need_table[i].title);
        if (needs->size > 0)
                append(text, "messages of %s", size_print(needs->size, buffer));
        if (needs->rate > 0)
                append(text, "%" G_GUINT64_FORMAT " messages/s", needs->rate);
        if (needs->cpu > 0)
                append(text, "%g %% of a CPU", needs->cpu);
        if (needs->latency > 0)
                append(text, "a round trip within %s", time_print(needs->latency, buffer));
        if (needs->fast)
                append(text, "as fast as can be");
        if (needs->strict)
                append(text, "without work of one's own");
        for (size_t i = 0; i < need_table_size; i++)
                if (needs->uses[i] == NEED_PREFERRED)
                        append(text, "preferably %s", need_table[i].title);
        return g_string_free(text, FALSE);
}

static void add_number(JsonArray *array, const char *name, double value) {
        JsonObject *object;

        if (value <= 0)
                return;
        object = json_object_new();
        json_object_set_string_member(object, "need", name);
        json_object_set_string_member(object, "use", "hard");
        json_object_set_double_member(object, "value", value);
        json_array_add_object_element(array, object);
}

JsonArray *needs_json(const Needs *needs) {
        JsonArray *array = json_array_new();

        for (size_t i = 0; i < need_table_size; i++) {
                JsonObject *object;
                if (needs->uses[i] == NEED_UNASKED)
                        continue;
                object = json_object_new();
                json_object_set_string_member(object, "need", need_table[i].name);
                json_object_set_string_member(object, "use", needs->uses[i] == NEED_HARD ? "hard" : "preferred");
                json_array_add_object_element(array, object);
        }
        add_number(array, "size", (double)needs->size);
        add_number(array, "rate", (double)needs->rate);
        add_number(array, "cpu_percent", needs->cpu);
        add_number(array, "latency_usec", (double)needs->latency);
        return array;
}
