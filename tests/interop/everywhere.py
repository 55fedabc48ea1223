#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""ipcctl test in surroundings that lack something: of all kinds in those that people meet, of the kinds that may be concerned
in the rest. Nothing fails there that the kernel keeps, each claim that is skipped says what is in the way, kinds that are not
concerned are tested in full, and nothing is left behind. Several surroundings at a time: a test mostly waits."""

import concurrent.futures
import json
import os
import re
import subprocess
import sys

from interop import PLACE, Skip, equal, main, need, run, test, until

REFUSE = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else 'refuse-sysv'
ONLY = sys.argv[2:]
TIME = 400
AT_ONCE = 3
SYSV = ('shm-sysv', 'sem-sysv', 'mq-sysv')
SHM = ('shm-posix', 'sem-posix', 'mutex')
INET = ('tcp', 'udp', 'raw')
SURROUNDINGS = {}
ALL = []  # kinds


def mounted(script):
    """In a mount namespace of its own, after this script."""
    return ['unshare', '--mount', '--propagation', 'private', 'bash', '-c', script + '\nexec "$@"', '-']


def nobody(*more):
    """As nobody, with programs that nobody may run."""
    copy = os.path.join(PLACE, 'for-all')
    if not os.path.isdir(copy):
        os.chmod(PLACE, 0o755)
        os.makedirs(copy)
        for program in (os.environ['IPCBUS_DAEMON'], os.environ['IPCBUS_WORKER']):
            run('cp', program, copy)
        run('bash', '-c', f'cp "$(command -v ipcctl)" {copy}')
    return ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', *more, 'env', '-u', 'XDG_RUNTIME_DIR',
            f'IPCBUS_DAEMON={copy}/ipcbusd', f'IPCBUS_WORKER={copy}/ipcbus-worker', f'PATH={copy}:' + os.environ['PATH']]


def surrounding(name, around, kinds=(), **concerned):
    """`concerned`: of each kind that may have skipped claims, what one of their reasons has to say. All kinds are tested, or
    those that are concerned and these."""
    concerned = {kind.replace('_', '-'): reason for kind, reason in concerned.items()}
    SURROUNDINGS[name] = (around, list(dict.fromkeys([*kinds, *concerned])) if kinds else [], concerned)


def of(kinds, reason):
    return {kind.replace('-', '_'): reason for kind in kinds}


def tested(name):
    """None, or the first thing that is wrong there."""
    around, chosen, _ = SURROUNDINGS[name]
    try:
        end = subprocess.run([*around, 'ipcctl', '--embedded', '--json', 'test', *chosen], capture_output=True,
                             timeout=TIME, cwd=PLACE)
    except (OSError, subprocess.SubprocessError) as error:
        return f'cannot be run: {error!r}'
    said = end.stderr.decode(errors='replace')
    if end.returncode not in (0, 5):
        return f'exit {end.returncode}: {said}'
    try:
        kinds = json.loads(end.stdout)['kinds']
    except ValueError as error:
        at = getattr(error, 'pos', getattr(error, 'start', 0))
        around_it = end.stdout[max(0, at - 80):at + 80]
        return f'exit {end.returncode}, no JSON: {error}: {around_it!r} of {len(end.stdout)} bytes; {said}'
    return judged(name, kinds, end.returncode)


def judged(name, kinds, status):
    _, chosen, concerned = SURROUNDINGS[name]
    failed, seen = [], 0
    for kind in kinds:
        skipped = [check for check in kind['checks'] if check['result'] == 'skipped']
        seen += len(kind['checks'])
        failed += [(kind['kind'], check['id'], check['evidence']) for check in kind['checks']
                   if check['result'] == 'failed']
        reason = concerned.get(kind['kind'])
        if skipped and not reason:
            return f'{kind["kind"]} is not concerned, but {skipped[0]}'
        for check in skipped:
            if not re.search(reason, check['evidence']):
                return f'{kind["kind"]} {check["id"]} does not say "{reason}": {check["evidence"]}'
        if reason and reason is not RIGHT and not skipped:
            return f'{kind["kind"]} should miss something'
    if failed:
        return f'failed: {failed}'
    wanted = 30 * len(chosen or ALL)
    right = seen >= wanted and len(kinds) == len(chosen or ALL) and status == 0
    return None if right else f'{seen} claims, exit {status}'


def objects():
    """The kernel's objects that have names or numbers, and files of tests."""
    found = set()
    for kind in ('shm', 'sem', 'msg'):
        with open(f'/proc/sysvipc/{kind}') as table:
            found |= {f'{kind} {" ".join(line.split()[:2])}' for line in table.readlines()[1:]}
    for folder in ('/dev/shm', '/dev/mqueue', '/tmp'):
        if os.path.isdir(folder):
            found |= {f'{folder}/{name}' for name in os.listdir(folder) if 'ipcbus-' in name}
    return found


RIGHT = r'EPERM|EACCES|only root|CAP_|not permitted|right|user nobody|is user 65534 itself'


def surroundings():
    ALL.extend(kind['kind'] for kind in json.loads(run('ipcctl', '--embedded', '--json', 'kinds')))
    no_right = of(ALL, RIGHT)
    surrounding('network', ['unshare', '--net'], **of(INET, 'interface lo is down'))
    surrounding('ipc', ['unshare', '--ipc'])
    surrounding('msgqueue-0', ['prlimit', '--msgqueue=0'], mq_posix='RLIMIT_MSGQUEUE|EMFILE')
    surrounding('nofile-32', ['prlimit', '--nofile=32'], pipe='EMFILE', tcp='EMFILE', ring='RLIMIT_NOFILE')
    surrounding('nobody', nobody(), **no_right)
    surrounding('dev-shm-full', mounted('mount -t tmpfs -o size=16k none /dev/shm && '
                                        'head -c 16k /dev/zero > /dev/shm/fill || exit 99'), **of(SHM, 'ENOSPC'))
    surrounding('sigpending-0', ['prlimit', '--sigpending=0'], ['sem-posix', 'dbus'],
                signal='RLIMIT_SIGPENDING|EAGAIN', mq_posix='RLIMIT_SIGPENDING')
    surrounding('memlock-0', ['prlimit', '--memlock=0'],
                ['memfd', 'shm-sysv', 'shm-posix', 'mmap', 'pipe', 'unix-stream'])
    surrounding('no-dev-mqueue', mounted('! mountpoint -q /dev/mqueue || umount /dev/mqueue || exit 99'),
                ['mq-posix'])
    surrounding('hidepid', ['unshare', '--pid', '--fork', '--mount', '--propagation', 'private', 'bash', '-c',
                            'mount -t proc -o hidepid=2 proc /proc || exit 99; exec "$@"', '-', *nobody()],
                ['signal'], **of(('signal', 'mutex', 'shm-posix', 'fifo'), RIGHT))
    surrounding('queues-refused', [REFUSE, 'mq=1'], ['mq-sysv'], mq_posix='cannot be used here: Operation not permitted')
    surrounding('queues-missing', [REFUSE, 'mq=38'], ['mq-sysv'],
                mq_posix='cannot be used here|CONFIG_POSIX_MQUEUE|not implemented')
    surrounding('system-v-refused', [REFUSE, '1'], ['sem-posix'], **of(SYSV, 'seccomp.*Operation not permitted'))
    sysctl = 'cd /proc/sys/kernel && echo 0 >{} && exec "$@"'
    surrounding('no-room', ['unshare', '--ipc', 'bash', '-c', sysctl.format('shmmax && echo 0 >msgmnb && echo "0 0 0 0" >sem'), '-'],
                ['mq-posix'], shm_sysv='kernel/shmmax is 0', mq_sysv='kernel/msgmnb is 0', sem_sysv='kernel/sem is 0')
    surrounding('none-more', ['unshare', '--ipc', 'bash', '-c', sysctl.format('shmmni && echo 0 >msgmni'), '-'],
                ['sem-sysv'], shm_sysv='ENOSPC', mq_sysv='ENOSPC')
    surrounding('short-queues', ['unshare', '--ipc', 'bash', '-c', 'echo 3 >/proc/sys/fs/mqueue/msg_max && '
                                 'echo 2000 >/proc/sys/kernel/msgmnb && exec "$@"', '-'],
                ['mq-posix'], mq_posix='msg_max|there is for 3', mq_sysv='no queue of the default size holds')
    surrounding('few-sockets', ['unshare', '--net', 'bash', '-c', 'ip link set lo up && cd /proc/sys/net && echo 1 >core/somaxconn '
                                '&& echo 0 >ipv4/tcp_max_tw_buckets && echo 1 >ipv4/icmp_echo_ignore_all && '
                                'echo 1 >unix/max_dgram_qlen && echo 1024 2048 4096 >ipv4/tcp_wmem && '
                                'echo 1024 2048 4096 >ipv4/tcp_rmem && exec "$@"', '-'],
                ['unix-stream', 'udp', 'unix-seqpacket'], tcp='somaxconn|tcp_max_tw_buckets',
                raw='icmp_echo_ignore_all', unix_dgram='max_dgram_qlen|there is for 2')


@test
def nothing_fails_and_reasons_are_true():
    if os.geteuid() != 0:
        raise Skip('only root can make such namespaces')
    need('unshare', 'prlimit', 'setpriv')
    surroundings()
    before = objects()
    names = ONLY or list(SURROUNDINGS)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as several:
        wrong = {name: what for name, what in zip(names, several.map(tested, names)) if what}
    for name in names:
        print(f'# {name}: {wrong.get(name, "right")}')
    equal(wrong, {})
    # What other programs of this machine make comes and goes; what we leave stays.
    left = objects() - before
    until(lambda: not left & objects(), f'that these are gone: {sorted(left)}')


main()
