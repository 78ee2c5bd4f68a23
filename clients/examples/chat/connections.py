# SPDX-License-Identifier: Apache-2.0
"""Accepts connections and serves each on a thread of its own, within bounds.

One thread accepts, and closes connections that exceed their time. It never
waits for a client, so slow clients delay neither others nor stop().
"""

import collections
import errno
import json
import logging
import selectors
import socket
import threading
import time

SERVED_MAX = 64      # Connections that have a thread.
WAITING_MAX = 256    # Connections that wait for one; more are refused.
WAIT_SECONDS = 2.0   # Then a connection that waits is refused.
SERVE_SECONDS = 15.0  # To read a request and to write its answer.
STOP_SECONDS = 2.0   # For answers that are on their way when it stops.
PAUSE_SECONDS = 0.1  # When files have run out.
LOG_SECONDS = 10.0   # Between log lines about that.

_BODY = json.dumps({"error": "the chat is busy: try again"}).encode()
_REFUSAL = (b"HTTP/1.0 503 Service Unavailable\r\nRetry-After: 1\r\n"
            b"Content-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(_BODY) + _BODY)
_ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def listen(host, port):
    """Sockets at all addresses of a host, on one port; raises OSError.

    An address that this machine does not have is skipped if another one is
    left: a name may have one of IPv6 where there is none.
    """
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM,
                               flags=socket.AI_PASSIVE)
    addresses = dict.fromkeys((family, where) for family, *_, where in found)
    attempts = 1 if port else 10  # A port that is free here may be taken there.
    while True:
        try:
            return _listen_at(addresses, port)
        except OSError as error:
            attempts -= 1
            if error.errno != errno.EADDRINUSE or not attempts:
                raise


def _listen_at(addresses, port):
    sockets, absent = [], None
    try:
        for family, (host, _, *scope) in addresses:
            try:
                sockets.append(socket.create_server(
                    (host, port, *scope), family=family, backlog=128,
                    dualstack_ipv6=host == "::"))
            except OSError as error:
                if error.errno not in _ABSENT:
                    raise
                absent = error
            else:
                port = sockets[-1].getsockname()[1]
    except OSError:
        for one in sockets:
            one.close()
        raise
    if not sockets:
        raise absent
    return sockets


class Connections:
    """`serve(connection, address)` may raise OSError; run() calls it."""

    def __init__(self, sockets, serve):
        self._sockets = sockets
        self._serve = serve
        self._woken, self._waker = socket.socketpair()
        for one in (*sockets, self._woken, self._waker):
            one.setblocking(False)
        self._waiting = collections.deque()  # (until, connection, address)
        self._stopping = False
        self._next_line = 0.0  # When a failed accept is logged again.
        self._changed = threading.Condition()  # Guards the next ones.
        self._served = {}  # Connection to its end; to None when it was cut.

    def run(self):
        """Serves until stop() is called; then all its sockets are closed."""
        with selectors.DefaultSelector() as selector:
            for one in (*self._sockets, self._woken):
                selector.register(one, selectors.EVENT_READ)
            while not self._stopping:
                for key, _ in selector.select(self._patience()):
                    if key.fileobj is self._woken:
                        self._woken.recv(4096)
                    else:
                        self._accept(key.fileobj)
                self._advance(time.monotonic())
        self._end()

    def stop(self):
        """Ends run(), in bounded time. Any thread may call it."""
        self._stopping = True
        self._wake()

    def _patience(self):
        """Seconds until a connection is out of time; None if there is none."""
        with self._changed:
            times = [end for end in self._served.values() if end is not None]
        if self._waiting:
            times.append(self._waiting[0][0])
        return max(0, min(times) - time.monotonic()) if times else None

    def _accept(self, listening):
        try:
            connection, address = listening.accept()
        except BlockingIOError:
            return
        except OSError as error:  # Often: there is no file left.
            if time.monotonic() >= self._next_line:
                self._next_line = time.monotonic() + LOG_SECONDS
                logging.warning("cannot accept connections: %s", error)
            time.sleep(PAUSE_SECONDS)
            return
        connection.setblocking(True)
        if len(self._waiting) < WAITING_MAX:
            until = time.monotonic() + WAIT_SECONDS
            self._waiting.append((until, connection, address))
        else:
            _refuse(connection)

    def _advance(self, now):
        """Starts connections up to SERVED_MAX; ends those out of time."""
        while self._waiting and len(self._served) < SERVED_MAX:
            _, connection, address = self._waiting.popleft()
            self._start(connection, address, now + SERVE_SECONDS)
        while self._waiting and self._waiting[0][0] <= now:
            _refuse(self._waiting.popleft()[1])
        with self._changed:
            for connection, end in self._served.items():
                if end is not None and end <= now:
                    _shut(connection, socket.SHUT_RDWR)
                    self._served[connection] = None

    def _start(self, connection, address, end):
        with self._changed:
            self._served[connection] = end
        try:
            threading.Thread(target=self._run_one, args=(connection, address),
                             daemon=True).start()
        except RuntimeError:  # There is no memory for a thread.
            with self._changed:
                del self._served[connection]
            _refuse(connection)

    def _run_one(self, connection, address):
        try:
            self._serve(connection, address)
            _shut(connection, socket.SHUT_WR)
        except OSError:
            pass  # The client has left, or was cut.
        except Exception:  # pylint: disable=broad-except
            logging.exception("a request failed")
        finally:
            with self._changed:
                del self._served[connection]
                self._changed.notify_all()
            connection.close()
            self._wake()

    def _wake(self):
        try:
            self._waker.send(b"x")
        except OSError:
            pass  # It has been woken often enough, or has ended.

    def _end(self):
        for one in (*self._sockets, *(item[1] for item in self._waiting)):
            one.close()
        with self._changed:
            for connection in self._served:
                _shut(connection, socket.SHUT_RD)
            self._changed.wait_for(lambda: not self._served, STOP_SECONDS)
            for connection in self._served:
                _shut(connection, socket.SHUT_RDWR)
        self._woken.close()
        self._waker.close()


def _refuse(connection):
    """Answers 503, without waiting for the client."""
    with connection:
        connection.setblocking(False)
        try:
            # Unread input would reset the connection before the answer.
            connection.recv(1 << 16)
        except OSError:
            pass
        try:
            connection.send(_REFUSAL)
        except OSError:
            return
        _shut(connection, socket.SHUT_WR)


def _shut(connection, how):
    try:
        connection.shutdown(how)
    except OSError:
        pass  # The client has left.
