/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes that speak D-Bus to us over a socket pair. */
#pragma once

#include <sys/types.h>

#include "cli.h"

/* Starts ipcbusd on a socket pair; the caller closes *ret_fd, and then it ends. */
ExitCode embedded_start(int *ret_fd, pid_t *ret_pid);
/* Starts ssh to the host, which joins our socket with the session bus of the user there. */
ExitCode remote_start(const char *host, int *ret_fd, pid_t *ret_pid);
