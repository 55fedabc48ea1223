/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connections that the kind tcp makes or was given, in fds[TCP_CONNECTED] of an object, and what can be done with
 * one. connect(2) never waits: what the far end answers is told by the first use, which gives EAGAIN until then. */
#pragma once

#include <stdbool.h>

#include "mechanism.h"

enum { TCP_LISTENING, TCP_CONNECTED };

/* Makes one that blocks; it may still be on its way. */
int tcp_connect(const Address *address, bool nodelay, int *ret_fd, Error *error);
/* Was it refused? On this machine the answer is there at once. 0 also while it is on its way. */
int tcp_answer(const Address *address, int fd, Error *error);

/* Both connect where there is no connection yet. */
int tcp_send_connected(
        KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error);
int tcp_receive_connected(
        KernelObject *object, bool peek, uint64_t size, void **ret_data, size_t *ret_size, Error *error);
/* All went in: the connection of one send to ours ends, and any other does so in this direction where it is asked. */
void tcp_sent_all(KernelObject *object, const Record *options);

/* "from": the address of the far end. */
void tcp_describe_peer(int fd, Record *about);
void tcp_describe_info(int fd, Record *attributes);
int socket_set_flag(int fd, int level, int name, bool on);
