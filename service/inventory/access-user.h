/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The user whose access is explained: what decides on it, and becoming that user in a child. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "error.h"

enum { ACCESS_NAME_MAX = 64 };

typedef struct AccessUser {
        char name[ACCESS_NAME_MAX]; /* for people */
        uid_t uid;
        gid_t gid;
        gid_t *groups; /* the supplementary ones */
        int n_groups;
        bool ourselves;
        uint64_t capabilities; /* 1 << CAP_… */
        /* Of the process that would do it, for attempts. */
        bool no_descriptors;
        rlim_t file_size;
} AccessUser;

/* Does what a use needs and has no effect on others. Runs as the user, in a process of its own that ends after it. 0
 * or a negative errno; a sentence in the Error (never NULL) where there is more to say than the errno. What it opened
 * need not be closed. */
typedef int (*AccessTry)(void *userdata, Error *error);

int access_user_init(AccessUser *user, uid_t uid, gid_t gid, const char *name);
void access_user_done(AccessUser *user);
bool access_user_can(const AccessUser *user, unsigned capability);
bool access_user_in_group(const AccessUser *user, gid_t gid);
/* The three permission bits that count for the user (path_resolution(7)), and whose they are: "its owner" … */
unsigned access_user_bits(const AccessUser *user, const struct stat *st, const char **ret_class);
/* The same where there is an access control list (acl(5)), as getxattr(2) gives it: of the entry that counts for this
 * `want`. -EINVAL for what is none. */
int access_user_list_bits(const AccessUser *user, const struct stat *st, const void *list, size_t size, int want,
        unsigned *ret_bits, const char **ret_class);

/* What a trial as the user gave: *ret_tried tells whether it came to it. Negative errno of the trial; where it was not
 * tried, the reason, with in *ret_why a sentence about it. */
int access_user_try(const AccessUser *user, AccessTry attempt, void *userdata, Error *error, bool *ret_tried,
        const char **ret_why);
