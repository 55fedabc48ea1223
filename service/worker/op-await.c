/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker.h"

/* await: sleeps until an operation may be possible, where the kernel has nothing to poll for it. Takes nothing and
 * gives nothing; the service tries the operation itself when this has ended, and kills it when nobody waits any more.
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"

static void object_done(KernelObject *object) {
        kernel_object_done(object);
}

int op_await(const Record *request, Error *error) {
        CLEANUP(object_done) KernelObject object = KERNEL_OBJECT_EMPTY;
        const char *name = record_get_string(request, "operation", "");
        Operation operation = 0;
        int r;

        while (operation < OPERATION_MAX && strcmp(operation_name(operation), name) != 0)
                operation++;
        r = request_open(request, &object, error);
        if (r < 0)
                return r;
        if (operation == OPERATION_MAX || !object.mechanism->await)
                return error_set(error, ERROR_NOT_SUPPORTED, "Nothing can wait for \"%s\" here.", name);
        return object.mechanism->await(&object, operation, request_options(request), error);
}
