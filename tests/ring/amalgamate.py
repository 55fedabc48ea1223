#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ring's sources as one file, for the model checker; with a mistake in it, if one is named.
amalgamate.py SOURCE-FOLDER OUTPUT [MISTAKE]"""

import os
import re
import sys

MISTAKES = {  # name: what is replaced by what; each has to be there, once
    'release-dropped': [('ring_store_release(first, ring->first_word)', 'ring_store_relaxed(first, ring->first_word)')],
    'acquire-dropped': [('uint64_t word = ring_load_acquire(head), span;', 'uint64_t word = ring_load_relaxed(head), span;')],
    'barrier-dropped': [('ring_store(first, ring->first_word)', 'ring_store_release(first, ring->first_word)')],
    'end-dropped': [('if ((int64_t)(ring->position - ring->cleared) >= 0) {', 'if (false) {')],
    'cleared-too-far': [('ring->cleared + RING_RECORD_HEAD - ring->limit <= ring->capacity', 'true')],
    'abort-forgotten': [('ring->cleared = ring->position;\n                return 0;', 'return 0;')],
    'end-room-dropped': [('behind = ring->position + span + RING_RECORD_HEAD;', 'behind = ring->position + span;')],
    'freed-too-early': [('if (ring->limit == ring->shown)\n                return;\n        ring->limit = ring->shown;',
                         'if (ring->limit == ring->position)\n                return;\n        ring->limit = ring->position;')],
    'recheck-dropped': [('r = ring_settled(ring, what);', 'r = 0;')],
    'counted-too-early': [('        sequence = ring_load32(&what->gate->sequence);\n', ''),
                          ('ring_add32(&what->gate->waiting, 1);',
                           'ring_add32(&what->gate->waiting, 1);\n        sequence = ring_load32(&what->gate->sequence);')],
    'chain-not-followed': [('while (ring->role == IPCBUS_RING_WRITER) {', 'while (false) {')],
    'leaving-untold': [('ring_place_recover(ring, ring->place);\n        ring_wake_all(ring);',
                        'ring_place_recover(ring, ring->place);')],
    'read-before-commit': [('if (many_state(word) == MANY_CLAIMED)\n                        return 0;',
                            'if (many_state(word) == MANY_CLAIMED)\n                        word = many_turn(word, MANY_COMMITTED);')],
    'tail-left-behind': [('ring_cas(&control->tail, position, position + many_length(ring, word));', '')],
    'claims-left': [('many_owner(word) == place && many_state(word) == MANY_CLAIMED', 'false')],
    'taken-left': [('many_owner(word) == place && many_state(word) == MANY_TAKEN', 'false')],
    'not-looked-for': [('if (ring_add(&control->returned, 1) == UINT64_MAX)\n                ring_add(&control->returned, 1);\n'
                        '        return many_advance(ring);', 'return many_advance(ring);')],
}
FOLDER, OUTPUT = sys.argv[1:3]
seen = set()


def expand(name):
    if name in seen:
        return ''
    seen.add(name)
    with open(os.path.join(FOLDER, name), encoding='utf-8') as file:
        text = file.read().replace('#pragma once\n', '')
    return re.sub(r'^#include "(ring[a-z-]*\.h)"\n', lambda match: expand(match.group(1)), text, flags=re.MULTILINE)


whole = expand('ring.c') + expand('ring-places.c')
if len(sys.argv) > 3:
    for old, new in MISTAKES[sys.argv[3]]:
        if whole.count(old) != 1:
            sys.exit(f'{sys.argv[3]}: {whole.count(old)} times in the sources:\n{old}')
        whole = whole.replace(old, new)
with open(OUTPUT, 'w', encoding='utf-8') as file:
    file.write(whole)
