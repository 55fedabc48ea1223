#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Other users: as nobody on what root made, with mode 0600 and with 0666. The verdict is the kernel's, in words, and
explain names the bit that stands in the way."""

import json
import os
import shutil
import subprocess

from interop import PLACE, Skip, ctl, ctl_json, equal, later, main, need, start, test

NOBODY = 65534
UNIQUE = f'ipcbus-users-{os.getpid()}'
AS_NOBODY = ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups', '--']
BUILD = os.path.join(PLACE, 'copy')  # that nobody can reach, wherever the build is

# A kind with an option "mode": what makes a small one, and how it is used without waiting.
TABLE = {
    'shm-sysv': (['size=4K'], ['receive', '--size', '1']),
    'shm-posix': ([f'name=/{UNIQUE}', 'size=4K'], ['receive', '--size', '1']),
    'sem-sysv': (['value=1'], ['wait', '--timeout', '0']),
    'sem-posix': ([f'name=/{UNIQUE}', 'value=1'], ['wait', '--timeout', '0']),
    'mutex': ([f'name=/{UNIQUE}'], ['wait', '--timeout', '0', '--', 'true']),
    'fifo': ([f'path={PLACE}/fifo'], ['send', 'x', '--timeout', '0']),
    'mq-sysv': ([], ['send', 'x']),
    'mq-posix': ([f'name=/{UNIQUE}', 'max_messages=2', 'message_size=64'], ['send', 'x']),
    'unix-stream': ([f'path={PLACE}/stream'], ['send', 'x']),
    'unix-seqpacket': ([f'path={PLACE}/packets'], ['send', 'x']),
    'mmap': ([f'path={PLACE}/mapped', 'size=4K'], ['receive', '--size', '1']),
    'unix-dgram': ([f'path={PLACE}/datagram'], ['send', 'x']),
    'unix-seqpacket': ([f'path={PLACE}/packets'], ['send', 'x']),
}


def prepare():
    if os.geteuid() != 0:
        raise Skip('only root can become another user')
    need('setpriv')
    if os.path.exists(BUILD):
        return
    os.chmod(PLACE, 0o755)
    for program, place in ((shutil.which('ipcctl'), 'client'), (os.environ['IPCBUS_DAEMON'], 'service'),
                           (os.environ['IPCBUS_WORKER'], 'service/worker')):
        os.makedirs(os.path.join(BUILD, place), exist_ok=True)
        shutil.copy(program, os.path.join(BUILD, place))
    home = os.path.join(PLACE, 'nobody')
    os.mkdir(home, 0o700)
    os.chown(home, NOBODY, NOBODY)


def environment():
    return dict(os.environ, IPCBUS_DAEMON=BUILD + '/service/ipcbusd', TMPDIR=os.path.join(PLACE, 'nobody'),
                IPCBUS_WORKER=BUILD + '/service/worker/ipcbus-worker', XDG_RUNTIME_DIR=os.path.join(PLACE, 'nobody'))


def nobody(*words):
    return subprocess.run([*AS_NOBODY, BUILD + '/client/ipcctl', '--embedded', *words], capture_output=True, text=True,
                          timeout=20, env=environment(), cwd='/')


def create(kind, mode):
    prepare()
    address = ctl('create', kind, *TABLE[kind][0], 'mode=' + mode).strip()
    later(lambda: subprocess.run(['ipcctl', 'remove', address], capture_output=True, timeout=20))
    return address


def use(kind, address):
    verb, *more = TABLE[kind][1]
    return nobody(verb, address, *more)


def explained(address):
    """By root for nobody, and by nobody: they agree."""
    for_nobody = ctl_json('explain', address, '--for', 'nobody')
    end = nobody('--json', 'explain', address)
    by_nobody = json.loads(end.stdout)
    equal(by_nobody['possible'], for_nobody['possible'], end.stdout)
    return for_nobody, by_nobody


def worded(end, code):
    if end.returncode != code or not end.stderr.startswith('ipcctl: ') or end.stderr.count('\n') != 1:
        raise AssertionError(f'exit {end.returncode}, not {code}: {end.stdout}{end.stderr}')
    return end.stderr


def closed(kind):
    address = create(kind, '0600')
    for_nobody, by_nobody = explained(address)
    equal(for_nobody['possible'], False)
    assert 'mode 0600' in for_nobody['summary'] and 'nobody' in for_nobody['summary'], for_nobody
    assert any(step['result'] == 'blocked' and '0600' in step['detail'] and 'others' in step['detail']
               for step in for_nobody['steps']), for_nobody
    sentence = worded(use(kind, address), 3)
    assert 'ermission denied (EACCES)' in sentence or '0600' in sentence, sentence
    worded(nobody('remove', address), 3)
    equal(ctl_json('show', address)['mode'], 0o600)
    ctl('remove', address)


def open_to_all(kind):
    address = create(kind, '0666')
    for_nobody, by_nobody = explained(address)
    equal(for_nobody['possible'], True, for_nobody)
    assert all(step['result'] == 'ok' for step in for_nobody['steps']), for_nobody
    end = use(kind, address)
    equal((end.returncode, end.stderr), (0, ''))
    # Whose the directory or the object is decides, not the bits.
    worded(nobody('remove', address), 3)
    ctl('remove', address)


def read_only(kind):
    address = create(kind, '0644')
    for_nobody, by_nobody = explained(address)
    blocked = [step for step in for_nobody['steps'] if step['result'] == 'blocked']
    assert blocked and all('write' in step['step'] or 'try' in step['step'] for step in blocked), for_nobody
    assert '0644' in for_nobody['summary'], for_nobody
    ctl('remove', address)


def add(function, kind):
    def one():
        function(kind)
    one.__name__ = f'{kind} {function.__name__}'.replace(' ', '_')
    test(one)


@test
def every_kind_with_a_mode_is_in_the_table():
    with_mode = {kind['kind'] for kind in ctl_json('kinds') if any(option['name'] == 'mode' for option in
                                                                   kind['options'])}
    equal(with_mode ^ set(TABLE), set())


for name in TABLE:
    add(closed, name)
    add(open_to_all, name)
    add(read_only, name)


@test
def a_process_of_root():
    prepare()
    process = start('sleep', '600')
    address = f'signal:{process.pid}'
    for_nobody, by_nobody = explained(address)
    equal(for_nobody['possible'], False)
    assert 'CAP_KILL' in for_nobody['summary'], for_nobody
    assert 'CAP_KILL' in worded(nobody('signal', str(process.pid), 'TERM'), 3)
    equal(process.poll(), None)


@test
def on_a_bus_of_its_own():
    """nobody's session: its own bus and service, and the same verdict."""
    address = create('mq-sysv', '0600')
    bus = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'demo', 'private-bus')
    copy = os.path.join(BUILD, 'private-bus')
    shutil.copy(bus, copy)
    end = subprocess.run([*AS_NOBODY, copy, BUILD, BUILD + '/client/ipcctl', 'explain', address], capture_output=True,
                         text=True, timeout=30, env=environment(), cwd='/')
    equal(end.returncode, 0, end.stderr)
    assert 'mode 0600' in end.stdout, end.stdout
    worded(subprocess.run([*AS_NOBODY, copy, BUILD, BUILD + '/client/ipcctl', 'receive', address, '--timeout', '0'],
                          capture_output=True, text=True, timeout=30, env=environment(), cwd='/'), 3)
    ctl('remove', address)


main()
