/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The places of peers: who and where a peer is once it is there, in both relations; that it goes there before it
 * attaches; that what it leaves in a namespace ends with it; and that a place that cannot be entered is a skipped
 * check with the reason. An executed peer is this program: it serves a real role of a real kind. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "checks.h"
#include "mechanism.h"
#include "peer-call.h"
#include "place.h"
#include "test-engine.h"
#include "test-peer.h"
#include "worker-protocol.h"

static CheckResult run_check(const char *kind, const char *id, CheckRelation relation, CheckResult (*run)(CheckRun *),
        CheckRole role, char **ret_evidence) {
        const Check check = {
                .id = id, .claim = "c", .source = "s", .relations = relation, .run = run, .roles = { role }
        };
        g_autofree char *directory = g_dir_make_tmp("ipcbus-XXXXXX", NULL);
        g_autofree char *token = g_strdup_printf("p%d-%u", getpid(), g_random_int());
        const TestSetting setting = { token, directory, CHECK_BOUND_USEC };
        Record *verdict = NULL;
        CheckResult result;

        g_assert_cmpint(record_new(&verdict), ==, 0);
        g_assert_cmpint(test_check(mechanism_find(kind), &check, &setting, verdict, &result), ==, 0);
        *ret_evidence = g_strdup(record_get_string(verdict, "evidence", ""));
        g_test_message("%s: %s", check_result_name(result), *ret_evidence);
        record_free(verdict);
        g_assert_cmpint(g_rmdir(directory), ==, 0);
        return result;
}

/* --- What a peer does there, and what it looks like from outside --- */

static int64_t call_status(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int signal_number = 0;

        if (prctl(PR_GET_PDEATHSIG, &signal_number) < 0)
                return -errno;
        reply->x = signal_number;
        reply->y = getgroups(0, NULL);
        reply->z = prctl(PR_GET_DUMPABLE);
        return 0;
}

static int64_t call_queues(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        g_autofree char *name = g_strdup_printf("/ipcbus-%s-0", peer->token);
        struct msqid_ds ds;

        reply->x = msgctl((int)call->a, IPC_STAT, &ds) < 0 ? -errno : 0;
        /* Neither is removed. */
        if (msgget(IPC_PRIVATE, IPC_CREAT | 0600) < 0)
                return -errno;
        return mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, NULL) < 0 ? -errno : 0;
}

static int64_t call_loopback(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t length = sizeof address;
        int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 1) < 0 ||
                getsockname(listener, (struct sockaddr *)&address, &length) < 0 ||
                connect(client, (struct sockaddr *)&address, length) < 0)
                return -errno;
        return 0;
}

static int serving_role(CheckPeer *peer) {
        static const PeerFunction functions[] = { { "loopback", call_loopback }, { "queues", call_queues },
                { "status", call_status }, {} };

        return peer_serve(peer, functions);
}

static char *status_of(pid_t pid, const char *key) {
        g_autofree char *path = g_strdup_printf("/proc/%d/status", pid), *text = NULL;
        const char *line;

        if (!g_file_get_contents(path, &text, NULL, NULL) || !(line = strstr(text, key)))
                return g_strdup("");
        return g_strstrip(g_strndup(line + strlen(key), strcspn(line + strlen(key), "\n")));
}

static gboolean same_namespace(pid_t pid, const char *name) {
        g_autofree char *path = g_strdup_printf("/proc/%d/ns/%s", pid, name),
                        *own = g_strdup_printf("/proc/self/ns/%s", name);
        struct stat a, b;

        return stat(path, &a) == 0 && stat(own, &b) == 0 && a.st_ino == b.st_ino;
}

static gboolean looks_like_nobody(CheckRun *run, pid_t pid) {
        g_autofree char *uid = status_of(pid, "\nUid:"), *gid = status_of(pid, "\nGid:"),
                        *groups = status_of(pid, "\nGroups:");
        g_autofree char *permitted = status_of(pid, "\nCapPrm:"), *inheritable = status_of(pid, "\nCapInh:");
        const char *all = "65534\t65534\t65534\t65534";

        check_note(run, "uid %s, gid %s, groups \"%s\", capabilities %s", uid, gid, groups, permitted);
        return g_str_equal(uid, all) && g_str_equal(gid, all) && g_str_equal(groups, "") &&
               strspn(permitted, "0") == strlen(permitted) && strspn(inheritable, "0") == strlen(inheritable);
}

/* --- The checks --- */

static CheckResult another_user(CheckRun *run) {
        char folder[CHECK_PATH_MAX];
        g_autofree char *path = NULL;
        CheckProcess *peer;
        CheckResult result = CHECK_OK;
        PeerReply reply;

        if (check_public_folder(run, folder) < 0)
                return check_fail(run, "no folder");
        path = g_strdup_printf("%s/file", folder);
        if (!g_file_set_contents(path, "x", 1, NULL) || chmod(path, 0600) < 0 ||
                check_start_at(run, CHECK_PLACE_OTHER_USER, 0, NULL, NULL, &peer) < 0 ||
                !looks_like_nobody(run, check_pid(run, peer)) ||
                !check_expect(run, "mode 0600", peer_call(run, peer, "open", PEER_SLOT, O_RDONLY, .text = "file"),
                        -EACCES) ||
                !check_expect(run, "chmod", chmod(path, 0604), 0) ||
                !check_expect(run, "mode 0604", peer_call(run, peer, "open", PEER_SLOT, O_RDONLY, .text = "file"), 0))
                result = CHECK_FAILED;
        if (result == CHECK_OK && run->relation == CHECK_FORKED &&
                (!check_expect(run, "status", peer_call_full(run, peer, &(const PeerCall){ "status" }, &reply), 0) ||
                        !check_expect(run, "the signal at its parent's death", reply.x, SIGKILL) ||
                        !check_expect(run, "its groups", reply.y, 0) || !check_expect(run, "dumpable", reply.z, 1)))
                result = CHECK_FAILED;
        if (g_remove(path) < 0 || g_rmdir(folder) < 0)
                return check_fail(run, "cannot be removed");
        return result;
}

static CheckResult another_ipc(CheckRun *run) {
        int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
        CheckResult result = CHECK_OK;
        CheckProcess *peer;
        PeerReply reply;

        if (check_start_at(run, CHECK_PLACE_OTHER_IPC, 0, NULL, NULL, &peer) < 0 ||
                !check_expect(run, "same ipc", same_namespace(check_pid(run, peer), "ipc"), 0) ||
                !check_expect(run, "same net", same_namespace(check_pid(run, peer), "net"), 1) ||
                !check_expect(run, "same user", same_namespace(check_pid(run, peer), "user"), geteuid() == 0))
                result = CHECK_FAILED;
        if (result == CHECK_OK && run->relation == CHECK_FORKED &&
                (!check_expect(run, "making queues",
                         peer_call_full(run, peer, &(const PeerCall){ "queues", id }, &reply), 0) ||
                        !check_expect(run, "the judge's queue", reply.x, -EINVAL)))
                result = CHECK_FAILED;
        (void)msgctl(id, IPC_RMID, NULL);
        return result;
}

static CheckResult another_net(CheckRun *run) {
        CheckProcess *peer;

        if (check_start_at(run, CHECK_PLACE_OTHER_NET, 0, NULL, NULL, &peer) < 0 ||
                !check_expect(run, "same net", same_namespace(check_pid(run, peer), "net"), 0) ||
                !check_expect(run, "same ipc", same_namespace(check_pid(run, peer), "ipc"), 1))
                return CHECK_FAILED;
        if (run->relation == CHECK_FORKED && !check_expect(run, "its loopback", peer_call(run, peer, "loopback"), 0))
                return CHECK_FAILED;
        return CHECK_OK;
}

/* The same for a peer that runs already. */
static CheckResult goes_later(CheckRun *run) {
        CheckProcess *peer;

        if (peer_start(run, 0, NULL, 0, &peer) < 0 || !peer_go(run, peer, CHECK_PLACE_HERE) ||
                !check_expect(run, "same ipc", same_namespace(check_pid(run, peer), "ipc"), 1) ||
                !peer_go(run, peer, CHECK_PLACE_OTHER_IPC) || !peer_go(run, peer, CHECK_PLACE_OTHER_NET) ||
                !check_expect(run, "same ipc", same_namespace(check_pid(run, peer), "ipc"), 0) ||
                !check_expect(run, "same net", same_namespace(check_pid(run, peer), "net"), 0) ||
                !check_become_nobody(run, peer))
                return CHECK_FAILED;
        return looks_like_nobody(run, check_pid(run, peer)) ? CHECK_OK : CHECK_FAILED;
}

/* A queue that the judge made has no name where the peer attaches. */
static CheckResult attaches_there(CheckRun *run) {
        Link link = LINK_EMPTY;
        Error error = { 0 };
        CheckProcess *peer;
        CheckResult result = CHECK_FAILED;
        Record *record = NULL;
        int r;

        link.mechanism = run->mechanism;
        link.token = run->token;
        link.directory = run->directory;
        link.message_max = 16;
        if (link_transport(&link)->setup(&link, &error) < 0)
                return check_skip(run, "%s", error.message);
        if (check_start_at(run, CHECK_PLACE_OTHER_IPC, 0, &link, NULL, &peer) >= 0) {
                r = check_hear(run, peer, CHECK_PATIENCE_USEC, &record);
                if (check_expect(run, "the peer's attaching", r, -ECONNABORTED))
                        result = CHECK_OK;
                record_free(record);
        }
        link_transport(&link)->teardown(&link);
        return result;
}

/* A judge without rights: its peer is in a user namespace too, and there the same user that it was. */
static CheckResult nested(CheckRun *run) {
        PlaceOutcome outcome = place_enter(CHECK_PLACE_OTHER_USER, run->directory);
        g_autofree char *uid = NULL;
        CheckProcess *peer;
        PeerReply reply;

        if (!place_need(run, CHECK_PLACE_OTHER_USER, &outcome) ||
                check_start_at(run, CHECK_PLACE_OTHER_NET, 0, NULL, NULL, &peer) < 0 ||
                !check_expect(run, "same user", same_namespace(check_pid(run, peer), "user"), 0) ||
                !check_expect(run, "pid", peer_call_full(run, peer, &(const PeerCall){ "pid" }, &reply), 0) ||
                !check_expect(run, "its uid", reply.y, CHECK_NOBODY))
                return CHECK_FAILED;
        uid = status_of(check_pid(run, peer), "\nUid:");
        if (run->relation == CHECK_FORKED && !check_expect(run, "its loopback", peer_call(run, peer, "loopback"), 0))
                return CHECK_FAILED;
        return check_ok(run, "uid %s", uid);
}

static void test_there(void) {
        static const struct {
                const char *kind, *id; /* of a claim whose role serves calls, for the executed peer */
                CheckResult (*run)(CheckRun *run);
        } cases[] = {
                { "memfd", "permission", another_user },
                { "mq-posix", "permission", nested },
                { "mq-posix", "permission", another_ipc },
                { "mq-posix", "permission", another_net },
                { "mq-posix", "permission", goes_later },
                { "mq-posix", "permission", attaches_there },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                for (CheckRelation relation = CHECK_FORKED; relation <= CHECK_EXECUTED; relation <<= 1) {
                        g_autofree char *evidence = NULL;
                        CheckResult result = run_check(
                                cases[i].kind, cases[i].id, relation, cases[i].run, serving_role, &evidence);

                        /* Only root has the right to all of them, and not everybody may make user namespaces. */
                        if (result == CHECK_SKIPPED && (geteuid() != 0 || cases[i].run == nested))
                                continue;
                        g_assert_cmpint(result, ==, CHECK_OK);
                        if (cases[i].run == nested)
                                g_assert_nonnull(strstr(evidence, "inside a user namespace of its own"));
                }
}

/* --- Where it may not go --- */

static int refuse_unshare(int number) {
        struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)number),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setgroups, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)number),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        const struct sock_fprog program = { G_N_ELEMENTS(filter), filter };

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
                return -errno;
        return 0;
}

static int refusal;
static CheckPlace wanted;

static CheckResult refused_start(CheckRun *run) {
        CheckProcess *peer = NULL;

        if (refuse_unshare(refusal) < 0)
                return check_ok(run, "no filters here");
        if (check_start_at(run, wanted, 0, NULL, NULL, &peer) >= 0 || peer)
                return check_ok(run, "it could go");
        return CHECK_FAILED;
}

static CheckResult refused_call(CheckRun *run) {
        CheckProcess *peer;

        if (refuse_unshare(refusal) < 0 || peer_start(run, 0, NULL, 0, &peer) < 0)
                return check_ok(run, "no filters here");
        return peer_go(run, peer, wanted) ? check_ok(run, "it could go") : CHECK_FAILED;
}

static void test_refused(void) {
        static const struct {
                CheckPlace place;
                int number;
                const char *evidence;
        } cases[] = {
                { CHECK_PLACE_OTHER_USER, EPERM,
                        "as another user: setgroups gave EPERM, which needs CAP_SETUID and CAP_SETGID" },
                { CHECK_PLACE_OTHER_IPC, EPERM,
                        "in another IPC namespace: unshare, also with a user namespace, gave EPERM, which needs "
                        "CAP_SYS_ADMIN" },
                { CHECK_PLACE_OTHER_NET, ENOSPC,
                        "in another network namespace: unshare gave ENOSPC: a limit user.max_*_namespaces" },
                { CHECK_PLACE_OTHER_NET, ENOSYS, "unshare gave ENOSYS: a filter of system calls" },
                { CHECK_PLACE_OTHER_IPC, EINVAL, "the kernel has no such namespaces" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                for (CheckRelation relation = CHECK_FORKED; relation <= CHECK_EXECUTED; relation <<= 1) {
                        g_autofree char *first = NULL, *second = NULL;

                        wanted = cases[i].place;
                        refusal = cases[i].number;
                        g_assert_cmpint(
                                run_check("mq-posix", "permission", relation, refused_start, serving_role, &first), ==,
                                CHECK_SKIPPED);
                        g_assert_nonnull(strstr(first, "cannot be tested here: a peer "));
                        g_assert_nonnull(strstr(first, cases[i].evidence));
                        g_assert_cmpint(
                                run_check("mq-posix", "permission", relation, refused_call, serving_role, &second), ==,
                                CHECK_SKIPPED);
                        g_assert_cmpstr(second, ==, first);
                }
}

int main(int argc, char **argv) {
        if (argc == 2 && strcmp(argv[1], "peer") == 0)
                return test_peer_main(WORKER_FD);
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/places/there", test_there);
        g_test_add_func("/places/refused", test_refused);
        return g_test_run();
}
