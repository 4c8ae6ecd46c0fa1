"""Templates of bulletins by kind of attack: dated data, each with its source and status (docs/watch.md section 9)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Literal

import msgspec

from paravent.errors import BadInput, InvalidConfiguration
from paravent.wire.bulletins import Audience, BulletinText
from paravent.wire.codec import Message, Name


class Kind(Message, frozen=True, kw_only=True):
    """A kind of attack: the signs of detectors and the words of the observatory that mean it, and its texts."""

    attack: Name
    audience: Audience
    urgent: bool
    signs: tuple[Name, ...]
    words: tuple[Name, ...]
    source: str
    status: Literal["own", "cited"]
    fr: BulletinText
    en: BulletinText


class Templates(Message, frozen=True, kw_only=True):
    """Every kind, in the order in which they are tried."""

    dated: date
    kind: tuple[Kind, ...]

    def of_attack(self, attack: str) -> Kind:
        """Finds a kind by name; raises BadInput that lists those there are."""
        found = next((kind for kind in self.kind if kind.attack == attack), None)
        if found is None:
            raise BadInput(f"no template has this name; there are {', '.join(kind.attack for kind in self.kind)}")
        return found

    def of_signs(self, signs: Collection[str]) -> Kind:
        """Finds the first kind that a detector's sign means; raises BadInput."""
        found = next((kind for kind in self.kind if not set(kind.signs).isdisjoint(signs)), None)
        if found is None:
            raise BadInput("no template is for these signs: choose one with --attack")
        return found

    def of_words(self, words: Collection[str], audience: Audience) -> Kind:
        """Finds the first kind for an audience that an incident's words mean; raises BadInput."""
        of_audience = (kind for kind in self.kind if kind.audience is audience)
        found = next((kind for kind in of_audience if not set(kind.words).isdisjoint(words)), None)
        if found is None:
            raise BadInput("no template is for this kind of incident: choose one with --attack")
        return found


def read_templates(content: bytes) -> Templates:
    """Reads a file of templates; raises InvalidConfiguration."""
    try:
        return msgspec.toml.decode(content, type=Templates)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidConfiguration(f"the templates of bulletins: {error}") from None
