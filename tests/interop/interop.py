# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of interoperation share: ipcctl and the usual tools, run on the private bus of the test, and TAP.

A test is a function with @test. What it makes it removes, or gives to `later()`; a process it starts with start() is
ended with the test. Everything has a time-out."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback

PLACE = os.environ['IPCBUS_PLACE']  # removed in the end, by private-bus
PATIENCE = 20
tests = []
cleanups = []


class Skip(Exception):
    pass


def test(function):
    tests.append(function)
    return function


def later(function, *arguments):
    cleanups.append((function, arguments))


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Skip(f'{program} is not installed (./setup deps test)')


def run(*words, status=0, input=None, **more):
    """A program to its end; its output, as text."""
    end = subprocess.run(words, input=input, capture_output=True, text=True, timeout=PATIENCE, **more)
    if status is not None and end.returncode != status:
        raise AssertionError(f'{words}: exit {end.returncode}, not {status}\n{end.stdout}{end.stderr}')
    return end.stdout


def refused(status, *words, **more):
    """Fails with this exit code and one sentence, which is given back."""
    end = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, **more)
    if end.returncode != status or not end.stderr.startswith('ipcctl: ') or end.stderr.count('\n') != 1:
        raise AssertionError(f'{words}: exit {end.returncode}, not {status}\n{end.stdout}{end.stderr}')
    return end.stderr


def shell(command, **more):
    """As typed."""
    return run('bash', '-c', command, cwd=PLACE, **more)


def ctl(*words, **more):
    return run('ipcctl', *words, **more)


def ctl_json(*words, **more):
    return json.loads(run('ipcctl', '--json', *words, **more))


def die_with_test():
    import ctypes
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def start(*words, **more):
    process = subprocess.Popen(words, text=True, start_new_session=True, preexec_fn=die_with_test, **more)
    later(end, process)
    return process


def end(process):
    """With its whole session, which is its own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait(PATIENCE)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            pipe.close()


def until(condition, what):
    give_up = time.monotonic() + PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > give_up:
            raise AssertionError(f'never: {what}')
        time.sleep(0.02)


def equal(seen, wanted, what=''):
    if seen != wanted:
        raise AssertionError(f'{what}: {seen!r}, not {wanted!r}')


def row_of(address):
    """The row of ipcctl list, or None."""
    rows = ctl_json('list', address.split(':')[0])
    return next((row for row in rows if row.get('address') == address), None)


def holders(address):
    return {row['pid'] for row in ctl_json('who', address)}


def children(pid):
    with open(f'/proc/{pid}/task/{pid}/children') as file:
        return {open(f'/proc/{child}/comm').read().strip(): int(child) for child in file.read().split()}


def main():
    failed = False
    print(f'1..{len(tests)}', flush=True)
    for number, function in enumerate(tests, 1):
        name = function.__name__.replace('_', '-')
        verdict = f'ok {number} - {name}'
        try:
            function()
        except Skip as skip:
            verdict += f' # SKIP {skip}'
        except Exception:
            failed = True
            verdict = 'not ' + verdict
            for line in traceback.format_exc().splitlines():
                print(f'# {line}')
        while cleanups:
            clean, arguments = cleanups.pop()
            try:
                clean(*arguments)
            except Exception as error:
                print(f'# not cleaned up: {error}')
        print(verdict, flush=True)
    sys.exit(failed)
