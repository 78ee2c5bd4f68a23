# SPDX-License-Identifier: Apache-2.0
"""The files of this repository, without those that others made."""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
_NOT_OURS = {".git", "node_modules", "__pycache__"}


def files(*extensions, root=ROOT):
    """Returns the paths, from the root, of our files that end in one of the
    extensions (`.cc`), in order."""
    found = []
    for folder, folders, names in os.walk(root):
        folder = pathlib.Path(folder)
        folders[:] = [name for name in folders if name not in _NOT_OURS
                      and folder / name != root / "build"]
        found += [folder.relative_to(root) / name for name in names
                  if name.endswith(extensions)]
    return sorted(found)
