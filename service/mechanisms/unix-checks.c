/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unix-checks.h"

/* What unix(7) promises of all UNIX sockets. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "unix-address.h"

enum {
        BUFFER = 256,
        SEND_BUFFER = 64 * 1024,
};

void socket_done(Socket *sock) {
        if (sock->path[0])
                (void)unlink(sock->path);
        sock->path[0] = '\0';
        sock->fd = fd_close(sock->fd);
}

int socket_address(const char *name, struct sockaddr_un *ret, socklen_t *ret_length) {
        size_t length = strlen(name);
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (length > sizeof address.sun_path)
                return -ENAMETOOLONG;
        memcpy(address.sun_path, name, length);
        if (name[0] == '@')
                address.sun_path[0] = '\0';
        *ret = address;
        /* The length of an abstract name counts, unix(7); behind a path stands a NUL, where it finds room. */
        *ret_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length +
                                  (name[0] != '@' && length < sizeof address.sun_path));
        return 0;
}

int64_t socket_connect(int fd, const char *name) {
        struct sockaddr_un address;
        socklen_t length;
        int r = socket_address(name, &address, &length);

        return r < 0 ? r : connect(fd, (struct sockaddr *)&address, length) < 0 ? -errno : 0;
}

int64_t socket_bind(int fd, const char *name) {
        struct sockaddr_un address;
        socklen_t length;
        int r = socket_address(name, &address, &length);

        return r < 0 ? r : bind(fd, (struct sockaddr *)&address, length) < 0 ? -errno : 0;
}

int64_t socket_send(int fd, size_t size) {
        CLEANUP_FREE char *buffer = calloc(1, size + 1);
        ssize_t n;

        if (!buffer)
                return -ENOMEM;
        n = send(fd, buffer, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        return n < 0 ? -errno : n;
}

int64_t socket_receive(int fd) {
        char buffer[BUFFER];
        ssize_t n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);

        return n < 0 ? -errno : n;
}

union FdControl {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
};

int64_t socket_receive_fd(int fd, int *ret_fd) {
        union FdControl control;
        char byte;
        struct iovec iov = { &byte, 1 };
        struct msghdr message = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = control.bytes,
                .msg_controllen = sizeof control.bytes,
        };
        const struct cmsghdr *header;
        ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

        if (n < 0)
                return -errno;
        header = CMSG_FIRSTHDR(&message);
        if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
                return -ENODATA;
        memcpy(ret_fd, CMSG_DATA(header), sizeof *ret_fd);
        return n;
}

int64_t socket_send_fd(int sock, int fd) {
        union FdControl control = { .header = { CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS } };
        char byte = 'x';
        struct iovec iov = { &byte, 1 };
        struct msghdr message = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = control.bytes,
                .msg_controllen = CMSG_LEN(sizeof fd),
        };

        memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
        return sendmsg(sock, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

bool socket_make(CheckRun *run, int type, int n, Socket *ret) {
        int64_t r = 0;

        ret->fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
        if (ret->fd < 0)
                r = -errno;
        else if (n >= 0) {
                r = check_path(run, (unsigned)n, ret->path);
                if (r >= 0)
                        r = socket_bind(ret->fd, ret->path);
                if (r < 0)
                        ret->path[0] = '\0';
        }
        return check_need(run, "socket and bind", r);
}

bool socket_pair_make(CheckRun *run, int type, Socket ends[2]) {
        int fds[2];

        if (!check_need(run, "socketpair", socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) < 0 ? -errno : 0))
                return false;
        ends[0].fd = fds[0];
        ends[1].fd = fds[1];
        return true;
}

int unix_check_type(const CheckRun *run) {
        return unix_type_of(run->mechanism->kind);
}

static CheckResult permission_in(CheckRun *run, const char *folder) {
        int type = unix_check_type(run);
        CLEANUP(socket_done) Socket server = SOCKET_EMPTY;
        CheckProcess *peer;

        if (!socket_make(run, type, -1, &server))
                return CHECK_FAILED;
        (void)snprintf(server.path, sizeof server.path, "%.90s/socket", folder);
        if (!check_expect(run, "bind", socket_bind(server.fd, server.path), 0) ||
                (type != SOCK_DGRAM && !check_expect(run, "listen", listen(server.fd, 1), 0)) ||
                !check_expect(run, "chmod", chmod(server.path, 0600) < 0 ? -errno : 0, 0) ||
                peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "chdir", peer_call(run, peer, "chdir", .text = folder), 0) ||
                !check_become_nobody(run, peer) ||
                !check_expect(run, "socket", peer_call(run, peer, "socket", PEER_SLOT, type), 0) ||
                !check_expect(run, "connect, mode 0600", peer_call(run, peer, "connect", PEER_SLOT, .text = "socket"),
                        -EACCES) ||
                !check_expect(run, "chmod", chmod(server.path, 0602) < 0 ? -errno : 0, 0) ||
                !check_expect(
                        run, "connect, mode 0602", peer_call(run, peer, "connect", PEER_SLOT, .text = "socket"), 0))
                return CHECK_FAILED;
        return check_ok(run, "user %d: mode 0600 EACCES, with the right to write it connects", CHECK_NOBODY);
}

CheckResult unix_check_permission(CheckRun *run) {
        return check_in_public_folder(run, permission_in);
}

/* /proc/self of the peer: what can be read from the descriptor shows whose it was. */
CheckResult unix_check_descriptor(CheckRun *run) {
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        CLEANUP(socket_done) Socket there = SOCKET_EMPTY;
        CLEANUP_FD int passed = -EBADF;
        Socket ends[2] = { SOCKET_EMPTY, SOCKET_EMPTY };
        char text[64] = "";
        CheckProcess *peer;
        bool made = socket_pair_make(run, unix_check_type(run), ends);

        here = ends[0];
        there = ends[1];
        if (!made || peer_start(run, 0, &there.fd, 1, &peer) < 0 ||
                !check_expect(run, "open",
                        peer_call(run, peer, "open", PEER_SLOT, O_RDONLY, .text = "/proc/self/stat"), 0) ||
                !check_expect(run, "sendmsg", peer_call(run, peer, "send-fd", 0, PEER_SLOT), 0) ||
                !check_expect(run, "close by the sender", peer_call(run, peer, "close", PEER_SLOT), 0) ||
                !check_expect(run, "recvmsg", socket_receive_fd(here.fd, &passed), 1) ||
                !check_expect(run, "read", read(passed, text, sizeof text - 1) > 0, 1) ||
                !check_expect(run, "the pid in it", strtol(text, NULL, 10), check_pid(run, peer)))
                return CHECK_FAILED;
        return check_ok(run, "/proc/self/stat, opened by the peer and closed there, was read here: the peer's");
}

CheckResult unix_check_stale(CheckRun *run) {
        int type = unix_check_type(run);
        CLEANUP(socket_done) Socket client = SOCKET_EMPTY;
        CLEANUP(socket_done) Socket server = SOCKET_EMPTY;
        char path[CHECK_PATH_MAX];
        CheckProcess *peer;

        if (!socket_make(run, type, -1, &client) || !socket_make(run, type, -1, &server) ||
                check_path(run, 0, path) < 0 || peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "socket", peer_call(run, peer, "socket", PEER_SLOT, type), 0) ||
                !check_expect(run, "bind", peer_call(run, peer, "bind", PEER_SLOT, .text = path), 0) ||
                (type != SOCK_DGRAM &&
                        !check_expect(run, "listen", peer_call(run, peer, "listen", PEER_SLOT, 1), 0)) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "connect to what is left", socket_connect(client.fd, path), -ECONNREFUSED) ||
                !check_expect(run, "bind to it", socket_bind(server.fd, path), -EADDRINUSE) ||
                !check_expect(run, "unlink", unlink(path) < 0 ? -errno : 0, 0) ||
                !check_expect(run, "connect then", socket_connect(client.fd, path), -ENOENT) ||
                !check_expect(run, "bind then", socket_bind(server.fd, path), 0))
                return CHECK_FAILED;
        (void)snprintf(server.path, sizeof server.path, "%s", path);
        return check_ok(
                run, "owner killed, the file stays: connect ECONNREFUSED, bind EADDRINUSE until it is removed");
}

CheckResult unix_check_abstract(CheckRun *run) {
        int type = unix_check_type(run);
        CLEANUP(socket_done) Socket client = SOCKET_EMPTY;
        CLEANUP(socket_done) Socket server = SOCKET_EMPTY;
        CheckProcess *peer;
        char name[100];

        (void)snprintf(name, sizeof name, "@ipcbus-%.60s-0", run->token);
        if (!socket_make(run, type, -1, &client) || !socket_make(run, type, -1, &server) ||
                peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "socket", peer_call(run, peer, "socket", PEER_SLOT, type), 0) ||
                !check_expect(run, "bind", peer_call(run, peer, "bind", PEER_SLOT, .text = name), 0) ||
                (type != SOCK_DGRAM &&
                        !check_expect(run, "listen", peer_call(run, peer, "listen", PEER_SLOT, 1), 0)) ||
                !check_expect(run, "bind while it lives", socket_bind(server.fd, name), -EADDRINUSE) ||
                !check_expect(run, "connect", socket_connect(client.fd, name), 0) ||
                !check_expect(run, "SIGKILL", check_murder(run, peer), 0) ||
                !check_expect(run, "bind then", socket_bind(server.fd, name), 0))
                return CHECK_FAILED;
        return check_ok(run, "owner killed: the name is free at once, no file is left");
}

/* Both ends of the pair go to peers: who made it is not needed any more. */
CheckResult unix_check_pair(CheckRun *run) {
        int type = unix_check_type(run);
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        CLEANUP(socket_done) Socket there = SOCKET_EMPTY;
        Socket ends[2] = { SOCKET_EMPTY, SOCKET_EMPTY };
        struct sockaddr_storage name;
        socklen_t length = sizeof name;
        CheckProcess *a, *b;
        bool made = socket_pair_make(run, type, ends);

        here = ends[0];
        there = ends[1];
        if (!made || getsockname(here.fd, (struct sockaddr *)&name, &length) < 0 ||
                !check_expect(run, "bytes of its name", length, sizeof(sa_family_t)) ||
                peer_start(run, 0, &here.fd, 1, &a) < 0 || peer_start(run, 0, &there.fd, 1, &b) < 0)
                return CHECK_FAILED;
        socket_done(&here);
        socket_done(&there);
        if (!check_expect(run, "write by the one", peer_call(run, a, "write", 0, 5, 'x'), 5) ||
                !check_expect(run, "write by the other", peer_call(run, b, "write", 0, 7, 'y'), 7) ||
                !check_expect(run, "read by the other", peer_call(run, b, "read", 0, 100), 5) ||
                !check_expect(run, "read by the one", peer_call(run, a, "read", 0, 100), 7) ||
                !check_expect(run, "SIGPIPE ignored", peer_call(run, a, "ignore", SIGPIPE), 0) ||
                !check_expect(run, "close by the other", peer_call(run, b, "close", 0), 0) ||
                !check_expect(run, "write by the one then", peer_call(run, a, "write", 0, 1, 'x'),
                        type == SOCK_DGRAM ? -ECONNREFUSED : -EPIPE))
                return CHECK_FAILED;
        return check_ok(run, "5 bytes one way, 7 the other, both without a name; one closed: %s",
                type == SOCK_DGRAM ? "ECONNREFUSED" : "EPIPE");
}

/* Binds a socket here, which a peer then connects to. */
static bool path_works(CheckRun *run, CheckProcess *peer, int64_t number, const char *path, Socket *ret) {
        int type = unix_check_type(run);

        if (!socket_make(run, type, -1, ret) || !check_expect(run, "bind", socket_bind(ret->fd, path), 0))
                return false;
        (void)snprintf(ret->path, sizeof ret->path, "%s", path);
        return (type == SOCK_DGRAM || check_expect(run, "listen", listen(ret->fd, 1) < 0 ? -errno : 0, 0)) &&
               check_expect(run, "socket", peer_call(run, peer, "socket", number, type), 0) &&
               check_expect(run, "connect", peer_call(run, peer, "connect", number, .text = path), 0);
}

/* Relative paths, so that the directory's length does not count. Linux finds the end of one that fills sun_path by the
 * length of the address, and so does accept what POSIX calls too long (unix(7), BUGS). */
CheckResult unix_check_path_limit(CheckRun *run) {
        enum { MOST = sizeof(((struct sockaddr_un *)NULL)->sun_path) };
        CLEANUP(socket_done) Socket full = SOCKET_EMPTY;
        CLEANUP(socket_done) Socket less = SOCKET_EMPTY;
        CLEANUP(socket_done) Socket more = SOCKET_EMPTY;
        struct sockaddr_storage address = { .ss_family = AF_UNIX };
        char path[MOST + 1];
        CheckProcess *peer;

        memset(path, 'x', MOST);
        path[MOST] = '\0';
        memset((char *)&address + offsetof(struct sockaddr_un, sun_path), 'x', MOST + 1);
        if (!check_expect(run, "chdir", chdir(run->directory) < 0 ? -errno : 0, 0) ||
                !socket_make(run, unix_check_type(run), -1, &more) ||
                !check_expect(run, "bind of one byte more than there is",
                        bind(more.fd, (struct sockaddr *)&address, sizeof(struct sockaddr_un) + 1) < 0 ? -errno : 0,
                        -EINVAL) ||
                peer_start(run, 0, NULL, 0, &peer) < 0 ||
                !check_expect(run, "chdir", peer_call(run, peer, "chdir", .text = run->directory), 0) ||
                !path_works(run, peer, PEER_SLOT, path, &full) ||
                !path_works(run, peer, PEER_SLOT + 1, path + 1, &less))
                return CHECK_FAILED;
        return check_ok(run,
                "%d bytes and a NUL, and %d without one: bound and reached; an address of one more: EINVAL", MOST - 1,
                MOST);
}

/* Of messages. */
CheckResult unix_check_too_long(CheckRun *run) {
        CLEANUP(socket_done) Socket here = SOCKET_EMPTY;
        CLEANUP(socket_done) Socket there = SOCKET_EMPTY;
        Socket ends[2] = { SOCKET_EMPTY, SOCKET_EMPTY };
        socklen_t length = sizeof(int);
        CheckProcess *peer;
        int buffer = SEND_BUFFER;
        bool made = socket_pair_make(run, unix_check_type(run), ends);

        here = ends[0];
        there = ends[1];
        if (!made || peer_start(run, 0, &there.fd, 1, &peer) < 0 ||
                setsockopt(there.fd, SOL_SOCKET, SO_SNDBUF, &buffer, length) < 0 ||
                getsockopt(there.fd, SOL_SOCKET, SO_SNDBUF, &buffer, &length) < 0)
                return check_fail(run, "SO_SNDBUF: %s", check_errno(errno));
        if (!check_expect(
                    run, "send of as much as SO_SNDBUF", peer_call(run, peer, "write", 0, buffer, 'x'), -EMSGSIZE) ||
                !check_expect(run, "receive", socket_receive(here.fd), -EAGAIN) ||
                !check_expect(
                        run, "send of half of it", peer_call(run, peer, "write", 0, buffer / 2, 'x'), buffer / 2) ||
                !check_expect(run, "receive", recv(here.fd, NULL, 0, MSG_TRUNC | MSG_DONTWAIT), buffer / 2))
                return CHECK_FAILED;
        return check_ok(run, "SO_SNDBUF %d: that many bytes EMSGSIZE, half of it whole", buffer);
}

CheckResult unix_check_truncated(CheckRun *run, int fd, CheckProcess *peer) {
        char buffer[4];
        struct iovec iov = { buffer, sizeof buffer };
        struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (!check_expect(run, "send", peer_call(run, peer, "write", PEER_SLOT, 10, 'x'), 10) ||
                !check_expect(run, "receive with room for 4", recvmsg(fd, &message, 0), 4) ||
                !check_expect(run, "MSG_TRUNC told", (message.msg_flags & MSG_TRUNC) != 0, 1) ||
                !check_expect(run, "receive again", socket_receive(fd), -EAGAIN) ||
                !check_expect(run, "send", peer_call(run, peer, "write", PEER_SLOT, 10, 'x'), 10) ||
                !check_expect(
                        run, "the length with MSG_TRUNC asked for", recv(fd, buffer, sizeof buffer, MSG_TRUNC), 10))
                return CHECK_FAILED;
        return check_ok(run, "10 bytes into 4: 4 and MSG_TRUNC, the rest is lost; asked with MSG_TRUNC: 10");
}
