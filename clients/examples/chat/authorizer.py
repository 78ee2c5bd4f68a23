# SPDX-License-Identifier: Apache-2.0
"""Answers Herald's question who may listen, and takes grants back.

On the chat's own channels a pass names the member (see logins.py). Everywhere
else "user:NAME" is a yes, as in herald-example-authorizer, so that the README's
small examples work beside the chat.
"""

import dataclasses
import json
import queue
import re
import threading
import time
from concurrent import futures

import grpc

import logins
import rules
import stubs

STREAMS_MAX = 8        # A Herald uses one; those that broke take a moment.
ANSWERS_MAX = 2000     # Waiting on one stream; Herald asks 1,000 at once.
REPEAT_SECONDS = 300   # A new stream hears the revocations of that long.
REVOCATIONS_MAX = 1000
STOP_SECONDS = 5       # For streams to end when it stops.

_USER = re.compile(r"user:([A-Za-z0-9._-]{1,64})")


@dataclasses.dataclass(frozen=True)
class Decision:
    """No, and why; or yes, and who it is."""
    allowed: bool
    reason: str = ""
    user_id: str = ""
    user_info: dict = dataclasses.field(default_factory=dict)
    seconds: int = 0  # How long the yes holds; 0 is for ever.


def decide(known, channel, socket_id, token):
    """May this socket listen on this channel? `known` is a Logins."""
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
        self._server = grpc.server(
            futures.ThreadPoolExecutor(max_workers=STREAMS_MAX),
            options=(("grpc.so_reuseport", 0),))
        service = stubs.load("authorizer_service_pb2_grpc")
        service.add_AuthorizerServiceServicer_to_server(self, self._server)
        try:
            self.port = self._server.add_insecure_port(address)
        except RuntimeError:  # What newer versions say instead of 0.
            self.port = 0
        if not self.port:
            raise OSError(f"cannot listen on {address}")
        self._server.start()

    def stop(self):
        self._server.stop(grace=0).wait(STOP_SECONDS)

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
                bound.acquire()
                outbox.put(self._answer(question))
        except grpc.RpcError:
            pass  # The stream broke; Herald dials again.
        outbox.put(None)

    def _answer(self, question):
        decision = decide(self._known, question.channel, question.socket_id,
                          question.auth_token)
        answer = self._messages.Decision(
            request_id=question.request_id, allowed=decision.allowed,
            reason=decision.reason)
        if decision.allowed:
            answer.member.user_id = decision.user_id
            answer.member.user_info = json.dumps(decision.user_info).encode()
        if decision.seconds:
            answer.expires_after.FromSeconds(decision.seconds)
        return self._messages.AuthorizeResponse(decision=answer)
