/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ping-pong as one writes it in an afternoon, with nothing of the benchmark engine: two processes, a message there and
 * one back, every byte written and checked. The engine must not be slower.
 *
 *   plain KIND SIZE CPU CPU MILLISECONDS      prints the median round trip in nanoseconds */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

typedef struct Message {
        long type;
        unsigned char data[SIZE_MAX_HERE];
} Message;

static size_t size;
static int fds[4]; /* there: read 0, write 1; back: read 2, write 3 */
static mqd_t queues[2];
static Slot *slots[2];
static sem_t *semaphores[2];
static int sysv;
static sigset_t signals;
static pid_t pids[2];
static Message message;
static unsigned char out[SIZE_MAX_HERE], in[SIZE_MAX_HERE];

/* What was made is removed by whoever made it, not by the other process. */
static _Noreturn void fail(const char *what) {
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
        if (getpid() == pids[0])
                exit(1);
        _exit(1);
}

static void pin(int cpu) {
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        if (sched_setaffinity(0, sizeof set, &set) < 0)
                fail("sched_setaffinity");
}

/* Both ends of both lanes are open in both processes: fds[0] and [1] there, [2] and [3] back. */
static void open_pipes(void) {
        if (pipe2(fds, O_CLOEXEC) < 0 || pipe2(fds + 2, O_CLOEXEC) < 0)
                fail("pipe");
}

static void open_fifos(void) {
        char path[64];

        for (int lane = 0; lane < 2; lane++) {
                snprintf(path, sizeof path, "/tmp/ipcbus-plain-%d-%d", getpid(), lane);
                if (mkfifo(path, 0600) < 0)
                        fail("mkfifo");
                fds[2 * lane] = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
                fds[2 * lane + 1] = open(path, O_WRONLY | O_CLOEXEC);
                unlink(path);
                if (fds[2 * lane] < 0 || fds[2 * lane + 1] < 0 || fcntl(fds[2 * lane], F_SETFL, 0) < 0)
                        fail("open");
        }
}

/* One end for each side, both ways. */
static void use_pair(const int pair[2]) {
        fds[1] = fds[2] = pair[0];
        fds[0] = fds[3] = pair[1];
}

static void open_socketpair(int type) {
        int pair[2];

        if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) < 0)
                fail("socketpair");
        use_pair(pair);
}

static void open_stream(void) {
        open_socketpair(SOCK_STREAM);
}

static void open_dgram(void) {
        open_socketpair(SOCK_DGRAM);
}

static void open_seqpacket(void) {
        open_socketpair(SOCK_SEQPACKET);
}

static void bind_loopback(int fd, struct sockaddr_in *name) {
        socklen_t length = sizeof *name;

        *name = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        if (fd < 0 || bind(fd, (struct sockaddr *)name, sizeof *name) < 0 ||
                getsockname(fd, (struct sockaddr *)name, &length) < 0)
                fail("bind");
}

static void open_tcp(void) {
        int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), pair[2], on = 1;
        struct sockaddr_in name;

        bind_loopback(listener, &name);
        pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (listen(listener, 1) < 0 || connect(pair[0], (struct sockaddr *)&name, sizeof name) < 0)
                fail("connect");
        pair[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        close(listener);
        for (int i = 0; i < 2; i++)
                if (setsockopt(pair[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
                        fail("TCP_NODELAY");
        use_pair(pair);
}

static void open_udp(void) {
        struct sockaddr_in names[2];
        int pair[2];

        for (int i = 0; i < 2; i++) {
                pair[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
                bind_loopback(pair[i], &names[i]);
        }
        for (int i = 0; i < 2; i++)
                if (connect(pair[i], (struct sockaddr *)&names[1 - i], sizeof names[i]) < 0)
                        fail("connect");
        use_pair(pair);
}

static void open_posix_queues(void) {
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

static void remove_sysv_queue(void) {
        msgctl(sysv, IPC_RMID, NULL);
}

static void remove_sysv_set(void) {
        semctl(sysv, 0, IPC_RMID);
}

static void open_sysv_queue(void) {
        sysv = msgget(IPC_PRIVATE, 0600);
        if (sysv < 0)
                fail("msgget");
        atexit(remove_sysv_queue);
}

static void open_sysv_set(void) {
        sysv = semget(IPC_PRIVATE, 2, 0600);
        if (sysv < 0)
                fail("semget");
        atexit(remove_sysv_set);
}

static void open_memory(void) {
        size_t room = (sizeof(Slot) + size + 4095) / 4096 * 4096;
        char *memory = mmap(NULL, 2 * room, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

        if (memory == MAP_FAILED)
                fail("mmap");
        slots[0] = (Slot *)(void *)memory;
        slots[1] = (Slot *)(void *)(memory + room);
}

static void open_semaphores(void) {
        open_memory();
        for (int i = 0; i < 2; i++) {
                semaphores[i] = (sem_t *)(void *)slots[i];
                if (sem_init(semaphores[i], 1, 0) < 0)
                        fail("sem_init");
        }
}

static void open_eventfds(void) {
        for (int lane = 0; lane < 2; lane++) {
                fds[2 * lane] = fds[2 * lane + 1] = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
                if (fds[2 * lane] < 0)
                        fail("eventfd");
        }
}

/* Blocked in both before there are two. */
static void open_signals(void) {
        sigemptyset(&signals);
        sigaddset(&signals, SIGRTMIN + 2);
        sigprocmask(SIG_BLOCK, &signals, NULL);
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

static void socket_send(int side) {
        if (send(fds[side == 0 ? 1 : 3], out, size, MSG_NOSIGNAL) != (ssize_t)size)
                fail("send");
}

static void socket_receive(int side) {
        for (size_t done = 0; done < size;) {
                ssize_t n = recv(fds[side == 0 ? 2 : 0], in + done, size - done, 0);

                if (n <= 0)
                        fail("recv");
                done += (size_t)n;
        }
}

static void posix_queue_send(int side) {
        if (mq_send(queues[side], (char *)out, size, 0) < 0)
                fail("mq_send");
}

static void posix_queue_receive(int side) {
        if (mq_receive(queues[1 - side], (char *)in, size, NULL) != (ssize_t)size)
                fail("mq_receive");
}

static void sysv_queue_send(int side) {
        message.type = side + 1;
        memcpy(message.data, out, size);
        if (msgsnd(sysv, &message, size, 0) < 0)
                fail("msgsnd");
}

static void sysv_queue_receive(int side) {
        if (msgrcv(sysv, &message, size, 2 - side, 0) != (ssize_t)size)
                fail("msgrcv");
        memcpy(in, message.data, size);
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

static void semaphore_send(int side) {
        if (sem_post(semaphores[side]) < 0)
                fail("sem_post");
}

static void semaphore_receive(int side) {
        while (sem_wait(semaphores[1 - side]) < 0)
                if (errno != EINTR)
                        fail("sem_wait");
}

static void sysv_set_send(int side) {
        struct sembuf add = { .sem_num = (unsigned short)side, .sem_op = 1 };

        if (semop(sysv, &add, 1) < 0)
                fail("semop");
}

static void sysv_set_receive(int side) {
        struct sembuf take = { .sem_num = (unsigned short)(1 - side), .sem_op = -1 };

        if (semop(sysv, &take, 1) < 0)
                fail("semop");
}

static void eventfd_send(int side) {
        const uint64_t one = 1;

        if (write(fds[side == 0 ? 1 : 3], &one, sizeof one) != sizeof one)
                fail("write");
}

static void eventfd_receive(int side) {
        uint64_t value;

        if (read(fds[side == 0 ? 2 : 0], &value, sizeof value) != sizeof value)
                fail("read");
}

static void signal_send(int side) {
        union sigval value = { 0 };

        memcpy(&value.sival_int, out, size);
        if (sigqueue(pids[1 - side], SIGRTMIN + 2, value) < 0)
                fail("sigqueue");
}

static void signal_receive(int side) {
        siginfo_t info;

        if (sigwaitinfo(&signals, &info) < 0)
                fail("sigwaitinfo");
        memcpy(in, &info.si_value.sival_int, size);
}

static const struct Kind {
        const char *name;
        void (*open)(void), (*send)(int side), (*receive)(int side);
        size_t size_max; /* 0: it carries nothing */
} kinds[] = {
        { "pipe", open_pipes, fd_send, fd_receive, SIZE_MAX_HERE },
        { "fifo", open_fifos, fd_send, fd_receive, SIZE_MAX_HERE },
        { "unix-stream", open_stream, socket_send, socket_receive, SIZE_MAX_HERE },
        { "unix-dgram", open_dgram, socket_send, socket_receive, SIZE_MAX_HERE },
        { "unix-seqpacket", open_seqpacket, socket_send, socket_receive, SIZE_MAX_HERE },
        { "tcp", open_tcp, socket_send, socket_receive, SIZE_MAX_HERE },
        { "udp", open_udp, socket_send, socket_receive, 65507 },
        { "mq-posix", open_posix_queues, posix_queue_send, posix_queue_receive, SIZE_MAX_HERE },
        { "mq-sysv", open_sysv_queue, sysv_queue_send, sysv_queue_receive, SIZE_MAX_HERE },
        { "shm-posix", open_memory, memory_send, memory_receive, SIZE_MAX_HERE },
        { "sem-posix", open_semaphores, semaphore_send, semaphore_receive, 0 },
        { "sem-sysv", open_sysv_set, sysv_set_send, sysv_set_receive, 0 },
        { "eventfd", open_eventfds, eventfd_send, eventfd_receive, 0 },
        { "signal", open_signals, signal_send, signal_receive, sizeof(int) },
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
        if (size > kind->size_max)
                size = kind->size_max;
        pids[0] = getpid();
        kind->open();
        memset(out, 1, size);
        memset(in, 1, size);
        child = fork();
        if (child < 0)
                fail("fork");
        pids[1] = child == 0 ? getpid() : child;
        if (child == 0)
                answer(kind, (int)strtol(argv[4], NULL, 10), parent);
        printf("%u\n", ask(kind, (int)strtol(argv[3], NULL, 10), strtoul(argv[5], NULL, 10) * 1000000));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        return 0;
}
