"""A disk that is full, or fails: whoever writes hears of it, nothing that was acknowledged is lost, reading and DNS go on, and
when the disk is well again so is kadns, without a restart.

A fault is one of: no room on the file system (a small tmpfs, filled); EIO or ENOSPC of pwrite(2); EIO of the sync.
Of own.db's log, or of guests.db's, which holds what others put here and whose trouble no writer may notice.
test_faults.py makes some of them, tests/bench/faults.py five hundred."""
import errno
import os
import random
import struct
import subprocess
import sys
import time

import lab

MOUNT = f"{lab.T}/dns"
DISK = f"{lab.T}/disk"  # what slow_disk.c obeys
SMALL = f"{lab.T}/small"
STATE = f"{SMALL}/state"
NAMES = 40


def set_disk(error=0, inode=0, write_error=0):
    with open(DISK, "r+b") as f:
        f.seek(12)
        f.write(struct.pack("=IQI", error, inode, write_error))


def write_errors():
    with open(DISK, "rb") as f:
        return struct.unpack("=I", f.read()[28:32])[0]


def status(name):
    with open(f"{MOUNT}/.kadns/status", encoding="ascii") as f:
        return int(next(line.split()[1] for line in f if line.startswith(name + " ")))


def path(name):
    return f"{MOUNT}/IN/TXT/{name}.alt"


def write(name, text):
    """0, or the errno that the write ends with."""
    try:
        fd = os.open(path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    except OSError as e:
        return e.errno
    try:
        os.write(fd, text.encode() + b"\n")
        return 0
    except OSError as e:
        return e.errno
    finally:
        try:
            os.close(fd)
        except OSError:
            pass


def read(name):
    try:
        with open(path(name), encoding="ascii") as f:
            return f.read().split('"data":["\\"')[1].split('\\"')[0]
    except OSError:
        return None


class Daemon:
    def __init__(self):
        os.makedirs(MOUNT, exist_ok=True)
        os.makedirs(SMALL, exist_ok=True)
        lab.run("mount", "-t", "tmpfs", "-o", "size=12m,mode=0755", "none", SMALL)
        with open(DISK, "wb") as f:
            f.write(bytes(40))
        self.start()

    def start(self):
        env = {**os.environ, "SLOW_DISK": DISK, "LD_PRELOAD": f"{sys.argv[1]}/tests/libslow_disk.so",
               "ASAN_OPTIONS": "verify_asan_link_order=0"}
        with open(f"{lab.T}/log", "ab") as log:
            self.process = subprocess.Popen(
                [f"{sys.argv[1]}/fs/kadns", "-f", "-o",
                 f"port=4001,bind=127.0.0.1,dns=127.0.0.1:1053,upstream=none,state={STATE}", "none", MOUNT],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)
        lab.check("it starts", lab.eventually(20, lambda: os.path.exists(f"{MOUNT}/.kadns/status")))

    def kill(self):
        self.process.kill()
        self.process.wait()
        lab.run("umount", "-l", MOUNT)

    def alive(self):
        return self.process.poll() is None


class Faults:
    def __init__(self):
        self.daemon = Daemon()
        self.stands = {}  # what was acknowledged
        self.count = self.made = self.silent = self.lost = self.sick = 0
        self.other = None

    def put(self, name):
        """0 or errno; a write that was refused leaves what stood."""
        self.count += 1
        text = f"{self.count}-" + "x" * 200
        error = write(name, text)
        if error == 0:
            self.stands[name] = text
        return error

    def name(self):
        return f"n{random.randrange(NAMES)}"

    def judge(self):
        """What stands is what was acknowledged, for the mount and for DNS."""
        for name, text in self.stands.items():
            if read(name) != text:
                self.lost += 1
                print(f"# {name}: {read(name)}, not {text}", flush=True)

    def dns_answers(self):
        name = next(iter(self.stands))
        said = subprocess.run(["dig", "+short", "+time=2", "+tries=1", "@127.0.0.1", "-p", "1053", f"{name}.alt", "TXT"],
                              capture_output=True, text=True, check=False).stdout
        return self.stands[name] in said

    def heals(self, seconds):
        """The next write counts, at once or when the file has been opened again."""
        end = time.monotonic() + seconds
        while True:
            error = self.put(self.name())
            if error == 0:
                return True
            if error not in (errno.EIO, errno.ENOSPC) or time.monotonic() > end:
                print(f"# it does not heal: {error}", flush=True)
                self.sick += 1
                return False
            time.sleep(0.05)

    def full(self):
        """Until a write is refused: what its log has room for already is no lie."""
        with open(f"{SMALL}/fill", "wb", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(1 << 16))
            except OSError:
                pass
            try:
                while True:
                    f.write(bytes(512))
            except OSError:
                pass
        for _ in range(3000):
            error = self.put(self.name())
            if error:
                break
        if error != errno.ENOSPC:
            self.silent += 1
            print(f"# full: {error}", flush=True)
        # It goes on being refused, and others' trouble is nobody's.
        again = self.put("another")
        if again not in (0, errno.ENOSPC):
            self.silent += 1
            print(f"# full: {again}", flush=True)

    def failing(self, file, **how):
        try:
            inode = os.stat(f"{STATE}/{file}").st_ino
        except FileNotFoundError:
            return  # a log that has come to an end
        set_disk(inode=inode, **how)
        error = self.put(self.name())
        wanted = {how.get("error", 0) or how["write_error"]} if file.startswith("own") else {0}
        if error not in wanted:
            self.silent += 1
            print(f"# {file} {how}: {error}", flush=True)

    def guests(self):
        """What is written here goes to the node's own store a moment later, which cannot have it. Nobody
        waits for that; then it can again."""
        felt, commits = write_errors(), status("store.commits")
        self.failing("guests.db-wal", write_error=errno.EIO)
        if not lab.eventually(5, lambda: write_errors() > felt):
            print("# guests.db was not written", flush=True)
            self.silent += 1
        set_disk()
        self.put(self.name())
        if not lab.eventually(10, lambda: status("store.commits") > commits):
            print("# guests.db does not heal", flush=True)
            self.sick += 1

    def one(self, kind):
        self.made += 1
        if kind == 0:
            self.full()
        elif kind == 1:
            self.failing("own.db-wal", write_error=errno.EIO)
        elif kind == 2:
            self.failing("own.db-wal", write_error=errno.ENOSPC)
        elif kind == 3:
            self.failing("own.db-wal", error=errno.EIO)
        elif kind == 4:
            self.failing("guests.db-wal", error=errno.EIO)
        else:
            self.guests()
        self.judge()
        set_disk()
        if os.path.exists(f"{SMALL}/fill"):
            os.unlink(f"{SMALL}/fill")
        # A file that is to be opened anew is so five times a second; a full one is as it was.
        self.heals(0 if kind == 0 else 2)

    def rounds(self, number, each=lambda faults: None):
        for i in range(10):
            self.put(f"n{i}")
        for i in range(number):
            self.one(5 if i % 48 == 23 else i % 5)
            each(self)
            if not self.daemon.alive():
                self.sick += 1
                print("# it has ended", flush=True)
                return

    def end(self):
        """kill -9 and a restart find the same."""
        self.daemon.kill()
        self.daemon.start()
        self.judge()
        self.daemon.kill()
