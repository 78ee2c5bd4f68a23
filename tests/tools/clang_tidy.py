# SPDX-License-Identifier: Apache-2.0
"""Looks for likely bugs with clang-tidy, with the checks in .clang-tidy.

The sources of a folder are read as one source, because reading headers takes
nine tenths of the time. So names without a linkage must differ in a folder.
"""

import collections
import concurrent.futures
import os
import re
import subprocess

import source_tree

# clients/cpp has signatures that users know and that clang-tidy would change.
# Tests have twice as many lines as the rest, and are not shipped.
_NOT_READ = re.compile(r"clients/cpp|tests/.*|clients/.*/examples")
_FLAGS = ["-std=c++20", "-I.", "-Iclients/cpp/include",
          "-isystem", "build/clang/proto/generated", '-DHERALD_VERSION=""',
          "-DBOOST_ASIO_SEPARATE_COMPILATION",
          "-DBOOST_BEAST_SEPARATE_COMPILATION", "-Wthread-safety"]
_FINDING = re.compile(r"\S+:\d+:\d+: error: ")
_SUMMARY = re.compile(
    r"\d+ (warning|error)s? (and .* )?(generated|treated as)")


def run(root=source_tree.ROOT):
    """Prints the findings of clang-tidy. Returns whether there are none."""
    if not _generate_headers(root):
        return False
    work = root / "build/clang/tidy"
    work.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(
            len(os.sched_getaffinity(0))) as pool:
        outputs = list(pool.map(lambda folder: _read(root, work, folder),
                                folders(root)))
    for line in unique_findings(outputs, root):
        print(line)
    return not any(outputs)


def folders(root):
    """Returns the folders to read, those with most sources first."""
    count = collections.Counter(
        str(path.parent) for path in source_tree.files(".cc", root=root))
    return sorted((folder for folder in count
                   if not _NOT_READ.fullmatch(folder)),
                  key=lambda folder: (-count[folder], folder))


def unique_findings(outputs, root):
    """Yields the lines of the outputs, with paths from the root. Folders read
    the same headers, but each finding is yielded once."""
    seen = set()
    for output in outputs:
        shown = True
        for line in output.splitlines():
            line = line.replace(f"{root}/./", "").replace(f"{root}/", "")
            line = line.removeprefix("./")
            if _SUMMARY.match(line):
                continue
            if _FINDING.match(line):
                shown = line not in seen
                seen.add(line)
            if shown:
                yield line


def _generate_headers(root):
    """Generates the C++ of the protos; prints the output if that fails."""
    for command in (["--preset", "clang"],
                    ["--build", "--preset", "clang", "--target",
                     "herald_messages_generated", "herald_stubs_generated"]):
        cmake = subprocess.run(
            ["cmake", *command], cwd=root, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if cmake.returncode != 0:
            print(cmake.stdout)
            return False
    return True


def _read(root, work, folder):
    """Returns the output of clang-tidy, empty if nothing was found."""
    source = work / f"{folder.replace('/', '_')}.cc"
    source.write_text("".join(f'#include "{path.relative_to(root)}"\n'
                              for path in sorted((root / folder).glob("*.cc"))))
    tidy = subprocess.run(
        ["clang-tidy", "--quiet", "--config-file=.clang-tidy", source, "--",
         *_FLAGS], cwd=root, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if tidy.returncode == 0:
        return ""
    return tidy.stdout or f"clang-tidy failed with {tidy.returncode}: {folder}"
