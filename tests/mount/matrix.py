#!/usr/bin/env python3
"""Every operation by every caller on every kind of object of a mount, against matrix.txt, which
states what each must say; and after each that nothing of another user's has changed.

    matrix.py MOUNT            prints `ok NAME` and `not ok NAME`
    matrix.py MOUNT --print    prints what is, in the form of the table

The mount is tests/mount/fake_kadns -u 900, run by root. Callers act in processes of their own, with
the system calls themselves. `bob` is the other user: he owns what callers must not touch."""
import ctypes
import errno
import fcntl
import itertools
import mmap
import os
import pickle
import socket
import stat
import struct
import sys

CALLERS = {"root": 0, "daemon": 900, "alice": 1001}
BOB = 1002
OUT = os.environ["TMPDIR"]  # of another file system
LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, AT_EMPTY_PATH, AT_EACCESS = -100, 0x1000, 0x200
NOREPLACE, EXCHANGE, WHITEOUT = 1, 2, 4
R, W, RW = os.O_RDONLY, os.O_WRONLY, os.O_RDWR
RECORD, OTHER = b"192.0.2.99\n", b"192.0.2.1\n"
SYS = {"x86_64": {"renameat2": 316, "statx": 332, "openat2": 437},
       "aarch64": {"renameat2": 276, "statx": 291, "openat2": 437}}[os.uname().machine]


def call(result):
    if result < 0:
        e = ctypes.get_errno()
        raise OSError(e, os.strerror(e))
    return result


def opened(path, flags, then=lambda fd: None):
    fd = os.open(path, flags | os.O_CLOEXEC, 0o666)
    try:
        return then(fd)
    finally:
        os.close(fd)


def mapped(fd, flags, protection):
    """Not by the module, which looks at sizes itself."""
    LIBC.mmap.restype = ctypes.c_void_p
    at = LIBC.mmap(None, ctypes.c_size_t(1), protection, flags, fd, ctypes.c_long(0))
    if at == ctypes.c_void_p(-1).value:
        call(-1)
    LIBC.munmap(ctypes.c_void_p(at), ctypes.c_size_t(1))


def renameat2(old, new, flags):
    call(LIBC.syscall(SYS["renameat2"], AT_FDCWD, os.fsencode(old),
                      AT_FDCWD, os.fsencode(new), flags))


def beside(path, name):
    return os.path.join(os.path.dirname(path), name)


class Ops:
    """One system call each, or the few that belong to it. `path` is the object, `new` a name beside
    it that is not there, `mine` a private file of the caller's that holds a record."""
    # pylint: disable=missing-function-docstring,unused-argument,too-many-public-methods
    def open_r(self, path, new, mine): opened(path, R)
    def open_w(self, path, new, mine): opened(path, W)
    def open_rw(self, path, new, mine): opened(path, RW)
    def open_r_trunc(self, path, new, mine): opened(path, R | os.O_TRUNC)
    def open_w_trunc(self, path, new, mine): opened(path, W | os.O_TRUNC)
    def open_w_append(self, path, new, mine): opened(path, W | os.O_APPEND)
    def open_creat(self, path, new, mine): opened(path, W | os.O_CREAT)
    def open_creat_r(self, path, new, mine): opened(path, R | os.O_CREAT)
    def open_excl(self, path, new, mine): opened(path, W | os.O_CREAT | os.O_EXCL)
    def open_direct(self, path, new, mine): opened(path, R | os.O_DIRECT)
    def open_path(self, path, new, mine): opened(path, os.O_PATH)
    def open_nofollow(self, path, new, mine): opened(path, R | os.O_NOFOLLOW)
    def open_noatime(self, path, new, mine): opened(path, R | os.O_NOATIME)
    def open_dir(self, path, new, mine): opened(path, R | os.O_DIRECTORY)
    def open_tmpfile(self, path, new, mine): opened(path, W | os.O_TMPFILE)
    def listdir(self, path, new, mine): os.listdir(path)
    def chdir(self, path, new, mine):
        os.chdir(path)
        os.chdir("/")
    def create_in(self, path, new, mine): opened(path + "/made", W | os.O_CREAT)
    def mkdir_in(self, path, new, mine): os.mkdir(path + "/made")

    def read(self, path, new, mine): opened(path, R, lambda fd: os.read(fd, 4096))
    def pread_big(self, path, new, mine): opened(path, R, lambda fd: os.pread(fd, 9, 1 << 40))
    def write(self, path, new, mine): opened(path, W, lambda fd: os.write(fd, RECORD))
    def write_trunc(self, path, new, mine):
        opened(path, W | os.O_TRUNC, lambda fd: os.write(fd, RECORD))
    def write_append(self, path, new, mine):
        opened(path, W | os.O_APPEND, lambda fd: os.write(fd, RECORD))
    def write_rw(self, path, new, mine):
        opened(path, RW, lambda fd: (os.read(fd, 4096), os.pwrite(fd, RECORD, 0)))
    def write_creat(self, path, new, mine):
        opened(path, W | os.O_CREAT, lambda fd: os.write(fd, RECORD))
    def write_by_r(self, path, new, mine): opened(path, R, lambda fd: os.write(fd, RECORD))
    def read_by_w(self, path, new, mine): opened(path, W, lambda fd: os.read(fd, 10))
    def write_fsync(self, path, new, mine):
        opened(path, W, lambda fd: (os.write(fd, RECORD), os.fsync(fd)))
    def fsync_r(self, path, new, mine): opened(path, R, os.fsync)
    def writev(self, path, new, mine):
        opened(path, W, lambda fd: os.writev(fd, [RECORD[:4], RECORD[4:]]))
    def reopen_w(self, path, new, mine):
        """What O_PATH gave, opened anew by /proc."""
        opened(path, os.O_PATH, lambda fd: opened(f"/proc/self/fd/{fd}", W))
    def reopen_r_as_w(self, path, new, mine):
        opened(path, R, lambda fd: opened(f"/proc/self/fd/{fd}", W,
                                                    lambda w: os.write(w, RECORD)))

    def truncate_0(self, path, new, mine): os.truncate(path, 0)
    def truncate_5(self, path, new, mine): os.truncate(path, 5)
    def ftruncate_w(self, path, new, mine): opened(path, W, lambda fd: os.ftruncate(fd, 0))
    def ftruncate_r(self, path, new, mine): opened(path, R, lambda fd: os.ftruncate(fd, 0))
    def fallocate(self, path, new, mine):
        opened(path, W, lambda fd: call(LIBC.fallocate(fd, 0, ctypes.c_long(0),
                                                                 ctypes.c_long(99))))
    def punch_hole(self, path, new, mine):
        opened(path, W, lambda fd: call(LIBC.fallocate(fd, 3, ctypes.c_long(0),
                                                                 ctypes.c_long(99))))

    def unlink(self, path, new, mine): os.unlink(path)
    def rmdir(self, path, new, mine): os.rmdir(path)
    def rename_away(self, path, new, mine): os.rename(path, new)
    def rename_private(self, path, new, mine): os.rename(path, beside(path, "taken"))
    def rename_onto(self, path, new, mine): os.rename(mine, path)
    def rename_noreplace(self, path, new, mine): renameat2(mine, path, NOREPLACE)
    def rename_noreplace_away(self, path, new, mine): renameat2(path, new, NOREPLACE)
    def rename_exchange(self, path, new, mine): renameat2(mine, path, EXCHANGE)
    def rename_exchange_away(self, path, new, mine): renameat2(path, mine, EXCHANGE)
    def rename_whiteout(self, path, new, mine): renameat2(path, new, WHITEOUT)
    def rename_out(self, path, new, mine): os.rename(path, OUT + "/matrix-out")
    def rename_type(self, path, new, mine):
        os.rename(path, new.replace("/IN/A/", "/IN/TXT/"))
    def link_from(self, path, new, mine): os.link(path, new)
    def link_onto(self, path, new, mine): os.link(mine, path)
    def link_out(self, path, new, mine): os.link(path, OUT + "/matrix-link")
    def link_by_fd(self, path, new, mine):
        opened(path, os.O_PATH, lambda fd: call(LIBC.linkat(
            AT_FDCWD, f"/proc/self/fd/{fd}".encode(), AT_FDCWD, os.fsencode(new), 0x400)))
    def symlink(self, path, new, mine): os.symlink("/etc/passwd", path)
    def readlink(self, path, new, mine): os.readlink(path)
    def mkdir(self, path, new, mine): os.mkdir(path)
    def mknod_file(self, path, new, mine): os.mknod(path, stat.S_IFREG | 0o644)
    def mknod_fifo(self, path, new, mine): os.mknod(path, stat.S_IFIFO | 0o644)
    def mknod_null(self, path, new, mine): os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    def bind_socket(self, path, new, mine):
        with socket.socket(socket.AF_UNIX) as s:  # sun_path is short: by a descriptor
            opened(os.path.dirname(path), R, lambda fd: s.bind(
                f"/proc/self/fd/{fd}/{os.path.basename(path)[:50]}"))

    def chmod(self, path, new, mine): os.chmod(path, 0o777)
    def chmod_setuid(self, path, new, mine): os.chmod(path, 0o6755)
    def fchmod(self, path, new, mine): opened(path, R, lambda fd: os.fchmod(fd, 0o666))
    def chown_self(self, path, new, mine): os.chown(path, os.getuid(), -1)
    def chown_bob(self, path, new, mine): os.chown(path, BOB, -1)
    def chgrp(self, path, new, mine): os.chown(path, -1, os.getgid())
    def chgrp_bob(self, path, new, mine): os.chown(path, -1, BOB)
    def utime_now(self, path, new, mine): os.utime(path)
    def utime_set(self, path, new, mine): os.utime(path, (1, 1))

    def stat(self, path, new, mine): os.stat(path)
    def statx(self, path, new, mine):
        call(LIBC.syscall(SYS["statx"], AT_FDCWD, os.fsencode(path), 0, 0xfff,
                          ctypes.create_string_buffer(256)))
    def statvfs(self, path, new, mine): os.statvfs(path)
    def access_r(self, path, new, mine): self._access(path, os.R_OK)
    def access_w(self, path, new, mine): self._access(path, os.W_OK)
    def access_x(self, path, new, mine): self._access(path, os.X_OK)
    @staticmethod
    def _access(path, mask):
        call(LIBC.faccessat(AT_FDCWD, os.fsencode(path), mask, AT_EACCESS))

    def setxattr(self, path, new, mine): os.setxattr(path, "user.x", b"1")
    def setxattr_acl(self, path, new, mine):
        os.setxattr(path, "system.posix_acl_access",
                    struct.pack("<IHHI", 2, 1, 6, 0xffffffff))
    def setxattr_caps(self, path, new, mine):
        os.setxattr(path, "security.capability", struct.pack("<5I", 0x02000001, 1, 0, 0, 0))
    def setxattr_trusted(self, path, new, mine): os.setxattr(path, "trusted.x", b"1")
    def removexattr(self, path, new, mine): os.removexattr(path, "user.x")

    def execve(self, path, new, mine):
        pid = os.fork()
        if pid == 0:
            try:
                os.execv(path, ["x"])
            except OSError as e:
                os._exit(e.errno)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status:
            raise OSError(status, "")
    def mmap_private(self, path, new, mine):
        opened(path, R, lambda fd: mapped(fd, mmap.MAP_PRIVATE, mmap.PROT_READ))
    def mmap_exec(self, path, new, mine):
        opened(path, R, lambda fd: mapped(
            fd, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC))
    def mmap_shared_w(self, path, new, mine):
        opened(path, RW, lambda fd: mapped(fd, mmap.MAP_SHARED, mmap.PROT_WRITE))
    def copy_into(self, path, new, mine):
        opened(mine, R, lambda source: opened(
            path, W, lambda fd: os.copy_file_range(source, fd, 4096)))
    def sendfile_into(self, path, new, mine):
        opened(mine, R, lambda source: opened(
            path, W, lambda fd: os.sendfile(fd, source, 0, 4096)))
    def sendfile_from(self, path, new, mine):
        out = os.memfd_create("x")
        try:
            opened(path, R, lambda fd: os.sendfile(out, fd, 0, 4096))
        finally:
            os.close(out)
    def splice_into(self, path, new, mine):
        r, w = os.pipe()
        try:
            os.write(w, RECORD)
            opened(path, W, lambda fd: os.splice(r, fd, 4096))
        finally:
            os.close(r)
            os.close(w)
    def reflink(self, path, new, mine):
        opened(mine, R, lambda source: opened(
            path, W, lambda fd: fcntl.ioctl(fd, 0x40049409, source)))
    def ioctl_flags(self, path, new, mine):
        opened(path, R, lambda fd: fcntl.ioctl(fd, 0x40086602, struct.pack("l", 0x10)))
    def ioctl_odd(self, path, new, mine):
        opened(path, R, lambda fd: fcntl.ioctl(fd, 0x4b4b, b"12345678"))
    def flock(self, path, new, mine): opened(path, R, lambda fd: fcntl.flock(fd, fcntl.LOCK_EX))
    def lock_w(self, path, new, mine): opened(path, W, lambda fd: fcntl.lockf(fd, fcntl.LOCK_EX))
    def lock_ofd(self, path, new, mine):
        opened(path, R, lambda fd: fcntl.fcntl(fd, 37, struct.pack("hhqqi", 0, 0, 0, 0, 0)))
    def lease(self, path, new, mine):
        opened(path, R, lambda fd: fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK))
    def inotify(self, path, new, mine):
        fd = call(LIBC.inotify_init1(os.O_CLOEXEC))
        try:
            call(LIBC.inotify_add_watch(fd, os.fsencode(path), 0xfff))
        finally:
            os.close(fd)
    def handle(self, path, new, mine):
        """A handle of the file, which outlives permissions, and back."""
        text = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128))
        where = ctypes.c_int()
        call(LIBC.name_to_handle_at(AT_FDCWD, os.fsencode(path), text, ctypes.byref(where), 0))
        at = os.open(os.path.dirname(path), R)
        try:
            os.close(call(LIBC.open_by_handle_at(at, text, W)))
        finally:
            os.close(at)
    def swapon(self, path, new, mine): call(LIBC.swapon(os.fsencode(path), 0))
    def mount_over(self, path, new, mine):
        call(LIBC.mount(b"none", os.fsencode(path), b"tmpfs", 0, None))
        call(LIBC.umount2(os.fsencode(path), 2))
    def chroot(self, path, new, mine):
        pid = os.fork()
        if pid == 0:
            try:
                os.chroot(path)
                os._exit(0)
            except OSError as e:
                os._exit(e.errno)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status:
            raise OSError(status, "")

    # What the driver needs beside: not rows of the table.
    def _put(self, path, text):
        opened(path, W | os.O_CREAT | os.O_TRUNC, lambda fd: os.write(fd, text))
    def _text(self, path):
        return opened(path, R, lambda fd: os.read(fd, 65536))
    def _see(self, path):
        """What a user sees of a path: attributes that have a meaning, and what is in it."""
        try:
            s = os.lstat(path)
            if stat.S_ISDIR(s.st_mode):
                names = sorted(n for n in os.listdir(path) if not n.startswith("x-"))
                return s.st_mode, s.st_uid, names
            return s.st_mode, s.st_uid, s.st_size, self._text(path)
        except OSError as e:
            return errno.errorcode[e.errno]
    def _hold(self, path, flags, text):
        """Until _let_go: a file that is open while others act."""
        self.held = os.open(path, flags | os.O_CLOEXEC)
        if text:
            os.write(self.held, text)
    def _let_go(self):
        try:
            os.close(self.held)
        except OSError:
            pass  # what he wrote is no record
    def _drop(self, *paths):
        for p in paths:
            try:
                os.unlink(p)
            except OSError:
                pass


# What each that succeeds does to a record; all others leave its text as it is.
WRITES = ("write write_trunc write_append write_rw write_creat write_fsync writev reopen_r_as_w "
          "rename_onto copy_into sendfile_into splice_into").split()
REMOVES = "unlink rename_away rename_private".split()
OPS = [name for name in vars(Ops) if not name.startswith("_")]


# What bob has open while the caller acts: how, and what he has written so far.
HELD = {"foreign_open": (R, b""), "foreign_draft": (W | os.O_CREAT, b'{"data":[')}


class Caller:
    """A process with the credentials of a user."""
    def __init__(self, uid):
        here, there = socket.socketpair()
        self.uid = uid
        if os.fork() == 0:
            here.close()
            self._serve(uid, there)
        there.close()
        self._socket = here.makefile("rwb")

    @staticmethod
    def _serve(uid, there):
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        os.umask(0)
        ops, stream = Ops(), there.makefile("rwb")
        while True:
            try:
                name, args = pickle.load(stream)
            except EOFError:
                os._exit(0)
            try:
                reply = "ok", getattr(ops, name)(*args)
            except OSError as e:
                reply = errno.errorcode.get(e.errno, str(e.errno)), None
            pickle.dump(reply, stream)
            stream.flush()

    def does(self, name, *args):
        pickle.dump((name, args), self._socket)
        self._socket.flush()
        return pickle.load(self._socket)

    def result(self, name, *args):
        return self.does(name, *args)[0]

    def value(self, name, *args):
        return self.does(name, *args)[1]


class World:
    """The objects: each is made anew for each cell, so that no cell sees what another left."""
    def __init__(self, mount):
        self.mount, self.dir = mount, f"{mount}/IN/A"
        self.callers = {name: Caller(uid) for name, uid in CALLERS.items()}
        self.bob = Caller(BOB)
        self.n = 0

    def key(self, caller):
        return caller.value("_text", f"{self.mount}/.kadns/key").decode().strip()

    def counters(self):
        text = self.callers["root"].value("_text", f"{self.mount}/.kadns/status").decode()
        return [line for line in text.splitlines() if line.startswith(("sets ", "removes "))]

    def make(self, kind, caller):
        """The path."""
        self.n += 1
        places = {
            "own": f"{self.dir}/own{self.n}.alt",
            "foreign": f"{self.dir}/foreign{self.n}.alt",
            "foreign_open": f"{self.dir}/open{self.n}.alt",
            "foreign_draft": f"{self.dir}/draft{self.n}.alt",
            "under_own_key": f"{self.dir}/n{self.n}.{self.key(caller)}",
            "under_others_key": f"{self.dir}/n{self.n}.{self.key(self.bob)}",
            "new_under_others_key": f"{self.dir}/new{self.n}.{self.key(self.bob)}",
            "roots": f"{self.dir}/roots{self.n}.alt",
            "answer": f"{self.dir}/h{self.n}.example.com",
            "unasked": f"{self.dir}/u{self.n}.example.com",
            "nothing": f"{self.dir}/nothing{self.n}.alt",
            "own_private": f"{self.dir}/private{self.n}",
            "others_private": f"{self.dir}/others{self.n}",
            "other_class": f"{self.mount}/CH/TXT/version{self.n}.bind",
            "signature": f"{self.mount}/IN/RRSIG/sig{self.n}.alt",
            "status": f"{self.mount}/.kadns/status",
            "nodes": f"{self.mount}/.kadns/nodes",
            "key": f"{self.mount}/.kadns/key",
            "pins": f"{self.mount}/.kadns/pins",
            "new_in_control": f"{self.mount}/.kadns/new{self.n}",
            "control": f"{self.mount}/.kadns",
            "explain": f"{self.mount}/.kadns/explain/IN/A/h{self.n}.example.com",
            "explain_dir": f"{self.mount}/.kadns/explain/IN/A",
            "type": self.dir,
            "class": f"{self.mount}/IN",
            "top": self.mount,
        }
        path = places[kind]
        maker = {"own": caller, "under_own_key": caller, "own_private": caller,
                 "foreign": self.bob, "foreign_open": self.bob, "under_others_key": self.bob, "others_private": self.bob,
                 "roots": self.callers["root"]}.get(kind)
        if maker:
            assert maker.result("_put", path, OTHER) == "ok", (kind, path)
        if kind in HELD:
            assert self.bob.result("_hold", path, *HELD[kind]) == "ok", path
        if kind == "answer":
            assert self.bob.result("_text", path) == "ok"
        return path

    def views(self, path, kind):
        """What others see. Of what nobody has asked for, nobody may have looked."""
        looks = kind not in ("own", "under_own_key", "own_private", "status", "nodes", "unasked",
                             "nothing", "foreign_draft", "new_under_others_key", "other_class", "signature",
                             "explain")
        return (self.bob.value("_see", path) if looks else None,
                self.bob.value("_see", f"{self.mount}/.kadns/key"), self.counters())

    @staticmethod
    def effect(op, got, before, after):
        if got == "ok" and op in WRITES:
            done = RECORD.strip() in after[3]
        elif got == "ok" and op in REMOVES:
            done = after == "ENOENT"
        else:
            done = after == before
        return [] if done else [f"it was {before}, is {after}"]

    def cell(self, op, kind, name):
        """What the caller heard, and what must not be: complaints."""
        caller, wrong = self.callers[name], []
        path = self.make(kind, caller)
        new, mine = f"{self.dir}/new{self.n}.alt", f"{self.dir}/x-{self.n}"
        assert caller.result("_put", mine, RECORD) == "ok"
        views = self.views(path, kind)
        before = caller.value("_see", path) if kind in ("own", "under_own_key", "answer") else None
        got = caller.result(op, path, new, mine)
        if before:
            wrong += self.effect(op, got, before, caller.value("_see", path))
        if views[0] and not (got == "ok" and name == "root"):  # root's records answer for all
            now = self.bob.value("_see", path)
            if now != views[0]:
                wrong.append(f"bob sees {now}, saw {views[0]}")
        if self.bob.value("_see", f"{self.mount}/.kadns/key") != views[1]:
            wrong.append("bob's key changed")
        if got != "ok" and self.counters() != views[2]:
            wrong.append(f"refused, but {self.counters()}, was {views[2]}")
        mode = caller.value("_see", path)
        if isinstance(mode, tuple) and (mode[0] & 0o6000 or
                                        stat.S_ISREG(mode[0]) and mode[0] & 0o111):
            wrong.append(f"mode {mode[0]:o}")
        if kind in HELD:
            self.bob.value("_let_go")
        if kind in ("foreign", "foreign_open", "under_others_key", "others_private"):
            self.bob.value("_drop", path)
        elif kind == "roots":
            self.callers["root"].value("_drop", path)
        caller.value("_drop", path, new, mine, f"{self.dir}/taken", f"{self.dir}/made")
        return got, wrong


KINDS = ("own foreign foreign_open foreign_draft under_own_key under_others_key "
         "new_under_others_key roots answer unasked nothing own_private others_private other_class "
         "signature status nodes key pins new_in_control control explain explain_dir type class "
         "top").split()


def applies(kind, name):
    return not (kind == "roots" and name == "root")  # that is his own


def read_table(path):
    """{(kind, caller, op): result}. What several kinds have in common is below `KIND KIND:`. A line is `RESULT: OP...`, or, for some, `RESULT CALLER...:
    OP...`."""
    general, special, kinds = {}, {}, []
    with open(path, encoding="ascii") as f:
        for line in f:
            line = line.split("#")[0].rstrip()
            if not line:
                continue
            if not line[0].isspace():
                kinds = line.rstrip(":").split()
                assert set(kinds) <= set(KINDS), line
                continue
            head, ops = line.split(":")
            result, *names = head.split()
            for op, kind in itertools.product(ops.split(), kinds):
                assert op in OPS, op
                for name in names or [None]:
                    place, at = (special, (kind, name, op)) if name else (general, (kind, op))
                    assert at not in place, f"stated twice: {at}"
                    place[at] = result
    return {(kind, name, op): special.get((kind, name, op), general.get((kind, op)))
            for kind in KINDS for name in CALLERS for op in OPS if applies(kind, name)}


def print_table(world):
    for kind in KINDS:
        print(f"{kind}:")
        rows = {}
        for op in OPS:
            heard = {name: world.cell(op, kind, name) for name in CALLERS if applies(kind, name)}
            for name, (_, wrong) in heard.items():
                if wrong:
                    print(f"\t# {op} by {name}: {wrong}")
            results = [h[0] for h in heard.values()]
            common = max(set(results), key=results.count)
            rows.setdefault(common, []).append(op)
            for other in set(results) - {common}:
                names = " ".join(n for n in heard if heard[n][0] == other)
                rows.setdefault(f"{other} {names}", []).append(op)
        for head, ops in rows.items():
            line = f"\t{head}:"
            for op in ops:
                if len(line) + len(op) > 95:
                    print(line)
                    line = f"\t{head}:"
                line += " " + op
            print(line)
        sys.stdout.flush()


def check_table(world, table):
    for kind in KINDS:
        for name in CALLERS:
            if not applies(kind, name):
                continue
            bad = []
            for op in OPS:
                want = table[kind, name, op]
                got, wrong = world.cell(op, kind, name)
                if got != want:
                    wrong.append(f"{got}, not {want}")
                bad += [f"{op}: {w}" for w in wrong]
            for line in bad:
                print("  |", line)
            print("not ok" if bad else "ok", f"{name} on {kind}: {len(OPS)} operations")
            sys.stdout.flush()


def main():
    world = World(sys.argv[1])
    if "--print" in sys.argv:
        print_table(world)
        return
    table = read_table(os.path.join(os.path.dirname(os.path.abspath(__file__)), "matrix.txt"))
    missing = [at for at, want in table.items() if want is None]
    print("not ok" if missing else "ok", "the table states every cell", *missing[:5])
    check_table(world, table)


main()
