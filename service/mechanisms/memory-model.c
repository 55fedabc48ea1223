/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "memory-model.h"

/* The two sides, in peers. Nothing here takes for granted that both run at once: who waits for the other gives the
 * processor away, and what has to happen in the middle of something is waited for there. Words that both sides use are
 * atomic also where no order is asked for (memory_order_relaxed): to the processor that is a plain load or store, and
 * the compiler may not make more of it (C11, 5.1.2.4). */
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>

#include "checks.h"
#include "futex.h"
#include "spin.h"

#define RELAXED memory_order_relaxed

enum {
        SPINS = 300,           /* before the processor is given away */
        RECORDS_BETWEEN = 512, /* stops in the middle of one */
        STOPS_MIN = 4,
        ADDITIONS_BETWEEN = 8192, /* that give the processor away in the middle */
        WRITES_BETWEEN = 1024,    /* looks at the clock */
};

/* --- Waiting for the other side --- */

typedef struct Patience {
        uint64_t end;
        unsigned n;
} Patience;

/* False when it took too long. */
static bool patience_more(Patience *patience) {
        if (++patience->n < SPINS) {
                spin_pause();
                return true;
        }
        if (patience->end == 0)
                patience->end = monotonic_end(CHECK_PATIENCE_USEC);
        sched_yield();
        return patience->n % 64 != 0 || monotonic_now() < patience->end;
}

static int await_at_least(const _Atomic uint64_t *word, uint64_t value) {
        Patience patience = {};

        while (atomic_load_explicit(word, memory_order_acquire) < value)
                if (!patience_more(&patience))
                        return -ETIMEDOUT;
        return 0;
}

/* Both are here. */
static int meet(ModelArea *area, unsigned side, uint64_t number) {
        atomic_store_explicit(&area->sides[side].arrived, number, memory_order_release);
        return await_at_least(&area->sides[!side].arrived, number);
}

/* --- Counting --- */

static void futex_lock(_Atomic uint32_t *word) {
        uint32_t seen = 0;

        if (atomic_compare_exchange_strong_explicit(word, &seen, 1, memory_order_acquire, RELAXED))
                return;
        while (atomic_exchange_explicit(word, 2, memory_order_acquire) != 0)
                (void)futex_wait(word, 2, USEC_INFINITY);
}

static void futex_unlock(_Atomic uint32_t *word) {
        if (atomic_exchange_explicit(word, 0, memory_order_release) == 2)
                (void)futex_wake(word, 1);
}

/* The three steps that `counter++` is. Now and then the processor is given away in the middle: where there is only
 * one, the other would hardly ever come between. */
static void add_plain(ModelArea *area, int64_t i) {
        uint64_t loaded = atomic_load_explicit(&area->counter, RELAXED);

        if (i % ADDITIONS_BETWEEN == 0)
                sched_yield();
        atomic_store_explicit(&area->counter, loaded + 1, RELAXED);
}

/* Side 0 has loaded, side 1 adds, side 0 stores. */
static int64_t count_held(ModelArea *area, unsigned side, int64_t times) {
        for (int64_t i = 1; i <= times; i++) {
                uint64_t loaded, round = 2 * (uint64_t)i;
                int r;

                if (side == 0) {
                        loaded = atomic_load_explicit(&area->counter, RELAXED);
                        r = meet(area, side, round - 1);
                        if (r >= 0)
                                r = meet(area, side, round);
                        atomic_store_explicit(&area->counter, loaded + 1, RELAXED);
                } else {
                        r = meet(area, side, round - 1);
                        for (unsigned k = 0; r >= 0 && k < MODEL_HELD; k++)
                                add_plain(area, 1 + k);
                        if (r >= 0)
                                r = meet(area, side, round);
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

static int64_t count(ModelArea *area, ModelPart part, unsigned side, int64_t times) {
        int r = meet(area, side, 1);

        for (int64_t i = 0; r >= 0 && i < times; i++)
                switch (part) {
                case MODEL_COUNT_PLAIN:
                        add_plain(area, i);
                        break;
                case MODEL_COUNT_ATOMIC:
                        atomic_fetch_add_explicit(&area->counter, 1, RELAXED);
                        break;
                case MODEL_COUNT_SEMAPHORE:
                        while (sem_wait(&area->semaphore) < 0)
                                if (errno != EINTR)
                                        return -errno;
                        add_plain(area, i);
                        if (sem_post(&area->semaphore) < 0)
                                return -errno;
                        break;
                case MODEL_COUNT_FUTEX:
                        futex_lock(&area->futex);
                        add_plain(area, i);
                        futex_unlock(&area->futex);
                        break;
                case MODEL_COUNT_MUTEX:
                        r = -pthread_mutex_lock(&area->mutex);
                        if (r < 0)
                                return r;
                        add_plain(area, i);
                        r = -pthread_mutex_unlock(&area->mutex);
                        break;
                default:
                        return -EINVAL;
                }
        return r;
}

/* --- One writes, one looks --- */

typedef struct __attribute__((packed)) LooseWord {
        volatile uint64_t value;
} LooseWord;

static LooseWord *crossing(ModelArea *area) {
        return (LooseWord *)(area->lines + MODEL_LINE - sizeof(uint64_t) / 2);
}

/* The same number in both halves. */
static uint64_t twice(uint64_t i) {
        return (i & UINT32_MAX) << 32 | (i & UINT32_MAX);
}

/* In the middle of a record, until the other side has begun and ended a look. */
static int stop_in_the_middle(ModelArea *area) {
        return await_at_least(&area->progress, atomic_load_explicit(&area->progress, RELAXED) + 2);
}

static int write_record(ModelArea *area, uint64_t i, bool seqlock, bool stop) {
        int r = 0;

        if (seqlock) {
                atomic_store_explicit(&area->sequence, 2 * i - 1, RELAXED);
                atomic_thread_fence(memory_order_release);
        }
        for (unsigned w = 0; w < MODEL_WORDS && r >= 0; w++) {
                if (stop && w == MODEL_WORDS / 2)
                        r = stop_in_the_middle(area);
                atomic_store_explicit(&area->record[w], i, RELAXED);
        }
        if (seqlock)
                atomic_store_explicit(&area->sequence, 2 * i, memory_order_release);
        return r;
}

static int write_one(ModelArea *area, ModelPart part, uint64_t i) {
        switch (part) {
        case MODEL_MESSAGE:
        case MODEL_MESSAGE_RELAXED:
                for (unsigned w = 0; w < MODEL_WORDS; w++)
                        atomic_store_explicit(&area->record[w], i, RELAXED);
                atomic_store_explicit(&area->x, i, part == MODEL_MESSAGE ? memory_order_release : RELAXED);
                return 0;
        case MODEL_WORD:
                atomic_store_explicit(&area->x, twice(i), RELAXED);
                return 0;
        case MODEL_WORD_CROSSING:
                crossing(area)->value = twice(i);
                return 0;
        case MODEL_RECORD:
        case MODEL_RECORD_SEQLOCK:
                return write_record(area, i, part == MODEL_RECORD_SEQLOCK, i % RECORDS_BETWEEN == 0);
        default:
                return -EINVAL;
        }
}

static int64_t write_all(ModelArea *area, ModelPart part, uint64_t usec, PeerReply *reply) {
        int r = meet(area, 0, 1);
        uint64_t end = monotonic_end(usec), i;

        for (i = 1; r >= 0; i++) {
                r = write_one(area, part, i);
                if (i % WRITES_BETWEEN != 0)
                        continue;
                /* On one processor the other looks now or never. */
                sched_yield();
                if (i >= STOPS_MIN * RECORDS_BETWEEN && monotonic_now() >= end)
                        break;
        }
        atomic_store_explicit(&area->stop, 1, memory_order_release);
        reply->x = (int64_t)i;
        return r;
}

static bool same_words(const uint64_t words[MODEL_WORDS]) {
        for (unsigned w = 1; w < MODEL_WORDS; w++)
                if (words[w] != words[0])
                        return false;
        return true;
}

static void load_record(ModelArea *area, uint64_t ret_words[MODEL_WORDS]) {
        for (unsigned w = 0; w < MODEL_WORDS; w++)
                ret_words[w] = atomic_load_explicit(&area->record[w], RELAXED);
}

/* One look. Sets what it found to tell it from the last; 1 for what must not be, 0, -EAGAIN: try again. */
static int look(ModelArea *area, ModelPart part, uint64_t *ret_found) {
        uint64_t words[MODEL_WORDS], sequence = 0;

        switch (part) {
        case MODEL_MESSAGE:
        case MODEL_MESSAGE_RELAXED:
                *ret_found = atomic_load_explicit(&area->x, part == MODEL_MESSAGE ? memory_order_acquire : RELAXED);
                load_record(area, words);
                for (unsigned w = 0; w < MODEL_WORDS; w++)
                        if (words[w] < *ret_found)
                                return 1;
                return 0;
        case MODEL_WORD:
        case MODEL_WORD_CROSSING:
                *ret_found = part == MODEL_WORD ? atomic_load_explicit(&area->x, RELAXED) : crossing(area)->value;
                return *ret_found >> 32 != (*ret_found & UINT32_MAX);
        default:
                if (part == MODEL_RECORD_SEQLOCK) {
                        sequence = atomic_load_explicit(&area->sequence, memory_order_acquire);
                        if (sequence % 2 != 0)
                                return -EAGAIN;
                }
                load_record(area, words);
                if (part == MODEL_RECORD_SEQLOCK) {
                        atomic_thread_fence(memory_order_acquire);
                        if (atomic_load_explicit(&area->sequence, RELAXED) != sequence)
                                return -EAGAIN;
                }
                *ret_found = words[0];
                return !same_words(words);
        }
}

static int64_t look_all(ModelArea *area, ModelPart part, PeerReply *reply) {
        uint64_t found = 0, last = 0, looks = 0;
        int r = meet(area, 1, 1);
        bool stop;

        if (r < 0)
                return r;
        do {
                stop = atomic_load_explicit(&area->stop, memory_order_acquire);
                r = look(area, part, &found);
                looks++;
                atomic_store_explicit(&area->progress, looks, memory_order_release);
                if (r >= 0) {
                        reply->x++;
                        reply->y += r;
                        reply->z += found != last;
                }
                if (looks % SPINS == 0 && (r < 0 || found == last))
                        sched_yield();
                last = found;
        } while (!stop);
        snprintf(reply->text, sizeof reply->text, "%llu", (unsigned long long)looks - (unsigned long long)reply->x);
        return 0;
}

/* --- Both store and look --- */

/* A few cycles more or less, so that the two meet in all ways. */
static void jitter(uint32_t *state) {
        *state = *state * 1664525 + 1013904223;
        for (uint32_t i = *state >> 25; i > 0; i--)
                __asm__ volatile("" ::: "memory");
}

static int64_t store_buffer(ModelArea *area, bool fenced, unsigned side, int64_t usec, PeerReply *reply) {
        _Atomic uint64_t *mine = side == 0 ? &area->x : &area->y, *others = side == 0 ? &area->y : &area->x;
        uint64_t end = monotonic_end((uint64_t)usec), missed = 0, stop;
        uint32_t state = side;

        for (uint64_t i = 1;; i++) {
                int r;

                if (side == 0 && i % 64 == 0 && monotonic_now() >= end)
                        atomic_store_explicit(&area->stop, i, RELAXED);
                r = meet(area, side, i);
                if (r < 0)
                        return r;
                /* Of the last round: both have ended it. */
                if (side == 0 && missed && atomic_load_explicit(&area->missed[(i - 1) % 2], RELAXED))
                        reply->y++;
                /* Not before that round: the other side may be slow, and see it while in the last one. */
                stop = atomic_load_explicit(&area->stop, RELAXED);
                if (stop != 0 && i >= stop)
                        break;
                jitter(&state);
                atomic_store_explicit(mine, i, RELAXED);
                if (fenced)
                        atomic_thread_fence(memory_order_seq_cst);
                missed = atomic_load_explicit(others, RELAXED) < i;
                if (side == 1)
                        atomic_store_explicit(&area->missed[i % 2], missed, RELAXED);
                reply->x++;
                reply->z += (int64_t)missed;
        }
        return 0;
}

int64_t memory_model_call(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        ModelArea *area = (ModelArea *)(uintptr_t)memory_mapped();
        ModelPart part = (ModelPart)call->a;
        unsigned side = call->b != 0;

        switch (part) {
        case MODEL_COUNT_HELD:
                return count_held(area, side, call->c);
        case MODEL_COUNT_PLAIN:
        case MODEL_COUNT_ATOMIC:
        case MODEL_COUNT_SEMAPHORE:
        case MODEL_COUNT_FUTEX:
        case MODEL_COUNT_MUTEX:
                return count(area, part, side, call->c);
        case MODEL_STORE_BUFFER:
        case MODEL_STORE_BUFFER_FENCED:
                return store_buffer(area, part == MODEL_STORE_BUFFER_FENCED, side, call->c, reply);
        default:
                if (part < 0 || part >= MODEL_PART_MAX)
                        return -EINVAL;
                return side == 0 ? write_all(area, part, (uint64_t)call->c, reply) : look_all(area, part, reply);
        }
}
