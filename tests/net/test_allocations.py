#!/usr/bin/python3
"""Some allocations of thirty things that users do are refused: see allocations.py.

usage: test_allocations.py BUILD"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import check, enter, main  # noqa: E402
from allocations import SCENARIOS, Allocations  # noqa: E402


def test():
    run = Allocations()
    run.all(3)
    check(f"{len(SCENARIOS)} scenarios", len(SCENARIOS) >= 30)
    check("memory was refused in most of them", run.refused >= 2 * len(SCENARIOS) // 3, run.refused)
    check("afterwards each works as before", run.bad == 0, run.bad)
    check("it ends as ever", run.end() == 0)


enter(300)
main(test)
