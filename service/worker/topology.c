/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPUs and the machine, read from sysfs and procfs. Owns nothing; every file is read anew and of bounded length. */
#include "topology.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "units.h"

enum { LINE_MAX_READ = 256, PLACEMENT_PEERS_MAX = 8 };

static const char *const placement_names[PLACEMENT_TYPE_MAX] = {
        [PLACEMENT_SAME_CPU] = "same-cpu",
        [PLACEMENT_OTHER_CPU] = "other-cpu",
        [PLACEMENT_OTHER_CPU_AWAKE] = "other-cpu-awake",
        [PLACEMENT_SMT_SIBLING] = "smt-sibling",
        [PLACEMENT_OTHER_NODE] = "other-node",
};

const char *placement_name(PlacementType type) {
        return type >= 0 && type < PLACEMENT_TYPE_MAX ? placement_names[type] : NULL;
}

static const char *const placement_missing[PLACEMENT_TYPE_MAX] = {
        [PLACEMENT_SAME_CPU] = "these are two CPUs",
        [PLACEMENT_OTHER_CPU] = "there is no second core of one node here that this process may use",
        [PLACEMENT_OTHER_CPU_AWAKE] = "there is no second core of one node here that this process may use",
        [PLACEMENT_SMT_SIBLING] = "there is no core with two hardware threads here that this process may use",
        [PLACEMENT_OTHER_NODE] = "there is no second NUMA node here with CPUs that this process may use",
};

PlacementType placement_from_name(const char *name) {
        for (PlacementType type = 0; type < PLACEMENT_TYPE_MAX; type++)
                if (strcmp(placement_names[type], name) == 0)
                        return type;
        return PLACEMENT_TYPE_INVALID;
}

/* The first line of a small file, without its end of line. */
static int read_line(const char *path, char line[LINE_MAX_READ]) {
        ssize_t n;
        int fd;

        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        n = read(fd, line, LINE_MAX_READ - 1);
        close(fd);
        if (n <= 0)
                return n < 0 ? -EIO : -ENODATA;
        line[n] = 0;
        line[strcspn(line, "\n")] = 0;
        return 0;
}

static int cpu_number(unsigned cpu, const char *what, uint64_t *ret) {
        char path[128], line[LINE_MAX_READ];
        int r;

        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/%s", cpu, what);
        r = read_line(path, line);
        return r < 0 ? r : number_parse(line, ret);
}

/* A CPU's directory has a link node<N> where the kernel knows nodes. */
static unsigned cpu_node(unsigned cpu) {
        char path[128];

        for (unsigned node = 0; node < 64; node++) {
                snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/node%u", cpu, node);
                if (access(path, F_OK) == 0)
                        return node;
        }
        return 0;
}

/* Two CPUs are threads of one core when package and core are the same; core numbers repeat between packages. Where the
 * kernel does not tell, they count as cores of their own. */
static PlacementType placement_type_of(unsigned a, unsigned b) {
        uint64_t core[2], package[2], die[2] = { 0, 0 };

        if (a == b)
                return PLACEMENT_SAME_CPU;
        if (cpu_node(a) != cpu_node(b))
                return PLACEMENT_OTHER_NODE;
        if (cpu_number(a, "topology/die_id", &die[0]) < 0 || cpu_number(b, "topology/die_id", &die[1]) < 0)
                die[0] = die[1] = 0;
        if (cpu_number(a, "topology/core_id", &core[0]) < 0 || cpu_number(b, "topology/core_id", &core[1]) < 0)
                return PLACEMENT_OTHER_CPU;
        if (cpu_number(a, "topology/physical_package_id", &package[0]) < 0 ||
                cpu_number(b, "topology/physical_package_id", &package[1]) < 0)
                return PLACEMENT_OTHER_CPU;
        if (core[0] == core[1] && package[0] == package[1] && die[0] == die[1])
                return PLACEMENT_SMT_SIBLING;
        return PLACEMENT_OTHER_CPU;
}

static int allowed_cpus(cpu_set_t *ret) {
        CPU_ZERO(ret);
        return sched_getaffinity(0, sizeof *ret, ret) < 0 ? -errno : 0;
}

int placement_defaults(Placement ret[2]) {
        PlacementType best = PLACEMENT_TYPE_MAX, type;
        int first = -1, second = -1, r;
        cpu_set_t set;

        r = allowed_cpus(&set);
        if (r < 0)
                return r;
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
                if (!CPU_ISSET(cpu, &set))
                        continue;
                if (first < 0) {
                        first = cpu;
                        continue;
                }
                /* The order of PlacementType is the order of preference. */
                type = placement_type_of((unsigned)first, (unsigned)cpu);
                if (type < best) {
                        best = type;
                        second = cpu;
                }
                if (best == PLACEMENT_OTHER_CPU)
                        break;
        }
        if (first < 0)
                return -ENODEV;
        ret[0] = (Placement){ PLACEMENT_SAME_CPU, { (unsigned)first, (unsigned)first }, NULL };
        if (second < 0)
                return 1;
        ret[1] = (Placement){ best, { (unsigned)first, (unsigned)second }, NULL };
        return 2;
}

static bool lies_so(unsigned a, unsigned b, PlacementType type) {
        return placement_type_of(a, b) == (type == PLACEMENT_OTHER_CPU_AWAKE ? PLACEMENT_OTHER_CPU : type);
}

int placement_find(PlacementType type, Placement *ret) {
        cpu_set_t set;
        int r;

        r = allowed_cpus(&set);
        if (r < 0)
                return r;
        for (unsigned a = 0; a < CPU_SETSIZE; a++)
                for (unsigned b = CPU_ISSET(a, &set) ? a : CPU_SETSIZE; b < CPU_SETSIZE; b++)
                        if (CPU_ISSET(b, &set) && lies_so(a, b, type)) {
                                *ret = (Placement){ type, { a, b }, NULL };
                                return 0;
                        }
        *ret = (Placement){ .type = type, .missing = placement_missing[type] };
        return 0;
}

Placement placement_as(const Placement *placement, PlacementType type) {
        Placement as = *placement;

        as.type = type;
        if (!lies_so(as.cpus[0], as.cpus[1], type))
                as.missing = "the CPUs that were asked for are no pair of this placement";
        return as;
}

unsigned placement_peer_cpu(const Placement *placement, unsigned nth) {
        unsigned found[PLACEMENT_PEERS_MAX], n = 0;
        cpu_set_t set;

        if (placement->type == PLACEMENT_SAME_CPU || allowed_cpus(&set) < 0)
                return placement->cpus[1];
        for (unsigned cpu = 0; cpu < CPU_SETSIZE && n < PLACEMENT_PEERS_MAX; cpu++)
                if (CPU_ISSET(cpu, &set) && lies_so(placement->cpus[0], cpu, placement->type))
                        found[n++] = cpu;
        return n > 0 ? found[nth % n] : placement->cpus[1];
}

/* "0, 1, 4": for a sentence. */
static void list_cpus(const cpu_set_t *set, char *text, size_t size) {
        size_t used = 0;

        text[0] = 0;
        for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
                if (!CPU_ISSET(cpu, set))
                        continue;
                if (used + 16 > size) {
                        snprintf(text + used, size - used, " …");
                        return;
                }
                used += (size_t)snprintf(text + used, size - used, "%s%u", used > 0 ? ", " : "", cpu);
        }
}

int placement_of(unsigned a, unsigned b, Placement *ret, Error *error) {
        char text[LINE_MAX_READ];
        cpu_set_t set;
        int r;

        r = allowed_cpus(&set);
        if (r < 0)
                return error_set_errno(error, r, "Cannot tell which CPUs this process may use");
        for (unsigned i = 0; i < 2; i++) {
                unsigned cpu = i == 0 ? a : b;

                if (cpu < CPU_SETSIZE && CPU_ISSET(cpu, &set))
                        continue;
                list_cpus(&set, text, sizeof text);
                return error_set(error, ERROR_INVALID_OPTION,
                        "CPU %u cannot be used: this process may run on CPU %s. Name two of those in \"cpus\".", cpu,
                        text);
        }
        *ret = (Placement){ placement_type_of(a, b), { a, b }, NULL };
        return 0;
}

int cpu_pin(unsigned cpu) {
        cpu_set_t set;

        if (cpu >= CPU_SETSIZE)
                return -EINVAL;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        return sched_setaffinity(0, sizeof set, &set) < 0 ? -errno : 0;
}

/* Set for every guest whose hypervisor does not hide itself. */
static void describe_hypervisor(Record *record) {
        char *line = NULL;
        size_t size = 0;
        FILE *file;

        file = fopen("/proc/cpuinfo", "re");
        if (file == NULL)
                return;
        while (getline(&line, &size, file) > 0)
                if (strncmp(line, "flags", 5) == 0) {
                        record_set_bool(record, "virtual_machine", strstr(line, " hypervisor") != NULL);
                        break;
                }
        free(line);
        fclose(file);
}

void machine_describe(Record *record) {
        char line[LINE_MAX_READ];

        record_set_u64(record, "cpus_online", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
        describe_hypervisor(record);
        if (read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", line) == 0)
                record_set_string(record, "clock", line);
        if (read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", line) == 0)
                record_set_string(record, "governor", line);
        if (read_line("/sys/devices/system/cpu/smt/active", line) == 0)
                record_set_bool(record, "smt", strcmp(line, "1") == 0);
}

unsigned long long cpu_steal_ticks(unsigned cpu) {
        enum { STEAL = 8 }; /* proc_stat(5): cpuN user nice system idle iowait irq softirq steal */
        unsigned long long steal = 0;
        char name[16], *line = NULL;
        size_t size = 0;
        FILE *file;

        file = fopen("/proc/stat", "re");
        if (file == NULL)
                return 0;
        snprintf(name, sizeof name, "cpu%u", cpu);
        while (getline(&line, &size, file) > 0 && strncmp(line, "cpu", 3) == 0) {
                char *rest = line, *field = strsep(&rest, " ");

                if (strcmp(field, name) != 0)
                        continue;
                for (unsigned i = 0; i < STEAL && field != NULL; i++)
                        field = strsep(&rest, " ");
                if (field != NULL)
                        steal = strtoull(field, NULL, 10);
        }
        free(line);
        fclose(file);
        return steal;
}

uint64_t cpu_clock_khz(unsigned cpu) {
        uint64_t khz = 0;

        return cpu_number(cpu, "cpufreq/scaling_cur_freq", &khz) < 0 ? 0 : khz;
}
