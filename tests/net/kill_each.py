"""kill -9 of each process in turn, under load: eight writers of kill.py, a reader, who asks at the DNS door.

The starter starts the others again. Who wrote, read or asked as it died hears of it if it was the node; all others hear
nothing. What was acknowledged is there. test_kill_each.py does this some times, tests/bench/kill_each.py as often as one likes."""
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import kill
import lab

NAMES = ("validator", "signer", "node", "starter")
DOOR = ("127.0.0.1", 1053)
FIXED = "fixed.kill.alt"
PATH = f"{kill.MOUNT}/IN/A/{FIXED}"
QUESTION = (struct.pack("!6H", 0, 0x100, 1, 0, 0, 0)
            + b"".join(bytes([len(label)]) + label.encode() for label in FIXED.split(".")) + b"\0" + struct.pack("!2H", 1, 1))


def read_file():
    try:
        with open(PATH, encoding="ascii") as f:
            return '"192.0.2.7"' in f.read()
    except OSError:
        return False


def ask():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(10)
        s.connect(DOOR)
        try:
            s.send(QUESTION)
            return bytes((192, 0, 2, 7)) in s.recv(1500)
        except OSError:
            return False


class Writer(kill.Writer):
    """Goes on until it is told to end, or its daemon is gone: the errno that it met is kept."""

    def __init__(self, number):
        super().__init__(number)
        self.over, self.error = False, 0

    def run(self):
        try:
            while not self.over:
                self.change(self.count % kill.NAMES)
        except OSError as e:
            self.error = e.errno


class Watcher(threading.Thread):
    """Does it again and again. `gap`: the longest time from one success to the next, in seconds."""

    def __init__(self, does):
        super().__init__(daemon=True)
        self.does, self.over = does, False
        self.gap = self.failures = self.successes = 0

    def run(self):
        last = time.monotonic()
        while not self.over:
            if self.does():
                now = time.monotonic()
                self.gap, last = max(self.gap, now - last), now
                self.successes += 1
            else:
                self.failures += 1
                time.sleep(0.002)


class Daemon:
    def start(self):
        lab.run(f"{sys.argv[1]}/fs/kadns", "-o", f"port=4001,bind=127.0.0.1,dns={DOOR[0]}:{DOOR[1]},upstream=127.0.0.9,"
                f"state={kill.STATE}", "none", kill.MOUNT)

    def pids(self):
        """Of those that live, by their names."""
        with open(f"{kill.STATE}/lock", encoding="ascii") as f:
            starter = int(f.read())
        out = subprocess.run(["pgrep", "-l", "-P", str(starter)], capture_output=True, text=True, check=False).stdout
        found = {line.split()[1].removeprefix("kadns-"): int(line.split()[0]) for line in out.splitlines()}
        return {"starter": starter} | {name: pid for name, pid in found.items() if not lab.over(pid)}

    def stop(self):
        lab.run("umount", kill.MOUNT)


class Result:
    """Of one kill; `errors`: of the writers."""

    def __init__(self, who):
        self.who, self.lost, self.acknowledged = who, 0, 0
        self.errors, self.replaced, self.kept, self.works = set(), False, False, False
        self.reads = self.asks = None


def load(daemon, who, writers, result):
    """Kills it under load, and waits until there is another and all works."""
    before = daemon.pids()
    result.reads, result.asks = Watcher(read_file), Watcher(ask)
    busy = writers + [result.reads, result.asks]
    for thread in busy:
        thread.start()
    time.sleep(0.1)
    os.kill(before[who], signal.SIGKILL)
    if who == "starter":
        assert lab.eventually(20, lambda: all(lab.over(pid) for pid in before.values()))
        daemon.start()

    def another():
        now = daemon.pids()
        return all(name in now for name in NAMES) and now[who] != before[who]
    result.replaced = lab.eventually(30, another)
    # A signer is started when one is asked for: the writers do.
    result.works = lab.eventually(20, read_file) and lab.eventually(20, ask)
    after = daemon.pids()
    result.kept = who in ("node", "starter") or all(after.get(name) == pid for name, pid in before.items() if name != who)
    time.sleep(0.1)
    for thread in busy:
        thread.over = True
    for thread in busy:
        thread.join()
    result.errors = {w.error for w in writers} - {0}


def rounds(count, each):
    daemon = Daemon()
    os.makedirs(kill.MOUNT, exist_ok=True)
    daemon.start()
    with open(PATH, "w", encoding="ascii") as f:
        f.write("192.0.2.7\n")
    writers = [Writer(i) for i in range(kill.WRITERS)]
    for i in range(count):
        result = Result(NAMES[i % len(NAMES)])
        load(daemon, result.who, writers, result)
        kill.judge(writers, result)
        each(result)
        writers = [again(w) for w in writers]
    daemon.stop()


def again(w):
    fresh = Writer(w.number)
    fresh.may, fresh.count = w.may, w.count
    return fresh
