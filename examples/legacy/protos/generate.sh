#!/bin/sh
# Regenerate the Python modules after a change to a .proto file.
# We stay on an old grpcio-tools on purpose, so that all machines can import the result:
#     pip install 'grpcio-tools==1.64.*'
cd "$(dirname "$0")/.." || exit 1
exec ${PYTHON:-python} -m grpc_tools.protoc -I. --python_out=. --grpc_python_out=. protos/*.proto
