"""type.py PREPARE KEYS WANTED COMMAND...: types at a terminal of COMMAND, an interactive shell. PREPARE is a
command line; when its end shows, KEYS are typed, and the terminal must show WANTED, a pattern. The shell is
ended then: what was typed has never been a command. Prints what the terminal showed."""
import os
import pty
import re
import select
import signal
import sys
import time

SECONDS = 10  # for a shell to do anything; it takes a tenth of one


def wait(terminal, wanted, shown):
    """The new text of the terminal, once `wanted` is in it, or as far as it came."""
    text, end = "", time.monotonic() + SECONDS
    while not re.search(wanted, text) and time.monotonic() < end:
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            text += os.read(terminal, 65536).decode(errors="replace")
        except OSError:  # the shell has gone
            break
    shown.append(text)
    return bool(re.search(wanted, text))


def main():
    prepare, keys, wanted, *command = sys.argv[1:]
    shown = []
    shell, terminal = pty.fork()
    if shell == 0:
        os.environ["TERM"] = "xterm"
        os.execvp(command[0], command)
    os.write(terminal, f"{prepare}; echo re''ady\n".encode())
    good = wait(terminal, "ready\r?\n", shown)
    os.write(terminal, keys.encode().decode("unicode_escape").encode())
    good = wait(terminal, wanted, shown) and good
    os.kill(shell, signal.SIGKILL)
    os.waitpid(shell, 0)
    print("".join(shown))
    sys.exit(0 if good else 1)


main()
