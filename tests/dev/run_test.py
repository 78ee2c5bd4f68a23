# SPDX-License-Identifier: Apache-2.0
"""The promises of `./dev run`, over the programs in $HERALD_BIN.

Every process that a test starts carries a mark in its environment, so that
any that are left behind can be found.
"""

import contextlib
import os
import pathlib
import queue
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))

from free_address import free_address  # noqa: E402

PATIENCE = 60  # Seconds; far more than anything here takes.
READY = "Ctrl-C stops everything."


class Process:
    """A process with lines that can be waited for."""

    def __init__(self, command, env):
        self.lines = []
        self._arrived = queue.Queue()
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=env, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
            # As from a terminal, even if we were started with it ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            self._arrived.put(line.rstrip("\n"))
        self._arrived.put(None)

    def wait_for(self, text):
        """Returns the first line that contains `text`, from here on."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                line = self._arrived.get(
                    timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"no {text!r} in:\n{self.output()}")
            self.lines.append(line)
            if text in line:
                return line

    def output(self):
        return "\n".join(self.lines)

    def signal_group(self, number):
        os.killpg(self._process.pid, number)

    def kill(self):
        self._process.kill()

    def wait(self):
        """Returns the exit code; all output is then in `lines`."""
        code = self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        while not self._arrived.empty():
            line = self._arrived.get()
            if line is not None:
                self.lines.append(line)
        return code

    def end(self):
        """Leaves nothing of it, after any outcome."""
        self.kill()
        self.wait()
        self._process.stdout.close()


class DevRun(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        # ./dev keeps its logs beside the programs: give each test its own.
        bin_folder = os.path.join(self.folder, "bin")
        os.symlink(os.environ["HERALD_BIN"], bin_folder)
        self.bin = bin_folder
        self.mark = uuid.uuid4().hex
        self.env = {
            name: value for name, value in os.environ.items()
            if not name.startswith("BROADCAST_")}
        self.env["HERALD_TEST_MARK"] = self.mark
        for name in ("GRPC", "METRICS", "WS"):
            self.env[f"BROADCAST_{name}_ADDRESS"] = free_address()
        self.env["BROADCAST_AUTHORIZER"] = free_address()
        self.env["CHAT_ADDRESS"] = free_address()
        self.addCleanup(self.kill_what_is_left)

    def start(self, *arguments):
        return self.run_process(
            [ROOT / "dev", "run", "--bin", self.bin, *arguments])

    def start_writing_to(self, output, stderr=subprocess.DEVNULL, **options):
        """Starts it without the chat."""
        dev = subprocess.Popen(
            [ROOT / "dev", "run", "--bin", self.bin, "--no-chat"],
            cwd=ROOT, env=self.env, stdin=subprocess.DEVNULL, stdout=output,
            stderr=stderr, start_new_session=True, **options)
        self.addCleanup(dev.wait, PATIENCE)
        self.addCleanup(dev.kill)
        return dev

    def run_process(self, command):
        process = Process(command, self.env)
        self.addCleanup(process.end)
        return process

    def what_is_left(self):
        mark = f"HERALD_TEST_MARK={self.mark}".encode()
        left = {}
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    left[int(entry.name)] = (entry / "comm").read_text().strip()
            except OSError:
                pass  # It has ended, or is not ours.
        return left

    def kill_what_is_left(self):
        for pid in self.what_is_left():
            os.kill(pid, signal.SIGKILL)

    def wait_until(self, happened):
        deadline = time.monotonic() + PATIENCE
        while not happened():
            self.assertLess(time.monotonic(), deadline, self.what_is_left())
            time.sleep(0.05)

    def wait_until_nothing_is_left(self):
        self.wait_until(lambda: not self.what_is_left())

    def wait_until_restarted(self, service):
        """Until a service that is not that process is ready."""
        self.wait_until(lambda: self.pid_of("herald-service")
                        not in (None, service))
        url = f"http://{self.env['BROADCAST_METRICS_ADDRESS']}/readyz"

        def is_ready():
            with contextlib.suppress(OSError):
                with urllib.request.urlopen(url, timeout=PATIENCE) as page:
                    return page.status == 200
            return False
        self.wait_until(is_ready)

    def pid_of(self, program):
        """The process of a program that runs, or None."""
        # The kernel cuts a name to 15 bytes.
        return next((pid for pid, name in self.what_is_left().items()
                     if name == program[:15]), None)

    def test_shows_a_chat_first(self):
        dev = self.start()
        dev.wait_for(READY)
        said = self.own_lines(dev)
        url = f"http://{self.env['CHAT_ADDRESS']}"
        self.assertIn(url, said[0])
        with urllib.request.urlopen(url, timeout=PATIENCE) as page:
            self.assertEqual(page.status, 200)
            self.assertIn("<title>Herald", page.read().decode())
            self.assertIn(f"ws://{self.env['BROADCAST_WS_ADDRESS']}",
                          page.headers["Content-Security-Policy"])

        dev.signal_group(signal.SIGINT)  # As Ctrl-C in a terminal does.

        self.assertEqual(dev.wait(), 0, dev.output())
        self.assertEqual(self.stopped(dev), ["gateway", "service", "chat"])
        self.assertEqual(self.what_is_left(), {})

    @staticmethod
    def own_lines(dev):
        """Those that are no program's log, nor empty."""
        return [line for line in dev.lines
                if line and not re.match(r"(\w+) +\| ", line)]

    @staticmethod
    def stopped(dev):
        return [re.fullmatch(r"Stopping the (\w+)\.", line)[1]
                for line in dev.lines if line.startswith("Stopping")]

    def test_shows_a_message_on_its_way(self):
        dev = self.start("--no-chat")
        dev.wait_for(READY)
        listen, watch, broadcast, _ = [
            line for line in dev.lines if line.startswith("  ")]
        listeners = [self.run_process(["bash", "-c", f"exec {command}"])
                     for command in (listen, watch)]
        for listener in listeners:
            listener.wait_for("subscribed")
        subprocess.run(broadcast, shell=True, cwd=ROOT, env=self.env,
                       check=True, timeout=PATIENCE)
        for listener in listeners:
            self.assertIn("greeting", listener.wait_for("hello"))

        dev.signal_group(signal.SIGINT)  # As Ctrl-C in a terminal does.

        self.assertEqual(dev.wait(), 0, dev.output())
        self.assertEqual(self.stopped(dev),
                         ["gateway", "service", "authorizer"])
        for listener in listeners:
            self.assertEqual(listener.wait(), 1)  # Both lost their server.
        self.assertEqual(self.what_is_left(), {})

    def test_stops_everything_on_sigterm(self):
        dev = self.start()
        dev.wait_for(READY)
        dev.signal_group(signal.SIGTERM)
        self.assertEqual(dev.wait(), 0, dev.output())
        self.assertEqual(self.what_is_left(), {})

    def test_names_the_port_that_is_in_use(self):
        for variable in ("BROADCAST_GRPC_ADDRESS", "BROADCAST_METRICS_ADDRESS",
                         "BROADCAST_WS_ADDRESS", "BROADCAST_AUTHORIZER",
                         "CHAT_ADDRESS"):
            with self.subTest(variable), socket.socket() as taken:
                taken.bind(("127.0.0.1", 0))
                taken.listen()
                port = taken.getsockname()[1]
                env = dict(self.env)
                self.env[variable] = f"127.0.0.1:{port}"
                dev = self.start()
                self.assertEqual(dev.wait(), 1)
                self.assertIn(f"port {port} is in use", dev.output())
                self.assertIn(f"set {variable} to", dev.output())
                self.assertEqual(self.what_is_left(), {})
                self.env = env

    def test_names_the_setting_that_the_chat_cannot_use(self):
        for variable in ("BROADCAST_AUTHORIZER", "BROADCAST_WS_ADDRESS"):
            with self.subTest(variable):
                env = dict(self.env)
                self.env[variable] = f"unix:{self.folder}/socket"
                dev = self.start()
                self.assertEqual(dev.wait(), 2, dev.output())
                said = self.own_lines(dev)
                self.assertEqual(len(said), 2, said)  # The other names --help.
                self.assertRegex(
                    said[0], f'^herald: {variable}: .*"{self.env[variable]}"'
                             "; set host:port, for example 127.0.0.1:")
                self.assertEqual(dev.lines, said)  # No program has started.
                self.assertEqual(self.what_is_left(), {})
                self.env = env

    def test_takes_an_authorizer_that_dns_names(self):
        port = self.env["BROADCAST_AUTHORIZER"].rpartition(":")[2]
        self.env["BROADCAST_AUTHORIZER"] = f"dns:///127.0.0.1:{port}"
        dev = self.start()
        dev.wait_for(READY)
        self.assertTrue([line for line in dev.lines
                         if f"authorizer listens on port {port}" in line])
        dev.signal_group(signal.SIGINT)
        self.assertEqual(dev.wait(), 0, dev.output())

    def test_works_over_socket_files_without_a_chat(self):
        self.env["BROADCAST_AUTHORIZER"] = f"unix:{self.folder}/authorizer"
        self.env["BROADCAST_WS_ADDRESS"] = f"unix:{self.folder}/gateway"
        dev = self.start("--no-chat")
        dev.wait_for(f"WebSocket at unix:{self.folder}/gateway, gRPC at ")
        dev.wait_for(READY)
        self.assertNotIn("listen.py", dev.output())
        dev.signal_group(signal.SIGINT)
        self.assertEqual(dev.wait(), 0, dev.output())

    def test_reads_an_env_file_as_the_programs_do(self):
        root = pathlib.Path(self.folder) / "root"
        root.mkdir()
        for name in os.listdir(ROOT):
            if name != ".env":
                os.symlink(ROOT / name, root / name)
        grpc = self.env.pop("BROADCAST_GRPC_ADDRESS")
        ws = self.env.pop("BROADCAST_WS_ADDRESS")
        (root / ".env").write_text(
            f'\ufeffBROADCAST_GRPC_ADDRESS = "{grpc}" # gRPC\r\n'
            f"export BROADCAST_WS_ADDRESS={ws} # browsers\n"
            'KEY="-----BEGIN KEY-----\n'
            'BROADCAST_WS_ADDRESS=192.0.2.1:1\n'
            '-----END KEY-----"\n')
        dev = self.run_process(
            [root / "dev", "run", "--bin", self.bin, "--no-chat"])
        dev.wait_for(f"WebSocket at ws://{ws}/ws, gRPC at {grpc}.")
        dev.wait_for(READY)
        dev.signal_group(signal.SIGINT)
        self.assertEqual(dev.wait(), 0, dev.output())

    def test_restarts_a_process_that_dies(self):
        dev = self.start("--no-chat")
        dev.wait_for(READY)
        kill, = [line for line in dev.lines if "kill -9" in line]
        watch = self.run_process(["bash", "-c", "exec " + next(
            line for line in dev.lines if " watch news" in line)])
        watch.wait_for("subscribed")
        for program, name in (("herald-service", "service"),
                              ("herald-gateway", "gateway"),
                              ("herald-example-authorizer", "authorizer")):
            with self.subTest(program):
                pid = self.pid_of(program)
                if program == "herald-service":
                    self.assertEqual(kill.strip(), f"kill -9 {pid}")
                os.kill(pid, signal.SIGKILL)
                dev.wait_for(f"the {name} was killed by signal 9")
                line = dev.wait_for(f"restarted the {name} as process ")
                # It has its name a moment after its start.
                self.wait_until(
                    lambda: self.pid_of(program) == int(line.split()[-1]))
        watch.wait_for("subscribed")
        deadline = time.monotonic() + PATIENCE
        while subprocess.run(
                [next(line for line in dev.lines if " broadcast news" in line)],
                shell=True, cwd=ROOT, env=self.env, check=False).returncode:
            self.assertLess(time.monotonic(), deadline)
        watch.wait_for("greeting")
        dev.signal_group(signal.SIGINT)
        self.assertEqual(dev.wait(), 0, dev.output())
        self.assertEqual(watch.wait(), 1)
        self.assertEqual(self.what_is_left(), {})

    def test_names_the_program_before_each_line_of_its_log(self):
        dev = self.start()
        dev.wait_for(READY)
        for name in ("chat", "service", "gateway"):
            self.assertTrue([line for line in dev.lines
                             if re.match(rf"{name} +\| \S", line)], name)
        dev.signal_group(signal.SIGINT)
        self.assertEqual(dev.wait(), 0, dev.output())
        self.assertEqual(self.own_lines(dev)[-3:], [
            "Stopping the gateway.", "Stopping the service.",
            "Stopping the chat."])

    def test_runs_on_when_its_output_is_not_read(self):
        self.env["BROADCAST_LOG_LEVEL"] = "debug"
        reader, writer = os.pipe()
        with open(reader, "rb") as output:
            dev = self.start_writing_to(writer)
            while READY.encode() not in output.readline():
                pass
            # From here on nothing is read, and the pipe is full.
            # A description of its own does not change the mode of theirs.
            mine = os.open(f"/proc/self/fd/{writer}",
                           os.O_WRONLY | os.O_NONBLOCK)
            self.addCleanup(os.close, mine)
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(mine, b"x")
            os.close(writer)
            service = self.pid_of("herald-service")
            os.kill(service, signal.SIGKILL)
            self.wait_until_restarted(service)
            dev.send_signal(signal.SIGTERM)
            self.assertEqual(dev.wait(PATIENCE), 0)
        self.assertEqual(self.what_is_left(), {})

    def test_outlasts_output_that_takes_no_more(self):
        path = pathlib.Path(self.folder, "output")
        with path.open("wb") as output:
            dev = self.start_writing_to(output, stderr=subprocess.PIPE)
        self.wait_until(lambda: READY in path.read_text())
        # As on a full disk, each write fails from here on.
        resource.prlimit(dev.pid, resource.RLIMIT_FSIZE, (1, 1))
        service = self.pid_of("herald-service")
        os.kill(service, signal.SIGKILL)
        self.wait_until_restarted(service)
        dev.send_signal(signal.SIGTERM)
        # Lines were lost, and nothing has failed but that.
        _, error = dev.communicate(timeout=PATIENCE)
        self.assertEqual(error, b"herald: cannot write the output\n")
        self.assertEqual(dev.returncode, 1)
        self.assertEqual(self.what_is_left(), {})

    def test_ends_when_its_reader_has_gone(self):
        # As coreutils do: of SIGPIPE, or with 1 where that is ignored.
        for ignored, code in ((False, -signal.SIGPIPE), (True, 1)):
            with self.subTest(ignored):
                reader, writer = os.pipe()
                dev = self.start_writing_to(writer, restore_signals=not ignored)
                os.close(writer)
                with open(reader, "rb") as output:
                    while READY.encode() not in output.readline():
                        pass
                # It logs that, and goes on.
                os.kill(self.pid_of("herald-gateway"), signal.SIGHUP)
                self.assertEqual(dev.wait(PATIENCE), code)
                self.assertEqual(self.what_is_left(), {})

    def test_ends_though_its_terminal_is_not_read(self):
        self.env["BROADCAST_LOG_LEVEL"] = "debug"
        master, terminal = os.openpty()
        dev = self.start_writing_to(terminal)
        with open(master, "rb", buffering=0) as screen:
            shown = b""
            while READY.encode() not in shown:
                shown += os.read(master, 4096)
            os.set_blocking(terminal, False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(terminal, b"x")
            os.set_blocking(terminal, True)
            for _ in range(3):
                service = self.pid_of("herald-service")
                os.kill(service, signal.SIGKILL)
                self.wait_until_restarted(service)
            # Space for a part of the lines that wait by now: poll(2) calls the
            # terminal ready, but a write of all of them would wait.
            screen.read(1024)
            dev.send_signal(signal.SIGTERM)
            self.assertEqual(dev.wait(PATIENCE), 0)
        os.close(terminal)
        self.assertEqual(self.what_is_left(), {})

    def test_stops_a_program_that_has_just_been_restarted(self):
        # The second service never comes as far as to handle SIGTERM.
        os.unlink(self.bin)
        os.mkdir(self.bin)
        for program in pathlib.Path(os.environ["HERALD_BIN"]).iterdir():
            os.symlink(program, os.path.join(self.bin, program.name))
        # It finds the others beside itself, wherever a link to it is.
        herald = pathlib.Path(self.bin, "herald")
        real = herald.readlink()
        herald.unlink()
        shutil.copy(real, herald)
        script = pathlib.Path(self.bin, "herald-service")
        real = script.readlink()
        script.unlink()
        script.write_text("#!/bin/sh\n"
                          f"mkdir {self.folder}/first && exec {real}\n"
                          "exec sleep 1000\n")
        script.chmod(0o755)
        dev = self.start("--no-chat")
        dev.wait_for(READY)
        os.kill(self.pid_of("herald-service"), signal.SIGKILL)
        self.wait_until(lambda: self.pid_of("sleep"))
        dev.signal_group(signal.SIGTERM)
        self.assertEqual(dev.wait(), 0, dev.output())
        self.assertEqual(self.what_is_left(), {})

    def test_kills_on_a_second_signal(self):
        dev = self.start("--no-chat")
        dev.wait_for(READY)
        os.kill(self.pid_of("herald-gateway"), signal.SIGSTOP)
        dev.signal_group(signal.SIGINT)
        dev.wait_for("Stopping the gateway.")
        dev.signal_group(signal.SIGINT)
        self.assertEqual(dev.wait(), 1)
        self.assertIn("the gateway did not stop and is killed", dev.output())
        self.assertEqual(self.what_is_left(), {})

    def test_shows_why_a_program_does_not_start(self):
        self.env["BROADCAST_MAX_CHANNELS"] = "many"
        dev = self.start()
        self.assertEqual(dev.wait(), 1)
        self.assertIn("the service has ended with code", dev.output())
        self.assertIn("BROADCAST_MAX_CHANNELS", dev.output())
        self.assertEqual(self.what_is_left(), {})

    def test_leaves_nothing_behind_when_it_is_killed(self):
        dev = self.start()
        dev.wait_for(READY)
        dev.kill()
        dev.wait()
        self.wait_until_nothing_is_left()


if __name__ == "__main__":
    unittest.main()
