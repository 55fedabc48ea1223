/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connection a process. It is processed only while a call of the judge runs, so that what is not looked for waits
 * in the socket. */
#include "dbus-peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dbus-bus.h"
#include "dbus-message.h"
#include "peer-call.h"
#include "spin.h"
#include "units.h"

enum { INBOX_MAX = 512 };

/* A peer is a process, so it may stand here. */
static struct Peer {
        sd_bus *bus;
        sd_bus_message *inbox[INBOX_MAX];
        unsigned n;
        bool answers;
        unsigned heard;  /* answers to what was asked */
        char words[200]; /* each of them: a value, or an error's last word */
        int file;
} self = { .file = -EBADF };

static void inbox_clear(void) {
        while (self.n > 0)
                (void)sd_bus_message_unref(self.inbox[--self.n]);
}

static uint32_t value_of(sd_bus_message *message) {
        uint32_t value = 0;

        if (sd_bus_message_rewind(message, true) >= 0 && sd_bus_message_has_signature(message, "u") > 0)
                (void)sd_bus_message_read(message, "u", &value);
        return value;
}

/* The bus tells each connection of its unique name, which is no news. */
static bool is_greeting(sd_bus_message *message) {
        const char *name;

        return sd_bus_message_is_signal(message, BUS_DRIVER_INTERFACE, "NameAcquired") > 0 &&
               sd_bus_message_read(message, "s", &name) >= 0 && name[0] == ':';
}

static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const char *interface = sd_bus_message_get_interface(message);
        uint8_t type = 0;

        (void)sd_bus_message_get_type(message, &type);
        if ((type != SD_BUS_MESSAGE_METHOD_CALL && type != SD_BUS_MESSAGE_SIGNAL) || !interface)
                return 0;
        if (strcmp(interface, DBUS_CHECK_INTERFACE) != 0 &&
                (strcmp(interface, BUS_DRIVER_INTERFACE) != 0 || type != SD_BUS_MESSAGE_SIGNAL))
                return 0;
        if (is_greeting(message))
                return 0;
        if (self.n == INBOX_MAX)
                return -ENOBUFS;
        self.inbox[self.n++] = sd_bus_message_ref(message);
        if (type != SD_BUS_MESSAGE_METHOD_CALL)
                return 0;
        if (self.answers && sd_bus_message_get_expect_reply(message) > 0)
                (void)sd_bus_reply_method_return(message, "u", value_of(message) + 1);
        return 1;
}

/* Goes on until the count is so high, or that long. 0, -ETIMEDOUT, or why the bus is gone. */
static int process_while(const unsigned *count, unsigned n, int64_t msec) {
        uint64_t end = monotonic_end((uint64_t)msec * USEC_PER_MSEC), now;
        int r;

        while (*count < n) {
                r = sd_bus_process(self.bus, NULL);
                if (r == 0) {
                        now = monotonic_now();
                        if (now >= end)
                                return -ETIMEDOUT;
                        r = sd_bus_wait(self.bus, end - now);
                }
                if (r < 0 && r != -EINTR)
                        return r;
        }
        return 0;
}

/* The same for messages in the inbox. */
static int process_until(unsigned n, int64_t msec) {
        return process_while(&self.n, n, msec);
}

static int64_t run_connect(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        const char *unique;
        int r;

        r = bus_connect_address(call->text, &self.bus);
        if (r >= 0)
                r = sd_bus_add_filter(self.bus, NULL, on_message, NULL);
        if (r >= 0)
                r = sd_bus_get_unique_name(self.bus, &unique);
        if (r >= 0)
                (void)snprintf(reply->text, sizeof(reply->text), "%s", unique);
        return r;
}

static int64_t run_disconnect(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        inbox_clear();
        self.bus = sd_bus_close_unref(self.bus);
        self.file = fd_close(self.file);
        return 0;
}

static int64_t run_own(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return sd_bus_request_name(self.bus, call->text, (uint64_t)call->a);
}

static int64_t run_release(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return sd_bus_release_name(self.bus, call->text);
}

static int64_t run_owner(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        BusOwner owner;
        int r;

        r = bus_owner(self.bus, call->text, &owner);
        (void)snprintf(reply->text, sizeof(reply->text), "%.250s", owner.unique);
        return r;
}

static int64_t run_credentials(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        BusOwner owner;
        int r;

        r = bus_owner(self.bus, call->text, &owner);
        reply->x = owner.pid;
        reply->y = owner.uid;
        return r;
}

/* "NAME MEMBER": the name ends at the space. */
static int message_new(const char *text, sd_bus_message **ret) {
        char name[256];
        const char *member = strchr(text, ' ');

        (void)snprintf(name, sizeof(name), "%.*s", (int)(member ? (size_t)(member - text) : strlen(text)), text);
        return sd_bus_message_new_method_call(
                self.bus, ret, name, DBUS_CHECK_PATH, DBUS_CHECK_INTERFACE, member ? member + 1 : "Data");
}

/* Nobody answers it; when this returns it is with the bus. */
static int message_send(sd_bus_message *message) {
        int r;

        r = sd_bus_message_set_expect_reply(message, false);
        if (r >= 0)
                r = sd_bus_send(self.bus, message, NULL);
        return r < 0 ? r : sd_bus_flush(self.bus);
}

static int64_t run_call(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_BUS_MESSAGE sd_bus_message *message = NULL, *answer = NULL;
        CLEANUP_BUS_ERROR sd_bus_error said = SD_BUS_ERROR_NULL;
        uint64_t start;
        int r;

        r = message_new(call->text, &message);
        if (r >= 0)
                r = sd_bus_message_append(message, "u", (uint32_t)call->a);
        if (r >= 0)
                r = sd_bus_message_set_auto_start(message, call->c != 0);
        if (r < 0)
                return r;
        start = monotonic_now();
        r = sd_bus_call(self.bus, message, (uint64_t)call->b * USEC_PER_MSEC, &said, &answer);
        reply->y = (int64_t)(monotonic_now() - start);
        if (r >= 0)
                reply->x = value_of(answer);
        (void)snprintf(reply->text, sizeof(reply->text), "%s", said.name ? said.name : "");
        return r < 0 ? r : 0;
}

static int64_t run_post(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_BUS_MESSAGE sd_bus_message *message = NULL;
        int r;

        r = message_new(call->text, &message);
        if (r >= 0)
                r = sd_bus_message_append(message, "u", (uint32_t)call->a);
        if (r >= 0 && call->b)
                r = sd_bus_message_set_sender(message, BUS_DRIVER);
        return r < 0 ? r : message_send(message);
}

static int on_answer(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const sd_bus_error *said = sd_bus_message_get_error(message);
        const char *word = said ? strrchr(said->name, '.') : NULL;
        size_t used = strlen(self.words);

        if (word)
                (void)snprintf(self.words + used, sizeof(self.words) - used, " %.40s", word + 1);
        else
                (void)snprintf(self.words + used, sizeof(self.words) - used, " %u", value_of(message));
        self.heard++;
        return 1;
}

static int64_t run_ask(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_BUS_MESSAGE sd_bus_message *message = NULL;
        int r;

        r = message_new(call->text, &message);
        if (r >= 0)
                r = sd_bus_message_append(message, "u", (uint32_t)call->a);
        if (r >= 0)
                r = sd_bus_call_async(self.bus, NULL, message, on_answer, NULL, 60 * USEC_PER_SEC);
        return r < 0 ? r : sd_bus_flush(self.bus);
}

static int64_t run_heard(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int r = process_while(&self.heard, (unsigned)call->a, call->b);

        (void)snprintf(reply->text, sizeof(reply->text), "%s", self.words);
        reply->x = self.heard;
        self.words[0] = '\0';
        self.heard = 0;
        return r;
}

static int64_t run_wait(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return process_until((unsigned)call->a, call->b);
}

static int64_t run_answer(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int r;

        if (call->a < 0 || call->a >= self.n)
                return -ENOENT;
        r = sd_bus_reply_method_return(self.inbox[call->a], "u", value_of(self.inbox[call->a]) + 1);
        return r < 0 ? r : sd_bus_flush(self.bus);
}

/* The filter sees whatever is delivered. */
static int64_t driver_rule(const char *member, const char *rule, PeerReply *reply) {
        CLEANUP_BUS_ERROR sd_bus_error said = SD_BUS_ERROR_NULL;
        int r;

        r = bus_driver_call(self.bus, member, NULL, &said, "s", rule);
        (void)snprintf(reply->text, sizeof(reply->text), "%s", said.name ? said.name : "");
        return r;
}

static int64_t run_match(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return driver_rule("AddMatch", call->text, reply);
}

static int64_t run_unmatch(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return driver_rule("RemoveMatch", call->text, reply);
}

static int64_t run_monitor(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return sd_bus_call_method(self.bus, BUS_DRIVER, BUS_DRIVER_PATH, BUS_DRIVER ".Monitoring", "BecomeMonitor",
                NULL, NULL, "asu", 0, 0);
}

static int64_t run_emit(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int r;

        r = sd_bus_emit_signal(self.bus, DBUS_CHECK_PATH, DBUS_CHECK_INTERFACE, call->text, "u", (uint32_t)call->a);
        return r < 0 ? r : sd_bus_flush(self.bus);
}

static int64_t run_next(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP(record_freep) Record *about = NULL;
        int r;

        r = process_until(1, call->a);
        if (r >= 0)
                r = record_new(&about);
        if (r < 0)
                return r;
        bus_message_describe(self.inbox[0], about);
        reply->x = value_of(self.inbox[0]);
        (void)snprintf(reply->text, sizeof(reply->text), "%.20s %.100s %.100s", record_get_string(about, "type", "-"),
                record_get_string(about, "sender", "-"), record_get_string(about, "member", "-"));
        (void)sd_bus_message_unref(self.inbox[0]);
        memmove(self.inbox, self.inbox + 1, --self.n * sizeof(self.inbox[0]));
        return 0;
}

static int64_t run_count(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        unsigned n;
        int r;

        r = process_until(INBOX_MAX, call->a);
        n = self.n;
        inbox_clear();
        return r < 0 && r != -ETIMEDOUT ? r : (int64_t)n;
}

static int64_t run_serve(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        unsigned n;
        int r;

        self.answers = true;
        r = process_until((unsigned)call->a, call->b);
        /* More than that, if there is more. */
        while (r >= 0 && (r = sd_bus_process(self.bus, NULL)) > 0)
                ;
        if (r >= 0)
                r = sd_bus_flush(self.bus);
        self.answers = false;
        n = self.n;
        inbox_clear();
        return r < 0 ? r : (int64_t)n;
}

/* Is the bus still there? */
static bool bus_answers(void) {
        return sd_bus_call_method(self.bus, BUS_DRIVER, BUS_DRIVER_PATH, "org.freedesktop.DBus.Peer", "Ping", NULL,
                       NULL, NULL) >= 0;
}

static int64_t run_give(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_BUS_MESSAGE sd_bus_message *message = NULL;
        int r;

        self.file = fd_close(self.file);
        self.file = memfd_create("ipcbus-check", MFD_CLOEXEC);
        if (self.file < 0 || write(self.file, "abc", 3) != 3)
                return -errno;
        r = message_new(call->text, &message);
        for (int64_t i = 0; r >= 0 && i < call->a; i++)
                r = sd_bus_message_append_basic(message, 'h', &self.file);
        if (r >= 0)
                r = message_send(message);
        reply->y = bus_answers();
        return r;
}

static int64_t run_take(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int fd = -EBADF, r;

        r = process_until(1, call->a);
        if (r < 0)
                return r;
        for (reply->y = 0; sd_bus_message_read_basic(self.inbox[0], 'h', &fd) > 0; reply->y++)
                ;
        reply->x = fd >= 0 ? lseek(fd, 0, SEEK_CUR) : -EBADF;
        r = fd >= 0 && write(fd, "d", 1) == 1 ? 0 : -EBADF;
        inbox_clear();
        return r;
}

static int64_t run_offset(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        return lseek(self.file, 0, SEEK_CUR);
}

static int64_t run_big(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_BUS_MESSAGE sd_bus_message *message = NULL;
        void *room;
        int r;

        r = message_new(call->text, &message);
        if (r >= 0)
                r = sd_bus_message_append_array_space(message, 'y', (size_t)call->a, &room);
        if (r < 0)
                return r;
        memset(room, 'x', (size_t)call->a);
        r = message_send(message);
        reply->y = bus_answers();
        return r;
}

/* sd_bus_flush() would spin while there is something to read, which it leaves alone. */
static int flush_reading(void) {
        uint64_t queued;
        int r;

        for (;;) {
                r = sd_bus_get_n_queued_write(self.bus, &queued);
                if (r < 0 || queued == 0)
                        return r;
                r = sd_bus_process(self.bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(self.bus, UINT64_MAX);
                if (r < 0 && r != -EINTR)
                        return r;
        }
}

static int64_t run_flood(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        int r = 0;

        for (int64_t i = 0; r >= 0 && i < call->b; i++) {
                CLEANUP_BUS_MESSAGE sd_bus_message *message = NULL;
                void *room;

                r = message_new(call->text, &message);
                if (r >= 0)
                        r = sd_bus_message_append_array_space(message, 'y', (size_t)call->a, &room);
                if (r >= 0) {
                        memset(room, 'x', (size_t)call->a);
                        r = sd_bus_message_set_expect_reply(message, false);
                }
                if (r >= 0)
                        r = sd_bus_send(self.bus, message, NULL);
                if (r >= 0)
                        r = flush_reading();
        }
        return r < 0 ? r : 0;
}

static int64_t run_types(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_BUS_MESSAGE sd_bus_message *message = NULL;
        Error error = { 0 };
        int r;

        r = message_new(call->text, &message);
        if (r >= 0)
                r = bus_append_text(message, DBUS_CHECK_SIGNATURE, DBUS_CHECK_VALUES, NULL, &error);
        if (r >= 0)
                r = message_send(message);
        (void)snprintf(reply->text, sizeof(reply->text), "%.250s", error.message);
        return r;
}

/* 1: signature and values are as they were sent. */
static int64_t run_types_seen(CheckPeer *peer, const PeerCall *call, PeerReply *reply) {
        CLEANUP_FREE char *text = NULL;
        size_t size;
        bool same;
        int r;

        r = process_until(1, call->a);
        if (r >= 0)
                r = bus_body_text(self.inbox[0], &text, &size);
        if (r < 0)
                return r;
        same = strcmp(text, DBUS_CHECK_VALUES) == 0 &&
               sd_bus_message_has_signature(self.inbox[0], DBUS_CHECK_SIGNATURE) > 0;
        (void)snprintf(reply->text, sizeof(reply->text), "%.250s", text);
        inbox_clear();
        return same;
}

int dbus_peer_role(CheckPeer *peer) {
        static const PeerFunction functions[] = {
                { "connect", run_connect },
                { "disconnect", run_disconnect },
                { "own", run_own },
                { "release", run_release },
                { "owner", run_owner },
                { "credentials", run_credentials },
                { "call", run_call },
                { "post", run_post },
                { "ask", run_ask },
                { "heard", run_heard },
                { "wait", run_wait },
                { "answer", run_answer },
                { "match", run_match },
                { "unmatch", run_unmatch },
                { "monitor", run_monitor },
                { "emit", run_emit },
                { "next", run_next },
                { "count", run_count },
                { "serve", run_serve },
                { "give", run_give },
                { "take", run_take },
                { "offset", run_offset },
                { "big", run_big },
                { "flood", run_flood },
                { "types", run_types },
                { "types-seen", run_types_seen },
                {},
        };
        int r = peer_serve(peer, functions);

        (void)run_disconnect(peer, NULL, NULL);
        return r;
}
