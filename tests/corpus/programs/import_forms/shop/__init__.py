"""What the package gives away."""

from . import guess
from .extra import *
from .remote import Client, connect

__all__ = ["Client", "connect", "watch_all"]
