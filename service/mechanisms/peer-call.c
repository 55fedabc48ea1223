/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "peer-call.h"

/* Calls and replies go over the control channel as records. The peer owns the descriptors of its slots. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "checks.h"
#include "cleanup.h"
#include "place.h"
#include "spin.h"
#include "units.h"

enum { BUFFER_MAX = 4 * 1024 * 1024 };

static int slots[PEER_SLOTS] = { [0 ... PEER_SLOTS - 1] = -EBADF };

int *peer_descriptor(CheckPeer *peer, int64_t number) {
        if (number >= PEER_SLOT && number < PEER_SLOT + PEER_SLOTS)
                return &slots[number - PEER_SLOT];
        if (number >= 0 && number < LINK_FDS_MAX && peer->link)
                return &peer->link->fds[number];
        return NULL;
}

static int descriptor(CheckPeer *peer, const PeerCall *call) {
        const int *place = peer_descriptor(peer, call->a);

        return place ? *place : -EBADF;
}

static int64_t call_open(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int *place = peer_descriptor(peer, call->a);
        int fd;

        if (!place || !call->text)
                return -EINVAL;
        fd = open(call->text, (int)call->b | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        *place = fd;
        return 0;
}

static int64_t call_close(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int *place = peer_descriptor(peer, call->a);

        if (!place)
                return -EINVAL;
        *place = fd_close(*place);
        return 0;
}

static int64_t call_read(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_FREE unsigned char *buffer = NULL;
        ssize_t n;

        if (call->b < 0 || call->b > BUFFER_MAX)
                return -EINVAL;
        buffer = calloc(1, (size_t)call->b + 1);
        if (!buffer)
                return -ENOMEM;
        n = read(descriptor(peer, call), buffer, (size_t)call->b);
        if (n < 0)
                return -errno;
        if (n > 0) {
                reply->x = buffer[0];
                reply->y = buffer[n - 1];
        }
        return n;
}

static int64_t call_write(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_FREE unsigned char *buffer = NULL;
        ssize_t n;

        if (call->b < 0 || call->b > BUFFER_MAX)
                return -EINVAL;
        buffer = malloc((size_t)call->b + 1);
        if (!buffer)
                return -ENOMEM;
        memset(buffer, (int)call->c, (size_t)call->b);
        n = write(descriptor(peer, call), buffer, (size_t)call->b);
        return n < 0 ? -errno : n;
}

static int64_t call_nonblock(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int fd = descriptor(peer, call), flags = fcntl(fd, F_GETFL);

        if (flags < 0 || fcntl(fd, F_SETFL, call->b ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) < 0)
                return -errno;
        return 0;
}

static int64_t call_poll(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct pollfd p = { .fd = descriptor(peer, call), .events = (short)call->b };
        uint64_t start = monotonic_now();
        int n = poll(&p, 1, (int)call->c);

        reply->y = (int64_t)(monotonic_now() - start);
        reply->x = p.revents;
        return n < 0 ? -errno : n;
}

static int64_t call_ignore(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return signal((int)call->a, SIG_IGN) == SIG_ERR ? -errno : 0;
}

static volatile sig_atomic_t handled;

static void handle(int signal) {
        handled++;
}

static int64_t call_handle(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct sigaction action = { .sa_handler = handle, .sa_flags = (int)call->b };

        handled = 0;
        sigemptyset(&action.sa_mask);
        return sigaction((int)call->a, &action, NULL) < 0 ? -errno : 0;
}

static int64_t call_handled(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return handled;
}

static int64_t call_put(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_FD int fd = open(call->text ? call->text : "", O_WRONLY | O_CLOEXEC);
        char text[24];

        (void)snprintf(text, sizeof text, "%" PRId64, call->b);
        return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static int64_t go_to(CheckPeer *peer, CheckPlace place, PeerReply *reply) {
        PlaceOutcome outcome = place_enter(place, peer->directory);

        reply->x = outcome.nested;
        (void)snprintf(reply->text, sizeof reply->text, "%s", outcome.step ? outcome.step : "");
        return outcome.result;
}

static int64_t call_nobody(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return go_to(peer, CHECK_PLACE_OTHER_USER, reply);
}

static int64_t call_new_ipc(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return go_to(peer, CHECK_PLACE_OTHER_IPC, reply);
}

static int64_t call_new_net(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return go_to(peer, CHECK_PLACE_OTHER_NET, reply);
}

static int64_t call_chdir(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return chdir(call->text ? call->text : "") < 0 ? -errno : 0;
}

static int64_t call_limit(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct rlimit limit = { .rlim_cur = (rlim_t)call->b, .rlim_max = (rlim_t)call->b };

        return setrlimit((int)call->a, &limit) < 0 ? -errno : 0;
}

static int64_t call_exit(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        _exit((int)call->a);
}

static int64_t call_pid(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        reply->x = getpid();
        reply->y = getuid();
        reply->z = getgid();
        return 0;
}

static int64_t call_realtime(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct sched_param parameter = { .sched_priority = (int)call->a };

        return sched_setscheduler(0, SCHED_FIFO, &parameter) < 0 ? -errno : 0;
}

static void die_of_call(int signal) {
        (void)kill(getpid(), SIGKILL);
}

/* It has to have one thread, and to make system calls of its own architecture only. */
static int64_t call_last_call(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct sigaction action = { .sa_handler = die_of_call };
        struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call->a, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = { .len = sizeof filter / sizeof filter[0], .filter = filter };

        sigemptyset(&action.sa_mask);
        if (sigaction(SIGSYS, &action, NULL) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
                syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
                return errno == EINVAL ? -EOPNOTSUPP : -errno; /* a kernel without it */
        return 0;
}

static const PeerFunction common[] = {
        { "chdir", call_chdir },
        { "close", call_close },
        { "exit", call_exit },
        { "handle", call_handle },
        { "handled", call_handled },
        { "ignore", call_ignore },
        { "last-call", call_last_call },
        { "limit", call_limit },
        { "new-ipc", call_new_ipc },
        { "new-net", call_new_net },
        { "nobody", call_nobody },
        { "nonblock", call_nonblock },
        { "open", call_open },
        { "pid", call_pid },
        { "poll", call_poll },
        { "put", call_put },
        { "read", call_read },
        { "realtime", call_realtime },
        { "write", call_write },
        {},
};

static const PeerFunction *find_function(const PeerFunction *functions, const char *name) {
        for (; functions && functions->name; functions++)
                if (strcmp(functions->name, name) == 0)
                        return functions;
        return NULL;
}

static int send_reply(CheckPeer *peer, const PeerReply *reply) {
        CLEANUP(record_freep) Record *record = NULL;
        int r = record_new(&record);

        if (r < 0)
                return r;
        record_set_i64(record, "result", reply->result);
        record_set_i64(record, "x", reply->x);
        record_set_i64(record, "y", reply->y);
        record_set_i64(record, "z", reply->z);
        record_set_string(record, "text", reply->text);
        return check_peer_say(peer, record);
}

int peer_serve(CheckPeer *peer, const PeerFunction *own) {
        for (;;) {
                CLEANUP(record_freep) Record *record = NULL;
                PeerReply reply = { .result = -ENOSYS };
                const PeerFunction *function;
                PeerCall call;
                int r = check_peer_hear(peer, USEC_INFINITY, &record);

                if (r < 0)
                        return r == -EPIPE ? 0 : r;
                call = (PeerCall){
                        .name = record_get_string(record, "call", ""),
                        .a = record_get_i64(record, "a", 0),
                        .b = record_get_i64(record, "b", 0),
                        .c = record_get_i64(record, "c", 0),
                        .text = record_get_string(record, "text", NULL),
                };
                function = find_function(own, call.name);
                if (!function)
                        function = find_function(common, call.name);
                if (function)
                        reply.result = function->run(peer, &call, &reply);
                r = send_reply(peer, &reply);
                if (r < 0)
                        return r == -EPIPE ? 0 : r;
        }
}

int peer_role_plain(CheckPeer *peer) {
        return peer_serve(peer, NULL);
}

int peer_begin(CheckRun *run, CheckProcess *process, const PeerCall *call) {
        CLEANUP(record_freep) Record *record = NULL;
        int r = record_new(&record);

        if (r < 0)
                return r;
        record_set_string(record, "call", call->name);
        record_set_i64(record, "a", call->a);
        record_set_i64(record, "b", call->b);
        record_set_i64(record, "c", call->c);
        if (call->text)
                record_set_string(record, "text", call->text);
        r = check_say(run, process, record);
        if (r < 0)
                check_note(run, "the peer cannot be told to %s: %s", call->name, check_errno(r));
        return r;
}

int64_t peer_end(CheckRun *run, CheckProcess *process, PeerReply *ret_reply) {
        CLEANUP(record_freep) Record *record = NULL;
        int r = check_hear(run, process, CHECK_PATIENCE_USEC, &record);

        if (r < 0) {
                check_note(run, "the peer did not answer: %s", check_errno(r));
                return -EREMOTEIO;
        }
        if (ret_reply) {
                *ret_reply = (PeerReply){
                        .result = record_get_i64(record, "result", -EREMOTEIO),
                        .x = record_get_i64(record, "x", 0),
                        .y = record_get_i64(record, "y", 0),
                        .z = record_get_i64(record, "z", 0),
                };
                (void)snprintf(ret_reply->text, sizeof ret_reply->text, "%s", record_get_string(record, "text", ""));
        }
        return record_get_i64(record, "result", -EREMOTEIO);
}

int64_t peer_call_full(CheckRun *run, CheckProcess *process, const PeerCall *call, PeerReply *ret_reply) {
        if (ret_reply)
                *ret_reply = (PeerReply){ .result = -EREMOTEIO };
        return peer_begin(run, process, call) < 0 ? -EREMOTEIO : peer_end(run, process, ret_reply);
}

bool peer_go(CheckRun *run, CheckProcess *process, CheckPlace place) {
        static const char *const calls[CHECK_PLACE_MAX] = {
                [CHECK_PLACE_OTHER_USER] = "nobody",
                [CHECK_PLACE_OTHER_IPC] = "new-ipc",
                [CHECK_PLACE_OTHER_NET] = "new-net",
        };
        PlaceOutcome outcome;
        PeerReply reply;

        if (place == CHECK_PLACE_HERE)
                return true;
        outcome.result = (int)peer_call_full(run, process, &(const PeerCall){ .name = calls[place] }, &reply);
        outcome.step = reply.text;
        outcome.nested = reply.x != 0;
        return outcome.result != -EREMOTEIO && place_need(run, place, &outcome);
}

int peer_start_at(CheckRun *run, CheckPlace place, unsigned role, const int *fds, unsigned n_fds, CheckProcess **ret) {
        Link link = LINK_EMPTY;

        if (n_fds > LINK_FDS_MAX)
                return -EINVAL;
        for (unsigned i = 0; i < n_fds; i++)
                link.fds[i] = fds[i];
        return check_start_at(run, place, role, &link, NULL, ret);
}

int peer_start(CheckRun *run, unsigned role, const int *fds, unsigned n_fds, CheckProcess **ret) {
        return peer_start_at(run, CHECK_PLACE_HERE, role, fds, n_fds, ret);
}
