"""Each allocation of thirty things that users do is refused once.

  sudo /usr/bin/python3 tests/bench/allocations.py BUILD     CAP=0 (so many of a scenario at most; 0: all); some minutes

To reach: 0 after which anything is not as before."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../net"))
import lab  # noqa: E402
from allocations import Allocations  # noqa: E402


def row(name, run):
    print(f"{name:>14} {run.refused:8} {run.failed:7} {run.bad:4}", flush=True)


def bench():
    run = Allocations()
    print(f"{'scenario':>14} {'refused':>8} {'failed':>7} {'bad':>4}   (sums)")
    run.all(int(os.environ.get("CAP", "0")), row)
    if run.bad or run.end() != 0:
        lab.not_ok.append("allocations")


lab.enter(3600)
lab.main(bench)
