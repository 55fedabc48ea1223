/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The mappings of one process after the other. */
#pragma once

#include <stdint.h>

#include "scan.h"

typedef struct MapsReader MapsReader;

int maps_reader_new(MapsReader **ret);
MapsReader *maps_reader_free(MapsReader *reader);
/* Adds a hold for each file that the process maps. */
int maps_read(MapsReader *reader, int process_fd, uint32_t process, ProcTable *table);
