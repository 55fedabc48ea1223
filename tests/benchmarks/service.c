/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What ipcbusd costs, beside a service that does nothing, on one bus and in turns. Prints; judges nothing: it fails
 * only if something could not be run. Client, bus and services share one CPU, so that no figure hangs on whether the
 * other one was asleep.
 *
 *   service IPCBUSD BARE-SERVICE */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
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
#define BARE_NAME    "org.ipcbus1.Bare"

enum {
        STARTS = 21,
        TURNS = 40,
        CALLS = 150, /* a turn */
        IDLE_SECONDS = 6,
        FEW = 10,
        MANY = 10000,
        FILL_SECONDS = 25, /* on a slow or busy machine what was made until then has to do */
        CYCLES = 50,       /* a turn */
        CYCLE_TURNS = 10,
};

typedef struct Bench {
        PrivateBus bus;
        const char *service, *bare; /* programs */
        pid_t service_pid, bare_pid;
        char (*paths)[128]; /* of the objects that fill the service */
} Bench;

static int run_service(Bench *bench, double *ret_nsec) {
        const char *argv[] = { bench->service, "--idle-timeout", "0", NULL };

        return private_bus_run(&bench->bus, argv, SERVICE_NAME, &bench->service_pid, ret_nsec);
}

static int run_bare(Bench *bench, double *ret_nsec) {
        const char *argv[] = { bench->bare, BARE_NAME, NULL };

        return private_bus_run(&bench->bus, argv, BARE_NAME, &bench->bare_pid, ret_nsec);
}

/* Leaves both running in the end. */
static int measure_start(Bench *bench) {
        Figures figures = { 0 };
        double service, bare;
        int r = 0;

        for (unsigned i = 0; i < STARTS && r >= 0; i++) {
                if (i > 0) {
                        private_bus_stop(bench->service_pid);
                        private_bus_stop(bench->bare_pid);
                        bench->service_pid = bench->bare_pid = 0;
                }
                r = run_service(bench, &service);
                if (r >= 0)
                        r = run_bare(bench, &bare);
                /* The first finds cold caches. */
                if (r >= 0 && i > 0)
                        figures_add(&figures, service / 1e6, bare / 1e6);
        }
        if (r >= 0)
                figures_print("start of the process to name owned", "ms", &figures, "<= 1.3");
        figures_done(&figures);
        return r;
}

static int call(Bench *bench, const char *name, const char *path, const char *interface, const char *method) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_call_method(bench->bus.bus, name, path, interface, method, &error, NULL, NULL);
        if (r < 0)
                fprintf(stderr, "%s.%s: %s\n", interface, method, error.message ? error.message : strerror(-r));
        sd_bus_error_free(&error);
        return r;
}

static int call_service(Bench *bench) {
        return call(bench, SERVICE_NAME, SERVICE_PATH, "org.ipcbus1.Manager", "Unsubscribe");
}

static int call_bare(Bench *bench, const char *method) {
        return call(bench, BARE_NAME, "/bare", "org.ipcbus1.Bare", method);
}

/* The median of one turn. */
static int turn(Bench *bench, int service, double *ret_usec) {
        double samples[CALLS];
        int r = 0;

        for (unsigned i = 0; i < CALLS && r >= 0; i++) {
                uint64_t begin = now_nanoseconds();

                r = service ? call_service(bench) : call_bare(bench, "Nothing");
                samples[i] = (double)(now_nanoseconds() - begin) / 1e3;
        }
        *ret_usec = median_in_place(samples, CALLS);
        return r;
}

static int measure_round_trip(Bench *bench) {
        Figures figures = { 0 };
        double service, bare;
        int r = 0;

        for (unsigned i = 0; i < TURNS && r >= 0; i++) {
                r = turn(bench, 1, &service);
                if (r >= 0)
                        r = turn(bench, 0, &bare);
                if (r >= 0 && i > 0)
                        figures_add(&figures, service, bare);
        }
        if (r >= 0)
                figures_print("method round trip", "us", &figures, "<= 1.05");
        figures_done(&figures);
        return r;
}

static double switches_of(pid_t pid) {
        return proc_number(pid, "status", "voluntary_ctxt_switches:") +
               proc_number(pid, "status", "nonvoluntary_ctxt_switches:");
}

static void measure_idle(Bench *bench) {
        double service, bare, per_minute = 60.0 / IDLE_SECONDS;

        usleep(300000);
        service = memory_of(bench->service_pid);
        bare = memory_of(bench->bare_pid);
        figure_print_beside("proportional memory, idle", "MiB", service, bare, "bare + 1 MiB at most");
        service = switches_of(bench->service_pid);
        bare = switches_of(bench->bare_pid);
        sleep(IDLE_SECONDS);
        figure_print_beside("wake-ups per minute, idle", "", (switches_of(bench->service_pid) - service) * per_minute,
                (switches_of(bench->bare_pid) - bare) * per_minute, "0");
}

static int create(Bench *bench, unsigned number, char path[128]) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        const char *object;
        char fifo[96];
        int r;

        snprintf(fifo, sizeof fifo, "%s/fifo%u", bench->bus.place, number);
        r = sd_bus_call_method(bench->bus.bus, SERVICE_NAME, SERVICE_PATH, "org.ipcbus1.Manager", "Create", &error,
                &reply, "sa{sv}", "fifo", 2, "path", "s", fifo, "hold", "b", 0);
        if (r >= 0)
                r = sd_bus_message_read(reply, "os", &object, NULL);
        if (r >= 0)
                snprintf(path, 128, "%s", object);
        else
                fprintf(stderr, "Create: %s\n", error.message ? error.message : strerror(-r));
        sd_bus_message_unref(reply);
        sd_bus_error_free(&error);
        return r;
}

static int drop(Bench *bench, const char *path) {
        return call(bench, SERVICE_NAME, path, "org.ipcbus1.KernelObject", "Remove");
}

/* What a create and a remove cannot do without: the system calls, and two calls with a signal each. */
static int bare_cycle(Bench *bench) {
        char fifo[96];
        int r;

        snprintf(fifo, sizeof fifo, "%s/bare", bench->bus.place);
        if (mkfifo(fifo, 0600) < 0)
                return -errno;
        r = call_bare(bench, "Add");
        if (r >= 0)
                r = call_bare(bench, "Drop");
        return unlink(fifo) < 0 ? -errno : r;
}

static int service_cycle(Bench *bench) {
        char path[128];
        int r;

        r = create(bench, MANY + 1, path);
        return r < 0 ? r : drop(bench, path);
}

/* Medians of create and remove, microseconds, in turns with the bare ones. */
static int measure_cycles(Bench *bench, Figures *figures) {
        double service[CYCLES], bare[CYCLES];
        int r = 0;

        for (unsigned t = 0; t < CYCLE_TURNS; t++) {
                for (unsigned i = 0; i < CYCLES; i++) {
                        uint64_t begin = now_nanoseconds();

                        r = service_cycle(bench);
                        if (r < 0)
                                return r;
                        service[i] = (double)(now_nanoseconds() - begin) / 1e3;
                }
                for (unsigned i = 0; i < CYCLES; i++) {
                        uint64_t begin = now_nanoseconds();

                        r = bare_cycle(bench);
                        if (r < 0)
                                return r;
                        bare[i] = (double)(now_nanoseconds() - begin) / 1e3;
                }
                if (figures != NULL)
                        figures_add(figures, median_in_place(service, CYCLES), median_in_place(bare, CYCLES));
        }
        return 0;
}

/* How many there are then, or negative errno. */
static int fill(Bench *bench, unsigned from, unsigned to) {
        uint64_t end = now_nanoseconds() + FILL_SECONDS * UINT64_C(1000000000);
        unsigned n;
        int r;

        for (n = from; n < to && now_nanoseconds() < end; n++) {
                r = create(bench, n, bench->paths[n]);
                if (r < 0)
                        return r;
        }
        return (int)n;
}

static int empty(Bench *bench, unsigned from, unsigned to) {
        int r = 0;

        for (unsigned i = from; i < to && r >= 0; i++)
                r = drop(bench, bench->paths[i]);
        return r;
}

static double relative(const Figures *figures) {
        double *ratios = calloc(figures->n + 1, sizeof *ratios), median;

        if (ratios == NULL)
                abort();
        for (size_t i = 0; i < figures->n; i++)
                ratios[i] = figures->values[i] / figures->bare[i];
        median = median_in_place(ratios, figures->n);
        free(ratios);
        return median;
}

typedef struct Costs {
        Figures few, many, again;
        double seconds; /* to make the many */
        double memory;  /* MiB more with them */
        int n;          /* how many there were */
} Costs;

static int measure_costs(Bench *bench, Costs *costs) {
        uint64_t begin;
        double memory;
        int r;

        r = fill(bench, 0, FEW);
        if (r >= 0)
                r = measure_cycles(bench, NULL);
        if (r >= 0)
                r = measure_cycles(bench, &costs->few);
        if (r < 0)
                return r;
        memory = memory_of(bench->service_pid);
        begin = now_nanoseconds();
        r = costs->n = fill(bench, FEW, MANY);
        costs->seconds = (double)(now_nanoseconds() - begin) / 1e9;
        costs->memory = memory_of(bench->service_pid) - memory;
        if (r >= 0)
                r = measure_cycles(bench, &costs->many);
        if (r >= 0)
                r = empty(bench, FEW, (unsigned)costs->n);
        if (r >= 0)
                r = measure_cycles(bench, &costs->again);
        return r < 0 ? r : empty(bench, 0, FEW);
}

/* The cost with many objects against the mean of the costs with few before and after, each as a multiple of the bare
 * one beside it: the machine may have changed its speed in between. */
static int measure_objects(Bench *bench) {
        Costs costs = { 0 };
        char name[64];
        int r;

        r = measure_costs(bench, &costs);
        if (r >= 0) {
                figures_print("create and remove, 10 objects there", "us", &costs.few, "<= 1.2");
                snprintf(name, sizeof name, "create and remove, %d there", costs.n);
                figures_print(name, "us", &costs.many, "<= 1.2");
                snprintf(name, sizeof name, "cost with %d objects / with %d", costs.n, FEW);
                figure_print(name, "", relative(&costs.many) / ((relative(&costs.few) + relative(&costs.again)) / 2),
                        "<= 1.1");
                figure_print("objects created a second", "", (costs.n - FEW) / costs.seconds, NULL);
                figure_print("memory of an object", "KiB", costs.memory * 1024 / (costs.n - FEW), NULL);
        }
        figures_done(&costs.few);
        figures_done(&costs.many);
        figures_done(&costs.again);
        return r;
}

static int measure(Bench *bench) {
        int r;

        figures_title("ipcbusd, and a bare sd-bus service on the same bus", "BARE");
        r = measure_start(bench);
        if (r < 0)
                return r;
        r = call_service(bench);
        if (r >= 0)
                r = call_bare(bench, "Nothing");
        if (r >= 0)
                measure_idle(bench);
        if (r >= 0)
                r = measure_round_trip(bench);
        if (r >= 0)
                r = measure_objects(bench);
        return r;
}

int main(int argc, char *argv[]) {
        Bench bench = { 0 };
        int r;

        if (argc != 3) {
                fprintf(stderr, "Usage: service IPCBUSD BARE-SERVICE\n");
                return EXIT_FAILURE;
        }
        setvbuf(stdout, NULL, _IOLBF, 0);
        bench.service = argv[1];
        bench.bare = argv[2];
        bench.paths = calloc(MANY, sizeof *bench.paths);
        (void)pin_to(0);
        r = bench.paths == NULL ? -ENOMEM : private_bus_start(&bench.bus);
        if (r >= 0)
                r = measure(&bench);
        if (bench.service_pid > 0)
                private_bus_stop(bench.service_pid);
        if (bench.bare_pid > 0)
                private_bus_stop(bench.bare_pid);
        private_bus_end(&bench.bus);
        free(bench.paths);
        if (r < 0)
                fprintf(stderr, "The benchmark could not run: %s\n", strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
