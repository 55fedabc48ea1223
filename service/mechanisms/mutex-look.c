/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What mutexes look like from outside: for one object, and for all that have names. Reads bytes and maps nothing. */
#include "mutex.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "kind-helpers.h"
#include "posix-name.h"
#include "scan.h"

int mutex_file_init(MutexFile *file, const MutexShape *shape, Error *error) {
        int r;

        *file = (MutexFile){ .header = {
                                     .version = MUTEX_VERSION,
                                     .mutex_size = sizeof(pthread_mutex_t),
                                     .type = shape->type,
                                     .robust = shape->robust,
                                     .inherit = shape->inherit,
                                     .data_offset = MUTEX_DATA_OFFSET,
                             } };
        memcpy(file->header.magic, MUTEX_MAGIC, sizeof(file->header.magic));
        r = mutex_image_init(&file->image, shape, error);
        return r;
}

bool mutex_header_valid(const MutexHeader *header) {
        return memcmp(header->magic, MUTEX_MAGIC, sizeof(header->magic)) == 0 && header->version == MUTEX_VERSION &&
               header->mutex_size == sizeof(pthread_mutex_t);
}

int mutex_look(const KernelObject *object, MutexLook *ret, Error *error) {
        MutexImage image;
        int r;

        r = mutex_state_probe(error);
        if (r >= 0)
                r = memory_place_read(object->state, &image, sizeof(image), error);
        if (r < 0)
                return r;
        if (mutex_image_look(&image, ret) >= 0)
                return 0;
        return error_set(error, ERROR_NO_SUCH_OBJECT,
                "There is no mutex at %.200s: its %zu bytes are those of none that pthread_mutex_init(3) makes here.",
                mutex_name(object), sizeof(image));
}

static void describe_look(const MutexLook *look, Record *row) {
        char text[128], command[16];
        pid_t process;

        mutex_look_print(look, text, sizeof(text));
        record_set_string(row, "state", text);
        record_set_u64(row, "value", look->state == MUTEX_FREE || look->state == MUTEX_OWNER_DIED);
        record_set_string(row, "mutex_type", mutex_type_name(look->shape.type));
        record_set_bool(row, "robust", look->shape.robust);
        record_set_string(row, "protocol", look->shape.inherit ? "inherit" : "none");
        record_set_bool(row, "process_shared", look->shape.shared);
        record_set_bool(row, "waited_for", look->waited);
        if (look->owner <= 0 || look->state == MUTEX_FREE)
                return;
        record_set_u64(row, "owner_thread", (uint64_t)look->owner);
        if (look->state != MUTEX_OWNER_DIED && mutex_owner_process(look->owner, &process, command) >= 0) {
                record_set_u64(row, "owner_pid", (uint64_t)process);
                record_set_string(row, "owner_command", command);
        }
}

int mutex_describe(KernelObject *object, Record *attributes, Error *error) {
        MemoryPlace *place = object->state;
        Error why = {};
        MutexLook look;
        int r;

        if (place->memory.bytes > 0)
                record_set_u64(attributes, "size",
                        mutex_is_named(&object->address) ? place->memory.bytes : sizeof(pthread_mutex_t));
        r = mutex_look(object, &look, &why);
        if (r < 0 && why.code == ERROR_NOT_PERMITTED) {
                record_set_string(attributes, "state", "not readable by this user");
                return record_error(attributes);
        }
        if (r < 0) {
                if (error)
                        *error = why;
                return r;
        }
        describe_look(&look, attributes);
        return record_error(attributes);
}

static int scan_one(Scan *scan, int directory, const char *entry) {
        CLEANUP_FD int fd = -EBADF;
        char name[POSIX_NAME_SIZE];
        MutexFile file;
        struct stat st;
        MutexLook look;
        Record *row;
        int r;

        /* What vanished since is no failure of the list. */
        if (fstatat(directory, entry, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
                st.st_size < (off_t)sizeof(file))
                return 0;
        fd = openat(directory, entry, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0 &&
                (pread(fd, &file, sizeof(file), 0) != (ssize_t)sizeof(file) || !mutex_header_valid(&file.header)))
                return 0;
        snprintf(name, sizeof(name), "/%s", entry + strlen(MUTEX_PREFIX));
        r = scan_row_new(MUTEX_KIND, name, &st, &row);
        if (r < 0)
                return r;
        record_set_u64(row, "size", (uint64_t)st.st_size);
        record_set_u64(row, "created", birth_of_file(directory, entry));
        if (fd < 0)
                record_set_string(row, "state", "not readable by this user: only its name says that it is a mutex");
        else if (mutex_image_look(&file.image, &look) >= 0)
                describe_look(&look, row);
        else
                record_set_string(row, "state", "its bytes are those of no mutex any more");
        return scan_row_done(scan, row, &st);
}

int mutex_scan(Scan *scan) {
        DIR *directory;
        struct dirent *entry;
        Error error = {};
        int r;

        if (mutex_state_probe(&error) < 0)
                return scan_reason(scan, MUTEX_KIND, "%s", error.message);
        directory = opendir(POSIX_SHM_DIRECTORY);
        if (!directory)
                return scan_reason(scan, MUTEX_KIND, "%s cannot be read: %s.", POSIX_SHM_DIRECTORY, strerror(errno));
        r = 0;
        while (r >= 0 && (entry = readdir(directory)))
                if (strncmp(entry->d_name, MUTEX_PREFIX, strlen(MUTEX_PREFIX)) == 0 &&
                        entry->d_name[strlen(MUTEX_PREFIX)] != '\0')
                        r = scan_one(scan, dirfd(directory), entry->d_name);
        closedir(directory);
        return r < 0 ? r : 0;
}
