/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the kind signal share. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "mechanism.h"

typedef struct Scan Scan;

/* What listener and service say to each other: records with this type, beside WORKER_TYPE_READY. */
#define SIGNAL_RECORD_RECEIVED  "signal"    /* to the service: signal, name, value, pid, uid, code */
#define SIGNAL_RECORD_LISTEN    "listen"    /* to the listener: signals (STRINGS) */
#define SIGNAL_RECORD_LISTENING "listening" /* its answer: signals (STRINGS), which it takes from now on */

/* What a listener takes where the option "signals" does not say. */
#define SIGNAL_LISTEN_DEFAULT "HUP,USR1,USR2,RTMIN"

/* The part of /proc/PID/status and /proc/PID/stat that is about signals. */
typedef struct ProcessSignals {
        uid_t uid;
        gid_t gid;
        char command[32];
        char state[32];             /* "sleeping", "zombie" */
        uint64_t queued, queue_max; /* of the user that owns the process (SigQ) */
        uint64_t pending, blocked, ignored, caught;
} ProcessSignals;

/* -ESRCH where there is no such process. */
int process_read_signals(pid_t pid, ProcessSignals *ret);
/* In clock ticks since boot: with the pid it names one process for ever. -ESRCH. */
int process_read_start_time(pid_t pid, uint64_t *ret);
/* Microseconds since the epoch. */
uint64_t process_start_to_realtime(uint64_t start_time);

/* What the descriptors of an object are. */
enum { SIGNAL_PROCESS, SIGNAL_QUEUE_FILLED };

/* signal-send.c */
pid_t signal_object_pid(const KernelObject *object);
/* Also where its parent has not collected it yet. */
bool signal_object_ended(const KernelObject *object);
int signal_send(
        KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent, Error *error);
/* signal-explain.c */
int signal_explain(const Address *address, Explanation *explanation);

/* signal-listener.c: the option "signals" as a set, or the default. */
int signal_listen_set(const Record *options, sigset_t *ret_set, Error *error);

int signal_keep(const Record *options, int channel, Error *error);
/* signal-scan.c */
int signal_scan(Scan *scan);
