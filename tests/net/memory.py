"""Where a secret is: in the memory of a process, in files."""
import hashlib
import os
import re


def needles(seed):
    """The seed and what it is as good as: the secret scalar of RFC 8032, both as bytes and text."""
    scalar = bytearray(hashlib.sha512(seed).digest())
    scalar[0] &= 248
    scalar[31] = scalar[31] & 127 | 64
    raw = [seed, bytes(scalar[:32]), hashlib.sha512(seed).digest()[32:]]
    return raw + [r.hex().encode() for r in raw]


def memory(pid):
    with open(f"/proc/{pid}/maps", encoding="ascii") as f:
        areas = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) r.*?(\S*)$", f.read(), re.M)
    with open(f"/proc/{pid}/mem", "rb") as f:
        for begin, end, name in areas:
            # What a sanitizer keeps of all addresses is terabytes, and no bytes of ours.
            if name in ("[vvar]", "[vsyscall]", "[vvar_vclock]") or int(end, 16) - int(begin, 16) > 1 << 30:
                continue
            f.seek(int(begin, 16))
            try:
                yield f.read(int(end, 16) - int(begin, 16))
            except OSError:  # behind the end of a file
                pass


def in_memory(pid, words):
    return any(w in area for area in memory(pid) for w in words)


def in_files(top, words):
    found = []
    for folder, _, files in os.walk(top):
        for path in (os.path.join(folder, f) for f in files):
            with open(path, "rb") as f:
                content = f.read()
            if any(w in content for w in words):
                found.append(os.path.relpath(path, top))
    return found


def children(pid):
    """By name."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        pids = [int(p) for p in f.read().split()]
    return {open(f"/proc/{p}/comm", encoding="ascii").read().strip(): p for p in pids}
