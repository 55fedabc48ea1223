/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Both sides of the handing over of objects. What comes from a worker is ours, but it has handled what others made, so
 * its form is checked. */
#include "handover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

int handover_address(const Address *address, Record *record) {
        CLEANUP_FREE char *text = address_print(address);

        if (!text)
                return -ENOMEM;
        record_set_string(record, "address", text);
        return record_error(record);
}

int handover_pack(const KernelObject *object, Record *record, int *ret_fds, unsigned *ret_n) {
        uint64_t places[KERNEL_OBJECT_FDS_MAX];
        unsigned n = 0;
        int r;

        r = handover_address(&object->address, record);
        if (r < 0 || !object->identity[0]) /* not opened: its address is all there is */
                return r;
        record_set_bool(record, "opened", true);
        record_set_string(record, "identity", object->identity);
        record_set_u64(record, "owner", object->owner);
        record_set_u64(record, "group", object->group);
        record_set_u64(record, "mode", object->mode);
        record_set_u64(record, "created", object->created);
        record_set_u64(record, "bytes", object->bytes);
        record_set_bool(record, "hold", object->hold);
        record_set_bool(record, "unnamed", object->unnamed);
        for (size_t i = 0; i < KERNEL_OBJECT_FDS_MAX; i++)
                if (object->fds[i] >= 0) {
                        places[n] = i;
                        ret_fds[n++] = object->fds[i];
                }
        record_set_u64s(record, "places", places, n);
        *ret_n = n;
        return record_error(record);
}

static void unpack_fields(const Record *record, KernelObject *object) {
        (void)snprintf(object->identity, sizeof object->identity, "%s", record_get_string(record, "identity", ""));
        object->owner = (uid_t)record_get_u64(record, "owner", 0);
        object->group = (gid_t)record_get_u64(record, "group", 0);
        object->mode = (mode_t)record_get_u64(record, "mode", 0);
        object->created = record_get_u64(record, "created", 0);
        object->bytes = record_get_u64(record, "bytes", 0);
        object->hold = record_get_bool(record, "hold", false);
        object->unnamed = record_get_bool(record, "unnamed", false);
}

static int unpack_fds(const Record *record, int *fds, unsigned n, KernelObject *object) {
        const Value *places = record_get(record, "places");

        if (!places || places->type != VALUE_U64S || places->u64s.n != n)
                return n == 0 ? 0 : -EBADMSG;
        for (unsigned i = 0; i < n; i++) {
                uint64_t place = places->u64s.items[i];

                if (place >= KERNEL_OBJECT_FDS_MAX || object->fds[place] >= 0)
                        return -EBADMSG;
                object->fds[place] = fd_take(&fds[i]);
        }
        return 0;
}

static int unpack(
        const Record *record, int *fds, unsigned n, const Record *options, KernelObject *object, Error *error) {
        int r;

        if (record_get_bool(record, "opened", false)) {
                unpack_fields(record, object);
                r = unpack_fds(record, fds, n, object);
                return r < 0 ? error_set_errno(error, r, "What the worker handed over cannot be used") : 0;
        }
        if (record_get_bool(record, "descriptor", false)) {
                r = n > 0 ? kernel_object_from_fd(object, &fds[0], options, error) : -EMEDIUMTYPE;
                if (r == -EMEDIUMTYPE)
                        return error_set(error, ERROR_FAILED, "What was found there is no object of the kind \"%s\".",
                                object->mechanism->kind);
                return r;
        }
        return object->mechanism->open(object, options, error);
}

int handover_unpack(
        const Record *record, int *fds, unsigned n, const Record *options, KernelObject *ret, Error *error) {
        CLEANUP(address_done) Address address = ADDRESS_EMPTY;
        CLEANUP(kernel_object_done) KernelObject object = KERNEL_OBJECT_EMPTY;
        const Mechanism *mechanism;
        int r;

        r = address_parse(record_get_string(record, "address", ""), &address, error);
        if (r >= 0)
                r = mechanism_for_address(&address, &mechanism, error);
        if (r < 0)
                return r;
        kernel_object_init(&object, mechanism);
        object.address = address;
        address = (Address)ADDRESS_EMPTY;
        r = unpack(record, fds, n, options, &object, error);
        if (r < 0)
                return r;
        *ret = object;
        object = (KernelObject)KERNEL_OBJECT_EMPTY;
        return 0;
}
