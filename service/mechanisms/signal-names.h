/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signals by name and number, and the sets in which the kernel prints them. */
#pragma once

#include <signal.h>
#include <stdint.h>

#include "error.h"
#include "record.h"

enum { SIGNAL_NAME_SIZE = 24 };

/* "SIGUSR1", "SIGRTMIN", "SIGRTMIN+3"; a number for which there is no name is "SIG32". Fills and returns the buffer.
 */
const char *signal_name(int number, char buffer[SIGNAL_NAME_SIZE]);
/* Takes "USR1", "sigusr1", "RTMIN+3", "SIGRTMAX-1" and numbers from 1 on. -EINVAL. */
int signal_from_name(const char *text, int *ret_number);

/* Signals that a process may wait for: InvalidOption for SIGKILL, SIGSTOP, those that the C library keeps for itself,
 * and what is no signal. */
int signal_set_from_names(const char *const *names, size_t n, sigset_t *ret_set, Error *error);

/* A set as /proc/PID/status prints it: bit n - 1 is signal n. */
uint64_t signal_mask_from_set(const sigset_t *set);
void record_set_signals(Record *record, const char *key, uint64_t mask);
/* "SIGUSR1, SIGUSR2" for people; cut at the end of the buffer. */
void signal_mask_print(uint64_t mask, char *buffer, size_t size);
