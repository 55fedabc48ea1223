# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of explain share: each user is explained, by root with --for and by itself, and then an independent
program of that user (use.py) does it."""

import json
import os
import pwd
import shutil
import subprocess
import sys

from interop import PLACE, Skip, ctl, equal, later, need

UNIQUE = f'ipcbus-explain-{os.getpid()}'
HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(PLACE, 'copy')  # that all users can reach, wherever the build is
OPEN = os.path.join(PLACE, 'open')   # the same
USERS = ('root', 'nobody', 'daemon')


def prepare():
    if os.geteuid() != 0:
        raise Skip('only root can become other users')
    need('setpriv')
    if os.path.exists(BUILD):
        return
    os.chmod(PLACE, 0o755)
    os.makedirs(OPEN)
    os.makedirs(BUILD)
    for program in (shutil.which('ipcctl'), os.environ['IPCBUS_DAEMON'], os.environ['IPCBUS_WORKER'],
                    os.path.join(HERE, 'use.py')):
        shutil.copy(program, BUILD)
    for user in USERS:
        home = os.path.join(PLACE, user)
        os.mkdir(home, 0o700)
        os.chown(home, pwd.getpwnam(user).pw_uid, -1)


def as_user(user, *words, around=()):
    entry = pwd.getpwnam(user)
    become = ['setpriv', f'--reuid={entry.pw_uid}', f'--regid={entry.pw_gid}', '--init-groups', '--'] if user != 'root' else []
    environment = dict(os.environ, IPCBUS_DAEMON=BUILD + '/ipcbusd', IPCBUS_WORKER=BUILD + '/ipcbus-worker',
                       TMPDIR=os.path.join(PLACE, user), XDG_RUNTIME_DIR=os.path.join(PLACE, user))
    end = subprocess.run([*around, *become, *words], capture_output=True, text=True, timeout=60, env=environment, cwd='/')
    if end.returncode != 0:
        raise AssertionError(f'{user}: {words}: {end.returncode}: {end.stdout}{end.stderr}')
    return end.stdout


def explain(user, address, *more, around=()):
    return json.loads(as_user(user, BUILD + '/ipcctl', '--embedded', '--json', 'explain', address, *more, around=around))


def worded(verdict):
    """One sentence, and each step has what a person needs."""
    summary = verdict['summary']
    assert summary.endswith('.') and not summary.endswith('..') and '. ' not in summary.replace('e.g. ', ''), summary
    assert verdict['steps'], verdict
    for step in verdict['steps']:
        assert step['result'] in ('ok', 'blocked', 'unknown') and len(step['detail']) > 10, step
    assert verdict['possible'] == any(use['possible'] for use in verdict['uses']), verdict
    return summary


def agree(address, users=USERS, holder=(), state=None, around=()):
    """What is explained is what happens, for each user and use. Gives the verdicts."""
    kind, identity = address.split(':', 1)
    verdicts = {}
    for user in users:
        before = state() if state else None
        told = explain('root', address, '--for', user, around=around)
        own = explain(user, address, around=around)
        if state:
            equal(state(), before, f'{address} after it was explained')
        worded(told)
        worded(own)
        equal([(use['use'], use['possible']) for use in own['uses']],
              [(use['use'], use['possible']) for use in told['uses']], f'{user}: {own} {told}')
        verdicts[user] = told
    # Afterwards, as this changes things.
    for user in users:
        for use in reversed(verdicts[user]['uses']):
            happened = as_user(user, sys.executable, BUILD + '/use.py', kind, identity, use['use'], *map(str, holder),
                               around=around).strip()
            equal(happened == 'ok', use['possible'], f'{user}, {use}: {happened}')
            if happened != 'ok' and 'errno' in use:
                equal(happened, use['errno'], f'{user}, {use}')
    return verdicts


def create(kind, *options):
    address = ctl('create', kind, *options).strip()
    later(lambda: subprocess.run(['ipcctl', 'remove', address], capture_output=True, timeout=20))
    return address


def can(verdict):
    return [use['use'] for use in verdict['uses'] if use['possible']]


def made(path, mode=0o666, owner=-1):
    with open(path, 'w') as file:
        file.write('x' * 4096)
    os.chmod(path, mode)
    os.chown(path, owner, -1)
    later(lambda: os.path.lexists(path) and os.unlink(path))
    return path
