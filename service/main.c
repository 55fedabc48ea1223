/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcbusd: options and what a process has to set for itself before the service begins. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "manager.h"
#include "units.h"

#define IDLE_TIMEOUT_DEFAULT (30 * USEC_PER_SEC)

static const char help_text[] =
        "Usage: ipcbusd [OPTION]...\n"
        "Offers every kind of inter-process communication as org.ipcbus1 on the session bus.\n"
        "It is started by the bus when somebody calls it, and ends when nothing would be lost.\n"
        "\n"
        "  --idle-timeout T  end after T without a call, as 30s (the default); 0: never\n"
        "  --fd N            serve one client on the connected socket N instead of a bus\n"
        "  --help            print this\n"
        "  --version         print the version\n";

/* Many objects are many descriptors; select(2), which a raised limit could harm, is not used here. */
static void raise_descriptor_limit(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return;
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int usage_error(const char *what, const char *value) {
        fprintf(stderr, "ipcbusd: %s: %s\nTry: ipcbusd --help\n", what, value);
        return -EINVAL;
}

/* 1: there is nothing more to do. */
static int parse_options(int argc, char *argv[], ManagerOptions *options) {
        static const struct option table[] = {
                { "fd", required_argument, NULL, 'f' },
                { "idle-timeout", required_argument, NULL, 'i' },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'v' },
                {},
        };
        uint64_t fd;
        int c;

        while ((c = getopt_long(argc, argv, "", table, NULL)) >= 0)
                switch (c) {
                case 'f':
                        if (number_parse(optarg, &fd) < 0 || fd > INT32_MAX)
                                return usage_error("--fd wants the number of a descriptor, not", optarg);
                        options->fd = (int)fd;
                        break;
                case 'i':
                        if (time_parse(optarg, &options->idle_timeout) < 0)
                                return usage_error("--idle-timeout wants a time, as 30s, not", optarg);
                        if (options->idle_timeout >= USEC_INFINITY / 4)
                                options->idle_timeout = 0;
                        break;
                case 'h':
                        fputs(help_text, stdout);
                        return 1;
                case 'v':
                        puts("ipcbusd " IPCBUS_VERSION);
                        return 1;
                default:
                        fputs("Try: ipcbusd --help\n", stderr);
                        return -EINVAL;
                }
        if (optind < argc)
                return usage_error("there are no arguments", argv[optind]);
        return 0;
}

int main(int argc, char *argv[]) {
        ManagerOptions options = { .fd = -1, .idle_timeout = IDLE_TIMEOUT_DEFAULT };
        Manager *manager;
        Error error = {};
        int r;

        r = parse_options(argc, argv, &options);
        if (r != 0)
                return r > 0 ? EXIT_SUCCESS : EXIT_CODE_USAGE;

        /* Writing to what nobody reads is an error to be told, not a reason to die. */
        (void)signal(SIGPIPE, SIG_IGN);
        /* So is a file that grows past RLIMIT_FSIZE (setrlimit(2)): EFBIG. */
        (void)signal(SIGXFSZ, SIG_IGN);
        raise_descriptor_limit();

        r = manager_new(&options, &manager, &error);
        if (r < 0) {
                fprintf(stderr, "ipcbusd: %s\n", error.message);
                return error.code == ERROR_BUSY ? EXIT_SUCCESS : EXIT_FAILURE;
        }
        r = manager_run(manager);
        if (r < 0)
                fprintf(stderr, "ipcbusd: the event loop failed: %s\n", strerror(-r));
        manager_free(manager);
        return r < 0 ? EXIT_FAILURE : r;
}
