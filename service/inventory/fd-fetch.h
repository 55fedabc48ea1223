/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A descriptor of a kernel object that has no name, taken from a process that holds one. For workers: it walks /proc.
 */
#pragma once

#include "error.h"
#include "scan.h"

typedef enum FetchWay {
        FETCH_REOPEN, /* opens /proc/PID/fd/N anew, with an open file description of its own: pipes, memfds, files */
        FETCH_DUPLICATE, /* pidfd_getfd(2): the same open file description: sockets, eventfds; needs ptrace rights */
} FetchWay;

/* `access`: O_RDONLY, O_WRONLY or O_RDWR for FETCH_REOPEN, with O_NONBLOCK always added, or O_PATH (it may be read and
 * written, but is not opened); what the holder's descriptor
 * has to have for FETCH_DUPLICATE. The first holder that lets us is taken. `what` names the object in the errors:
 * NoSuchObject where no process holds it; NotPermitted with the right that is missing where a holder does not let us,
 * or where none was found and some processes could not be read (says how many). */
int fd_fetch(const HolderKey *key, FetchWay way, int access, const char *what, int *ret_fd, Error *error);
