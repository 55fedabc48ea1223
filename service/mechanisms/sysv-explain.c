/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a System V object can or cannot be used: namespace, key, rights, and for a new one the limits on their number.
 * Owns nothing. See sysvipc(7). */
#include "sysv-explain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

typedef struct Attempt {
        const SysvExplain *kind;
        const SysvUse *use; /* NULL: is the call let through at all? */
        int id;
        key_t key;
} Attempt;

static int attempt(void *userdata, Error *error) {
        const Attempt *attempt = userdata;
        const SysvUse *use = attempt->use;

        (void)error;
        if (!use) /* of a key that nobody has nothing is made without IPC_CREAT */
                return attempt->kind->class->get(attempt->key, 0) < 0 && errno != ENOENT ? -errno : 0;
        if (use->ask)
                return use->ask(attempt->id, use->want);
        return attempt->kind->class->get(attempt->key, use->want == R_OK ? 0400 : 0200) < 0 ? -errno : 0;
}

static void explain_one(const SysvExplain *kind, const SysvUse *use, const SysvStat *st, Explanation *explanation) {
        Attempt ask = { .kind = kind, .use = use, .id = st->id, .key = st->perm.__key };
        const struct stat rights = {
                .st_mode = st->perm.mode & 0777u, .st_uid = st->perm.uid, .st_gid = st->perm.gid
        };
        const struct stat made = { .st_mode = rights.st_mode, .st_uid = st->perm.cuid, .st_gid = st->perm.cgid };

        /* ipcperms() of ipc/util.c: who made it has the owner's rights too, though it was given away. */
        explain_use(explanation, use->name);
        explain_rights(explanation, explanation->what,
                explanation->user.uid == st->perm.cuid && st->perm.uid != st->perm.cuid ? &made : &rights, use->want,
                true, NULL, 0);
        if (use->ask || st->perm.__key != IPC_PRIVATE)
                (void)explain_try(explanation, explanation->what, attempt, &ask);
        explain_use(explanation, NULL);
}

static void explain_count(const SysvExplain *kind, Explanation *explanation) {
        SysvCount count;

        for (unsigned i = 0; kind->count(i, &count) >= 0; i++)
                if (count.used >= count.max)
                        explain_blocked(explanation, ENOSPC,
                                "remove what is not needed (ipcctl prune, ipcrm(1)), or raise it", "limit of",
                                count.what,
                                "There are %" PRIu64 " %s in this IPC namespace, and %s allows %" PRIu64 ".",
                                count.used, count.what, count.source, count.max);
                else
                        explain_ok(explanation, "limit of", count.what,
                                "There are %" PRIu64 " %s in this IPC namespace, of %" PRIu64 " (%s).", count.used,
                                count.what, count.max, count.source);
}

static void explain_new(const SysvExplain *kind, const Address *address, Explanation *explanation) {
        Attempt ask = { .kind = kind, .key = (key_t)(uint32_t)address->number };

        explain_making(explanation);
        if (address->form == ADDRESS_KEY) {
                explain_count(kind, explanation);
                (void)explain_try(explanation, explanation->what, attempt, &ask);
        } else
                explain_judged(explanation, ENOENT, "make one and take the number that is printed", "number of",
                        explanation->what, "The kernel chooses the numbers of what is made.");
        explain_use(explanation, NULL);
}

int sysv_explain(const SysvExplain *kind, const Address *address, Explanation *explanation) {
        KernelObject object = KERNEL_OBJECT_EMPTY;
        Error error = {};
        SysvStat st;
        int r;

        explain_namespace(explanation, "ipc");
        r = address_copy(address, &object.address);
        if (r < 0)
                return r;
        r = sysv_open(kind->class, &object, &st, &error);
        address_done(&object.address);
        if (r < 0 && error.code == ERROR_NO_SUCH_OBJECT) {
                explain_missing(explanation, address->form == ADDRESS_KEY ? ENOENT : EINVAL, "find", explanation->what,
                        "There is no %s %s in the IPC namespace of ipcbus.", kind->class->noun,
                        strchr(explanation->what, ':') + 1);
                explain_new(kind, address, explanation);
                return 0;
        }
        if (r < 0) {
                explain_blocked(explanation, -r, NULL, "find", explanation->what, "%s", error.message);
                return 0;
        }
        explain_ok(
                explanation, "find", explanation->what, "It is the %s with the number %d.", kind->class->noun, st.id);
        for (size_t i = 0; i < sizeof(kind->uses) / sizeof(*kind->uses); i++)
                explain_one(kind, &kind->uses[i], &st, explanation);
        if (kind->fill)
                kind->fill(&st, explanation);
        return 0;
}
