"""Memory that is refused once: the n-th allocation of each of thirty things that users do. Whoever asked hears of it or never notices;
the program runs on, and the same done once more is done as ever.

test_allocations.py refuses some, tests/bench/allocations.py each."""
import os
import struct
import subprocess
import sys

import lab

MOUNT = f"{lab.T}/dns"
FILE = f"{lab.T}/memory"
PANEL = f"{MOUNT}/.kadns"
A = f"{MOUNT}/IN/A"
DIG = "dig +short +time=1 +tries=1 @127.0.0.1 -p 1053"
CURL = "curl -sf -m 3 http://127.0.0.1:8053"

# What is done, and what then must be true; both in a shell, with $i another number each time.
SCENARIOS = [
    ("echo", f"echo 192.0.2.1 >{A}/e$i.alt", f"grep -q 192.0.2.1 {A}/e$i.alt"),
    ("over", f"echo 192.0.2.2 >{A}/over.alt", f"grep -q 192.0.2.2 {A}/over.alt"),
    ("append", f"echo 192.0.2.3 >>{A}/app.alt", f"grep -q 192.0.2.3 {A}/app.alt"),
    ("lines", f"printf '192.0.2.4\\n192.0.2.5\\n' >{A}/lines.alt", f"grep -q 192.0.2.5 {A}/lines.alt"),
    ("json", f"echo '{{\"ttl\":60,\"data\":[\"192.0.2.6\"]}}' >{A}/json.alt", f"grep -q 192.0.2.6 {A}/json.alt"),
    ("under the key", f"echo 192.0.2.7 >{A}/k$i.$KEY", f"grep -q 192.0.2.7 {A}/k$i.$KEY"),
    ("text", f"echo hello >{MOUNT}/IN/TXT/t$i.alt", f"grep -q hello {MOUNT}/IN/TXT/t$i.alt"),
    ("remove", f"rm {A}/stands.alt", f"test ! -e {A}/stands.alt"),
    ("move", f"mv {A}/stands.alt {A}/moved.alt", f"test -e {A}/moved.alt && mv {A}/moved.alt {A}/stands.alt"),
    ("scratch", f"echo 192.0.2.8 >{A}/.x.swp && mv {A}/.x.swp {A}/swp.alt", f"grep -q 192.0.2.8 {A}/swp.alt"),
    ("truncate", f": >{A}/other.alt; echo 192.0.2.9 >{A}/other.alt", f"grep -q 192.0.2.9 {A}/other.alt"),
    ("sync", f"dd if={lab.T}/line of={A}/dd.alt conv=fsync status=none", f"grep -q 192.0.2.10 {A}/dd.alt"),
    ("touch", f"touch {A}/stands.alt", f"test -s {A}/stands.alt"),
    ("cat own", f"cat {A}/stands.alt", f"cat {A}/stands.alt"),
    ("cat none", f"! cat {A}/none$i.invalid", f"! test -e {A}/none$i.invalid"),
    ("cat hosts", f"cat {A}/printer.example", f"grep -q 192.0.2.99 {A}/printer.example"),
    ("stat", f"stat {A}/stands.alt", f"stat {A}/stands.alt"),
    ("list types", f"ls {MOUNT}/IN", f"ls {MOUNT}/IN | grep -qx A"),
    ("list names", f"ls {A}", f"ls {A} | grep -q stands"),
    ("find", f"find {MOUNT}", f"find {MOUNT} | grep -q stands"),
    ("status", f"cat {PANEL}/status", f"grep -q ^version {PANEL}/status"),
    ("nodes", f"cat {PANEL}/nodes", f"cat {PANEL}/nodes"),
    ("explain", f"cat {PANEL}/explain/IN/A/stands.alt", f"grep -q verdict {PANEL}/explain/IN/A/stands.alt"),
    ("pin", f"echo $KEY as friend$i >>{PANEL}/pins", f"grep -q friend$i {PANEL}/pins"),
    ("keep", f"echo $KEY >{PANEL}/keep", f"grep -q $KEY {PANEL}/keep"),
    ("dig own", f"{DIG} stands.alt A", f"{DIG} stands.alt A | grep -q 192.0.2"),
    ("dig none", f"{DIG} none$i.alt A", f"{DIG} none$i.alt A; true"),
    ("dig tcp", f"{DIG} +tcp stands.alt A", f"{DIG} +tcp stands.alt A | grep -q 192.0.2"),
    ("http", f"{CURL}/dns/IN/A/stands.alt", f"{CURL}/dns/IN/A/stands.alt | grep -q 192.0.2"),
    ("http/2", f"{CURL}/healthz --http2-prior-knowledge", f"{CURL}/healthz --http2-prior-knowledge"),
    ("ask", f"{{kadns}} ask --via {MOUNT} stands.alt || true", f"grep -q ^version {PANEL}/status"),
]


class Allocations:
    def __init__(self):
        self.refused = self.failed = self.bad = self.number = 0
        os.makedirs(MOUNT)
        with open(FILE, "wb") as f:
            f.write(bytes(24))
        with open(f"{lab.T}/line", "w", encoding="ascii") as f:
            f.write("192.0.2.10\n")
        with open(f"{lab.T}/hosts", "w", encoding="ascii") as f:
            f.write("192.0.2.99 printer.example\n")
        self.kadns = f"{sys.argv[1]}/fs/kadns"
        self.log = open(f"{lab.T}/log", "ab")
        self.process = subprocess.Popen(
            [self.kadns, "-f", "-o", "port=4001,bind=127.0.0.1,dns=127.0.0.1:1053,http=127.0.0.1:8053,upstream=none,"
             f"hosts={lab.T}/hosts,"
             f"state={lab.T}/state", "none", MOUNT], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env={**os.environ, "FAIL_MALLOC": FILE, "LD_PRELOAD": f"{sys.argv[1]}/tests/libfail_malloc.so"})
        assert lab.eventually(30, lambda: os.path.exists(f"{PANEL}/status"))
        with open(f"{PANEL}/key", encoding="ascii") as f:
            self.key = f.read().split()[0]

    def sh(self, command):
        self.number += 1
        run = subprocess.run(["sh", "-c", command.replace("{kadns}", self.kadns)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, env={**os.environ, "KEY": self.key, "i": str(self.number)}, timeout=60, check=False)
        return run.returncode == 0

    @staticmethod
    def refuse(which):
        with open(FILE, "r+b") as f:
            f.write(struct.pack("=QQQ", 0, which, 0))

    @staticmethod
    def counts():
        with open(FILE, "rb") as f:
            return struct.unpack("=QQQ", f.read(24))

    def judge(self, name, does, holds, which):
        """Done again without a fault it is done, and true."""
        if self.process.poll() is not None:
            print(f"# {name}, allocation {which}: it has ended, {self.process.returncode}", flush=True)
            lab.run("tail", "-n", "5", f"{lab.T}/log")
            self.bad += 1
            return False
        self.number -= 2  # the same names again
        self.sh(does)
        self.number -= 1
        if not self.sh(holds):
            print(f"# {name}, allocation {which}: it does not work any more", flush=True)
            self.bad += 1
        return True

    def scenario(self, name, does, holds, cap):
        """False: there is no going on."""
        prepare = f"echo 192.0.2.77 >{A}/stands.alt"
        self.sh(prepare)
        self.refuse(0)
        self.sh(does)
        asked = self.counts()[0]
        step = max(1, asked // cap) if cap else 1
        for which in range(1, asked + 1, step):
            self.sh(prepare)
            self.refuse(which)
            said = self.sh(does)
            self.refused += self.counts()[2]
            self.refuse(0)
            self.failed += not said
            self.sh("true")
            if not self.judge(name, does if name not in ("remove", "move") else "true", holds if name not in ("remove", "move") else
                              f"echo 192.0.2.77 >{A}/stands.alt", which):
                return False
        return True

    def all(self, cap, row=lambda name, run: None):
        for name, does, holds in SCENARIOS:
            if not self.scenario(name, does, holds, cap):
                break
            row(name, self)

    def end(self):
        """It ends as ever."""
        self.process.terminate()
        return self.process.wait(30)
