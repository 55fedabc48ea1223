/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What shm-sysv, sem-sysv and mq-sysv share: keys and identifiers, who owns what, rows of the list, and objects that
 * belong to a test. See sysvipc(7).
 *
 * The canonical address is what an object is found by: key=0x… where it has a key, else (IPC_PRIVATE, and a segment
 * that is marked for destruction) id=…; open() takes both and completes to the one. The identifier is the only thing
 * that the kernel works with, and it stands in the identity of every object. */
#pragma once

#include <stdint.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/types.h>

#include "mechanism.h"

typedef struct SysvStat {
        int id;
        struct ipc_perm perm;
        time_t changed;
        union {
                struct shmid_ds shm;
                struct semid_ds sem;
                struct msqid_ds msg;
        };
} SysvStat;

/* The system calls of one of the three; results and errno are theirs. */
typedef struct SysvClass {
        const char *kind, *noun;
        const char *limit;                                   /* of their number: a file below /proc/sys */
        int stat_any;                                        /* MSG_STAT_ANY … */
        bool settles;                                        /* its change time moves only with owner and mode */
        int (*get)(key_t key, int flags);                    /* of what exists: never makes one */
        int (*stat)(int number, int command, SysvStat *ret); /* an identifier, or an index for stat_any */
        int (*last)(void);                                   /* the highest index in use */
        int (*remove)(int id);                               /* IPC_RMID */
        void (*row)(const SysvStat *st, Record *row);        /* the kind's own columns; may be NULL */
        int (*holders)(Scan *scan, const SysvStat *st, Record *row); /* NULL: nobody can tell who uses it */
} SysvClass;

#define SYSV_KEY_OPTION                                                                                      \
        {                                                                                                    \
                "key", OPTION_COUNT, OPTION_FOR_CREATE, "0", 0, UINT32_MAX,                                  \
                        "the key as 0x1234; 0 is none (IPC_PRIVATE): the object is then known by its number" \
        }
#define SYSV_MODE_OPTION \
        { "mode", OPTION_MODE, OPTION_FOR_CREATE, "0600", 0, 0777, "permission bits, whatever the umask is" }

/* Reads the state by identifier, without a permission on the object where the kernel knows *_STAT_ANY. -ENOENT. */
int sysv_stat(const SysvClass *class, int id, SysvStat *ret);
/* The same for what was opened; NoSuchObject where it went. */
int sysv_stat_object(const SysvClass *class, const KernelObject *object, SysvStat *ret, Error *error);
/* The identifier, which stands at the beginning of the identity. */
int sysv_id(const KernelObject *object);

/* For the operations of the same names. */
int sysv_open(const SysvClass *class, KernelObject *object, SysvStat *ret, Error *error);
int sysv_identify(const SysvClass *class, const Address *address, char ret_identity[IDENTITY_MAX], Error *error);
int sysv_remove(const SysvClass *class, KernelObject *object, Error *error);
int sysv_scan(const SysvClass *class, Scan *scan);
/* After *get(2) made `id`: fills the object, or removes it again. */
int sysv_made(const SysvClass *class, KernelObject *object, int id, SysvStat *ret, Error *error);
/* Why *get(2) made nothing: what every one of the three may say. */
int sysv_create_failed(const SysvClass *class, int number, uint64_t key, Error *error);
/* Why a use failed: the object went, or a bit of its mode is missing. `what` as in "read". */
int sysv_use_failed(const SysvClass *class, const KernelObject *object, int number, const char *what, Error *error);
/* Whether the kernel has these calls at all and lets them through; `number` is the errno of one of them, or 0. */
int sysv_probe_call(const SysvClass *class, int number, Error *error);
/* key, id, creator and change time as attributes. */
void sysv_describe(const SysvStat *st, Record *attributes);
uint64_t sysv_time(time_t seconds);

/* Objects of a test have no names, but keys that are made of its token. */
enum { SYSV_KEYS_PER_RUN = 64 };
key_t sysv_key_of_run(const char *token, unsigned i);
/* Calls make() with such keys until it gives something else than -EEXIST. The identifier, or negative errno. */
int sysv_claim(const char *token, int (*make)(key_t key, void *userdata), void *userdata);
/* Is a row one of these: has it such a key, and was it made by this user? */
bool sysv_is_of_run(const Record *row, const char *token);
/* Removes what has such a key and was made by this user. */
void sysv_sweep(const SysvClass *class, const char *token);
