#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""UNIX sockets, both ways with socat and Python; figures agree with ss."""

import json
import os
import re
import socket
import stat
import subprocess

from interop import PLACE, ctl, ctl_json, equal, holders, main, need, refused, row_of, run, shell, start, test, until


def ss_line(path):
    need('ss')
    return next((line.split() for line in run('ss', '-xlpH').splitlines() if path in line), None)


@test
def socat_listens():
    """socat UNIX-LISTEN:…,fork STDOUT with socat UNIX-CONNECT:… -"""
    need('socat')
    path = os.path.join(PLACE, 'mysock')
    address = 'unix-stream:' + path
    server = start('socat', f'UNIX-LISTEN:{path},fork', 'STDOUT', stdout=subprocess.PIPE)
    row = until(lambda: row_of(address), 'socat listens')
    equal((row['state'], [holder['pid'] for holder in row['holders']]), ('listening', [server.pid]))
    equal((row['mode'], row['uid']), (stat.S_IMODE(os.stat(path).st_mode), os.stat(path).st_uid))
    line = ss_line(path)
    shown = ctl_json('show', address)
    equal((int(line[2]), int(line[3]), int(line[5])),
          (shown['waiting_connections'], shown['backlog'], shown['socket_inode']))
    run('socat', 'UNIX-CONNECT:' + path, '-', input='hello from socat\n')
    equal(server.stdout.readline(), 'hello from socat\n')
    ctl('send', address, 'hello from ipcctl\n')
    equal(server.stdout.readline(), 'hello from ipcctl\n')
    client = start('socat', 'UNIX-CONNECT:' + path, '-', stdin=subprocess.PIPE)
    until(lambda: client.pid in holders(address), 'the client is seen')
    client.kill()
    client.wait()
    until(lambda: client.pid not in holders(address), 'the client has gone')
    server.terminate()
    server.wait()
    if os.path.exists(path):
        ctl('remove', address)
    refused(1, 'ipcctl', 'show', address)


@test
def ipcctl_listens():
    need('socat')
    path = os.path.join(PLACE, 'oursock')
    address = ctl('create', 'unix-stream', 'path=' + path, 'mode=0660').strip()
    equal(stat.S_IMODE(os.stat(path).st_mode), 0o660)
    run('socat', '-', 'UNIX-CONNECT:' + path, input='typed into socat')
    equal(ctl('receive', address, '--timeout', '10'), 'typed into socat')
    client = start('socat', '-', 'UNIX-CONNECT:' + path, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    until(lambda: ctl_json('show', address)['peers'] == 1, 'socat is connected')
    ctl('send', address, 'an answer\n', '--listen')
    equal(client.stdout.readline(), 'an answer\n')
    ctl('remove', address)
    assert not os.path.exists(path)


@test
def a_stale_file():
    """A socket whose listener was killed: said to be so, and replaced only when asked."""
    need('socat')
    path = os.path.join(PLACE, 'stale')
    address = 'unix-stream:' + path
    server = start('socat', f'UNIX-LISTEN:{path}', 'STDOUT')
    until(lambda: row_of(address), 'socat listens')
    refused(1, 'ipcctl', 'create', 'unix-stream', 'path=' + path)
    refused(1, 'ipcctl', 'create', 'unix-stream', 'path=' + path, 'replace=true')
    server.kill()
    server.wait()
    equal(row_of(address), None)
    refused(1, 'ipcctl', 'create', 'unix-stream', 'path=' + path)
    ctl('create', 'unix-stream', 'path=' + path, 'replace=true')
    run('socat', '-', 'UNIX-CONNECT:' + path, input='again')
    equal(ctl('receive', address, '--timeout', '10'), 'again')
    ctl('remove', address)


@test
def datagrams():
    need('socat')
    path = os.path.join(PLACE, 'datagrams')
    address = 'unix-dgram:' + path
    server = start('socat', '-u', 'UNIX-RECV:' + path, 'STDOUT', stdout=subprocess.PIPE)
    until(lambda: row_of(address), 'socat is bound')
    equal(holders(address), {server.pid})
    ctl('send', address, 'one\n')
    equal(server.stdout.readline(), 'one\n')
    server.terminate()
    server.wait()
    if os.path.exists(path):
        os.unlink(path)
    ctl('create', 'unix-dgram', 'path=' + path)
    run('socat', '-u', '-', 'UNIX-SENDTO:' + path, input='two')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(b'three', path)
    equal(ctl('receive', address, '--timeout', '10'), 'two')
    equal(ctl('receive', address, '--timeout', '10'), 'three')
    ctl('remove', address)


@test
def netcat():
    """nc -lU with ipcctl, and nc -U with a socket of ours."""
    need('nc')
    path = os.path.join(PLACE, 'nc')
    address = 'unix-stream:' + path
    server = start('nc', '-lU', path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    until(lambda: row_of(address), 'nc listens')
    equal(holders(address), {server.pid})
    ctl('send', address, 'to nc')
    equal(server.communicate(timeout=20)[0], 'to nc')
    if os.path.exists(path):
        os.unlink(path)
    ctl('create', 'unix-stream', 'path=' + path)
    client = start('nc', '-U', path, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    client.stdin.write('from nc')
    client.stdin.flush()
    equal(ctl('receive', address, '--timeout', '10'), 'from nc')
    ctl('send', address, 'answered\n', '--listen')
    equal(client.stdout.readline(), 'answered\n')
    ctl('remove', address)
    equal(client.wait(20), 0)


@test
def packets_of_others_one_by_one():
    """Messages stay whole, empty and long ones too, and the end is only where it is."""
    path = os.path.join(PLACE, 'packets')
    sent = [b'', b'one', b'x' * 150000, b'', b'', b'last', b'']
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.bind(path)
        server.listen(3)
        follower = start('ipcctl', '--json', 'receive', 'unix-seqpacket:' + path, '--follow', stdout=subprocess.PIPE)
        connection, _ = server.accept()
        for message in sent:
            connection.send(message)
        with open('/dev/null') as null:
            socket.send_fds(connection, [b'with'], [null.fileno()])
        connection.close()
        lines = [json.loads(line) for line in follower.communicate(timeout=20)[0].splitlines()]
        equal([line['data']['text'].encode() for line in lines], sent + [b'with'])
        equal(lines[-1]['meta']['fds'], ['/dev/null'])
        equal(follower.returncode, 0)
        cut = start('ipcctl', '--json', 'receive', 'unix-seqpacket:' + path, '-n', '2', '--size', '2',
                    stdout=subprocess.PIPE)
        connection, _ = server.accept()
        connection.send(b'long')
        connection.send(b'z')
        lines = [json.loads(line) for line in cut.communicate(timeout=20)[0].splitlines()]
        equal([line['data']['text'] for line in lines], ['lo', 'z'])
        equal([(line['meta']['truncated'], line['meta'].get('length')) for line in lines], [(True, 4), (False, None)])
        connection.close()
    os.unlink(path)


@test
def python_and_an_abstract_name():
    name = f'ipcbus-interop-{os.getpid()}'
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind('\0' + name)
        server.listen(3)
        row = row_of('unix-stream:@' + name)
        equal((row['backlog'], [holder['pid'] for holder in row['holders']]), (3, [os.getpid()]))
        ctl('send', 'unix-stream:@' + name, 'abstract')
        connection, _ = server.accept()
        equal(connection.recv(100), b'abstract')
        equal(connection.recv(100), b'')
        connection.close()
        # Who did not make it cannot know when it was.
        inode = os.fstat(server.fileno()).st_ino
        shown = ctl_json('show', f'socket:[{inode}]')
        equal((shown['address'], shown.get('created')), ('unix-stream:@' + name, None))
    equal(row_of('unix-stream:@' + name), None)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as alone:
        shown = ctl_json('show', f'socket:[{os.fstat(alone.fileno()).st_ino}]')
        equal(shown['socket_condition'], 'not connected')


main()
