"""Each process of a daemon is killed under load: service comes back, and nobody loses what was acknowledged."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import kill_each  # noqa: E402
import lab  # noqa: E402


def judge(result):
    who = result.who
    lab.check(f"{who}: there is another", result.replaced)
    lab.check(f"{who}: files and DNS answer", result.works)
    lab.check(f"{who}: something was written under way", result.acknowledged > 20, result.acknowledged)
    lab.check(f"{who}: nothing acknowledged is lost", result.lost == 0, result.lost)
    if who in ("validator", "signer"):
        lab.check(f"{who}: the others live on", result.kept)
        lab.check(f"{who}: no writer hears of it", not result.errors, result.errors)
        lab.check(f"{who}: no reader", result.reads.failures == 0, result.reads.failures)
        lab.check(f"{who}: nobody who asks", result.asks.failures == 0, result.asks.failures)
    else:
        lab.check(f"{who}: who reads hears of it", result.reads.failures > 0)


lab.enter(150)
lab.main(lambda: kill_each.rounds(2 * len(kill_each.NAMES), judge))
