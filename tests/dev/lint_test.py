# SPDX-License-Identifier: Apache-2.0
"""`./dev lint` and `./dev format`, over small trees with faults."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "support"))

from scratch_tree import ScratchTree  # noqa: E402

CHECKS = ["layout", "shell", "contract", "python", "javascript", "lockfile",
          "bugs"]
# The output and the exit code of clang-tidy if it finds something.
TIDY_FINDS = 'echo "2 warnings generated."; cat findings 2>/dev/null; exit 1'


class LintCase(unittest.TestCase):
    def setUp(self):
        self.tree = ScratchTree(self)
        self.tree.install()
        for name in ("clang-format", "clang-tidy", "shellcheck"):
            self.tree.fake(name)
        self.tree.write_program("tests/tools/node_modules/.bin/buf")

    def assert_clean(self, *arguments):
        result = self.tree.dev("lint", *arguments)
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertEqual(result.stdout.splitlines()[-1], "Lint is clean.")

    def assert_finds(self, check, text=""):
        result = self.tree.dev("lint", check)
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn(text, result.stdout)
        self.assertEqual(result.stdout.splitlines()[-1],
                         f"dev: lint found something: {check}")
        return result.stdout


class LintTest(LintCase):
    def test_makes_all_checks(self):
        result = self.tree.dev("lint")
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertEqual([line.removeprefix("== Linting: ")
                          for line in result.stdout.splitlines()
                          if line.startswith("== ")], CHECKS)

    def test_names_all_checks_that_fail(self):
        for name in ("clang-format", "shellcheck", "cmake"):
            self.tree.fake(name, "exit 1")
        result = self.tree.dev("lint")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stdout.splitlines()[-1],
                         "dev: lint found something: layout shell bugs")

    def test_refuses_unknown_checks(self):
        result = self.tree.dev("lint", "layuot")
        self.assertEqual(result.returncode, 2)
        self.assertIn(f"no such check: layuot; the checks are "
                      f"{', '.join(CHECKS)}\n", result.stdout)

    def test_reads_our_files_only(self):
        for folder in ("build", "a/node_modules/b", ".git", "a/__pycache__"):
            self.tree.write(f"{folder}/theirs.cc")
        for path in ("a/build/c.h", "a/b.cc", "a/b.ccc", "z.cc"):
            self.tree.write(path)
        self.assert_clean("layout")
        self.assertEqual(
            self.tree.calls("clang-format"),
            ["clang-format --dry-run -Werror a/b.cc a/build/c.h z.cc"])

    def test_format_changes_them(self):
        self.tree.write("a.cc")
        self.assertEqual(self.tree.dev("format").returncode, 0)
        self.assertEqual(self.tree.calls("clang-format"),
                         ["clang-format -i a.cc"])
        self.tree.fake("clang-format", "exit 1")
        self.assertEqual(self.tree.dev("format").returncode, 1)

    def test_reads_scripts_without_an_extension(self):
        self.tree.write("a/b.sh")
        self.assert_clean("shell")
        self.assertEqual(self.tree.calls("shellcheck"),
                         ["shellcheck dev .ci/run a/b.sh"])

    def test_checks_the_contract(self):
        self.assert_clean("contract")
        self.assertEqual(self.tree.calls("buf"), ["buf lint proto"])

    def test_parses_python(self):
        self.assert_clean("python")
        self.tree.write("a/bad.py", "def f(:\n")
        self.tree.write("a/worse.py", "\0")
        found = self.assert_finds("python", "a/bad.py: invalid syntax")
        self.assertIn("a/worse.py: ", found)
        self.assertEqual(list(self.tree.root.glob("a/__pycache__")), [])

    def test_parses_javascript(self):
        self.tree.write("a.js")
        self.tree.write("b.mjs")
        self.assert_clean("javascript")
        self.assertEqual(self.tree.calls("node"),
                         ["node --check a.js", "node --check b.mjs"])
        self.tree.fake("node", 'test "$2" != a.js')
        self.assert_finds("javascript")

    def test_wants_no_host_in_lock_files(self):
        self.assert_clean("lockfile")
        self.tree.write("clients/typescript/package-lock.json",
                        '{\n  "resolved": "https://npm.invalid/a.tgz"\n}\n')
        self.assert_finds(
            "lockfile",
            'clients/typescript/package-lock.json:2: "resolved": "https://npm')


class BugsTest(LintCase):
    def setUp(self):
        super().setUp()
        for path in ("a/one.cc", "a/two.cc", "b/c/three.cc", "clients/cpp/d.cc",
                     "clients/cpp/examples/e.cc", "tests/a/f.cc"):
            self.tree.write(path)

    def calls(self):
        return sorted(call.partition(" -- ")[0]
                      for call in self.tree.calls("clang-tidy"))

    def test_reads_a_folder_as_one_source(self):
        self.assert_clean("bugs")
        tidy = self.tree.root / "build/clang/tidy"
        self.assertEqual(self.calls(), [
            f"clang-tidy --quiet --config-file=.clang-tidy {tidy}/{name}.cc"
            for name in ("a", "b_c")])
        self.assertEqual((tidy / "a.cc").read_text(),
                         '#include "a/one.cc"\n#include "a/two.cc"\n')

    def test_prints_a_finding_of_two_folders_once(self):
        root = self.tree.root
        self.tree.fake("clang-tidy", TIDY_FINDS)
        self.tree.write(
            "findings",
            f"{root}/./a/one.h:1:2: error: wrong [check]\n  code\n    ^\n"
            f"./a/one.h:3:4: error: wrong, too [check]\n"
            f"{root}/a/one.h:5:6: note: because of this\n"
            "2 warnings treated as errors\n")
        self.assertEqual(self.assert_finds("bugs").splitlines()[1:-2], [
            "== Linting: bugs",
            "a/one.h:1:2: error: wrong [check]", "  code", "    ^",
            "a/one.h:3:4: error: wrong, too [check]",
            "a/one.h:5:6: note: because of this"])

    def test_fails_with_a_clang_tidy_that_prints_nothing(self):
        self.tree.fake("clang-tidy", "exit 3")
        self.assert_finds("bugs", "clang-tidy failed with 3: a\n")

    def test_shows_why_headers_cannot_be_generated(self):
        self.tree.fake("cmake", "echo no protoc >&2; exit 1")
        self.assert_finds("bugs", "no protoc\n")
        self.assertEqual(self.calls(), [])

    def test_shows_no_output_of_clang_tidy_that_finds_nothing(self):
        self.tree.fake("clang-tidy", "echo 3 warnings generated.")
        result = self.tree.dev("lint", "bugs")
        self.assertEqual(result.stdout,
                         "\n== Linting: bugs\n\nLint is clean.\n")


if __name__ == "__main__":
    unittest.main()
