/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker.h"

/* watch: scans again and again what the kernel sends no events of, and tells only what is different. It runs until the
 * service ends it; what is to be watched can be changed meanwhile by further requests on the same channel, each
 * answered by a "ready" when what is new in it was scanned once, so that nothing later than that answer is missed.
 *
 * A scan may be dear (a walk through thousands of processes): between two of them passes at least 20 times the CPU
 * time that the last took.
 *
 * What has no name is told when it was there in two scans, for much of it lives no longer than the call that it
 * serves, and never when it is held by the service and its workers, which make such things to talk to each other. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "channel.h"
#include "cleanup.h"
#include "scan.h"
#include "spin.h"
#include "units.h"
#include "watch-table.h"
#include "worker-protocol.h"

enum {
        INTERVAL_MIN = 100 * USEC_PER_MSEC,
        INTERVAL_DEFAULT = 1000 * USEC_PER_MSEC,
        REST_PER_WORK = 20,
        OWN_PROCESSES_MAX = 512,
        REASON_MAX = 512,
        NICE = 10,
};

/* A kind, or one address of it. */
typedef struct Watched {
        const Mechanism *mechanism;
        char *address;  /* NULL: all of the kind */
        bool announced; /* somebody else tells what comes and goes: only changes are told here */
        bool fresh;     /* not looked at yet: what is found first is told to nobody */
        bool wanted;    /* by the last request */
        SeenList seen;
        char reason[REASON_MAX]; /* why it cannot be looked at */
} Watched;

typedef struct Watcher {
        Watched *items;
        size_t n, allocated;
        bool changes, holders;
        uint64_t interval;
        bool waiting;         /* something was seen for the first time: look again soon */
        ProcTable *own;       /* what the service and its workers hold, in this round */
        const ProcTable *all; /* what everybody holds, where holders are told */
} Watcher;

typedef struct Round {
        SeenSink sink;
        Watcher *watcher;
        Watched *watched;
} Round;

typedef struct Collect {
        Scan scan;
        Watched *watched;
        SeenList *list;
} Collect;

/* --- What is the service's own --- */

/* The children of a process, from the file that checkpointing came with (CONFIG_PROC_CHILDREN, proc(5)); threads that
 * start processes are none of ours. */
static void add_children(pid_t pid, pid_t *pids, size_t *n) {
        char path[64];
        FILE *file;
        int child;

        snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
        file = fopen(path, "re");
        if (!file)
                return;
        while (*n < OWN_PROCESSES_MAX && fscanf(file, "%d", &child) == 1)
                pids[(*n)++] = child;
        fclose(file);
}

static const ProcTable *own_table(Watcher *watcher) {
        pid_t pids[OWN_PROCESSES_MAX];
        size_t n = 0;

        if (watcher->own)
                return watcher->own;
        pids[n++] = getppid();
        for (size_t i = 0; i < n; i++)
                add_children(pids[i], pids, &n);
        if (n == 1)
                pids[n++] = getpid();
        return proc_table_new_of(pids, n, &watcher->own) < 0 ? NULL : watcher->own;
}

static bool number_of_unnamed(const char *text, uint64_t *ret) {
        CLEANUP(address_done) Address address = ADDRESS_EMPTY;

        if (!text || address_parse(text, &address, NULL) < 0 || address.form != ADDRESS_INODE)
                return false;
        *ret = address.number;
        return true;
}

static void mark_own(Watcher *watcher, Seen *seen, uint64_t number) {
        const char *peer = record_get_string(seen->row, "peer", NULL);
        const ProcTable *table = own_table(watcher);
        bool here, there;
        uint64_t other;

        if (!table)
                return;
        here = proc_table_has_number(table, number);
        there = peer && number_of_unnamed(peer, &other) && proc_table_has_number(table, other);
        seen->near = here || there;
        seen->own = here && (there || !peer);
}

/* --- What is told --- */

static int tell(const Round *round, const char *type, const char *address, Record *details) {
        CLEANUP(record_freep) Record *record = NULL;
        int r;

        r = worker_record_new(type, &record);
        if (r < 0) {
                record_free(details);
                return r;
        }
        record_set_string(record, "kind", round->watched->mechanism->kind);
        record_set_string(record, "address", round->watched->address ? round->watched->address : address);
        record_set_bool(record, "asked", round->watched->address);
        if (details)
                record_append_record(record, "details", details);
        r = record_error(record);
        return r < 0 ? r : worker_send(record);
}

static int on_appeared(SeenSink *sink, Seen *now) {
        Round *round = (Round *)sink;
        uint64_t number;

        if (!round->watched->address && number_of_unnamed(now->address, &number)) {
                mark_own(round->watcher, now, number);
                now->waiting = !now->own && !round->watched->fresh;
                round->watcher->waiting = round->watcher->waiting || now->waiting;
                return 0;
        }
        if (round->watched->fresh || round->watched->announced)
                return 0;
        return tell(round, "appeared", now->address, NULL);
}

static int on_vanished(SeenSink *sink, const Seen *before) {
        Round *round = (Round *)sink;

        if (before->own || before->waiting || round->watched->announced)
                return 0;
        return tell(round, "vanished", before->address, NULL);
}

static int on_stayed(SeenSink *sink, const Seen *before, Seen *now) {
        CLEANUP(record_freep) Record *details = NULL;
        Round *round = (Round *)sink;
        int r;

        now->own = before->own;
        now->near = before->near;
        if (now->own)
                return 0;
        if (before->waiting)
                return tell(round, "appeared", now->address, NULL);
        if (now->near || (!round->watcher->changes && !round->watched->address))
                return 0;
        r = record_new(&details);
        if (r >= 0)
                r = seen_changes(before, now, details);
        return r <= 0 ? r : tell(round, "changed", now->address, TAKE_POINTER(details));
}

/* --- Looking --- */

static int take_row(Scan *scan, Record *row) {
        Collect *collect = scan->userdata;
        const char *reason = record_get_string(row, "reason", NULL);

        if (reason && !record_has(row, "address")) {
                snprintf(collect->watched->reason, REASON_MAX, "%s", reason);
                record_free(row);
                return 0;
        }
        return seen_list_add(collect->list, row);
}

static int scan_kind(const Watcher *watcher, Watched *watched, SeenList *list) {
        Collect collect = { .scan.table = watcher->all, .scan.row = take_row, .watched = watched, .list = list };
        Error error = {};
        int r;

        collect.scan.userdata = &collect;
        r = mechanism_supports(watched->mechanism, OPERATION_LIST, &error);
        if (r >= 0 && !watched->mechanism->scan)
                r = -EOPNOTSUPP;
        if (r >= 0)
                r = watched->mechanism->scan(&collect.scan);
        if (r < 0 && !error_is_set(&error))
                error_set_errno(&error, r, "Objects of kind %s cannot be listed here", watched->mechanism->kind);
        if (r < 0)
                snprintf(watched->reason, REASON_MAX, "%s", error.message);
        return watched->reason[0] ? -ENODATA : 0;
}

/* One that is not there is no row, and no error either. */
static int look_at_address(const Watcher *watcher, const Watched *watched, SeenList *list) {
        CLEANUP(record_freep) Record *row = NULL;
        KernelObject object;
        Error error = {};
        Address address = ADDRESS_EMPTY;
        int r;

        r = address_parse(watched->address, &address, NULL);
        if (r < 0)
                return r;
        kernel_object_init(&object, watched->mechanism);
        object.address = address;
        r = record_new(&row);
        if (r >= 0) {
                r = object_describe(&object, watched->address, false, watcher->all, row, &error);
                if (r >= 0) {
                        record_set_string(row, "address", watched->address);
                        r = seen_list_add(list, TAKE_POINTER(row));
                } else if (r != -ENOMEM)
                        r = 0;
        }
        kernel_object_done(&object);
        return r;
}

static int look(Watcher *watcher, Watched *watched) {
        Round round = { .sink = { on_appeared, on_vanished, on_stayed }, .watcher = watcher, .watched = watched };
        CLEANUP(seen_list_done) SeenList list = {};
        SeenList before = watched->seen;
        int r;

        watched->reason[0] = '\0';
        r = watched->address ? look_at_address(watcher, watched, &list) : scan_kind(watcher, watched, &list);
        /* It could not be looked at this time: that tells nothing about what is there. */
        if (r == -ENODATA)
                return 0;
        if (r < 0)
                return r;
        seen_list_sort(&list);
        r = seen_list_compare(&before, &list, &round.sink);
        watched->fresh = false;
        watched->seen = list;
        list = before;
        return r;
}

static uint64_t cpu_time(void) {
        struct timespec t;

        if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) < 0)
                return 0;
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / NSEC_PER_USEC;
}

/* `fresh`: only what was not looked at yet. Gives how long to rest after it. */
static int round_run(Watcher *watcher, bool fresh, uint64_t *ret_rest) {
        uint64_t start = cpu_time(), rest;
        ProcTable *all = NULL;
        int r = 0;

        watcher->waiting = false;
        proc_tables_share(true);
        if (watcher->holders)
                r = proc_table_new(&all);
        watcher->all = all;
        for (size_t i = 0; r >= 0 && i < watcher->n; i++)
                if (!fresh || watcher->items[i].fresh)
                        r = look(watcher, &watcher->items[i]);
        watcher->all = NULL;
        proc_table_free(all);
        proc_tables_share(false);
        watcher->own = proc_table_free(watcher->own);
        rest = REST_PER_WORK * (cpu_time() - start);
        if (watcher->waiting && rest < INTERVAL_MIN)
                rest = INTERVAL_MIN;
        else if (!watcher->waiting && rest < watcher->interval)
                rest = watcher->interval;
        *ret_rest = rest;
        return r;
}

/* --- What is asked for --- */

static void watched_done(Watched *watched) {
        seen_list_done(&watched->seen);
        free(watched->address);
        *watched = (Watched){};
}

static Watched *watched_find(const Watcher *watcher, const Mechanism *mechanism, const char *address) {
        for (size_t i = 0; i < watcher->n; i++) {
                Watched *watched = &watcher->items[i];

                if (watched->mechanism == mechanism && !watched->address == !address &&
                        (!address || strcmp(watched->address, address) == 0))
                        return watched;
        }
        return NULL;
}

static int want(Watcher *watcher, const Mechanism *mechanism, const char *address, const Value *announced) {
        Watched *watched = watched_find(watcher, mechanism, address);

        if (!watched) {
                if (watcher->n == watcher->allocated) {
                        size_t allocated = watcher->allocated > 0 ? 2 * watcher->allocated : 16;
                        Watched *items = reallocarray(watcher->items, allocated, sizeof(*items));

                        if (!items)
                                return -ENOMEM;
                        watcher->items = items;
                        watcher->allocated = allocated;
                }
                watched = &watcher->items[watcher->n];
                *watched = (Watched){ .mechanism = mechanism, .fresh = true };
                watched->address = address ? strdup(address) : NULL;
                if (address && !watched->address)
                        return -ENOMEM;
                watcher->n++;
        }
        watched->wanted = true;
        watched->announced = false;
        for (size_t i = 0; announced && i < announced->strings.n; i++)
                if (strcmp(announced->strings.items[i], mechanism->kind) == 0)
                        watched->announced = true;
        return 0;
}

static const Value *strings_of(const Record *request, const char *key) {
        const Value *value = record_get(request, key);

        return value && value->type == VALUE_STRINGS ? value : NULL;
}

static int want_all(Watcher *watcher, const Record *request, Error *error) {
        const Value *kinds = strings_of(request, "kinds"), *addresses = strings_of(request, "addresses");
        const Value *announced = strings_of(request, "announced");
        const Mechanism *mechanism;
        int r = 0;

        for (size_t i = 0; r >= 0 && kinds && i < kinds->strings.n; i++) {
                r = mechanism_for_kind(kinds->strings.items[i], &mechanism, error);
                if (r >= 0)
                        r = want(watcher, mechanism, NULL, announced);
        }
        for (size_t i = 0; r >= 0 && addresses && i < addresses->strings.n; i++) {
                CLEANUP(address_done) Address address = ADDRESS_EMPTY;

                r = address_parse(addresses->strings.items[i], &address, error);
                if (r >= 0)
                        r = mechanism_for_address(&address, &mechanism, error);
                if (r >= 0)
                        r = want(watcher, mechanism, addresses->strings.items[i], announced);
        }
        return r;
}

static int tell_ready(const Watcher *watcher, uint64_t serial) {
        CLEANUP(record_freep) Record *record = NULL;
        int r;

        r = worker_record_new(WORKER_TYPE_READY, &record);
        if (r < 0)
                return r;
        record_set_u64(record, "serial", serial);
        for (size_t i = 0; i < watcher->n; i++) {
                Record *item;

                if (!watcher->items[i].reason[0])
                        continue;
                r = record_new(&item);
                if (r < 0)
                        return r;
                record_set_string(item, "kind", watcher->items[i].mechanism->kind);
                record_set_string(item, "reason", watcher->items[i].reason);
                record_append_record(record, "reasons", item);
        }
        r = record_error(record);
        return r < 0 ? r : worker_send(record);
}

static int take_request(Watcher *watcher, const Record *request, Error *error) {
        uint64_t rest;
        size_t out = 0;
        int r;

        for (size_t i = 0; i < watcher->n; i++)
                watcher->items[i].wanted = false;
        r = want_all(watcher, request, error);
        for (size_t i = 0; i < watcher->n; i++)
                if (watcher->items[i].wanted)
                        watcher->items[out++] = watcher->items[i];
                else
                        watched_done(&watcher->items[i]);
        watcher->n = out;
        if (r < 0)
                return r;
        watcher->changes = record_get_bool(request, "changes", false);
        watcher->holders = record_get_bool(request, "holders", false);
        watcher->interval = record_get_u64(request, "interval", INTERVAL_DEFAULT);
        if (watcher->interval < INTERVAL_MIN)
                watcher->interval = INTERVAL_MIN;
        r = round_run(watcher, true, &rest);
        return r < 0 ? r : tell_ready(watcher, record_get_u64(request, "serial", 0));
}

static void watcher_done(Watcher *watcher) {
        for (size_t i = 0; i < watcher->n; i++)
                watched_done(&watcher->items[i]);
        free(watcher->items);
}

/* 1: a request came; 0: the time is over. */
static int rest_until(uint64_t when) {
        struct pollfd p = { .fd = WORKER_FD, .events = POLLIN };
        uint64_t now = monotonic_now(), left = when > now ? (when - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC : 0;
        int r;

        r = poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left);
        return r < 0 ? (errno == EINTR ? 0 : -errno) : r;
}

int op_watch(const Record *request, Error *error) {
        CLEANUP(watcher_done) Watcher watcher = {};
        uint64_t rest, next;
        int r;

        /* Whoever works on the machine comes first. */
        (void)setpriority(PRIO_PROCESS, 0, NICE);
        r = take_request(&watcher, request, error);
        next = monotonic_now() + watcher.interval;
        while (r >= 0) {
                CLEANUP(record_freep) Record *another = NULL;

                r = rest_until(next);
                if (r > 0) {
                        r = channel_receive(WORKER_FD, 0, &another);
                        if (r == -EPIPE)
                                return 0;
                        if (r >= 0)
                                r = take_request(&watcher, another, error);
                        if (r >= 0 && next > monotonic_now() + watcher.interval)
                                next = monotonic_now() + watcher.interval;
                } else if (r == 0 && monotonic_now() >= next) {
                        r = round_run(&watcher, false, &rest);
                        next = monotonic_now() + rest;
                }
        }
        return error_is_set(error) ? r : error_set_errno(error, r, "The machine cannot be watched");
}
