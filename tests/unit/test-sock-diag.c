/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's list of UNIX sockets, against sockets that the test made. */
#include <errno.h>
#include <glib.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "child.h"
#include "sock-diag.h"

static UnixSockets *list_sockets(void) {
        UnixSockets *sockets = NULL;
        Error error = { .code = ERROR_NONE };
        int r;

        r = unix_sockets_new(&sockets, &error);
        if (r < 0 && error.code == ERROR_NOT_SUPPORTED) {
                g_test_skip(error.message);
                return NULL;
        }
        if (r < 0)
                g_error("%s", error.message);
        return sockets;
}

static const UnixSocket *find_fd(const UnixSockets *sockets, int fd) {
        const UnixSocket *item;
        struct stat st;

        g_assert_cmpint(fstat(fd, &st), ==, 0);
        item = unix_sockets_find(sockets, st.st_ino);
        g_assert_nonnull(item);
        g_assert_cmpuint(item->inode, ==, st.st_ino);
        return item;
}

static int new_socket(int type) {
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

        g_assert_cmpint(fd, >=, 0);
        return fd;
}

static socklen_t socket_name(struct sockaddr_un *name, const void *bytes, size_t length) {
        *name = (struct sockaddr_un){ .sun_family = AF_UNIX };
        g_assert_cmpuint(length, <=, sizeof(name->sun_path));
        memcpy(name->sun_path, bytes, length);
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

static void test_pair(void) {
        static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

        for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
                const UnixSocket *a, *b;
                UnixSockets *sockets;
                int fds[2];

                g_assert_cmpint(socketpair(AF_UNIX, types[i] | SOCK_CLOEXEC, 0, fds), ==, 0);
                g_assert_cmpint(send(fds[0], "hello", 5, 0), ==, 5);
                sockets = list_sockets();
                if (sockets) {
                        a = find_fd(sockets, fds[0]);
                        b = find_fd(sockets, fds[1]);
                        g_assert_cmpint(a->type, ==, types[i]);
                        g_assert_cmpint(a->state, ==, SOCKET_CONNECTED);
                        g_assert_cmpuint(a->peer, ==, b->inode);
                        g_assert_cmpuint(b->peer, ==, a->inode);
                        g_assert_cmpuint(a->queued, ==, 0);
                        g_assert_cmpuint(b->queued, ==, 5);
                        g_assert_null(a->name);
                        g_assert_true(!a->uid_known || a->uid == geteuid());
                }
                unix_sockets_free(sockets);
                close(fds[0]);
                close(fds[1]);
        }
}

static void test_listening(void) {
        char *directory = directory_new();
        g_autofree char *path = g_build_filename(directory, "socket", NULL);
        struct sockaddr_un name;
        int listener, clients[2], idle;
        const UnixSocket *item;
        UnixSockets *sockets;
        socklen_t length;
        struct stat st;

        listener = new_socket(SOCK_STREAM);
        idle = new_socket(SOCK_STREAM);
        length = socket_name(&name, path, strlen(path) + 1);
        g_assert_cmpint(bind(listener, (struct sockaddr *)&name, length), ==, 0);
        g_assert_cmpint(listen(listener, 7), ==, 0);
        for (int i = 0; i < 2; i++) {
                clients[i] = new_socket(SOCK_STREAM);
                g_assert_cmpint(connect(clients[i], (struct sockaddr *)&name, length), ==, 0);
        }
        sockets = list_sockets();
        if (sockets) {
                item = find_fd(sockets, listener);
                g_assert_cmpint(item->state, ==, SOCKET_LISTENING);
                g_assert_cmpstr(item->name, ==, path);
                g_assert_cmpuint(item->name_length, ==, strlen(path));
                g_assert_false(item->abstract);
                g_assert_cmpuint(item->queued, ==, 2);
                g_assert_cmpuint(item->backlog, ==, 7);
                g_assert_cmpint(stat(path, &st), ==, 0);
                g_assert_cmpuint(item->file_inode, ==, st.st_ino);
                g_assert_cmpuint(item->file_device, ==, st.st_dev);
                item = find_fd(sockets, clients[0]);
                g_assert_cmpint(item->state, ==, SOCKET_CONNECTED);
                g_assert_cmpuint(item->backlog, ==, 0);
                /* Nobody has accepted it yet, so the far end has no inode. */
                g_assert_cmpuint(item->peer, ==, 0);
                item = find_fd(sockets, idle);
                g_assert_cmpint(item->state, ==, SOCKET_UNCONNECTED);
                g_assert_null(unix_sockets_find(sockets, 0));
                g_assert_null(unix_sockets_find(sockets, UINT64_MAX));
                for (size_t i = 1; i < sockets->n; i++)
                        g_assert_cmpuint(sockets->items[i - 1].inode, <=, sockets->items[i].inode);
        }
        unix_sockets_free(sockets);
        close(listener);
        close(idle);
        close(clients[0]);
        close(clients[1]);
        directory_remove(directory);
}

static void test_abstract(void) {
        g_autofree char *text = g_strdup_printf("-ipcbus-unit-%d", getpid());
        size_t length = strlen(text);
        struct sockaddr_un name;
        const UnixSocket *item;
        UnixSockets *sockets;
        int fd;

        /* A NUL in front makes it abstract, a NUL inside is a byte as any other (unix(7)). */
        fd = new_socket(SOCK_DGRAM);
        text[0] = '\0';
        text[3] = '\0';
        g_assert_cmpint(bind(fd, (struct sockaddr *)&name, socket_name(&name, text, length)), ==, 0);
        sockets = list_sockets();
        if (sockets) {
                item = find_fd(sockets, fd);
                g_assert_true(item->abstract);
                g_assert_cmpmem(item->name, item->name_length, text + 1, length - 1);
                g_assert_cmpint(item->name[item->name_length], ==, '\0');
                g_assert_cmpuint(item->file_inode, ==, 0);
        }
        unix_sockets_free(sockets);
        close(fd);
}

static void test_states_and_leaks(void) {
        size_t before = open_descriptors();

        unix_sockets_free(list_sockets());
        g_assert_cmpuint(open_descriptors(), ==, before);
        g_assert_null(unix_sockets_free(NULL));
        for (SocketState state = 0; state < SOCKET_STATE_MAX; state++)
                g_assert_nonnull(socket_state_name(state));
        g_assert_null(socket_state_name(SOCKET_STATE_INVALID));
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/sock-diag/pair", test_pair);
        g_test_add_func("/sock-diag/listening", test_listening);
        g_test_add_func("/sock-diag/abstract", test_abstract);
        g_test_add_func("/sock-diag/states-and-leaks", test_states_and_leaks);
        return g_test_run();
}
