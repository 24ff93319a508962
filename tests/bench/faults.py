"""Five hundred faults of the disk: a full file system, EIO and ENOSPC of pwrite and fsync.

  sudo /usr/bin/python3 tests/bench/faults.py BUILD     FAULTS=500; some minutes

To reach: every writer hears of his ("silent" 0), 0 lost, 0 that a restart would have had to mend ("sick")."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../net"))
import faults  # noqa: E402
import lab  # noqa: E402

FAULTS = int(os.environ.get("FAULTS", "500"))


def row(result):
    if result.made % max(FAULTS // 10, 1) == 0:
        print(f"{result.made:7} {result.count:7} {result.silent:7} {result.lost:6} {result.sick:6}", flush=True)


def bench():
    print(f"{'faults':>7} {'writes':>7} {'silent':>7} {'lost':>6} {'sick':>6}")
    result = faults.Faults()
    result.rounds(FAULTS, row)
    result.end()
    print(f"after kill -9 and a restart: {result.lost} lost")
    if result.silent or result.lost or result.sick:
        lab.not_ok.append("faults")


lab.enter(3600)
lab.main(bench)
