#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""explain of what has a mode or a path, against what really happens: the verdicts agree, down to the errno, and asking
changed nothing."""

import os
import pwd
import shutil
import struct
import subprocess

from explaining import OPEN, UNIQUE, USERS, agree, can, create, explain, made, prepare
from interop import Skip, ctl, ctl_json, equal, later, main, test

# --- Objects with a mode ---

MODES = ('0600', '0644', '0622', '0666', '0060', '0006')
TABLE = {
    'shm-sysv': (lambda: ['size=4K'], '0000'),
    'sem-sysv': (lambda: ['value=1'], '0000'),
    'mq-sysv': (lambda: [], '0000'),
    'shm-posix': (lambda: [f'name=/{UNIQUE}', 'size=4K'], '0000'),
    'sem-posix': (lambda: [f'name=/{UNIQUE}', 'value=1'], None),
    'mutex': (lambda: [f'name=/{UNIQUE}'], None),
    'mmap': (lambda: [f'path={OPEN}/mapped', 'size=4K'], None),
    'fifo': (lambda: [f'path={OPEN}/fifo'], None),
    'mq-posix': (lambda: [f'name=/{UNIQUE}', 'max_messages=2', 'message_size=64'], None),
    'unix-stream': (lambda: [f'path={OPEN}/stream'], None),
    'unix-seqpacket': (lambda: [f'path={OPEN}/packets'], None),
    'unix-dgram': (lambda: [f'path={OPEN}/datagram'], None),
}
SYSV = {'shm-sysv': 'shm', 'sem-sysv': 'sem', 'mq-sysv': 'msg'}


def state_of(address):
    """All that the kernel tells of it: times, counts, who was last."""
    kind, identity = address.split(':', 1)
    if kind in SYSV:
        return lambda: [line for line in open('/proc/sysvipc/' + SYSV[kind]) if line.split()[1] == identity[3:]]
    path = {'shm-posix': '/dev/shm' + identity, 'sem-posix': '/dev/shm/sem.' + identity[1:],
            'mutex': '/dev/shm/mutex.' + identity[1:]}.get(kind, identity)
    if kind == 'mq-posix':
        return lambda: [ctl_json('show', address)[key] for key in ('messages', 'used', 'mode', 'identity')]
    return lambda: tuple(os.stat(path))


def with_mode(kind):
    prepare()
    for mode in MODES:
        if kind == 'mq-posix' and not int(mode, 8) & 0o600:
            continue
        address = create(kind, *TABLE[kind][0](), 'mode=' + mode)
        agree(address, state=state_of(address))
        ctl('remove', address)


def missing(kind):
    """What is not there is told so, and who could make it can make it."""
    prepare()
    options = TABLE[kind][0]()
    address = create(kind, *options, *(['key=0x1bc0ffe'] if kind in SYSV else []))
    ctl('remove', address)
    for user, verdict in agree(address).items():
        equal((verdict['possible'], verdict['exists']), (False, False), verdict)
        assert verdict['summary'].startswith(('There is no', 'Nobody')), verdict
        if kind in ('mmap', 'fifo') or kind.startswith('unix'):
            equal(verdict['creatable'], user == 'root', verdict)
        else:
            equal(verdict['creatable'], True, verdict)


def add(function, kind):
    def one():
        function(kind)
    one.__name__ = f'{kind}_{function.__name__}'
    test(one)


for name in TABLE:
    add(with_mode, name)
    add(missing, name)


# --- Paths ---

@test
def the_owners_own_bits_are_cleared():
    prepare()
    path = made(f'{OPEN}/own', 0o066, pwd.getpwnam('daemon').pw_uid)
    verdicts = agree('mmap:' + path)
    equal([can(verdicts[user]) for user in USERS], [['read', 'write'], ['read', 'write'], []])
    assert 'its owner' in verdicts['daemon']['summary'], verdicts['daemon']


@test
def a_directory_on_the_way_is_closed():
    prepare()
    for name, mode in (('closed', 0o700), ('listed', 0o744)):
        os.mkdir(f'{OPEN}/{name}', mode)
        os.chmod(f'{OPEN}/{name}', mode)
        path = made(f'{OPEN}/{name}/file')
        for way in (path, f'{OPEN}/link-{name}'):
            if way != path:
                os.symlink(path, way)
                later(os.unlink, way)
            verdict = agree('mmap:' + way)['nobody']
            assert f'{OPEN}/{name} has mode' in verdict['summary'], verdict
        # What is behind it is not there, and the user may not even know.
        verdict = agree(f'mmap:{OPEN}/{name}/none', ('nobody',))['nobody']
        equal(verdict['errno'], 'EACCES')


@test
def symbolic_links():
    prepare()
    os.symlink('loop', f'{OPEN}/loop')
    os.symlink('nowhere', f'{OPEN}/dangling')
    os.symlink('nowhere/below', f'{OPEN}/deeper')
    for name, number in (('loop', 'ELOOP'), ('dangling', 'ENOENT'), ('deeper', 'ENOENT')):
        equal(agree(f'mmap:{OPEN}/{name}')['nobody']['errno'], number)
    made(f'{OPEN}/plain')
    equal(agree(f'mmap:{OPEN}/plain/below')['nobody']['errno'], 'ENOTDIR')
    for name in ('loop', 'dangling', 'deeper'):
        os.unlink(f'{OPEN}/{name}')


@test
def a_link_in_a_sticky_directory():
    prepare()
    os.mkdir(f'{OPEN}/sticky')
    os.chmod(f'{OPEN}/sticky', 0o1777)
    path = made(f'{OPEN}/target')
    os.symlink(path, f'{OPEN}/sticky/link')
    os.chown(f'{OPEN}/sticky/link', pwd.getpwnam('daemon').pw_uid, -1, follow_symlinks=False)
    verdict = agree(f'mmap:{OPEN}/sticky/link')['nobody']
    with open('/proc/sys/fs/protected_symlinks') as setting:
        if setting.read().strip() == '1':
            equal(verdict['errno'], 'EACCES')
            assert 'protected_symlinks' in verdict['summary'], verdict
    # Opening what others made with O_CREAT is another matter than opening it.
    os.mkfifo(f'{OPEN}/sticky/fifo')
    os.chmod(f'{OPEN}/sticky/fifo', 0o666)
    os.chown(f'{OPEN}/sticky/fifo', pwd.getpwnam('daemon').pw_uid, -1)
    verdict = agree(f'fifo:{OPEN}/sticky/fifo')['nobody']
    with open('/proc/sys/fs/protected_fifos') as setting:
        equal(any('protected_fifos' in step['detail'] for step in verdict['steps']), setting.read().strip() != '0')


def access_list(path, *entries):
    """As setfacl(1) would: tag, permissions, number (acl(5))."""
    value = struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *entry) for entry in entries)
    try:
        os.setxattr(path, 'system.posix_acl_access', value)
    except OSError as error:
        raise Skip(f'no access control lists here: {error}')


@test
def access_control_lists():
    prepare()
    nobody, daemon = (pwd.getpwnam(name) for name in ('nobody', 'daemon'))
    none = 2 ** 32 - 1
    path = made(f'{OPEN}/listed-file', 0o600)
    access_list(path, (1, 6, none), (2, 4, nobody.pw_uid), (4, 0, none), (8, 6, daemon.pw_gid), (0x10, 6, none), (0x20, 0, none))
    verdicts = agree('mmap:' + path)
    equal([can(verdicts[user]) for user in USERS], [['read', 'write'], ['read'], ['read', 'write']])
    assert 'access control list' in verdicts['nobody']['summary'], verdicts['nobody']
    access_list(path, (1, 6, none), (2, 6, nobody.pw_uid), (4, 0, none), (0x10, 4, none), (0x20, 0, none))
    equal([can(verdict) for verdict in agree('mmap:' + path).values()], [['read', 'write'], ['read'], []])


@test
def mounts():
    prepare()
    for options, uses in (('ro', ['read']), ('noexec', ['read', 'write'])):
        around = ['unshare', '--mount', '--propagation', 'private', 'bash', '-c',
                  f'mount -t tmpfs none {OPEN} && echo x >{OPEN}/f && chmod 666 {OPEN}/f && '
                  f'mount -o remount,{options} {OPEN} || exit 99\nexec "$@"', '-']
        for user, verdict in agree(f'mmap:{OPEN}/f', around=around).items():
            equal(can(verdict), uses, verdict)
        if options == 'ro':
            equal(verdict['uses'][1]['errno'], 'EROFS')
            verdict = explain('root', f'mmap:{OPEN}/new', around=around)
            equal((verdict['exists'], verdict['creatable']), (False, False))
            assert 'read-only' in verdict['summary'], verdict


@test
def immutable():
    prepare()
    path = made(f'{OPEN}/immutable')
    if not shutil.which('chattr') or subprocess.run(['chattr', '+i', path], capture_output=True).returncode:
        raise Skip('files cannot be made immutable here')
    later(subprocess.run, ['chattr', '-i', path])
    verdicts = agree('mmap:' + path)
    equal([can(verdict) for verdict in verdicts.values()], [['read']] * 3)
    equal(verdicts['root']['uses'][1]['errno'], 'EPERM')
    assert 'immutable' in verdicts['root']['summary'], verdicts['root']


@test
def a_file_system_that_does_not_answer():
    """FUSE without anybody who serves it: what blocks ends by itself, and says where."""
    prepare()
    if not os.path.exists('/dev/fuse'):
        raise Skip('no /dev/fuse here')
    os.makedirs(f'{OPEN}/hung', exist_ok=True)
    script = (f'exec 9<>/dev/fuse && mount -i -t fuse -o fd=9,rootmode=40000,user_id=0,group_id=0,allow_other none {OPEN}/hung '
              '|| exit 99\n"$@"')
    around = ['unshare', '--mount', '--propagation', 'private', 'bash', '-c', script, '-']
    try:
        verdict = explain('root', f'mmap:{OPEN}/hung/file', around=around)
    except AssertionError as error:
        if ': 99: ' in str(error):
            raise Skip('a FUSE file system cannot be mounted here')
        raise
    equal(verdict['possible'], False)
    assert 'did not come to an end' in verdict['summary'], verdict


main()
