#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""explain of queues, sockets, processes, what has no name, and of what is not there yet, against what really happens."""

import os
import shutil
import socket
import subprocess
import time

from explaining import OPEN, UNIQUE, USERS, agree, can, create, explain, made, prepare
from interop import Skip, ctl, ctl_json, equal, later, main, start, test, until

# --- Queues that are full ---

@test
def full_queues():
    prepare()
    address = create('mq-posix', f'name=/{UNIQUE}', 'max_messages=1', 'message_size=8', 'mode=0666')
    ctl('send', address, 'x')
    verdict = agree(address, ('nobody',), state=lambda: ctl_json('show', address)['messages'])['nobody']
    equal([(use['possible'], use.get('errno')) for use in verdict['uses']], [(True, None), (False, 'EAGAIN')])
    assert '1 of 1 messages' in verdict['summary'], verdict
    address = create('mq-sysv', 'mode=0666')
    for _ in range(2):
        ctl('send', address, 'x' * 8192)
    verdict = agree(address, ('nobody',), state=lambda: ctl_json('show', address)['messages'])['nobody']
    equal(can(verdict), ['receive from'])
    equal(verdict['uses'][1]['errno'], 'EAGAIN')


# --- Sockets ---

def listener(type, path, backlog=None):
    server = socket.socket(socket.AF_UNIX, type)
    server.bind(path)
    if not path.startswith('\0'):
        os.chmod(path, 0o666)
        later(lambda: os.path.exists(path) and os.unlink(path))
    if backlog is not None:
        server.listen(backlog)
    server.setblocking(False)
    later(server.close)
    return server


@test
def unix_sockets():
    prepare()
    for kind, type in (('unix-stream', socket.SOCK_STREAM), ('unix-seqpacket', socket.SOCK_SEQPACKET)):
        path = f'{OPEN}/{kind}'
        server = listener(type, path)
        verdict = agree(f'{kind}:{path}')['nobody']
        equal(verdict['errno'], 'ECONNREFUSED')
        assert 'does not listen' in verdict['summary'], verdict
        server.listen(0)
        assert agree(f'{kind}:{path}', ('nobody',))['nobody']['possible']
        server.accept()
        explain('nobody', f'{kind}:{path}')
        try:
            server.accept()
            raise AssertionError('asking was a connection')
        except BlockingIOError:
            pass
        first = socket.socket(socket.AF_UNIX, type)
        first.connect(path)
        verdict = agree(f'{kind}:{path}')['nobody']
        equal(verdict['errno'], 'EAGAIN')
        assert 'backlog is full' in verdict['summary'], verdict
        equal(agree(f'unix-dgram:{path}', ('nobody',))['nobody']['errno'], 'EPROTOTYPE')
        server.close()
        first.close()
        verdict = agree(f'{kind}:{path}')['nobody']
        equal((verdict['errno'], verdict['possible']), ('ECONNREFUSED', False))
        assert 'stale' in verdict['summary'], verdict
    made(f'{OPEN}/no-socket')
    equal(agree(f'unix-stream:{OPEN}/no-socket', ('nobody',))['nobody']['errno'], 'ECONNREFUSED')


@test
def datagram_sockets():
    prepare()
    server = listener(socket.SOCK_DGRAM, f'{OPEN}/datagrams')
    address = f'unix-dgram:{OPEN}/datagrams'
    assert agree(address)['nobody']['possible']
    server.recv(1)
    # Later than the file was made, for the rules of relatime (mount(8)).
    time.sleep(0.05)
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sender.setblocking(False)
    try:
        while True:
            sender.sendto(b'x', f'{OPEN}/datagrams')
    except BlockingIOError:
        pass
    verdict = agree(address)['nobody']
    equal(verdict['errno'], 'EAGAIN')
    assert 'is full' in verdict['summary'], verdict
    sender.close()
    server.close()


@test
def abstract_names():
    prepare()
    server = listener(socket.SOCK_STREAM, '\0' + UNIQUE, 3)
    assert agree('unix-stream:@' + UNIQUE)['nobody']['possible']
    verdict = agree('unix-dgram:@' + UNIQUE)['nobody']
    equal((verdict['errno'], verdict['creatable']), ('ECONNREFUSED', True))
    server.close()
    agree('unix-stream:@' + UNIQUE)


@test
def ports():
    prepare()
    server = socket.create_server(('127.0.0.1', 0), backlog=8)
    later(server.close)
    port = server.getsockname()[1]
    assert agree(f'tcp:127.0.0.1:{port}')['nobody']['possible']
    server.setblocking(False)
    for _ in USERS:  # what the independent program did, and nothing else
        server.accept()
    try:
        server.accept()
        raise AssertionError('asking was a connection')
    except BlockingIOError:
        pass
    server.listen(1)
    waiting = [socket.create_connection(('127.0.0.1', port)) for _ in range(2)]
    verdict = explain('root', f'tcp:127.0.0.1:{port}', '--for', 'nobody')
    equal((verdict['possible'], verdict['errno']), (False, 'ETIMEDOUT'), verdict)
    assert 'backlog is full' in verdict['summary'], verdict
    server.close()
    for connection in waiting:
        connection.close()
    for address, creatable in ((f'tcp:127.0.0.1:{port}', USERS), ('tcp:127.0.0.1:81', ('root',)),
                               (f'udp:127.0.0.1:{port}', USERS), ('udp:127.0.0.1:81', ('root',))):
        for user, verdict in agree(address).items():
            equal((verdict['errno'], verdict['creatable']), ('ECONNREFUSED', user in creatable), verdict)
            # Another port of that host is what was tried: the one itself could be in somebody's way.
            assert not any('try' in step['step'] and address in str(step) for step in verdict['steps']
                           if step['result'] == 'ok'), verdict
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    later(taken.close)
    taken.bind(('127.0.0.1', 0))
    assert agree(f'udp:127.0.0.1:{taken.getsockname()[1]}')['nobody']['possible']


@test
def other_network_namespaces():
    prepare()
    server = listener(socket.SOCK_STREAM, '\0' + UNIQUE + '-net', 3)
    around = ['unshare', '--net']
    inside = agree(f'unix-stream:@{UNIQUE}-net', around=around)['nobody']
    equal(inside['errno'], 'ECONNREFUSED')
    assert any('net:[' in step['step'] for step in inside['steps']), inside
    verdict = explain('root', 'tcp:127.0.0.1:5', around=around)
    equal(verdict['possible'], False)
    verdict = agree('udp:192.0.2.1:9', ('nobody',), around=around)['nobody']
    equal(verdict['errno'], 'ENETUNREACH')
    # Who is at another host is not known before a connection is made: that there is a route is not all.
    if shutil.which('ip'):
        routed = [*around, 'sh', '-c', 'ip link set lo up && ip route add 192.0.2.0/24 dev lo && exec "$@"', '-']
        verdict = explain('root', 'tcp:192.0.2.1:80', '--for', 'nobody', around=routed)
        equal((verdict['possible'], verdict['tried']), (True, False), verdict)
        assert 'perhaps' in verdict['summary'], verdict
        assert 'it was tried' in explain('root', 'udp:192.0.2.1:9', around=routed)['summary']
    # A path reaches a socket of any of them.
    server = listener(socket.SOCK_STREAM, f'{OPEN}/across', 8)
    assert agree(f'unix-stream:{OPEN}/across', around=around)['nobody']['possible']


@test
def raw_sockets():
    prepare()
    verdicts = agree('raw:127.0.0.1:1')
    equal([verdicts[user]['possible'] for user in USERS], [True, False, False])
    equal(verdicts['nobody']['errno'], 'EPERM')
    assert 'CAP_NET_RAW' in verdicts['nobody']['summary'], verdicts['nobody']


main()
