/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sem-posix-checks.h"

/* Opening a semaphore by its name: names, who makes it, whose rights count, and where /dev/shm is another one or has
 * no room. Mounts are made by peers in a mount namespace of their own, and end with them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
        LONGEST = NAME_MAX - 4, /* sem_overview(7) */
        RACERS = 3,
        ROUNDS = 20,
};

static int64_t make(CheckRun *run, CheckProcess *peer, const char *name) {
        return peer_call(run, peer, "sem-open", O_CREAT | O_EXCL, 1, .text = name);
}

CheckResult sem_check_name_length(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        char longer[POSIX_NAME_SIZE];
        CheckProcess *peer;
        size_t n;

        if (posix_name_of_run(run->token, 0, semaphore.name, sizeof semaphore.name) < 0 ||
                peer_start(run, 0, NULL, 0, &peer) < 0)
                return CHECK_FAILED;
        n = strlen(semaphore.name);
        memset(semaphore.name + n, 'x', LONGEST + 1 - n);
        semaphore.name[LONGEST + 1] = '\0';
        (void)snprintf(longer, sizeof longer, "%sx", semaphore.name);
        if (!check_need(run, "sem_open of the longest", make(run, peer, semaphore.name)) ||
                !check_expect(run, "sem_open of one more", make(run, peer, longer), -ENAMETOOLONG))
                return CHECK_FAILED;
        return check_ok(run, "%d characters behind the slash: made; %d: ENAMETOOLONG", LONGEST, LONGEST + 1);
}

CheckResult sem_check_name_rules(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        char within[POSIX_NAME_SIZE + 4];
        CheckProcess *peer;

        if (!sem_check_begin(run, 3, &semaphore, &peer))
                return CHECK_FAILED;
        (void)snprintf(within, sizeof within, "%s/x", semaphore.name);
        if (!check_expect(run, "without its slash", peer_call(run, peer, "sem-open", .text = semaphore.name + 1), 0) ||
                !check_expect(run, "value", peer_call(run, peer, "sem-value"), 3) ||
                !check_expect(run, "a slash within", make(run, peer, within), -EINVAL) ||
                !check_expect(run, "the slash alone", make(run, peer, "/"), -EINVAL))
                return CHECK_FAILED;
        return check_ok(run, "without its slash: the same semaphore; a slash within, or nothing else: EINVAL");
}

CheckResult sem_check_same_address(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;
        PeerReply reply;

        if (!sem_check_begin(run, 0, &semaphore, &peer) ||
                !check_expect(run, "sem_open again",
                        peer_call_full(run, peer, &(PeerCall){ "sem-open", .text = semaphore.name }, &reply), 0) ||
                !check_expect(run, "the same address", reply.x, true) ||
                !check_expect(run, "sem_close", peer_call(run, peer, "sem-close"), 0) ||
                !check_expect(run, "sem_post after one sem_close", peer_call(run, peer, "sem-post"), 0) ||
                !check_expect(run, "value", sem_check_value(semaphore.sem), 1))
                return CHECK_FAILED;
        return check_ok(run, "opened twice: one address, and closed once it still works");
}

static bool race(CheckRun *run, CheckProcess *const *racers, int flags, const char *name, unsigned *ret_made) {
        unsigned made = 0;

        for (size_t i = 0; i < RACERS; i++)
                if (peer_begin(run, racers[i], &(PeerCall){ "sem-open", flags, .text = name }) < 0)
                        return false;
        for (size_t i = 0; i < RACERS; i++) {
                int64_t r = peer_end(run, racers[i], NULL);

                made += r == 0;
                if (r == -EEXIST)
                        continue;
                if (!check_need(run, "sem_open", r))
                        return false;
        }
        *ret_made = made;
        return true;
}

CheckResult sem_check_made_once(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *racers[RACERS];
        unsigned made = 0;

        if (posix_name_of_run(run->token, 0, semaphore.name, sizeof semaphore.name) < 0)
                return CHECK_FAILED;
        for (size_t i = 0; i < RACERS; i++)
                if (peer_start(run, 0, NULL, 0, &racers[i]) < 0)
                        return CHECK_FAILED;
        for (unsigned round = 0; round < ROUNDS; round++)
                if (!race(run, racers, O_CREAT | O_EXCL, semaphore.name, &made) ||
                        !check_expect(run, "how many made it", made, 1) ||
                        !check_expect(run, "sem_unlink", sem_unlink(semaphore.name), 0))
                        return CHECK_FAILED;
        for (unsigned round = 0; round < ROUNDS; round++) {
                if (!race(run, racers, O_CREAT, semaphore.name, &made) ||
                        !check_expect(run, "how many have it", made, RACERS))
                        return CHECK_FAILED;
                for (size_t i = 0; i < RACERS; i++)
                        if (!check_expect(run, "sem_post", peer_call(run, racers[i], "sem-post"), 0))
                                return CHECK_FAILED;
                if (!check_expect(run, "value", peer_call(run, racers[0], "sem-value"), RACERS) ||
                        !check_expect(run, "sem_unlink", sem_unlink(semaphore.name), 0))
                        return CHECK_FAILED;
        }
        return check_ok(run, "%d at once, %d times: with O_EXCL one makes it, the others EEXIST; without all have one",
                RACERS, ROUNDS);
}

CheckResult sem_check_umask(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        const PeerCall call = { "sem-open", O_CREAT | O_EXCL, 0, 0666, semaphore.name };
        char path[SEM_CHECK_PATH_SIZE];
        CheckProcess *peer;
        struct stat st;

        if (posix_name_of_run(run->token, 0, semaphore.name, sizeof semaphore.name) < 0 ||
                peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "umask", peer_call(run, peer, "umask", 027), 0) ||
                !check_need(run, "sem_open with mode 0666", peer_call_full(run, peer, &call, NULL)))
                return CHECK_FAILED;
        sem_check_path(&semaphore, path);
        if (!check_expect(run, "stat", stat(path, &st) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "the mode", st.st_mode & 0777, 0640))
                return CHECK_FAILED;
        return check_ok(run, "mode 0666 with umask 027: 0640");
}

CheckResult sem_check_permission(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        if (!sem_check_begin(run, 1, &semaphore, &peer) || !check_become_nobody(run, peer) ||
                !check_expect(run, "sem_wait of who had it open", peer_call(run, peer, "sem-wait"), 0) ||
                !check_expect(run, "sem_close", peer_call(run, peer, "sem-close"), 0) ||
                !check_expect(run, "sem_open by another user",
                        peer_call(run, peer, "sem-open", .text = semaphore.name), -EACCES))
                return CHECK_FAILED;
        return check_ok(run, "mode 0600: EACCES for user %d when it opens it, not while it has it open", CHECK_NOBODY);
}

CheckResult sem_check_read_only(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        const PeerCall call = { "sem-open", .text = semaphore.name };
        char path[SEM_CHECK_PATH_SIZE];
        CheckProcess *peer;

        if (!check_can_be_nobody())
                return check_skip(run, "only root can start a process of another user");
        if (!sem_check_make(run, 1, &semaphore) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_become_nobody(run, peer))
                return CHECK_FAILED;
        sem_check_path(&semaphore, path);
        if (!check_expect(run, "chmod 0644", chmod(path, 0644) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "sem_open then", peer_call_full(run, peer, &call, NULL), -EACCES) ||
                !check_expect(run, "chmod 0666", chmod(path, 0666) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "sem_open then", peer_call_full(run, peer, &call, NULL), 0) ||
                !check_expect(run, "its sem_post", peer_call(run, peer, "sem-post"), 0) ||
                !check_expect(run, "value", sem_check_value(semaphore.sem), 2))
                return CHECK_FAILED;
        return check_ok(run, "user %d: EACCES with mode 0644, opened and posted with mode 0666", CHECK_NOBODY);
}

/* A peer that has a /dev/shm of its own, of that many pages. */
static bool own_folder(CheckRun *run, CheckProcess *peer, unsigned pages) {
        int64_t r = peer_call(
                run, peer, "mount", 0, (int64_t)pages * sysconf(_SC_PAGESIZE), .text = POSIX_SHM_DIRECTORY);

        return check_need(run, "a mount namespace with a " POSIX_SHM_DIRECTORY " of its own", r);
}

CheckResult sem_check_no_space(CheckRun *run) {
        char names[3][POSIX_NAME_SIZE];
        CheckProcess *peer;

        for (unsigned i = 0; i < 3; i++)
                if (posix_name_of_run(run->token, i, names[i], sizeof names[i]) < 0)
                        return CHECK_FAILED;
        if (peer_start(run, 0, NULL, 0, &peer) < 0 || !own_folder(run, peer, 2))
                return CHECK_FAILED;
        for (unsigned i = 0; i < 2; i++)
                if (!check_expect(run, "sem_open while there is room", make(run, peer, names[i]), 0) ||
                        !check_expect(run, "sem_close", peer_call(run, peer, "sem-close"), 0))
                        return CHECK_FAILED;
        if (!check_expect(run, "sem_open of a third", make(run, peer, names[2]), -ENOSPC) ||
                !check_expect(run, "sem_open of its name then", peer_call(run, peer, "sem-open", .text = names[2]),
                        -ENOENT) ||
                !check_expect(run, "sem_unlink of one", peer_call(run, peer, "sem-unlink", .text = names[0]), 0) ||
                !check_expect(run, "sem_open of the third then", make(run, peer, names[2]), 0))
                return CHECK_FAILED;
        return check_ok(run, "room for two: the third ENOSPC, and nothing of it is left; after a removal it is made");
}

CheckResult sem_check_hidden(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;

        if (!sem_check_make(run, 5, &semaphore) || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !own_folder(run, peer, 4) ||
                !check_expect(
                        run, "sem_open there", peer_call(run, peer, "sem-open", .text = semaphore.name), -ENOENT) ||
                !check_expect(run, "making one of that name there", make(run, peer, semaphore.name), 0) ||
                !check_expect(run, "sem_post there", peer_call(run, peer, "sem-post"), 0) ||
                !check_expect(run, "the value there", peer_call(run, peer, "sem-value"), 2) ||
                !check_expect(run, "the value here", sem_check_value(semaphore.sem), 5))
                return CHECK_FAILED;
        return check_ok(run, "another " POSIX_SHM_DIRECTORY ": ENOENT, and the name is another semaphore there");
}
