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


main()
