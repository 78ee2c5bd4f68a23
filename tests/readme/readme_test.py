# SPDX-License-Identifier: Apache-2.0
"""Runs the programs on the README and the pages, against real processes.

usage: readme_test.py SOURCE_DIR HERALD_SERVICE HERALD_GATEWAY HERALD

Every block behind a `<!-- run: NAME -->` is used: shell and Python blocks are
run as they stand, the transcript of messages is played line by line. The
backends in each language have a test of their own, backends_test.py. The links
and the length of the README are checked by pages_test.py.
"""

import json
import os
import re
import shlex
import sys
import tempfile
import time
import unittest

import blocks
from browser import Browser
from processes import Herald, Process, environment, free_address, run

SOURCE, SERVICE, GATEWAY, HERALD = (os.path.abspath(a) for a in sys.argv[1:5])
BACKENDS = [f"{program}.{language}" for program in ("publish", "authorizer")
            for language in ("py", "mjs", "cc")]


class Readme(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.blocks = blocks.marked(SOURCE)
        os.symlink(os.path.join(SOURCE, "proto"),
                   os.path.join(cls.folder, "proto"))
        code, said = run(["sh", "-e", "-c", cls.blocks["stubs"]],
                         cwd=cls.folder)
        assert code == 0, said
        blocks.write(SOURCE, cls.folder, "rpcs.py", "authorizer.py")

        address = free_address()
        cls.authorizer = Process(
            ["/usr/bin/python3", "authorizer.py"], cwd=cls.folder,
            env=environment(AUTHORIZER=address))
        cls.addClassCleanup(cls.authorizer.stop)
        cls.authorizer.wait_for("ready")
        cls.authorizer.drain()
        cls.herald = Herald(SERVICE, GATEWAY, address, cls.folder)
        cls.addClassCleanup(cls.herald.stop)
        cls.environment = environment(
            HERALD=cls.herald.address,
            BROADCAST_GRPC_ADDRESS=cls.herald.address,
            http_proxy="http://127.0.0.1:1",  # To be ignored.
            PATH=os.pathsep.join([os.path.dirname(HERALD),
                                  os.environ["PATH"]]))

    def connect(self):
        browser = Browser(*self.herald.where())
        self.addCleanup(browser.close)
        return browser

    def run_command(self, command):
        code, said = run(command, cwd=self.folder, env=self.environment)
        self.assertEqual(code, 0, said)
        return said

    def test_every_program_is_run(self):
        self.assertEqual(blocks.unmarked_languages(SOURCE), [])

    def test_every_backend_is_short(self):
        for name in BACKENDS:
            with self.subTest(name):
                self.assertLessEqual(len(self.blocks[name].splitlines()), 40)

    def test_the_first_programs_are_shorter(self):
        for name, most in (("page.html", 5), ("first_publish.py", 6),
                           ("first_authorizer.py", 28)):
            with self.subTest(name):
                self.assertLessEqual(len(self.blocks[name].splitlines()), most)

    def write_with(self, name, **addresses):
        """Saves a block; its default ports are those of `addresses`."""
        text = self.blocks[name]
        for port, address in addresses.items():
            usual = f"127.0.0.1:{port[1:]}"
            self.assertIn(usual, text)
            text = text.replace(usual, address)
        with open(os.path.join(self.folder, name), "w",
                  encoding="utf-8") as file:
            file.write(text)

    def start_first_programs(self):
        """The authorizer of the README, and a Herald that asks it."""
        address = free_address()
        self.write_with("first_authorizer.py", _50052=address)
        authorizer = Process(
            ["/usr/bin/python3", "first_authorizer.py"], cwd=self.folder,
            env=environment(PYTHONPATH="stubs"))
        self.addCleanup(authorizer.stop)
        herald = Herald(SERVICE, GATEWAY, address, self.folder)
        self.addCleanup(herald.stop)
        self.write_with("first_publish.py", _50051=herald.address)
        return herald

    def test_the_first_programs_authorize_and_publish(self):
        browser = Browser(*self.start_first_programs().where())
        self.addCleanup(browser.close)
        browser.hear()
        told = browser.say(type="subscribe", channel="presence-room",
                           auth="token-of-ada")
        self.assertEqual(
            (told["type"], told["members"][0]["user_id"]),
            ("subscribed", "ada"), told)
        for auth in ("", "token-of-bob"):
            told = browser.say(type="subscribe", channel="private-mail",
                               auth=auth)
            self.assertEqual(told["code"], "unauthorized", told)
        browser.say(type="subscribe", channel="news")
        code, said = run(
            ["/usr/bin/python3", "first_publish.py"], cwd=self.folder,
            env={**self.environment, "PYTHONPATH": "stubs"})
        self.assertEqual((code, said), (0, "1 subscribers\n"))
        self.assertEqual(browser.hear_json()["data"], {"text": "hello"})

    def test_the_first_authorizer_decides_concurrently(self):
        """An error costs its question only; a lookup delays no other one."""
        text = self.blocks["first_authorizer.py"]
        decide = "def decide(question):"
        self.assertIn(decide, text)
        before, _, after = text.partition(decide)
        comment, _, body = after.partition("\n")
        self.blocks["first_authorizer.py"] = (
            before + decide + comment + "\n"
            "    if question.auth_token == 'bug': raise KeyError\n"
            "    __import__('time').sleep(0.05)\n" + body)
        self.addCleanup(self.blocks.__setitem__, "first_authorizer.py", text)
        herald = self.start_first_programs()
        browsers = []
        for _ in range(100):
            browsers.append(Browser(*herald.where()))
            self.addCleanup(browsers[-1].close)
            browsers[-1].hear()
        begin = time.monotonic()
        for i, browser in enumerate(browsers):
            browser.send(json.dumps({
                "type": "subscribe", "channel": "private-mail",
                "auth": "bug" if i % 10 == 5 else "token-of-ada"}))
        for i, browser in enumerate(browsers):
            answer = browser.hear_json()
            self.assertEqual(
                answer.get("code", "allowed"),
                "unauthorized" if i % 10 == 5 else "allowed", answer)
        # One after the other they would take 4.5 s.
        self.assertLess(time.monotonic() - begin, 3)

    def test_a_broadcast_reaches_a_browser_and_a_watch(self):
        """The five minutes: listen, watch, broadcast."""
        browser = self.connect()
        browser.hear()
        told = browser.say(type="subscribe", channel="news")
        self.assertEqual(told["type"], "subscribed")
        watch = Process([HERALD, "watch", "news", "--json"], cwd=self.folder,
                        env=self.environment)
        self.addCleanup(watch.stop)
        watch.wait_for("subscribed")
        self.run_command(
            ["herald", "broadcast", "news", "greeting", '{"text":"hello"}'])
        self.assertEqual(
            browser.hear_json(),
            {"type": "event", "event": "greeting", "channel": "news",
             "data": {"text": "hello"}})
        watch.wait_for("greeting")

    def test_every_rpc_answers_as_shown(self):
        socket_id = self.connect().hear_json()["socket_id"]
        self.assertEqual(
            self.run_command(["/usr/bin/python3", "rpcs.py", socket_id]),
            "every RPC answered\n")

    def test_messages_are_as_shown(self):
        browsers = {}
        for line in self.blocks["messages"].splitlines():
            who, rest = line.split(" ", 1)
            if who == "$":
                self.run_command(shlex.split(rest))
                continue
            if who == ">":
                self.authorizer.type(rest)
                continue
            if who not in browsers:
                browsers[who] = self.connect()
            direction, text = rest.split(" ", 1)
            if direction == "→":
                browsers[who].send(text)
            else:
                self.assertEqual(self.heard(browsers[who]), text)

    def heard(self, browser):
        """The next message of a browser, as the page writes it."""
        return re.sub(r'("socket_id":")\d+\.\d+"', r'\g<1>1234.5678"',
                      browser.hear())

    def test_the_command_line_does_as_shown(self):
        browser = self.connect()
        browser.hear()
        told = browser.say(type="subscribe", channel="presence-room",
                           auth="user:ada")
        self.assertEqual(told["type"], "subscribed")
        said = self.run_command(["sh", "-e", "-c", self.blocks["shell"]])
        self.assertRegex(said, r"(?m)^presence-room\s+presence\s+1\s+1")
        self.assertRegex(said, r"(?m)^ada\s")
        self.assertEqual(browser.hear(), "closed 4003 see you")

    def serve(self, rules):
        """Starts a service with a file of a page; returns its address."""
        blocks.write(SOURCE, self.folder, rules)
        address = free_address()
        service = Process(
            [SERVICE, f"--config={rules}", f"--grpc_address={address}",
             "--metrics_address=127.0.0.1:0"],
            cwd=self.folder, env=environment())
        self.addCleanup(service.stop)
        service.wait_for("ready")
        service.drain()
        return {**self.environment, "BROADCAST_GRPC_ADDRESS": address}

    def test_the_listener_dials_nothing_but_a_url_of_a_websocket(self):
        listener = os.path.join(SOURCE, "clients/examples/listen.py")
        for url in ("localhost:8080/ws", "wss://localhost:8080/ws", "ws:///ws",
                    "ws://localhost:99999/ws", "ws://[::1/ws"):
            code, said = run(
                ["/usr/bin/python3", listener, "news", "--url", url],
                cwd=self.folder, env=environment())
            self.assertEqual(code, 2, said)
            self.assertRegex(said, r"\Alisten: [^\n]*\n\Z")

    def test_rules_hold_as_shown(self):
        ruled = self.serve("rules.json")
        for size, expected in (4096, 0), (4097, 1):
            code, said = run(
                ["herald", "broadcast", "chat.support.7", "e",
                 json.dumps("x" * (size - 2))], cwd=self.folder, env=ruled)
            self.assertEqual(code, expected, said)
        self.assertIn("at most 4096", said)

    def test_a_history_is_as_shown(self):
        remembering = self.serve("history.json")
        run(["herald", "broadcast", "chat.1", "e", "1"], cwd=self.folder,
            env=remembering)
        code, said = run(["herald", "history", "chat.1"], cwd=self.folder,
                         env=remembering)
        self.assertEqual(code, 0, said)
        self.assertRegex(said, r"\b1\b.*\be\b")

    def test_settings_are_as_listed(self):
        """Both programs know each variable of the table and its default."""
        rows = re.findall(
            r"^\| `BROADCAST_(\w+)` \| (\w+) \| (.*) \| (\S+) \|$",
            blocks.text(SOURCE, "proto/README.md"), re.MULTILINE)
        self.assertGreater(len(rows), 20)
        programs = {"service": [SERVICE], "gateway": [GATEWAY],
                    "both": [SERVICE, GATEWAY]}
        for name, owner, meaning, default in rows:
            values = [] if default == "none" else [default]
            if name.startswith("LOG_"):
                values += re.findall(r"`(\w+)`", meaning)
            for program in programs[owner]:
                for value in values:
                    self.check_setting(program, name, value)

    def check_setting(self, program, name, value):
        """A bad setting behind it stops the program, not this one."""
        settings = {f"BROADCAST_{name}": value}
        bad = "MAX_CHANNELS" if program == SERVICE else "MAX_QUEUE"
        if name == bad:
            bad = "LOG_FORMAT"
        settings[f"BROADCAST_{bad}"] = "nonsense"
        code, said = run([program], cwd=self.folder,
                         env=environment(**settings))
        self.assertEqual(code, 2, said)
        self.assertIn(bad, said)
        self.assertNotIn(f"BROADCAST_{name} ", said)
        self.assertNotIn(f"BROADCAST_{name}:", said)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
