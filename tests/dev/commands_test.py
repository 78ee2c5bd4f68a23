# SPDX-License-Identifier: Apache-2.0
"""The commands of ./dev, with programs that only note their arguments."""

import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "support"))

from scratch_tree import ROOT, ScratchTree  # noqa: E402

PROGRAMS = ("bin/herald-service bin/herald-gateway bin/herald "
            "bin/herald-example-authorizer")
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md",
             ".ci/run", ".github/workflows/ci.yml"]


class Command(unittest.TestCase):
    def setUp(self):
        self.tree = ScratchTree(self)
        self.tree.install()

    def commands(self):
        return re.findall(r"(?m)^  (\w+)  ", self.tree.dev("--help").stdout)

    def assert_ok(self, result):
        self.assertEqual(result.returncode, 0, result.stdout)

    def cmake_calls(self):
        return self.tree.calls("cmake")


class HelpTest(Command):
    def test_describes_each_command(self):
        self.assertEqual(len(self.commands()), 9)
        for command in self.commands():
            for option in ("-h", "--help"):
                with self.subTest(command, option=option):
                    result = self.tree.dev(command, option)
                    self.assert_ok(result)
                    self.assertTrue(
                        result.stdout.startswith(f"Usage: ./dev {command}"))
        self.assertEqual(self.tree.calls("apt-get", "cmake"), [])

    def test_is_the_same_in_each_way_of_asking(self):
        for arguments in ([], ["help"], ["-h"]):
            result = self.tree.dev(*arguments)
            self.assert_ok(result)
            self.assertEqual(result.stdout, self.tree.dev("--help").stdout)

    def test_follows_an_unknown_command(self):
        result = self.tree.dev("bild")
        self.assertEqual(result.returncode, 1)
        self.assertIn("Usage: ./dev COMMAND", result.stdout)
        self.assertIn("dev: no such command: bild\n", result.stdout)

    def test_knows_each_preset(self):
        text = (ROOT / "CMakePresets.json").read_text("utf-8")
        names = set(re.findall(r'"configurePreset": "(\w+)"', text))
        sentence = re.search(r"presets are (.*)\.",
                             self.tree.dev("--help").stdout, re.DOTALL)
        self.assertEqual(set(re.split(r",\s+|\s+and\s+", sentence[1])), names)

    def test_knows_each_command_in_documents(self):
        for document in DOCUMENTS:
            text = (ROOT / document).read_text("utf-8")
            for command in re.findall(r"\./dev ([a-z]+)\b", text):
                with self.subTest(document):
                    self.assertIn(command, self.commands())


class ScriptTest(Command):
    def test_stays_short(self):
        lines = (ROOT / "dev").read_text("utf-8").splitlines()
        self.assertLessEqual(len(lines), 350)
        self.assertEqual([line for line in lines if len(line) > 80], [])


class SetupTest(Command):
    def test_does_nothing_if_nothing_is_missing(self):
        result = self.tree.dev("setup")
        self.assert_ok(result)
        self.assertEqual(result.stdout, "Everything is installed.\n")
        self.assertEqual(self.tree.calls("apt-get", "npm"), [])

    def test_installs_missing_packages_only(self):
        self.tree.fake("dpkg-query",
                       'shift 2; printf "installed %s\\n" "$@" |'
                       'sed "s/.* faketime/not-&/; /shellcheck/d"; exit 1')
        self.assert_ok(self.tree.dev("setup"))
        update, install = self.tree.calls("apt-get")
        self.assertEqual(update, "apt-get -q update")
        self.assertTrue(install.endswith(
            "--no-install-recommends faketime shellcheck"), install)

    def test_installs_no_browser_to_build(self):
        self.tree.install(packages=False)
        self.assert_ok(self.tree.dev("build"))
        _, install = self.tree.calls("apt-get")
        self.assertRegex(install, r" libboost[\d.]*-dev$")
        self.assertNotIn("chromium", install)

    def test_installs_npm_packages_after_their_list_has_changed(self):
        installed = self.tree.root / "tests/tools/node_modules"
        (installed / ".package-lock.json").unlink()
        self.assert_ok(self.tree.dev("setup"))
        self.assertEqual(self.tree.calls("npm"), [
            "npm ci --ignore-scripts --no-audit --no-fund"])
        self.assert_ok(self.tree.dev("setup"))
        self.assertEqual(len(self.tree.calls("npm")), 1)

    def test_fails_if_a_package_cannot_be_installed(self):
        self.tree.install(packages=False)
        self.tree.fake("apt-get", "exit 100")
        self.assertEqual(self.tree.dev("setup").returncode, 100)


class BuildTest(Command):
    def assert_builds(self, arguments, preset, targets):
        with self.subTest(arguments):
            self.tree.calls_file.unlink(missing_ok=True)
            self.assert_ok(self.tree.dev("build", *arguments))
            self.assertEqual(self.cmake_calls(), [
                f"cmake --preset {preset}",
                f"cmake --build --preset {preset} --target {targets}"])

    def test_takes_a_preset_and_targets(self):
        self.assert_builds([], "release", PROGRAMS)
        self.assert_builds(["tsan"], "tsan", PROGRAMS)
        self.assert_builds(["--all"], "release", "all")
        self.assert_builds(["dev", "--all"], "dev", "all")
        self.assert_builds(["asan", "one", "two"], "asan", "one two")
        self.assert_builds(["one"], "release", "one")
        self.assert_builds(["fuzz"], "fuzz", "tests/fuzz/all")
        self.assert_builds(["fuzz", "fuzz/rules"], "fuzz", "fuzz/rules")

    def test_fails_if_cmake_does(self):
        self.tree.fake("cmake", "exit 7")
        self.assertEqual(self.tree.dev("build").returncode, 7)
        self.assertEqual(len(self.cmake_calls()), 1)


class RunTest(Command):
    def test_passes_its_options_on(self):
        self.tree.write_program("programs/herald")
        self.assert_ok(self.tree.dev("run", "--bin", "programs",
                                     "--no-authorizer"))
        self.assertEqual(self.tree.calls("herald"), [
            "herald dev --examples=clients/examples --data=./run "
            "--no-authorizer"])
        self.assertEqual(self.cmake_calls(), [])

    def test_builds_the_browser_library_for_the_chat(self):
        self.tree.write_program("build/asan/bin/herald")
        self.assert_ok(self.tree.dev("run", "asan"))
        self.assert_ok(self.tree.dev("run", "asan", "--no-chat"))
        self.assertEqual(
            [call for call in self.cmake_calls() if "--build" in call],
            [f"cmake --build --preset asan --target {PROGRAMS} browser_library",
             f"cmake --build --preset asan --target {PROGRAMS}"])
        self.assertTrue((self.tree.root / "build/asan/run").is_dir())

    def test_refuses_other_arguments(self):
        for arguments, error in ((["--bin"], "--bin needs a folder"),
                                 (["chat"], "unknown argument chat; see")):
            result = self.tree.dev("run", *arguments)
            self.assertEqual(result.returncode, 1)
            self.assertIn(f"dev: run: {error}", result.stdout)


class FuzzTest(Command):
    def setUp(self):
        super().setUp()
        self.tree.write("tests/fuzz/core_fuzz.cc")
        self.tree.write("tests/fuzz/rules_fuzz.cc")
        self.tree.write("tests/fuzz/corpus/rules/seed")
        self.tree.write_program("build/fuzz/fuzz/rules")

    def fuzz(self, *arguments):
        self.assert_ok(self.tree.dev("fuzz", "rules", *arguments))
        return self.tree.calls("rules")[-1].removeprefix(
            "rules -timeout=20 -rss_limit_mb=2048 "
            "-artifact_prefix=build/fuzz/crashes/rules/ ")

    def test_continues_from_the_inputs_that_were_found(self):
        self.assertEqual(
            self.fuzz("-jobs=2"),
            "-jobs=2 build/fuzz/corpus/rules tests/fuzz/corpus/rules")
        self.assertIn("cmake --build --preset fuzz --target fuzz/rules",
                      self.cmake_calls())
        for folder in ("corpus/rules", "crashes/rules"):
            self.assertTrue((self.tree.root / "build/fuzz" / folder).is_dir())

    def test_runs_one_input_alone(self):
        self.tree.write("crash")
        self.assertEqual(self.fuzz("crash"), "crash")

    def test_names_the_targets(self):
        self.assertEqual(self.tree.dev("fuzz", "--list").stdout,
                         "core\nrules\n")
        for name in ("nothing", "", "../rules", "c.re"):
            result = self.tree.dev("fuzz", name)
            self.assertEqual(result.returncode, 1)
            self.assertEqual(result.stdout,
                             "dev: fuzz: NAME is one of: core rules\n")

    def test_installs_npm_packages_for_javascript(self):
        self.tree.write("tests/fuzz/text_fuzz.mjs")
        self.tree.write_program("build/fuzz/fuzz/text")
        installed = self.tree.root / "tests/tools/node_modules"
        (installed / ".package-lock.json").unlink()
        self.fuzz()
        self.assertEqual(self.tree.calls("npm"), [])
        self.assert_ok(self.tree.dev("fuzz", "text"))
        self.assertEqual(self.tree.calls("npm"), [
            "npm ci --ignore-scripts --no-audit --no-fund"])
        self.assertEqual(len(self.tree.calls("text")), 1)
        self.assertEqual(self.tree.dev("fuzz", "--list").stdout,
                         "core\nrules\ntext\n")


class ChaosAndBenchTest(Command):
    def test_pass_their_options_on(self):
        self.tree.write_program("build/dev/bin/herald-chaos", "exit 1")
        chaos = self.tree.dev("chaos", "dev", "--minutes", "60")
        self.assertEqual(chaos.returncode, 1)
        self.assertEqual(self.tree.calls("herald-chaos"),
                         ["herald-chaos --minutes 60"])
        self.tree.write_program("build/release/bin/herald-bench")
        self.assert_ok(self.tree.dev("bench", "--quick", "--json"))
        self.assertEqual(self.tree.calls("herald-bench"),
                         ["herald-bench --quick --json"])
        self.assertEqual(
            [call for call in self.cmake_calls() if "--build" in call],
            [f"cmake --build --preset dev --target {PROGRAMS} bin/herald-chaos",
             "cmake --build --preset release --target "
             f"{PROGRAMS} bin/herald-bench"])

    def test_chaos_refuses_tsan(self):
        result = self.tree.dev("chaos", "tsan")
        self.assertEqual(result.returncode, 1)
        self.assertIn("tsan cannot see through gRPC", result.stdout)


class ContinuousIntegrationTest(unittest.TestCase):
    def test_runs_lint_and_each_default_preset(self):
        sys.path.insert(0, str(ROOT / "tests/tools"))
        import run_tests  # pylint: disable=import-outside-toplevel
        text = (ROOT / ".github/workflows/ci.yml").read_text("utf-8")
        jobs = set(re.findall(r"command: (lint|test \w+)$", text, re.MULTILINE))
        self.assertLessEqual(
            {"lint", *(f"test {name}" for name in run_tests.DEFAULT_PRESETS)},
            jobs)


if __name__ == "__main__":
    unittest.main()
