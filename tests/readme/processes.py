# SPDX-License-Identifier: Apache-2.0
"""Real processes on loopback: a Herald, and the tools of its tests."""

import os
import pathlib
import re
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from free_address import free_address  # noqa: E402

DEADLINE = 30  # Seconds for any one wait; sanitizers are slow.


def environment(**more):
    """Ours without the settings of a Herald that is not under test."""
    ours = {name: value for name, value in os.environ.items()
            if not name.startswith("BROADCAST_")}
    return {**ours, **more}


def run(command, **options):
    """Runs a command to its end; returns its exit code and output."""
    result = subprocess.run(
        command, text=True, timeout=options.pop("timeout", DEADLINE),
        check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        **options)
    return result.returncode, result.stdout


class Process:
    """A process; its output is read until a line matches."""

    def __init__(self, args, **options):
        self.process = subprocess.Popen(
            args, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, **options)
        self.drainer = None

    def wait_for(self, pattern):
        """Returns the first match; fails at the deadline or the end."""
        timer = threading.Timer(DEADLINE, self.process.kill)
        timer.start()
        try:
            seen = []
            for line in self.process.stdout:
                seen.append(line)
                match = re.search(pattern, line)
                if match:
                    return match
        finally:
            timer.cancel()
        raise AssertionError(f"no line with {pattern!r} in:\n{''.join(seen)}")

    def drain(self):
        """Reads on, so that the process never waits for us."""
        self.drainer = threading.Thread(target=self.process.stdout.read)
        self.drainer.start()

    def type(self, line):
        """Writes a line to its standard input."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def stop(self):
        self.process.kill()
        self.process.wait(DEADLINE)
        if self.drainer:
            self.drainer.join()
        self.process.stdin.close()
        self.process.stdout.close()


class Herald:
    """A service at `address` and a gateway at `gateway`."""

    def __init__(self, service, gateway, authorizer, folder):
        self.folder = folder  # Where no `.env` is.
        self.service_args = [
            service, "--metrics_address=127.0.0.1:0",
            f"--authorizer={authorizer}", f"--authorizer_timeout={DEADLINE}"]
        self.address = free_address()
        self.running = {}
        try:
            self.start_service()
            self.gateway = self._start(
                "gateway", [gateway, "--ws_address=127.0.0.1:0",
                            f"--service={self.address}"],
                r"what=ws address=(\S+)").group(1)
            self.wait_until(ready=True)
        except BaseException:
            self.stop()
            raise

    def start_service(self):
        self._start("service",
                    [*self.service_args, f"--grpc_address={self.address}"],
                    r"what=grpc address=")

    def restart_service(self):
        """Kills it; returns when the next one has its gateway back."""
        self.running.pop("service").stop()
        self.wait_until(ready=False)
        self.start_service()
        self.wait_until(ready=True)

    def wait_until(self, ready):
        """Until the /readyz of the gateway answers `ready`, or the opposite."""
        deadline = time.monotonic() + DEADLINE
        while self._is_ready() != ready:
            assert time.monotonic() < deadline, f"never was ready={ready}"
            time.sleep(0.02)

    def where(self):
        """Host and port of the gateway."""
        host, port = self.gateway.rsplit(":", 1)
        return host, int(port)

    def stop(self):
        for process in self.running.values():
            process.stop()
        self.running = {}

    def _start(self, name, args, pattern):
        process = Process(args, env=environment(), cwd=self.folder)
        self.running[name] = process
        match = process.wait_for(pattern)
        process.drain()
        return match

    def _is_ready(self):
        with socket.create_connection(self.where(), DEADLINE) as connection:
            connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: h\r\n"
                               b"Connection: close\r\n\r\n")
            with connection.makefile("rb") as answer:
                return b" 200 " in answer.readline()
