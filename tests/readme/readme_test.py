# SPDX-License-Identifier: Apache-2.0
"""Runs what the README shows, against real processes.

usage: readme_test.py SOURCE_DIR HERALD_SERVICE HERALD_GATEWAY HERALD

Every block behind a `<!-- run: NAME -->` is used: shell and Python blocks are
run as they stand, the transcript of messages is played line by line.
"""

import base64
import json
import os
import random
import re
import shlex
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

SOURCE, SERVICE, GATEWAY, HERALD = (os.path.abspath(a) for a in sys.argv[1:5])
DEADLINE = 30  # Seconds for any one wait; sanitizers are slow.


def blocks():
    """The marked blocks of the README, by name."""
    with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as file:
        found = re.findall(r"<!-- run: (\S+) -->\n```\w*\n(.*?)```\n",
                           file.read(), re.DOTALL)
    return dict(found)


def free_port():
    """From below the range in which the system chooses ports for others."""
    for _ in range(100):
        port = random.randrange(12000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass  # Somebody listens there.
    raise AssertionError("no free port")


class Process:
    """A process whose output is read until a line matches."""

    def __init__(self, args, **options):
        self.process = subprocess.Popen(
            args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            **options)
        self.drainer = None

    def wait_for(self, pattern):
        """Returns the first match; fails at the deadline or the end."""
        timer = threading.Timer(DEADLINE, self.process.kill)
        timer.start()
        try:
            seen = []
            for line in self.process.stdout:
                seen.append(line)
                match = re.search(pattern, line)
                if match:
                    return match
        finally:
            timer.cancel()
        raise AssertionError(f"no line with {pattern!r} in:\n{''.join(seen)}")

    def drain(self):
        """Reads on, so that the process never waits for us."""
        self.drainer = threading.Thread(target=self.process.stdout.read)
        self.drainer.start()

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(DEADLINE)
        if self.drainer:
            self.drainer.join()
        self.process.stdout.close()


class WebSocket:
    """The least of a client: text frames, and pongs for pings."""

    def __init__(self, host, port):
        self.socket = socket.create_connection((host, port), DEADLINE)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
            .encode())
        self.file = self.socket.makefile("rb")
        status = self.file.readline()
        assert b"101" in status, status
        while self.file.readline() not in (b"\r\n", b""):
            pass

    def frame(self):
        head = self.file.read(2)
        length = head[1] & 127
        if length == 126:
            length = struct.unpack(">H", self.file.read(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", self.file.read(8))[0]
        return head[0] & 15, self.file.read(length)

    def receive(self):
        while True:
            opcode, payload = self.frame()
            if opcode == 9:
                self.send(payload, opcode=10)
            else:
                return payload.decode() if opcode == 1 else (opcode, payload)

    def send(self, payload, opcode=1):
        if isinstance(payload, str):
            payload = payload.encode()
        mask = os.urandom(4)
        assert len(payload) < 126
        masked = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
        self.socket.sendall(
            bytes([0x80 | opcode, 0x80 | len(payload)]) + mask + masked)

    def close(self):
        self.file.close()
        self.socket.close()


class Readme(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.blocks = blocks()
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        os.symlink(os.path.join(SOURCE, "proto"),
                   os.path.join(cls.folder.name, "proto"))
        subprocess.run(["sh", "-e", "-c", cls.blocks["stubs"]],
                       cwd=cls.folder.name, check=True, timeout=DEADLINE)
        for name in ("publish.py", "rpcs.py", "authorizer.py"):
            with open(os.path.join(cls.folder.name, name), "w",
                      encoding="utf-8") as file:
                file.write(cls.blocks[name])
        cls.environment = {name: value for name, value in os.environ.items()
                           if not name.startswith("BROADCAST_")}
        authorizer = f"127.0.0.1:{free_port()}"
        cls.environment["AUTHORIZER"] = authorizer
        cls.start(["/usr/bin/python3", "authorizer.py"], "ready")
        cls.environment["HERALD"] = cls.start(
            [SERVICE, "--grpc_address=127.0.0.1:0",
             "--metrics_address=127.0.0.1:0", f"--authorizer={authorizer}",
             "--authorizer_timeout=10"],
            r"what=grpc address=(\S+)").group(1)
        cls.environment["BROADCAST_GRPC_ADDRESS"] = cls.environment["HERALD"]
        cls.environment["PATH"] = os.pathsep.join(
            [os.path.dirname(HERALD), cls.environment["PATH"]])
        cls.gateway = cls.start(
            [GATEWAY, "--ws_address=127.0.0.1:0",
             f"--service={cls.environment['HERALD']}"],
            r"what=ws address=(\S+)").group(1)
        cls.wait_until_ready()

    @classmethod
    def start(cls, args, pattern):
        process = Process(args, cwd=cls.folder.name, env=cls.environment)
        cls.addClassCleanup(process.stop)
        match = process.wait_for(pattern)
        process.drain()
        return match

    @classmethod
    def wait_until_ready(cls):
        """Until the gateway says at /readyz that its service answers."""
        host, port = cls.gateway.rsplit(":", 1)
        ready = threading.Event()
        deadline = threading.Timer(DEADLINE, ready.set)
        deadline.start()
        while not ready.wait(0.05):
            with socket.create_connection((host, int(port)), DEADLINE) as s:
                s.sendall(b"GET /readyz HTTP/1.1\r\nHost: h\r\n"
                          b"Connection: close\r\n\r\n")
                if b" 200 " in s.makefile("rb").readline():
                    deadline.cancel()
                    return
        raise AssertionError("the gateway was not ready in time")

    def connect(self):
        host, port = self.gateway.rsplit(":", 1)
        client = WebSocket(host, int(port))
        self.addCleanup(client.close)
        return client

    def run_script(self, *args):
        return self.run_command(["/usr/bin/python3", *args])

    def run_command(self, command):
        result = subprocess.run(
            command, cwd=self.folder.name,
            env=self.environment, text=True, timeout=DEADLINE, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(result.returncode, 0, result.stdout)
        return result.stdout

    def test_a_few_lines_of_python_reach_a_browser_and_a_watch(self):
        browser = self.connect()
        browser.receive()
        browser.send('{"type":"subscribe","channel":"news"}')
        self.assertEqual(json.loads(browser.receive())["type"], "subscribed")
        watch = Process(
            [HERALD, "watch", "news", "--json",
             f"--address={self.environment['HERALD']}"])
        self.addCleanup(watch.stop)
        watch.wait_for("subscribed")
        self.assertEqual(self.run_script("publish.py"), "1 subscribers\n")
        self.assertEqual(
            json.loads(browser.receive()),
            {"type": "event", "event": "greeting", "channel": "news",
             "data": {"text": "hello"}})
        watch.wait_for("greeting")

    def test_every_rpc_answers_as_shown(self):
        browser = self.connect()
        socket_id = json.loads(browser.receive())["socket_id"]
        self.assertEqual(self.run_script("rpcs.py", socket_id),
                         "every RPC answered\n")

    def test_messages_are_as_shown(self):
        browsers = {}
        for line in self.blocks["messages"].splitlines():
            who, rest = line.split(" ", 1)
            if who == "$":
                self.run_command(shlex.split(rest))
                continue
            if who not in browsers:
                browsers[who] = self.connect()
            direction, text = rest.split(" ", 1)
            if direction == "→":
                browsers[who].send(text)
            else:
                self.assertEqual(self.heard(browsers[who]), text)

    def heard(self, browser):
        """What a browser hears next, as the README writes it."""
        heard = browser.receive()
        if isinstance(heard, tuple):
            opcode, payload = heard
            self.assertEqual(opcode, 8)
            code = struct.unpack(">H", payload[:2])[0]
            return f"closed {code} {payload[2:].decode()}"
        return re.sub(r'("socket_id":")\d+\.\d+"', r'\g<1>1234.5678"', heard)

    def test_the_command_line_does_as_shown(self):
        browser = self.connect()
        browser.receive()
        browser.send('{"type":"subscribe","channel":"presence-room",'
                     '"auth":"user:ada"}')
        self.assertEqual(json.loads(browser.receive())["type"], "subscribed")
        said = self.run_command(["sh", "-e", "-c", self.blocks["shell"]])
        self.assertRegex(said, r"(?m)^presence-room\s+presence\s+1\s+1")
        self.assertRegex(said, r"(?m)^ada\s")
        self.assertEqual(self.heard(browser), "closed 4003 see you")

    def test_settings_are_as_listed(self):
        """Both programs know each variable of the table and its default."""
        with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as file:
            rows = re.findall(
                r"^\| `BROADCAST_(\w+)` \| (\w+) \| (.*) \| (\S+) \|$",
                file.read(), re.MULTILINE)
        self.assertGreater(len(rows), 20)
        programs = {"service": [SERVICE], "gateway": [GATEWAY],
                    "both": [SERVICE, GATEWAY]}
        for name, owner, meaning, default in rows:
            values = [] if default == "none" else [default]
            if name.startswith("LOG_"):
                values += re.findall(r"`(\w+)`", meaning)
            for program in programs[owner]:
                for value in values:
                    self.check_setting(program, name, value)

    def check_setting(self, program, name, value):
        """A bad setting behind it is what stops the program, not this one."""
        environment = dict(self.environment)
        environment[f"BROADCAST_{name}"] = value
        bad = "MAX_CHANNELS" if program == SERVICE else "MAX_QUEUE"
        if name == bad:
            bad = "LOG_FORMAT"
        environment[f"BROADCAST_{bad}"] = "nonsense"
        result = subprocess.run(
            [program], cwd=self.folder.name, env=environment, text=True,
            timeout=DEADLINE, check=False, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        self.assertEqual(result.returncode, 2, result.stdout)
        self.assertIn(bad, result.stdout)
        self.assertNotIn(f"BROADCAST_{name} ", result.stdout)
        self.assertNotIn(f"BROADCAST_{name}:", result.stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
