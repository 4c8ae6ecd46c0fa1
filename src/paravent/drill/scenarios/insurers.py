"""What belongs to an insurer, stolen: its look-up key, with which it publishes everybody, and its issuer key."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import msgspec

from paravent.access.requests import HttpRequest, authority_of, new_nonce, sign_request
from paravent.breach.entries import LootKind, Stolen
from paravent.crypto.group import Scalar, decode_scalar
from paravent.crypto.signing import SigningKey
from paravent.drill.counter import customers
from paravent.drill.credentials.real import attack, send
from paravent.drill.credentials.scene import true_hits
from paravent.drill.ground import KEYSERVERS, Ground
from paravent.drill.inquiry import inquire
from paravent.drill.members import identity_of
from paravent.drill.platform import Platform
from paravent.drill.population import GUARANTEES, SyntheticPerson
from paravent.drill.row import PlatformName, Ran, Row
from paravent.drill.staff import hire
from paravent.drill.stores import REMAINS, hub_copy
from paravent.drill.theft import read_directory
from paravent.insurer.config import SECRETS, read_keys
from paravent.insurer.epoch_store import DrawnEpochFile
from paravent.insurer.sealing import Right, entitle
from paravent.wire.card import card_text
from paravent.wire.claims import PullAnswer, PullRequest
from paravent.wire.codec import decode, encode

PULL_BYTES_MAX = 1 << 20
ENTITLEMENT = b"\xd2\x84\x43\xa1\x01\x27"
"""How every entitlement begins, to its algorithm: what an act in clear would hold, and what is sealed not by chance."""

_OPTICIAN = 3
_YEAR_SECONDS = 365 * 86_400


def bulk_key(ground: Ground) -> Iterator[Row]:
    """Steals the key under which an insurer computes everybody's handle: alone, with a server, with a device key."""
    platform, amc = ground.paravent(), ground.population.insurers[0]
    epoch, key = _lookup_key(platform, amc)
    theft, members = hub_copy(ground, platform), len(ground.population.of_insurer(amc))
    for servers in ((), KEYSERVERS[:1]):
        loot = theft.attack(platform.key_files(*servers), {(amc, epoch): [key]})
        loots = [Stolen(kind=LootKind.DATABASE), Stolen(kind=LootKind.INSURER_KEY, insurer=amc, epoch=epoch)]
        loots += [Stolen(kind=LootKind.KEY_SERVER, server=server) for server in servers]
        found = inquire(platform, ground.folder("case"), loots, int(time.time()))
        yield Row(
            scenario="insurer-bulk-key", platform=PlatformName.PARAVENT, ran=Ran.PROCESSES, persons=ground.persons,
            case=f"key+{len(servers)}-key-servers", opened=ground.population.persons_of(loot.opened),
            membership=ground.population.persons_of(loot.members), bound=0, formula="0; membership of that insurer",
            computed=found.estimate, seconds=round(loot.seconds, 2), remains=REMAINS,
            figures={"membership_bound": members, "membership_upper": found.membership_upper},
        )  # fmt: skip
    hits = [hit for hit in true_hits(ground.population.persons) if hit.amc == amc]
    row = attack(
        ground, platform, [hire(platform, _OPTICIAN, int(time.time()), _OPTICIAN)], (), case="key+device-key",
        scenario="insurer-bulk-key", lookup_keys={amc: key}, hits=hits,
    )  # fmt: skip
    yield msgspec.structs.replace(row, membership=members)


def credential(ground: Ground) -> Iterator[Row]:
    """Steals an insurer's issuer key: reads what the hub keeps for it, and signs a card for somebody else."""
    platform, amc, started = ground.paravent(), ground.population.insurers[0], time.perf_counter()
    counter = ground.counter()
    counter.sell(counter.by_number(next(one for one in ground.next_customers(6) if one.coverages[0].insurer == amc)))
    issuer = read_keys(platform.home / f"insurer-{amc}").issuer
    events = _pulled(platform, issuer)
    readable = sum(ENTITLEMENT in event.detail + event.payment for event in events.events)
    honest = _payable(platform, amc)
    began, person = int(time.time()), _stranger(ground, amc)
    accepted = counter.sell(counter.by_card(_forged(amc, person, issuer), person))["outcome"] == "accepted"
    yield Row(
        scenario="insurer-credential", platform=PlatformName.PARAVENT, ran=Ran.PROCESSES, persons=ground.persons,
        opened=readable, membership=0, bound=0, formula="0 read; forged entitlements pass until the key is revoked",
        computed=inquire(
            platform, ground.folder("case"), [Stolen(kind=LootKind.INSURER_KEY, insurer=amc)], began
        ).estimate,
        seconds=round(time.perf_counter() - started, 2), remains="number of acts of that insurer by month",
        figures={
            "sealed_events_read": len(events.events), "forged_accepted_by_the_hub": accepted,
            "forged_payable_at_the_insurer": _payable(platform, amc) - honest,
        },
    )  # fmt: skip


def _lookup_key(platform: Platform, amc: str) -> tuple[int, Scalar]:
    path = max((platform.home / f"insurer-{amc}" / SECRETS).glob("epoch-*.json"))
    return int(path.stem.split("-")[1]), decode_scalar(decode(path.read_bytes(), DrawnEpochFile).lookup_key)


def _pulled(platform: Platform, issuer: SigningKey) -> PullAnswer:
    base_url, body, path = read_directory(platform).hub.address, encode(PullRequest(after=0)), "/v1/events"
    headers, _ = sign_request(
        method="POST", base_url=base_url, path=path, body=body, key=issuer, now=int(time.time()),
        nonce=new_nonce(os.urandom),
    )  # fmt: skip
    request = HttpRequest(
        method="POST", authority=authority_of(base_url), target_uri=base_url + path, headers=headers, body=body
    )
    return decode(send(platform, "hub", path, request), PullAnswer, bytes_max=PULL_BYTES_MAX)


def _payable(platform: Platform, amc: str) -> int:
    """Has the insurer recompute; returns how many claims are payable."""
    lines = platform.command("insurer", "claims", "--home", platform.home / f"insurer-{amc}", "--json")["claims"]
    return sum(line["state"] == "payable" for line in lines)


def _stranger(ground: Ground, amc: str) -> SyntheticPerson:
    """Picks somebody whom this insurer does not know."""
    return next(one for one in customers(ground.population) if one.coverages[0].insurer != amc)


def _forged(amc: str, person: SyntheticPerson, issuer: SigningKey) -> str:
    """Signs a card with the stolen key."""
    now = int(time.time())
    right = Right(
        guarantee=GUARANTEES[0], valid_from=now - 86_400, valid_until=now + _YEAR_SECONDS, free_from=person.free_from,
        renewal_months=person.renewal_months, nullifier=os.urandom(16), status_index=1,
    )  # fmt: skip
    holder = identity_of(person, person.coverages[0]).holder
    return card_text(*entitle(amc, issuer, holder, right, os.urandom, binding=None))
