/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The methods of org.ipcbus1.Manager, by file; the vtable in manager-bus.c lists them. */
#pragma once

#include <systemd/sd-bus.h>

#define MANAGER_METHOD(name) int name(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)

/* manager-objects-bus.c: kinds, making and removing */
MANAGER_METHOD(manager_list_kinds);
MANAGER_METHOD(manager_describe_kind);
MANAGER_METHOD(manager_create);
MANAGER_METHOD(manager_adopt);
MANAGER_METHOD(manager_adopt_fd); /* manager-adopt-bus.c */
MANAGER_METHOD(manager_remove);

/* manager-use-bus.c: data, semaphores, ends */
MANAGER_METHOD(manager_send);
MANAGER_METHOD(manager_receive);
MANAGER_METHOD(manager_send_with_descriptors);
MANAGER_METHOD(manager_receive_with_descriptors);
MANAGER_METHOD(manager_peek);
MANAGER_METHOD(manager_post);
MANAGER_METHOD(manager_resize);
MANAGER_METHOD(manager_seal);
MANAGER_METHOD(manager_wait);
MANAGER_METHOD(manager_open_end);

/* manager-look-bus.c: what a worker looks up */
MANAGER_METHOD(manager_describe);
MANAGER_METHOD(manager_list_holders);
MANAGER_METHOD(manager_list_kernel_objects);
MANAGER_METHOD(manager_explain);

/* manager-jobs-bus.c */
MANAGER_METHOD(manager_test);
MANAGER_METHOD(manager_benchmark);
MANAGER_METHOD(manager_subscribe);
MANAGER_METHOD(manager_unsubscribe);
