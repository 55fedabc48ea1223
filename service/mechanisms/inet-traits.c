/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the sockets of the Internet offer: the peer can be anywhere, and so can whoever else sends. */
#include "trait-tables.h"

#define REASON_NO_SECOND_MACHINE "Checks have one machine; between its network namespaces it is the same protocol."

/* clang-format off */
#define INET_TRAITS                                                                                                   \
        TRAIT_SAID(LOCK, NO, "it carries bytes and keeps nobody out", REASON_NOT_OF_ITS_KIND),                        \
        TRAIT_SAID(COUNT, NO, "it carries bytes and counts nothing", REASON_NOT_OF_ITS_KIND),                         \
        TRAIT_IS(DUPLEX, YES, "both sides send and receive at the same time", "duplex"),                              \
        TRAIT_SAID(ACROSS_HOSTS, YES, "the peer can be on any machine that is reached", REASON_NO_SECOND_MACHINE),    \
        TRAIT_SAID(DESCRIPTORS, NO, "it carries bytes; descriptors go along over UNIX sockets",                       \
                REASON_NOT_OF_ITS_KIND),                                                                              \
        TRAIT_IS(POLL, YES, "its descriptors can be polled", "timeout"),                                              \
        TRAIT_COUNTS_SAID(COPIES, 2, "copied twice, into the kernel and out again, and packed by the protocol",       \
                REASON_DESIGN)

#define INET_DATAGRAM_TRAITS                                                                                          \
        TRAIT_IS(BOUNDARIES, YES, "a packet is received whole, never split or joined", "boundaries"),                 \
        TRAIT_SAID(PRIORITY, NO, "what was sent first is received first", REASON_NOT_OF_ITS_KIND),                    \
        TRAIT_IS(NOTIFY, PARTLY, "a packet wakes the receiver, if it is not lost", "receive-blocks", "loss"),         \
        TRAIT_IS(ORDER, PARTLY, "order is kept on loopback, and by nobody between hosts: number them yourself",       \
                "order"),                                                                                             \
        TRAIT_IS(LOSSLESS, NO, "what finds no room is dropped: acknowledge and repeat yourself", "loss"),             \
        TRAIT_IS(CRASH, NO, "nobody is told that a peer has died: let it give signs of life", "sender-killed"),       \
        TRAIT_IS(PERSISTENT, NO, "it is gone with its last descriptor, and all that was in it", "creator-gone"),      \
        TRAIT_IS(SYNCHRONISED, YES, "each packet is taken by one call, whole", "receive-blocks", "shared"),           \
        TRAIT_IS(CLEANS_UP, YES, "nothing is left when its last descriptor is closed", "creator-gone")

const Trait tcp_traits[] = {
        INET_TRAITS,
        TRAIT_IS(DATA, YES, "any bytes", "order"),
        TRAIT_IS(STREAM, YES, "a stream of bytes", "order", "boundaries"),
        TRAIT_IS(BOUNDARIES, PARTLY, "it is a stream: put a length in front of each message", "boundaries"),
        TRAIT_IS(PRIORITY, NO, "one urgent byte overtakes the others, and no message does", "urgent"),
        TRAIT_IS(NOTIFY, PARTLY, "a byte wakes the receiver, who has to take it", "receive-blocks"),
        TRAIT_IS(ORDER, YES, "bytes arrive in the order in which they were sent", "order"),
        TRAIT_IS(LOSSLESS, YES, "a sender waits while there is no room, and nothing is lost", "send-blocks"),
        TRAIT_IS(UNRELATED, YES, "any process connects by host and port", "nobody-there"),
        TRAIT_SAID(MANY_READERS, PARTLY, "let readers connect, and send each message to one of them yourself",
                "Which connection is written to is the program's own choice."),
        TRAIT_IS(MANY_WRITERS, YES, "each writer has a connection of its own; accept and poll them", "limit", "shared"),
        TRAIT_SAID(BROADCAST, PARTLY, "let readers connect, and send everything to each yourself",
                "Which connection is written to is the program's own choice."),
        TRAIT_IS(OTHER_USER, YES, "another user connects: a port belongs to no user", "other-user"),
        TRAIT_IS(GUARDED, NO, "a port has no mode: find out yourself who connected, as with TLS", "other-user"),
        TRAIT_IS(CREDENTIALS, NO, "it does not tell whose process is at its far end", "credentials"),
        TRAIT_IS(CRASH, PARTLY, "the end of the connection tells of a dead peer, not of a dead host (keep-alive); notice "
                "yourself that its last message is not whole", "peer-killed", "half-open", "killed-within"),
        TRAIT_IS(PERSISTENT, NO, "it is gone with its last descriptor, and all that was in it", "last-close"),
        TRAIT_IS(SYNCHRONISED, YES, "the kernel makes senders and receivers wait for each other", "receive-blocks",
                "send-blocks"),
        TRAIT_IS(CLEANS_UP, YES, "nothing is left but, for a while, the port of who closed first (TIME-WAIT)", "last-close",
                "time-wait"),
        TRAIT_IS(SIMPLE, PARTLY, "listen, accept and connect, a port to agree on, TCP_NODELAY for small messages", "nagle",
                "in-use"),
        TRAIT_COUNTS(SIZE, 0, "a stream has no largest message", "order"),
        TRAIT_END,
};

const Trait udp_traits[] = {
        INET_TRAITS,
        INET_DATAGRAM_TRAITS,
        TRAIT_IS(DATA, YES, "datagrams of bytes", "boundaries"),
        TRAIT_IS(STREAM, NO, "datagrams can be lost, so a stream of them has holes", "loss"),
        TRAIT_IS(UNRELATED, YES, "any process sends to host and port", "answer"),
        TRAIT_IS(MANY_READERS, PARTLY, "with SO_REUSEPORT each datagram goes to one of several sockets, chosen by its sender's "
                "port", "reuse-port"),
        TRAIT_IS(MANY_WRITERS, YES, "one socket receives from many, without connections", "many-senders"),
        TRAIT_IS(BROADCAST, YES, "a datagram to a group reaches every socket that joined it", "multicast", "broadcast"),
        TRAIT_IS(OTHER_USER, YES, "another user sends and receives: a port belongs to no user", "other-user"),
        TRAIT_IS(GUARDED, NO, "a port has no mode: find out yourself who sent", "other-user"),
        TRAIT_SAID(CREDENTIALS, NO, "the sender is told by address and port, never by process or user",
                REASON_NOT_OF_ITS_KIND),
        TRAIT_IS(SIMPLE, YES, "no connection to set up: bind on one side, send on the other", "nobody-there"),
        TRAIT_LIMITED(SIZE, "message over IPv4", "a datagram has a largest size", "maximum"),
        TRAIT_END,
};

const Trait raw_traits[] = {
        INET_TRAITS,
        INET_DATAGRAM_TRAITS,
        TRAIT_IS(DATA, YES, "packets of bytes, of a protocol of your own", "boundaries", "protocol"),
        TRAIT_IS(STREAM, NO, "packets can be lost, so a stream of them has holes", "loss"),
        TRAIT_IS(UNRELATED, YES, "any process that may have raw sockets sends to host and protocol", "destination"),
        TRAIT_IS(MANY_READERS, NO, "every socket of the protocol gets a copy", "copies"),
        TRAIT_IS(MANY_WRITERS, YES, "one socket receives from many", "many-writers"),
        TRAIT_IS(BROADCAST, YES, "every socket of the protocol gets a copy", "copies"),
        TRAIT_IS(OTHER_USER, PARTLY, "a user without privilege has to be handed the socket", "other-user"),
        TRAIT_IS(GUARDED, PARTLY, "only privilege makes a raw socket here; other hosts send what they like", "capability"),
        TRAIT_SAID(CREDENTIALS, NO, "the sender is told by address, never by process or user", REASON_NOT_OF_ITS_KIND),
        TRAIT_IS(SIMPLE, NO, "needs CAP_NET_RAW; telling apart who is meant, headers and checksums are yours", "capability",
                "no-ports", "header"),
        TRAIT_LIMITED(SIZE, "message over IPv4", "a packet has a largest size", "maximum"),
        TRAIT_END,
};
/* clang-format on */
