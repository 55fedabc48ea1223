#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""explain of processes, of what has no name, in other namespaces and at limits, against what really happens."""

import ctypes
import os
import signal
import socket
import subprocess
import sys

from explaining import BUILD, UNIQUE, agree, can, create, explain, prepare
from interop import Skip, ctl, ctl_json, equal, later, main, start, test, until

libc = ctypes.CDLL(None, use_errno=True)
KINDS = {'shm-sysv', 'shm-posix', 'memfd', 'mmap', 'ring', 'signal', 'sem-sysv', 'sem-posix', 'eventfd', 'mutex', 'pipe',
         'fifo', 'mq-posix', 'mq-sysv', 'unix-stream', 'unix-dgram', 'unix-seqpacket', 'tcp', 'udp', 'raw', 'dbus'}


@test
def every_kind_is_explained():
    prepare()
    equal({kind['kind'] for kind in ctl_json('kinds')}, KINDS, 'a new kind needs its situations here')


def status(pid):
    with open(f'/proc/{pid}/status') as file:
        return [line for line in file if line.startswith(('Sig', 'Shd'))]


@test
def processes():
    prepare()
    daemon = start('setpriv', '--reuid=1', '--regid=1', '--clear-groups', 'sleep', '600')
    until(lambda: 'Uid:\t1\t' in open(f'/proc/{daemon.pid}/status').read(), 'the change of user')
    verdicts = agree(f'signal:{daemon.pid}', state=lambda: status(daemon.pid))
    equal([verdicts[user]['possible'] for user in ('root', 'nobody', 'daemon')], [True, False, True])
    equal(verdicts['nobody']['errno'], 'EPERM')
    for user in ('nobody', 'daemon'):
        equal(explain('root', 'signal:1', '--for', user)['errno'], 'EPERM')
    equal(agree('signal:4194303')['nobody']['errno'], 'ESRCH')
    if os.path.exists('/proc/2') and not os.path.exists('/proc/2/exe'):
        assert 'thread of the kernel' in explain('root', 'signal:2')['summary']
    zombie = os.fork()
    if zombie == 0:
        os._exit(0)
    later(os.waitpid, zombie, 0)
    until(lambda: 'zombie' in open(f'/proc/{zombie}/status').read(), 'a zombie')
    verdict = explain('root', f'signal:{zombie}')
    equal(verdict['possible'], False)
    assert 'zombie' in verdict['summary'], verdict


@test
def what_has_no_name():
    """Of a process of daemon's: root and daemon reach it, nobody does not; one that may not be dumped only root."""
    prepare()
    script = '''
import ctypes, fcntl, os, struct, sys, time
libc = ctypes.CDLL(None)
os.setgroups([]); os.setresgid(1, 1, 1); os.setresuid(1, 1, 1)
libc.prctl(4, int(sys.argv[1]), 0, 0, 0)  # PR_SET_DUMPABLE
reading, writing = os.pipe()
memory = os.memfd_create('explained', os.MFD_ALLOW_SEALING)
os.write(memory, b'x')
ring = os.memfd_create('explained', os.MFD_ALLOW_SEALING)
os.truncate(ring, 12288 + 4096)
os.pwrite(ring, struct.pack('=8sIIQQQ', b'1ipcring', 1, 0, 4096, 0, 12288), 0)
fcntl.fcntl(ring, 1033, 7)  # F_ADD_SEALS: seal, shrink, grow
counter = libc.eventfd(1, 0)
number = [line.split()[1] for line in open(f'/proc/self/fdinfo/{counter}') if line.startswith('eventfd-id')] if int(sys.argv[1]) else ['0']
print(reading, os.fstat(reading).st_ino, memory, os.fstat(memory).st_ino, ring, os.fstat(ring).st_ino, counter, number[0], flush=True)
time.sleep(600)'''
    with open('/proc/sys/kernel/yama/ptrace_scope') if os.path.exists('/proc/sys/kernel/yama/ptrace_scope') else open(
            '/dev/null') as file:
        yama = file.read().strip() or '0'
    for dumpable in (1, 0):
        process = start(sys.executable, '-c', script, str(dumpable), stdout=subprocess.PIPE)
        numbers = process.stdout.readline().split()
        for kind in ('pipe', 'memfd', 'ring', 'eventfd')[:4 if dumpable else 3]:
            fd, number = numbers[:2]
            numbers = numbers[2:]
            verdicts = agree(f'{kind}:[{number}]', holder=(process.pid, fd))
            seen = [verdicts[user]['possible'] for user in ('root', 'nobody', 'daemon')]
            equal(seen, [True, False, bool(dumpable) and not (kind == 'eventfd' and yama != '0')], verdicts)
            assert 'ptrace' in verdicts['nobody']['summary'], verdicts['nobody']


@test
def nobody_has_it():
    prepare()
    for address in ('pipe:[1]', 'memfd:[1]', 'ring:[1]', 'eventfd:[2147483000]'):
        verdict = explain('root', address)
        # Where some processes may not be looked into, it is not known.
        equal((verdict['possible'], verdict.get('exists', False)), (False, False), verdict)


@test
def other_ipc_namespaces():
    prepare()
    for kind, options in (('shm-sysv', ['size=4K']), ('sem-sysv', []), ('mq-sysv', []),
                          ('mq-posix', ['name=/' + UNIQUE, 'max_messages=1', 'message_size=8'])):
        address = create(kind, *options, 'mode=0666')
        verdict = agree(address, ('root',), around=['unshare', '--ipc'])['root']
        equal((verdict['possible'], verdict['exists']), (False, False), verdict)
        assert any('ipc:[' in step['step'] and 'namespace' in step['detail'] for step in verdict['steps']), verdict
        ctl('remove', address)


def made(*words, around):
    return subprocess.run([*around, BUILD + '/ipcctl', '--embedded', 'create', *words], capture_output=True, text=True,
                          timeout=60)


@test
def limits_on_their_number():
    """In IPC namespaces of their own, where the limits are small; what is said is what create then gives."""
    prepare()
    rows = (('shm-sysv', 'shmmni', '0', 'key=0x1bc0ffe', ['size=4K'], 'shmmni'),
            ('mq-sysv', 'msgmni', '0', 'key=0x1bc0ffe', [], 'msgmni'),
            ('sem-sysv', 'sem', '"32000 32000 500 0"', 'key=0x1bc0ffe', [], 'sem'))
    for kind, setting, value, identity, options, word in rows:
        around = ['unshare', '--ipc', 'sh', '-c', f'echo {value} >/proc/sys/kernel/{setting} && exec "$@"', '-']
        verdict = explain('root', f'{kind}:{identity}', around=around)
        end = made(kind, identity, *options, around=around)
        equal(verdict['creatable'], end.returncode == 0, f'{verdict} {end}')
        equal(verdict['creatable'], False)
        assert word in verdict['summary'], verdict
    for user in ('root', 'nobody'):
        verdict = explain('root', 'mq-posix:/' + UNIQUE, '--for', user, around=['prlimit', '--msgqueue=0'])
        equal(verdict['creatable'], False, verdict)
        assert 'RLIMIT_MSGQUEUE' in verdict['summary'], verdict
    equal(made('mq-posix', 'name=/' + UNIQUE, around=['prlimit', '--msgqueue=0']).returncode, 3)


def shm(script):
    return ['unshare', '--mount', '--propagation', 'private', 'bash', '-c', script + ' || exit 99\nexec "$@"', '-']


@test
def dev_shm_has_no_room():
    prepare()
    full = shm('mount -t tmpfs -o size=16k none /dev/shm && head -c 16k /dev/zero >/dev/shm/fill; chmod 1777 /dev/shm')
    for around, word in ((full, 'is full'), (shm('mount -t tmpfs -o nr_inodes=1,mode=1777 none /dev/shm'), 'is full'),
                         (shm('mount -t tmpfs -o ro,mode=1777 none /dev/shm'), 'read-only')):
        for user in ('root', 'nobody'):
            verdict = explain('root', 'sem-posix:/' + UNIQUE, '--for', user, around=around)
            equal((verdict['exists'], verdict['creatable']), (False, False), verdict)
            assert word in verdict['summary'], verdict
        assert made('sem-posix', 'name=/' + UNIQUE, around=around).returncode != 0


@test
def names_on_buses():
    prepare()
    verdict = explain('root', 'dbus:org.freedesktop.DBus')
    equal(can(verdict), ['call'], verdict)
    verdict = explain('root', f'dbus:org.example.Nobody{os.getpid()}')
    equal((verdict['possible'], verdict['exists']), (False, False), verdict)
    verdict = explain('root', 'dbus:org.example.Nobody@unix:path=/nonexistent/bus')
    equal(verdict['possible'], False, verdict)
    address = os.environ['DBUS_SESSION_BUS_ADDRESS']
    verdict = explain('nobody', f'dbus:org.freedesktop.DBus@{address}')
    equal(verdict['possible'], False, verdict)
    equal(explain('root', f'dbus:org.freedesktop.DBus@{address}', '--for', 'nobody')['possible'], False)


main()
