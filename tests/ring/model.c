/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef _FORTIFY_SOURCE /* its longjmp() takes a change of stack for a mistake */
#include "model.h"

/* Threads are coroutines that stop before each touch of shared memory. A run follows a path of choices from the start;
 * where the path ends it takes the first choice and goes on until a state that was seen, or the end; then the last
 * choice that has another is changed. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "model-memory.h"

enum { STACK_SIZE = 128 * 1024, PATH_MAX_STEPS = 6000, PATIENCE = 1000, LOCKS = 64, LOOKS_MAX = 32 };

typedef enum Status { ABSENT, READY, ASLEEP, PAUSED, FINISHED, DEAD } Status;

typedef struct Thread {
        ucontext_t context;
        jmp_buf jump;
        bool begun;
        Status status;
        struct {
                const void *word;
                unsigned long version; /* of the memory then */
        } looked_at[LOOKS_MAX];        /* since it last went on from a pause */
        unsigned looks;
        const void *sleeps_on;
        bool sleep_limited;
        unsigned sleep_order;
        int wake_result;
        uint64_t now;
        uint64_t history; /* of what it saw, since it was last said to follow from `base` */
        uint64_t base;
        char *stack;
} Thread;

typedef enum Action { ACT_RUN, ACT_DRAIN, ACT_KILL, ACT_TIMEOUT } Action;

typedef struct Choice {
        unsigned chosen, count;
        double below;    /* interleavings of the choices that are done */
        uint64_t key[2]; /* of the state; 0: a choice within a step */
} Choice;

static struct {
        const ModelCase *c;
        Thread threads[MODEL_THREADS_MAX];
        ucontext_t scheduler;
        jmp_buf scheduler_jump;
        unsigned self;
        bool active; /* else touches are done at once: while a case prepares, or judges */
        int dead;
        int lock_holder[LOCKS];
        Clock lock_clock[LOCKS];
        unsigned sleepers;
        Choice path[PATH_MAX_STEPS];
        unsigned length, at;
        bool explain;
        ModelResult *result;
} model;

static void switch_to_scheduler(void) {
        Thread *thread = &model.threads[model.self];

#ifdef __SANITIZE_ADDRESS__
        swapcontext(&thread->context, &model.scheduler);
#else
        if (_setjmp(thread->jump) == 0)
                _longjmp(model.scheduler_jump, 1);
#endif
}

static void thread_main(void) {
        model.c->run(model.self);
        model.threads[model.self].status = FINISHED;
        switch_to_scheduler();
        abort();
}

static void switch_to_thread(unsigned i) {
        Thread *thread = &model.threads[i];

        model.self = i;
#ifdef __SANITIZE_ADDRESS__
        thread->begun = true;
        swapcontext(&model.scheduler, &thread->context);
#else
        if (_setjmp(model.scheduler_jump) == 0) {
                if (thread->begun)
                        _longjmp(thread->jump, 1);
                thread->begun = true;
                setcontext(&thread->context);
        }
#endif
}

static void saw(uint64_t value) {
        Thread *thread = &model.threads[model.self];

        thread->history = hash_mix(thread->history, value);
}

static void say(const char *what, const void *word, uint64_t value) {
        if (model.explain && model.active)
                fprintf(stderr, "#   %u %-8s +%-5zd %#llx\n", model.self, what,
                        (const char *)word - (const char *)model.c->memory, (unsigned long long)value);
}

void model_fail(const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(model.result->wrong, sizeof(model.result->wrong), format, arguments);
        va_end(arguments);
        switch_to_scheduler();
        abort();
}

unsigned model_self(void) {
        return model.self;
}

int model_dead(void) {
        return model.dead;
}

void model_merge(uint64_t value) {
        Thread *thread = &model.threads[model.self];

        thread->history = thread->base = hash_mix(model.self, value);
}

/* Waiting is the same the first time and the tenth: what it saw before, while it waited for this, counts no more. */
static void waited(uint64_t result) {
        Thread *thread = &model.threads[model.self];

        if (thread->base != 0)
                thread->history = hash_mix(thread->base, result);
        else
                saw(result);
}

uint64_t model_now(void) {
        return model.threads[model.self].now;
}

static bool is_quiet(const void *word) {
        size_t offset = (size_t)((const char *)word - (const char *)model.c->memory);

        if (!model.active)
                return true;
        for (unsigned i = 0; i < 3; i++)
                if (offset >= model.c->quiet[i].from && offset < model.c->quiet[i].to)
                        return true;
        return false;
}

static void check_race(const char *what, const void *word, const char *race) {
        if (race)
                model_fail("thread %u: %s of +%zd: %s", model.self, what,
                        (const char *)word - (const char *)model.c->memory, race);
}

static void looks_at(const void *word) {
        Thread *thread = &model.threads[model.self];
        unsigned i = 0;

        while (i < thread->looks && thread->looked_at[i].word != word)
                i++;
        if (i == LOOKS_MAX)
                model_fail("a loop that looks at too much");
        thread->looked_at[i].word = word;
        thread->looked_at[i].version = memory_version();
        if (i == thread->looks)
                thread->looks++;
}

/* Has anything changed of what it looked at? */
static bool has_news(const Thread *thread) {
        for (unsigned i = 0; i < thread->looks; i++)
                if (memory_changed_at(thread->looked_at[i].word) > thread->looked_at[i].version)
                        return true;
        return false;
}

uint64_t model_load(const void *word, unsigned size, ModelOrder order) {
        uint64_t value;

        if (is_quiet(word))
                return memory_read(word, size);
        if (order != MODEL_PLAIN)
                switch_to_scheduler();
        value = memory_load(model.self, word, size);
        if (model.c->races)
                check_race("load", word, memory_note_load(model.self, word, order));
        if (model.c->spins)
                looks_at(word);
        saw(value);
        say(order == MODEL_PLAIN ? "reads" : "loads", word, value);
        return value;
}

void model_store(void *word, unsigned size, uint64_t value, ModelOrder order) {
        if (is_quiet(word)) {
                memory_write(word, size, value);
                return;
        }
        /* Nobody sees it go into the buffer; but somebody may die before. */
        if (order == MODEL_SEQ || (order != MODEL_PLAIN && model.dead < 0 && (model.c->victims >> model.self & 1)))
                switch_to_scheduler();
        if (model.c->races)
                check_race("store", word, memory_note_store(model.self, word, order));
        say(order == MODEL_PLAIN ? "writes" : order == MODEL_SEQ ? "stores!" : "stores", word, value);
        saw(order);
        memory_store(model.self, word, size, value, order);
}

uint64_t model_change(void *word, unsigned size, ModelChange change, uint64_t expected, uint64_t value) {
        uint64_t before, after;

        if (!is_quiet(word))
                switch_to_scheduler();
        memory_drain_all(model.self);
        before = memory_read(word, size);
        switch (change) {
        case MODEL_CAS:
                after = before == expected ? value : before;
                break;
        case MODEL_OR:
                after = before | value;
                break;
        case MODEL_AND:
                after = before & value;
                break;
        default:
                after = before + value;
        }
        if (is_quiet(word)) {
                memory_write(word, size, after);
                return before;
        }
        if (model.c->races)
                check_race("change", word, memory_note_store(model.self, word, MODEL_RELAXED));
        memory_change(model.self, word, size, after);
        saw(before);
        say(change == MODEL_CAS ? (before == expected ? "swaps" : "fails") : "changes", word, after);
        return before;
}

/* It goes on when something has changed of what it looked at since it last went on. */
void model_pause(void) {
        Thread *thread = &model.threads[model.self];

        if (!model.active)
                return;
        thread->status = PAUSED;
        waited(1);
        switch_to_scheduler();
        thread->looks = 0;
}

int model_futex_wait(const uint32_t *word, uint32_t value, bool limited) {
        Thread *thread = &model.threads[model.self];

        switch_to_scheduler();
        memory_drain_all(model.self);
        if ((uint32_t)memory_read(word, sizeof(*word)) != value) {
                waited(0);
                return -EAGAIN;
        }
        say("sleeps", word, value);
        thread->status = ASLEEP;
        thread->sleeps_on = word;
        thread->sleep_limited = limited;
        thread->sleep_order = ++model.sleepers;
        waited(2);
        switch_to_scheduler();
        waited(0);
        return thread->wake_result;
}

static unsigned choose(unsigned count, uint64_t key[2]);

/* Which of the sleepers is woken is not for us to say. */
int model_futex_wake(const uint32_t *word, int count) {
        int woken = 0;

        switch_to_scheduler();
        memory_drain_all(model.self);
        while (woken < count) {
                unsigned found[MODEL_THREADS_MAX], n = 0;

                for (unsigned i = 0; i < model.c->threads; i++)
                        if (model.threads[i].status == ASLEEP && model.threads[i].sleeps_on == word)
                                found[n++] = i;
                if (n == 0)
                        break;
                n = found[n > 1 && count < (int)n ? choose(n, (uint64_t[2]){ 0, 0 }) : 0];
                model.threads[n].status = READY;
                model.threads[n].wake_result = 0;
                woken++;
        }
        say("wakes", word, (uint64_t)woken);
        saw((uint64_t)woken);
        return woken;
}

int model_life_take(unsigned lock) {
        int holder;

        if (model.active)
                switch_to_scheduler();
        holder = model.lock_holder[lock];
        if (holder >= 0 && holder != (int)model.self &&
                !(model.threads[holder].status == DEAD && memory_drained((unsigned)holder))) {
                saw(EAGAIN);
                return -EAGAIN;
        }
        /* The kernel's work orders what the dead did before what comes now. */
        memory_join(model.self, &model.lock_clock[lock]);
        if (holder >= 0 && holder != (int)model.self)
                memory_join(model.self, memory_clock((unsigned)holder));
        model.lock_holder[lock] = (int)model.self;
        if (model.active)
                say("locks", (const char *)model.c->memory + lock, 0);
        saw(1);
        return 0;
}

void model_life_drop(unsigned lock) {
        switch_to_scheduler();
        memory_drain_all(model.self);
        model.lock_clock[lock] = *memory_clock(model.self);
        model.lock_holder[lock] = -1;
        memory_changed();
}

void model_hold(unsigned thread, unsigned lock) {
        model.lock_holder[lock] = (int)thread;
}

void model_wait_death(void) {
        model.threads[model.self].looks = 0;
        model.threads[model.self].status = PAUSED;
        switch_to_scheduler();
}

/* The next choice of the path, or a new one. */
static unsigned choose(unsigned count, uint64_t key[2]) {
        Choice *choice = &model.path[model.at];

        if (model.at == model.length) {
                if (model.length == PATH_MAX_STEPS) {
                        snprintf(model.result->wrong, sizeof(model.result->wrong), "it never ends");
                        return 0;
                }
                *choice = (Choice){ .count = count, .key = { key[0], key[1] } };
                model.length++;
        }
        model.at++;
        return choice->chosen;
}

static void state_key(uint64_t key[2]) {
        memory_key(model.c->threads, key);
        for (unsigned i = 0; i < model.c->threads; i++) {
                const Thread *thread = &model.threads[i];
                uint64_t h = hash_mix(thread->history, (uint64_t)thread->status << 32 | i);

                h = hash_mix(h, thread->now);
                h = hash_mix(h, (uint64_t)(uintptr_t)(thread->status == ASLEEP ? thread->sleeps_on : NULL));
                h = hash_mix(h, model.c->spins && has_news(thread));
                key[0] += h;
                key[1] += hash_mix(h, 77);
        }
        for (unsigned i = 0; i < LOCKS; i++)
                if (model.lock_holder[i] >= 0) {
                        key[0] += hash_mix(i, (uint64_t)model.lock_holder[i]);
                        key[1] += hash_mix(i, (uint64_t)model.lock_holder[i] + 99);
                }
}

typedef struct Step {
        Action action;
        unsigned thread, entry;
} Step;

static bool can_run(const Thread *thread) {
        return thread->status == READY ||
               (thread->status == PAUSED &&
                       (thread->looks > 0 ? has_news(thread)
                                          : model.dead >= 0 && memory_drained((unsigned)model.dead)));
}

static unsigned steps_list(Step *steps) {
        unsigned n = 0;

        for (unsigned i = 0; i < model.c->threads; i++)
                if (can_run(&model.threads[i]))
                        steps[n++] = (Step){ ACT_RUN, i, 0 };
        for (unsigned i = 0; i < model.c->threads; i++)
                for (unsigned k = 0; k < memory_pending(i); k++)
                        if (memory_may_drain(i, k))
                                steps[n++] = (Step){ ACT_DRAIN, i, k };
        for (unsigned i = 0; i < model.c->threads && model.dead < 0; i++) {
                Status status = model.threads[i].status;

                if ((model.c->victims >> i & 1) && (status == READY || status == ASLEEP || status == PAUSED))
                        steps[n++] = (Step){ ACT_KILL, i, 0 };
        }
        /* Nobody sleeps too long for the sake of a time-out; only a death is found by one. */
        for (unsigned i = 0; i < model.c->threads && model.dead >= 0; i++)
                if (n == 0 && ((model.threads[i].status == ASLEEP && model.threads[i].sleep_limited) ||
                                      (model.threads[i].status == PAUSED && model.threads[i].now == PATIENCE)))
                        steps[n++] = (Step){ ACT_TIMEOUT, i, 0 };
        return n;
}

static void step_do(const Step *step) {
        Thread *thread = &model.threads[step->thread];

        model.self = step->thread;
        switch (step->action) {
        case ACT_RUN:
                thread->status = READY;
                switch_to_thread(step->thread);
                break;
        case ACT_DRAIN:
                say("drains", (const char *)model.c->memory + step->entry, 0);
                memory_drain(step->thread, step->entry);
                break;
        case ACT_KILL:
                say("DIES", model.c->memory, 0);
                thread->status = DEAD;
                model.dead = (int)step->thread;
                for (unsigned i = 0; i < model.c->threads; i++)
                        if (model.c->after_death >> i & 1)
                                model.threads[i].status = READY;
                break;
        case ACT_TIMEOUT:
                say("times out", model.c->memory, 0);
                thread->now += PATIENCE;
                thread->status = READY;
                thread->wake_result = -ETIMEDOUT;
                break;
        }
}

static void run_prepare(void) {
        memory_reset(model.c->memory, model.c->memory_size, model.c->races);
        model.dead = -1;
        model.sleepers = 0;
        model.active = false;
        memset(model.lock_holder, -1, sizeof(model.lock_holder));
        memset(model.lock_clock, 0, sizeof(model.lock_clock));
        for (unsigned i = 0; i < model.c->threads; i++) {
                Thread *thread = &model.threads[i];

                if (!thread->stack)
                        thread->stack = malloc(STACK_SIZE);
                if (!thread->stack)
                        abort();
                thread->history = i;
                thread->base = 0;
                thread->now = PATIENCE;
                thread->begun = false;
                thread->looks = 0;
                thread->status = model.c->after_death >> i & 1 ? ABSENT : READY;
                getcontext(&thread->context);
                thread->context.uc_stack.ss_sp = thread->stack;
                thread->context.uc_stack.ss_size = STACK_SIZE;
                thread->context.uc_link = NULL;
                makecontext(&thread->context, thread_main, 0);
        }
        model.c->prepare();
        model.active = true;
}

static const char *run_end(void) {
        const char *wrong = NULL;

        for (unsigned i = 0; i < model.c->threads; i++)
                if (model.threads[i].status == ASLEEP || model.threads[i].status == PAUSED)
                        return "somebody waits for good";
        model.active = false;
        wrong = model.c->judge ? model.c->judge() : NULL;
        return wrong;
}

/* One run. How many interleavings the end of it stands for. */
static double run_once(void) {
        Step steps[MODEL_THREADS_MAX * 64];

        run_prepare();
        model.at = 0;
        for (;;) {
                bool known = model.at < model.length;
                uint64_t key[2] = { 0, 0 };
                unsigned n = steps_list(steps), chosen;
                double seen;

                if (model.result->wrong[0] != '\0')
                        return 0;
                if (n == 0) {
                        const char *wrong = run_end();

                        if (wrong)
                                snprintf(model.result->wrong, sizeof(model.result->wrong), "%s", wrong);
                        return 1;
                }
                if (!known) {
                        state_key(key);
                        seen = states_find(key);
                        if (seen > 0)
                                return seen;
                        model.result->states++;
                        model.result->deaths += model.dead >= 0;
                }
                chosen = choose(n, key);
                step_do(&steps[chosen]);
        }
}

void model_check(const ModelCase *c, bool explain, ModelResult *ret_result) {
        double below = 0;

        memset(ret_result, 0, sizeof(*ret_result));
        model.c = c;
        model.result = ret_result;
        model.length = 0;
        model.explain = false;
        states_reset();
        do {
                below = run_once();
                ret_result->runs++;
                if (ret_result->wrong[0] != '\0')
                        break;
                /* Back to the last choice that has another. */
                while (model.length > 0) {
                        Choice *last = &model.path[model.length - 1];

                        last->below += below;
                        if (++last->chosen < last->count)
                                break;
                        below = last->below;
                        if (last->key[0] != 0 || last->key[1] != 0)
                                states_add(last->key, below);
                        model.length--;
                }
        } while (model.length > 0);
        ret_result->interleavings = below;
        if (explain && ret_result->wrong[0] != '\0') {
                model.explain = true;
                ret_result->wrong[0] = '\0';
                run_once();
                model.explain = false;
        }
        for (unsigned i = 0; i < MODEL_THREADS_MAX; i++) {
                free(model.threads[i].stack);
                model.threads[i].stack = NULL;
        }
}
