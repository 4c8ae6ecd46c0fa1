"""What every dated data file about prescriptions says of itself: where it was read, and how sure that is."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec

from paravent.errors import InvalidConfiguration
from paravent.wire.codec import Message

Status = Literal["official", "verified", "secondary", "unverified", "illustrative"]
Source = Annotated[str, msgspec.Meta(min_length=1)]
T = TypeVar("T", bound=Message)


class SourcedEntry(Message, frozen=True, kw_only=True):
    """Base of the entries of these files."""

    source: Source
    status: Status


def read_sourced(body: bytes, kind: type[T]) -> T:
    """Reads a TOML file; raises InvalidConfiguration saying what is wrong, also for an entry without its source."""
    try:
        return msgspec.toml.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidConfiguration(f"{kind.__name__}: {error}") from None
