# SPDX-License-Identifier: Apache-2.0
"""What the README shows, as it stands: its blocks of code."""

import os
import re

FENCED = re.compile(r"(?:<!-- run: (\S+) -->\n)?^```(\w*)\n(.*?)^```$",
                    re.DOTALL | re.MULTILINE)


def text(source):
    """The README of the tree `source`."""
    with open(os.path.join(source, "README.md"), encoding="utf-8") as file:
        return file.read()


def marked(source):
    """The blocks behind `<!-- run: NAME -->`, by name."""
    return {name: block for name, _, block in FENCED.findall(text(source))
            if name}


def unmarked_languages(source):
    """The language of each block that no test would run."""
    return [language for name, language, _ in FENCED.findall(text(source))
            if language and not name]


def write(source, folder, *names):
    """Saves blocks under their names."""
    found = marked(source)
    for name in names:
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(found[name])
