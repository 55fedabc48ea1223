/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kinds, each defined in the file of its name. Only the table in mechanism.c uses this. */
#pragma once

#include "mechanism.h"

extern const Mechanism mechanism_shm_sysv;
extern const Mechanism mechanism_shm_posix;
extern const Mechanism mechanism_memfd;
extern const Mechanism mechanism_mmap;
extern const Mechanism mechanism_ring;
extern const Mechanism mechanism_signal;
extern const Mechanism mechanism_sem_sysv;
extern const Mechanism mechanism_sem_posix;
extern const Mechanism mechanism_eventfd;
extern const Mechanism mechanism_mutex;
extern const Mechanism mechanism_pipe;
extern const Mechanism mechanism_fifo;
extern const Mechanism mechanism_mq_sysv;
extern const Mechanism mechanism_mq_posix;
extern const Mechanism mechanism_unix_stream;
extern const Mechanism mechanism_unix_dgram;
extern const Mechanism mechanism_unix_seqpacket;
extern const Mechanism mechanism_dbus;
extern const Mechanism mechanism_tcp;
extern const Mechanism mechanism_udp;
extern const Mechanism mechanism_raw;
