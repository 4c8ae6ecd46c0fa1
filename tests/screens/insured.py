"""One insurer with its space on running processes, for the tests of the insured person's pages."""

from __future__ import annotations

import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from hashlib import sha256
from http.cookiejar import CookieJar
from pathlib import Path
from types import MappingProxyType
from typing import Any

from paravent.drill.platform import DATA, Platform
from paravent.drill.population import Population, SyntheticPerson, synthesise
from paravent.drill.provider import person_claims, set_claims
from tests.system.conftest import KEYSERVERS
from tests.system.customers import adults, particulars

AMC = "99000001"
BASKET = {"frame_class": "B", "frame_cents": 12_000, "lens_class": "B", "right_cents": 18_000, "left_cents": 18_000}
WAIT_SECONDS_MAX = 90.0
CONTACT = "Service adhérents : 00 00 00 00 00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole HTTP answer; the head as the server sent it, name and value of each field."""

    status: int
    url: str
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def size(self) -> int:
        """Bytes of the head's fields and of the body."""
        return sum(len(name) + len(value) for name, value in self.headers.items()) + len(self.body)

    def csrf(self) -> str:
        return self.text.split('name="csrf" value="')[1].split('"')[0]


@dataclass(slots=True, kw_only=True)
class Visitor:
    """Somebody with a browser without a screen, who keeps cookies."""

    address: str
    issuer: str
    jar: CookieJar = field(default_factory=CookieJar)

    def get(self, path: str) -> Answer:
        return self._send(self.address + path)

    def post(self, path: str, origin: str | None = None, **fields: str) -> Answer:
        body = urllib.parse.urlencode(fields).encode()
        headers = {"origin": origin or self.address}
        return self._send(self.address + path, body, headers)

    def sign_in(self, subject: str) -> Answer:
        """Follows the sign-in to its end, the provider's own form filled in."""
        asked = self.get("/sign-in")
        assert asked.url.startswith(self.issuer)
        return self._send(asked.url, urllib.parse.urlencode({"sub": subject}).encode())

    def cookie(self, part: str) -> Any:
        return next(one for one in self.jar if part in one.name)

    def _send(self, url: str, body: bytes | None = None, headers: Mapping[str, str] = MappingProxyType({})) -> Answer:
        request = urllib.request.Request(url, body, dict(headers))  # noqa: S310 - on loopback, as the test wrote it
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.jar)
        )
        try:
            with opener.open(request, timeout=120) as answer:
                return Answer(status=answer.status, url=answer.url, headers=answer.headers, body=answer.read())
        except urllib.error.HTTPError as answer:
            with answer:
                return Answer(status=answer.code, url=answer.url, headers=answer.headers, body=answer.read())


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The platform, who is who, and the incident that concerns one of two."""

    platform: Platform
    population: Population
    address: str
    case: str
    concerned: SyntheticPerson
    spared: SyntheticPerson
    temporary: Path

    def visitor(self) -> Visitor:
        return Visitor(address=self.address, issuer=self.platform.issuer)

    def inside(self, person: SyntheticPerson) -> Visitor:
        """Somebody who signed in as a person."""
        visitor = self.visitor()
        answer = visitor.sign_in(self.subject(person))
        assert (answer.status, answer.url) == (200, self.address + "/"), answer.text
        return visitor

    def subject(self, person: SyntheticPerson, **claims: object) -> str:
        """Tells the provider who a person is; returns under what they sign in."""
        known = person_claims(person.name, person.birth_date, person.coverages[0].nir)
        set_claims(self.platform.issuer, person.member_id, known | claims)
        return person.member_id

    def insurer(self, *arguments: str | Path) -> dict[str, Any]:
        """Runs a verb of the insurer."""
        return self.platform.command("insurer", *arguments, "--home", self.platform.home / f"insurer-{AMC}", "--json")

    def publish(self) -> dict[str, Any]:
        done = self.platform.publish(AMC)
        assert self.platform.desk("/v1/refreshes", {})[0] == 200
        return done


def until(seen: Callable[[], bool]) -> None:
    """Waits for something that the parties do by themselves, however slow the machine is."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not seen():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)


def signers(population: Population) -> list[SyntheticPerson]:
    """Lists the adults covered under a number of their own: a child of 17 is under a parent's."""
    return [one for one in adults(population) if one.coverages[0].nir[1:5] == one.birth_date[2:6]]


@contextmanager
def scene(home: Path) -> Iterator[Scene]:
    """Starts everything, sells glasses to one member, tells the insurer of an incident, ends everything."""
    temporary = home / "temporary"
    temporary.mkdir()
    population = synthesise(120, [AMC], 5, datetime.now(UTC).year)
    running = Platform(home, environment={"TMPDIR": str(temporary)})
    buyers = [one for one in signers(population) if one.free_from <= datetime.now(UTC).year * 100 + 1]
    concerned, spared = buyers[:2]
    try:
        running.create(population, 20)
        config = home / f"insurer-{AMC}" / "config.toml"
        config.write_text(config.read_text().replace('contact = ""', f'contact = "{CONTACT}"'))
        for name in KEYSERVERS:
            watching = home / name / "config.toml"
            watching.write_text(watching.read_text().replace("watch_seconds = 20", "watch_seconds = 1"))
        running.start(*KEYSERVERS, "hub", "desk")
        running.publish(AMC)
        address = running.set_space(AMC)
        running.start(f"insurer-{AMC}")
        sell(running, concerned)
        yield Scene(
            platform=running, population=population, address=address, case=incident(running, concerned),
            concerned=concerned, spared=spared, temporary=temporary,
        )  # fmt: skip
    finally:
        running.stop()


def sell(platform: Platform, person: SyntheticPerson) -> None:
    """A number-lane check, a prise en charge, a claim; the insurer reads the logs and decides."""
    assert platform.desk("/v1/refreshes", {})[0] == 200
    status, found = platform.desk("/v1/checks/number", particulars(person))
    assert status == 200, found
    prescription = (DATA / "visionprescription-33123.r4.json").read_text()
    order = {"check": found["check"], "prescription": prescription, "basket": BASKET}
    assert platform.desk("/v1/quotes", order)[0] == 200
    assert platform.desk("/v1/reservations", {"check": found["check"]})[1]["outcome"] == "accepted"
    assert platform.desk("/v1/claims", order)[1]["outcome"] == "accepted"
    home = platform.home / f"insurer-{AMC}"
    platform.command("insurer", "claims", "--home", home, "--json")

    def witnessed() -> bool:
        found = platform.command("insurer", "journal", "--member", person.member_id, "--home", home, "--json")
        return any(line["confirmed"] for line in found["openings"])

    until(witnessed)


def incident(platform: Platform, person: SyntheticPerson) -> str:
    """A clear-text file with one member left the insurer: the breach desk measures it, and tells what to say of it."""
    home, pin = platform.home, platform.pin

    def breach(*arguments: str | Path) -> dict[str, Any]:
        return platform.command("breach", *arguments, "--home", home / "breach-desk", "--json")

    breach("init", "--name", "breach-desk", "--operator", "Opérateur de tiers payant", "--contact", "dpo@example.org")
    breach("join", "--directory", pin["file"], "--signer", pin["signer"], "--key", pin["key"])
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ")
    opened = breach(
        "open", "--title", "Un fichier est sorti", "--facts", "Un fichier a été envoyé à un tiers par erreur.",
        "--aware", now, "--aware-role", "dpo",
    )  # fmt: skip
    case = str(opened["case"])
    file = home / "leaked.csv"
    file.write_text(f"member_id\n{person.member_id}\n")
    insurer = home / f"insurer-{AMC}"
    platform.command(
        "insurer", "leaked", file, "--case", case, "--out", home / "leak.json", "--home", insurer, "--json"
    )
    digest = sha256(file.read_bytes()).hexdigest()
    breach("stolen", case, "clear-file", "--insurer", AMC, "--sha256", digest)
    platform.command("hub", "counts", "--home", home / "hub", "--out", home / "counts.json")
    breach("measure", case, "--leak", home / "leak.json", "--counts", home / "counts.json")
    breach(
        "affair", case, "--recipient", "Direction de la police judiciaire", "--reference", "Affaire 2026/001",
        "--address", "1 rue de l'Essai, 75000 Paris",
    )  # fmt: skip
    told = breach("tell-insurer", case, AMC, "--out", home / "incident.json")
    assert told["labels"] >= 1
    taken = platform.command("insurer", "incident", home / "incident.json", "--home", insurer, "--json")
    assert (taken["members"], taken["taken"]) == (1, True)
    return case
