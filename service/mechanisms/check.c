/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check.h"

/* What a check calls: a thin layer over the engine that runs it (in the judge) and over the control channel (in a
 * peer). Nothing is owned here. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "channel.h"
#include "checks.h"
#include "cleanup.h"
#include "mechanism.h"
#include "place.h"

int check_start(CheckRun *run, unsigned role, Link *link, const Record *arguments, CheckProcess **ret) {
        return run->engine->start(run, CHECK_PLACE_HERE, role, link, arguments, ret);
}

int check_start_at(
        CheckRun *run, CheckPlace place, unsigned role, Link *link, const Record *arguments, CheckProcess **ret) {
        CLEANUP(record_freep) Record *arrival = NULL;
        CheckProcess *process;
        PlaceOutcome outcome;
        int r;

        r = run->engine->start(run, place, role, link, arguments, &process);
        if (!check_need(run, "starting a peer", r))
                return r;
        if (place != CHECK_PLACE_HERE) {
                r = check_hear(run, process, CHECK_PATIENCE_USEC, &arrival);
                if (r < 0) {
                        check_note(run, "a peer %s was never heard: %s", place_name(place), check_errno(r));
                        return r;
                }
                outcome = place_told(arrival);
                if (!place_need(run, place, &outcome))
                        return outcome.result;
        }
        *ret = process;
        return 0;
}

int check_say(CheckRun *run, CheckProcess *process, const Record *record) {
        return run->engine->say(process, record);
}

int check_hear(CheckRun *run, CheckProcess *process, uint64_t timeout_usec, Record **ret) {
        return run->engine->hear(process, timeout_usec, ret);
}

static int word_new(const char *word, Record **ret) {
        int r = record_new(ret);

        if (r >= 0)
                record_set_string(*ret, "word", word);
        return r;
}

static int word_is(const Record *record, const char *word) {
        return strcmp(record_get_string(record, "word", ""), word) == 0 ? 0 : -EPROTO;
}

int check_say_word(CheckRun *run, CheckProcess *process, const char *word) {
        Record *record = NULL;
        int r = word_new(word, &record);

        if (r >= 0)
                r = check_say(run, process, record);
        record_free(record);
        return r;
}

int check_hear_word(CheckRun *run, CheckProcess *process, const char *word, uint64_t timeout_usec) {
        Record *record = NULL;
        int r = check_hear(run, process, timeout_usec, &record);

        if (r >= 0)
                r = word_is(record, word);
        record_free(record);
        return r;
}

pid_t check_pid(CheckRun *run, const CheckProcess *process) {
        return run->engine->pid(process);
}

int check_kill(CheckRun *run, CheckProcess *process, int signal) {
        return run->engine->kill(process, signal);
}

int check_wait(CheckRun *run, CheckProcess *process, uint64_t timeout_usec, int *ret_status) {
        return run->engine->wait(process, timeout_usec, ret_status);
}

void check_note(CheckRun *run, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        run->engine->evidence(run, format, arguments);
        va_end(arguments);
}

CheckResult check_ok(CheckRun *run, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        run->engine->evidence(run, format, arguments);
        va_end(arguments);
        return CHECK_OK;
}

CheckResult check_fail(CheckRun *run, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        run->engine->evidence(run, format, arguments);
        va_end(arguments);
        return CHECK_FAILED;
}

CheckResult check_skip(CheckRun *run, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        run->engine->evidence(run, format, arguments);
        va_end(arguments);
        return CHECK_SKIPPED;
}

int check_peer_say(CheckPeer *peer, const Record *record) {
        return channel_send(peer->control, record);
}

int check_peer_hear(CheckPeer *peer, uint64_t timeout_usec, Record **ret) {
        return channel_receive(peer->control, timeout_usec, ret);
}

int check_peer_say_word(CheckPeer *peer, const char *word) {
        Record *record = NULL;
        int r = word_new(word, &record);

        if (r >= 0)
                r = check_peer_say(peer, record);
        record_free(record);
        return r;
}

int check_peer_hear_word(CheckPeer *peer, const char *word, uint64_t timeout_usec) {
        Record *record = NULL;
        int r = check_peer_hear(peer, timeout_usec, &record);

        if (r >= 0)
                r = word_is(record, word);
        record_free(record);
        return r;
}

const Transport *check_transport(const CheckRun *run) {
        return run->check->transport ? run->check->transport : run->mechanism->transport;
}

const char *check_result_name(CheckResult result) {
        static const char *const names[CHECK_RESULT_MAX] = {
                [CHECK_OK] = "ok",
                [CHECK_FAILED] = "failed",
                [CHECK_SKIPPED] = "skipped",
        };

        return result >= 0 && result < CHECK_RESULT_MAX ? names[result] : NULL;
}

const char *check_aspect_name(CheckAspect aspect) {
        static const char *const names[ASPECT_MAX] = {
                [ASPECT_FULL_DUPLEX] = "full_duplex",
                [ASPECT_BIDIRECTIONAL] = "bidirectional",
                [ASPECT_BOUNDARIES] = "boundaries",
                [ASPECT_ORDER] = "order",
                [ASPECT_PRIORITY] = "priority",
                [ASPECT_PERSISTENCE] = "persistence",
                [ASPECT_UNRELATED] = "unrelated",
                [ASPECT_DESCRIPTORS] = "descriptors",
                [ASPECT_ATOMICITY] = "atomicity",
                [ASPECT_BLOCKING] = "blocking",
                [ASPECT_NON_BLOCKING] = "non_blocking",
                [ASPECT_TIMEOUT] = "timeout",
                [ASPECT_INTERRUPTED] = "interrupted",
                [ASPECT_FULL] = "full",
                [ASPECT_EMPTY] = "empty",
                [ASPECT_MAXIMUM] = "maximum",
                [ASPECT_LIMIT] = "limit",
                [ASPECT_EXHAUSTION] = "exhaustion",
                [ASPECT_WRITER_KILLED] = "writer_killed",
                [ASPECT_WAITER_KILLED] = "waiter_killed",
                [ASPECT_HOLDER_KILLED] = "holder_killed",
                [ASPECT_CREATOR_GONE] = "creator_gone",
                [ASPECT_MANY_WRITERS] = "many_writers",
                [ASPECT_PERMISSION] = "permission",
                [ASPECT_OTHER_USER] = "other_user",
                [ASPECT_NAMESPACE] = "namespace",
                [ASPECT_CREDENTIALS] = "credentials",
                [ASPECT_SYNCHRONISATION] = "synchronisation",
        };

        return aspect >= 0 && aspect < ASPECT_MAX ? names[aspect] : NULL;
}
