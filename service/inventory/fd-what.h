/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a descriptor is, in words. */
#pragma once

enum { FD_WHAT_MAX = 128 };

/* "a regular file (/tmp/x)", "a terminal (/dev/pts/1)", "/dev/null", "an epoll instance" … */
const char *fd_what(int fd, char buffer[FD_WHAT_MAX]);
