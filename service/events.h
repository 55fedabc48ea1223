/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What happens at an object becomes a signal of the interface that the object has for it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "mechanism.h"

typedef struct Object Object;

/* Begins to watch, or watches what there is to watch now. */
void events_watch(Object *object);
/* Before a descriptor of the object can be closed: epoll would go on reporting an open file that a duplicate in
 * another process keeps, see epoll(7), questions and answers. */
void events_unwatch(Object *object);
/* The sink that a kind's watch() and kept() tell. */
void events_sink_init(Object *object);
/* Is the arrival of messages watched: that takes a descriptor more. */
bool events_has_messages(const Object *object);
/* Somebody posted through the service. */
void events_posted(Object *object, uint64_t count);
