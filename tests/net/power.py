"""Power loss. A daemon writes under an LD_PRELOAD that writes down each write, sync, truncation, creation, rename and
unlink of its state directory (log_disk.c), and the writers write down, in the same log, what they begin and what was
acknowledged. From that log images are made of what a disk may have after a power cut at a random moment:

  - what a sync that had ended covers is there; of what was written since, each write, each of its sectors of 512 bytes,
    or a truncation may be there or not;
  - of names that came, went or were renamed since the last sync of their directory, a random first part has come about.

In each image own.db must be whole and have every acknowledged record (or what was begun after it), and a daemon
started on it must read them: of all images by SQLite, of some by kadns itself. The directory of keys is another
process's, which inherits no LD_PRELOAD: images have it as it is at the end."""
import json
import os
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
import threading
import time

import lab

ENTRY = struct.Struct("=B3xIIIQ")
SECTOR = 512
MOUNT, STATE, LOG, IMAGE = f"{lab.T}/dns", f"{lab.T}/state", f"{lab.T}/log", f"{lab.T}/image"
WRITERS, NAMES = 4, 6


def start(state, mount, **env):
    process = subprocess.Popen(
        [f"{sys.argv[1]}/fs/kadns", "-f", "-o", f"port=4001,bind=127.0.0.1,dns=off,upstream=none,state={state}", "none", mount],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, **env})
    while not os.path.exists(f"{mount}/.kadns/status"):
        if process.poll() is not None:
            raise RuntimeError(process.stderr.read().decode("ascii", "replace"))
        time.sleep(0.005)
    return process


def path(mount, name):
    return f"{mount}/IN/TXT/{name}.alt"


def note(fd, what, name, text):
    os.write(fd, ENTRY.pack(ord(what), len(name), len(text), 0, 0) + name.encode() + text.encode())


class Writer(threading.Thread):
    def __init__(self, number, writes):
        super().__init__()
        self.number, self.writes = number, writes

    def run(self):
        fd = os.open(LOG, os.O_WRONLY | os.O_APPEND)
        for i in range(self.writes):
            name, text = f"w{self.number}n{random.randrange(NAMES)}", f"value-{i}-" + "x" * random.randrange(300)
            note(fd, "B", name, text)
            with open(path(MOUNT, name), "w", encoding="ascii") as f:
                f.write(text + "\n")
            note(fd, "A", name, text)
        os.close(fd)


def record(writes):
    """What a daemon does to its state while each writer writes so often."""
    os.makedirs(MOUNT, exist_ok=True)
    with open(LOG, "wb"):
        pass
    daemon = start(STATE, MOUNT, LOG_DISK=LOG, LOG_DISK_DIR=STATE, LD_PRELOAD=f"{sys.argv[1]}/tests/liblog_disk.so",
                   ASAN_OPTIONS="verify_asan_link_order=0")
    writers = [Writer(i, writes) for i in range(WRITERS)]
    for w in writers:
        w.start()
    for w in writers:
        w.join()
    daemon.terminate()
    lab.check("the daemon that was recorded ends well", daemon.wait() == 0, lambda: daemon.stderr.read())


def entries():
    with open(LOG, "rb") as f:
        log = f.read()
    at, result = 0, []
    while at < len(log):
        what, path_len, data_len, inode, where = ENTRY.unpack_from(log, at)
        at += ENTRY.size
        result.append((chr(what), inode, where, log[at:at + path_len].decode(), log[at + path_len:at + path_len + data_len]))
        at += path_len + data_len
    return result


def copied():
    """Writes to own.db itself, after the first record."""
    log, inode, acknowledged, sum_of = entries(), 0, False, 0
    for what, number, _, name, _ in log:
        inode = number if what == "O" and name == f"{STATE}/own.db" else inode
        acknowledged = acknowledged or what == "A"
        sum_of += what == "W" and number == inode and acknowledged
    return sum_of


def apply(content, op):
    what, at, data = op
    if what == "T":
        del content[at:]
        content.extend(bytes(max(0, at - len(content))))
    else:
        if len(content) < at:
            content.extend(bytes(at - len(content)))
        content[at:at + len(data)] = data


def survives(op):
    """What of one write reached the disk: all, nothing, or some sectors."""
    what, at, data = op
    luck = random.random()
    if luck < 0.4:
        return [op]
    if luck < 0.7 or what == "T":
        return []
    pieces, begin = [], 0
    while begin < len(data):
        end = min(len(data), begin + SECTOR - (at + begin) % SECTOR)
        if random.random() < 0.5:
            pieces.append((what, at + begin, data[begin:end]))
        begin = end
    return pieces


class File:
    def __init__(self):
        self.durable, self.pending, self.syncing = bytearray(), [], []

    def sync_begins(self):
        self.syncing.append(len(self.pending))

    def sync_ended(self):
        """The first that began: what was there then is there."""
        if not self.syncing:
            return
        covered = self.syncing.pop(0)
        for op in self.pending[:covered]:
            apply(self.durable, op)
        self.pending = self.pending[covered:]
        self.syncing = [max(0, n - covered) for n in self.syncing]

    def image(self):
        content = bytearray(self.durable)
        for op in self.pending:
            for piece in survives(op):
                apply(content, piece)
        return content


class Disk:
    def __init__(self, lies=False):
        self.lies = lies  # it says that it has synced, and has not
        self.files, self.names, self.changes, self.directory = {}, {}, [], None
        self.syncing_names = []
        self.acknowledged, self.begun = {}, {}

    def file(self, inode):
        return self.files.setdefault(inode, File())

    def do(self, entry):
        what, inode, at, name, data = entry
        if what == "O" and os.path.normpath(name) == STATE:
            self.directory = inode
        elif what == "O":
            self.changes.append(("+", name, inode))
        elif what in "WT":
            self.file(inode).pending.append((what, at, data))
        elif what == "b" and inode == self.directory:
            self.syncing_names.append(len(self.changes))
        elif what == "e" and inode == self.directory and self.syncing_names:
            covered = self.syncing_names.pop(0)
            self.rename(self.names, self.changes[:covered])
            self.changes = self.changes[covered:]
            self.syncing_names = [max(0, n - covered) for n in self.syncing_names]
        elif what == "b":
            self.file(inode).sync_begins()
        elif what == "e" and not self.lies:
            self.file(inode).sync_ended()
        elif what == "U":
            self.changes.append(("-", name, 0))
        elif what == "R":
            self.changes.append((">", name, data.decode()))
        elif what == "B":
            self.begun.setdefault(name, set()).add(data.decode())
        elif what == "A":
            self.acknowledged[name] = data.decode()
            self.begun[name] = set()

    @staticmethod
    def rename(names, changes):
        for what, name, other in changes:
            if what == "+":
                names[name] = other
            elif what == "-":
                names.pop(name, None)
            elif name in names:
                names[other] = names.pop(name)

    def image(self):
        """As the directory IMAGE."""
        shutil.rmtree(IMAGE, ignore_errors=True)
        os.mkdir(IMAGE, 0o700)
        names = dict(self.names)
        self.rename(names, self.changes[:random.randint(0, len(self.changes))])
        for name, inode in names.items():
            with open(IMAGE + name[len(STATE):], "wb", opener=lambda p, flags: os.open(p, flags, 0o600)) as f:
                f.write(self.file(inode).image())
        shutil.copytree(f"{STATE}/keys", f"{IMAGE}/keys")


def rows():
    """(integrity, name -> text) of own.db."""
    with sqlite3.connect(f"{IMAGE}/own.db") as db:
        whole = db.execute("PRAGMA integrity_check").fetchone()[0]
        found = {name[1:1 + name[0]].decode(): data for name, data in db.execute("SELECT name, data FROM record")}
    db.close()
    return whole, found


def text_of(data):
    """Of a TXT set of one string or two: each has its length before it."""
    at, text = 2, b""
    while data and at < len(data):
        text += data[at + 1:at + 1 + data[at]]
        at += 1 + data[at]
    return text.decode() if data else None


def read(mount, name):
    try:
        with open(path(mount, name), encoding="ascii") as f:
            return json.load(f)["data"][0].replace('" "', "").strip('"')
    except FileNotFoundError:
        return None


class Result:
    def __init__(self):
        self.images = self.lost = self.broken = self.started = 0


def judge(disk, result, there):
    for name, text in disk.acknowledged.items():
        if there(name) not in {text, *disk.begun[name]}:
            result.lost += 1
            if not disk.lies:
                print(f"# {name}: {there(name)}, not {text}", flush=True)


def look(disk, result, start_too):
    result.images += 1
    disk.image()
    if start_too:
        mount = f"{lab.T}/second"
        os.makedirs(mount, exist_ok=True)
        daemon = start(IMAGE, mount)
        result.started += 1
        judge(disk, result, lambda name: read(mount, name))
        daemon.kill()
        daemon.wait()
        daemon.stderr.close()
        lab.run("umount", "-l", mount)
    try:
        whole, found = rows()
    except sqlite3.DatabaseError as e:
        whole, found = str(e), {}
    result.broken += whole != "ok"
    judge(disk, result, lambda name: text_of(found.get(name)))


def images(number, every, each=lambda result: None, lies=False):
    """So many, at random moments once the first record was acknowledged; each `every`-th is started on."""
    log, result, disk = entries(), Result(), Disk(lies)
    first = next(i for i, e in enumerate(log) if e[0] == "A")
    cuts = sorted(random.choices(range(first + 1, len(log) + 1), k=number))
    at = 0
    for cut in cuts:
        while at < cut:
            disk.do(log[at])
            at += 1
        look(disk, result, every and (result.images + 1) % every == 0)
        each(result)
    return result
