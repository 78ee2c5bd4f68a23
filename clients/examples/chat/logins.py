# SPDX-License-Identifier: Apache-2.0
"""Logins: signed tokens, and a list of those that were closed.

A token is base64url(JSON) "." base64url(HMAC-SHA256). There are two kinds,
and neither is accepted as the other. The login is kept in a cookie that no
script can read. The pass is presented to Herald, and is valid for one channel
of one socket for a minute.

A login belongs to one browser tab, its "seat", which the page names in a
header. So two windows of one browser are two users, and one person can try
the chat. All methods may be called from any thread.
"""

import base64
import collections
import dataclasses
import hashlib
import hmac
import json
import secrets
import threading
import time

LOGIN_SECONDS = 12 * 3600
PASS_SECONDS = 60
TOKEN_MAX = 2048           # Characters.
LOGGED_OUT_MAX = 10000     # The oldest is forgotten first.


class BadToken(Exception):
    """The token is not ours, not for this use, or too old; see the text."""


@dataclasses.dataclass(frozen=True)
class Login:
    """One person, for as long as the login lasts."""
    user_id: str
    name: str
    color: str
    ends: float  # In seconds since 1970.


class Logins:
    def __init__(self, secret, clock=time.time, monotonic=time.monotonic):
        """`clock` ends logins, which outlive reboots; `monotonic` passes."""
        self._secret = secret
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._logged_out = collections.OrderedDict()

    def open(self, name, color):
        """A new login, and its token for the cookie."""
        ends = self._clock() + LOGIN_SECONDS
        login = Login(secrets.token_hex(8), name, color, ends)
        return login, self._sign("login", dataclasses.asdict(login))

    def close(self, login):
        """Refuses its token and its passes from now on."""
        with self._lock:
            self._logged_out[login.user_id] = True
            if len(self._logged_out) > LOGGED_OUT_MAX:
                self._logged_out.popitem(last=False)

    def check(self, token):
        """The login of a cookie's token."""
        return self._alive(self._verify("login", token))

    def issue_pass(self, login, channel, socket_id):
        """The credentials that the browser presents to Herald."""
        return self._sign("pass", {
            **dataclasses.asdict(login), "channel": channel,
            "socket_id": socket_id, "issued": self._monotonic()})

    def check_pass(self, token, channel, socket_id):
        """The login behind a pass for this channel and this socket."""
        claims = self._verify("pass", token)
        if claims.pop("channel") != channel:
            raise BadToken("the pass is for another channel")
        if claims.pop("socket_id") != socket_id:
            raise BadToken("the pass is for another connection")
        # A pass of before a reboot may seem to be of the future.
        if not 0 <= self._monotonic() - claims.pop("issued") <= PASS_SECONDS:
            raise BadToken("the pass has expired")
        return self._alive(claims)

    def seconds_left(self, login):
        return login.ends - self._clock()

    def _alive(self, claims):
        login = Login(**claims)
        if self.seconds_left(login) <= 0:
            raise BadToken("the login has expired")
        with self._lock:
            if login.user_id in self._logged_out:
                raise BadToken("logged out")
        return login

    def _sign(self, kind, claims):
        payload = _encode(json.dumps(claims).encode())
        return f"{payload}.{self._signature(kind, payload)}"

    def _verify(self, kind, token):
        payload, _, signature = token[:TOKEN_MAX + 1].partition(".")
        expected = self._signature(kind, payload)
        if len(token) > TOKEN_MAX or not hmac.compare_digest(
                signature.encode(), expected.encode()):
            raise BadToken("the token is not valid")
        return json.loads(_decode(payload))  # Signed, so it is our own JSON.

    def _signature(self, kind, payload):
        return _encode(hmac.new(self._secret, f"{kind}:{payload}".encode(),
                                hashlib.sha256).digest())


def _encode(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
