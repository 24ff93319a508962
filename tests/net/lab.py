"""What the Python scripts of tests/net share: a place of one's own, hosts in it, the daemon, and
KRPC by hand. The counterpart of tests/lib.sh.

A script calls enter() first: it runs again in new mount, network and process namespaces, with a
tmpfs as T, and when it ends, however it ends, the kernel ends every process and mount in there."""
import hashlib
import ipaddress
import itertools
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import traceback

INSIDE = "KADNS_TEST_INSIDE"
T = "/mnt"
not_ok = []


def enter(seconds):
    """The alarm outlives exec: it ends unshare, and that everything in there; a handler of
    Python's would wait for a library that hangs."""
    if INSIDE not in os.environ:
        if os.geteuid() != 0 or len(sys.argv) != 2:
            sys.exit(f"not ok {sys.argv[0]} needs root and BUILD")
        os.environ[INSIDE] = "1"
        signal.alarm(seconds)
        os.execvp("unshare", [
            "unshare", "-mnpf", "--mount-proc", "--propagation", "private", "--kill-child=KILL",
            "--", sys.executable, "-B", "-W", "ignore::DeprecationWarning", sys.argv[0],
            os.path.realpath(sys.argv[1])])
    run("ip", "link", "set", "lo", "up")
    run("mount", "-t", "tmpfs", "-o", "mode=0755", "none", T)
    run("mount", "-t", "tmpfs", "none", "/run")
    os.environ["HOME"] = os.environ["TMPDIR"] = T


def main(test):
    """Not exit() at the end: destructors of libraries wait for their threads. As process 1 of our
    namespace, our end is that of every daemon and mount."""
    try:
        test()
    except BaseException:  # pylint: disable=broad-except
        traceback.print_exc(file=sys.stdout)
        print("not ok it ended with an exception", flush=True)
        not_ok.append("an exception")
    sys.stdout.flush()
    os._exit(1 if not_ok else 0)


def run(*command, **more):
    return subprocess.run(command, **{"check": True, **more})


def check(name, good, got=""):
    print("ok" if good else "not ok", name, flush=True)
    if not good:
        print("  | got:", got() if callable(got) else got, flush=True)
        not_ok.append(name)
    return good


def slowness():
    """So many times slower than where the limits of CPU time were set is a processor now, but 1 at least: by a hash that took 8 ms."""
    took = []
    for _ in range(5):
        begin = time.thread_time()
        hashlib.sha512(bytes(4 << 20)).digest()
        took.append(time.thread_time() - begin)
    return max(1, sorted(took)[2] / 0.008)


def over(pid):
    """Has it ended? It may still be a zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def eventually(seconds, condition):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


# ---- hosts

class Host:
    """A network namespace: its own addresses and routes, one cable to a bridge. Commands run in it
    keep our mount namespace, so that a mount made there is seen here."""

    def __init__(self, name, bridge, *addresses):
        self.name = name
        self.addresses = [a.split("/")[0] for a in addresses]
        run("ip", "netns", "add", name)
        run("ip", "link", "add", f"v-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "link", "set", f"v-{name}", "master", bridge, "up")
        self.run("ip", "link", "set", "lo", "up")
        for address in addresses:
            flags = ["nodad"] if ":" in address else []
            self.run("ip", "address", "add", address, "dev", "eth0", *flags)
        self.run("ip", "link", "set", "eth0", "up")

    def inside(self, *command):
        return ["nsenter", f"--net=/run/netns/{self.name}", "--", *command]

    def run(self, *command, **more):
        return run(*self.inside(*command), **more)

    def start(self, *command, log=subprocess.DEVNULL):
        return subprocess.Popen(self.inside(*command), stdin=subprocess.DEVNULL, stdout=log,
                                stderr=subprocess.STDOUT)


def bridge(name):
    run("ip", "link", "add", name, "type", "bridge")
    run("ip", "link", "set", name, "up")


# ---- the daemon

class Kadns:
    """A daemon with its mount at T/NAME. `options` may override those made here; `host` says
    where it runs, else here."""

    def __init__(self, name, source, endpoint, door=None, host=None, **options):
        self.mount, self.door, self.endpoint, self.host = f"{T}/{name}", door, endpoint, host
        self.state = f"{T}/{name}.state"
        os.makedirs(self.mount, exist_ok=True)
        settings = {"bind": endpoint[0], "port": endpoint[1], "state": self.state,
                    "dns": f"127.0.0.1:{door}" if door else "off", "upstream": "none", **options}
        self._command = [f"{sys.argv[1]}/fs/kadns", "-o",
                         ",".join(f"{k}={v}" for k, v in settings.items()), source, self.mount]
        self.start()

    def start(self):
        run(*(self.host.inside(*self._command) if self.host else self._command))

    def text(self, path):
        with open(f"{self.mount}/{path}", encoding="ascii") as f:
            return f.read()

    def read(self, name):
        """What the file says; the error's name when it cannot be read."""
        try:
            return json.loads(self.text(f"IN/A/{name}"))
        except OSError as e:
            return {"data": e.strerror}

    def data(self, name):
        return self.read(name)["data"]

    def write(self, name, text):
        with open(f"{self.mount}/IN/A/{name}", "w", encoding="ascii") as f:
            f.write(text + "\n")

    def remove(self, name):
        os.unlink(f"{self.mount}/IN/A/{name}")

    def statuses(self):
        return dict(line.split(None, 1) for line in self.text(".kadns/status").splitlines())

    def status(self, name):
        return self.statuses().get(name)

    def published(self):
        return self.status("publish.queued") == "0"

    def nodes(self):
        """Endpoints of the nodes that it has heard of lately."""
        return {line.split()[0] for line in self.text(".kadns/nodes").splitlines()}

    def dig(self, name):
        """What dig prints, in one line."""
        return " ".join(subprocess.run(
            ["dig", "+time=5", "+tries=1", "@127.0.0.1", "-p", str(self.door), name, "A"],
            capture_output=True, text=True, check=False).stdout.split())

    def pid(self):
        with open(f"{self.state}/lock", encoding="ascii") as f:
            return int(f.read())

    def node(self):
        """The process that does the work; pid() is the starter."""
        return int(subprocess.run(["pgrep", "-P", str(self.pid()), "-x", "kadns-node"], capture_output=True, check=True).stdout)

    def kill(self):
        """The starter's death ends the rest, a moment later."""
        node = self.node()
        os.kill(self.pid(), signal.SIGKILL)
        assert eventually(20, lambda: over(node))

    def stop(self):
        """umount, and wait for the end: the state can be used again. A daemon has no parent but
        process 1, which we are."""
        pid = self.pid()
        run("umount", self.mount)
        assert eventually(10, lambda: os.waitpid(pid, os.WNOHANG)[0] == pid)


# ---- KRPC by hand

def bencode(v):
    if isinstance(v, int):
        return b"i%de" % v
    if isinstance(v, str):
        v = v.encode()
    if isinstance(v, bytes):
        return b"%d:%s" % (len(v), v)
    if isinstance(v, list):
        return b"l" + b"".join(map(bencode, v)) + b"e"
    keys = {k.encode() if isinstance(k, str) else k: v[k] for k in v}
    return b"d" + b"".join(bencode(k) + bencode(keys[k]) for k in sorted(keys)) + b"e"


def bdecode(data):
    """Of well-formed messages only: what it is given comes from programs under test."""
    value, end = _bdecode(data, 0)
    if end != len(data):
        raise ValueError("something follows")
    return value


def _bdecode(data, at):
    first = data[at:at + 1]
    if first == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1:end]), end + 1
    if first in (b"l", b"d"):
        items, at = [], at + 1
        while data[at:at + 1] != b"e":
            item, at = _bdecode(data, at)
            items.append(item)
        return (items if first == b"l" else dict(zip(items[::2], items[1::2]))), at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    return data[colon + 1:end], end


def compact(endpoint):
    return ipaddress.ip_address(endpoint[0]).packed + struct.pack("!H", endpoint[1])


def endpoint_of(packed):
    return str(ipaddress.ip_address(packed[:-2])), *struct.unpack("!H", packed[-2:])


class Client:
    """Sends one query at a time, as a read-only node (BEP 43), and returns the message that
    answers it: also what no library would send.

    libtorrent takes whoever puts something into its routing table, read-only or not, and waits 15
    seconds for its answers from then on; but it takes no second node of one address. So use the
    address of a node that all know."""

    def __init__(self, address):
        self._socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET,
                                     socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self._socket.settimeout(3)
        self._id = os.urandom(20)
        self._serial = itertools.count()

    def ask(self, endpoint, method, **arguments):
        transaction = struct.pack("!I", next(self._serial))
        self._socket.sendto(bencode({
            "a": {"id": self._id, **arguments}, "q": method, "ro": 1, "t": transaction, "y": "q",
        }), endpoint)
        while True:
            answer = bdecode(self._socket.recv(2048))
            if answer[b"t"] == transaction:
                return answer

    def get(self, endpoint, target, **arguments):
        return self.ask(endpoint, "get", target=target, **arguments)[b"r"]

    def put(self, endpoint, target, **arguments):
        token = self.get(endpoint, target)[b"token"]
        return self.ask(endpoint, "put", token=token, **arguments)


class Sniffer(threading.Thread):
    """Every UDP datagram that crosses an interface of this namespace, seen once, where it comes
    in: (source, destination, payload), the first two as (address, port)."""

    def __init__(self, interface=None):
        super().__init__(daemon=True)
        self.seen = []
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
        if interface:
            self._socket.bind((interface, 3))
        self.start()

    def run(self):
        while True:
            packet, (_, protocol, kind, *_) = self._socket.recvfrom(65536)
            if kind == socket.PACKET_OUTGOING:
                continue
            if protocol == 0x0800 and packet[9] == 17:
                header, addresses = (packet[0] & 15) * 4, (packet[12:16], packet[16:20])
            elif protocol == 0x86dd and packet[6] == 17:
                header, addresses = 40, (packet[8:24], packet[24:40])
            else:
                continue
            ports = struct.unpack("!HH", packet[header:header + 4])
            ends = [(str(ipaddress.ip_address(a)), p) for a, p in zip(addresses, ports)]
            self.seen.append((*ends, packet[header + 8:]))


# ---- torrents

def torrent(name, content):
    """The .torrent of one file without a tracker, and its info-hash."""
    length = 1 << 14
    pieces = b"".join(hashlib.sha1(content[at:at + length]).digest()
                      for at in range(0, len(content), length))
    info = {"length": len(content), "name": name, "piece length": length, "pieces": pieces}
    return bencode({"info": info}), hashlib.sha1(bencode(info)).digest()


def holds(path, content):
    try:
        with open(path, "rb") as f:
            return f.read() == content
    except OSError:
        return False
