/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker.h"

/* fetch and create: an object is found, opened or made here and handed over to the service, as a descriptor that it
 * makes the object of, or whole: its plain fields in a record, its descriptors beside it. */
#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "handover.h"

static int tell_handover(const KernelObject *object, int fd, Error *error) {
        CLEANUP(record_freep) Record *record = NULL;
        int fds[KERNEL_OBJECT_FDS_MAX], r;
        unsigned n = 0;

        r = worker_record_new("object", &record);
        if (r >= 0 && fd >= 0) {
                fds[n++] = fd;
                r = handover_address(&object->address, record);
                record_set_bool(record, "descriptor", true);
        } else if (r >= 0)
                r = handover_pack(object, record, fds, &n);
        if (r >= 0)
                r = worker_send_fds(record, fds, n);
        return r < 0 ? error_set_errno(error, r, "The object cannot be handed over to the service") : 0;
}

static int fetch(KernelObject *object, const Record *options, Error *error) {
        const Mechanism *mechanism = object->mechanism;
        CLEANUP_FD int fd = -EBADF;
        int r;

        r = mechanism_supports(mechanism, OPERATION_ADOPT, error);
        if (r >= 0 && mechanism->needs_fetch && mechanism->needs_fetch(&object->address))
                r = mechanism->fetch(&object->address, options, &fd, error);
        /* What may block is not left to the service either. */
        if (r >= 0 && fd < 0 && mechanism->in_worker & 1u << OPERATION_ADOPT)
                r = mechanism->open(object, options, error);
        return r < 0 ? r : tell_handover(object, fd, error);
}

int op_fetch(const Record *request, Error *error) {
        CLEANUP(record_freep) Record *none = NULL;
        const Record *options = request_options(request);
        KernelObject object;
        int r = request_object(request, &object, error);

        if (r < 0)
                return r;
        r = options ? 0 : record_new(&none);
        if (r < 0)
                error_set_errno(error, r, "Cannot look for it");
        else
                r = fetch(&object, options ? options : none, error);
        kernel_object_done(&object);
        return r;
}

int op_create(const Record *request, Error *error) {
        CLEANUP(record_freep) Record *none = NULL;
        const Record *options = request_options(request);
        const Mechanism *mechanism;
        KernelObject object;
        int r;

        r = mechanism_for_kind(record_get_string(request, "kind", ""), &mechanism, error);
        if (r >= 0)
                r = mechanism_supports(mechanism, OPERATION_CREATE, error);
        if (r < 0)
                return r;
        r = options ? 0 : record_new(&none);
        if (r < 0)
                return error_set_errno(error, r, "Cannot make it");
        kernel_object_init(&object, mechanism);
        r = mechanism->create(&object, options ? options : none, error);
        if (r >= 0) {
                r = tell_handover(&object, -EBADF, error);
                if (r < 0 && mechanism->remove)
                        (void)mechanism->remove(&object, NULL);
        }
        kernel_object_done(&object);
        return r;
}
