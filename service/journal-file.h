/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file below a journal: packets of records, one behind the other, each with its length before it. */
#pragma once

#include "record.h"

/* The user's directory for run-time state, made where it is not there: $RUNTIME_DIRECTORY, $XDG_RUNTIME_DIR/ipcbus, or
 * /tmp/ipcbus-UID if that is ours alone (0700, no link). The caller frees it. */
int journal_directory_open(char **ret_path, int *ret_fd);

/* Opens and locks; -EWOULDBLOCK when another process has it. With O_CREAT in `flags` it is made. */
int journal_file_open(int directory, const char *name, int flags, int *ret_fd);
/* Calls `each` for every whole packet; what is torn at the end (a crash in the middle of a write) is left out. */
int journal_file_read(int fd, void (*each)(void *userdata, const Record *record), void *userdata);
int journal_file_append(int fd, const Record *record);
