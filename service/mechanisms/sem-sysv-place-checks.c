/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sem-sysv-checks.h"

/* Other users, other IPC namespaces, and the limits: those of sets are tried in a namespace of a peer's own, where
 * they can be made small and reach nobody else. */
#include <errno.h>

CheckResult sem_sysv_permission(CheckRun *run) {
        CLEANUP_SET int id = -1;
        key_t key = IPC_PRIVATE;
        CheckProcess *peer;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        if (!sem_set_begin(run, &id, &key, &peer) || !check_become_nobody(run, peer) ||
                !check_expect(run, "adding", peer_call(run, peer, "sem-op", id, 1), -EACCES) ||
                !check_expect(run, "waiting for zero", peer_call(run, peer, "sem-op", id, 0), -EACCES) ||
                !check_expect(run, "semget asking for both", peer_call(run, peer, "sem-get", key, 0, 0600), -EACCES) ||
                !check_expect(run, "removing", peer_call(run, peer, "sem-remove", id), -EPERM))
                return CHECK_FAILED;
        return check_ok(run, "mode 0600, at each use: EACCES for user %d, removing EPERM", CHECK_NOBODY);
}

CheckResult sem_sysv_other_user(CheckRun *run) {
        CLEANUP_SET int id = -1;
        struct semid_ds st;
        CheckProcess *peer;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        if (!sem_set_begin(run, &id, NULL, &peer) || !check_become_nobody(run, peer) ||
                !check_expect(run, "IPC_STAT", semctl(id, 0, IPC_STAT, (SemArgument){ .stat = &st }), 0))
                return CHECK_FAILED;
        st.sem_perm.mode = 0604;
        if (!check_expect(run, "IPC_SET", semctl(id, 0, IPC_SET, (SemArgument){ .stat = &st }), 0) ||
                !check_expect(run, "waiting for zero", peer_call(run, peer, "sem-op", id, 0), 0) ||
                !check_expect(run, "adding", peer_call(run, peer, "sem-op", id, 1), -EACCES))
                return CHECK_FAILED;
        st.sem_perm.mode = 0606;
        if (!check_expect(run, "IPC_SET", semctl(id, 0, IPC_SET, (SemArgument){ .stat = &st }), 0) ||
                !check_expect(run, "adding then", peer_call(run, peer, "sem-op", id, 1), 0) ||
                !check_expect(run, "SETVAL", peer_call(run, peer, "sem-set", id, 2), 0) ||
                !check_expect(run, "removing", peer_call(run, peer, "sem-remove", id), -EPERM) ||
                !check_expect(run, "the value here", sem_set_value(id, 0), 2))
                return CHECK_FAILED;
        return check_ok(run,
                "user %d: mode 0604 waits for zero and adds not (EACCES), 0606 adds and sets; removing stays EPERM",
                CHECK_NOBODY);
}

CheckResult sem_sysv_namespace(CheckRun *run) {
        CLEANUP_SET int id = -1;
        key_t key = IPC_PRIVATE;
        CheckProcess *peer;

        if (!sem_set_begin(run, &id, &key, &peer) || !peer_go(run, peer, CHECK_PLACE_OTHER_IPC) ||
                !check_expect(run, "semget of the key", peer_call(run, peer, "sem-get", key), -ENOENT) ||
                !check_expect(run, "semop of the number", peer_call(run, peer, "sem-op", id, 1), -EINVAL) ||
                !check_expect(run, "a set with the same key there",
                        peer_call(run, peer, "sem-get", key, 1, IPC_CREAT | IPC_EXCL | 0600) >= 0, true) ||
                !check_expect(run, "the value here", sem_set_value(id, 0), 0))
                return CHECK_FAILED;
        return check_ok(
                run, "from another IPC namespace the key is ENOENT, the number EINVAL, and the key free for another");
}

/* A peer in an IPC namespace of its own, with these limits (proc(5), /proc/sys/kernel/sem). */
static bool begin_limited(CheckRun *run, const char *limits, CheckProcess **ret) {
        int64_t r;

        if (!sem_set_another(run, ret) || !peer_go(run, *ret, CHECK_PLACE_OTHER_IPC))
                return false;
        r = peer_call(run, *ret, "sem-limits", .text = limits);
        return check_need(run, "writing " SEM_FILE, r);
}

CheckResult sem_sysv_sets_limit(CheckRun *run) {
        CheckProcess *peer;
        int64_t first;

        if (!begin_limited(run, "10 20 5 2", &peer) ||
                !check_expect(run, "the first set",
                        (first = peer_call(run, peer, "sem-get", IPC_PRIVATE, 1, 0600)) >= 0, true) ||
                !check_expect(run, "the second", peer_call(run, peer, "sem-get", IPC_PRIVATE, 1, 0600) >= 0, true) ||
                !check_expect(run, "the third", peer_call(run, peer, "sem-get", IPC_PRIVATE, 1, 0600), -ENOSPC) ||
                !check_expect(run, "using the first", peer_call(run, peer, "sem-op", first, 1), 0) ||
                !check_expect(run, "removing it", peer_call(run, peer, "sem-remove", first), 0) ||
                !check_expect(run, "a set then", peer_call(run, peer, "sem-get", IPC_PRIVATE, 1, 0600) >= 0, true))
                return CHECK_FAILED;
        return check_ok(
                run, "semmni 2: the third set ENOSPC, those that are there work, and after a removal there is room");
}

CheckResult sem_sysv_set_size_limit(CheckRun *run) {
        CheckProcess *peer;

        if (!begin_limited(run, "10 15 5 9", &peer) ||
                !check_expect(run, "a set of 11", peer_call(run, peer, "sem-get", IPC_PRIVATE, 11, 0600), -EINVAL) ||
                !check_expect(run, "a set of 10", peer_call(run, peer, "sem-get", IPC_PRIVATE, 10, 0600) >= 0, true) ||
                !check_expect(run, "6 more", peer_call(run, peer, "sem-get", IPC_PRIVATE, 6, 0600), -ENOSPC) ||
                !check_expect(run, "5 more", peer_call(run, peer, "sem-get", IPC_PRIVATE, 5, 0600) >= 0, true))
                return CHECK_FAILED;
        return check_ok(run, "semmsl 10, semmns 15: a set of 11 EINVAL, of 10 made; then 6 more ENOSPC, 5 made");
}
