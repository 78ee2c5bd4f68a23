# SPDX-License-Identifier: Apache-2.0
"""Answers Herald's questions about subscriptions, and takes grants back.

On the chat's own channels a pass names the member (see logins.py). Everywhere
else "user:NAME" is a yes, as in herald-example-authorizer, so that the examples
of clients/README.md work beside the chat.
"""

import dataclasses
import json
import logging
import queue
import re
import threading
import time
from concurrent import futures

import grpc

import logins
import rules
import stubs

STREAMS_MAX = 40       # A Herald uses one, and up to 20 after it broke.
DECIDERS = 64          # Questions decided at the same time.
ANSWERS_MAX = 2000     # Waiting on one stream; Herald asks 1,000 at once.
REPEAT_SECONDS = 600   # A new stream gets the revocations of that long.
REVOCATIONS_MAX = 1000
STOP_SECONDS = 5       # For streams to end when it stops.

_USER = re.compile(r"user:([A-Za-z0-9._-]{1,64})")


@dataclasses.dataclass(frozen=True)
class Decision:
    """No, with a reason; or yes, with the member."""
    allowed: bool
    reason: str = ""
    user_id: str = ""
    user_info: dict = dataclasses.field(default_factory=dict)
    seconds: int = 0  # How long the yes holds; 0 is for ever.


def decide(known, channel, socket_id, token):
    """Whether the socket may subscribe to the channel. `known` is a Logins."""
    if not rules.is_ours(channel):
        return _decide_example(token)
    try:
        login = known.check_pass(token, channel, socket_id)
    except logins.BadToken as error:
        return Decision(False, str(error))
    return Decision(True, "", login.user_id,
                    {"name": login.name, "color": login.color},
                    max(1, int(known.seconds_left(login))))


def _decide_example(token):
    match = _USER.fullmatch(token)
    if not match:
        return Decision(False, 'auth must be "user:NAME", for example '
                               '"user:ada"')
    return Decision(True, "", match[1], {"name": match[1]})


class Authorizer:
    """Serves AuthorizerService; any thread may revoke."""

    def __init__(self, known, address):
        """Listens at once; raises OSError if it cannot."""
        self._known = known
        self._messages = stubs.load("authorizer_service_pb2")
        self._lock = threading.Lock()
        self._outboxes = []
        self._revocations = []  # (when, response), oldest first.
        self._pool = futures.ThreadPoolExecutor(max_workers=DECIDERS)
        self._server = grpc.server(
            futures.ThreadPoolExecutor(max_workers=STREAMS_MAX),
            options=(("grpc.so_reuseport", 0),))
        service = stubs.load("authorizer_service_pb2_grpc")
        service.add_AuthorizerServiceServicer_to_server(self, self._server)
        try:
            self.port = self._server.add_insecure_port(address)
        except RuntimeError:  # Newer versions raise it instead of 0.
            self.port = 0
        if not self.port:
            raise OSError(f"cannot listen on {address}")
        self._server.start()

    def stop(self):
        self._server.stop(grace=0).wait(STOP_SECONDS)
        self._pool.shutdown(wait=False)

    def revoke(self, user_id, reason):
        """Takes every grant of the user back, at once."""
        response = self._messages.AuthorizeResponse(
            revocation=self._messages.Revocation(
                user_id=user_id, reason=reason))
        now = time.monotonic()
        with self._lock:
            self._revocations = [
                item for item in self._revocations[-REVOCATIONS_MAX + 1:]
                if item[0] > now - REPEAT_SECONDS] + [(now, response)]
            for outbox in self._outboxes:
                outbox.put(response)

    def Authorize(self, questions, context):
        """One stream of Herald; gRPC runs it on a thread of its own."""
        outbox = queue.Queue()
        bound = threading.Semaphore(ANSWERS_MAX)
        outbox.put(self._messages.AuthorizeResponse(
            ready=self._messages.AuthorizerReady()))
        with self._lock:
            for _, revocation in self._revocations:
                outbox.put(revocation)
            self._outboxes.append(outbox)
        if not context.add_callback(lambda: outbox.put(None)):
            outbox.put(None)  # The stream has ended already.
        threading.Thread(target=self._read, args=(questions, outbox, bound),
                         daemon=True).start()
        try:
            for response in iter(outbox.get, None):
                yield response
                if response.HasField("decision"):
                    bound.release()
        finally:
            with self._lock:
                self._outboxes.remove(outbox)

    def _read(self, questions, outbox, bound):
        try:
            for question in questions:
                if question.HasField("keepalive"):
                    outbox.put(self._messages.AuthorizeResponse(
                        ready=self._messages.AuthorizerReady()))
                    continue
                bound.acquire()
                self._pool.submit(
                    lambda one=question: outbox.put(self._answer(one)))
        except (grpc.RpcError, RuntimeError):
            pass  # The stream broke, and Herald dials again; or we stop.
        outbox.put(None)

    def _answer(self, question):
        try:
            answer = self._message(question, decide(
                self._known, question.channel, question.socket_id,
                question.auth_token))
        except Exception:  # It costs this question only.
            logging.exception("no decision about %r", question.channel)
            answer = self._message(
                question, Decision(False, "the authorizer failed"))
        return self._messages.AuthorizeResponse(decision=answer)

    def _message(self, question, decision):
        answer = self._messages.Decision(
            request_id=question.request_id, allowed=decision.allowed,
            reason=decision.reason)
        if decision.allowed:
            answer.member.user_id = decision.user_id
            answer.member.user_info = json.dumps(decision.user_info).encode()
        if decision.seconds:
            answer.expires_after.FromSeconds(decision.seconds)
        return answer
