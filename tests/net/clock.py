"""A clock on the wall that is set under the real program, ten years ahead or back. Two daemons, each with a clock of its
own (step_clock.c, by way of an /etc of our own, for children inherit no environment), are each other's network.

test_clock.py makes some steps, tests/bench/clock.py two hundred."""
import os
import struct
import subprocess
import sys
import time

from lab import T, Kadns, eventually, run

YEAR = 365 * 86400


class Clocked(Kadns):
    """Its log is a file; it may be started again."""

    def start(self):
        self.clock = f"{self.mount}.clock"
        if not os.path.exists(self.clock):
            with open(self.clock, "wb") as f:
                f.write(bytes(16))
        os.symlink(self.clock, "/run/step_clock")
        with open(f"{self.state}.log", "ab") as log:
            self.child = subprocess.Popen([self._command[0], "-f", *self._command[1:]],
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        assert eventually(30, lambda: os.path.exists(f"{self.mount}/.kadns/status"))
        self.key = self.text(".kadns/key").split()[0]
        os.unlink("/run/step_clock")

    def stop(self):
        self.child.terminate()
        assert self.child.wait(30) == 0

    def _set(self, at, seconds):
        with open(self.clock, "r+b") as f:
            f.seek(at)
            f.write(struct.pack("=q", seconds))

    def step(self, seconds):
        """Its clock is that far ahead of the right time from now on."""
        self._set(0, seconds)

    def sleep(self, seconds):
        """The machine was asleep for so long, and knows it."""
        self._set(8, seconds)

    def put(self, number):
        self.write(f"x.{self.key}", '{"ttl":1,"data":["%s"]}' % address(number))

    def says(self, words):
        with open(f"{self.state}.log", encoding="ascii") as log:
            return words in log.read()


def address(number):
    return f"192.0.{number >> 8}.{number & 255}"


def sees(daemon, of, number):
    """Does this daemon read what that one has written last, now or soon?"""
    return eventually(30, lambda: daemon.data(f"x.{of.key}") == [address(number)])


def until_1970():
    return 5 - int(time.time())


def until_2038():
    return 2**31 - 2 - int(time.time())


def pair():
    run("mkdir", f"{T}/upper", f"{T}/work")
    run("mount", "-t", "overlay", "-o", f"lowerdir=/etc,upperdir={T}/upper,workdir={T}/work", "none", "/etc")
    with open("/etc/ld.so.preload", "w", encoding="ascii") as f:
        f.write(f"{sys.argv[1]}/tests/libstep_clock.so\n")
    return (Clocked("a", "127.1.2.1:4002", ("127.1.1.1", 4001)), Clocked("b", "127.1.1.1:4001", ("127.1.2.1", 4002)))
