#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Subscribes to channels over Herald's WebSocket and prints every message.

    python3 clients/examples/listen.py news
    python3 clients/examples/listen.py presence-room --auth user:ada

Uses only the standard library, so it also shows how little the browser
protocol (proto/WEBSOCKET.md) requires of a client. Ends with exit code 0 on
Ctrl-C, with 1 when the server closes or cannot be reached, and with 2 if the
command line is wrong.
"""

import argparse
import base64
import hashlib
import json
import os
import socket
import struct
import sys
import urllib.parse

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
KEY_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3.


class Closed(Exception):
    """The server has closed, or never opened."""


class WrongUrl(Exception):
    """Not the URL of a WebSocket without TLS."""


def split(url):
    """Host, port and path of ws://HOST:PORT/PATH; raises WrongUrl."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = 80 if parts.port is None else parts.port
        if parts.scheme == "ws" and parts.hostname and port != 0:
            return parts.hostname, port, parts.path or "/"
    except ValueError:  # A port beyond 65535, half of an IPv6 address.
        pass
    raise WrongUrl(f"{url} is not a URL like ws://127.0.0.1:8080/ws")


class WebSocket:
    """The client's end of RFC 6455, for small unfragmented frames."""

    def __init__(self, url):
        host, port, path = split(url)
        self._socket = socket.create_connection((host, port), timeout=5)
        self._reader = self._socket.makefile("rb")
        self._shake_hands(urllib.parse.urlsplit(url).netloc, path)
        self._socket.settimeout(90)  # The gateway pings every 30 s.

    def _shake_hands(self, host, path):
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall((
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        ).encode())
        status = self._reader.readline().decode("latin-1").strip()
        headers = {}
        while line := self._reader.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        digest = hashlib.sha1((key + KEY_SUFFIX).encode()).digest()
        accept = base64.b64encode(digest).decode()
        if headers.get("sec-websocket-accept") != accept:
            raise Closed(f"no WebSocket there: {status or 'no answer'}")

    def send(self, opcode, payload):
        """Sends one frame, masked as a client must."""
        if len(payload) < 126:
            size = struct.pack("!B", 0x80 | len(payload))
        else:
            size = struct.pack("!BH", 0x80 | 126, len(payload))
        mask = os.urandom(4)
        masked = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
        self._socket.sendall(bytes([0x80 | opcode]) + size + mask + masked)

    def receive(self):
        """Returns the next text, and answers pings before it."""
        while True:
            first, size = self._read(2)
            if size == 126:
                (size,) = struct.unpack("!H", self._read(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", self._read(8))
            payload = self._read(size)
            opcode = first & 0x0F
            if opcode == TEXT:
                return payload.decode()
            if opcode == PING:
                self.send(PONG, payload)
            elif opcode == CLOSE:
                code = struct.unpack("!H", payload[:2])[0] if payload else 1005
                raise Closed(f"closed with {code} {payload[2:].decode()}")

    def _read(self, count):
        data = self._reader.read(count)
        if len(data) < count:
            raise Closed("the connection broke")
        return data


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("channels", nargs="+", metavar="channel")
    parser.add_argument("--url", default="ws://127.0.0.1:8080/ws")
    parser.add_argument("--auth", help="the credentials for the authorizer")
    arguments = parser.parse_args()

    web_socket = WebSocket(arguments.url)
    for channel in arguments.channels:
        message = {"type": "subscribe", "channel": channel}
        if arguments.auth:
            message["auth"] = arguments.auth
        web_socket.send(TEXT, json.dumps(message).encode())
    while True:
        print(web_socket.receive(), flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
    except WrongUrl as error:
        print(f"listen: {error}", file=sys.stderr)
        sys.exit(2)
    except (Closed, OSError, ValueError) as error:
        sys.exit(f"listen: {error}")
