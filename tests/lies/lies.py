#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every claim's check is lied to, and has to fail.

lies.py LIE-RUN WORKER LIBRARY           runs the table: each claim with the lie that kills it
lies.py --search missing|blunt|all …     looks for lies for claims without one (with a blunt one; for all), and writes
                                         the table and the list of claims that no lie has made fail yet

All of it runs in namespaces of its own: a check that is lied to may do anything."""
import argparse
import concurrent.futures
import fcntl
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE, NOT_YET = os.path.join(HERE, "table.txt"), os.path.join(HERE, "not-yet.txt")
SKIP = 77
NAMESPACES = ["unshare", "--mount", "--ipc", "--net", "--pid", "--fork", "--mount-proc", "--propagation", "private",
              "--kill-child"]
DEVICES = ["null", "zero", "full", "random", "urandom", "tty"]
SECOND = 1000000
BOUND = {"control": 10 * SECOND, "verdict": 4 * SECOND, "hangs": SECOND, "crashes": 4 * SECOND, "search": SECOND}
CONFIRM = 4  # more runs in which it has to fail, so that no lie stands there that only sometimes does
STOPPED_ENOUGH = 3  # that many lies made it hang or crash and none made it say what is wrong: that will do
TRIES = 4  # of one lie, on a busy machine: what is to be shown is that the check can fail


def read_lines(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return [line.split() for line in file if line.strip() and not line.startswith("#")]


def write_lines(path, head, lines):
    with open(path, "w", encoding="utf-8") as file:
        file.write("".join("# %s\n" % line for line in head))
        file.write("".join(" ".join(line) + "\n" for line in sorted(lines)))


class Runner:
    def __init__(self, options):
        self.options = options
        self.environment = dict(os.environ, IPCBUS_WORKER=options.worker, IPCBUS_LIES=options.library,
                                G_MESSAGES_DEBUG="")
        listed = [line.split("\t") for line in self.call(["list"], {}).splitlines()]
        self.claims = [(line[1], line[2]) for line in listed if line[0] == "claim"]
        self.lies = [line[1] for line in listed if line[0] == "lie"]
        self.blunt = {line[1] for line in listed if line[0] == "lie" and line[2] == "blunt"}

    def rank(self, lie):
        """Those that break one promise first, and of these (count) the one that the fewest claims hear."""
        if lie in self.blunt:
            return 3 if lie.endswith("_FAILS") else 2
        return 1 if lie.endswith(("_OTHER_ERROR", "_NEVER_REFUSES")) else 0

    def call(self, arguments, environment):
        done = subprocess.run([self.options.lie_run] + arguments, env=dict(self.environment, **environment),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              timeout=300, check=False)
        return done.stdout.decode(errors="replace")

    def run(self, lie, bound, kind, ids, environment=None):
        """{(kind, id): (result, evidence)} of what had a verdict."""
        found = {}
        for line in self.call([lie, str(bound), kind] + ids, environment or {}).splitlines():
            parts = line.split("\t")
            if len(parts) == 4:
                found[parts[0], parts[1]] = (parts[2], parts[3])
        return found

    def asked(self, claim):
        """The verdict of the claim with no lie told, and the lies that could have been."""
        with tempfile.NamedTemporaryFile() as file:
            file.truncate(len(self.lies))
            found = self.run("-", BOUND["control"], claim[0], [claim[1]], {"IPCBUS_LIE_ASKED": file.name})
            file.seek(0)
            flags = file.read()
        return found.get(claim, ("failed", "no verdict")), [l for l, flag in zip(self.lies, flags) if flag]


def how_it_fails(verdict):
    """None: it does not fail, or only because something was left behind."""
    if verdict is None or verdict[0] != "failed" or "left behind" in verdict[1]:
        return None
    if "the judge was killed" in verdict[1] or "no verdict" in verdict[1]:
        return "crashes"
    return "hangs" if "did not end within" in verdict[1] else "verdict"


def search_claim(runner, claim, lies):
    """The first lie of which the check says, each time, that the claim does not hold; else one that stops it."""
    def tell(lie):
        return how_it_fails(runner.run(lie, BOUND["search"], claim[0], [claim[1]]).get(claim))

    stopped = []
    for lie in lies:
        how = tell(lie)
        if how and all(tell(lie) == how for _ in range(CONFIRM)):
            if how == "verdict":
                return lie, how
            stopped.append((lie, how))
        if len(stopped) == STOPPED_ENOUGH:
            break
    return stopped[0] if stopped else None


def save(runner, table):
    write_lines(TABLE, ["A claim, the lie that makes its check fail, and how: by its verdict, or it hangs or crashes.",
                        "Written by lies.py --search; README.md says how."],
                [[*claim, lie, how] for claim, (lie, how) in table.items()])
    write_lines(NOT_YET, ["Claims that no lie has made fail yet. This list may only become shorter."],
                [list(claim) for claim in runner.claims if claim not in table])


def search(runner, table, pool):
    which, lock = runner.options.search, threading.Lock()
    wanted = [c for c in runner.claims if (runner.options.kind in (None, c[0])) and (
        which == "all" or c not in table or (which == "blunt" and table[c][0] in runner.blunt))]
    heard = dict(zip(wanted, pool.map(runner.asked, wanted)))
    count = {lie: sum(lie in asked for _, asked in heard.values()) for lie in runner.lies}

    def one(claim):
        verdict, asked = heard[claim]
        order = sorted(asked, key=lambda lie: (runner.rank(lie), count[lie]))
        if which == "blunt" and claim in table:
            order = [lie for lie in order if lie not in runner.blunt]
        found = search_claim(runner, claim, order) if verdict[0] == "ok" else None
        with lock:
            if found:
                table[claim] = found
                save(runner, table)
            print(*claim, *(found or (verdict[0], "%d lies" % len(asked), verdict[1][:200])), flush=True)

    list(pool.map(one, wanted))
    save(runner, table)
    return 0


def control(runner, pool):
    kinds = sorted({kind for kind, _ in runner.claims})
    ids = [[id for kind, id in runner.claims if kind == wanted] for wanted in kinds]
    verdicts = {}
    for found in pool.map(lambda pair: runner.run("-", BOUND["control"], *pair), zip(kinds, ids)):
        verdicts.update(found)
    return verdicts


def run_group(runner, group):
    """Those that do not fail, with the verdict of the last try."""
    (lie, kind, how), ids = group
    wrong = []
    for _ in range(TRIES):
        found = runner.run(lie, BOUND[how], kind, ids)
        wrong = [(kind, id, lie, found.get((kind, id))) for id in ids if not how_it_fails(found.get((kind, id)))]
        ids = [id for _, id, _, _ in wrong]
        if not ids:
            break
    return wrong


def check_lists(runner, table, not_yet):
    problems = []
    for claim in runner.claims:
        if claim not in table and claim not in not_yet:
            problems.append("%s %s: in no list: nothing shows that its check can fail" % claim)
        if claim in table and claim in not_yet:
            problems.append("%s %s: a lie makes it fail, and it still is in not-yet.txt" % claim)
    for claim in sorted((set(table) | not_yet) - set(runner.claims)):
        problems.append("%s %s: there is no such claim any more" % claim)
    return problems


def prove(runner, table, pool):
    not_yet = {tuple(line) for line in read_lines(NOT_YET)}
    problems = check_lists(runner, table, not_yet)
    verdicts = control(runner, pool)
    problems += ["%s %s: without a lie: %s %s" % (*claim, *verdicts.get(claim, ("no verdict", "")))
                 for claim in runner.claims if verdicts.get(claim, ("",))[0] not in ("ok", "skipped")]
    groups, left_out = {}, 0
    for claim, (lie, how) in table.items():
        if verdicts.get(claim, ("",))[0] == "ok":
            groups.setdefault((lie, claim[0], how), []).append(claim[1])
        else:
            left_out += 1
    order = sorted(groups.items(), key=lambda g: (g[0][2] != "hangs", -len(g[1])))
    wrong = [w for found in pool.map(lambda group: run_group(runner, group), order) for w in found]
    problems += ["%s %s: %s no longer makes it fail: %s" % (kind, id, lie, verdict) for kind, id, lie, verdict in wrong]
    for claim in sorted(not_yet):
        print("not yet: %s %s" % claim)
    for problem in problems:
        print("FAILED:", problem)
    if left_out:
        print("%d claims of the table cannot be tested here" % left_out)
    done = sum(len(ids) for ids in groups.values()) - len(wrong)
    used = [lie for lie, _ in table.values()]
    print("%d of %d claims were made to fail by at least one of %d lies (%d of them by a blunt one)" % (
        done, len(runner.claims), len(runner.lies), sum(lie in runner.blunt for lie in used)))
    return 1 if problems else 0


def settle(directory):
    """In the namespaces: file systems and a loopback of their own."""
    for path in ["/dev/shm", directory]:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", path], check=True)
    # A call that is said to have opened something leaves a check with descriptor 0: no mode of the machine's may change.
    os.mkdir(os.path.join(directory, "dev"))
    for name in DEVICES:
        real, own = os.path.join("/dev", name), os.path.join(directory, "dev", name)
        info = os.stat(real)
        os.mknod(own, info.st_mode, info.st_rdev)
        os.chmod(own, 0o666)
        subprocess.run(["mount", "--bind", own, real], check=True)
    if os.path.isdir("/dev/mqueue"):
        subprocess.run(["mount", "-t", "mqueue", "mqueue", "/dev/mqueue"], check=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        request = struct.pack("16sh14x", b"lo", 1)  # IFF_UP
        fcntl.ioctl(s, 0x8914, request)  # SIOCSIFFLAGS
    os.environ["TMPDIR"] = tempfile.tempdir = directory


def enter():
    tried = subprocess.run(NAMESPACES + ["true"], capture_output=True, check=False)
    if tried.returncode != 0:
        print("skipped: no namespaces to be had here: " + tried.stderr.decode(errors="replace").strip())
        return SKIP
    directory = tempfile.mkdtemp(prefix="ipcbus-lies-")
    try:
        return subprocess.run(NAMESPACES + [sys.executable, *sys.argv, "--inside", directory], check=False).returncode
    finally:
        os.rmdir(directory)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("lie_run")
    parser.add_argument("worker")
    parser.add_argument("library")
    parser.add_argument("--search", choices=["missing", "blunt", "all"])
    parser.add_argument("--kind", help="search this kind only")
    parser.add_argument("--sanitized", action="store_true", help="the build is one with sanitizers")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.sanitized:
        print("skipped: a build with sanitizers has wrappers of its own around the same calls")
        return SKIP
    if not options.inside:
        return enter()
    settle(options.inside)
    runner = Runner(options)
    table = {(line[0], line[1]): (line[2], line[3]) for line in read_lines(TABLE)}
    table = {claim: found for claim, found in table.items() if not options.search or claim in runner.claims}
    with concurrent.futures.ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
        return search(runner, table, pool) if options.search else prove(runner, table, pool)


if __name__ == "__main__":
    sys.exit(main())
