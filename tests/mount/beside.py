#!/usr/bin/env python3
"""beside.py DIRECTORY STATUS: while open(), stat() and access() of names in DIRECTORY wait for an
answer that never comes, everything that works under a directory's or a file's lock goes on, in that
directory and on those very names: it ends while they still wait, and asks nobody. On a mount of
fake_kadns -d 60000, whose every question takes longer than this."""
import os
import subprocess
import sys
import time

DIR, STATUS = sys.argv[1:3]
TEXT = b"192.0.2.7\n"
WAITING = 6


def counts():
    with open(STATUS, encoding="ascii") as f:
        lines = dict(line.split() for line in f)
    return int(lines["asks"]), int(lines["mount.waiting"])


def put(name, flags=os.O_TRUNC):
    fd = os.open(f"{DIR}/{name}", os.O_WRONLY | os.O_CREAT | flags, 0o644)
    os.write(fd, TEXT)
    return fd


def start(code, name):
    return subprocess.Popen([sys.executable, "-S", "-c", f"import os; {code}", f"{DIR}/{name}"],
                            stderr=subprocess.DEVNULL)


def write_and_sync(name):
    fd = put(name)
    os.fsync(fd)
    os.fdatasync(fd)
    os.close(fd)


def set_attributes(name):
    fd = put(name)
    os.ftruncate(fd, 0)
    os.fchmod(fd, 0o600)
    os.utime(fd)
    os.fchown(fd, os.getuid(), -1)
    os.close(fd)
    os.chmod(f"{DIR}/{name}", 0o644)
    os.utime(f"{DIR}/{name}", (1, 1))
    os.truncate(f"{DIR}/{name}", 0)


def remove_while_writing(name):
    fd = put(name)
    os.fsync(fd)
    os.unlink(f"{DIR}/{name}")
    try:
        os.write(fd, TEXT)
        raise AssertionError("a removed file was written")
    except OSError:
        pass
    try:
        os.fsync(fd)
    except OSError:
        pass
    os.close(fd)


def rename(name):
    os.close(put(name))
    os.rename(f"{DIR}/{name}", f"{DIR}/moved.alt")
    os.rename(f"{DIR}/moved.alt", f"{DIR}/private")
    os.rename(f"{DIR}/private", f"{DIR}/moved.alt")  # what is in it says this name
    os.rename(f"{DIR}/moved.alt", f"{DIR}/{name}")
    os.unlink(f"{DIR}/{name}")


def create_exclusively(name):
    os.close(os.open(f"{DIR}/{name}", os.O_RDWR | os.O_CREAT | os.O_EXCL))
    os.unlink(f"{DIR}/{name}")


def list_all(_):
    """Names, and attributes as `ls -l` gets them."""
    with os.scandir(DIR) as entries:
        for e in entries:
            e.stat(follow_symlinks=False)


def read_own(name):
    os.close(put(name))
    with open(f"{DIR}/{name}", "rb") as f:
        assert b"192.0.2.7" in f.read()
    os.unlink(f"{DIR}/{name}")


def refused(name):
    for call in (lambda: os.mkdir(f"{DIR}/{name}"), lambda: os.symlink("x", f"{DIR}/{name}"),
                 lambda: os.mknod(f"{DIR}/{name}"), lambda: os.rmdir(f"{DIR}/{name}")):
        try:
            call()
        except OSError:
            pass


def look_up(name):
    """LOOKUP alone, which O_PATH is."""
    os.close(os.open(f"{DIR}/{name}", os.O_PATH))


# On a name of its own, and on names that others wait for.
STEPS = [
    ("LOOKUP", look_up, ["p.example.com", "open1.example.com", "stat1.example.com"]),
    ("READDIR", list_all, [""]),
    ("CREATE of a private file", create_exclusively, ["t1"]),
    ("READ of one's own", read_own, ["r.alt"]),
    ("WRITE, FSYNC and FLUSH", write_and_sync, ["w.alt", "open1.example.com", "stat1.example.com"]),
    ("SETATTR", set_attributes, ["a.alt", "open1.example.com", "stat1.example.com"]),
    ("UNLINK under WRITE and FSYNC", remove_while_writing,
     ["u.alt", "open1.example.com", "stat1.example.com"]),
    ("RENAME", rename, ["m.alt", "open2.example.com", "stat2.example.com"]),
    ("what is refused", refused, ["x.alt", "access1.example.com"]),
]


def main():
    waiters = [start("os.open(os.sys.argv[1], 0)", "open1.example.com"),
               start("os.open(os.sys.argv[1], 0)", "open2.example.com"),
               start("os.stat(os.sys.argv[1])", "stat1.example.com"),
               start("os.stat(os.sys.argv[1])", "stat2.example.com"),
               start("os.access(os.sys.argv[1], 4)", "access1.example.com"),
               start("os.open(os.sys.argv[1], 2)", "rw1.example.com")]
    while counts() != (WAITING, WAITING):
        time.sleep(0.05)
    print("ok six wait: two each open() and stat(), access(), and open() to read and write")
    for what, step, names in STEPS:
        for name in names:
            step(name)
        asks, waiting = counts()
        good = (asks, waiting) == (WAITING, WAITING)
        print(f"{'ok' if good else 'not ok'} {what}: nobody is asked, and they wait on {waiting} {asks}")
    for p in waiters:
        p.kill()
        p.wait()
    print("ok" if counts()[1] == 0 else "not ok", "killed, they wait no more")


main()
