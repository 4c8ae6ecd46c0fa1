"""Sealing a file too long for memory, in chunks (docs/protocol.md section 18.1): pure.

The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár, 2015) over ChaCha20-Poly1305: the nonce of a chunk
is its number and whether it is the last. A chunk that is altered, moved, left out or added does not open, and a
file cut after a whole chunk has no last one.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from paravent.crypto.secret import Secret
from paravent.errors import ProofFailure

_NUMBER_BYTES = 11


class FileKey(Secret):
    """The key of one file: drawn for it, never used for another."""

    __slots__ = ()
    size = 32


class ChunkSealer:
    """Seals the chunks of one file in order; ``context`` (bytes) is what they are all bound to."""

    def __init__(self, key: FileKey, context: bytes) -> None:
        """Starts a file."""
        self._cipher = ChaCha20Poly1305(key.reveal())
        self._context = context
        self._number = 0

    def seal(self, chunk: bytes, *, last: bool) -> bytes:
        """Seals the next chunk: 16 bytes longer."""
        nonce = _nonce(self._number, last=last)
        self._number += 1
        return self._cipher.encrypt(nonce, chunk, self._context)


class ChunkOpener:
    """Opens the chunks of one file in order."""

    def __init__(self, key: FileKey, context: bytes, *, culprit: str) -> None:
        """Starts a file; ``culprit`` names it in what is raised."""
        self._cipher = ChaCha20Poly1305(key.reveal())
        self._context = context
        self._culprit = culprit
        self._number = 0

    def open(self, sealed: bytes, *, last: bool) -> bytes:
        """Opens the next chunk; raises ProofFailure when it is not the one that was sealed here."""
        nonce = _nonce(self._number, last=last)
        self._number += 1
        try:
            return self._cipher.decrypt(nonce, sealed, self._context)
        except InvalidTag:
            raise ProofFailure(f"chunk {self._number} is not the one that was sealed", culprit=self._culprit) from None


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(_NUMBER_BYTES, "big") + bytes([last])
