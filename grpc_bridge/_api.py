"""The entry points."""

from __future__ import annotations

import grpc

from grpc_bridge._channel import Channel, Options


def insecure_channel(target: str, options: Options = None, compression: grpc.Compression | None = None) -> Channel:
    """A channel without transport security; see ``grpc.insecure_channel``. Never blocks, needs no loop."""
    return Channel(target, options, None, compression)


def secure_channel(
    target: str,
    credentials: grpc.ChannelCredentials,
    options: Options = None,
    compression: grpc.Compression | None = None,
) -> Channel:
    """A channel with credentials; see ``grpc.secure_channel``. Never blocks, needs no loop."""
    return Channel(target, options, credentials, compression)
