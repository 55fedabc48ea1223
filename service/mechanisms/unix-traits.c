/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What UNIX sockets offer: both ways, between any two processes of one machine, and they know who is there. */
#include "trait-tables.h"

/* clang-format off */
#define UNIX_TRAITS                                                                                                   \
        TRAIT_SAID(PRIORITY, NO, "what was sent first is received first", REASON_NOT_OF_ITS_KIND),                    \
        TRAIT_IS(NOTIFY, PARTLY, "a byte or an empty message wakes the receiver, who has to take it", "receive-blocks"), \
        TRAIT_SAID(LOCK, NO, "it carries bytes and keeps nobody out", REASON_NOT_OF_ITS_KIND),                        \
        TRAIT_SAID(COUNT, NO, "it carries bytes and counts nothing", REASON_NOT_OF_ITS_KIND),                         \
        TRAIT_IS(LOSSLESS, YES, "a sender waits while there is no room, and nothing is lost", "send-blocks"),         \
        TRAIT_IS(DUPLEX, YES, "both sides send and receive at the same time", "duplex"),                              \
        TRAIT_IS(UNRELATED, YES, "any process reaches it by a path or an abstract name", "nobody-there", "other-net"), \
        TRAIT_SAID(ACROSS_HOSTS, NO, "it lies in the kernel of one machine", REASON_ONE_MACHINE),                     \
        TRAIT_IS(OTHER_USER, YES, "another user connects where the mode of its file allows it", "other-user"),        \
        TRAIT_IS(GUARDED, YES, "the mode of its file keeps other users out; an abstract name does not", "permission"), \
        TRAIT_IS(CREDENTIALS, YES, "the kernel tells process, user and group of the peer", "credentials", "forged"),  \
        TRAIT_IS(DESCRIPTORS, YES, "open descriptors go along (SCM_RIGHTS)", "descriptor"),                           \
        TRAIT_IS(POLL, YES, "its descriptors can be polled", "timeout"),                                              \
        TRAIT_IS(PERSISTENT, NO, "it is gone with its last descriptor, and all that was in it", "stale"),             \
        TRAIT_IS(SYNCHRONISED, YES, "the kernel makes senders and receivers wait for each other", "receive-blocks",   \
                "send-blocks"),                                                                                       \
        TRAIT_IS(CLEANS_UP, PARTLY, "remove the file yourself, before binding again; an abstract name goes by itself", \
                "stale", "abstract"),                                                                                 \
        TRAIT_COUNTS_SAID(COPIES, 2, "copied twice, into the kernel and out again", REASON_DESIGN)

#define CONNECTION_TRAITS                                                                                             \
        TRAIT_SAID(MANY_READERS, PARTLY, "let readers connect, and send each message to one of them yourself",        \
                "Which connection is written to is the program's own choice."),                                       \
        TRAIT_IS(MANY_WRITERS, YES, "each writer has a connection of its own; accept and poll them", "limit",         \
                "shared"),                                                                                            \
        TRAIT_SAID(BROADCAST, PARTLY, "let readers connect, and send everything to each yourself",                    \
                "Which connection is written to is the program's own choice."),                                       \
        TRAIT_IS(SIMPLE, PARTLY, "listen, accept and connect; between relatives socketpair(2) does", "pair")

#define UNIX_MESSAGE_TRAITS                                                                                           \
        TRAIT_IS(DATA, YES, "messages of bytes", "boundaries"),                                                       \
        TRAIT_IS(STREAM, PARTLY, "cut the stream into messages yourself", "boundaries"),                              \
        TRAIT_LIMITED(SIZE, "wmem_max", "a message has to fit into the send buffer (wmem_default, raised with SO_SNDBUF)", \
                "maximum", "buffer-limit")

const Trait unix_stream_traits[] = {
        UNIX_TRAITS,
        CONNECTION_TRAITS,
        TRAIT_IS(DATA, YES, "any bytes", "order"),
        TRAIT_IS(STREAM, YES, "a stream of bytes", "order", "boundaries"),
        TRAIT_IS(BOUNDARIES, PARTLY, "it is a stream: put a length in front of each message", "boundaries"),
        TRAIT_IS(ORDER, YES, "bytes arrive in the order in which they were sent", "order"),
        TRAIT_IS(CRASH, PARTLY, "the end of the connection tells of a dead peer; notice yourself that its last message is "
                "not whole", "peer-killed", "peer-reset", "killed-within"),
        TRAIT_COUNTS(SIZE, 0, "a stream has no largest message", "order"),
        TRAIT_END,
};

const Trait unix_seqpacket_traits[] = {
        UNIX_TRAITS,
        CONNECTION_TRAITS,
        UNIX_MESSAGE_TRAITS,
        TRAIT_IS(BOUNDARIES, YES, "a message is received whole, never split or joined", "boundaries"),
        TRAIT_IS(ORDER, YES, "messages arrive in the order in which they were sent", "order"),
        TRAIT_IS(CRASH, YES, "the end of the connection tells of a dead peer, and what it sent is whole", "peer-killed",
                "peer-gone", "killed-within"),
        TRAIT_END,
};

const Trait unix_dgram_traits[] = {
        UNIX_TRAITS,
        UNIX_MESSAGE_TRAITS,
        TRAIT_IS(BOUNDARIES, YES, "a datagram is received whole, never split or joined", "boundaries"),
        TRAIT_IS(ORDER, YES, "datagrams are reliable here and stay in order", "order"),
        TRAIT_IS(MANY_READERS, PARTLY, "processes that share one socket take datagrams from it in turn: hand it on",
                "shared", "waiter-killed"),
        TRAIT_IS(MANY_WRITERS, YES, "one socket receives from many, without connections", "many-senders"),
        TRAIT_SAID(BROADCAST, PARTLY, "send everything to each receiver yourself",
                "Which receiver is written to is the program's own choice."),
        TRAIT_IS(CRASH, PARTLY, "datagrams are whole, and sending to a dead receiver fails; nothing tells that a sender died",
                "receiver-killed", "sender-killed", "killed-within"),
        TRAIT_IS(SIMPLE, PARTLY, "bind and send; who is to be answered needs a name, too", "answer", "pair"),
        TRAIT_END,
};
/* clang-format on */
