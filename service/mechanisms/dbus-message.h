/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Arguments of a message as text and back, in the way of busctl(1): a value a word, strings quoted where they need it,
 * the number of elements before those of an array, a signature before the value of a variant. A descriptor is written
 * as the path of a file to open, or as the number of one that was given along, and read as what it is open on. */
#pragma once

#include <stddef.h>
#include <systemd/sd-bus.h>

#include "error.h"
#include "passed-fds.h"
#include "record.h"

enum { BUS_SIGNATURE_MAX = 255 };

/* Appends what `text` says, by the signature. `given` may be NULL. Errors: InvalidOption with the word that is wrong.
 */
int bus_append_text(
        sd_bus_message *message, const char *signature, const char *text, const PassedFds *given, Error *error);
/* Bytes that were sent with no signature: text is one string, anything else one array of bytes, nothing nothing. */
int bus_append_bytes(sd_bus_message *message, const void *data, size_t size, Error *error);

/* The body from its start. One string is that string, one array of bytes those bytes; anything else as text. The
 * caller frees *ret, which has a NUL behind it. */
int bus_body_read(sd_bus_message *message, void **ret, size_t *ret_size);
/* As text whatever it is. */
int bus_body_text(sd_bus_message *message, char **ret, size_t *ret_size);
/* "SENDER PATH INTERFACE.MEMBER SIGNATURE VALUES" and a newline, of what there is. */
int bus_message_line(sd_bus_message *message, void **ret, size_t *ret_size);
/* type, sender, destination, path, interface, member, error, signature, serial: what is there of it. */
void bus_message_describe(sd_bus_message *message, Record *meta);
