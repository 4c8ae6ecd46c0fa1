"""The next key of a party: drawn and announced by the present one, taken once a directory lists it (protocol.md 2.4).

Holds: beside the present key, the next one, until it is taken. Stolen: as the present key, from the moment it is
listed. Altered: the directory that lists the next key cannot be joined.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from paravent.access.store import read_secret, sync_directory, write_secret
from paravent.crypto.group import Rng
from paravent.crypto.signing import Seed, SigningKey
from paravent.wire.directory import sign_change
from paravent.wire.statements import Directory, Signed


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """The file of a party's signing key; ``party`` is its name or AMC number."""

    party: str
    path: Path

    def present(self) -> SigningKey:
        """Reads the key in use."""
        return SigningKey(Seed(read_secret(self.path, 32)))

    def upcoming(self) -> SigningKey | None:
        """Reads the next key, or None when none was drawn."""
        return SigningKey(Seed(read_secret(self._next, 32))) if self._next.exists() else None

    def draw(self, others: tuple[bytes, ...], rng: Rng) -> tuple[SigningKey, Signed]:
        """Draws the next key and announces it with the present one; the same again until it is taken.

        ``others`` are the party's further keys, which stay as they are.
        """
        if not self._next.exists():
            write_secret(self._next, rng(32))
        drawn = SigningKey(Seed(read_secret(self._next, 32)))
        return drawn, sign_change(self.party, (drawn.public, *others), self.present())

    def take(self, directory: Directory) -> bool:
        """Puts the next key in the place of the present one, whose file it replaces, once a directory lists it."""
        drawn, listed = self.upcoming(), directory.keys().get(self.party, (b"",))
        if drawn is None or bytes(drawn.public) != listed[0]:
            return False
        self._next.replace(self.path)
        sync_directory(self.path.parent)
        return True

    @property
    def _next(self) -> Path:
        return self.path.with_suffix(".next.key")
