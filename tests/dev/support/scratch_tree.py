# SPDX-License-Identifier: Apache-2.0
"""A copy of the parts of this tree that ./dev needs, where tests may write,
and programs that take the places of the real ones in $PATH."""

import os
import pathlib
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
PATIENCE = 60  # Seconds; far more than anything here takes.


class ScratchTree:
    """Removed by a test's cleanup."""

    def __init__(self, test):
        self.root = pathlib.Path(tempfile.mkdtemp())
        test.addCleanup(shutil.rmtree, self.root)
        self.bin = self.root / "bin"
        self.calls_file = self.root / "calls"
        for name in ("dev", "CMakePresets.json"):
            shutil.copy(ROOT / name, self.root)
        for path in (ROOT / "tests/tools").glob("*.py"):
            self.write(path.relative_to(ROOT), path.read_text("utf-8"))

    def write(self, path, text=""):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def write_program(self, path, script="exit 0"):
        """A program notes its name and arguments, then runs the script."""
        note = f'echo "${{0##*/}} $*" >> {self.calls_file}'
        self.write(path, f"#!/bin/sh\n{note}\n{script}\n").chmod(0o755)

    def fake(self, name, script="exit 0"):
        """Takes the place of a program in $PATH."""
        self.write_program(f"bin/{name}", script)

    def install(self, *, packages=True):
        """As on a machine where all that ./dev setup installs is there."""
        status = "installed" if packages else "not-installed"
        # Its arguments are -W, the format, and the packages.
        self.fake("dpkg-query",
                  f'shift 2; printf "{status} %s\\n" "$@"')
        self.fake("sudo", 'exec "$@"')
        for name in ("apt-get", "npm", "node", "cmake"):
            self.fake(name)
        for folder in ("clients/typescript", "tests/tools"):
            lock = self.write(f"{folder}/package-lock.json")
            os.utime(lock, (1, 1))
            self.write(f"{folder}/node_modules/.package-lock.json")

    def run(self, *command, **env):
        """Runs a command with the fakes; its output is one text."""
        path = f"{self.bin}:{os.environ['PATH']}"
        return subprocess.run(
            command, cwd=self.root, text=True, check=False, timeout=PATIENCE,
            env={**os.environ, "PATH": path, **env}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def dev(self, *arguments, **env):
        return self.run("./dev", *arguments, **env)

    def calls(self, *names):
        """The lines that the programs of these names have noted."""
        if not self.calls_file.exists():
            return []
        return [line for line in self.calls_file.read_text().splitlines()
                if line.split()[0] in names]
