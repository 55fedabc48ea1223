/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which buses there are here, and the limits of what goes through them, from files and constants alone. */
#pragma once

#include "error.h"
#include "record.h"

int dbus_probe(Record *facts, Error *error);
