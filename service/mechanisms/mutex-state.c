/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The measuring, kept for the process, and the reading that it allows. Nothing here maps or changes a mutex of anybody
 * else. */
#include "mutex-state.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"

enum {
        WORDS = sizeof(pthread_mutex_t) / sizeof(uint32_t),
        SHAPES = MUTEX_TYPE_MAX * 2 * 2 * 2,
};

typedef struct Layout {
        int measured; /* 0: not yet; 1: as it must be; -1: not */
        size_t lock, owner, kind;
        uint32_t inconsistent, not_recoverable; /* what stands for the owner then */
        struct {
                MutexShape shape;
                uint32_t kind;
        } shapes[SHAPES];
        size_t n_shapes;
        uint32_t kind_bits;
} Layout;

static Layout layout;

static const char *const type_names[MUTEX_TYPE_MAX] = {
        [MUTEX_NORMAL] = "normal",
        [MUTEX_ERRORCHECK] = "errorcheck",
        [MUTEX_RECURSIVE] = "recursive",
};

const char *mutex_type_name(MutexType type) {
        return type >= 0 && type < MUTEX_TYPE_MAX ? type_names[type] : NULL;
}

MutexType mutex_type_from_name(const char *name) {
        for (int i = 0; i < MUTEX_TYPE_MAX; i++)
                if (strcmp(name, type_names[i]) == 0)
                        return i;
        return MUTEX_TYPE_INVALID;
}

int mutex_image_init(MutexImage *image, const MutexShape *shape, Error *error) {
        static const int types[MUTEX_TYPE_MAX] = {
                [MUTEX_NORMAL] = PTHREAD_MUTEX_NORMAL,
                [MUTEX_ERRORCHECK] = PTHREAD_MUTEX_ERRORCHECK,
                [MUTEX_RECURSIVE] = PTHREAD_MUTEX_RECURSIVE,
        };
        pthread_mutexattr_t attributes;
        int r;

        *image = (MutexImage){};
        r = pthread_mutexattr_init(&attributes);
        if (r == 0) {
                /* Normal is the default; asked for by name, glibc notes that in another bit (no lock elision), and
                 * either is what programs have. */
                if (shape->type != MUTEX_NORMAL)
                        r = pthread_mutexattr_settype(&attributes, types[shape->type]);
                if (r == 0)
                        r = pthread_mutexattr_setpshared(
                                &attributes, shape->shared ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE);
                if (r == 0)
                        r = pthread_mutexattr_setrobust(
                                &attributes, shape->robust ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED);
                if (r == 0)
                        r = pthread_mutexattr_setprotocol(
                                &attributes, shape->inherit ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE);
                if (r == 0)
                        r = pthread_mutex_init(&image->mutex, &attributes);
                pthread_mutexattr_destroy(&attributes);
        }
        if (r == 0)
                return 0;
        return error_set(error, ERROR_NOT_SUPPORTED, "This machine has no %s%s mutex%s: %s.",
                shape->robust ? "robust " : "", mutex_type_name(shape->type),
                shape->inherit ? " that inherits priorities" : "", strerror(r));
}

/* Adds a kind. The C library makes no difference between robust mutexes that are shared and that are not: those count
 * as shared. -EBADMSG: two kinds look alike. */
static int add_kind(Layout *out, const MutexShape *shape, uint32_t kind) {
        out->kind_bits |= kind;
        for (size_t i = 0; i < out->n_shapes; i++) {
                MutexShape *other = &out->shapes[i].shape;

                if (out->shapes[i].kind != kind)
                        continue;
                if (!shape->robust || !other->robust || shape->type != other->type || shape->inherit != other->inherit)
                        return -EBADMSG;
                other->shared = true;
                return 0;
        }
        out->shapes[out->n_shapes].shape = *shape;
        out->shapes[out->n_shapes++].kind = kind;
        return 0;
}

/* The word that says which kind it is is the only one that differs between fresh mutexes. */
static int measure_kinds(Layout *out) {
        bool differs[WORDS] = { false };
        MutexShape shapes[SHAPES];
        MutexImage first = {}, image;
        size_t n = 0;
        int r = 0;

        for (int i = 0; i < SHAPES; i++) {
                MutexShape shape = { i / 8, i & 1, i & 2, i & 4 };

                if (mutex_image_init(&image, &shape, NULL) < 0)
                        continue;
                if (n == 0)
                        first = image;
                for (size_t w = 0; w < WORDS; w++)
                        differs[w] = differs[w] || image.words[w] != first.words[w];
                shapes[n++] = shape;
        }
        out->kind = WORDS;
        for (size_t w = 0; w < WORDS; w++)
                if (differs[w]) {
                        if (out->kind < WORDS)
                                return -EBADMSG;
                        out->kind = w;
                }
        if (out->kind == WORDS)
                return -EBADMSG;
        for (size_t i = 0; i < n && r >= 0; i++) {
                r = mutex_image_init(&image, &shapes[i], NULL);
                if (r >= 0)
                        r = add_kind(out, &shapes[i], image.words[out->kind]);
        }
        return r;
}

/* Which of the words that held our thread id is the futex: the one in which FUTEX_OWNER_DIED makes the next lock say
 * so. What then stands for the owner, before and after it is given up, are the two marks. */
static int measure_death(Layout *out, const MutexShape *shape, const size_t *candidates, size_t n) {
        for (size_t i = 0; i < n; i++) {
                MutexImage image;
                uint32_t marks[WORDS];

                if (mutex_image_init(&image, shape, NULL) < 0)
                        return -EBADMSG;
                image.words[candidates[i]] = FUTEX_OWNER_DIED;
                if (pthread_mutex_trylock(&image.mutex) != EOWNERDEAD)
                        continue;
                memcpy(marks, image.words, sizeof(marks));
                if (pthread_mutex_unlock(&image.mutex) != 0 || pthread_mutex_trylock(&image.mutex) != ENOTRECOVERABLE)
                        return -EBADMSG;
                out->lock = candidates[i];
                for (size_t k = 0; k < n; k++)
                        if (k != i && marks[candidates[k]] != image.words[candidates[k]]) {
                                out->owner = candidates[k];
                                out->inconsistent = marks[candidates[k]];
                                out->not_recoverable = image.words[candidates[k]];
                                return 0;
                        }
                return -EBADMSG;
        }
        return -EBADMSG;
}

static int measure_lock(Layout *out) {
        const MutexShape shape = { MUTEX_NORMAL, true, true, false };
        size_t candidates[WORDS], n = 0;
        uint32_t self = (uint32_t)gettid();
        MutexImage image, locked;

        if (mutex_image_init(&image, &shape, NULL) < 0 || pthread_mutex_lock(&image.mutex) != 0)
                return -EBADMSG;
        locked = image;
        if (pthread_mutex_unlock(&image.mutex) != 0)
                return -EBADMSG;
        for (size_t w = 0; w < WORDS; w++)
                if ((locked.words[w] & FUTEX_TID_MASK) == self && image.words[w] == 0)
                        candidates[n++] = w;
        return measure_death(out, &shape, candidates, n);
}

/* Without robustness the futex only counts, and who owns it stands beside: is it so? */
static int measure_plain(const Layout *measured) {
        const MutexShape shape = { MUTEX_NORMAL, true, false, false };
        MutexImage image;
        bool fits;

        if (mutex_image_init(&image, &shape, NULL) < 0 || pthread_mutex_lock(&image.mutex) != 0)
                return -EBADMSG;
        fits = image.words[measured->lock] == 1 && image.words[measured->owner] == (uint32_t)gettid();
        if (pthread_mutex_unlock(&image.mutex) != 0)
                return -EBADMSG;
        return fits && image.words[measured->lock] == 0 && image.words[measured->owner] == 0 ? 0 : -EBADMSG;
}

int mutex_state_probe(Error *error) {
        if (layout.measured == 0) {
                Layout measured = {};

                measured.measured = measure_kinds(&measured) >= 0 && measure_lock(&measured) >= 0 &&
                                                    measure_plain(&measured) >= 0
                                            ? 1
                                            : -1;
                layout = measured;
        }
        if (layout.measured > 0)
                return 0;
        return error_set(error, ERROR_NOT_SUPPORTED,
                "The mutexes of this C library are not laid out so that their state can be read from outside: "
                "measured on "
                "mutexes of this process.");
}

static bool shape_of(uint32_t kind, MutexShape *ret) {
        for (size_t i = 0; i < layout.n_shapes; i++)
                if (layout.shapes[i].kind == (kind & layout.kind_bits)) {
                        *ret = layout.shapes[i].shape;
                        return true;
                }
        return false;
}

int mutex_image_look(const MutexImage *image, MutexLook *ret) {
        static const MutexImage zeros;
        MutexLook look = {};
        uint32_t lock, owner;

        if (mutex_state_probe(NULL) < 0 || memcmp(image->words, zeros.words, sizeof(zeros.words)) == 0)
                return -EBADMSG;
        /* Elision, or that there is none, may be noted there too in bits above the others, and nothing else. */
        if ((image->words[layout.kind] & ~layout.kind_bits) > 0xffff ||
                !shape_of(image->words[layout.kind], &look.shape))
                return -EBADMSG;
        lock = image->words[layout.lock];
        owner = image->words[layout.owner];
        look.owner = owner == layout.inconsistent || owner == layout.not_recoverable ? 0 : (pid_t)owner;
        if (!look.shape.robust && !look.shape.inherit) {
                look.state = lock == 0 ? MUTEX_FREE : MUTEX_LOCKED;
                look.waited = lock > 1;
                *ret = look;
                return lock > 2 ? -EBADMSG : 0;
        }
        look.waited = lock & FUTEX_WAITERS;
        if (owner == layout.not_recoverable)
                look.state = MUTEX_NOT_RECOVERABLE;
        else if (lock & FUTEX_OWNER_DIED)
                look.state = MUTEX_OWNER_DIED;
        else if ((lock & FUTEX_TID_MASK) == 0)
                look.state = MUTEX_FREE;
        else {
                look.state = owner == layout.inconsistent ? MUTEX_INCONSISTENT : MUTEX_LOCKED;
                look.owner = (pid_t)(lock & FUTEX_TID_MASK);
        }
        *ret = look;
        return 0;
}

int mutex_owner_process(pid_t thread, pid_t *ret_process, char ret_command[16]) {
        char path[64], line[128];
        pid_t process = 0;
        FILE *file;

        snprintf(path, sizeof(path), "/proc/%d/status", (int)thread);
        file = fopen(path, "re");
        if (!file) {
                /* Without /proc the kernel still tells whether there is such a one. */
                if (kill(thread, 0) < 0 && errno == ESRCH)
                        return -ESRCH;
                *ret_process = thread;
                ret_command[0] = '\0';
                return 0;
        }
        ret_command[0] = '\0';
        while (process == 0 && fgets(line, sizeof(line), file)) {
                if (strncmp(line, "Name:\t", 6) == 0) {
                        line[strcspn(line, "\n")] = '\0';
                        snprintf(ret_command, 16, "%.15s", line + 6);
                } else if (strncmp(line, "Tgid:", 5) == 0)
                        process = (pid_t)strtol(line + 5, NULL, 10);
        }
        fclose(file);
        *ret_process = process > 0 ? process : thread;
        return 0;
}

void mutex_look_print(const MutexLook *look, char *text, size_t size) {
        const char *waited = look->waited ? ", waited for" : "";
        char command[16] = "";
        pid_t process = 0;
        bool gone = look->owner > 0 && mutex_owner_process(look->owner, &process, command) < 0;

        switch (look->state) {
        case MUTEX_FREE:
                snprintf(text, size, "free");
                return;
        case MUTEX_NOT_RECOVERABLE:
                snprintf(text, size, "not recoverable");
                return;
        case MUTEX_OWNER_DIED:
                if (look->owner > 0)
                        snprintf(text, size, "its owner, process %d, died holding it%s", (int)look->owner, waited);
                else
                        snprintf(text, size, "its owner died holding it%s", waited);
                return;
        default:
                if (look->owner == 0)
                        snprintf(text, size, "locked%s", waited);
                else if (gone)
                        snprintf(text, size, "locked by process %d, which is gone%s", (int)look->owner, waited);
                else
                        snprintf(text, size, "locked by process %d (%s)%s%s", (int)process, command,
                                look->state == MUTEX_INCONSISTENT ? ", not consistent yet" : "", waited);
        }
}
