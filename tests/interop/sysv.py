#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""System V objects, both ways with ipcmk, ipcs, ipcrm, lsipc, Python and C; figures agree to the byte."""

import ctypes
import json
import os
import re
import subprocess
import time

from interop import ctl, ctl_json, equal, later, main, refused, row_of, run, shell, start, test, until

libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
libc.shmat.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
LETTERS = {'shm-sysv': 'm', 'mq-sysv': 'q', 'sem-sysv': 's'}


def made(command, kind):
    """Runs an ipcmk as typed; (id, address)."""
    number = re.search(r'(\d+)$', shell(command).strip()).group(1)
    later(remove_left, LETTERS[kind], number)
    return number, ctl_json('show', f'{kind}:id={number}')['address']


def remove_left(letter, number):
    subprocess.run(['ipcrm', '-' + letter, number], capture_output=True)


def created(kind, *options):
    address = ctl('create', kind, *options).strip()
    number = str(ctl_json('show', address)['id'])
    later(remove_left, LETTERS[kind], number)
    return number, address


def ipcs(letter, number):
    """The line of `ipcs -LETTER`, in words; None where there is none."""
    lines = [line.split() for line in shell(f'ipcs -{letter}').splitlines()]
    return next((words for words in lines if len(words) > 1 and words[1] == number), None)


def ipcs_details(letter, number):
    return dict(re.findall(r'(\w+)=([^\s]+)', run('ipcs', '-' + letter, '-i', number)))


def lsipc(letter, number):
    return next(iter(json.loads(run('lsipc', '-' + letter, '-i', number, '-J', '-b')).values()))[0]


@test
def ipcmk_makes_memory():
    """ipcmk -M 1M, ipcs -m"""
    number, address = made('ipcmk -M 1M', 'shm-sysv')
    shown, row = ctl_json('show', address), row_of(address)
    key, _, owner, mode, size, attached = ipcs('m', number)[:6]
    equal((shown['size'], row['size']), (1 << 20, 1 << 20))
    equal((int(key, 16), int(mode, 8), int(size), int(attached)),
          (int(shown['key'], 16), shown['mode'], shown['size'], shown['attached']))
    listed = lsipc('m', number)
    equal((int(listed['size']), int(listed['cpid']), int(listed['nattch'])),
          (shown['size'], shown['creator_pid'], shown['attached']))
    details = ipcs_details('m', number)
    equal((int(details['bytes']), int(details['uid']), int(details['cpid']), int(details['lpid'])),
          (shown['size'], shown['uid'], shown['creator_pid'], shown['last_pid']))
    ctl('send', address, 'hello from process A', '--offset', '1000000')
    memory = libc.shmat(int(number), None, 0)
    equal(ctypes.string_at(memory + 1000000, 20), b'hello from process A')
    shown = ctl_json('show', address)
    equal((shown['attached'], shown['last_pid']), (1, os.getpid()))
    assert os.getpid() in [holder['pid'] for holder in shown['holders']], shown
    equal(int(ipcs('m', number)[5]), 1)
    libc.shmdt(ctypes.c_void_p(memory))
    ctl('remove', address)
    equal(ipcs('m', number), None)


@test
def ipcctl_makes_memory():
    """Used from C's calls, shown by ipcs and lsipc, removed by ipcrm."""
    number, address = created('shm-sysv', 'size=12345', 'mode=0640')
    key, _, owner, mode, size, attached = ipcs('m', number)[:6]
    equal((mode, size, attached), ('640', '12345', '0'))
    equal(int(lsipc('m', number)['size']), 12345)
    memory = libc.shmat(int(number), None, 0)
    ctypes.memmove(memory + 7, b'from another', 12)
    equal(ctl('receive', address, '--offset', '7', '--size', '12'), 'from another')
    libc.shmdt(ctypes.c_void_p(memory))
    run('ipcrm', '-m', number)
    equal(row_of(address), None)
    refused(1, 'ipcctl', 'show', address)


@test
def removed_memory_stays_until_it_is_detached():
    number, address = created('shm-sysv', 'size=4096')
    holder = start('/usr/bin/python3', '-c', 'import ctypes, sys, time\nlibc = ctypes.CDLL(None)\n'
                   f'libc.shmat({number}, None, 0)\nprint("ready", flush=True)\ntime.sleep(600)',
                   stdout=subprocess.PIPE)
    equal(holder.stdout.readline(), 'ready\n')
    run('ipcrm', '-m', number)
    equal(ipcs('m', number)[6:], ['dest'])
    row = next(row for row in ctl_json('list', 'shm-sysv') if row.get('address', '').endswith(f'id={number}'))
    assert 'destr' in row['state'] or 'removed' in row['state'], row
    equal([one['pid'] for one in ctl_json('who', row['address'])], [holder.pid])
    holder.kill()
    holder.wait()
    equal(ipcs('m', number), None)


@test
def ipcmk_makes_a_queue():
    """ipcmk -Q, ipcs -q, ipcrm -q ID"""
    number, address = made('ipcmk -Q', 'mq-sysv')
    ctl('send', address, 'one', '-o', 'type=3')
    ctl('send', address, 'four', '-o', 'type=7')
    shown = ctl_json('show', address)
    key, _, owner, mode, used, messages = ipcs('q', number)
    equal((int(key, 16), int(mode, 8), int(used), int(messages)),
          (int(shown['key'], 16), shown['mode'], shown['used'], shown['messages']))
    equal((used, messages), ('7', '2'))
    details = ipcs_details('q', number)
    equal((int(details['cbytes']), int(details['qbytes']), int(details['qnum']), int(details['lspid'])),
          (shown['used'], shown['max_bytes'], shown['messages'], shown['last_send_pid']))
    listed = lsipc('q', number)
    equal((int(listed['usedbytes']), int(listed['msgs']), int(listed['lspid'])),
          (shown['used'], shown['messages'], shown['last_send_pid']))
    buffer = ctypes.create_string_buffer(64)
    equal(libc.msgrcv(int(number), buffer, 56, 7, 0o4000), 4)
    equal(buffer.raw[8:12], b'four')
    equal(ctl_json('show', address)['last_receive_pid'], os.getpid())
    run('ipcrm', '-q', number)
    equal(row_of(address), None)


@test
def ipcctl_makes_a_queue():
    """Filled by a C program, removed by ipcrm while somebody waits."""
    number, address = created('mq-sysv')
    source = os.path.join(os.environ['IPCBUS_PLACE'], 'send.c')
    with open(source, 'w') as file:
        file.write('#include <stdlib.h>\n#include <string.h>\n#include <sys/msg.h>\n'
                   'int main(int argc, char **argv) {\n struct { long type; char text[16]; } m = { 5, "hello" };\n'
                   ' return msgsnd(atoi(argv[1]), &m, strlen(m.text), 0) < 0;\n}\n')
    program = source[:-2]
    run(os.environ.get('CC', 'cc').split()[0], '-o', program, source)
    run(program, number)
    equal(ctl_json('show', address)['messages'], 1)
    equal(ctl('receive', address, '-o', 'type=5'), 'hello')
    waiting = start('ipcctl', 'receive', address, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(0.3)
    run('ipcrm', '-q', number)
    out, errors = waiting.communicate(timeout=20)
    assert waiting.returncode == 1 and out == '' and errors.startswith('ipcctl: '), (waiting.returncode, errors)


@test
def ipcmk_makes_semaphores():
    """ipcmk -S 1, ipcs -s, ipcrm -s"""
    number, address = made('ipcmk -S 1', 'sem-sysv')
    shown = ctl_json('show', address)
    key, _, owner, mode, count = ipcs('s', number)
    equal((int(key, 16), int(mode, 8), int(count)), (int(shown['key'], 16), shown['mode'], shown['semaphores']))
    equal(int(lsipc('s', number)['nsems']), 1)
    ctl('post', address, '2')
    equal(libc.semctl(int(number), 0, 12), 2)  # GETVAL
    ctl('wait', address, '--timeout', '5')
    equal(re.search(r'semnum.*\n(.*)', run('ipcs', '-s', '-i', number)).group(1).split()[:2], ['0', '1'])
    run('ipcrm', '-s', number)
    equal(row_of(address), None)


@test
def ipcctl_makes_semaphores():
    number, address = created('sem-sysv', 'count=3', 'values=4,0,7')
    equal(ipcs('s', number)[4], '3')
    lines = run('ipcs', '-s', '-i', number).splitlines()
    values = [line.split()[1] for line in lines if re.match(r'\s*\d+\s+\d+\s+\d+\s+\d+\s+\d+\s*$', line)]
    equal(values, ['4', '0', '7'])
    equal(ctl_json('show', address)['values'], [4, 0, 7])
    waiter = start('/usr/bin/python3', '-c', 'import ctypes\n'
                   'class Op(ctypes.Structure): _fields_ = [("n", ctypes.c_ushort), ("op", ctypes.c_short), '
                   '("flags", ctypes.c_short)]\n'
                   f'raise SystemExit(ctypes.CDLL(None).semop({number}, ctypes.byref(Op(1, -1, 0)), 1))')
    until(lambda: ctl_json('show', address)['waiters_for_increase'] == [0, 1, 0], 'a process waits')
    libc.semctl(int(number), 1, 16, 1)  # SETVAL
    equal(waiter.wait(20), 0)
    ctl('remove', address)
    equal(ipcs('s', number), None)


main()
