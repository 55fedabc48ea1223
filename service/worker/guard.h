/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A process that stands over a job whose kernel objects carry a token, and tidies up where nobody else can: when the
 * service was killed in the middle of it. */
#pragma once

/* Forks. Returns 0 in the child, which does the job and dies with this process, or a negative errno where there is no
 * child. In this process it does not return: it ends as the child ended. If the other end of `channel` closes before
 * that, the service is gone: then it ends the child and all that the child left, sweeps what carries the token,
 * removes the directory, and exits. While the service lives, that is the service's work. A directory that is not of
 * this job, its name does not hold the token, is left alone. */
int guard_fork(int channel, const char *token, const char *directory);
