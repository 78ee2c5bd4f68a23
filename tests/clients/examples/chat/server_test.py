# SPDX-License-Identifier: Apache-2.0
"""How the chat server starts, serves and ends, as a process."""

import contextlib
import fcntl
import json
import os
import queue
import re
import signal
import socket
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request
from concurrent import futures

import grpc

import support
import stubs
from free_address import free_address

ANY = "127.0.0.1:0"
# Of the developer's environment, a proxy may be in the way.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
service = stubs.load("broadcast_service_pb2_grpc")


class FakeHerald(service.BroadcastServiceServicer):
    """Puts each event into `events`."""

    def __init__(self, address):
        self.events = queue.Queue()
        self._server = grpc.server(futures.ThreadPoolExecutor(4))
        service.add_BroadcastServiceServicer_to_server(self, self._server)
        if not self._server.add_insecure_port(address):
            raise OSError(address)
        self._server.start()

    def Broadcast(self, request, context):
        self.events.put(json.loads(request.data))
        return stubs.load("broadcast_service_pb2").BroadcastResponse()

    def stop(self):
        self._server.stop(grace=0).wait()


def full_pipe():
    """Both ends of a pipe that takes no more bytes."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x")
    os.set_blocking(writer, True)
    return reader, writer


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

    def start(self, *flags, stderr=subprocess.PIPE):
        process = subprocess.Popen(
            ["/usr/bin/python3", support.CHAT / "server.py", *flags],
            env=self.env, cwd="/", text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=stderr)
        if process.stderr:
            self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def wait_for_url(self, process):
        line = process.stdout.readline()
        match = re.fullmatch(r"chat: (http://\S+:[0-9]+) is ready; .*\n", line)
        self.assertTrue(match, line)
        return match[1]

    def post(self, url, path, body, cookie=""):
        """The answer, and the cookie that it sets."""
        request = urllib.request.Request(
            url + path, json.dumps(body).encode(),
            {"Origin": url, "Content-Type": "application/json",
             "X-Chat-Seat": "seat0123", "Cookie": cookie})
        with DIRECT.open(request, timeout=support.PATIENCE) as answer:
            cookie = answer.headers["Set-Cookie"] or ""
            return json.load(answer), cookie.partition(";")[0]

    def write(self, url, *texts):
        """Logs in, and writes into a room."""
        _, cookie = self.post(url, "/api/login",
                              {"name": "Ada", "color": "teal"})
        for number, text in enumerate(texts):
            self.post(url, "/api/messages", {
                "room": "general", "text": text, "key": f"key-{number:04}"},
                cookie)

    def start_herald(self, address):
        herald = FakeHerald(address)
        self.addCleanup(herald.stop)
        return herald

    def assert_does_not_start(self, exit_code, pattern, *flags):
        process = self.start(*flags)
        said, complaint = process.communicate(timeout=support.PATIENCE)
        self.assertEqual((process.returncode, said), (exit_code, ""), complaint)
        self.assertRegex(complaint, r"\Achat: [^\n]*\n\Z")
        self.assertRegex(complaint, pattern)

    def assert_is_refused(self, pattern, *flags):
        """A wrong setting: the exit code is that of Herald's programs."""
        self.assert_does_not_start(2, pattern, *flags)

    def test_prints_one_line_when_it_is_ready_and_ends_with_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            process = self.start()
            line = process.stdout.readline()
            match = re.fullmatch(
                r"chat: (http://127\.0\.0\.1:[0-9]+) is ready; .*\n", line)
            self.assertTrue(match, line)
            with DIRECT.open(match[1], timeout=support.PATIENCE) as page:
                self.assertIn(b"Herald chat", page.read())
            process.send_signal(number)
            said, complaint = process.communicate(timeout=support.PATIENCE)
            self.assertEqual((process.returncode, said, complaint),
                             (0, "", ""))
            self.assertEqual(os.listdir(self.folder), ["herald.min.js"])

    def test_publishes_past_a_proxy_of_the_environment(self):
        herald = self.start_herald(free := free_address())
        self.env |= {"BROADCAST_SERVICE": free,
                     "http_proxy": "http://127.0.0.1:1",
                     "grpc_proxy": "http://127.0.0.1:1"}
        self.write(self.wait_for_url(self.start()), "hello")
        event = herald.events.get(timeout=support.PATIENCE)
        self.assertEqual(event["text"], "hello")

    def test_serves_and_ends_while_its_log_is_not_read(self):
        self.env["BROADCAST_SERVICE"] = address = free_address()
        reader, writer = full_pipe()
        self.addCleanup(os.close, reader)
        with os.fdopen(writer, "wb") as stderr:
            process = self.start(stderr=stderr)
        # Herald is away, which is logged; the messages arrive nevertheless.
        self.write(self.wait_for_url(process), "one", "two")
        herald = self.start_herald(address)
        for text in ("one", "two"):
            event = herald.events.get(timeout=support.PATIENCE)
            self.assertEqual(event["text"], text)
        process.terminate()
        self.assertEqual(process.wait(support.PATIENCE), 0)

    def test_is_at_each_address_of_its_host(self):
        hosts = {"localhost": self.addresses("localhost")}
        if support.HAS_IPV6:
            hosts["[::1]"] = ["::1"]
        for host, addresses in hosts.items():
            process = self.start("--address", f"{host}:0")
            url = self.wait_for_url(process)
            self.assertTrue(url.startswith(f"http://{host}:"), url)
            with DIRECT.open(url, timeout=support.PATIENCE) as page:
                self.assertIn(b"Herald chat", page.read())
            for address in addresses:
                port = int(url.rpartition(":")[2])
                socket.create_connection((address, port)).close()

    def addresses(self, name):
        return {where[0] for *_, where in
                socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)}

    def test_refuses_and_ends_when_slow_clients_have_all_places(self):
        process = self.start()
        url = self.wait_for_url(process)
        port = int(url.rpartition(":")[2])
        for _ in range(64):
            client = socket.create_connection(("127.0.0.1", port))
            self.addCleanup(client.close)
            client.sendall(b"GET / HT")
        with self.assertRaises(urllib.error.HTTPError) as refused:
            DIRECT.open(url, timeout=support.PATIENCE)
        with refused.exception as answer:
            self.assertEqual((answer.code, answer.headers["Retry-After"]),
                             (503, "1"))
            self.assertEqual(json.load(answer),
                             {"error": "the chat is busy: try again"})
        process.terminate()
        self.assertEqual(process.wait(support.PATIENCE), 0)

    def test_names_the_port_that_is_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            for flag in ("--address", "--authorizer-address"):
                port = address.rpartition(":")[2]
                self.assert_does_not_start(
                    1, rf"port {port} is in use.*{flag} {address}",
                    flag, address)

    def test_names_the_address_that_it_cannot_bind(self):
        for address, pattern in (
                ("nowhere.invalid:0", "nowhere.invalid has no address"),
                ("[2001:db8::1]:0", "this machine does not have the address")):
            self.assert_does_not_start(
                1, f"--address {re.escape(address)}: {pattern}",
                "--address", address)

    def test_reports_the_faults_in_its_settings(self):
        for address in ("8000", "localhost", "127.0.0.1:x", "127.0.0.1:99999",
                        "::1:0", "[]:0", "127.0.0.1:²", "a..b:0"):
            self.assert_is_refused(f"--address {re.escape(address)} is not as",
                                   "--address", address)
        self.assert_is_refused("--authorizer-address a..b:0 is not as",
                               "--authorizer-address", "a..b:0")
        for target in ("http://127.0.0.1:50051", "127.0.0.1", "herald:99999",
                       "dns:///127.0.0.1:99999", "dns:///herald",
                       "ipv4:abc:5", "x y:1", "h:0"):
            self.assert_is_refused(f"--service {re.escape(target)} is not as",
                                   "--service", target)
        for url in ("http://a/ws", "ws://a:99999/ws", "ws://a:0/ws",
                    "ws://[::1/ws"):
            self.assert_is_refused("is not a URL", "--websocket", url)
        self.env["BROADCAST_API_TOKEN"] = "t\u00f6ken"
        self.assert_is_refused("BROADCAST_API_TOKEN .* ASCII")
        del self.env["BROADCAST_API_TOKEN"]
        self.assert_is_refused("is not a URL", "--websocket",
                               "ws://a; script-src *")
        self.assert_is_refused("/nowhere is missing", "--client", "/nowhere")
        self.assert_is_refused("--database /nowhere/x: unable to open",
                               "--database", "/nowhere/x")
        self.assert_is_refused("--stubs /dev/null/x: Not a directory",
                               "--stubs", "/dev/null/x")

    def test_refuses_a_flag_that_it_does_not_have(self):
        process = self.start("--adress", ANY)
        said, complaint = process.communicate(timeout=support.PATIENCE)
        self.assertEqual((process.returncode, said), (2, ""), complaint)
        self.assertIn("--adress", complaint)

    def test_reports_that_the_compiler_of_the_contract_is_missing(self):
        self.env["PATH"] = self.folder
        self.assert_does_not_start(1, "install protobuf-compiler-grpc")

    def test_writes_stubs_into_the_given_folder(self):
        stubs = os.path.join(self.folder, "stubs")
        process = self.start("--stubs", stubs)
        self.assertIn("is ready", process.stdout.readline())
        self.assertIn("broadcast_service_pb2.py",
                      os.listdir(os.path.join(stubs, "herald/v1")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
