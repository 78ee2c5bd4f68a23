# SPDX-License-Identifier: Apache-2.0
"""How the chat server starts and ends, as a process."""

import os
import re
import signal
import socket
import subprocess
import tempfile
import unittest
import urllib.request

import support

ANY = "127.0.0.1:0"


class TheServer(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.bundle = os.path.join(self.folder, "herald.min.js")
        with open(self.bundle, "w", encoding="utf-8") as file:
            file.write("// The library.\n")
        self.env = {name: value for name, value in os.environ.items()
                    if not name.startswith(("BROADCAST_", "CHAT_"))}
        self.env |= {"CHAT_ADDRESS": ANY, "CHAT_AUTHORIZER_ADDRESS": ANY,
                     "CHAT_CLIENT": self.bundle, "TMPDIR": self.folder}

    def start(self, *flags):
        process = subprocess.Popen(
            ["/usr/bin/python3", support.CHAT / "server.py", *flags],
            env=self.env, cwd="/", text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def assert_does_not_start(self, pattern, *flags):
        process = self.start(*flags)
        said, complaint = process.communicate(timeout=support.PATIENCE)
        self.assertEqual((process.returncode, said), (1, ""), complaint)
        self.assertRegex(complaint, r"\Achat: [^\n]*\n\Z")
        self.assertRegex(complaint, pattern)

    def test_says_one_line_when_it_is_ready_and_ends_with_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            process = self.start()
            line = process.stdout.readline()
            match = re.fullmatch(
                r"chat: (http://127\.0\.0\.1:[0-9]+) is ready; .*\n", line)
            self.assertTrue(match, line)
            with urllib.request.urlopen(
                    match[1], timeout=support.PATIENCE) as page:
                self.assertIn(b"Herald chat", page.read())
            process.send_signal(number)
            said, complaint = process.communicate(timeout=support.PATIENCE)
            self.assertEqual((process.returncode, said, complaint),
                             (0, "", ""))
            self.assertEqual(os.listdir(self.folder), ["herald.min.js"])

    def test_says_which_port_is_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            for flag in ("--address", "--authorizer-address"):
                port = address.rpartition(":")[2]
                self.assert_does_not_start(
                    rf"port {port} is in use.*{flag} {address}", flag, address)

    def test_says_what_is_wrong_with_its_settings(self):
        for address in ("8000", "localhost", "127.0.0.1:x", "127.0.0.1:99999"):
            self.assert_does_not_start(f"--address {address} is not",
                                       "--address", address)
        self.assert_does_not_start("is not a URL", "--websocket", "http://a/ws")
        self.assert_does_not_start("is not a URL", "--websocket",
                                   "ws://a; script-src *")
        self.assert_does_not_start("/nowhere is missing", "--client",
                                   "/nowhere")
        self.assert_does_not_start("--database /nowhere/x: unable to open",
                                   "--database", "/nowhere/x")

    def test_says_when_the_compiler_of_the_contract_is_missing(self):
        self.env["PATH"] = self.folder
        self.assert_does_not_start("install protobuf-compiler-grpc")

    def test_writes_stubs_where_it_is_told_to(self):
        stubs = os.path.join(self.folder, "stubs")
        process = self.start("--stubs", stubs)
        self.assertIn("is ready", process.stdout.readline())
        self.assertIn("broadcast_service_pb2.py",
                      os.listdir(os.path.join(stubs, "herald/v1")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
