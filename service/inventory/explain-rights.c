/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What mode, owner, group, access control list and capabilities give to a user, as a step of an explanation. Owns
 * nothing. */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "explain.h"

static const char *want_name(int want) {
        return want == (R_OK | W_OK)   ? "read and write"
               : want == W_OK          ? "write"
               : want == R_OK          ? "read"
               : want == X_OK          ? "search"
               : want == (W_OK | X_OK) ? "write and search"
                                       : "reach";
}

static const char *bits_name(unsigned bits, bool directory) {
        static const char *const names[8] = { "none", "execute", "write", "write and execute", "read",
                "read and execute", "read and write", "read, write and execute" };
        static const char *const directory_names[8] = { "none", "search", "write", "write and search", "list",
                "list and search", "list and write", "list, write and search" };

        return directory ? directory_names[bits & 7] : names[bits & 7];
}

static const char *owner_name(uid_t uid, char buffer[ACCESS_NAME_MAX]) {
        struct passwd entry, *found = NULL;
        char strings[1024];

        if (getpwuid_r(uid, &entry, strings, sizeof(strings), &found) == 0 && found)
                snprintf(buffer, ACCESS_NAME_MAX, "%s", found->pw_name);
        else
                snprintf(buffer, ACCESS_NAME_MAX, "%u", uid);
        return buffer;
}

static const char *group_name(gid_t gid, char buffer[ACCESS_NAME_MAX]) {
        struct group entry, *found = NULL;
        char strings[4096];

        if (getgrgid_r(gid, &entry, strings, sizeof(strings), &found) == 0 && found)
                snprintf(buffer, ACCESS_NAME_MAX, "%s", found->gr_name);
        else
                snprintf(buffer, ACCESS_NAME_MAX, "%u", gid);
        return buffer;
}

/* capabilities(7): of System V objects the first overrides all; of files the second, and the third for reading and
 * searching. */
static const char *overriding_capability(const AccessUser *user, int want, bool sysv) {
        if (sysv)
                return access_user_can(user, CAP_IPC_OWNER) ? "CAP_IPC_OWNER" : NULL;
        if (access_user_can(user, CAP_DAC_OVERRIDE))
                return "CAP_DAC_OVERRIDE";
        if (!(want & W_OK) && access_user_can(user, CAP_DAC_READ_SEARCH))
                return "CAP_DAC_READ_SEARCH";
        return NULL;
}

void explain_rights(Explanation *explanation, const char *object, const struct stat *st, int want, bool sysv,
        const void *list, size_t size) {
        char owner[ACCESS_NAME_MAX], group[ACCESS_NAME_MAX], advice[ACCESS_NAME_MAX + 128];
        const AccessUser *user = &explanation->user;
        const char *class, *capability, *from = "";
        bool directory = S_ISDIR(st->st_mode);
        unsigned bits;

        owner_name(st->st_uid, owner);
        group_name(st->st_gid, group);
        if (list && access_user_list_bits(user, st, list, size, want, &bits, &class) == 0)
                from = " and an access control list (acl(5))";
        else
                bits = access_user_bits(user, st, &class);
        if ((bits & (unsigned)want) == (unsigned)want) {
                explain_ok(explanation, want_name(want), object,
                        "%s has mode %04o, owner %s, group %s%s: %s counts as %s and may.", object,
                        st->st_mode & 07777u, owner, group, from, user->name, class);
                return;
        }
        capability = overriding_capability(user, want, sysv);
        if (capability) {
                explain_ok(explanation, want_name(want), object,
                        "%s has mode %04o, owner %s, group %s%s: %s counts as %s (rights: %s) and needs to %s; the "
                        "capability that overrides this is there: %s.",
                        object, st->st_mode & 07777u, owner, group, from, user->name, class,
                        bits_name(bits, directory), want_name(want), capability);
                return;
        }
        snprintf(advice, sizeof(advice), "only %s%s can give that right%s", owner, st->st_uid == 0 ? "" : " or root",
                sysv      ? ", with IPC_SET of msgctl, semctl or shmctl(2)"
                : from[0] ? ", with setfacl(1)"
                          : ", with chmod(1) or setfacl(1)");
        explain_judged(explanation, EACCES, advice, want_name(want), object,
                "%s has mode %04o, owner %s, group %s%s: %s counts as %s (rights: %s) and needs to %s.", object,
                st->st_mode & 07777u, owner, group, from, user->name, class, bits_name(bits, directory),
                want_name(want));
}
