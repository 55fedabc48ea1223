/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-peer.h"

/* The order goes to an executed peer as one record, with the link's descriptors beside it; a forked peer has all that
 * in its memory. From there on both are the same. A role's negative result becomes the exit status, and its sentence,
 * where there is one, goes to the judge as "peer-error". */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "channel.h"
#include "cleanup.h"
#include "mechanism.h"
#include "place.h"
#include "units.h"
#include "worker-protocol.h"

static void report(int control, const char *text) {
        Record *record = NULL;

        if (record_new(&record) < 0)
                return;
        record_set_string(record, "peer-error", text);
        (void)channel_send(control, record);
        record_free(record);
}

/* The judge waits to hear how that went. */
static int go_to_place(const PeerOrder *order, int control) {
        CLEANUP(record_freep) Record *record = NULL;
        PlaceOutcome outcome;
        int r;

        if (order->place == CHECK_PLACE_HERE)
                return 0;
        outcome = place_enter(order->place, order->directory);
        r = record_new(&record);
        if (r < 0)
                return r;
        place_tell(&outcome, record);
        r = channel_send(control, record);
        return r < 0 ? r : outcome.result;
}

static int run_role(const PeerOrder *order, int control) {
        CheckPeer peer = {
                .mechanism = order->mechanism,
                .check = order->check,
                .link = order->link,
                .arguments = order->arguments,
                .token = order->token,
                .directory = order->directory,
                .control = control,
        };
        bool attach = order->link && order->link->mechanism;
        int r = go_to_place(order, control);

        if (r < 0)
                return r;
        if (attach) {
                Error error = { 0 };

                order->link->side = 1;
                /* It stands in the public folder, whose path leads through a directory that is closed to it. */
                if (order->place == CHECK_PLACE_OTHER_USER)
                        order->link->directory = "/proc/self/cwd";
                r = link_transport(order->link)->attach(order->link, &error);
                if (r < 0) {
                        report(control, error_is_set(&error) ? error.message : strerror(-r));
                        return r;
                }
        }
        r = order->check->roles[order->role](&peer);
        if (attach)
                link_transport(order->link)->detach(order->link);
        return r;
}

static int exit_status(int result) {
        return result >= 0 ? EXIT_SUCCESS : -result & 0xff ? -result & 0xff : EXIT_FAILURE;
}

static void plain_signals(void) {
        sigset_t none;

        for (int s = 1; s < NSIG; s++)
                if (s != SIGKILL && s != SIGSTOP)
                        (void)signal(s, SIG_DFL);
        sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)prctl(PR_SET_NAME, "ipcbus-peer");
}

static bool in_link(const Link *link, int fd) {
        for (unsigned i = 0; link && i < LINK_FDS_MAX; i++)
                if (link->fds[i] == fd)
                        return true;
        return false;
}

static void close_others(const PeerOrder *order, int control) {
        int highest = control;

        for (unsigned i = 0; order->link && i < LINK_FDS_MAX; i++)
                if (order->link->fds[i] > highest)
                        highest = order->link->fds[i];
        for (int fd = STDERR_FILENO + 1; fd <= highest; fd++)
                if (fd != control && !in_link(order->link, fd))
                        close(fd);
        (void)close_range((unsigned)highest + 1, ~0U, 0);
}

void test_peer_fork(const PeerOrder *order, int control) {
        plain_signals();
        close_others(order, control);
        if (order->link)
                for (unsigned i = 0; i < LINK_FDS_MAX; i++)
                        order->link->own[i] = -EBADF;
        _exit(exit_status(run_role(order, control)));
}

int test_peer_execute(int control) {
        char *argv[] = { (char *)"ipcbus-worker", (char *)"peer", NULL };

        plain_signals();
        /* dup2() of a descriptor to itself would leave it close-on-exec. */
        if (control == WORKER_FD ? fcntl(control, F_SETFD, 0) < 0 : dup2(control, WORKER_FD) < 0)
                return -errno;
        if (close_range(WORKER_FD + 1, ~0U, 0) < 0)
                return -errno;
        execv("/proc/self/exe", argv);
        return -errno;
}

static void link_to_record(const Link *link, Record *order) {
        Record *record = NULL;
        const char *names[LINK_LANES];
        uint64_t present = 0;

        if (record_new(&record) < 0)
                return;
        for (unsigned i = 0; i < LINK_LANES; i++)
                names[i] = link->names[i];
        for (unsigned i = 0; i < LINK_FDS_MAX; i++)
                if (link->fds[i] >= 0)
                        present |= 1u << i;
        record_set_bool(record, "attach", link->mechanism != NULL);
        record_set_u64(record, "wait", link->wait);
        record_set_u64(record, "message_max", link->message_max);
        record_set_u64(record, "depth", link->depth);
        record_set_u64(record, "fds", present);
        record_set_strings(record, "names", names, LINK_LANES);
        record_set_u64s(record, "words", link->words, sizeof link->words / sizeof link->words[0]);
        record_append_record(order, "link", record);
}

int test_peer_send_order(const PeerOrder *order, int control) {
        int fds[LINK_FDS_MAX], r;
        Record *record = NULL, *copy = NULL;
        unsigned n_fds = 0;

        r = record_new(&record);
        if (r < 0)
                return r;
        record_set_string(record, "kind", order->mechanism->kind);
        record_set_string(record, "check", order->check->id);
        record_set_u64(record, "place", order->place);
        record_set_u64(record, "role", order->role);
        record_set_string(record, "token", order->token);
        record_set_string(record, "directory", order->directory);
        if (order->link) {
                link_to_record(order->link, record);
                for (unsigned i = 0; i < LINK_FDS_MAX; i++)
                        if (order->link->fds[i] >= 0)
                                fds[n_fds++] = order->link->fds[i];
        }
        if (order->arguments) {
                r = record_copy(order->arguments, &copy);
                if (r >= 0)
                        record_append_record(record, "arguments", copy);
        }
        if (r >= 0)
                r = channel_send_fds(control, record, fds, n_fds);
        record_free(record);
        return r;
}

static const Record *only_record(const Record *record, const char *key) {
        const Value *value = record_get(record, key);

        return value && value->type == VALUE_RECORDS && value->records.n == 1 ? value->records.items[0] : NULL;
}

static int link_from_record(const Record *record, const PeerOrder *order, const int *fds, unsigned n_fds, Link *link) {
        const Value *names = record_get(record, "names"), *words = record_get(record, "words");
        uint64_t present = record_get_u64(record, "fds", 0);
        unsigned n = 0;

        if (!names || names->type != VALUE_STRINGS || names->strings.n != LINK_LANES || !words ||
                words->type != VALUE_U64S || words->u64s.n != sizeof link->words / sizeof link->words[0])
                return -EBADMSG;
        link->mechanism = record_get_bool(record, "attach", false) ? order->mechanism : NULL;
        link->transport = order->check->transport;
        link->token = order->token;
        link->directory = order->directory;
        link->wait = (WaitMode)record_get_u64(record, "wait", WAIT_BLOCK);
        link->message_max = record_get_u64(record, "message_max", 0);
        link->depth = (unsigned)record_get_u64(record, "depth", 0);
        memcpy(link->words, words->u64s.items, sizeof link->words);
        for (unsigned i = 0; i < LINK_LANES; i++)
                (void)snprintf(link->names[i], sizeof link->names[i], "%s", names->strings.items[i]);
        for (unsigned i = 0; i < LINK_FDS_MAX; i++)
                if (present & 1u << i) {
                        if (n >= n_fds)
                                return -EBADMSG;
                        link->fds[i] = fds[n++];
                }
        return 0;
}

static int read_order(const Record *record, const int *fds, unsigned n_fds, PeerOrder *order, Link *link) {
        const Record *link_record = only_record(record, "link");
        const char *id = record_get_string(record, "check", "");

        order->mechanism = mechanism_find(record_get_string(record, "kind", ""));
        order->token = record_get_string(record, "token", "");
        order->directory = record_get_string(record, "directory", "");
        order->place = (CheckPlace)record_get_u64(record, "place", CHECK_PLACE_HERE);
        order->role = (unsigned)record_get_u64(record, "role", CHECK_ROLES_MAX);
        order->arguments = only_record(record, "arguments");
        if (!order->mechanism || order->role >= CHECK_ROLES_MAX)
                return -EBADMSG;
        for (const Check *check = order->mechanism->checks; check && check->id; check++)
                if (strcmp(check->id, id) == 0)
                        order->check = check;
        if (!order->check || !order->check->roles[order->role])
                return -EBADMSG;
        if (!link_record)
                return 0;
        order->link = link;
        return link_from_record(link_record, order, fds, n_fds, link);
}

int test_peer_main(int control) {
        PeerOrder order = { 0 };
        Link link = LINK_EMPTY;
        Record *record = NULL;
        int fds[LINK_FDS_MAX];
        unsigned n_fds = LINK_FDS_MAX;
        int r;

        plain_signals();
        r = channel_receive_fds(control, USEC_INFINITY, &record, fds, &n_fds);
        if (r < 0)
                return EXIT_FAILURE;
        r = read_order(record, fds, n_fds, &order, &link);
        if (r < 0)
                report(control, "the order to the peer is not understood");
        else
                r = run_role(&order, control);
        record_free(record);
        return exit_status(r);
}
