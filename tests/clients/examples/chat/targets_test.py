# SPDX-License-Identifier: Apache-2.0
"""The chat accepts the gRPC targets that Herald's programs accept."""

import ast
import re
import unittest

import support
import targets

CASES = support.ROOT / "tests/proto/contract/address_test.cc"


def cases(test):
    """The strings of the list in a test of CheckTarget()."""
    text = CASES.read_text(encoding="utf-8")
    items = re.search(
        rf"TEST\(ATarget, {test}\) {{\n  for \(const char\* text :(.*?)}}\) {{",
        text, re.DOTALL)[1]
    return [ast.literal_eval(literal)
            for literal in re.findall(r'"(?:[^"\\]|\\.)*"', items)]


class ATarget(unittest.TestCase):
    def test_is_an_address_that_grpc_can_dial(self):
        accepted = cases("IsAnAddressThatGrpcCanDial")
        self.assertGreater(len(accepted), 10)
        for target in accepted:
            self.assertTrue(targets.is_target(target), target)

    def test_that_grpc_would_misread_is_refused(self):
        refused = cases("ThatGrpcWouldMisreadIsRefused")
        self.assertGreater(len(refused), 10)
        for target in refused + ["unix:/" + 107 * "a", "xds:///", "\0:1",
                                 "[::1\0]:1", "[\udc80::1]:1"]:
            self.assertFalse(targets.is_target(target), repr(target))


if __name__ == "__main__":
    unittest.main(verbosity=2)
