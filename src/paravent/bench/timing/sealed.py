"""What is sealed and opened: boxes, rows, entitlements (docs/protocol.md sections 1, 4 and 5).

Where something is refused, the classes are two ways of being wrong, refused at the same step: whether a box or a row
opens is told in the answer, and is no secret.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from typing import Any

from paravent.bench.timing.curve import POOL, fresh, pooled
from paravent.bench.timing.measure import Kind, Primitive
from paravent.crypto import hpke, sealing
from paravent.crypto.entitlement import DeskPart, Entitlement, HubPart, desk_digest, issue, verify_entitlement
from paravent.crypto.hpke import BoxKey
from paravent.crypto.labels import Label
from paravent.crypto.oprf import OprfOutput
from paravent.crypto.sealing import Handle, Row
from paravent.crypto.signing import SigningKey
from paravent.errors import ProofFailure, TechnicalFailure

_INSURER = "99000001"
_PLAINTEXT_BYTES = 300
_OPENING_BYTES = 96


def sealed_primitives(dice: random.Random) -> list[Primitive]:
    """Lists them."""
    return [*_boxes(dice), *_rows(dice), _entitlement(dice), _signature(dice)]


def _boxes(dice: random.Random) -> list[Primitive]:
    key = BoxKey.generate(dice.randbytes)

    def box() -> bytes:
        return hpke.seal(key.public, dice.randbytes(_PLAINTEXT_BYTES), Label.OPENING_BOX)

    def refused(given: bytes) -> None:
        try:
            key.open(given, Label.OPENING_BOX, culprit="timing")
        except ProofFailure:
            return
        raise TechnicalFailure("a forged box opened")

    def plaintext(dice: random.Random, other: bool) -> bytes:  # noqa: FBT001
        return dice.randbytes(_PLAINTEXT_BYTES) if other else bytes(bytearray(_PLAINTEXT_BYTES))

    # One sound box, altered in its last byte (the tag), or in its encapsulation: ML-KEM rejects the latter in
    # silence, and nothing may tell it from the former.
    sound = box()
    altered = [_altered(sound, dice.randrange(hpke.BOX_OVERHEAD_BYTES - 48)) for _ in range(POOL)]
    return [
        Primitive(name="hpke-seal", draw=plaintext, run=lambda given: hpke.seal(key.public, given, Label.OPENING_BOX)),
        Primitive(
            name="hpke-open", draw=pooled(box(), [box() for _ in range(POOL)], fresh),
            run=lambda given: key.open(given, Label.OPENING_BOX, culprit="timing"),
        ),
        Primitive(
            name="hpke-refuse", draw=pooled(_altered(sound, len(sound) - 1), altered, fresh), run=refused
        ),
    ]  # fmt: skip


def _altered(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Locked:
    """A row, and what opens it."""

    row: Row
    output: OprfOutput
    opening: bytes

    def copy(self) -> _Locked:
        """Copies every byte to new objects."""
        row = Row(
            insurer=self.row.insurer, epoch=1, batch=1, handle=Handle(fresh(self.row.handle)),
            stored=fresh(self.row.stored),
        )  # fmt: skip
        return _Locked(row=row, output=OprfOutput(fresh(self.output.reveal())), opening=fresh(self.opening))


def _rows(dice: random.Random) -> list[Primitive]:
    issuer = SigningKey.generate(dice.randbytes)

    def locked() -> _Locked:
        output, opening, handle = OprfOutput(dice.randbytes(64)), dice.randbytes(_OPENING_BYTES), dice.randbytes(32)
        entitlement, desk_part = _entitled(dice, issuer)
        row = sealing.seal_row(
            insurer=_INSURER, epoch=1, batch=1, handle=Handle(handle), output=output, opening=opening,
            entitlement=entitlement, desk_part=desk_part, rho=dice.randbytes(32),
        )  # fmt: skip
        return _Locked(row=row, output=output, opening=opening)

    def wrong(one: _Locked, place: int) -> _Locked:
        return _Locked(row=one.row, output=one.output, opening=_altered(one.opening, place))

    def refused(one: _Locked) -> None:
        try:
            sealing.open_row(one.row, one.output, one.opening)
        except ProofFailure:
            return
        raise TechnicalFailure("a row opened with wrong opening values")

    pool, own = [locked() for _ in range(POOL)], locked()
    wrongs = [wrong(one, dice.randrange(_OPENING_BYTES)) for one in pool]
    return [
        Primitive(
            name="row-open", draw=pooled(own, pool, _Locked.copy),
            run=lambda one: sealing.open_row(one.row, one.output, one.opening),
        ),
        Primitive(name="row-refuse", draw=pooled(wrong(own, 0), wrongs, _Locked.copy), run=refused),
        Primitive(
            name="handle-key", draw=_output, run=lambda output: sealing.handle_key(output, _INSURER, 1)
        ),
    ]  # fmt: skip


def _output(dice: random.Random, other: bool) -> OprfOutput:  # noqa: FBT001
    return OprfOutput(dice.randbytes(64) if other else bytes(bytearray(64)))


def _entitled(dice: random.Random, issuer: SigningKey) -> tuple[Entitlement, bytes]:
    desk_part = DeskPart(salt=dice.randbytes(16), holder=dice.randbytes(32), binding=dice.randbytes(32)).encode()
    part = HubPart(
        insurer=_INSURER, serial=dice.randbytes(16), valid_from=1_767_225_600, valid_until=1_830_297_599,
        guarantee="OPT2", free_from=202_601, renewal_months=24, nullifier=dice.randbytes(16),
        status_index=dice.randrange(2**16, 2**32), desk_digest=desk_digest(desk_part),
    )  # fmt: skip
    return issue(part, issuer), desk_part


def _entitlement(dice: random.Random) -> Primitive:
    issuer = SigningKey.generate(dice.randbytes)
    issuers = {_INSURER: issuer.public}
    pool = [_entitled(dice, issuer)[0] for _ in range(POOL)]
    return Primitive(
        name="entitlement-verify", draw=pooled(_entitled(dice, issuer)[0], pool, fresh),
        run=lambda given: verify_entitlement(given, issuers),
        # Verifying a signature takes a time of its own for each signature, which is no secret.
        kind=Kind.KNOWN,
    )  # fmt: skip


def _signature(dice: random.Random) -> Primitive:
    message = os.urandom(200)

    def copy(key: SigningKey) -> Any:  # noqa: ANN401
        return SigningKey(key.seed())

    fixed, pool = SigningKey.generate(bytes), [SigningKey.generate(dice.randbytes) for _ in range(POOL)]
    return Primitive(name="sign", draw=pooled(fixed, pool, copy), run=lambda key: key.sign(Label.AUTH, message))
