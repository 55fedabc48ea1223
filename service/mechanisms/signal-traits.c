/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What signals offer: control of a process, from wherever its number is known, and no data. */
#include "trait-tables.h"

/* clang-format off */
const Trait signal_traits[] = {
        TRAIT_IS(DATA, NO, "it carries a number, and with sigqueue(3) one int", "value-only"),
        TRAIT_IS(STREAM, NO, "it carries no bytes", "value-only"),
        TRAIT_IS(BOUNDARIES, YES, "queued signals stay apart, one for one", "boundaries"),
        TRAIT_IS(PRIORITY, YES, "of several real-time signals the lowest number comes first", "lowest-first"),
        TRAIT_IS(NOTIFY, YES, "it reaches a process whatever that is doing", "receive-blocks", "handler-told"),
        TRAIT_IS(LOCK, NO, "it keeps nobody out", "direction"),
        TRAIT_IS(COUNT, NO, "standard signals merge, so they count nothing", "merged"),
        TRAIT_IS(ORDER, PARTLY, "only real-time signals of one number stay in order", "order", "standard-first"),
        TRAIT_IS(LOSSLESS, PARTLY, "use real-time signals, which queue up to RLIMIT_SIGPENDING: standard ones merge", "merged",
                "queued", "limit"),
        TRAIT_IS(DUPLEX, PARTLY, "it goes one way: each has to know the other's number", "direction", "duplex"),
        TRAIT_IS(UNRELATED, YES, "any process that knows its number, or has a pidfd, reaches it", "sender"),
        TRAIT_SAID(ACROSS_HOSTS, NO, "processes are those of one machine", REASON_ONE_MACHINE),
        TRAIT_IS(MANY_READERS, NO, "a signal goes to one process, or to each of a group", "group"),
        TRAIT_IS(MANY_WRITERS, YES, "real-time signals that several send at once all arrive", "many-writers"),
        TRAIT_IS(BROADCAST, PARTLY, "a signal to a process group reaches all of it", "group"),
        TRAIT_IS(OTHER_USER, NO, "a user cannot signal another user's process", "permission"),
        TRAIT_IS(GUARDED, YES, "only the same user and CAP_KILL reach a process", "permission", "same-user"),
        TRAIT_IS(CREDENTIALS, YES, "the receiver is told the sender's number and user", "sender", "forged"),
        TRAIT_SAID(DESCRIPTORS, NO, "it carries a number; descriptors go along over UNIX sockets", REASON_NOT_OF_ITS_KIND),
        TRAIT_IS(POLL, PARTLY, "block it and make a signalfd, which can be polled", "descriptor"),
        TRAIT_IS(CRASH, PARTLY, "use a pidfd: the number of a dead process can be another's by then", "pid-again",
                "sender-killed", "receiver-dead"),
        TRAIT_IS(PERSISTENT, NO, "what is pending goes with the process", "receiver-dead"),
        TRAIT_IS(SYNCHRONISED, PARTLY, "a handler interrupts anything: block signals and take them with sigwaitinfo or a "
                "signalfd", "nest", "pending"),
        TRAIT_IS(CLEANS_UP, YES, "nothing is left", "receiver-dead"),
        TRAIT_IS(SIMPLE, PARTLY, "masks and handlers are of the whole process, and calls that wait end with EINTR",
                "begun-again", "suspend"),
        TRAIT_COUNTS_SAID(COPIES, 0, "nothing is copied, as it carries nothing", REASON_NOT_OF_ITS_KIND),
        TRAIT_COUNTS(SIZE, 4, "one int", "value-only"),
        TRAIT_END,
};
/* clang-format on */
