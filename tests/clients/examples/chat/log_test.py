# SPDX-License-Identifier: Apache-2.0
"""How the chat logs, also to a stderr that is not read."""

import logging
import os
import re
import unittest

import support
import log


class TheLog(unittest.TestCase):
    def setUp(self):
        self.reader, self.writer = os.pipe()
        self.addCleanup(os.close, self.reader)
        self.handler = log.LogHandler(self.writer)
        self.logger = logging.Logger("test")
        self.logger.addHandler(self.handler)

    def read_until(self, end):
        data = b""
        while end not in data:
            data += os.read(self.reader, 1 << 16)
        return data.decode()

    def test_writes_lines_with_their_traceback(self):
        try:
            raise ValueError("h\u00e9")
        except ValueError:
            self.logger.exception("this %s", "failed")
        self.assertRegex(self.read_until(b"h\xc3\xa9\n"),
                         r"\Achat: this failed\nTraceback[^$]*ValueError: h")

    def test_waits_until_the_lines_are_written(self):
        self.logger.warning("last words")
        self.handler.drain(support.PATIENCE)
        os.set_blocking(self.reader, False)
        self.assertEqual(os.read(self.reader, 100), b"chat: last words\n")

    def test_drops_and_counts_lines_that_are_not_read(self):
        line = "x" * 1000
        for _ in range(2 * log.LINES_MAX):  # The pipe takes 64 of them.
            self.logger.warning(line)
        self.handler.drain(0)
        said = self.read_until(b"dropped\n")
        while self.handler._lines.full():  # Or this one would be dropped, too.
            said += os.read(self.reader, 1 << 16).decode()
        self.logger.warning("end")
        said += self.read_until(b"end\n")
        dropped = sum(map(int, re.findall("chat: ([0-9]+) log lines", said)))
        self.assertGreater(dropped, log.LINES_MAX // 2)
        self.assertEqual(said.count(line) + dropped, 2 * log.LINES_MAX)

    def test_survives_a_reader_that_has_gone(self):
        other, writer = os.pipe()
        handler = log.LogHandler(writer)
        os.close(other)
        for _ in range(3):
            handler.handle(logging.makeLogRecord({"msg": "to nobody"}))
        handler.drain(support.PATIENCE)
        self.assertTrue(handler._lines.empty())


if __name__ == "__main__":
    unittest.main(verbosity=2)
