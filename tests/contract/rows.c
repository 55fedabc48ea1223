/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table: a row a kind. See contract.h for what its fields mean. */
#include "contract.h"

#include <errno.h>
#include <fcntl.h>
#include <ipcbus-ring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

/* "KIND:id=5" */
static int sysv_id(const char *address) {
        const char *id = strstr(address, "id=");

        return id != NULL ? (int)strtol(id + strlen("id="), NULL, 10) : -1;
}

static int attach_segment(const char *address) {
        return shmat(sysv_id(address), NULL, 0) == (void *)-1 ? -errno : 0;
}

static int map_file(const char *address) {
        int fd = open(strchr(address, ':') + 1, O_RDWR | O_CLOEXEC);

        return fd < 0 || mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -errno : 0;
}

static int change_set(const char *address) {
        struct sembuf change[] = { { .sem_op = 1, .sem_flg = SEM_UNDO } };

        return semop(sysv_id(address), change, 1) < 0 ? -errno : 0;
}

static int look_into_queue(const char *address) {
        struct {
                long type;
                char data[8];
        } message;

        return msgrcv(sysv_id(address), &message, sizeof(message.data), 0, IPC_NOWAIT) < 0 && errno != ENOMSG ? -errno
                                                                                                              : 0;
}

/* The queue of signals of a process that may have none pending is full (RLIMIT_SIGPENDING of getrlimit(2)). */
static void no_pending_signals(Proof *proof) {
        const struct rlimit none = { 0 };
        g_autofree char *address = contract_create(proof, proof->ours, NULL, NULL);
        pid_t pid = (pid_t)strtol(strchr(address, ':') + 1, NULL, 10);

        g_assert_cmpint(prlimit(pid, RLIMIT_SIGPENDING, &none, NULL), ==, 0);
        g_autofree char *sentence = contract_refused(proof->ours, "Send",
                g_variant_new("(s@ay@a{sv})", address, bytes("", 0), options("signal", "s", "RTMIN", NULL)),
                "LimitExceeded");
        g_assert_nonnull(strstr(sentence, "RLIMIT_SIGPENDING"));
        contract_remove(proof->ours, address);
}

/* Of pairs of sockets without a name. */
static const char *const pair_ends[] = { "a", "b", NULL };

/* Whoever waits for a name holds it too. The connection lives as long as the process. */
static int queue_for_name(const char *address) {
        const char *bus = g_getenv("DBUS_SYSTEM_BUS_ADDRESS");
        g_autofree char *name = g_strndup(strchr(address, ':') + 1, strcspn(strchr(address, ':') + 1, "@"));
        GDBusConnection *connection;
        g_autoptr(GVariant) reply = NULL;

        connection = g_dbus_connection_new_for_address_sync(bus,
                G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL,
                NULL, NULL);
        if (connection == NULL)
                return -ENOTCONN;
        reply = g_dbus_connection_call_sync(connection, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                "org.freedesktop.DBus", "RequestName", g_variant_new("(su)", name, 0), NULL, G_DBUS_CALL_FLAGS_NONE,
                -1, NULL, NULL);
        return reply != NULL ? 0 : -EIO;
}

/* "KIND:[INODE]", through whoever has it open: it has no name. */
static int open_held(const char *address) {
        guint64 inode = g_ascii_strtoull(strchr(address, '[') + 1, NULL, 10);
        g_autoptr(GDir) processes = g_dir_open("/proc", 0, NULL);
        const char *pid, *number;

        while ((pid = g_dir_read_name(processes)) != NULL) {
                g_autofree char *folder = g_build_filename("/proc", pid, "fd", NULL);
                g_autoptr(GDir) descriptors = g_ascii_isdigit(*pid) ? g_dir_open(folder, 0, NULL) : NULL;

                while (descriptors != NULL && (number = g_dir_read_name(descriptors)) != NULL) {
                        g_autofree char *link = g_build_filename(folder, number, NULL);
                        g_autofree char *target = g_file_read_link(link, NULL);
                        struct stat st;

                        if (target != NULL && g_str_has_prefix(target, "/memfd:") && stat(link, &st) >= 0 &&
                                st.st_ino == inode)
                                return open(link, O_RDWR | O_CLOEXEC);
                }
        }
        return -1;
}

/* Takes a place in it, and keeps that for as long as the process lives. */
static int read_from_ring(const char *address) {
        int fd = open_held(address);
        IpcbusRing *ring;

        return fd < 0 ? -ENOENT : ipcbus_ring_open(fd, IPCBUS_RING_READER, &ring);
}

/* A lock belongs to who made it: its hold lasts until it is given back. */
static void lock_and_unlock(Proof *proof, Fixture *fixture, const char *address) {
        g_autoptr(GVariant) meta = NULL;
        g_autoptr(GError) error = NULL;
        guint64 hold = 0;

        ipcbus_manager_call_wait_sync(fixture->manager, address, options("timeout", "t", (guint64)10000000, NULL),
                PLAINLY, &meta, NULL, &error);
        g_assert_no_error(error);
        g_assert_true(g_variant_lookup(meta, "hold", "t", &hold));
        g_free(contract_refused(fixture, "Wait", g_variant_new("(s@a{sv})", address, NO_OPTIONS), "TimedOut"));
        ipcbus_manager_call_post_sync(fixture->manager, address, 1, NO_OPTIONS, PLAINLY, NULL, &error);
        g_assert_no_error(error);
        g_free(contract_refused(fixture, "Post",
                g_variant_new("(st@a{sv})", address, (guint64)1, options("hold", "t", hold, NULL)), "NoSuchJob"));
        g_free(contract_refused(
                fixture, "Post", g_variant_new("(st@a{sv})", address, (guint64)1, NO_OPTIONS), "NotPermitted"));
}

const Contract contract_rows[] = {
        {
                .kind = "shm-sysv",
                .create = "size=4K",
                .create_too_much = "size=18446744073709551615",
                .hold = attach_segment,
                .many = true,
        },
        {
                .kind = "shm-posix",
                .create = "name=@name size=4K",
                .create_too_much = "size=4611686018427387904",
                .end = "read-write",
        },
        {
                .kind = "memfd",
                .create = "size=4K",
                .create_too_much = "size=18446744073709551615",
                .end = "read-write",
                .many = true,
        },
        {
                .kind = "mmap",
                .create = "path=@path size=4K",
                .create_too_much = "size=4611686018427387904",
                .hold = map_file,
                .listed_held = true,
        },
        {
                .kind = "ring",
                .create = "size=4K",
                .send_too_much = 4096,
                .hold = read_from_ring,
                .told = "PeerClosed",
                .many = true,
        },
        {
                .kind = "signal",
                .create = "signals=USR1,RTMIN",
                .send = "signal=USR1",
                .taken = "SIGUSR1",
                .event = "Received",
                .too_much = no_pending_signals,
                .process = true,
                .many = true,
        },
        {
                .kind = "sem-sysv",
                .create = "",
                .post_too_much = 32768,
                .hold = change_set,
                .not_held = "the kernel exports no holders of System V semaphores (semop(2) SEM_UNDO)",
                .many = true,
        },
        {
                .kind = "sem-posix",
                .create = "name=@name",
                .post_too_much = 2147483648,
                .end = "memory",
        },
        {
                .kind = "eventfd",
                .create = "",
                .post_too_much = G_MAXUINT64,
                .event = "Posted",
                .end = "counter",
                .number_goes_on = true,
                .many = true,
        },
        {
                .kind = "mutex",
                .create = "name=@name",
                .create_too_much = "size=4611686018427387904",
                .use = lock_and_unlock,
                .end = "memory",
        },
        {
                .kind = "pipe",
                .create = "",
                .create_too_much = "capacity=2147483647",
                .end = "write",
                .take = true,
                .told = "PeerClosed",
                .many = true,
        },
        {
                .kind = "fifo",
                .create = "path=@path",
                .create_too_much = "capacity=2147483647",
                .end = "write",
                .take = true,
                .told = "PeerClosed",
        },
        {
                .kind = "mq-sysv",
                .create = "",
                .send_too_much = 1 << 20,
                .hold = look_into_queue,
                .not_held = "nobody holds a System V queue, which has no descriptor (msgget(2))",
                .many = true,
        },
        {
                .kind = "mq-posix",
                .create = "name=@name max_messages=4 message_size=64",
                .send_too_much = 65,
                .event = "MessageArrived",
                .end = "queue",
        },
        {
                .kind = "unix-stream",
                .create = "path=@path",
                .send_too_much = (16 << 20) + 1,
                .event = "PeerConnected",
                .end = "connect",
                .other_ends = pair_ends,
                .told = "PeerClosed",
        },
        {
                .kind = "unix-dgram",
                .create = "path=@path",
                .send_too_much = 8 << 20,
                .event = "MessageArrived",
                .end = "send",
                .other_ends = pair_ends,
        },
        {
                .kind = "unix-seqpacket",
                .create = "path=@path",
                .send_too_much = 8 << 20,
                .event = "MessageArrived",
                .end = "connect",
                .other_ends = pair_ends,
                .told = "PeerClosed",
        },
        {
                .kind = "dbus",
                .create = "name=@bus bus=system",
                .send_too_much = 96 * 1024 + 1,
                .event = "MessageArrived",
                .hold = queue_for_name,
                .released_later = true,
        },
        {
                .kind = "tcp",
                .create = "",
                .send_too_much = (16 << 20) + 1,
                .event = "PeerConnected",
                .end = "connect",
                .told = "PeerClosed",
                .many = true,
        },
        {
                .kind = "udp",
                .create = "",
                .send_too_much = 65508,
                .event = "MessageArrived",
                .end = "send",
                .many = true,
        },
        {
                .kind = "raw",
                .create = "host=@host protocol=254",
                .send_too_much = 65516,
                .event = "MessageArrived",
                .end = "send",
        },
};
const size_t contract_rows_size = G_N_ELEMENTS(contract_rows);
