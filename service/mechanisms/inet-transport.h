/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The transports of the Internet sockets, all over loopback.
 *
 * UDP and raw sockets have no flow control: what finds no room is dropped, and nobody is told. So that tests and
 * benchmarks lose nothing silently, a receiver says now and then, over a second socket, how much it has taken, and a
 * sender has never more under way than the receiver's buffer holds. That costs one small datagram for every half
 * buffer. A receiver whose kernel counted a loss all the same gives ENOBUFS. */
#pragma once

#include "transport.h"

extern const Transport tcp_transport;
extern const Transport udp_transport;
extern const Transport raw_transport;

enum {
        INET_RAW_PROTOCOL = 253, /* for experiments and testing, RFC 3692 */
        UDP_MESSAGE_MAX = 65507, /* 65535 less the headers of IPv4 and UDP */
        UDP6_MESSAGE_MAX = 65527,
        RAW_MESSAGE_MAX = 65515,
};
