/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A child that executes another program, which does nothing: what a process keeps across execve(2) can then be seen
 * from outside. */
#pragma once

#include <sys/types.h>

/* Returns once it has executed; it ends with who started it. `before` (may be NULL) runs in the child first. -ECHILD
 * where there is no such program. */
int child_program_start(void (*before)(void), pid_t *ret);
/* Ends and reaps it. */
void child_program_end(pid_t pid);
