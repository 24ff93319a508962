#!/usr/bin/python3 -W ignore
"""Latency of puts and gets among real libtorrent nodes, for tests/bench/dht.sh: the peer of dht_loopback.

    dht_libtorrent.py NODES [RELAY]

Node i listens on 127.10.A.1:6881 and is known to the others by dht_relay's 127.20.A.1:6881. With RELAY, the
process id of dht_relay, that is told to be harsh once the nodes have settled (SIGUSR1: every fifth is
dead, 1 % of packets lost); operations take up to half a minute then, so they are few and several nodes
ask at the same time.

libtorrent says nothing of the sixth acknowledgement: its put is measured to the end. Queries are its own
counts of `get` and `put` packets, those of the nodes that asked. Its limits of rate are lifted."""
import hashlib, os, queue, random, select, signal, socket, struct, sys, threading, time
import libtorrent as lt

PORT = 6881
DEAD_OF = 5
OPERATIONS, OPERATIONS_HARSH, PARALLEL_HARSH = 60, 12, 12
PATIENCE = 70  # seconds: two of its longest time-outs, and more
MASK = (lt.alert.category_t.dht_notification | lt.alert.category_t.error_notification
        | lt.alert.category_t.dht_operation_notification | lt.alert.category_t.stats_notification)


def address(net, node):
    return f"127.{net}.{node + 1}.1"


def expand(seed):
    """Seed -> the expanded secret that libtorrent wants, and the public key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives import serialization as s
    h = bytearray(hashlib.sha512(seed).digest())
    h[0] &= 248
    h[31] = h[31] & 63 | 64
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    return bytes(h), public.public_bytes(s.Encoding.Raw, s.PublicFormat.Raw)


class Node:
    def __init__(self, number):
        self.waiters, self.lock = {}, threading.Lock()
        self.ses = lt.session({
            "listen_interfaces": f"{address(10, number)}:{PORT}", "enable_dht": False, "enable_lsd": False,
            "enable_upnp": False, "enable_natpmp": False, "dht_bootstrap_nodes": "", "alert_mask": MASK,
            "alert_queue_size": 100000, "dht_block_ratelimit": 10000000, "dht_upload_rate_limit": 100000000})
        if number:  # as saved nodes: those to bootstrap by never enter its table
            at = socket.inet_aton(address(20, 0)) + struct.pack("!H", PORT)
            self.ses.load_state({b"dht state": {b"nodes": [at], b"nodes6": []}})
        self.ses.apply_settings({"enable_dht": True})
        # A descriptor, not wait_for_alert(): that one keeps a pointer into a queue that moves.
        self.read_end, self.write_end = os.pipe()
        os.set_blocking(self.write_end, False)
        self.ses.set_alert_fd(self.write_end)
        threading.Thread(target=self.pump, daemon=True).start()

    def pump(self):
        while True:
            select.select([self.read_end], [], [])
            os.read(self.read_end, 4096)
            now = time.perf_counter()
            for alert in self.ses.pop_alerts():
                self.dispatch(alert, now)

    def dispatch(self, alert, now):
        if isinstance(alert, lt.dht_immutable_item_alert):
            try:
                value = alert.item["value"]
            except Exception:  # nobody had it
                value = None
            self.fire(str(alert.target), now, value)
        elif isinstance(alert, lt.dht_mutable_item_alert):
            self.fire(bytes(alert.item["key"]), now, alert.item)
        elif isinstance(alert, lt.dht_put_alert):
            target = str(alert.target)
            self.fire("put" + target if target != "0" * 40 else "put" + bytes(alert.public_key).hex(),
                      now, alert.num_success)
        elif isinstance(alert, lt.session_stats_alert):
            self.fire("stats", now, alert.values)

    def fire(self, key, now, value):
        with self.lock:
            waiter = self.waiters.get(key)
        if waiter:
            waiter.put((now, value))

    def ask(self, key, start, last=lambda value: True):
        """Starts an operation; its alerts, each with the milliseconds it took, up to the last one."""
        got, waiter = [], queue.Queue()
        with self.lock:
            self.waiters[key] = waiter
        begun = time.perf_counter()
        start()
        try:
            while True:
                now, value = waiter.get(timeout=PATIENCE)
                got.append(((now - begun) * 1e3, value))
                if last(value):
                    break
        except queue.Empty:
            got.append((PATIENCE * 1e3, None))
        with self.lock:
            del self.waiters[key]
        return got

    def queries(self):
        stats = self.ask("stats", self.ses.post_session_stats)[0][1]
        return stats["dht.dht_get_out"] + stats["dht.dht_put_out"]

    def counted(self, key, start, last=lambda value: True):
        before = self.queries()
        return self.ask(key, start, last), self.queries() - before

    def put(self, value):
        target = hashlib.sha1(b"%d:" % len(value) + value).hexdigest()
        got, queries = self.counted("put" + target, lambda: self.ses.dht_put_immutable_item(value))
        return target, got[-1][0], (got[-1][1] or 0) >= 8, queries

    def get(self, target):
        got, queries = self.counted(
            target, lambda: self.ses.dht_get_immutable_item(lt.sha1_hash(bytes.fromhex(target))))
        return got[0][0], got[0][1], queries

    def put_mutable(self, seed, value):
        secret, public = expand(seed)
        self.ask("put" + public.hex(), lambda: self.ses.dht_put_mutable_item(secret, public, value, b""))
        return public

    def get_mutable(self, public):
        """When the first value came, when it was over, was there one."""
        got, queries = self.counted(public, lambda: self.ses.dht_get_mutable_item(public, b""),
                                    lambda item: item["authoritative"])
        values = [took for took, item in got if item and item["value"]]
        return (values or [got[-1][0]])[0], got[-1][0], bool(values), queries


class Series:
    def __init__(self, name):
        self.name, self.took, self.good, self.queries = name, [], 0, 0

    def add(self, took, queries, good):
        self.took.append(took)
        self.queries += queries
        self.good += good

    def print(self, of):
        took, n = sorted(self.took), len(self.took)
        print(f"{of:<37} {self.name:<18} {n:5} {self.good:5} {took[n // 2]:8.1f} {took[(n - 1) * 99 // 100]:8.1f}"
              f" {self.queries / n:8.1f}", flush=True)


def settle(nodes):
    """libtorrent confirms who it heard of one in five seconds, but at once who answers a look-up."""
    deadline = time.time() + 10
    while time.time() < deadline:
        time.sleep(0.5)
    for _ in range(4):
        threads = [threading.Thread(target=n.ask, args=(t, lambda n=n, t=t: n.ses.dht_get_immutable_item(
            lt.sha1_hash(bytes.fromhex(t))))) for n in nodes for t in [os.urandom(20).hex()]]
        for t in threads:
            t.start()
        for t in threads:
            t.join()


def operate(nodes, living, i, rows):
    asker = lambda k: nodes[living[(i + k) * 37 % len(living)]]
    value = b"record number %86d" % i
    target, took, good, queries = asker(0).put(value)
    rows["put, all 8"].add(took, queries, good)
    took, got, queries = asker(1).get(target)
    rows["hit, first value"].add(took, queries, got == value)
    public = asker(0).put_mutable(os.urandom(32), value)
    first, end, good, queries = asker(1).get_mutable(public)
    rows["hit, newest (end)"].add(end, queries, good)
    took, got, queries = asker(2).get(os.urandom(20).hex())
    rows["miss"].add(took, queries, got is None)


def main():
    n, relay = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    nodes = [Node(i) for i in range(n)]
    settle(nodes)
    living = [i for i in range(n) if not relay or i % DEAD_OF]
    rows = {name: Series(name) for name in ("put, all 8", "hit, first value", "hit, newest (end)", "miss")}
    if relay:
        os.kill(relay, signal.SIGUSR1)
        parts = [range(k, OPERATIONS_HARSH, PARALLEL_HARSH) for k in range(PARALLEL_HARSH)]
    else:
        parts = [range(OPERATIONS)]
    threads = [threading.Thread(target=lambda part: [operate(nodes, living, i, rows) for i in part], args=(part,))
               for part in parts]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for row in rows.values():
        row.print(f"libtorrent, loopback, {n}{', a fifth dead' if relay else ''}")
    sys.stdout.flush()
    os._exit(0)  # its sessions would take their time to end


main()
