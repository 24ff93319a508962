"""kill -9 at random moments under writers: what was acknowledged is there afterwards.

Each writer has names of its own. It writes and removes them as fast as the mount lets it, and
notes what was acknowledged; of the one change that was under way when the daemon died it notes
that either state is right. test_kill.py does this some times, tests/bench/kill.py a thousand."""
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time

import lab

WRITERS = 8
NAMES = 5  # of each writer
MOUNT = f"{lab.T}/dns"
STATE = f"{lab.T}/state"


def path(writer, name):
    return f"{MOUNT}/IN/TXT/w{writer}n{name}.kill.alt"


class Writer(threading.Thread):
    def __init__(self, number):
        super().__init__()
        self.number, self.count, self.acknowledged = number, 0, 0
        self.may = {name: {None} for name in range(NAMES)}  # the states that are right

    def change(self, name):
        """Returns what stands there afterwards. Of what is removed and of what is written."""
        self.count += 1
        if self.count % 7 == 0 and self.may[name] != {None}:
            state = None
        else:
            state = str(self.count)
        self.may[name] = self.may[name] | {state}
        if state is None:
            os.unlink(path(self.number, name))
        else:
            with open(path(self.number, name), "w", encoding="ascii") as f:
                f.write(state + "\n")
        self.may[name] = {state}
        self.acknowledged += 1

    def run(self):
        """Until the daemon dies: what was under way then may have happened or not."""
        try:
            while True:
                self.change(random.randrange(NAMES))
        except OSError:
            pass


def read(writer, name):
    try:
        with open(path(writer, name), encoding="ascii") as f:
            text = f.read()
        return text.split('"data":["\\"')[1].split('\\"')[0]
    except FileNotFoundError:
        return None


class Daemon:
    def start(self):
        """Seconds until the mount answers."""
        began = time.monotonic()
        self.process = subprocess.Popen(
            [f"{sys.argv[1]}/fs/kadns", "-f", "-o",
             f"port=4001,bind=127.0.0.1,dns=off,upstream=none,state={STATE}", "none", MOUNT],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while not os.path.exists(f"{MOUNT}/.kadns/status"):
            if self.process.poll() is not None:
                raise RuntimeError(self.process.stderr.read().decode("ascii", "replace"))
            time.sleep(0.005)
        return time.monotonic() - began

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def end(self):
        self.process.terminate()
        return self.process.wait()


class Result:
    def __init__(self):
        self.kills = self.lost = self.acknowledged = 0
        self.slowest = 0.0


def judge(writers, result):
    """What is there is what was acknowledged; it is what the next round begins with."""
    for w in writers:
        result.acknowledged += w.acknowledged
        w.acknowledged = 0
        for name, may in w.may.items():
            there = read(w.number, name)
            if there not in may:
                result.lost += 1
                print(f"# w{w.number}n{name}: {there}, and not one of {may}", flush=True)
            w.may[name] = {there}


def rounds(kills, each=None):
    """Kills it so often, and ends it well at last."""
    result, daemon = Result(), Daemon()
    os.makedirs(MOUNT, exist_ok=True)
    daemon.start()
    writers = [Writer(i) for i in range(WRITERS)]
    for _ in range(kills):
        for w in writers:
            w.start()
        time.sleep(random.uniform(0.02, 0.2))
        daemon.kill()
        for w in writers:
            w.join()
        result.kills += 1
        result.slowest = max(result.slowest, daemon.start())
        judge(writers, result)
        writers = [again(w) for w in writers]
        if each:
            each(result)
    result.ended = daemon.end()
    return result


def again(w):
    """A thread runs once."""
    fresh = Writer(w.number)
    fresh.may, fresh.count = w.may, w.count
    return fresh


def integrity():
    with sqlite3.connect(f"{STATE}/own.db") as db:
        return db.execute("PRAGMA integrity_check").fetchone()[0]
