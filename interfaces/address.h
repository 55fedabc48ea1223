/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a person names one kernel object: KIND:IDENTITY. One parser and one printer for all layers. The parser knows
 * forms, not kinds: which forms a kind takes is said by the kind (mechanism.h). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "error.h"

typedef enum AddressForm {
        ADDRESS_PATH,     /* fifo:/tmp/x, mq-posix:/jobs: absolute, in `text` */
        ADDRESS_ABSTRACT, /* unix-dgram:@name: any bytes, in `text` without the @ */
        ADDRESS_HOST,     /* tcp:127.0.0.1:4444, tcp:[::1]:4444: host in `text`, `port` */
        ADDRESS_NUMBER,   /* signal:1234: in `number` */
        ADDRESS_ID,       /* shm-sysv:id=5: in `number` */
        ADDRESS_KEY,      /* shm-sysv:key=0x1234: in `number` */
        ADDRESS_INODE,    /* pipe:[81234]: in `number` */
        ADDRESS_NAME,     /* dbus:org.example.Name: anything else that is printable, in `text` */
        ADDRESS_FORM_MAX,
        ADDRESS_FORM_INVALID = -1,
} AddressForm;

enum {
        ADDRESS_KIND_MAX = 32,   /* with the final NUL */
        ADDRESS_TEXT_MAX = 4096, /* bytes of an identity, as PATH_MAX */
};

typedef struct Address {
        char kind[ADDRESS_KIND_MAX];
        AddressForm form;
        char *text;    /* ours; NUL-terminated also where bytes inside may be NUL (ADDRESS_ABSTRACT) */
        size_t length; /* of text, without the final NUL */
        uint64_t number;
        uint16_t port;
} Address;

#define ADDRESS_EMPTY \
        { .form = ADDRESS_FORM_INVALID }

/* Bytes that do not print (control characters, and the backslash itself) are written \xHH in the text form. A path is
 * taken as it is: not made shorter, not resolved. Errors: InvalidAddress, with what was expected. */
int address_parse(const char *text, Address *ret, Error *error);
/* The canonical text; parsing it gives the same address. The caller frees it. NULL without memory. */
char *address_print(const Address *address);

int address_set_path(Address *ret, const char *kind, const char *path);
int address_set_number(Address *ret, const char *kind, AddressForm form, uint64_t number);
int address_set_bytes(Address *ret, const char *kind, AddressForm form, const void *bytes, size_t length);
int address_copy(const Address *address, Address *ret);
/* Releases what the address owns and empties it. */
void address_done(Address *address);

const char *address_form_name(AddressForm form);
