"""kill -9 of each process in turn, under load: what was lost, and for how long files and DNS did not answer.

  sudo /usr/bin/python3 tests/bench/kill_each.py BUILD     KILLS=100; a second each

To reach: 0 lost; of validator and signer nobody hears; after the node's death files answer within a second."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../net"))
import kill_each  # noqa: E402
import lab  # noqa: E402

KILLS = int(os.environ.get("KILLS", "100"))


class Rows:
    def __init__(self):
        self.of = {name: [] for name in kill_each.NAMES}

    def add(self, result):
        self.of[result.who].append(result)
        if not (result.replaced and result.works):
            lab.not_ok.append("no service")

    def show(self):
        print(f"{'killed':>10} {'times':>6} {'acknowledged':>13} {'lost':>5} {'write errors':>13}"
              f" {'reads failed':>13} {'median, longest s':>18} {'DNS: median, longest s':>23}")
        for name, results in self.of.items():
            if not results:
                continue
            gaps = [sorted(getattr(r, k).gap for r in results) for k in ("reads", "asks")]
            files, dns = (f"{g[len(g) // 2]:.3f} {g[-1]:.3f}" for g in gaps)
            lost = sum(r.lost for r in results)
            print(f"{name:>10} {len(results):6} {sum(r.acknowledged for r in results):13} {lost:5}"
                  f" {sum(bool(r.errors) for r in results):13} {sum(r.reads.failures > 0 for r in results):13} {files:>18} {dns:>23}")
            if lost:
                lab.not_ok.append("lost records")


def bench():
    rows = Rows()
    kill_each.rounds(KILLS, rows.add)
    rows.show()


lab.enter(60 + 20 * KILLS)
lab.main(bench)
