"""The platform in one process that targets take their valid inputs from, built once in a process."""

from __future__ import annotations

import hashlib
import tempfile
from functools import lru_cache
from pathlib import Path

from paravent.access.quotas import QuotaLimits
from paravent.access.requests import HttpRequest, authority_of, new_nonce, sign_request
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.wire.statements import Signed
from tests.unit.parties.shop import Shop
from tests.unit.parties.world import World

MANY = 10**9
_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []


def folder() -> Path:
    """Makes a folder that goes with the process."""
    _FOLDERS.append(tempfile.TemporaryDirectory(prefix="paravent-fuzz-"))
    return Path(_FOLDERS[-1].name)


@lru_cache(1)
def world() -> World:
    """A whole platform, whose quotas are endless."""
    limits = QuotaLimits(
        lookups_per_day_max=MANY, openings_per_day_max=MANY, repeats_per_day_max=MANY, acts_per_day_max=MANY
    )
    return World.build(folder(), limits=limits)


@lru_cache(1)
def shop() -> Shop:
    """One optician with one customer who is covered."""
    return Shop.of(world(), world().covered())


def signed(payload: bytes, label: Label, signer: str, key: SigningKey) -> Signed:
    """Signs whatever was drawn, as a dishonest party would: what lies behind the signature is reached."""
    return Signed(payload=payload, signer=signer, signature=key.sign(label, signer, hashlib.sha256(payload).digest()))


def request(body: bytes, base_url: str, path: str, key: SigningKey) -> HttpRequest:
    """Signs a request over whatever body was drawn."""
    now = world().now
    headers, _ = sign_request(
        method="POST", base_url=base_url, path=path, body=body, key=key, now=now, nonce=new_nonce(world().rng)
    )
    return HttpRequest(
        method="POST", authority=authority_of(base_url), target_uri=base_url + path, headers=headers, body=body
    )
