/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may refuse a call without a trace that could be looked at: security modules (Documentation/admin-guide/LSM of
 * the kernel) and filters of system calls (seccomp(2)). What they decide cannot be asked; so it is told which there
 * are, with the labels, and a refusal that nothing else explains is put down to them. Owns nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cleanup.h"
#include "explain.h"

enum { TEXT_MAX = 512 };

static bool read_text(const char *path, char *text, size_t size) {
        CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t length = fd < 0 ? -1 : read(fd, text, size - 1);

        text[length > 0 ? length : 0] = '\0';
        text[strcspn(text, "\n")] = '\0';
        return text[0] != '\0';
}

/* Of the process that asks, or of this one: both have the same where ipcctl started all of it. */
static bool read_process(const Explanation *explanation, const char *name, char *text, size_t size) {
        char path[64];

        if (explanation->asking > 0) {
                snprintf(path, sizeof(path), "/proc/%d/%s", (int)explanation->asking, name);
                if (read_text(path, text, size))
                        return true;
        }
        snprintf(path, sizeof(path), "/proc/self/%s", name);
        return read_text(path, text, size);
}

static bool object_label(const char *path, char *text, size_t size) {
        static const char *const names[] = { "security.selinux", "security.SMACK64" };

        for (size_t i = 0; path && i < sizeof(names) / sizeof(*names); i++) {
                ssize_t length = getxattr(path, names[i], text, size - 1);

                if (length <= 0)
                        continue;
                text[length] = '\0';
                return true;
        }
        return false;
}

/* The mode (0: none) that attempts are made under, which is that of this process. */
static unsigned filter_mode(void) {
        CLEANUP_FREE char *line = NULL;
        FILE *file = fopen("/proc/self/status", "re");
        unsigned mode = 0;
        size_t room = 0;

        while (file && getline(&line, &room, file) >= 0)
                if (strncmp(line, "Seccomp:", 8) == 0)
                        mode = (unsigned)strtoul(line + 8, NULL, 10);
        if (file)
                fclose(file);
        return mode;
}

void explain_security(Explanation *explanation, const char *path) {
        char modules[TEXT_MAX], caller[TEXT_MAX], object[TEXT_MAX];
        bool known = read_text("/sys/kernel/security/lsm", modules, sizeof(modules));
        bool labelled = read_process(explanation, "attr/current", caller, sizeof(caller));
        bool marked = object_label(path, object, sizeof(object));
        bool filtered = filter_mode() != 0;

        explain_ok(explanation, "security modules", NULL, "%s%s; the label of the caller is %s%s%s.",
                known ? "These are active (/sys/kernel/security/lsm): " : "Which are active cannot be seen: ",
                known ? modules : "/sys/kernel/security/lsm cannot be read", labelled ? caller : "not set",
                path ? ", that of the file is " : "",
                !path    ? ""
                : marked ? object
                         : "not set");
        explain_ok(explanation, "filter of system calls", NULL,
                filtered ? "ipcbus, and what it tries, runs under a filter of system calls (Seccomp of "
                           "/proc/self/status): it may refuse what others may do."
                         : "ipcbus runs under none (Seccomp of /proc/self/status is 0).");
        snprintf(explanation->suspects, sizeof(explanation->suspects), "%s%s%s%.200s%s",
                filtered ? "the filter of system calls (seccomp(2)) that ipcbus runs under may be the reason" : "",
                filtered ? ", or " : "", known ? "a security module may be it (active: " : "a security module",
                known ? modules : "",
                known      ? ")"
                : filtered ? ""
                           : " may be the reason");
}
