/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kind mutex: a pthread mutex that processes share, in memory: of its own (mutex:/NAME, mutex.h), or at a place in
 * another memory object (mutex:shm-posix:/jobs+64).
 *
 * An object is a MemoryPlace and keeps no descriptor where the kind of its memory keeps none. The service only reads
 * and writes bytes; locking is a worker's (mutex-lock.c). */
#include "mutex.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checks.h"
#include "cleanup.h"
#include "kind-helpers.h"
#include "kinds.h"
#include "limit-facts.h"
#include "posix-name.h"
#include "scan.h"
#include "trait-tables.h"

#define MUTEX_NAME_MAX (NAME_MAX - (sizeof(MUTEX_PREFIX) - 1))
#define MUTEX_PATH     POSIX_SHM_DIRECTORY "/" MUTEX_PREFIX

int mutex_memory_address(const char *name, Address *ret) {
        CLEANUP_FREE char *path = NULL;

        if (asprintf(&path, "/" MUTEX_PREFIX "%s", name + 1) < 0)
                return -ENOMEM;
        return address_set_path(ret, "shm-posix", path);
}

static int mutex_probe(Record *facts, Error *error) {
        int r;

        r = mutex_state_probe(error);
        if (r < 0)
                return r;
        if (access(POSIX_SHM_DIRECTORY, W_OK | X_OK) < 0)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "Mutexes with names live in " POSIX_SHM_DIRECTORY ", which cannot be used here: %s.",
                        strerror(errno));
        limit_append(facts, "sizeof(pthread_mutex_t)", sizeof(pthread_mutex_t), "bytes", "sizeof(pthread_mutex_t)");
        limit_append(facts, "UINT_MAX", UINT_MAX, "locks of a recursive one", "pthread_mutex_lock(3), EAGAIN");
        limit_append(facts, "NAME_MAX", MUTEX_NAME_MAX, "bytes of a name", "shm_open(3)");
        return 0;
}

static int shape_from_options(const Record *options, MutexShape *ret, Error *error) {
        const char *type = record_get_string(options, "type", "normal");
        const char *protocol = record_get_string(options, "protocol", "none");

        *ret = (MutexShape){
                .type = mutex_type_from_name(type),
                .shared = true,
                .robust = record_get_bool(options, "robust", true),
                .inherit = strcmp(protocol, "inherit") == 0,
        };
        if (ret->type == MUTEX_TYPE_INVALID)
                return error_set(error, ERROR_INVALID_OPTION,
                        "The type \"%.40s\" is none of normal, errorcheck and recursive.", type);
        if (!ret->inherit && strcmp(protocol, "none") != 0)
                return error_set(
                        error, ERROR_INVALID_OPTION, "The protocol \"%.40s\" is none of none and inherit.", protocol);
        return 0;
}

/* What an object has once its place is open; the place becomes its. */
static int object_settle(KernelObject *object, MemoryPlace *place, Error *error) {
        int r;

        if (mutex_is_named(&object->address)) {
                const KernelObject *memory = &place->memory;

                object->owner = memory->owner;
                object->group = memory->group;
                object->mode = memory->mode;
                object->created = memory->created;
                memcpy(object->identity, memory->identity, sizeof(object->identity));
        } else {
                r = memory_place_describe_object(place, object);
                if (r < 0)
                        return error_set_errno(error, r, "The address of the mutex cannot be kept");
        }
        object->bytes = mutex_is_named(&object->address) ? place->memory.bytes : 0;
        object->state = place;
        return 0;
}

static void place_freep(MemoryPlace **place) {
        *place = memory_place_free(*place);
}

static int named_place(const Address *address, MemoryPlace **ret, Error *error) {
        CLEANUP(address_done) Address memory = ADDRESS_EMPTY;
        CLEANUP(place_freep) MemoryPlace *place = NULL;
        Error why = {};
        MutexFile file;
        int r;

        r = posix_name_check(MUTEX_KIND, address->text, MUTEX_NAME_MAX, ERROR_INVALID_ADDRESS, error);
        if (r < 0)
                return r;
        r = mutex_memory_address(address->text, &memory);
        if (r < 0)
                return error_set_errno(error, r, "The address of the mutex cannot be kept");
        r = memory_place_open_at(&memory, 0, &place, &why);
        if (r >= 0 && memory_place_read(place, &file, sizeof(file), &why) < 0)
                /* Owner and mode are told of what cannot be read, too. */
                r = why.code == ERROR_NOT_PERMITTED ? 0 : error_set(&why, ERROR_NO_SUCH_OBJECT, "too short");
        else if (r >= 0 && !mutex_header_valid(&file.header))
                return error_set(error, ERROR_NO_SUCH_OBJECT,
                        "What stands for \"%.200s\" in " POSIX_SHM_DIRECTORY
                        " is no mutex: it does not say so at offset %d.",
                        address->text, MUTEX_HEADER_OFFSET);
        if (r < 0 && why.code == ERROR_NO_SUCH_OBJECT)
                return error_set(error, ERROR_NO_SUCH_OBJECT, "There is no mutex named \"%.200s\".", address->text);
        if (r < 0) {
                if (error)
                        *error = why;
                return r;
        }
        *ret = TAKE_POINTER(place);
        return 0;
}

/* The place of a mutex that may not be there yet. */
static int placed(MemoryPlace *place, Error *error) {
        return memory_place_check_alignment(place, "A mutex", _Alignof(pthread_mutex_t), error);
}

static int mutex_open_place(KernelObject *object, MemoryPlace *place, Error *error) {
        MutexLook look;
        int r;

        r = placed(place, error);
        if (r >= 0)
                r = object_settle(object, place, error);
        if (r < 0) {
                memory_place_free(place);
                return r;
        }
        r = mutex_look(object, &look, error);
        if (r < 0)
                object->state = memory_place_free(object->state);
        return r;
}

static int mutex_open(KernelObject *object, const Record *options, Error *error) {
        MemoryPlace *place = NULL;
        int r;

        if (!mutex_is_named(&object->address)) {
                r = memory_place_open(&object->address, &place, error);
                return r < 0 ? r : mutex_open_place(object, place, error);
        }
        r = named_place(&object->address, &place, error);
        if (r >= 0)
                r = object_settle(object, place, error);
        if (r < 0 && place)
                memory_place_free(place);
        return r;
}

static bool mutex_needs_fetch(const Address *address) {
        return !mutex_is_named(address) && memory_place_needs_fetch(address);
}

static int mutex_fetch(Address *address, const Record *options, int *ret_fd, Error *error) {
        return mutex_is_named(address) ? 0 : memory_place_fetch(address, options, ret_fd, error);
}

static int mutex_from_fd(KernelObject *object, int fd, const Record *options, Error *error) {
        MemoryPlace *place = NULL;
        int r;

        /* A descriptor alone does not say where in its memory a mutex is. */
        if (object->address.form != ADDRESS_NAME)
                return -EMEDIUMTYPE;
        r = memory_place_from_fd(&object->address, fd, &place, error);
        if (r >= 0)
                r = mutex_open_place(object, place, error);
        if (r < 0)
                return r;
        (void)fd_close(fd);
        return 0;
}

static void mutex_close(KernelObject *object) {
        object->state = memory_place_free(object->state);
}

static int create_named(KernelObject *object, const MutexShape *shape, const Record *options, Error *error) {
        uint64_t size = record_get_u64(options, "size", (uint64_t)sysconf(_SC_PAGESIZE));
        mode_t mode = (mode_t)record_get_u64(options, "mode", 0600);
        char name[POSIX_NAME_SIZE], path[sizeof(MUTEX_PATH) + POSIX_NAME_SIZE];
        MutexFile file;
        struct stat st;
        int r;

        r = posix_name_from_options(MUTEX_KIND, options, MUTEX_NAME_MAX, name, error);
        if (r < 0)
                return r;
        r = mutex_file_init(&file, shape, error);
        if (r < 0)
                return r;
        snprintf(path, sizeof(path), MUTEX_PATH "%s", name + 1);
        r = address_set_path(&object->address, MUTEX_KIND, name);
        if (r < 0)
                return error_set_errno(error, r, "Cannot keep the name \"%s\"", name);
        r = posix_shm_publish("mutex", name, path, &file, sizeof(file), size, mode, &st, error);
        if (r < 0)
                return r;
        r = mutex_open(object, NULL, error);
        if (r < 0) {
                (void)unlink(path);
                return r;
        }
        object->created = realtime_now();
        return 0;
}

static bool all_zero(const void *bytes, size_t size) {
        const unsigned char *p = bytes;

        for (size_t i = 0; i < size; i++)
                if (p[i])
                        return false;
        return true;
}

static int create_placed(
        KernelObject *object, const MutexShape *shape, const char *at, const Record *options, Error *error) {
        CLEANUP(address_done) Address memory = ADDRESS_EMPTY;
        CLEANUP(place_freep) MemoryPlace *place = NULL;
        MutexImage image, old;
        uint64_t offset;
        int r;

        if (record_has(options, "name") || record_has(options, "size") || record_has(options, "mode"))
                return error_set(error, ERROR_INVALID_OPTION,
                        "With place= the mutex lies in memory that is there: name, size and mode are that memory's.");
        r = memory_place_parse(MUTEX_KIND, at, &memory, &offset, error);
        if (r >= 0)
                r = memory_place_open_at(&memory, offset, &place, error);
        if (r >= 0)
                r = placed(place, error);
        if (r >= 0)
                r = memory_place_read(place, &old, sizeof(old), error);
        if (r >= 0)
                r = mutex_image_init(&image, shape, error);
        if (r < 0)
                return r;
        if (!record_get_bool(options, "replace", false) && !all_zero(&old, sizeof(old)))
                return error_set(error, ERROR_EXISTS,
                        "The %zu bytes at %.200s are not all zero: something is there, and it is left as it is. With "
                        "replace=true it is written over.",
                        sizeof(old), at);
        r = memory_place_write(place, &image, sizeof(image), error);
        if (r >= 0)
                r = address_set_bytes(&object->address, MUTEX_KIND, ADDRESS_NAME, at, strlen(at));
        if (r >= 0)
                r = object_settle(object, place, error);
        if (r < 0)
                return r;
        (void)TAKE_POINTER(place);
        object->created = realtime_now();
        return 0;
}

static int mutex_create(KernelObject *object, const Record *options, Error *error) {
        const char *at = record_get_string(options, "place", NULL);
        MutexShape shape;
        int r;

        r = shape_from_options(options, &shape, error);
        if (r < 0)
                return r;
        return at ? create_placed(object, &shape, at, options, error) : create_named(object, &shape, options, error);
}

static int mutex_identify(const Address *address, char ret_identity[IDENTITY_MAX], Error *error) {
        KernelObject object;
        int r;

        kernel_object_init(&object, &mechanism_mutex);
        r = address_copy(address, &object.address);
        if (r >= 0)
                r = mutex_open(&object, NULL, error);
        if (r >= 0)
                memcpy(ret_identity, object.identity, IDENTITY_MAX);
        kernel_object_done(&object);
        return r;
}

static int remove_named(KernelObject *object, Error *error) {
        char path[sizeof(MUTEX_PATH) + POSIX_NAME_SIZE];

        snprintf(path, sizeof(path), MUTEX_PATH "%s", object->address.text + 1);
        if (unlink(path) >= 0)
                return 0;
        if (errno == ENOENT)
                return error_set(error, ERROR_NO_SUCH_OBJECT, "There is no mutex named \"%.200s\" any more.",
                        object->address.text);
        return error_set_errno(error, errno, "Cannot remove the mutex \"%.200s\"", object->address.text);
}

static int mutex_remove(KernelObject *object, Error *error) {
        static const MutexImage zeros;
        char text[128];
        MutexLook look;
        int r;

        if (mutex_is_named(&object->address))
                return remove_named(object, error);
        r = mutex_look(object, &look, error);
        if (r < 0)
                return r;
        if (look.state == MUTEX_LOCKED || look.state == MUTEX_INCONSISTENT) {
                mutex_look_print(&look, text, sizeof(text));
                return error_set(error, ERROR_BUSY,
                        "The mutex at %.150s is %s; pthread_mutex_destroy(3) is for mutexes that nobody has.",
                        mutex_name(object), text);
        }
        return memory_place_write(object->state, &zeros, sizeof(zeros), error);
}

static int mutex_open_end(KernelObject *object, const char *end, bool take, int *ret_fd, Error *error) {
        MemoryPlace *place = object->state;
        int r;

        r = single_end_check(object, end, error);
        if (r >= 0)
                r = mechanism_supports(place->memory.mechanism, OPERATION_OPEN_END, error);
        return r < 0 ? r : place->memory.mechanism->open_end(&place->memory, "", false, ret_fd, error);
}

/* Locking writes. */
static int mutex_file(const Address *address, char **ret_path, int *ret_want) {
        CLEANUP(address_done) Address memory = ADDRESS_EMPTY;
        const Mechanism *mechanism;
        uint64_t offset = 0;
        int r;

        r = mutex_is_named(address) ? mutex_memory_address(address->text, &memory)
                                    : memory_place_parse(MUTEX_KIND, address->text, &memory, &offset, NULL);
        if (r >= 0)
                r = mechanism_for_address(&memory, &mechanism, NULL);
        if (r >= 0)
                r = mechanism->file ? mechanism->file(&memory, ret_path, ret_want) : -EOPNOTSUPP;
        if (r >= 0)
                *ret_want = R_OK | W_OK;
        return r;
}

static int mutex_holder_keys(const KernelObject *object, HolderKey *ret_keys, size_t *n) {
        return memory_place_holder_keys(object->state, ret_keys, n);
}

static void mutex_sweep(const char *token) {
        posix_shm_sweep(MUTEX_PREFIX, token);
}

static int mutex_entry_address(const char *name, char **ret_address) {
        if (strncmp(name, MUTEX_PREFIX, strlen(MUTEX_PREFIX)) != 0)
                return -EINVAL;
        return posix_entry_address(MUTEX_KIND, name + strlen(MUTEX_PREFIX), ret_address);
}

/* The kernel gives a lock to a thread and takes it from nobody else. */
static bool mutex_holds(const Record *options) {
        return true;
}

static const OptionSpec mutex_options[] = {
        { "name", OPTION_STRING, OPTION_FOR_CREATE, NULL, 0, 0, "the name, as /jobs; the slash may be left out" },
        { "place", OPTION_STRING, OPTION_FOR_CREATE, NULL, 0, 0,
                "instead of a name: where in other memory, as shm-posix:/jobs+64" },
        { "replace", OPTION_BOOL, OPTION_FOR_CREATE, "false", 0, 0, "with place: also over bytes that are not zero" },
        { "type", OPTION_STRING, OPTION_FOR_CREATE, "normal", 0, 0, "normal, errorcheck or recursive" },
        { "robust", OPTION_BOOL, OPTION_FOR_CREATE, "true", 0, 0, "who locks it after its owner died is told" },
        { "protocol", OPTION_STRING, OPTION_FOR_CREATE, "none", 0, 0,
                "none, or inherit: who holds it has the priority of who waits" },
        { "size", OPTION_SIZE, OPTION_FOR_CREATE, "4K", MUTEX_DATA_OFFSET, 0,
                "of its memory; from offset 128 on it is free for what the mutex guards" },
        { "mode", OPTION_MODE, OPTION_FOR_CREATE, "0600", 0, 0777, "permission bits, whatever the umask is" },
        { "recover", OPTION_BOOL, OPTION_FOR_WAIT, "true", 0, 0,
                "whether one whose owner died is made consistent again; else it is lost when it is unlocked" },
        {},
};

static const char *const mutex_ends[] = { "memory", NULL };

const Mechanism mechanism_mutex = {
        .kind = MUTEX_KIND,
        .title = "mutex shared by processes",
        .family = "semaphores",
        .capabilities = CAPABILITY_SEMAPHORE,
        .address_forms = 1u << ADDRESS_PATH | 1u << ADDRESS_NAME,
        .facts = {
                .direction = "none",
                .order = "none: the kernel chooses who of the waiting gets it",
                .persistence = "as long as its memory",
                .unrelated = true,
                .carries_data = false,
                .source = "pthread_mutex_lock(3)",
        },
        .ends = mutex_ends,
        .options = mutex_options,
        .in_worker = 1u << OPERATION_POST | 1u << OPERATION_WAIT,
        .reasons = {
                [OPERATION_SEND] = "A mutex carries no data: it guards some. Write into the memory beside it.",
                [OPERATION_RECEIVE] = "A mutex carries no data; wait locks it.",
                [OPERATION_PEEK] = "A mutex carries no data; show tells whether it is locked, and by whom.",
                [OPERATION_ACCEPT] = "A mutex has no connections.",
                [OPERATION_RESIZE] = "A mutex has no size to change; the memory that it lies in may have.",
                [OPERATION_SEAL] = "A mutex cannot be sealed.",
                [OPERATION_LISTEN] = "A mutex receives no signals.",
                [OPERATION_WATCH] = "The kernel tells nobody when processes lock and unlock among themselves: without a "
                                    "contest it does not even know.",
        },
        .probe = mutex_probe,
        .create = mutex_create,
        .open = mutex_open,
        .from_fd = mutex_from_fd,
        .needs_fetch = mutex_needs_fetch,
        .fetch = mutex_fetch,
        .close = mutex_close,
        .remove = mutex_remove,
        .identify = mutex_identify,
        .post = mutex_post,
        .wait = mutex_wait,
        .holds = mutex_holds,
        .release = mutex_release,
        .open_end = mutex_open_end,
        .file = mutex_file,
        .describe = mutex_describe,
        .scan = mutex_scan,
        .holder_keys = mutex_holder_keys,
        .watch_directory = posix_shm_open_directory,
        .entry_address = mutex_entry_address,
        .sweep = mutex_sweep,
        .transport = &mutex_transport,
        .example = "name=/example",
        .traits = mutex_traits,
        .checks = mutex_checks,
        .gaps = mutex_gaps,
};
