"""Spreading stolen device keys over key servers: which device asks which server next (docs/protocol.md 9, 10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from paravent.access.quotas import QuotaKind
from paravent.access.requests import Authenticated, HttpRequest, authority_of, new_nonce, sign_request
from paravent.crypto.group import Rng, Scalar
from paravent.crypto.replicated import OpeningKey, ServerSet
from paravent.crypto.signing import SigningKey
from paravent.desk.epoch import VerifiedEpoch, VerifiedServer
from paravent.errors import QuotaExceeded, Refusal, TechnicalFailure, Unreachable
from paravent.wire.codec import Message, decode, encode

M = TypeVar("M", bound=Message)
Send = Callable[[str, str, HttpRequest], bytes]
"""Sends a request to a server, on a path; returns the body of the answer, or raises what the server said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StolenServer:
    """What the files of one key server give: shares and opening keys, by insurer."""

    shares: Mapping[str, Scalar]
    keys: Mapping[str, Mapping[ServerSet, OpeningKey]]


@dataclass(slots=True, kw_only=True)
class Spreader:
    """Stolen device keys and stolen servers; ``preferred`` are servers that let more through than the others.

    While there are preferred ones, nobody is asked about without them: the others' quota is kept for later.
    """

    devices: Sequence[SigningKey]
    stolen: Mapping[int, StolenServer]
    send: Send
    clock: Callable[[str], int]
    rng: Rng
    preferred: set[int] = field(default_factory=set)
    charged: Counter[tuple[QuotaKind, int, str]] = field(default_factory=Counter)
    exhausted: set[tuple[QuotaKind, int, str]] = field(default_factory=set)

    def signed(
        self, server: VerifiedServer, path: str, message: Message, device: SigningKey, nonce: str | None = None
    ) -> tuple[HttpRequest, Authenticated]:
        """Signs a request with a stolen key, at the time that the server believes it is."""
        base_url, body = server.entry.address, encode(message)
        headers, caller = sign_request(
            method="POST", base_url=base_url, path=path, body=body, key=device,
            now=self.clock(server.entry.name), nonce=nonce or new_nonce(self.rng),
        )  # fmt: skip
        request = HttpRequest(
            method="POST", authority=authority_of(base_url), target_uri=base_url + path, headers=headers, body=body
        )
        return request, caller

    def answer(self, server: VerifiedServer, path: str, request: HttpRequest, kind: type[M]) -> M:
        """Sends a request and reads the answer."""
        return decode(self.send(server.entry.name, path, request), kind)

    def spread(
        self, kind: QuotaKind, epoch: VerifiedEpoch, asked: set[int],
        ask: Callable[[VerifiedServer, SigningKey], object],
    ) -> None:  # fmt: skip
        """Asks servers beside those ``asked`` until t are, the least used first; raises QuotaExceeded."""
        while len(asked) < epoch.threshold:
            device, server = self._least_used(kind, epoch, asked)
            name = server.entry.name
            try:
                ask(server, self.devices[device])
            except Unreachable:
                raise
            except (Refusal, TechnicalFailure):
                self.exhausted.add((kind, device, name))
                continue
            self.charged[kind, device, name] += 1
            asked.add(server.index)

    def _least_used(self, kind: QuotaKind, epoch: VerifiedEpoch, asked: set[int]) -> tuple[int, VerifiedServer]:
        left = [
            (*self._rank(kind, server), device)
            for server in epoch.servers.values() if server.index not in asked
            for device in range(len(self.devices)) if (kind, device, server.entry.name) not in self.exhausted
        ]  # fmt: skip
        able = {index for _, _, index, _ in left}
        if len(able) < epoch.threshold - len(asked) or (self.preferred and not self.preferred & (able | asked)):
            raise QuotaExceeded("no server lets more through")
        _, _, index, device = min(left)
        return device, epoch.servers[index]

    def _rank(self, kind: QuotaKind, server: VerifiedServer) -> tuple[bool, int, int]:
        used = sum(self.charged[kind, device, server.entry.name] for device in range(len(self.devices)))
        return server.index not in self.preferred, used, server.index
