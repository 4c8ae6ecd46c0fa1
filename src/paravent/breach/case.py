"""A case as it stands: what is still held true, and what was measured for it (docs/protocol.md section 16).

Every computation starts again from the files that are kept as evidence, each verified again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from paravent.access.doctor.rules_store import shipped_rules
from paravent.access.quotas import QuotaLimits
from paravent.breach import entries
from paravent.breach.entries import Computed, Placed, Safeguards, Stolen, Unsealed
from paravent.breach.exposure import Exposure, exposures, is_of
from paravent.breach.log import origin_key
from paravent.breach.log_check import check_log, require_cosigned
from paravent.breach.measured import Measured
from paravent.breach.registers.measures import Answer, Measure
from paravent.breach.safeguards import began_on, day_of, read_statement, statement
from paravent.breach.standing import opened, standing
from paravent.breach.store import Store
from paravent.breach.unsealing import Unsealed as UnsealedLeaf
from paravent.crypto.signing import SigningKey
from paravent.crypto.timestamp import Authority
from paravent.errors import InvalidConfiguration
from paravent.wire.case import CASE_BYTES_MAX, LeafPlace, OpeningsAsked
from paravent.wire.codec import decode, encode
from paravent.wire.log import LogExport, LogLine
from paravent.wire.statements import Directory, Signed

OPERATOR = "operator"


def keep_measure(store: Store, case: str, kind: str, content: bytes, directory: Directory, now: int) -> Placed:
    """Verifies a file against what the case holds already, and keeps it as evidence; raises ProofFailure."""
    measured = measure(store, case, directory, now)
    source, summary = take(measured, kind, content, case, directory, now)
    said = entries.Measured(kind=kind, source=source, sha256=store.keep_file(content), summary=summary)
    return store.add(case, said, role=OPERATOR, now=now)


def measure(store: Store, case: str, directory: Directory, now: int) -> Measured:
    """Reads again every file that was measured for a case."""
    measured = Measured()
    for placed in standing(store.entries(case)):
        match placed.entry.said:
            case entries.Measured(kind=kind, sha256=sha256):
                take(measured, kind, store.file(sha256), case, directory, now)
            case Stolen(professional=bytes(commitment)):
                measured.professionals[commitment] = _professional(store, commitment)
            case entries.Switched(sha256=sha256):
                measured.requests.add(sha256)
            case Unsealed(sha256=sha256):
                measured.openings += read_openings(store.file(sha256))
            case _:
                pass
    return measured


def _professional(store: Store, commitment: bytes) -> str:
    known = store.private(commitment)
    if known is None:
        raise InvalidConfiguration("whose devices were stolen was erased here: the exposure cannot be computed again")
    return known


def take(
    measured: Measured, kind: str, content: bytes, case: str, directory: Directory, now: int,
    authority: Authority | None = None,
) -> tuple[str, str]:  # fmt: skip
    """Verifies one file and takes what it says; returns its source and one line about it."""
    if kind == "log":
        export, lines = read_log(content)
        checked = require_cosigned(check_log(lines, export, directory, authority, now))
        measured.take_log(lines)
        lines_said = counted(checked.size, "ligne")
        return checked.server, f"{lines_said}, journal contresigné par {', '.join(checked.cosigners)}"
    signed = decode(content, Signed, bytes_max=CASE_BYTES_MAX)
    match kind:
        case "counts":
            counts = measured.take_counts(signed, directory)
            return directory.hub.name, counted(len(counts.insurers), "organisme")
        case "answer":
            answer = measured.take_answer(signed, case, directory)
            opened_lines, insured = counted(len(answer.leaves), "ligne"), counted(answer.persons, "assuré")
            return answer.insurer, f"{opened_lines} du journal, {insured} en tout"
        case "leak":
            leak = measured.take_leak(signed, case, directory)
            return leak.insurer, f"{counted(leak.rows, 'ligne')}, {counted(leak.persons, 'assuré')} en tout"
        case "done":
            done = measured.take_done(signed, case, directory)
            return done.insurer, f"période {done.epoch}, droits de {counted(done.revoked, 'assuré')} révoqués"
        case _:
            raise InvalidConfiguration("what is measured is a log, counts, an answer, a leak or what was done")


def counted(count: int, noun: str) -> str:
    """Writes a count with its French noun: the plural starts at two."""
    return f"{count} {noun}{'s' if count > 1 else ''}"


def read_log(content: bytes) -> tuple[LogExport, list[LogLine]]:
    """Reads the evidence of a log: the export on the first line, then a leaf a line; raises MalformedMessage."""
    first, *rest = content.splitlines() or [b""]
    return decode(first, LogExport, bytes_max=CASE_BYTES_MAX), [decode(line, LogLine) for line in rest]


def keep_openings(
    store: Store, case: str, opened_leaves: Iterable[UnsealedLeaf], window: tuple[int, int],
    custodians: tuple[str, str], now: int,
) -> Placed:  # fmt: skip
    """Keeps what two custodians opened, and records that they did."""
    rows = sorted(opened_leaves, key=lambda one: (one.server, one.index))
    content = b"".join(encode(row) + b"\n" for row in rows)
    return store.add(
        case,
        Unsealed(
            first_hour=window[0], last_hour=window[1], custodians=custodians, openings=len(rows),
            sha256=store.keep_file(content),
        ),
        role="custodians", now=now,
    )  # fmt: skip


def read_openings(content: bytes) -> list[UnsealedLeaf]:
    """Reads the list that ``keep_openings`` kept."""
    return [decode(line, UnsealedLeaf) for line in content.splitlines()]


def keep_safeguards(
    store: Store, case: str, known: Sequence[Measure], answers: Sequence[Answer], now: int
) -> Placed | None:  # fmt: skip
    """Records what the register says of before the incident and of now; None while nobody has answered anything.

    What says the same as the entry that stands is not recorded again; the day on which it is said does not matter.
    """
    if not answers:
        return None
    placed = standing(store.entries(case))
    start = opened(placed).entry.said
    assert isinstance(start, entries.Opened)  # noqa: S101 - ``opened`` returns the entry that opened the case
    before, day = began_on(start), day_of(now)
    age = shipped_rules().limits.answer_age_days_max
    content = statement(known, answers, before=before, day=day, age_days_max=age)
    former = next((each for each in reversed(placed) if isinstance(each.entry.said, Safeguards)), None)
    if former is not None and isinstance(former.entry.said, Safeguards):
        kept = former.entry.said
        if kept.before == before and read_statement(store.file(kept.sha256)) == read_statement(content):
            return former
    said = Safeguards(before=before, day=day, sha256=store.keep_file(content))
    return store.add(case, said, role=OPERATOR, now=now, supersedes=None if former is None else former.entry.number)


def questions(store: Store, case: str, directory: Directory, now: int) -> list[OpeningsAsked]:
    """Lists, for each insurer, the leaves of the stolen devices: it is asked to open their labels."""
    measured, places = measure(store, case, directory, now), defaultdict[str, set[tuple[str, int]]](set)
    loots = [each.entry.said for each in standing(store.entries(case)) if isinstance(each.entry.said, Stolen)]
    for opening in measured.openings:
        if any(is_of(loot, opening, measured.professionals) for loot in loots):
            places[opening.insurer].add((opening.server, opening.index))
    return [
        OpeningsAsked(
            case=case, insurer=insurer,
            leaves=tuple(LeafPlace(server=server, index=index) for server, index in sorted(found)),
        )
        for insurer, found in sorted(places.items())
    ]  # fmt: skip


def compute(
    store: Store, case: str, directory: Directory, limits: QuotaLimits, now: int
) -> list[tuple[Exposure, Placed]]:  # fmt: skip
    """Computes the exposure of every insurer and records it; a computation that says the same is not repeated."""
    placed = standing(store.entries(case))
    measured = measure(store, case, directory, now)
    stolen = [each for each in placed if isinstance(each.entry.said, Stolen)]
    evidence = (Stolen, entries.Measured, Unsealed)
    inputs = tuple(each.position for each in placed if isinstance(each.entry.said, evidence))
    before = {each.entry.said.insurer: each for each in placed if isinstance(each.entry.said, Computed)}
    found = []
    for exposure in exposures(stolen, measured, [entry.amc for entry in directory.insurers], limits):
        said = _computed(store, exposure, inputs)
        former = before.get(exposure.insurer)
        if former is None or former.entry.said != said:
            number = None if former is None else former.entry.number
            former = store.add(case, said, role=OPERATOR, now=now, supersedes=number)
        found.append((exposure, former))
    return found


def _computed(store: Store, exposure: Exposure, inputs: tuple[int, ...]) -> Computed:
    labels = b"".join(label.hex().encode() + b"\n" for label in exposure.labels)
    return Computed(
        insurer=exposure.insurer, proved=exposure.proved, estimate=exposure.estimate, upper=exposure.upper,
        membership_upper=exposure.membership_upper, claims_upper=exposure.claims_upper,
        assumptions=exposure.assumptions, labels_sha256=store.keep_file(labels), inputs=inputs,
    )  # fmt: skip


def origin_of(name: str, key: SigningKey) -> str:
    """Writes the verifier key of a breach desk's log: what a reader of its dossiers pins."""
    return origin_key(name, key).encode()
