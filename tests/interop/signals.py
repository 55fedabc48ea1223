#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signals, both ways with kill, the shell and C programs."""

import os
import signal
import subprocess

from interop import ctl, ctl_json, equal, main, refused, run, shell, start, test, until

CATCHER = '''
import ctypes, os, signal, sys, time
def caught(number, frame): print(signal.Signals(number).name, flush=True)
for number in (signal.SIGUSR1, signal.SIGHUP): signal.signal(number, caught)
signal.signal(signal.SIGUSR2, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN + 1, signal.SIGTERM])
print('ready', flush=True)
while True: time.sleep(600)
'''


def catcher():
    process = start('/usr/bin/python3', '-c', CATCHER, stdout=subprocess.PIPE)
    equal(process.stdout.readline(), 'ready\n')
    return process


@test
def kill_sends_to_a_listener():
    """kill -SIGUSR1 PID, as typed; and by the kill of the shell and of procps."""
    address = ctl('create', 'signal', 'signals=USR1,RTMIN+3').strip()
    pid = address.split(':')[1]
    shell(f'kill -SIGUSR1 {pid}')
    equal(ctl('receive', address, '--timeout', '10').split()[0], 'SIGUSR1')
    run('/bin/kill', '-USR1', pid)
    equal(ctl('receive', address, '--timeout', '10').split()[0], 'SIGUSR1')
    os.kill(int(pid), signal.SIGRTMIN + 3)
    equal(ctl('receive', address, '--timeout', '10').split()[:4], ['SIGRTMIN+3', 'from', 'pid', str(os.getpid())])
    ctl('remove', address)
    assert not os.path.exists(f'/proc/{pid}') or open(f'/proc/{pid}/stat').read().rsplit(')')[1][1] == 'Z'


@test
def ipcctl_sends_to_a_program():
    process = catcher()
    pid = str(process.pid)
    ctl('signal', pid, 'SIGUSR1')
    equal(process.stdout.readline(), 'SIGUSR1\n')
    ctl('signal', pid, 'hup')
    equal(process.stdout.readline(), 'SIGHUP\n')
    shown = ctl_json('signal', pid)
    assert {'SIGRTMIN+1', 'SIGTERM'} <= set(shown['blocked']), shown
    assert {'SIGUSR1', 'SIGHUP'} <= set(shown['caught']), shown
    assert 'SIGUSR2' in shown['ignored'], shown
    ctl('signal', pid, 'TERM')
    shell(f'kill -RTMIN+1 {pid}')
    equal(set(ctl_json('signal', pid)['pending']), {'SIGTERM', 'SIGRTMIN+1'})
    with open(f'/proc/{pid}/status') as status:
        sets = dict(line.split(':', 1) for line in status)
    numbers = int(sets['SigPnd'], 16) | int(sets['ShdPnd'], 16)
    equal(numbers, 1 << (signal.SIGTERM - 1) | 1 << signal.SIGRTMIN)
    ctl('signal', pid, '9')
    equal(process.wait(20), -9)
    refused(1, 'ipcctl', 'signal', pid, 'TERM')


@test
def stop_and_continue():
    process = catcher()
    ctl('signal', str(process.pid), 'STOP')
    equal(os.waitpid(process.pid, os.WUNTRACED)[1], 0x7f | signal.SIGSTOP << 8)
    assert 'stopped' in ctl_json('show', f'signal:{process.pid}')['state']
    ctl('signal', str(process.pid), 'CONT')
    until(lambda: 'stopped' not in ctl_json('show', f'signal:{process.pid}')['state'], 'it goes on')
    ctl('signal', str(process.pid), 'USR1')
    equal(process.stdout.readline(), 'SIGUSR1\n')


def service_pid():
    """Of the service: the process that holds a listener's other end is its parent."""
    address = ctl('create', 'signal').strip()
    with open(f'/proc/{address.split(":")[1]}/stat') as stat:
        parent = int(stat.read().rsplit(')')[1].split()[1])
    ctl('remove', address)
    return parent


@test
def every_signal_by_name_and_number():
    numbers = [n for n in signal.valid_signals() if n not in (signal.SIGKILL, signal.SIGSTOP)]
    address = ctl('create', 'signal', 'signals=' + ','.join(str(int(n)) for n in numbers)).strip()
    pid = address.split(':')[1]
    for number in map(int, numbers):
        ctl('signal', pid, str(number))
        name = shell(f'kill -l {number}').strip()
        text = ctl('receive', address, '--timeout', '10').split()[0]
        if number < signal.SIGRTMIN:
            equal(text.replace('SIGPOLL', 'SIGIO'), 'SIG' + name)  # two names of one, signal(7)
            ctl('signal', pid, name.lower())
            equal(ctl('receive', address, '--timeout', '10').split()[0], text)
        else:
            offset = number - signal.SIGRTMIN
            equal(text, f'SIGRTMIN+{offset}' if offset else 'SIGRTMIN')
            ctl('signal', pid, f'RTMAX-{signal.SIGRTMAX - number}' if number < signal.SIGRTMAX else 'RTMAX')
            equal(ctl('receive', address, '--timeout', '10').split()[0], text)
    ctl('remove', address)


QUEUE = '''
import signal, sys
wanted = [signal.SIGRTMIN, signal.SIGRTMIN + 2, signal.SIGUSR1]
signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
print('ready', flush=True)
sys.stdin.readline()
while True:
    info = signal.sigtimedwait(wanted, 0)
    if info is None: break
    print(info.si_signo, info.si_code, flush=True)
'''


@test
def real_time_signals_queue_in_order():
    """Lowest number first, each as often as it was sent; a standard one once."""
    process = start('/usr/bin/python3', '-c', QUEUE, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    equal(process.stdout.readline(), 'ready\n')
    pid = str(process.pid)
    for name in ('RTMIN+2', 'USR1', 'RTMIN', 'RTMIN+2', 'USR1', 'RTMIN'):
        ctl('signal', pid, name, *(['--value', '7'] if name.startswith('RT') else []))
    shown = ctl_json('signal', pid)
    equal(sorted(shown['pending']), ['SIGRTMIN', 'SIGRTMIN+2', 'SIGUSR1'])
    process.stdin.write('\n')
    process.stdin.flush()
    out = [tuple(map(int, line.split())) for line in process.communicate(timeout=20)[0].splitlines()]
    low = int(signal.SIGRTMIN)
    equal([number for number, code in out], [int(signal.SIGUSR1), low, low, low + 2, low + 2])
    equal({code for number, code in out if number >= low}, {-1})  # SI_QUEUE


@test
def values_arrive_in_order():
    address = ctl('create', 'signal', 'signals=RTMIN+1').strip()
    for value in (3, -1, 2147483647):
        ctl('signal', address.split(':')[1], 'RTMIN+1', '--value', str(value))
    equal([ctl('receive', address, '--timeout', '10').split()[-1] for _ in range(3)], ['3', '-1', '2147483647'])
    refused(2, 'ipcctl', 'signal', address.split(':')[1], 'RTMIN+1', '--value', '2147483648')
    ctl('remove', address)


@test
def only_with_confirm():
    for pid in ('1', str(service_pid())):
        assert 'confirm' in refused(3, 'ipcctl', 'signal', pid, 'CONT')
    ctl('signal', str(service_pid()), 'CONT', '--confirm')
    assert 'group' in refused(2, 'ipcctl', 'signal', '0', 'TERM')
    assert 'group' in refused(2, 'ipcctl', 'signal', '--', '-1', 'TERM')
    assert 'group' in refused(2, 'ipcctl', 'send', 'signal:0', '', '-o', 'signal=TERM')


@test
def what_a_signal_cannot_do():
    process = catcher()
    address = f'signal:{process.pid}'
    assert 'carries no data' in refused(2, 'ipcctl', 'send', address, 'bytes', '-o', 'signal=USR1')
    refused(4, 'ipcctl', 'receive', address, '--timeout', '0')
    refused(4, 'ipcctl', 'remove', address)
    refused(2, 'ipcctl', 'signal', str(process.pid), 'NOSUCH')
    refused(2, 'ipcctl', 'signal', str(process.pid), '65')
    refused(2, 'ipcctl', 'create', 'signal', 'signals=KILL')
    ctl('signal', str(process.pid), 'HUP')  # "reload"
    equal(process.stdout.readline(), 'SIGHUP\n')


@test
def a_process_that_ended_is_never_another():
    """Adopted, so that the service holds its pidfd: what comes after it under its number is not meant."""
    process = start('sleep', '600')
    call = ['gdbus', 'call', '--session', '--dest', 'org.ipcbus1', '--object-path']
    made = run(*call, '/org/ipcbus1', '--method', 'org.ipcbus1.Manager.Adopt', f'signal:{process.pid}', '{}')
    path = made.split("'")[1]
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and its number not free yet
    end = subprocess.run([*call, path, '--method', 'org.ipcbus1.Signals.Send', 'TERM', '0'], capture_output=True,
                         text=True, timeout=20)
    assert end.returncode != 0 and ('PeerGone' in end.stderr or 'UnknownObject' in end.stderr), end.stderr
    process.wait()
    until(lambda: 'NoSuchObject' in subprocess.run(
        [*call, '/org/ipcbus1', '--method', 'org.ipcbus1.Manager.Remove', f'signal:{process.pid}'],
        capture_output=True, text=True, timeout=20).stderr, 'it is gone')


main()
