"""Keyed names, comparisons of secrets, and how a person enters the protocol (docs/protocol.md sections 4, 5, 9, 10)."""

from __future__ import annotations

import hmac
import random
from collections.abc import Callable

from paravent.access.enrolment import Enroller, EnrolmentKey, read_state
from paravent.access.openid import RelyingParty, to_base64url
from paravent.access.openid_config import shipped_profile
from paravent.access.quotas import DailyKey, nonce_pseudonym, subject_pseudonym
from paravent.bench.timing.curve import POOL, fresh, pooled
from paravent.bench.timing.measure import Kind, Primitive
from paravent.crypto.labels import Label, enc
from paravent.crypto.replicated import OpeningKey, opening_value
from paravent.crypto.secret import Secret
from paravent.drill import members
from paravent.drill.population import SyntheticPerson, synthesise
from paravent.errors import EnrolmentRefused, TechnicalFailure
from paravent.hub.vault import DatabaseKey

_INSURER = "99000001"
_BIRTHS_OF = 2026


def mac_primitives(dice: random.Random) -> list[Primitive]:
    """Lists names under a key, encodings and comparisons."""
    subject, known, nonce = dice.randbytes(32), Secret(dice.randbytes(32)), "n" * 22
    return [
        Primitive(
            name="label-encoding", draw=_drawn(96, bytes),
            run=lambda given: enc(Label.ROW_KEY, given, subject),
        ),
        Primitive(name="opening-value", draw=_drawn(32, OpeningKey), run=lambda key: opening_value(key, subject)),
        Primitive(
            name="quota-name", draw=_drawn(32, DailyKey), run=lambda key: subject_pseudonym(key, "10000000001", subject)
        ),
        Primitive(
            name="nonce-name", draw=_drawn(32, DailyKey), run=lambda key: nonce_pseudonym(key, "0" * 32, nonce)
        ),
        Primitive(name="right-name", draw=_drawn(32, DatabaseKey), run=lambda key: key.right(_INSURER, subject[:16])),
        Primitive(name="secret-comparison", draw=pooled(known, _secrets(dice), _copied), run=known.__eq__),
        _state_mac(dice),
    ]  # fmt: skip


def person_primitives(dice: random.Random) -> list[Primitive]:
    """Lists what is computed of a number, a name and a birth date, of adults under their own number.

    The length of a name shows, as that of any text that is hashed, to its insurer and at its desk alone: names of one
    length are compared, and then names of any.
    """
    everybody = [one for one in synthesise(8 * POOL, [_INSURER], 1, _BIRTHS_OF).persons if _own(one)]
    alike = [one for one in everybody if _letters(one) == _letters(everybody[0])][:POOL]
    key, salt = dice.randbytes(32), dice.randbytes(16)
    draw, draw_any = (
        pooled(persons[0], persons, lambda person: members.identity_of(person, person.coverages[0]))
        for persons in (alike, everybody[:POOL])
    )
    return [
        Primitive(name="lookup-input", draw=draw, run=lambda who: members.lookup_of(_INSURER, 1, who)),
        Primitive(name="holder-value", draw=draw, run=lambda who: members.holder_of(salt, who)),
        Primitive(name="pivot", draw=draw, run=lambda who: members.pivot_of(key, who)),
        Primitive(name="pivot-of-any-name", draw=draw_any, run=lambda who: members.pivot_of(key, who), kind=Kind.KNOWN),
    ]


def _letters(person: SyntheticPerson) -> int:
    return len(members.identity_of(person, person.coverages[0]).name)


def _own(person: SyntheticPerson) -> bool:
    return members.pivot_of(bytes(32), members.identity_of(person, person.coverages[0])) is not None


def _drawn(size: int, kind: Callable[[bytes], object]) -> Callable[[random.Random, bool], object]:
    def draw(dice: random.Random, other: bool) -> object:  # noqa: FBT001 - the class of an input
        return kind(dice.randbytes(size) if other else bytes(bytearray(size)))

    return draw


def _secrets(dice: random.Random) -> list[Secret]:
    return [Secret(dice.randbytes(32)) for _ in range(POOL)]


def _copied(secret: Secret) -> Secret:
    return Secret(fresh(secret.reveal()))


def _state_mac(dice: random.Random) -> Primitive:
    """A ``state`` whose MAC is wrong in its last byte alone, or everywhere: both are refused at one step."""
    profile = shipped_profile("pro-sante-connect")
    party = RelyingParty(issuer="https://provider", client_id="timing", acr_accepted=(), audiences=(), profile=profile)
    enroller = Enroller(name="timing", base_url="https://t", key=EnrolmentKey(dice.randbytes(32)), party=party)
    payload = dice.randbytes(200)
    right = hmac.digest(enroller.key.reveal(), enc(Label.ENROL_STATE, enroller.name, payload), "sha256")

    def refused(state: str) -> None:
        try:
            read_state(state, enroller, 0)
        except EnrolmentRefused:
            return
        raise TechnicalFailure("a forged state was believed")

    nearly = to_base64url(right[:-1] + bytes([right[-1] ^ 1]) + payload)
    others = [to_base64url(dice.randbytes(32) + payload) for _ in range(POOL)]
    return Primitive(name="state-mac", draw=pooled(nearly, others, lambda text: "".join(list(text))), run=refused)
