"""Ten thousand images of the disk, as power cuts would leave it: see tests/net/power.py.

  sudo /usr/bin/python3 tests/bench/power.py BUILD     IMAGES=10000 EVERY=100; some minutes

Ten courses of events, 3,200 writes each; kadns is started on each EVERY-th image. "copied" are the writes to own.db itself, which its
log is copied into now and then.
To reach: 0 broken, 0 lost."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../net"))
import lab  # noqa: E402
import power  # noqa: E402

IMAGES, EVERY = (int(os.environ.get(name, default)) for name, default in (("IMAGES", "10000"), ("EVERY", "100")))
ROUNDS = 10


def bench():
    print(f"{'images':>7} {'of events':>10} {'started':>8} {'broken':>7} {'lost':>6} {'copied':>7}")
    total = power.Result()
    for _ in range(ROUNDS):
        shutil.rmtree(power.STATE, ignore_errors=True)
        power.record(800)
        result = power.images(IMAGES // ROUNDS, EVERY)
        for name, value in vars(result).items():
            setattr(total, name, getattr(total, name) + value)
        print(f"{total.images:7} {len(power.entries()):10} {total.started:8} {total.broken:7} {total.lost:6} "
              f"{power.copied():7}", flush=True)
    if total.broken or total.lost:
        lab.not_ok.append("power loss")


lab.enter(7200)
lab.main(bench)
