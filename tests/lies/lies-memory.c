/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lies.h"

/* What is promised of memory and its names, users and limits. */
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static void *map_nothing(size_t size, int protection) {
        return REAL(mmap)(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void map_tail(char *memory, size_t size, int protection, int fd, off_t offset) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE), have;
        struct stat st;

        if (fstat(fd, &st) < 0 || st.st_size < offset)
                return;
        have = ((size_t)(st.st_size - offset) + page - 1) / page * page;
        if (have < size)
                (void)REAL(mmap)(
                        memory + have, size - have, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset) {
        bool file = fd >= 0 && !(flags & MAP_ANONYMOUS), shared = (flags & MAP_TYPE) != MAP_PRIVATE;
        void *memory;

        if (TELLS(MMAP_FAILS)) {
                errno = EIO;
                return MAP_FAILED;
        }
        if (shared && TELLS(MMAP_SHARED_IS_PRIVATE))
                flags = (flags & ~MAP_TYPE) | MAP_PRIVATE;
        if (file && !shared && TELLS(MMAP_PRIVATE_IS_SHARED))
                flags = (flags & ~MAP_TYPE) | MAP_SHARED;
        if (offset > UINT_MAX && TELLS(MMAP_32_BIT))
                offset &= UINT_MAX;
        memory = REAL(mmap)(address, size, protection, flags, fd, offset);
        if (memory == MAP_FAILED) {
                int number = errno;

                if (number == EACCES && TELLS(MMAP_WRITES_ANYTHING))
                        return map_nothing(size, protection);
                if (TELLS(MMAP_NEVER_REFUSES))
                        return map_nothing(size, protection);
                errno = TELLS(MMAP_OTHER_ERROR) ? EIO : number;
        }
        if (file && memory != MAP_FAILED && TELLS(MMAP_NO_END))
                map_tail(memory, size, protection, fd, offset);
        return memory;
}

CALL(int, MUNMAP, munmap, (void *memory, size_t size), (memory, size))
CALL(int, MSYNC, msync, (void *memory, size_t size, int flags), (memory, size, flags))

int ftruncate(int fd, off_t size) {
        struct stat before = { 0 };
        int r;

        BEGIN(FTRUNCATE);
        (void)fstat(fd, &before);
        r = END(FTRUNCATE, REAL(ftruncate)(fd, size));
        if (r >= 0 && size > before.st_size && TELLS(FTRUNCATE_DIRTY))
                (void)REAL(pwrite)(fd, "dirt", 4, before.st_size);
        if (r >= 0 && size > before.st_size && size < INT_MAX && TELLS(FTRUNCATE_TAKES))
                (void)REAL(fallocate)(fd, 0, 0, size);
        return r;
}

CALL(int, FALLOCATE, fallocate, (int fd, int mode, off_t offset, off_t size), (fd, mode, offset, size))
CALL_RETURNS(POSIX_FALLOCATE, posix_fallocate, EIO, (int fd, off_t offset, off_t size), (fd, offset, size))

/* Nothing is written, and all of it is said to be. */
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
        if (TELLS(PWRITE_NOTHING))
                return (ssize_t)size;
        BEGIN(PWRITE);
        return END(PWRITE, REAL(pwrite)(fd, data, size, offset));
}

ssize_t pread(int fd, void *data, size_t size, off_t offset) {
        ssize_t n;

        BEGIN(PREAD);
        n = END(PREAD, REAL(pread)(fd, data, size, offset));
        if (n > 0 && TELLS(PREAD_STALE))
                memset(data, 0, (size_t)n);
        return n;
}

static void unlink_memory(const char *name) {
        (void)REAL(shm_unlink)(name);
}

int shm_open(const char *name, int flags, mode_t mode) {
        BEGIN(SHM_OPEN);
        if (flags & O_EXCL && TELLS(SHM_EXCLUSIVE_IGNORED))
                flags &= ~O_EXCL;
        if (!(flags & O_CREAT) && TELLS(SHM_GONE))
                return REAL(memfd_create)("gone", MFD_CLOEXEC);
        return END(SHM_OPEN, REAL(shm_open)(name, flags, mode));
}

int shm_unlink(const char *name) {
        if (TELLS(SHM_UNLINK_NOTHING)) {
                lie_undo_later(unlink_memory, name);
                return 0;
        }
        BEGIN(SHM_UNLINK);
        return END(SHM_UNLINK, REAL(shm_unlink)(name));
}

CALL(int, MEMFD_CREATE, memfd_create, (const char *name, unsigned flags), (name, flags))
CALL(int, SHMGET, shmget, (key_t key, size_t size, int flags), (key, size, flags))
CALL(int, SHMDT, shmdt, (const void *memory), (memory))

void *shmat(int id, const void *address, int flags) {
        struct shmid_ds about = { 0 };
        void *memory;

        if (TELLS(SHMAT_FAILS)) {
                errno = EIO;
                return MAP_FAILED;
        }
        if (flags & SHM_RDONLY && TELLS(SHMAT_WRITES))
                flags &= ~SHM_RDONLY;
        memory = REAL(shmat)(id, address, flags);
        if (memory == MAP_FAILED) {
                if (TELLS(SHMAT_OTHER_ERROR))
                        errno = EIO;
                if (TELLS(SHMAT_NEVER_REFUSES))
                        return map_nothing(1 << 20, PROT_READ | PROT_WRITE);
        } else if (TELLS(SHMAT_ELSEWHERE) && REAL(shmctl)(id, IPC_STAT, &about) == 0)
                return map_nothing(about.shm_segsz, PROT_READ | PROT_WRITE);
        return memory;
}

int shmctl(int id, int command, struct shmid_ds *about) {
        int r;

        BEGIN(SHMCTL);
        r = END(SHMCTL, REAL(shmctl)(id, command, about));
        if (r >= 0 && command == IPC_STAT && TELLS(SHMCTL_NOBODY))
                about->shm_nattch = 0;
        return r;
}

CALL(int, SETRESUID, setresuid, (uid_t real, uid_t effective, uid_t saved), (real, effective, saved))
CALL(int, SETRLIMIT, setrlimit, (__rlimit_resource_t resource, const struct rlimit *limit), (resource, limit))
CALL(ssize_t, PROCESS_VM_READV, process_vm_readv,
        (pid_t pid, const struct iovec *here, unsigned long n_here, const struct iovec *there, unsigned long n_there,
                unsigned long flags),
        (pid, here, n_here, there, n_there, flags))
CALL(ssize_t, PROCESS_VM_WRITEV, process_vm_writev,
        (pid_t pid, const struct iovec *here, unsigned long n_here, const struct iovec *there, unsigned long n_there,
                unsigned long flags),
        (pid, here, n_here, there, n_there, flags))
CALL(int, UNLINK, unlink, (const char *path), (path))
CALL(int, LINK, link, (const char *path, const char *other), (path, other))
CALL(int, SYMLINK, symlink, (const char *path, const char *other), (path, other))
CALL(int, CHMOD, chmod, (const char *path, mode_t mode), (path, mode))
CALL(int, FCHMOD, fchmod, (int fd, mode_t mode), (fd, mode))
