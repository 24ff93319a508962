"""A thousand kill -9 under eight writers: lost records, and how long a restart takes.

  sudo /usr/bin/python3 tests/bench/kill.py BUILD     KILLS=1000; some eight minutes

To reach: 0 lost, 0 torn, each restart within 2 s."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../net"))
import kill  # noqa: E402
import lab  # noqa: E402

KILLS = int(os.environ.get("KILLS", "1000"))


def row(result):
    if result.kills % max(KILLS // 10, 1) == 0:
        print(f"{result.kills:7} {result.acknowledged:13} {result.lost:6} {result.slowest:14.3f}",
              flush=True)


def bench():
    print(f"{'kills':>7} {'acknowledged':>13} {'lost':>6} {'slowest start':>14}")
    result = kill.rounds(KILLS, row)
    print(f"ended with {result.ended}, integrity_check: {kill.integrity()}")
    if result.lost:
        lab.not_ok.append("lost records")


lab.enter(3600)
lab.main(bench)
