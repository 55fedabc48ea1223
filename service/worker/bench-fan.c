/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One to many and many to one. A message goes to one of the peers, or comes from one of them. Where the kind lets
 * several processes use one object, all peers share one link, and whoever comes first takes the next message; else
 * each has a link of its own, and the hub gives to one after the other, or sleeps on all of them.
 *
 * The number of a message is that of its peer and its place among those of that peer, so that what comes from several
 * is told apart, and what is lost, doubled or out of its order is noticed. On a link for all, whoever receives finds
 * the number in the message (payload.h).
 *
 * The hub decides what counts. At the end it takes or gives until every peer has said that it is done, so that none is
 * left waiting. */
#include "bench-fan.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "spin.h"
#include "units.h"

enum {
        PEER_SHIFT = 48,
        STEP_USEC = 50, /* between two readings of the clock, about */
        STEP_MAX = 4096,
        TAKE_MAX = 64, /* of one link before the next has its turn */
};

typedef struct Hub {
        Side *side;
        Link *links;
        unsigned n_links, next;
        LinkSend send;
        uint64_t numbers[BENCH_PEERS_MAX]; /* last, of each peer, or of all in the first */
        int epoll;
        uint32_t left; /* mask of the links that may hold more in this process, which their descriptors do not show */
} Hub;

static uint64_t number_of(unsigned peer, uint64_t number) {
        return ((uint64_t)peer + 1) << PEER_SHIFT | number;
}

static bool is_token(const Side *side) {
        return side->size == 0;
}

/* Tells the others how far this side is. */
static void count(Side *side, bool now) {
        if (now || side->number % AHEAD_STEP == 0)
                atomic_store_explicit(&side->measure->counts[side->side].messages, side->number, memory_order_relaxed);
}

/* What all peers together have sent or received. */
static uint64_t peers_counted(const Measure *measure) {
        uint64_t sum = 0;

        for (unsigned i = 1; i <= measure->peers; i++)
                sum += atomic_load_explicit(&measure->counts[i].messages, memory_order_relaxed);
        return sum;
}

static bool peers_done(const Measure *measure) {
        for (unsigned i = 1; i <= measure->peers; i++)
                if (!atomic_load(&measure->counts[i].done))
                        return false;
        return true;
}

static bool stopped(const Measure *measure) {
        return atomic_load_explicit(&measure->phase.value, memory_order_relaxed) == PHASE_STOP;
}

/* Only reached where the kind does not hold the senders back by itself. */
static void wait_for_receivers(const Side *side) {
        uint64_t most = ahead_max(side->transport);
        const Measure *measure = side->measure;
        uint64_t sent, received;

        do {
                sent = side->side == 0 ? side->number : peers_counted(measure);
                received = side->side == 0 ? peers_counted(measure) : atomic_load(&measure->counts[0].messages);
                if (sent <= received + most || stopped(measure))
                        return;
                sched_yield();
        } while (true);
}

/* What has come, from or for peer `peer`, or, on a link for all, from or for anybody. `numbers`: the last of each. */
static int check_message(Side *side, ssize_t n, unsigned peer, uint64_t *numbers) {
        bool one_link = side->measure->one_link, in_order;
        uint64_t number, wanted;
        unsigned from = peer;

        if (n < 0)
                return side_say_failed(side, "cannot receive", numbers[0] + 1, (int)n);
        if ((size_t)n != side->size)
                return side_say_short(side, numbers[0] + 1, n);
        if (is_token(side))
                return 0;
        wanted = number_of(peer, numbers[peer] + 1);
        number = one_link ? payload_number(side->in) : wanted;
        if (one_link && side->side == 0)
                from = (unsigned)(number >> PEER_SHIFT) - 1;
        if (from >= side->measure->peers)
                return side_say_wrong(side, side->in, wanted);
        number &= (UINT64_C(1) << PEER_SHIFT) - 1;
        /* Of what goes to whoever comes first, each gets some. */
        in_order = one_link && side->side != 0 ? number > numbers[from] : number == numbers[from] + 1;
        if (!payload_check(side->in, side->size, number_of(from, number)) || !in_order)
                return side_say_wrong(side, side->in, number_of(from, numbers[from] + 1));
        numbers[from] = number;
        return 0;
}

/* --- The peers --- */

int fan_out_peer(Side *side) {
        Measure *measure = side->measure;
        unsigned peer = measure->one_link ? 0 : side->side - 1;
        uint64_t numbers[BENCH_PEERS_MAX] = { 0 };
        uint32_t phase = PHASE_WARM_UP, now;
        ssize_t n;
        int r;

        side_usage_begin(side);
        while (phase != PHASE_STOP) {
                n = side->receive(side->link, side->in, side->size);
                if (n > 0 && (size_t)n < side->size && !side->boundaries) {
                        r = side_receive_rest(side, numbers[peer] + 1, &n);
                        if (r < 0)
                                return r;
                }
                r = check_message(side, n, peer, numbers);
                if (r < 0)
                        return r;
                side->number++;
                count(side, false);
                now = atomic_load_explicit(&measure->phase.value, memory_order_relaxed);
                if (now == phase)
                        continue;
                phase = now;
                if (phase == PHASE_MEASURE)
                        side_usage_begin(side);
        }
        side_usage_end(side, side->number - side->begin.messages);
        atomic_store(&measure->counts[side->side].done, 1);
        return 0;
}

int fan_in_peer(Side *side) {
        Measure *measure = side->measure;
        unsigned peer = side->side - 1;
        uint32_t phase = PHASE_WARM_UP, now;
        int r;

        side_usage_begin(side);
        while (phase != PHASE_STOP) {
                side->number++;
                r = side_send(side, number_of(peer, side->number));
                if (r < 0)
                        return r;
                count(side, false);
                if (side->number % AHEAD_STEP == 0)
                        wait_for_receivers(side);
                now = atomic_load_explicit(&measure->phase.value, memory_order_relaxed);
                if (now == phase)
                        continue;
                phase = now;
                if (phase == PHASE_MEASURE)
                        side_usage_begin(side);
        }
        side_usage_end(side, side->number - side->begin.messages);
        atomic_store(&measure->counts[side->side].done, 1);
        return 0;
}

/* --- The hub --- */

typedef int (*HubStep)(Hub *hub);

/* A step may be of no message or of many. */
static int hub_go_on(Hub *hub, HubStep step, unsigned messages) {
        uint64_t end = hub->side->number + messages;
        int r;

        while (hub->side->number < end) {
                r = step(hub);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Until the rate of a window is within 5 % of that of the window before. Gives how many messages take STEP_USEC. */
static int hub_warm_up(Hub *hub, HubStep step, unsigned *ret_messages) {
        uint64_t window = hub->side->measure->nsec / (4 * WARM_UP_WINDOWS), start, now, first;
        double rate = 0, before;
        unsigned messages = 1;
        int r;

        for (unsigned i = 0; i < WARM_UP_WINDOWS; i++) {
                before = rate;
                start = now_nsec();
                first = hub->side->number;
                do {
                        r = hub_go_on(hub, step, messages);
                        if (r < 0)
                                return r;
                        now = now_nsec();
                } while (now - start < window);
                rate = (double)(hub->side->number - first) / (double)(now - start);
                messages = (unsigned)fmin(fmax(rate * STEP_USEC * (double)NSEC_PER_USEC, 1), STEP_MAX);
                if (i >= 2 && fabs(rate - before) <= before * 0.05)
                        break;
        }
        *ret_messages = messages;
        return 0;
}

/* Of a hub that receives: from each, between the first and the last message that count. */
static void count_of_each(Hub *hub, bool end) {
        Measure *measure = hub->side->measure;

        for (unsigned i = 0; i < measure->peers; i++)
                measure->received_from[i] = end ? hub->numbers[i] - measure->received_from[i] : hub->numbers[i];
}

static int hub_measure(Hub *hub, HubStep step, uint64_t until) {
        Side *side = hub->side;
        unsigned messages = 1;
        int r;

        r = hub_warm_up(hub, step, &messages);
        if (r < 0)
                return r;
        if (until < now_nsec() + side->measure->nsec / 2)
                until = now_nsec() + side->measure->nsec / 2;
        side_usage_begin(side);
        count_of_each(hub, false);
        atomic_store(&side->measure->phase.value, PHASE_MEASURE);
        do {
                r = hub_go_on(hub, step, messages);
                if (r < 0)
                        return r;
        } while (now_nsec() < until);
        side_usage_end(side, side->number - side->begin.messages);
        count_of_each(hub, true);
        atomic_store(&side->measure->phase.value, PHASE_STOP);
        return 0;
}

static int send_next(Hub *hub) {
        unsigned peer = hub->next;
        Side *side = hub->side;
        int r;

        payload_fill(side->out, side->size, number_of(peer, ++hub->numbers[peer]));
        r = hub->send(&hub->links[peer], side->out, side->size);
        if (r < 0)
                return side_say_failed(side, "cannot send", hub->numbers[peer], r);
        hub->next = peer + 1 < hub->n_links ? peer + 1 : 0;
        if (++side->number % AHEAD_STEP == 0)
                wait_for_receivers(side);
        return 0;
}

int fan_out_hub(Side *side, Link *links, uint64_t until) {
        Hub hub = { .side = side, .links = links, .n_links = side->measure->one_link ? 1 : side->measure->peers };
        const struct timespec pause = { .tv_nsec = 20000 };
        int r;

        hub.send = side->send;
        r = hub_measure(&hub, send_next, until);
        if (r < 0)
                return r;
        /* One more for each that waits for one; who has gone needs none. */
        while (!peers_done(side->measure)) {
                unsigned peer = hub.next, done = hub.n_links > 1 ? peer + 1 : 0;

                hub.next = peer + 1 < hub.n_links ? peer + 1 : 0;
                if (done > 0 && atomic_load(&side->measure->counts[done].done))
                        continue;
                payload_fill(side->out, side->size, number_of(peer, hub.numbers[peer] + 1));
                if (side->transport->try_send(&links[peer], side->out, side->size) >= 0)
                        hub.numbers[peer]++;
                else
                        (void)nanosleep(&pause, NULL);
        }
        return 0;
}

void fan_in_prepare(Link *link) {
        if (link->wait != WAIT_SPIN)
                link->wait = WAIT_POLL;
}

/* One message of that link if there is one. */
static int take_from(Hub *hub, unsigned peer) {
        const Transport *transport = hub->side->transport;
        Side *side = hub->side;
        ssize_t n;
        int r;

        n = transport->try_receive(&hub->links[peer], side->in, side->size);
        if (n == -EAGAIN)
                return 0;
        if (n > 0 && (size_t)n < side->size && !side->boundaries) {
                side->link = &hub->links[peer];
                r = side_receive_rest(side, hub->numbers[peer] + 1, &n);
                if (r < 0)
                        return r;
        }
        r = check_message(side, n, peer, hub->numbers);
        if (r < 0)
                return r;
        side->number++;
        count(side, false);
        return 1;
}

/* One of each that has one. How many there were. */
static int take_round(Hub *hub) {
        int taken = 0, r;

        for (unsigned i = 0; i < hub->n_links; i++) {
                r = take_from(hub, i);
                if (r < 0)
                        return r;
                taken += r;
        }
        return taken;
}

/* Asleep until one of them has something. */
static int take_polled(Hub *hub) {
        unsigned most = hub->side->transport->buffered ? TAKE_MAX : 1, k;
        struct epoll_event events[BENCH_PEERS_MAX];
        uint32_t ready = hub->left;
        int n, r = 0;

        n = epoll_wait(hub->epoll, events, BENCH_PEERS_MAX, ready != 0 ? 0 : -1);
        if (n < 0 && errno != EINTR)
                return side_say_failed(hub->side, "cannot wait for", hub->side->number + 1, -errno);
        for (int i = 0; i < n; i++)
                ready |= 1u << events[i].data.u32;
        hub->left = 0;
        for (unsigned i = 0; i < hub->n_links && r >= 0; i++) {
                if ((ready & 1u << i) == 0)
                        continue;
                for (k = 0, r = 1; k < most && r > 0; k++)
                        r = take_from(hub, i);
                if (r > 0 && hub->side->transport->buffered)
                        hub->left |= 1u << i;
        }
        return r;
}

static int take_spinning(Hub *hub) {
        int r;

        while ((r = take_round(hub)) == 0)
                spin_pause();
        return r;
}

static int take_adaptive(Hub *hub) {
        uint64_t end = now_nsec() + hub->links[0].spin_nsec;
        int r;

        do {
                r = take_round(hub);
                if (r != 0)
                        return r;
        } while (now_nsec() < end);
        return take_polled(hub);
}

static int take_shared(Hub *hub) {
        Side *side = hub->side;
        ssize_t n;
        int r;

        n = side->receive(side->link, side->in, side->size);
        r = check_message(side, n, 0, hub->numbers);
        if (r < 0)
                return r;
        side->number++;
        count(side, false);
        return 0;
}

static HubStep choose_step(const Hub *hub) {
        const Measure *measure = hub->side->measure;

        if (measure->one_link)
                return take_shared;
        if (measure->wait == WAIT_SPIN)
                return take_spinning;
        return measure->wait == WAIT_ADAPTIVE && hub->links[0].spin_nsec > 0 ? take_adaptive : take_polled;
}

static int watch_links(Hub *hub) {
        hub->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (hub->epoll < 0)
                return -errno;
        for (unsigned i = 0; i < hub->n_links; i++) {
                struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };

                if (epoll_ctl(hub->epoll, EPOLL_CTL_ADD, hub->side->transport->poll_fd(&hub->links[i]), &event) < 0)
                        return -errno;
        }
        return 0;
}

static int fan_in_run(Hub *hub, uint64_t until) {
        const struct timespec pause = { .tv_nsec = 20000 };
        Side *side = hub->side;
        HubStep step = choose_step(hub);
        int r = 0;

        if (step == take_polled || step == take_adaptive)
                r = watch_links(hub);
        if (r < 0)
                return side_say_failed(side, "cannot wait for", 1, r);
        /* What came with the making of a connection. */
        r = step == take_polled && side->transport->buffered ? take_round(hub) : 0;
        if (r >= 0)
                r = hub_measure(hub, step, until);
        while (r >= 0 && !peers_done(side->measure)) {
                r = take_round(hub);
                if (r == 0)
                        (void)nanosleep(&pause, NULL);
                count(side, true);
        }
        return r < 0 ? r : 0;
}

int fan_in_hub(Side *side, Link *links, uint64_t until) {
        Hub hub = {
                .side = side,
                .links = links,
                .n_links = side->measure->one_link ? 1 : side->measure->peers,
                .epoll = -EBADF,
        };
        int r;

        r = fan_in_run(&hub, until);
        if (hub.epoll >= 0)
                close(hub.epoll);
        return r;
}
