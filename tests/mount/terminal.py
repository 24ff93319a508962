#!/usr/bin/env python3
"""terminal.py STATUS COMMAND...: a shell on a terminal of its own runs COMMAND, which asks for a name
that takes long. ^C when STATUS says that it waits; prints whether the prompt came before the answer."""
import os
import pty
import sys
import time


def waiting():
    with open(sys.argv[1], encoding="ascii") as f:
        return next(line.split()[1] for line in f if line.startswith("mount.waiting"))


def until(condition):
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def main():
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp("bash", ["bash", "-c", " ".join(sys.argv[2:]) + '; echo "status $?"'])
    if not until(lambda: waiting() == "1"):
        sys.exit("it does not wait")
    os.write(fd, b"\x03")
    if not until(lambda: waiting() == "0"):
        sys.exit("it waits on")
    text = b""
    try:
        while chunk := os.read(fd, 4096):
            text += chunk
    except OSError:
        pass  # the end of a terminal
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print("interrupted" if status in (-2, 130) or b"status 130" in text else text)


main()
