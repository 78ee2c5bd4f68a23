# SPDX-License-Identifier: Apache-2.0
"""HTTP: the page's files, and the API below /api/, one thread per request."""

import http.server
import json
import pathlib
import socketserver
import sys
import threading
import traceback
import urllib.parse

import api
import rules

PAGE = pathlib.Path(__file__).resolve().parent / "page"
CLIENT = "/herald.min.js"
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".mjs": "text/javascript; charset=utf-8",
         ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
REQUESTS_MAX = 64   # At the same time; others wait to be accepted.
TIMEOUT = 10        # Seconds of silence of a browser.


class WebServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    api = None  # To be set before the first request.

    def __init__(self, address, client, websocket):
        """Listens on (host, port); raises OSError if it cannot."""
        self.files = {f"/{path.name}": path for path in PAGE.iterdir()
                      if path.suffix in TYPES}
        self.files["/"] = self.files.pop("/index.html")
        self.files[CLIENT] = pathlib.Path(client)
        url = urllib.parse.urlsplit(websocket)
        self.headers = {
            "Content-Security-Policy":
                "default-src 'none'; script-src 'self'; style-src 'self'; "
                "img-src 'self'; base-uri 'none'; form-action 'self'; "
                "frame-ancestors 'none'; "
                f"connect-src 'self' {url.scheme}://{url.netloc}",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer"}
        self._free = threading.Semaphore(REQUESTS_MAX)
        super().__init__(address, _Handler)

    def server_bind(self):
        # Without HTTPServer's look-up of a name, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def process_request(self, request, client_address):
        self._free.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)
        # Else the browser has left.


class _Handler(http.server.BaseHTTPRequestHandler):
    timeout = TIMEOUT
    server_version = "herald-chat"
    sys_version = ""

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path.startswith("/api/"):
            self._answer(url, b"")
        else:
            self._send_file(url.path)

    do_HEAD = do_GET

    def do_POST(self):
        size = self.headers.get("Content-Length") or ""
        if not (size.isascii() and size.isdigit()):
            self._send_json(411, {"error": "Content-Length is missing"})
        elif len(size) > 9 or int(size) > rules.BODY_MAX:
            self._send_json(413, {"error": "the body must have at most "
                                           f"{rules.BODY_MAX} bytes"})
        else:
            self._answer(urllib.parse.urlsplit(self.path),
                         self.rfile.read(int(size)))

    def _answer(self, url, body):
        try:
            query = dict(urllib.parse.parse_qsl(
                url.query, keep_blank_values=True, max_num_fields=10))
        except ValueError:
            query = {}
        method = "GET" if self.command == "HEAD" else self.command
        request = api.Request(method, url.path, query, self.headers, body)
        try:
            answer = self.server.api.handle(request)
        except api.Error as error:
            self._send_json(error.status, {"error": str(error)})
        except Exception:  # pylint: disable=broad-except
            traceback.print_exc()
            self._send_json(500, {"error": "something broke; it is in the "
                                           "chat server's log"})
        else:
            self._send_json(answer.status, answer.value, answer.cookie)

    def _send_json(self, status, value, cookie=""):
        headers = {"Cache-Control": "no-store"}
        if cookie:
            headers["Set-Cookie"] = cookie
        self._send(status, "application/json", json.dumps(value).encode(),
                   headers)

    def _send_file(self, path):
        file = self.server.files.get(path)
        if file is None:
            self._send_json(404, {"error": "there is nothing here"})
            return
        try:
            data = file.read_bytes()
        except OSError as error:
            self._send_json(500, {"error": f"{path}: {error.strerror}"})
            return
        self._send(200, TYPES[file.suffix], data, {"Cache-Control": "no-cache"})

    def _send(self, status, kind, data, headers):
        self.send_response(status)
        for name, value in {**self.server.headers, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_):
        """Says nothing: a request is no news."""
