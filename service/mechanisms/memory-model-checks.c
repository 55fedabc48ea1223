/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "memory-model.h"

/* The judge's side of the memory model: the claims are the same whatever the memory is made of. Where something only
 * may happen (both miss the other's store, a record is seen half-written) it is made to happen where that can be done,
 * and else counted: none seen is evidence too, and is said. */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <string.h>

#include "checks.h"
#include "cleanup.h"
#include "memory-claims.h"

enum {
        EACH = 1000 * 1000, /* additions of each of two processes */
        EACH_PLAIN = 500 * 1000,
        HELD_TIMES = 4,
        LOOK_USEC = 40 * 1000,
        LOOK_SHORT_USEC = 15 * 1000,
};

typedef struct Pair {
        Memory memory;
        CheckProcess *peers[2];
        PeerReply replies[2];
} Pair;

#define PAIR_EMPTY \
        { .memory = MEMORY_EMPTY }

static void pair_done(Pair *pair) {
        memory_done(&pair->memory);
}

static bool pair_begin(CheckRun *run, const MemoryMaker *maker, Pair *pair) {
        cpu_set_t set;

        if (sched_getaffinity(0, sizeof set, &set) >= 0 && CPU_COUNT(&set) == 1)
                check_note(run, "one processor only: the two took turns, and what takes two at one moment cannot be "
                                "seen here");
        return memory_begin(run, maker, 1, &pair->memory, &pair->peers[0]) &&
               memory_add(run, &pair->memory, &pair->peers[1]);
}

bool memory_model_ready(CheckRun *run, ModelArea *area) {
        pthread_mutexattr_t attributes;
        int r;

        memset(area, 0, sizeof *area);
        if (!check_expect(run, "sem_init", sem_init(&area->semaphore, 1, 1) < 0 ? -errno : 0, 0))
                return false;
        r = pthread_mutexattr_init(&attributes);
        if (r == 0)
                r = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
        if (r == 0)
                r = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
        if (r == 0)
                r = pthread_mutex_init(&area->mutex, &attributes);
        pthread_mutexattr_destroy(&attributes);
        return check_expect(run, "a process-shared, robust mutex", -r, 0);
}

/* Both peers run their side at the same time. */
static bool pair_run(CheckRun *run, Pair *pair, ModelPart part, int64_t amount) {
        bool good = memory_model_ready(run, (ModelArea *)(uintptr_t)pair->memory.mapped);

        for (unsigned side = 0; side < 2 && good; side++)
                good = peer_begin(run, pair->peers[side], &(PeerCall){ "model", part, side, amount }) >= 0;
        for (unsigned side = 0; side < 2 && good; side++)
                good = check_expect(run, side == 0 ? "the first process" : "the second process",
                        peer_end(run, pair->peers[side], &pair->replies[side]), 0);
        return good;
}

static int64_t pair_count(const Pair *pair) {
        const ModelArea *area = (const ModelArea *)(uintptr_t)pair->memory.mapped;

        return (int64_t)atomic_load(&area->counter);
}

CheckResult memory_lost_update(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(pair_done) Pair pair = PAIR_EMPTY;
        int64_t total = 2 * (int64_t)EACH_PLAIN, free_count;

        if (!pair_begin(run, maker, &pair) || !pair_run(run, &pair, MODEL_COUNT_HELD, HELD_TIMES) ||
                !check_expect(run, "the counter, each time held up in the middle of an addition", pair_count(&pair),
                        HELD_TIMES))
                return CHECK_FAILED;
        check_note(run, "%d times held up between load and store for %d additions of the other: %d of %d are lost",
                HELD_TIMES, MODEL_HELD, HELD_TIMES * MODEL_HELD, HELD_TIMES * (MODEL_HELD + 1));
        if (!pair_run(run, &pair, MODEL_COUNT_PLAIN, EACH_PLAIN))
                return CHECK_FAILED;
        free_count = pair_count(&pair);
        if (free_count <= 0 || free_count > total)
                return check_fail(run, "%" PRId64 " additions counted %" PRId64, total, free_count);
        if (free_count == total)
                return check_ok(
                        run, "left to themselves none of %" PRId64 " was lost this time, which is luck", total);
        return check_ok(run, "left to themselves: %" PRId64 " of %" PRId64 " are lost", total - free_count, total);
}

static CheckResult counted(CheckRun *run, const MemoryMaker *maker, ModelPart part, const char *with) {
        CLEANUP(pair_done) Pair pair = PAIR_EMPTY;

        if (!pair_begin(run, maker, &pair) || !pair_run(run, &pair, part, EACH) ||
                !check_expect(run, "the counter", pair_count(&pair), 2 * (int64_t)EACH))
                return CHECK_FAILED;
        return check_ok(
                run, "two processes added %d each with %s: %" PRId64 ", none lost", EACH, with, pair_count(&pair));
}

CheckResult memory_atomic(CheckRun *run, const MemoryMaker *maker) {
        return counted(run, maker, MODEL_COUNT_ATOMIC, "atomic_fetch_add");
}

CheckResult memory_semaphore(CheckRun *run, const MemoryMaker *maker) {
        return counted(run, maker, MODEL_COUNT_SEMAPHORE, "sem_wait and sem_post around it");
}

CheckResult memory_futex_lock(CheckRun *run, const MemoryMaker *maker) {
        return counted(run, maker, MODEL_COUNT_FUTEX, "a lock of one word and futex(2)");
}

CheckResult memory_mutex(CheckRun *run, const MemoryMaker *maker) {
        return counted(run, maker, MODEL_COUNT_MUTEX, "a process-shared, robust mutex");
}

/* What side 1 saw of side 0's: it has to have seen something. */
static bool looked(CheckRun *run, Pair *pair, ModelPart part, int64_t usec) {
        return pair_run(run, pair, part, usec) && check_expect(run, "looks", pair->replies[1].x > 0, true) &&
               check_expect(run, "looks that found something new", pair->replies[1].z > 0, true);
}

CheckResult memory_message_passing(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(pair_done) Pair pair = PAIR_EMPTY;
        PeerReply *saw = &pair.replies[1];
        int64_t relaxed;

        if (!pair_begin(run, maker, &pair) || !looked(run, &pair, MODEL_MESSAGE_RELAXED, LOOK_SHORT_USEC))
                return CHECK_FAILED;
        relaxed = saw->y;
        if (!looked(run, &pair, MODEL_MESSAGE, LOOK_USEC) ||
                !check_expect(run, "looks that found the flag and not the data", saw->y, 0))
                return CHECK_FAILED;
        return check_ok(run,
                "release and acquire: of %" PRId64 " looks at %" PRId64 " new flags none found one without its data; "
                "without them: %" PRId64 "%s",
                saw->x, saw->z, relaxed, relaxed == 0 ? ", as this processor happens to keep stores in order" : "");
}

CheckResult memory_store_buffering(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(pair_done) Pair pair = PAIR_EMPTY;
        int64_t rounds, both;

        if (!pair_begin(run, maker, &pair) || !pair_run(run, &pair, MODEL_STORE_BUFFER, LOOK_USEC))
                return CHECK_FAILED;
        rounds = pair.replies[0].x;
        both = pair.replies[0].y;
        if (!pair_run(run, &pair, MODEL_STORE_BUFFER_FENCED, LOOK_USEC) ||
                !check_expect(run, "rounds with fences", pair.replies[0].x > 0, true) ||
                !check_expect(run, "rounds where both missed it", pair.replies[0].y, 0))
                return CHECK_FAILED;
        return check_ok(run,
                "each stores, then looks at the other's: both missed it in %" PRId64 " of %" PRId64 " rounds%s; with "
                "a full fence between in 0 of %" PRId64,
                both, rounds, both == 0 ? " (allowed, not seen this time)" : "", pair.replies[0].x);
}

CheckResult memory_whole_words(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(pair_done) Pair pair = PAIR_EMPTY;
        PeerReply *saw = &pair.replies[1];
        int64_t torn, looks;

        if (!pair_begin(run, maker, &pair) || !looked(run, &pair, MODEL_WORD_CROSSING, LOOK_SHORT_USEC))
                return CHECK_FAILED;
        torn = saw->y;
        looks = saw->x;
        if (!looked(run, &pair, MODEL_WORD, LOOK_USEC) || !check_expect(run, "torn words", saw->y, 0))
                return CHECK_FAILED;
        return check_ok(run,
                "aligned words of 64 bits: %" PRId64 " looks, %" PRId64 " new, none torn; over the edge of two cache "
                "lines: %" PRId64 " of %" PRId64 " torn",
                saw->x, saw->z, torn, looks);
}

CheckResult memory_torn_records(CheckRun *run, const MemoryMaker *maker) {
        CLEANUP(pair_done) Pair pair = PAIR_EMPTY;
        PeerReply *saw = &pair.replies[1];
        int64_t torn, looks;

        if (!pair_begin(run, maker, &pair) || !looked(run, &pair, MODEL_RECORD, LOOK_SHORT_USEC))
                return CHECK_FAILED;
        torn = saw->y;
        looks = saw->x;
        /* The writer waited in the middle until it was looked at. */
        if (torn <= 0)
                return check_fail(run, "%" PRId64 " looks, some in the middle of a write: none torn", looks);
        if (!looked(run, &pair, MODEL_RECORD_SEQLOCK, LOOK_USEC) || !check_expect(run, "torn records", saw->y, 0))
                return CHECK_FAILED;
        return check_ok(run,
                "records of %d bytes: %" PRId64 " of %" PRId64 " looks torn; with a sequence lock none of %" PRId64
                ", %s looks tried again",
                MODEL_LINE, torn, looks, saw->x, saw->text);
}
