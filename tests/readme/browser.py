# SPDX-License-Identifier: Apache-2.0
"""The least of a browser: text frames of WebSocket, and pongs for pings."""

import base64
import json
import os
import socket
import struct

from processes import DEADLINE

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Browser:
    """Connects at once; `host` and `port` are the gateway's."""

    def __init__(self, host, port):
        self.socket = socket.create_connection((host, port), DEADLINE)
        self.file = self.socket.makefile("rb")
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
            .encode())
        status = self.file.readline()
        assert b" 101 " in status, status
        while self.file.readline() not in (b"\r\n", b""):
            pass

    def send(self, text):
        self._send(TEXT, text.encode())

    def hear(self):
        """The next message as its text, or `closed CODE REASON`."""
        while True:
            opcode, payload = self._frame()
            if opcode == TEXT:
                return payload.decode()
            if opcode == CLOSE:
                code = struct.unpack(">H", payload[:2])[0]
                return f"closed {code} {payload[2:].decode()}"
            assert opcode == PING, opcode
            self._send(PONG, payload)

    def say(self, **message):
        """Sends a message and returns the next received one, parsed."""
        self.send(json.dumps(message))
        return self.hear_json()

    def hear_json(self):
        return json.loads(self.hear())

    def close(self):
        self.file.close()
        self.socket.close()

    def _frame(self):
        head = self.file.read(2)
        length = head[1] & 127
        if length == 126:
            length = struct.unpack(">H", self.file.read(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", self.file.read(8))[0]
        return head[0] & 15, self.file.read(length)

    def _send(self, opcode, payload):
        assert len(payload) < 126, "longer frames are not needed here"
        mask = os.urandom(4)
        masked = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
        self.socket.sendall(
            bytes([0x80 | opcode, 0x80 | len(payload)]) + mask + masked)
