#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The two example programs, as a user would try them. test-examples.py WRITER READER; prints TAP."""

import os
import subprocess
import sys
import tempfile
import threading
import time

WRITER, READER = sys.argv[1:3]
LINES = ''.join(f'line {i} ' + 'x' * (i % 700) + '\n' for i in range(3000)).encode()


def pair(folder):
    path = os.path.join(folder, 'socket')
    writer = subprocess.Popen([WRITER, path], stdin=subprocess.PIPE)
    while not os.path.exists(path) and writer.poll() is None:
        time.sleep(0.002)
    # Bound is not yet listened on.
    while True:
        reader = subprocess.Popen([READER, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(0.02)
        if reader.poll() != 1 or not os.path.exists(path):
            return writer, reader
        reader.communicate()


def tell(number, ok, title):
    print(f"{'ok' if ok else 'not ok'} {number} - {title}")
    return ok


with tempfile.TemporaryDirectory() as folder:
    writer, reader = pair(folder)
    feeder = threading.Thread(target=lambda: (writer.stdin.write(LINES), writer.stdin.close()), daemon=True)
    feeder.start()
    came, _ = reader.communicate(timeout=60)
    good = tell(1, came == LINES and writer.wait() == 0 and reader.returncode == 0, 'every line arrives, in order')

    writer, reader = pair(folder)
    writer.stdin.write(LINES[:40])
    writer.stdin.flush()
    time.sleep(0.05)
    writer.kill()
    writer.wait()
    came, _ = reader.communicate(timeout=60)
    good = tell(2, LINES.startswith(came) and reader.returncode == 0, 'a reader ends whose writer was killed') and good
print('1..2')
sys.exit(not good)
