/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The claims that pipes and FIFOs have in common, as rows for their tables. The file of a kind gives what it is called
 * and has the functions atomic_writes() and sigpipe(), for its peers come to it in their own way. */
#pragma once

#include "checks.h"
#include "pipe-checks.h"

#define PIPE_CLAIMS(noun)                                                                                             \
        { "order", "bytes arrive in order, all of them, unchanged", "pipe(7)", CHECK_BOTH, transport_order,           \
                { transport_order_role }, .aspects = ASPECT(ORDER) },                                                 \
                { "boundaries", "a " noun " is a stream: what is written apart can be read together", "pipe(7)",      \
                        CHECK_BOTH, transport_boundaries, { transport_boundaries_role },                              \
                        .aspects = ASPECT(BOUNDARIES) },                                                              \
                { "packets", "in packet mode (O_DIRECT) one write is one read", "pipe(2)", CHECK_BOTH,                \
                        pipe_check_packets, { pipe_check_role } },                                                    \
                { "readers", "of several readers each byte goes to one", "pipe(7)", CHECK_BOTH,                       \
                        pipe_check_readers_share, { pipe_check_role } },                                              \
                { "seek", "it has no position: what is read is gone, and lseek gives ESPIPE", "pipe(7)", CHECK_BOTH,  \
                        pipe_check_seek, { pipe_check_role } },                                                       \
                { "nothing",                                                                                          \
                        "writing nothing wakes and ends no reader; a read takes what is there, not all that it asks " \
                        "for",                                                                                        \
                        "pipe(7)", CHECK_BOTH, pipe_check_nothing, { pipe_check_role }, .aspects = ASPECT(EMPTY) },   \
                { "splice", "tee(2) copies bytes from one to another and leaves them; splice(2) moves them",          \
                        "splice(2)", CHECK_BOTH, pipe_check_splice, { pipe_check_role } },                            \
                { "atomic", "writes of up to PIPE_BUF bytes by several processes are never mixed", "pipe(7)",         \
                        CHECK_BOTH, atomic_writes, { pipe_check_role },                                               \
                        .aspects = ASPECT(ATOMICITY) | ASPECT(MANY_WRITERS) },                                        \
                { "not-atomic",                                                                                       \
                        "a write of more than PIPE_BUF bytes can be cut, a smaller one is whole or not at all",       \
                        "pipe(7)", CHECK_BOTH, pipe_check_cut_writes, { pipe_check_role },                            \
                        .aspects = ASPECT(ATOMICITY) | ASPECT(FULL) },                                                \
                { "mixed", "larger writes of several processes at once can be mixed, but no byte is lost", "pipe(7)", \
                        CHECK_BOTH, pipe_check_mixed, { pipe_check_role },                                            \
                        .aspects = ASPECT(MANY_WRITERS) | ASPECT(ATOMICITY) },                                        \
                { "many-writers",                                                                                     \
                        "what several write at once, in writes of up to PIPE_BUF bytes, all arrives, in the order "   \
                        "of each",                                                                                    \
                        "pipe(7)", CHECK_BOTH, transport_many_writers, { transport_many_writers_role },               \
                        .aspects = ASPECT(MANY_WRITERS) | ASPECT(ATOMICITY) },                                        \
                { "read-blocks", "a reader sleeps until there are bytes", "pipe(7)", CHECK_BOTH,                      \
                        transport_receive_blocks, { transport_receive_blocks_role },                                  \
                        .aspects = ASPECT(BLOCKING) | ASPECT(EMPTY) },                                                \
                { "write-blocks", "a writer sleeps while the " noun " is full, and nothing is lost", "pipe(7)",       \
                        CHECK_BOTH, transport_send_blocks, { transport_send_blocks_role },                            \
                        .aspects = ASPECT(BLOCKING) | ASPECT(FULL) },                                                 \
                { "non-blocking", "without waiting, empty and full give EAGAIN", "pipe(7)", CHECK_BOTH,               \
                        transport_nonblocking, { transport_nonblocking_role },                                        \
                        .aspects = ASPECT(NON_BLOCKING) | ASPECT(EMPTY) | ASPECT(FULL) },                             \
                { "timeout", "poll(2) gives up at its time-out, never before", "poll(2)", CHECK_BOTH,                 \
                        transport_timeout, { transport_timeout_role }, .aspects = ASPECT(TIMEOUT) },                  \
                { "poll",                                                                                             \
                        "poll(2) tells bytes (POLLIN), room (POLLOUT), no writer any more (POLLHUP) and no reader "   \
                        "(POLLERR)",                                                                                  \
                        "poll(2)", CHECK_BOTH, pipe_check_poll, { pipe_check_role },                                  \
                        .aspects = ASPECT(NON_BLOCKING) | ASPECT(HOLDER_KILLED) },                                    \
                { "sigio", "with O_ASYNC a signal tells that there is something to read", "pipe(7)", CHECK_BOTH,      \
                        pipe_check_sigio, { pipe_check_role } },                                                      \
                { "interrupted",                                                                                      \
                        "a waiting read is begun again after a handler with SA_RESTART, and gives EINTR after one "   \
                        "without",                                                                                    \
                        "signal(7)", CHECK_BOTH, transport_interrupted_restarts, { transport_interrupted_role },      \
                        .aspects = ASPECT(INTERRUPTED) },                                                             \
                { "stopped", "a reader that is stopped and continued while it waits goes on waiting", "signal(7)",    \
                        CHECK_BOTH, transport_stopped_goes_on, { transport_interrupted_role },                        \
                        .aspects = ASPECT(INTERRUPTED) },                                                             \
                { "write-interrupted", "a long write that a handler interrupts half-way says how much went in",       \
                        "write(2)", CHECK_BOTH, pipe_check_write_interrupted, { pipe_check_role },                    \
                        .aspects = ASPECT(INTERRUPTED) | ASPECT(ATOMICITY) },                                         \
                { "limit", "it holds its capacity and not a byte more", "pipe(7)", CHECK_BOTH, pipe_check_capacity,   \
                        { pipe_check_role }, .aspects = ASPECT(MAXIMUM) | ASPECT(FULL) },                             \
                { "slots", "the capacity is counted in pages: writes that share no page fill it with fewer bytes",    \
                        "fcntl(2)", CHECK_BOTH, pipe_check_slots, { pipe_check_role }, .aspects = ASPECT(FULL) },     \
                { "resize",                                                                                           \
                        "the capacity can be changed, in pages, not below what is in it, nor, without privilege, "    \
                        "above "                                                                                      \
                        "pipe-max-size",                                                                              \
                        "fcntl(2)", CHECK_BOTH, pipe_check_resize, { pipe_check_role },                               \
                        .aspects = ASPECT(LIMIT) | ASPECT(MAXIMUM) },                                                 \
                { "writer-killed", "when the last writer is killed the reader gets the rest, then end of file",       \
                        "pipe(7)", CHECK_BOTH, transport_sender_killed_end, { transport_sender_killed_role },         \
                        .aspects = ASPECT(HOLDER_KILLED) },                                                           \
                { "killed-within",                                                                                    \
                        "of a writer killed in the middle of a large write, what went in before is read, and "        \
                        "nothing else",                                                                               \
                        "pipe(7)", CHECK_BOTH, transport_writer_killed_within,                                        \
                        { transport_writer_killed_within_role }, .aspects = ASPECT(WRITER_KILLED) | ASPECT(FULL) },   \
                { "reader-killed", "when the last reader is killed a write gives EPIPE", "pipe(7)", CHECK_BOTH,       \
                        transport_receiver_killed, { transport_receiver_killed_role },                                \
                        .aspects = ASPECT(HOLDER_KILLED) },                                                           \
                { "waiter-killed",                                                                                    \
                        "a reader that is killed while it waits takes nothing along: another reader gets what is "    \
                        "written then",                                                                               \
                        "pipe(7)", CHECK_BOTH, transport_waiter_killed, { transport_waiter_killed_role },             \
                        .aspects = ASPECT(WAITER_KILLED) },                                                           \
        {                                                                                                             \
                "sigpipe",                                                                                            \
                        "a write without a reader raises SIGPIPE, which kills unless it is ignored or caught; then "  \
                        "EPIPE",                                                                                      \
                        "pipe(7)", CHECK_BOTH, sigpipe, {                                                             \
                        pipe_check_role                                                                               \
                }                                                                                                     \
        }

#define PIPE_GAPS(noun)                                                                                           \
        { ASPECT_PRIORITY, "Bytes are read in the order in which they were written; none goes before another." }, \
                { ASPECT_DESCRIPTORS,                                                                             \
                        "A " noun " carries bytes and nothing else; descriptors go over UNIX sockets." },         \
                { ASPECT_CREDENTIALS, "The kernel does not tell who has the other end, or who wrote." }, {        \
                ASPECT_SYNCHRONISATION,                                                                           \
                        "The kernel itself keeps readers and writers apart: without any lock nothing is lost."    \
        }
