/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker.h"

/* From what a request says of an object (the text of an address, or a descriptor) to the kernel object. */
#include <errno.h>
#include <stdio.h>

#include "cleanup.h"

int request_object(const Record *request, KernelObject *ret, Error *error) {
        const char *text = record_get_string(request, "address", NULL);
        CLEANUP(address_done) Address address = ADDRESS_EMPTY;
        const Mechanism *mechanism;
        int r;

        if (!text)
                return error_set(error, ERROR_INVALID_ADDRESS, "The request names no address.");
        r = mechanism_parse_address(text, &address, error);
        if (r < 0)
                return r;
        if (mechanism_is_alias(&address)) {
                r = mechanism_resolve(&address, error);
                if (r < 0)
                        return r;
        }
        r = mechanism_for_address(&address, &mechanism, error);
        if (r < 0)
                return r;
        kernel_object_init(ret, mechanism);
        ret->address = address;
        address = (Address)ADDRESS_EMPTY;
        return 0;
}

const Record *request_record(const Record *request, const char *key) {
        const Value *value = record_get(request, key);

        return value && value->type == VALUE_RECORDS && value->records.n > 0 ? value->records.items[0] : NULL;
}

const Record *request_options(const Record *request) {
        return request_record(request, "options");
}

/* What has no name is fetched first; a host's name is looked up. */
int object_open(KernelObject *object, const Record *options, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        int r;

        r = mechanism_supports(object->mechanism, OPERATION_ADOPT, error);
        if (r < 0)
                return r;
        if (object->mechanism->needs_fetch && object->mechanism->needs_fetch(&object->address)) {
                r = object->mechanism->fetch(&object->address, options, &fd, error);
                if (r < 0)
                        return r;
        }
        if (fd < 0)
                return object->mechanism->open(object, options, error);
        return object_from_fd(object, &fd, options, error);
}

int object_from_fd(KernelObject *object, int *fd, const Record *options, Error *error) {
        int r = kernel_object_from_fd(object, fd, options, error);

        if (r == -EMEDIUMTYPE)
                return error_set(error, ERROR_FAILED, "What was found there is no object of the kind \"%s\".",
                        object->mechanism->kind);
        return r;
}

/* An object that the service has is meant, and not what somebody put at its name since. The kind compares once more
 * with what it opens, where it opens by name each time. */
static int object_is(KernelObject *object, const char *identity, Error *error) {
        (void)snprintf(object->identity, sizeof object->identity, "%s", identity);
        return kernel_object_verify(object, error);
}

int request_open(const Record *request, KernelObject *ret, Error *error) {
        const char *identity = record_get_string(request, "identity", NULL);
        CLEANUP(record_freep) Record *options = NULL;
        int r = request_object(request, ret, error);

        if (r < 0)
                return r;
        r = record_new(&options);
        if (r < 0)
                error_set_errno(error, r, "Cannot open it");
        else if (record_get_bool(request, "object", false)) {
                CLEANUP_FD int fd = worker_take_fd();

                r = object_from_fd(ret, &fd, options, error);
        } else
                r = object_open(ret, options, error);
        if (r >= 0 && identity)
                r = object_is(ret, identity, error);
        if (r < 0)
                kernel_object_done(ret);
        return r;
}
