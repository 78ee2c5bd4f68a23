# SPDX-License-Identifier: Apache-2.0
"""Where a process that a test starts may listen, for tests in Python.

(tests/support/restartable_port.h is the same for those in C++.)
"""

import random
import socket

_given = set()


def free_address():
    """HOST:PORT, from below the range in which the system chooses for others.

    Another one each time."""
    for _ in range(100):
        port = random.randrange(12000, 32000)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                _given.add(port)
                return f"127.0.0.1:{port}"
            except OSError:
                pass  # Somebody listens there.
    raise AssertionError("no free port")
