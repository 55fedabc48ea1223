/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory as a person uses it: sizes, seals, offsets over 4 GiB, files on a disk and on a tmpfs, and what is refused.
 */
#include "cli.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

static char *make_file(Fixture *fixture, const char *place, const char *size) {
        g_autofree char *path = g_strdup_printf("path=%s/ipcbus-cli-%d-%x", place, (int)getpid(), g_random_int());

        return cli_create(fixture, "mmap", path, size, NULL);
}

static void use_memory(Fixture *fixture, const char *address) {
        cli_ok(fixture, "", "send", address, "hello", NULL);
        cli_ok(fixture, "hello", "receive", address, "--size", "5", NULL);
        cli_ok(fixture, "", "resize", address, "5G", NULL);
        cli_ok(fixture, "", "send", address, "far", "--offset", "4294967301", NULL);
        cli_ok(fixture, "far", "receive", address, "--offset", "4294967301", "--size", "3", NULL);
        cli_ok(fixture, "far", "peek", address, "--offset", "4294967301", "--size", "3", NULL);
        cli_ok(fixture, "", "resize", address, "8K", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "it ends at 8192", "receive", address, "--offset", "4294967301", "--size",
                "3", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "it ends at 8192", "receive", address, "--offset", "8K", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "ends at 8192", "send", address, "x", "--offset", "8K", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "size", "resize", address, "much", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "size 0", "resize", address, "0", NULL);
        cli_ok(fixture, "hello", "receive", address, "--size", "5", NULL);
        cli_ok(fixture, "", "remove", address, NULL);
}

static void test_posix(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *name = fixture_name(fixture), *option = g_strconcat("name=", name, NULL);
        g_autofree char *address = cli_create(fixture, "shm-posix", option, "size=4K", NULL);

        cli_fails(fixture, EXIT_CODE_NOT_SUPPORTED, "memfd", "seal", address, "write", NULL);
        cli_fails(fixture, EXIT_CODE_NOT_SUPPORTED, "nothing to sync", "send", address, "x", "--sync", NULL);
        use_memory(fixture, address);
}

static void test_memfd(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *address = cli_create(fixture, "memfd", "size=4K", NULL);

        use_memory(fixture, address);
}

static void use_file(Fixture *fixture, const char *place) {
        g_autofree char *address = make_file(fixture, place, "size=4K");
        const char *path = strchr(address, ':') + 1;
        struct stat st;

        g_assert_cmpint(g_stat(path, &st), ==, 0);
        use_memory(fixture, address);
        g_assert_cmpint(g_stat(path, &st), <, 0);
}

static void test_disk(Fixture *fixture, gconstpointer arguments) {
        use_file(fixture, "/var/tmp");
}

static void test_tmpfs(Fixture *fixture, gconstpointer arguments) {
        use_file(fixture, "/dev/shm");
}

static void test_sync(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *disk = make_file(fixture, "/var/tmp", "size=4K"),
                        *memory = make_file(fixture, "/dev/shm", "size=4K");
        g_autoptr(JsonNode) shown = cli_json(fixture, "show", disk, "--json", NULL);

        if (g_strcmp0(json_object_get_string_member(json_node_get_object(shown), "backing"), "disk") == 0) {
                cli_ok(fixture, "", "send", disk, "on disk", "--sync", NULL);
                cli_ok(fixture, "", "send", disk, "", "--sync", NULL);
                cli_ok(fixture, "on disk", "receive", disk, "--size", "7", NULL);
        } else
                g_test_skip("/var/tmp is on no disk here");
        cli_fails(fixture, EXIT_CODE_NOT_SUPPORTED, "nothing to sync", "send", memory, "x", "--sync", NULL);
        cli_ok(fixture, "", "remove", disk, memory, NULL);
}

static void test_seal(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *address = cli_create(fixture, "memfd", "size=4K", "name=sealed", NULL);

        cli_ok(fixture, "", "send", address, "kept", NULL);
        cli_ok(fixture, "", "seal", address, "shrink", "grow", NULL);
        cli_fails(fixture, EXIT_CODE_REFUSED, "F_SEAL_GROW", "resize", address, "1M", NULL);
        cli_fails(fixture, EXIT_CODE_REFUSED, "F_SEAL_SHRINK", "resize", address, "1", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "did you mean", "seal", address, "wrte", NULL);
        cli_ok(fixture, "", "seal", address, "write", "seal", NULL);
        cli_fails(fixture, EXIT_CODE_REFUSED, "sealed against writing", "send", address, "lost", NULL);
        cli_fails(fixture, EXIT_CODE_REFUSED, "F_SEAL_SEAL", "seal", address, "future-write", NULL);
        cli_ok(fixture, "kept", "receive", address, "--size", "4", NULL);

        g_autoptr(JsonNode) shown = cli_json(fixture, "show", address, "--json", NULL);
        JsonArray *seals = json_object_get_array_member(json_node_get_object(shown), "seals");
        g_assert_cmpuint(json_array_get_length(seals), >=, 4);
        g_assert_cmpstr(json_array_get_string_element(seals, 0), ==, "seal");
        cli_fails(fixture, EXIT_CODE_USAGE, "", "seal", address, NULL);
        cli_ok(fixture, "", "remove", address, NULL);
}

/* What stands there is never created over, and only its own verbs change or remove it. */
static void test_theirs(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *path = fixture_path(fixture), *option = g_strconcat("path=", path, NULL),
                        *address = g_strconcat("mmap:", path, NULL), *link = g_strconcat(path, "-link", NULL),
                        *link_address = g_strconcat("mmap:", link, NULL), *text = NULL;

        g_assert_true(g_file_set_contents(path, "theirs", 6, NULL));
        cli_fails(fixture, EXIT_CODE_FAILED, "left as it is", "create", "mmap", option, "size=1M", NULL);
        cli_ok(fixture, "theirs", "receive", address, NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "ends at 6", "send", address, "longer than it", NULL);
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        g_assert_cmpstr(text, ==, "theirs");
        g_assert_cmpint(symlink(path, link), ==, 0);
        cli_fails(fixture, EXIT_CODE_FAILED, "symbolic link, to ", "receive", link_address, NULL);
        cli_fails(fixture, EXIT_CODE_FAILED, "symbolic link, to ", "remove", link_address, NULL);
        g_assert_cmpint(unlink(link), ==, 0);
        cli_fails(fixture, EXIT_CODE_FAILED, "a character device", "receive", "mmap:/dev/zero", NULL);
        cli_fails(fixture, EXIT_CODE_FAILED, "a directory", "receive", "mmap:/tmp", NULL);
        cli_ok(fixture, "", "resize", address, "2", NULL);
        cli_ok(fixture, "th", "receive", address, NULL);
        cli_ok(fixture, "", "remove", address, NULL);
        cli_fails(fixture, EXIT_CODE_FAILED, "no regular file", "receive", address, NULL);
}

static gint64 shown(Fixture *fixture, const char *address, const char *member) {
        g_autoptr(JsonNode) node = cli_json(fixture, "show", address, "--json", NULL);

        return json_object_get_int_member(json_node_get_object(node), member);
}

/* What is no memory but has a capacity that can be set. What is inside stays. */
static void test_capacities(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *pipe = cli_create(fixture, "pipe", "hold=true", NULL);
        g_autofree char *queue = cli_create(fixture, "mq-sysv", "max_bytes=1000", NULL);
        g_autofree char *path = g_strdup_printf("path=/tmp/ipcbus-cli-%d-%x", (int)getpid(), g_random_int());
        g_autofree char *fifo = cli_create(fixture, "fifo", path, NULL);

        cli_ok(fixture, "", "send", pipe, "stays", NULL);
        cli_ok(fixture, "", "resize", pipe, "128K", NULL);
        g_assert_cmpint(shown(fixture, pipe, "capacity"), ==, 128 * 1024);
        cli_ok(fixture, "stays", "receive", pipe, NULL);
        cli_ok(fixture, "", "resize", fifo, "128K", NULL);
        g_assert_cmpint(shown(fixture, fifo, "capacity"), ==, 128 * 1024);
        cli_ok(fixture, "", "send", queue, "stays", NULL);
        cli_ok(fixture, "", "resize", queue, "4", NULL);
        g_assert_cmpint(shown(fixture, queue, "max_bytes"), ==, 4);
        cli_fails(fixture, EXIT_CODE_REFUSED, "msg_qbytes", "send", queue, "12345", NULL);
        cli_ok(fixture, "stays", "receive", queue, NULL);
        cli_ok(fixture, "", "send", queue, "1", NULL);
        cli_ok(fixture, "", "send", queue, "2", NULL);
        cli_ok(fixture, "2", "peek", queue, "--index", "1", NULL);
        cli_fails(fixture, EXIT_CODE_TIMED_OUT, "", "peek", queue, "--index", "2", NULL);
        cli_ok(fixture, "", "remove", pipe, fifo, queue, NULL);
}

/* A memfd of a program, found by its name and used by its address. */
static void test_of_a_program(Fixture *fixture, gconstpointer arguments) {
        g_autoptr(JsonNode) list = NULL;
        g_autofree char *name = g_strdup_printf("ipcbus-cli-%x", g_random_int()), *address = NULL;
        g_autofree char *script = g_strdup_printf("import os, sys\n"
                                                  "fd = os.memfd_create('%s')\n"
                                                  "os.write(fd, b'from python')\n"
                                                  "print(os.fstat(fd).st_ino, flush=True)\n"
                                                  "sys.stdin.read()\n"
                                                  "print(os.pread(fd, 11, 0).decode())\n",
                name);
        g_autofree char *python = g_find_program_in_path("python3");
        char line[64] = "";

        if (python == NULL) {
                g_test_skip("there is no python3 here");
                return;
        }
        GSubprocess *process = cli_start(
                fixture, G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE, python, "-c", script, NULL);
        GInputStream *output = g_subprocess_get_stdout_pipe(process);
        for (gsize n = 0; strchr(line, '\n') == NULL;) {
                gssize more = g_input_stream_read(output, line + n, sizeof line - 1 - n, NULL, NULL);
                g_assert_cmpint(more, >, 0);
                n += (gsize)more;
        }
        address = g_strdup_printf("memfd:[%s]", g_strchomp(line));

        list = cli_json(fixture, "list", "memfd", "--json", NULL);
        bool found = false;
        JsonArray *rows = json_node_get_array(list);
        for (guint i = 0; i < json_array_get_length(rows); i++) {
                JsonObject *row = json_array_get_object_element(rows, i);
                if (json_object_has_member(row, "name") &&
                        g_str_equal(json_object_get_string_member(row, "name"), name)) {
                        g_assert_cmpstr(json_object_get_string_member(row, "address"), ==, address);
                        g_assert_cmpint(json_object_get_int_member(row, "size"), ==, 11);
                        found = true;
                }
        }
        g_assert_true(found);
        cli_ok(fixture, "from python", "receive", address, NULL);
        cli_ok(fixture, "", "send", address, "into", NULL);
        g_autoptr(GBytes) nothing = g_bytes_new(NULL, 0);
        g_autoptr(CliResult) end = cli_end(process, nothing);
        g_assert_cmpstr(end->output, ==, "into python\n");
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/cli/memory/shm-posix", NULL, test_posix);
        FIXTURE_TEST("/cli/memory/memfd", NULL, test_memfd);
        FIXTURE_TEST("/cli/memory/mmap-disk", NULL, test_disk);
        FIXTURE_TEST("/cli/memory/mmap-tmpfs", NULL, test_tmpfs);
        FIXTURE_TEST("/cli/memory/sync", NULL, test_sync);
        FIXTURE_TEST("/cli/memory/seal", NULL, test_seal);
        FIXTURE_TEST("/cli/memory/theirs", NULL, test_theirs);
        FIXTURE_TEST("/cli/memory/capacities", NULL, test_capacities);
        FIXTURE_TEST("/cli/memory/of-a-program", NULL, test_of_a_program);
        return g_test_run();
}
