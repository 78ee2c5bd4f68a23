# SPDX-License-Identifier: Apache-2.0
"""How the chat's HTTP server treats slow, many and stubborn clients."""

import contextlib
import socket
import threading
import time
import unittest
from unittest import mock

import support
import connections


class TheConnections(unittest.TestCase):
    """Each connection gets back its first line."""

    def limit(self, **limits):
        for name, value in limits.items():
            patch = mock.patch.object(connections, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def start(self, serve=None):
        sockets = connections.listen("127.0.0.1", 0)
        self.address = sockets[0].getsockname()
        self.connections = connections.Connections(sockets, serve or self.echo)
        self.thread = threading.Thread(target=self.connections.run)
        self.thread.start()
        self.addCleanup(self.thread.join, support.PATIENCE)
        self.addCleanup(self.connections.stop)

    def echo(self, connection, _):
        with connection.makefile("rwb") as file:
            file.write(file.readline())

    def connect(self):
        client = socket.create_connection(self.address, support.PATIENCE)
        self.addCleanup(client.close)
        return client

    def answer(self, client):
        data = b""
        while more := client.recv(4096):
            data += more
        return data

    def dribble(self, client):
        """Sends a byte every 20 ms until the server ends the connection."""
        def run():
            with contextlib.suppress(OSError):
                while not ended.wait(0.02):
                    client.sendall(b"x")

        ended = threading.Event()
        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(ended.set)

    def slow_clients(self, count):
        clients = [self.connect() for _ in range(count)]
        for client in clients:
            self.dribble(client)
        return clients

    def wait_until_served(self, count):
        deadline = time.monotonic() + support.PATIENCE
        while len(self.connections._served) < count:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.005)

    def test_are_served_side_by_side(self):
        self.start()
        clients = [self.connect() for _ in range(10)]
        for number, client in enumerate(reversed(clients)):
            client.sendall(b"%d\n" % number)
            self.assertEqual(self.answer(client), b"%d\n" % number)

    def test_end_on_time_even_if_a_byte_arrives_now_and_then(self):
        self.limit(SERVE_SECONDS=0.5)
        self.start()
        client, = self.slow_clients(1)
        begin = time.monotonic()
        with contextlib.suppress(ConnectionResetError):
            self.answer(client)
        self.assertLess(time.monotonic() - begin, support.PATIENCE / 2)
        other = self.connect()
        other.sendall(b"go on\n")
        self.assertEqual(self.answer(other), b"go on\n")

    def test_wait_for_a_place(self):
        self.limit(SERVED_MAX=2, SERVE_SECONDS=0.5,
                   WAIT_SECONDS=support.PATIENCE)
        self.start()
        self.slow_clients(2)
        self.wait_until_served(2)
        client = self.connect()
        client.sendall(b"patience\n")
        self.assertEqual(self.answer(client), b"patience\n")

    def test_are_refused_when_they_have_waited_for_too_long(self):
        self.limit(SERVED_MAX=2, SERVE_SECONDS=support.PATIENCE,
                   WAIT_SECONDS=0.2, WAITING_MAX=5)
        self.start()
        self.slow_clients(2)
        self.wait_until_served(2)
        clients = [self.connect() for _ in range(10)]
        for client in clients:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        for client in clients:
            with contextlib.suppress(ConnectionResetError):
                self.assertRegex(self.answer(client),
                                 b"(?s)^HTTP/1.0 503 .*the chat is busy")

    def test_do_not_delay_the_end(self):
        self.limit(SERVED_MAX=2, SERVE_SECONDS=10 * support.PATIENCE,
                   WAIT_SECONDS=10 * support.PATIENCE, STOP_SECONDS=0.2)
        self.start()
        self.slow_clients(4)
        self.wait_until_served(2)
        self.connections.stop()
        self.thread.join(support.PATIENCE)
        self.assertFalse(self.thread.is_alive())
        with self.assertRaises(OSError):
            socket.create_connection(self.address, support.PATIENCE)

    def test_get_an_answer_that_is_on_its_way_at_the_end(self):
        asked, go_on = threading.Event(), threading.Event()

        def serve(connection, address):
            connection.recv(100)
            asked.set()
            go_on.wait(support.PATIENCE)
            connection.sendall(b"late")

        self.limit(STOP_SECONDS=support.PATIENCE)
        self.start(serve)
        client = self.connect()
        client.sendall(b"x")
        self.assertTrue(asked.wait(support.PATIENCE))
        self.connections.stop()
        go_on.set()
        self.assertEqual(self.answer(client), b"late")

    def test_survive_a_server_that_fails(self):
        def serve(connection, address):
            raise ValueError("a bug")

        with self.assertLogs(level="ERROR") as log:
            self.start(serve)
            self.assertEqual(self.answer(self.connect()), b"")
        self.assertIn("a request failed", log.output[0])


class Listening(unittest.TestCase):
    def listen(self, found, port=0):
        """At the addresses that a name has, according to `found`."""
        answer = [(socket.AF_INET6 if ":" in host else socket.AF_INET,
                   socket.SOCK_STREAM, 6, "",
                   (host, 0, 0, 0) if ":" in host else (host, 0))
                  for host in found]
        with mock.patch("socket.getaddrinfo", return_value=answer):
            sockets = connections.listen("a.name", port)
        for one in sockets:
            self.addCleanup(one.close)
        return sockets

    @support.NEEDS_IPV6
    def test_a_name_is_served_at_all_its_addresses_on_one_port(self):
        sockets = self.listen(["::1", "127.0.0.1", "127.0.0.1"])
        self.assertEqual([one.getsockname()[0] for one in sockets],
                         ["::1", "127.0.0.1"])
        ports = {one.getsockname()[1] for one in sockets}
        self.assertEqual(len(ports), 1)
        for one in sockets:
            socket.create_connection(one.getsockname()[:2]).close()

    def test_an_address_that_the_machine_does_not_have_is_skipped(self):
        sockets = self.listen(["2001:db8::1", "127.0.0.1"])
        self.assertEqual([one.getsockname()[0] for one in sockets],
                         ["127.0.0.1"])
        with self.assertRaises(OSError):
            self.listen(["2001:db8::1"])

    @support.NEEDS_IPV6
    def test_a_port_that_one_address_has_in_use_is_an_error(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            with self.assertRaises(OSError):
                self.listen(["::1", "127.0.0.1"], taken.getsockname()[1])

    @support.NEEDS_IPV6
    def test_all_addresses_of_ipv6_are_those_of_ipv4_too(self):
        one, = self.listen(["::"])
        socket.create_connection(("127.0.0.1", one.getsockname()[1])).close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
