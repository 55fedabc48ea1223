/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gives memory back to the kernel after much was released: free(3) keeps it, and a service lives long. */
#pragma once

#include <stddef.h>

#include "manager.h"

int trim_new(Manager *manager, Trim **ret);
Trim *trim_free(Trim *trim);
/* About so many bytes were released just now. NULL: nothing is done. */
void trim_released(Trim *trim, size_t bytes);
