/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What message queues offer: messages that wait for whoever takes them, in order of importance. */
#include "trait-tables.h"

/* clang-format off */
#define QUEUE_TRAITS                                                                                                  \
        TRAIT_IS(DATA, YES, "messages of bytes", "boundaries"),                                                       \
        TRAIT_IS(STREAM, PARTLY, "cut the stream into messages yourself", "boundaries"),                              \
        TRAIT_IS(BOUNDARIES, YES, "a message is received whole, never split or joined", "boundaries"),                \
        TRAIT_SAID(LOCK, NO, "it carries messages and keeps nobody out", REASON_NOT_OF_ITS_KIND),                     \
        TRAIT_IS(COUNT, PARTLY, "empty messages in it can go round as tokens; those of a killed holder are lost",     \
                "empty-message", "one-receiver"),                                                                     \
        TRAIT_IS(LOSSLESS, YES, "a sender waits while it is full, and nothing is lost", "send-blocks"),               \
        TRAIT_SAID(ACROSS_HOSTS, NO, "it lies in the kernel of one machine", REASON_ONE_MACHINE),                     \
        TRAIT_IS(MANY_READERS, YES, "each message goes to one of those who receive", "one-receiver", "waiter-killed"), \
        TRAIT_IS(MANY_WRITERS, YES, "what several send at once arrives whole, in the order of each", "many-writers"), \
        TRAIT_IS(BROADCAST, NO, "each message goes to one receiver only", "one-receiver"),                            \
        TRAIT_IS(OTHER_USER, YES, "another user sends and receives where the mode allows it", "other-user"),          \
        TRAIT_IS(GUARDED, YES, "mode bits keep other users out, sending and receiving apart", "permission",           \
                "permission-each"),                                                                                   \
        TRAIT_SAID(DESCRIPTORS, NO, "it carries bytes; descriptors go along over UNIX sockets",                       \
                REASON_NOT_OF_ITS_KIND),                                                                              \
        TRAIT_IS(CRASH, YES, "messages outlive a killed sender, whole ones only, and a killed receiver takes none "   \
                "along; nobody is told", "sender-killed", "killed-within", "waiter-killed"),                          \
        TRAIT_IS(PERSISTENT, YES, "queue and messages stay until it is removed, or the machine stops", "survives",    \
                "sender-killed"),                                                                                     \
        TRAIT_IS(SYNCHRONISED, YES, "the kernel makes senders and receivers wait for each other", "receive-blocks",   \
                "send-blocks"),                                                                                       \
        TRAIT_IS(CLEANS_UP, NO, "remove it yourself: it outlives all that used it, and a crash", "survives"),         \
        TRAIT_COUNTS_SAID(COPIES, 2, "copied twice, into the kernel and out again", REASON_DESIGN)

const Trait mq_sysv_traits[] = {
        QUEUE_TRAITS,
        TRAIT_IS(PRIORITY, YES, "its type serves as a priority: asked for up to a type, the lowest comes first", "priority"),
        TRAIT_IS(NOTIFY, PARTLY, "a message wakes a process that sleeps in msgrcv", "receive-blocks"),
        TRAIT_IS(ORDER, YES, "messages of one type arrive in the order in which they were sent", "order"),
        TRAIT_IS(DUPLEX, PARTLY, "both ways share its room: give each direction a type, or make two", "both-ways",
                "shared-room"),
        TRAIT_IS(UNRELATED, YES, "any process that knows the key or the number uses it", "exclusive"),
        TRAIT_IS(CREDENTIALS, PARTLY, "it tells who sent last, not whose a message is", "last"),
        TRAIT_SAID(POLL, NO, "it has no descriptor: a process waits in msgrcv, for nothing else", REASON_NOT_OF_ITS_KIND),
        TRAIT_IS(SIMPLE, PARTLY, "numbers and keys instead of names, a type in front of each message", "type-positive",
                "exclusive"),
        TRAIT_LIMITED(SIZE, "msgmax", "a message has a largest size", "maximum"),
        TRAIT_END,
};

const Trait mq_posix_traits[] = {
        QUEUE_TRAITS,
        TRAIT_IS(PRIORITY, YES, "a message of higher priority overtakes those of lower", "priority"),
        TRAIT_IS(NOTIFY, PARTLY, "a message wakes who receives or polls; mq_notify tells one process, once", "notify",
                "poll"),
        TRAIT_IS(ORDER, YES, "messages of one priority arrive in the order in which they were sent", "order"),
        TRAIT_IS(DUPLEX, PARTLY, "everybody can take everything from it: make two, one for each direction", "both-ways",
                "two-for-duplex"),
        TRAIT_IS(UNRELATED, YES, "any process opens it by its name", "survives", "exclusive"),
        TRAIT_IS(CREDENTIALS, NO, "a message does not tell who sent it", "notify-sender"),
        TRAIT_IS(POLL, YES, "on Linux its descriptor can be polled", "poll"),
        TRAIT_SAID(SIMPLE, YES, "mq_open, then mq_send and mq_receive", REASON_OF_TASTE),
        TRAIT_LIMITED(SIZE, "msgsize_max", "a message has a largest size", "maximum", "shape"),
        TRAIT_END,
};
/* clang-format on */
