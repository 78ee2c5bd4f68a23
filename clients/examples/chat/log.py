# SPDX-License-Identifier: Apache-2.0
"""The chat's log: lines on stderr that never delay a caller.

A thread of its own writes them. At most LINES_MAX lines wait for a stderr that
is not read; more are dropped, and a later line counts them.
"""

import logging
import os
import queue
import select
import threading

LINES_MAX = 1000


class LogHandler(logging.Handler):
    def __init__(self, descriptor=2):
        super().__init__()
        self.setFormatter(logging.Formatter("chat: %(message)s"))
        self._descriptor = descriptor
        self._lines = queue.Queue(LINES_MAX)
        self._dropped = 0  # Guarded by the lock of logging.Handler.
        threading.Thread(target=self._run, daemon=True).start()

    def emit(self, record):
        try:
            self._lines.put_nowait(self.format(record))
        except queue.Full:
            self._dropped += 1

    def drain(self, seconds):
        """Waits until all lines are written, for so long at most."""
        done = self._lines.all_tasks_done
        with done:
            done.wait_for(lambda: not self._lines.unfinished_tasks, seconds)

    def _run(self):
        while True:
            self._write(self._lines.get())
            with self.lock:
                dropped, self._dropped = self._dropped, 0
            if dropped:
                self._write(f"chat: {dropped} log lines were dropped")
            self._lines.task_done()

    def _write(self, line):
        # Not through sys.stderr: the exit of Python waits for its lock.
        rest = (line + "\n").encode(errors="backslashreplace")
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest):]
            except BlockingIOError:
                select.select([], [self._descriptor], [])
            except OSError:
                return  # The reader has gone, or the disk is full.
