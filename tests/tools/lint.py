# SPDX-License-Identifier: Apache-2.0
"""Checks sources without running them, for `./dev lint`.

A check prints its findings, and returns whether there are none. With
--format, C++ files are laid out instead.
"""

import argparse
import subprocess
import sys

import clang_tidy
import source_tree

TOOLS = source_tree.ROOT / "tests/tools"
LOCK_FILES = ["tests/tools/package-lock.json",
              "clients/typescript/package-lock.json"]


def layout():
    return clang_format("--dry-run", "-Werror")


def shell():
    scripts = source_tree.files(".sh")
    return succeeds("shellcheck", "dev", ".ci/run", *scripts)


def contract():
    """Whether the protos are fit to publish."""
    return succeeds(TOOLS / "node_modules/.bin/buf", "lint", "proto")


def python():
    return all([parses_as_python(path) for path in source_tree.files(".py")])


def javascript():
    return all([succeeds("node", "--check", path)
                for path in source_tree.files(".js", ".mjs")])


def lockfile():
    """A lock file that names hosts works only where those are reached."""
    return all([names_no_host(source_tree.ROOT / path) for path in LOCK_FILES])


def bugs():
    return clang_tidy.run()


CHECKS = [layout, shell, contract, python, javascript, lockfile, bugs]


def parses_as_python(path):
    try:
        compile((source_tree.ROOT / path).read_bytes(), path, "exec")
    except (SyntaxError, ValueError) as error:
        print(f"{path}: {error}")
        return False
    return True


def names_no_host(path):
    lines = [f"{path}:{number}: {line.strip()}"
             for number, line in enumerate(path.read_text().splitlines(), 1)
             if '"resolved"' in line]
    print(*lines, sep="\n", end="\n" if lines else "")
    return not lines


def clang_format(*options):
    return succeeds("clang-format", *options, *source_tree.files(".h", ".cc"))


def succeeds(*command):
    return subprocess.run(
        command, cwd=source_tree.ROOT, check=False).returncode == 0


def parse(arguments):
    names = [check.__name__ for check in CHECKS]
    parser = argparse.ArgumentParser(prog="dev lint", add_help=False,
                                     usage="./dev lint [CHECK...]")
    parser.add_argument("--format", action="store_true")
    parser.add_argument("checks", metavar="CHECK", nargs="*")
    options = parser.parse_args(arguments)
    unknown = set(options.checks) - set(names)
    if unknown:
        parser.error(f"no such check: {', '.join(sorted(unknown))}; "
                     f"the checks are {', '.join(names)}")
    return options


def main():
    options = parse(sys.argv[1:])
    if options.format:
        return 0 if clang_format("-i") else 1
    failed = []
    for check in CHECKS:
        if options.checks and check.__name__ not in options.checks:
            continue
        print(f"\n== Linting: {check.__name__}", flush=True)
        if not check():
            failed.append(check.__name__)
    print(flush=True)
    if failed:
        print(f"dev: lint found something: {' '.join(failed)}",
              file=sys.stderr)
        return 1
    print("Lint is clean.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)  # As a shell reports it.
