"""Two thousand damages of the state directory: see tests/net/corrupt.py.

  sudo /usr/bin/python3 tests/bench/corrupt.py BUILD     DAMAGES=2000; some minutes; BUILD with sanitizers

To reach: 0 crashed, 0 that end without one clear line ("unclear"), 0 that serve what nobody has written ("garbage")."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../net"))
import corrupt  # noqa: E402
import lab  # noqa: E402

DAMAGES = int(os.environ.get("DAMAGES", "2000"))
COLUMNS = "made", "served", "refused", "crashed", "unclear", "garbage"


def row(result):
    if result.made % max(DAMAGES // 10, 1) == 0:
        print("".join(f"{getattr(result, c):9}" for c in COLUMNS), flush=True)


def bench():
    print("".join(f"{c:>9}" for c in COLUMNS))
    result = corrupt.rounds(DAMAGES, row)
    if result.crashed or result.unclear or result.garbage:
        lab.not_ok.append("damages")


lab.enter(7200)
lab.main(bench)
