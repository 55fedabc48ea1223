/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options that are the same for all kinds, and those of calls that are about no kind. */
#pragma once

#include "option.h"
#include "record.h"

extern const OptionSpec common_create_options[];
extern const OptionSpec common_send_options[];
extern const OptionSpec common_receive_options[];
extern const OptionSpec common_wait_options[];
extern const OptionSpec common_post_options[];
extern const OptionSpec common_end_options[];
extern const OptionSpec list_filter_options[];
extern const OptionSpec explain_options[];
extern const OptionSpec test_options[];
extern const OptionSpec benchmark_options[];
extern const OptionSpec subscribe_options[];

/* Adds to what a kind says of its own options those that the service adds. */
int common_options_describe(Record *description);
