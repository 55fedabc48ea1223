/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Student's t distribution. */
#pragma once

/* The t that a value of this many degrees of freedom exceeds with probability `tail`; 0 < tail <= 0.5. */
double student_quantile(double tail, double freedom);
