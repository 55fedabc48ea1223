#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""TCP and UDP, both ways with nc, socat, Python and ss, as typed; in a network namespace of its own, so that port 4444 is
free."""

import fcntl
import re
import socket
import struct
import subprocess

from interop import ctl, ctl_json, equal, holders, main, need, refused, row_of, run, start, test, until


def loopback_up():
    """netdevice(7): SIOCGIFFLAGS, SIOCSIFFLAGS"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack('16sh22x', b'lo', 0)
        name, flags = struct.unpack('16sh22x', fcntl.ioctl(control, 0x8913, request))
        fcntl.ioctl(control, 0x8914, struct.pack('16sh22x', name, flags | 1))


def listening(address):
    return until(lambda: row_of(address), f'{address} is there')


def ss(*options):
    need('ss')
    return [line.split() for line in run('ss', '-Hn', *options).splitlines()]


@test
def nc_listens():
    """nc -lvp 4444 with nc 127.0.0.1 4444"""
    need('nc')
    server = start('nc', '-lvp', '4444', stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    row = listening('tcp:0.0.0.0:4444')
    equal((row['state'], [holder['pid'] for holder in row['holders']]), ('listening', [server.pid]))
    line = ss('-ltp')[0]
    shown = ctl_json('show', 'tcp:127.0.0.1:4444')
    equal((int(line[1]), int(line[2]), line[3]),
          (shown['waiting_connections'], shown['backlog'], shown['local'].split(':', 1)[1]))
    equal(int(re.search(r'pid=(\d+)', line[5]).group(1)), server.pid)
    client = start('nc', '127.0.0.1', '4444', stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    client.stdin.write('hello from nc\n')
    client.stdin.flush()
    equal(server.stdout.readline(), 'hello from nc\n')
    until(lambda: {server.pid, client.pid} <= holders('tcp:127.0.0.1:4444'), 'both ends are seen')
    connection = next(row for row in ctl_json('list', 'tcp') if row['state'] != 'listening')
    equal({holder['pid'] for holder in connection['holders']}, {server.pid, client.pid})
    client.kill()
    client.wait()
    server.wait(20)
    refused(1, 'ipcctl', 'send', 'tcp:127.0.0.1:4444', 'x')


@test
def ipcctl_connects_to_nc():
    need('nc')
    server = start('nc', '-lvp', '4444', stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    listening('tcp:0.0.0.0:4444')
    ctl('send', 'tcp:127.0.0.1:4444', 'hello from ipcctl')
    equal(server.communicate(timeout=20)[0], 'hello from ipcctl')


@test
def nc_connects_to_ipcctl():
    need('nc')
    address = ctl('create', 'tcp', 'host=127.0.0.1', 'port=0').strip()
    port = address.rsplit(':', 1)[1]
    assert port != '0'
    equal([line[3] for line in ss('-lt')], ['127.0.0.1:' + port])
    client = start('nc', '-N', '127.0.0.1', port, stdin=subprocess.PIPE)
    client.stdin.write('typed into nc')
    client.stdin.close()
    equal(ctl('receive', address, '--timeout', '10'), 'typed into nc')
    client.stdin = None
    ctl('remove', address)
    equal(ss('-lt'), [])


@test
def unread_bytes_are_the_same_in_ss():
    with socket.create_server(('127.0.0.1', 4445)) as server, \
            socket.create_connection(('127.0.0.1', 4445)) as client:
        peer, _ = server.accept()
        client.sendall(b'x' * 1234)
        until(lambda: any(line[1] == '1234' for line in ss('-t')), 'the bytes have arrived')
        equal([row['used'] for row in ctl_json('list', 'tcp') if row.get('used')], [1234])
        peer.close()


@test
def socat_over_ipv6():
    need('socat')
    server = start('socat', '-u', 'TCP6-LISTEN:4446', 'STDOUT', stdout=subprocess.PIPE)
    listening('tcp:[::]:4446')
    ctl('send', 'tcp:[::1]:4446', 'six')
    equal(server.communicate(timeout=20)[0], 'six')
    address = ctl('create', 'tcp', 'host=::1', 'port=0').strip()
    run('socat', '-u', '-', f'TCP6:[::1]:{address.rsplit(":", 1)[1]}', input='back')
    equal(ctl('receive', address, '--timeout', '10'), 'back')
    ctl('remove', address)


@test
def datagrams():
    need('nc', 'socat')
    server = start('socat', '-u', 'UDP4-RECV:4447', 'STDOUT', stdout=subprocess.PIPE)
    row = listening('udp:0.0.0.0:4447')
    equal([holder['pid'] for holder in row['holders']], [server.pid])
    ctl('send', 'udp:127.0.0.1:4447', 'one\n')
    equal(server.stdout.readline(), 'one\n')
    address = ctl('create', 'udp', 'host=127.0.0.1', 'port=0').strip()
    port = address.rsplit(':', 1)[1]
    run('nc', '-u', '-w', '1', '127.0.0.1', port, input='two')
    run('socat', '-u', '-', 'UDP4:127.0.0.1:' + port, input='three')
    equal(ctl('receive', address, '--timeout', '10'), 'two')
    equal(ctl('receive', address, '--timeout', '10'), 'three')
    ctl('remove', address)
    equal(ss('-lu', f'sport = {port}'), [])


loopback_up()
main()
