/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For kinds whose objects stand at a path: a directory of its own for each test, which fails if anything is left in it
 * or any descriptor is open after it, and searching in a scan. */
#pragma once

#include "mechanism-fixture.h"
#include "scan.h"

typedef struct PathFixture {
        char *directory;
        char *path;
        char *address; /* "fifo:/…" */
        char *option;  /* "path=/…" */
        unsigned descriptors;
} PathFixture;

/* `data` is the kind. */
void path_fixture_set_up(PathFixture *f, gconstpointer data);
void path_fixture_tear_down(PathFixture *f, gconstpointer data);

#define PATH_TEST(kind, name, function) \
        g_test_add("/" kind "/" name, PathFixture, kind, path_fixture_set_up, function, path_fixture_tear_down)

/* Verifies that it is still the same, removes it and closes it. */
void path_fixture_remove(KernelObject *object);
/* Fails with that code and a sentence that has that word in it; `two` may be NULL. */
void path_fixture_assert_refused(const char *kind, const char *one, const char *two, ErrorCode code, const char *word);
/* A socket of that type that is connected to the path. */
int path_fixture_connect(const char *path, int type);
/* The row of that address, with holders; NULL where there is none, fails where there are two. */
Record *fixture_scan(const char *kind, const char *address);
