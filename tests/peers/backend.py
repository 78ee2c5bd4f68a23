# SPDX-License-Identifier: Apache-2.0
"""A backend that Herald did not write.

Calls every RPC of BroadcastService once, against a real service with one
browser that listens on `news`, and ends with 0 if all answers were right.
The test that runs this checks what the browser receives.
"""

import argparse
import json
import sys

import grpc

import stubs

ROOM = "presence-python"
TIMEOUT = 30


def check(condition: bool, what: str) -> None:
    if not condition:
        sys.exit(f"backend.py: {what}")


class Backend:
    def __init__(self, channel, pb, pb_grpc, token: str):
        self.pb = pb
        self.stub = pb_grpc.BroadcastServiceStub(channel)
        self.options = {"timeout": TIMEOUT}
        if token:
            self.options["metadata"] = (("authorization", f"Bearer {token}"),)

    def call(self, name: str, request):
        return getattr(self.stub, name)(request, **self.options)

    def event(self, channel: str, event: str, data) -> "BroadcastRequest":
        return self.pb.BroadcastRequest(
            channels=[channel], event=event, data=json.dumps(data).encode()
        )

    def publish(self) -> None:
        answer = self.call("Broadcast", self.event("news", "python", {"n": 1}))
        check(len(answer.receipts) == 1, f"one receipt: {answer}")
        check(answer.receipts[0].channel == "news", f"of news: {answer}")
        check(answer.receipts[0].subscribers == 1, f"one subscriber: {answer}")

    def publish_badly(self) -> None:
        try:
            self.call("Broadcast", self.event("bad name", "e", 1))
        except grpc.RpcError as error:
            check(
                error.code() == grpc.StatusCode.INVALID_ARGUMENT
                and "bad name" in error.details(),
                f"the error names the value: {error}",
            )
            return
        check(False, "a bad name was accepted")

    def publish_a_stream(self) -> None:
        events = [
            self.event("news", "streamed", 1),
            self.event("bad name", "streamed", 2),
            self.event("news", "streamed", 3),
        ]
        requests = (self.pb.BroadcastStreamRequest(broadcast=e) for e in events)
        answers = list(self.stub.BroadcastStream(requests, **self.options))
        kinds = [answer.WhichOneof("response") for answer in answers]
        check(kinds == ["broadcast", "error", "broadcast"], f"kinds: {kinds}")
        check(answers[1].error.code == 3, f"INVALID_ARGUMENT: {answers[1]}")

    def subscribe(self, member_type, socket_id: str) -> None:
        self.call(
            "Subscribe",
            self.pb.SubscribeRequest(
                socket_id=socket_id,
                channel=ROOM,
                member=member_type(user_id="ada", user_info=b'{"from":"python"}'),
            ),
        )
        answer = self.call("GetMembers", self.pb.GetMembersRequest(channel=ROOM))
        check(len(answer.members) == 1, f"one member: {answer}")
        check(answer.members[0].user_id == "ada", f"it is ada: {answer}")
        check(list(answer.members[0].socket_ids) == [socket_id], f"{answer}")

    def look(self) -> None:
        answer = self.call("GetChannel", self.pb.GetChannelRequest(channel=ROOM))
        check(answer.channel.type == self.pb.CHANNEL_TYPE_PRESENCE, f"{answer}")
        check(answer.channel.subscriber_count == 1, f"{answer}")
        check(answer.channel.member_count == 1, f"{answer}")
        answer = self.call("ListChannels", self.pb.ListChannelsRequest())
        names = [channel.name for channel in answer.channels]
        check(names == ["news", ROOM], f"channels: {names}")
        answer = self.call("GetStats", self.pb.GetStatsRequest())
        check(answer.subscription_count == 2, f"subscriptions: {answer}")
        check(len(answer.gateways) == 2, f"gateways: {answer}")

    def watch(self):
        """Opens a Watch and reads up to the last `subscribed`."""
        request = self.pb.WatchRequest(channels=["news", ROOM])
        messages = self.stub.Watch(request, **self.options)
        kinds = [next(messages).message.WhichOneof("message") for _ in range(3)]
        check(kinds == ["connected", "subscribed", "subscribed"], f"{kinds}")
        return messages

    def check_watched(self, messages) -> None:
        seen = []
        while len(seen) < 5:
            message = next(messages).message
            kind = message.WhichOneof("message")
            if kind == "event":
                seen.append((kind, message.event.event, message.event.data))
            else:
                seen.append((kind, getattr(message, kind).user_id))
        expected = [
            ("event", "python", b'{"n": 1}'),
            ("event", "streamed", b"1"),
            ("event", "streamed", b"3"),
            ("member_added", "ada"),
            ("member_removed", "ada"),
        ]
        check(seen == expected, f"watched: {seen}")
        messages.cancel()

    def leave(self, socket_id: str) -> None:
        self.call(
            "Unsubscribe",
            self.pb.UnsubscribeRequest(socket_id=socket_id, channel=ROOM),
        )
        answer = self.call(
            "Disconnect",
            self.pb.DisconnectRequest(socket_id=socket_id, reason="python said so"),
        )
        check(answer.disconnected_count == 1, f"one was closed: {answer}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    stubs.add_arguments(parser)
    parser.add_argument("--address", required=True)
    parser.add_argument("--socket_id", required=True)
    parser.add_argument("--token", default="")
    arguments = parser.parse_args()
    messages_pb, pb, pb_grpc = stubs.load(
        arguments,
        "server_message_pb2",
        "broadcast_service_pb2",
        "broadcast_service_pb2_grpc",
    )
    # Not through a proxy that the environment names.
    direct = [("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(arguments.address, options=direct) as channel:
        backend = Backend(channel, pb, pb_grpc, arguments.token)
        watched = backend.watch()
        backend.publish()
        backend.publish_badly()
        backend.publish_a_stream()
        backend.subscribe(messages_pb.Member, arguments.socket_id)
        backend.look()
        backend.leave(arguments.socket_id)
        backend.check_watched(watched)
    print("all answers were right")


if __name__ == "__main__":
    main()
