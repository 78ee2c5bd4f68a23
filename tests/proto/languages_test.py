#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Code that protoc makes of the contract has the names that are usual in each language.

Usage: languages_test.py PROTOC
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROTOS = ROOT / "proto"
FILES = sorted(path.relative_to(PROTOS) for path in PROTOS.glob("herald/**/*.proto"))
PROTOC = "protoc"


def package_of(file):
    """"herald.config.v1" of herald/config/v1/config.proto."""
    return ".".join(file.parent.parts)


def options_of(file):
    text = (PROTOS / file).read_text()
    return dict(re.findall(r'^option (\w+) = "?([^";]*(?:;\w+)?)"?;$', text, re.M))


class Languages(unittest.TestCase):
    def generate(self, option):
        """Returns the names of the files that protoc makes of all protos, and their texts."""
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                [PROTOC, f"-I{PROTOS}", f"{option}:{folder}", *map(str, FILES)], check=True)
            paths = sorted(path for path in pathlib.Path(folder).rglob("*") if path.is_file())
            return {str(path.relative_to(folder)): path.read_text("latin-1") for path in paths}

    def test_all_files_are_found(self):
        self.assertGreaterEqual(len(FILES), 5)

    def test_java_has_one_class_per_file_in_packages_of_the_project(self):
        made = self.generate("--java_out=")
        home = "io/github/heraldbroadcast/herald"
        for name in ("v1/BroadcastRequest", "v1/BroadcastServiceProto", "v1/ServerMessage",
                     "config/v1/Config", "link/v1/Hello"):
            self.assertIn(f"{home}/{name}.java", made)
        self.assertFalse([name for name in made if "OuterClass" in name])

    def test_php_has_one_namespace_with_everything_below_it(self):
        made = self.generate("--php_out=")
        for name in ("V1/BroadcastRequest", "V1/GPBMetadata/BroadcastService", "Config/V1/Config"):
            self.assertTrue(any(path.lower() == f"herald/{name}.php".lower() for path in made), name)
        self.assertTrue(all(path.startswith("Herald/") for path in made))
        self.assertIn("namespace Herald\\V1;", made["Herald/V1/BroadcastRequest.php"])

    def test_csharp_has_namespaces(self):
        made = self.generate("--csharp_out=base_namespace=Herald")
        self.assertIn("namespace Herald.V1 {", made["V1/BroadcastService.cs"])
        self.assertIn("namespace Herald.Config.V1 {", made["Config/V1/Config.cs"])

    def test_ruby_needs_no_options(self):
        made = self.generate("--ruby_out=")
        self.assertRegex(made["herald/v1/broadcast_service_pb.rb"], r"module Herald\s+module V1")

    def test_go_packages_are_named_by_their_last_two_parts(self):
        for file in FILES:
            *_, name, version = file.parent.parts
            path, package = options_of(file)["go_package"].split(";")
            self.assertEqual(package, name + version)
            self.assertEqual(path, f"github.com/heraldbroadcast/herald/go/{file.parent}")

    def test_all_files_of_a_package_have_the_same_options(self):
        by_package = {}
        for file in FILES:
            options = options_of(file)
            self.assertEqual(options.pop("java_outer_classname"), java_name(file))
            by_package.setdefault(package_of(file), []).append(options)
        for package, all_options in by_package.items():
            for options in all_options:
                self.assertEqual(options, all_options[0], package)
                self.assertEqual(options["java_multiple_files"], "true")


def java_name(file):
    """"ServerMessageProto" of server_message.proto."""
    return "".join(word.capitalize() for word in file.stem.split("_")) + "Proto"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        PROTOC = sys.argv.pop(1)
    unittest.main()
