/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls of the library, as their descriptions in the header say. */

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipcbus-ring.h"

typedef struct Pair {
        int fd;
        IpcbusRing *writer, *reader;
} Pair;

static Pair pair_make(uint64_t capacity, unsigned flags) {
        Pair pair = { .fd = -EBADF };

        g_assert_cmpint(ipcbus_ring_create("ipcbus-test", capacity, flags, &pair.fd), ==, 0);
        g_assert_cmpint(ipcbus_ring_open(pair.fd, IPCBUS_RING_WRITER, &pair.writer), ==, 0);
        g_assert_cmpint(ipcbus_ring_open(pair.fd, IPCBUS_RING_READER, &pair.reader), ==, 0);
        return pair;
}

static void pair_close(Pair *pair) {
        pair->writer = ipcbus_ring_close(pair->writer);
        pair->reader = ipcbus_ring_close(pair->reader);
        close(pair->fd);
}

static const unsigned all_flags[] = { 0, IPCBUS_RING_AWAKE, IPCBUS_RING_PACKED, IPCBUS_RING_PACKED | IPCBUS_RING_AWAKE,
        IPCBUS_RING_MANY, IPCBUS_RING_MANY | IPCBUS_RING_AWAKE };

static void test_create(void) {
        struct stat status;
        IpcbusRing *ring;
        int fd = -EBADF;

        g_assert_cmpint(ipcbus_ring_create(NULL, 0, 0, &fd), ==, -EINVAL);
        g_assert_cmpint(ipcbus_ring_create(NULL, IPCBUS_RING_CAPACITY_MAX + 1, 0, &fd), ==, -EINVAL);
        g_assert_cmpint(ipcbus_ring_create(NULL, 4096, 64, &fd), ==, -EINVAL);
        g_assert_cmpint(ipcbus_ring_create(NULL, 4096, IPCBUS_RING_MANY | IPCBUS_RING_PACKED, &fd), ==, -EINVAL);
        g_assert_cmpint(fd, ==, -EBADF);
        g_assert_cmpint(ipcbus_ring_create("ipcbus-test", 5000, 0, &fd), ==, 0);
        g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
        g_assert_cmpint(fcntl(fd, F_GET_SEALS) & (F_SEAL_SEAL | F_SEAL_GROW | F_SEAL_SHRINK), ==,
                F_SEAL_SEAL | F_SEAL_GROW | F_SEAL_SHRINK);
        /* All of its memory is there. */
        g_assert_cmpint(fstat(fd, &status), ==, 0);
        g_assert_cmpint(status.st_blocks * 512, >=, status.st_size);
        g_assert_cmpint(ipcbus_ring_open(fd, IPCBUS_RING_OBSERVER, &ring), ==, 0);
        g_assert_cmpint(ipcbus_ring_capacity(ring), ==, 8192);
        g_assert_cmpint(ipcbus_ring_message_max(ring), ==, 4096 - 8);
        g_assert_null(ipcbus_ring_close(ring));
        close(fd);
        g_assert_null(ipcbus_ring_close(NULL));
}

/* A copy of a ring as it would be if somebody had made it otherwise. */
static int copy_of(int fd, off_t grow, unsigned seals, uint32_t version) {
        int copy = memfd_create("ipcbus-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        struct stat status;
        g_autofree char *bytes = NULL;

        g_assert_cmpint(fstat(fd, &status), ==, 0);
        bytes = g_malloc((gsize)status.st_size);
        g_assert_cmpint(pread(fd, bytes, (size_t)status.st_size, 0), ==, status.st_size);
        if (version != 0)
                memcpy(bytes + 8, &version, sizeof(version));
        g_assert_cmpint(pwrite(copy, bytes, (size_t)status.st_size, 0), ==, status.st_size);
        g_assert_cmpint(ftruncate(copy, status.st_size + grow), ==, 0);
        g_assert_cmpint(fcntl(copy, F_ADD_SEALS, seals), ==, 0);
        return copy;
}

static void refuse(int fd, int expected) {
        IpcbusRing *ring = NULL;

        g_assert_cmpint(ipcbus_ring_open(fd, IPCBUS_RING_READER, &ring), ==, expected);
        g_assert_null(ring);
        close(fd);
}

static void test_refuse(void) {
        const unsigned seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
        int fd, ends[2];

        g_assert_cmpint(ipcbus_ring_create("ipcbus-test", 4096, 0, &fd), ==, 0);
        refuse(copy_of(fd, 0, 0, 0), -EMEDIUMTYPE);
        refuse(copy_of(fd, 0, F_SEAL_SHRINK | F_SEAL_GROW, 0), -EMEDIUMTYPE);
        refuse(copy_of(fd, -4096, seals, 0), -EMEDIUMTYPE);
        refuse(copy_of(fd, 4096, seals, 0), -EMEDIUMTYPE);
        refuse(copy_of(fd, 0, seals, 2), -EPROTONOSUPPORT);
        refuse(open("/dev/null", O_RDWR | O_CLOEXEC), -EMEDIUMTYPE);
        g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
        refuse(ends[0], -EMEDIUMTYPE);
        refuse(ends[1], -EMEDIUMTYPE);
        refuse(-1, -EBADF);
        g_assert_cmpint(ipcbus_ring_open(fd, (IpcbusRingRole)7, &(IpcbusRing *){ NULL }), ==, -EINVAL);
        close(fd);
}

/* Every length, across the end of the ring many times. */
static void test_lengths(gconstpointer data) {
        Pair pair = pair_make(4096, *(const unsigned *)data);
        size_t max = ipcbus_ring_message_max(pair.writer), size;
        g_autofree guint8 *message = g_malloc0(max + 1);
        g_autofree guint8 *came = g_malloc0(max + 1);

        for (size_t length = 0; length <= max; length++) {
                memset(message, (int)(length * 7), length);
                g_assert_cmpint(ipcbus_ring_send(pair.writer, message, length, 0), ==, 0);
                g_assert_cmpint(ipcbus_ring_receive(pair.reader, came, max, 0, &size), ==, 0);
                g_assert_cmpmem(message, length, came, size);
        }
        g_assert_cmpint(ipcbus_ring_send(pair.writer, message, max + 1, 0), ==, -EMSGSIZE);
        g_assert_cmpint(ipcbus_ring_receive(pair.reader, came, max, 0, &size), ==, -EAGAIN);
        /* Too small a buffer loses nothing. */
        g_assert_cmpint(ipcbus_ring_send(pair.writer, "longer", 6, 0), ==, 0);
        g_assert_cmpint(ipcbus_ring_receive(pair.reader, came, 5, 0, &size), ==, -EMSGSIZE);
        g_assert_cmpint(ipcbus_ring_receive(pair.reader, came, 6, 0, &size), ==, 0);
        g_assert_cmpmem("longer", 6, came, size);
        pair_close(&pair);
}

static void test_place(gconstpointer data) {
        Pair pair = pair_make(4096, *(const unsigned *)data);
        const void *shown, *next;
        size_t size;
        void *place;

        g_assert_cmpint(ipcbus_ring_commit(pair.writer, 0), ==, -EINVAL);
        g_assert_cmpint(ipcbus_ring_abort(pair.writer), ==, -EINVAL);
        g_assert_cmpint(ipcbus_ring_reserve(pair.reader, 8, 0, &place), ==, -EBADF);
        g_assert_cmpint(ipcbus_ring_peek(pair.writer, 0, &shown, &size), ==, -EBADF);
        g_assert_cmpint(ipcbus_ring_reserve(pair.writer, 100, 0, &place), ==, 0);
        g_assert_cmpint((uintptr_t)place % 8, ==, 0);
        g_assert_cmpint(ipcbus_ring_reserve(pair.writer, 100, 0, &place), ==, -EALREADY);
        g_assert_cmpint(ipcbus_ring_commit(pair.writer, 101), ==, -EINVAL);
        g_assert_cmpint(ipcbus_ring_abort(pair.writer), ==, 0);
        g_assert_cmpint(ipcbus_ring_reserve(pair.writer, 100, 0, &place), ==, 0);
        memcpy(place, "first", 5);
        g_assert_cmpint(ipcbus_ring_append(pair.writer, 5), ==, 0);
        g_assert_cmpint(ipcbus_ring_reserve(pair.writer, 6, 0, &place), ==, 0);
        memcpy(place, "second", 6);
        g_assert_cmpint(ipcbus_ring_append(pair.writer, 6), ==, 0);
        /* A batch is seen all at once. */
        g_assert_cmpint(ipcbus_ring_peek(pair.reader, 0, &shown, &size), ==, -EAGAIN);
        g_assert_cmpint(ipcbus_ring_publish(pair.writer), ==, 0);
        g_assert_cmpint(ipcbus_ring_wait_readable(pair.reader, 0), ==, 0);
        g_assert_cmpint(ipcbus_ring_peek(pair.reader, 0, &shown, &size), ==, 0);
        g_assert_cmpmem(shown, size, "first", 5);
        g_assert_cmpint(ipcbus_ring_peek(pair.reader, 0, &next, &size), ==, 0);
        g_assert_cmpmem(next, size, "second", 6);
        g_assert_cmpmem(shown, 5, "first", 5);
        g_assert_cmpint(ipcbus_ring_receive(pair.reader, &(char){ 0 }, 1, 0, &size), ==, -EALREADY);
        g_assert_cmpint(ipcbus_ring_release(pair.reader), ==, 0);
        g_assert_cmpint(ipcbus_ring_release(pair.reader), ==, 0);
        g_assert_cmpint(ipcbus_ring_publish(pair.writer), ==, 0);
        pair_close(&pair);
}

static void test_full(gconstpointer data) {
        Pair pair = pair_make(4096, *(const unsigned *)data);
        char text[40] = { 0 };
        struct iovec many[200];
        IpcbusRingState state;
        unsigned count = 0;
        size_t size;
        int r;

        while ((r = ipcbus_ring_send(pair.writer, text, sizeof(text), 0)) == 0)
                count++;
        g_assert_cmpint(r, ==, -EAGAIN);
        g_assert_cmpint(count, >=, 4096 / 64 - 1);
        g_assert_cmpint(ipcbus_ring_send(pair.writer, text, sizeof(text), 3000), ==, -ETIMEDOUT);
        g_assert_cmpint(ipcbus_ring_state(pair.reader, &state, sizeof(state)), ==, 0);
        g_assert_cmpint(state.messages, ==, count);
        g_assert_cmpint(state.capacity, ==, 4096);
        g_assert_cmpint(state.used, <=, 4096);
        g_assert_cmpint(state.writers, ==, 1);
        g_assert_cmpint(state.readers, ==, 1);
        for (unsigned i = 0; i < count; i++)
                g_assert_cmpint(ipcbus_ring_receive(pair.reader, text, sizeof(text), 0, &size), ==, 0);
        g_assert_cmpint(ipcbus_ring_receive(pair.reader, text, sizeof(text), 0, &size), ==, -EAGAIN);
        g_assert_cmpint(ipcbus_ring_receive(pair.reader, text, sizeof(text), 3000, &size), ==, -ETIMEDOUT);
        for (unsigned i = 0; i < G_N_ELEMENTS(many); i++)
                many[i] = (struct iovec){ .iov_base = text, .iov_len = sizeof(text) };
        g_assert_cmpint(ipcbus_ring_send_many(pair.writer, many, 10, 0), ==, 10);
        g_assert_cmpint(ipcbus_ring_send_many(pair.writer, many, G_N_ELEMENTS(many), 0), ==, (int)count - 10);
        g_assert_cmpint(ipcbus_ring_send_many(pair.writer, many, 5, 0), ==, -EAGAIN);
        g_assert_cmpint(ipcbus_ring_send_many(pair.writer, many, 0, 0), ==, 0);
        pair_close(&pair);
}

/* Nobody there: what is there is read first, and there is room until there is none. */
static void test_end(gconstpointer data) {
        Pair pair = pair_make(4096, *(const unsigned *)data);
        char text[64] = "last";
        size_t size;
        int r;

        g_assert_cmpint(ipcbus_ring_send(pair.writer, text, 5, 0), ==, 0);
        pair.writer = ipcbus_ring_close(pair.writer);
        g_assert_cmpint(ipcbus_ring_receive(pair.reader, text, sizeof(text), IPCBUS_RING_FOREVER, &size), ==, 0);
        g_assert_cmpint(ipcbus_ring_receive(pair.reader, text, sizeof(text), IPCBUS_RING_FOREVER, &size), ==, -EPIPE);
        g_assert_cmpint(ipcbus_ring_receive(pair.reader, text, sizeof(text), 0, &size), ==, -EPIPE);
        /* Another comes, and it goes on. */
        g_assert_cmpint(ipcbus_ring_open(pair.fd, IPCBUS_RING_WRITER, &pair.writer), ==, 0);
        g_assert_cmpint(ipcbus_ring_receive(pair.reader, text, sizeof(text), 0, &size), ==, -EAGAIN);
        pair.reader = ipcbus_ring_close(pair.reader);
        while ((r = ipcbus_ring_send(pair.writer, text, sizeof(text), IPCBUS_RING_FOREVER)) == 0)
                ;
        g_assert_cmpint(r, ==, -EPIPE);
        g_assert_cmpint(ipcbus_ring_open(pair.fd, IPCBUS_RING_READER, &pair.reader), ==, 0);
        g_assert_cmpint(ipcbus_ring_receive(pair.reader, text, sizeof(text), 0, &size), ==, 0);
        pair_close(&pair);
}

static void test_places(void) {
        IpcbusRing *rings[IPCBUS_RING_PARTICIPANTS], *ring;
        IpcbusRingParticipant who;
        Pair pair = pair_make(4096, 0);
        int fd;

        g_assert_cmpint(ipcbus_ring_open(pair.fd, IPCBUS_RING_WRITER, &ring), ==, -EBUSY);
        g_assert_cmpint(ipcbus_ring_open(pair.fd, IPCBUS_RING_READER, &ring), ==, -EBUSY);
        g_assert_cmpint(ipcbus_ring_participant(pair.reader, 0, &who, sizeof(who)), ==, 0);
        g_assert_cmpint(who.role, ==, IPCBUS_RING_WRITER);
        g_assert_cmpint(who.pid, ==, getpid());
        g_assert_cmpint(who.start, >, 0);
        g_assert_true(who.alive);
        g_assert_cmpint(ipcbus_ring_participant(pair.reader, 2, &who, sizeof(who)), ==, -ENOENT);
        g_assert_cmpint(ipcbus_ring_participant(pair.reader, 64, &who, sizeof(who)), ==, -EINVAL);
        g_assert_cmpint(ipcbus_ring_set_wait(pair.reader, (IpcbusRingWait)9, 0), ==, -EINVAL);
        pair_close(&pair);

        g_assert_cmpint(ipcbus_ring_create(NULL, 4096, IPCBUS_RING_MANY | IPCBUS_RING_AWAKE, &fd), ==, 0);
        for (unsigned i = 0; i < IPCBUS_RING_PARTICIPANTS; i++)
                g_assert_cmpint(
                        ipcbus_ring_open(fd, i % 2 ? IPCBUS_RING_READER : IPCBUS_RING_WRITER, &rings[i]), ==, 0);
        g_assert_cmpint(ipcbus_ring_open(fd, IPCBUS_RING_READER, &ring), ==, -EUSERS);
        g_assert_cmpint(ipcbus_ring_set_wait(rings[0], IPCBUS_RING_BLOCK, 0), ==, -EOPNOTSUPP);
        for (unsigned i = 0; i < IPCBUS_RING_PARTICIPANTS; i++)
                ipcbus_ring_close(rings[i]);
        g_assert_cmpint(ipcbus_ring_open(fd, IPCBUS_RING_READER, &ring), ==, 0);
        ipcbus_ring_close(ring);
        close(fd);
}

/* Runs in a child until it is killed; it has done its part when it says so. */
static pid_t child_start(void (*run)(int fd), int fd) {
        int ends[2];
        pid_t pid;
        char byte;

        g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                run(fd);
                (void)!write(ends[1], "x", 1);
                pause();
                _exit(1);
        }
        close(ends[1]);
        g_assert_cmpint(read(ends[0], &byte, 1), ==, 1);
        close(ends[0]);
        return pid;
}

static void child_kill(pid_t pid) {
        g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
}

static void half_write(int fd) {
        IpcbusRing *ring;
        void *place;

        if (ipcbus_ring_open(fd, IPCBUS_RING_WRITER, &ring) < 0 || ipcbus_ring_send(ring, "whole", 5, 0) < 0 ||
                ipcbus_ring_reserve(ring, 4, 0, &place) < 0)
                _exit(1);
        memcpy(place, "half", 4);
}

static void half_read(int fd) {
        IpcbusRing *ring;
        const void *data;
        size_t size;

        if (ipcbus_ring_open(fd, IPCBUS_RING_READER, &ring) < 0 || ipcbus_ring_peek(ring, 0, &data, &size) < 0)
                _exit(1);
}

/* A writer dies in the midst of a message, a reader with one in its hands. */
static void test_death(gconstpointer data) {
        unsigned flags = *(const unsigned *)data;
        IpcbusRing *writer, *reader;
        IpcbusRingState state;
        char text[16];
        size_t size;
        pid_t pid;
        int fd;

        g_assert_cmpint(ipcbus_ring_create(NULL, 4096, flags, &fd), ==, 0);
        g_assert_cmpint(ipcbus_ring_open(fd, IPCBUS_RING_READER, &reader), ==, 0);
        ipcbus_ring_set_patience(reader, 1000);
        pid = child_start(half_write, fd);
        child_kill(pid);
        g_assert_cmpint(ipcbus_ring_state(reader, &state, sizeof(state)), ==, 0);
        g_assert_cmpint(state.dead, ==, 1);
        g_assert_cmpint(ipcbus_ring_receive(reader, text, sizeof(text), IPCBUS_RING_FOREVER, &size), ==, 0);
        g_assert_cmpmem(text, size, "whole", 5);
        g_assert_cmpint(ipcbus_ring_receive(reader, text, sizeof(text), IPCBUS_RING_FOREVER, &size), ==, -EPIPE);
        g_assert_cmpint(ipcbus_ring_open(fd, IPCBUS_RING_WRITER, &writer), ==, 0);
        g_assert_cmpint(ipcbus_ring_send(writer, "next", 4, 0), ==, 0);
        g_assert_cmpint(ipcbus_ring_receive(reader, text, sizeof(text), IPCBUS_RING_FOREVER, &size), ==, 0);
        g_assert_cmpmem(text, size, "next", 4);

        reader = ipcbus_ring_close(reader);
        g_assert_cmpint(ipcbus_ring_send(writer, "again", 5, 0), ==, 0);
        pid = child_start(half_read, fd);
        g_assert_cmpint(ipcbus_ring_recover(writer), ==, 0);
        child_kill(pid);
        g_assert_cmpint(ipcbus_ring_recover(writer), ==, 1);
        g_assert_cmpint(ipcbus_ring_recover(writer), ==, 0);
        g_assert_cmpint(ipcbus_ring_open(fd, IPCBUS_RING_READER, &reader), ==, 0);
        g_assert_cmpint(ipcbus_ring_receive(reader, text, sizeof(text), 0, &size), ==, 0);
        g_assert_cmpmem(text, size, "again", 5);
        ipcbus_ring_close(reader);
        ipcbus_ring_close(writer);
        close(fd);
}

static volatile sig_atomic_t ticks;

static void tick(int number) {
        if (ticks++ > 400)
                abort();
}

/* Also where nothing else would end the sleep. */
static void test_interrupted(void) {
        const struct itimerval often = { { .tv_usec = 5000 }, { .tv_usec = 5000 } }, never = { 0 };
        struct sigaction action = { .sa_handler = tick, .sa_flags = SA_RESTART }, before;
        Pair pair = pair_make(4096, 0);
        char byte;
        size_t size;

        ipcbus_ring_set_patience(pair.reader, 0);
        g_assert_cmpint(ipcbus_ring_set_wait(pair.reader, IPCBUS_RING_BLOCK, 0), ==, 0);
        g_assert_cmpint(sigaction(SIGALRM, &action, &before), ==, 0);
        g_assert_cmpint(setitimer(ITIMER_REAL, &often, NULL), ==, 0);
        g_assert_cmpint(ipcbus_ring_receive(pair.reader, &byte, 1, IPCBUS_RING_FOREVER, &size), ==, -EINTR);
        g_assert_cmpint(setitimer(ITIMER_REAL, &never, NULL), ==, 0);
        g_assert_cmpint(sigaction(SIGALRM, &before, NULL), ==, 0);
        pair_close(&pair);
}

static gboolean forked_enough;

static void *open_and_close(void *userdata) {
        IpcbusRing *ring;

        while (!g_atomic_int_get(&forked_enough))
                if (ipcbus_ring_open(GPOINTER_TO_INT(userdata), IPCBUS_RING_READER, &ring) == 0)
                        ipcbus_ring_close(ring);
        return NULL;
}

/* How many descriptors of that file there are besides. */
static int others_of(int fd) {
        struct stat one, other;
        int n = 0;

        if (fstat(fd, &one) < 0)
                return -1;
        for (int i = 0; i < 64; i++)
                n += i != fd && fstat(i, &other) == 0 && other.st_ino == one.st_ino && other.st_dev == one.st_dev;
        return n;
}

/* Whenever another thread opens or closes, the child gets no descriptor with a lock that would outlive its parent. */
static void test_fork_while_opening(void) {
        GThread *thread;
        int fd, status, kept = 0;

        g_assert_cmpint(ipcbus_ring_create("ipcbus-test", 4096, 0, &fd), ==, 0);
        thread = g_thread_new("opener", open_and_close, GINT_TO_POINTER(fd));
        for (unsigned i = 0; i < 300; i++) {
                pid_t pid = fork();

                g_assert_cmpint(pid, >=, 0);
                if (pid == 0)
                        _exit(others_of(fd) != 0);
                g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
                kept += status != 0;
        }
        g_atomic_int_set(&forked_enough, TRUE);
        g_thread_join(thread);
        g_assert_cmpint(kept, ==, 0);
        close(fd);
}

/* The child of a fork() keeps nobody alive, and can only close. */
static void test_fork(void) {
        Pair pair = pair_make(4096, 0);
        pid_t pid = fork();
        int status;

        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                size_t size;
                char byte;
                int r = ipcbus_ring_receive(pair.reader, &byte, 1, 0, &size);

                ipcbus_ring_close(pair.reader);
                ipcbus_ring_close(pair.writer);
                _exit(r == -ECHILD ? 0 : 1);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        /* The parent's places are still its own. */
        g_assert_cmpint(ipcbus_ring_recover(pair.reader), ==, 0);
        g_assert_cmpint(ipcbus_ring_send(pair.writer, "x", 1, 0), ==, 0);
        pair_close(&pair);
}

int main(int argc, char **argv) {
        static const struct {
                const char *name;
                void (*run)(gconstpointer flags);
        } each[] = { { "lengths", test_lengths }, { "place", test_place }, { "full", test_full }, { "end", test_end },
                { "death", test_death } };

        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/ring/create", test_create);
        g_test_add_func("/ring/refuse", test_refuse);
        g_test_add_func("/ring/places", test_places);
        g_test_add_func("/ring/fork", test_fork);
        g_test_add_func("/ring/fork-while-opening", test_fork_while_opening);
        g_test_add_func("/ring/interrupted", test_interrupted);
        for (unsigned i = 0; i < G_N_ELEMENTS(each); i++)
                for (unsigned k = 0; k < G_N_ELEMENTS(all_flags); k++) {
                        g_autofree char *path = g_strdup_printf("/ring/%s/%u", each[i].name, all_flags[k]);

                        g_test_add_data_func(path, &all_flags[k], each[i].run);
                }
        return g_test_run();
}
