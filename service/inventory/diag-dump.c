/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "diag-dump.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"

static void mnl_close(struct mnl_socket **netlink) {
        if (*netlink)
                mnl_socket_close(*netlink);
}

int diag_dump(const void *request, size_t size, mnl_cb_t each, void *userdata) {
        CLEANUP(mnl_close) struct mnl_socket *netlink = NULL;
        char buffer[32 * 1024] __attribute__((aligned(8)));
        struct nlmsghdr *header;
        ssize_t n;
        int r;

        netlink = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
        if (!netlink || mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID) < 0)
                return -errno;
        header = mnl_nlmsg_put_header(buffer);
        header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
        header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
        header->nlmsg_seq = 1;
        memcpy(mnl_nlmsg_put_extra_header(header, size), request, size);
        if (mnl_socket_sendto(netlink, header, header->nlmsg_len) < 0)
                return -errno;
        do {
                n = mnl_socket_recvfrom(netlink, buffer, sizeof(buffer));
                if (n < 0)
                        return -errno;
                r = mnl_cb_run(buffer, (size_t)n, 1, mnl_socket_get_portid(netlink), each, userdata);
                if (r == MNL_CB_ERROR)
                        return -errno;
        } while (r == MNL_CB_OK);
        return 0;
}
