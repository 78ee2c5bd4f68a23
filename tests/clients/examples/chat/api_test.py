# SPDX-License-Identifier: Apache-2.0
"""The answers of the chat's HTTP server, to good requests and to bad ones.

Over real HTTP; Notes stands in for Herald and records the calls.
"""

import http.client
import json
import socket
import tempfile
import unittest

import support
import api
import logins
import rules
import store
import web_server

SEAT = "seat0123"
WEBSOCKET = "ws://127.0.0.1:8080/ws"


class Notes:
    """A publisher and an authorizer that do nothing but remember."""

    def __init__(self):
        self.published = []
        self.revoked = []
        self.delivers = True

    def publish(self, channels, event, data, except_socket_id=""):
        self.published.append((channels, event, data, except_socket_id))
        return self.delivers

    def revoke(self, user_id, reason):
        self.revoked.append((user_id, reason))


class ApiTest(unittest.TestCase):
    def setUp(self):
        self.clock = support.Clock()
        self.store = store.Store()
        self.addCleanup(self.store.close)
        self.logins = logins.Logins(b"secret", self.clock)
        self.herald = Notes()
        bundle = tempfile.NamedTemporaryFile(suffix=".js")
        self.addCleanup(bundle.close)
        bundle.write(b"/* the library */")
        bundle.flush()
        self.server = web_server.WebServer(("127.0.0.1", 0), bundle.name,
                                           WEBSOCKET)
        self.server.api = api.Api(self.store, self.logins, self.herald,
                                  self.herald, WEBSOCKET)
        self.server.start()
        self.addCleanup(self.server.stop)
        self.host = f"127.0.0.1:{self.server.port}"
        self.cookie = ""

    def request(self, method, path, body=None, **headers):
        """Status, body and headers, as our own page would get them.

        A header of None is left out; underscores stand for hyphens.
        """
        sent = {"X-Chat-Seat": SEAT, "Cookie": self.cookie}
        if method == "POST":
            sent |= {"Origin": f"http://{self.host}",
                     "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value
                 for name, value in headers.items()}
        connection = http.client.HTTPConnection(self.host,
                                                timeout=support.PATIENCE)
        self.addCleanup(connection.close)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        connection.request(method, path, body,
                           {k: v for k, v in sent.items() if v is not None})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers

    def ask(self, method, path, body=None, **headers):
        status, data, _ = self.request(method, path, body, **headers)
        return status, json.loads(data)

    def log_in(self, name="Ada", color="teal"):
        status, data, headers = self.request(
            "POST", "/api/login", {"name": name, "color": color})
        self.assertEqual(status, 200, data)
        self.cookie = headers["Set-Cookie"].partition(";")[0]
        return json.loads(data)

    def assert_refused(self, expected, pattern, *arguments, **headers):
        status, answer = self.ask(*arguments, **headers)
        self.assertEqual(status, expected, answer)
        self.assertRegex(answer["error"], pattern)

    def say(self, **changes):
        return {"room": "general", "text": "hello", "key": "key-0001",
                **changes}


class GoodRequests(ApiTest):
    def test_logging_in_sets_a_cookie_that_no_script_can_read(self):
        status, data, headers = self.request(
            "POST", "/api/login", {"name": " Ada  L. ", "color": "teal"})
        session = json.loads(data)
        self.assertEqual(status, 200)
        self.assertEqual(session["user"]["name"], "Ada L.")
        self.assertEqual(session["websocket"], WEBSOCKET)
        self.assertEqual([room["name"] for room in session["rooms"]],
                         sorted(rules.ROOMS))
        cookie = headers["Set-Cookie"]
        self.assertRegex(cookie, f"^chat-{SEAT}=[^;]+; Path=/; ")
        self.assertIn("HttpOnly", cookie)
        self.assertIn("SameSite=Strict", cookie)
        self.assertNotIn("Secure", cookie)

    def test_a_login_over_tls_stays_there(self):
        _, _, headers = self.request(
            "POST", "/api/login", {"name": "Ada", "color": "teal"},
            Origin=f"https://{self.host}")
        self.assertIn("; Secure", headers["Set-Cookie"])

    def test_the_session_is_that_of_the_login(self):
        session = self.log_in()
        self.assertEqual(self.ask("GET", "/api/session"), (200, session))

    def test_two_tabs_of_a_browser_are_two_people(self):
        ada = self.log_in()
        self.cookie = f"theme=dark; x; {self.cookie}; =; chat-other000=nonsense"
        _, session = self.ask("GET", "/api/session")
        self.assertEqual(session["user"], ada["user"])
        self.assert_refused(401, "log in first", "GET", "/api/session",
                            X_Chat_Seat="other000")

    def test_a_message_is_stored_and_published_to_all_but_its_sender(self):
        user = self.log_in()["user"]
        status, answer = self.ask("POST", "/api/messages", self.say(),
                                  X_Socket_ID="12.34")
        message = answer["message"]
        self.assertEqual((status, answer["delivered"]), (201, True))
        self.assertEqual((message["text"], message["author"]),
                         ("hello", user))
        self.assertEqual(self.herald.published, [
            (["presence-chat-general", "private-chat"], "message", message,
             "12.34")])
        self.assertEqual(self.ask("GET", "/api/messages?room=general"),
                         (200, {"messages": [message], "more": False}))

    def test_a_message_is_kept_while_herald_is_down_and_the_answer_shows_it(
            self):
        self.log_in()
        self.herald.delivers = False
        status, answer = self.ask("POST", "/api/messages", self.say())
        self.assertEqual((status, answer["delivered"]), (201, False))
        _, loaded = self.ask("GET", "/api/messages?room=general")
        self.assertEqual(loaded["messages"], [answer["message"]])

    def test_posting_again_under_the_same_key_changes_nothing(self):
        self.log_in()
        _, first = self.ask("POST", "/api/messages", self.say())
        status, again = self.ask("POST", "/api/messages", self.say())
        self.assertEqual((status, again), (200, first))
        self.assertEqual(len(self.herald.published), 1)

    def test_messages_of_before_come_in_pages(self):
        self.log_in()
        for i in range(store.PAGE + 1):
            self.ask("POST", "/api/messages", self.say(key=f"key-{i:04}"))
        _, page = self.ask("GET", "/api/messages?room=general")
        self.assertEqual((len(page["messages"]), page["more"]),
                         (store.PAGE, True))
        oldest = page["messages"][0]["id"]
        _, page = self.ask("GET",
                           f"/api/messages?room=general&before={oldest}")
        self.assertEqual((len(page["messages"]), page["more"]), (1, False))

    def test_a_new_room_is_announced_to_all_once(self):
        self.log_in()
        self.assertEqual(self.ask("POST", "/api/rooms", {"room": "tea-time"}),
                         (201, {"name": "tea-time"}))
        self.assertEqual(self.ask("POST", "/api/rooms", {"room": "tea-time"}),
                         (200, {"name": "tea-time"}))
        self.assertEqual(self.herald.published, [
            (["private-chat"], "room", {"name": "tea-time"}, "")])
        self.assertEqual(
            self.ask("POST", "/api/messages", self.say(room="tea-time"))[0],
            201)

    def test_passes_come_for_the_channels_of_the_chat_only(self):
        user = self.log_in()["user"]
        status, answer = self.ask("POST", "/api/herald-passes", {
            "socket_id": "12.34",
            "channels": ["presence-chat-general", "private-chat",
                         "presence-chat-nowhere", "private-mail", "general"]})
        self.assertEqual(status, 200)
        self.assertEqual(sorted(answer["passes"]),
                         ["presence-chat-general", "private-chat"])
        for channel, token in answer["passes"].items():
            login = self.logins.check_pass(token, channel, "12.34")
            self.assertEqual(login.user_id, user["id"])

    def test_logging_out_ends_the_login_here_and_in_herald(self):
        user = self.log_in()["user"]
        status, _, headers = self.request("POST", "/api/logout", {})
        self.assertEqual(status, 200)
        self.assertRegex(headers["Set-Cookie"], f"^chat-{SEAT}=;.*Max-Age=0")
        self.assertEqual(self.herald.revoked, [(user["id"], "logged out")])
        self.assert_refused(401, "log in first", "GET", "/api/session")


class BadRequests(ApiTest):
    def test_a_stranger_gets_nothing(self):
        forged = logins.Logins(b"guess", self.clock).open("Eve", "red")[1]
        for cookie in ("", f"chat-{SEAT}=", f"chat-{SEAT}={forged}"):
            self.cookie = cookie
            for method, path in (
                    ("GET", "/api/session"),
                    ("GET", "/api/messages?room=general"),
                    ("POST", "/api/messages"), ("POST", "/api/rooms"),
                    ("POST", "/api/herald-passes"), ("POST", "/api/logout")):
                body = b"{}" if method == "POST" else None
                self.assert_refused(401, "log in first", method, path, body)
        self.assertEqual(self.herald.published, [])

    def test_an_old_login_is_a_strangers(self):
        self.log_in()
        self.clock.advance(logins.LOGIN_SECONDS)
        self.assert_refused(401, "log in first", "GET", "/api/session")

    def test_a_pass_is_no_login(self):
        self.log_in()
        _, answer = self.ask("POST", "/api/herald-passes", {
            "socket_id": "12.34", "channels": ["private-chat"]})
        self.cookie = f"chat-{SEAT}={answer['passes']['private-chat']}"
        self.assert_refused(401, "log in first", "GET", "/api/session")

    def test_a_seat_must_be_named(self):
        self.log_in()
        for seat in (None, "", "short", "UPPERCASE", "x" * 33, "a=b;c=d0"):
            self.assert_refused(401, "log in first", "GET", "/api/session",
                                X_Chat_Seat=seat)
            self.assert_refused(400, "X-Chat-Seat", "POST", "/api/login",
                                {"name": "Ada", "color": "teal"},
                                X_Chat_Seat=seat)

    def test_names_and_colors_keep_to_the_rules(self):
        for name in (None, 5, ["Ada"], "", "   ", "x" * 25, "a\x00b",
                     "a\u202eb", "\u200b", "\ud800", "\ue000"):
            self.assert_refused(400, "^name must", "POST", "/api/login",
                                {"name": name, "color": "teal"})
        for color in (None, 5, [], {}, "", "#f00", "teal "):
            self.assert_refused(400, "^color must", "POST", "/api/login",
                                {"name": "Ada", "color": color})

    def test_messages_keep_to_the_rules(self):
        self.log_in()
        bad = {"text": (None, 5, [], "", " \n ", "x" * 2001, "a\x07b",
                        "\udfff"),
               "key": (None, 5, "", "short", "x" * 65, "key 0001"),
               "room": (None, 5, "", "General", "a--b", "-a", "a b",
                        "x" * 25, "general\n", "général")}
        for field, values in bad.items():
            for value in values:
                self.assert_refused(400, f"^{field} must", "POST",
                                    "/api/messages", self.say(**{field: value}))
        for socket_id in ("1", "1.2.3", "a.b", "1." + "2" * 21):
            self.assert_refused(400, "^socket_id must", "POST",
                                "/api/messages", self.say(),
                                X_Socket_ID=socket_id)
        self.assert_refused(404, "no room nowhere", "POST", "/api/messages",
                            self.say(room="nowhere"))
        self.assertEqual(self.store.messages("general"), ([], False))
        self.assertEqual(self.herald.published, [])

    def test_questions_for_messages_keep_to_the_rules(self):
        self.log_in()
        path = "/api/messages"
        self.assert_refused(400, "^room must", "GET", path)
        self.assert_refused(404, "no room x", "GET", f"{path}?room=x")
        for before in ("", "0", "-1", "1.5", "x", "9" * 16, "9" * 400, "%31x",
                       "%D9%A1"):
            self.assert_refused(400, "^before must", "GET",
                                f"{path}?room=general&before={before}")
        many = "&".join(f"a{i}=1" for i in range(100))
        self.assert_refused(400, "^room must", "GET",
                            f"{path}?room=general&{many}")

    def test_questions_for_passes_keep_to_the_rules(self):
        self.log_in()
        good = {"socket_id": "1.2", "channels": ["private-chat"]}
        for socket_id in (None, 1.2, "", "1", "x.y"):
            self.assert_refused(400, "^socket_id must", "POST",
                                "/api/herald-passes",
                                {**good, "socket_id": socket_id})
        for channels in (None, [], "private-chat", [5], [None], ["a"] * 101):
            self.assert_refused(400, "^channels must", "POST",
                                "/api/herald-passes",
                                {**good, "channels": channels})

    def test_there_is_an_end_to_rooms(self):
        self.log_in()
        for i in range(store.ROOMS_MAX - len(rules.ROOMS)):
            self.store.add_room(f"room-{i}")
        self.assert_refused(409, "40 rooms", "POST", "/api/rooms",
                            {"room": "one-more"})
        self.assert_refused(400, "^room must", "POST", "/api/rooms",
                            {"room": "No Room"})

    def test_a_body_must_be_a_json_object(self):
        for body in (b"", b"x", b"[]", b"null", b"5", b'"x"', b"{", b"\xff",
                     b"[" * 10000, b'{"a":' * 2000):
            self.assert_refused(400, "must be a JSON object", "POST",
                                "/api/login", body)

    def test_a_body_is_bounded_and_typed(self):
        self.assert_refused(413, "at most 16384", "POST", "/api/login",
                            b" " * 16385)
        self.assert_refused(415, "application/json", "POST", "/api/login",
                            b"{}", Content_Type="text/plain")
        self.assert_refused(415, "application/json", "POST", "/api/login",
                            b"{}", Content_Type=None)
        for size in ("-1", "1e3", "x", "", "²"):
            self.assert_refused(411, "Content-Length", "POST", "/api/login",
                                b"{}", Content_Length=size.encode())

    def test_a_post_must_come_from_the_chats_own_page(self):
        self.log_in()
        for origin in (None, "", "null", "http://evil.example",
                       f"http://{self.host}.evil.example", "http://127.0.0.1"):
            self.assert_refused(403, "own page", "POST", "/api/messages",
                                self.say(), Origin=origin)
        self.assertEqual(self.herald.published, [])

    def test_there_is_nothing_elsewhere(self):
        for path in ("/api/", "/api/nothing", "/server.py", "/../server.py",
                     "/%2e%2e/server.py", "/page/index.html", "/x"):
            self.assert_refused(404, "nothing here", "GET", path)
        self.assert_refused(405, "only POST", "GET", "/api/login")
        self.assert_refused(405, "only GET", "POST", "/api/session", b"{}")
        self.assertEqual(self.request("GET", "/api/login")[2]["Allow"],
                         "POST, OPTIONS")

    def test_a_fault_of_ours_shows_no_traces(self):
        self.server.api = None  # So that handling a request breaks.
        with self.assertLogs(level="ERROR") as log:
            status, answer = self.ask("GET", "/api/session")
        self.assertEqual(status, 500)
        self.assertEqual(answer["error"],
                         "something broke; it is in the chat server's log")
        self.assertEqual(len(log.output), 1)
        self.assertIn("GET /api/session failed\nTraceback", log.output[0])

    def test_a_browser_that_leaves_in_the_middle_does_no_harm(self):
        for request in (b"", b"POST /api/login HTTP/1.1\r\n",
                        b"POST /api/login HTTP/1.1\r\nContent-Length: 9\r\n"
                        b"\r\n{", b"\x00\xff\r\n\r\n"):
            with socket.create_connection(
                    self.server.addresses[0], support.PATIENCE) as client:
                client.sendall(request)
        self.assertEqual(self.request("GET", "/")[0], 200)


class Files(ApiTest):
    def test_the_page_and_its_parts_are_served_with_their_types(self):
        for path, kind in (("/", "text/html"), ("/chat.css", "text/css"),
                           ("/chat.mjs", "text/javascript"),
                           ("/herald.min.js", "text/javascript"),
                           ("/favicon.svg", "image/svg+xml")):
            status, data, headers = self.request("GET", path)
            self.assertEqual(status, 200)
            self.assertTrue(data)
            self.assertEqual(headers.get_content_type(), kind)
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff")

    def test_the_page_may_talk_to_us_and_to_herald_only(self):
        policy = self.request("GET", "/")[2]["Content-Security-Policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertIn("connect-src 'self' ws://127.0.0.1:8080", policy)
        self.assertIn("frame-ancestors 'none'", policy)
        self.assertNotIn("unsafe", policy)

    def test_options_names_the_methods_of_a_path(self):
        for path, methods in (
                ("/", "GET, HEAD, OPTIONS"),
                ("/chat.css", "GET, HEAD, OPTIONS"),
                ("/api/rooms", "POST, OPTIONS"),
                ("/api/messages?room=x", "GET, POST, HEAD, OPTIONS"),
                ("*", "GET, POST, HEAD, OPTIONS")):
            status, data, headers = self.request("OPTIONS", path)
            self.assertEqual((status, data, headers["Allow"]),
                             (200, b"", methods))
            self.assertNotIn("Access-Control-Allow-Origin", headers)
        self.assert_refused(404, "nothing here", "OPTIONS", "/nothing")
        self.assert_refused(404, "nothing here", "OPTIONS", "/api/nothing")

    def test_head_is_get_without_the_body(self):
        status, data, headers = self.request("HEAD", "/")
        self.assertEqual((status, data), (200, b""))
        self.assertGreater(int(headers["Content-Length"]), 1000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
