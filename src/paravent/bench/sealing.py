"""Sealing one person against the sum of its primitives, alternating in one run."""

from __future__ import annotations

import hashlib
import hmac
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from paravent.bench.measures import Measure
from paravent.crypto import group, replicated, sodium
from paravent.crypto.sealing import PLAINTEXT_BYTES
from paravent.crypto.signing import SigningKey
from paravent.drill.members import identity_of
from paravent.drill.population import SyntheticPerson, synthesise
from paravent.insurer.sealing import Right, SealingKeys, seal

_INSURER = "99000001"
ROUND_PERSONS = 100
_ENTITLEMENT_SIGNED_BYTES = 130
_LABEL_BYTES = 95


@dataclass(frozen=True, slots=True, kw_only=True)
class SealingFigures:
    """Medians in microseconds per person, and rates with two processes over rates with one."""

    seal_us: float
    seal_floor_us: float
    seal_scaling: float
    floor_scaling: float


def measure(seconds: float) -> SealingFigures:
    """Measures for about that many seconds."""
    ours, bare = _workload(), floor()
    pairs = _alternate(ours, bare, seconds * 0.4)
    ours_scaling, floor_scaling = _scalings(ours, bare, seconds * 0.6)
    return SealingFigures(
        seal_us=round(statistics.median(pair[0] for pair in pairs), 1),
        seal_floor_us=round(statistics.median(pair[1] for pair in pairs), 1),
        seal_scaling=round(ours_scaling, 3), floor_scaling=round(floor_scaling, 3),
    )  # fmt: skip


def _workload() -> Callable[[], None]:
    """Returns a function that seals 100 persons."""
    keys = SealingKeys(
        insurer=_INSURER, epoch=1, batch=1, issuer_key=SigningKey.generate(os.urandom),
        lookup_key=group.random_scalar(os.urandom), opening_keys=replicated.draw_opening_keys(2, 3, os.urandom),
    )  # fmt: skip
    persons = synthesise(ROUND_PERSONS, [_INSURER], 1, 2026).persons
    work = [(identity_of(person, person.coverages[0]), _right(person)) for person in persons]

    def run() -> None:
        for identity, right in work:
            seal(keys, identity, right, os.urandom)

    return run


def _right(person: SyntheticPerson) -> Right:
    return Right(
        guarantee=person.guarantee, valid_from=1_767_225_600, valid_until=1_830_297_599, free_from=person.free_from,
        renewal_months=person.renewal_months, nullifier=os.urandom(16), status_index=123_456,
    )  # fmt: skip


def floor() -> Callable[[], None]:
    """Returns a function that calls, 100 times, only the library primitives that sealing one person needs."""
    scalar = group.random_scalar(os.urandom).reveal()
    _, issuer = sodium.ed25519_keypair(os.urandom(32))
    keys = [os.urandom(32) for _ in range(3)]
    uniform, label = os.urandom(64), bytes(_LABEL_BYTES)
    message, plaintext = bytes(_ENTITLEMENT_SIGNED_BYTES), bytes(PLAINTEXT_BYTES)

    def once() -> None:
        # hash to group: expand_message_xmd is two SHA-512, then the map; one multiplication; finalize
        hashlib.sha512(hashlib.sha512(label).digest()).digest()
        element = sodium.point_multiply(scalar, sodium.point_from_hash(uniform))
        output = hashlib.sha512(element or b"").digest()
        # handle key and handle
        seed = HKDF(algorithm=hashes.SHA256(), length=32, salt=b"", info=label).derive(output)
        public, _ = sodium.ed25519_keypair(seed)
        hashlib.sha256(public).digest()
        # opening values of three sets
        values = [hmac.digest(key, label, "sha256") for key in keys]
        # entitlement: randomness, holder, binding, digest of D, signature
        salt = os.urandom(16)
        hmac.digest(salt, message, "sha256")
        hashlib.sha256(label).digest()
        hashlib.sha256(message).digest()
        os.urandom(16)
        sodium.ed25519_sign(issuer, message)
        # row key and row
        rho = os.urandom(32)
        material = HKDF(algorithm=hashes.SHA256(), length=64, salt=rho, info=label).derive(b"".join(values) + output)
        ChaCha20Poly1305(material[:32]).encrypt(bytes(12), plaintext, label)

    def run() -> None:
        for _ in range(ROUND_PERSONS):
            once()

    return run


def _alternate(ours: Callable[[], None], floor: Callable[[], None], seconds: float) -> list[tuple[float, float]]:
    ours()
    floor()
    pairs = []
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        pairs.append((_microseconds(ours), _microseconds(floor)))
    return pairs


def _microseconds(run: Callable[[], None]) -> float:
    started = time.perf_counter()
    run()
    return (time.perf_counter() - started) / ROUND_PERSONS * 1e6


def _scalings(ours: Callable[[], None], floor: Callable[[], None], seconds: float) -> tuple[float, float]:
    """Returns the rate of two processes over the rate of one, for both, measured in turn."""
    each = seconds / 12
    ratios: tuple[list[float], list[float]] = ([], [])
    for _ in range(3):
        for run, kept in zip((ours, floor), ratios, strict=True):
            kept.append(_rate(run, 2, each) / _rate(run, 1, each))
    return statistics.median(ratios[0]), statistics.median(ratios[1])


def _rate(run: Callable[[], None], processes: int, seconds: float) -> float:
    """Counts rounds per second over that many forked processes, as publication forks its workers."""
    context = get_context("fork")
    counts = context.SimpleQueue()

    def work() -> None:
        rounds, started = 0, time.perf_counter()
        while time.perf_counter() - started < seconds:
            run()
            rounds += 1
        counts.put(rounds / (time.perf_counter() - started))

    workers = [context.Process(target=work) for _ in range(processes)]
    for worker in workers:
        worker.start()
    total = sum(float(counts.get()) for _ in workers)
    for worker in workers:
        worker.join()
    return total


MEASURE = Measure(name="sealing", rows=lambda _folder, sizes: [measure(10.0 if sizes.quick else 60.0)])
