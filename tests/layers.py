#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may know what: the layers of the README, proved on the source (includes) and on what was built (symbols, linked
libraries). layers.py SOURCE-ROOT BUILD-ROOT; prints TAP."""

import os
import re
import subprocess
import sys

LAYERS = {  # folder: the layers whose headers it may include; the longest folder name that fits a file is its layer
    'interfaces': ['interfaces'],
    'service/inventory': ['interfaces', 'service/inventory'],
    'service/mechanisms': ['interfaces', 'service/inventory', 'service/mechanisms'],
    'service/worker': ['interfaces', 'service/inventory', 'service/mechanisms', 'service/worker'],
    'service': ['interfaces', 'service/inventory', 'service/mechanisms', 'service'],
    'client': ['interfaces', 'client'],
}
SYSTEM = {  # what of the system's headers only some layers may include
    re.compile(r'^systemd/'): ['service'],
    re.compile(r'^glib'): ['service', 'client'],
    re.compile(r'^(gio|gobject)/'): ['client'],
    re.compile(r'^(libsmartcols|json-glib)/'): ['client'],
}
# The kind that is a name on a bus: its own files and no other below the service speak D-Bus.
EXCEPTIONS = {(re.compile(r'^service/mechanisms/dbus[a-z-]*\.[ch]$'), 'systemd/')}
NOT_IN_SERVICE = re.compile(r'\b(g_main_\w+|g_object_\w+|g_dbus_\w+|GMainLoop|GObject|system)\s*\(')
FORBIDDEN = re.compile(r'\b(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|atof|system|popen|tmpnam|mktemp)\s*\(')
UNFINISHED = re.compile(r'\b(TODO|FIXME|XXX)\b')
FORBIDDEN_SYMBOLS = {'strcpy', 'strcat', 'sprintf', 'vsprintf', 'gets', 'atoi', 'system', 'popen', 'tmpnam', 'mktemp',
                     'wordexp'}
NOTIFIES = re.compile(r'\bmq_notify\s*\(')  # one slot a queue: it would be taken from a user's program
FORKS = {'fork', 'vfork', '_Fork', 'daemon', 'forkpty', 'pthread_create'}
EXECS = {'execve', 'execv', 'execvp', 'execvpe', 'fexecve', 'execl', 'execle', 'execlp', 'execveat'}
LINES, TEST_LINES = 520, 600  # "about 500"; tests may list more cases

SOURCE, BUILD = (os.path.abspath(path) for path in sys.argv[1:3])
count = 0


def check(title, problems, notes=()):
    global count
    count += 1
    print(f"{'not ok' if problems else 'ok'} {count} - {title}")
    for line in list(problems) + list(notes):
        print(f'# {line}')


def skip(title, reason):
    global count
    count += 1
    print(f'ok {count} - {title} # SKIP {reason}')


def layer_of(path):
    fitting = [layer for layer in LAYERS if path.startswith(layer + '/')]
    return max(fitting, key=len) if fitting else None


def sources():
    found = []
    for layer in ('client', 'interfaces', 'service', 'tests'):
        for folder, _, names in os.walk(os.path.join(SOURCE, layer)):
            found += [os.path.relpath(os.path.join(folder, name), SOURCE) for name in names if name[-2:] in ('.c', '.h')]
    return sorted(found)


def read(path):
    with open(os.path.join(SOURCE, path), encoding='utf-8') as file:
        return file.read()


def code_of(text):
    """The text without comments and strings, with its lines where they were."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
    return pattern.sub(lambda match: ' ' + '\n' * match.group().count('\n'), text)


def lines_with(pattern, path, text):
    return [f'{path}:{number}: {line.strip()}' for number, line in enumerate(text.splitlines(), 1) if pattern.search(line)]


def check_includes(files):
    upward, foreign = [], []
    for path in files:
        layer = layer_of(path)
        if layer is None:
            continue
        for kind, name in re.findall(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', read(path), re.MULTILINE):
            if kind == '"':
                beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
                places = [beside] if beside in files else [file for file in files if file.endswith('/' + name) or file == name]
                if places and not any(layer_of(place) in LAYERS[layer] for place in places):
                    upward.append(f'{path} includes {places[0]}')
                if not places and not (name == 'ipcbus-proxies.h' and layer == 'client'):
                    upward.append(f'{path} includes "{name}", which is no header of this tree')
                continue
            for pattern, layers in SYSTEM.items():
                excepted = any(file.match(path) and name.startswith(start) for file, start in EXCEPTIONS)
                if pattern.match(name) and layer not in layers and not excepted:
                    foreign.append(f'{path} includes <{name}>')
    check('no layer includes a header of a layer above it', upward)
    check('GLib and libsystemd are included only where they belong', foreign)


def check_text(files):
    calls, unfinished, glib, notifies = [], [], [], []
    for path in files:
        text = read(path)
        code = code_of(text)
        calls += lines_with(FORBIDDEN, path, code)
        unfinished += lines_with(UNFINISHED, path, text)
        if not path.startswith('tests/') and not re.search(r'-checks(-[a-z]+)*\.c$', path):
            notifies += lines_with(NOTIFIES, path, code)
        if layer_of(path) == 'service':
            glib += lines_with(NOT_IN_SERVICE, path, code)
    check('no call that cannot be bounded or that starts a shell', calls)
    check('mq_notify is only for the checks, on queues of their own', notifies)
    check('nothing is marked as unfinished', unfinished)
    check('GLib gives the service containers, no main loop, object or bus', glib)


def check_shape(files):
    lengths = {path: read(path).count('\n') for path in files}
    longest = sorted(lengths, key=lengths.get, reverse=True)[:5]
    check(f'no file is longer than {LINES} lines, none of the tests than {TEST_LINES}',
          [f'{path}: {n}' for path, n in lengths.items() if n > (TEST_LINES if path.startswith('tests/') else LINES)],
          ['longest: ' + ', '.join(f'{path} {lengths[path]}' for path in longest)])
    check('every file names its licence', [path for path in files if 'SPDX-License-Identifier' not in read(path)[:200]])
    own_first = []
    for path in files:
        header = path[:-2] + '.h'
        includes = re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', read(path), re.MULTILINE)
        if path.endswith('.c') and header in files and includes[:1] != [os.path.basename(header)]:
            own_first.append(f'{path} includes {includes[:1]} first')
    check('every header is included first by its own file, so that it stands alone', own_first)


def check_words():
    """Who looks for how a kind is addressed, or what it is, finds it."""
    kinds = [name.replace('_', '-') for name in re.findall(r'mechanism_(\w+);', read('service/mechanisms/kinds.h'))]
    page, readme = read('data/man/ipcctl.1.scd'), read('README.md')
    check('ipcctl(1) shows an address, and the README a row, of every kind',
          [f'ipcctl(1) has no address {kind}:…' for kind in kinds if f'_{kind}:' not in page] +
          [f'README.md has no row of {kind}' for kind in kinds if f'| `{kind}` |' not in readme])


def symbols(path):
    listed = subprocess.run(['nm', '-u', path], check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout
    return {line.split()[-1].split('@')[0] for line in listed.splitlines() if line.strip() and not line.endswith(':')}


def check_objects():
    forbidden, forks, speaks = [], [], []
    for folder, _, names in os.walk(BUILD):
        for name in (name for name in names if name.endswith('.o')):
            path = os.path.relpath(os.path.join(folder, name), BUILD)
            wanted = symbols(os.path.join(folder, name))
            if not path.startswith('tests'):
                forbidden += [f'{path} calls {symbol}' for symbol in sorted(wanted & FORBIDDEN_SYMBOLS)]
            # The worker links libsystemd for one kind, so who calls it is looked at here.
            if path.startswith(('service/mechanisms/', 'service/inventory/', 'service/worker/', 'interfaces/')):
                mine = path.startswith('service/mechanisms/libipcbus-dbus.a.p/dbus')
                speaks += [f'{path} calls {symbol}' for symbol in sorted(wanted) if symbol.startswith('sd_') and not mine]
            # The folder of one target: what it is linked into tells its layer.
            if path.startswith(('service/ipcbusd.p/', 'client/')) and wanted & FORKS and not wanted & EXECS:
                forks.append(f'{path} calls {", ".join(sorted(wanted & FORKS))} and executes nothing')
    check('no object file refers to such a call', forbidden)
    check('service and client have no fork without exec, and no thread', forks)
    check('below the service only the kind dbus calls libsystemd', speaks)


def needed(path):
    dynamic = subprocess.run(['readelf', '-d', path], check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout
    return re.findall(r'\(NEEDED\).*\[(.*)\]', dynamic)


def check_linked():
    for program, refused in (('service/worker/ipcbus-worker', ('libglib', 'libgio', 'libgobject')),
                             ('service/ipcbusd', ('libgio', 'libgobject', 'libsmartcols', 'libjson-glib')),
                             ('client/ipcctl', ('libsystemd',))):
        path = os.path.join(BUILD, program)
        if not os.path.exists(path):
            check(f'{program} links what its layer may know', [f'{program} was not built'])
            continue
        libraries = needed(path)
        check(f'{program} links only what its layer may know',
              [library for library in libraries if library.startswith(refused)], ['links ' + ' '.join(libraries)])


FILES = sources()
check_includes(FILES)
check_text(FILES)
check_shape(FILES)
check_words()
check_objects()
check_linked()
print(f'1..{count}')
