# SPDX-License-Identifier: Apache-2.0
"""Herald's contract for Python, made at start from the .proto files alone."""

import importlib
import pathlib
import shutil
import subprocess
import sys
import tempfile

PROTOS = pathlib.Path(__file__).resolve().parents[3] / "proto"
FILES = ("server_message", "broadcast_service", "authorizer_service")

_folders = []  # Temporary ones go when the process does.


class CannotGenerate(Exception):
    """protoc or its plugin is missing, or has failed."""


def generate(folder=None):
    """Writes the stubs to `folder` or to a temporary one, to be imported."""
    plugin = shutil.which("grpc_python_plugin")
    protoc = shutil.which("protoc")
    if not plugin or not protoc:
        raise CannotGenerate("protoc or grpc_python_plugin is missing; "
                             "install protobuf-compiler-grpc")
    if folder is None:
        _folders.append(tempfile.TemporaryDirectory(prefix="herald_chat_"))
        folder = _folders[-1].name
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    result = subprocess.run(
        [protoc, f"-I{PROTOS}", f"--plugin=protoc-gen-grpc={plugin}",
         f"--python_out={folder}", f"--grpc_out={folder}",
         *(f"herald/v1/{name}.proto" for name in FILES)],
        check=False, capture_output=True, text=True)
    if result.returncode:
        raise CannotGenerate(f"protoc: {result.stderr.strip()}")
    sys.path.insert(0, str(folder))


def load(name):
    """A generated module, for example `broadcast_service_pb2`."""
    return importlib.import_module(f"herald.v1.{name}")
