#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What ./setup test runs, in order, and one count over all of it.

Two builds (gcc; clang with AddressSanitizer and UndefinedBehaviorSanitizer), the tests of each, the checks of the source,
and the service under valgrind. A TAP test counts by its subtests, any other test as one, a build that
fails as one failure. Sanitizers report into files, so that a report of a process that nobody reads the output of (the
service that the bus started, its workers) is a failure too."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
JOBS = str(os.cpu_count() or 2)
TAP_LINE = re.compile(r'^(not )?ok\b *(\d*)(?: *- *| +)?(.*)$')
DIRECTIVE = re.compile(r'(?:^|\s)#\s*(skip|todo)\S*\s*(.*)$', re.IGNORECASE)
PLAN = re.compile(r'^1\.\.(\d+)\s*(?:#\s*skip\S*\s*(.*))?$', re.IGNORECASE)


class Count:
    def __init__(self):
        self.passed = 0
        self.failures = []  # (where, output)
        self.skips = []  # (where, reason)

    def add(self, other):
        self.passed += other.passed
        self.failures += other.failures
        self.skips += other.skips

    def __str__(self):
        return f'{self.passed} passed, {len(self.failures)} failed, {len(self.skips)} skipped'


def count_tap(name, text, succeeded, count):
    """Counts the subtests of one TAP output; a failure that no subtest tells of (a crash) is one of its own."""
    failed = 0
    for line in text.splitlines():
        plan = PLAN.match(line)
        if plan and plan.group(1) == '0':
            count.skips.append((name, plan.group(2) or 'no reason given'))
            continue
        match = TAP_LINE.match(line)
        if not match:
            continue
        directive = DIRECTIVE.search(match.group(3))
        title = DIRECTIVE.sub('', match.group(3)).strip() or match.group(2)
        if directive and directive.group(1).lower() == 'skip':
            count.skips.append((f'{name}: {title}', directive.group(2) or 'no reason given'))
        elif match.group(1) and not directive:
            failed += 1
            count.failures.append((f'{name}: {title}', text if failed == 1 else ''))
        else:
            count.passed += 1
    if not succeeded and not failed:
        count.failures.append((name, text))


def count_results(stage, directory, status, output):
    """Reads what `meson test` has written down."""
    count = Count()
    tests = json.loads(subprocess.run(['meson', 'introspect', '--tests', directory], check=True,
                                      stdout=subprocess.PIPE, universal_newlines=True).stdout)
    protocols = {test['name']: test['protocol'] for test in tests}
    with open(os.path.join(directory, 'meson-logs', 'testlog.json'), encoding='utf-8') as log:
        results = [json.loads(line) for line in log]
    for result in results:
        name = result['name'].rsplit(' / ', 1)[-1]
        where = f'{stage}: {name}'
        text = result.get('stdout', '') + result.get('stderr', '')
        succeeded = result['result'] in ('OK', 'EXPECTEDFAIL', 'SKIP')
        if protocols.get(name) == 'tap':
            text += '' if succeeded else f"\n{result['result']}, exit status {result['returncode']}"
            count_tap(where, text, succeeded, count)
        elif result['result'] == 'SKIP':
            lines = text.strip().splitlines()
            count.skips.append((where, lines[-1] if lines else 'no reason given'))
        elif succeeded:
            count.passed += 1
        else:
            count.failures.append((where, f"{text}\n{result['result']}, exit status {result['returncode']}"))
    if status != 0 and not count.failures:
        count.failures.append((f'{stage}: meson test', output))
    return count


def run(command, environment=None):
    done = subprocess.run(command, cwd=TOP, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True, errors='replace', check=False)
    return done.returncode, done.stdout


def build(stage, directory, compiler, options):
    """Configures once, and again when this file asks for something else; compiles."""
    path = os.path.join(TOP, directory)
    note = os.path.join(path, 'configured-as')
    wanted = ' '.join([compiler] + options)
    there = os.path.exists(os.path.join(path, 'build.ninja'))
    as_wanted = os.path.exists(note) and open(note, encoding='utf-8').read() == wanted
    if not there or (options and not as_wanted):
        wipe = ['--wipe'] if there else []
        status, output = run(['meson', 'setup', directory] + wipe + options, dict(os.environ, CC=compiler))
        if status != 0:
            return False, output
        with open(note, 'w', encoding='utf-8') as file:
            file.write(wanted)
    status, output = run(['ninja', '-C', directory, '-j', JOBS])
    return status == 0, output


def built(stage, directory, compiler, options):
    count = Count()
    good, output = build(stage, directory, compiler, options)
    if good:
        count.passed += 1
    else:
        count.failures.append((f'{stage}: build', output))
    return good, count


def tested(stage, directory, selection, environment=None):
    path = os.path.join(TOP, directory)
    log = os.path.join(path, 'meson-logs', 'testlog.json')
    if os.path.exists(log):
        os.unlink(log)
    status, output = run(['meson', 'test', '-C', directory, '--no-rebuild', '--quiet', '--num-processes', JOBS]
                         + selection, environment)
    if not os.path.exists(log):
        count = Count()
        count.failures.append((f'{stage}: meson test', output))
        return count
    return count_results(stage, path, status, output)


def sanitized(stage, directory, selection):
    """The tests with every report of a sanitizer kept in a file."""
    reports = tempfile.mkdtemp(prefix='ipcbus-sanitizer.')
    try:
        place = os.path.join(reports, 'report')
        environment = dict(os.environ,
                           ASAN_OPTIONS=f'log_path={place}:detect_stack_use_after_return=1',
                           UBSAN_OPTIONS=f'log_path={place}:print_stacktrace=1:halt_on_error=1')
        count = tested(stage, directory, selection + ['--timeout-multiplier', '2'], environment)
        found = sorted(os.listdir(reports))
        for name in found:
            with open(os.path.join(reports, name), encoding='utf-8', errors='replace') as report:
                count.failures.append((f'{stage}: report of a sanitizer', report.read()))
        if not found:
            count.passed += 1
        return count
    finally:
        shutil.rmtree(reports)


def under_valgrind(stage, directory):
    """The service in valgrind: mistakes with memory and descriptors that are still open when it ends."""
    count = Count()
    valgrind = shutil.which('valgrind')
    if not valgrind:
        count.skips.append((stage, 'valgrind is not installed'))
        return count
    reports = tempfile.mkdtemp(prefix='ipcbus-valgrind.')
    try:
        wrapper = (f'{valgrind} --quiet --log-file={reports}/service.%p --leak-check=full --track-fds=yes '
                   '--show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect')
        status, output = run(['tests/demo/private-bus', directory, 'tests/setup/use-without-worker'],
                             dict(os.environ, IPCBUS_WRAPPER=wrapper))
        if status == 0:
            count.passed += 1
        else:
            count.failures.append((f'{stage}: use of the service', output))
        findings = ''
        names = sorted(os.listdir(reports))
        for name in names:
            with open(os.path.join(reports, name), encoding='utf-8', errors='replace') as report:
                findings += report.read()
        # Its own log is a descriptor that it has inherited; what the service left open says where it was opened.
        left_open = re.search(r'Open [^\n]*\n==\d+==    (?!<inherited)', findings)
        if not names:
            count.failures.append((stage, 'valgrind has written no report: the service did not run in it'))
        elif left_open or re.search(r'Invalid|ninitialised|unaddressable|are (definitely|indirectly) lost', findings):
            count.failures.append((f'{stage}: findings', findings))
        else:
            count.passed += 1
        return count
    finally:
        shutil.rmtree(reports)


def main():
    total = Count()
    began = time.monotonic()

    def stage(name, function, *arguments):
        start = time.monotonic()
        result = function(name, *arguments)
        good, count = result if isinstance(result, tuple) else (True, result)
        total.add(count)
        print(f'{name}: {count} ({time.monotonic() - start:.0f} s)', flush=True)
        return good

    if stage('gcc', built, 'build', 'gcc', []):
        stage('tests', tested, 'build', ['--no-suite', 'static'])
        stage('source', tested, 'build', ['--suite', 'static'])
    if stage('clang, sanitizers', built, 'build-sanitizers', 'clang',
             ['-Db_sanitize=address,undefined', '-Db_lundef=false']):
        # What takes minutes, and proves something of the checks or of surroundings that sanitizers do not bear.
        stage('sanitizer tests', sanitized, 'build-sanitizers', ['--no-suite', 'static', '--no-suite', 'proof'])

    stage('valgrind', under_valgrind, 'build')

    for where, output in total.failures:
        print(f'\nFAILED {where}')
        # What went well and what dbus-daemon does would push out what matters.
        lines = [line for line in output.strip().splitlines() if not re.match(r'ok \d|# ok |dbus-daemon\[', line)]
        for line in lines[-60:]:
            print(f'    {line}')
    if total.skips:
        print('\nSkipped:')
    for where, reason in total.skips:
        print(f'  {where}: {reason}')
    print(f'\n{time.monotonic() - began:.0f} s in all')
    print(total)
    return 1 if total.failures else 0


if __name__ == '__main__':
    sys.exit(main())
