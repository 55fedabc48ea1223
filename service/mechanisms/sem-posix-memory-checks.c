/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a semaphore is: that its name is a file, and what follows from it; and memory that is shared, or is not. */
#include "sem-posix-checks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer-count.h"

CheckResult sem_check_file_name(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        char path[SEM_CHECK_PATH_SIZE];
        CheckProcess *peer;
        struct stat st;

        if (!sem_check_begin(run, 1, &semaphore, &peer))
                return CHECK_FAILED;
        sem_check_path(&semaphore, path);
        if (!check_expect(run, "stat of the file", stat(path, &st) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "unlink of it", unlink(path) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "sem_open then", peer_call(run, peer, "sem-open", .text = semaphore.name), -ENOENT))
                return CHECK_FAILED;
        semaphore.name[0] = '\0';
        return check_ok(run, "/dev/shm/sem.NAME of %lld bytes; without it the name is gone", (long long)st.st_size);
}

CheckResult sem_check_unlinked(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;

        if (!sem_check_begin(run, 0, &semaphore, &peer) ||
                !check_expect(run, "sem_unlink", sem_unlink(semaphore.name), 0) ||
                !check_expect(run, "sem_post by the peer", peer_call(run, peer, "sem-post"), 0) ||
                !check_expect(run, "sem_trywait here", sem_trywait(semaphore.sem) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "sem_open of the name", peer_call(run, peer, "sem-open", .text = semaphore.name),
                        -ENOENT))
                return CHECK_FAILED;
        semaphore.name[0] = '\0';
        return check_ok(run, "the name: ENOENT; who has it open still posts and waits");
}

/* The trap in the file: it is the semaphore itself, and any program that may write it changes the value. */
CheckResult sem_check_written(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        char path[SEM_CHECK_PATH_SIZE];
        CLEANUP_FD int fd = -EBADF;
        CheckProcess *peer;
        sem_t other;

        if (!sem_check_begin(run, 1, &semaphore, &peer))
                return CHECK_FAILED;
        sem_check_path(&semaphore, path);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        memset(&other, 0, sizeof other);
        if (!check_need(run, "opening the file", fd < 0 ? -errno : 0) ||
                !check_expect(run, "sem_init", sem_init(&other, 1, 7) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "write", pwrite(fd, &other, sizeof other, 0), (int64_t)sizeof other) ||
                !check_expect(run, "the peer's sem_getvalue", peer_call(run, peer, "sem-value"), 7))
                return CHECK_FAILED;
        return check_ok(run, "value 1, written over with another of value 7: the peer's value is 7");
}

CheckResult sem_check_made_anew(CheckRun *run) {
        CLEANUP_SEMAPHORE Semaphore semaphore = SEMAPHORE_EMPTY;
        CheckProcess *peer;
        sem_t *anew;
        bool held_up;

        if (!sem_check_begin(run, 0, &semaphore, &peer) ||
                !check_expect(run, "sem_unlink", sem_unlink(semaphore.name) < 0 ? -errno : 0, 0))
                return CHECK_FAILED;
        anew = sem_open(semaphore.name, O_CREAT | O_EXCL, 0600, 5);
        if (!check_need(run, "sem_open of the name again", anew == SEM_FAILED ? -errno : 0))
                return CHECK_FAILED;
        held_up = check_expect(run, "sem_post of the new one", sem_post(anew) < 0 ? -errno : 0, 0) &&
                  check_expect(run, "the new value", sem_check_value(anew), 6) &&
                  check_expect(run, "the peer's value", peer_call(run, peer, "sem-value"), 0) &&
                  check_expect(run, "the peer's sem_trywait", peer_call(run, peer, "sem-try"), -EAGAIN);
        sem_close(anew);
        return held_up ? check_ok(run, "the new one is at 6, who has the old one open is at 0") : CHECK_FAILED;
}

/* sem_init(3) with pshared: in memory that two unrelated processes map. */
CheckResult sem_check_unnamed(CheckRun *run) {
        CLEANUP_FD int memory = -EBADF;
        CheckProcess *peer;
        sem_t *sem;
        bool held_up;
        int r;

        r = count_memory(sizeof(sem_t), &memory);
        if (r < 0)
                return check_fail(run, "memory: %s", check_errno(r));
        sem = mmap(NULL, sizeof *sem, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
        if (sem == MAP_FAILED)
                return check_fail(run, "mmap: %s", check_errno(errno));
        held_up = check_expect(run, "sem_init", sem_init(sem, 1, 0) < 0 ? -errno : 0, 0) &&
                  peer_start(run, 0, &memory, 1, &peer) >= 0 &&
                  check_expect(run, "the peer's mmap", peer_call(run, peer, "sem-map", 0), 0) &&
                  peer_begin(run, peer, &(PeerCall){ "sem-wait" }) >= 0 &&
                  check_sleeps(run, peer, "pshared 1: sem_wait") && check_expect(run, "sem_post", sem_post(sem), 0) &&
                  check_expect(run, "sem_wait", peer_end(run, peer, NULL), 0);
        munmap(sem, sizeof *sem);
        return held_up ? check_ok(run, "a post from the other process ended it") : CHECK_FAILED;
}

/* The memory is shared, and the futex is not: its waiters are looked for in one process alone (futex(2),
 * FUTEX_PRIVATE_FLAG). */
CheckResult sem_check_private_shared(CheckRun *run) {
        CLEANUP_FD int memory = -EBADF;
        CheckProcess *peer;
        bool held_up;
        sem_t *sem;
        int r;

        r = count_memory(sizeof(sem_t), &memory);
        if (r < 0)
                return check_fail(run, "memory: %s", check_errno(r));
        sem = mmap(NULL, sizeof *sem, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
        if (sem == MAP_FAILED)
                return check_fail(run, "mmap: %s", check_errno(errno));
        held_up = check_expect(run, "sem_init", sem_init(sem, 0, 0) < 0 ? -errno : 0, 0) &&
                  peer_start(run, 0, &memory, 1, &peer) >= 0 &&
                  check_expect(run, "the peer's mmap", peer_call(run, peer, "sem-map", 0), 0) &&
                  peer_begin(run, peer, &(PeerCall){ "sem-wait" }) >= 0 &&
                  check_sleeps(run, peer, "pshared 0: sem_wait") && check_expect(run, "sem_post", sem_post(sem), 0) &&
                  check_expect(run, "value", sem_check_value(sem), 1) && check_sleeps(run, peer, "after the post") &&
                  check_expect(run, "SIGKILL", check_murder(run, peer), 0);
        munmap(sem, sizeof *sem);
        return held_up ? check_ok(run, "the value is 1, and who waits for it sleeps on") : CHECK_FAILED;
}

/* What many texts print as an example: a semaphore in memory that is not shared. A child posts its own copy. */
static sem_t private_semaphore;

int sem_check_private_role(CheckPeer *peer) {
        int r = sem_post(&private_semaphore) < 0 ? -errno : 0;

        return r < 0 ? r : check_peer_say_word(peer, sem_check_value(&private_semaphore) == 1 ? "posted" : "odd");
}

CheckResult sem_check_private_memory(CheckRun *run) {
        CheckProcess *peer;
        int status;

        if (!check_expect(run, "sem_init", sem_init(&private_semaphore, 0, 0) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "fork", check_start(run, 0, NULL, NULL, &peer), 0) ||
                !check_expect(run, "the child's post", check_hear_word(run, peer, "posted", CHECK_PATIENCE_USEC), 0) ||
                !check_expect(run, "the child's end", check_wait(run, peer, CHECK_PATIENCE_USEC, &status), 0) ||
                !check_expect(run, "value in the parent", sem_check_value(&private_semaphore), 0))
                return CHECK_FAILED;
        return check_ok(run, "the child's value 1, the parent's 0");
}
