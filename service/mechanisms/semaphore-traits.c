/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What semaphores, eventfds and mutexes offer: they carry nothing, and make processes wait for each other. */
#include "trait-tables.h"

/* clang-format off */
#define WITHOUT_DATA                                                                                                  \
        TRAIT_SAID(DATA, NO, "it carries no bytes: it guards or announces what lies elsewhere", REASON_NOT_OF_ITS_KIND), \
        TRAIT_SAID(STREAM, NO, "it carries no bytes", REASON_NOT_OF_ITS_KIND),                                        \
        TRAIT_SAID(BOUNDARIES, NO, "it carries no messages", REASON_NOT_OF_ITS_KIND),                                 \
        TRAIT_SAID(PRIORITY, NO, "it carries no messages that could be put in an order", REASON_NOT_OF_ITS_KIND),     \
        TRAIT_SAID(ORDER, NO, "it carries no messages that could be put in an order", REASON_NOT_OF_ITS_KIND),        \
        TRAIT_SAID(ACROSS_HOSTS, NO, "it lies in the memory of one machine", REASON_ONE_MACHINE),                     \
        TRAIT_SAID(DESCRIPTORS, NO, "it carries nothing; descriptors go along over UNIX sockets",                     \
                REASON_NOT_OF_ITS_KIND),                                                                              \
        TRAIT_COUNTS_SAID(COPIES, 0, "nothing is copied, as it carries nothing", REASON_NOT_OF_ITS_KIND),             \
        TRAIT_COUNTS_SAID(SIZE, 0, "it carries no messages", REASON_NOT_OF_ITS_KIND)

#define NO_CREDENTIALS \
        TRAIT_SAID(CREDENTIALS, NO, "nothing tells who posted", REASON_NOT_OF_ITS_KIND)

const Trait sem_sysv_traits[] = {
        WITHOUT_DATA,
        TRAIT_IS(NOTIFY, YES, "posting wakes a process that sleeps in semop", "receive-blocks"),
        TRAIT_IS(LOCK, PARTLY, "with SEM_UNDO what a killed process took is given back; who gets it then is not told that "
                "the work is half done", "undo", "undo-wakes"),
        TRAIT_IS(COUNT, YES, "who takes more than there is sleeps until there is enough", "wait-increase", "atomic"),
        TRAIT_IS(LOSSLESS, YES, "posts add up, to 32767 at the most", "non-blocking", "largest"),
        TRAIT_IS(DUPLEX, PARTLY, "it has no direction: use one of its set for each", "no-direction"),
        TRAIT_IS(UNRELATED, YES, "any process that knows the key or the number uses it", "counts"),
        TRAIT_IS(MANY_READERS, YES, "waiters go on one after the other", "in-turn"),
        TRAIT_IS(MANY_WRITERS, YES, "what several post and take loses nothing", "excludes"),
        TRAIT_IS(BROADCAST, PARTLY, "all that wait for the value 0 go on at once", "wait-zero"),
        TRAIT_IS(OTHER_USER, YES, "another user uses it as its mode allows", "other-user"),
        TRAIT_IS(GUARDED, YES, "mode bits keep other users out, at each use", "permission"),
        TRAIT_IS(CREDENTIALS, PARTLY, "it tells who changed it last", "counts"),
        TRAIT_SAID(POLL, NO, "it has no descriptor: a process waits in semop, for nothing else", REASON_NOT_OF_ITS_KIND),
        TRAIT_IS(CRASH, PARTLY, "SEM_UNDO gives back what a killed process took, and tells nobody", "undo", "undo-wakes",
                "waiter-killed"),
        TRAIT_IS(PERSISTENT, YES, "it stays until it is removed, or the machine stops", "survives"),
        TRAIT_IS(SYNCHRONISED, YES, "its operations are done together or not at all", "atomic"),
        TRAIT_IS(CLEANS_UP, NO, "remove it yourself: it outlives all that used it, and a crash", "survives"),
        TRAIT_IS(SIMPLE, PARTLY, "numbers and keys instead of names, lists of operations, and it is made first and set later",
                "operated", "made-once"),
        TRAIT_END,
};

const Trait sem_posix_traits[] = {
        WITHOUT_DATA,
        NO_CREDENTIALS,
        TRAIT_IS(NOTIFY, YES, "a post wakes one process that waits", "blocks", "one-each"),
        TRAIT_IS(LOCK, PARTLY, "it has no owner: a killed holder leaves it locked for ever, and anybody may unlock it",
                "exclusion", "holder-killed", "any-posts"),
        TRAIT_IS(COUNT, YES, "as many posts, as many waits go through", "counts"),
        TRAIT_IS(LOSSLESS, YES, "posts add up, to SEM_VALUE_MAX at the most", "many-writers", "limit"),
        TRAIT_IS(DUPLEX, PARTLY, "it has no direction: make one for each", "both-ways", "no-direction"),
        TRAIT_IS(UNRELATED, YES, "any process opens it by its name; without a name it lies in memory that is shared", "counts",
                "unnamed"),
        TRAIT_IS(MANY_READERS, YES, "a post lets one of those who wait go on", "one-each"),
        TRAIT_IS(MANY_WRITERS, YES, "what several post at once all counts", "many-writers"),
        TRAIT_IS(BROADCAST, NO, "a post lets one of those who wait go on, not all", "one-each"),
        TRAIT_IS(OTHER_USER, YES, "another user opens it where the mode allows it", "other-user"),
        TRAIT_IS(GUARDED, YES, "mode bits keep other users out, at the opening", "permission"),
        TRAIT_SAID(POLL, NO, "it has no descriptor that could be polled; an eventfd has", REASON_NOT_OF_ITS_KIND),
        TRAIT_IS(CRASH, NO, "a killed holder does not give it back, and nobody is told", "holder-killed"),
        TRAIT_IS(PERSISTENT, YES, "it stays, with its value, until it is removed or the machine stops", "survives"),
        TRAIT_IS(SYNCHRONISED, YES, "no post and no wait is lost, whoever does it at once", "rounds"),
        TRAIT_IS(CLEANS_UP, NO, "remove its name yourself: it outlives all that used it, and a crash", "survives", "file"),
        TRAIT_SAID(SIMPLE, YES, "sem_open, then sem_wait and sem_post", REASON_OF_TASTE),
        TRAIT_END,
};

const Trait eventfd_traits[] = {
        WITHOUT_DATA,
        NO_CREDENTIALS,
        TRAIT_IS(NOTIFY, YES, "a write wakes who reads or polls", "read-blocks", "readiness"),
        TRAIT_IS(LOCK, PARTLY, "in semaphore mode, from 1; it has no owner: a killed holder leaves it locked for ever",
                "excludes", "holder-killed"),
        TRAIT_IS(COUNT, YES, "in semaphore mode each read takes one", "semaphore"),
        TRAIT_IS(LOSSLESS, YES, "writes add up, to 2^64 - 2 at the most", "adds", "write-blocks"),
        TRAIT_IS(DUPLEX, PARTLY, "it has no direction: make one for each", "both-ways", "no-direction"),
        TRAIT_IS(UNRELATED, PARTLY, "it has no name: hand its descriptor on, by fork or over a UNIX socket", "passed",
                "not-reopened"),
        TRAIT_IS(MANY_READERS, YES, "in semaphore mode a write of 1 lets one of several readers through", "one-woken"),
        TRAIT_IS(MANY_WRITERS, YES, "what several add at once all counts", "many-writers"),
        TRAIT_IS(BROADCAST, NO, "of several readers that wait one takes all", "one-takes-all"),
        TRAIT_IS(OTHER_USER, PARTLY, "a user who is handed its descriptor uses it", "other-user"),
        TRAIT_IS(GUARDED, YES, "another user who was not handed it cannot get it", "permission"),
        TRAIT_IS(POLL, YES, "it can be polled", "readiness"),
        TRAIT_IS(CRASH, NO, "a killed writer adds nothing half, but a killed holder does not give back what it took",
                "writer-killed", "holder-killed"),
        TRAIT_IS(PERSISTENT, NO, "it is gone with its last descriptor", "survives"),
        TRAIT_IS(SYNCHRONISED, YES, "no addition and no read is lost, whoever does it at once", "many-writers"),
        TRAIT_IS(CLEANS_UP, YES, "nothing is left when its last descriptor is closed", "survives"),
        TRAIT_SAID(SIMPLE, YES, "one call, then read and write of 8 bytes", REASON_OF_TASTE),
        TRAIT_END,
};

const Trait mutex_traits[] = {
        WITHOUT_DATA,
        TRAIT_IS(NOTIFY, NO, "it keeps out and announces nothing: a robust one can be unlocked by its owner alone",
                "unlocked-by-others"),
        TRAIT_IS(LOCK, YES, "one at a time, without a system call while nobody waits, and who locks it after a killed "
                "owner is told", "excludes", "owner-died"),
        TRAIT_IS(COUNT, NO, "one has it or nobody", "excludes"),
        TRAIT_IS(LOSSLESS, YES, "who waits for it gets it, or is told that it is lost", "waiter-told", "waiter-lost"),
        TRAIT_SAID(DUPLEX, NO, "it has no direction", REASON_NOT_OF_ITS_KIND),
        TRAIT_IS(UNRELATED, YES, "any process that maps its memory, by name, locks it", "blocks"),
        TRAIT_IS(MANY_READERS, NO, "one at a time, also of those who only read; pthread_rwlock_t lets readers in together",
                "excludes"),
        TRAIT_IS(MANY_WRITERS, YES, "as many as like try to lock it", "tried-at-once"),
        TRAIT_IS(BROADCAST, NO, "unlocking lets one go on", "in-turn"),
        TRAIT_IS(OTHER_USER, YES, "another user with the right to its memory locks it", "other-user"),
        TRAIT_IS(GUARDED, YES, "the mode of its memory keeps other users out", "permission"),
        TRAIT_IS(CREDENTIALS, PARTLY, "whoever maps its memory sees which thread has it", "futex-word"),
        TRAIT_SAID(POLL, NO, "it has no descriptor: a thread waits for it, and for nothing else", REASON_NOT_OF_ITS_KIND),
        TRAIT_IS(CRASH, YES, "a robust one wakes and tells the next that its owner was killed", "owner-died", "waiter-told",
                "waiter-killed"),
        TRAIT_IS(PERSISTENT, PARTLY, "it lives as long as its memory", "as-memory", "survives"),
        TRAIT_IS(SYNCHRONISED, YES, "it is what others are synchronised with", "excludes"),
        TRAIT_IS(CLEANS_UP, NO, "remove the name of its memory yourself", "survives", "as-memory"),
        TRAIT_IS(SIMPLE, PARTLY, "memory to share, attributes to set (process-shared, robust), and what a dead owner left to "
                "mend", "defaults", "not-recoverable"),
        TRAIT_END,
};
/* clang-format on */
