/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One dump of sock_diag(7): a request, and an answer of many messages. */
#pragma once

#include <stddef.h>

#include <libmnl/libmnl.h>

/* `each` is called for every message of the answer; it sets errno and returns MNL_CB_ERROR to end it. -EINTR: sockets
 * came and went meanwhile, so that the answer is not whole; ask again. */
int diag_dump(const void *request, size_t size, mnl_cb_t each, void *userdata);
