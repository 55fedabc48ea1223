/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "checks.h"

/* Generic checks: a signal with a handler comes while a receiver waits. signal(7) lists which calls the kernel begins
 * again after a handler with SA_RESTART, and which give EINTR whatever the handler asked for. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "cleanup.h"
#include "transport-pair.h"

typedef enum Interruption {
        INTERRUPTION_NEVER,        /* the call goes on, whatever the handler asked for */
        INTERRUPTION_UNLESS_ASKED, /* EINTR; with SA_RESTART it goes on */
        INTERRUPTION_ALWAYS,       /* EINTR */
} Interruption;

static volatile sig_atomic_t handled;

static void handle(int signal) {
        handled++;
}

/* SIGUSR2: the kind "signal" itself goes over others. */
static int prepare_handler(const char *word) {
        struct sigaction action = { .sa_handler = handle };

        if (strcmp(word, "restart") == 0)
                action.sa_flags = SA_RESTART;
        else if (strcmp(word, "plain") != 0)
                return -EPROTO;
        handled = 0;
        sigemptyset(&action.sa_mask);
        return sigaction(SIGUSR2, &action, NULL) < 0 ? -errno : 0;
}

/* A round each time that it is told: receives once with such a handler. It says "back" before it says what came of it:
 * a record that can be overheard. */
int transport_interrupted_role(CheckPeer *peer) {
        uint64_t number = 0;
        int r = role_begin(peer);

        peer->link->interruptible = true;
        while (r >= 0) {
                CLEANUP(record_freep) Record *record = NULL;
                int64_t n;

                r = check_peer_hear(peer, CHECK_PATIENCE_USEC, &record);
                if (r >= 0)
                        r = prepare_handler(record_get_string(record, "word", ""));
                if (r >= 0)
                        r = role_say(peer, "ready", 0, 0);
                if (r < 0)
                        return r == -EPIPE ? 0 : r;
                n = step_receive(peer->link, number);
                number += n >= 0;
                r = role_say(peer, "back", 0, 0);
                if (r >= 0)
                        r = role_say(peer, "received", n, handled);
        }
        return r;
}

/* Has the peer receive, with such a handler, until it sleeps. */
static bool begin_round(Pair *pair, const char *word, char *where, size_t size) {
        int r;

        if (pair_tell(pair, word) < 0 || pair_hear(pair, "ready", NULL) < 0)
                return false;
        r = check_await_sleep(pair->run, pair->peer, where, size);
        if (r < 0)
                check_note(pair->run, "the receiver %s", r == -EALREADY ? "did not wait" : "was never seen asleep");
        return r >= 0;
}

static int64_t end_round(Pair *pair, int64_t *ret_handled) {
        CLEANUP(record_freep) Record *record = NULL;
        int r = pair_hear(pair, "received", &record);

        if (r < 0)
                return -EREMOTEIO;
        *ret_handled = record_get_i64(record, "y", -1);
        return record_get_i64(record, "x", -EPROTO);
}

/* A message for who waits. */
static bool deliver(Pair *pair, uint64_t number, int64_t want_handled) {
        int64_t n, times = 0;

        if (!check_expect(pair->run, "send", step_send(&pair->link, number, true), 0) ||
                pair_hear(pair, "back", NULL) < 0)
                return false;
        n = end_round(pair, &times);
        return check_expect(pair->run, "the message after the signal", n, (int64_t)step_size(&pair->link)) &&
               check_expect(pair->run, "handlers that ran", times, want_handled);
}

/* One round with a signal, and a message that must not be lost by it: the same that waited gets it, or the next
 * receive. */
static bool interrupt(Pair *pair, const char *word, bool want_eintr, uint64_t number) {
        char where[64], again[64];
        int64_t n, times = 0;
        int r;

        if (!begin_round(pair, word, where, sizeof where) ||
                !check_expect(pair->run, "kill", check_kill(pair->run, pair->peer, SIGUSR2), 0))
                return false;
        /* It wakes for the signal: asleep again means that the call was begun again. */
        r = check_await_sleep(pair->run, pair->peer, again, sizeof again);
        if (r >= 0 && want_eintr) {
                check_note(pair->run, "%s, handler %s: it went on waiting, not EINTR", where, word);
                return false;
        }
        if (r >= 0)
                return deliver(pair, number, 1);
        if (r != -EALREADY) {
                check_note(pair->run, "%s, then a signal: %s", where, check_errno(r));
                return false;
        }
        n = end_round(pair, &times);
        if (!want_eintr)
                check_note(pair->run, "%s, handler %s: it did not go on", where, word);
        return check_expect(pair->run, "the interrupted receive", n, want_eintr ? -EINTR : 0) &&
               check_expect(pair->run, "handlers that ran", times, 1) &&
               begin_round(pair, word, where, sizeof where) && deliver(pair, number, 0);
}

static CheckResult interrupted(CheckRun *run, Interruption interruption) {
        static const char *const words[] = {
                [INTERRUPTION_NEVER] = "without SA_RESTART and with it the call goes on by itself",
                [INTERRUPTION_UNLESS_ASKED] = "without SA_RESTART: EINTR; with it the call goes on by itself",
                [INTERRUPTION_ALWAYS] = "EINTR, with SA_RESTART too",
        };
        CheckResult result = CHECK_FAILED;
        Pair pair;

        if (pair_open(run, PAIR_STEP_SIZE, 0, &pair) >= 0 &&
                interrupt(&pair, "plain", interruption != INTERRUPTION_NEVER, 0) &&
                interrupt(&pair, "restart", interruption == INTERRUPTION_ALWAYS, 1))
                result = check_ok(run, "a receiver waits, a handler runs: %s; the messages sent then came whole",
                        words[interruption]);
        return pair_close(&pair, result);
}

CheckResult transport_interrupted_restarts(CheckRun *run) {
        return interrupted(run, INTERRUPTION_UNLESS_ASKED);
}

CheckResult transport_interrupted_always(CheckRun *run) {
        return interrupted(run, INTERRUPTION_ALWAYS);
}

CheckResult transport_interrupted_never(CheckRun *run) {
        return interrupted(run, INTERRUPTION_NEVER);
}

/* --- Stopped and continued, without any handler --- */

static CheckResult stopped(CheckRun *run, bool want_eintr) {
        CheckResult result = CHECK_FAILED;
        char where[64], again[64];
        int64_t times = 0;
        Pair pair;
        int r;

        if (pair_open(run, PAIR_STEP_SIZE, 0, &pair) < 0 || !begin_round(&pair, "plain", where, sizeof where) ||
                !check_expect(run, "SIGSTOP", check_kill(run, pair.peer, SIGSTOP), 0) ||
                !check_expect(run, "stopped", check_await_state(run, pair.peer, 'T'), 0) ||
                !check_expect(run, "SIGCONT", check_kill(run, pair.peer, SIGCONT), 0))
                return pair_close(&pair, result);
        r = check_await_sleep(run, pair.peer, again, sizeof again);
        if (want_eintr && r == -EALREADY) {
                if (check_expect(run, "the receive", end_round(&pair, &times), -EINTR) &&
                        begin_round(&pair, "plain", where, sizeof where) && deliver(&pair, 0, 0))
                        result = check_ok(run,
                                "%s, stopped and continued: EINTR, though no handler ran; the message "
                                "sent then came with the next call",
                                where);
        } else if (want_eintr || r < 0)
                result = check_fail(run, "%s, stopped and continued: %s", where,
                        r >= 0           ? "it went on waiting"
                        : r == -EALREADY ? "it did not go on"
                                         : check_errno(r));
        else if (deliver(&pair, 0, 0))
                result = check_ok(
                        run, "%s, stopped, continued, %s again; the message sent then came whole", where, again);
        return pair_close(&pair, result);
}

CheckResult transport_stopped_goes_on(CheckRun *run) {
        return stopped(run, false);
}

CheckResult transport_stopped_ends(CheckRun *run) {
        return stopped(run, true);
}
