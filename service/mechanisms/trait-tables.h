/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables of traits, for the files that define the kinds. Those of a family stand in one file, as their answers
 * differ in a few rows only. */
#pragma once

#include "trait.h"

extern const Trait shm_sysv_traits[], shm_posix_traits[], memfd_traits[], mmap_traits[];    /* memory-traits.c */
extern const Trait ring_traits[];                                                           /* ring-traits.c */
extern const Trait pipe_traits[], fifo_traits[];                                            /* pipe-traits.c */
extern const Trait mq_sysv_traits[], mq_posix_traits[];                                     /* queue-traits.c */
extern const Trait unix_stream_traits[], unix_dgram_traits[], unix_seqpacket_traits[];      /* unix-traits.c */
extern const Trait tcp_traits[], udp_traits[], raw_traits[];                                /* inet-traits.c */
extern const Trait sem_sysv_traits[], sem_posix_traits[], eventfd_traits[], mutex_traits[]; /* semaphore-traits.c */
extern const Trait signal_traits[];                                                         /* signal-traits.c */
extern const Trait dbus_traits[];                                                           /* dbus-traits.c */
