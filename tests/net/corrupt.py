"""A damaged state directory: kadns starts and serves nothing that was not written, or says one clear line and ends, and it never
crashes. test_corrupt.py damages some, tests/bench/corrupt.py two thousand.

The state that is damaged has records of two users, pins, a zone that is kept alive, others' items, a cache and keys; as it
is when kadns has ended, or as kill -9 has left it, with what has not been copied out of its logs yet."""
import os
import random
import shutil
import subprocess
import sys
import time

import lab

MOUNT, STATE, GOOD, CLEAN = f"{lab.T}/dns", f"{lab.T}/state", f"{lab.T}/good", f"{lab.T}/clean"
NAMES = 60


def start(state, mount, port, *more):
    os.makedirs(mount, exist_ok=True)
    return subprocess.Popen(
        [f"{sys.argv[1]}/fs/kadns", "-f", "-o",
         ",".join([f"port={port},bind=127.0.0.1,dns=off,upstream=none,state={state},allow_other", *more]), "none", mount],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "halt_on_error=1"})


def answers(daemon, mount):
    """True: it does; False: it has ended."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if daemon.poll() is not None:
            return False
        if os.path.exists(f"{mount}/.kadns/status"):
            return True
        time.sleep(0.005)
    raise RuntimeError("it neither answers nor ends")


def ended(daemon, mount):
    daemon.kill()
    daemon.wait()
    daemon.stderr.close()
    subprocess.run(["umount", "-l", mount], check=False, stderr=subprocess.DEVNULL)


def text_of(name, version):
    return f"v{version}-{name}-" + "abcdefgh" * 8


def put(file, text):
    with open(f"{MOUNT}/{file}", "w", encoding="ascii") as f:
        f.write(text + "\n")


def zero(mount, name):
    with open(f"{mount}/.kadns/status", encoding="ascii") as f:
        return any(line.split() == [name, "0"] for line in f)


def make_good():
    """Writes each record twice, the second time after the first has been copied into the database."""
    other = f"{lab.T}/other"
    neighbour = start(f"{lab.T}/other.state", other, 4002)
    assert answers(neighbour, other)
    with open(f"{other}/.kadns/key", encoding="ascii") as f:
        key = f.read().strip()
    with open(f"{other}/IN/A/www.{key}", "w", encoding="ascii") as f:
        f.write("192.0.2.1\n")
    for version in (1, 2):
        daemon = start(GOOD, MOUNT, 4001)
        assert answers(daemon, MOUNT)
        for i in range(NAMES):
            if version == 1 or i % 3 == 0:
                put(f"IN/TXT/n{i}.alt", text_of(f"n{i}", version))
        if version == 1:
            put(".kadns/nodes", "127.0.0.1 4002")
            assert lab.eventually(20, lambda: zero(other, "publish.queued") and zero(MOUNT, "publish.queued"))
            put(".kadns/pins", f"{key} example.com\n{key} as other")
            put(".kadns/keep", key)
            assert lab.eventually(20, lambda: "zone of" in open(f"{MOUNT}/.kadns/keep", encoding="ascii").read())
            daemon.terminate()
            daemon.wait()
            daemon.stderr.close()
            shutil.copytree(GOOD, CLEAN)
        else:
            ended(daemon, MOUNT)
    ended(neighbour, other)
    return key


def damage(path):
    """In one of the ways in which files are."""
    size = os.path.getsize(path)
    with open(path, "r+b") as f:
        way = random.randrange(6)
        where = random.randrange(max(1, size))
        if way == 0:
            for _ in range(random.randint(1, 8)):
                where = random.randrange(max(1, size))
                f.seek(where)
                byte = f.read(1) or b"\0"
                f.seek(where)
                f.write(bytes([byte[0] ^ 1 << random.randrange(8)]))
        elif way == 1:
            f.seek(where)
            f.write(os.urandom(random.randint(1, 64)))
        elif way == 2:
            f.seek(where // 512 * 512)
            f.write(bytes(random.choice((512, 4096))))
        elif way == 3:
            f.truncate(where)
        elif way == 4:
            f.seek(where // 4096 * 4096)
            page = f.read(4096)
            f.seek(random.randrange(max(1, size)) // 4096 * 4096)
            f.write(page)
        else:
            f.seek(0, 2)
            f.write(os.urandom(random.randint(1, 5000)))
    return f"{os.path.relpath(path, STATE)}: way {way} at {where} of {size}"


class Result:
    def __init__(self):
        self.made = self.refused = self.served = self.crashed = self.unclear = self.garbage = 0


def judge_files(key):
    """What is served that nobody has written."""
    wrong = []
    for i in range(NAMES):
        try:
            with open(f"{MOUNT}/IN/TXT/n{i}.alt", encoding="ascii") as f:
                text = f.read()
        except OSError:
            continue
        if not any(f'\\"{text_of(f"n{i}", v)}\\"' in text and f'"name":"n{i}.alt."' in text for v in (1, 2)):
            wrong.append(text)
    for file, good in (("pins", {f"{key} example.com", f"{key} as other"}), ("keep", {key})):
        with open(f"{MOUNT}/.kadns/{file}", encoding="ascii") as f:
            lines = {line.split(" #")[0].strip() for line in f if not line.startswith("#")}
        wrong += [line for line in lines if line not in good]
    return wrong


def one(key, result):
    shutil.rmtree(STATE, ignore_errors=True)
    shutil.copytree(random.choice((GOOD, CLEAN)), STATE)
    files = [os.path.join(d, n) for d, _, names in os.walk(STATE) for n in names if n != "lock"]
    did = [damage(random.choice(files)) for _ in range(random.choice((1, 1, 1, 2, 5)))]
    result.made += 1
    daemon = start(STATE, MOUNT, 4001)
    if answers(daemon, MOUNT):
        result.served += 1
        wrong = judge_files(key)
        if wrong:
            result.garbage += 1
            print(f"# garbage after {did}: {wrong[:3]}", flush=True)
        # It goes on, and can write.
        try:
            with open(f"{MOUNT}/IN/TXT/new.alt", "w", encoding="ascii") as f:
                f.write("new\n")
        except OSError:
            pass
        if daemon.poll() is None:
            ended(daemon, MOUNT)
            return
    said = daemon.stderr.read().decode("ascii", "replace")
    daemon.wait()
    daemon.stderr.close()
    subprocess.run(["umount", "-l", MOUNT], check=False, stderr=subprocess.DEVNULL)
    if daemon.returncode != 1 or "Sanitizer" in said or "runtime error" in said:
        result.crashed += 1
        print(f"# crashed ({daemon.returncode}) after {did}: {said[-3000:]}", flush=True)
    elif len([line for line in said.splitlines() if "error" in line or STATE in line]) != 1:
        result.unclear += 1
        print(f"# not one clear line after {did}: {said}", flush=True)
    else:
        result.refused += 1


def rounds(number, each=lambda result: None):
    key, result = make_good(), Result()
    for _ in range(number):
        one(key, result)
        each(result)
    return result
