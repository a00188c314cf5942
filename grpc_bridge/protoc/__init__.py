"""The protoc plugin that writes ``*_pb2_grpc_async.py``, and a protoc that needs none installed.

``protoc-gen-grpc_python_async`` is the plugin; ``python -m grpc_bridge.protoc`` runs protoc with it.
"""
