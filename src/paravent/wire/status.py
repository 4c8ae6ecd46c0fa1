"""What anybody may ask of a server: that it answers, its release, how much it holds (docs/protocol.md 1.7)."""

from __future__ import annotations

from typing import Final

from paravent.wire.codec import Message, Name, Natural

RELEASE: Final = "0.1.0"
"""The version of pyproject.toml, as a server says it: one release on t key servers is one fault on t of them."""


class HubStatus(Message, frozen=True, kw_only=True):
    """What anybody may know of the hub."""

    name: Name
    release: Name
    manifests: Natural
    rows: Natural


class ServerStatus(Message, frozen=True, kw_only=True):
    """What anybody may know of a key server; ``ready`` once its peers confirmed its log and it answers desks."""

    name: Name
    release: Name
    log_size: Natural
    ready: bool
