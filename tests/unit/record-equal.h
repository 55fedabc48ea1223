/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Are two records the same, order and all? Compared through what record.h offers, not through their packets. */
#pragma once

#include <stdbool.h>
#include <string.h>

#include "record.h"

static inline bool record_equal(const Record *a, const Record *b);

static inline bool value_equal(const Value *a, const Value *b) {
        bool equal = a->type == b->type;

        if (!equal)
                return false;
        switch (a->type) {
        case VALUE_STRING:
                return strcmp(a->string, b->string) == 0;
        case VALUE_BYTES:
                return a->bytes.size == b->bytes.size &&
                       (a->bytes.size == 0 || memcmp(a->bytes.data, b->bytes.data, a->bytes.size) == 0);
        case VALUE_BOOL:
                return a->boolean == b->boolean;
        case VALUE_DOUBLE:
                /* By its bits: not-a-number has to come back as well. */
                return memcmp(&a->number, &b->number, sizeof(a->number)) == 0;
        case VALUE_STRINGS:
                for (size_t i = 0; equal && i < a->strings.n; i++)
                        equal = i < b->strings.n && strcmp(a->strings.items[i], b->strings.items[i]) == 0;
                return equal && a->strings.n == b->strings.n && !a->strings.items[a->strings.n] &&
                       !b->strings.items[b->strings.n];
        case VALUE_U64S:
                return a->u64s.n == b->u64s.n &&
                       (a->u64s.n == 0 ||
                               memcmp(a->u64s.items, b->u64s.items, a->u64s.n * sizeof(a->u64s.items[0])) == 0);
        case VALUE_RECORDS:
                for (size_t i = 0; equal && i < a->records.n; i++)
                        equal = i < b->records.n && record_equal(a->records.items[i], b->records.items[i]);
                return equal && a->records.n == b->records.n;
        default:
                return a->u64 == b->u64;
        }
}

static inline bool record_equal(const Record *a, const Record *b) {
        if (record_size(a) != record_size(b))
                return false;
        for (size_t i = 0; i < record_size(a); i++) {
                const Value *x, *y;
                const char *key = record_entry(a, i, &x);

                if (strcmp(key, record_entry(b, i, &y)) != 0 || !value_equal(x, y))
                        return false;
        }
        return true;
}
