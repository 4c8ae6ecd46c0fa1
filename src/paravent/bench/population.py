"""A national population, sealed and loaded insurer by insurer: how long, how large, how much memory; one command.

Whatever is killed is taken up by the same command on the same home: parts that are sealed, insurers that are loaded
and every time measured stand on the disk. Sealing, with its floor in the same workers, and loading never overlap.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from paravent.access.postgresql_store import DatabaseUrl
from paravent.access.store import read_secret
from paravent.bench import machine, measures
from paravent.bench.measures import Measure, Sizes, asking
from paravent.bench.national import Country, amc_numbers, country
from paravent.bench.national_loading import SAMPLE, HubDatabase, Sample, load_insurer, look_up
from paravent.bench.national_sealing import Timing, seal_insurer
from paravent.crypto.manifest import manifest_leaf
from paravent.crypto.merkle import root_of_leaves
from paravent.crypto.sealing import Handle
from paravent.drill.numbered import PERSONS_MAX
from paravent.errors import InvalidConfiguration
from paravent.insurer.runs_store import Runs

PERSONS, INSURERS = 33_000_000, 100
QUICK_PERSONS, QUICK_INSURERS = 20_000, 2
FIRST_LOOKUPS_SHARE = 33
"""Look-ups are first timed when one person in so many is loaded: a million of thirty-three."""

_SEED = 23


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationFigures:
    """What one population took.

    ``seal_ratio`` is what a row takes from its member to its place in the signed tree, over the bare primitives, by the
    clock and with every core busy; ``seal_minutes`` is the same time for everybody. Times in microseconds are of a row.
    """

    engine: str
    persons: int
    insurers: int
    rows: int
    seal_ratio: float
    seal_processor_ratio: float
    seal_us: float
    seal_floor_us: float
    seal_minutes: float
    head_minutes: float
    making_minutes: float
    load_us: float
    load_minutes: float
    bytes_per_person: float
    peak_bytes: int
    publisher_peak_bytes: int
    worker_peak_bytes: int
    hub_peak_bytes: int
    lookup_p50_ratio: float
    lookup_p50_us: float
    lookup_first_p50_us: float
    lookup_first_persons: int
    lookup_cold_p50_us: float | None
    lookup_first_cold_p50_us: float | None
    processes: int
    starts: int
    command: str
    machine: dict[str, str | int]


def measure(home: Path, persons: int, insurers: int, url: DatabaseUrl | None = None) -> PopulationFigures:
    """Seals and loads what is left to do, into SQLite in the home or the database of a connection string.

    Raises InvalidConfiguration when the home is of another population or engine.
    """
    hub = HubDatabase(home=home, url=url)
    if not insurers <= persons <= insurers * PERSONS_MAX:
        raise InvalidConfiguration(f"an insurer has 1 to {PERSONS_MAX:,} synthetic persons")
    journal = Journal(home / "journal.jsonl", {"persons": persons, "insurers": insurers, "engine": hub.engine})
    processes = len(os.sched_getaffinity(0))
    journal.add("start", command=" ".join(["paravent", *sys.argv[1:]]))
    with country(home, insurers, _SEED) as parties:
        run = _Run(home=home, hub=hub, journal=journal, parties=parties, processes=processes, persons=persons)
        for number, amc in enumerate(amc_numbers(insurers)):
            run.insurer(amc, persons // insurers + (number < persons % insurers))
            run.say()
    return _figures(run, insurers)


class Journal:
    """What was measured, one JSON object a line, each on disk before the run goes on."""

    def __init__(self, path: Path, sizes: dict[str, int | str]) -> None:
        """Reads what is there; raises InvalidConfiguration when it is of other sizes."""
        self._path = path
        self._lines = [json.loads(line) for line in _whole_lines(path)]
        begun = self.of("sizes")
        if not begun:
            self.add("sizes", **sizes)
        elif begun[0] != sizes:
            raise InvalidConfiguration(f"{path.parent} is of another population ({begun[0]}): give a new folder")

    def add(self, kind: str, **values: Any) -> None:  # noqa: ANN401 - what JSON holds
        """Adds a line."""
        line = {"kind": kind, **values}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._lines.append(line)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Lists the values of a kind, in the order in which they came."""
        return [
            {name: value for name, value in line.items() if name != "kind"}
            for line in self._lines if line["kind"] == kind
        ]  # fmt: skip


def _whole_lines(path: Path) -> list[str]:
    """Reads the lines that were written whole, and takes away what a kill left of another."""
    content = path.read_bytes() if path.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(path, len(whole))
    return whole.decode().splitlines()


@dataclass(slots=True, kw_only=True)
class _Run:
    """One start of the command; ``done`` counts the persons that it sealed and loaded itself."""

    home: Path
    hub: HubDatabase
    journal: Journal
    parties: Country
    processes: int
    persons: int
    done: int = 0
    began: float = 0.0

    def loaded(self) -> int:
        """Counts the persons that are loaded, by whichever start."""
        return sum(line["persons"] for line in self.journal.of("loaded"))

    def insurer(self, amc: str, persons: int) -> None:
        """Seals and loads an insurer, unless it is done."""
        folder = self.home / "sealing" / amc
        if any(line["insurer"] == amc for line in self.journal.of("loaded")):
            shutil.rmtree(folder, ignore_errors=True)
            return
        self.began = self.began or time.perf_counter()
        folder.parent.mkdir(exist_ok=True)
        dealt = self.parties.dealt(amc)
        with Runs(folder, amc.encode()) as runs:
            seal_insurer(dealt.keys, runs, persons, self.processes, lambda timing: self._keep(amc, timing))
            started, processor = time.perf_counter(), time.process_time()
            root, count = root_of_leaves(manifest_leaf(Handle(handle), digest) for handle, digest in runs.digests())
            seconds, processor = time.perf_counter() - started, time.process_time() - processor
            self.journal.add("head", insurer=amc, rows=count, seconds=seconds, processor_seconds=processor)
            announced = self.parties.publication(dealt, root, count)
            loaded = load_insurer(self.hub, announced, self.parties.directory, runs)
            self.journal.add("loaded", insurer=amc, persons=persons, sample=_sample(runs, count), **asdict(loaded))
        self.done += persons
        if not self.journal.of("first") and self.loaded() * FIRST_LOOKUPS_SHARE >= self.persons:
            self.look_up("first")

    def _keep(self, amc: str, timing: Timing) -> None:
        self.journal.add("sealed", insurer=amc, **asdict(timing))

    def look_up(self, kind: str) -> None:
        """Times look-ups over everything that is loaded."""
        sample: Sample = [(line["insurer"], handle) for line in self.journal.of("loaded") for handle in line["sample"]]
        self.journal.add(kind, persons=self.loaded(), **asdict(look_up(self.hub, sample, _SEED)))

    def say(self) -> None:
        """Says how far the run is, and when it may end."""
        if self.done:
            spent, loaded = time.perf_counter() - self.began, self.loaded()
            left = spent / self.done * (self.persons - loaded)
            text = f"{loaded:,} of {self.persons:,} persons sealed and loaded; about {left / 60:,.0f} minutes left"
            click.echo(text, err=True)


def _sample(runs: Runs, count: int) -> list[str]:
    """Chooses rows of somebody to be looked up, over the whole order of the tree."""
    step = max(1, count // SAMPLE)
    return [row.handle.hex() for place, row in enumerate(runs.rows()) if place % step == 0]


def _figures(run: _Run, insurers: int) -> PopulationFigures:
    journal = run.journal
    run.look_up("last")
    first, last = journal.of("first")[0], journal.of("last")[-1]
    timings = [Timing(**{name: value for name, value in line.items() if name != "insurer"})
               for line in journal.of("sealed")]  # fmt: skip
    timing = sum(timings, Timing())
    heads = list({line["insurer"]: line for line in journal.of("head")}.values())
    rows = sum(line["rows"] for line in heads)
    head_us = sum(line["seconds"] for line in heads) / rows * 1e6
    timed = [line for line in journal.of("loaded") if line["seconds"]]
    load_us = sum(line["seconds"] for line in timed) / max(1, sum(line["rows"] for line in timed)) * 1e6
    # Computing a head keeps one core busy while the others wait: they all count.
    seal_us = timing.sealing_seconds / timing.rows * 1e6 + head_us * run.processes
    floor_us = timing.floor_seconds / timing.floor_persons * 1e6
    head_processor_us = sum(line["processor_seconds"] for line in heads) / rows * 1e6
    processor_us = timing.sealing_processor_seconds / timing.rows * 1e6 + head_processor_us
    peaks = {
        "publisher": machine.peak_bytes(), "worker": timing.peak_bytes,
        "hub": max(line["peak_bytes"] for line in journal.of("loaded")),
    }  # fmt: skip
    minutes = rows / 60e6
    return PopulationFigures(
        engine=run.hub.engine, persons=run.persons, insurers=insurers, rows=rows,
        seal_ratio=round(seal_us / floor_us, 3),
        seal_processor_ratio=round(processor_us / (timing.floor_processor_seconds / timing.floor_persons * 1e6), 3),
        seal_us=round(seal_us, 1), seal_floor_us=round(floor_us, 1),
        seal_minutes=round(seal_us / run.processes * minutes, 5), head_minutes=round(head_us * minutes, 2),
        making_minutes=round(timing.making_seconds / timing.rows / run.processes * rows / 60, 2),
        load_us=round(load_us, 1), load_minutes=round(load_us * minutes, 5),
        bytes_per_person=round(run.hub.bytes() / run.persons, 1), peak_bytes=max(peaks.values()),
        publisher_peak_bytes=peaks["publisher"], worker_peak_bytes=peaks["worker"], hub_peak_bytes=peaks["hub"],
        lookup_p50_ratio=round(last["warm_us"] / first["warm_us"], 3), lookup_p50_us=last["warm_us"],
        lookup_first_p50_us=first["warm_us"], lookup_first_persons=first["persons"],
        lookup_cold_p50_us=last["cold_us"], lookup_first_cold_p50_us=first["cold_us"],
        processes=run.processes, starts=len(journal.of("start")), command=journal.of("start")[0]["command"],
        machine=machine.facts(),
    )  # fmt: skip


def _rows(folder: Path, sizes: Sizes) -> Iterator[PopulationFigures]:
    usual = (QUICK_PERSONS, QUICK_INSURERS) if sizes.quick else (PERSONS, INSURERS)
    file = sizes.of(_URL, None)
    url = None if file is None else DatabaseUrl(read_secret(file))
    figures = measure(folder, sizes.of(measures.PERSONS, usual[0]), sizes.of(measures.INSURERS, usual[1]), url)
    (folder / "report.json").write_text(json.dumps(asdict(figures), indent=2) + "\n", encoding="utf-8")
    yield figures


_URL = click.Option(
    ["--database-url-file"], type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Of --population: file, readable by its owner only, with the connection string of an empty PostgreSQL.",
)  # fmt: skip
MEASURE = Measure(
    name="population", rows=_rows, options=(measures.PERSONS, measures.INSURERS, _URL), resumes=True,
    asked_by=asking("--population", "Seal and load a national population; the same --home takes a killed run up."),
)  # fmt: skip
