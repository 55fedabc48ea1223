#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ring's sources as one file, for the model checker; with a mistake in it, if one is named.
amalgamate.py SOURCE-FOLDER OUTPUT [MISTAKE]"""

import os
import re
import sys

MISTAKES = {  # name: what is replaced by what; each has to be there, once
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
