/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the kind mq-sysv share. */
#pragma once

#include <stddef.h>

#include "sysv.h"

typedef struct Transport Transport;

#define MSG_MAX_FILE "/proc/sys/kernel/msgmax"
#define MSG_MNB_FILE "/proc/sys/kernel/msgmnb"
#define MSG_MNI_FILE "/proc/sys/kernel/msgmni"

/* As msgsnd(2) and msgrcv(2) take it. */
typedef struct MqMessage {
        long type;
        char data[];
} MqMessage;

extern const SysvClass mq_sysv_class;
extern const Transport mq_sysv_transport;

/* sysv-explain-kinds.c */
int mq_sysv_explain(const Address *address, Explanation *explanation);
