/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What shared memory offers, and what it asks for: it is as fast as the machine, and does nothing by itself. */
#include "trait-tables.h"

/* A formatter would pull a list of rows apart as if it were a statement. */
/* clang-format off */
#define MEMORY_TRAITS                                                                                                 \
        TRAIT_IS(DATA, YES, "any bytes, at any place in it", "both-ways"),                                            \
        TRAIT_IS(STREAM, PARTLY, "a stream needs a ring of your own in it", "order"),                                 \
        TRAIT_IS(BOUNDARIES, PARTLY, "it has no messages: lay out records and their lengths yourself", "boundaries"), \
        TRAIT_SAID(PRIORITY, NO, "a place and no queue: nothing in it comes before anything else",                    \
                REASON_NOT_OF_ITS_KIND),                                                                              \
        TRAIT_IS(NOTIFY, PARTLY, "it wakes nobody: use a futex in it, or an eventfd beside it", "receive-blocks"),    \
        TRAIT_IS(LOCK, PARTLY, "a mutex has to be put into it", "mutex", "futex-lock"),                               \
        TRAIT_IS(COUNT, PARTLY, "a semaphore has to be put into it", "semaphore"),                                    \
        TRAIT_IS(ORDER, PARTLY, "order is what a ring of your own keeps, with atomics", "order", "message-passing"),  \
        TRAIT_IS(LOSSLESS, PARTLY, "nobody waits for room: whoever writes too fast writes over what was not read",    \
                "nonblocking", "lost-update"),                                                                        \
        TRAIT_IS(DUPLEX, YES, "all that map it read and write it at the same time", "duplex", "both-ways"),           \
        TRAIT_IS(MANY_READERS, PARTLY, "who takes what has to be settled with atomics in it", "atomic-update"),       \
        TRAIT_IS(MANY_WRITERS, PARTLY, "writers of different bytes do not disturb each other, those of the same "     \
                "need a lock", "many-writers", "lost-update"),                                                        \
        TRAIT_IS(BROADCAST, YES, "all that map it see the same bytes", "both-ways"),                                  \
        TRAIT_SAID(DESCRIPTORS, NO, "the number of a descriptor means nothing in another process",                    \
                REASON_NOT_OF_ITS_KIND),                                                                              \
        TRAIT_IS(POLL, NO, "no descriptor becomes ready when it changes; an eventfd beside it does",                  \
                "receive-blocks"),                                                                                    \
        TRAIT_IS(CRASH, PARTLY, "what a killed writer had half written stays; a robust mutex in it tells",            \
                "writer-killed", "holder-killed"),                                                                    \
        TRAIT_IS(SYNCHRONISED, NO, "synchronise yourself, with atomics, a mutex or a semaphore: updates are lost "    \
                "and records torn without", "lost-update", "torn-records"),                                           \
        TRAIT_COUNTS(COPIES, 0, "not copied: one page of memory stands behind all mappings, and no system call is "   \
                "made", "one-page", "no-call")

#define MEMORY_HERE TRAIT_SAID(ACROSS_HOSTS, NO, "it is memory of one machine", REASON_ONE_MACHINE)
#define MEMORY_NO_CREDENTIALS \
        TRAIT_SAID(CREDENTIALS, NO, "nothing tells who wrote into it", REASON_NOT_OF_ITS_KIND)

const Trait shm_sysv_traits[] = {
        MEMORY_TRAITS,
        MEMORY_HERE,
        TRAIT_IS(UNRELATED, YES, "any process that knows the key or the number attaches it", "shared"),
        TRAIT_IS(OTHER_USER, YES, "another user attaches it where the mode allows it", "other-user"),
        TRAIT_IS(GUARDED, YES, "mode bits keep other users out", "permission"),
        TRAIT_IS(CREDENTIALS, PARTLY, "it tells who attached it last, not who wrote", "credentials"),
        TRAIT_IS(PERSISTENT, YES, "it stays until it is removed, or the machine stops", "survives"),
        TRAIT_IS(CLEANS_UP, NO, "remove it yourself: it outlives all that used it, and a crash", "survives"),
        TRAIT_IS(SIMPLE, NO, "numbers and keys instead of names, and keys can collide; a size for ever; and a layout of "
                "your own", "ftok", "fixed-size"),
        TRAIT_LIMITED(SIZE, "shmmax", "as large as a segment may be", "maximum", "limit"),
        TRAIT_END,
};

const Trait shm_posix_traits[] = {
        MEMORY_TRAITS,
        MEMORY_HERE,
        MEMORY_NO_CREDENTIALS,
        TRAIT_IS(UNRELATED, YES, "any process opens it by its name", "both-ways"),
        TRAIT_IS(OTHER_USER, YES, "another user opens it where the mode allows it", "other-user"),
        TRAIT_IS(GUARDED, YES, "mode bits keep other users out, at the opening", "permission"),
        TRAIT_IS(PERSISTENT, YES, "it stays until it is removed, or the machine stops", "survives"),
        TRAIT_IS(CLEANS_UP, NO, "remove its name yourself: it outlives all that used it, and a crash", "survives"),
        TRAIT_SAID(SIMPLE, PARTLY, "shm_open, ftruncate and mmap, and a layout of your own", REASON_OF_TASTE),
        TRAIT_LIMITED(SIZE, "/dev/shm free", "as large as /dev/shm has room", "limit", "maximum"),
        TRAIT_END,
};

const Trait memfd_traits[] = {
        MEMORY_TRAITS,
        MEMORY_HERE,
        MEMORY_NO_CREDENTIALS,
        TRAIT_IS(UNRELATED, PARTLY, "it has no name: hand its descriptor on, by fork, a UNIX socket or D-Bus", "handed-on"),
        TRAIT_IS(OTHER_USER, PARTLY, "a user who is handed its descriptor uses it", "permission"),
        TRAIT_IS(GUARDED, YES, "nobody has it who was not handed it, and seals hold for everybody", "permission",
                "seal-write"),
        TRAIT_IS(PERSISTENT, NO, "it is gone with its last descriptor and mapping", "last-holder"),
        TRAIT_IS(CLEANS_UP, YES, "nothing is left when its last holder has gone, however that ended", "last-holder"),
        TRAIT_SAID(SIMPLE, PARTLY, "memfd_create, ftruncate and mmap, and a layout of your own", REASON_OF_TASTE),
        TRAIT_COUNTS(SIZE, 0, "as large as there is memory", "maximum"),
        TRAIT_END,
};

const Trait mmap_traits[] = {
        MEMORY_TRAITS,
        MEMORY_NO_CREDENTIALS,
        TRAIT_SAID(ACROSS_HOSTS, NO, "mappings of two machines are not coherent, on a network file system either",
                REASON_ONE_MACHINE),
        TRAIT_IS(UNRELATED, YES, "any process maps the file by its path", "both-ways"),
        TRAIT_IS(OTHER_USER, YES, "another user maps it where the mode of the file allows it", "permission"),
        TRAIT_IS(GUARDED, YES, "mode bits of the file keep other users out, at the opening", "permission"),
        TRAIT_IS(PERSISTENT, YES, "it is a file: on a disk it outlives the machine's stop, too, once msync has written it out",
                "persists", "sync"),
        TRAIT_IS(CLEANS_UP, NO, "remove the file yourself: it outlives all that used it, and a crash", "persists"),
        TRAIT_SAID(SIMPLE, PARTLY, "open, ftruncate and mmap, and a layout of your own; pages that changed are written to the "
                "disk that the file is on", REASON_OF_TASTE),
        TRAIT_LIMITED(SIZE, "RLIMIT_FSIZE", "as large as a file may be", "maximum", "limit"),
        TRAIT_END,
};
/* clang-format on */
