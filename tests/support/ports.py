"""Ports for programs that can't be asked to choose one themselves."""

from __future__ import annotations

import random
import socket

UNASKED = range(20_000, 30_000)
"""Below what Linux gives to outgoing connections (ip_local_port_range, from 32768 on), which may take any port at any
time between our look and the program's start."""


def free_port() -> int:
    """A port of this machine's loopback that nobody listens on."""
    while True:
        port = random.choice(UNASKED)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
