/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes come out as they went in: all 256 values, from every client to every other, large streams and memory. */
#include "cli.h"

#include <string.h>

enum { ALL = 256 };

typedef struct Peer {
        const char *name;
        void (*send)(Fixture *fixture, const char *address, const unsigned char *data);
        void (*receive)(Fixture *fixture, const char *address, unsigned char *ret_data);
} Peer;

static void cli_send(Fixture *fixture, const char *address, const unsigned char *data) {
        g_autoptr(GBytes) input = g_bytes_new(data, ALL);
        g_autoptr(CliResult) result = cli_run(fixture, input, "send", address, "-", NULL);

        g_assert_cmpstr(result->errors, ==, "");
        g_assert_cmpint(result->status, ==, 0);
}

static void cli_receive(Fixture *fixture, const char *address, unsigned char *ret_data) {
        g_autoptr(CliResult) result = cli_run(fixture, NULL, "receive", address, "--timeout", "10", NULL);

        g_assert_cmpint(result->status, ==, 0);
        g_assert_cmpuint(g_bytes_get_size(result->bytes), ==, ALL);
        memcpy(ret_data, result->output, ALL);
}

static void proxy_send(Fixture *fixture, const char *address, const unsigned char *data) {
        g_autoptr(GError) error = NULL;
        guint64 sent;

        ipcbus_manager_call_send_sync(
                fixture->manager, address, bytes(data, ALL), NO_OPTIONS, PLAINLY, &sent, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(sent, ==, ALL);
}

static void proxy_receive(Fixture *fixture, const char *address, unsigned char *ret_data) {
        g_autoptr(GVariant) data = NULL, meta = NULL;
        g_autoptr(GError) error = NULL;
        gsize size;

        ipcbus_manager_call_receive_sync(fixture->manager, address, NO_OPTIONS, PLAINLY, &data, &meta, NULL, &error);
        g_assert_no_error(error);
        const void *got = g_variant_get_fixed_array(data, &size, 1);
        g_assert_cmpuint(size, ==, ALL);
        memcpy(ret_data, got, ALL);
}

/* busctl wants arrays as a count and decimal numbers; so it prints them. */
static void busctl_send(Fixture *fixture, const char *address, const unsigned char *data) {
        g_autoptr(GString) command = g_string_new(
                "busctl --user call org.ipcbus1 /org/ipcbus1 org.ipcbus1.Manager Send 'saya{sv}' ");

        g_string_append_printf(command, "'%s' %d", address, ALL);
        for (size_t i = 0; i < ALL; i++)
                g_string_append_printf(command, " %u", data[i]);
        g_string_append(command, " 0");
        g_autoptr(CliResult) result = cli_shell(fixture, command->str);
        g_assert_cmpstr(result->errors, ==, "");
        g_assert_cmpstr(result->output, ==, "t 256\n");
}

static void numbers_from(const char *text, unsigned char *ret_data) {
        for (size_t i = 0; i < ALL; i++) {
                char *end;
                guint64 value = g_ascii_strtoull(text, &end, 0);
                g_assert_true(end != text && value < 256);
                ret_data[i] = (unsigned char)value;
                text = end + strspn(end, ", ");
        }
}

static void busctl_receive(Fixture *fixture, const char *address, unsigned char *ret_data) {
        g_autofree char *command = g_strdup_printf(
                "busctl --user call org.ipcbus1 /org/ipcbus1 org.ipcbus1.Manager Receive 'sa{sv}' '%s' 0", address);
        g_autoptr(CliResult) result = cli_shell(fixture, command);

        g_assert_cmpstr(result->errors, ==, "");
        g_assert_true(g_str_has_prefix(result->output, "aya{sv} 256 "));
        numbers_from(result->output + strlen("aya{sv} 256 "), ret_data);
}

/* gdbus takes and prints GVariant text: ([byte 0x00, 0x01, ...], {...}) */
static void gdbus_send(Fixture *fixture, const char *address, const unsigned char *data) {
        g_autoptr(GString) command = g_string_new(
                "gdbus call --session -d org.ipcbus1 -o /org/ipcbus1 -m org.ipcbus1.Manager.Send ");

        g_string_append_printf(command, "'%s' '[", address);
        for (size_t i = 0; i < ALL; i++)
                g_string_append_printf(command, "%s0x%02x", i > 0 ? ", " : "byte ", data[i]);
        g_string_append(command, "]' '{}'");
        g_autoptr(CliResult) result = cli_shell(fixture, command->str);
        g_assert_cmpstr(result->errors, ==, "");
        g_assert_cmpstr(result->output, ==, "(uint64 256,)\n");
}

static void gdbus_receive(Fixture *fixture, const char *address, unsigned char *ret_data) {
        g_autofree char *command = g_strdup_printf(
                "gdbus call --session -d org.ipcbus1 -o /org/ipcbus1 -m org.ipcbus1.Manager.Receive '%s' '{}'",
                address);
        g_autoptr(CliResult) result = cli_shell(fixture, command);

        g_assert_cmpstr(result->errors, ==, "");
        g_assert_true(g_str_has_prefix(result->output, "([byte "));
        numbers_from(result->output + strlen("([byte "), ret_data);
}

static const Peer peers[] = {
        { "ipcctl", cli_send, cli_receive },
        { "generated proxy", proxy_send, proxy_receive },
        { "busctl", busctl_send, busctl_receive },
        { "gdbus", gdbus_send, gdbus_receive },
};

/* From NUL on: what stops at the first NUL has nothing. */
static void test_all_values(Fixture *fixture, gconstpointer arguments) {
        static const char *const kinds[] = { "mq-posix", "fifo", "unix-dgram" };
        unsigned char data[ALL], got[ALL];

        for (size_t i = 0; i < ALL; i++)
                data[i] = (unsigned char)i;
        for (size_t kind = 0; kind < G_N_ELEMENTS(kinds); kind++) {
                g_autofree char *path = fixture_path(fixture), *option = g_strconcat("path=", path, NULL);
                g_autofree char *address = strcmp(kinds[kind], "mq-posix") == 0
                                                   ? cli_queue(fixture)
                                                   : cli_create(fixture, kinds[kind], option, NULL);
                for (size_t i = 0; i < G_N_ELEMENTS(peers); i++)
                        for (size_t k = 0; k < G_N_ELEMENTS(peers); k++) {
                                g_test_message("%s: from %s to %s", kinds[kind], peers[i].name, peers[k].name);
                                peers[i].send(fixture, address, data);
                                peers[k].receive(fixture, address, got);
                                g_assert_cmpmem(data, ALL, got, ALL);
                        }
                cli_ok(fixture, "", "remove", address, NULL);
        }
}

static void check_same(Fixture *fixture, const char *command) {
        g_autoptr(CliResult) result = cli_shell(fixture, command);

        if (result->status != 0)
                g_test_message("%s\n%s%s", command, result->output, result->errors);
        g_assert_cmpint(result->status, ==, 0);
        g_assert_cmpstr(result->errors, ==, "");
}

/* Both sides through descriptors; the end of the sender is the end of the stream. */
static void test_large_stream(Fixture *fixture, gconstpointer arguments) {
        check_same(fixture, "set -e -o pipefail; cd $PLACE; head -c 50M /dev/urandom > in\n"
                            "ipcctl create fifo path=$PLACE/f hold=false > /dev/null\n"
                            "ipcctl send fifo:$PLACE/f - < in &\n"
                            "ipcctl receive fifo:$PLACE/f --follow | cmp - in\n"
                            "wait $!\n"
                            "ipcctl send fifo:$PLACE/f - < in &\n"
                            "ipcctl receive fifo:$PLACE/f --follow > out; cmp out in; wait $!\n"
                            "ipcctl remove fifo:$PLACE/f; rm in out\n");
}

/* A FIFO that others made, and whose other end others have. */
static void test_foreign_fifo(Fixture *fixture, gconstpointer arguments) {
        check_same(fixture,
                "set -e -o pipefail; cd $PLACE; mkfifo f; seq 300000 > in\n"
                "cat f > out & ipcctl send fifo:$PLACE/f - < in; wait $!; cmp in out\n"
                "(sleep 0.1; cat in > f) & ipcctl receive fifo:$PLACE/f --follow > out; cmp in out; wait $!\n"
                "(sleep 0.1; cat in > f) & ipcctl receive fifo:$PLACE/f --follow --count 1000 --size 4K > out || "
                "true\n"
                "cmp in out; wait $!; rm f in out\n");
}

static void test_large_socket(Fixture *fixture, gconstpointer arguments) {
        check_same(fixture, "set -e -o pipefail; cd $PLACE; head -c 20M /dev/urandom > in\n"
                            "ipcctl create unix-stream path=$PLACE/s > /dev/null\n"
                            "ipcctl send unix-stream:$PLACE/s - < in &\n"
                            "ipcctl receive unix-stream:$PLACE/s --follow > out; cmp out in; wait $!\n"
                            "ipcctl remove unix-stream:$PLACE/s; rm in out\n");
}

/* More than one message of the bus carries. */
static void test_large_memory(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *name = fixture_name(fixture);
        g_autofree char *command = g_strdup_printf(
                "set -e -o pipefail; cd $PLACE; A=shm-posix:%s; head -c 40M /dev/urandom > in\n"
                "ipcctl create shm-posix name=%s size=40M > /dev/null\n"
                "ipcctl send $A - < in; ipcctl receive $A | cmp - in\n"
                "ipcctl receive $A --offset 15M --size 20M > out; cmp out <(tail -c +15728641 in | head -c 20M)\n"
                "ipcctl remove $A; rm in out\n",
                name, name);

        check_same(fixture, command);
}

/* Nothing is taken that cannot be printed, and what goes wrong with the output is told. */
static void test_outputs(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *name = fixture_name(fixture);
        g_autofree char *command = g_strdup_printf(
                "cd $PLACE; exec 3>&1; A=mq-posix:%s; ipcctl create mq-posix name=%s "
                "max_messages=3 message_size=1K >/dev/null; ipcctl send $A kept\n"
                "ipcctl receive $A >&-; echo \"closed $?\"\n"
                "{ ipcctl receive $A; echo \"gone $?\" >&3; } | true\n"
                "ipcctl receive $A --timeout 5; echo \" $?\"\n"
                "{ ipcctl receive $A; echo \"left $?\" >&3; } | sleep 0.2\n"
                "ipcctl kinds >/dev/full; echo \"full $?\"\n"
                "ipcctl kinds --json >/dev/full; echo \"full $?\"\n"
                "ipcctl send $A x; ipcctl receive $A >/dev/full; echo \"full $?\"\n"
                "ipcctl kinds <&- 2>&- | head -c 4; echo\n"
                "ipcctl remove $A\n",
                name, name);
        g_autoptr(CliResult) result = cli_shell(fixture, command);

        g_assert_cmpstr(result->output, ==, "closed 1\ngone 1\nkept 0\nleft 1\nfull 1\nfull 1\nfull 1\nKIND\n");
        g_assert_cmpstr(result->errors, ==,
                "ipcctl: standard output cannot be written to: nothing was received\n"
                "ipcctl: cannot write to standard output: No space left on device\n"
                "ipcctl: cannot write to standard output: No space left on device\n"
                "ipcctl: cannot write to standard output: No space left on device\n");
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/cli/bytes/all-values", NULL, test_all_values);
        FIXTURE_TEST("/cli/bytes/large-stream", NULL, test_large_stream);
        FIXTURE_TEST("/cli/bytes/foreign-fifo", NULL, test_foreign_fifo);
        FIXTURE_TEST("/cli/bytes/large-socket", NULL, test_large_socket);
        FIXTURE_TEST("/cli/bytes/large-memory", NULL, test_large_memory);
        FIXTURE_TEST("/cli/bytes/outputs", NULL, test_outputs);
        return g_test_run();
}
