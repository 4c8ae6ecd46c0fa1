"""How a person enters the protocol: the look-up input, the holder value, the label binding (protocol.md 4, 5)."""

from __future__ import annotations

import hashlib
import hmac

from paravent.crypto.entitlement import DeskPart
from paravent.crypto.labels import Label, enc
from paravent.crypto.sealing import OpenLabel
from paravent.errors import HolderMismatch, ProofFailure
from paravent.person.identity import Holder, PersonIdentity


def lookup_input(insurer: str, epoch: int, identity: PersonIdentity) -> bytes:
    """Encodes x = enc(input, AMC, epoch, NIR13, birth date, rank): blinded before it leaves the machine."""
    return enc(Label.INPUT, insurer, epoch, identity.nir.thirteen, identity.birth_date, identity.rank)


def holder_value(salt: bytes, holder: Holder) -> bytes:
    """Computes HMAC(salt, enc(holder, NAME, birth date)), 32 bytes."""
    return hmac.digest(salt, enc(Label.HOLDER, holder.name, holder.birth_date), "sha256")


def binding_of(label: OpenLabel) -> bytes:
    """Computes the binding of a desk part to its row's label, 32 bytes."""
    return hashlib.sha256(enc(Label.BINDING, label)).digest()


def verify_holder(part: DeskPart, holder: Holder) -> None:
    """Checks name and birth date against an entitlement; raises HolderMismatch, which says nothing of cover."""
    if not hmac.compare_digest(part.holder, holder_value(part.salt, holder)):
        raise HolderMismatch("the name or the birth date is not the one on the entitlement")


def verify_binding(part: DeskPart, label: OpenLabel | None, insurer: str) -> None:
    """Checks that a desk part is of this row, or of a card when ``label`` is None; raises ProofFailure."""
    expected = None if label is None else binding_of(label)
    if part.binding != expected:
        raise ProofFailure("the entitlement is bound to another record", culprit=f"insurer {insurer}")
