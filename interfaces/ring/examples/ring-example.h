/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What both examples need: a descriptor that goes through a UNIX socket (SCM_RIGHTS). Over D-Bus it would be the type
 * h. */
#pragma once

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static inline int address_of(const char *path, struct sockaddr_un *ret_address) {
        *ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
        if (strlen(path) >= sizeof(ret_address->sun_path))
                return -ENAMETOOLONG;
        memcpy(ret_address->sun_path, path, strlen(path));
        return 0;
}

static inline int descriptor_send(int socket, int fd) {
        union {
                struct cmsghdr header;
                char room[CMSG_SPACE(sizeof(int))];
        } control = { 0 };
        struct iovec byte = { .iov_base = (char[]){ 'r' }, .iov_len = 1 };
        struct msghdr message = {
                .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
        };

        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
        return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static inline int descriptor_receive(int socket, int *ret_fd) {
        union {
                struct cmsghdr header;
                char room[CMSG_SPACE(sizeof(int))];
        } control = { 0 };
        char text[1];
        struct iovec byte = { .iov_base = text, .iov_len = 1 };
        struct msghdr message = {
                .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
        };
        ssize_t r = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);

        if (r < 0)
                return -errno;
        if (r == 0 || message.msg_controllen == 0 || control.header.cmsg_type != SCM_RIGHTS ||
                control.header.cmsg_len != CMSG_LEN(sizeof(int)))
                return -EPROTO;
        memcpy(ret_fd, CMSG_DATA(&control.header), sizeof(*ret_fd));
        return 0;
}
