# SPDX-License-Identifier: Apache-2.0
"""The page's requests below /api/. Knows requests, but no sockets.

A request is refused with an Error; the page shows its text to the user.
"""

import dataclasses

import logins
import rules
import store


@dataclasses.dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict      # Name to value.
    headers: object  # As http.client.HTTPMessage: get(name) knows no case.
    body: bytes


@dataclasses.dataclass(frozen=True)
class Answer:
    value: object
    status: int = 200
    cookie: str = ""


class Error(Exception):
    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Api:
    """The chat's HTTP API. Any thread may call handle()."""

    def __init__(self, kept, known, publisher, authorizer, websocket):
        self._store = kept
        self._logins = known
        self._publisher = publisher
        self._authorizer = authorizer
        self._websocket = websocket  # The URL that pages dial.
        self._endpoints = {
            "/api/login": {"POST": self._log_in},
            "/api/logout": {"POST": self._log_out},
            "/api/session": {"GET": self._session},
            "/api/herald-passes": {"POST": self._issue_passes},
            "/api/messages": {"GET": self._load, "POST": self._say},
            "/api/rooms": {"POST": self._add_room},
        }

    def methods(self, path):
        """The methods of a path; none if there is no such path."""
        return list(self._endpoints.get(path, ()))

    def handle(self, request):
        """The answer; raises Error."""
        methods = self._endpoints.get(request.path)
        if not methods:
            raise Error(404, "there is nothing here")
        if request.method not in methods:
            raise Error(405, f"only {' and '.join(methods)} here")
        if request.method == "POST":
            _check_origin(request)
        try:
            return methods[request.method](request)
        except rules.BadInput as error:
            raise Error(400, str(error)) from None

    def _log_in(self, request):
        seat = rules.seat(request.headers.get("X-Chat-Seat"))
        wanted = rules.body(request.body)
        login, token = self._logins.open(rules.name(wanted.get("name")),
                                         rules.color(wanted.get("color")))
        return Answer(self._session_of(login), cookie=_cookie(
            request, seat, token, logins.LOGIN_SECONDS))

    def _log_out(self, request):
        login = self._login(request)
        self._logins.close(login)
        self._authorizer.revoke(login.user_id, "logged out")
        seat = request.headers.get("X-Chat-Seat")
        return Answer({}, cookie=_cookie(request, seat, "", 0))

    def _session(self, request):
        return Answer(self._session_of(self._login(request)))

    def _session_of(self, login):
        return {"user": {"id": login.user_id, "name": login.name,
                         "color": login.color},
                "websocket": self._websocket, "rooms": self._store.rooms()}

    def _issue_passes(self, request):
        """A pass for each of our channels; Herald refuses the others."""
        login = self._login(request)
        wanted = rules.body(request.body)
        socket_id = rules.socket_id(wanted.get("socket_id"))
        return Answer({"passes": {
            channel: self._logins.issue_pass(login, channel, socket_id)
            for channel in rules.channels(wanted.get("channels"))
            if self._exists(channel)}})

    def _exists(self, channel):
        room = channel.removeprefix(rules.ROOM_PREFIX)
        return channel == rules.ACTIVITY_CHANNEL or (
            room != channel and self._store.has_room(room))

    def _load(self, request):
        self._login(request)
        room = self._room(request.query.get("room"))
        before = request.query.get("before")
        messages, more = self._store.messages(
            room, rules.ID_MAX if before is None else rules.message_id(before))
        return Answer({"messages": messages, "more": more})

    def _say(self, request):
        """Stores the message, then publishes it to all but its sender."""
        login = self._login(request)
        said = rules.body(request.body)
        room = self._room(said.get("room"))
        text = rules.message_text(said.get("text"))
        key = rules.key(said.get("key"))
        socket_id = request.headers.get("X-Socket-ID") or ""
        if socket_id:
            rules.socket_id(socket_id)
        message, is_new = self._store.add_message(room, login, text, key)
        delivered = not is_new or self._publisher.publish(
            [rules.ROOM_PREFIX + room, rules.ACTIVITY_CHANNEL], "message",
            message, socket_id)
        return Answer({"message": message, "delivered": delivered},
                      201 if is_new else 200)

    def _add_room(self, request):
        self._login(request)
        room = rules.room(rules.body(request.body).get("room"))
        try:
            is_new = self._store.add_room(room)
        except store.TooManyRooms:
            raise Error(409, f"there are already {store.ROOMS_MAX} rooms, "
                             "the maximum") from None
        if is_new:
            self._publisher.publish([rules.ACTIVITY_CHANNEL], "room",
                                    {"name": room})
        return Answer({"name": room}, 201 if is_new else 200)

    def _room(self, value):
        room = rules.room(value)
        if not self._store.has_room(room):
            raise Error(404, f"there is no room {room}")
        return room

    def _login(self, request):
        try:
            seat = rules.seat(request.headers.get("X-Chat-Seat"))
            return self._logins.check(_cookies(request).get(f"chat-{seat}", ""))
        except (rules.BadInput, logins.BadToken):
            raise Error(401, "log in first") from None


def _check_origin(request):
    """A POST must come from our own page, as its Origin header shows."""
    host = request.headers.get("Host") or ""
    if request.headers.get("Origin") not in (f"http://{host}",
                                             f"https://{host}"):
        raise Error(403, "this must come from the chat's own page")
    kind = (request.headers.get("Content-Type") or "").partition(";")[0]
    if kind.strip().lower() != "application/json":
        raise Error(415, "the body must be application/json")


def _cookies(request):
    """Parsed by hand: cookies of other pages may have any form."""
    pairs = (pair.strip().partition("=")
             for pair in (request.headers.get("Cookie") or "").split(";"))
    return {name: value for name, _, value in pairs}


def _cookie(request, seat, value, seconds):
    secure = request.headers.get("Origin", "").startswith("https:")
    return (f"chat-{seat}={value}; Path=/; Max-Age={seconds}; HttpOnly; "
            f"SameSite=Strict{'; Secure' if secure else ''}")
