# SPDX-License-Identifier: Apache-2.0
"""Which tokens the chat accepts, and for how long."""

import base64
import json
import unittest

import support  # First: it makes the chat's modules known.
import logins

SOCKET, CHANNEL = "12.34", "presence-chat-general"


class TheLogins(unittest.TestCase):
    def setUp(self):
        self.clock = support.Clock()
        self.monotonic = support.Clock(5000.0)
        self.logins = logins.Logins(b"secret", self.clock, self.monotonic)
        self.login, self.token = self.logins.open("Ada", "teal")

    def assert_bad(self, pattern, call, *arguments):
        with self.assertRaisesRegex(logins.BadToken, pattern):
            call(*arguments)

    def new_pass(self):
        return self.logins.issue_pass(self.login, CHANNEL, SOCKET)

    def test_know_the_user_of_each_token(self):
        self.assertEqual(self.logins.check(self.token), self.login)
        self.assertEqual((self.login.name, self.login.color), ("Ada", "teal"))

    def test_give_each_login_an_id_of_its_own(self):
        other, _ = self.logins.open("Ada", "teal")
        self.assertNotEqual(other.user_id, self.login.user_id)

    def test_refuse_text_that_is_no_token(self):
        for token in ("", ".", "a.b", "é.é", "x" * 100_000, self.token + "x",
                      "x" + self.token, self.token.partition(".")[0]):
            self.assert_bad("not valid", self.logins.check, token)

    def test_refuse_a_token_with_changed_content(self):
        payload, _, signature = self.token.partition(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
        claims["name"] = "Eve"
        forged = base64.urlsafe_b64encode(json.dumps(claims).encode())
        self.assert_bad("not valid", self.logins.check,
                        f"{forged.decode().rstrip('=')}.{signature}")

    def test_refuse_a_token_of_another_secret(self):
        _, foreign = logins.Logins(b"other", self.clock).open("Ada", "teal")
        self.assert_bad("not valid", self.logins.check, foreign)

    def test_end_a_login_on_time(self):
        self.clock.advance(logins.LOGIN_SECONDS - 1)
        self.assertEqual(self.logins.check(self.token), self.login)
        self.clock.advance(1)
        self.assert_bad("the login has expired", self.logins.check, self.token)

    def test_accept_a_pass_for_its_channel_and_socket(self):
        token = self.new_pass()
        self.assertEqual(self.logins.check_pass(token, CHANNEL, SOCKET),
                         self.login)
        self.assert_bad("another channel", self.logins.check_pass, token,
                        "presence-chat-launch", SOCKET)
        self.assert_bad("another connection", self.logins.check_pass, token,
                        CHANNEL, "12.35")

    def test_end_a_pass_after_a_minute(self):
        token = self.new_pass()
        self.monotonic.advance(logins.PASS_SECONDS)
        self.logins.check_pass(token, CHANNEL, SOCKET)
        self.monotonic.advance(1)
        self.assert_bad("the pass has expired", self.logins.check_pass, token,
                        CHANNEL, SOCKET)

    def test_neither_end_nor_extend_a_pass_when_the_time_of_day_is_set(self):
        token = self.new_pass()
        self.clock.advance(3600)
        self.logins.check_pass(token, CHANNEL, SOCKET)
        self.clock.advance(-7200)
        self.monotonic.advance(logins.PASS_SECONDS + 1)
        self.assert_bad("the pass has expired", self.logins.check_pass, token,
                        CHANNEL, SOCKET)

    def test_refuse_a_pass_of_before_a_reboot(self):
        token = self.new_pass()
        self.monotonic.now = 1.0
        self.assert_bad("the pass has expired", self.logins.check_pass, token,
                        CHANNEL, SOCKET)

    def test_distinguish_a_login_from_a_pass(self):
        self.assert_bad("not valid", self.logins.check_pass, self.token,
                        CHANNEL, SOCKET)
        self.assert_bad("not valid", self.logins.check, self.new_pass())

    def test_refuse_token_and_passes_after_the_logout(self):
        token = self.new_pass()
        self.logins.close(self.login)
        self.assert_bad("logged out", self.logins.check, self.token)
        self.assert_bad("logged out", self.logins.check_pass, token, CHANNEL,
                        SOCKET)

    def test_remember_a_bounded_number_of_logouts(self):
        self.logins.close(self.login)
        for _ in range(logins.LOGGED_OUT_MAX):
            other, other_token = self.logins.open("Bob", "blue")
            self.logins.close(other)
        self.assert_bad("logged out", self.logins.check, other_token)
        self.assertEqual(self.logins.check(self.token), self.login)


if __name__ == "__main__":
    unittest.main(verbosity=2)
