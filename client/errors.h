/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What went wrong, as a sentence on standard error and as the code to exit with. */
#pragma once

#include <gio/gio.h>

#include "error.h"

/* Says it, with `about` ("fifo:/tmp/x") in front where it is not NULL and the sentence does not hold it already. */
ExitCode fail_with(const GError *error, const char *about);
/* For what fails in the client itself: an option that does not parse. */
ExitCode fail_with_error(const Error *error);
/* The name under org.ipcbus1.Error of what the service answered; ERROR_INVALID for whatever else went wrong. */
ErrorCode gerror_code(const GError *error);
