# SPDX-License-Identifier: Apache-2.0
"""The blocks of code on the README and the pages of the rooms, as they stand."""

import os
import re

FENCED = re.compile(r"(?:<!-- run: (\S+) -->\n)?^```(\w*)\n(.*?)^```$",
                    re.DOTALL | re.MULTILINE)


# clients/typescript/README.md has a test of its own, readme_test.mjs.
PAGES = ("README.md", "clients/README.md", "gateway/README.md",
         "proto/README.md", "service/README.md", "tests/README.md")


def text(source, page):
    """A page of the tree `source`."""
    with open(os.path.join(source, page), encoding="utf-8") as file:
        return file.read()


def _blocks(source):
    """Name, language and text of each block of all pages."""
    return [block for page in PAGES
            for block in FENCED.findall(text(source, page))]


def marked(source):
    """The blocks behind `<!-- run: NAME -->`, by name."""
    blocks = [block for block in _blocks(source) if block[0]]
    found = {name: block for name, _, block in blocks}
    assert len(found) == len(blocks), "two blocks have the same name"
    return found


def unmarked_languages(source):
    """The language of each block that no test would run."""
    return [language for name, language, _ in _blocks(source)
            if language and not name]


def write(source, folder, *names):
    """Saves blocks under their names."""
    found = marked(source)
    for name in names:
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(found[name])
