/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ring-reader SOCKET: gets a ring from ring-writer and prints every message, from where it lies, until the writer has
 * left or died. */

#include <stdio.h>

#include "ring-example.h"

#include <ipcbus-ring.h>

static int messages_print(IpcbusRing *ring) {
        for (;;) {
                const void *message;
                size_t size;
                int r = ipcbus_ring_peek(ring, IPCBUS_RING_FOREVER, &message, &size);

                if (r == -EPIPE)
                        return 0;
                if (r < 0)
                        return r;
                fwrite(message, 1, size, stdout);
                r = ipcbus_ring_release(ring);
                if (r < 0)
                        return r;
        }
}

int main(int argc, char **argv) {
        int peer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = -1, r;
        struct sockaddr_un address;
        IpcbusRing *ring;

        if (argc != 2 || address_of(argv[1], &address) < 0) {
                fprintf(stderr, "usage: ring-reader SOCKET\n");
                return 2;
        }
        if (connect(peer, (struct sockaddr *)&address, sizeof(address)) < 0) {
                perror(argv[1]);
                return 1;
        }
        r = descriptor_receive(peer, &fd);
        if (r >= 0) {
                r = ipcbus_ring_open(fd, IPCBUS_RING_READER, &ring);
                close(fd);
        }
        if (r >= 0) {
                r = messages_print(ring);
                ipcbus_ring_close(ring);
        }
        if (r < 0)
                fprintf(stderr, "ring-reader: %s\n", strerror(-r));
        return r < 0;
}
