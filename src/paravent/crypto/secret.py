"""Secret bytes whose repr says REDACTED and which come out by one method (docs/protocol.md section 14).

Python cannot promise that secrets leave its memory: stated in the threat model, not hidden.
"""

from __future__ import annotations

import hmac
from typing import Self


class Secret:
    """Fixed-length secret bytes; subclasses give the meaning and the length."""

    __slots__ = ("_value",)
    size: int = 32

    def __init__(self, value: bytes) -> None:
        """Holds ``value``; raises ValueError on a wrong length, without showing it."""
        if type(value) is not bytes or len(value) != self.size:
            raise ValueError(f"{type(self).__name__} is {self.size} bytes")
        self._value = value

    def reveal(self) -> bytes:
        """Returns the secret bytes."""
        return self._value

    def __repr__(self) -> str:
        return f"{type(self).__name__}(REDACTED)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and hmac.compare_digest(self._value, other._value)

    def __hash__(self) -> int:
        raise TypeError("a secret is not hashable")

    def __reduce__(self) -> tuple[type[Self], tuple[bytes]]:
        raise TypeError("a secret is not pickled")
