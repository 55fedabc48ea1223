/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ping-pong as one writes it in an afternoon, with nothing of the benchmark engine: two processes, a message there and
 * one back, every byte written and checked. The engine must not be slower.
 *
 *   plain KIND SIZE CPU CPU MILLISECONDS      prints the median round trip in nanoseconds */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SIZE_MAX_HERE = 1 << 20, SAMPLES = 1 << 18 };

typedef struct Slot {
        _Alignas(64) _Atomic uint32_t number;
        _Atomic uint32_t asleep;
        unsigned char data[];
} Slot;

static size_t size;
static int fds[4]; /* there: read 0, write 1; back: read 2, write 3 */
static mqd_t queues[2];
static Slot *slots[2];
static unsigned char out[SIZE_MAX_HERE], in[SIZE_MAX_HERE];

static _Noreturn void fail(const char *what) {
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
        _exit(1);
}

static void pin(int cpu) {
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        if (sched_setaffinity(0, sizeof set, &set) < 0)
                fail("sched_setaffinity");
}

static void open_pipes(void) {
        if (pipe2(fds, O_CLOEXEC) < 0 || pipe2(fds + 2, O_CLOEXEC) < 0)
                fail("pipe");
}

static void open_sockets(void) {
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                fail("socketpair");
        fds[1] = fds[2] = pair[0];
        fds[0] = fds[3] = pair[1];
}

static void open_queues(void) {
        struct mq_attr attributes = { .mq_maxmsg = 10, .mq_msgsize = (long)size };
        char name[64];

        for (int i = 0; i < 2; i++) {
                snprintf(name, sizeof name, "/ipcbus-plain-%d-%d", getpid(), i);
                queues[i] = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attributes);
                if (queues[i] < 0)
                        fail("mq_open");
                mq_unlink(name);
        }
}

static void open_memory(void) {
        size_t room = (sizeof(Slot) + size + 4095) / 4096 * 4096;
        char *memory = mmap(NULL, 2 * room, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

        if (memory == MAP_FAILED)
                fail("mmap");
        slots[0] = (Slot *)(void *)memory;
        slots[1] = (Slot *)(void *)(memory + room);
}

static void fd_send(int side) {
        if (write(fds[side == 0 ? 1 : 3], out, size) != (ssize_t)size)
                fail("write");
}

static void fd_receive(int side) {
        for (size_t done = 0; done < size;) {
                ssize_t n = read(fds[side == 0 ? 2 : 0], in + done, size - done);

                if (n <= 0)
                        fail("read");
                done += (size_t)n;
        }
}

static void queue_send(int side) {
        if (mq_send(queues[side], (char *)out, size, 0) < 0)
                fail("mq_send");
}

static void queue_receive(int side) {
        if (mq_receive(queues[1 - side], (char *)in, size, NULL) != (ssize_t)size)
                fail("mq_receive");
}

static void memory_send(int side) {
        Slot *slot = slots[side];

        memcpy(slot->data, out, size);
        atomic_fetch_add(&slot->number, 1);
        if (atomic_load(&slot->asleep))
                syscall(SYS_futex, &slot->number, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void memory_receive(int side) {
        static uint32_t seen;
        Slot *slot = slots[1 - side];

        while (atomic_load(&slot->number) == seen) {
                atomic_store(&slot->asleep, 1);
                syscall(SYS_futex, &slot->number, FUTEX_WAIT, seen, NULL, NULL, 0);
                atomic_store(&slot->asleep, 0);
        }
        seen++;
        memcpy(in, slot->data, size);
}

static const struct Kind {
        const char *name;
        void (*open)(void), (*send)(int side), (*receive)(int side);
} kinds[] = {
        { "pipe", open_pipes, fd_send, fd_receive },
        { "unix-stream", open_sockets, fd_send, fd_receive },
        { "mq-posix", open_queues, queue_send, queue_receive },
        { "shm-posix", open_memory, memory_send, memory_receive },
};

static void write_payload(uint64_t number) {
        uint64_t word = number * UINT64_C(0x9e3779b97f4a7c15);

        for (size_t i = 0; i + 8 <= size; i += 8, word += UINT64_C(0x1000000000000001))
                memcpy(out + i, &word, 8);
        for (size_t i = size / 8 * 8; i < size; i++)
                out[i] = (unsigned char)number;
}

static void check_payload(uint64_t number) {
        uint64_t word = number * UINT64_C(0x9e3779b97f4a7c15), found, wrong = 0;

        for (size_t i = 0; i + 8 <= size; i += 8, word += UINT64_C(0x1000000000000001)) {
                memcpy(&found, in + i, 8);
                wrong |= found ^ word;
        }
        for (size_t i = size / 8 * 8; i < size; i++)
                wrong |= in[i] ^ (unsigned char)number;
        if (wrong) {
                errno = EBADMSG;
                fail("payload");
        }
}

static _Noreturn void answer(const struct Kind *kind, int cpu, pid_t parent) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(1);
        pin(cpu);
        for (uint64_t number = 1;; number++) {
                kind->receive(1);
                check_payload(number);
                write_payload(~number);
                kind->send(1);
        }
}

static uint64_t now(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b) {
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

        return (x > y) - (x < y);
}

/* A quarter of the time to warm up. */
static uint32_t ask(const struct Kind *kind, int cpu, uint64_t nsec) {
        static uint32_t samples[SAMPLES];
        uint64_t start, last, t;
        size_t n = 0;

        pin(cpu);
        last = start = now();
        for (uint64_t number = 1; n < SAMPLES; number++) {
                write_payload(number);
                kind->send(0);
                kind->receive(0);
                check_payload(~number);
                t = now();
                if (t - start > nsec / 4)
                        samples[n++] = (uint32_t)(t - last);
                last = t;
                if (t - start > nsec)
                        break;
        }
        qsort(samples, n, sizeof *samples, compare);
        return n > 0 ? samples[n / 2] : 0;
}

int main(int argc, char *argv[]) {
        const struct Kind *kind = NULL;
        pid_t child, parent = getpid();

        if (argc != 6)
                return 2;
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                if (strcmp(kinds[i].name, argv[1]) == 0)
                        kind = &kinds[i];
        size = strtoul(argv[2], NULL, 10);
        if (kind == NULL || size < 1 || size > SIZE_MAX_HERE)
                return 2;
        kind->open();
        memset(out, 1, size);
        memset(in, 1, size);
        child = fork();
        if (child < 0)
                fail("fork");
        if (child == 0)
                answer(kind, (int)strtol(argv[4], NULL, 10), parent);
        printf("%u\n", ask(kind, (int)strtol(argv[3], NULL, 10), strtoul(argv[5], NULL, 10) * 1000000));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        return 0;
}
