/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One inotify instance; one watch a directory serves all kinds that have their objects there: each kind is asked
 * whether an entry is one of its own.
 *
 * What happened is told a moment later. sem_open(3) makes a file of a random name, links it to the right one and
 * removes it again, and others write files aside and rename them: a name that is gone again by then was never meant to
 * be an object, and nothing is told of it. */
#include "entries.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "cleanup.h"
#include "units.h"

enum { SETTLE_USEC = 20 * USEC_PER_MSEC };

typedef struct Watch {
        int descriptor;
        const Mechanism *mechanism;
} Watch;

typedef struct Entry {
        int watch;
        bool appeared;
        uint64_t seen; /* CLOCK_MONOTONIC */
        char name[];
} Entry;

struct Entries {
        EntryTold told;
        void *userdata;
        sd_event *event;
        sd_event_source *source, *timer;
        GArray *watches;
        GQueue *queue;   /* Entry, the oldest first */
        GHashTable *new; /* Entry that appeared -> its link in the queue */
        int inotify;
};

static guint entry_hash(gconstpointer key) {
        const Entry *entry = key;

        return g_str_hash(entry->name) + (guint)entry->watch;
}

static gboolean entry_equal(gconstpointer a, gconstpointer b) {
        const Entry *x = a, *y = b;

        return x->watch == y->watch && strcmp(x->name, y->name) == 0;
}

static void entry_tell(const Entries *entries, const Entry *entry) {
        for (guint i = 0; i < entries->watches->len; i++) {
                const Watch *watch = &g_array_index(entries->watches, Watch, i);
                CLEANUP_FREE char *address = NULL;

                if (watch->descriptor == entry->watch && watch->mechanism->entry_address(entry->name, &address) >= 0)
                        entries->told(watch->mechanism, entry->appeared, address, entries->userdata);
        }
}

static void timer_arm(Entries *entries) {
        const Entry *oldest = g_queue_peek_head(entries->queue);
        int r;

        if (!oldest)
                return;
        r = sd_event_source_set_time(entries->timer, oldest->seen + SETTLE_USEC);
        if (r >= 0)
                (void)sd_event_source_set_enabled(entries->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Entries *entries = userdata;
        const Entry *oldest;
        uint64_t now;

        (void)sd_event_now(entries->event, CLOCK_MONOTONIC, &now);
        while ((oldest = g_queue_peek_head(entries->queue)) && oldest->seen + SETTLE_USEC <= now) {
                Entry *entry = g_queue_pop_head(entries->queue);

                if (entry->appeared)
                        g_hash_table_remove(entries->new, entry);
                entry_tell(entries, entry);
                g_free(entry);
        }
        timer_arm(entries);
        return 0;
}

static void entry_take(Entries *entries, const struct inotify_event *event, uint64_t now) {
        size_t length = strlen(event->name);
        Entry *entry = g_malloc(sizeof(*entry) + length + 1);
        GList *earlier;

        *entry = (Entry){ .watch = event->wd, .appeared = event->mask & (IN_CREATE | IN_MOVED_TO), .seen = now };
        memcpy(entry->name, event->name, length + 1);
        earlier = g_hash_table_lookup(entries->new, entry);
        if (!entry->appeared && earlier) {
                g_hash_table_remove(entries->new, entry);
                g_free(earlier->data);
                g_queue_delete_link(entries->queue, earlier);
                g_free(entry);
                return;
        }
        g_queue_push_tail(entries->queue, entry);
        if (entry->appeared)
                g_hash_table_insert(entries->new, entry, g_queue_peek_tail_link(entries->queue));
}

static int on_inotify(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        char buffer[16 * 1024] __attribute__((aligned(__alignof__(struct inotify_event))));
        Entries *entries = userdata;
        uint64_t now;
        ssize_t n;

        (void)sd_event_now(entries->event, CLOCK_MONOTONIC, &now);
        n = read(fd, buffer, sizeof(buffer));
        for (const char *at = buffer; n > 0 && at < buffer + n;) {
                const struct inotify_event *event = (const struct inotify_event *)at;

                at += sizeof(*event) + event->len;
                if (event->len > 0)
                        entry_take(entries, event, now);
        }
        timer_arm(entries);
        return 0;
}

/* A directory that is not there, or may not be read, is one that nothing is told of. */
static void watch_kind(Entries *entries, const Mechanism *mechanism) {
        Watch watch = { .mechanism = mechanism };
        char path[64];
        int fd;

        fd = mechanism->watch_directory();
        if (fd < 0)
                return;
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        watch.descriptor = inotify_add_watch(
                entries->inotify, path, IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO);
        close(fd);
        if (watch.descriptor >= 0)
                g_array_append_val(entries->watches, watch);
}

/* Kinds whose directory is the same share the one watch that the kernel gives for it. */
static void unwatch_kind(Entries *entries, guint i) {
        int descriptor = g_array_index(entries->watches, Watch, i).descriptor;

        g_array_remove_index_fast(entries->watches, i);
        for (guint j = 0; j < entries->watches->len; j++)
                if (g_array_index(entries->watches, Watch, j).descriptor == descriptor)
                        return;
        (void)inotify_rm_watch(entries->inotify, descriptor);
}

void entries_watch(Entries *entries, const Mechanism *mechanism, bool wanted) {
        guint i = 0;

        while (i < entries->watches->len && g_array_index(entries->watches, Watch, i).mechanism != mechanism)
                i++;
        if (i < entries->watches->len && !wanted)
                unwatch_kind(entries, i);
        else if (i == entries->watches->len && wanted && mechanism->watch_directory)
                watch_kind(entries, mechanism);
}

int entries_new(sd_event *event, EntryTold told, void *userdata, Entries **ret, Error *error) {
        Entries *entries = g_new0(Entries, 1);
        int r;

        entries->told = told;
        entries->userdata = userdata;
        entries->event = event;
        entries->watches = g_array_new(FALSE, FALSE, sizeof(Watch));
        entries->queue = g_queue_new();
        entries->new = g_hash_table_new(entry_hash, entry_equal);
        entries->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (entries->inotify < 0) {
                r = error_set_errno(error, errno,
                        "The machine cannot be watched now; see /proc/sys/fs/inotify/max_user_instances");
                entries_free(entries);
                return r;
        }
        r = sd_event_add_io(event, &entries->source, entries->inotify, EPOLLIN, on_inotify, entries);
        if (r >= 0)
                r = sd_event_add_time(event, &entries->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_timer, entries);
        if (r >= 0)
                r = sd_event_source_set_enabled(entries->timer, SD_EVENT_OFF);
        if (r < 0) {
                entries_free(entries);
                return error_set_errno(error, r, "The machine cannot be watched now");
        }
        *ret = entries;
        return 0;
}

Entries *entries_free(Entries *entries) {
        if (!entries)
                return NULL;
        sd_event_source_disable_unref(entries->source);
        sd_event_source_disable_unref(entries->timer);
        entries->inotify = fd_close(entries->inotify);
        g_hash_table_unref(entries->new);
        g_queue_free_full(entries->queue, g_free);
        g_array_unref(entries->watches);
        g_free(entries);
        return NULL;
}

bool entries_announce(const Entries *entries, const Mechanism *mechanism) {
        for (guint i = 0; entries && i < entries->watches->len; i++)
                if (g_array_index(entries->watches, Watch, i).mechanism == mechanism)
                        return true;
        return false;
}
