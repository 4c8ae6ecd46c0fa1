"""The story of one pair of glasses, told on running processes: every figure is what the parties answered."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from paravent.access.progress import bar
from paravent.demo.texts import Language, say
from paravent.drill.particulars import printed_nir
from paravent.drill.platform import DATA, INSURERS, SERVERS, Platform
from paravent.drill.population import Coverage, Population, SyntheticPerson
from paravent.drill.provider import person_claims, set_claims
from paravent.drill.theft import Theft, copy_database, read_directory
from paravent.errors import TechnicalFailure
from paravent.optics.money import format_euros
from paravent.wire.problem import title_en

PERSONS_PER_GUARANTEE_MIN = 20
HERO = "assure"
"""Under what the insured person of the story signs in at the demonstration's provider."""
PRESCRIPTION = DATA / "visionprescription-33123.r4.json"
BASKET = {"frame_class": "B", "frame_cents": 12_000, "lens_class": "B", "right_cents": 18_000, "left_cents": 18_000}
_REVIEW_SECONDS_MAX = 180.0
_KEYSERVERS = tuple(f"keyserver-{number}" for number in range(1, SERVERS + 1))


@dataclass(slots=True)
class Story:
    """One telling: the platform, the population, what was counted."""

    platform: Platform
    population: Population
    language: Language
    tell: Callable[[str], None]
    counts: dict[str, int] = field(default_factory=dict)

    def run(self) -> dict[str, int]:
        """Tells the six chapters; raises TechnicalFailure when a party does not do what the story says."""
        self._set_up()
        hero, cover = self._hero()
        card = self._card_lane(hero)
        check = self._number_lane(hero, cover)
        claim = self._glasses(check, cover)
        self._again(check, claim, cover)
        self._outages(hero, cover, card)
        self._theft()
        return self.counts

    # --- set-up -------------------------------------------------------------------------------

    def _set_up(self) -> None:
        self._say("setup")
        self.platform.create(self.population, PERSONS_PER_GUARANTEE_MIN)
        self._say("exception")
        self.platform.start(*_KEYSERVERS, "hub", "desk")
        published = 0
        for amc in self.population.insurers:
            done = self.platform.publish(amc)
            published += done["persons"]
            self._say(
                "published", name=INSURERS[amc], persons=done["persons"], rows=done["rows"],
                decoys=done["rows"] - done["handles"],
            )  # fmt: skip
        # A person covered by two insurers was published by each: counted once here.
        twice = sum(len({cover.insurer for cover in person.coverages}) - 1 for person in self.population.persons)
        self.counts["published"] = published - twice
        hero, cover = self._hero()
        address = self.platform.set_space(cover.insurer)
        set_claims(self.platform.issuer, HERO, person_claims(hero.name, hero.birth_date, cover.nir))
        self.platform.start(*(f"insurer-{amc}" for amc in self.population.insurers))
        self._say("space", name=INSURERS[cover.insurer], address=address, subject=HERO)
        self._desk("/v1/refreshes", {})

    def _hero(self) -> tuple[SyntheticPerson, Coverage]:
        """Picks the first adult with one cover, payable today under the better guarantee."""
        today = datetime.now(UTC)
        month = today.year * 100 + today.month
        for person in self.population.persons:
            plain = (person.renewal_months, len(person.coverages), person.guarantee) == (24, 1, "OPT-CONFORT")
            # Under a number of their own, so that they can sign in to their insurer's space.
            own = plain and person.coverages[0].nir[1:5] == person.birth_date[2:6]
            if own and person.free_from <= month:
                return person, person.coverages[0]
        raise TechnicalFailure("this population has nobody for the story: take more persons")

    # --- chapters -----------------------------------------------------------------------------

    def _card_lane(self, hero: SyntheticPerson) -> str:
        self._say("chapter-card")
        amc = hero.coverages[0].insurer
        picture = self.platform.home / "card.png"
        self.platform.command(
            "insurer", "card", hero.member_id, "--home", self.platform.home / f"insurer-{amc}",
            "--members", self.platform.home / f"members-{amc}.csv", "--out", picture,
        )  # fmt: skip
        everything = [*_KEYSERVERS, "hub", *(f"insurer-{number}" for number in self.population.insurers)]
        self.platform.stop(*everything)
        found = self.platform.command(
            "desk", "check", "--home", self.platform.home / "desk", "--card", picture, "--name", hero.name,
            "--birth-date", hero.birth_date, "--json",
        )  # fmt: skip
        self._say("card-offline", month=_month(found["payable_from"]))
        text = picture.with_suffix(".txt").read_text()
        body = {"card": text, "name": hero.name, "birth_date": hero.birth_date}
        altered = text[:200] + ("A" if text[200] != "A" else "B") + text[201:]
        problem = self._refused("/v1/checks/card", body | {"card": altered}, "unreadable-card")
        self._say("card-altered", title=self._title(problem))
        self.platform.start(*everything)
        self._desk("/v1/checks/card", body)
        self._say("card-online")
        self.counts["card_checks"] = 2
        return text

    def _number_lane(self, hero: SyntheticPerson, cover: Coverage) -> str:
        self._say("chapter-number")
        self.counts["number_checks"] = 0
        found, milliseconds = self._check_number(hero, cover)
        self._say("number-checked", guarantee=found["guarantee"], milliseconds=milliseconds)
        body = _particulars(hero, cover)
        other = next(amc for amc in self.population.insurers if amc != cover.insurer)
        problem = self._refused("/v1/checks/number", body | {"insurer": other}, "not-covered")
        self._say("number-absent", title=self._title(problem))
        wrong = body["nir"][:-1] + str((int(body["nir"][-1]) + 1) % 10)
        problem = self._refused("/v1/checks/number", body | {"nir": wrong}, "invalid-nir")
        self._say("number-typo", title=self._title(problem))
        return str(found["check"])

    def _glasses(self, check: str, cover: Coverage) -> dict[str, Any]:
        self._say("chapter-glasses")
        self._say("classified", **self.platform.command("desk", "classify", PRESCRIPTION, "--json"))
        order = {"check": check, "prescription": PRESCRIPTION.read_text(), "basket": BASKET}
        quote = self._desk("/v1/quotes", order)["quote"]
        price = sum(item["price_cents"] for item in quote["items"])
        self._say(
            "quoted", price=format_euros(price), amo=format_euros(quote["amo_cents"]),
            amc=format_euros(quote["amc_cents"]), rest=format_euros(quote["rest_cents"]),
        )  # fmt: skip
        self._decided(self._desk("/v1/reservations", {"check": check}), "accepted")
        self._say("reserved")
        claim = self._decided(self._desk("/v1/claims", order), "accepted")
        self.counts["claims_accepted"] = 1
        summary = self._reviewed(cover.insurer, payable=1)
        self._say("claimed", amc=format_euros(claim["amc_cents"]))
        self.counts["payable_cents"] = summary["payable_cents"]
        return claim

    def _again(self, check: str, claim: dict[str, Any], cover: Coverage) -> None:
        self._say("chapter-again")
        again = self._desk("/v1/resends", {"idempotency_key": claim["idempotency_key"]})
        if again["decision_id"] != claim["decision_id"]:
            raise TechnicalFailure("the same claim got another decision")
        refused = self._decided(self._desk("/v1/reservations", {"check": check}), "refused")
        self.counts["claims_refused"] = 1
        # Once the refusal, decided after the repeated claim, has reached the insurer, everything has.
        summary = self._reviewed(cover.insurer, refused=1)
        self.counts["insurer_recomputed"] = sum(line["state"] == "payable" for line in summary["claims"])
        self.counts["payable_cents"] = summary["payable_cents"]
        self._say("resent", payable=format_euros(summary["payable_cents"]))
        reason = refused["reason_fr"] if self.language is Language.FRENCH else title_en(refused["reason"])
        self._say("second-pair", reason=reason, month=_month(refused["payable_from"]))

    def _outages(self, hero: SyntheticPerson, cover: Coverage, card: str) -> None:
        self._say("chapter-outage")
        self.platform.stop("keyserver-1")
        self._check_number(hero, cover)
        self._say("one-down")
        self.platform.stop("keyserver-2")
        problem = self._refused("/v1/checks/number", _particulars(hero, cover), "too-few-servers")
        self._desk("/v1/checks/card", {"card": card, "name": hero.name, "birth_date": hero.birth_date})
        self.counts["card_checks"] += 1
        advice = problem["advice_fr" if self.language is Language.FRENCH else "advice"]
        self._say("two-down", title=self._title(problem), advice=advice)
        self.platform.start("keyserver-1", "keyserver-2")

    def _theft(self) -> None:
        self._say("chapter-theft")
        copy = copy_database(self.platform.home / "hub" / "hub.db", self.platform.home / "stolen.db")
        with bar("attack") as progress:
            theft = Theft(
                database=copy, leaked=self.population.leaked_list(), directory=read_directory(self.platform),
                progress=progress,
            )  # fmt: skip
            for name, servers in (("one_server", _KEYSERVERS[:1]), ("two_servers", _KEYSERVERS[:2])):
                loot = theft.attack(self.platform.key_files(*servers))
                opened = self.population.persons_of(loot.opened)
                self.counts[f"opened_with_dump_and_{name}"] = opened
                self._say(
                    "theft", servers=len(servers), opened=opened, persons=len(self.population.persons),
                    seconds=f"{loot.seconds:.1f}",
                )  # fmt: skip

    # --- the desk's answers -------------------------------------------------------------------

    def _check_number(self, person: SyntheticPerson, cover: Coverage) -> tuple[dict[str, Any], int]:
        started = time.perf_counter()
        found = self._desk("/v1/checks/number", _particulars(person, cover))
        self.counts["number_checks"] += 1
        return found, round((time.perf_counter() - started) * 1_000)

    def _desk(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        status, answer = self.platform.desk(path, body)
        if status != 200:
            raise TechnicalFailure(f"{path}: {answer.get('detail')}")
        return answer

    def _refused(self, path: str, body: dict[str, Any], code: str) -> dict[str, Any]:
        status, answer = self.platform.desk(path, body)
        if status == 200 or not str(answer.get("type", "")).endswith(f":{code}"):
            raise TechnicalFailure(f"{path}: {code} was expected, not {answer.get('type', status)}")
        return answer

    def _decided(self, decision: dict[str, Any], outcome: str) -> dict[str, Any]:
        if decision["outcome"] != outcome:
            raise TechnicalFailure(f"{decision['kind']}: {decision['outcome']} {decision['detail']}")
        return decision

    def _reviewed(self, amc: str, **states: int) -> dict[str, Any]:
        """Waits until an insurer has reviewed so many decisions of each state."""
        deadline = time.monotonic() + _REVIEW_SECONDS_MAX
        while time.monotonic() < deadline:
            summary = self.platform.insurer_claims(amc)
            found = [line["state"] for line in summary["claims"]]
            if all(found.count(state) >= count for state, count in states.items()):
                return summary
            time.sleep(0.1)
        raise TechnicalFailure(f"insurer {amc} did not review the decisions in {_REVIEW_SECONDS_MAX:.0f} s")

    def _title(self, problem: dict[str, Any]) -> str:
        return str(problem["title_fr" if self.language is Language.FRENCH else "title"])

    def _say(self, key: str, **values: object) -> None:
        self.tell(say(key, self.language, **values))


def _particulars(person: SyntheticPerson, cover: Coverage) -> dict[str, Any]:
    return {
        "insurer": cover.insurer, "nir": printed_nir(cover.nir), "birth_date": person.birth_date,
        "rank": cover.rank, "name": person.name,
    }  # fmt: skip


def _month(month: int) -> str:
    return f"{month % 100:02d}/{month // 100}"
