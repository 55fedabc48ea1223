/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker.h"

/* keep: is the process behind an object, for as long as the service holds the other end of the channel. */
#include <errno.h>

#include "worker-protocol.h"

int op_keep(const Record *request, Error *error) {
        const char *kind = record_get_string(request, "kind", "");
        const Record *options = request_options(request);
        const Mechanism *mechanism;
        Record *none = NULL;
        int r = mechanism_for_kind(kind, &mechanism, error);

        if (r < 0)
                return r;
        if (!mechanism->keep)
                return error_set(error, ERROR_NOT_SUPPORTED, "Objects of kind %s need no keeper.", kind);
        r = record_new(&none);
        if (r < 0)
                return r;
        r = mechanism->keep(options ? options : none, WORKER_FD, error);
        record_free(none);
        if (r < 0 && !error_is_set(error))
                return error_set_errno(error, r, "The keeper of the %s object ended", kind);
        return r < 0 ? r : 0;
}
