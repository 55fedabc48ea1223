#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An independent program that uses one object in one way, without waiting: use.py KIND IDENTITY USE [PID FD]. Prints "ok"
or the name of the errno. It knows nothing of ipcbus."""

import ctypes
import errno
import os
import socket
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
libc.sem_open.restype = ctypes.c_void_p
IPC_NOWAIT = 0o4000
kind, identity, use, *holder = sys.argv[1:]


def check(result, *fine):
    if result is None or (isinstance(result, int) and result in (-1, 2 ** 64 - 1)):
        number = ctypes.get_errno()
        if number not in fine:
            raise OSError(number, os.strerror(number))
    return result


def sysv(get, *more):
    """The identifier, without asking for a right."""
    if identity.startswith('id='):
        return int(identity[3:])
    return check(get(int(identity[4:], 0), *more, 0))


def shm_sysv():
    check(libc.shmat(sysv(libc.shmget, 0), None, 0o10000 if use == 'read' else 0))


def sem_sysv():
    number = sysv(libc.semget, 0)
    if use == 'read':
        check(libc.semctl(number, 0, 12))  # GETVAL
    else:
        check(libc.semop(number, (ctypes.c_short * 3)(0, 1, IPC_NOWAIT), 1))


def mq_sysv():
    number = sysv(libc.msgget)
    buffer = (ctypes.c_long * 2048)(1)
    if use == 'receive from':
        check(libc.msgrcv(number, buffer, 16000, 0, IPC_NOWAIT), errno.ENOMSG)
    else:
        check(libc.msgsnd(number, buffer, 1, IPC_NOWAIT))


def mq_posix():
    receive = use == 'receive from'
    mqd = check(libc.mq_open(identity.encode(), os.O_NONBLOCK | (os.O_RDONLY if receive else os.O_WRONLY)))
    if receive:
        check(libc.mq_receive(mqd, ctypes.create_string_buffer(65536), 65536, None), errno.EAGAIN)
    else:
        check(libc.mq_send(mqd, b'x', 1, 0))


def a_file(path):
    flags = {'read': os.O_RDONLY, 'write': os.O_WRONLY, 'read and write': os.O_RDWR}[use]
    file = os.open(path, flags | os.O_NONBLOCK)
    if use == 'write':
        os.pwrite(file, b'x', 0)


def fifo():
    try:
        os.open(identity, (os.O_RDONLY if use == 'read' else os.O_WRONLY) | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENXIO:  # that one waits for a reader
            raise


def a_unix(type):
    name = '\0' + identity[1:] if identity.startswith('@') else identity
    connection = socket.socket(socket.AF_UNIX, type)
    connection.setblocking(False)
    connection.connect(name)
    if type == socket.SOCK_DGRAM:
        connection.send(b'x')


def host():
    name, port = identity.rsplit(':', 1)
    return socket.AF_INET6 if name.startswith('[') else socket.AF_INET, (name.strip('[]'), int(port))


def tcp():
    family, name = host()
    connection = socket.socket(family)
    connection.settimeout(1)
    try:
        connection.connect(name)
    except socket.timeout:
        raise OSError(errno.ETIMEDOUT, '')


def udp():
    family, name = host()
    connection = socket.socket(family, socket.SOCK_DGRAM)
    connection.connect(name)
    connection.send(b'x')
    time.sleep(0.05)
    connection.setblocking(False)
    try:
        connection.recv(1)
    except BlockingIOError:
        pass


def raw():
    family, (name, protocol) = host()
    connection = socket.socket(family, socket.SOCK_RAW, protocol)
    connection.connect((name, 0))
    connection.send(bytes(64))
    time.sleep(0.05)


def a_signal():
    os.kill(int(identity), 23)  # SIGURG, which is ignored by most


def held():
    """Opened anew, or duplicated, through a process that has it."""
    pid, fd = map(int, holder)
    if kind == 'eventfd':
        check(libc.syscall(438, os.pidfd_open(pid), fd, 0))  # pidfd_getfd(2)
        return
    flags = {'read': os.O_RDONLY, 'write': os.O_RDWR}.get(use, os.O_RDWR)
    file = os.open(f'/proc/{pid}/fd/{fd}', flags | os.O_NONBLOCK)
    if kind == 'memfd' and use == 'write':
        os.pwrite(file, b'x', 0)


def sem_posix():
    if check(libc.sem_open(identity.encode(), 0)) is None:
        raise OSError(ctypes.get_errno(), '')


USES = {
    'shm-sysv': shm_sysv, 'sem-sysv': sem_sysv, 'mq-sysv': mq_sysv, 'mq-posix': mq_posix, 'sem-posix': sem_posix,
    'shm-posix': lambda: a_file('/dev/shm' + identity), 'mutex': lambda: a_file('/dev/shm/mutex.' + identity[1:]),
    'mmap': lambda: a_file(identity), 'fifo': fifo, 'tcp': tcp, 'udp': udp, 'raw': raw, 'signal': a_signal,
    'unix-stream': lambda: a_unix(socket.SOCK_STREAM), 'unix-dgram': lambda: a_unix(socket.SOCK_DGRAM),
    'unix-seqpacket': lambda: a_unix(socket.SOCK_SEQPACKET), 'pipe': held, 'memfd': held, 'ring': held, 'eventfd': held,
}

try:
    USES[kind]()
    print('ok')
except OSError as error:
    print(errno.errorcode[error.errno])
