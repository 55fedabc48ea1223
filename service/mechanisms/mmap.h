/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of the kind mmap. */
#pragma once

typedef struct Scan Scan;
typedef struct Transport Transport;

extern const Transport mmap_transport;

int mmap_scan(Scan *scan);
