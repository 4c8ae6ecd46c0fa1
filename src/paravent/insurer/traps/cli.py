"""The insurer's verbs about trap persons: draw-traps, traps, trap-drill (docs/operating.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.devices import date_text
from paravent.access.store import write_secret
from paravent.errors import BadInput, InvalidMemberFile
from paravent.insurer import config
from paravent.insurer.members import Member
from paravent.insurer.store import Store
from paravent.insurer.traps.draw import Drawn, draw
from paravent.insurer.traps.false_alarms import Typing, read_typing
from paravent.insurer.traps.store import TrapState, TrapStore
from paravent.insurer.traps.watch import FALSE_ALARMS_A_YEAR_MAX

TRAPS_MAX = 10_000
DRILL_HOURS_MAX = 24
_HOUR_SECONDS = 3_600
_TYPING = Path(__file__).parents[1] / "data" / "typing.toml"
_FILE = click.Path(path_type=Path, dir_okay=False)


def add_trap_verbs(group: click.Group, lines_of: Callable[[Path], Callable[[], Iterator[Member]]]) -> None:
    """Adds the verbs; ``lines_of`` reads the lines published last by the insurer of a home, however often."""

    @verb(group, "Draw trap persons (leurres), of nobody, published from the next epoch on: opening one alarms.")
    @click.option("--persons", type=click.IntRange(1, TRAPS_MAX), required=True, help="How many at least.")
    @dry_run_option
    def draw_traps(home: Path, persons: int, dry_run: bool) -> Said:
        """Draws traps."""
        config.load(home)
        drawn = draw(lines_of(home), persons, _typing(), cli.rng)
        if drawn.false_alarms_a_year > FALSE_ALARMS_A_YEAR_MAX:
            raise InvalidMemberFile(
                f"{len(drawn.traps)} traps would give {drawn.false_alarms_a_year:.2g} false alarms a year: draw fewer"
            )
        if not dry_run:
            traps = TrapStore(home)
            with traps.commit():
                traps.add(drawn.traps, cli.now())
            traps.close()
        return _said(drawn, kept=not dry_run)

    @verb(group, "List the traps by number; one that never fired in a drill is untested.")
    def traps(home: Path) -> Said:
        """Lists traps."""
        config.load(home)
        with Store(home) as store:
            states = [] if store.traps is None else store.traps.states()
        untested = [one.member for one in states if not one.tested and one.ended_at is None]
        lines = [_line(one) for one in states]
        return Said(
            text="\n".join([*lines, f"{len(states)} traps, {len(untested)} untested"]),
            values={"traps": [_row(one) for one in states], "untested": untested},
        )

    @verb(group, "Announce that a shop opens a trap in a drill, and write whom it has to look up.")
    @click.argument("trap")
    @click.option("--shop", required=True, help="The shop whose desk looks the trap up.")
    @click.option("--hours", type=click.IntRange(1, DRILL_HOURS_MAX), default=1, show_default=True)
    @click.option("--out", type=_FILE, required=True, help="Where to write the body of the desk's check, as JSON.")
    @dry_run_option
    def trap_drill(home: Path, trap: str, shop: str, hours: int, out: Path, dry_run: bool) -> Said:
        """Announces a drill."""
        settings = config.load(home)
        with Store(home) as store:
            if store.traps is None:
                raise BadInput("no trap was ever drawn here")
            found = next((one.member for one in store.traps.live().live if one.member.member_id == trap), None)
            if found is None:
                raise BadInput("no published trap has this number: see traps")
            hour = cli.now() // _HOUR_SECONDS
            if not dry_run:
                write_secret(out, msgspec.json.encode(_particulars(settings.amc, found)))
                with store.traps.commit():
                    store.traps.announce_drill(trap, shop, hour, hour + hours)
        text = f"a desk of {shop} looks up {out} within {hours} h: the alarm that follows is a drill's"
        return Said(text=text, values={"trap": trap, "shop": shop, "file": str(out), "announced": not dry_run})


def _typing() -> Typing:
    return read_typing(_TYPING.read_bytes())


def _particulars(amc: str, trap: Member) -> dict[str, object]:
    """What the desk of a drill is told of its customer: the body of ``POST /v1/checks/number``."""
    identity = trap.identities[0]
    return {
        "insurer": amc, "nir": identity.nir.thirteen + identity.nir.key, "birth_date": str(identity.birth_date),
        "rank": identity.rank, "name": trap.printed_name,
    }  # fmt: skip


def _said(drawn: Drawn, *, kept: bool) -> Said:
    text = (
        f"{len(drawn.traps)} traps {'drawn' if kept else 'would be drawn'}, each {drawn.slips_min} slips or more away"
        f" from every number of {drawn.persons} lines, {drawn.too_near} set aside as too near;"
        f" probability that one is a real person's number: {drawn.real_probability:g} (no register has its commune);"
        f" false alarms expected a year: at most {drawn.false_alarms_a_year:.2g}"
    )
    after = (
        "\nthey wait for the next epoch (rotate), as rows added to a live one would stand out; untested until"
        " trap-drill has made each fire"
    ) * kept
    return Said(text=text + after, values={
        "traps": len(drawn.traps), "lines": drawn.persons, "too_near": drawn.too_near, "slips_min": drawn.slips_min,
        "real_person_probability": drawn.real_probability,
        "false_alarms_a_year": float(f"{drawn.false_alarms_a_year:.3g}"), "drawn": kept,
    })  # fmt: skip


def _line(one: TrapState) -> str:
    tested = f"tested {_hour(one.drilled_hour)}" if one.drilled_hour is not None else "UNTESTED"
    fired = "" if one.fired_hour is None else f", OPENED {_hour(one.fired_hour)}"
    waits = ", waits for the next epoch" * (one.published_at is None)
    ended = "" if one.ended_at is None else f", ended {date_text(one.ended_at)}"
    return f"{one.member}: {tested}{fired}{waits}{ended}"


def _row(one: TrapState) -> dict[str, object]:
    return {
        "trap": one.member, "drawn_at": one.drawn_at, "published_at": one.published_at, "ended_at": one.ended_at,
        "tested": one.tested, "drilled_hour": one.drilled_hour, "fired_hour": one.fired_hour,
    }  # fmt: skip


def _hour(hour: int) -> str:
    return datetime.fromtimestamp(hour * _HOUR_SECONDS, UTC).strftime("%Y-%m-%d %H h UTC")
