"""Certificates for loopback, made by regenerate.sh: a CA, and three key pairs that it signed."""

from pathlib import Path

_HERE = Path(__file__).parent


def read(name: str) -> bytes:
    return (_HERE / name).read_bytes()
