# SPDX-License-Identifier: Apache-2.0
"""How the chat publishes, also to a Herald that is away, slow or unwilling.

A gRPC server stands in for Herald. Its port stays the same, so it can be
stopped and started.
"""

import json
import os
import queue
import threading
import unittest
from concurrent import futures
from unittest import mock

import grpc

import support
import publisher
import stubs
from free_address import free_address


service = stubs.load("broadcast_service_pb2_grpc")


class FakeHerald(service.BroadcastServiceServicer):
    """Puts each call into `calls`; answers with the errors in `errors`."""

    def __init__(self, address):
        self.calls = queue.Queue()
        self.errors = []
        self.metadata = {}
        self._server = grpc.server(futures.ThreadPoolExecutor(4),
                                   options=(("grpc.so_reuseport", 0),))
        service.add_BroadcastServiceServicer_to_server(self, self._server)
        if not self._server.add_insecure_port(address):
            raise OSError(address)
        self._server.start()

    def Broadcast(self, request, context):
        self.metadata = dict(context.invocation_metadata())
        self.calls.put(request)
        if self.errors:
            context.abort(self.errors.pop(0), "as the test wants it")
        return stubs.load("broadcast_service_pb2").BroadcastResponse()

    def stop(self):
        self._server.stop(grace=0).wait()


class ThePublisher(unittest.TestCase):
    def setUp(self):
        self.address = free_address()
        self.said = queue.Queue()  # Lines of the log.
        log = mock.patch.object(publisher, "_log", self.said.put)
        log.start()
        self.addCleanup(log.stop)

    def start_herald(self):
        herald = FakeHerald(self.address)
        self.addCleanup(herald.stop)
        return herald

    def start_publisher(self, **options):
        made = publisher.Publisher(self.address, **options)
        self.addCleanup(made.stop)
        return made

    def assert_says(self, pattern):
        self.assertRegex(self.said.get(timeout=support.PATIENCE), pattern)

    def be_patient(self, seconds):
        patch = mock.patch.object(publisher, "PATIENCE", seconds)
        patch.start()
        self.addCleanup(patch.stop)

    def test_publishes_to_all_but_the_sender(self):
        self.be_patient(support.PATIENCE)
        herald = self.start_herald()
        self.assertTrue(self.start_publisher().publish(
            ["presence-chat-general", "private-chat"], "message",
            {"text": "hé"}, "12.34"))
        call = herald.calls.get(timeout=support.PATIENCE)
        self.assertEqual(list(call.channels),
                         ["presence-chat-general", "private-chat"])
        self.assertEqual((call.event, json.loads(call.data),
                          call.except_socket_id),
                         ("message", {"text": "hé"}, "12.34"))
        self.assertNotIn("authorization", herald.metadata)

    def test_dials_no_proxy_of_the_environment(self):
        self.be_patient(support.PATIENCE)
        self.start_herald()
        nowhere = "http://127.0.0.1:1"
        with mock.patch.dict(os.environ, http_proxy=nowhere,
                             grpc_proxy=nowhere):
            self.assertTrue(self.start_publisher().publish(["a"], "e", 1))

    def test_shows_its_api_token(self):
        self.be_patient(support.PATIENCE)
        herald = self.start_herald()
        self.start_publisher(api_token="t0ken").publish(["a"], "e", 1)
        self.assertEqual(herald.metadata["authorization"], "Bearer t0ken")

    def test_keeps_messages_while_herald_is_down(self):
        self.be_patient(0)
        chat = self.start_publisher()
        for number in range(3):
            self.assertFalse(chat.publish(["a"], "e", number, "12.34"))
        self.assert_says("^Herald is away, messages wait: .")
        herald = self.start_herald()
        heard = [herald.calls.get(timeout=support.PATIENCE) for _ in range(3)]
        self.assertEqual([call.data for call in heard], [b"0", b"1", b"2"])
        self.be_patient(support.PATIENCE)
        self.assertTrue(chat.publish(["a"], "e", 3))
        self.assert_says("^Herald is back$")
        self.assertTrue(self.said.empty())

    def test_repeats_under_the_same_key_and_to_the_sender_too(self):
        self.be_patient(support.PATIENCE)
        herald = self.start_herald()
        herald.errors = [grpc.StatusCode.UNAVAILABLE,
                         grpc.StatusCode.UNAUTHENTICATED]
        self.assertTrue(
            self.start_publisher().publish(["a"], "e", 1, "12.34"))
        first, second, third = [herald.calls.get_nowait() for _ in range(3)]
        self.assertTrue(first.idempotency_key)
        self.assertEqual(first.idempotency_key, third.idempotency_key)
        self.assertEqual(
            [c.except_socket_id for c in (first, second, third)],
            ["12.34", "", ""])

    def test_discards_messages_that_herald_refuses(self):
        self.be_patient(0)
        herald = self.start_herald()
        herald.errors = [grpc.StatusCode.INVALID_ARGUMENT]
        chat = self.start_publisher()
        self.assertFalse(chat.publish(["a"], "bad", 1))
        self.be_patient(support.PATIENCE)
        self.assertTrue(chat.publish(["a"], "good", 2))
        self.assertEqual([herald.calls.get_nowait().event for _ in range(2)],
                         ["bad", "good"])
        self.assert_says("^Herald refuses an event: as the test wants it$")

    def test_keeps_a_bounded_number(self):
        self.be_patient(0)
        with mock.patch.object(publisher, "QUEUE_MAX", 2):
            chat = self.start_publisher()
            for number in range(10):
                self.assertFalse(chat.publish(["a"], "e", number))
        while "only in the database" not in self.said.get(
                timeout=support.PATIENCE):
            pass

    def test_ends_while_herald_is_away(self):
        self.be_patient(0)
        chat = publisher.Publisher(self.address)
        chat.publish(["a"], "e", 1)
        stopper = threading.Thread(target=chat.stop)
        stopper.start()
        stopper.join(support.PATIENCE)
        self.assertFalse(stopper.is_alive())


if __name__ == "__main__":
    unittest.main(verbosity=2)
