/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Of several holders the one is explained that the user may look into, else the first. Owns nothing. */
#include "explain-held.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "access-walk.h"
#include "cleanup.h"

#define YAMA_FILE "/proc/sys/kernel/yama/ptrace_scope"

typedef struct Held {
        const AccessUser *user;
        size_t n; /* descriptors seen, in `processes` processes */
        pid_t pid;
        uid_t uid, reader; /* whose the process is, and who may look into it */
        char command[32];
        int fd;
        bool allowed, mapped_only;
} Held;

static void table_done(ProcTable **table) {
        *table = proc_table_free(*table);
}

/* /proc/PID/fd belongs to the user of the process, or to root where the process may not be dumped (proc(5)). */
static uid_t who_may_look(pid_t pid, uid_t otherwise) {
        struct stat st;
        char path[48];

        snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
        return stat(path, &st) < 0 ? otherwise : st.st_uid;
}

static int note_holder(const Holder *holder, void *userdata) {
        Held *held = userdata;
        uid_t reader;
        bool allowed;

        if (holder->fd < 0) {
                held->mapped_only = held->mapped_only || held->n == 0;
                return 0;
        }
        held->n++;
        reader = who_may_look(holder->pid, holder->uid);
        allowed = (reader == held->user->uid && holder->uid == held->user->uid) ||
                  access_user_can(held->user, CAP_SYS_PTRACE);
        if (held->pid > 0 && (held->allowed || !allowed))
                return 0;
        held->pid = holder->pid;
        held->uid = holder->uid;
        held->reader = reader;
        held->fd = holder->fd;
        held->allowed = allowed;
        snprintf(held->command, sizeof(held->command), "%s", holder->command);
        return 0;
}

static void explain_unfound(Explanation *explanation, const ProcTable *table, const Held *held, const char *what) {
        size_t unread = proc_table_unreadable(table);

        if (held->mapped_only)
                explain_blocked(explanation, EACCES, NULL, "find", what,
                        "%s is only mapped by those who have it, and nobody has a descriptor of it: there is nothing "
                        "to open it through.",
                        what);
        else if (unread == 0)
                explain_missing(explanation, ENOENT, "find", what,
                        "No process of %zu has %s open, and what has no name is gone with its last descriptor; a new "
                        "one gets a number of its own.",
                        proc_table_seen(table), what);
        else
                explain_unknown(explanation, "find", what,
                        "No process that ipcbus may look into has %s open, and %zu of %zu may not be looked into.",
                        what, unread, proc_table_seen(table));
}

static void explain_ptrace(Explanation *explanation, const Held *held, FetchWay way, const char *what) {
        bool duplicate = way == FETCH_DUPLICATE;
        unsigned scope = duplicate ? path_setting(YAMA_FILE) : 0;
        const char *mode = duplicate ? "PTRACE_MODE_ATTACH_REALCREDS" : "PTRACE_MODE_READ_FSCREDS";
        const char *means = duplicate ? "pidfd_getfd(2)" : "/proc/PID/fd";
        bool capable = access_user_can(&explanation->user, CAP_SYS_PTRACE);

        if (!held->allowed)
                explain_judged(explanation, duplicate ? EPERM : EACCES, "ask as that user or as root", "reach", what,
                        "Process %d (%s) of user %u%s holds it, and %s is not that user: %s takes ptrace access (%s), "
                        "which the same user has, and who has CAP_SYS_PTRACE.",
                        (int)held->pid, held->command, held->uid,
                        held->reader != held->uid ? ", which may not be dumped (PR_SET_DUMPABLE of prctl(2))," : "",
                        explanation->user.name, means, mode);
        else if (scope == 3 || (scope > 0 && !capable))
                explain_judged(explanation, EPERM, "root can lower it, unless it is 3", "reach", what,
                        "Process %d (%s) holds it, and " YAMA_FILE
                        " is %u: pidfd_getfd(2) is %s, though the user is the same.",
                        (int)held->pid, held->command, scope,
                        scope == 1   ? "only for its ancestors, and with CAP_SYS_PTRACE"
                        : scope == 2 ? "only with CAP_SYS_PTRACE"
                                     : "for nobody");
        else
                explain_ok(explanation, "reach", what,
                        "Process %d (%s) of user %u holds it, and %s may look into it: %s takes ptrace access (%s).",
                        (int)held->pid, held->command, held->uid, explanation->user.name, means, mode);
}

int explain_held(Explanation *explanation, const HolderKey *keys, size_t n, FetchWay way, int want, const char *what) {
        CLEANUP(table_done) ProcTable *table = NULL;
        Held held = { .user = &explanation->user, .fd = -EBADF };
        struct stat st;
        char path[64];
        int r;

        explain_descriptor(explanation);
        explain_namespace(explanation, "pid");
        explain_now(explanation, "look for holders of", what);
        r = proc_table_new(&table);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = proc_table_holders(table, &keys[i], note_holder, &held);
        if (r < 0)
                return r;
        if (held.pid == 0) {
                explain_unfound(explanation, table, &held, what);
                return 0;
        }
        explain_ok(explanation, "find", what,
                "%zu descriptor%s of it %s open, that are seen: fd %d of process %d (%s).", held.n,
                held.n == 1 ? "" : "s", held.n == 1 ? "is" : "are", held.fd, (int)held.pid, held.command);
        explain_ptrace(explanation, &held, way, what);
        snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)held.pid, held.fd);
        if (way == FETCH_REOPEN && want && stat(path, &st) >= 0)
                explain_rights(explanation, what, &st, want, false, NULL, 0);
        return 0;
}
