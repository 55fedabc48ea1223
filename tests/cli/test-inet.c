/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TCP and UDP with nc at the other end, both ways: it listens, it connects, it sees the end of file. */
#include "cli.h"

#include <string.h>

/* `which` of the shell's own functions come first: P is the port of $A, an address of ours. */
static void assert_shell(Fixture *fixture, const char *command, const char *output) {
        g_autofree char *whole = g_strconcat("port() { P=${A##*:}; }\n", command, NULL);
        g_autofree char *nc = g_find_program_in_path("nc.openbsd");
        g_autoptr(CliResult) result = NULL;

        if (nc == NULL) {
                g_test_skip("there is no nc.openbsd here");
                return;
        }
        result = cli_shell(fixture, whole);
        g_assert_cmpstr(result->errors, ==, "");
        g_assert_cmpstr(result->output, ==, output);
}

/* nc asks, is answered, and ends when the answer does. */
static void test_nc_connects(Fixture *fixture, gconstpointer arguments) {
        assert_shell(fixture,
                "A=$(ipcctl create tcp); port\n"
                "echo question | timeout 20 nc.openbsd -N 127.0.0.1 $P > $PLACE/answer & NC=$!\n"
                "ipcctl receive $A --timeout 20s; ipcctl send $A answer --peer 1 -o end=true\n"
                "wait $NC; echo $?; cat $PLACE/answer; echo; rm $PLACE/answer; ipcctl remove $A\n",
                "question\n0\nanswer\n");
}

/* What we send goes to who connected, with --listen. */
static void test_nc_reads(Fixture *fixture, gconstpointer arguments) {
        assert_shell(fixture,
                "A=$(ipcctl create tcp host=::1); port\n"
                "timeout 20 nc.openbsd -d ::1 $P > $PLACE/read & NC=$!\n"
                "ipcctl send $A 'to whoever comes' --listen -o end=true --timeout 20s\n"
                "wait $NC; cat $PLACE/read; echo; rm $PLACE/read; ipcctl remove $A\n",
                "to whoever comes\n");
}

/* nc listens at a port that was ours, so that the kernel chose it; it ends, as the send ends the connection. */
static void test_nc_listens(Fixture *fixture, gconstpointer arguments) {
        assert_shell(fixture,
                "A=$(ipcctl create tcp); port; ipcctl remove $A\n"
                "timeout 20 nc.openbsd -l 127.0.0.1 $P > $PLACE/read & NC=$!\n"
                "until ipcctl show $A > $PLACE/out 2>&1; do sleep 0.05; done\n"
                "head -c 300000 /dev/zero | ipcctl send $A -\n"
                "wait $NC; echo $?; wc -c < $PLACE/read\n"
                "echo from nc | timeout 20 nc.openbsd -N -l 127.0.0.1 $P & NC=$!\n"
                "until ipcctl show $A > $PLACE/out 2>&1; do sleep 0.05; done\n"
                "ipcctl receive $A --timeout 20s; wait $NC; echo $?; rm $PLACE/read $PLACE/out\n",
                "0\n300000\nfrom nc\n0\n");
}

static void test_nc_udp(Fixture *fixture, gconstpointer arguments) {
        assert_shell(fixture,
                "A=$(ipcctl create udp); port\n"
                "printf datagram | timeout 20 nc.openbsd -u -w 1 127.0.0.1 $P & NC=$!\n"
                "ipcctl receive $A --timeout 20s; echo; wait $NC; ipcctl remove $A\n",
                "datagram\n");
}

/* A service that was started for one command cannot keep a port, and says so; errors have their names. */
static void test_refused(Fixture *fixture, gconstpointer arguments) {
        g_autofree char *address = cli_create(fixture, "tcp", "host=localhost", NULL), *port = NULL;

        port = g_strconcat("port=", strrchr(address, ':') + 1, NULL);
        cli_fails(fixture, EXIT_CODE_NOT_SUPPORTED, "gone with the service", "--embedded", "create", "tcp", NULL);
        cli_fails(fixture, EXIT_CODE_FAILED, "ipcctl who", "create", "tcp", port, NULL);
        cli_ok(fixture, "", "remove", address, NULL);
        cli_fails(fixture, EXIT_CODE_FAILED, "Nobody listens", "send", address, "x", NULL);
        cli_fails(fixture, EXIT_CODE_USAGE, "numeric", "create", "tcp", "host=no.such.host", NULL);
        cli_fails(fixture, EXIT_CODE_FAILED, "no-such-host.invalid", "send", "tcp:no-such-host.invalid:80", "x", NULL);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/cli/inet/nc-connects", NULL, test_nc_connects);
        FIXTURE_TEST("/cli/inet/nc-reads", NULL, test_nc_reads);
        FIXTURE_TEST("/cli/inet/nc-listens", NULL, test_nc_listens);
        FIXTURE_TEST("/cli/inet/nc-udp", NULL, test_nc_udp);
        FIXTURE_TEST("/cli/inet/refused", NULL, test_refused);
        return g_test_run();
}
