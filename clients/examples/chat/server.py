#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A chat on Herald: serves the page and its API, and authorizes for Herald.

    /usr/bin/python3 clients/examples/chat/server.py

Prints one line when it is ready. Ends with exit code 0 on Ctrl-C and SIGTERM,
and with one line if it cannot start: 2 if a setting cannot be used, else 1.
"""

import argparse
import errno
import logging
import os
import pathlib
import resource
import signal
import socket
import sqlite3
import sys
import threading
import time
import urllib.parse

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # The chat logs its errors.

try:
    import grpc  # pylint: disable=unused-import
except ImportError:
    sys.exit("chat: python3-grpcio is missing, or this is not the Python of "
             "Debian: start it with /usr/bin/python3")

# pylint: disable=wrong-import-position
import api
import authorizer
import log
import logins
import publisher
import store
import stubs
import targets
import web_server

ROOT = pathlib.Path(__file__).resolve().parents[3]
CLIENT = ROOT / "clients/typescript/dist/herald.min.js"
LOG_SECONDS = 1  # For the last lines of the log at the end.


class CannotStart(Exception):
    """Why, as one line."""
    exit_code = 1


class WrongSetting(CannotStart):
    """Another attempt would end in the same way."""
    exit_code = 2


def parse(arguments):
    """The settings: flags, else the environment, else defaults."""
    parser = argparse.ArgumentParser(
        description="A chat on Herald: its page, its API and its authorizer.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)

    def add(flag, variable, default, meaning):
        parser.add_argument(
            flag, default=os.environ.get(variable) or default,
            help=f"{meaning} ({variable})")

    add("--address", "CHAT_ADDRESS", "127.0.0.1:8000", "where the page is")
    add("--authorizer-address", "CHAT_AUTHORIZER_ADDRESS", "127.0.0.1:50052",
        "where the authorizer listens for Herald's service")
    add("--service", "BROADCAST_SERVICE", "127.0.0.1:50051",
        "Herald's service")
    add("--websocket", "CHAT_WEBSOCKET", "ws://127.0.0.1:8080/ws",
        "the URL of Herald's gateway that pages dial")
    add("--client", "CHAT_CLIENT", str(CLIENT), "herald-client's bundle")
    add("--database", "CHAT_DATABASE", ":memory:",
        "a file for SQLite; by default, nothing is kept after the end")
    parser.add_argument("--stubs", metavar="FOLDER",
                        help="where to write generated code; by default, to a "
                             "temporary folder")
    return parser.parse_args(arguments)


class Chat:
    """All parts of the chat; listens as soon as it is made."""

    def __init__(self, settings, clock=time.time):
        """`clock` dates messages. Raises CannotStart."""
        if not pathlib.Path(settings.client).is_file():
            raise WrongSetting(f"{settings.client} is missing; `npm run "
                               "build` in clients/typescript makes it")
        _check_websocket(settings.websocket)
        # Lists of tokens and of services are allowed; the first one is used.
        token = _first(os.environ.get("BROADCAST_API_TOKEN", ""))
        if not (token.isascii() and token.isprintable()):
            raise WrongSetting("BROADCAST_API_TOKEN has a character that is "
                               "not printable ASCII")
        service = _first(settings.service)
        _check_service(service)
        self._store = _open_store(settings.database, clock)
        self._web = _listen(web_server.WebServer, "--address",
                            settings.address, settings.client,
                            settings.websocket)
        known = logins.Logins(self._store.secret())
        self._authorizer = _listen(
            lambda _, address: authorizer.Authorizer(known, address),
            "--authorizer-address", settings.authorizer_address,
            settings.authorizer_address)
        self._publisher = publisher.Publisher(service, token)
        self._web.api = api.Api(self._store, known, self._publisher,
                                self._authorizer, settings.websocket)
        self.port = self._web.port
        self.url = f"http://{_split(settings.address)[0]}:{self.port}"
        self.authorizer_port = self._authorizer.port
        self._web.start()

    def stop(self):
        self._web.stop()
        self._publisher.stop()
        self._authorizer.stop()
        self._store.close()


def _first(values):
    """The first value of a list that is separated by commas, or ""."""
    return next(filter(None, map(str.strip, values.split(","))), "")


def _check_websocket(url):
    try:
        parts = urllib.parse.urlsplit(url)
        valid = (parts.scheme in ("ws", "wss") and parts.hostname
                 and parts.port != 0
                 and not any(c in url for c in " ;,'\"\r\n"))
    except ValueError:  # A port beyond 65535, half of an IPv6 address.
        valid = False
    if not valid:
        raise WrongSetting(f"--websocket {url} is not a URL as "
                           "ws://127.0.0.1:8080/ws")


def _check_service(target):
    if not targets.is_target(target):
        raise WrongSetting(f"--service {target} is not as 127.0.0.1:50051 "
                           f"(allowed: {targets.FORMS})")


def _generate_stubs(folder):
    try:
        stubs.generate(folder)
    except stubs.CannotGenerate as error:
        raise CannotStart(str(error)) from None
    except OSError as error:
        kind = CannotStart if folder is None else WrongSetting
        raise kind(f"--stubs {folder or 'in a temporary folder'}: "
                   f"{error.strerror}") from None


def _open_store(path, clock):
    try:
        return store.Store(path, clock)
    except sqlite3.Error as error:
        raise WrongSetting(f"--database {path}: {error}") from None


def _listen(make, flag, address, *more):
    """The result of `make`, called with (host, port) and `more`."""
    host, port = _split(address)
    bare = host[1:-1] if host[:1] == "[" and host[-1:] == "]" else host
    if not (_is_name(bare) and (":" not in bare or bare != host)
            and port.isascii() and port.isdigit() and int(port) <= 65535):
        raise WrongSetting(
            f"{flag} {address} is not as 127.0.0.1:8000 or [::1]:8000")
    try:
        return make((bare, int(port)), *more)
    except socket.gaierror:
        raise CannotStart(f"{flag} {address}: {host} has no address") from None
    except OSError as error:
        if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            raise CannotStart(f"{flag} {address}: this machine does not have "
                              "the address") from None
        raise CannotStart(f"port {port} is in use, or not ours to take "
                          f"({flag} {address})") from None


def _is_name(host):
    """Whether it can be looked up; an IP address can."""
    try:
        return bool(host.encode("idna")) and "/" not in host
    except UnicodeError:  # Two dots in succession, 64 letters without one.
        return False


def _split(address):
    """Host, in brackets if it is of IPv6, and port, unchecked."""
    host, _, port = address.rpartition(":")
    return host, port


def run(settings, clock=time.time):
    """Serves until SIGINT or SIGTERM; returns the exit code."""
    # gRPC may accept no more connections once there was no file for one.
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    lines = log.LogHandler()
    logging.basicConfig(handlers=[lines])
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        _generate_stubs(settings.stubs)
        chat = Chat(settings, clock)
    except CannotStart as error:
        print(f"chat: {error}", file=sys.stderr)
        return error.exit_code
    try:
        print(f"chat: {chat.url} is ready; its authorizer listens on port "
              f"{chat.authorizer_port}", flush=True)
        # The kernel may give a signal to a thread of gRPC's, and then Python
        # handles it when this one runs next.
        while not stop.wait(1):
            pass
    finally:
        chat.stop()  # Its threads would keep the process, also after an error.
        lines.drain(LOG_SECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(run(parse(sys.argv[1:])))
