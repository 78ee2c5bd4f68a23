# SPDX-License-Identifier: Apache-2.0
"""Python stubs of Herald's contract, made from the .proto files alone.

Made anew by each process that imports the contract, into a directory that goes
with it: Debian's python3-grpcio is new enough, its grpc_tools are not, so this
runs protoc with grpc_python_plugin.
"""

import argparse
import importlib
import pathlib
import subprocess
import sys
import tempfile

PROTOS = (
    "herald/v1/server_message.proto",
    "herald/v1/authorizer_service.proto",
    "herald/v1/broadcast_service.proto",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of load() to a command line."""
    parser.add_argument("--protoc", required=True)
    parser.add_argument("--plugin", required=True, help="grpc_python_plugin")
    parser.add_argument("--protos", required=True, help="the folder proto/")


def load(arguments: argparse.Namespace, *names: str):
    """Imports generated modules, for example `broadcast_service_pb2_grpc`."""
    if "herald.v1" not in sys.modules:
        _generate(arguments)
    return [importlib.import_module(f"herald.v1.{name}") for name in names]


def _generate(arguments: argparse.Namespace) -> None:
    """Imports all there are, so that no file is left when we are killed."""
    with tempfile.TemporaryDirectory(prefix="herald_stubs_") as directory:
        subprocess.run(
            [
                arguments.protoc,
                f"--plugin=protoc-gen-grpc_python={arguments.plugin}",
                f"-I{arguments.protos}",
                f"--python_out={directory}",
                f"--grpc_python_out={directory}",
                *PROTOS,
            ],
            check=True,
        )
        sys.path.insert(0, directory)
        for path in sorted(pathlib.Path(directory, "herald", "v1").iterdir()):
            importlib.import_module(f"herald.v1.{path.stem}")
        sys.path.remove(directory)
