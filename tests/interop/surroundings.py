#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Broken surroundings: each gives a reason in words, never a crash or a hang. Every one is looked at through kinds, create,
list and test, by a service that is started in it."""

import json
import os
import subprocess
import sys

from interop import PLACE, Skip, ctl, equal, later, main, need, run, shell, test

REFUSE = sys.argv[1] if len(sys.argv) > 1 else 'refuse-sysv'
UNIQUE = f'ipcbus-broken-{os.getpid()}'
SYSV = {'shm-sysv': ['size=4K'], 'sem-sysv': [], 'mq-sysv': []}


def inside(around, *words):
    """ipcctl with a service of its own in there."""
    return subprocess.run([*around, 'ipcctl', '--embedded', *words], capture_output=True, text=True, timeout=60)


def needs_root():
    if os.geteuid() != 0:
        raise Skip('only root can make such namespaces')
    need('unshare', 'prlimit')


def worded(around, code, *words):
    end = inside(around, *words)
    if end.returncode != code or not end.stderr.startswith('ipcctl: ') or end.stderr.count('\n') != 1:
        raise AssertionError(f'{words}: exit {end.returncode}, not {code}: {end.stdout}{end.stderr}')
    return end.stderr


def output(around, *words):
    end = inside(around, *words)
    equal(end.returncode, 0, f'{words}: {end.stdout}{end.stderr}')
    return end.stdout


def described(around, kind):
    return json.loads(output(around, '--json', 'kinds', kind))[0]


def tested(around, *kinds):
    """Nothing fails: what cannot be tested there is skipped, with a reason."""
    end = inside(around, '--json', 'test', *kinds)
    results = json.loads(end.stdout)
    failed = [(check['id'], check['evidence']) for kind in results['kinds'] for check in kind['checks']
              if check['result'] == 'failed']
    equal((end.returncode, failed), (0, []), end.stderr)
    for kind in results['kinds']:
        for check in kind['checks']:
            assert check['result'] != 'skipped' or len(check['evidence']) > 10, check
    return results['summary']


def mounted(script):
    """In a mount namespace of its own, after this script."""
    needs_root()
    return ['unshare', '--mount', '--propagation', 'private', 'bash', '-c', script + '\nexec "$@"', '-']


@test
def no_loopback():
    needs_root()
    around = ['unshare', '--net']
    names = {kind['kind'] for kind in json.loads(output(around, '--json', 'kinds'))}
    output(around, 'list')
    assert tested(around, 'unix-stream', 'unix-dgram')['ok'] > 20
    for kind in names & {'tcp', 'udp', 'raw'}:
        tested(around, kind)


@test
def an_ipc_namespace_of_its_own():
    needs_root()
    address = ctl('create', 'shm-sysv', 'size=4K').strip()
    later(ctl, 'remove', address)
    around = ['unshare', '--ipc']
    equal(json.loads(output(around, '--json', 'list', *SYSV, 'mq-posix')), [])
    assert 'There is no' in worded(around, 1, 'show', address)
    made = json.loads(shell('unshare --ipc sh -c "ipcctl --embedded create shm-sysv size=8K >/dev/null && '
                            'ipcctl --embedded create mq-posix name=/x >/dev/null && '
                            'ipcctl --embedded --json list shm-sysv mq-posix"'))
    equal([(row['kind'], row['size']) for row in made][0], ('shm-sysv', 8192))
    equal(len(made), 2)
    assert tested(around, 'mq-sysv')['ok'] > 10


@test
def segments_go_with_who_has_them():
    needs_root()
    tested(['unshare', '--ipc', 'sh', '-c', 'echo 1 >/proc/sys/kernel/shm_rmid_forced || exit 99; exec "$@"', '-'], 'shm-sysv')


@test
def memory_files_are_sealed_against_executing():
    needs_root()
    if not os.path.exists('/proc/sys/vm/memfd_noexec'):
        raise Skip('this kernel has no vm.memfd_noexec')
    for value in '12':
        tested(['unshare', '--pid', '--fork', '--mount-proc', 'sh', '-c',
                f'echo {value} >/proc/sys/vm/memfd_noexec || exit 99; "$@"', '-'], 'memfd')


@test
def no_bytes_for_queues():
    need('prlimit')
    around = ['prlimit', '--msgqueue=0']
    limits = {limit['name']: limit['value'] for limit in described(around, 'mq-posix')['limits']}
    equal(limits['RLIMIT_MSGQUEUE'], 0)
    assert 'RLIMIT_MSGQUEUE' in worded(around, 3, 'create', 'mq-posix', 'name=/' + UNIQUE)
    output(around, 'list', 'mq-posix')
    tested(around, 'mq-posix')


@test
def no_queued_signals():
    need('prlimit')
    assert tested(['prlimit', '--sigpending=0'], 'signal')['ok'] > 20


@test
def small_files():
    need('prlimit')
    tested(['prlimit', '--fsize=1000000'], 'shm-posix', 'memfd', 'mmap')


@test
def few_descriptors():
    need('prlimit')
    around = ['prlimit', '--nofile=32']
    assert len(json.loads(output(around, '--json', 'kinds'))) >= 11
    output(around, 'list')
    path = os.path.join(PLACE, 'few')
    equal(output(around, 'create', 'fifo', 'path=' + path), f'fifo:{path}\n')
    os.unlink(path)
    assert tested(around, 'pipe', 'unix-stream')['ok'] > 20
    # Not even enough to start: a sentence, and an exit code.
    end = inside(['prlimit', '--nofile=9'], 'kinds')
    assert end.returncode == 1 and 'oo many open files' in end.stderr, (end.returncode, end.stderr)


def without_shm(around, reason, available):
    for kind, options in (('shm-posix', ['size=4K']), ('sem-posix', [])):
        shown = described(around, kind)
        equal(shown['available'], available)
        assert available or '/dev/shm' in shown['reason'], shown
        sentence = worded(around, 3 if available else 4, 'create', kind, 'name=/' + UNIQUE, *options)
        assert '/dev/shm' in sentence and reason in sentence, sentence
        summary = tested(around, kind)
        assert summary['skipped'] > 10, summary
    output(around, 'list', 'shm-posix', 'sem-posix')


@test
def dev_shm_is_missing():
    # A /dev of its own, with only what programs cannot do without.
    around = mounted('D=$(mktemp -d "$IPCBUS_PLACE/dev.XXXXXX"); mount -t tmpfs none "$D" && touch "$D/null" "$D/urandom" && '
                     'mount --bind /dev/null "$D/null" && mount --bind /dev/urandom "$D/urandom" && '
                     'mount --rbind "$D" /dev || exit 99')
    without_shm(around, 'No such file or directory', False)
    explained = json.loads(output(around, '--json', 'explain', 'shm-posix:/' + UNIQUE))
    assert 'There is no /dev/shm' in explained['summary'], explained


@test
def dev_shm_is_read_only():
    around = mounted('mount -t tmpfs -o ro none /dev/shm || exit 99')
    without_shm(around, 'Read-only file system', False)


@test
def dev_shm_has_no_file_left():
    without_shm(mounted('mount -t tmpfs -o nr_inodes=1 none /dev/shm || exit 99'), 'is full', True)


@test
def dev_shm_is_full():
    around = mounted('mount -t tmpfs -o size=16k none /dev/shm && head -c 16k /dev/zero > /dev/shm/fill || exit 99')
    assert 'is full' in worded(around, 3, 'create', 'sem-posix', 'name=/' + UNIQUE)
    shown = described(around, 'shm-posix')
    equal({limit['name']: limit['value'] for limit in shown['limits']}['/dev/shm free'], 0)
    # Memory takes pages only when it is written.
    write = ('ipcctl --embedded create shm-posix name=/x size=4K >/dev/null && '
             'ipcctl --embedded send shm-posix:/x hello; echo $?')
    end = subprocess.run([*around, 'bash', '-c', write], capture_output=True, text=True, timeout=60)
    equal(end.stdout, '3\n')
    assert 'ENOSPC' in end.stderr or 'is full' in end.stderr, end.stderr
    tested(around, 'shm-posix', 'sem-posix')


@test
def processes_of_others_are_hidden():
    """hidepid=2 of proc(5), as nobody, in PID and mount namespaces of their own."""
    needs_root()
    need('setpriv')
    os.chmod(PLACE, 0o755)
    copy = os.path.join(PLACE, 'hidden')
    os.makedirs(copy)
    for variable in ('IPCBUS_DAEMON', 'IPCBUS_WORKER'):
        run('cp', os.environ[variable], copy)
    run('bash', '-c', f'cp "$(command -v ipcctl)" {copy}')
    script = f'''
mount -t proc -o hidepid=2 proc /proc || exit 99
sleep 600 & process=$!
pipe={PLACE}/hidden-fifo; mkfifo -m 666 $pipe; sleep 600 <>$pipe &
setpriv --reuid=65534 --regid=65534 --clear-groups env XDG_RUNTIME_DIR=/nonexistent \\
    IPCBUS_DAEMON={copy}/ipcbusd IPCBUS_WORKER={copy}/ipcbus-worker PATH={copy}:$PATH sh -c "
    ipcctl --embedded --json show fifo:$pipe; echo
    ipcctl --embedded signal $process TERM; echo \\$?
    ipcctl --embedded list >/dev/null; echo \\$?
    ipcctl --embedded test pipe | tail -n 1"
kill %1 %2; rm $pipe'''
    end = subprocess.run(['unshare', '--pid', '--fork', '--mount', '--propagation', 'private', 'bash', '-c', script],
                         capture_output=True, text=True, timeout=60)
    shown, end_of_json = json.JSONDecoder().raw_decode(end.stdout)
    equal((shown['holders'], shown['holders_complete']), ([], False))
    equal(end.stdout[end_of_json:].split()[:2], ['3', '0'], end.stderr)
    assert 'hidepid' in end.stderr, end.stderr
    assert 'pipe: ' in end.stdout and ' 0 failed' in end.stdout, end.stdout


def system_v_is_refused(number, reason):
    around = [REFUSE, str(number)]
    segment = ctl('create', 'shm-sysv', 'size=4K').strip()
    later(ctl, 'remove', segment)
    for kind, options in SYSV.items():
        shown = described(around, kind)
        equal(shown['available'], False)
        assert reason in shown['reason'] and 'seccomp' in shown['reason'], shown
        assert reason in worded(around, 4, 'create', kind, *options)
        end = inside(around, 'list', kind)
        assert reason in end.stderr, end.stderr
        summary = tested(around, kind)
        equal(summary['ok'], 0)
    assert reason in worded(around, 4, 'show', segment)
    assert reason in worded(around, 4, 'send', segment, 'x')
    equal(json.loads(output(around, '--json', 'explain', segment))['possible'], False)
    # The others are not concerned.
    assert tested(around, 'mq-posix')['ok'] > 10


@test
def system_v_calls_are_refused_with_EPERM():
    system_v_is_refused(1, 'Operation not permitted')


@test
def system_v_calls_are_refused_with_ENOSYS():
    system_v_is_refused(38, 'CONFIG_SYSVIPC')


main()
