/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables only: calls without a kind have their options checked by the same code as kinds, under any one use. */
#include "common-options.h"

#include <stddef.h>

#include "units.h"

#define LEASE_HELP "how long it lives: none (until removed), caller (until who asked leaves the bus), or a time as 30s"

const OptionSpec common_create_options[] = {
        { "lease", OPTION_STRING, OPTION_FOR_CREATE, "none", 0, 0, LEASE_HELP },
        {},
};

const OptionSpec common_send_options[] = {
        { "timeout", OPTION_TIME, OPTION_FOR_SEND, "0", 0, 0, "how long to wait for room, or for a reader" },
        {},
};

const OptionSpec common_receive_options[] = {
        { "timeout", OPTION_TIME, OPTION_FOR_RECEIVE, "0", 0, 0, "how long to wait for something to arrive" },
        { "size", OPTION_SIZE, OPTION_FOR_RECEIVE, NULL, 1, 0, "the most bytes to take" },
        {},
};

const OptionSpec common_wait_options[] = {
        { "timeout", OPTION_TIME, OPTION_FOR_WAIT, "0", 0, 0, "how long to wait for a post" },
        { "hold", OPTION_STRING, OPTION_FOR_WAIT, "caller", 0, 0,
                "how long what is bound to a process is held: caller (until who asked leaves the bus), none (until it "
                "is "
                "given back), or a time as 30s" },
        {},
};

const OptionSpec common_post_options[] = {
        { "hold", OPTION_COUNT, OPTION_FOR_POST, NULL, 1, 0, "gives back what the hold of this number has" },
        {},
};

const OptionSpec common_end_options[] = {
        { "take", OPTION_BOOL, OPTION_FOR_END, "false", 0, 0, "give away the copy that the service holds" },
        {},
};

const OptionSpec list_filter_options[] = {
        { "kinds", OPTION_STRINGS, OPTION_FOR_CREATE, NULL, 0, 0, "only these" },
        { "mine", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0, "only what was made or adopted through the service" },
        { "uid", OPTION_COUNT, OPTION_FOR_CREATE, NULL, 0, UINT32_MAX, "only of this user" },
        { "pid", OPTION_COUNT, OPTION_FOR_CREATE, NULL, 1, INT32_MAX, "only what this process holds" },
        { "holders", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0, "also who holds each" },
        {},
};

const OptionSpec explain_options[] = {
        { "for", OPTION_STRING, OPTION_FOR_CREATE, NULL, 0, 0,
                "a user, by name or number; the default is the caller" },
        {},
};

const OptionSpec test_options[] = {
        { "lease", OPTION_STRING, OPTION_FOR_CREATE, "caller", 0, 0, "caller or none" },
        { "claims", OPTION_STRINGS, OPTION_FOR_CREATE, NULL, 0, 0, "only these" },
        {},
};

const OptionSpec benchmark_options[] = {
        { "lease", OPTION_STRING, OPTION_FOR_CREATE, "caller", 0, 0, "caller or none" },
        { "modes", OPTION_STRINGS, OPTION_FOR_CREATE, NULL, 0, 0, "latency, throughput, burst, fan-out, fan-in" },
        { "sizes", OPTION_SIZES, OPTION_FOR_CREATE, NULL, 0, 0, "of a message, in bytes" },
        { "waits", OPTION_STRINGS, OPTION_FOR_CREATE, NULL, 0, 0, "block, poll, spin, adaptive" },
        { "cpus", OPTION_SIZES, OPTION_FOR_CREATE, NULL, 0, 0, "two CPU numbers, one a side" },
        { "placements", OPTION_STRINGS, OPTION_FOR_CREATE, NULL, 0, 0,
                "same-cpu, other-cpu, other-cpu-awake, smt-sibling, other-node" },
        { "peers", OPTION_SIZES, OPTION_FOR_CREATE, NULL, 0, 0, "of fan-out and fan-in: 2 to 8 each" },
        { "time", OPTION_TIME, OPTION_FOR_CREATE, NULL, 1000, 0, "of one result" },
        { "trials", OPTION_COUNT, OPTION_FOR_CREATE, NULL, 1, 100, "of one result" },
        {},
};

const OptionSpec subscribe_options[] = {
        { "kinds", OPTION_STRINGS, OPTION_FOR_CREATE, NULL, 0, 0, "only these" },
        { "addresses", OPTION_STRINGS, OPTION_FOR_CREATE, NULL, 0, 0, "these, beside the kinds" },
        { "changes", OPTION_BOOL, OPTION_FOR_CREATE, NULL, 0, 0,
                "also what changes; the default is true where kinds or addresses are given" },
        { "holders", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0,
                "also processes that come to hold an object and go" },
        { "interval", OPTION_TIME, OPTION_FOR_CREATE, "1s", 100 * USEC_PER_MSEC, 0,
                "between two looks at what the kernel sends no events of" },
        {},
};

static int describe_table(const OptionSpec *specs, const char *use, Record *description) {
        int r;

        for (const OptionSpec *spec = specs; spec->name; spec++) {
                Record *item;

                r = record_new(&item);
                if (r < 0)
                        return r;
                record_set_string(item, "name", spec->name);
                record_set_string(item, "type", option_type_name(spec->type));
                record_set_strings(item, "uses", &use, 1);
                if (spec->fallback)
                        record_set_string(item, "default", spec->fallback);
                record_set_string(item, "help", spec->help);
                record_append_record(description, "options", item);
        }
        return record_error(description);
}

int common_options_describe(Record *description) {
        int r;

        r = describe_table(common_create_options, "create", description);
        if (r < 0)
                return r;
        return describe_table(common_end_options, "open-end", description);
}
