#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A test or benchmark that is cancelled, or whose client, worker or service is killed, at any moment: no process, kernel
object, file or mount is left. In process, IPC and mount namespaces of its own, where whatever is left is ours.

    cancel.py PRIVATE-BUS BUILD"""

import atexit
import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'interop'))
APART = ['unshare', '--mount', '--ipc', '--pid', '--fork', '--mount-proc', '--propagation', 'private', '--kill-child']
INSIDE = 'IPCBUS_APART'
ROUNDS = 2
LATEST = 1.5  # seconds after the start

if INSIDE not in os.environ:
    if subprocess.run([*APART, 'true'], capture_output=True).returncode != 0:
        print('1..0 # SKIP namespaces of its own need a right that is missing here (unshare)')
        sys.exit(0)
    os.environ[INSIDE] = '1'
    os.execvp('unshare', [*APART, 'sh', '-c', 'mount -t tmpfs none /dev/shm && exec "$@"', '-', *sys.argv[1:3],
                          sys.executable, os.path.abspath(__file__)])

from interop import PLACE, ctl, ctl_json, main, run, test, until  # noqa: E402

QUEUES = os.path.join(PLACE, 'mqueue')
STAY = {'unshare', 'sh', 'private-bus', 'dbus-run-session', 'dbus-daemon', 'ipcbusd', 'python3'}
SEED = random.randrange(1 << 32)
RANDOM = random.Random(SEED)
print(f'# seed {SEED}')


def processes():
    """Of all that run here, but for the bus, the service and this test: pid -> what it is called."""
    found = {}
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/comm') as comm, open(f'/proc/{pid}/stat') as stat:
                name, state = comm.read().strip(), stat.read().rsplit(')', 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != 'Z' and not any(stay.startswith(name) for stay in STAY):
            found[int(pid)] = name
    return found


def things():
    """Everything else that could be left."""
    found = set()
    for table in ('shm', 'sem', 'msg'):
        with open(f'/proc/sysvipc/{table}') as file:
            found |= {f'{table} {line.split()[1]}' for line in file.readlines()[1:]}
    for folder in ('/dev/shm', QUEUES):
        found |= {os.path.join(folder, name) for name in os.listdir(folder)}
    for top, _, files in os.walk(PLACE):
        found |= {os.path.join(top, name) for name in files} | {top}
    with open('/proc/self/mounts') as file:
        found |= {f'mount {line}' for line in file}
    # Not counted: what a service that lives keeps of objects and of who it is, and what ipcctl keeps of the last results.
    kept = (os.path.join(PLACE, 'run', 'ipcbus', 'journal'), os.path.join(PLACE, 'state'))
    return {thing for thing in found if not thing.startswith(kept)}


def pids(name):
    return [pid for pid, comm in processes().items() if comm == name]


def service():
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/comm') as comm:
                if comm.read() == 'ipcbusd\n':
                    yield int(pid)
        except (FileNotFoundError, ProcessLookupError):
            pass


def kill(pids_of, client):
    for pid in pids_of(client):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def cancel(client):
    for job in ctl_json('jobs'):
        if job['state'] == 'running':
            subprocess.run(['ipcctl', 'cancel', str(job['job'])], capture_output=True)


def interrupt(client):
    client.send_signal(signal.SIGINT)


WAYS = {
    'cancel': cancel,
    'interrupt': interrupt,
    'client-killed': lambda client: client.kill(),
    'guard-killed': lambda client: kill(lambda _: pids('ipcbus-guard'), client),
    'worker-killed': lambda client: kill(lambda _: pids('ipcbus-worker'), client),
    'judge-killed': lambda client: kill(lambda _: pids('ipcbus-judge'), client),
    'peers-killed': lambda client: kill(lambda _: pids('ipcbus-peer'), client),
    'service-killed': lambda client: kill(lambda _: service(), client),
}


def try_way(way, *words):
    """Starts it, lets it happen at some moment, and waits until all is as it was."""
    before = things()
    for _ in range(ROUNDS):
        client = subprocess.Popen(['ipcctl', *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  start_new_session=True)
        moment = RANDOM.uniform(0.02, LATEST)
        time.sleep(moment)
        way(client)
        # Killing one judge or peer ends no job: then the user has had enough.
        time.sleep(0.05)
        if client.poll() is None:
            client.send_signal(signal.SIGINT)
        client.wait(20)
        try:
            until(lambda: not processes(), 'every process ended')
            until(lambda: things() <= before, 'all was removed')
        except AssertionError as error:
            raise AssertionError(f'{error}, after {moment:.3f} s: {processes()} {things() - before}') from None


def add(name, way, *words):
    def function():
        if '--embedded' not in words:
            ctl('kinds')
        try_way(way, *words)
    function.__name__ = name
    test(function)


os.mkdir(QUEUES)
run('mount', '-t', 'mqueue', 'none', QUEUES)
atexit.register(run, 'umount', QUEUES)
for name, way in WAYS.items():
    add(f'test-{name}', way, 'test')
for name in ('interrupt', 'service-killed', 'worker-killed'):
    add(f'bench-{name}', WAYS[name], 'bench', 'pipe', 'shm-posix', 'sem-sysv', 'mq-posix', 'mq-sysv', 'fifo')
for name in ('client-killed', 'interrupt', 'service-killed', 'guard-killed'):
    add(f'embedded-{name}', WAYS[name], '--embedded', 'test')

main()
