# SPDX-License-Identifier: Apache-2.0
"""The chat's server, in which messages are sent on demand of the test.

usage: chat_at.py UNIX_TIME SECONDS ARGUMENTS_OF_THE_SERVER...

The first message is sent at UNIX_TIME, each one after it SECONDS later. All
else goes by the real clock.
"""

import itertools
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "clients/examples/chat"))

import server  # noqa: E402  pylint: disable=wrong-import-position

first, step = map(float, sys.argv[1:3])
times = itertools.count(first, step)
sys.exit(server.run(server.parse(sys.argv[3:]), clock=lambda: next(times)))
