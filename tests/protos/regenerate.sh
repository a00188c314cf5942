#!/bin/sh
# Writes the *_pb2* files again, from every .proto here, with an old protoc in a virtual environment of its own.
#
# Why an old one: generated code refuses run-times older than its generator. 1.65 is the last generator whose
# messages carry no such check, so that its output loads, without a warning, on every protobuf (>= 5.26)
# and every grpcio that this project supports; what 1.71 writes is refused by protobuf 7.
# Why from the repository's root: protoc then writes `from tests.protos import exchange_pb2`, the import as it
# must read here, and the output needs no edit.
set -eu
cd "$(dirname "$0")/../.."
venv=$(mktemp -d)
trap 'rm -rf "$venv"' EXIT
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/pip" install --quiet 'grpcio-tools==1.65.5' 'setuptools<81'
"$venv/bin/python" -W ignore -m grpc_tools.protoc --proto_path=. \
    --python_out=. --pyi_out=. --grpc_python_out=. tests/protos/*.proto
