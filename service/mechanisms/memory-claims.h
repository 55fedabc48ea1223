/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The claims that memory kinds have in common, as rows for their tables; a kind gives the man page that is about it,
 * the role of its peers, and a MemoryMaker called `maker`. MEMORY_CLAIM defines, in the kind's file, the function
 * behind a row; MEMORY_*_FUNCTIONS does that for all rows of a group. */
#pragma once

#include "checks.h"
#include "memory-calls.h"

/* Takes a semicolon, as formatters want it. */
#define MEMORY_CLAIM(claim)                         \
        static CheckResult claim(CheckRun *run) {   \
                return memory_##claim(run, &maker); \
        }                                           \
        _Static_assert(true, #claim)

/* --- Of the memory model (memory-model-checks.c) --- */

CheckResult memory_lost_update(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_atomic(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_semaphore(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_futex_lock(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_mutex(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_message_passing(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_store_buffering(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_whole_words(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_torn_records(CheckRun *run, const MemoryMaker *maker);

#define MEMORY_MODEL_FUNCTIONS         \
        MEMORY_CLAIM(lost_update);     \
        MEMORY_CLAIM(atomic);          \
        MEMORY_CLAIM(semaphore);       \
        MEMORY_CLAIM(futex_lock);      \
        MEMORY_CLAIM(mutex);           \
        MEMORY_CLAIM(message_passing); \
        MEMORY_CLAIM(store_buffering); \
        MEMORY_CLAIM(whole_words);     \
        MEMORY_CLAIM(torn_records);

#define MEMORY_MODEL_CLAIMS(page, role)                                                                               \
        { "lost-update", "two processes that count without synchronisation lose additions", page, CHECK_BOTH,         \
                lost_update, { role }, .aspects = ASPECT(SYNCHRONISATION) | ASPECT(MANY_WRITERS) },                   \
                { "atomic-update", "atomic operations between processes lose none of millions", page, CHECK_EXECUTED, \
                        atomic, { role },                                                                             \
                        .aspects = ASPECT(SYNCHRONISATION) | ASPECT(ATOMICITY) | ASPECT(MANY_WRITERS) },              \
                { "semaphore", "with an unnamed semaphore in it, made for processes, none of millions is lost",       \
                        "sem_overview(7)", CHECK_EXECUTED, semaphore, { role }, .aspects = ASPECT(SYNCHRONISATION) }, \
                { "futex-lock", "with a lock of one word and a futex none of millions is lost", "futex(7)",           \
                        CHECK_EXECUTED, futex_lock, { role }, .aspects = ASPECT(SYNCHRONISATION) },                   \
                { "mutex", "with a process-shared, robust mutex in it none of millions is lost",                      \
                        "pthread_mutexattr_setpshared(3)", CHECK_EXECUTED, mutex, { role },                           \
                        .aspects = ASPECT(SYNCHRONISATION) },                                                         \
                { "message-passing",                                                                                  \
                        "who sees a flag stored with release, loaded with acquire, sees the data before it",          \
                        "C11 5.1.2.4", CHECK_EXECUTED, message_passing, { role },                                     \
                        .aspects = ASPECT(SYNCHRONISATION) },                                                         \
                { "store-buffering",                                                                                  \
                        "two that each store, then look, may both miss the other's store; with full fences never",    \
                        "C11 7.17.4", CHECK_EXECUTED, store_buffering, { role },                                      \
                        .aspects = ASPECT(SYNCHRONISATION) },                                                         \
                { "whole-words", "an aligned word of 64 bits is never seen half-written", "C11 7.17", CHECK_EXECUTED, \
                        whole_words, { role }, .aspects = ASPECT(ATOMICITY) },                                        \
        {                                                                                                             \
                "torn-records", "a longer record is seen half-written; with a sequence lock it is seen whole", page,  \
                        CHECK_EXECUTED, torn_records, { role },                                                       \
                        .aspects = ASPECT(ATOMICITY) | ASPECT(SYNCHRONISATION)                                        \
        }

/* --- Of memory that is shared, file or not (memory-shared-checks.c) --- */

CheckResult memory_both_ways(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_one_page(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_no_call(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_many_writers(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_inherited(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_holder_killed(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_writer_killed(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_interrupted(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_waiter_killed(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_address_space(CheckRun *run, const MemoryMaker *maker);

#define MEMORY_SHARED_FUNCTIONS      \
        MEMORY_CLAIM(both_ways);     \
        MEMORY_CLAIM(one_page);      \
        MEMORY_CLAIM(no_call);       \
        MEMORY_CLAIM(many_writers);  \
        MEMORY_CLAIM(inherited);     \
        MEMORY_CLAIM(holder_killed); \
        MEMORY_CLAIM(writer_killed); \
        MEMORY_CLAIM(interrupted);   \
        MEMORY_CLAIM(waiter_killed); \
        MEMORY_CLAIM(address_space);

#define MEMORY_SHARED_CLAIMS(page, unrelated, role)                                                                  \
        { "both-ways", "all that map it shared read and write the same memory", page, CHECK_BOTH, both_ways,         \
                { role }, .aspects = ASPECT(BIDIRECTIONAL) | (unrelated) },                                          \
                { "one-page", "one page of memory stands behind all mappings: nothing is copied", page, CHECK_BOTH,  \
                        one_page, { role }, .aspects = 0 },                                                          \
                { "no-call", "what is written passes without any system call", page, CHECK_BOTH, no_call, { role },  \
                        .aspects = 0 },                                                                              \
                { "many-writers",                                                                                    \
                        "processes that write different bytes, even side by side, do not disturb each other",        \
                        "C11 3.14", CHECK_EXECUTED, many_writers, { role }, .aspects = ASPECT(MANY_WRITERS) },       \
                { "inherited", "a child of fork has what its parent has mapped, after execve nothing of it is left", \
                        "execve(2)", CHECK_BOTH, inherited, { role }, .aspects = 0 },                                \
                { "holder-killed", "a process that is killed with it mapped takes nothing from the others", page,    \
                        CHECK_BOTH, holder_killed, { role }, .aspects = ASPECT(HOLDER_KILLED) },                     \
                { "writer-killed", "what a killed writer had written stays, whole or not; a robust mutex tells",     \
                        "pthread_mutexattr_setrobust(3)", CHECK_BOTH, writer_killed, { role },                       \
                        .aspects = ASPECT(WRITER_KILLED) | ASPECT(HOLDER_KILLED) },                                  \
                { "interrupted",                                                                                     \
                        "a wait on a futex in it, without a time-out, ends with EINTR when a signal is handled, "    \
                        "with SA_RESTART it goes on",                                                                \
                        "signal(7)", CHECK_BOTH, interrupted, { role }, .aspects = ASPECT(INTERRUPTED) },            \
                { "waiter-killed", "who is killed while it waits on a futex in it takes no wake-up along",           \
                        "futex(2)", CHECK_BOTH, waiter_killed, { role }, .aspects = ASPECT(WAITER_KILLED) },         \
        {                                                                                                            \
                "address-space", "what does not fit into RLIMIT_AS is not mapped, and what is mapped stays",         \
                        "getrlimit(2)", CHECK_BOTH, address_space, { role }, .aspects = ASPECT(LIMIT)                \
        }

/* --- Of memory files (memory-checks.c) --- */

CheckResult memory_private_mapping(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_private_later(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_coherent(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_growth(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_truncated(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_partial_page(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_emptied(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_zeroed(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_sparse(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_far(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_read_only(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_many_mappings(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_exhausted(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_maximum(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_other_namespace(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_handed_on(CheckRun *run, const MemoryMaker *maker);

#define MEMORY_FILE_FUNCTIONS          \
        MEMORY_CLAIM(private_mapping); \
        MEMORY_CLAIM(private_later);   \
        MEMORY_CLAIM(coherent);        \
        MEMORY_CLAIM(growth);          \
        MEMORY_CLAIM(truncated);       \
        MEMORY_CLAIM(partial_page);    \
        MEMORY_CLAIM(emptied);         \
        MEMORY_CLAIM(zeroed);          \
        MEMORY_CLAIM(sparse);          \
        MEMORY_CLAIM(far);             \
        MEMORY_CLAIM(read_only);       \
        MEMORY_CLAIM(many_mappings);   \
        MEMORY_CLAIM(exhausted);       \
        MEMORY_CLAIM(maximum);         \
        MEMORY_CLAIM(other_namespace); \
        MEMORY_CLAIM(handed_on);

#define MEMORY_FILE_CLAIMS(role)                                                                                      \
        { "private", "what is written to a private mapping stays in its process", "mmap(2)", CHECK_BOTH,              \
                private_mapping, { role }, .aspects = 0 },                                                            \
                { "private-later",                                                                                    \
                        "a private mapping no more shows what others change in a page once it wrote to that page",    \
                        "mmap(2)", CHECK_BOTH, private_later, { role }, .aspects = 0 },                               \
                { "coherent", "read, write and mappings see the same bytes at once, before any msync", "msync(2)",    \
                        CHECK_BOTH, coherent, { role }, .aspects = 0 },                                               \
                { "zero-filled", "what was added to it is zero, also where it was cut off before", "ftruncate(2)",    \
                        CHECK_BOTH, zeroed, { role }, .aspects = 0 },                                                 \
                { "growth", "a size that is set is the size for all, and mappings reach what was added",              \
                        "ftruncate(2)", CHECK_BOTH, growth, { role }, .aspects = 0 },                                 \
                { "past-the-end", "access behind its last page is SIGBUS", "mmap(2)", CHECK_BOTH, truncated,          \
                        { role }, .aspects = 0 },                                                                     \
                { "partial-page",                                                                                     \
                        "behind its end the rest of the last page is zero, and what is written there is no part of "  \
                        "it",                                                                                         \
                        "mmap(2)", CHECK_BOTH, partial_page, { role }, .aspects = 0 },                                \
                { "emptied", "O_TRUNC by one takes it away under the feet of all that have it mapped", "open(2)",     \
                        CHECK_BOTH, emptied, { role }, .aspects = 0 },                                                \
                { "sparse", "a size takes no room, only what is written does", "ftruncate(2)", CHECK_BOTH, sparse,    \
                        { role }, .aspects = 0 },                                                                     \
                { "far", "offsets go beyond 4 GiB", "mmap(2)", CHECK_BOTH, far, { role }, .aspects = 0 },             \
                { "maximum",                                                                                          \
                        "the largest size is what the file system has numbers for, and no mapping is larger than "    \
                        "the address space",                                                                          \
                        "ftruncate(2)", CHECK_EXECUTED, maximum, { role }, .aspects = ASPECT(MAXIMUM) },              \
                { "read-only", "opened for reading it cannot be written, nor mapped to be written", "mmap(2)",        \
                        CHECK_BOTH, read_only, { role }, .aspects = 0 },                                              \
                { "many-mappings", "one process may map it many times", "mmap(2)", CHECK_BOTH, many_mappings,         \
                        { role }, .aspects = 0 },                                                                     \
                { "exhaustion", "without descriptors left mappings are used and made all the same", "mmap(2)",        \
                        CHECK_BOTH, exhausted, { role }, .aspects = ASPECT(EXHAUSTION) },                             \
                { "handed-on", "its descriptor goes to any process over a UNIX socket", "unix(7)", CHECK_BOTH,        \
                        handed_on, { role }, .aspects = ASPECT(UNRELATED) },                                          \
        {                                                                                                             \
                "namespace", "it is a file: another IPC namespace does not hide it", "ipc_namespaces(7)", CHECK_BOTH, \
                        other_namespace, { role }, .aspects = ASPECT(NAMESPACE)                                       \
        }

/* --- Of memory files with names (memory-named-checks.c) --- */

CheckResult memory_unlinked(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_new_empty(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_umask_applies(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_hidden(CheckRun *run, const MemoryMaker *maker);
CheckResult memory_full_system(CheckRun *run, const MemoryMaker *maker);

#define MEMORY_NAMED_FUNCTIONS       \
        MEMORY_CLAIM(unlinked);      \
        MEMORY_CLAIM(new_empty);     \
        MEMORY_CLAIM(umask_applies); \
        MEMORY_CLAIM(hidden);        \
        MEMORY_CLAIM(full_system);

#define MEMORY_NAMED_CLAIMS(role)                                                                                 \
        { "unlink", "what is removed stays shared by who has mapped it; a new one of the name is another",        \
                "unlink(2)", CHECK_BOTH, unlinked, { role }, .aspects = ASPECT(PERSISTENCE) },                    \
                { "new-empty", "a new one has no bytes: mapped before it has a size, each access is SIGBUS",      \
                        "ftruncate(2)", CHECK_BOTH, new_empty, { role }, .aspects = ASPECT(EMPTY) },              \
                { "umask", "of the mode that is asked for the umask takes its bits away", "umask(2)", CHECK_BOTH, \
                        umask_applies, { role }, .aspects = 0 },                                                  \
                { "hidden", "a process whose folder is another mount, as in a container, does not find the name", \
                        "mount_namespaces(7)", CHECK_BOTH, hidden, { role }, .aspects = ASPECT(NAMESPACE) },      \
        {                                                                                                         \
                "full", "where the file system is full a first write to a page is SIGBUS, write(2) says ENOSPC",  \
                        "tmpfs(5)", CHECK_BOTH, full_system, { role }, .aspects = ASPECT(FULL)                    \
        }

/* --- Of a ring in it (shm-ring.c), over the transport --- */

#define MEMORY_RING_CLAIMS(page)                                                                                    \
        { "order", "messages in a ring with atomics arrive in order and whole", "futex(2)", CHECK_BOTH,             \
                transport_order, { transport_order_role }, .aspects = ASPECT(ORDER) },                              \
                { "boundaries", "memory has no messages: boundaries are kept where the program keeps them", page,   \
                        CHECK_BOTH, transport_boundaries, { transport_boundaries_role },                            \
                        .aspects = ASPECT(BOUNDARIES) },                                                            \
                { "duplex", "both directions at the same time, with a ring for each", page, CHECK_BOTH,             \
                        transport_duplex, { transport_duplex_role },                                                \
                        .aspects = ASPECT(FULL_DUPLEX) | ASPECT(BIDIRECTIONAL) },                                   \
                { "receive-blocks", "memory wakes nobody; a futex in it does", "futex(2)", CHECK_BOTH,              \
                        transport_receive_blocks, { transport_receive_blocks_role },                                \
                        .aspects = ASPECT(BLOCKING) | ASPECT(EMPTY) },                                              \
                { "nonblocking", "memory says by itself neither full nor empty; a ring in it does, without a wait", \
                        "futex(2)", CHECK_EXECUTED, transport_nonblocking, { transport_nonblocking_role },          \
                        .aspects = ASPECT(NON_BLOCKING) | ASPECT(FULL) | ASPECT(EMPTY) },                           \
        {                                                                                                           \
                "timeout", "a futex wait gives up at its time-out, never before", "futex(2)", CHECK_BOTH,           \
                        transport_timeout, { transport_timeout_role }, .aspects = ASPECT(TIMEOUT)                   \
        }

/* --- What no memory has --- */

#define MEMORY_GAPS                                                                                                   \
        { ASPECT_PRIORITY, "Memory is a place and no queue: nothing in it comes before anything else." }, {           \
                ASPECT_DESCRIPTORS, "Memory carries bytes; the number of a descriptor that is written into it means " \
                                    "nothing in another process."                                                     \
        }
#define MEMORY_FILE_GAPS                                                                  \
        MEMORY_GAPS, {                                                                    \
                ASPECT_CREDENTIALS, "Nothing tells who wrote into a file or its mapping." \
        }
