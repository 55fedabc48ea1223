/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Drives kinds with POSIX names, their scans and transports. */
#include "posix-fixture.h"

#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "mechanism-fixture.h"
#include "posix-name.h"
#include "scan.h"
#include "units.h"

enum {
        NOBODY = 65534,
        MESSAGE_MAX = 64,
};

void posix_fixture_remove(KernelObject *object) {
        Error error = {};

        g_assert_cmpint(kernel_object_verify(object, &error), ==, 0);
        g_assert_cmpint(object->mechanism->remove(object, &error), ==, 0);
        kernel_object_done(object);
}

static void assert_error(const Error *error, ErrorCode code, const char *text) {
        g_assert_cmpstr(error_code_name(error->code), ==, error_code_name(code));
        if (!strstr(error->message, text))
                g_error("\"%s\" does not say \"%s\"", error->message, text);
}

void posix_fixture_refused(const char *kind, ErrorCode code, const char *text, const char *option, const char *more) {
        KernelObject object;
        Error error = {};

        g_assert_cmpint(fixture_try_create(&object, &error, kind, option, more, NULL), <, 0);
        assert_error(&error, code, text);
}

void posix_fixture_open_refused(const char *address, ErrorCode code, const char *text) {
        KernelObject object;
        Error error = {};

        g_assert_cmpint(fixture_open(&object, address, NULL, &error), <, 0);
        assert_error(&error, code, text);
}

bool posix_fixture_can_be_other(void) {
        if (geteuid() == 0)
                return true;
        g_test_skip("only root can become another user");
        return false;
}

void posix_fixture_as_other(void (*function)(const char *address), const char *address) {
        int status;
        pid_t pid;

        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
                        setresuid(NOBODY, NOBODY, NOBODY) < 0)
                        _exit(1);
                function(address);
                _exit(0);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
}

typedef struct Search {
        const char *address;
        Record *found;
} Search;

static int search_row(Scan *scan, Record *row) {
        Search *search = scan->userdata;

        if (!search->found && strcmp(record_get_string(row, "address", ""), search->address) == 0)
                search->found = row;
        else
                record_free(row);
        return 0;
}

Record *posix_fixture_scan(const Mechanism *mechanism, const char *address) {
        Search search = { .address = address };
        Scan scan = { .row = search_row, .userdata = &search };

        g_assert_cmpint(mechanism->scan(&scan), ==, 0);
        return search.found;
}

static unsigned count_holds_of(KernelObject *object, pid_t pid) {
        CLEANUP(record_freep) Record *row = NULL;
        HolderKey keys[HOLDER_KEYS_MAX];
        ProcTable *table;
        const Value *holders;
        size_t n = HOLDER_KEYS_MAX;
        unsigned holds = 0;

        g_assert_cmpint(object->mechanism->holder_keys(object, keys, &n), ==, 0);
        g_assert_cmpint(proc_table_new(&table), ==, 0);
        g_assert_cmpint(record_new(&row), ==, 0);
        g_assert_cmpint(holders_append(table, keys, n, row), ==, 0);
        proc_table_free(table);
        holders = record_get(row, "holders");
        for (size_t i = 0; holders && i < holders->records.n; i++)
                if (record_get_u64(holders->records.items[i], "pid", 0) == (uint64_t)pid)
                        holds++;
        return holds;
}

/* A walk of /proc leaves the walker itself out: a child of this process looks. */
static unsigned count_own(KernelObject *object) {
        pid_t parent = getpid(), pid;
        int status;

        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0)
                _exit((int)count_holds_of(object, parent));
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFEXITED(status));
        return (unsigned)WEXITSTATUS(status);
}

void posix_fixture_assert_held_by_end(KernelObject *object) {
        unsigned before = count_own(object);
        Error error = {};
        void *memory;
        int fd = -1;

        g_assert_cmpint(object->mechanism->open_end(object, "", false, &fd, &error), ==, 0);
        g_assert_cmpuint(count_own(object), ==, before + 1);
        memory = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
        if (memory != MAP_FAILED) {
                g_assert_cmpuint(count_own(object), ==, before + 2);
                munmap(memory, 1);
        }
        close(fd);
        g_assert_cmpuint(count_own(object), ==, before);
}

static void link_prepare(Link *link, const char *kind, WaitMode wait, const char *token) {
        Error error = {};
        int r;

        *link = (Link)LINK_EMPTY;
        link->mechanism = mechanism_find(kind);
        g_assert_nonnull(link->mechanism);
        link->token = token;
        link->directory = g_get_tmp_dir();
        link->wait = wait;
        link->message_max = MESSAGE_MAX;
        r = link->mechanism->transport->setup(link, &error);
        g_assert_cmpstr(error.message, ==, "");
        g_assert_cmpint(r, ==, 0);
}

static void link_finish(Link *link) {
        link->mechanism->transport->detach(link);
        link->mechanism->transport->teardown(link);
        for (unsigned i = 0; i < LINK_FDS_MAX; i++) {
                g_assert_cmpint(link->fds[i], <, 0);
                g_assert_cmpint(link->own[i], <, 0);
        }
}

/* Starts the function as side 1 of the link in a process of its own, and attaches as side 0. */
static pid_t link_start(Link *link, int (*side)(Link *link)) {
        const Transport *transport = link->mechanism->transport;
        Error error = {};
        pid_t pid;

        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                int r;

                alarm(60);
                link->side = 1;
                r = transport->attach(link, NULL);
                if (r >= 0)
                        r = side(link);
                transport->detach(link);
                _exit(r < 0 ? -r : 0);
        }
        link->side = 0;
        g_assert_cmpint(transport->attach(link, &error), ==, 0);
        return pid;
}

static void side_ends(pid_t pid, int expected) {
        int status;

        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, expected);
}

/* Until it receives what only the last message is. */
static int echo(Link *link) {
        const Transport *transport = link->mechanism->transport;
        char buffer[MESSAGE_MAX];
        unsigned messages = (unsigned)link->words[3];
        ssize_t n;
        int r;

        for (unsigned i = 0; i < messages; i++) {
                n = transport->receive(link, buffer, sizeof buffer);
                if (n < 0)
                        return (int)n;
                r = transport->send(link, buffer, (size_t)n);
                if (r < 0)
                        return r;
        }
        return 0;
}

void posix_fixture_transport(const char *kind, WaitMode wait, unsigned messages) {
        g_autofree char *token = g_strdup_printf("unit%d%x", (int)getpid(), g_random_int());
        char sent[MESSAGE_MAX], received[MESSAGE_MAX];
        const Transport *transport;
        Link link;
        pid_t pid;

        link_prepare(&link, kind, wait, token);
        transport = link.mechanism->transport;
        g_assert_cmpuint(link.message_max, <=, transport->message_max);
        link.words[3] = messages;
        pid = link_start(&link, echo);
        g_assert_cmpint(transport->try_receive(&link, received, sizeof received), ==, -EAGAIN);
        if (transport->wait_readable)
                g_assert_cmpint(transport->wait_readable(&link, 1000), ==, -ETIMEDOUT);
        for (unsigned i = 0; i < messages; i++) {
                size_t size = i % (link.message_max + 1);

                memset(sent, (int)i, size);
                g_assert_cmpint(transport->send(&link, sent, size), ==, 0);
                if (i % 2 == 0 && transport->wait_readable)
                        g_assert_cmpint(transport->wait_readable(&link, 30 * USEC_PER_SEC), ==, 0);
                g_assert_cmpint(transport->receive(&link, received, sizeof received), ==, size);
                g_assert_cmpmem(received, size, sent, size);
        }
        side_ends(pid, 0);
        g_assert_cmpint(transport->try_send(&link, sent, link.message_max + 1), ==, -EMSGSIZE);
        link_finish(&link);
}

/* 0 is the end as well, as what is sent here has a byte. */
static int receive_to_end(Link *link) {
        char buffer[MESSAGE_MAX];
        ssize_t n;

        while ((n = link->mechanism->transport->receive(link, buffer, sizeof buffer)) > 0)
                ;
        return n < 0 ? (int)n : -EPIPE;
}

static int send_to_end(Link *link) {
        int r;

        while ((r = link->mechanism->transport->send(link, "x", 1)) >= 0)
                ;
        return r;
}

void posix_fixture_transport_close(const char *kind) {
        g_autofree char *token = g_strdup_printf("unit%d%x", (int)getpid(), g_random_int());
        const Transport *transport = mechanism_find(kind)->transport;
        char buffer[MESSAGE_MAX];
        Link link;
        pid_t pid;

        link_prepare(&link, kind, WAIT_BLOCK, token);
        pid = link_start(&link, receive_to_end);
        g_assert_cmpint(transport->send(&link, "x", 1), ==, 0);
        g_usleep(20000);
        transport->close_direction(&link, true);
        side_ends(pid, EPIPE);
        link_finish(&link);

        link_prepare(&link, kind, WAIT_BLOCK, token);
        pid = link_start(&link, send_to_end);
        g_assert_cmpint(transport->receive(&link, buffer, sizeof buffer), ==, 1);
        g_usleep(20000);
        transport->close_direction(&link, false);
        side_ends(pid, EPIPE);
        link_finish(&link);
}

void posix_fixture_sweep(const char *kind) {
        g_autofree char *token = g_strdup_printf("unit%d%x", (int)getpid(), g_random_int());
        g_autofree char *longer = g_strconcat(token, "1", NULL);
        const Mechanism *mechanism = mechanism_find(kind);
        Link first, second, other;
        char address[512];

        link_prepare(&first, kind, WAIT_BLOCK, token);
        link_prepare(&second, kind, WAIT_BLOCK, token);
        link_prepare(&other, kind, WAIT_BLOCK, longer);
        g_assert_cmpstr(first.names[0], !=, second.names[0]);
        mechanism->sweep(token);
        for (unsigned i = 0; i < POSIX_NAMES_PER_RUN; i++) {
                char name[POSIX_NAME_SIZE];

                g_assert_cmpint(posix_name_of_run(token, i, name, sizeof name), ==, 0);
                g_snprintf(address, sizeof address, "%s:%s", kind, name);
                posix_fixture_open_refused(address, ERROR_NO_SUCH_OBJECT, name);
        }
        g_assert_cmpint(other.mechanism->transport->attach(&other, NULL), ==, 0);
        link_finish(&other);
}
