/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records on the bus: a{sv} and back. */
#pragma once

#include <systemd/sd-bus.h>

#include "error.h"
#include "option.h"
#include "record.h"

/* Appends one a{sv}, or one aa{sv}. */
int bus_append_record(sd_bus_message *message, const Record *record);
int bus_append_records(sd_bus_message *message, Record *const *records, size_t n);
/* Answers with one a{sv}, or one aa{sv}. */
int bus_reply_record(sd_bus_message *call, const Record *record);
int bus_reply_records(sd_bus_message *call, Record *const *records, size_t n);
/* Reads one a{sv}. Every key is checked by option_accept() against `specs`, then, where `more` is not NULL, `more`. */
int bus_read_options(sd_bus_message *message, const OptionSpec *specs, const OptionSpec *more, OptionUse use,
        Record **ret, Error *error);
/* The same for a call whose kind is not known yet: the values as they came, for bus_check_options() then. */
int bus_read_options_unchecked(sd_bus_message *message, Record **ret, Error *error);
int bus_check_options(const Record *options, const OptionSpec *specs, const OptionSpec *more, OptionUse use,
        Record **ret, Error *error);
/* Reads one `as`: a NULL-terminated list that the caller frees; the strings stay the message's. More than any use here
 * can need is refused. */
int bus_read_strings(sd_bus_message *message, const char ***ret, size_t *ret_n, Error *error);
/* Answers with a named error; returns what sd-bus wants of a handler. */
int bus_reply_error(sd_bus_message *call, const Error *error);
/* For synchronous handlers: `return bus_set_error(ret_error, &error);` */
int bus_set_error(sd_bus_error *ret_error, const Error *error);
