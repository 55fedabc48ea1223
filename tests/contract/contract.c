/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What facets share: reading what a kind says of itself, making one, using one, and processes that hold one. */
#include "contract.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

bool kind_supports(const Proof *proof, const char *operation) {
        g_autofree const char **operations = NULL;

        g_assert_true(g_variant_lookup(proof->facts, "operations", "^a&s", &operations));
        return g_strv_contains(operations, operation);
}

char *kind_reason(const Proof *proof, const char *operation) {
        g_autoptr(GVariant) list = g_variant_lookup_value(proof->facts, "unsupported", G_VARIANT_TYPE("aa{sv}"));

        for (size_t i = 0; list != NULL && i < g_variant_n_children(list); i++) {
                g_autoptr(GVariant) entry = g_variant_get_child_value(list, i);
                const char *name = "", *reason = NULL;

                g_variant_lookup(entry, "operation", "&s", &name);
                if (g_str_equal(name, operation) && g_variant_lookup(entry, "reason", "&s", &reason))
                        return g_strdup(reason);
        }
        return NULL;
}

bool kind_has_interface(const Proof *proof, const char *interface) {
        g_autofree const char **interfaces = NULL;

        g_assert_true(g_variant_lookup(proof->facts, "interfaces", "^a&s", &interfaces));
        return g_strv_contains(interfaces, interface);
}

static char *bus_name(void) {
        static unsigned n;

        return g_strdup_printf("org.ipcbus1.contract.P%d.N%u", (int)getpid(), ++n);
}

/* Of this process alone, so that raw sockets of others get nothing of ours: 127/8 is all of this machine, and the
 * number of a process has 22 bits at most (PID_MAX_LIMIT in include/linux/threads.h). */
static char *loopback_host(void) {
        unsigned pid = (unsigned)getpid();

        return g_strdup_printf("127.%u.%u.%u", 64 + (pid >> 16 & 63), pid >> 8 & 255, pid & 255);
}

/* Numbers and the rest go as text: the service reads them by its own table, as ipcctl does. */
static void add_options(Fixture *fixture, GVariantDict *dictionary, const char *text) {
        g_auto(GStrv) words = g_strsplit(text, " ", -1);

        for (size_t i = 0; words[i] != NULL; i++) {
                char *value = strchr(words[i], '=');

                if (value == NULL)
                        continue;
                *value++ = '\0';
                g_autofree char *given = g_str_equal(value, "@name")   ? fixture_name(fixture)
                                         : g_str_equal(value, "@path") ? fixture_path(fixture)
                                         : g_str_equal(value, "@bus")  ? bus_name()
                                         : g_str_equal(value, "@host") ? loopback_host()
                                                                       : g_strdup(value);
                g_variant_dict_insert(dictionary, words[i], "s", given);
        }
}

GVariant *contract_options(Fixture *fixture, const char *text, const char *more) {
        GVariantDict dictionary;

        g_variant_dict_init(&dictionary, NULL);
        add_options(fixture, &dictionary, text != NULL ? text : "");
        add_options(fixture, &dictionary, more != NULL ? more : "");
        return g_variant_dict_end(&dictionary);
}

char *contract_create(Proof *proof, Fixture *fixture, const char *more, char **ret_path) {
        return fixture_create(
                fixture, proof->row->kind, contract_options(fixture, proof->row->create, more), ret_path);
}

void contract_remove(Fixture *fixture, const char *address) {
        g_autoptr(GError) error = NULL;

        ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error);
        g_assert_no_error(error);
}

/* `otherwise`: another error that is as right, or NULL. */
static char *refused(
        Fixture *fixture, const char *method, GVariant *arguments, const char *name, const char *otherwise) {
        g_autofree char *sentence = NULL;
        g_autoptr(GVariant) reply = NULL;
        GError *error = NULL;

        reply = g_dbus_connection_call_sync(fixture->connection, IPCBUS_BUS_NAME, IPCBUS_PATH,
                IPCBUS_INTERFACE_MANAGER, method, arguments, NULL, G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, &error);
        if (reply != NULL)
                g_error("%s was not refused; %s was expected", method, name);
        g_autofree char *remote = g_dbus_error_get_remote_error(error);
        g_autoptr(GError) copy = g_error_copy(error);
        g_dbus_error_strip_remote_error(copy);
        sentence = g_strdup(copy->message);
        if (!g_str_has_suffix(remote, name))
                g_test_message("%s: %s: %s", method, remote, sentence);
        assert_error(&error, otherwise != NULL && g_str_has_suffix(remote, otherwise) ? otherwise : name);
        return g_steal_pointer(&sentence);
}

char *contract_refused(Fixture *fixture, const char *method, GVariant *arguments, const char *name) {
        return refused(fixture, method, arguments, name, NULL);
}

static bool is_listed(Proof *proof, Fixture *fixture, const char *address) {
        g_autoptr(GVariant) row = contract_row(proof, fixture, address);

        return row != NULL;
}

/* What cannot be looked at from outside is answered with that reason, whether it is there or not; and where not all
 * processes may be looked into, nobody can say that what has no name is gone. */
void contract_gone(Proof *proof, Fixture *fixture, const char *method, const char *address) {
        const char *unseen = strchr(address, '[') != NULL ? "NotPermitted" : NULL;

        if (proof->row->number_goes_on)
                return;
        if (proof->row->process) {
                pid_t pid = (pid_t)strtol(strchr(address, ':') + 1, NULL, 10);

                WAIT_UNTIL(kill(pid, 0) < 0);
        }
        if (proof->row->released_later)
                WAIT_UNTIL(!is_listed(proof, fixture, address));
        g_free(refused(fixture, method, g_variant_new("(s)", address),
                kind_supports(proof, "adopt") ? "NoSuchObject" : "NotSupported", unseen));
}

void contract_unlisted(Proof *proof, Fixture *fixture, const char *address) {
        g_autoptr(GVariant) row = contract_row(proof, fixture, address);

        if (!proof->row->number_goes_on)
                g_assert_null(row);
}

GVariant *contract_describe(Fixture *fixture, const char *address) {
        g_autoptr(GError) error = NULL;
        GVariant *attributes = NULL;

        ipcbus_manager_call_describe_sync(fixture->manager, address, PLAINLY, &attributes, NULL, &error);
        g_assert_no_error(error);
        return attributes;
}

GVariant *contract_row(Proof *proof, Fixture *fixture, const char *address) {
        const char *kinds[] = { proof->row->kind, NULL };
        g_autoptr(GVariant) rows = NULL;
        g_autoptr(GError) error = NULL;

        ipcbus_manager_call_list_kernel_objects_sync(fixture->manager,
                options("kinds", "^as", kinds, "holders", "b", TRUE, NULL), PLAINLY, &rows, NULL, &error);
        g_assert_no_error(error);
        for (size_t i = 0; i < g_variant_n_children(rows); i++) {
                g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);
                const char *listed = "", *kind = "", *reason = NULL;

                g_variant_lookup(row, "kind", "&s", &kind);
                g_assert_cmpstr(kind, ==, proof->row->kind);
                if (g_variant_lookup(row, "reason", "&s", &reason))
                        g_error("%s cannot be listed: %s", kind, reason);
                g_variant_lookup(row, "address", "&s", &listed);
                if (g_str_equal(listed, address))
                        return g_steal_pointer(&row);
        }
        return NULL;
}

bool holders_have(GVariant *attributes, gint64 pid) {
        g_autoptr(GVariant) holders = g_variant_lookup_value(attributes, "holders", G_VARIANT_TYPE("aa{sv}"));

        g_assert_nonnull(holders);
        for (size_t i = 0; i < g_variant_n_children(holders); i++) {
                g_autoptr(GVariant) holder = g_variant_get_child_value(holders, i);
                const char *command = NULL, *how = NULL;
                guint64 number = 0;

                g_assert_true(g_variant_lookup(holder, "pid", "t", &number));
                g_assert_true(g_variant_lookup(holder, "command", "&s", &command) && *command != '\0');
                g_assert_true(g_variant_lookup(holder, "how", "&s", &how) && *how != '\0');
                if ((gint64)number == pid)
                        return true;
        }
        return false;
}

/* --- One use --- */

static void send_bytes(Proof *proof, Fixture *fixture, const char *address, const char *data, const char *more) {
        g_autoptr(GError) error = NULL;
        guint64 sent = 0;

        ipcbus_manager_call_send_sync(fixture->manager, address, bytes(data, strlen(data)),
                contract_options(fixture, proof->row->send, more), PLAINLY, &sent, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(sent, ==, strlen(data));
}

static void receive_bytes(Proof *proof, Fixture *fixture, const char *address, const char *wanted, const char *more) {
        g_autoptr(GVariant) data = NULL, meta = NULL;
        g_autoptr(GError) error = NULL;

        ipcbus_manager_call_receive_sync(fixture->manager, address,
                contract_options(fixture, proof->row->receive, more), PLAINLY, &data, &meta, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpmem(g_variant_get_data(data), g_variant_get_size(data), wanted, strlen(wanted));
}

static void use_semaphore(Proof *proof, Fixture *fixture, const char *address) {
        g_autoptr(GVariant) meta = NULL;
        g_autoptr(GError) error = NULL;

        ipcbus_manager_call_post_sync(fixture->manager, address, 1, contract_options(fixture, proof->row->post, NULL),
                PLAINLY, NULL, &error);
        g_assert_no_error(error);
        ipcbus_manager_call_wait_sync(fixture->manager, address,
                contract_options(fixture, proof->row->receive, "timeout=10s"), PLAINLY, &meta, NULL, &error);
        g_assert_no_error(error);
        g_free(contract_refused(fixture, "Wait",
                g_variant_new("(s@a{sv})", address, contract_options(fixture, proof->row->receive, NULL)),
                "TimedOut"));
}

void contract_use(Proof *proof, Fixture *fixture, const char *address) {
        const Contract *row = proof->row;

        if (row->use != NULL) {
                row->use(proof, fixture, address);
        } else if (kind_has_interface(proof, IPCBUS_INTERFACE_SEMAPHORE)) {
                use_semaphore(proof, fixture, address);
        } else if (kind_has_interface(proof, IPCBUS_INTERFACE_MEMORY)) {
                send_bytes(proof, fixture, address, "contract", "offset=8");
                receive_bytes(proof, fixture, address, "contract", "offset=8 size=8");
        } else if (kind_has_interface(proof, IPCBUS_INTERFACE_SIGNALS)) {
                send_bytes(proof, fixture, address, "", NULL);
                receive_bytes(proof, fixture, address, row->taken, "timeout=10s");
        } else {
                send_bytes(proof, fixture, address, "contract", "timeout=10s");
                receive_bytes(proof, fixture, address, row->taken != NULL ? row->taken : "contract", "timeout=10s");
        }
}

/* --- Processes that hold --- */

static void die_with_test(gpointer data) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static GSubprocess *holder_of_end(Proof *proof, Fixture *fixture, const char *address) {
        g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE);
        g_autoptr(GUnixFDList) list = NULL;
        g_autoptr(GVariant) index = NULL;
        g_autoptr(GError) error = NULL;
        GSubprocess *process;
        int fd;

        ipcbus_manager_call_open_end_sync(fixture->manager, address, proof->row->end,
                options("take", "b", (gboolean)proof->row->take, NULL), PLAINLY, NULL, &index, &list, NULL, &error);
        g_assert_no_error(error);
        fd = g_unix_fd_list_get(list, 0, &error);
        g_assert_no_error(error);
        g_subprocess_launcher_take_fd(launcher, fd, 3);
        g_subprocess_launcher_set_child_setup(launcher, die_with_test, NULL, NULL);
        process = g_subprocess_launcher_spawn(launcher, &error, "/bin/sleep", "600", NULL);
        g_assert_no_error(error);
        return process;
}

static GSubprocess *holder_by_itself(Proof *proof, const char *address) {
        g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE);
        g_autoptr(GError) error = NULL;
        GSubprocess *process;
        char answer[6] = "";

        g_subprocess_launcher_set_child_setup(launcher, die_with_test, NULL, NULL);
        process = g_subprocess_launcher_spawn(
                launcher, &error, "/proc/self/exe", "--hold", proof->row->kind, address, NULL);
        g_assert_no_error(error);
        g_input_stream_read_all(g_subprocess_get_stdout_pipe(process), answer, strlen("ready"), NULL, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(answer, ==, "ready");
        return process;
}

GSubprocess *contract_holder(Proof *proof, Fixture *fixture, const char *address) {
        return proof->row->end != NULL ? holder_of_end(proof, fixture, address) : holder_by_itself(proof, address);
}

void contract_kill(GSubprocess *process) {
        g_subprocess_force_exit(process);
        g_subprocess_wait(process, NULL, NULL);
}

int contract_hold_main(const char *kind, const char *address) {
        for (size_t i = 0; i < contract_rows_size; i++) {
                if (!g_str_equal(contract_rows[i].kind, kind))
                        continue;
                int r = contract_rows[i].hold(address);
                if (r < 0) {
                        fprintf(stderr, "%s cannot be held: %s\n", address, g_strerror(-r));
                        return 1;
                }
                puts("ready");
                fflush(stdout);
                for (;;)
                        pause();
        }
        return 2;
}
