/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the benchmarks print: a figure, the same of something bare, their ratio with its interval, and the aim. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Pairs of figures, each pair taken one after the other: only such have a ratio on a machine whose speed changes. */
typedef struct Figures {
        double *values, *bare;
        size_t n, room;
} Figures;

void figures_add(Figures *figures, double value, double bare);
void figures_done(Figures *figures);

/* Column titles. */
void figures_title(const char *title, const char *bare);
/* Medians of both and of the ratio. `aim` is text: "<= 1.05"; NULL: none. */
void figures_print(const char *name, const char *unit, const Figures *figures, const char *aim);
/* One value without a ratio. */
void figure_print(const char *name, const char *unit, double value, const char *aim);
/* A value and a bare one of which only the difference means something. */
void figure_print_beside(const char *name, const char *unit, double value, double bare, const char *aim);

uint64_t now_nanoseconds(void);
double median_in_place(double *values, size_t n);
/* Runs on one CPU, the first that it may use, from now on, with all that it starts. -1 where it cannot. */
int pin_to(unsigned nth);
/* The number behind a word in a file of /proc/PID; 0 where there is none. */
double proc_number(pid_t pid, const char *file, const char *field);
/* Proportional memory in MiB. */
double memory_of(pid_t pid);
