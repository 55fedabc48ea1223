#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""POSIX shared memory, semaphores and queues, both ways with Python (multiprocessing.shared_memory, ctypes, mmap), rm, stat
and C programs; figures agree with stat(1)."""

import ctypes
import mmap
import os
import subprocess
from multiprocessing import resource_tracker, shared_memory

from interop import PLACE, ctl, ctl_json, equal, holders, later, main, refused, row_of, run, start, test, until

libc = ctypes.CDLL(None, use_errno=True)
libc.sem_open.restype = ctypes.c_void_p
UNIQUE = f'ipcbus-interop-{os.getpid()}'


def unlink(path):
    if os.path.exists(path):
        os.unlink(path)


@test
def python_makes_memory():
    memory = shared_memory.SharedMemory(create=True, size=10000)
    later(unlink, '/dev/shm/' + memory.name)
    address = 'shm-posix:/' + memory.name.lstrip('/')
    size, blocks, mode = run('stat', '-c', '%s %b %a', '/dev/shm/' + memory.name).split()
    shown, row = ctl_json('show', address), row_of(address)
    equal((shown['size'], row['size'], shown['mode']), (int(size), int(size), int(mode, 8)))
    equal(shown['allocated'], 512 * int(blocks))
    memory.buf[100:105] = b'hello'
    equal(ctl('receive', address, '--offset', '100', '--size', '5'), 'hello')
    ctl('send', address, 'back', '--offset', '9996')
    equal(bytes(memory.buf[9996:10000]), b'back')
    equal(ctl_json('show', address)['allocated'], 512 * int(run('stat', '-c', '%b', '/dev/shm/' + memory.name)))
    assert os.getpid() in holders(address)
    ctl('remove', address)
    assert not os.path.exists('/dev/shm/' + memory.name)
    resource_tracker.unregister(memory._name, 'shared_memory')
    memory.close()


@test
def ipcctl_makes_memory():
    address = ctl('create', 'shm-posix', f'name=/{UNIQUE}', 'size=8K').strip()
    later(unlink, '/dev/shm/' + UNIQUE)
    memory = shared_memory.SharedMemory(name=UNIQUE)
    resource_tracker.unregister(memory._name, 'shared_memory')
    equal(memory.size, 8192)
    memory.buf[0:3] = b'abc'
    equal(ctl('receive', address, '--size', '3'), 'abc')
    memory.close()
    run('rm', '/dev/shm/' + UNIQUE)
    equal(row_of(address), None)


@test
def a_c_program_posts():
    address = ctl('create', 'sem-posix', f'name=/{UNIQUE}').strip()
    later(unlink, '/dev/shm/sem.' + UNIQUE)
    source, program = os.path.join(PLACE, 'post.c'), os.path.join(PLACE, 'post')
    with open(source, 'w') as file:
        file.write('#include <semaphore.h>\nint main(int argc, char **argv) {\n sem_t *s = sem_open(argv[1], 0);\n'
                   ' return s == SEM_FAILED || sem_post(s) < 0 || sem_post(s) < 0;\n}\n')
    run(os.environ.get('CC', 'cc').split()[0], '-o', program, source, '-pthread')
    run(program, '/' + UNIQUE)
    equal(ctl_json('show', address)['value'], 2)
    ctl('wait', address, '--timeout', '5')
    equal(ctl_json('show', address)['value'], 1)
    ctl('remove', address)
    assert not os.path.exists('/dev/shm/sem.' + UNIQUE)


@test
def python_makes_a_semaphore():
    name = f'/{UNIQUE}-python'
    semaphore = libc.sem_open(name.encode(), os.O_CREAT | os.O_EXCL, 0o600, 1)
    assert semaphore, os.strerror(ctypes.get_errno())
    later(libc.sem_unlink, name.encode())
    address = 'sem-posix:' + name
    equal((ctl_json('show', address)['value'], row_of(address)['mode']), (1, 0o600))
    equal(libc.sem_wait(ctypes.c_void_p(semaphore)), 0)
    refused(6, 'ipcctl', 'wait', address, '--timeout', '0')
    ctl('post', address)
    equal(libc.sem_trywait(ctypes.c_void_p(semaphore)), 0)
    assert os.getpid() in holders(address)
    libc.sem_close(ctypes.c_void_p(semaphore))
    ctl('remove', address)
    refused(1, 'ipcctl', 'show', address)


@test
def python_and_a_queue():
    name = f'/{UNIQUE}'
    address = ctl('create', 'mq-posix', 'name=' + name, 'max_messages=3', 'message_size=100').strip()
    later(libc.mq_unlink, name.encode())
    rt = ctypes.CDLL('librt.so.1', use_errno=True)
    queue = rt.mq_open(name.encode(), os.O_RDWR)
    assert queue >= 0, os.strerror(ctypes.get_errno())
    equal(rt.mq_send(queue, b'low', 3, 1), 0)
    equal(rt.mq_send(queue, b'high', 4, 9), 0)
    shown = ctl_json('show', address)
    equal((shown['messages'], shown['used'], shown['max_messages'], shown['message_size']), (2, 7, 3, 100))
    assert os.getpid() in holders(address)
    equal(ctl('receive', address), 'high')
    buffer, priority = ctypes.create_string_buffer(100), ctypes.c_uint()
    ctl('send', address, 'urgent', '--priority', '30')
    equal(rt.mq_receive(queue, buffer, 100, ctypes.byref(priority)), 6)
    equal((buffer.raw[:6], priority.value), (b'urgent', 30))
    rt.mq_close(queue)
    rt.mq_unlink(name.encode())
    refused(1, 'ipcctl', 'show', address)


main()
