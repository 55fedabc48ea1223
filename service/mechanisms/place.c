/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "place.h"

/* Going there changes the process for good, so it is the peer that does it. PR_SET_PDEATHSIG is set anew after a
 * change of credentials, which clears it (prctl(2)), so that no peer outlives its judge. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "checks.h"
#include "cleanup.h"

static PlaceOutcome failed_at(const char *step) {
        return (PlaceOutcome){ .result = -errno, .step = step };
}

/* After credentials changed: dies with its judge again, and is a process like any other of its user, whose files in
 * /proc are its own (PR_SET_DUMPABLE). */
static PlaceOutcome settle(pid_t parent) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0)
                return failed_at("prctl");
        if (getppid() != parent)
                _exit(EXIT_FAILURE);
        return (PlaceOutcome){ 0 };
}

/* The user with all rights loses them with its number; one who has CAP_SETUID without being root would keep them
 * (capabilities(7)). */
static int drop_capabilities(void) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

        return (int)syscall(SYS_capset, &header, none);
}

/* Into the public folder of the run first, if there is one: its path leads through the private directory. */
static PlaceOutcome become_nobody(const char *directory) {
        char path[CHECK_PATH_MAX];
        pid_t parent = getppid();

        (void)snprintf(path, sizeof path, "%s/public", directory);
        if (chdir(path) < 0 && errno != ENOENT)
                return failed_at("chdir");
        if (setgroups(0, NULL) < 0)
                return failed_at("setgroups");
        if (setresgid(CHECK_NOBODY, CHECK_NOBODY, CHECK_NOBODY) < 0)
                return failed_at("setresgid");
        if (setresuid(CHECK_NOBODY, CHECK_NOBODY, CHECK_NOBODY) < 0)
                return failed_at("setresuid");
        if (drop_capabilities() < 0)
                return failed_at("capset");
        return settle(parent);
}

static int write_file(const char *path, const char *text) {
        CLEANUP_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

        return fd < 0 || write(fd, text, strlen(text)) < 0 ? -1 : 0;
}

/* In the new user namespace the user is the one that it was: who has no number there can make no files
 * (user_namespaces(7)). */
static PlaceOutcome keep_user(uid_t uid, gid_t gid, pid_t parent) {
        char text[64];

        if (write_file("/proc/self/setgroups", "deny") < 0)
                return failed_at("writing /proc/self/setgroups");
        (void)snprintf(text, sizeof text, "%u %u 1", uid, uid);
        if (write_file("/proc/self/uid_map", text) < 0)
                return failed_at("writing /proc/self/uid_map");
        (void)snprintf(text, sizeof text, "%u %u 1", gid, gid);
        if (write_file("/proc/self/gid_map", text) < 0)
                return failed_at("writing /proc/self/gid_map");
        return settle(parent);
}

/* Without CAP_SYS_ADMIN a namespace can still be had inside a user namespace, where that is allowed. */
static PlaceOutcome leave_namespace(int flag) {
        uid_t uid = geteuid();
        gid_t gid = getegid();
        pid_t parent = getppid();
        PlaceOutcome outcome;

        if (unshare(flag) == 0)
                return (PlaceOutcome){ 0 };
        if (errno != EPERM)
                return failed_at("unshare");
        if (unshare(CLONE_NEWUSER | flag) < 0)
                return failed_at("unshare, also with a user namespace,");
        outcome = keep_user(uid, gid, parent);
        outcome.nested = true;
        return outcome;
}

/* The ioctl() asks the network namespace of the socket, whatever its family is: UNIX sockets are there even where
 * others are not allowed. */
static int raise_loopback(void) {
        CLEANUP_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq request = { .ifr_name = "lo" };

        if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
                return -1;
        request.ifr_flags |= IFF_UP;
        return ioctl(fd, SIOCSIFFLAGS, &request);
}

static unsigned entered; /* a mask of places */

bool place_entered(CheckPlace place) {
        return (entered & 1u << place) != 0;
}

PlaceOutcome place_enter(CheckPlace place, const char *directory) {
        PlaceOutcome outcome = { 0 };

        switch (place) {
        case CHECK_PLACE_HERE:
                break;
        case CHECK_PLACE_OTHER_USER:
                outcome = become_nobody(directory);
                break;
        case CHECK_PLACE_OTHER_IPC:
                /* Nothing to mount for POSIX message queues: mq_open() uses a mount that the namespace has inside. */
                outcome = leave_namespace(CLONE_NEWIPC);
                break;
        case CHECK_PLACE_OTHER_NET:
                outcome = leave_namespace(CLONE_NEWNET);
                if (outcome.result >= 0 && raise_loopback() < 0)
                        outcome = failed_at("SIOCSIFFLAGS");
                break;
        default:
                outcome = (PlaceOutcome){ .result = -EINVAL, .step = "the order" };
        }
        if (outcome.result >= 0)
                entered |= 1u << place;
        return outcome;
}

void place_tell(const PlaceOutcome *outcome, Record *record) {
        record_set_i64(record, "result", outcome->result);
        record_set_string(record, "step", outcome->step ? outcome->step : "");
        record_set_bool(record, "nested", outcome->nested);
}

PlaceOutcome place_told(const Record *record) {
        return (PlaceOutcome){
                .result = (int)record_get_i64(record, "result", -EPROTO),
                .step = record_get_string(record, "step", ""),
                .nested = record_get_bool(record, "nested", false),
        };
}

const char *place_name(CheckPlace place) {
        static const char *const names[CHECK_PLACE_MAX] = {
                [CHECK_PLACE_HERE] = "beside the judge",
                [CHECK_PLACE_OTHER_USER] = "as another user",
                [CHECK_PLACE_OTHER_IPC] = "in another IPC namespace",
                [CHECK_PLACE_OTHER_NET] = "in another network namespace",
        };

        return names[place];
}

/* What the errno means at such a step, for somebody who wants to do something about it. */
static const char *hint(CheckPlace place, int number) {
        bool user = place == CHECK_PLACE_OTHER_USER;

        switch (number) {
        case EPERM:
        case EACCES:
                return user ? ", which needs CAP_SETUID and CAP_SETGID"
                            : ", which needs CAP_SYS_ADMIN, or user namespaces that this user may make";
        case EINVAL:
                return user ? ": this user namespace has no user 65534" : ": the kernel has no such namespaces";
        case ENOSPC:
        case EUSERS:
                return ": a limit user.max_*_namespaces is reached";
        case ENOSYS:
                return ": a filter of system calls or the kernel does not have it";
        default:
                return "";
        }
}

bool place_need(CheckRun *run, CheckPlace place, const PlaceOutcome *outcome) {
        if (outcome->result >= 0) {
                if (outcome->nested)
                        check_note(run, "the peer is %s, inside a user namespace of its own", place_name(place));
                return true;
        }
        run->untestable = true;
        check_note(run, "cannot be tested here: a peer %s: %s gave %s%s", place_name(place), outcome->step,
                check_errno(outcome->result), hint(place, -outcome->result));
        return false;
}
