/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one seam for kinds. A kind is one file that fills one Mechanism: its facts, options, operations, transport and
 * checks. The service, the worker and the scanners know kinds only through this table; nothing outside a kind's file
 * names a kind.
 *
 * Rules for what a kind implements:
 *  - Operations never block, unless the kind lists them in `in_worker`; then they are only ever called in a worker:
 *    CREATE, ADOPT (open()), SEND, RECEIVE, PEEK, POST, WAIT, OPEN_END, ACCEPT, RESIZE and SEAL can be. The options
 * then have the caller's "timeout" (us) too, where there is one. What create() or open() made in a worker is handed
 * over to the service without its `state` (handover.h).
 *    One exception: what a keeper feeds is in the service, so an object with a keeper is used there, except for what
 *    is done from outside (as_client()).
 *  - They return 0, or a negative errno with the Error filled. -EAGAIN alone means "would block now": the engine asks
 *    wait_on() what to poll, and calls again. The Error may then say what stands in the way, in a sentence of its own.
 *  - A NULL operation needs a sentence in `reasons`: the bus answers NotSupported with it. A reason counts also where
 *    there is a function.
 *  - The process ignores SIGPIPE.
 *  - Everything is CLOEXEC; a caller's file is never mapped in the service, only read and written. */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "address.h"
#include "error.h"
#include "option.h"
#include "passed-fds.h"
#include "record.h"

typedef struct Check Check;
typedef struct CheckGap CheckGap;
typedef struct Transport Transport;
typedef struct Scan Scan;
typedef struct HolderKey HolderKey;
typedef struct Explanation Explanation;
typedef struct Mechanism Mechanism;
typedef struct Trait Trait;

typedef enum Operation {
        OPERATION_CREATE,
        OPERATION_ADOPT, /* open by address, also for one use */
        OPERATION_SEND,
        OPERATION_RECEIVE,
        OPERATION_PEEK,
        OPERATION_POST,
        OPERATION_WAIT,
        OPERATION_OPEN_END,
        OPERATION_ACCEPT,
        OPERATION_RESIZE,
        OPERATION_SEAL,
        OPERATION_LISTEN,
        OPERATION_LIST,
        OPERATION_WATCH,
        OPERATION_REMOVE,
        OPERATION_TEST,
        OPERATION_BENCHMARK,
        OPERATION_MAX,
        OPERATION_INVALID = -1,
} Operation;

/* The D-Bus interfaces that an object of the kind has beside KernelObject: a mask. */
typedef enum Capability {
        CAPABILITY_MEMORY = 1 << 0,
        CAPABILITY_SEMAPHORE = 1 << 1,
        CAPABILITY_MESSAGE_QUEUE = 1 << 2,
        CAPABILITY_STREAM = 1 << 3,
        CAPABILITY_DATAGRAM = 1 << 4,
        CAPABILITY_SIGNALS = 1 << 5,
} Capability;

/* What happens at an object, told by the kind, published by the service (service/events.c). */
typedef enum ObjectEvent {
        EVENT_MESSAGE_ARRIVED, /* details: "messages" or "bytes" (U64) */
        EVENT_PEER_CONNECTED,  /* details: "peer" (U64, ours), "pid" (U64), "uid" (U64) where known */
        EVENT_PEER_CLOSED,     /* the same, or "end" (STRING) */
        EVENT_SIGNAL_RECEIVED, /* details: "signal" (I64), "name" (STRING), "value" (I64), "pid", "uid" (U64), "code"
                                */
        EVENT_POSTED,          /* details: "count", "value" (U64) */
        EVENT_CHANGED,         /* attributes changed */
        EVENT_MAX,
} ObjectEvent;

typedef struct EventSink EventSink;
struct EventSink {
        void (*emit)(EventSink *sink, ObjectEvent event, const Record *details);
};

enum {
        KERNEL_OBJECT_FDS_MAX = 4,
        IDENTITY_MAX = 96,
};

/* One kernel object, opened. Made by create() or open(), released by close(); the kernel object itself ends only by
 * remove() (or, where it has no name, with its last descriptor). */
typedef struct KernelObject {
        const Mechanism *mechanism;
        Address address;             /* canonical; create() sets it, open() may complete it */
        char identity[IDENTITY_MAX]; /* what proves that a name is still the same object: "dev:inode", "id:key:ctime",
                                        "pid:starttime"; journalled, compared before anything is removed */
        uid_t owner;
        gid_t group;
        mode_t mode;                    /* permission bits */
        uint64_t created;               /* microseconds since the epoch, 0 where the kernel does not tell */
        uint64_t bytes;                 /* memory it can hold, for the limits */
        bool hold;                      /* keep both ends, so that data outlives its sender */
        bool unnamed;                   /* gone with its last descriptor: cannot be adopted after a restart */
        int fds[KERNEL_OBJECT_FDS_MAX]; /* -EBADF where there is none; their meaning is the kind's */
        int channel;                    /* to the keeper of a kind that has one, else -EBADF; see `keep` */
        const PassedFds *given;         /* for one send(): descriptors that go along; see facts.descriptors */
        PassedFds *wanted;              /* for one receive(): takes those that came; NULL: they are closed */
        uint64_t timeout; /* for one operation in a worker that waits by itself: microseconds; 0: do not wait */
        void *state;      /* the kind's own */
} KernelObject;

#define KERNEL_OBJECT_EMPTY \
        { .address = ADDRESS_EMPTY, .fds = { -EBADF, -EBADF, -EBADF, -EBADF }, .channel = -EBADF }

/* What the kind claims of itself, as data for `kinds` and `advise`. Strings are what people read. */
typedef struct KindFacts {
        const char *direction; /* "simplex", "half-duplex", "full-duplex", "none" */
        bool full_duplex;
        bool bidirectional;
        bool boundaries;   /* one send is one receive */
        const char *order; /* "first in, first out", "by priority", … */
        bool priority;
        const char *persistence; /* "process", "until removed", "until the last descriptor closes", … */
        bool unrelated;          /* can processes that share no ancestor meet by address? */
        bool carries_data;
        bool descriptors;       /* can open descriptors go along? */
        const char *connection; /* of sockets: "connection-oriented" or "connectionless"; else NULL */
        const char *source;     /* the man page: "fifo(7)" */
} KindFacts;

struct Mechanism {
        const char *kind;       /* "mq-posix" */
        const char *title;      /* "POSIX message queue" */
        const char *family;     /* "message queues" */
        unsigned capabilities;  /* Capability */
        unsigned address_forms; /* 1 << AddressForm */
        KindFacts facts;
        const char *const *ends;   /* names of the ends that open_end() hands out, NULL-terminated; NULL: none */
        const OptionSpec *options; /* ends with a NULL name; "lease" is added by the service for all kinds */
        unsigned in_worker;        /* 1 << Operation */
        const char *reasons[OPERATION_MAX];

        /* Is it here? 0, or an error whose sentence is the reason. Appends to `facts` under "limits" one record a
         * limit in force: name, value (U64 or STRING), unit, source ("/proc/sys/fs/mqueue/msg_max"). */
        int (*probe)(Record *facts, Error *error);

        /* `object` comes empty but for `mechanism`; on failure nothing is left behind. Never takes over something that
         * exists: Exists. */
        int (*create)(KernelObject *object, const Record *options, Error *error);
        /* `object->address` is set and its form is one of ours. Finds the kernel object, fills the rest; it may keep
         * no descriptor that changes what others see (no end of a pipe) unless options say hold. */
        int (*open)(KernelObject *object, const Record *options, Error *error);
        /* An object from a descriptor that somebody gave or fetch() got: takes `fd` over on success, and fills the
         * rest as open() does; the address, too, where it is empty. -EMEDIUMTYPE, with no Error: this is no descriptor
         * of this kind. It looks at what the descriptor is, never at what the caller says. NULL: the kind has none. */
        int (*from_fd)(KernelObject *object, int fd, const Record *options, Error *error);
        /* Objects of the kind are objects of a more general kind too, known by what is in them: memory with something
         * of a certain form. Such a kind is asked first what a descriptor is of, and lists them in the other's place.
         * `fd` is only read. NULL: the kind's objects are no other kind's. */
        bool (*within)(int fd);
        /* Is there work before open() that may take long or block: a walk of /proc for what has no name
         * (pipe:[81234]), a host name? Then fetch() does it in a worker. NULL: never. */
        bool (*needs_fetch)(const Address *address);
        /* In a worker. Completes the address (a host name becomes a number) and, for what has no name, gets a
         * descriptor of it (fd-fetch.h), which from_fd() then takes, in whatever process that is; *ret_fd stays
         * -EBADF where open() does the rest. NotPermitted names the right that is missing. */
        int (*fetch)(Address *address, const Record *options, int *ret_fd, Error *error);
        /* Another word that stands for several kinds in addresses of the form WORD:[INODE]: "socket". In a worker,
         * resolve() tells from a list of the kernel's whether what has the number is of this kind: above 0. Where no
         * kind knows it, a descriptor is fetched, and from_fd() tells. Both NULL: none. */
        const char *alias;
        int (*resolve)(const Mechanism *mechanism, uint64_t number);
        /* After open() of what an earlier run of the service made, at the service's start: what ended with that run (a
         * socket that listened) works again under the same name and mode. It may change the identity. NULL where
         * nothing ended. */
        int (*revive)(KernelObject *object, Error *error);
        /* Nothing is left at the name when the service ends (a port): open() finds nobody after a restart, and
         * revive() makes it anew from the address alone, unless somebody has it by then. */
        bool ends_with_service;
        /* Releases descriptors and state, never the kernel object's name. Takes a half-made object. */
        void (*close)(KernelObject *object);
        /* Removes the name. The identity was compared by the caller (kernel_object_verify()) just before. */
        int (*remove)(KernelObject *object, Error *error);
        /* Fills `identity` of what now stands at the address, without opening what has side effects. NULL: the
         * identity is proven by the descriptor held. */
        int (*identify)(const Address *address, char ret_identity[IDENTITY_MAX], Error *error);

        /* Message and stream kinds; memory kinds take "offset". *ret_sent may be short for a stream. A size of 0 is a
         * message for kinds with boundaries, and no bytes for streams: after a short one it says that no more follows,
         * so that what was opened for it closes. */
        int (*send)(KernelObject *object, const void *data, size_t size, const Record *options, size_t *ret_sent,
                Error *error);
        /* The caller frees *ret_data. Options: "size" the most to take (the default is the kind's), others the kind's.
         * `meta` (never NULL) is filled: "priority", "pid", "truncated" … The end of a stream is PeerGone. With `peek`
         * nothing is taken ("index" says which message). */
        int (*receive)(KernelObject *object, bool peek, const Record *options, void **ret_data, size_t *ret_size,
                Record *meta, Error *error);
        int (*post)(KernelObject *object, uint64_t count, const Record *options, Error *error);
        /* Takes one from a semaphore; waits at most `timeout` (0: try) if it is in `in_worker`, else tries only.
         * `meta` (never NULL) is filled with what there is to say of it: "warning" … */
        int (*wait)(KernelObject *object, uint64_t timeout, const Record *options, Record *meta, Error *error);
        /* Is what wait() takes with these options (NULL: with none) bound to the process that took it, so that a
         * worker has to stay for as long as it is to be held? wait() is then one of `in_worker`. NULL: never. */
        bool (*holds)(const Record *options);
        /* Gives back what wait() took with these options, on the same object in the same process. */
        int (*release)(KernelObject *object, const Record *options, Error *error);
        /* After -EAGAIN of `operation`: what to poll (events as epoll's; the descriptor stays the object's).
         * It may be the one that watch_on() gives, and that of another wait: an epoll instance takes a descriptor
         * once, so poll a duplicate. -EOPNOTSUPP: the kernel offers nothing to poll here, try again later. */
        int (*wait_on)(KernelObject *object, Operation operation, int *ret_fd, uint32_t *ret_events);

        /* Where wait_on() has nothing to poll, in a worker: sleeps until the operation may be possible, and leaves
         * everything as it is, so that it may be killed at any time and nothing is lost; the operation itself is then
         * tried where the object is. -EOPNOTSUPP: not for this operation. NULL: it is tried again from time to time.
         */
        int (*await)(KernelObject *object, Operation operation, const Record *options, Error *error);

        /* Is this done from outside, as any other process would do it, also where the object is ours? Then each call
         * has a KernelObject of its own, opened by address: a connection, that calls at the same time do not share.
         * NULL: never. */
        bool (*as_client)(Operation operation, const Record *options);

        /* Hands out a descriptor for an end, the caller's to close. `take`: the object's own copy is given away. */
        int (*open_end)(KernelObject *object, const char *end, bool take, int *ret_fd, Error *error);
        /* A connection of a listening object; -EAGAIN where none waits. Fills `peer` as EVENT_PEER_CONNECTED. */
        int (*accept)(KernelObject *object, int *ret_fd, Record *peer, Error *error);
        int (*resize)(KernelObject *object, uint64_t size, Error *error);
        int (*seal)(KernelObject *object, const char *const *seals, size_t n, Error *error);
        /* Which signals a listener takes from now on (through its keeper). */
        int (*listen)(KernelObject *object, const char *const *signals, size_t n, Error *error);

        /* In a worker: all of memory that has no descriptor, for reading and writing; the caller's, to munmap(2). */
        int (*map)(KernelObject *object, void **ret, size_t *ret_size, Error *error);

        /* For explaining who may use an object and why not. The file that stands for it, and what using it needs
         * (R_OK, W_OK; R_OK alone: writing is a use of its own); the caller frees *ret_path. The walk to it is then
         * explained, and who could make it. NULL, or -EOPNOTSUPP: it is no file that everybody sees. */
        int (*file)(const Address *address, char **ret_path, int *ret_want);
        /* After that, in a worker: adds the steps that a call meets otherwise, in order, and makes the attempts
         * (inventory/explain.h). Nobody else may notice anything of it. Of what is not there it explains who could
         * make it, and of a file whether it is one of this kind. Without any use of its own, and no file, what open()
         * says as that user is the use. */
        int (*explain)(const Address *address, Explanation *explanation);

        /* Attributes now, by names that are the same for all kinds: size, allocated, messages, max_messages,
         * message_size, value, waiters, capacity, queued, peers, pid, blocked, ignored, caught, pending … Cheap: a few
         * system calls, nothing of other processes. */
        int (*describe)(KernelObject *object, Record *attributes, Error *error);

        /* In a worker, for a person who looks: adds to what describe() told what takes longer to find out, from other
         * processes or over a bus, and may find the object gone (NoSuchObject). NULL: there is no more. */
        int (*inspect)(KernelObject *object, Record *attributes, Error *error);

        /* What to poll for events of an object that is open (edge-triggered), -EOPNOTSUPP where there is nothing.
         * Asked again after open_end(): the far side of a pipe can go only once an end of it was given away. */
        int (*watch_on)(KernelObject *object, int *ret_fd, uint32_t *ret_events);
        /* Called when that fd is ready: tell the sink. */
        void (*watch)(KernelObject *object, uint32_t revents, EventSink *sink);

        /* Kinds whose object is a process (a listener for signals): runs in a worker of its own for the object's life.
         * It sends one record with "ready" (BOOL) and what create() needs, then records as it likes, over `channel`,
         * and returns when the channel closes. The service passes that first record's keys on in create()'s options,
         * sets object->channel, and gives every later record to kept(). */
        int (*keep)(const Record *options, int channel, Error *error);
        void (*kept)(KernelObject *object, const Record *record, EventSink *sink);

        /* System-wide, in a worker: a row for each kernel object of this kind (inventory/scan.h). */
        int (*scan)(Scan *scan);
        /* Which descriptors and mappings of other processes are this object: at most *n keys. */
        int (*holder_keys)(const KernelObject *object, HolderKey *ret_keys, size_t *n);
        /* For watching the machine: opens the directory whose entries are the objects of this kind, to be watched with
         * inotify(7); a descriptor, the caller's, or negative errno where there is none now. And the address of an
         * entry of it; -EINVAL for one that is no object of this kind. The caller frees *ret_address. Both NULL where
         * the kernel offers no such thing. */
        int (*watch_directory)(void);
        int (*entry_address)(const char *name, char **ret_address);
        /* Removes all kernel objects whose names begin with "ipcbus-<token>-": what a killed test left. */
        void (*sweep)(const char *token);
        /* Is a row of scan() an object of the run of that token? NULL: its address holds the token. */
        bool (*is_of_run)(const Record *row, const char *token);

        const Transport *transport; /* NULL with a reason for TEST and BENCHMARK */
        /* Where bytes of the kind go by several ways that differ: those beside `transport`, NULL-terminated. Each is
         * measured apart; a check names the one that it is about. */
        const Transport *const *more_transports;
        /* What it offers to somebody who has to choose, and asks of him (trait.h); each trait once, in any order. */
        const Trait *traits;
        const char *example; /* options for create(), as they are typed: "name=/example size=1M"; "" where none is
                                needed */
        const Check *checks; /* ends with a NULL id */
        /* Aspects that no claim can be about, for this kind has no such thing; ends with a NULL reason. */
        const CheckGap *gaps;
};

/* The one table of kinds, in the order in which they are shown (mechanism.c). */
extern const Mechanism *const mechanism_table[];
extern const size_t mechanism_table_size;

const Mechanism *mechanism_find(const char *kind);
/* As address_parse(); what is wrong with it is said with what an address of its kind looks like. */
int mechanism_parse_address(const char *text, Address *ret, Error *error);
/* The kind of an address, with the form checked; errors NoSuchKind (with the nearest) and InvalidAddress. */
int mechanism_for_address(const Address *address, const Mechanism **ret, Error *error);
int mechanism_for_kind(const char *kind, const Mechanism **ret, Error *error);
/* Is the address one by an alias: mechanism_for_address() knows no kind of it before mechanism_resolve(), in a worker,
 * has put the right one in. */
bool mechanism_is_alias(const Address *address);
int mechanism_resolve(Address *address, Error *error);
/* Does it take a worker to open this: see needs_fetch and in_worker. */
bool mechanism_opens_in_worker(const Mechanism *mechanism, const Address *address);
/* Asks the kind whether the descriptor is one of its objects, and makes `object`, which comes empty but for
 * `mechanism` and perhaps the address, of it. Takes *fd over on success. -EMEDIUMTYPE, with no Error: it is none. */
int kernel_object_from_fd(KernelObject *object, int *fd, const Record *options, Error *error);
/* The kind that knows what a descriptor is of before more general ones do (see `within`), or NULL. */
const Mechanism *mechanism_within(int fd);
/* 0, or NotSupported with the kind's own reason. */
int mechanism_supports(const Mechanism *mechanism, Operation operation, Error *error);
/* All that DescribeKind publishes: kind, title, family, available, reason, facts, interfaces, ends, operations,
 * unsupported (records: operation, reason), limits, options (records: name, type, uses, default, minimum, maximum,
 * help), claims (records: id, claim, source, aspects), gaps (records: aspect, reason), traits (records: name, value,
 * text, number, limit, claims or reason), example. */
int mechanism_describe(const Mechanism *mechanism, Record *ret_description);

const char *operation_name(Operation operation);
const char *object_event_name(ObjectEvent event);

void kernel_object_init(KernelObject *object, const Mechanism *mechanism);
/* close() of the kind, then everything else that the object owns; leaves it empty. */
void kernel_object_done(KernelObject *object);
/* Does the address still name the object of this identity? 0, -ESTALE with NoSuchObject, or why it cannot be told. */
int kernel_object_verify(const KernelObject *object, Error *error);
