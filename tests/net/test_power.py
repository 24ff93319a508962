#!/usr/bin/python3
"""No acknowledged record is lost by power loss: see power.py; tests/bench/power.py makes ten thousand images.

usage: test_power.py BUILD"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import power  # noqa: E402


def test():
    power.record(60)
    result = power.images(100, 20)
    lab.check("a hundred images, and kadns starts on those that it is started on", result.started == 5, result.started)
    lab.check("each is whole", result.broken == 0, result.broken)
    lab.check("and nothing that was acknowledged is lost", result.lost == 0, result.lost)
    # And that can be seen: a disk that syncs nothing loses.
    lab.check("of a disk that lies it would be", power.images(10, 0, lies=True).lost > 0)


lab.enter(120)
lab.main(test)
