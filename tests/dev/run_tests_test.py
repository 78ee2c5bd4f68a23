# SPDX-License-Identifier: Apache-2.0
"""`./dev test` with a CMake and a CTest that only write reports."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "support"))

from scratch_tree import ScratchTree  # noqa: E402

PASSED = '<testcase name="good" status="run"/>'
FAILED = ('<testcase name="bad &amp; long" status="fail"><failure/><system-out>'
          + "".join(f"line {number}\n" for number in range(1, 101))
          + "</system-out></testcase>")
NOT_RUN = '<testcase name="lost" status="notrun"/>'
DISABLED = '<testcase name="off" status="disabled"/>'


class RunTestsTest(unittest.TestCase):
    def setUp(self):
        self.tree = ScratchTree(self)
        self.tree.install()
        # The report of a preset lies in reports/PRESET.
        self.tree.fake("ctest", "mkdir -p build/$2; "
                       "cp reports/$2 build/$2/tests.xml 2>/dev/null; exit 8")

    def report(self, preset, *cases):
        self.tree.write(f"reports/{preset}",
                        f"<testsuite>{''.join(cases)}</testsuite>")

    def assert_ends(self, result, line, code):
        self.assertEqual(result.stdout.splitlines()[-1], line, result.stdout)
        self.assertEqual(result.returncode, code)

    def test_adds_up_the_presets(self):
        self.report("release", PASSED, PASSED)
        self.report("tsan", PASSED)
        self.assert_ends(self.tree.dev("test", "release", "tsan"),
                         "3 passed, 0 failed", 0)

    def test_takes_four_presets_by_default(self):
        presets = ["release", "asan", "tsan", "fuzz"]
        for preset in presets:
            self.report(preset, PASSED)
        self.assert_ends(self.tree.dev("test"), "4 passed, 0 failed", 0)
        self.assertEqual(self.tree.calls("cmake"), [
            f"cmake {build}--preset {preset}"
            for preset in presets for build in ("", "--build ")])

    def test_counts_tests_that_have_not_run_as_failed(self):
        self.report("release", PASSED, NOT_RUN, DISABLED)
        result = self.tree.dev("test", "release")
        self.assert_ends(result, "1 passed, 2 failed", 1)
        self.assertIn("== failed under release: lost (notrun)\n", result.stdout)
        self.assertIn("== failed under release: off (disabled)\n",
                      result.stdout)

    def test_ends_with_the_last_lines_of_failed_tests(self):
        self.report("release", FAILED)
        self.report("asan", PASSED)
        result = self.tree.dev("test", "release", "asan")
        self.assert_ends(result, "1 passed, 1 failed", 1)
        self.assertEqual(
            result.stdout.partition("== Testing asan\n\n")[2].splitlines(),
            ["== failed under release: bad & long (fail)",
             *(f"line {number}" for number in range(41, 101)),
             "1 passed, 1 failed"])

    def test_goes_on_after_a_build_that_fails(self):
        self.tree.fake("cmake", 'test "$*" != "--build --preset asan"')
        self.report("asan", PASSED)
        self.report("tsan", PASSED)
        result = self.tree.dev("test", "asan", "tsan")
        self.assert_ends(result, "1 passed, 1 failed", 1)
        self.assertEqual(result.stdout.count("dev: the asan build failed\n"), 2)
        self.tree.fake("cmake", 'test "$*" != "--preset asan"')
        self.assert_ends(self.tree.dev("test", "asan"),
                         "0 passed, 1 failed", 1)

    def test_counts_a_report_without_an_end_as_failed(self):
        self.tree.write("reports/release", "<testsuite>")
        result = self.tree.dev("test", "release")
        self.assert_ends(result, "0 passed, 1 failed", 1)
        self.assertIn("tests.xml cannot be read", result.stdout)

    def test_takes_no_report_of_an_earlier_run(self):
        self.tree.write("build/release/tests.xml",
                        f"<testsuite>{PASSED}</testsuite>")
        result = self.tree.dev("test", "release")
        self.assert_ends(result, "0 passed, 1 failed", 1)
        self.assertIn("== no report of release\n", result.stdout)

    def test_passes_a_filter_on(self):
        self.report("asan", PASSED)
        for arguments in (["-R", "^Hub", "asan"], ["asan", "-R", "^Hub"]):
            self.assert_ends(self.tree.dev("test", *arguments),
                             "1 passed, 0 failed", 0)
            call = self.tree.calls("ctest")[-1]
            self.assertTrue(call.startswith("ctest --preset asan "), call)
            self.assertTrue(call.endswith(" -R ^Hub"), call)

    def test_fails_if_no_test_matches(self):
        self.report("release")
        self.assert_ends(self.tree.dev("test", "release", "-R", "nothing"),
                         "0 passed, 0 failed", 1)

    def test_runs_tests_that_wait_beside_one_another(self):
        jobs = {}
        for preset in ("release", "tsan"):
            self.report(preset, PASSED)
            self.tree.dev("test", preset)
            words = self.tree.calls("ctest")[-1].split()
            jobs[preset] = int(words[words.index("--parallel") + 1])
        self.assertEqual(jobs["release"], 2 * jobs["tsan"])

    def test_uses_no_proxy(self):
        self.tree.fake("ctest", "env; exit 0")
        result = self.tree.dev("test", "release", http_proxy="proxy.invalid",
                               https_proxy="proxy.invalid",
                               grpc_proxy="proxy.invalid")
        self.assertNotIn("proxy.invalid", result.stdout)

    def test_refuses_unknown_presets(self):
        result = self.tree.dev("test", "relaese")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("relaese is not a preset; the presets are dev, release",
                      result.stdout)
        self.assertEqual(self.tree.calls("cmake", "ctest"), [])


if __name__ == "__main__":
    unittest.main()
