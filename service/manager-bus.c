/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.ipcbus1.Manager: its vtable and its properties. The methods are in manager-*-bus.c by what they are about. */
#include "manager-bus.h"

#include "limit.h"
#include "manager.h"
#include "mechanism.h"
#include "protocol.h"

static int get_version(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        return sd_bus_message_append(reply, "s", IPCBUS_VERSION);
}

static int append_kinds(sd_bus_message *reply) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; r >= 0 && i < mechanism_table_size; i++)
                r = sd_bus_message_append(reply, "s", mechanism_table[i]->kind);
        if (r < 0)
                return r;
        return sd_bus_message_close_container(reply);
}

static int get_kinds(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
        void *userdata, sd_bus_error *ret_error) {
        return append_kinds(reply);
}

int manager_list_kinds(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = append_kinds(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r < 0 ? r : 1;
}

static int get_limits(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        const Manager *manager = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{st}");
        for (LimitKind kind = 0; r >= 0 && kind < LIMIT_KIND_MAX; kind++)
                for (int per_client = 0; r >= 0 && per_client < 2; per_client++)
                        if (limit_name(kind, per_client))
                                r = sd_bus_message_append(reply, "{st}", limit_name(kind, per_client),
                                        limits_maximum(manager->limits, kind, per_client));
        if (r < 0)
                return r;
        return sd_bus_message_close_container(reply);
}

#define DATA_RESULT SD_BUS_RESULT("ay", data, "a{sv}", meta)

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Kinds", "as", get_kinds, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Limits", "a{st}", get_limits, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_METHOD_WITH_ARGS("ListKinds", SD_BUS_NO_ARGS, SD_BUS_RESULT("as", kinds), manager_list_kinds,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("DescribeKind", SD_BUS_ARGS("s", kind), SD_BUS_RESULT("a{sv}", description),
                manager_describe_kind, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Create", SD_BUS_ARGS("s", kind, "a{sv}", options),
                SD_BUS_RESULT("o", path, "s", address), manager_create, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Adopt", SD_BUS_ARGS("s", address, "a{sv}", options),
                SD_BUS_RESULT("o", path, "s", canonical), manager_adopt, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("AdoptFd", SD_BUS_ARGS("h", descriptor, "a{sv}", options),
                SD_BUS_RESULT("o", path, "s", address), manager_adopt_fd, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Remove", SD_BUS_ARGS("s", address), SD_BUS_NO_RESULT, manager_remove, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Send", SD_BUS_ARGS("s", address, "ay", data, "a{sv}", options),
                SD_BUS_RESULT("t", sent), manager_send, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Receive", SD_BUS_ARGS("s", address, "a{sv}", options), DATA_RESULT, manager_receive,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SendWithDescriptors",
                SD_BUS_ARGS("s", address, "ay", data, "ah", descriptors, "a{sv}", options), SD_BUS_RESULT("t", sent),
                manager_send_with_descriptors, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ReceiveWithDescriptors", SD_BUS_ARGS("s", address, "a{sv}", options),
                SD_BUS_RESULT("ay", data, "ah", descriptors, "a{sv}", meta), manager_receive_with_descriptors,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Peek", SD_BUS_ARGS("s", address, "a{sv}", options), DATA_RESULT, manager_peek,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Resize", SD_BUS_ARGS("s", address, "t", size), SD_BUS_NO_RESULT, manager_resize,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Seal", SD_BUS_ARGS("s", address, "as", seals), SD_BUS_NO_RESULT, manager_seal,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Post", SD_BUS_ARGS("s", address, "t", count, "a{sv}", options), SD_BUS_NO_RESULT,
                manager_post, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Wait", SD_BUS_ARGS("s", address, "a{sv}", options), SD_BUS_RESULT("a{sv}", meta),
                manager_wait, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("OpenEnd", SD_BUS_ARGS("s", address, "s", end, "a{sv}", options),
                SD_BUS_RESULT("h", descriptor), manager_open_end, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_ARGS("s", address), SD_BUS_RESULT("a{sv}", attributes),
                manager_describe, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListHolders", SD_BUS_ARGS("s", address), SD_BUS_RESULT("aa{sv}", holders),
                manager_list_holders, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListKernelObjects", SD_BUS_ARGS("a{sv}", filter), SD_BUS_RESULT("aa{sv}", objects),
                manager_list_kernel_objects, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Explain", SD_BUS_ARGS("s", address, "a{sv}", options),
                SD_BUS_RESULT("a{sv}", verdict), manager_explain, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Test", SD_BUS_ARGS("as", kinds, "a{sv}", options), SD_BUS_RESULT("o", job),
                manager_test, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Benchmark", SD_BUS_ARGS("as", kinds, "a{sv}", options), SD_BUS_RESULT("o", job),
                manager_benchmark, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Subscribe", SD_BUS_ARGS("a{sv}", filter), SD_BUS_NO_RESULT, manager_subscribe,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Unsubscribe", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, manager_unsubscribe, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("LeaseExpired", SD_BUS_ARGS("o", path, "s", address, "s", lease), 0),
        SD_BUS_SIGNAL_WITH_ARGS("KernelObjectAppeared", SD_BUS_ARGS("s", address), 0),
        SD_BUS_SIGNAL_WITH_ARGS("KernelObjectVanished", SD_BUS_ARGS("s", address), 0),
        SD_BUS_SIGNAL_WITH_ARGS("KernelObjectChanged", SD_BUS_ARGS("s", address, "a{sv}", changed), 0),
        SD_BUS_VTABLE_END,
};

int manager_bus_register(Manager *manager) {
        int r;

        r = sd_bus_add_object_manager(manager->bus, NULL, IPCBUS_PATH);
        if (r < 0)
                return r;
        return sd_bus_add_object_vtable(
                manager->bus, NULL, IPCBUS_PATH, IPCBUS_INTERFACE_MANAGER, manager_vtable, manager);
}
