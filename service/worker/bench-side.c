/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the sides of a trial share besides their loops: what they say when something is wrong, messages that are
 * written and read where they lie, and the kernel's account of the process. Owns nothing. */
#include "bench-side.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "units.h"

int side_say_failed(const Side *side, const char *what, uint64_t number, int error) {
        return pair_give_up(&side->measure->pair, side->side, error, "%s message %llu of %zu bytes: %s (%s)", what,
                (unsigned long long)number, side->size, strerror(-error), strerrorname_np(-error) ?: "?");
}

int side_say_short(const Side *side, uint64_t number, ssize_t n) {
        if (n == 0)
                return pair_give_up(&side->measure->pair, side->side, EPIPE,
                        "the other side ended before message %llu", (unsigned long long)number);
        return pair_give_up(&side->measure->pair, side->side, EBADMSG,
                "message %llu arrived with %zd bytes, %zu were sent", (unsigned long long)number, n, side->size);
}

int side_say_wrong(const Side *side, const void *message, uint64_t number) {
        const unsigned char *found = message;
        unsigned char *wanted = side->out;
        size_t i = 0;

        payload_fill(wanted, side->size, number);
        while (i < side->size && found[i] == wanted[i])
                i++;
        if (i == side->size)
                return pair_give_up(&side->measure->pair, side->side, EBADMSG, "message %llu came out of its order",
                        (unsigned long long)number);
        return pair_give_up(&side->measure->pair, side->side, EBADMSG,
                "a message arrived wrong: byte %zu of %zu was 0x%02x, 0x%02x was sent", i, side->size, found[i],
                wanted[i]);
}

int side_receive_rest(Side *side, uint64_t number, ssize_t *n) {
        ssize_t more;

        while ((size_t)*n < side->size) {
                more = side->receive(side->link, (char *)side->in + *n, side->size - (size_t)*n);
                if (more <= 0)
                        return more < 0 ? side_say_failed(side, "cannot receive", number, (int)more)
                                        : side_say_short(side, number, *n);
                *n += more;
        }
        return 0;
}

int side_send_in_place(Side *side, uint64_t number) {
        void *room;
        int r;

        r = side->transport->reserve(side->link, side->size, &room);
        if (r < 0)
                return side_say_failed(side, "no room for", number, r);
        if (side->in_place == IN_PLACE_WHOLE)
                payload_fill(room, side->size, number);
        else
                payload_fill_ends(room, side->size, number);
        r = side->transport->commit(side->link, side->size);
        return r < 0 ? side_say_failed(side, "cannot send", number, r) : 0;
}

int side_receive_in_place(Side *side, uint64_t number) {
        const void *message;
        ssize_t n;
        bool same;
        int r;

        n = side->transport->peek(side->link, &message);
        if (n < 0)
                return side_say_failed(side, "cannot receive", number, (int)n);
        if ((size_t)n != side->size)
                return side_say_short(side, number, n);
        same = side->in_place == IN_PLACE_WHOLE ? payload_check(message, side->size, number)
                                                : payload_check_ends(message, side->size, number);
        if (!same)
                return side_say_wrong(side, message, number);
        r = side->transport->release(side->link);
        return r < 0 ? side_say_failed(side, "cannot give back", number, r) : 0;
}

static Usage usage_now(void) {
        struct rusage usage;

        getrusage(RUSAGE_SELF, &usage);
        return (Usage){
                .cpu_nsec = ((uint64_t)usage.ru_utime.tv_sec + (uint64_t)usage.ru_stime.tv_sec) * NSEC_PER_SEC +
                            ((uint64_t)usage.ru_utime.tv_usec + (uint64_t)usage.ru_stime.tv_usec) * NSEC_PER_USEC,
                .voluntary = (uint64_t)usage.ru_nvcsw,
                .involuntary = (uint64_t)usage.ru_nivcsw,
                .nsec = now_nsec(),
        };
}

void side_usage_begin(Side *side) {
        side->begin = usage_now();
        side->begin.messages = side->number;
}

void side_usage_end(Side *side, uint64_t messages) {
        Usage end = usage_now();

        side->measure->usage[side->side] = (Usage){
                .cpu_nsec = end.cpu_nsec - side->begin.cpu_nsec,
                .voluntary = end.voluntary - side->begin.voluntary,
                .involuntary = end.involuntary - side->begin.involuntary,
                .nsec = end.nsec - side->begin.nsec,
                .messages = messages,
        };
}
