/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a ring offers: the speed of shared memory, and the manners of a queue. */
#include "trait-tables.h"

/* A formatter would pull a list of rows apart as if it were a statement. */
/* clang-format off */
const Trait ring_traits[] = {
        TRAIT_IS(DATA, YES, "messages of bytes", "order", "boundaries"),
        TRAIT_IS(STREAM, PARTLY, "cut the stream into messages yourself", "boundaries"),
        TRAIT_IS(BOUNDARIES, YES, "a message is received whole, never split or joined", "boundaries"),
        TRAIT_SAID(PRIORITY, NO, "first in, first out; for what is urgent make a second one", REASON_NOT_OF_ITS_KIND),
        TRAIT_IS(NOTIFY, PARTLY, "a message wakes a process that sleeps for one", "receive-blocks"),
        TRAIT_SAID(LOCK, NO, "it carries messages and keeps nobody out", REASON_NOT_OF_ITS_KIND),
        TRAIT_IS(COUNT, PARTLY, "empty messages in one for many can go round as tokens", "empty-message", "each-once"),
        TRAIT_IS(ORDER, YES, "messages arrive in the order in which they were sent", "order", "many-order"),
        TRAIT_IS(LOSSLESS, YES, "a writer waits while there is no room, and nothing is lost", "send-blocks"),
        TRAIT_IS(DUPLEX, PARTLY, "it goes one way: make two, one for each direction", "direction", "two-for-duplex"),
        TRAIT_IS(UNRELATED, PARTLY, "it has no name: who knows the other hands its descriptor on, or the service does",
                "handed-on"),
        TRAIT_SAID(ACROSS_HOSTS, NO, "it is memory of one machine", REASON_ONE_MACHINE),
        TRAIT_IS(MANY_READERS, YES, "made for many, each message goes to one of up to 64", "each-once", "places"),
        TRAIT_IS(MANY_WRITERS, YES, "made for many, what several send at once arrives whole, in the order of each",
                "many-writers"),
        TRAIT_IS(BROADCAST, NO, "each message goes to one reader only", "each-once"),
        TRAIT_IS(OTHER_USER, YES, "another user who was given it sends and receives", "other-user"),
        TRAIT_IS(GUARDED, YES, "nobody gets it without being given it; who has it can spoil it, and nothing else",
                "permission", "distrust"),
        TRAIT_SAID(CREDENTIALS, NO, "nothing tells who wrote a message", REASON_NOT_OF_ITS_KIND),
        TRAIT_SAID(DESCRIPTORS, NO, "it carries bytes; descriptors go along over UNIX sockets", REASON_NOT_OF_ITS_KIND),
        TRAIT_IS(POLL, NO, "no descriptor becomes ready when a message comes; who waits sleeps in it, or spins",
                "receive-blocks"),
        TRAIT_IS(CRASH, YES, "half a message is never read, what a killed reader held goes to another, nobody waits for "
                "the dead", "writer-killed", "reader-killed", "readers-gone", "waiter-killed"),
        TRAIT_IS(PERSISTENT, NO, "gone with its last descriptor and mapping", "survives"),
        TRAIT_IS(SYNCHRONISED, YES, "writers and readers wait for each other, without a lock", "memory-model",
                "send-blocks"),
        TRAIT_SAID(CLEANS_UP, YES, "nothing is left when all have ended", REASON_DESIGN),
        TRAIT_SAID(SIMPLE, PARTLY, "a library, libipcbus-ring: open, send, receive", REASON_OF_TASTE),
        TRAIT_COUNTS(COPIES, 0, "not copied: written and read where it lies; or copied in and out, as is convenient",
                "in-place"),
        TRAIT_LIMITED(SIZE, "message_max", "a message has a largest size, by the size of its ring", "maximum"),
        TRAIT_END,
};
/* clang-format on */
