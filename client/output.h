/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What ipcctl writes: data on standard output, everything else on standard error. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

/* Before anything is opened: a closed descriptor 0, 1 or 2 must not become the connection to the bus. */
void output_start(void);
/* At the end: flushes. Gives `code` back, or EXIT_CODE_FAILED where what was printed could not all be written. */
ExitCode output_finish(ExitCode code);

bool output_is_terminal(void);
/* The reader of our standard output has gone, or there is none: nothing that we print arrives. */
bool output_is_lost(void);
/* Is standard output a pipe or a socket, whose reader may go while we wait? */
bool output_may_be_lost(void);
/* Writes at once. False: it could not be written (output_finish() says so). */
bool output_bytes(const void *data, size_t size);
/* Shows the bytes with their offsets, from `base`, in hexadecimal and as text. */
void output_hex(const void *data, size_t size, uint64_t base);
/* Text from elsewhere (commands, evidence) for one line: what would steer a terminal is written \xHH. The caller frees
 * it.
 */
char *text_harmless(const char *text);
void output_text(const char *text);

/* "green", "red", "yellow", "bold" and "" to end it: the sequences where colour is wanted, else "". */
const char *output_colour(const char *name);

/* Standard error: "ipcctl: ..." */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, for wrong usage: gives EXIT_CODE_USAGE. */
ExitCode say_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
