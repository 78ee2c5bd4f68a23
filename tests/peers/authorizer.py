# SPDX-License-Identifier: Apache-2.0
"""An authorizer that Herald did not write.

Reads `auth` as the question's answer:

    user:<id>     yes, as that user
    brief:<id>    yes, as that user, for five seconds; the second time: no
    else          no

Prints `listening <address>`, and each question as a line of JSON. A line on
standard input, `revoke <user> <channel> <reason>`, takes a channel back.
"""

import argparse
import json
import queue
import sys
import threading
from concurrent import futures

import grpc

import stubs


def print_line(text: str) -> None:
    print(text, flush=True)


class Authorizer:
    """Serves AuthorizerService; one outbox for each open stream."""

    def __init__(self, pb):
        self.pb = pb
        self.lock = threading.Lock()
        self.outboxes = []
        self.revocations = []
        self.briefly_allowed = set()
        self.pool = futures.ThreadPoolExecutor(max_workers=64)

    def Authorize(self, questions, context):
        outbox = queue.Queue()
        with self.lock:
            # A new stream has not received the recent revocations.
            for revocation in self.revocations:
                outbox.put(revocation)
            self.outboxes.append(outbox)
        reader = threading.Thread(
            target=self.read, args=(questions, outbox), daemon=True
        )
        reader.start()
        try:
            yield from iter(outbox.get, None)
        finally:
            with self.lock:
                self.outboxes.remove(outbox)

    def read(self, questions, outbox) -> None:
        try:
            for question in questions:
                print_line(
                    json.dumps(
                        {
                            "channel": question.channel,
                            "socket_id": question.socket_id,
                            "auth": question.auth_token,
                            "remote_address": question.connection.remote_address,
                            "user_agent": question.connection.headers.get(
                                "user-agent", ""
                            ),
                        }
                    )
                )
                self.pool.submit(
                    lambda one=question: outbox.put(self.answer(one))
                )
        except grpc.RpcError:
            pass  # The stream broke; Herald dials again.
        outbox.put(None)

    def answer(self, question):
        try:
            decision = self.decide(question)
        except Exception as error:  # It costs this question only.
            decision = self.pb.Decision(
                request_id=question.request_id, reason=f"python failed: {error}"
            )
        return self.pb.AuthorizeResponse(decision=decision)

    def decide(self, question):
        kind, _, user = question.auth_token.partition(":")
        decision = self.pb.Decision(request_id=question.request_id)
        if kind not in ("user", "brief") or not user:
            decision.reason = "python knows no such token"
            return decision
        if kind == "brief":
            with self.lock:
                again = user in self.briefly_allowed
                self.briefly_allowed.add(user)
            if again:
                decision.reason = "python says it was brief"
                return decision
            decision.expires_after.FromSeconds(5)
        decision.allowed = True
        decision.member.user_id = user
        decision.member.user_info = json.dumps({"name": user}).encode()
        return decision

    def revoke(self, user: str, channel: str, reason: str) -> None:
        response = self.pb.AuthorizeResponse(
            revocation=self.pb.Revocation(
                user_id=user, channel=channel, reason=reason
            )
        )
        with self.lock:
            self.revocations.append(response)
            for outbox in self.outboxes:
                outbox.put(response)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    stubs.add_arguments(parser)
    parser.add_argument("--address", default="127.0.0.1:0")
    arguments = parser.parse_args()
    pb, pb_grpc = stubs.load(
        arguments, "authorizer_service_pb2", "authorizer_service_pb2_grpc"
    )
    authorizer = Authorizer(pb)
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=40),
        options=(("grpc.so_reuseport", 0),),
    )
    pb_grpc.add_AuthorizerServiceServicer_to_server(authorizer, server)
    port = server.add_insecure_port(arguments.address)
    server.start()
    print_line(f"listening 127.0.0.1:{port}")
    for line in sys.stdin:
        words = line.split(maxsplit=3)
        if len(words) == 4 and words[0] == "revoke":
            authorizer.revoke(words[1], words[2], words[3].strip())
    server.stop(grace=0).wait()


if __name__ == "__main__":
    main()
