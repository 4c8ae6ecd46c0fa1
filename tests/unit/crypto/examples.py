"""What the tests of the mechanisms draw: seeds, scalars, deals, entitlements."""

from __future__ import annotations

import random

from hypothesis import Phase, settings
from hypothesis import strategies as st

from paravent.crypto import group
from paravent.crypto.entitlement import RENEWAL_MONTHS, DeskPart, HubPart
from paravent.crypto.group import Rng, Scalar
from paravent.crypto.signing import SigningKey

# What is drawn here is random bytes, which have no simpler example: shrinking would cost time and say nothing.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
# The whole suite stays short; the profile "search" looks further, in proportion.
EVERY = settings(report_multiple_bugs=False, phases=PHASES)
FEW = settings(max_examples=settings().max_examples // 2, report_multiple_bugs=False, phases=PHASES)
FEWER = settings(max_examples=settings().max_examples // 5, report_multiple_bugs=False, phases=PHASES)

FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
AMC = "99000001"


def seeded(seed: int) -> Rng:
    """An rng that gives the same bytes at each run."""
    return random.Random(seed).randbytes


SEEDS = st.integers(0, 2**32).map(seeded)
SCALARS = SEEDS.map(group.random_scalar)
ELEMENTS = SCALARS.map(group.multiply_base)
KEYS = SEEDS.map(SigningKey.generate)
TWO_SCALARS = st.lists(SCALARS, min_size=2, max_size=2, unique_by=lambda scalar: scalar.reveal())
TWO_KEYS = st.lists(KEYS, min_size=2, max_size=2, unique_by=lambda key: key.public)
SHAPES = st.sampled_from([(threshold, servers) for servers in range(2, 8) for threshold in range(2, servers + 1)])
DIGESTS = st.binary(min_size=32, max_size=32)

MONTHS = st.builds(lambda year, month: year * 100 + month, st.integers(1900, 2999), st.integers(1, 12))
ASCII = st.text(st.characters(max_codepoint=127), min_size=1, max_size=16)


@st.composite
def hub_parts(draw: st.DrawFn) -> HubPart:
    """Every hub part that its own checks allow."""
    valid_from = draw(st.integers(0, 2**32 - 2))
    return HubPart(
        insurer=draw(st.text("0123456789", min_size=8, max_size=10)),
        serial=draw(st.binary(min_size=16, max_size=16)),
        valid_from=valid_from,
        valid_until=draw(st.integers(valid_from + 1, 2**32 - 1)),
        guarantee=draw(ASCII),
        free_from=draw(MONTHS),
        renewal_months=draw(st.sampled_from(RENEWAL_MONTHS)),
        nullifier=draw(st.binary(min_size=16, max_size=16)),
        status_index=draw(st.integers(0, 2**32 - 1)),
        desk_digest=draw(DIGESTS),
    )


DESK_PARTS = st.builds(
    DeskPart, salt=st.binary(min_size=16, max_size=16), holder=DIGESTS, binding=st.none() | DIGESTS
)  # fmt: skip


def flipped(value: bytes, place: int) -> bytes:
    """A value with one bit of one byte changed; the place counts round."""
    changed = bytearray(value)
    changed[place % len(value)] ^= 1 << (place % 8)
    return bytes(changed)


def scalar_of(number: int) -> Scalar:
    """A scalar from a public number."""
    return Scalar((number % ORDER).to_bytes(32, "little"))
