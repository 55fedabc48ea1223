/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Figures beside each other, as text. */
#include "figures.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "statistics.h"

#define ROW   "%-34s %12s %12s %7s %-15s %s\n"
#define DIGIT 24

uint64_t now_nanoseconds(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

double median_in_place(double *values, size_t n) {
        return median_of(values, n);
}

int pin_to(unsigned nth) {
        cpu_set_t allowed, one;
        unsigned seen = 0;

        if (sched_getaffinity(0, sizeof allowed, &allowed) < 0)
                return -1;
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
                if (!CPU_ISSET(cpu, &allowed) || seen++ != nth)
                        continue;
                CPU_ZERO(&one);
                CPU_SET(cpu, &one);
                return sched_setaffinity(0, sizeof one, &one) < 0 ? -1 : cpu;
        }
        return -1;
}

void figures_add(Figures *figures, double value, double bare) {
        if (figures->n == figures->room) {
                figures->room = figures->room * 2 + 16;
                figures->values = realloc(figures->values, figures->room * sizeof *figures->values);
                figures->bare = realloc(figures->bare, figures->room * sizeof *figures->bare);
                if (figures->values == NULL || figures->bare == NULL)
                        abort();
        }
        figures->values[figures->n] = value;
        figures->bare[figures->n++] = bare;
}

void figures_done(Figures *figures) {
        free(figures->values);
        free(figures->bare);
        *figures = (Figures){ 0 };
}

static const char *number(double value, const char *unit, char text[DIGIT]) {
        int decimals = value >= 1000 ? 0 : value >= 100 ? 1 : 2;

        snprintf(text, DIGIT, "%.*f %s", decimals, value, unit);
        return text;
}

void figures_title(const char *title, const char *bare) {
        printf("\n%s\n", title);
        printf(ROW, "FIGURE", "HERE", bare, "RATIO", "INTERVAL", "AIM");
}

static double *copy_of(const double *values, size_t n) {
        double *copy = malloc(n * sizeof *copy + 1);

        if (copy == NULL)
                abort();
        memcpy(copy, values, n * sizeof *copy);
        return copy;
}

void figures_print(const char *name, const char *unit, const Figures *figures, const char *aim) {
        char value[DIGIT], bare[DIGIT], ratio[DIGIT], range[2 * DIGIT];
        double *values = copy_of(figures->values, figures->n), *bares = copy_of(figures->bare, figures->n);
        double *ratios = copy_of(figures->values, figures->n);
        Interval interval;

        if (figures->n == 0) {
                figure_print(name, unit, 0, "could not be measured");
        } else {
                for (size_t i = 0; i < figures->n; i++)
                        ratios[i] /= figures->bare[i];
                interval = median_interval(ratios, figures->n, 0.95);
                snprintf(ratio, sizeof ratio, "%.2f", median_of(ratios, figures->n));
                snprintf(range, sizeof range, "%.2f to %.2f", interval.low, interval.high);
                printf(ROW, name, number(median_of(values, figures->n), unit, value),
                        number(median_of(bares, figures->n), unit, bare), ratio, range, aim != NULL ? aim : "");
        }
        free(values);
        free(bares);
        free(ratios);
}

void figure_print(const char *name, const char *unit, double value, const char *aim) {
        char text[DIGIT];

        printf(ROW, name, number(value, unit, text), "", "", "", aim != NULL ? aim : "");
}

void figure_print_beside(const char *name, const char *unit, double value, double bare, const char *aim) {
        char text[2][DIGIT];

        printf(ROW, name, number(value, unit, text[0]), number(bare, unit, text[1]), "", "", aim != NULL ? aim : "");
}

/* The number behind `key` in a file of /proc; negative where there is none. */
double proc_number(pid_t pid, const char *file, const char *key) {
        char path[64], line[256];
        double value = -1;
        FILE *f;

        snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
        f = fopen(path, "re");
        if (f == NULL)
                return -1;
        while (value < 0 && fgets(line, sizeof line, f) != NULL)
                if (strncmp(line, key, strlen(key)) == 0)
                        value = strtod(line + strlen(key), NULL);
        fclose(f);
        return value;
}

double memory_of(pid_t pid) {
        return proc_number(pid, "smaps_rollup", "Pss:") / 1024;
}
