"""Two hundred steps of the clock: up to ten years ahead and back, 1970, 2038; a write after each, a restart after every tenth.

  sudo /usr/bin/python3 tests/bench/clock.py BUILD     STEPS=200 SEED=1; some minutes

To reach: every write is accepted and read where it was written, and once the clock is right the other daemon has the last
("lost" 0); neither program ends. What is signed after a start ten years ahead has to be forgotten by nodes first."""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../net"))
import lab  # noqa: E402
from clock import YEAR, pair, sees, until_1970, until_2038  # noqa: E402

STEPS = int(os.environ.get("STEPS", "200"))
SEED = int(os.environ.get("SEED", "1"))
FORGOTTEN = 7 * 86400 + 3600


def any_step(rng):
    return rng.choice([0, 10 * YEAR, -10 * YEAR, until_1970(), until_2038(), rng.randrange(-10 * YEAR, 10 * YEAR)])


def bench():
    rng = random.Random(SEED)
    a, b = pair()
    lost = refused = slept = restarts = 0
    print(f"seed {SEED}\n{'steps':>6} {'restarts':>9} {'refused':>8} {'lost':>5}")
    for number in range(1, STEPS + 1):
        step = any_step(rng)
        a.step(step)
        if number % 10 == 0:
            a.stop()
            a.start()
            restarts += 1
        try:
            a.put(number)
        except OSError as e:
            print(f"# {step}: {e}", flush=True)
            refused += 1
        lost += not sees(a, a, number)
        if number % 10 == 5 or number == STEPS:
            a.step(0)
            a.put(number)
            if number > 10:
                slept += FORGOTTEN
                a.sleep(slept)
                b.sleep(slept)
                a.put(number)
            lost += not sees(b, a, number)
        if a.child.poll() is not None or b.child.poll() is not None:
            lab.not_ok.append("it has ended")
            break
        if number % max(STEPS // 10, 1) == 0:
            print(f"{number:6} {restarts:9} {refused:8} {lost:5}", flush=True)
    if lost or refused:
        lab.not_ok.append("clock")


lab.enter(3600)
lab.main(bench)
