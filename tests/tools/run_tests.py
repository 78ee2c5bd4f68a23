# SPDX-License-Identifier: Apache-2.0
"""Builds presets and runs their tests, for `./dev test`.

Each preset of CMakePresets.json names the needs of its tests. A test that was
skipped or not run counts as failed, and so does a build that fails and a report
that is missing or cannot be read. The output ends with the failures and one
line: N passed, N failed.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
from xml.etree import ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEFAULT_PRESETS = ["release", "asan", "tsan", "fuzz"]
# Their tests compute. Those of the other presets start processes, and wait more
# than they compute.
BUSY_PRESETS = ["tsan", "fuzz"]
OUTPUT_LINES_MAX = 60  # Of one failed test.
# The gRPC clients of the tests connect to this machine.
PROXIES = ["grpc_proxy", "https_proxy", "http_proxy"]


class Results:
    """How many tests passed, and a text for each failure."""

    def __init__(self):
        self.passed = 0
        self.failures = []

    def add_report(self, preset, path):
        """Adds the tests of a JUnit report, as CTest writes it."""
        try:
            cases = list(ElementTree.parse(path).iter("testcase"))
        except FileNotFoundError:
            self.failures.append(f"== no report of {preset}")
            return
        except ElementTree.ParseError as error:
            self.failures.append(f"== {path} cannot be read: {error}")
            return
        for case in cases:
            if case.get("status") == "run":
                self.passed += 1
            else:
                self.failures.append(describe_failure(preset, case))

    def print(self):
        print("", *self.failures, sep="\n")
        print(f"{self.passed} passed, {len(self.failures)} failed", flush=True)


def describe_failure(preset, case):
    output = (case.findtext("system-out") or "").splitlines()
    title = (f"== failed under {preset}: {case.get('name')} "
             f"({case.get('status')})")
    return "\n".join([title, *output[-OUTPUT_LINES_MAX:]])


def run_preset(preset, ctest_options, results):
    print(f"\n== Building {preset}", flush=True)
    if not build(preset):
        results.failures.append(f"dev: the {preset} build failed")
        print(results.failures[-1], flush=True)
        return
    print(f"\n== Testing {preset}", flush=True)
    report = ROOT / "build" / preset / "tests.xml"
    report.unlink(missing_ok=True)
    jobs = len(os.sched_getaffinity(0))
    if preset not in BUSY_PRESETS:
        jobs *= 2
    # The report has its result.
    subprocess.run(
        ["ctest", "--preset", preset, "--no-tests=ignore",
         "--parallel", str(jobs), "--output-junit", report, *ctest_options],
        cwd=ROOT, check=False)
    results.add_report(preset, report)


def build(preset):
    """Compiles the targets that the preset names. Returns whether it could."""
    configured = subprocess.run(
        ["cmake", "--preset", preset], cwd=ROOT, check=False,
        stdout=subprocess.DEVNULL)
    return configured.returncode == 0 and subprocess.run(
        ["cmake", "--build", "--preset", preset], cwd=ROOT,
        check=False).returncode == 0


def preset_name(word):
    presets = json.loads((ROOT / "CMakePresets.json").read_text("utf-8"))
    names = [preset["name"] for preset in presets["testPresets"]]
    if word not in names:
        raise argparse.ArgumentTypeError(
            f"{word} is not a preset; the presets are {', '.join(names)}")
    return word


def parse(arguments):
    parser = argparse.ArgumentParser(prog="dev test", add_help=False,
                                     usage="./dev test [PRESET...] [-R REGEX]")
    parser.add_argument("presets", metavar="PRESET", nargs="*",
                        type=preset_name)
    parser.add_argument("-R", metavar="REGEX", dest="regex")
    return parser.parse_intermixed_args(arguments)


def main():
    options = parse(sys.argv[1:])
    for name in PROXIES:
        os.environ.pop(name, None)
    ctest_options = ["-R", options.regex] if options.regex else []
    results = Results()
    for preset in options.presets or DEFAULT_PRESETS:
        run_preset(preset, ctest_options, results)
    results.print()
    return 0 if results.passed and not results.failures else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)  # As a shell reports it.
