"""The plugin: reads a ``CodeGeneratorRequest`` from stdin, writes a ``CodeGeneratorResponse`` to stdout.

What these say is told in https://github.com/protocolbuffers/protobuf/blob/main/src/google/protobuf/compiler/plugin.proto.
"""

from __future__ import annotations

import sys

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import Edition

from grpc_bridge.protoc.emit import AsyncModule
from grpc_bridge.protoc.names import messages, output_of

_OLDEST = Edition.EDITION_PROTO2
# Editions change what messages do; services have been the same in each so far.
_NEWEST = max(
    number for name, number in Edition.items() if name.removeprefix("EDITION_").isdecimal() and number < 9999
)


def generate(request: CodeGeneratorRequest) -> CodeGeneratorResponse:
    """The files for what protoc asks for; in ``error`` what is wrong with its parameters."""
    response = CodeGeneratorResponse(
        supported_features=CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL
        | CodeGeneratorResponse.FEATURE_SUPPORTS_EDITIONS,
        minimum_edition=_OLDEST,
        maximum_edition=_NEWEST,
    )
    if request.parameter:
        response.error = f"grpc_python_async takes no options; this is one: {request.parameter}"
        return response
    types = messages(request.proto_file)
    files = {file.name: file for file in request.proto_file}
    for name in request.file_to_generate:
        response.file.add(name=output_of(name), content=AsyncModule(files[name], types).text())
    return response


def main() -> int:
    """Entry point of ``protoc-gen-grpc_python_async``; protoc starts it. Returns the exit status."""
    if sys.stdin.isatty():
        print(
            "protoc-gen-grpc_python_async is started by protoc: use "
            "`protoc --grpc_python_async_out=...`, or `python -m grpc_bridge.protoc`",
            file=sys.stderr,
        )
        return 2
    request = CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    sys.stdout.buffer.write(generate(request).SerializeToString())
    return 0


if __name__ == "__main__":
    sys.exit(main())
