/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding what an address stands for. A text that is canonical already is found in the registry without being parsed:
 * that is what clients send that keep what Create gave them. */
#include "target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus-cleanup.h"
#include "objects.h"

static int target_set_object(Target *target, Object *object, Error *error) {
        target->address = strdup(object->address);
        if (!target->address)
                return error_set_errno(error, ENOMEM, "The address %s cannot be kept", object->address);
        target->object = object;
        target->mechanism = object->kernel.mechanism;
        return 0;
}

Object *target_object_now(Manager *manager, const char *address) {
        Object *object = objects_find_address(manager->objects, address);
        Error gone = {};

        if (!object || kernel_object_verify(&object->kernel, NULL) != -ESTALE)
                return object;
        (void)error_set(&gone, ERROR_NO_SUCH_OBJECT, "%.200s was removed by somebody else.", address);
        object_drop(object, &gone);
        return NULL;
}

/* Fills the target; leaves the parsed address in `ret_address` where the object is none of ours. */
static int target_look_up(Manager *manager, const char *text, Target *target, Address *ret_address, Error *error) {
        Object *object;
        int r;

        object = target_object_now(manager, text);
        if (object)
                return target_set_object(target, object, error);

        r = mechanism_parse_address(text, ret_address, error);
        if (r < 0)
                return r;
        if (!mechanism_is_alias(ret_address)) {
                r = mechanism_for_address(ret_address, &target->mechanism, error);
                if (r < 0)
                        return r;
        }
        target->address = address_print(ret_address);
        if (!target->address)
                return error_set_errno(error, ENOMEM, "The address %.200s cannot be kept", text);
        if (!target->mechanism)
                return 0;
        target->object = target_object_now(manager, target->address);
        return 0;
}

/* One object may have several addresses (a System V queue its key and its number), and only open() knows which is the
 * canonical one, under which it may be ours. */
static int target_settle(Manager *manager, Target *target, Error *error) {
        CLEANUP_FREE char *address = address_print(&target->temporary.address);
        Object *object;

        if (!address)
                return error_set_errno(error, ENOMEM, "The address %.200s cannot be kept", target->address);
        if (strcmp(address, target->address) == 0 && !target->fetch)
                return 0;
        object = objects_find_address(manager->objects, address);
        if (object && strcmp(object->kernel.identity, target->temporary.identity) == 0) {
                kernel_object_done(&target->temporary);
                target->object = object;
        }
        free(target->address);
        target->address = TAKE_POINTER(address);
        return 0;
}

int target_set_fetched(Manager *manager, Target *target, KernelObject *kernel, Error *error) {
        int r;

        target->mechanism = kernel->mechanism;
        target->temporary = *kernel;
        *kernel = (KernelObject)KERNEL_OBJECT_EMPTY;
        r = target_settle(manager, target, error);
        if (r >= 0)
                target->fetch = false;
        return r;
}

static int target_open(Target *target, Address *address, Error *error) {
        CLEANUP(record_freep) Record *options = NULL;
        int r;

        r = mechanism_supports(target->mechanism, OPERATION_ADOPT, error);
        if (r < 0)
                return r;
        r = record_new(&options);
        if (r < 0)
                return error_set_errno(error, r, "%.200s cannot be opened", target->address);
        kernel_object_init(&target->temporary, target->mechanism);
        target->temporary.address = *address;
        *address = (Address)ADDRESS_EMPTY;
        return target->mechanism->open(&target->temporary, options, error);
}

/* Opened here if that cannot block, else left to a worker. */
static int target_open_or_fetch(Manager *manager, Target *target, Address *address, Error *error) {
        int r;

        target->fetch = !target->mechanism || mechanism_opens_in_worker(target->mechanism, address);
        if (target->fetch)
                return target->mechanism ? mechanism_supports(target->mechanism, OPERATION_ADOPT, error) : 0;
        r = target_open(target, address, error);
        return r < 0 ? r : target_settle(manager, target, error);
}

int target_find(Manager *manager, const char *address, Operation operation, Target *ret, Error *error) {
        CLEANUP_TARGET Target target = TARGET_EMPTY;
        CLEANUP(address_done) Address parsed = ADDRESS_EMPTY;
        int r;

        r = target_look_up(manager, address, &target, &parsed, error);
        if (r < 0)
                return r;
        r = target.mechanism ? mechanism_supports(target.mechanism, operation, error) : 0;
        if (r < 0)
                return r;
        if (!target.object && !(target.mechanism && target_in_worker(&target, operation))) {
                r = target_open_or_fetch(manager, &target, &parsed, error);
                if (r < 0)
                        return r;
        }
        *ret = target_take(&target);
        return 0;
}

int target_parse(Manager *manager, const char *address, Target *ret, Error *error) {
        CLEANUP_TARGET Target target = TARGET_EMPTY;
        CLEANUP(address_done) Address parsed = ADDRESS_EMPTY;
        int r;

        r = target_look_up(manager, address, &target, &parsed, error);
        if (r < 0)
                return r;
        *ret = target_take(&target);
        return 0;
}

int target_of_object(Object *object, Operation operation, Target *ret, Error *error) {
        CLEANUP_TARGET Target target = TARGET_EMPTY;
        int r;

        r = mechanism_supports(object->kernel.mechanism, operation, error);
        if (r < 0)
                return r;
        r = target_set_object(&target, object, error);
        if (r < 0)
                return r;
        *ret = target_take(&target);
        return 0;
}

int target_find_to_remove(Manager *manager, const char *address, Target *ret, Error *error) {
        CLEANUP_TARGET Target target = TARGET_EMPTY;
        CLEANUP(address_done) Address parsed = ADDRESS_EMPTY;
        Object *object = objects_find_address(manager->objects, address);
        int r;

        /* One of ours whose name was taken is not given up for what stands there now: its removal says so. */
        if (object)
                return target_set_object(ret, object, error);
        r = target_look_up(manager, address, &target, &parsed, error);
        if (r < 0)
                return r;
        if (!target.object) {
                r = target.mechanism ? mechanism_supports(target.mechanism, OPERATION_REMOVE, error) : 0;
                if (r >= 0)
                        r = target_open_or_fetch(manager, &target, &parsed, error);
                if (r < 0)
                        return r;
        }
        *ret = target_take(&target);
        return 0;
}

int target_remove(Target *target, Error *error) {
        int r;

        if (target->object) {
                Object *object = target->object;

                target->object = NULL;
                return object_remove(object, error);
        }
        if (target->temporary.unnamed)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "%.200s has no name that could be removed: it is gone when the last process that has it open "
                        "closes it. ListHolders tells who has.",
                        target->address);
        r = kernel_object_verify(&target->temporary, error);
        if (r < 0)
                return r;
        return target->mechanism->remove(&target->temporary, error);
}

int target_open_end(Target *target, const char *end, bool take, int *ret_fd, Error *error) {
        if (target->object)
                return object_open_end(target->object, end, take, ret_fd, error);
        return target->mechanism->open_end(&target->temporary, end, take, ret_fd, error);
}

int target_open_as_client(Target *target, Operation operation, const Record *options, Error *error) {
        CLEANUP(address_done) Address address = ADDRESS_EMPTY;
        int r;

        if (!target->object || !target->mechanism->as_client || !target->mechanism->as_client(operation, options))
                return 0;
        /* What has no name is not to be opened by its address. */
        if (target->object->kernel.address.form == ADDRESS_INODE)
                return 0;
        r = address_copy(&target->object->kernel.address, &address);
        if (r < 0)
                return error_set_errno(error, r, "%.200s cannot be opened", target->address);
        return target_open(target, &address, error);
}

KernelObject *target_kernel(Target *target) {
        return target->object && !target->temporary.mechanism ? &target->object->kernel : &target->temporary;
}

bool target_in_worker(const Target *target, Operation operation) {
        return target->mechanism->in_worker & (1u << operation);
}

void target_done(Target *target) {
        if (target->temporary.mechanism)
                kernel_object_done(&target->temporary);
        free(target->address);
        *target = (Target)TARGET_EMPTY;
}

Target target_take(Target *target) {
        Target taken = *target;

        *target = (Target)TARGET_EMPTY;
        return taken;
}
