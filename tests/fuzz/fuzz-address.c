/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses: whatever parses, prints as something that parses to the same, and that the bus and a terminal take. What
 * can be set, comes back from its text. */
#include <errno.h>
#include <string.h>

#include "address.h"
#include "cleanup.h"
#include "fuzz.h"
#include "utf8.h"

static void assert_equal(const Address *a, const Address *b) {
        FUZZ_ASSERT(strcmp(a->kind, b->kind) == 0);
        FUZZ_ASSERT(a->form == b->form);
        FUZZ_ASSERT(a->length == b->length);
        FUZZ_ASSERT(!a->text == !b->text);
        FUZZ_ASSERT(!a->text || memcmp(a->text, b->text, a->length + 1) == 0);
        FUZZ_ASSERT(a->number == b->number && a->port == b->port);
}

static void assert_prints(const char *text) {
        size_t length = strlen(text);

        FUZZ_ASSERT(utf8_valid(text, length));
        for (size_t i = 0, n; i < length; i += n) {
                n = utf8_character(text + i, length - i);
                FUZZ_ASSERT(!utf8_is_control(text + i, n));
        }
}

static void check_address(const Address *address) {
        CLEANUP(address_done) Address again = ADDRESS_EMPTY, copy = ADDRESS_EMPTY;
        CLEANUP_FREE char *text = address_print(address), *text_again = NULL;
        Error error = { .code = ERROR_NONE };

        FUZZ_ASSERT(address->form >= 0 && address->form < ADDRESS_FORM_MAX);
        FUZZ_ASSERT(text);
        assert_prints(text);
        FUZZ_ASSERT(address_parse(text, &again, &error) == 0);
        assert_equal(address, &again);
        text_again = address_print(&again);
        FUZZ_ASSERT(strcmp(text, text_again) == 0);
        FUZZ_ASSERT(address_copy(address, &copy) == 0);
        assert_equal(address, &copy);
}

static void check_text(const uint8_t *data, size_t size) {
        CLEANUP_FREE char *text = strndup((const char *)data, size);
        CLEANUP(address_done) Address address = ADDRESS_EMPTY;
        Error error = { .code = ERROR_NONE };
        int r;

        FUZZ_ASSERT(text);
        r = address_parse(text, &address, &error);
        if (r == 0) {
                FUZZ_ASSERT(!error_is_set(&error));
                check_address(&address);
        } else {
                FUZZ_ASSERT(error.code == ERROR_INVALID_ADDRESS && r == -error_code_errno(error.code));
                assert_prints(error.message);
                FUZZ_ASSERT(address.form == ADDRESS_FORM_INVALID);
        }
}

static void check_bytes(const uint8_t *data, size_t size) {
        for (AddressForm form = 0; form < ADDRESS_FORM_MAX; form++) {
                CLEANUP(address_done) Address address = ADDRESS_EMPTY;

                if (address_set_bytes(&address, "kind", form, data, size) < 0)
                        continue;
                FUZZ_ASSERT(address.length == size && (size == 0 || memcmp(address.text, data, size) == 0));
                check_address(&address);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        check_text(data, size);
        check_bytes(data, size);
        return 0;
}
