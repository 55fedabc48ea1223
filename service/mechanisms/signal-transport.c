/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers of four bytes over real-time signals: sigqueue(3) to the other side, sigwaitinfo(2) in this one, with no
 * handler. Each lane has a signal of its own.
 *
 * The sides find each other in a page that setup() makes (a memfd in fds[0], handed to both): each writes its pid
 * there once it has blocked its signal, and the other sends nothing before. The page also counts what was taken: the
 * kernel has one queue of RLIMIT_SIGPENDING signals for all processes of a user, and a sender without bounds would
 * take it from all others. */
#include "posix-transports.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "spin.h"
#include "transport.h"

enum {
        VALUE_SIZE = 4,
        FIRST_SIGNAL = 4, /* from SIGRTMIN on: the first few are what people try by hand */
        LINKS_MAX = 8,    /* in one process, two signals each */
        DEPTH_MAX = 1024,
        PEER_USEC = 10 * 1000 * 1000,
        FULL_NSEC = 20 * 1000,
};

typedef struct Page {
        _Atomic uint32_t pid[LINK_LANES];                /* of each side */
        _Alignas(64) _Atomic uint32_t taken[LINK_LANES]; /* by the receiver of each lane */
} Page;

typedef struct SignalSide {
        Page *page;
        sigset_t in;
        int out_signal;
        uint32_t out_lane, in_lane, depth;
        pid_t peer;
        uint32_t sent, taken_seen, received;
        int fd;       /* signalfd(2), where the side waits by epoll */
        bool stashed; /* wait_readable() can only wait by taking */
        siginfo_t stash;
} SignalSide;

/* The value of a signal is a union of an int and a pointer (sigqueue(3)). Where a pointer has eight bytes, its upper
 * half says how many of the four were given. */
typedef union Value32 {
        union sigval value;
        struct {
                unsigned char data[VALUE_SIZE];
                uint32_t size;
        } parts;
} Value32;

static bool carries_size(void) {
        return sizeof(union sigval) >= sizeof(((Value32 *)NULL)->parts);
}

static int signal_link_setup(Link *link, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        struct rlimit limit;

        fd = memfd_create("ipcbus-signal-link", MFD_CLOEXEC);
        if (fd < 0 || ftruncate(fd, sizeof(Page)) < 0)
                return error_set_errno(error, errno, "Cannot make the page where the sides of a link meet");
        if (getrlimit(RLIMIT_SIGPENDING, &limit) >= 0 && limit.rlim_cur == 0)
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "No signal can be queued here: RLIMIT_SIGPENDING is 0; raise it with ulimit -i.");
        link->depth = DEPTH_MAX;
        /* A quarter for each lane leaves half for everything else. */
        if (getrlimit(RLIMIT_SIGPENDING, &limit) >= 0 && limit.rlim_cur / 4 < DEPTH_MAX)
                link->depth = limit.rlim_cur >= 4 ? (unsigned)(limit.rlim_cur / 4) : 1;
        if (link->message_max > VALUE_SIZE)
                link->message_max = VALUE_SIZE;
        link->words[0] = link->depth;
        link->words[1] = link->number % LINKS_MAX;
        link->fds[0] = fd_take(&fd);
        return 0;
}

static void drain(const sigset_t *set) {
        const struct timespec no_wait = { 0 };

        while (sigtimedwait(set, NULL, &no_wait) > 0)
                ;
}

static int signal_link_attach(Link *link, Error *error) {
        SignalSide *side;
        int first, r;
        void *page;

        side = calloc(1, sizeof(*side));
        if (!side)
                return error_set_errno(error, ENOMEM, "Cannot attach to the link");
        page = mmap(NULL, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, link->fds[0], 0);
        if (page == MAP_FAILED) {
                r = error_set_errno(error, errno, "Cannot map the page where the sides of a link meet");
                free(side);
                return r;
        }
        link->fds[0] = fd_close(link->fds[0]);
        side->page = page;
        side->out_lane = link->side;
        side->in_lane = !link->side;
        first = SIGRTMIN + FIRST_SIGNAL + LINK_LANES * (int)link->words[1];
        side->out_signal = first + (int)side->out_lane;
        side->depth = (uint32_t)link->words[0];
        sigemptyset(&side->in);
        sigaddset(&side->in, first + (int)side->in_lane);
        sigprocmask(SIG_BLOCK, &side->in, NULL);
        drain(&side->in); /* of an earlier link of this process */
        side->fd = link->wait == WAIT_POLL ? signalfd(-1, &side->in, SFD_CLOEXEC | SFD_NONBLOCK) : -EBADF;
        if (side->fd < 0 && link->wait == WAIT_POLL) {
                r = error_set_errno(error, errno, "Cannot make a descriptor of the signals of a link");
                munmap(page, sizeof(Page));
                free(side);
                return r;
        }
        atomic_store(&side->page->pid[link->side], (uint32_t)getpid());
        syscall(SYS_futex, &side->page->pid[link->side], FUTEX_WAKE, 1, NULL, NULL, 0);
        link->state = side;
        return 0;
}

static int find_peer(Link *link, SignalSide *side) {
        _Atomic uint32_t *pid = &side->page->pid[!link->side];
        uint64_t end = monotonic_end(PEER_USEC), now;

        while (atomic_load(pid) == 0) {
                struct timespec left;

                now = monotonic_now();
                if (now >= end)
                        return -EPIPE;
                left = timespec_from_usec(end - now);
                syscall(SYS_futex, pid, FUTEX_WAIT, 0, &left, NULL, 0);
        }
        side->peer = (pid_t)atomic_load(pid);
        return 0;
}

static bool window_full(SignalSide *side) {
        if (side->sent - side->taken_seen < side->depth)
                return false;
        side->taken_seen = atomic_load_explicit(&side->page->taken[side->out_lane], memory_order_relaxed);
        return side->sent - side->taken_seen >= side->depth;
}

static int signal_link_try_send(Link *link, const void *data, size_t size) {
        SignalSide *side = link->state;
        Value32 value = { 0 };
        int r;

        if (size > VALUE_SIZE || (size < VALUE_SIZE && !carries_size()))
                return -EMSGSIZE;
        if (side->peer == 0) {
                r = find_peer(link, side);
                if (r < 0)
                        return r;
        }
        if (window_full(side))
                return -EAGAIN;
        memcpy(value.parts.data, data, size);
        value.parts.size = (uint32_t)size;
        if (sigqueue(side->peer, side->out_signal, value.value) < 0)
                return errno == ESRCH ? -EPIPE : -errno;
        side->sent++;
        return 0;
}

/* The kernel has no call that waits for room: sigqueue(3) only fails. */
static int signal_link_send(Link *link, const void *data, size_t size) {
        const struct timespec full = { .tv_nsec = FULL_NSEC };
        SignalSide *side = link->state;
        int r;

        while ((r = signal_link_try_send(link, data, size)) == -EAGAIN) {
                if (link->wait == WAIT_SPIN)
                        spin_pause();
                else
                        nanosleep(&full, NULL);
                /* Who has ended takes nothing any more. */
                if (kill(side->peer, 0) < 0 && errno == ESRCH)
                        return -EPIPE;
        }
        return r;
}

static ssize_t take(SignalSide *side, union sigval sent, void *buffer, size_t size) {
        Value32 value = { .value = sent };
        size_t length;

        length = carries_size() ? value.parts.size : VALUE_SIZE;
        if (length > VALUE_SIZE)
                return -EBADMSG; /* sent by somebody else */
        atomic_store_explicit(&side->page->taken[side->in_lane], ++side->received, memory_order_relaxed);
        if (length > size)
                return -EMSGSIZE;
        memcpy(buffer, value.parts.data, length);
        return (ssize_t)length;
}

/* signalfd(2): ssi_ptr holds the whole of the value. */
static ssize_t receive_read(SignalSide *side, void *buffer, size_t size) {
        struct signalfd_siginfo info;
        ssize_t n = read(side->fd, &info, sizeof info);

        if (n != (ssize_t)sizeof info)
                return n < 0 ? -errno : -EBADMSG;
        return take(side, (union sigval){ .sival_ptr = (void *)(uintptr_t)info.ssi_ptr }, buffer, size);
}

static ssize_t receive_once(Link *link, void *buffer, size_t size, bool wait) {
        static const struct timespec no_wait = { 0 };
        SignalSide *side = link->state;
        siginfo_t info;

        if (side->stashed) {
                side->stashed = false;
                return take(side, side->stash.si_value, buffer, size);
        }
        if (side->fd >= 0 && !wait)
                return receive_read(side, buffer, size);
        if ((wait ? sigwaitinfo(&side->in, &info) : sigtimedwait(&side->in, &info, &no_wait)) < 0)
                return -errno;
        return take(side, info.si_value, buffer, size);
}

static ssize_t signal_link_try_receive(Link *link, void *buffer, size_t size) {
        ssize_t n;

        while ((n = receive_once(link, buffer, size, false)) == -EINTR)
                ;
        return n;
}

static ssize_t signal_link_receive(Link *link, void *buffer, size_t size) {
        bool wait = link->wait != WAIT_SPIN;
        ssize_t n;

        do
                n = receive_once(link, buffer, size, wait);
        while (link_receives_again(link, n));
        return n;
}

static int signal_link_wait_readable(Link *link, uint64_t timeout) {
        uint64_t end = monotonic_end(timeout), now;
        SignalSide *side = link->state;
        struct timespec left;

        while (!side->stashed) {
                now = monotonic_now();
                left = timespec_from_usec(end > now ? end - now : 0);
                if (sigtimedwait(&side->in, &side->stash, &left) > 0)
                        side->stashed = true;
                else if (errno == EAGAIN)
                        return -ETIMEDOUT;
                else if (errno != EINTR)
                        return -errno;
        }
        return 0;
}

/* The signal stays blocked: one that is still on its way would end this process by its default action. */
static void signal_link_detach(Link *link) {
        SignalSide *side = link->state;

        if (!side)
                return;
        drain(&side->in);
        fd_close(side->fd);
        munmap(side->page, sizeof(Page));
        free(side);
        link->state = NULL;
}

static int signal_link_poll_fd(const Link *link) {
        return ((const SignalSide *)link->state)->fd;
}

static void signal_link_teardown(Link *link) {
        link->fds[0] = fd_close(link->fds[0]);
}

/* close_direction: none. Nobody is told when a process does not want signals any more. */
const Transport signal_transport = {
        .message_max = VALUE_SIZE,
        .boundaries = true,
        .executed = true,
        .setup = signal_link_setup,
        .attach = signal_link_attach,
        .send = signal_link_send,
        .receive = signal_link_receive,
        .try_send = signal_link_try_send,
        .try_receive = signal_link_try_receive,
        .poll_fd = signal_link_poll_fd,
        .wait_readable = signal_link_wait_readable,
        .detach = signal_link_detach,
        .teardown = signal_link_teardown,
};
