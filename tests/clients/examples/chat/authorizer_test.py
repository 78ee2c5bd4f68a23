# SPDX-License-Identifier: Apache-2.0
"""The decisions of the chat's authorizer: direct ones, then those over gRPC."""

import json
import queue
import threading
import unittest
import unittest.mock

import grpc

import support
import authorizer
import logins
import stubs

SOCKET, ROOM = "12.34", "presence-chat-general"
ACTIVITY = "private-chat"


class Decisions(unittest.TestCase):
    def setUp(self):
        self.clock = support.Clock()
        self.logins = logins.Logins(b"secret", self.clock, self.clock)
        self.login, self.cookie = self.logins.open("Ada", "teal")

    def decide(self, channel, token, socket_id=SOCKET):
        return authorizer.decide(self.logins, channel, socket_id, token)

    def pass_for(self, channel):
        return self.logins.issue_pass(self.login, channel, SOCKET)

    def assert_no(self, decision, pattern):
        self.assertFalse(decision.allowed)
        self.assertRegex(decision.reason, pattern)

    def test_a_pass_names_the_member_until_the_login_ends(self):
        for channel in (ROOM, ACTIVITY):
            self.assertEqual(
                self.decide(channel, self.pass_for(channel)),
                authorizer.Decision(True, "", self.login.user_id,
                                    {"name": "Ada", "color": "teal"},
                                    logins.LOGIN_SECONDS))

    def test_a_pass_opens_neither_another_channel_nor_another_socket(self):
        token = self.pass_for(ROOM)
        self.assert_no(self.decide("presence-chat-launch", token),
                       "another channel")
        self.assert_no(self.decide(ROOM, token, "56.78"),
                       "another connection")

    def test_the_chats_channels_want_a_pass(self):
        for token in ("", "user:ada", self.cookie, "a.b", "\x00", "ü"):
            for channel in (ROOM, ACTIVITY, "presence-chat-"):
                self.assert_no(self.decide(channel, token), "not valid")

    def test_old_passes_and_old_logins_are_refused(self):
        token = self.pass_for(ROOM)
        self.clock.advance(logins.PASS_SECONDS + 1)
        self.assert_no(self.decide(ROOM, token), "the pass has expired")
        self.clock.advance(logins.LOGIN_SECONDS)
        self.assert_no(self.decide(ROOM, self.pass_for(ROOM)),
                       "the login has expired")

    def test_a_user_that_has_logged_out_is_refused(self):
        token = self.pass_for(ROOM)
        self.logins.close(self.login)
        self.assert_no(self.decide(ROOM, token), "logged out")

    def test_other_channels_take_a_name(self):
        for channel in ("presence-room", "private-mail", "private-chatter"):
            self.assertEqual(
                self.decide(channel, "user:ada"),
                authorizer.Decision(True, "", "ada", {"name": "ada"}))
            for token in ("", "ada", "user:", "user:a b", "user:ada\n",
                          "user:" + "x" * 65, self.pass_for(ROOM)):
                self.assert_no(self.decide(channel, token), "user:NAME")


class OverGrpc(unittest.TestCase):
    def setUp(self):
        self.logins = logins.Logins(b"secret")
        self.login, _ = self.logins.open("Ada", "teal")
        self.authorizer = authorizer.Authorizer(self.logins, "127.0.0.1:0")
        self.addCleanup(self.authorizer.stop)
        self.messages = stubs.load("authorizer_service_pb2")

    def open_stream(self):
        """A queue of questions and the answers to them."""
        connection = grpc.insecure_channel(
            f"127.0.0.1:{self.authorizer.port}",
            options=[("grpc.enable_http_proxy", 0)])
        self.addCleanup(connection.close)
        herald = stubs.load("authorizer_service_pb2_grpc")
        questions = queue.Queue()
        answers = herald.AuthorizerServiceStub(connection).Authorize(
            iter(questions.get, None), timeout=support.PATIENCE)
        self.addCleanup(questions.put, None)
        self.assertTrue(next(answers).HasField("ready"))
        return questions, answers

    def ask(self, questions, number, token):
        questions.put(self.messages.AuthorizeRequest(
            request_id=number, socket_id=SOCKET, channel=ROOM,
            auth_token=token))

    def decisions(self, answers, count):
        """The next ones by their question: they come in any order."""
        decisions = [next(answers).decision for _ in range(count)]
        by_number = {one.request_id: one for one in decisions}
        self.assertEqual(len(by_number), count, decisions)
        return by_number

    def test_each_question_gets_its_answer(self):
        questions, answers = self.open_stream()
        self.ask(questions, 1,
                 self.logins.issue_pass(self.login, ROOM, SOCKET))
        self.ask(questions, 2, "forged")
        decisions = self.decisions(answers, 2)
        yes, no = decisions[1], decisions[2]
        self.assertTrue(yes.allowed)
        self.assertEqual(yes.member.user_id, self.login.user_id)
        self.assertEqual(json.loads(yes.member.user_info),
                         {"name": "Ada", "color": "teal"})
        self.assertAlmostEqual(yes.expires_after.seconds,
                               logins.LOGIN_SECONDS, delta=60)
        self.assertEqual((no.allowed, no.reason),
                         (False, "the token is not valid"))

    def test_slow_lookups_are_made_at_once(self):
        # None of them ends before all have begun.
        all_begun = threading.Barrier(authorizer.DECIDERS)

        def decide(known, channel, socket_id, token):
            del known, channel, socket_id
            all_begun.wait(support.PATIENCE)
            return authorizer.Decision(True, "", token)

        questions, answers = self.open_stream()
        with unittest.mock.patch.object(authorizer, "decide", decide):
            for number in range(1, authorizer.DECIDERS + 1):
                self.ask(questions, number, f"user{number}")
            decisions = self.decisions(answers, authorizer.DECIDERS)
        self.assertEqual(
            {number: (decision.allowed, decision.member.user_id)
             for number, decision in decisions.items()},
            {number: (True, f"user{number}")
             for number in range(1, authorizer.DECIDERS + 1)})

    def test_a_slow_lookup_holds_up_neither_others_nor_keepalives(self):
        go_on = threading.Event()
        self.addCleanup(go_on.set)

        def decide(known, channel, socket_id, token):
            del known, channel, socket_id
            if token == "slow":
                go_on.wait(support.PATIENCE)
            return authorizer.Decision(True, "", token)

        questions, answers = self.open_stream()
        with unittest.mock.patch.object(authorizer, "decide", decide):
            self.ask(questions, 1, "slow")
            self.ask(questions, 2, "quick")
            self.assertEqual(next(answers).decision.request_id, 2)
            questions.put(self.messages.AuthorizeRequest(keepalive={}))
            self.assertTrue(next(answers).HasField("ready"))
            go_on.set()
            self.assertEqual(next(answers).decision.request_id, 1)

    def test_a_failed_decision_costs_its_question_only(self):
        def decide(known, channel, socket_id, token):
            del known, channel, socket_id
            if token == "raise":
                raise ValueError("a bug")
            # Neither a user_id of a number nor a set in user_info is a message.
            return authorizer.Decision(True, "", 5 if token == "id" else "ada",
                                       {"tags": {1}} if token == "info" else {})

        questions, answers = self.open_stream()
        with unittest.mock.patch.object(authorizer, "decide", decide), \
                self.assertLogs(level="ERROR"):
            for number, token in enumerate(("raise", "id", "info")):
                self.ask(questions, number, token)
                no = next(answers).decision
                self.assertEqual((no.request_id, no.allowed, no.reason),
                                 (number, False, "the authorizer failed"))
            self.ask(questions, 4, "good")
            self.assertTrue(next(answers).decision.allowed)

    def test_a_revocation_reaches_streams_of_now_and_of_later(self):
        _, answers = self.open_stream()
        self.authorizer.revoke("a1", "logged out")
        _, later = self.open_stream()
        for stream in (answers, later):
            revocation = next(stream).revocation
            self.assertEqual((revocation.user_id, revocation.channel,
                              revocation.reason), ("a1", "", "logged out"))

    def test_more_broken_streams_than_there_are_places_do_no_harm(self):
        for _ in range(2 * authorizer.STREAMS_MAX):
            questions, answers = self.open_stream()
            self.ask(questions, 1, "forged")
            self.assertEqual(next(answers).decision.request_id, 1)
            answers.cancel()

    def test_a_port_in_use_is_an_error(self):
        with self.assertRaises(OSError):
            authorizer.Authorizer(self.logins,
                                  f"127.0.0.1:{self.authorizer.port}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
