/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "checks.h"

/* Generic checks: the peer is another user or in another namespace, or has no descriptors left. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cleanup.h"
#include "place.h"
#include "transport-pair.h"

enum {
        THERE = 3, /* how many steps go each way */
        OTHERS_MODE = 0666,
};

/* --- A peer somewhere else --- */

/* One there, one back, so that it needs room for one only. */
int transport_place_role(CheckPeer *peer) {
        int64_t n = 0;
        int r = role_begin(peer);

        for (uint64_t i = 0; r >= 0 && n >= 0 && i < THERE; i++) {
                n = step_receive(peer->link, i);
                if (n >= 0)
                        r = step_send(peer->link, THERE + i, true);
        }
        if (r >= 0)
                r = role_say(peer, "sent", 0, 0);
        if (r >= 0)
                r = check_peer_hear_word(peer, "who", CHECK_PATIENCE_USEC);
        if (r >= 0)
                r = role_say(peer, "me", n, (int64_t)geteuid());
        return r < 0 ? r : check_peer_hear_word(peer, "end", CHECK_PATIENCE_USEC);
}

static CheckResult there_and_back(Pair *pair, CheckPlace place) {
        CLEANUP(record_freep) Record *record = NULL;
        unsigned char back[PAIR_STEP_SIZE];
        size_t size = step_size(&pair->link);
        CheckRun *run = pair->run;
        bool sent = false;
        int64_t n = 0, there, user;

        for (uint64_t i = 0; n >= 0 && i < THERE; i++) {
                if (!check_expect(run, "send", step_send(&pair->link, i, true), 0))
                        return CHECK_FAILED;
                n = pair_receive_whole(pair, back, size, &sent);
                if (n >= 0 && ((size_t)n != size || !message_matches(back, size, THERE + i)))
                        n = -EBADMSG;
        }
        if ((!sent && pair_hear(pair, "sent", NULL) < 0) || pair_tell(pair, "who") < 0 ||
                pair_hear(pair, "me", &record) < 0)
                return CHECK_FAILED;
        there = record_get_i64(record, "x", -EPROTO);
        user = record_get_i64(record, "y", -1);
        if (!check_expect(run, "what the peer received", there, (int64_t)size) ||
                !check_expect(run, "what came back", n, (int64_t)size))
                return CHECK_FAILED;
        if (place == CHECK_PLACE_OTHER_USER && user != CHECK_NOBODY)
                return check_fail(run, "the peer runs as user %" PRId64, user);
        return check_ok(run, "a peer %s (user %" PRId64 "; here %u): %d messages there, %d back", place_name(place),
                user, geteuid(), THERE, THERE);
}

static CheckResult in_place(CheckRun *run, const PairSetting *setting) {
        CheckResult result = CHECK_FAILED;
        Pair pair;

        if (pair_open_with(run, setting, &pair) >= 0)
                result = there_and_back(&pair, setting->place);
        return pair_close(&pair, result);
}

static CheckResult in_public_folder(CheckRun *run, const char *folder) {
        return in_place(run, &(PairSetting){
                                     .message_max = PAIR_STEP_SIZE,
                                     .place = CHECK_PLACE_OTHER_USER,
                                     .mode = OTHERS_MODE,
                                     .directory = folder,
                             });
}

CheckResult transport_other_user(CheckRun *run) {
        return check_in_public_folder(run, in_public_folder);
}

CheckResult transport_other_ipc(CheckRun *run) {
        return in_place(run, &(PairSetting){ PAIR_STEP_SIZE, .place = CHECK_PLACE_OTHER_IPC });
}

CheckResult transport_other_net(CheckRun *run) {
        return in_place(run, &(PairSetting){ PAIR_STEP_SIZE, .place = CHECK_PLACE_OTHER_NET });
}

/* --- No descriptors left --- */

/* RLIMIT_NOFILE is one above the largest number that a new one may have (getrlimit(2)). */
static int use_up_descriptors(void) {
        int lowest = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
        struct rlimit limit = { .rlim_cur = (rlim_t)lowest, .rlim_max = (rlim_t)lowest };

        if (lowest < 0)
                return errno == EMFILE ? 0 : -errno;
        close(lowest);
        return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

/* The same once more: attached by name, or where there is none, made. */
static int open_another(CheckPeer *peer) {
        const Transport *transport = link_transport(peer->link);
        Link other = *peer->link;
        int r;

        other.state = NULL;
        for (unsigned i = 0; i < LINK_FDS_MAX; i++)
                other.fds[i] = other.own[i] = -EBADF;
        if (peer->link->names[0][0] != '\0') {
                r = transport->attach(&other, NULL);
                if (r >= 0)
                        transport->detach(&other);
                return r;
        }
        r = transport->setup(&other, NULL);
        if (r >= 0)
                transport->teardown(&other);
        return r;
}

/* As many as fit. */
static unsigned messages_before(const Link *link) {
        return link->depth > 0 && link->depth < THERE ? link->depth : THERE;
}

int transport_exhausted_role(CheckPeer *peer) {
        int64_t n = 0;
        int r = role_begin(peer);

        if (r >= 0)
                r = use_up_descriptors();
        if (r >= 0)
                r = role_say(peer, "tried", open_another(peer), 0);
        if (r >= 0)
                r = check_peer_hear_word(peer, "go on", CHECK_PATIENCE_USEC);
        for (uint64_t i = 0; r >= 0 && n >= 0 && i < messages_before(peer->link); i++)
                n = step_receive(peer->link, i);
        if (r >= 0)
                r = step_send(peer->link, THERE, true);
        if (r >= 0 && n >= 0)
                n = step_receive(peer->link, THERE + 1);
        if (r >= 0)
                r = role_say(peer, "sent", n, 0);
        return r < 0 ? r : check_peer_hear_word(peer, "end", CHECK_PATIENCE_USEC);
}

static CheckResult exhausted(CheckRun *run, int want) {
        CLEANUP(record_freep) Record *tried = NULL, *sent = NULL;
        CheckResult result = CHECK_FAILED;
        Pair pair;

        if (pair_open(run, PAIR_STEP_SIZE, 0, &pair) < 0)
                return pair_close(&pair, result);
        for (uint64_t i = 0; i < messages_before(&pair.link); i++)
                if (!check_expect(run, "send", step_send(&pair.link, i, true), 0))
                        return pair_close(&pair, result);
        if (pair_hear(&pair, "tried", &tried) < 0 ||
                !check_expect(run, "opening another", record_get_i64(tried, "x", -EPROTO), want) ||
                pair_tell(&pair, "go on") < 0 ||
                !check_expect(run, "the answer", step_receive(&pair.link, THERE), (int64_t)step_size(&pair.link)) ||
                !check_expect(run, "send again", step_send(&pair.link, THERE + 1, true), 0) ||
                pair_hear(&pair, "sent", &sent) < 0 ||
                !check_expect(
                        run, "what was sent", record_get_i64(sent, "x", -EPROTO), (int64_t)step_size(&pair.link)))
                return pair_close(&pair, result);
        if (want < 0)
                result = check_ok(run,
                        "no descriptor left: opening another gives %s; the %u messages sent before "
                        "are received, and one each way goes on",
                        check_errno(want), messages_before(&pair.link));
        else
                result = check_ok(run,
                        "no descriptor left: another is opened, for it takes none; %u messages "
                        "received, and one each way goes on",
                        messages_before(&pair.link));
        return pair_close(&pair, result);
}

CheckResult transport_exhausted(CheckRun *run) {
        return exhausted(run, -EMFILE);
}

CheckResult transport_exhausted_takes_none(CheckRun *run) {
        return exhausted(run, 0);
}
