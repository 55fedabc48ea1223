/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The D-Bus faces of objects: KernelObject for all, and one small file for each capability. */
#pragma once

#include <systemd/sd-bus.h>

#include "manager.h"
#include "objects.h"
#include "operations.h"

extern const sd_bus_vtable kernel_object_vtable[];
extern const sd_bus_vtable memory_vtable[];
extern const sd_bus_vtable semaphore_vtable[];
extern const sd_bus_vtable message_queue_vtable[];
extern const sd_bus_vtable stream_vtable[];
extern const sd_bus_vtable datagram_vtable[];
extern const sd_bus_vtable signals_vtable[];

/* Vtables, finder and enumerator at IPCBUS_OBJECT_PATH. */
int object_bus_register(Manager *manager);

#define OBJECT_GETTER(name)                                                                                         \
        int name(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, \
                void *userdata, sd_bus_error *ret_error)

/* Attributes as the kind describes them, by the property's name: MaxMessages is max_messages. Never fail. */
OBJECT_GETTER(object_bus_get_u64);
OBJECT_GETTER(object_bus_get_u32);
OBJECT_GETTER(object_bus_get_strings);
/* The numbers, or the one number of the same name without its last letter: Values is values, or value. */
OBJECT_GETTER(object_bus_get_numbers);

/* Attributes change without a notice of the kernel, so none is promised. */
#define OBJECT_PROPERTY(name, signature, getter) SD_BUS_PROPERTY(name, signature, getter, 0, 0)

/* What every method of an object begins with. */
int object_bus_begin(sd_bus_message *call, const Object *object, Operation operation, Error *error);
/* Sets one option of the request, checked against the kind's own. */
int object_bus_option(
        const Object *object, OptionUse use, const char *name, const Value *value, Record **options, Error *error);
/* Write(data, timeout) and Read(max, timeout), whole. */
int object_bus_write(sd_bus_message *call, Object *object, OperationReply reply, sd_bus_error *ret_error);
int object_bus_read(sd_bus_message *call, Object *object, OperationReply reply, sd_bus_error *ret_error);
/* The rest of a method that uses the object; takes over the request. */
int object_bus_perform(
        sd_bus_message *call, Object *object, OperationRequest *request, Error *error, sd_bus_error *ret_error);
