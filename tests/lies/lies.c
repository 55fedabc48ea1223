/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lies.h"

/* Who is lied to: judges and peers, which say what they are by their names (prctl(2)), from the moment that they do.
 * The engine and its channel are told the truth, so that there is a verdict: their functions are found in the symbol
 * table of the worker, and a call that comes from one of them is passed on as it is. */
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Range {
        uintptr_t begin, end;
} Range;

enum {
        RANGES_MAX = 256,
        UNDO_MAX = 64,
        NAME_SIZE = 256,
        STATUS_CONFUSED = 125,
};

static struct {
        Lie lie;
        bool armed;
        Range program, truth[RANGES_MAX];
        size_t n_truth;
        unsigned char *asked;
} self = { .lie = LIE_NONE };

static struct Undo {
        void (*undo)(const char *name);
        pid_t pid;
        char name[NAME_SIZE];
} undo[UNDO_MAX];
static size_t n_undo;

void *lie_real(const char *name) {
        void *found = dlsym(RTLD_NEXT, name);

        if (!found)
                abort();
        return found;
}

static bool in_range(const Range *range, uintptr_t address) {
        return address >= range->begin && address < range->end;
}

bool lie_told(Lie lie, const void *caller) {
        uintptr_t address = (uintptr_t)caller;

        if (!self.armed || (self.lie != lie && !self.asked) || !in_range(&self.program, address))
                return false;
        for (size_t i = 0; i < self.n_truth; i++)
                if (in_range(&self.truth[i], address))
                        return false;
        if (self.asked)
                self.asked[lie] = 1;
        return self.lie == lie;
}

void lie_undo_later(void (*function)(const char *name), const char *name) {
        if (n_undo == UNDO_MAX)
                return;
        undo[n_undo].undo = function;
        undo[n_undo].pid = getpid();
        (void)snprintf(undo[n_undo++].name, NAME_SIZE, "%s", name);
}

/* --- What stands where in the worker --- */

static bool begins_with(const char *text, const char *start) {
        return strncmp(text, start, strlen(start)) == 0;
}

/* Of static functions the table says the file, of others only the name. */
static bool is_engine(bool local, const char *file, const char *name) {
        static const char *const files[] = { "channel.c", "test-judge.c", "test-peer.c", "test-engine.c",
                "test-residue.c", "checks-tools.c" };
        static const char *const starts[] = { "channel_", "test_judge_", "test_peer_", "descriptors_", "check_await_",
                "check_hear", "check_peer_", "residue_" };

        for (size_t i = 0; local && i < sizeof files / sizeof files[0]; i++)
                if (strcmp(file, files[i]) == 0)
                        return true;
        for (size_t i = 0; !local && i < sizeof starts / sizeof starts[0]; i++)
                if (begins_with(name, starts[i]))
                        return true;
        return false;
}

static void add_symbols(const char *image, const ElfW(Shdr) * table, const char *names, uintptr_t base) {
        const ElfW(Sym) *symbols = (const void *)(image + table->sh_offset);
        const char *file = "";

        for (size_t i = 0; i < table->sh_size / sizeof *symbols; i++) {
                const char *name = names + symbols[i].st_name;
                unsigned type = symbols[i].st_info & 0xfU;
                bool local = symbols[i].st_info >> 4 == STB_LOCAL;

                if (type == STT_FILE)
                        file = name;
                if (type != STT_FUNC || symbols[i].st_size == 0 || !is_engine(local, file, name) ||
                        self.n_truth == RANGES_MAX)
                        continue;
                /* A call that never returns can be the last instruction: its return address is one behind. */
                self.truth[self.n_truth++] = (Range){ base + symbols[i].st_value,
                        base + symbols[i].st_value + symbols[i].st_size + 1 };
        }
}

static void read_program(uintptr_t base) {
        int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        const char *image = MAP_FAILED;
        const ElfW(Shdr) * sections;
        struct stat st;

        if (fd < 0)
                return;
        if (fstat(fd, &st) == 0)
                image = REAL(mmap)(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        close(fd);
        if (image == MAP_FAILED)
                return;
        sections = (const void *)(image + ((const ElfW(Ehdr) *)(const void *)image)->e_shoff);
        for (size_t i = 0; i < ((const ElfW(Ehdr) *)(const void *)image)->e_shnum; i++)
                if (sections[i].sh_type == SHT_SYMTAB)
                        add_symbols(image, &sections[i], image + sections[sections[i].sh_link].sh_offset, base);
        (void)munmap((void *)(uintptr_t)image, (size_t)st.st_size);
}

/* The first object is the program. */
static int take_program(struct dl_phdr_info *info, size_t size, void *userdata) {
        self.program = (Range){ UINTPTR_MAX, 0 };
        for (size_t i = 0; i < info->dlpi_phnum; i++) {
                uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

                if (info->dlpi_phdr[i].p_type != PT_LOAD)
                        continue;
                if (start < self.program.begin)
                        self.program.begin = start;
                if (start + info->dlpi_phdr[i].p_memsz > self.program.end)
                        self.program.end = start + info->dlpi_phdr[i].p_memsz;
        }
        read_program(info->dlpi_addr);
        return 1;
}

static const char *const names[] = {
#define LIE_NAME(lie, promise) #lie,
        LIES(LIE_NAME)
#undef LIE_NAME
#define LIE_NAME(call) #call "_FAILS", #call "_NOTHING", #call "_OTHER_ERROR", #call "_NEVER_REFUSES",
                CALLS(LIE_NAME)
#undef LIE_NAME
};

__attribute__((constructor)) static void prepare(void) {
        const char *name = getenv(LIE_VARIABLE), *asked = getenv(ASKED_VARIABLE);
        int fd;

        for (int i = 0; name && i < LIE_MAX; i++)
                if (strcmp(names[i], name) == 0)
                        self.lie = (Lie)i;
        (void)dl_iterate_phdr(take_program, NULL);
        fd = asked ? open(asked, O_RDWR | O_CLOEXEC) : -1;
        if (fd < 0)
                return;
        self.asked = REAL(mmap)(NULL, LIE_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (self.asked == MAP_FAILED)
                self.asked = NULL;
        close(fd);
}

/* --- The two calls that say who is who, and when it ends --- */

int prctl(int option, ...) {
        unsigned long a[4];
        va_list arguments;

        va_start(arguments, option);
        for (size_t i = 0; i < sizeof a / sizeof a[0]; i++)
                a[i] = va_arg(arguments, unsigned long);
        va_end(arguments);
        if (option == PR_SET_NAME && begins_with((const char *)a[0], "ipcbus-")) {
                /* Without the table everything would be lied to, and no verdict come. */
                if (self.n_truth == 0)
                        _exit(STATUS_CONFUSED);
                self.armed = true;
        }
        return REAL(prctl)(option, a[0], a[1], a[2], a[3]);
}

void _exit(int status) {
        self.armed = false;
        while (n_undo > 0)
                if (undo[--n_undo].pid == getpid())
                        undo[n_undo].undo(undo[n_undo].name);
        REAL(_exit)(status);
        __builtin_unreachable();
}
