/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Real processes that hold real things for a test: a child does something, says what it found, and stays until it is
 * told to go. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

enum { CHILD_ANSWERS = 8 };

typedef struct Child {
        pid_t pid;
        int stay; /* what is written here ends it; so does the end of the test */
        unsigned long long answers[CHILD_ANSWERS];
} Child;

/* Runs `work` in a child and waits until it is through; a negative return of it fails the test. */
void child_start(Child *child, int (*work)(unsigned long long answers[CHILD_ANSWERS], void *userdata), void *userdata);
void child_end(Child *child);
/* Runs `work` in a child that ends with it, and gives what it returned (0 to 255). */
int child_run(int (*work)(void *userdata), void *userdata);
/* A directory of the test's own, and its removal with all that is in it. */
char *directory_new(void);
void directory_remove(char *directory);
size_t open_descriptors(void);
