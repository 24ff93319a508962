#!/usr/bin/python3
"""A state directory that is brought back from a backup, and one that is copied and runs beside its
original: the network is read first, what is newer holds, nothing is lost, and a line says so.

usage: test_copied_state.py BUILD"""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import T, Kadns, check, enter, eventually, main  # noqa: E402

GONE = "No such file or directory"
SEED = "127.1.0.1:4001"


class Loud(Kadns):
    """Its log is a file."""

    def start(self):
        with open(f"{self.state}.log", "ab") as log:
            self.child = subprocess.Popen([self._command[0], "-f", *self._command[1:]],
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        assert eventually(10, lambda: os.path.ismount(self.mount))

    def stop(self):
        subprocess.run(["umount", self.mount], check=True)
        self.child.wait(10)

    def says(self, words):
        with open(f"{self.state}.log", encoding="ascii") as log:
            return words in log.read()


def short(address):
    """What is read is what the network holds, not what a cache remembers."""
    return '{"ttl":1,"data":["192.0.2.%d"]}' % address


def write(node, key, **names):
    for name, address in names.items():
        node.write(f"{name}.{key}", short(address))
    return eventually(20, node.published)


def all_read(node, key, wanted, seconds=15):
    def here():
        return {name: node.data(f"{name}.{key}") for name in wanted}
    good = {name: GONE if a is None else [f"192.0.2.{a}"] for name, a in wanted.items()}
    return eventually(seconds, lambda: here() == good) or here()


def brought_back(a, reader, key):
    check("names are published", write(a, key, kept=1, changed=2, gone=3))
    a.stop()
    shutil.copytree(a.state, f"{T}/backup")
    a.start()
    a.remove(f"gone.{key}")
    check("and edited after the backup", write(a, key, changed=22, new=4))
    now = {"kept": 1, "changed": 22, "gone": None, "new": 4}
    check("the reader has them", all_read(reader, key, now) is True)
    before = reader.read(f"new.{key}")["seq"]
    a.stop()
    shutil.rmtree(a.state)
    shutil.copytree(f"{T}/backup", a.state)
    a.start()
    check("with the backup in its place what is newer is found",
          eventually(20, lambda: a.status("publish.outrun") == "1"), a.statuses)
    check("the log says so", a.says("this state is a copy, or was brought back"))
    check("what is newer holds here", (got := all_read(a, key, now)) is True, got)
    check("it goes on from there", write(a, key, next=5))
    now["next"] = 5
    check("the reader has that too", (got := all_read(reader, key, now)) is True, got)
    after = reader.read(f"next.{key}")["seq"]
    check("and seq has risen", after > before, (before, after))


def by_command(node, key, name):
    def withdraw(what):
        port = str(node.endpoint[1])
        return subprocess.run([node._command[0], "withdraw", "--port", port, what, "A"],
                              capture_output=True, text=True, check=False)
    done = withdraw(f"{name}.{key}")
    check("kadns withdraw: of one's key, whoever wrote it", done.returncode == 0, done)
    done = withdraw("plain.alt")
    check("of a plain name nothing, and it says why",
          done.returncode == 2 and "NAME.<your key>" in done.stderr, done)


def cloned(a, reader, key):
    a.stop()
    shutil.copytree(a.state, f"{T}/clone.state")
    a.start()
    b = Loud("clone", SEED, ("127.3.0.1", 4003))
    check("both know the network", eventually(15, lambda: a.nodes() and b.nodes()))
    wanted = {"kept": 1, "changed": 22, "new": None}
    b.remove(f"new.{key}")
    for i in range(6):
        node, name = (a, b)[i % 2], f"c{i}"
        node.write(f"{name}.{key}", short(10 + i))
        wanted[name] = 10 + i
    check("both write", eventually(20, lambda: a.published() and b.published()))
    check("the reader has all of it", (got := all_read(reader, key, wanted, 30)) is True, got)
    check("one has found out", eventually(
        20, lambda: int(a.status("publish.outrun")) + int(b.status("publish.outrun")) >= 1))
    a.write(f"c0.{key}", short(50))
    b.write(f"c1.{key}", short(51))
    wanted.update(c0=50, c1=51)
    check("and what each writes then stands", (got := all_read(reader, key, wanted, 30)) is True,
          got)
    by_command(b, key, "c0")
    wanted["c0"] = None
    check("what one wrote the other's kadns withdraw takes back",
          (got := all_read(reader, key, wanted, 30)) is True, got)
    b.stop()


def test():
    reader = Kadns("reader", "none", ("127.1.0.1", 4001))
    a = Loud("a", SEED, ("127.2.0.1", 4002))
    check("they know each other", eventually(15, lambda: reader.nodes() and a.nodes()))
    key = a.text(".kadns/key").strip()
    brought_back(a, reader, key)
    cloned(a, reader, key)
    a.stop()


enter(120)
main(test)
