/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* 10,000 objects of mixed kinds in one service: made, listed, removed. Prints what one costs as there are more and
 * more of them, and the service's memory before and after; judges nothing.
 *
 *   objects IPCBUSD [NUMBER] */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "figures.h"
#include "private-bus.h"

#define SERVICE_NAME "org.ipcbus1"
#define SERVICE_PATH "/org/ipcbus1"
#define MANAGER      "org.ipcbus1.Manager"

enum { MANY = 10000, STEPS = 5, WARM = 500 };

/* How many of each there are among a hundred, so that no limit of the kernel is reached: shmmni 4096, queues_max and
 * RLIMIT_MSGQUEUE, and two descriptors for a pipe of RLIMIT_NOFILE. `option` is what the name goes into. */
static const struct {
        const char *kind, *option, *more, *value;
        unsigned share;
} mix[] = {
        { "shm-sysv", NULL, "size", "4K", 15 },
        { "shm-posix", "name", "size", "4K", 20 },
        { "sem-sysv", NULL, "value", "1", 15 },
        { "sem-posix", "name", "value", "1", 15 },
        { "mq-sysv", NULL, "mode", "0600", 13 },
        { "mq-posix", "name", "max_messages", "1", 1 },
        { "fifo", "path", "hold", "no", 11 },
        { "pipe", NULL, "hold", "yes", 5 },
        { "unix-stream", "path", "mode", "0600", 3 },
        { "unix-dgram", "path", "mode", "0600", 2 },
};

typedef struct Bench {
        PrivateBus bus;
        pid_t service;
        char (*paths)[128];
        unsigned order[100]; /* which of the mix is which of a hundred */
} Bench;

/* Interleaved: every hundred objects have all kinds in them. */
static void deal(Bench *bench) {
        unsigned left[sizeof(mix) / sizeof(*mix)], n = 0;

        for (unsigned i = 0; i < sizeof(mix) / sizeof(*mix); i++)
                left[i] = mix[i].share;
        while (n < 100)
                for (unsigned i = 0; i < sizeof(mix) / sizeof(*mix) && n < 100; i++)
                        if (left[i] > 0) {
                                left[i]--;
                                bench->order[n++] = i;
                        }
}

static int append_options(sd_bus_message *call, const Bench *bench, unsigned number) {
        unsigned which = bench->order[number % 100];
        char name[128];
        int r;

        if (mix[which].option && strcmp(mix[which].option, "path") == 0)
                snprintf(name, sizeof name, "%s/o%u", bench->bus.place, number);
        else
                snprintf(name, sizeof name, "/ipcbus-bench-%d-%u", (int)getpid(), number);
        r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0 && mix[which].option)
                r = sd_bus_message_append(call, "{sv}", mix[which].option, "s", name);
        if (r >= 0)
                r = sd_bus_message_append(
                        call, "{sv}{sv}", mix[which].more, "s", mix[which].value, "lease", "s", "caller");
        if (r >= 0 && strcmp(mix[which].kind, "mq-posix") == 0)
                r = sd_bus_message_append(call, "{sv}", "message_size", "s", "16");
        return r < 0 ? r : sd_bus_message_close_container(call);
}

static int create(Bench *bench, unsigned number) {
        sd_bus_message *call = NULL, *reply = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        const char *path;
        int r;

        r = sd_bus_message_new_method_call(bench->bus.bus, &call, SERVICE_NAME, SERVICE_PATH, MANAGER, "Create");
        if (r >= 0)
                r = sd_bus_message_append(call, "s", mix[bench->order[number % 100]].kind);
        if (r >= 0)
                r = append_options(call, bench, number);
        if (r >= 0)
                r = sd_bus_call(bench->bus.bus, call, 0, &error, &reply);
        if (r >= 0)
                r = sd_bus_message_read(reply, "os", &path, NULL);
        if (r >= 0)
                snprintf(bench->paths[number], sizeof *bench->paths, "%s", path);
        else
                fprintf(stderr, "Create %s, the %u.: %s\n", mix[bench->order[number % 100]].kind, number,
                        error.message ? error.message : strerror(-r));
        sd_bus_message_unref(call);
        sd_bus_message_unref(reply);
        sd_bus_error_free(&error);
        return r;
}

static int drop(Bench *bench, unsigned number) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = sd_bus_call_method(bench->bus.bus, SERVICE_NAME, bench->paths[number], "org.ipcbus1.KernelObject",
                "Remove", &error, NULL, NULL);

        if (r < 0)
                fprintf(stderr, "Remove: %s\n", error.message ? error.message : strerror(-r));
        sd_bus_error_free(&error);
        return r;
}

/* Those of ours; holders are what costs most, so once with and once without. */
static int list(Bench *bench, bool holders, unsigned n) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        uint64_t begin = now_nanoseconds();
        unsigned rows = 0;
        char text[64];
        int r;

        r = sd_bus_call_method(bench->bus.bus, SERVICE_NAME, SERVICE_PATH, MANAGER, "ListKernelObjects", &error,
                &reply, "a{sv}", 2, "mine", "b", 1, "holders", "b", (int)holders);
        begin = now_nanoseconds() - begin;
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "a{sv}");
        while (r >= 0 && (r = sd_bus_message_at_end(reply, 0)) == 0 && (r = sd_bus_message_skip(reply, "a{sv}")) >= 0)
                rows++;
        if (r < 0)
                fprintf(stderr, "ListKernelObjects: %s\n", error.message ? error.message : strerror(-r));
        else if (rows != n) {
                fprintf(stderr, "ListKernelObjects: %u rows of %u objects\n", rows, n);
                r = -EBADMSG;
        }
        snprintf(text, sizeof text, "listed with %u there%s, each", n, holders ? ", holders" : "");
        if (r >= 0)
                figure_print(text, "us", (double)begin / 1e3 / n, NULL);
        sd_bus_message_unref(reply);
        sd_bus_error_free(&error);
        return r;
}

/* from to to, made or removed: the mean of one. */
static int run(
        Bench *bench, int (*each)(Bench *bench, unsigned number), unsigned from, unsigned to, const char *what) {
        uint64_t begin = now_nanoseconds();
        char text[64];
        int r = 0;

        for (unsigned i = from; i < to && r >= 0; i++)
                r = each(bench, i);
        if (what)
                snprintf(text, sizeof text, "%s, the %u. to the %u., each", what, from + 1, to);
        if (r >= 0 && what)
                figure_print(text, "us", (double)(now_nanoseconds() - begin) / 1e3 / (to - from), NULL);
        return r;
}

static int measure(Bench *bench, unsigned many) {
        double before, with;
        unsigned step = many / STEPS;
        int r;

        r = run(bench, create, 0, WARM, NULL);
        if (r >= 0)
                r = run(bench, drop, 0, WARM, NULL);
        sleep(1);
        before = memory_of(bench->service);
        for (unsigned i = 0; i < STEPS && r >= 0; i++) {
                r = run(bench, create, i * step, (i + 1) * step, "created");
                if (r >= 0 && (i == 0 || i == STEPS - 1))
                        r = list(bench, false, (i + 1) * step);
                if (r >= 0 && (i == 0 || i == STEPS - 1))
                        r = list(bench, true, (i + 1) * step);
        }
        with = memory_of(bench->service);
        for (unsigned i = STEPS; i > 0 && r >= 0; i--)
                r = run(bench, drop, (i - 1) * step, i * step, "removed");
        if (r < 0)
                return r;
        sleep(1); /* memory is given back when it has been quiet for a moment */
        figure_print("memory before", "MiB", before, NULL);
        figure_print("memory with all", "MiB", with, NULL);
        figure_print("memory of an object", "KiB", (with - before) * 1024 / many, NULL);
        figure_print("memory when all are removed", "MiB", memory_of(bench->service), "as before");
        return 0;
}

int main(int argc, char *argv[]) {
        const char *service[] = { argc > 1 ? argv[1] : "", "--idle-timeout", "0", NULL };
        unsigned many = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : MANY;
        Bench bench = { 0 };
        double start;
        int r;

        if (argc < 2 || many < WARM) {
                fprintf(stderr, "Usage: objects IPCBUSD [NUMBER]\n");
                return EXIT_FAILURE;
        }
        setvbuf(stdout, NULL, _IOLBF, 0);
        deal(&bench);
        bench.paths = calloc(many, sizeof *bench.paths);
        r = bench.paths == NULL ? -ENOMEM : private_bus_start(&bench.bus);
        if (r >= 0)
                r = private_bus_run(&bench.bus, service, SERVICE_NAME, &bench.service, &start);
        if (r >= 0) {
                figures_title("objects of mixed kinds in one service", "");
                r = measure(&bench, many);
        }
        if (bench.service > 0)
                private_bus_stop(bench.service);
        private_bus_end(&bench.bus);
        free(bench.paths);
        if (r < 0)
                fprintf(stderr, "The benchmark could not run: %s\n", strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
