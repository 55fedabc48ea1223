/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From an address to its kind: what forms a kind takes, aliases that stand for several kinds, and what opening it asks
 * for. */
#include "mechanism.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"

bool mechanism_is_alias(const Address *address) {
        if (address->form != ADDRESS_INODE || mechanism_find(address->kind))
                return false;
        for (size_t i = 0; i < mechanism_table_size; i++)
                if (mechanism_table[i]->alias && strcmp(mechanism_table[i]->alias, address->kind) == 0)
                        return true;
        return false;
}

/* The kind that takes the descriptor, or NULL. */
static const Mechanism *alias_of_fd(const char *alias, int fd) {
        for (size_t i = 0; i < mechanism_table_size; i++) {
                KernelObject object;
                int copy, r;

                if (!mechanism_table[i]->alias || strcmp(mechanism_table[i]->alias, alias) != 0)
                        continue;
                copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
                kernel_object_init(&object, mechanism_table[i]);
                r = kernel_object_from_fd(&object, &copy, NULL, NULL);
                fd_close(copy);
                kernel_object_done(&object);
                if (r >= 0)
                        return mechanism_table[i];
        }
        return NULL;
}

/* What no list of the kernel has (a socket that is neither bound nor connected) is told by a descriptor of it. */
static int alias_fetch(const Mechanism *any, const Address *address, const Mechanism **ret, Error *error) {
        CLEANUP(address_done) Address copy = ADDRESS_EMPTY;
        CLEANUP_FD int fd = -EBADF;
        int r;

        r = address_copy(address, &copy);
        if (r >= 0)
                r = any->fetch(&copy, NULL, &fd, error);
        if (r < 0)
                return r;
        *ret = alias_of_fd(address->kind, fd);
        return 0;
}

int mechanism_resolve(Address *address, Error *error) {
        const Mechanism *found = NULL, *any = NULL;
        int r = 0;

        for (size_t i = 0; i < mechanism_table_size && !found; i++) {
                const Mechanism *mechanism = mechanism_table[i];

                if (!mechanism->alias || strcmp(mechanism->alias, address->kind) != 0)
                        continue;
                any = mechanism;
                if (mechanism->resolve(mechanism, address->number) > 0)
                        found = mechanism;
        }
        if (!found && any)
                r = alias_fetch(any, address, &found, error);
        if (r < 0)
                return r;
        if (!found)
                return error_set(error, ERROR_NOT_SUPPORTED, "%s:[%llu] is of no kind that is known here.",
                        address->kind, (unsigned long long)address->number);
        (void)snprintf(address->kind, sizeof address->kind, "%s", found->kind);
        return 0;
}

const Mechanism *mechanism_within(int fd) {
        for (size_t i = 0; i < mechanism_table_size; i++)
                if (mechanism_table[i]->within && mechanism_table[i]->within(fd))
                        return mechanism_table[i];
        return NULL;
}

bool mechanism_opens_in_worker(const Mechanism *mechanism, const Address *address) {
        return mechanism->in_worker & 1u << OPERATION_ADOPT ||
               (mechanism->needs_fetch && mechanism->needs_fetch(address));
}

enum { FORMS_MAX = 160 };

static const char *form_example(AddressForm form) {
        static const char *const examples[ADDRESS_FORM_MAX] = {
                [ADDRESS_PATH] = "/path",
                [ADDRESS_ABSTRACT] = "@name",
                [ADDRESS_HOST] = "127.0.0.1:4444",
                [ADDRESS_NUMBER] = "1234",
                [ADDRESS_ID] = "id=5",
                [ADDRESS_KEY] = "key=0x1234",
                [ADDRESS_INODE] = "[81234]",
                [ADDRESS_NAME] = "name",
        };
        return examples[form];
}

/* "pipe:[INODE] or fifo:/path": every form that the kind takes. */
static void forms_of(const Mechanism *mechanism, char *ret, size_t size) {
        size_t length = 0;

        ret[0] = '\0';
        for (int form = 0; form < ADDRESS_FORM_MAX; form++)
                if (mechanism->address_forms & (1u << form)) {
                        int n = snprintf(ret + length, size - length, "%s%s:%s", length ? " or " : "", mechanism->kind,
                                form_example(form));
                        if (n > 0 && (size_t)n < size - length)
                                length += (size_t)n;
                }
}

int mechanism_parse_address(const char *text, Address *ret, Error *error) {
        char kind[ADDRESS_KIND_MAX], forms[FORMS_MAX];
        const Mechanism *mechanism;
        size_t length = strcspn(text, ":");
        Error why = {};
        int r;

        r = address_parse(text, ret, &why);
        if (r >= 0)
                return r;
        snprintf(kind, sizeof kind, "%.*s", (int)(length < sizeof kind ? length : 0), text);
        mechanism = text[length] == ':' ? mechanism_find(kind) : NULL;
        if (!mechanism)
                return error_set(error, why.code, "%s", why.message);
        forms_of(mechanism, forms, sizeof forms);
        return error_set(error, why.code, "%s An address of the kind \"%s\" looks like %s.", why.message, kind, forms);
}

int mechanism_for_address(const Address *address, const Mechanism **ret, Error *error) {
        const Mechanism *mechanism;
        char forms[FORMS_MAX];
        int r;

        r = mechanism_for_kind(address->kind, &mechanism, error);
        if (r < 0)
                return r;
        if (address->form >= 0 && address->form < ADDRESS_FORM_MAX &&
                (mechanism->address_forms & (1u << address->form))) {
                *ret = mechanism;
                return 0;
        }
        forms_of(mechanism, forms, sizeof forms);
        return error_set(
                error, ERROR_INVALID_ADDRESS, "An address of the kind \"%s\" looks like %s.", mechanism->kind, forms);
}
