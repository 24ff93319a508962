"""Two hundred hostile publishers against a thousand ordinary names (facts: trust, P14): how many answers
of mount, DNS door and getaddrinfo are not those of DNS.

  sudo /usr/bin/python3 tests/bench/hijack.py BUILD     PUBLISHERS=200 NAMES=1000; some minutes

To reach: 0 with trust=guarded and trust=strict, and none of an unknown key's while DNS is stopped; with
trust=open all of them, so that the attack is real."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../net"))
import hijack  # noqa: E402
import lab  # noqa: E402

lab.enter(1800)
lab.main(lambda: hijack.Run(int(os.environ.get("PUBLISHERS", "200")), int(os.environ.get("NAMES", "1000"))).all())
