/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables of words for what fstat(2), getsockopt(2) and the link in /proc/self/fd tell. */
#include "fd-what.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Word {
        const char *link, *word;
} Word;

/* As proc(5) and the kernel's callers of anon_inode_getfd() name them. */
static const Word anonymous[] = {
        { "anon_inode:[eventpoll]", "an epoll instance" },
        { "anon_inode:[eventfd]", "an eventfd" },
        { "anon_inode:[signalfd]", "a signalfd" },
        { "anon_inode:[timerfd]", "a timerfd" },
        { "anon_inode:inotify", "an inotify instance" },
        { "anon_inode:[fanotify]", "a fanotify group" },
        { "anon_inode:[pidfd]", "a pidfd" },
        { "anon_inode:[userfaultfd]", "a userfaultfd" },
        { "anon_inode:[io_uring]", "an io_uring" },
        { "anon_inode:[perf_event]", "a perf event" },
        { "anon_inode:bpf", "a BPF object" },
        { "pidfd:", "a pidfd" },
        { "net:", "a network namespace" },
        { "mnt:", "a mount namespace" },
};

static const char *family_word(int family) {
        switch (family) {
        case AF_UNIX:
                return "UNIX";
        case AF_INET:
                return "IPv4";
        case AF_INET6:
                return "IPv6";
        case AF_NETLINK:
                return "netlink";
        case AF_PACKET:
                return "packet";
        case AF_VSOCK:
                return "vsock";
        default:
                return NULL;
        }
}

static const char *socket_word(int fd, char buffer[FD_WHAT_MAX]) {
        int family = 0, type = 0;
        socklen_t length = sizeof family;
        const char *word;

        (void)getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &length);
        length = sizeof type;
        (void)getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length);
        word = family_word(family);
        snprintf(buffer, FD_WHAT_MAX, "a %s%ssocket of the type %s", word ? word : "", word ? " " : "",
                type == SOCK_STREAM      ? "stream"
                : type == SOCK_DGRAM     ? "datagram"
                : type == SOCK_SEQPACKET ? "seqpacket"
                : type == SOCK_RAW       ? "raw"
                                         : "unknown");
        return buffer;
}

static const char *anonymous_word(const char *link, char buffer[FD_WHAT_MAX]) {
        for (size_t i = 0; i < sizeof anonymous / sizeof anonymous[0]; i++)
                if (strncmp(link, anonymous[i].link, strlen(anonymous[i].link)) == 0)
                        return anonymous[i].word;
        snprintf(buffer, FD_WHAT_MAX, "what the kernel calls %.80s", link);
        return buffer;
}

static const char *file_word(const struct stat *st, const char *link, int fd) {
        switch (st->st_mode & S_IFMT) {
        case S_IFREG:
                return strncmp(link, "/memfd:", 7) == 0 ? "a memory file" : "a regular file";
        case S_IFDIR:
                return "a directory";
        case S_IFIFO:
                return strncmp(link, "pipe:", 5) == 0 ? "a pipe" : "a FIFO";
        case S_IFCHR:
                return isatty(fd) ? "a terminal" : "a character device";
        case S_IFBLK:
                return "a block device";
        case S_IFLNK:
                return "a symbolic link";
        case S_IFSOCK:
                return "the file of a socket, opened with O_PATH";
        default:
                return NULL;
        }
}

const char *fd_what(int fd, char buffer[FD_WHAT_MAX]) {
        char path[sizeof "/proc/self/fd/" + 12], link[FD_WHAT_MAX - 40] = "";
        const char *word;
        struct stat st;

        if (fstat(fd, &st) < 0)
                return "no open descriptor";
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (readlink(path, link, sizeof link - 1) < 0)
                link[0] = '\0';
        if (S_ISSOCK(st.st_mode) && link[0] != '/')
                return socket_word(fd, buffer);
        if (strcmp(link, "/dev/null") == 0)
                return "/dev/null";
        word = file_word(&st, link, fd);
        if (!word || (link[0] && link[0] != '/' && !S_ISFIFO(st.st_mode)))
                return anonymous_word(link, buffer);
        if (link[0] != '/')
                return word;
        snprintf(buffer, FD_WHAT_MAX, "%s (%s)", word, link);
        return buffer;
}
