/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ring-writer SOCKET: waits for a reader on a UNIX socket, gives it a ring, and sends every line of its input as one
 * message, written where it lies. */

#include <stdio.h>

#include "ring-example.h"

#include <ipcbus-ring.h>

static int lines_send(IpcbusRing *ring) {
        for (;;) {
                void *place;
                /* Room for the longest line; what of it is used is said by commit. */
                int r = ipcbus_ring_reserve(ring, 1024, IPCBUS_RING_FOREVER, &place);

                if (r < 0)
                        return r;
                if (!fgets(place, 1024, stdin))
                        return ipcbus_ring_abort(ring);
                r = ipcbus_ring_commit(ring, strlen(place));
                if (r < 0)
                        return r;
        }
}

int main(int argc, char **argv) {
        int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), peer, fd = -1, r;
        struct sockaddr_un address;
        IpcbusRing *ring;

        if (argc != 2 || address_of(argv[1], &address) < 0) {
                fprintf(stderr, "usage: ring-writer SOCKET\n");
                return 2;
        }
        if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(listener, 1) < 0) {
                perror(argv[1]);
                return 1;
        }
        peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        unlink(argv[1]);
        if (peer < 0) {
                perror("accept4");
                return 1;
        }
        r = ipcbus_ring_create("ring-example", 1 << 16, 0, &fd);
        if (r >= 0)
                r = ipcbus_ring_open(fd, IPCBUS_RING_WRITER, &ring);
        if (r >= 0)
                r = descriptor_send(peer, fd);
        if (r >= 0) {
                close(fd);
                r = lines_send(ring);
                /* The reader reads what is left, and then finds that nobody writes any more. */
                ipcbus_ring_close(ring);
        }
        if (r < 0)
                fprintf(stderr, "ring-writer: %s\n", strerror(-r));
        return r < 0;
}
