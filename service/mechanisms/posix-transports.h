/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The transports that stand in files of their own beside their kinds. */
#pragma once

typedef struct Transport Transport;

extern const Transport shm_posix_transport;
extern const Transport sem_posix_transport;
extern const Transport mq_posix_transport;
extern const Transport signal_transport;
