#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pipes and FIFOs, both ways with the shell, ls, grep, mkfifo, echo and cat."""

import os
import stat
import subprocess

from interop import PLACE, children, ctl, ctl_json, equal, holders, later, main, refused, row_of, run, shell, start, \
    test, until


@test
def ls_and_grep():
    """ls | grep ".txt": nobody reads what grep finds, so it stands still, and ls behind it."""
    folder = os.path.join(PLACE, 'many')
    os.mkdir(folder)
    for i in range(3000):
        open(os.path.join(folder, f'{"n" * 200}{i}.txt'), 'w').close()
    pipeline = start('bash', '-c', 'ls | grep ".txt"; true', cwd=folder, stdout=subprocess.PIPE)
    both = until(lambda: (lambda found: found if {'ls', 'grep'} <= set(found) else None)(children(pipeline.pid)),
                 'ls and grep run')
    address = os.readlink(f'/proc/{both["ls"]}/fd/1')
    equal(os.readlink(f'/proc/{both["grep"]}/fd/0'), address)
    until(lambda: row_of(address)['used'] == row_of(address)['capacity'], 'the pipe is full')
    ends = {(row['pid'], row['command'], row['end']) for row in ctl_json('who', address)}
    equal(ends, {(both['ls'], 'ls', 'write'), (both['grep'], 'grep', 'read')})
    equal({(row['pid'], row['end']) for row in row_of(address)['holders']},
          {(both['ls'], 'write'), (both['grep'], 'read')})
    found, _ = pipeline.communicate(timeout=20)
    equal(found.count('.txt\n'), 3000)
    equal(row_of(address), None)
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    os.rmdir(folder)


@test
def mkfifo_echo_cat():
    """mkfifo, echo "hello" >, cat <: seen while both wait, and the words arrive."""
    path = os.path.join(PLACE, 'mypipe')
    address = 'fifo:' + path
    shell('mkfifo mypipe')
    later(lambda: os.path.exists(path) and os.unlink(path))
    equal(ctl_json('show', address)['mode'], stat.S_IMODE(os.stat(path).st_mode))
    reader = start('bash', '-c', 'exec cat < mypipe', cwd=PLACE, stdout=subprocess.PIPE)
    until(lambda: open(f'/proc/{reader.pid}/wchan').read() != '0', 'the reader waits for a writer')
    shell('echo "hello" > mypipe')
    equal(reader.communicate(timeout=20)[0], 'hello\n')
    ctl('remove', address)
    assert not os.path.exists(path)


@test
def the_other_end_is_ipcctl():
    path = os.path.join(PLACE, 'theirs')
    address = 'fifo:' + path
    shell('mkfifo -m 600 theirs')
    reader = start('bash', '-c', 'exec cat < theirs', cwd=PLACE, stdout=subprocess.PIPE)
    ctl('send', address, 'hello from ipcctl', '--timeout', '10')
    equal(reader.communicate(timeout=20)[0], 'hello from ipcctl')
    writer = start('bash', '-c', 'echo "hello" > theirs', cwd=PLACE)
    equal(ctl('receive', address, '--timeout', '10'), 'hello\n')
    equal(writer.wait(20), 0)
    os.unlink(path)
    refused(1, 'ipcctl', 'show', address)


@test
def ipcctl_makes_the_fifo():
    """hold=false, so that the end of echo is the end of file for cat."""
    path = os.path.join(PLACE, 'ours')
    address = ctl('create', 'fifo', 'path=' + path, 'mode=0620', 'hold=false').strip()
    equal(run('stat', '-c', '%a %F', path), '620 fifo\n')
    equal(shell('echo "hello" > ours & cat < ours'), 'hello\n')
    reader = start('cat', path, stdout=subprocess.PIPE)
    writer = start('bash', '-c', 'exec 1> ours; echo one; exec sleep 600', cwd=PLACE)
    equal(reader.stdout.readline(), 'one\n')
    until(lambda: {reader.pid, writer.pid} <= holders(address), 'cat and its writer hold it')
    writer.kill()
    equal(reader.communicate(timeout=20)[0], '')
    os.unlink(path)
    until(lambda: row_of(address) is None, 'it is gone')


@test
def a_held_fifo():
    """What echo wrote stays in a FIFO that the service holds, until head reads it."""
    address = ctl('create', 'fifo', 'path=' + os.path.join(PLACE, 'held')).strip()
    shell('echo "kept without a reader" > held')
    equal(ctl_json('show', address)['used'], 22)
    equal(shell('head -n 1 held'), 'kept without a reader\n')
    ctl('remove', address)


main()
