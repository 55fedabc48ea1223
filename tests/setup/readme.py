#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs what the README shows, and compares what is printed: readme.py SOURCE-ROOT; prints TAP. Inside private-bus.

In every block of the README that is marked as `console`, a line that starts with "$ " is a command (one that ends with
a backslash goes on in the next line) and the lines below are what it prints. "…" stands for anything, also for any
lines where it is alone; how many blanks stand between two words is left open, and so is what another run has otherwise:
durations and other numbers with a fraction, process numbers, serials, notes where there was none (-), and who runs it.
The names in the README are made unique, so that it can run beside others: "tour" becomes "tour-PID"."""

import os
import re
import subprocess
import sys

README = os.path.join(sys.argv[1], 'README.md')
NAME = f'tour-{os.getpid()}'


def blocks(text):
    return re.findall(r'^```console\n(.*?)^```$', text, re.MULTILINE | re.DOTALL)


def steps(block):
    """(command, expected lines) in order."""
    found = []
    lines = iter(block.splitlines())
    for line in lines:
        if line.startswith('$ '):
            command = line[2:]
            while command.endswith('\\'):
                command = command[:-1] + next(lines).strip()
            found.append((command, []))
        elif found:
            found[-1][1].append(line)
    return found


def unique(text):
    return re.sub(r'\btour\b', NAME, text)


DURATION = re.compile(r'\d+(\.\d+)?[ \t]+(ns|us|ms|s|m|h|d)\b')


def word_pattern(word):
    if word == '-':
        return r'\S+'
    if re.fullmatch(r'\d+\.\d+', word):
        return r'[\d.]+'
    if word == 'root':
        return r'\S+'
    text = re.escape(word).replace('…', '.*').replace('DURATION', r'[\d.]+[ \t]+\w+')
    text = re.sub(r'\\\(\d+\\\)', r'\\(\\d+\\)', text)  # "(1234)": a process
    return re.sub(r'/\d+\b', r'/\\d+', text)  # "/4": a serial


def pattern(expected):
    """A regular expression for what was printed."""
    parts = []
    for line in expected:
        if line.strip() == '…':
            parts.append(r'(?:.*\n)*?')
            continue
        words = [word_pattern(word) for word in DURATION.sub('DURATION', line).split()]
        parts.append(r'\s*' + r'[ \t]+'.join(words) + r'[ \t]*\n')
    return re.compile(''.join(parts) + r'\s*\Z')


def main():
    with open(README, encoding='utf-8') as file:
        todo = [step for block in blocks(file.read()) for step in steps(block)]
    environment = dict(os.environ, COLUMNS='200')
    for number, (command, expected) in enumerate(todo, 1):
        done = subprocess.run(['bash', '-c', unique(command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, universal_newlines=True, env=environment, timeout=120,
                              check=False)
        printed = done.stdout if not done.stdout or done.stdout.endswith('\n') else done.stdout + '\n'
        good = bool(pattern([unique(line) for line in expected]).match(printed))
        print(f"{'ok' if good else 'not ok'} {number} - {command}", flush=True)
        if not good:
            for line in printed.splitlines():
                print(f'# printed: {line}')
            for line in expected:
                print(f'# expected: {unique(line)}')
    print(f'1..{len(todo)}')
    # A README without a command would prove nothing.
    sys.exit(0 if todo else 1)


main()
