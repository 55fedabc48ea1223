/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starting, bounding and ending processes. The parent owns them through pidfds; each side dies with the parent
 * (PR_SET_PDEATHSIG) and stays in its process group, so that whoever ends the group ends them too. */
#include "pair.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "topology.h"
#include "units.h"

/* How long the other side may go on when one has failed: enough to say why, if it has something to say. */
#define GRACE_NSEC (100 * UINT64_C(1000000))

typedef struct Child {
        pid_t pid;
        int pidfd;
        bool ended;
        bool killed; /* by us */
        int status;
} Child;

uint64_t now_nsec(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

void futex_wait(_Atomic uint32_t *word, uint32_t expected) {
        syscall(SYS_futex, word, FUTEX_WAIT, expected, NULL, NULL, 0);
}

void futex_wake(_Atomic uint32_t *word, int n) {
        syscall(SYS_futex, word, FUTEX_WAKE, n, NULL, NULL, 0);
}

int pair_memory_new(size_t size, void **ret) {
        void *memory;

        memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (memory == MAP_FAILED)
                return -errno;
        *ret = memory;
        return 0;
}

void *pair_memory_free(void *memory, size_t size) {
        if (memory != NULL)
                munmap(memory, size);
        return NULL;
}

void pair_meet(PairShared *shared) {
        uint32_t seen = atomic_fetch_add(&shared->barrier, 1) + 1;
        uint32_t n = shared->n_sides, target = (seen + n - 1) / n * n;

        if (seen == target)
                futex_wake(&shared->barrier, INT_MAX);
        while ((seen = atomic_load(&shared->barrier)) < target)
                futex_wait(&shared->barrier, seen);
}

int pair_give_up(PairShared *shared, unsigned side, int number, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(shared->reasons[side], PAIR_REASON_MAX, format, arguments);
        va_end(arguments);
        return number > 0 ? -number : number;
}

static _Noreturn void side_run(const Pair *pair, unsigned side, pid_t parent) {
        int r;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        /* It may have died before the line above. */
        if (getppid() != parent)
                _exit(EXIT_CODE_FAILED);
        pair->shared->pids[side] = getpid();
        r = cpu_pin(pair->cpus[side]);
        if (r < 0)
                pair_give_up(pair->shared, side, r, "cannot run on CPU %u: %s", pair->cpus[side], strerror(-r));
        else
                r = pair->side(side, pair->shared, pair->userdata);
        _exit(r < 0 ? EXIT_CODE_FAILED : EXIT_CODE_DONE);
}

static void child_kill(Child *child) {
        if (child->pid <= 0 || child->ended)
                return;
        child->killed = kill(child->pid, SIGKILL) == 0;
}

static void child_reap(Child *child, int options) {
        pid_t pid;

        if (child->pid <= 0 || child->ended)
                return;
        do
                pid = waitpid(child->pid, &child->status, options);
        while (pid < 0 && errno == EINTR);
        child->ended = pid != 0;
}

static bool child_failed(const Child *child) {
        return child->ended && !(WIFEXITED(child->status) && WEXITSTATUS(child->status) == EXIT_CODE_DONE);
}

static void child_done(Child *child) {
        child_kill(child);
        child_reap(child, 0);
        if (child->pidfd >= 0)
                close(child->pidfd);
}

static int child_start(const Pair *pair, unsigned side, Child *child) {
        pid_t parent = getpid();

        child->pid = fork();
        if (child->pid < 0)
                return -errno;
        if (child->pid == 0)
                side_run(pair, side, parent);
        child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
        return child->pidfd < 0 ? -errno : 0;
}

/* Whoever finds a CPU with nothing to do puts it to sleep, and a virtual one is slow to wake. This one always has
 * something to do, and gives way to whatever else there is: what it costs is counted to none of the sides. */
static _Noreturn void keep_awake(unsigned cpu, pid_t parent) {
        const struct sched_param none = { 0 };

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent || cpu_pin(cpu) < 0 || sched_setscheduler(0, SCHED_IDLE, &none) < 0)
                _exit(EXIT_CODE_FAILED);
        for (;;)
                __asm__ volatile("" ::: "memory");
}

static unsigned sides_of(const Pair *pair) {
        return pair->n_sides > 0 ? pair->n_sides : 2;
}

/* One for each of the CPUs. */
static int pair_keep_awake(const Pair *pair, Child keepers[PAIR_SIDES_MAX]) {
        pid_t parent = getpid();
        unsigned k;

        for (unsigned i = 0; pair->awake && i < sides_of(pair); i++) {
                for (k = 0; k < i && pair->cpus[k] != pair->cpus[i]; k++)
                        ;
                if (k < i)
                        continue;
                keepers[i].pid = fork();
                if (keepers[i].pid < 0)
                        return -errno;
                if (keepers[i].pid == 0)
                        keep_awake(pair->cpus[i], parent);
        }
        return 0;
}

/* Takes note of those that have ended. Has one failed? */
static bool children_reap(Child *children, unsigned n, const struct pollfd *fds, bool *all_ended) {
        bool failed = false;

        *all_ended = true;
        for (unsigned i = 0; i < n; i++) {
                if (!children[i].ended && fds[i].revents != 0) {
                        child_reap(&children[i], 0);
                        failed = failed || child_failed(&children[i]);
                }
                *all_ended = *all_ended && children[i].ended;
        }
        return failed;
}

/* Until all have ended, or one has failed and the others had their grace, or the time is over, or nobody listens. */
static PairOutcome children_wait(const Pair *pair, Child *children) {
        uint64_t deadline = now_nsec() + pair->timeout_usec * NSEC_PER_USEC, now;
        bool failed = false, all_ended = false;
        unsigned n = sides_of(pair);

        while (!all_ended) {
                struct pollfd fds[PAIR_SIDES_MAX + 1];
                struct timespec left;

                for (unsigned i = 0; i < n; i++)
                        fds[i] = (struct pollfd){ .fd = children[i].ended ? -1 : children[i].pidfd, .events = POLLIN };
                fds[n] = (struct pollfd){ .fd = pair->channel };
                now = now_nsec();
                if (now >= deadline)
                        return failed ? PAIR_FAILED : PAIR_TIMED_OUT;
                left.tv_sec = (time_t)((deadline - now) / NSEC_PER_SEC);
                left.tv_nsec = (long)((deadline - now) % NSEC_PER_SEC);
                if (ppoll(fds, n + 1, &left, NULL) < 0) {
                        if (errno != EINTR)
                                return PAIR_TIMED_OUT;
                        continue;
                }
                if ((fds[n].revents & (POLLHUP | POLLERR)) != 0)
                        return PAIR_CANCELLED;
                if (children_reap(children, n, fds, &all_ended) && !failed) {
                        failed = true;
                        if (deadline > now_nsec() + GRACE_NSEC)
                                deadline = now_nsec() + GRACE_NSEC;
                }
        }
        return failed ? PAIR_FAILED : PAIR_DONE;
}

/* A side that was killed explains what its peer then saw, so it goes first; a killed one cannot say anything. */
static void explain(const Pair *pair, const Child *children, PairOutcome outcome, char reason[PAIR_REASON_MAX]) {
        unsigned n = sides_of(pair);

        if (outcome == PAIR_TIMED_OUT) {
                for (unsigned i = 0; i < n; i++)
                        if (!children[i].killed) {
                                snprintf(reason, PAIR_REASON_MAX, "side %u ended early, and the other waited %.1f s",
                                        i, (double)pair->timeout_usec / (double)USEC_PER_SEC);
                                return;
                        }
                snprintf(reason, PAIR_REASON_MAX, "it did not end within %.1f s and was stopped",
                        (double)pair->timeout_usec / (double)USEC_PER_SEC);
                return;
        }
        for (unsigned i = 0; i < n; i++)
                if (!children[i].killed && children[i].ended && WIFSIGNALED(children[i].status)) {
                        snprintf(reason, PAIR_REASON_MAX, "side %u was killed by signal %d (SIG%s)", i,
                                WTERMSIG(children[i].status), sigabbrev_np(WTERMSIG(children[i].status)) ?: "?");
                        return;
                }
        for (unsigned i = 0; i < n; i++)
                if (!children[i].killed && child_failed(&children[i]) && pair->shared->reasons[i][0] != 0) {
                        snprintf(reason, PAIR_REASON_MAX, "%.*s", PAIR_REASON_MAX - 1, pair->shared->reasons[i]);
                        return;
                }
        snprintf(reason, PAIR_REASON_MAX, "a side ended without a word");
}

int pair_run(const Pair *pair, PairOutcome *ret, char reason[PAIR_REASON_MAX]) {
        Child children[PAIR_SIDES_MAX], keepers[PAIR_SIDES_MAX];
        unsigned n = sides_of(pair);
        PairOutcome outcome;
        int r;

        reason[0] = 0;
        for (unsigned i = 0; i < PAIR_SIDES_MAX; i++)
                children[i] = keepers[i] = (Child){ .pidfd = -EBADF };
        pair->shared->n_sides = n;
        r = pair_keep_awake(pair, keepers);
        for (unsigned i = 0; i < n && r >= 0; i++)
                r = child_start(pair, i, &children[i]);
        if (r < 0)
                goto finish;
        outcome = children_wait(pair, children);
        for (unsigned i = 0; i < n; i++)
                child_kill(&children[i]);
        for (unsigned i = 0; i < n; i++)
                child_reap(&children[i], 0);
        if (outcome == PAIR_FAILED || outcome == PAIR_TIMED_OUT)
                explain(pair, children, outcome, reason);
        *ret = outcome;
        r = 0;
finish:
        for (unsigned i = 0; i < PAIR_SIDES_MAX; i++) {
                child_done(&children[i]);
                child_done(&keepers[i]);
        }
        return r;
}
