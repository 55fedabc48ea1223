/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hosts and ports, from text to the kernel's form and back. Owns nothing. */
#include "inet-address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cleanup.h"
#include "fd-fetch.h"
#include "units.h"

/* "eth0" or its number. */
static int scope_from_text(const char *text, uint32_t *ret) {
        uint64_t number;
        unsigned index = if_nametoindex(text);

        if (index == 0 && number_parse(text, &number) >= 0 && number > 0 && number <= UINT32_MAX)
                index = (unsigned)number;
        if (index == 0)
                return -ENODEV;
        *ret = index;
        return 0;
}

/* -EINVAL: no numeric host; -ENODEV: its scope is no interface. */
static int name_from_number(const char *host, InetName *ret) {
        char text[INET_HOST_MAX];
        InetName name = {};
        char *scope;

        if (strlen(host) >= sizeof text)
                return -EINVAL;
        if (inet_pton(AF_INET, host, &name.v4.sin_addr) == 1) {
                name.v4.sin_family = AF_INET;
                *ret = name;
                return 0;
        }
        memcpy(text, host, strlen(host) + 1);
        scope = strchr(text, '%');
        if (scope)
                *scope++ = '\0';
        if (inet_pton(AF_INET6, text, &name.v6.sin6_addr) != 1)
                return -EINVAL;
        name.v6.sin6_family = AF_INET6;
        if (scope && scope_from_text(scope, &name.v6.sin6_scope_id) < 0)
                return -ENODEV;
        *ret = name;
        return 0;
}

static bool is_localhost(const char *host) {
        return strcasecmp(host, "localhost") == 0 || strcasecmp(host, "localhost.") == 0;
}

int inet_name_from_host(const char *host, uint16_t port, InetName *ret, Error *error) {
        int r;

        r = name_from_number(is_localhost(host) ? "127.0.0.1" : host, ret);
        if (r == -ENODEV)
                return error_set(error, ERROR_INVALID_ADDRESS,
                        "The host %.80s names an interface behind its %% that is not in this network namespace.",
                        host);
        if (r < 0)
                return error_set(error, ERROR_INVALID_ADDRESS,
                        "The host \"%.200s\" is no numeric address, and looking names up is not possible here; give "
                        "it as a number, such as 127.0.0.1 or ::1, or as localhost.",
                        host);
        if (ret->any.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&ret->v6.sin6_addr) && ret->v6.sin6_scope_id == 0)
                return error_set(error, ERROR_INVALID_ADDRESS,
                        "The address %.80s is one of a link, and needs its interface: %.80s%%eth0.", host, host);
        inet_name_set_port(ret, port);
        return 0;
}

int inet_address_to_name(const Address *address, InetName *ret, Error *error) {
        if (address->form == ADDRESS_INODE)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "The socket [%" PRIu64 "] is got at through a process that holds it, not by a host and port.",
                        address->number);
        return inet_name_from_host(address->text, address->port, ret, error);
}

const char *inet_name_print_host(const InetName *name, char buffer[INET_HOST_MAX]) {
        char interface[IF_NAMESIZE];
        size_t length;

        if (name->any.sa_family == AF_INET)
                return inet_ntop(AF_INET, &name->v4.sin_addr, buffer, INET_HOST_MAX);
        if (!inet_ntop(AF_INET6, &name->v6.sin6_addr, buffer, INET_HOST_MAX))
                return NULL;
        length = strlen(buffer);
        if (name->v6.sin6_scope_id == 0)
                return buffer;
        if (if_indextoname(name->v6.sin6_scope_id, interface))
                snprintf(buffer + length, INET_HOST_MAX - length, "%%%s", interface);
        else
                snprintf(buffer + length, INET_HOST_MAX - length, "%%%u", name->v6.sin6_scope_id);
        return buffer;
}

int inet_address_from_name(const char *kind, const InetName *name, Address *ret) {
        char host[INET_HOST_MAX];
        int r;

        if (!inet_name_print_host(name, host))
                return -EAFNOSUPPORT;
        r = address_set_bytes(ret, kind, ADDRESS_HOST, host, strlen(host));
        if (r >= 0)
                ret->port = inet_name_port(name);
        return r;
}

void inet_record_name(Record *record, const char *key, const char *kind, const InetName *name) {
        CLEANUP(address_done) Address address = ADDRESS_EMPTY;
        CLEANUP_FREE char *text = NULL;

        if (inet_address_from_name(kind, name, &address) < 0)
                return;
        text = address_print(&address);
        if (text)
                record_set_string(record, key, text);
}

bool inet_needs_fetch(const Address *address) {
        InetName name;

        if (address->form == ADDRESS_INODE)
                return true;
        return address->form == ADDRESS_HOST && !is_localhost(address->text) &&
               name_from_number(address->text, &name) == -EINVAL;
}

static int look_up(Address *address, Error *error) {
        const struct addrinfo hints = {
                .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG
        };
        struct addrinfo *found = NULL;
        Address completed = ADDRESS_EMPTY;
        InetName name = {};
        int r;

        r = getaddrinfo(address->text, NULL, &hints, &found);
        if (r == EAI_AGAIN)
                return error_set(error, ERROR_TIMED_OUT, "The host name %.200s could not be looked up: %s.",
                        address->text, gai_strerror(r));
        if (r != 0)
                return error_set(error, ERROR_NO_SUCH_OBJECT, "There is no host %.200s: %s.", address->text,
                        r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
        if (found->ai_addrlen <= sizeof name)
                memcpy(&name, found->ai_addr, found->ai_addrlen);
        freeaddrinfo(found);
        inet_name_set_port(&name, address->port);
        r = inet_address_from_name(address->kind, &name, &completed);
        if (r < 0)
                return error_set_errno(error, r, "The address of %.200s cannot be kept", address->text);
        address_done(address);
        *address = completed;
        return 0;
}

int inet_fetch(Address *address, const Record *options, int *ret_fd, Error *error) {
        HolderKey key = { .type = HOLDER_SOCKET, .number = address->number };
        char what[ADDRESS_KIND_MAX + 32];

        if (address->form == ADDRESS_HOST)
                return inet_needs_fetch(address) ? look_up(address, error) : 0;
        snprintf(what, sizeof what, "%s:[%" PRIu64 "]", address->kind, address->number);
        return fd_fetch(&key, FETCH_DUPLICATE, 0, what, ret_fd, error);
}
