# SPDX-License-Identifier: Apache-2.0
"""HTTP: the page's files, and the API below /api/, one thread per request."""

import http.server
import json
import logging
import pathlib
import threading
import urllib.parse

import api
import connections
import rules

PAGE = pathlib.Path(__file__).resolve().parent / "page"
CLIENT = "/herald.min.js"
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".mjs": "text/javascript; charset=utf-8",
         ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


class WebServer:
    """Serves from start() to stop(), at all addresses of a host."""
    api = None  # To be set before start().

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
        sockets = connections.listen(*address)
        self.addresses = [one.getsockname() for one in sockets]
        self.port = self.addresses[0][1]
        self._connections = connections.Connections(
            sockets, lambda connection, peer: _Handler(connection, peer, self))
        self._thread = threading.Thread(target=self._connections.run)

    def start(self):
        self._thread.start()

    def stop(self):
        """Returns in bounded time, however slow the clients are."""
        self._connections.stop()
        self._thread.join()

    def methods(self, path):
        """The methods that a path has; none if there is nothing."""
        if path == "*":
            return ["GET", "POST"]
        if path.startswith("/api/"):
            return self.api.methods(path)
        return ["GET"] if path in self.files else []


class _Handler(http.server.BaseHTTPRequestHandler):
    server_version = "herald-chat"
    sys_version = ""

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path.startswith("/api/"):
            self._answer(url, b"")
        else:
            self._send_file(url.path)

    do_HEAD = do_GET

    def do_OPTIONS(self):
        path = urllib.parse.urlsplit(self.path).path
        methods = self.server.methods(path)
        if methods:
            self._send(200, "text/plain", b"", _allow(methods))
        else:
            self._send_json(404, {"error": "there is nothing here"})

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
            self._send_json(error.status, {"error": str(error)}, _allow(
                self.server.methods(url.path)) if error.status == 405 else {})
        except Exception:  # pylint: disable=broad-except
            logging.exception("%s %s failed", method, url.path)
            self._send_json(500, {"error": "something broke; it is in the "
                                           "chat server's log"})
        else:
            self._send_json(answer.status, answer.value, {
                "Set-Cookie": answer.cookie} if answer.cookie else {})

    def _send_json(self, status, value, headers=None):
        self._send(status, "application/json", json.dumps(value).encode(),
                   {"Cache-Control": "no-store", **(headers or {})})

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
        """Requests are not logged."""


def _allow(methods):
    head = ["HEAD"] if "GET" in methods else []
    return {"Allow": ", ".join([*methods, *head, "OPTIONS"])}
