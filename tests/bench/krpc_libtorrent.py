#!/usr/bin/python3 -W ignore
"""A libtorrent DHT node among twenty, for krpc.sh: krpc_node.c's peer.

  krpc_libtorrent.py     prints "ready" when the node on 127.10.0.1:6881 knows eight others

Its limits of packets and bytes are raised out of the way; each node has a /24 of its own, since
libtorrent takes only one of each into its table.
"""
import socket
import struct
import time

import libtorrent as lt

NODES = 21
PORT = 6881


def start(number, known):
    session = lt.session({
        "listen_interfaces": f"127.10.{number}.1:{PORT}",
        "enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
        "dht_bootstrap_nodes": "",
        "dht_block_ratelimit": 10**7, "dht_upload_rate_limit": 10**9,
        "dht_max_dht_items": 30000,
    })
    # As nodes of a saved state: bootstrap nodes never enter libtorrent's table.
    session.load_state({b"dht state": {b"nodes": [
        socket.inet_aton(f"127.10.{n}.1") + struct.pack("!H", PORT) for n in known]}})
    session.apply_settings({"enable_dht": True})
    return session


def table_size(session):
    state = session.save_state()
    return len(state.get(b"dht state", {}).get(b"nodes", []))


sessions = [start(0, [])]
sessions += [start(n, [0]) for n in range(1, NODES)]
for session in sessions:
    for n in range(NODES):
        session.add_dht_node((f"127.10.{n}.1", PORT))
for _ in range(120):
    if table_size(sessions[0]) >= 8:
        break
    time.sleep(0.5)
else:
    raise SystemExit("no table")
print("ready", flush=True)
while True:
    time.sleep(3600)
