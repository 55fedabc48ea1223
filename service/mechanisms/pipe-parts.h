/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What stands in files of its own beside the kinds pipe and fifo: their transports and scans. */
#pragma once

typedef struct Scan Scan;
typedef struct Transport Transport;

extern const Transport pipe_transport;
extern const Transport fifo_transport;

int pipe_scan(Scan *scan);
/* Only FIFOs that some process has open: nobody keeps a list of the others. */
int fifo_scan(Scan *scan);
