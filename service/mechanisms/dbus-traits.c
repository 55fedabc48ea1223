/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What D-Bus offers: names, calls and signals between programs that know nothing of each other, at the price of a
 * daemon in between. */
#include "trait-tables.h"

/* clang-format off */
const Trait dbus_traits[] = {
        TRAIT_IS(DATA, YES, "messages of typed values", "types"),
        TRAIT_IS(STREAM, PARTLY, "pass one end of a socket pair over the bus, and stream over that", "descriptor"),
        TRAIT_IS(BOUNDARIES, YES, "a message is received whole, never split or joined", "boundaries", "daemon-boundaries"),
        TRAIT_SAID(PRIORITY, NO, "a bus delivers in the order in which it took the messages", REASON_NOT_OF_ITS_KIND),
        TRAIT_IS(NOTIFY, YES, "a signal reaches all whose match rule fits it", "signal-match"),
        TRAIT_IS(LOCK, PARTLY, "a name has one owner, and goes to the next in the queue when that is killed; each step is a "
                "call to the bus", "one-owner", "queue"),
        TRAIT_SAID(COUNT, NO, "a name has one owner; it counts nothing", REASON_NOT_OF_ITS_KIND),
        TRAIT_IS(ORDER, YES, "messages of one sender arrive in order", "order", "daemon-order"),
        TRAIT_IS(LOSSLESS, YES, "a sender who is too fast waits, and nothing is lost", "send-blocks", "daemon-back-pressure"),
        TRAIT_IS(DUPLEX, YES, "two peers send to each other at the same time", "duplex", "daemon-duplex"),
        TRAIT_IS(UNRELATED, YES, "any program finds another by its name on the bus, which can start it", "daemon-order",
                "activation"),
        TRAIT_SAID(ACROSS_HOSTS, NO, "a bus is of one machine; only ssh(1) can carry its socket to another", REASON_ONE_MACHINE),
        TRAIT_IS(MANY_READERS, PARTLY, "a name has one owner: let workers ask it for work", "one-owner"),
        TRAIT_IS(MANY_WRITERS, YES, "messages of several senders come once, none mixed with another's", "many-senders"),
        TRAIT_IS(BROADCAST, YES, "a signal reaches all whose match rule fits it", "signal-match"),
        TRAIT_IS(OTHER_USER, PARTLY, "on the system bus, where a policy lets the user in", "other-user", "refused-user"),
        TRAIT_IS(GUARDED, YES, "a session bus is of one user, a policy says who may on others", "refused-user", "policy"),
        TRAIT_IS(CREDENTIALS, YES, "the bus tells process and user, and nobody forges a sender", "credentials", "forged"),
        TRAIT_IS(DESCRIPTORS, YES, "open descriptors go along, 16 in a message unless configured", "descriptor",
                "descriptor-limit"),
        TRAIT_IS(POLL, YES, "its connection can be polled", "timeout"),
        TRAIT_IS(CRASH, YES, "a call whose callee is killed fails, and all are told when a name goes", "callee-killed", "queue",
                "writer-killed-within"),
        TRAIT_IS(PERSISTENT, NO, "a name goes with its owner, and all that was sent to it", "callee-killed"),
        TRAIT_IS(SYNCHRONISED, YES, "each call is answered once, with its own answer", "call-once"),
        TRAIT_IS(CLEANS_UP, YES, "nothing is left: a name is free once its owner has gone", "release", "queue"),
        TRAIT_SAID(SIMPLE, NO, "a library and a bus that runs are needed; calls, answers, types and introspection come with it",
                REASON_OF_TASTE),
        TRAIT_COUNTS_SAID(COPIES, 4, "copied four times, into the kernel and out, to the bus and from there",
                REASON_DESIGN),
        TRAIT_LIMITED(SIZE, "max_message_size", "a message has a largest size", "size-limit"),
        TRAIT_END,
};
/* clang-format on */
