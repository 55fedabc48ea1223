/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What two processes see of each other's stores in the memory that they share: counting without and with
 * synchronisation, and the litmus tests of memory models. Two peers run the two sides of a part at the same time; the
 * judge only makes the memory ready and reads the result. The area stands once, at the beginning of the memory. */
#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>

#include "memory-calls.h"

enum {
        MODEL_LINE = 64, /* of a cache; on machines with larger ones the words only come closer */
        MODEL_WORDS = MODEL_LINE / 8,
        MODEL_HELD = 1000, /* additions of the other side in the middle of one */
};

typedef enum ModelPart {
        MODEL_COUNT_HELD,  /* side 0 is held up between its load and its store; z: the held additions */
        MODEL_COUNT_PLAIN, /* load, add, store */
        MODEL_COUNT_ATOMIC,
        MODEL_COUNT_SEMAPHORE,
        MODEL_COUNT_FUTEX,
        MODEL_COUNT_MUTEX,
        /* Side 0 writes, side 1 looks. x: how many looks, y: how many of them found what must not be, z: how many
         * found something new. */
        MODEL_MESSAGE,
        MODEL_MESSAGE_RELAXED,
        MODEL_WORD,
        MODEL_WORD_CROSSING, /* over two cache lines */
        MODEL_RECORD,
        MODEL_RECORD_SEQLOCK,
        /* Both sides store and then look at the other's. x of side 0: rounds, y: both missed it. */
        MODEL_STORE_BUFFER,
        MODEL_STORE_BUFFER_FENCED,
        MODEL_PART_MAX,
} ModelPart;

typedef struct ModelArea {
        struct {
                _Alignas(MODEL_LINE) _Atomic uint64_t arrived;
        } sides[2];
        _Alignas(MODEL_LINE) _Atomic uint64_t stop;
        _Alignas(MODEL_LINE) _Atomic uint64_t counter;
        _Alignas(MODEL_LINE) _Atomic uint64_t progress;
        _Alignas(MODEL_LINE) _Atomic uint64_t x;
        _Alignas(MODEL_LINE) _Atomic uint64_t y;
        _Alignas(MODEL_LINE) _Atomic uint64_t missed[2]; /* by side 1, in even and in odd rounds */
        _Alignas(MODEL_LINE) _Atomic uint64_t sequence;
        _Alignas(MODEL_LINE) _Atomic uint64_t record[MODEL_WORDS];
        _Alignas(MODEL_LINE) unsigned char lines[2 * MODEL_LINE];
        _Alignas(MODEL_LINE) sem_t semaphore;
        _Alignas(MODEL_LINE) pthread_mutex_t mutex;  /* process-shared and robust */
        _Alignas(MODEL_LINE) _Atomic uint32_t futex; /* 0 free, 1 locked, 2 locked and somebody may sleep */
} ModelArea;

/* All zero, nothing locked. Nobody may be using it. */
bool memory_model_ready(CheckRun *run, ModelArea *area);

/* In a peer, a call of memory_role(): "model" a=part b=side c=how often, or for how many microseconds where it looks
 * and not counts. 0, or -ETIMEDOUT when the other side did not come. */
int64_t memory_model_call(CheckPeer *peer, const PeerCall *call, PeerReply *reply);
