/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker.h"

/* From the text of an address in a request to the kernel object. */
#include <errno.h>

int request_object(const Record *request, KernelObject *ret, Error *error) {
        const char *text = record_get_string(request, "address", NULL);
        const Mechanism *mechanism;
        Address address = ADDRESS_EMPTY;
        int r;

        if (!text)
                return error_set(error, ERROR_INVALID_ADDRESS, "The request names no address.");
        r = address_parse(text, &address, error);
        if (r < 0)
                return r;
        r = mechanism_for_address(&address, &mechanism, error);
        if (r < 0) {
                address_done(&address);
                return r;
        }
        kernel_object_init(ret, mechanism);
        ret->address = address;
        return 0;
}

const Record *request_options(const Record *request) {
        const Value *options = record_get(request, "options");

        return options && options->type == VALUE_RECORDS && options->records.n > 0 ? options->records.items[0] : NULL;
}

int request_open(const Record *request, KernelObject *ret, Error *error) {
        Record *options = NULL;
        int r = request_object(request, ret, error);

        if (r < 0)
                return r;
        r = mechanism_supports(ret->mechanism, OPERATION_ADOPT, error);
        if (r >= 0)
                r = record_new(&options);
        if (r >= 0)
                r = ret->mechanism->open(ret, options, error);
        record_free(options);
        if (r < 0)
                kernel_object_done(ret);
        return r;
}
