"""``paravent breach``: open a case, add to it, measure, compute who is affected (docs/operating.md)."""

from __future__ import annotations

from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, join_options, verb
from paravent.access.config import read_directory
from paravent.access.store import read_secret
from paravent.breach import case as cases
from paravent.breach import config, entries
from paravent.breach.alarms import read_any_alarm, take_alarm
from paravent.breach.config import TO_COMPLETE, BreachConfig
from paravent.breach.entries import AnyEvent, Category, LootKind, Origin, Private
from paravent.breach.exposure import require_countable
from paravent.breach.instants import read_instant
from paravent.breach.opening import next_case, open_case
from paravent.breach.store import Store, open_postgresql
from paravent.breach.texts import assumption
from paravent.errors import InvalidConfiguration
from paravent.wire.codec import encode
from paravent.wire.statements import Directory, Signed

_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)
_FOLDER = click.Path(path_type=Path, file_okay=False)
_CASE = click.argument("case")
_ROLE = click.option("--role", default=cases.OPERATOR, show_default=True, help="By which role it is said.")
_SUPERSEDES = click.option("--supersedes", type=int, default=None, help="Number of the entry that this one corrects.")


def instant(text: str | None) -> int | None:
    """Reads an instant of a command line (``instants.read_instant``); None when none was given."""
    return None if text is None else read_instant(text, cli.now())


def directory_of(home: Path) -> Directory:
    """Reads the directory that the breach desk joined."""
    return read_directory(home, config.load(home).directory)


def _created(home: Path, settings: BreachConfig, database_url_file: Path | None) -> Said:
    """Creates a home, and the database of its cases."""
    url = None if database_url_file is None else read_secret(database_url_file)
    if url is not None:
        # Before anything is written: a database that cannot be used leaves no home behind.
        open_postgresql(url).close()
    key = config.initialise(home, settings, cli.rng, url)
    Store(home).close()
    verifier = cases.origin_of(settings.name, key)
    return Said(text=f"{settings.name} created; its verifier key: {verifier}", values={"key": verifier})


def add_case_verbs(group: click.Group) -> None:  # noqa: C901 - one short function per verb
    """Adds the verbs of a case to a group."""

    @verb(group, "Create the key of the breach desk's log, and its configuration.")
    @click.option("--name", required=True, help="Origin of its log: breach.example.org.")
    @click.option("--operator", required=True, help="Who the processor is, as documents name it.")
    @click.option("--contact", default=TO_COMPLETE, show_default=True, help="Contact that documents give.")
    @click.option(
        "--database-url-file", type=_EXISTING, default=None,
        help="File, readable by its owner only, with the connection string of a PostgreSQL database (postgresql://...) "
        "for the cases; default: SQLite in the home.",
    )  # fmt: skip
    def init(home: Path, name: str, operator: str, contact: str, database_url_file: Path | None) -> Said:
        return _created(home, BreachConfig(name=name, operator=operator, contact=contact), database_url_file)

    @verb(group, "Join the directory of a platform: pin the key that signs it.")
    @join_options
    def join(home: Path, directory: Path, signer: str, key: str, anew: bool) -> Said:
        return cli.join(home, config.load(home), directory, cli.pin_of(signer, key), anew=anew)

    @verb(group, "Open a case, by hand or from a detector's alarm; prints its identifier.")
    @click.option(
        "--from-alarm", type=_EXISTING, default=None, help="Signed alarm (alarms --out): all else comes of it."
    )
    @click.option("--title", default=None)
    @click.option("--facts", default=None, help="What is known, in a few sentences, with no name of a person.")
    @click.option("--aware", default=None, help='2026-01-31T08:15Z, "2026-01-31 09:15" in Paris, or now.')
    @click.option("--aware-role", default=None, help="Who became aware, by role.")
    @click.option("--origin", type=click.Choice([one.value for one in Origin]), default="hand", show_default=True)
    @click.option("--began", default=None, help="When the breach began, UTC.")
    @click.option("--ended", default=None, help="When it ended, UTC.")
    @dry_run_option
    def open_command(
        home: Path, from_alarm: Path | None, title: str | None, facts: str | None, aware: str | None,
        aware_role: str | None, origin: str, began: str | None, ended: str | None, dry_run: bool,
    ) -> Said:  # fmt: skip
        if from_alarm is not None:
            return _from_alarm(home, cli.read_file(from_alarm, Signed), dry_run=dry_run)
        if title is None or facts is None or aware is None or aware_role is None:
            raise InvalidConfiguration("give --title, --facts, --aware and --aware-role, or --from-alarm")
        said = entries.Opened(
            title=title, facts=facts, origin=Origin(origin), aware_at=instant(aware) or 0, aware_role=aware_role,
            began_at=instant(began), ended_at=instant(ended),
        )  # fmt: skip
        now = cli.now()
        with Store(home) as store:
            if dry_run:
                case = next_case(store, now)
                return Said(text=f"case {case} would be opened; nothing was", values={"case": case, "opened": False})
            placed = open_case(store, said, (), now)
        case = placed.entry.case
        return Said(
            text=f"case {case} opened, entry {placed.position} of the log",
            values={"case": case, "incident": case, "opened": True, "position": placed.position},
        )

    @verb(group, "Add a fact, a measure, a cause; keep a ransom demand or a threat as evidence.")
    @_CASE
    @click.option("--category", type=click.Choice([one.value for one in Category]), default="fact")
    @click.option("--text", required=True)
    @_ROLE
    @_SUPERSEDES
    def note(home: Path, case: str, category: str, text: str, role: str, supersedes: int | None) -> Said:
        return added(home, case, entries.Noted(category=Category(category), text=text), role, supersedes)

    @verb(group, "Add a person by role; the name stands outside the log, and can be erased.")
    @_CASE
    @click.option("--person-role", required=True, help="DPO, investigator, counsel...")
    @click.option("--who", required=True, help="Name and contact; never in the log.")
    def person(home: Path, case: str, person_role: str, who: str) -> Said:
        with Store(home) as store:
            store.entries(case)
            commitment = store.keep_private(Private.of(who, cli.rng))
        return added(home, case, entries.Involved(role=person_role, commitment=commitment), person_role, None)

    @verb(group, "Say what was stolen or seized.")
    @_CASE
    @click.argument("kind", type=click.Choice([one.value for one in LootKind]))
    @click.option("--insurer", default=None, help="AMC number, when it is of one insurer.")
    @click.option("--epoch", type=int, default=None)
    @click.option("--server", default=None, help="Name of a key server.")
    @click.option("--device", "keyid", default=None, help="Identifier of a device.")
    @click.option("--professional", default=None, help="Whose every device it may be, when which one is unknown.")
    @click.option("--from", "began", default=None, help="From when it was misused, UTC.")
    @click.option("--to", "ended", default=None, help="Until when, UTC.")
    @click.option("--sha256", default=None, help="Of a clear-text file.")
    @_SUPERSEDES
    def stolen(
        home: Path, case: str, kind: str, insurer: str | None, epoch: int | None, server: str | None,
        keyid: str | None, professional: str | None, began: str | None, ended: str | None, sha256: str | None,
        supersedes: int | None,
    ) -> Said:  # fmt: skip
        whose = None if professional is None else Private.of(professional, cli.rng)
        said = entries.Stolen(
            kind=LootKind(kind), insurer=insurer, epoch=epoch, server=server, keyid=keyid,
            professional=None if whose is None else whose.commitment, from_at=instant(began), to_at=instant(ended),
            sha256=None if sha256 is None else digest(sha256),
        )  # fmt: skip
        require_countable(said)
        if whose is not None:
            with Store(home) as store:
                store.keep_private(whose)
        return added(home, case, said, cases.OPERATOR, supersedes)

    @verb(group, "Verify a file and count from it: an exported log, the hub's counts, an insurer's answer or leak.")
    @_CASE
    @click.option(
        "--log", "logs", type=_EXISTING, multiple=True, help="Leaves; the checkpoint stands beside, in .json."
    )
    @click.option("--counts", type=_EXISTING, multiple=True, help="What the hub holds (hub counts).")
    @click.option("--answer", "answers", type=_EXISTING, multiple=True, help="Labels an insurer opened.")
    @click.option("--leak", "leaks", type=_EXISTING, multiple=True, help="What an insurer says of its leaked file.")
    @click.option("--done", type=_EXISTING, multiple=True, help="What an insurer did at a request (insurer execute).")
    def measure(
        home: Path, case: str, logs: tuple[Path, ...], counts: tuple[Path, ...], answers: tuple[Path, ...],
        leaks: tuple[Path, ...], done: tuple[Path, ...],
    ) -> Said:  # fmt: skip
        known, now = directory_of(home), cli.now()
        files = [("log", path.with_suffix(".json").read_bytes().strip() + b"\n" + path.read_bytes()) for path in logs]
        for kind, paths in (("counts", counts), ("answer", answers), ("leak", leaks), ("done", done)):
            files += [(kind, path.read_bytes()) for path in paths]
        with Store(home) as store:
            kept = [cases.keep_measure(store, case, kind, content, known, now) for kind, content in files]
        lines = [f"entry {one.position}: {getattr(one.entry.said, 'summary', '')}" for one in kept]
        return Said(text="\n".join(lines) or "nothing to measure", values={"entries": [one.position for one in kept]})

    @verb(group, "Write, for each insurer, the leaves of the stolen devices that it is asked to open.")
    @_CASE
    @click.option("--out", type=_FOLDER, required=True)
    def ask(home: Path, case: str, out: Path) -> Said:
        out.mkdir(parents=True, exist_ok=True)
        with Store(home) as store:
            asked = cases.questions(store, case, directory_of(home), cli.now())
        for question in asked:
            (out / f"{case}-{question.insurer}-asked.json").write_bytes(encode(question) + b"\n")
        counts = {question.insurer: len(question.leaves) for question in asked}
        return Said(text="\n".join(f"{amc}: {count} leaves" for amc, count in counts.items()), values={"asked": counts})

    @verb(group, "Compute, insurer by insurer, how many persons are affected; list their labels with --labels.")
    @_CASE
    @click.option("--labels", type=_FOLDER, default=None, help="Folder for the lists of labels, one file an insurer.")
    def affected(home: Path, case: str, labels: Path | None) -> Said:
        with Store(home) as store:
            found = cases.compute(store, case, directory_of(home), config.load(home).quotas, cli.now())
        if labels is not None:
            labels.mkdir(parents=True, exist_ok=True)
            for exposure, _ in found:
                text = "".join(f"{label.hex()}\n" for label in exposure.labels)
                (labels / f"{case}-{exposure.insurer}-labels.txt").write_text(text)
        lines = [f"{one.insurer}: proved {one.proved}, estimate {one.estimate}, upper {one.upper}" for one, _ in found]
        rows = [
            {
                "insurer": one.insurer, "proved": one.proved, "estimate": one.estimate, "upper": one.upper,
                "assumption": {
                    name: assumption(code)
                    for name, code in zip(("proved", "estimate", "upper"), one.assumptions, strict=True)
                },
                "membership_upper": one.membership_upper, "claims_upper": one.claims_upper, "entry": placed.position,
            }
            for one, placed in found
        ]  # fmt: skip
        return Said(text="\n".join(lines), values={"case": case, "insurers": rows})


def _from_alarm(home: Path, signed: Signed, *, dry_run: bool) -> Said:
    """Verifies an alarm, and opens the case of its subject or adds to it."""
    alarm = read_any_alarm(signed, directory_of(home))
    if dry_run:
        return Said(
            text=f"alarm {alarm.number} of {alarm.verifier} verifies; nothing was opened", values={"opened": False}
        )
    with Store(home) as store:
        case, new = take_alarm(store, signed, alarm, cli.now(), cli.rng)
    text = f"case {case} {'opened' if new else 'has it already open: added'}, alarm {alarm.number} of {alarm.verifier}"
    return Said(text=text, values={"case": case, "incident": case, "opened": new})


def added(home: Path, case: str, said: AnyEvent, role: str, supersedes: int | None = None) -> Said:
    """Adds an entry to a case, and says where it stands."""
    with Store(home) as store:
        placed = store.add(case, said, role=role, now=cli.now(), supersedes=supersedes)
    text = f"case {case}: entry {placed.entry.number}, position {placed.position} of the log"
    return Said(text=text, values={"case": case, "number": placed.entry.number, "position": placed.position})


def digest(text: str) -> bytes:
    """Reads a SHA-256; raises InvalidConfiguration."""
    try:
        read = bytes.fromhex(text)
    except ValueError:
        read = b""
    if len(read) != 32:
        raise InvalidConfiguration("a SHA-256 is 64 hexadecimal characters")
    return read
