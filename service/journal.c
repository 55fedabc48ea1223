/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The journal keeps what stands in its file in memory too, as records by serial, so that it can write itself again,
 * short, once most of the file is history. It lies in a run-time directory, so there is nothing to sync: what must
 * survive is a crash of the service, not of the machine. */
#include "journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "journal-file.h"
#include "units.h"

#define JOURNAL_PREFIX   "journal-"
#define JOURNAL_EMBEDDED JOURNAL_PREFIX "embedded-"

enum {
        SERIALS_RESERVED = 1024, /* a crash may skip so many, never give one twice */
        APPENDS_MIN = 4096,      /* before the file is written again */
        LOCK_ATTEMPTS = 400,     /* of 5 ms: an instance that is just ending still has it */
};

struct Journal {
        char *directory, *name;
        int directory_fd, fd;
        char boot[64];
        uint64_t serial;     /* the next one */
        uint64_t reserved;   /* the first that the file does not cover */
        GHashTable *objects; /* serial -> Record */
        GHashTable *tokens;
        size_t appends; /* since the file was written whole */
        bool embedded;
};

static uint64_t now_boottime(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_BOOTTIME, &t);
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / NSEC_PER_USEC;
}

static void read_boot_id(char ret[64]) {
        g_autofree char *text = NULL;

        (void)g_file_get_contents("/proc/sys/kernel/random/boot_id", &text, NULL, NULL);
        (void)g_strlcpy(ret, text ? g_strchomp(text) : "unknown", 64);
}

static void record_unref(gpointer record) {
        (void)record_free(record);
}

static Journal *journal_blank(int directory_fd, const char *directory) {
        Journal *journal = g_new0(Journal, 1);

        journal->directory = g_strdup(directory);
        journal->directory_fd = directory_fd;
        journal->fd = -EBADF;
        journal->serial = journal->reserved = 1;
        journal->objects = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, record_unref);
        journal->tokens = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        read_boot_id(journal->boot);
        return journal;
}

static void journal_release(Journal *journal) {
        g_hash_table_unref(journal->objects);
        g_hash_table_unref(journal->tokens);
        if (journal->fd >= 0)
                close(journal->fd);
        g_free(journal->directory);
        g_free(journal->name);
        g_free(journal);
}

static void journal_keep(Journal *journal, uint64_t serial, Record *record) {
        g_hash_table_replace(journal->objects, g_memdup2(&serial, sizeof(serial)), record);
}

/* Brings what stands in memory up to date with one packet. */
static void journal_apply(void *userdata, const Record *record) {
        const char *op = record_get_string(record, "op", "");
        uint64_t serial = record_get_u64(record, "serial", 0);
        Journal *journal = userdata;
        Record *copy;

        if (strcmp(op, "boot") == 0) {
                if (strcmp(record_get_string(record, "boot", ""), journal->boot) != 0)
                        journal->boot[0] = 0; /* nothing of another boot is ours any more */
        } else if (strcmp(op, "reserve") == 0)
                journal->serial = journal->reserved = MAX(journal->reserved, serial);
        else if (strcmp(op, "add") == 0 && record_copy(record, &copy) >= 0)
                journal_keep(journal, serial, copy);
        else if (strcmp(op, "drop") == 0)
                (void)g_hash_table_remove(journal->objects, &serial);
        else if (strcmp(op, "lease") == 0) {
                Record *entry = g_hash_table_lookup(journal->objects, &serial);

                if (entry) {
                        record_set_string(entry, "lease", record_get_string(record, "lease", "none"));
                        record_set_u64(entry, "expires", record_get_u64(record, "expires", 0));
                }
        } else if (strcmp(op, "token") == 0) {
                const char *token = record_get_string(record, "token", "");

                if (record_get_bool(record, "running", false))
                        (void)g_hash_table_add(journal->tokens, g_strdup(token));
                else
                        (void)g_hash_table_remove(journal->tokens, token);
        }
}

static int journal_load(Journal *journal) {
        int r;

        r = journal_file_read(journal->fd, journal_apply, journal);
        if (r < 0)
                return r;
        if (journal->boot[0] == 0) {
                g_hash_table_remove_all(journal->objects);
                g_hash_table_remove_all(journal->tokens);
                read_boot_id(journal->boot);
        }
        return 0;
}

static int append_new(int fd, const char *op, const char *key, const char *text, uint64_t serial) {
        __attribute__((cleanup(record_freep))) Record *record = NULL;
        int r;

        r = record_new(&record);
        if (r < 0)
                return r;
        record_set_string(record, "op", op);
        if (text)
                record_set_string(record, key, text);
        record_set_u64(record, "serial", serial);
        if (strcmp(op, "token") == 0)
                record_set_bool(record, "running", serial != 0);
        return journal_file_append(fd, record);
}

static int by_serial(gconstpointer a, gconstpointer b) {
        uint64_t x = record_get_u64(*(Record *const *)a, "serial", 0);
        uint64_t y = record_get_u64(*(Record *const *)b, "serial", 0);

        return x < y ? -1 : x > y;
}

static GPtrArray *journal_sorted(Journal *journal) {
        GPtrArray *records = g_ptr_array_new();
        GHashTableIter iterator;
        gpointer record;

        g_hash_table_iter_init(&iterator, journal->objects);
        while (g_hash_table_iter_next(&iterator, NULL, &record))
                g_ptr_array_add(records, record);
        g_ptr_array_sort(records, by_serial);
        return records;
}

static int journal_write_all(Journal *journal, int fd) {
        g_autoptr(GPtrArray) records = journal_sorted(journal);
        GHashTableIter iterator;
        gpointer token;
        int r;

        r = append_new(fd, "boot", "boot", journal->boot, 0);
        if (r >= 0)
                r = append_new(fd, "reserve", NULL, NULL, journal->reserved);
        for (guint i = 0; r >= 0 && i < records->len; i++)
                r = journal_file_append(fd, records->pdata[i]);
        g_hash_table_iter_init(&iterator, journal->tokens);
        while (r >= 0 && g_hash_table_iter_next(&iterator, &token, NULL))
                r = append_new(fd, "token", "token", token, 1);
        return r;
}

/* Writes what stands into a new file and puts it in the place of the old one; both are locked while that happens. */
static int journal_rewrite(Journal *journal) {
        g_autofree char *temporary = g_strconcat(".", journal->name, NULL);
        int fd, r;

        (void)unlinkat(journal->directory_fd, temporary, 0);
        r = journal_file_open(journal->directory_fd, temporary, O_CREAT | O_EXCL, &fd);
        if (r < 0)
                return r;
        r = journal_write_all(journal, fd);
        if (r >= 0 && renameat(journal->directory_fd, temporary, journal->directory_fd, journal->name) < 0)
                r = -errno;
        if (r < 0) {
                (void)unlinkat(journal->directory_fd, temporary, 0);
                close(fd);
                return r;
        }

        close(journal->fd);
        journal->fd = fd;
        journal->appends = 0;
        return 0;
}

static int journal_append(Journal *journal, const Record *record) {
        int r;

        r = journal_file_append(journal->fd, record);
        if (r < 0)
                return r;
        if (++journal->appends < APPENDS_MIN || journal->appends <= 4 * g_hash_table_size(journal->objects))
                return 0;
        /* It stands in the file already: where there is no room for a new one, the old one goes on. */
        if (journal_rewrite(journal) < 0)
                journal->appends = 0;
        return 0;
}

static JournalObject object_of(const Record *record) {
        return (JournalObject){
                .serial = record_get_u64(record, "serial", 0),
                .address = record_get_string(record, "address", ""),
                .identity = record_get_string(record, "identity", ""),
                .lease = record_get_string(record, "lease", "none"),
                .expires = record_get_u64(record, "expires", 0),
                .adopted = record_get_bool(record, "adopted", false),
                .uid = (uid_t)record_get_u64(record, "uid", 0),
                .created = record_get_u64(record, "created", 0),
                .hold = record_get_bool(record, "hold", false),
        };
}

static bool lease_is_over(const JournalObject *object) {
        return strcmp(object->lease, "caller") == 0 ||
               (strcmp(object->lease, "duration") == 0 && object->expires <= now_boottime());
}

/* The journal of an instance that has died: ends what its leases and jobs cover, and leaves the rest to its next
 * start. */
static void journal_take_orphans(Journal *dead, const JournalHandlers *handlers, void *userdata) {
        g_autoptr(GPtrArray) records = journal_sorted(dead);
        GHashTableIter iterator;
        gpointer token;

        for (guint i = 0; i < records->len; i++) {
                JournalObject object = object_of(records->pdata[i]);

                if (object.adopted || !lease_is_over(&object))
                        continue;
                handlers->orphan(userdata, &object);
                (void)g_hash_table_remove(dead->objects, &object.serial);
        }
        g_hash_table_iter_init(&iterator, dead->tokens);
        while (g_hash_table_iter_next(&iterator, &token, NULL)) {
                handlers->token(userdata, token);
                g_hash_table_iter_remove(&iterator);
        }

        if (g_hash_table_size(dead->objects) == 0 && g_str_has_prefix(dead->name, JOURNAL_EMBEDDED))
                (void)unlinkat(dead->directory_fd, dead->name, 0);
        else
                (void)journal_rewrite(dead);
}

static void journal_look_at_others(Journal *journal, const JournalHandlers *handlers, void *userdata) {
        DIR *directory;
        int fd;

        fd = fcntl(journal->directory_fd, F_DUPFD_CLOEXEC, 3);
        directory = fd < 0 ? NULL : fdopendir(fd);
        if (!directory) {
                if (fd >= 0)
                        close(fd);
                return;
        }
        rewinddir(directory);
        for (struct dirent *entry; (entry = readdir(directory));) {
                Journal *dead;

                if (!g_str_has_prefix(entry->d_name, JOURNAL_PREFIX) || strcmp(entry->d_name, journal->name) == 0)
                        continue;
                dead = journal_blank(journal->directory_fd, journal->directory);
                dead->name = g_strdup(entry->d_name);
                if (journal_file_open(dead->directory_fd, dead->name, 0, &dead->fd) >= 0 && journal_load(dead) >= 0)
                        journal_take_orphans(dead, handlers, userdata);
                journal_release(dead);
        }
        (void)closedir(directory);
}

static int journal_lock(Journal *journal) {
        int r;

        for (int i = 0;; i++) {
                r = journal_file_open(journal->directory_fd, journal->name, O_CREAT, &journal->fd);
                if (r != -EWOULDBLOCK || i == LOCK_ATTEMPTS)
                        return r;
                g_usleep(5000); /* only at start, before the name is owned */
        }
}

int journal_open(const char *instance, const JournalHandlers *handlers, void *userdata, Journal **ret, Error *error) {
        g_autoptr(GPtrArray) records = NULL;
        g_autofree char *directory = NULL;
        GHashTableIter iterator;
        int directory_fd, r;
        Journal *journal;
        gpointer token;

        r = journal_directory_open(&directory, &directory_fd);
        if (r < 0)
                return error_set_errno(error, r,
                        "There is no private directory for the state of the service; set XDG_RUNTIME_DIR to one of "
                        "yours");

        journal = journal_blank(directory_fd, directory);
        journal->embedded = !instance;
        if (instance) {
                g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, instance, -1);

                journal->name = g_strdup_printf(JOURNAL_PREFIX "%.16s", sum);
        } else
                journal->name = g_strdup_printf(
                        JOURNAL_EMBEDDED "%d-%" G_GINT64_MODIFIER "x", (int)getpid(), now_boottime());

        r = journal_lock(journal);
        if (r >= 0 && handlers->locked)
                r = handlers->locked(userdata, error);
        if (r >= 0)
                r = journal_load(journal);
        if (r >= 0) {
                journal->reserved = journal->serial + SERIALS_RESERVED;
                records = journal_sorted(journal);
                for (guint i = 0; i < records->len; i++) {
                        JournalObject object = object_of(records->pdata[i]);

                        handlers->object(userdata, &object);
                }
                g_hash_table_iter_init(&iterator, journal->tokens);
                while (g_hash_table_iter_next(&iterator, &token, NULL))
                        handlers->token(userdata, token);
                g_hash_table_remove_all(journal->tokens);
                r = journal_rewrite(journal);
        }
        if (r < 0) {
                r = r == -EWOULDBLOCK ? error_set(error, ERROR_BUSY,
                                                "Another service works for this bus; it has the journal %s/%s.",
                                                journal->directory, journal->name)
                                      : error_set_errno(error, r, "The journal %s/%s cannot be used",
                                                journal->directory, journal->name);
                close(journal->directory_fd);
                journal_release(journal);
                return r;
        }

        journal_look_at_others(journal, handlers, userdata);
        *ret = journal;
        return 0;
}

Journal *journal_free(Journal *journal) {
        int directory_fd;

        if (!journal)
                return NULL;

        if (journal->embedded)
                (void)unlinkat(journal->directory_fd, journal->name, 0);
        directory_fd = journal->directory_fd;
        journal_release(journal);
        close(directory_fd);
        return NULL;
}

int journal_add(Journal *journal, const JournalObject *object) {
        Record *record;
        int r;

        r = record_new(&record);
        if (r < 0)
                return r;
        record_set_string(record, "op", "add");
        record_set_u64(record, "serial", object->serial);
        record_set_string(record, "address", object->address);
        record_set_string(record, "identity", object->identity);
        record_set_string(record, "lease", object->lease);
        record_set_u64(record, "expires", object->expires);
        record_set_bool(record, "adopted", object->adopted);
        record_set_u64(record, "uid", object->uid);
        record_set_u64(record, "created", object->created);
        record_set_bool(record, "hold", object->hold);

        journal_keep(journal, object->serial, record);
        r = journal_append(journal, record);
        if (r < 0)
                (void)g_hash_table_remove(journal->objects, &object->serial);
        return r;
}

int journal_drop(Journal *journal, uint64_t serial) {
        __attribute__((cleanup(record_freep))) Record *record = NULL;
        int r;

        if (!g_hash_table_remove(journal->objects, &serial))
                return 0;
        r = record_new(&record);
        if (r < 0)
                return r;
        record_set_string(record, "op", "drop");
        record_set_u64(record, "serial", serial);
        return journal_append(journal, record);
}

int journal_lease(Journal *journal, uint64_t serial, const char *lease, uint64_t expires) {
        __attribute__((cleanup(record_freep))) Record *record = NULL;
        int r;

        if (!g_hash_table_contains(journal->objects, &serial))
                return 0;
        r = record_new(&record);
        if (r < 0)
                return r;
        record_set_string(record, "op", "lease");
        record_set_u64(record, "serial", serial);
        record_set_string(record, "lease", lease);
        record_set_u64(record, "expires", expires);
        journal_apply(journal, record);
        return journal_append(journal, record);
}

int journal_token(Journal *journal, const char *token, bool running) {
        if (running)
                (void)g_hash_table_add(journal->tokens, g_strdup(token));
        else
                (void)g_hash_table_remove(journal->tokens, token);
        return append_new(journal->fd, "token", "token", token, running ? 1 : 0);
}

uint64_t journal_next_serial(Journal *journal) {
        uint64_t serial = journal->serial++;

        if (serial >= journal->reserved) {
                journal->reserved = serial + SERIALS_RESERVED;
                (void)append_new(journal->fd, "reserve", NULL, NULL, journal->reserved);
        }
        return serial;
}

const char *journal_directory(const Journal *journal) {
        return journal->directory;
}
