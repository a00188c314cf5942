"""Rewrites programs written for synchronous gRPC into asyncio on `grpc_bridge`."""
