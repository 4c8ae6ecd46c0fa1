"""Sealing members' rights into rows (docs/protocol.md sections 4 and 5): pure, one call per handle.

The same function runs on one machine, in worker processes, and in the benchmark against its floor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from paravent.crypto import oprf, sealing
from paravent.crypto.entitlement import (
    SALT_BYTES,
    SERIAL_BYTES,
    DeskPart,
    EncodedDeskPart,
    Entitlement,
    HubPart,
    desk_digest,
    issue,
)
from paravent.crypto.group import Rng, Scalar
from paravent.crypto.replicated import OpeningKey, OpeningValue, ServerSet, assemble, opening_value
from paravent.crypto.sealing import HANDLE_BYTES, STORED_BYTES, Handle, Row
from paravent.crypto.signing import SigningKey
from paravent.person.bindings import binding_of, holder_value, lookup_input
from paravent.person.identity import Holder, PersonIdentity
from paravent.wire.publication import REMOVED


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """What a contract gives one person, with the identifiers that stay the same across re-issues."""

    guarantee: str
    valid_from: int
    valid_until: int
    free_from: int
    renewal_months: int
    nullifier: bytes
    status_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RightNumbers:
    """What stays the same for a person and right across every row, card and re-issue."""

    nullifier: bytes
    status_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SealingKeys:
    """Everything that sealing needs of one insurer, epoch and batch."""

    insurer: str
    epoch: int
    batch: int
    issuer_key: SigningKey
    lookup_key: Scalar
    opening_keys: Mapping[ServerSet, OpeningKey]


def seal(keys: SealingKeys, identity: PersonIdentity, right: Right, rng: Rng) -> Row:
    """Seals one right under one handle of its person."""
    # 5.1 handle
    output = oprf.evaluate(lookup_input(keys.insurer, keys.epoch, identity), keys.lookup_key)
    handle_key = sealing.handle_key(output, keys.insurer, keys.epoch)
    handle = sealing.handle_of(keys.insurer, keys.epoch, handle_key.public)
    # 5.2 opening values
    label = sealing.open_label(keys.insurer, keys.epoch, keys.batch, handle)
    values: dict[ServerSet, OpeningValue] = {
        members: opening_value(key, label) for members, key in keys.opening_keys.items()
    }
    # 5.3 entitlement, bound to this label
    entitlement, desk_part = entitle(keys.insurer, keys.issuer_key, identity.holder, right, rng, binding_of(label))
    # 5.4 row
    return sealing.seal_row(
        insurer=keys.insurer, epoch=keys.epoch, batch=keys.batch, handle=handle, output=output,
        opening=assemble(values, keys.opening_keys), entitlement=entitlement, desk_part=desk_part, rho=rng(32),
    )  # fmt: skip


def entitle(
    insurer: str, issuer_key: SigningKey, holder: Holder, right: Right, rng: Rng, binding: bytes | None
) -> tuple[Entitlement, EncodedDeskPart]:
    """Signs (E, D) for a person and a right; ``binding`` is None on a card."""
    salt = rng(SALT_BYTES)
    desk_part = DeskPart(salt=salt, holder=holder_value(salt, holder), binding=binding).encode()
    hub_part = HubPart(
        insurer=insurer, serial=rng(SERIAL_BYTES), valid_from=right.valid_from, valid_until=right.valid_until,
        guarantee=right.guarantee, free_from=right.free_from, renewal_months=right.renewal_months,
        nullifier=right.nullifier, status_index=right.status_index, desk_digest=desk_digest(desk_part),
    )  # fmt: skip
    return issue(hub_part, issuer_key), desk_part


def decoy(insurer: str, epoch: int, batch: int, rng: Rng, handle: Handle | None = None) -> Row:
    """Draws a row of nobody, indistinguishable without the keys: it pads publications; ``handle`` renews one."""
    handle = handle or Handle(rng(HANDLE_BYTES))
    return Row(insurer=insurer, epoch=epoch, batch=batch, handle=handle, stored=rng(STORED_BYTES))


def removal(insurer: str, epoch: int, handle: Handle) -> Row:
    """Builds the record by which a handle leaves the manifest: batch 0, and nothing stored."""
    return Row(insurer=insurer, epoch=epoch, batch=REMOVED, handle=handle, stored=bytes(STORED_BYTES))


def decoys_needed(rows: int, multiple: int) -> int:
    """Returns how many decoys bring a publication to a multiple: never fewer than the multiple itself.

    Decoys are drawn anew at each publication, so that a new member's handle is one of many new ones.
    """
    return multiple + -rows % multiple


def padding(rows: int, multiple: int) -> int:
    """Returns how many decoys bring a count to a multiple, never zero: none is a count too."""
    return -rows % multiple if rows else multiple
