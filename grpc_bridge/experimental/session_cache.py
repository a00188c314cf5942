"""`grpc.experimental.session_cache`: its own objects, under the name that an import of ours leads to."""

from grpc.experimental.session_cache import SSLSessionCache, ssl_session_cache_lru

__all__ = ["SSLSessionCache", "ssl_session_cache_lru"]
