/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A peer of a check: a process in which one role runs, forked from the judge or executed separately. */
#pragma once

#include "check.h"

/* What the judge wants of a peer. */
typedef struct PeerOrder {
        const Mechanism *mechanism;
        const Check *check;
        CheckPlace place;
        unsigned role;
        const char *token;
        const char *directory;
        Link *link;              /* NULL: none */
        const Record *arguments; /* NULL: none */
} PeerOrder;

/* In a child forked by the judge: runs the role and ends the process. Closes every descriptor but the control channel
 * and what the link carries, so that a forked peer holds no more than an executed one. */
void test_peer_fork(const PeerOrder *order, int control) __attribute__((noreturn));
/* Executes this program as a peer with the control channel as WORKER_FD; returns only on failure. */
int test_peer_execute(int control);
/* The order as a packet to an executed peer. */
int test_peer_send_order(const PeerOrder *order, int control);
/* What "ipcbus-worker peer" does. */
int test_peer_main(int control);
