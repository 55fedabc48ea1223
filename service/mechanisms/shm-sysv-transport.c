/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ring of shm-ring.c in System V shared memory. The judge owns the segment, whose number stands in names[0]; each
 * side is attached from attach() to detach(). */
#include "shm-sysv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "shm-ring.h"
#include "transport.h"

static int segment_make(key_t key, void *userdata) {
        const Link *link = userdata;
        int id = shmget(key, shm_ring_size(link), IPC_CREAT | IPC_EXCL | (int)link_mode(link));

        return id < 0 ? -errno : id;
}

static int link_id(const Link *link) {
        return (int)strtol(link->names[0], NULL, 10);
}

static int shm_link_setup(Link *link, Error *error) {
        size_t total = shm_ring_plan(link);
        int id;

        id = sysv_claim(link->token, segment_make, link);
        if (id < 0)
                return error_set_errno(error, id, "Cannot make a segment of %zu bytes for the link", total);
        (void)snprintf(link->names[0], sizeof link->names[0], "%d", id);
        return 0;
}

static int shm_link_attach(Link *link, Error *error) {
        void *base = shmat(link_id(link), NULL, 0);
        int r;

        if (base == (void *)-1)
                return error_set_errno(error, errno, "Cannot attach the segment %s", link->names[0]);
        r = shm_ring_attach(link, base, error);
        if (r < 0)
                shmdt(base);
        return r;
}

static void shm_link_detach(Link *link) {
        void *base = shm_ring_detach(link);

        if (base)
                shmdt(base);
}

static void shm_link_teardown(Link *link) {
        if (link->names[0][0] != '\0')
                shmctl(link_id(link), IPC_RMID, NULL);
        link->names[0][0] = '\0';
}

const Transport shm_sysv_transport = {
        SHM_RING_TRANSPORT,
        .setup = shm_link_setup,
        .attach = shm_link_attach,
        .detach = shm_link_detach,
        .teardown = shm_link_teardown,
};
