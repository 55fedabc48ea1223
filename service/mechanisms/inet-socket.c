/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Internet sockets made, bound and looked up. Descriptors that are made here are given away at once. */
#include "inet-socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "inet-transport.h"
#include "kind-helpers.h"
#include "limit-facts.h"
#include "spin.h"

enum { FORGOTTEN_MAX = 1 << 16 };

#define UNPRIVILEGED_PORTS "/proc/sys/net/ipv4/ip_unprivileged_port_start"

#define ELSEWHERE "elsewhere"
#define KERNEL    "kernel"

const InetKind inet_tcp = { "tcp", SOCK_STREAM, IPPROTO_TCP };
const InetKind inet_udp = { "udp", SOCK_DGRAM, IPPROTO_UDP };
const InetKind inet_raw = { "raw", SOCK_RAW, IPPROTO_RAW };

/* For sentences. */
#define CLEANUP_TEXT CLEANUP_FREE char *

static char *name_text(const char *kind, const InetName *name) {
        CLEANUP(address_done) Address address = ADDRESS_EMPTY;

        return inet_address_from_name(kind, name, &address) < 0 ? NULL : address_print(&address);
}

int inet_loopback_check(Error *error) {
        CLEANUP_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq request = { .ifr_name = "lo" };

        if (fd < 0)
                return error_set_errno(error, errno, "No Internet socket can be made");
        if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "This network namespace has no interface lo, so that nothing can be reached on this machine.");
        if (!(request.ifr_flags & IFF_UP))
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "The interface lo is down in this network namespace, so that nothing can be reached on this "
                        "machine; set it up with: ip link set lo up");
        return 0;
}

static bool is_loopback(const InetName *name) {
        if (name->any.sa_family == AF_INET6)
                return IN6_IS_ADDR_LOOPBACK(&name->v6.sin6_addr);
        return ntohl(name->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

/* Port 0 is always free, so the host alone decides. */
bool inet_name_is_local(const InetName *name) {
        CLEANUP_FD int fd = socket(name->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        InetName host = *name;

        inet_name_set_port(&host, 0);
        return fd >= 0 && (bind(fd, &host.any, inet_name_size(&host)) >= 0 || errno != EADDRNOTAVAIL);
}

int inet_socket(const InetKind *kind, const InetName *name, int flags, int *ret_fd, Error *error) {
        int family = name->any.sa_family, fd;

        fd = socket(family, kind->type | SOCK_CLOEXEC | flags, kind == &inet_raw ? inet_name_port(name) : 0);
        if (fd >= 0) {
                *ret_fd = fd;
                return 0;
        }
        if (errno == EAFNOSUPPORT)
                return error_set(error, ERROR_NOT_SUPPORTED, "There is no IPv%d here: no such socket can be made.",
                        family == AF_INET6 ? 6 : 4);
        if (kind == &inet_raw && (errno == EPERM || errno == EACCES))
                return error_set(error, ERROR_NOT_PERMITTED,
                        "A raw socket needs the capability CAP_NET_RAW in the user namespace of this network "
                        "namespace, which this process does not have.");
        if (errno == EPROTONOSUPPORT)
                return error_set(error, ERROR_INVALID_OPTION, "The kernel has no raw sockets for the IP protocol %u.",
                        inet_name_port(name));
        return error_set_errno(error, errno, "No %s socket can be made", kind->kind);
}

static int bind_in_use(const InetKind *kind, const InetName *name, Error *error) {
        CLEANUP(inet_sockets_freep) InetSockets *sockets = NULL;
        CLEANUP_TEXT text = name_text(kind->kind, name);
        const InetSocket *owner;

        if (inet_sockets_new(kind->protocol, INET_STATES_ALL, inet_name_port(name), &sockets, NULL) < 0)
                return error_set(error, ERROR_EXISTS, "%.100s is in use: another socket is bound to it.", text);
        owner = inet_sockets_bound(sockets, name);
        if (owner)
                return error_set(error, ERROR_EXISTS,
                        "%.100s is in use: socket %s:[%" PRIu64 "] of user %u is bound to it (%s). \"ipcctl who "
                        "%.100s\" tells which process has it.",
                        text, kind->kind, owner->inode, owner->uid, inet_state_name(owner->state), text);
        if (sockets->n > 0)
                return error_set(error, ERROR_EXISTS,
                        "%.100s is in use: a socket of this port is still %s. reuse=true takes the port all the same, "
                        "where only connections are left.",
                        text, inet_state_name(sockets->items[0].state));
        return error_set(
                error, ERROR_EXISTS, "%.100s is in use: a socket that is not connected is bound to it.", text);
}

static int bind_no_address(const InetKind *kind, const InetName *name, Error *error) {
        CLEANUP_TEXT text = name_text(kind->kind, name);
        int r;

        r = inet_loopback_check(error);
        if (r < 0)
                return r;
        return error_set(error, ERROR_INVALID_OPTION,
                "%.100s cannot be had: no interface of this network namespace has that address (EADDRNOTAVAIL).",
                text ? text : "the address");
}

struct in_addr inet_address_by_lot(void) {
        uint32_t lot = 0;

        /* Without random numbers of the kernel, what differs between processes has to do. */
        if (getrandom(&lot, sizeof lot, GRND_NONBLOCK) != sizeof lot)
                lot = (uint32_t)monotonic_now() ^ (uint32_t)getpid() << 16;
        return (struct in_addr){ htonl(0x7F010000u + (lot % 0xFD0000u & ~3u)) };
}

/* An error that waits (SO_ERROR) is thrown away, too. More than the largest buffer holds was sent to this address. */
void inet_raw_forget(int fd) {
        char byte;

        for (unsigned i = 0; i < FORGOTTEN_MAX; i++)
                if (recv(fd, &byte, sizeof byte, MSG_DONTWAIT) < 0 && errno == EAGAIN)
                        return;
}

int inet_bind(const InetKind *kind, int fd, const InetName *name, Error *error) {
        CLEANUP_TEXT text = NULL;
        int r;

        /* Some kernels let 127.0.0.1 be bound where lo is down, and nobody could come. */
        r = is_loopback(name) ? inet_loopback_check(error) : 0;
        if (r < 0)
                return r;
        if (bind(fd, &name->any, inet_name_size(name)) >= 0) {
                if (kind == &inet_raw && !inet_name_is_any(name))
                        inet_raw_forget(fd);
                return 0;
        }
        if (errno == EADDRINUSE)
                return bind_in_use(kind, name, error);
        if (errno == EADDRNOTAVAIL)
                return bind_no_address(kind, name, error);
        if (errno == EACCES && kind != &inet_raw)
                return error_set(error, ERROR_NOT_PERMITTED,
                        "Port %u needs the capability CAP_NET_BIND_SERVICE: it is below %llu (" UNPRIVILEGED_PORTS
                        ").",
                        inet_name_port(name), (unsigned long long)limit_read(UNPRIVILEGED_PORTS, 1024));
        text = name_text(kind->kind, name);
        return error_set_errno(error, errno, "A socket cannot be bound to %.100s", text ? text : "the address");
}

int inet_connect_failed(const char *kind, const InetName *peer, int number, Error *error) {
        CLEANUP_TEXT printed = name_text(kind, peer);
        const char *text = printed ? printed : "the address";

        switch (number) {
        case ECONNREFUSED:
                return error_set(error, ERROR_NO_SUCH_OBJECT, "Nobody listens at %.100s (ECONNREFUSED).", text);
        case ENOPROTOOPT:
                return error_set(error, ERROR_NO_SUCH_OBJECT,
                        "Nobody receives at %.100s: the host has no use for that protocol (ENOPROTOOPT).", text);
        case ETIMEDOUT:
                return error_set(error, ERROR_TIMED_OUT,
                        "%.100s did not answer (ETIMEDOUT): there is no such host, or something on the way drops what "
                        "is sent to it.",
                        text);
        case EHOSTUNREACH:
        case EHOSTDOWN:
                return error_set(error, ERROR_NO_SUCH_OBJECT,
                        "%.100s cannot be reached: the host does not answer in its network, or a filter refuses it "
                        "(EHOSTUNREACH).",
                        text);
        case ENETUNREACH:
                if (inet_loopback_check(error) < 0)
                        return -EOPNOTSUPP;
                return error_set(error, ERROR_NO_SUCH_OBJECT,
                        "%.100s cannot be reached: this network namespace has no route to it (ENETUNREACH).", text);
        case EADDRNOTAVAIL:
                if (inet_loopback_check(error) < 0)
                        return -EOPNOTSUPP;
                return error_set(error, ERROR_LIMIT_EXCEEDED,
                        "%.100s cannot be connected to: no local port is left for it "
                        "(/proc/sys/net/ipv4/ip_local_port_range).",
                        text);
        case EPERM:
        case EACCES:
                return error_set(error, ERROR_NOT_PERMITTED,
                        "%.100s may not be used: a filter of this machine refuses it, or it is a broadcast address "
                        "and broadcast=true was not given.",
                        text);
        default:
                return error_set_errno(error, number, "%.100s cannot be used", text);
        }
}

int inet_name_from_options(const InetKind *kind, const Record *options, InetName *ret, Error *error) {
        uint64_t port = kind == &inet_raw ? record_get_u64(options, "protocol", INET_RAW_PROTOCOL)
                                          : record_get_u64(options, "port", 0);
        const char *host = record_get_string(options, "host", "127.0.0.1");
        char bare[INET_HOST_MAX];
        size_t length = strlen(host);
        int r;

        /* People write IPv6 hosts in brackets, as addresses have them. */
        if (length > 2 && length < sizeof bare && host[0] == '[' && host[length - 1] == ']') {
                memcpy(bare, host + 1, length - 2);
                bare[length - 2] = '\0';
                host = bare;
        }
        r = inet_name_from_host(host, (uint16_t)port, ret, error);
        if (r < 0 && error)
                error->code = ERROR_INVALID_OPTION;
        return r < 0 ? -EINVAL : 0;
}

static int socket_option(int fd, int level, int name) {
        socklen_t length = sizeof(int);
        int value = 0;

        return getsockopt(fd, level, name, &value, &length) < 0 ? -errno : value;
}

int inet_fd_check(const InetKind *kind, int fd) {
        int domain = socket_option(fd, SOL_SOCKET, SO_DOMAIN);

        if ((domain != AF_INET && domain != AF_INET6) || socket_option(fd, SOL_SOCKET, SO_TYPE) != kind->type)
                return -EMEDIUMTYPE;
        if (kind != &inet_raw && socket_option(fd, SOL_SOCKET, SO_PROTOCOL) != kind->protocol)
                return -EMEDIUMTYPE;
        return 0;
}

static void set_identity(uint64_t inode, char ret_identity[IDENTITY_MAX]) {
        snprintf(ret_identity, IDENTITY_MAX, "socket:%" PRIu64, inode);
}

int inet_fill(const InetKind *kind, KernelObject *object, int fd, Error *error) {
        socklen_t length = sizeof(InetName), peer_length = sizeof(InetName);
        InetName name = {}, peer;
        struct stat st;
        bool named;
        int r;

        if (fstat(fd, &st) < 0 || getsockname(fd, &name.any, &length) < 0)
                return error_set_errno(error, errno, "The socket cannot be looked at");
        if (kind == &inet_raw)
                inet_name_set_port(&name, (uint16_t)socket_option(fd, SOL_SOCKET, SO_PROTOCOL));
        named = getpeername(fd, &peer.any, &peer_length) < 0 && inet_name_port(&name) > 0;
        /* A TCP socket that is bound and does not listen is nobody's address yet. */
        if (kind == &inet_tcp && socket_option(fd, SOL_SOCKET, SO_ACCEPTCONN) <= 0)
                named = false;
        address_done(&object->address);
        r = named ? inet_address_from_name(kind->kind, &name, &object->address)
                  : address_set_number(&object->address, kind->kind, ADDRESS_INODE, st.st_ino);
        if (r < 0)
                return error_set_errno(error, r, "The address of the socket cannot be kept");
        object->owner = st.st_uid;
        object->group = st.st_gid;
        object->mode = 0777; /* there are no permissions: whoever reaches it may use it */
        object->created = realtime_now();
        set_identity(st.st_ino, object->identity);
        return 0;
}

/* Protocols that the kernel takes itself, whether or not there are raw sockets. */
static bool kernel_takes(unsigned protocol) {
        return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6 || protocol == IPPROTO_TCP ||
               protocol == IPPROTO_UDP;
}

/* -ENOENT: nobody. -EREMOTE: not of this machine. -EREMOTEIO: the kernel. */
static int look_up(const InetKind *kind, const InetName *name, uint64_t *ret_inode, uid_t *ret_uid, Error *error) {
        CLEANUP(inet_sockets_freep) InetSockets *sockets = NULL;
        CLEANUP_TEXT text = NULL;
        const InetSocket *socket;
        int r;

        if (!inet_name_is_local(name))
                return -EREMOTE;
        r = inet_sockets_new(kind->protocol, kind == &inet_tcp ? 1 << TCP_LISTEN : INET_STATES_ALL,
                inet_name_port(name), &sockets, error);
        if (r < 0)
                return r;
        socket = inet_sockets_bound(sockets, name);
        if (!socket && kind == &inet_raw && kernel_takes(inet_name_port(name)))
                return -EREMOTEIO;
        if (!socket) {
                r = is_loopback(name) ? inet_loopback_check(error) : 0;
                if (r < 0)
                        return r;
                text = name_text(kind->kind, name);
                return error_set(error, ERROR_NO_SUCH_OBJECT, "Nobody %s at %.100s in this network namespace.",
                        kind == &inet_tcp ? "listens" : "receives", text ? text : "the address");
        }
        *ret_inode = socket->inode;
        *ret_uid = socket->uid;
        return 0;
}

int inet_open(const InetKind *kind, KernelObject *object, Error *error) {
        Address canonical = ADDRESS_EMPTY;
        Error reason = {};
        uint64_t inode;
        InetName name;
        int r;

        r = inet_address_to_name(&object->address, &name, error);
        if (r < 0)
                return r;
        if (inet_name_port(&name) == 0 && kind != &inet_raw)
                return error_set(error, ERROR_INVALID_ADDRESS,
                        "Port 0 lets the kernel choose when a socket is created; nothing stands at it.");
        r = inet_address_from_name(kind->kind, &name, &canonical);
        if (r < 0)
                return error_set_errno(error, r, "The address cannot be kept");
        address_done(&object->address);
        object->address = canonical;
        object->mode = 0777;
        object->owner = (uid_t)-1;
        object->group = (gid_t)-1;
        r = look_up(kind, &name, &inode, &object->owner, &reason);
        if (r >= 0)
                set_identity(inode, object->identity);
        else if (r == -EREMOTE || r == -EREMOTEIO)
                snprintf(object->identity, IDENTITY_MAX, r == -EREMOTE ? ELSEWHERE : KERNEL);
        else if (r != -EOPNOTSUPP) {
                if (error)
                        *error = reason;
                return r;
        }
        /* Where the kernel lists nothing, or lo is down, the first use tells. */
        return 0;
}

int inet_identify(const InetKind *kind, const Address *address, char ret_identity[IDENTITY_MAX], Error *error) {
        uint64_t inode = address->number;
        InetName name;
        uid_t uid;
        int r;

        if (address->form == ADDRESS_HOST) {
                r = inet_address_to_name(address, &name, error);
                if (r >= 0)
                        r = look_up(kind, &name, &inode, &uid, error);
                if (r == -EREMOTE || r == -EREMOTEIO) {
                        snprintf(ret_identity, IDENTITY_MAX, r == -EREMOTE ? ELSEWHERE : KERNEL);
                        return 0;
                }
                if (r < 0)
                        return r;
        }
        set_identity(inode, ret_identity);
        return 0;
}

int inet_cannot_remove(const KernelObject *object, Error *error) {
        return error_set(error, ERROR_NOT_SUPPORTED,
                "A socket of another process cannot be removed from outside: it is gone when that process closes it "
                "or ends.");
}

static void describe_number(int fd, unsigned long request, const char *key, Record *attributes) {
        int number;

        if (ioctl(fd, request, &number) >= 0 && number >= 0)
                record_set_u64(attributes, key, (uint64_t)number);
}

void inet_describe_fd(const InetKind *kind, int fd, Record *attributes) {
        socklen_t length = sizeof(InetName);
        InetName name = {};
        struct stat st;

        if (getsockname(fd, &name.any, &length) >= 0)
                inet_record_name(attributes, "local", kind->kind, &name);
        length = sizeof name;
        if (getpeername(fd, &name.any, &length) >= 0)
                inet_record_name(attributes, "peer", kind->kind, &name);
        if (fstat(fd, &st) >= 0)
                record_set_u64(attributes, "socket_inode", st.st_ino);
        record_set_u64(attributes, "receive_buffer", (uint64_t)socket_option(fd, SOL_SOCKET, SO_RCVBUF));
        record_set_u64(attributes, "send_buffer", (uint64_t)socket_option(fd, SOL_SOCKET, SO_SNDBUF));
        if (kind == &inet_tcp && socket_option(fd, SOL_SOCKET, SO_ACCEPTCONN) > 0)
                return;
        describe_number(fd, SIOCINQ, "queued", attributes);
        describe_number(fd, SIOCOUTQ, "unsent", attributes);
}
