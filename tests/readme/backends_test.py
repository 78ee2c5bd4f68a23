# SPDX-License-Identifier: Apache-2.0
"""Runs the publisher and the authorizer of one language in clients/README.md.

usage: backends_test.py LANGUAGE SOURCE_DIR HERALD_SERVICE HERALD_GATEWAY ...

    Python
    Node  NODE
    C++   CMAKE -DCMAKE_PREFIX_PATH=INSTALLED_CLIENT...

The programs are those of the page, as they stand, in a folder of their own,
with the packages that the page names. They meet a real Herald. Two
things are added: the authorizer's decisions take longer, as if it looked a
session up, and longest for `user:slow`; and bugs make them fail for the tokens
`user:5` and `user:6`.
"""

import importlib
import os
import pathlib
import queue
import sys
import tempfile
import time
import unittest

import grpc

import blocks
from browser import Browser
from processes import (DEADLINE, Herald, Process, environment, free_address,
                       run)

LANGUAGE, SOURCE, SERVICE, GATEWAY, *TOOLS = sys.argv[1:]
BUILD_SECONDS = 240
LOOKUP_SECONDS = 0.05
SLOW_SECONDS = 3  # For the token `user:slow`.


def succeed(command, folder, **options):
    code, said = run(command, cwd=folder, **options)
    assert code == 0, f"{command} failed with {code}:\n{said}"


def add_behind(folder, name, decide, *lines):
    """Adds `lines` behind the line that contains `decide`."""
    file = pathlib.Path(folder, name)
    before, line, after = file.read_text().partition(decide)
    assert line, f"{name} has no line with {decide!r}"
    rest, end, after = after.partition("\n")
    file.write_text(before + line + rest + end +
                    "".join(added + end for added in lines) + after)


def prepare_python(folder):
    """Each of these returns the commands for the two programs."""
    blocks.write(SOURCE, folder, "publish.py", "authorizer.py")
    add_behind(folder, "authorizer.py", "def decide(",
               "    slow = question.auth_token == 'user:slow'",
               f"    __import__('time').sleep({SLOW_SECONDS} if slow else "
               f"{LOOKUP_SECONDS})",
               "    assert question.auth_token != 'user:6'")
    # A user_id that is a number makes no decision.
    file = pathlib.Path(folder, "authorizer.py")
    file.write_text(file.read_text().replace(
        '{"user_id": name,', '{"user_id": 5 if name == "5" else name,'))
    return [["/usr/bin/python3", name]
            for name in ("publish.py", "authorizer.py")]


def prepare_node(folder):
    node, = TOOLS
    os.symlink(os.path.join(SOURCE, "tests/tools/node_modules"),
               os.path.join(folder, "node_modules"))
    blocks.write(SOURCE, folder, "publish.mjs", "authorizer.mjs")
    add_behind(folder, "authorizer.mjs", "async function decide(",
               '  const slow = question.authToken === "user:slow";',
               "  await new Promise((done) => setTimeout(done, slow ? "
               f"{SLOW_SECONDS * 1000} : {LOOKUP_SECONDS * 1000}));",
               '  if (question.authToken === "user:6") throw undefined;',
               '  if (question.authToken === "user:5") return { member: 5 };')
    return [[node, name] for name in ("publish.mjs", "authorizer.mjs")]


def prepare_cpp(folder):
    cmake, *settings = TOOLS
    blocks.write(SOURCE, folder, "CMakeLists.txt", "publish.cc",
                 "authorizer.cc")
    add_behind(folder, "authorizer.cc", "client::Decision Authorize(",
               '    const bool slow = question.auth_token() == "user:slow";',
               f"    usleep(slow ? {int(SLOW_SECONDS * 1e6)} : "
               f"{int(LOOKUP_SECONDS * 1e6)});",
               '    if (question.auth_token() == "user:5") throw 5;',
               '    if (question.auth_token() == "user:6") throw "six";')
    succeed([cmake, "-B", "build", "-G", "Ninja", *settings], folder,
            timeout=BUILD_SECONDS)
    succeed([cmake, "--build", "build"], folder, timeout=BUILD_SECONDS)
    return [["build/publish"], ["build/authorizer"]]


PREPARE = {"Python": prepare_python, "Node": prepare_node, "C++": prepare_cpp}
# To be ignored: nothing listens there.
PROXY = {name: "http://127.0.0.1:1" for name in ("http_proxy", "grpc_proxy")}


class Backend(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        os.symlink(os.path.join(SOURCE, "proto"),
                   os.path.join(cls.folder, "proto"))
        succeed(["sh", "-e", "-c", blocks.marked(SOURCE)["stubs"]], cls.folder)
        sys.path.insert(0, os.path.join(cls.folder, "stubs"))
        cls.publish, cls.authorize = PREPARE[LANGUAGE](cls.folder)

        cls.address = address = free_address()
        cls.authorizer = Process(
            cls.authorize, cwd=cls.folder, env=environment(AUTHORIZER=address))
        cls.addClassCleanup(cls.authorizer.stop)
        cls.authorizer.wait_for("ready")
        cls.authorizer.drain()
        cls.herald = Herald(SERVICE, GATEWAY, address, cls.folder)
        cls.addClassCleanup(cls.herald.stop)

    def connect(self):
        browser = Browser(*self.herald.where())
        self.addCleanup(browser.close)
        self.assertEqual(browser.hear_json()["type"], "connected")
        return browser

    def subscribe(self, channel, user):
        """A connected browser, and its frames."""
        browser = self.connect()
        told = browser.say(type="subscribe", channel=channel,
                           auth=f"user:{user}")
        self.assertEqual((told["type"], told["channel"]),
                         ("subscribed", channel), told)
        return browser, told

    def run_publisher(self, address, **more):
        return run(self.publish, cwd=self.folder,
                   env=environment(HERALD=address, **more))

    def log_out(self, user):
        self.authorizer.type(user)

    def test_publishes_and_prints_the_number_of_subscribers(self):
        self.assertEqual(self.run_publisher(self.herald.address),
                         (0, "0 subscribers\n"))
        browser = self.connect()
        told = browser.say(type="subscribe", channel="news")
        self.assertEqual(told, {"type": "subscribed", "channel": "news"})
        self.assertEqual(self.run_publisher(self.herald.address),
                         (0, "1 subscribers\n"))
        self.assertEqual(
            browser.hear_json(),
            {"type": "event", "event": "greeting", "channel": "news",
             "data": {"text": "hello"}})

    def test_dials_no_proxy_of_the_environment(self):
        self.assertEqual(self.run_publisher(self.herald.address, **PROXY),
                         (0, "0 subscribers\n"))

    def test_reports_that_nothing_was_published(self):
        code, said = self.run_publisher(free_address())
        self.assertNotEqual(code, 0)
        self.assertNotIn("subscribers", said)
        self.assertIn("UNAVAILABLE", said)

    def test_lets_a_good_token_into_a_private_channel(self):
        self.subscribe("private-mail", "pam")

    def test_names_the_members_of_a_presence_channel(self):
        pam = {"user_id": "pam", "user_info": {"name": "pam"}}
        ron = {"user_id": "ron", "user_info": {"name": "ron"}}
        first, told = self.subscribe("presence-room", "pam")
        self.assertEqual(told["members"], [pam])
        _, told = self.subscribe("presence-room", "ron")
        self.assertCountEqual(told["members"], [pam, ron])
        self.assertEqual(first.hear_json(), {
            "type": "member_added", "channel": "presence-room", **ron})

    def test_reports_why_a_bad_token_is_refused(self):
        for channel in ("private-mail", "presence-room"):
            for auth in ("wrong", "user:", "admin:pam", ""):
                with self.subTest(channel=channel, auth=auth):
                    browser = self.connect()
                    self.assertEqual(
                        browser.say(type="subscribe", channel=channel,
                                    auth=auth),
                        {"type": "subscription_error", "channel": channel,
                         "code": "unauthorized",
                         "error": "the token is not valid"})

    def test_fails_for_one_question_only(self):
        waiting = self.connect()
        waiting.send('{"type":"subscribe","channel":"private-mail",'
                     '"auth":"user:pam"}')
        for user in "56":
            told = self.connect().say(type="subscribe", channel="private-mail",
                                      auth=f"user:{user}")
            self.assertRegex(told.pop("error"), "^the authorizer failed")
            self.assertEqual(told, {
                "type": "subscription_error", "channel": "private-mail",
                "code": "unauthorized"})
        self.assertEqual(waiting.hear_json()["type"], "subscribed")

    def open_stream(self):
        """A stream as of Herald: a queue of questions, and the answers."""
        pb = importlib.import_module("herald.v1.authorizer_service_pb2")
        rpc = importlib.import_module("herald.v1.authorizer_service_pb2_grpc")
        questions = queue.SimpleQueue()
        self.addCleanup(questions.put, None)
        channel = grpc.insecure_channel(self.address, options=[
            ("grpc.enable_http_proxy", 0)])
        self.addCleanup(channel.close)
        answers = rpc.AuthorizerServiceStub(channel).Authorize(
            iter(questions.get, None), timeout=DEADLINE)
        self.assertEqual(next(answers).WhichOneof("response"), "ready")
        return pb.AuthorizeRequest, questions, answers

    def test_answers_keepalives(self):
        message, questions, answers = self.open_stream()
        for _ in range(3):
            questions.put(message(keepalive={}))
            self.assertEqual(next(answers).WhichOneof("response"), "ready")

    def test_answers_keepalives_while_lookups_are_slow(self):
        message, questions, answers = self.open_stream()
        for number in range(1, 65):
            questions.put(message(request_id=number, auth_token="user:slow",
                                  channel="private-mail"))
        questions.put(message(keepalive={}))
        self.assertEqual(next(answers).WhichOneof("response"), "ready")
        decisions = [next(answers).decision for _ in range(64)]
        self.assertEqual({one.request_id for one in decisions},
                         set(range(1, 65)))
        self.assertTrue(all(one.allowed for one in decisions), decisions)

    def test_decides_concurrently(self):
        browsers = [self.connect() for _ in range(200)]
        begin = time.monotonic()
        for browser in browsers:
            browser.send('{"type":"subscribe","channel":"private-mail",'
                         '"auth":"user:pam"}')
        for browser in browsers:
            self.assertEqual(browser.hear_json(), {
                "type": "subscribed", "channel": "private-mail"})
        one_by_one = len(browsers) * LOOKUP_SECONDS
        self.assertLess(time.monotonic() - begin, one_by_one / 2)

    def test_revokes_the_subscriptions_of_a_user_at_logout(self):
        ada, _ = self.subscribe("private-mail", "ada")
        bob, _ = self.subscribe("private-mail", "bob")
        self.assertEqual(ada.say(type="subscribe", channel="presence-hall",
                                 auth="user:ada")["type"], "subscribed")
        self.log_out("ada")
        lost = [ada.hear_json() for _ in range(2)]
        self.assertCountEqual(
            [(said["type"], said["channel"], said["reason"]) for said in lost],
            [("unsubscribed", "private-mail", "ada has logged out"),
             ("unsubscribed", "presence-hall", "ada has logged out")])
        self.assertEqual(bob.say(type="ping"), {"type": "pong"})

    def test_serves_the_next_service_after_a_crash(self):
        eve, _ = self.subscribe("private-mail", "eve")
        self.herald.restart_service()
        kim, _ = self.subscribe("private-mail", "kim")
        for browser, user in ((eve, "eve"), (kim, "kim")):
            self.log_out(user)
            self.assertEqual(
                browser.hear_json(),
                {"type": "unsubscribed", "channel": "private-mail",
                 "reason": f"{user} has logged out"})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
