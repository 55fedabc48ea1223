/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a program on behalf of who typed it, as env(1) and nohup(1) do. */
#pragma once

enum {
        COMMAND_FAILED = 125,      /* ipcctl itself could not do its part */
        COMMAND_NOT_STARTED = 126, /* it is there and cannot be executed */
        COMMAND_NOT_FOUND = 127,
        COMMAND_KILLED = 128, /* and the number of the signal */
};

/* Waits for its end. What Ctrl-C sends reaches the program alone; SIGTERM and SIGHUP are passed on to it. Gives what
 * to exit with. */
int command_run(char **argv);
