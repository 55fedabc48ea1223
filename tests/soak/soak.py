#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""soak.py [--runs N] [--busy M] [--kinds KIND,…] [BUILD]: runs `ipcctl test` of all kinds again and again while all processors are
busy, and tells what failed, how long it took and what was left behind. Exit status 1 if anything failed or was left.

No part of the ordinary tests: it takes a quarter of an hour or more. Nothing else should use the machine's kernel objects
meanwhile: what comes up and stays is counted as left behind."""

import argparse
import collections
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

TIME = 600


def options():
    parser = argparse.ArgumentParser(description='runs ipcctl test many times on a busy machine')
    parser.add_argument('build', nargs='?', default='build', help='the build directory (build)')
    parser.add_argument('--runs', type=int, default=50, help='how many (50)')
    parser.add_argument('--busy', type=int, default=os.cpu_count(), help='busy loops meanwhile (one for each processor)')
    parser.add_argument('--kinds', default='', help='kinds, with commas (all)')
    return parser.parse_args()


def busy_loop():
    """A process that computes until we end it, or we end."""
    return subprocess.Popen(['/usr/bin/python3', '-c',
                             'import ctypes; ctypes.CDLL(None).prctl(1, 9)\nwhile True: pass'])


def tables():
    """The kernel's objects, and files where tests make some. Those of System V also by their number."""
    rows = set()
    for kind in ('shm', 'sem', 'msg'):
        with open(f'/proc/sysvipc/{kind}') as table:
            rows |= {f'{kind} {" ".join(line.split()[:2])}' for line in table.readlines()[1:]}
    for folder in ('/dev/shm', '/dev/mqueue'):
        rows |= set(glob.glob(folder + '/*'))
    return rows | set(glob.glob(tempfile.gettempdir() + '/ipcbus*'))


def processes(runtime):
    """What our runs started: it has their runtime directory in its environment."""
    found = set()
    for entry in glob.glob('/proc/[0-9]*/environ'):
        try:
            with open(entry, 'rb') as file:
                if f'XDG_RUNTIME_DIR={runtime}'.encode() in file.read().split(b'\0'):
                    pid = entry.split('/')[2]
                    found.add(f'process {pid} ({os.readlink(f"/proc/{pid}/exe")})')
        except OSError:
            pass
    return found


def run_once(build, kinds, runtime):
    environment = dict(os.environ, IPCBUS_DAEMON=build + '/service/ipcbusd', XDG_RUNTIME_DIR=runtime,
                       IPCBUS_WORKER=build + '/service/worker/ipcbus-worker')
    start = time.monotonic()
    end = subprocess.run([build + '/client/ipcctl', '--embedded', '--json', 'test', *kinds], capture_output=True, text=True,
                         timeout=TIME, env=environment)
    try:
        return time.monotonic() - start, end.returncode, json.loads(end.stdout), end.stderr
    except json.JSONDecodeError:
        return time.monotonic() - start, end.returncode, None, end.stderr


def soak(asked, build, runtime):
    figures = {'runs': 0, 'claims': 0, 'skipped': 0, 'times': [], 'failed': collections.Counter(), 'broken': 0}
    for number in range(1, asked.runs + 1):
        seconds, code, result, said = run_once(build, asked.kinds.split(',') if asked.kinds else [], runtime)
        figures['runs'] += 1
        figures['times'].append(seconds)
        if result is None or code not in (0, 5):
            figures['broken'] += 1
            print(f'run {number}: exit {code}: {said.strip()}', flush=True)
            continue
        counts = result['summary']
        figures['claims'] += sum(counts.values())
        figures['skipped'] += counts['skipped']
        print(f'run {number}: {counts["ok"]} ok, {counts["failed"]} failed, {counts["skipped"]} skipped, {seconds:.1f} s',
              flush=True)
        for kind in result['kinds']:
            for check in kind['checks']:
                if check['result'] == 'failed':
                    figures['failed'][f'{kind["kind"]} {check["id"]}'] += 1
                    print(f'  {kind["kind"]} {check["id"]}: {check["evidence"]}', flush=True)
    return figures


def report(figures, left):
    times = figures['times']
    print(f'{figures["runs"]} runs, {figures["claims"]} claims run, {sum(figures["failed"].values())} failures, '
          f'{figures["skipped"]} skipped, {figures["broken"]} runs without a result')
    for claim, count in figures['failed'].most_common():
        print(f'  {claim}: {count} times')
    if times:
        print(f'slowest run {max(times):.1f} s, fastest {min(times):.1f} s, mean {sum(times) / len(times):.1f} s')
    print('left behind: ' + (', '.join(sorted(left)) if left else 'nothing'))


def main():
    asked = options()
    build = os.path.realpath(asked.build)
    runtime = tempfile.mkdtemp(prefix='soak-')
    before = tables()
    loops = [busy_loop() for _ in range(asked.busy)]
    try:
        figures = soak(asked, build, runtime)
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
        shutil.rmtree(runtime)
    time.sleep(1)  # what is ending by itself
    left = (tables() - before) | processes(runtime)
    report(figures, left)
    sys.exit(1 if figures['failed'] or figures['broken'] or left else 0)


main()
