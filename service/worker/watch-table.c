/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of scans, kept from one to the next. Both lists are sorted, so that one pass over them tells the difference; a
 * list owns its rows. */
#include "watch-table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

/* What tells an object from a later one at the same address. An identifier is better than an identity, which may hold
 * a time that moves with its mode. */
static void identity_of_row(const Record *row, char ret[IDENTITY_MAX]) {
        static const char *const keys[] = { "id", "identity", "socket_inode", "inode" };

        ret[0] = '\0';
        for (size_t i = 0; i < sizeof keys / sizeof *keys && ret[0] == '\0'; i++) {
                const Value *value = record_get(row, keys[i]);

                if (value && value->type == VALUE_U64)
                        snprintf(ret, IDENTITY_MAX, "%" PRIu64, value->u64);
                else if (value && value->type == VALUE_STRING)
                        snprintf(ret, IDENTITY_MAX, "%s", value->string);
        }
}

int seen_fill(Seen *seen, Record *row) {
        int r = record_error(row);

        if (r < 0) {
                record_free(row);
                return r;
        }
        *seen = (Seen){ .row = row, .address = record_get_string(row, "address", "") };
        identity_of_row(row, seen->identity);
        return 0;
}

void seen_done(Seen *seen) {
        record_free(seen->row);
        *seen = (Seen){};
}

int seen_list_add(SeenList *list, Record *row) {
        int r;

        if (list->n == list->allocated) {
                size_t allocated = list->allocated > 0 ? 2 * list->allocated : 64;
                Seen *items = reallocarray(list->items, allocated, sizeof(*items));

                if (!items) {
                        record_free(row);
                        return -ENOMEM;
                }
                list->items = items;
                list->allocated = allocated;
        }
        r = seen_fill(&list->items[list->n], row);
        if (r >= 0)
                list->n++;
        return r;
}

static int compare(const void *a, const void *b) {
        const Seen *x = a, *y = b;
        int r = strcmp(x->address, y->address);

        return r != 0 ? r : strcmp(x->identity, y->identity);
}

void seen_list_sort(SeenList *list) {
        size_t out = 0;

        if (list->n > 0)
                qsort(list->items, list->n, sizeof(*list->items), compare);
        for (size_t i = 0; i < list->n; i++) {
                if (out > 0 && compare(&list->items[out - 1], &list->items[i]) == 0)
                        seen_done(&list->items[i]);
                else
                        list->items[out++] = list->items[i];
        }
        list->n = out;
}

void seen_list_done(SeenList *list) {
        for (size_t i = 0; i < list->n; i++)
                seen_done(&list->items[i]);
        free(list->items);
        *list = (SeenList){};
}

/* At the same address the old one is told to have vanished before the new one appears. */
int seen_list_compare(const SeenList *before, SeenList *now, SeenSink *sink) {
        size_t i = 0, j = 0;
        int r = 0;

        while (r >= 0 && (i < before->n || j < now->n)) {
                const Seen *old = i < before->n ? &before->items[i] : NULL;
                Seen *new = j < now->n ? &now->items[j] : NULL;
                int order = !old ? 1 : !new ? -1 : strcmp(old->address, new->address);

                if (order == 0 && strcmp(old->identity, new->identity) == 0) {
                        r = sink->stayed(sink, old, new);
                        i++, j++;
                } else if (order <= 0) {
                        r = sink->vanished(sink, old);
                        i++;
                } else {
                        r = sink->appeared(sink, new);
                        j++;
                }
        }
        return r;
}

int seen_compare(const Seen *before, Seen *now, SeenSink *sink) {
        const SeenList old = { .items = (Seen *)before, .n = before->row ? 1 : 0 };
        SeenList new = { .items = now, .n = now->row ? 1 : 0 };

        return seen_list_compare(&old, &new, sink);
}

static bool value_equal(const Value *x, const Value *y) {
        if (x->type != y->type)
                return false;
        switch (x->type) {
        case VALUE_STRING:
                return strcmp(x->string, y->string) == 0;
        case VALUE_U64:
                return x->u64 == y->u64;
        case VALUE_I64:
                return x->i64 == y->i64;
        case VALUE_BOOL:
                return x->boolean == y->boolean;
        case VALUE_BYTES:
                return x->bytes.size == y->bytes.size && memcmp(x->bytes.data, y->bytes.data, x->bytes.size) == 0;
        case VALUE_U64S:
                return x->u64s.n == y->u64s.n && (x->u64s.n == 0 || memcmp(x->u64s.items, y->u64s.items,
                                                                            x->u64s.n * sizeof(*x->u64s.items)) == 0);
        case VALUE_STRINGS:
                if (x->strings.n != y->strings.n)
                        return false;
                for (size_t i = 0; i < x->strings.n; i++)
                        if (strcmp(x->strings.items[i], y->strings.items[i]) != 0)
                                return false;
                return true;
        default:
                /* A measured figure, or records within: not what an object is. */
                return true;
        }
}

/* Told in their own way, or not about the object but about the scan. */
static bool is_attribute(const char *key) {
        static const char *const others[] = { "kind", "address", "identity", "id", "note", "holders",
                "holders_complete", "holders_unknown", "holders_omitted", "holders_count", "processes",
                "processes_unread", "process_unread" };

        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
                if (strcmp(others[i], key) == 0)
                        return false;
        return true;
}

static bool holder_equal(const Record *x, const Record *y) {
        return record_get_u64(x, "pid", 0) == record_get_u64(y, "pid", 0) &&
               strcmp(record_get_string(x, "how", ""), record_get_string(y, "how", "")) == 0;
}

/* Those of `in` that are not in `out_of`, as text under `key`; 1 if there are any. */
static int add_holders(const Value *in, const Value *out_of, const char *key, Record *details) {
        enum { TOLD_MAX = 16 };
        const char *texts[TOLD_MAX];
        size_t n = 0;
        int r = 0;

        for (size_t i = 0; i < in->records.n && n < TOLD_MAX; i++) {
                const Record *holder = in->records.items[i];
                bool found = false;
                char *text;

                for (size_t j = 0; j < out_of->records.n && !found; j++)
                        found = holder_equal(holder, out_of->records.items[j]);
                if (found)
                        continue;
                if (asprintf(&text, "%s(%" PRIu64 ") %s", record_get_string(holder, "command", ""),
                            record_get_u64(holder, "pid", 0), record_get_string(holder, "how", "")) < 0) {
                        r = -ENOMEM;
                        break;
                }
                texts[n++] = text;
        }
        if (r >= 0 && n > 0)
                record_set_strings(details, key, texts, n);
        for (size_t i = 0; i < n; i++)
                free((char *)texts[i]);
        return r < 0 ? r : n > 0;
}

static int holder_changes(const Seen *before, const Seen *now, Record *details) {
        const Value *old = record_get(before->row, "holders"), *new = record_get(now->row, "holders");
        int came, gone;

        if (!old || !new || old->type != VALUE_RECORDS || new->type != VALUE_RECORDS)
                return 0;
        came = add_holders(new, old, "holder_came", details);
        gone = came < 0 ? came : add_holders(old, new, "holder_gone", details);
        return gone < 0 ? gone : came + gone;
}

int seen_changes(const Seen *before, const Seen *now, Record *details) {
        const Value *value;
        int n = 0, r;

        for (size_t i = 0; i < record_size(now->row); i++) {
                const char *key = record_entry(now->row, i, &value);
                const Value *old = record_get(before->row, key);

                if (!is_attribute(key) || (old && value_equal(old, value)))
                        continue;
                record_set_value(details, key, value);
                n++;
        }
        r = holder_changes(before, now, details);
        return r < 0 ? r : n + r;
}
