"""No acknowledged record is lost by kill -9, and none comes back that was removed."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import kill  # noqa: E402
import lab  # noqa: E402

KILLS = 12


def test():
    result = kill.rounds(KILLS)
    lab.check("there was something to lose", result.acknowledged > 20 * KILLS, result.acknowledged)
    lab.check("nothing acknowledged is lost by kill -9", result.lost == 0, result.lost)
    lab.check("no restart asks for a repair", result.kills == KILLS, result.kills)
    lab.check("it ends well", result.ended == 0, result.ended)
    lab.check("the file is whole", kill.integrity() == "ok", kill.integrity)


lab.enter(120)
lab.main(test)
