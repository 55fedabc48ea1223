/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A model checker for what runs in shared memory: it runs the real code of several threads as coroutines, and explores
 * every order in which their touches of shared memory can happen, with every delay of stores that a weakly ordered
 * machine could have, and the death of a thread at every one of these points.
 *
 * Stores wait in a buffer of their thread. Any of them may come out at any time, except that one to the same place
 * stays behind the one before it, and a release stays behind all before it. A sequentially consistent store, and every
 * read-modify-write, empties the buffer. Loads that come too early are not played, but what they would break is: plain
 * accesses of two threads, one of them a store, that no release and acquire put in an order are reported (vector
 * clocks).
 *
 * Two ways that lead to the same memory, the same clocks, and to threads that have seen the same values, go on alike,
 * so only one is followed: a state is visited once, and the count of the interleavings that it stands for is kept. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODEL_THREADS_MAX = 4 };

typedef enum ModelOrder { MODEL_PLAIN, MODEL_RELAXED, MODEL_ACQUIRE, MODEL_RELEASE, MODEL_SEQ } ModelOrder;
typedef enum ModelChange { MODEL_CAS, MODEL_OR, MODEL_AND, MODEL_ADD } ModelChange;

typedef struct ModelCase {
        const char *name;
        unsigned threads;
        unsigned victims;             /* a bit for each thread that may be killed; one is, at most */
        unsigned after_death;         /* a bit for each thread that starts when one was killed, and else never */
        void (*prepare)(void);        /* the memory, before each run */
        void (*run)(unsigned thread); /* what each thread does */
        const char *(*judge)(void);   /* at the end of each run: what is wrong, or NULL */
        void *memory;                 /* what is shared */
        size_t memory_size;
        bool races; /* look for races of plain accesses */
        bool spins; /* some thread may spin: model_pause() */
        struct {
                size_t from, to;
        } quiet[3]; /* parts of it that only inform: touched without a point */
} ModelCase;

typedef struct ModelResult {
        uint64_t states;
        uint64_t runs;
        double interleavings;
        uint64_t deaths; /* states in which one was killed */
        char wrong[256]; /* "" if nothing is */
} ModelResult;

/* Explores all of it. Also prints how it went wrong to stderr, step by step, if `explain`. */
void model_check(const ModelCase *c, bool explain, ModelResult *ret_result);

uint64_t model_load(const void *word, unsigned size, ModelOrder order);
void model_store(void *word, unsigned size, uint64_t value, ModelOrder order);
uint64_t model_change(void *word, unsigned size, ModelChange change, uint64_t expected, uint64_t value);
void model_pause(void);
uint64_t model_now(void);
int model_futex_wait(const uint32_t *word, uint32_t value, bool limited);
int model_futex_wake(const uint32_t *word, int count);

/* A lock that its holder's death sets free, once all its stores are out. */
int model_life_take(unsigned lock);
void model_life_drop(unsigned lock);
/* While a case prepares: that thread has it. */
void model_hold(unsigned thread, unsigned lock);
/* Until somebody was killed and all its stores are out. */
void model_wait_death(void);

/* For cases: which thread runs, which died (-1: none), and what a thread finds wrong; does not come back. */
unsigned model_self(void);
int model_dead(void);
void model_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* All that this thread will do from here on follows from `value` and the shared memory, whatever it saw before. Makes
 * states alike that would else differ for good by how often somebody slept. */
void model_merge(uint64_t value);
