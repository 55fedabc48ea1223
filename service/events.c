/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One table: which event of which capability is which signal, and how its arguments come out of the details.
 *
 * A program can put hundreds of thousands of messages a second into a queue, and one signal may stand for several of
 * them, so after MessageArrived an object has a pause. What happens meanwhile must not be lost, and what was told must
 * not be told again, so its descriptor is in an epoll instance of its own, edge-triggered, which keeps the edge, and
 * the event loop watches that one. */
#include "events.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bus-cleanup.h"
#include "objects.h"
#include "protocol.h"
#include "record-bus.h"
#include "units.h"

enum { MESSAGE_PAUSE_USEC = 10 * USEC_PER_MSEC };

static int append_messages(sd_bus_message *signal, const Record *details) {
        return sd_bus_message_append(signal, "t", record_get_u64(details, "messages", 0));
}

static int append_bytes(sd_bus_message *signal, const Record *details) {
        return sd_bus_message_append(signal, "t", record_get_u64(details, "bytes", 0));
}

static int append_received(sd_bus_message *signal, const Record *details) {
        return sd_bus_message_append(signal, "isiuu", (int32_t)record_get_i64(details, "signal", 0),
                record_get_string(details, "name", ""), (int32_t)record_get_i64(details, "value", 0),
                (uint32_t)record_get_u64(details, "pid", 0), (uint32_t)record_get_u64(details, "uid", 0));
}

static int append_posted(sd_bus_message *signal, const Record *details) {
        return sd_bus_message_append(
                signal, "tt", record_get_u64(details, "count", 0), record_get_u64(details, "value", 0));
}

static const struct {
        ObjectEvent event;
        Capability capability;
        const char *interface;
        const char *member;
        int (*append)(sd_bus_message *signal, const Record *details);
} event_signals[] = {
        { EVENT_MESSAGE_ARRIVED, CAPABILITY_MESSAGE_QUEUE, IPCBUS_INTERFACE_MESSAGE_QUEUE, "MessageArrived",
                append_messages },
        { EVENT_MESSAGE_ARRIVED, CAPABILITY_DATAGRAM, IPCBUS_INTERFACE_DATAGRAM, "MessageArrived", append_bytes },
        { EVENT_PEER_CONNECTED, CAPABILITY_STREAM, IPCBUS_INTERFACE_STREAM, "PeerConnected", bus_append_record },
        { EVENT_PEER_CLOSED, CAPABILITY_STREAM, IPCBUS_INTERFACE_STREAM, "PeerClosed", bus_append_record },
        { EVENT_PEER_CLOSED, CAPABILITY_MESSAGE_QUEUE, IPCBUS_INTERFACE_MESSAGE_QUEUE, "PeerClosed",
                bus_append_record },
        { EVENT_SIGNAL_RECEIVED, CAPABILITY_SIGNALS, IPCBUS_INTERFACE_SIGNALS, "Received", append_received },
        { EVENT_POSTED, CAPABILITY_SEMAPHORE, IPCBUS_INTERFACE_SEMAPHORE, "Posted", append_posted },
};

static void emit_signal(Object *object, size_t which, const Record *details) {
        CLEANUP_MESSAGE sd_bus_message *signal = NULL;
        sd_bus *bus = object->manager->bus;
        int r;

        r = sd_bus_message_new_signal(
                bus, &signal, object->path, event_signals[which].interface, event_signals[which].member);
        if (r >= 0)
                r = event_signals[which].append(signal, details);
        if (r >= 0)
                r = sd_bus_send(bus, signal, NULL);
        if (r < 0 && r != -ENOTCONN)
                fprintf(stderr, "ipcbusd: the signal %s of %s could not be sent: %s\n", event_signals[which].member,
                        object->address, strerror(-r));
}

static void on_object_event(EventSink *sink, ObjectEvent event, const Record *details) {
        Object *object = CONTAINER_OF(sink, Object, sink);

        object_attributes_stale(object);
        if (event == EVENT_CHANGED && object->keeper_answered < object->keeper_asked)
                object->keeper_answered++;
        for (size_t i = 0; i < sizeof(event_signals) / sizeof(event_signals[0]); i++)
                if (event_signals[i].event == event &&
                        (object->kernel.mechanism->capabilities & event_signals[i].capability))
                        emit_signal(object, i, details);
        object->told_message = object->told_message || event == EVENT_MESSAGE_ARRIVED || event == EVENT_POSTED;
}

void events_sink_init(Object *object) {
        object->sink.emit = on_object_event;
}

bool events_has_messages(const Object *object) {
        const Mechanism *mechanism = object->kernel.mechanism;

        return mechanism->watch_on &&
               (mechanism->capabilities & (CAPABILITY_MESSAGE_QUEUE | CAPABILITY_DATAGRAM | CAPABILITY_SEMAPHORE));
}

static int on_pause_over(sd_event_source *source, uint64_t usec, void *userdata) {
        Object *object = userdata;

        return sd_event_source_set_enabled(object->watch, SD_EVENT_ON);
}

/* The timer runs only after something happened, so it wakes nobody up who is idle. */
static void pause_watch(Object *object) {
        int r;

        if (object->watch_pause) {
                r = sd_event_source_set_time_relative(object->watch_pause, MESSAGE_PAUSE_USEC);
                if (r >= 0)
                        r = sd_event_source_set_enabled(object->watch_pause, SD_EVENT_ONESHOT);
        } else
                r = sd_event_add_time_relative(object->manager->event, &object->watch_pause, CLOCK_MONOTONIC,
                        MESSAGE_PAUSE_USEC, USEC_PER_MSEC, on_pause_over, object);
        if (r >= 0)
                (void)sd_event_source_set_enabled(object->watch, SD_EVENT_OFF);
}

/* A kind that watches may take what others wait for (a listener accepts), so they look again. */
static int on_watch(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Object *object = userdata;
        struct epoll_event edge;

        if (object->watch_edges >= 0) {
                if (epoll_wait(object->watch_edges, &edge, 1, 0) != 1)
                        return 0;
                revents = edge.events;
        }
        object->told_message = false;
        object->kernel.mechanism->watch(&object->kernel, revents, &object->sink);
        if (object->told_message && object->watch_edges >= 0)
                pause_watch(object);
        waits_retry_object(object);
        return 0;
}

void events_unwatch(Object *object) {
        object->watch = sd_event_source_disable_unref(object->watch);
        object->watch_pause = sd_event_source_disable_unref(object->watch_pause);
        object->watch_edges = fd_close(object->watch_edges);
}

static int watch_edges(Object *object, int fd, uint32_t events) {
        int r;

        object->watch_edges = epoll_create1(EPOLL_CLOEXEC);
        if (object->watch_edges < 0)
                return -errno;
        if (epoll_ctl(object->watch_edges, EPOLL_CTL_ADD, fd, &(struct epoll_event){ .events = events | EPOLLET }) < 0)
                return -errno;
        r = sd_event_add_io(object->manager->event, &object->watch, object->watch_edges, EPOLLIN, on_watch, object);
        return r;
}

void events_watch(Object *object) {
        const Mechanism *mechanism = object->kernel.mechanism;
        uint32_t events;
        int fd, r;

        events_unwatch(object);
        if (!mechanism->watch_on || !mechanism->watch)
                return;
        r = mechanism->watch_on(&object->kernel, &fd, &events);
        if (r < 0)
                return;
        if (events_has_messages(object))
                r = watch_edges(object, fd, events);
        else
                r = sd_event_add_io(object->manager->event, &object->watch, fd, events | EPOLLET, on_watch, object);
        if (r < 0)
                fprintf(stderr, "ipcbusd: %s cannot be watched, so no signal tells what happens at it: %s\n",
                        object->address, strerror(-r));
}

void events_posted(Object *object, uint64_t count) {
        CLEANUP(record_freep) Record *details = NULL;

        object_attributes_stale(object);
        /* A kind that watches tells of every post, also of this one. */
        if (object->kernel.mechanism->watch || record_new(&details) < 0)
                return;
        record_set_u64(details, "count", count);
        record_set_u64(details, "value", record_get_u64(object_attributes(object), "value", 0));
        on_object_event(&object->sink, EVENT_POSTED, details);
}
