"""Which targets stay on this machine."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import unquote

_UNIX = ("unix:", "unix-abstract:")
# dns://authority/name, dns:///name, dns:name; and what needs no resolver.
# https://github.com/grpc/grpc/blob/master/doc/naming.md
_SCHEME = re.compile(r"(?:dns:(?://[^/]*/)?|passthrough:(?:///)?|ipv4:(?:///)?|ipv6:(?:///)?)", re.IGNORECASE)
_HOST = re.compile(r"\[(?P<bracketed>[^\]]*)\](?::\w+)?|(?P<plain>[^:]*)(?::\w+)?|(?P<bare>.*)")


def is_local(target: str) -> bool:
    """Whether every address of the target is this machine's own by its very name.

    Unix sockets are, loopback addresses, and ``localhost``. Nothing is looked up.
    """
    if target.lower().startswith(_UNIX):
        return True
    scheme = _SCHEME.match(target)
    addresses = unquote(target[scheme.end() :] if scheme else target).split(",")
    return all(map(_is_loopback, addresses))


def _is_loopback(address: str) -> bool:
    match = _HOST.fullmatch(address)
    if match is None:
        return False
    host = next(group for group in match.groups() if group is not None)
    if host.lower() == "localhost":
        return True
    try:
        parsed = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)
