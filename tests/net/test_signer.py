#!/usr/bin/env python3
"""Keys stay in the signer: a seed that was planted is in its memory, in no other process's and in no
file but its own; and a signer that is killed, or hangs, costs one wait and no record."""
import ctypes
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from lab import T, Kadns, check, enter, eventually, main, run
from memory import children, in_files, in_memory, needles

USER = 1234
BOUND = 2  # seconds: SIGNER_PATIENCE


def as_user(*command):
    return run("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *command, check=False,
               stderr=subprocess.DEVNULL).returncode


def took(action):
    begin = time.monotonic()
    result = action()
    return time.monotonic() - begin, result


def starts_and_leaves():
    """Whoever starts it from a script reads its output to the end, and must come to that end: no
    process of it may hold the descriptors of the start."""
    os.makedirs(f"{T}/brief", exist_ok=True)
    command = [f"{sys.argv[1]}/fs/kadns", "-o", f"port=4090,bind=127.0.0.1,dns=off,upstream=127.0.0.1:9,state={T}/brief.state",
               "none", f"{T}/brief"]
    try:
        said = subprocess.run(command, capture_output=True, check=True, timeout=20)
        check("a start whose output is read comes to an end", True, said)
    except subprocess.TimeoutExpired as e:
        check("a start whose output is read comes to an end", False, e)
    run("umount", f"{T}/brief")


def test():
    enter(60)
    starts_and_leaves()
    seeds = {uid: os.urandom(32) for uid in (0, USER)}
    os.makedirs(f"{T}/a.state/keys", mode=0o700)
    os.chmod(f"{T}/a.state", 0o700)
    for uid, seed in seeds.items():
        with open(os.open(f"{T}/a.state/keys/{uid}", os.O_CREAT | os.O_WRONLY, 0o600), "wb") as f:
            f.write(seed)
    words = [w for seed in seeds.values() for w in needles(seed)]
    # A core would be found among the files: the daemon may leave one, and is started in T.
    run("mkdir", f"{T}/work")
    os.chdir(f"{T}/work")
    limit = (ctypes.c_ulong * 2)(2**64 - 1, 2**64 - 1)
    ctypes.CDLL(None).setrlimit(4, limit)
    run("mkdir", f"{T}/other")
    b = Kadns("b", "none", ("127.2.0.1", 4002))
    a = Kadns("a", "127.2.0.1:4002", ("127.1.0.1", 4001), upstream="127.0.0.1:9", log="debug")
    starter, node = a.pid(), a.node()
    check("there is a signer, and a validator", eventually(
        5, lambda: set(children(starter)) == {"kadns-node", "kadns-signer", "kadns-validator"}), lambda: children(starter))
    key = a.text(".kadns/key").strip()
    a.write("printer.alt", "192.0.2.7")
    check("a user writes too", as_user("sh", "-c", f"echo 192.0.2.8 >{a.mount}/IN/A/user.alt") == 0)
    check("both are published", eventually(15, a.published), a.statuses)
    check("and read elsewhere", eventually(15, lambda: b.data("printer.alt") == ["192.0.2.7"]
                                           and b.data("user.alt") == ["192.0.2.8"]))

    kin = children(starter)
    check("the planted seeds are in the signer's memory",
          all(in_memory(kin["kadns-signer"], [seed]) for seed in seeds.values()))
    check("not in the node's", not in_memory(node, words))
    check("nor in the starter's", not in_memory(starter, words))
    check("nor in the validator's", not in_memory(kin["kadns-validator"], words))
    check("nor in that of another node", not in_memory(b.node(), words))
    fds = {os.readlink(f"/proc/{node}/fd/{n}") for n in os.listdir(f"/proc/{node}/fd")}
    check("the node has nothing of the keys open", not any("keys" in f for f in fds), fds)
    with open(f"/proc/{kin['kadns-signer']}/limits", encoding="ascii") as f:
        check("a core has no room", re.search(r"Max core file size +0 +0 ", f.read()))
    check("nobody else may look into it", as_user("cat", f"/proc/{kin['kadns-signer']}/environ") != 0)

    # ---- killed: as if by a fault, so that there would be a core
    os.kill(kin["kadns-signer"], signal.SIGABRT)
    a.write("after.alt", "192.0.2.9")
    check("after its death the next write is signed by another", eventually(15, a.published))
    check("which is another", children(starter)["kadns-signer"] != kin["kadns-signer"])
    check("counted", a.status("publish.signer_restarts") == "1")
    check("and read elsewhere", eventually(15, lambda: b.data("after.alt") == ["192.0.2.9"]))
    check("the key is as before", a.text(".kadns/key").strip() == key)

    # ---- stopped
    hung = children(starter)["kadns-signer"]
    os.kill(hung, signal.SIGSTOP)
    a.write("late.alt", "192.0.2.10")
    slowest, end = 0, time.monotonic() + BOUND + 2
    while time.monotonic() < end:
        seconds, data = took(lambda: a.data("printer.alt"))
        slowest = max(slowest, seconds)
        if data != ["192.0.2.7"]:
            break
    check("one that hangs: reads go on", data == ["192.0.2.7"], data)
    check("and none waits for longer than the bound", slowest < 10 * BOUND, slowest)
    check("it was killed, and the record published", eventually(20, a.published), a.statuses)
    check("by another", children(starter).get("kadns-signer", hung) != hung)
    check("and read elsewhere", eventually(15, lambda: b.data("late.alt") == ["192.0.2.10"]))

    check("with the new ones too nothing is in the node's memory", not in_memory(node, words))
    signer = children(starter)["kadns-signer"]
    check("what was published stays", all(a.data(f"{n}.alt") == [f"192.0.2.{d}"] for n, d in
                                          (("printer", 7), ("after", 9), ("late", 10))))
    a.stop()
    check("the signer ends with the node", not os.path.exists(f"/proc/{signer}/maps")
          or not open(f"/proc/{signer}/maps", encoding="ascii").read())
    b.stop()
    found = in_files(T, words)
    check("the seeds are in their files, and in no other", sorted(found) ==
          sorted(f"a.state/keys/{uid}" for uid in seeds), found)

    # ---- as the daemon dies
    a.start()
    signer = children(a.pid())["kadns-signer"]
    a.kill()
    check("it dies with a node that is killed", eventually(5, lambda: not os.path.exists(f"/proc/{signer}/exe")
                                                           or "Z" in open(f"/proc/{signer}/stat", encoding="ascii").read().split()[2]))


main(test)
