/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "peer-interrupt.h"

/* A process that is signalled is runnable before kill(2) returns, and sleeps again only after its handler ran: to see
 * it asleep then is to see that the call went on. */
#include <errno.h>
#include <signal.h>

#include "checks.h"

static bool begin_waiting(CheckRun *run, CheckProcess *peer, const PeerCall *call, const char *what) {
        return check_expect(run, "beginning to wait", peer_begin(run, peer, call), 0) && check_sleeps(run, peer, what);
}

static bool signalled(CheckRun *run, CheckProcess *peer, const PeerCall *call, int flags, const char *what) {
        return check_expect(run, "sigaction", peer_call(run, peer, "handle", SIGUSR1, flags), 0) &&
               begin_waiting(run, peer, call, what) && check_expect(run, "kill", check_kill(run, peer, SIGUSR1), 0);
}

static bool stopped(CheckRun *run, CheckProcess *peer, const PeerCall *call, const char *what) {
        return begin_waiting(run, peer, call, what) &&
               check_expect(run, "SIGSTOP", check_kill(run, peer, SIGSTOP), 0) &&
               check_expect(run, "stopped", check_await_state(run, peer, 'T'), 0) &&
               check_expect(run, "SIGCONT", check_kill(run, peer, SIGCONT), 0);
}

bool peer_interrupted(CheckRun *run, CheckProcess *peer, const PeerCall *call, int flags, const char *what) {
        return signalled(run, peer, call, flags, what) && check_expect(run, what, peer_end(run, peer, NULL), -EINTR) &&
               check_expect(run, "the handler ran", peer_call(run, peer, "handled"), 1);
}

bool peer_goes_on(CheckRun *run, CheckProcess *peer, const PeerCall *call, int flags, const char *what) {
        return signalled(run, peer, call, flags, what) && check_sleeps(run, peer, "after the handler");
}

bool peer_ended_after_signal(CheckRun *run, CheckProcess *peer, const char *what) {
        return check_expect(run, what, peer_end(run, peer, NULL), 0) &&
               check_expect(run, "the handler ran", peer_call(run, peer, "handled"), 1);
}

bool peer_stopped_interrupted(CheckRun *run, CheckProcess *peer, const PeerCall *call, const char *what) {
        return stopped(run, peer, call, what) && check_expect(run, what, peer_end(run, peer, NULL), -EINTR);
}

bool peer_stopped_goes_on(CheckRun *run, CheckProcess *peer, const PeerCall *call, const char *what) {
        return stopped(run, peer, call, what) && check_sleeps(run, peer, "after SIGSTOP and SIGCONT");
}
