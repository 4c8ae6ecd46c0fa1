"""The insurer's verbs about files in clear and leaks: deliver, approver, approve-leak, match-leak (operating.md)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.store import read_secret, write_secret
from paravent.crypto.signing import Seed, SigningKey
from paravent.errors import InvalidMemberFile
from paravent.insurer import config
from paravent.insurer.leak.approval import Approval, approve, require_approvals
from paravent.insurer.leak.clues import clues_of
from paravent.insurer.leak.delivery import MARKS_MAX, drawn_marks, written
from paravent.insurer.leak.matching import ALWAYS, Matched, match
from paravent.insurer.leak.ordering import SEED_BYTES, hit_probability
from paravent.insurer.leak.sample import Sample, read_sample
from paravent.insurer.leak.store import History
from paravent.insurer.members import Member

_FILE = click.Path(path_type=Path, dir_okay=False)
_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)
_MARKS = 50
_PART = 0.01


def add_leak_verbs(group: click.Group, members_of: Callable[[Path], list[Member]]) -> None:
    """Adds the verbs; ``members_of`` reads the members published last by the insurer of a home."""

    @verb(group, "Write a file in clear for one recipient, with marks of its own, and remember that it left.")
    @click.option("--recipient", required=True, help="Who receives the file.")
    @click.option("--out", type=_FILE, required=True)
    @click.option("--guarantee", default="", help="Members of this guarantee only.")
    @click.option("--marks", type=click.IntRange(0, MARKS_MAX), default=_MARKS, show_default=True)
    @dry_run_option
    def deliver(home: Path, recipient: str, out: Path, guarantee: str, marks: int, dry_run: bool) -> Said:
        """Writes a marked file."""
        members = [member for member in members_of(home) if guarantee in {"", member.guarantee}]
        if not members:
            raise InvalidMemberFile("no member has this guarantee")
        values = {
            "recipient": recipient, "persons": len(members), "marks": marks,
            "mark_in_one_percent": round(hit_probability(marks, _PART), 4),
        }  # fmt: skip
        if dry_run:
            return Said(text=f"{len(members)} persons would leave for {recipient}; nothing did.", values=values)
        drawn = drawn_marks(members, marks, cli.rng)
        seed = cli.rng(SEED_BYTES)
        text = written(members, drawn, seed).encode()
        with History(home, cli.rng) as history:
            number = history.keep_delivery(
                recipient=recipient, guarantee=guarantee, lines=len(members) + marks,
                digest=hashlib.sha256(text).digest(), marks=drawn, seed=seed, now=cli.now(),
            )  # fmt: skip
        write_secret(out, text)
        return Said(
            text=f"delivery {number} for {recipient}: {len(members)} persons and {marks} marks in {out}, in an order of"
            f" its own; 1 % of it holds a mark with probability {hit_probability(marks, _PART):.2g}",
            values=values | {"delivery": number, "file": str(out)},
        )

    @verb(group, "List somebody who may approve leak matches, with a new key that this person alone keeps.")
    @click.argument("name")
    @click.option("--key-file", type=_FILE, required=True, help="Where to write the approver's own key.")
    def approver(home: Path, name: str, key_file: Path) -> Said:
        """Creates an approver."""
        key = SigningKey.generate(cli.rng)
        with History(home, cli.rng) as history:
            history.add_approver(name, key.public)
        write_secret(key_file, key.seed().reveal())
        return Said(text=f"{name} may approve; the key is {key_file}", values={"approver": name, "key": str(key_file)})

    @verb(group, "Approve the match of one sample for one case.")
    @click.argument("file", type=_EXISTING)
    @click.option("--case", required=True, help="Number of the case.")
    @click.option("--approver", "name", required=True)
    @click.option("--key-file", type=_EXISTING, required=True)
    @click.option("--out", type=_FILE, required=True, help="Where to write the approval.")
    def approve_leak(home: Path, file: Path, case: str, name: str, key_file: Path, out: Path) -> Said:
        """Writes an approval."""
        settings = config.load(home)
        approval = approve(
            insurer=settings.amc, case=case, sample=hashlib.sha256(file.read_bytes()).digest(), approver=name,
            key=SigningKey(Seed(read_secret(key_file, 32))),
        )  # fmt: skip
        cli.write_file(out, approval)
        return Said(text=f"approved by {name} for case {case}: {out}", values={"approval": str(out), "case": case})

    @verb(group, "Match a leaked sample: is it ours, of which dates, from which recipient. Counts, then rows.")
    @click.argument("file", type=_EXISTING)
    @click.option("--case", required=True, help="Number of the case.")
    @click.option(
        "--approval", "approvals", type=_EXISTING, multiple=True, required=True, help="Twice, of two persons."
    )
    @click.option("--rows", "with_rows", is_flag=True, help="Say which members each row names, after the counts.")
    def match_leak(home: Path, file: Path, case: str, approvals: tuple[Path, ...], with_rows: bool) -> Said:
        """Matches a sample."""
        settings, body = config.load(home), file.read_bytes()
        digest = hashlib.sha256(body).digest()
        with History(home, cli.rng) as history:
            names = require_approvals(
                [cli.read_file(path, Approval) for path in approvals], history.approvers(),
                insurer=settings.amc, case=case, sample=digest,
            )  # fmt: skip
            sample = read_sample(body)
            found = _matched(sample, history)
            # Recorded before it is shown: a match that the budget refuses tells nothing.
            number = history.keep_match(case, digest, names, found, cli.now())
        values = _values(found, sample) | {"match": number, "case": case, "approvers": list(names)}
        lines = [_summary(found, sample)]
        if with_rows:
            values["members"] = [{"row": place + 1, "members": list(members)} for place, members in found.members]
            lines += [f"row {place + 1}: {', '.join(members)}" for place, members in found.members]
        return Said(text="\n".join(lines), values=values)


def _matched(sample: Sample, history: History) -> Matched:
    rows = [history.row(place, clues_of(cells)) for place, cells in enumerate(sample.rows)]
    return match(rows, history.deliveries(), history.shares(), history.codes(), history.seeds())


def _values(found: Matched, sample: Sample) -> dict[str, object]:
    first, last = (None, None) if found.interval is None else map(_instant, found.interval)
    return {
        "verdict": found.verdict.value, "rows": found.rows, "unreadable": sample.unreadable,
        "identified": found.identified, "comparable": found.comparable, "agreeing": found.agreeing,
        "explained": found.explained, "from": first, "until": last, "chance_bits": found.chance_bits,
        "form": sample.form, "encoding": sample.encoding,
        "recipients": [
            {
                "recipient": one.delivery.recipient, "delivery": one.delivery.number,
                "at": _instant(one.delivery.at), "explained": one.explained, "marks": one.marks,
                "order_bits": one.order_bits, "false_attribution": one.false_attribution,
            }
            for one in found.suspects
        ],
    }  # fmt: skip


def _summary(found: Matched, sample: Sample) -> str:
    lines = [
        f"{found.verdict.value}: {found.rows} rows ({sample.form}, {sample.encoding}; {sample.unreadable} unreadable)",
        f"{found.identified} name a member; {found.agreeing} of {found.comparable} contracts agree with one held here",
        f"by chance: once in 2^{found.chance_bits:.0f}",
    ]
    if found.interval is not None:
        first, last = map(_instant, found.interval)
        lines.append(f"{found.explained} rows are explained by what was held from {first} until {last or 'now'}")
    lines += [
        f"{one.delivery.recipient} (delivery {one.delivery.number} of {_instant(one.delivery.at)}):"
        f" {one.explained} rows, {one.marks} of its marks; rows in its order: false with probability"
        f" {one.false_attribution:.2g} at most"
        for one in found.suspects
    ]
    return "\n".join(lines)


def _instant(instant: int) -> str | None:
    return None if instant >= ALWAYS else datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
