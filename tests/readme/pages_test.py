# SPDX-License-Identifier: Apache-2.0
"""Checks the pages of the repository: links, anchors, length of the README.

usage: pages_test.py SOURCE_DIR
"""

import pathlib
import re
import sys
import unittest

SOURCE = pathlib.Path(sys.argv[1]).resolve()
IGNORED = {"node_modules", "build", "dist", ".git"}
README_LINES_MAX = 200
FENCED = re.compile(r"^(```+).*?^\1$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def pages():
    return [path for path in SOURCE.rglob("*.md")
            if not IGNORED & set(path.relative_to(SOURCE).parts)]


def prose(path):
    """A page without its blocks of code."""
    return FENCED.sub("", path.read_text(encoding="utf-8"))


def anchors(path):
    """The anchors of a page, as GitHub makes them."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in HEADING.findall(prose(path))}


def broken_links(path):
    """The links within the repository that lead nowhere."""
    broken = []
    for target in LINK.findall(prose(path)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        other = (path.parent / name).resolve() if name else path
        if not other.exists() or SOURCE not in other.parents:
            broken.append(target)
        elif anchor and anchor not in anchors(other):
            broken.append(target)
    return broken


class Pages(unittest.TestCase):

    def test_the_readme_is_short(self):
        text = (SOURCE / "README.md").read_text(encoding="utf-8")
        self.assertLessEqual(len(text.splitlines()), README_LINES_MAX)

    def test_links_lead_to_pages_and_headings(self):
        self.assertGreater(len(pages()), 8)
        for path in pages():
            with self.subTest(path.relative_to(SOURCE)):
                self.assertEqual(broken_links(path), [])

    def test_the_readme_leads_to_the_page_of_each_room(self):
        linked = {target.partition("#")[0]
                  for target in LINK.findall(prose(SOURCE / "README.md"))}
        for path in SOURCE.glob("*/README.md"):
            self.assertIn(str(path.relative_to(SOURCE)), linked)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
