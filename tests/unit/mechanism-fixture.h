/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What tests of kinds share: options in one line, objects by kind, waiting as the service does, and the proof that a
 * test left no descriptor behind. */
#pragma once

#include <glib.h>

#include "mechanism.h"

/* "path=/tmp/x", "hold=false" …, NULL-terminated; parsed and checked as the bus does it. -EINVAL with the Error. */
int fixture_options(const Mechanism *mechanism, OptionUse use, Record **ret, Error *error, ...) G_GNUC_NULL_TERMINATED;
/* Creates, and fails the test where that fails. */
void fixture_create(KernelObject *object, const char *kind, ...) G_GNUC_NULL_TERMINATED;
/* Gives what create() gave; asserts that a failure has a sentence and left nothing in the object. */
int fixture_try_create(KernelObject *object, Error *error, const char *kind, ...) G_GNUC_NULL_TERMINATED;
/* Opens by the text of an address, with one option or NULL. */
int fixture_open(KernelObject *object, const char *address, const char *option, Error *error);

/* The verdict of explain() for this process; the caller frees. */
Record *fixture_explain(const char *address);
/* Is that use possible by it? */
bool fixture_may(const Record *verdict, const char *use);

int fixture_send(KernelObject *object, const char *text, Error *error);
/* The same, with one option. */
int fixture_send_with(KernelObject *object, const char *text, const char *option, Error *error);
/* Takes (or peeks) at most `size` bytes (0: the default); the caller frees. *ret_text is NUL-terminated. */
int fixture_receive(KernelObject *object, bool peek, size_t size, char **ret_text, Record *meta, Error *error);
void fixture_assert_receives(KernelObject *object, const char *expected);
/* Posts and waits, with one option or NULL. */
int fixture_post(KernelObject *object, uint64_t count, const char *option, Error *error);
int fixture_take(KernelObject *object, uint64_t timeout, const char *option, Error *error);
/* Polls a duplicate of what wait_on() names. 0, -ETIMEDOUT, -EOPNOTSUPP. */
int fixture_wait(KernelObject *object, Operation operation, int msec);
/* Receives, waiting as the service does (also where there is nothing to poll). */
int fixture_receive_waiting(KernelObject *object, int msec, char **ret_text, Record *meta, Error *error);
int fixture_send_waiting(KernelObject *object, const char *text, int msec, Error *error);

/* Events as a sink collects them. */
typedef struct FixtureSink {
        EventSink sink;
        unsigned counts[EVENT_MAX];
        Record *last;
} FixtureSink;
void fixture_sink_init(FixtureSink *sink);
void fixture_sink_done(FixtureSink *sink);
/* Polls watch_on()'s descriptor once, at most that long, and calls watch(). True if it was ready. */
bool fixture_watch(KernelObject *object, FixtureSink *sink, int msec);

unsigned fixture_descriptors(void);
/* A directory of its own, removed by fixture_directory_done(), which fails the test if it is not empty. */
char *fixture_directory_new(void);
void fixture_directory_done(char *directory);
