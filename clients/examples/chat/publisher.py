# SPDX-License-Identifier: Apache-2.0
"""Publishes events to Herald, in order, and retries.

One thread publishes them one after the other, so that all clients receive the
messages in the order of their ids. While Herald cannot be reached they wait,
QUEUE_MAX at most. Each has an idempotency key, so a retry is harmless.
"""

import json
import logging
import queue
import threading
import uuid

import grpc

import stubs

PATIENCE = 2.0      # Seconds that a person waits for "delivered".
CALL_SECONDS = 2.0  # For one attempt.
QUEUE_MAX = 1000
PAUSES = (0.05, 0.1, 0.2, 0.5, 1.0)  # Between attempts; then the last.
AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNAUTHENTICATED)
# Herald is not behind the http_proxy of the environment. By default, gRPC's
# pauses between dials grow to two minutes.
OPTIONS = (("grpc.enable_http_proxy", 0),
           ("grpc.initial_reconnect_backoff_ms", 100),
           ("grpc.min_reconnect_backoff_ms", 100),
           ("grpc.max_reconnect_backoff_ms", 500))


class Publisher:
    """Any thread may publish; stop() ends it."""

    def __init__(self, target, api_token=""):
        self._messages = stubs.load("broadcast_service_pb2")
        self._connection = grpc.insecure_channel(target, options=OPTIONS)
        service = stubs.load("broadcast_service_pb2_grpc")
        self._herald = service.BroadcastServiceStub(self._connection)
        self._metadata = (
            [("authorization", f"Bearer {api_token}")] if api_token else [])
        self._queue = queue.Queue(QUEUE_MAX)
        self._stopping = threading.Event()
        self._answered = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def publish(self, channels, event, data, except_socket_id=""):
        """Whether Herald has the event by now; if not, it is retried."""
        request = self._messages.BroadcastRequest(
            channels=channels, event=event, data=json.dumps(data).encode(),
            idempotency_key=str(uuid.uuid4()),
            except_socket_id=except_socket_id)
        delivered = threading.Event()
        try:
            self._queue.put_nowait((request, delivered))
        except queue.Full:
            _log(f"{QUEUE_MAX} messages wait for Herald; one more is only in "
                 "the database")
            return False
        return delivered.wait(PATIENCE)

    def stop(self):
        self._stopping.set()
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            pass  # So the thread is awake.
        self._thread.join(CALL_SECONDS + 1)
        self._connection.close()

    def _run(self):
        while not self._stopping.is_set():
            item = self._queue.get()
            if item is not None:
                self._deliver(*item)

    def _deliver(self, request, delivered):
        attempt = 0
        while not self._stopping.is_set():
            error = self._try(request)
            if error is None:
                delivered.set()
                return
            if error.code() not in AWAY:
                _log(f"Herald refuses an event: {error.details()}")
                return
            # The answer to the sender was "later", so it waits for it, too.
            request.except_socket_id = ""
            pause = PAUSES[min(attempt, len(PAUSES) - 1)]
            attempt += 1
            self._stopping.wait(pause)

    def _try(self, request):
        """The error, if any; logs when Herald goes and when it returns."""
        try:
            self._herald.Broadcast(request, timeout=CALL_SECONDS,
                                   metadata=self._metadata)
        except grpc.RpcError as error:
            if self._answered and error.code() in AWAY:
                _log(f"Herald is away, messages wait: {error.details()}")
                self._answered = False
            return error
        if not self._answered:
            _log("Herald is back")
            self._answered = True
        return None


def _log(text):
    logging.warning("%s", text)
