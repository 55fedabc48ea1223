/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Watching the machine: what others make, change and remove with the usual tools and calls is told to who asked, by
 * one worker, which is there only as long as somebody asks. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fixture.h"

enum { QUICKLY = 100000 };

static GVariant *quickly(const char *kind, ...) {
        g_autoptr(GPtrArray) kinds = g_ptr_array_new();
        va_list list;

        va_start(list, kind);
        for (; kind; kind = va_arg(list, const char *))
                g_ptr_array_add(kinds, (gpointer)kind);
        va_end(list);
        g_ptr_array_add(kinds, NULL);
        return options("kinds", "^as", kinds->pdata, "interval", "t", (guint64)QUICKLY, NULL);
}

static GVariant *at_address(const char *address) {
        const char *addresses[] = { address, NULL };

        return options("addresses", "^as", addresses, "interval", "t", (guint64)QUICKLY, "holders", "b", TRUE, NULL);
}

static void subscribe(Fixture *fixture, GVariant *filter) {
        g_autoptr(GError) error = NULL;

        ipcbus_manager_call_subscribe_sync(fixture->manager, filter, PLAINLY, NULL, &error);
        g_assert_no_error(error);
}

static void unsubscribe(Fixture *fixture) {
        g_autoptr(GError) error = NULL;

        ipcbus_manager_call_unsubscribe_sync(fixture->manager, PLAINLY, NULL, &error);
        g_assert_no_error(error);
}

static void assert_saw(Fixture *fixture, const char *member, const char *address, const char *rest) {
        g_autofree char *text = g_strdup_printf("%s('%s'%s", member, address, rest);

        WAIT_UNTIL(fixture_saw(fixture, text));
}

/* "Shared memory id: 5": the number. */
static int make(Fixture *fixture, const char *command) {
        g_autofree char *output = NULL;
        int status;

        output = fixture_run(fixture, command, &status);
        g_assert_cmpint(status, ==, 0);
        return (int)g_ascii_strtoll(strrchr(output, ' ') + 1, NULL, 10);
}

static void run(Fixture *fixture, const char *program, int id) {
        g_autofree char *command = g_strdup_printf("%s %d", program, id), *output = NULL;
        int status;

        output = fixture_run(fixture, command, &status);
        g_assert_cmpint(status, ==, 0);
}

static char *address_of(const char *kind, key_t key) {
        return g_strdup_printf("%s:key=0x%x", kind, (unsigned)key);
}

static void test_sysv(Fixture *fixture, gconstpointer data) {
        struct {
                long type;
                char text[8];
        } message = { 1, "eight b" };
        g_autofree char *segment = NULL, *queue = NULL, *unchanged = NULL;
        struct shmid_ds memory;
        struct msqid_ds messages;
        int m, q;

        subscribe(fixture, quickly("shm-sysv", "mq-sysv", NULL));
        m = make(fixture, "ipcmk -M 4096");
        q = make(fixture, "ipcmk -Q");
        g_assert_cmpint(shmctl(m, IPC_STAT, &memory), ==, 0);
        g_assert_cmpint(msgctl(q, IPC_STAT, &messages), ==, 0);
        segment = address_of("shm-sysv", memory.shm_perm.__key);
        queue = address_of("mq-sysv", messages.msg_perm.__key);
        assert_saw(fixture, "KernelObjectAppeared", segment, ",)");
        assert_saw(fixture, "KernelObjectAppeared", queue, ",)");

        g_assert_cmpint(msgsnd(q, &message, sizeof(message.text), 0), ==, 0);
        assert_saw(fixture, "KernelObjectChanged", queue, ", {");
        g_assert_true(fixture_saw(fixture, "'messages': <uint64 1>"));
        g_assert_true(fixture_saw(fixture, "'used': <uint64 8>"));

        run(fixture, "ipcrm -q", q);
        assert_saw(fixture, "KernelObjectVanished", queue, ",)");
        unchanged = g_strdup_printf("KernelObjectVanished('%s'", segment);
        g_assert_false(fixture_saw(fixture, unchanged));
        run(fixture, "ipcrm -m", m);
        assert_saw(fixture, "KernelObjectVanished", segment, ",)");
}

/* What has no name: it is there while somebody has it open. */
static void test_pipe(Fixture *fixture, gconstpointer data) {
        const char *argv[] = { "cat", NULL };
        g_autofree char *address = NULL;
        g_autoptr(GError) error = NULL;
        struct stat st;
        GPid child;
        int input;

        subscribe(fixture, quickly("pipe", NULL));
        g_spawn_async_with_pipes(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL,
                NULL, &child, &input, NULL, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpint(fstat(input, &st), ==, 0);
        address = g_strdup_printf("pipe:[%lu]", (unsigned long)st.st_ino);
        assert_saw(fixture, "KernelObjectAppeared", address, ",)");
        close(input);
        assert_saw(fixture, "KernelObjectVanished", address, ",)");
        g_spawn_close_pid(child);
}

static void test_socket(Fixture *fixture, gconstpointer data) {
        g_autofree char *path = fixture_path(fixture), *address = g_strconcat("unix-stream:", path, NULL);
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        int fd;

        subscribe(fixture, quickly("unix-stream", NULL));
        g_strlcpy(name.sun_path, path, sizeof(name.sun_path));
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(bind(fd, (struct sockaddr *)&name, sizeof(name)), ==, 0);
        g_assert_cmpint(listen(fd, 5), ==, 0);
        assert_saw(fixture, "KernelObjectAppeared", address, ",)");
        close(fd);
        /* Its file is still there, and still an object as long as it is. */
        g_remove(path);
        assert_saw(fixture, "KernelObjectVanished", address, ",)");
}

/* One object of somebody else: what it has, who has it, and its end. */
static void test_address(Fixture *fixture, gconstpointer data) {
        g_autofree char *came = g_strdup_printf("(%d) ", (int)getpid()), *address = NULL;
        int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
        void *memory;

        g_assert_cmpint(id, >=, 0);
        address = g_strdup_printf("shm-sysv:id=%d", id);
        subscribe(fixture, at_address(address));
        memory = shmat(id, NULL, 0);
        assert_saw(fixture, "KernelObjectChanged", address, ", {");
        g_assert_true(fixture_saw(fixture, "'attached': <uint64 1>"));
        WAIT_UNTIL(fixture_saw(fixture, "holder_came"));
        g_assert_true(fixture_saw(fixture, came));
        g_assert_cmpint(shmdt(memory), ==, 0);
        WAIT_UNTIL(fixture_saw(fixture, "holder_gone"));
        g_assert_cmpint(shmctl(id, IPC_RMID, NULL), ==, 0);
        assert_saw(fixture, "KernelObjectVanished", address, ",)");
        g_assert_false(fixture_saw(fixture, "KernelObjectAppeared"));
}

/* An address at which nothing is yet; by inotify, and with changes that only a look finds. */
static void test_address_appears(Fixture *fixture, gconstpointer data) {
        g_autofree char *name = fixture_name(fixture), *address = g_strconcat("shm-posix:", name, NULL);
        int fd;

        subscribe(fixture, at_address(address));
        fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
        assert_saw(fixture, "KernelObjectAppeared", address, ",)");
        /* Once it was looked at. */
        g_usleep(3 * QUICKLY);
        g_assert_cmpint(ftruncate(fd, 8192), ==, 0);
        assert_saw(fixture, "KernelObjectChanged", address, ", {");
        g_assert_true(fixture_saw(fixture, "'size': <uint64 8192>"));
        close(fd);
        shm_unlink(name);
        assert_saw(fixture, "KernelObjectVanished", address, ",)");
}

/* sem_open(3) makes a file of another name first; it is no semaphore and nobody hears of it. */
static void test_semaphores(Fixture *fixture, gconstpointer data) {
        enum { SEMAPHORES = 40 };
        char *names[SEMAPHORES];
        unsigned ours = 0, foreign = 0;
        g_auto(GStrv) lines = NULL;

        subscribe(fixture, options("kinds", "^as", (const char *[]){ "sem-posix", "shm-posix", NULL }, "changes", "b",
                                   FALSE, NULL));
        for (unsigned i = 0; i < SEMAPHORES; i++) {
                names[i] = fixture_name(fixture);
                g_assert_true(sem_open(names[i], O_CREAT | O_EXCL, 0600, 0) != SEM_FAILED);
        }
        for (unsigned i = 0; i < SEMAPHORES; i++) {
                g_autofree char *address = g_strconcat("sem-posix:", names[i], NULL);

                assert_saw(fixture, "KernelObjectAppeared", address, ",)");
                sem_unlink(names[i]);
                assert_saw(fixture, "KernelObjectVanished", address, ",)");
                g_free(names[i]);
        }
        lines = g_strsplit(fixture->signals->str, "\n", 0);
        for (char **line = lines; *line; line++) {
                ours += g_str_has_prefix(*line, "KernelObjectAppeared('sem-posix:/ipcbus-test");
                /* Six characters, as mkstemp(3) has it, and nothing else of the kind on this machine has such names.
                 */
                foreign += g_regex_match_simple(
                        "^KernelObjectAppeared\\('(sem|shm)-posix:/(sem\\.)?[A-Za-z0-9]{6}'", *line, 0, 0);
        }
        g_assert_cmpuint(ours, >=, SEMAPHORES);
        g_assert_cmpuint(foreign, ==, 0);
}

static pid_t child_of_service(Fixture *fixture) {
        g_autofree char *path = NULL, *text = NULL;
        int pid = (int)fixture_service_pid(fixture);

        path = g_strdup_printf("/proc/%d/task/%d/children", pid, pid);
        return g_file_get_contents(path, &text, NULL, NULL) ? (pid_t)g_ascii_strtoll(text, NULL, 10) : 0;
}

static void on_answer(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
        unsigned *answers = userdata;

        /* Those that the next Unsubscribe overtook. */
        if (reply == NULL)
                g_assert_nonnull(strstr(error->message, "Cancelled"));
        (*answers)++;
}

static void call(Fixture *fixture, const char *member, GVariant *arguments, unsigned *answers) {
        g_dbus_connection_call(fixture->connection, IPCBUS_BUS_NAME, IPCBUS_PATH, IPCBUS_INTERFACE_MANAGER, member,
                arguments, NULL, G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, on_answer, answers);
}

/* One that does not read what it is told, here for ever, is replaced; the service waits for nobody. */
static void test_worker_stopped(Fixture *fixture, gconstpointer data) {
        enum { ROUNDS = 400, UNDER_WAY_MAX = 50, ANSWER_MSEC = 10000 }; /* a bus allows 128 under way */
        GDBusConnection *other = fixture_connect(fixture);
        g_autoptr(IpcbusManager) manager = fixture_manager(other);
        g_autoptr(GVariant) description = NULL;
        g_autoptr(GError) error = NULL;
        unsigned answers = 0;
        pid_t worker;

        ipcbus_manager_call_subscribe_sync(manager, quickly("shm-sysv", NULL), PLAINLY, NULL, &error);
        g_assert_no_error(error);
        worker = child_of_service(fixture);
        g_assert_cmpint(worker, >, 0);
        g_assert_cmpint(kill(worker, SIGSTOP), ==, 0);
        for (unsigned i = 0; i < ROUNDS; i++) {
                call(fixture, "Subscribe", g_variant_new("(@a{sv})", quickly("mq-sysv", NULL)), &answers);
                call(fixture, "Unsubscribe", NULL, &answers);
                WAIT_UNTIL(2 * (i + 1) - answers < UNDER_WAY_MAX);
        }
        ipcbus_manager_call_describe_kind_sync(
                manager, "pipe", G_DBUS_CALL_FLAGS_NONE, ANSWER_MSEC, &description, NULL, &error);
        g_assert_no_error(error);
        WAIT_UNTIL(answers == 2 * ROUNDS);
        WAIT_UNTIL(kill(worker, 0) < 0);
        fixture_disconnect(other);
}

/* One worker for everybody, from the first to the last. */
static void test_worker(Fixture *fixture, gconstpointer data) {
        GDBusConnection *other = fixture_connect(fixture);
        g_autoptr(IpcbusManager) manager = fixture_manager(other);
        g_autoptr(GError) error = NULL;

        subscribe(fixture, quickly("shm-sysv", NULL));
        g_assert_cmpuint(fixture_processes(fixture), ==, 2);
        ipcbus_manager_call_subscribe_sync(manager, quickly("mq-sysv", NULL), PLAINLY, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(fixture_processes(fixture), ==, 2);
        unsubscribe(fixture);
        fixture_settle(fixture);
        g_assert_cmpuint(fixture_processes(fixture), ==, 2);
        fixture_disconnect(other);
        WAIT_UNTIL(fixture_processes(fixture) == 1);
        /* What inotify tells needs none. */
        subscribe(
                fixture, options("kinds", "^as", (const char *[]){ "shm-posix", NULL }, "changes", "b", FALSE, NULL));
        g_assert_cmpuint(fixture_processes(fixture), ==, 1);
        unsubscribe(fixture);
}

static void test_worker_killed(Fixture *fixture, gconstpointer data) {
        g_autofree char *segment = NULL;
        pid_t worker, next;
        key_t key = (key_t)(0x10000000u | (unsigned)getpid());
        int id;

        subscribe(fixture, quickly("shm-sysv", NULL));
        worker = child_of_service(fixture);
        if (worker == 0) {
                g_test_skip("this kernel does not tell children of processes (CONFIG_PROC_CHILDREN)");
                return;
        }
        g_assert_cmpint(kill(worker, SIGKILL), ==, 0);
        WAIT_UNTIL((next = child_of_service(fixture)) > 0 && next != worker);
        /* A second subscription is answered when what is watched was looked at once. */
        subscribe(fixture, quickly("shm-sysv", "sem-sysv", NULL));
        id = shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0600);
        g_assert_cmpint(id, >=, 0);
        segment = address_of("shm-sysv", key);
        assert_saw(fixture, "KernelObjectAppeared", segment, ",)");
        g_assert_cmpint(shmctl(id, IPC_RMID, NULL), ==, 0);
}

static guint64 wakeups(pid_t pid) {
        g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)pid), *text = NULL;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        return g_ascii_strtoull(strstr(text, "\nvoluntary_ctxt_switches:") + 25, NULL, 10);
}

/* While nothing is different the service sleeps. */
static void test_quiet(Fixture *fixture, gconstpointer data) {
        int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
        g_autofree char *address = g_strdup_printf("shm-sysv:id=%d", id);
        pid_t service, worker;
        guint64 before, worked;

        subscribe(fixture, at_address(address));
        service = fixture_service_pid(fixture);
        worker = child_of_service(fixture);
        g_usleep(2 * QUICKLY);
        before = wakeups(service);
        worked = worker > 0 ? wakeups(worker) : 0;
        g_usleep(10 * QUICKLY);
        g_assert_cmpuint(wakeups(service), ==, before);
        if (worker > 0)
                g_assert_cmpuint(wakeups(worker), >, worked);
        g_assert_cmpint(shmctl(id, IPC_RMID, NULL), ==, 0);
}

static void test_wrong(Fixture *fixture, gconstpointer data) {
        g_autoptr(GPtrArray) many = g_ptr_array_new();
        g_autoptr(GError) error = NULL;

        ipcbus_manager_call_subscribe_sync(
                fixture->manager, options("interval", "t", (guint64)99999, NULL), PLAINLY, NULL, &error);
        assert_error(&error, "InvalidOption");
        ipcbus_manager_call_subscribe_sync(fixture->manager, quickly("teapot", NULL), PLAINLY, NULL, &error);
        assert_error(&error, "NoSuchKind");
        ipcbus_manager_call_subscribe_sync(fixture->manager, at_address("pipe:what"), PLAINLY, NULL, &error);
        assert_error(&error, "InvalidAddress");
        for (unsigned i = 0; i < 65; i++)
                g_ptr_array_add(many, (gpointer) "pipe:[1]");
        g_ptr_array_add(many, NULL);
        ipcbus_manager_call_subscribe_sync(
                fixture->manager, options("addresses", "^as", many->pdata, NULL), PLAINLY, NULL, &error);
        assert_error(&error, "LimitExceeded");
        g_assert_cmpuint(fixture_processes(fixture), <=, 1);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/watch/sysv", NULL, test_sysv);
        FIXTURE_TEST("/watch/pipe", NULL, test_pipe);
        FIXTURE_TEST("/watch/socket", NULL, test_socket);
        FIXTURE_TEST("/watch/address", NULL, test_address);
        FIXTURE_TEST("/watch/address-appears", NULL, test_address_appears);
        FIXTURE_TEST("/watch/semaphores", NULL, test_semaphores);
        FIXTURE_TEST("/watch/worker", NULL, test_worker);
        FIXTURE_TEST("/watch/worker-killed", NULL, test_worker_killed);
        FIXTURE_TEST("/watch/worker-stopped", NULL, test_worker_stopped);
        FIXTURE_TEST("/watch/quiet", NULL, test_quiet);
        FIXTURE_TEST("/watch/wrong", NULL, test_wrong);
        return g_test_run();
}
