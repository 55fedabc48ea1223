/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes that are too many for a packet go beside it, in a sealed memory file whose descriptor is passed. Who gets one
 * only reads it (pread), and never maps it. */
#pragma once

#include <stddef.h>

/* A memory file with the bytes, sealed; the caller's. */
int channel_bytes_new(const void *data, size_t size, int *ret_fd);
/* All that is in it, at most `max`: else -EMSGSIZE. The caller frees *ret_data, which is never NULL on success. */
int channel_bytes_read(int fd, size_t max, void **ret_data, size_t *ret_size);
