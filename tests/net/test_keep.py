#!/usr/bin/python3
""".kadns/keep with three real daemons: one publishes a zone of a thousand record sets and is gone, with its node and
its disk; another, who was told its key and nothing else, has it stay, across a restart that found everybody else's
copies forgotten; a third reads it.

usage: test_keep.py BUILD"""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Kadns, check, enter, eventually, main  # noqa: E402

NAMES = 1000
STRANGER = "y" * 51 + "o"  # a key that nobody has


def address(i):
    return f"192.0.{i // 256}.{i % 256}"


def write_as(uid, node, mode, text):
    """What tee says when it fails."""
    said = subprocess.run(["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", "tee", *mode,
                           f"{node.mount}/.kadns/keep"], input=text.encode(), env={**os.environ, "LC_ALL": "C"},
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False).stderr.decode()
    return said.rsplit(": ", 1)[-1].strip()


def read_as(uid, node):
    return subprocess.run(["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", "cat",
                           f"{node.mount}/.kadns/keep"], capture_output=True, text=True, check=True).stdout


def keys_of(text):
    return [line.split()[0] for line in text.splitlines() if not line.startswith("#")]


def forgotten(node):
    """Its copies for others are, as after two hours without a put; not what it has in own.db."""
    for end in ("", "-wal", "-shm"):
        if os.path.exists(f"{node.state}/guests.db{end}"):
            os.unlink(f"{node.state}/guests.db{end}")


def publish():
    one = Kadns("one", "none", ("127.0.1.1", 4001), quota=NAMES + 10)
    keeper = Kadns("keeper", "127.0.1.1:4001", ("127.0.2.1", 4001))
    reader = Kadns("reader", "127.0.1.1:4001", ("127.0.3.1", 4001))
    nodes = one, keeper, reader
    check("three nodes", eventually(20, lambda: all(len(n.nodes()) == 2 for n in nodes)))
    key = one.text(".kadns/key").strip()
    for i in range(NAMES):
        one.write(f"k{i}.{key}", address(i))
    check("a zone of a thousand sets goes out", eventually(60, one.published), lambda: one.status("publish.queued"))
    return one, keeper, reader, key


def lists(keeper, key):
    """The file: each has his own, root's is everybody's to see, and a bad line changes nothing."""
    check("a key", write_as(1300, keeper, [], f"{key}\n") == "")
    check("a bad line is told", write_as(1300, keeper, ["-a"], "example.com\n") == "Invalid argument")
    check("and more than a user may keep", write_as(1300, keeper, [], "".join(
        f"{'ybndrfg8ejkmcpqxot1uwisza345h769'[i % 32]}{'yb'[i // 32 % 2]}{'y' * 49}{'yo'[i // 64]}\n" for i in range(65))
    ) == "Disk quota exceeded")
    check("the list stands", keys_of(read_as(1300, keeper)) == [key], lambda: read_as(1300, keeper))
    check("it is nobody else's", keys_of(read_as(1301, keeper)) == [])
    check("root's", write_as(0, keeper, [], f"{STRANGER} # nobody has it\n") == "")
    check("is seen by all, as a comment", any(
        line.startswith(f"# {STRANGER} # not found, looked for") for line in read_as(1300, keeper).splitlines()),
        lambda: read_as(1300, keeper))
    check("its size is that of what one reads", subprocess.run(
        ["stat", "-c", "%s %a", f"{keeper.mount}/.kadns/keep"], capture_output=True, text=True, check=True
    ).stdout.split() == [str(len(read_as(0, keeper))), "666"])
    check("root keeps nothing any more", write_as(0, keeper, [], "#\n") == "" and
          keys_of(read_as(0, keeper)) == [])


def kept(keeper, key):
    check("the zone and all its pages are here", eventually(60, lambda: keeper.status("keep.missing") == "0" and
          int(keeper.status("keep.parts")) > 32), lambda: read_as(1300, keeper))
    check("status counts it", keeper.status("keep.keys") == "1" and keeper.status("keep.damaged") == "0" and
          keeper.status("keep.taken") == keeper.status("keep.parts") and int(keeper.status("keep.readings")) > 0,
          keeper.statuses)
    line = next(l for l in read_as(1300, keeper).splitlines() if l.startswith(key))
    pages = str(int(keeper.status("keep.parts")) - 1)
    check("cat tells how it stands", f"# zone of 20" in line and f", {pages} of {pages} pages" in line, line)
    check("so does explain", f"\nkeep: zone of 20" in keeper.text(f".kadns/explain/IN/A/k1.{key}"),
          lambda: keeper.text(f".kadns/explain/IN/A/k1.{key}"))


def gone(one, keeper, reader, key):
    one.stop()
    shutil.rmtree(one.state)
    for node in (keeper, reader):
        node.stop()
        forgotten(node)
    shutil.rmtree(reader.state)
    keeper.start()
    check("a restart remembers whom to keep", keys_of(read_as(1300, keeper)) == [key])
    last = Kadns("last", "127.0.2.1:4001", ("127.0.4.1", 4001))
    # The third has nobody to ask but the keeper, and holds it itself after that one's look.
    check("a reader who was never there before reads it", eventually(60, lambda: all(
        last.data(f"k{i}.{key}") == [address(i)] for i in range(0, NAMES, 97))), lambda: last.read(f"k1.{key}"))
    want = int(keeper.status("keep.parts"))
    check("it was put again, where it was missing", eventually(120, lambda: int(last.status("store.items")) >= want),
          lambda: (last.status("store.items"), want, keeper.statuses()))
    check("by whom it was signed", last.read(f"k5.{key}").get("signer") == key, lambda: last.read(f"k5.{key}"))
    check("a line that is taken out", write_as(1300, keeper, [], "#\n") == "")
    check("ends it", keeper.status("keep.keys") == "0" and keeper.status("keep.parts") == "0" and
          keeper.status("republish.items") == "0", keeper.statuses)
    keeper.stop()
    last.stop()


def test():
    one, keeper, reader, key = publish()
    lists(keeper, key)
    kept(keeper, key)
    gone(one, keeper, reader, key)


enter(300)
main(test)
