/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs the built ipcctl on the private bus of a test. */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

#include "fixture.h"

typedef struct CliResult {
        int status; /* exit code; 128 + signal where it was killed */
        GBytes *bytes;
        const char *output; /* the same, and a NUL behind */
        char *errors;
} CliResult;

void cli_result_free(CliResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CliResult, cli_result_free)

/* ipcctl or another program, with the environment of the bus. Pipes for what is asked for in `flags`. */
GSubprocess *cli_start(Fixture *fixture, GSubprocessFlags flags, const char *program, ...) G_GNUC_NULL_TERMINATED;
GSubprocess *cli_start_argv(Fixture *fixture, GSubprocessFlags flags, const char *const *argv);
/* Waits for its end. `input` may be NULL. */
CliResult *cli_end(GSubprocess *process, GBytes *input);

CliResult *cli_run(Fixture *fixture, GBytes *input, const char *first, ...) G_GNUC_NULL_TERMINATED;
/* A command for the shell, in which "ipcctl" is ours. */
CliResult *cli_shell(Fixture *fixture, const char *command);

/* Succeeds and says nothing on standard error; the output is `output` where that is not NULL. */
void cli_ok(Fixture *fixture, const char *output, const char *first, ...) G_GNUC_NULL_TERMINATED;
/* Ends with this code and one sentence on standard error that has `needle` in it. */
void cli_fails(Fixture *fixture, int status, const char *needle, const char *first, ...) G_GNUC_NULL_TERMINATED;
/* Succeeds with valid JSON. */
JsonNode *cli_json(Fixture *fixture, const char *first, ...) G_GNUC_NULL_TERMINATED;
JsonNode *json_parse(const char *text);

/* A queue that takes little of what RLIMIT_MSGQUEUE allows to all tests that run at once. */
char *cli_queue(Fixture *fixture);
/* An address made through ipcctl: "fifo", "path=/x"… */
char *cli_create(Fixture *fixture, const char *kind, const char *option, ...) G_GNUC_NULL_TERMINATED;
