# SPDX-License-Identifier: Apache-2.0
"""Shared by the chat's tests: its modules, its stubs, and a clock to set."""

import pathlib
import socket
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[4]
CHAT = ROOT / "clients/examples/chat"
sys.path[:0] = [str(CHAT), str(ROOT / "tests/support")]

import stubs  # noqa: E402  pylint: disable=wrong-import-position

PATIENCE = 30  # Seconds for any one wait.

_generated = tempfile.TemporaryDirectory(prefix="herald_chat_test_")
stubs.generate(_generated.name)


def _has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


HAS_IPV6 = _has_ipv6()
NEEDS_IPV6 = unittest.skipUnless(HAS_IPV6, "this machine has no IPv6")


class Clock:
    """Stands still until it is moved."""

    def __init__(self, now=1_000_000.0):
        self.now = now

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += seconds
