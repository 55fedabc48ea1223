/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AdoptFd of the Manager: each kind is asked whether the descriptor is one of its objects. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "authorise.h"
#include "bus-cleanup.h"
#include "fd-what.h"
#include "manager-bus.h"
#include "objects.h"
#include "record-bus.h"

/* Refused with what it is, and with the kinds that come by descriptors. */
static int refuse(int fd, Error *error) {
        char kinds[256] = "", what[FD_WHAT_MAX];
        size_t length = 0;

        for (size_t i = 0; i < mechanism_table_size && length < sizeof(kinds); i++)
                if (mechanism_table[i]->from_fd)
                        length += (size_t)snprintf(kinds + length, sizeof(kinds) - length, "%s%s",
                                length > 0 ? ", " : "", mechanism_table[i]->kind);
        return error_set(error, ERROR_INVALID_OPTION,
                "The descriptor is of %s, which is of no kind that can be adopted by a descriptor: %s.",
                fd_what(fd, what), kinds);
}

/* The options are checked against the kind that takes it; until then they are the call's. */
static int ask(const Mechanism *mechanism, int *fd, const Record *options, KernelObject *ret, Error *error) {
        CLEANUP(kernel_object_done) KernelObject kernel = KERNEL_OBJECT_EMPTY;
        CLEANUP(record_freep) Record *checked = NULL, *none = NULL;
        Error refusal = {};
        int refused, r;

        r = record_new(&none);
        if (r < 0)
                return error_set_errno(error, r, "The descriptor cannot be adopted");
        refused = bus_check_options(options, mechanism->options, NULL, OPTION_FOR_ADOPT, &checked, &refusal);
        kernel_object_init(&kernel, mechanism);
        r = kernel_object_from_fd(&kernel, fd, refused < 0 ? none : checked, error);
        if (r < 0)
                return r;
        if (refused < 0) {
                *error = refusal;
                return refused;
        }
        *ret = kernel;
        kernel = (KernelObject)KERNEL_OBJECT_EMPTY;
        return 0;
}

static bool is_bus_of(const Manager *manager, int fd) {
        struct stat given, own;
        int bus = sd_bus_get_fd(manager->bus);

        return bus >= 0 && fstat(fd, &given) >= 0 && fstat(bus, &own) >= 0 && given.st_dev == own.st_dev &&
               given.st_ino == own.st_ino;
}

static int adopt(
        Manager *manager, sd_bus_message *call, int given, const Record *options, Object **ret, Error *error) {
        CLEANUP(kernel_object_done) KernelObject kernel = KERNEL_OBJECT_EMPTY;
        const Mechanism *within;
        CLEANUP_FD int fd = -EBADF;
        int r = -EMEDIUMTYPE;

        if (is_bus_of(manager, given))
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "This descriptor is the service's own connection to the bus; what somebody else wrote to it "
                        "would end the service.");
        /* The message's own closes with the message. */
        fd = fcntl(given, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return error_set_errno(error, errno, "The descriptor cannot be taken over");
        within = mechanism_within(fd);
        if (within)
                r = ask(within, &fd, options, &kernel, error);
        for (size_t i = 0; i < mechanism_table_size && r == -EMEDIUMTYPE; i++)
                r = ask(mechanism_table[i], &fd, options, &kernel, error);
        if (r == -EMEDIUMTYPE)
                return refuse(fd, error);
        return r < 0 ? r : objects_adopt_kernel(manager, &kernel, caller_uid(call), ret, error);
}

int manager_adopt_fd(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        CLEANUP(record_freep) Record *options = NULL;
        Object *object = NULL;
        Error error = {};
        int fd, r;

        r = sd_bus_message_read(call, "h", &fd);
        if (r < 0)
                return r;
        r = authorise(call, geteuid(), &error);
        if (r >= 0)
                r = bus_read_options_unchecked(call, &options, &error);
        if (r >= 0)
                r = adopt(userdata, call, fd, options, &object, &error);
        if (r < 0)
                return bus_set_error(ret_error, &error);
        return sd_bus_reply_method_return(call, "os", object->path, object->address);
}
