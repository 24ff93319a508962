"""A libtorrent DHT node on a loopback address of its own, for test_libtorrent*.py.

libtorrent counts how many nodes it has of one address and of one /24 or /64, so every node of a
test lives in one of its own: 127.x.y.1, or fd00:x::1 on lo."""
import hashlib
import ipaddress
import os
import struct
import time

import libtorrent as lt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lab import check, compact, endpoint_of

ALERTS = lt.alert.category_t.dht_notification | lt.alert.category_t.dht_operation_notification


class Key:
    """An Ed25519 key. libtorrent wants the secret expanded: the hash of the seed, clamped."""

    def __init__(self, seed=None):
        seed = seed or os.urandom(32)
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        expanded = bytearray(hashlib.sha512(seed).digest())
        expanded[0] &= 248
        expanded[31] = expanded[31] & 63 | 64
        self.expanded = bytes(expanded)
        self.target = hashlib.sha1(self.public).digest()

    def sign(self, seq, value, salt=b""):
        salted = b"4:salt%d:" % len(salt) + salt if salt else b""
        return self._private.sign(salted + b"3:seqi%de1:v%d:" % (seq, len(value)) + value)


class Node:
    def __init__(self, address, join, port=6881):
        self.endpoint = (address, port)
        six = ":" in address
        self._saved_as, self._saved_size = (b"nodes6", 18) if six else (b"nodes", 6)
        params = lt.session_params()
        params.settings = {
            "listen_interfaces": f"[{address}]:{port}" if six else f"{address}:{port}",
            "enable_dht": False, "enable_lsd": False, "enable_upnp": False,
            "enable_natpmp": False, "dht_bootstrap_nodes": "",
            "alert_mask": ALERTS,
            # By default it bans an address for five minutes after 50 packets in ten seconds, and
            # drops what it cannot send at 8 kB/s: a test is busier than that.
            "dht_block_ratelimit": 10**7, "dht_upload_rate_limit": 10**8,
        }
        self._session = lt.session(params)
        # As nodes of a saved state: those of dht_bootstrap_nodes never enter the routing table.
        self._session.load_state({b"dht state": {self._saved_as: [compact(join)]}})
        self._session.apply_settings({"enable_dht": True})

    def _wait(self, kind, result, seconds=20):
        """The first result that is not None of an alert of that kind; None when there is none.
        An alert is gone at the next pop_alerts, so the result must be a copy."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = None
            for alert in self._session.pop_alerts():
                if found is None and isinstance(alert, kind):
                    found = result(alert)
            if found is not None:
                return found
            time.sleep(0.005)
        return None

    def put(self, value):
        """Immutable; (target, nodes that took it)."""
        target = hashlib.sha1(b"%d:" % len(value) + value).digest()
        self._session.dht_put_immutable_item(value)
        taken = self._wait(lt.dht_put_alert, lambda a: a.num_success
                           if str(a.target) == target.hex() else None)
        return target, taken

    def get(self, target):
        """The value; an empty one when nobody has it."""
        def result(alert):
            if str(alert.target) != target.hex():
                return None
            try:
                return bytes(alert.item["value"])
            except RuntimeError:    # how the binding says that there is no value
                return b""

        self._session.dht_get_immutable_item(lt.sha1_hash(target))
        return self._wait(lt.dht_immutable_item_alert, result)

    def put_mutable(self, key, value, salt=b""):
        """Signed with the seq that was found plus one; (seq, nodes that took it)."""
        self._session.dht_put_mutable_item(key.expanded, key.public, value, salt)
        return self._wait(lt.dht_put_alert, lambda a: (a.seq, a.num_success)
                          if bytes(a.public_key) == key.public else None)

    def get_mutable(self, public, salt=b""):
        """(value, seq, signature) of what has the highest seq, its signature verified by
        libtorrent; None when nobody has it."""
        best = None

        def result(alert):
            nonlocal best
            try:
                item = alert.item
            except RuntimeError:    # the end of a look-up without a value
                return True
            if bytes(item["key"]) != public or bytes(item["salt"]) != salt:
                return None
            if item["value"]:
                best = (bytes(item["value"]), item["seq"], bytes(item["signature"]))
            return True if item["authoritative"] else None

        self._session.dht_get_mutable_item(public, salt)
        self._wait(lt.dht_mutable_item_alert, result)
        return best

    def announce(self, info_hash):
        """By a torrent: Python's session.dht_announce cannot be called for want of a type."""
        magnet = lt.parse_magnet_uri("magnet:?xt=urn:btih:" + info_hash.hex())
        magnet.save_path = "/mnt"
        self._session.add_torrent(magnet).force_dht_announce()

    def peers(self, info_hash):
        """Those that the first node which knows any names."""
        self._session.dht_get_peers(lt.sha1_hash(info_hash))
        return self._wait(lt.dht_get_peers_reply_alert, lambda a: a.peers() or None
                          if str(a.info_hash) == info_hash.hex() else None, seconds=0.5) or []

    def table(self):
        """The endpoints of its routing table, as it would save them."""
        saved = self._session.save_state()[b"dht state"].get(self._saved_as, [])
        return [endpoint_of(node[:self._saved_size]) for node in saved]

    def samples(self, endpoint, target):
        """BEP 51: (interval, how many there are, those that it names) of another node."""
        self._session.dht_sample_infohashes(endpoint, lt.sha1_hash(target))
        return self._wait(lt.dht_sample_infohashes_alert, lambda a: (
            a.interval.total_seconds(), a.num_infohashes,
            {bytes.fromhex(str(h)) for h in a.samples}))


def immutable_item(nodes, client, kadns):
    """Put by one node of seven that know each other and kadns; `client` asks kadns alone. Its
    target."""
    target, taken = nodes[1].put(b"an immutable value")
    check("an immutable item is taken by all eight", taken == 8, taken)
    check("another node of libtorrent reads it", nodes[2].get(target) == b"an immutable value")
    held = client.get(kadns, target).get(b"v")
    check("kadns keeps it and returns it", held == b"an immutable value", held)
    return target


Z32 = "ybndrfg8ejkmcpqxot1uwisza345h769"


def z32(key):
    """The 52 characters of a key: z-base-32, four zero bits at the end."""
    bits = int.from_bytes(key, "big") << 4
    return "".join(Z32[bits >> 5 * i & 31] for i in range(51, -1, -1))


def zone(owner, address, ttl=300):
    """A pkarr packet: ID 0, a response, one A record."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in owner.split("."))
    return (struct.pack("!6H", 0, 0x8000, 0, 1, 0, 0) + labels + b"\0" +
            struct.pack("!HHIH", 1, 1, ttl, 4) + ipaddress.IPv4Address(address).packed)


def refusals(nodes, client, kadns):
    """What BEP 44 lets a store refuse, by kadns and by libtorrent alike. The key, whose item both hold: seq 7, b"x"."""
    key = Key()

    def put(endpoint, seq, **more):
        answer = client.put(endpoint, key.target, v=b"x", k=key.public, seq=seq, sig=key.sign(seq, b"x"), **more)
        return answer[b"e"][0] if answer[b"y"] == b"e" else 0
    for who, endpoint in (("kadns", kadns), ("libtorrent", nodes[0].endpoint)):
        got = [put(endpoint, 5), put(endpoint, 4), put(endpoint, 6, cas=4), put(endpoint, 6, cas=5),
               put(endpoint, 7, cas=5), put(endpoint, 7)]
        check(f"{who} refuses an older seq by 302 and another cas by 301",
              got == [0, 302, 301, 0, 301, 0], got)
    return key
