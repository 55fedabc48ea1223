/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What pipes and FIFOs offer: one stream of bytes, one way, with the least that can be written. */
#include "trait-tables.h"

/* clang-format off */
#define PIPE_TRAITS                                                                                                   \
        TRAIT_IS(DATA, YES, "any bytes", "order"),                                                                    \
        TRAIT_IS(STREAM, YES, "a stream of bytes", "order", "boundaries"),                                            \
        TRAIT_IS(BOUNDARIES, PARTLY, "it is a stream: put a length in front of each message, or use packet mode "     \
                "(O_DIRECT, up to PIPE_BUF bytes)", "boundaries", "packets"),                                         \
        TRAIT_SAID(PRIORITY, NO, "what was written first is read first", REASON_NOT_OF_ITS_KIND),                     \
        TRAIT_IS(NOTIFY, PARTLY, "a byte wakes the reader, who has to take it out again", "read-blocks"),             \
        TRAIT_IS(LOCK, NO, "it keeps nobody out: whoever has an end can read and write", "readers", "many-writers"), \
        TRAIT_IS(COUNT, PARTLY, "bytes in it can go round as tokens; those of a killed holder are lost", "readers"),  \
        TRAIT_IS(ORDER, YES, "bytes arrive in the order in which they were written", "order"),                        \
        TRAIT_IS(LOSSLESS, YES, "a writer waits while it is full, and nothing is lost", "write-blocks"),              \
        TRAIT_IS(DUPLEX, PARTLY, "it goes one way: make two, one for each direction", "two-for-duplex"),              \
        TRAIT_SAID(ACROSS_HOSTS, NO, "it lies in the kernel of one machine", REASON_ONE_MACHINE),                     \
        TRAIT_IS(MANY_READERS, PARTLY, "each byte goes to one reader: use records of one size, up to PIPE_BUF bytes", \
                "readers", "atomic"),                                                                                 \
        TRAIT_IS(MANY_WRITERS, YES, "writes of up to PIPE_BUF bytes are never mixed; larger ones can be", "atomic",   \
                "mixed"),                                                                                             \
        TRAIT_IS(BROADCAST, NO, "each byte goes to one reader only", "readers"),                                      \
        TRAIT_SAID(CREDENTIALS, NO, "nothing tells who wrote", REASON_NOT_OF_ITS_KIND),                               \
        TRAIT_SAID(DESCRIPTORS, NO, "it carries bytes; descriptors go along over UNIX sockets",                       \
                REASON_NOT_OF_ITS_KIND),                                                                              \
        TRAIT_IS(POLL, YES, "both ends can be polled", "poll"),                                                       \
        TRAIT_IS(CRASH, PARTLY, "end of file and EPIPE tell of a dead peer; notice yourself that its last message "   \
                "is not whole", "writer-killed", "reader-killed", "killed-within"),                                   \
        TRAIT_IS(SYNCHRONISED, YES, "the kernel makes readers and writers wait for each other", "read-blocks",        \
                "write-blocks"),                                                                                      \
        TRAIT_COUNTS_SAID(COPIES, 2, "copied twice, into the kernel and out again", REASON_DESIGN),                   \
        TRAIT_COUNTS(SIZE, 0, "a stream has no largest message", "order")

const Trait pipe_traits[] = {
        PIPE_TRAITS,
        TRAIT_IS(UNRELATED, PARTLY, "it has no name: hand an end on, by fork or over a UNIX socket", "no-name", "passed"),
        TRAIT_IS(OTHER_USER, PARTLY, "a user who is handed an end uses it", "other-user"),
        TRAIT_IS(GUARDED, YES, "another user who was not handed an end cannot get it", "permission"),
        TRAIT_IS(PERSISTENT, NO, "it is gone with its last end, and all that was in it", "creator-gone"),
        TRAIT_IS(CLEANS_UP, YES, "nothing is left when its last end is closed, however that came", "creator-gone"),
        TRAIT_SAID(SIMPLE, YES, "one call, then read and write; close the ends that a process does not use",
                REASON_OF_TASTE),
        TRAIT_END,
};

const Trait fifo_traits[] = {
        PIPE_TRAITS,
        TRAIT_IS(UNRELATED, YES, "any process opens it by its path", "open-read-waits", "open-write-waits"),
        TRAIT_IS(OTHER_USER, YES, "another user opens it where the mode allows it", "other-user"),
        TRAIT_IS(GUARDED, YES, "mode bits keep other users out, for each direction", "permission"),
        TRAIT_IS(PERSISTENT, NO, "the name stays, what was in it goes with the last that has it open", "contents-lost"),
        TRAIT_IS(CLEANS_UP, PARTLY, "remove the file yourself", "survives"),
        TRAIT_SAID(SIMPLE, YES, "a file to open: any program that reads or writes files can use it; opening waits for the "
                "other side", REASON_OF_TASTE),
        TRAIT_END,
};
/* clang-format on */
