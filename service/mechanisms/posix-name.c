/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of POSIX objects: the one rule for them, and the names of tests. Owns nothing. */
#include "posix-name.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "cleanup.h"

int posix_name_check(const char *kind, const char *name, size_t longest, ErrorCode code, Error *error) {
        size_t length;

        if (name[0] != '/')
                return error_set(error, code, "The name \"%.80s\" for %s does not begin with a slash; write /%.80s.",
                        name, kind, name);
        length = strlen(name + 1);
        if (length == 0)
                return error_set(
                        error, code, "The name \"/\" for %s is empty behind its slash; give one as /jobs.", kind);
        if (strchr(name + 1, '/'))
                return error_set(error, code,
                        "The name \"%.80s\" for %s has a second slash; POSIX names have one, in front, and no "
                        "folders.",
                        name, kind);
        if (strcmp(name, "/.") == 0 || strcmp(name, "/..") == 0)
                return error_set(error, code, "The name \"%s\" for %s is a folder of the file system; choose another.",
                        name, kind);
        if (length > longest)
                return error_set(error, code,
                        "The name for %s that begins \"%.40s\" is %zu bytes long without its slash; the longest is "
                        "%zu.",
                        kind, name, length, longest);
        return 0;
}

int posix_name_from_options(
        const char *kind, const Record *options, size_t longest, char ret_name[POSIX_NAME_SIZE], Error *error) {
        const char *option = record_get_string(options, "name", NULL);
        char name[POSIX_NAME_SIZE + 1]; /* a byte more, so that a name that is too long is so after the slash too */
        size_t length, slash;
        int r;

        if (!option)
                return error_set(
                        error, ERROR_INVALID_OPTION, "%s needs the option name, for example name=/jobs.", kind);
        length = strlen(option);
        /* What begins with a slash is taken as it is, so that "//x" is told about and not mended. */
        slash = option[0] == '/' ? 0 : 1;
        if (slash + length >= sizeof(name))
                return error_set(error, ERROR_INVALID_OPTION,
                        "The name for %s that begins \"%.40s\" is %zu bytes long; the longest is %zu.", kind, option,
                        length, longest);
        name[0] = '/';
        memcpy(name + slash, option, length + 1);
        r = posix_name_check(kind, name, longest, ERROR_INVALID_OPTION, error);
        if (r < 0)
                return r;
        memcpy(ret_name, name, strlen(name) + 1);
        return 0;
}

bool posix_shm_is_entry(const char *path) {
        size_t length = sizeof POSIX_SHM_DIRECTORY; /* with the slash */

        return strncmp(path, POSIX_SHM_DIRECTORY "/", length) == 0 && !strchr(path + length, '/');
}

int posix_shm_failed(int number, const char *doing, const char *name, Error *error) {
        if (number != ENOSPC && number != EDQUOT)
                return error_set_errno(error, number, "Cannot %s \"%s\"", doing, name);
        return error_set(error, ERROR_LIMIT_EXCEEDED,
                "Cannot %s \"%s\": " POSIX_SHM_DIRECTORY
                " is full, no memory or no file is left in it (%s, df(1) and df "
                "-i tell which); remove what is not needed there.",
                doing, name, strerrorname_np(number));
}

bool posix_name_is_of_run(const char *name, const char *token) {
        size_t length = strlen(token);

        return length > 0 && strncmp(name, "ipcbus-", 7) == 0 && strncmp(name + 7, token, length) == 0 &&
               name[7 + length] == '-';
}

int posix_name_of_run(const char *token, unsigned i, char *ret_name, size_t size) {
        int n = snprintf(ret_name, size, "/ipcbus-%s-%u", token, i);

        return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int posix_name_claim(const char *token, char *ret_name, size_t size,
        int (*make)(const char *name, void *userdata, Error *error), void *userdata, Error *error) {
        int r;

        for (unsigned i = 0; i < POSIX_NAMES_PER_RUN; i++) {
                r = posix_name_of_run(token, i, ret_name, size);
                if (r < 0)
                        return error_set_errno(error, r, "No name can be made of the token \"%.40s\"", token);
                r = make(ret_name, userdata, error);
                if (r != -EEXIST)
                        return r;
        }
        return error_set(error, ERROR_LIMIT_EXCEEDED,
                "This run has %u objects of the kind already; a test removes one before it makes the next.",
                (unsigned)POSIX_NAMES_PER_RUN);
}

void posix_shm_sweep(const char *prefix, const char *token) {
        DIR *directory = opendir(POSIX_SHM_DIRECTORY);
        size_t skip = strlen(prefix);
        struct dirent *entry;

        if (!directory)
                return;
        while ((entry = readdir(directory)))
                if (strncmp(entry->d_name, prefix, skip) == 0 && posix_name_is_of_run(entry->d_name + skip, token))
                        (void)unlinkat(dirfd(directory), entry->d_name, 0);
        closedir(directory);
}

/* A file with no name yet gets its bytes and then, all at once, its name; link(2) never replaces what is there. */
int posix_shm_publish(const char *noun, const char *name, const char *path, const void *bytes, size_t n, uint64_t size,
        mode_t mode, struct stat *ret_st, Error *error) {
        CLEANUP_FD int fd = -EBADF;
        char doing[64], unnamed[64];

        snprintf(doing, sizeof(doing), "make the %.40s", noun);
        fd = open(POSIX_SHM_DIRECTORY, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (fd < 0 && (errno == ENOENT || errno == EROFS))
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "A %s lives in " POSIX_SHM_DIRECTORY ", which cannot be used here: %s.", noun,
                        strerror(errno));
        if (fd < 0)
                return posix_shm_failed(errno, doing, name, error);
        errno = ENOSPC; /* for a short write, which sets none */
        if (write(fd, bytes, n) != (ssize_t)n || ftruncate(fd, (off_t)size) < 0)
                return posix_shm_failed(errno, doing, name, error);
        if (fchmod(fd, mode) < 0 || fstat(fd, ret_st) < 0)
                return error_set_errno(
                        error, errno, "Cannot give the %s \"%s\" the mode %04o", noun, name, (unsigned)mode);
        snprintf(unnamed, sizeof(unnamed), "/proc/self/fd/%d", fd);
        if (linkat(AT_FDCWD, unnamed, AT_FDCWD, path, AT_SYMLINK_FOLLOW) >= 0)
                return 0;
        if (errno == ENOENT)
                return error_set(error, ERROR_NOT_SUPPORTED,
                        "The %s \"%s\" cannot be named: that needs /proc, which is not mounted here.", noun, name);
        if (errno == EEXIST)
                return error_set(
                        error, ERROR_EXISTS, "A %s named \"%s\" exists already; it is left as it is.", noun, name);
        return error_set_errno(error, errno, "Cannot name the %s \"%s\"", noun, name);
}

int posix_shm_open_directory(void) {
        int fd = open(POSIX_SHM_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

int posix_entry_address(const char *kind, const char *name, char **ret_address) {
        char path[POSIX_NAME_SIZE];
        Address address = ADDRESS_EMPTY;
        char *text;
        int r;

        r = snprintf(path, sizeof path, "/%s", name);
        if (r < 0 || (size_t)r >= sizeof path)
                return -EINVAL;
        r = address_set_path(&address, kind, path);
        if (r < 0)
                return r;
        text = address_print(&address);
        address_done(&address);
        if (!text)
                return -ENOMEM;
        *ret_address = text;
        return 0;
}
