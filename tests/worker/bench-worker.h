/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of the benchmark engine share: requests, and the worker itself. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "record.h"

/* Three trials, of `time` microseconds together. */
Record *bench_request_new(const char *token, uint64_t time);
/* As the service starts it: in a process group of its own. Takes the request. */
pid_t bench_worker_start(Record *request, int *ret_channel);
char *bench_token_new(void);
/* Of objects with names; a failure ends the test. */
void bench_assert_nothing_named(const char *token);
