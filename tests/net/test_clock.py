#!/usr/bin/python3
"""P18: a clock that jumps burns no key, takes no name away and ends no program.

usage: test_clock.py BUILD"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import check, enter, eventually, main  # noqa: E402
from clock import YEAR, pair, sees, until_1970, until_2038  # noqa: E402

WEEK = 7 * 86400  # how long nodes of a private network remember


def jumps(a, b):
    """While it runs; where it stands in the past, what is written waits."""
    number = 0
    for name, step, goes_out in (("ten years ahead", 10 * YEAR, True), ("right", 0, True), ("ten years back", -10 * YEAR, False),
                                 ("1970", until_1970(), False), ("2038", until_2038(), True), ("right again", 0, True)):
        number += 1
        a.step(step)
        a.put(number)
        check(f"{name}: the writer reads it", sees(a, a, number), lambda: a.data(f"x.{a.key}"))
        if goes_out:
            check(f"{name}: so does the other", sees(b, a, number), lambda: b.data(f"x.{a.key}"))
        check(f"{name}: the other's name is there", sees(a, b, 200), lambda: a.data(f"x.{b.key}"))
    seq = b.read(f"x.{a.key}")["seq"]
    check("nothing was signed later than a day from now", seq < (os.stat("/proc/self").st_ctime + 86400) * 1e6, seq)


def wrong_from_the_start(a, b):
    a.stop()
    a.step(until_1970())
    a.start()
    a.put(11)
    a.step(0)
    check("started in 1970, then set right: it goes out", sees(b, a, 11), lambda: b.data(f"x.{a.key}"))
    a.stop()
    a.step(10 * YEAR)
    a.start()
    a.put(12)
    check("started ten years ahead: nodes take it", eventually(30, a.published))
    check("readers do not", b.data(f"x.{a.key}") != ["192.0.0.12"])
    a.step(0)
    a.put(13)
    check("set right: the log says what became of it", eventually(30, lambda: a.says("while the clock stood far ahead")))
    for daemon in (a, b):
        daemon.sleep(WEEK + 3600)
    a.put(14)
    check("and once nodes have forgotten, the key is as good as before", sees(b, a, 14), lambda: b.data(f"x.{a.key}"))
    a.stop()
    a.start()
    a.put(15)
    check("after a restart too", sees(b, a, 15), lambda: b.data(f"x.{a.key}"))


def test():
    a, b = pair()
    b.put(200)
    jumps(a, b)
    wrong_from_the_start(a, b)
    check("both still run", a.child.poll() is None and b.child.poll() is None)


enter(300)
main(test)
