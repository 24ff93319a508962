#!/usr/bin/python3
"""A disk that is full or fails, under the real program: see faults.py. And the file of a key, which its own process writes.

usage: test_faults.py BUILD"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import check, enter, main  # noqa: E402
from faults import MOUNT, SMALL, STATE, Faults, path, status  # noqa: E402


def as_user(uid, command):
    """What is said, and whether it failed: of tee, for dash names no error."""
    run = subprocess.run(["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", "sh", "-c", command],
                         capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}, check=False)
    return run.returncode, run.stderr


def keys(faults):
    """Who writes for the first time has a key made, and no room for it."""
    with open(f"{SMALL}/fill", "wb", buffering=0) as f:
        try:
            while True:
                f.write(bytes(4096))
        except OSError:
            pass
    code, said = as_user(4001, f"echo 192.0.2.1 | tee {MOUNT}/IN/A/mine.alt")
    check("no room for a key: the writer is told", code != 0 and "No space left" in said, (code, said))
    check("and no half of a key is left", not any(n.startswith("4001") for n in os.listdir(f"{STATE}/keys")),
          lambda: os.listdir(f"{STATE}/keys"))
    check("reading goes on", subprocess.run(["cat", path("n1")], capture_output=True, check=False).returncode == 0)
    check("and DNS", faults.dns_answers())
    os.unlink(f"{SMALL}/fill")
    code, said = as_user(4001, f"echo 192.0.2.1 | tee {MOUNT}/IN/A/mine.alt")
    check("with room the next write makes it", code == 0 and
          os.stat(f"{STATE}/keys/4001").st_size == 32, (code, said))


def test():
    faults = Faults()
    faults.rounds(24)
    check("24 faults, and each writer heard of his", faults.silent == 0, faults.silent)
    check("nothing that was acknowledged is lost", faults.lost == 0, faults.lost)
    check("it heals by itself each time", faults.sick == 0, faults.sick)
    check("status counts what failed", status("disk.failures") > 0)
    keys(faults)
    before = faults.lost
    faults.end()
    check("nor by a restart", faults.lost == before)


enter(120)
main(test)
