/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said when an operation could not be done in time: the same whether the service tried it or a worker. */
#pragma once

#include <stdint.h>

#include "mechanism.h"

/* TimedOut, worded for the operation; what the last attempt said in the Error goes in as the cause. */
int operation_words_timed_out(Operation operation, const char *address, uint64_t timeout, Error *error);
