#!/usr/bin/env python3
"""A key leaves by .kadns/secret and comes back, to its owner alone; nothing of it stays in the node, a log
or a core; and one that follows another is followed by who has pinned the old one, as kadns-files(7) says."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from lab import T, Kadns, check, enter, eventually, main, run
from memory import children, in_files, in_memory, needles

ALICE, BOB = 1001, 1002


def shell(uid, command):
    """(status, what it prints): of bash, whose echo tells what write(2) refused."""
    p = subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "bash", "-c", command],
                       capture_output=True, text=True, check=False)
    return p.returncode, (p.stdout + p.stderr).strip()


def says(uid, command):
    return shell(uid, command)[1]


def test():
    enter(90)
    b = Kadns("b", "none", ("127.2.0.1", 4002))
    a = Kadns("a", "127.2.0.1:4002", ("127.1.0.1", 4001), log="debug")
    node, S = a.node(), f"{a.mount}/.kadns/secret"
    kadns = f"{sys.argv[1]}/fs/kadns"

    # ---- whose it is
    status, hers = shell(ALICE, f"cat {S}")
    seed = bytes.fromhex(hers)
    words = needles(seed)
    check("its owner reads it", status == 0 and len(seed) == 32, hers)
    check("it is that of her key", says(ALICE, f"{kadns} key <{S}") == says(ALICE, f"cat {a.mount}/.kadns/key"))
    check("another reads his own", (his := says(BOB, f"cat {S}")) != hers and len(his) == 64, his)
    check("it is shown as each one's own", says(ALICE, f"stat -c '%a %u %s' {S}") == f"600 {ALICE} 65",
          lambda: says(ALICE, f"stat -c '%a %u %s' {S}"))
    for flags in ("<", ">", ">>"):
        check(f"root may not ({flags})", "Permission denied" in says(0, f"exec 3{flags}{S}"))
    check("it sees that", says(0, f"stat -c %a {S}") == "0" and shell(0, f"test -r {S}")[0] != 0,
          lambda: says(0, f"stat -c %a {S}"))
    # Pages are cached for all who have the file.
    got = says(ALICE, f"""python3 -c '
import mmap, os
m = mmap.mmap(os.open("{S}", os.O_RDONLY), 65, mmap.MAP_PRIVATE, mmap.PROT_READ)
print(m[:])' || echo $?""")
    check("nobody maps it", hers not in got, got)
    check("in parts it is the same", says(ALICE, f"dd if={S} bs=7 status=none") == hers)

    # ---- where it is
    check("after that it is in the signer", in_memory(children(a.pid())["kadns-signer"], [seed]))
    check("not in the node", not in_memory(node, words))

    # ---- another one
    fresh = os.urandom(32)
    more = needles(fresh)
    text = fresh.hex()
    public = run(kadns, "key", input=text.encode(), capture_output=True).stdout.decode().strip()
    check("she has no records: another comes", shell(ALICE, f"printf %s {text} >{S}") == (0, ""))
    check("it is hers now", says(ALICE, f"cat {a.mount}/.kadns/key") == public)
    check("it is not in the node", not in_memory(node, words + more))
    check("what is no secret is refused", "Invalid argument" in says(ALICE, f"echo {public} >{S}"))
    check("so is one whose public key is another's",
          "Invalid argument" in says(ALICE, f"echo {text}{text} >{S}"))
    check("and nothing alone", shell(ALICE, f": >{S}") == (0, "") and says(ALICE, f"cat {S}") == text)
    check("her first one is kept", in_files(f"{a.state}/keys", [seed]) == [f"{ALICE}.old.0"],
          lambda: in_files(f"{a.state}/keys", [seed]))
    check("with its public key behind it, as pkarr's JavaScript has it", shell(
        ALICE, f"echo {hers}{z32_hex(says(ALICE, f'{kadns} key <<<{hers}'))} >{S}") == (0, ""))
    check("the first is hers again", says(ALICE, f"cat {S}") == hers)
    check("twice is once", shell(ALICE, f"echo {hers} >{S}") == (0, ""))

    # ---- one that has records
    old = says(ALICE, f"cat {a.mount}/.kadns/key")
    shell(ALICE, f"echo 192.0.2.7 >{a.mount}/IN/A/www.pinned.alt; echo 192.0.2.8 >{a.mount}/IN/A/own.{old}")
    status, said = shell(ALICE, f"echo {text} >{S}")
    check("she has records: they come first", status != 0 and "busy" in said, said)
    check("all is as before", says(ALICE, f"cat {S}") == hers)
    with open(f"{b.mount}/.kadns/pins", "w", encoding="ascii") as f:
        f.write(f"{old} pinned.alt strict\n")
    check("elsewhere her key is pinned", eventually(15, lambda: b.data("www.pinned.alt") == ["192.0.2.7"]),
          lambda: b.data("www.pinned.alt"))

    # ---- as kadns-files(7) has it
    status, said = shell(ALICE, f"""cd {a.mount}; set -e
        old=$(cat .kadns/key) new=$({kadns} key <<<{text})
        echo next=$new >IN/TXT/_kadns.$old
        for n in 1 2 3 4 5 6 7 8 9; do cat .kadns/wait/IN/TXT/_kadns.$old && break; done
        for n in 1 2 3 4 5 6 7 8 9; do cat .kadns/wait/IN/A/www.pinned.alt && break; done
        for n in 1 2 3 4 5 6 7 8 9; do echo {text} >.kadns/secret && break; sleep 1; done
        [ $(cat .kadns/key) = $new ] && echo $old >>.kadns/keep""")
    check("the old key names the new one, which takes its place", status == 0, said)
    check("it is hers", says(ALICE, f"cat {a.mount}/.kadns/key") == public)
    check("her plain names stand", '"192.0.2.7"' in says(ALICE, f"cat {a.mount}/IN/A/www.pinned.alt"))
    check("what was under the old key is read from its zone", '"key"' in says(ALICE, f"cat {a.mount}/IN/A/own.{old}"),
          lambda: says(ALICE, f"cat {a.mount}/IN/A/own.{old}"))
    check("and is not hers to write", "Permission denied" in says(ALICE, f"echo 192.0.2.9 >{a.mount}/IN/A/own.{old}"))
    check("she writes on", shell(ALICE, f"""cd {a.mount}; echo 192.0.2.10 >IN/A/www.pinned.alt
        for n in 1 2 3 4 5; do cat .kadns/wait/IN/A/www.pinned.alt && exit; done; exit 1""")[0] == 0)
    c = Kadns("c", "127.2.0.1:4002", ("127.3.0.1", 4003))
    with open(f"{c.mount}/.kadns/pins", "w", encoding="ascii") as f:
        f.write(f"{old} pinned.alt strict\n")
    check("who has pinned the old key reads from the new one", eventually(15, lambda: c.read("www.pinned.alt").get(
        "signer") == public and c.data("www.pinned.alt") == ["192.0.2.10"]), lambda: c.read("www.pinned.alt"))
    check("explain says so", "which another key has followed, reads www.pinned.alt." + public in
          c.text(".kadns/explain/IN/A/www.pinned.alt"), lambda: c.text(".kadns/explain/IN/A/www.pinned.alt"))

    # ---- what is left of it all
    check("of none of them anything is in the node", not in_memory(node, words + more + needles(bytes.fromhex(his))))
    for k in (c, b, a):
        k.stop()
    found = in_files(T, words + more)
    check("and no file but those of the keys", sorted(found) == [
        f"a.state/keys/{ALICE}", f"a.state/keys/{ALICE}.old.0", f"a.state/keys/{ALICE}.old.1"], found)

    # ---- root, where the administrator says so
    d = Kadns("d", "none", ("127.4.0.1", 4004), root_secrets="on")
    roots = says(0, f"cat {d.mount}/.kadns/secret")
    check("root reads its own by the option", len(roots) == 64, roots)
    check("and writes it", shell(0, f"echo {text} >{d.mount}/.kadns/secret") == (0, "")
          and says(0, f"cat {d.mount}/.kadns/secret") == text)
    d.stop()


def z32_hex(key):
    """A public key as hex."""
    n = 0
    for c in key:
        n = n << 5 | "ybndrfg8ejkmcpqxot1uwisza345h769".index(c)
    return (n >> 4).to_bytes(32, "big").hex()


main(test)
