#!/usr/bin/python3
"""A damaged state directory: see corrupt.py; tests/bench/corrupt.py damages it two thousand times.

usage: test_corrupt.py BUILD"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import corrupt  # noqa: E402
import lab  # noqa: E402


def test():
    result = corrupt.rounds(40)
    lab.check("forty damages, and no crash", result.made == 40 and result.crashed == 0, vars(result))
    lab.check("who refuses says so in one line", result.unclear == 0, vars(result))
    lab.check("who starts serves nothing that was not written", result.garbage == 0, vars(result))
    lab.check("some do the one, some the other", result.refused > 0 and result.served > 0, vars(result))


lab.enter(200)
lab.main(test)
