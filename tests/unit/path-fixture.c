/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Paths, clients and scans for the tests of kinds. */
#include "path-fixture.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "cleanup.h"

void path_fixture_set_up(PathFixture *f, gconstpointer data) {
        f->directory = fixture_directory_new();
        f->path = g_strdup_printf("%s/object", f->directory);
        f->address = g_strdup_printf("%s:%s", (const char *)data, f->path);
        f->option = g_strdup_printf("path=%s", f->path);
        f->descriptors = fixture_descriptors();
}

void path_fixture_tear_down(PathFixture *f, gconstpointer data) {
        g_assert_cmpuint(fixture_descriptors(), ==, f->descriptors);
        fixture_directory_done(f->directory);
        g_free(f->path);
        g_free(f->address);
        g_free(f->option);
}

void path_fixture_remove(KernelObject *object) {
        Error error = {};

        g_assert_cmpint(kernel_object_verify(object, &error), ==, 0);
        g_assert_cmpint(object->mechanism->remove(object, &error), ==, 0);
        kernel_object_done(object);
}

void path_fixture_assert_refused(
        const char *kind, const char *one, const char *two, ErrorCode code, const char *word) {
        KernelObject object;
        Error error = {};

        g_assert_cmpint(fixture_try_create(&object, &error, kind, one, two, NULL), <, 0);
        g_assert_cmpstr(error_code_name(error.code), ==, error_code_name(code));
        if (!strstr(error.message, word))
                g_error("\"%s\" does not say \"%s\"", error.message, word);
}

int path_fixture_connect(const char *path, int type) {
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

        g_strlcpy(name.sun_path, path, sizeof name.sun_path);
        g_assert_cmpint(connect(fd, (struct sockaddr *)&name, sizeof name), ==, 0);
        return fd;
}

typedef struct Search {
        Scan scan;
        const char *address;
        Record *found;
} Search;

static int search_row(Scan *scan, Record *row) {
        Search *search = scan->userdata;

        g_assert_cmpint(record_error(row), ==, 0);
        if (strcmp(record_get_string(row, "address", ""), search->address) == 0) {
                g_assert_null(search->found);
                search->found = row;
        } else
                record_free(row);
        return 0;
}

Record *fixture_scan(const char *kind, const char *address) {
        const Mechanism *mechanism = mechanism_find(kind);
        Search search = { .scan.row = search_row, .address = address };
        ProcTable *table;

        search.scan.userdata = &search;
        g_assert_cmpint(proc_table_new(&table), ==, 0);
        search.scan.table = table;
        g_assert_cmpint(mechanism->scan(&search.scan), ==, 0);
        proc_table_free(table);
        return search.found;
}
