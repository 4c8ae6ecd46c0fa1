"""The platform whose processes are killed: real parties on loopback, quotas out of the way, a payer, an account.

Also what is compared: the client's own list with what the hub, the insurers, the shop, the key servers and the breach
desk have, each asked as it is always asked.
"""

from __future__ import annotations

import base64
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter as Counts
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import msgspec

from paravent.access.config import read_directory, write_config
from paravent.access.quotas import QuotaLimits
from paravent.bench.invented import OK, Inventor
from paravent.bench.kill_load import BREACH_DESK, DESK, BreachDesk, Counter, Openings, customers
from paravent.bench.told import Difference, Told
from paravent.breach.entries import Noted
from paravent.breach.store import Store as BreachStore
from paravent.desk.config import device_key
from paravent.desk.config import load as load_desk
from paravent.drill.platform import INSURERS, Platform
from paravent.drill.population import synthesise
from paravent.errors import TechnicalFailure
from paravent.hub.config import load as load_hub
from paravent.keyserver.config import load as load_keyserver
from paravent.keyserver.store import DATABASE
from paravent.optics.months import month_of
from paravent.wire.codec import decode
from paravent.wire.statements import STATEMENT_BYTES_MAX, EpochBundle, EpochFile, ManifestHead

COUNTERS = 2
_SEED = 13
_MANY = 1_000_000_000
_ENDLESS = QuotaLimits(
    lookups_per_day_max=_MANY, openings_per_day_max=_MANY, acts_per_day_max=_MANY, repeats_per_day_max=_MANY,
    new_device_per_day_max=_MANY, shop_per_day_max=_MANY, insurer_per_day_max=_MANY, server_per_day_max=_MANY,
)  # fmt: skip
# The published example of the French IBAN registry entry, and one that was computed: no real account.
_IBAN, _PAYER_IBAN = "FR1420041010050500013M02606", "FR7630006000011234567890189"
_SETTLE_SECONDS_MAX = 2.0
_START_SECONDS_MAX = 120.0
_LAST_WORDS_BYTES = 500


@dataclass(slots=True, kw_only=True)
class KillGround:
    """A running platform, its load, and what its client was told."""

    platform: Platform
    told: Told
    counters: list[Counter]
    openings: list[Openings]
    breach_desk: BreachDesk
    dice: random.Random
    closing: Event
    settlements: int = 0
    failed_starts: int = 0
    resent: set[str] = field(default_factory=set)

    def kill(self, name: str) -> None:
        """Kills a process as ``kill -9`` does."""
        process = self.platform.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def start(self, name: str) -> None:
        """Starts it again; its port may have been lent to a connection meanwhile, so more than once.

        A start that failed leaves no process behind, which would hold port and store of the next one. Raises
        TechnicalFailure with the last words of one that does not start.
        """
        deadline = time.monotonic() + _START_SECONDS_MAX
        while True:
            try:
                self.platform.start(name)
            except TechnicalFailure as error:
                self.failed_starts += 1
                if name in self.platform.processes:
                    self.kill(name)
                if time.monotonic() > deadline:
                    log = (self.platform.home / f"{name}.log").read_bytes()
                    raise TechnicalFailure(f"{error}; {log[-_LAST_WORDS_BYTES:].decode(errors='replace')}") from None
                time.sleep(1)
            else:
                return

    def victims(self) -> list[str]:
        """Lists who can be killed: every process that serves, and the breach desk in the middle of a verb."""
        return [*(name for name in self.platform.processes if name != "provider"), BREACH_DESK]

    def pulled(self) -> dict[str, list[dict[str, Any]]]:
        """Has every insurer pull; returns what each then has reviewed."""
        return {amc: self._insurer(amc, "claims")["claims"] for amc in INSURERS}

    def settle(self) -> None:
        """Has every insurer pay, its process killed in the middle; then once more, and the remittances delivered."""
        for amc in INSURERS:
            self.settlements += 1
            out = self.platform.home / f"payment-{amc}-{self.settlements}.xml"
            self._settle_and_die(amc, out.with_suffix(".killed.xml"))
            self._insurer(amc, "settle", "--out", out)
            self._insurer(amc, "boxes")

    def _settle_and_die(self, amc: str, out: Path) -> None:
        home = self.platform.home / f"insurer-{amc}"
        process = subprocess.Popen(  # noqa: S603 - our own command, no shell
            [sys.executable, "-m", "paravent", "insurer", "settle", "--home", str(home), "--out", str(out)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        with suppress(subprocess.TimeoutExpired):
            process.wait(self.dice.uniform(0.1, _SETTLE_SECONDS_MAX))
        process.kill()
        process.wait()

    def _insurer(self, amc: str, *verb: str | Path) -> dict[str, Any]:
        return self.platform.command("insurer", *verb, "--home", self.platform.home / f"insurer-{amc}", "--json")

    # --- comparing ------------------------------------------------------------------------------

    def compare(self, *, whole: bool) -> Difference:
        """Compares everything; ``whole`` has the hub say every decision again, else those since the last time."""
        difference = Difference()
        self.counters[0].settle_up()
        self.compare_decisions(difference, whole=whole)
        self.compare_claims(difference)
        self.settle()
        self.compare_payments(difference)
        self.compare_leaves(difference)
        self.compare_entries(difference)
        return difference

    def compare_decisions(self, difference: Difference, *, whole: bool) -> None:
        """Each act sent again gets the decision that it had: a hub that lost it would decide anew."""
        for key, answered in list(self.told.decisions.items()):
            if key in self.resent and not whole:
                continue
            status, again = self.counters[0].ask_until_answered("/v1/resends", {"idempotency_key": key})
            if status != OK or again["decision_id"] != answered.decision:
                difference.lost.append(f"decision {answered.decision}")
            self.resent.add(key)

    def compare_claims(self, difference: Difference) -> None:
        """Each claim is at its insurer once, for its amount; one that nobody was told of had its answer lost."""
        told = {_hexadecimal(claim): one for claim, one in self.told.claims().items()}
        lines = [line for found in self.pulled().values() for line in found if line["kind"] == "consume"]
        difference.compare("claim", told, (line["claim"] for line in lines))
        known = {line["claim"]: line for line in lines}
        difference.lost += [
            f"amount of claim {claim}" for claim, one in told.items()
            if claim in known and known[claim]["payable_cents"] != one.cents
        ]  # fmt: skip
        untold = len(known.keys() - told.keys())
        difference.doubled += ["claims that no customer made"] * max(0, untold - self.told.unanswered)
        persons = Counts(one.person for one in told.values() if one.person)
        difference.doubled += [f"claims of one person ({count})" for count in persons.values() if count > 1]

    def compare_payments(self, difference: Difference) -> None:
        """Each claim is paid once, in what the shop itself received: for its amount."""
        home = self.platform.home / DESK
        remittances = self.platform.command("desk", "remittances", "--home", home, "--json")["remittances"]
        lines = [line for one in remittances for line in one["lines"]]
        claims = self.told.claims()
        difference.compare("payment", claims, (line["claim_id"] for line in lines))
        paid = {line["claim_id"]: line["cents"] for line in lines}
        difference.lost += [f"cents of {name}" for name in claims if paid.get(name, 0) != claims[name].cents]

    def compare_leaves(self, difference: Difference) -> None:
        """Each receipt of a key server is a leaf of its log, where it was said to be."""
        for opening in self.openings:
            name = opening.inventor.server.name
            difference.compare_leaves(name, self.platform.home / name / DATABASE, self.told.leaves.get(name, []))

    def compare_entries(self, difference: Difference) -> None:
        """Each entry of the breach desk's case stands once, where it was said to be."""
        with BreachStore(self.platform.home / BREACH_DESK) as store:
            placed = store.entries(self.breach_desk.case)
        found = {one.position: one.entry.said.text for one in placed if isinstance(one.entry.said, Noted)}
        told = self.told.entries
        difference.compare("entry", (text for at, text in told.items() if found.get(at) != text), ())
        difference.compare("entry", (), found.values())


def _hexadecimal(identifier: str) -> str:
    return base64.b64decode(identifier).hex()


# --- setting it up --------------------------------------------------------------------------------


@contextmanager
def kill_ground(home: Path, persons: int, hub_options: tuple[str | Path, ...] = ()) -> Iterator[KillGround]:
    """Creates and starts the platform; ends what it started."""
    now = int(time.time())
    population = synthesise(persons, list(INSURERS), _SEED, datetime.fromtimestamp(now, UTC).year)
    platform = Platform(home, hub_options=hub_options)
    try:
        platform.create(population, 20)
        _lift_quotas(platform)
        platform.start(*platform.verifiers())
        for amc in INSURERS:
            platform.publish(amc)
        platform.start(DESK, *(f"insurer-{amc}" for amc in INSURERS))
        told, dice, waiting = Told(), random.Random(_SEED), customers(population, month_of(now))
        closing = Event()
        counters = [
            Counter(platform=platform, told=told, waiting=waiting, dice=dice, closing=closing) for _ in range(COUNTERS)
        ]
        if counters[0].ask("/v1/refreshes", {})[0] != OK:
            raise TechnicalFailure("the desk of the benchmark is not served")
        _open_accounts(platform)
        yield KillGround(
            platform=platform, told=told, counters=counters, openings=_openings(platform, told, closing),
            breach_desk=_breach_desk(platform, told), dice=dice, closing=closing,
        )  # fmt: skip
    finally:
        platform.stop()


def _lift_quotas(platform: Platform) -> None:
    hub = platform.home / "hub"
    write_config(hub, msgspec.structs.replace(load_hub(hub), quotas=_ENDLESS), replace=True)
    for name in platform.verifiers():
        if name != "hub":
            home = platform.home / name
            write_config(home, msgspec.structs.replace(load_keyserver(home), quotas=_ENDLESS), replace=True)


def _open_accounts(platform: Platform) -> None:
    """Says where the shop is paid, and has each insurer confirm it; sets the account that pays."""
    platform.command(
        "desk", "bank-details", "--home", platform.home / DESK, "--holder", "Optique Exemple", "--iban", _IBAN, "--json"
    )
    for amc in INSURERS:
        home = platform.home / f"insurer-{amc}"
        path = home / "config.toml"
        path.write_text(re.sub(r'settlement_iban = "[^"]*"', f'settlement_iban = "{_PAYER_IBAN}"', path.read_text()))
        platform.command("insurer", "boxes", "--home", home, "--json")
        for account in platform.command("insurer", "accounts", "--home", home, "--json")["accounts"]:
            number, text = str(account["number"]), account["fingerprint"]
            platform.command("insurer", "confirm-account", number, text, "--home", home, "--json")


def _breach_desk(platform: Platform, told: Told) -> BreachDesk:
    desk = BreachDesk(home=platform.home / BREACH_DESK, told=told)
    desk.open(platform.command)
    return desk


def _openings(platform: Platform, told: Told, closing: Event) -> list[Openings]:
    amc = next(iter(INSURERS))
    desk = platform.home / DESK
    directory = read_directory(desk, load_desk(desk).directory)
    bundle = decode(_served(platform, f"/v1/insurers/{amc}/epoch"), EpochBundle, bytes_max=STATEMENT_BYTES_MAX)
    epoch = decode(bundle.epoch.statement.payload, EpochFile, bytes_max=STATEMENT_BYTES_MAX)
    (batch,) = decode(bundle.head.payload, ManifestHead).live_batches
    device = device_key(desk)
    return [
        Openings(told=told, closing=closing, inventor=Inventor(
            server=server, device=device, insurer=amc, epoch=epoch.epoch, batch=batch, rng=os.urandom,
            clock=lambda: int(time.time()),
        ))
        for server in directory.keyservers
    ]  # fmt: skip


def _served(platform: Platform, path: str) -> bytes:
    """Fetches what the hub serves to anybody."""
    return msgspec.json.encode(platform.call("hub", path, None, {})[1])
