"""The documents say what the code does: labels, errors, limits, messages, routes, worked values, citations, links.

The operator's page names every verb, setting, error and log event; the threat model has the sentences of every store.

Each check is a function that lists faults in a text; each is shown to find some in an altered copy.
"""

from __future__ import annotations

import importlib
import itertools
import json
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from paravent import errors
from paravent.access.alarms import AlarmPolicy
from paravent.access.devices import Device
from paravent.access.openid_config import OpenIdConfig
from paravent.access.quotas import QuotaLimits
from paravent.crypto import entitlement, group, oprf, sealing
from paravent.crypto.dleq import verify_proof
from paravent.crypto.labels import Label
from paravent.crypto.replicated import OpeningKey, opening_value, server_sets
from paravent.crypto.sharing import combine, public_share
from paravent.crypto.signing import VerifyKey
from paravent.desk.config import DeskConfig
from paravent.errors import ParaventError
from paravent.hub.config import HubConfig, StoreConfig
from paravent.insurer.config import InsurerConfig
from paravent.keyserver.config import KeyServerConfig
from paravent.optics.claim_states import diagram
from paravent.optics.guarantee import Guarantee, GuaranteeTables
from paravent.person.bindings import holder_value, lookup_input, verify_binding
from paravent.person.identity import BirthDate, Holder, NormalisedName, PersonIdentity
from paravent.person.nir import Nir
from paravent.wire import alarm, enrolment, suspension
from paravent.wire.codec import Message

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "paravent"
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
# What these packages limit is not the protocol's: they play or measure the platform.
PLAYERS = {"bench", "demo", "drill"}


# --- reading Markdown ----------------------------------------------------------------------------


def tables(text: str, *header: str) -> list[list[list[str]]]:
    """Lists the rows of every table whose header begins with these cells."""
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        rows = [[cell.strip() for cell in line.strip()[1:-1].split("|")] for line in block.splitlines()]
        if rows[0][: len(header)] == list(header):
            found.append(rows[2:])
    return found


def headings(text: str) -> dict[str, str]:
    """Lists the numbered headings, by number."""
    return dict(re.findall(r"^#{2,3} (\d{1,2}(?:\.\d{1,2})?)\.? (.+)$", text, re.MULTILINE))


# --- labels --------------------------------------------------------------------------------------


def label_faults(text: str) -> list[str]:
    """Compares the table of labels with the code: values, names and order."""
    rows = [row for table in tables(text, "label", "name in the code") for row in table]
    written = [(row[1].strip("`"), row[0].strip("`")) for row in rows]
    return _differences(written, [(label.name, label.value.decode()) for label in Label])


def _differences(written: Sequence[object], real: Sequence[object]) -> list[str]:
    return [
        f"written {left}, in the code {right}" for left, right in itertools.zip_longest(written, real) if left != right
    ]


# --- errors --------------------------------------------------------------------------------------


def error_faults(text: str) -> list[str]:
    """Compares the table of errors with the tree: code, branch, status, retry and order."""
    rows = [row for table in tables(text, "code", "branch") for row in table]
    written = [(row[0].strip("`"), row[1], row[2], row[3]) for row in rows]
    real = [(kind.code, _branch(kind), str(kind.status), kind.retry.value) for kind in _tree(ParaventError)]
    return _differences(written, real)


def _tree(kind: type[ParaventError]) -> Iterator[type[ParaventError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


def _branch(kind: type[ParaventError]) -> str:
    branches: dict[type[ParaventError], str] = {
        errors.BadInput: "bad input", errors.RightRefused: "refusal of a right", errors.Refusal: "refusal",
        errors.TechnicalFailure: "technical failure",
    }  # fmt: skip
    return next((name for branch, name in branches.items() if issubclass(kind, branch)), "base")


# --- limits --------------------------------------------------------------------------------------


def limit_faults(text: str) -> list[str]:
    """Compares each limit written with the code, and looks for limits of the code that are not written."""
    written = {row[0].strip("`"): row[1] for table in tables(text, "limit", "value") for row in table}
    wrong = [
        f"{name} is written {value}, in the code {_limit(name)}"
        for name, value in written.items()
        if _limit(name) != int(value.replace(",", ""))
    ]
    return wrong + [f"{name} is not in the table" for name in sorted(_limits_of_code() - written.keys())]


def _limit(name: str) -> object:
    """Finds a constant of a module, or the default of a setting; None when there is none."""
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        path = SOURCE.joinpath(*parts[:end])
        if path.with_suffix(".py").is_file():
            module = importlib.import_module(".".join(["paravent", *parts[:end]]))
            return _attribute(module, parts[end:])
    return None


def _attribute(module: types.ModuleType, names: Sequence[str]) -> object:
    found: Any = getattr(module, names[0], None)
    if len(names) == 1 or found is None:
        return found
    return next((field.default for field in msgspec.structs.fields(found) if field.name == names[1]), None)


def _limits_of_code() -> set[str]:
    """Lists every public constant and every setting that is named as a bound."""
    names = set()
    for path in SOURCE.rglob("*.py"):
        module = path.relative_to(SOURCE).with_suffix("").parts
        if module[0] in PLAYERS:
            continue
        owner = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            if found := re.match(r"class (\w+)", line):
                owner = found[1]
            elif found := re.match(r"([A-Z]\w*_(?:MAX|MIN))\b.*=", line):
                names.add(".".join([*module, found[1]]))
            elif found := re.match(r"    (\w+_(?:max|min)): Natural = ", line):
                names.add(".".join([*module, owner, found[1]]))
    return names


# --- messages and routes -------------------------------------------------------------------------


def message_faults(text: str) -> list[str]:
    """Compares the fields of every message with its table: names, order, and what may be null."""
    written: dict[str, list[tuple[str, bool]]] = {}
    current: list[tuple[str, bool]] = []
    for row in (row for table in tables(text, "message", "field") for row in table):
        if name := re.match(r"`(\w+)`", row[0]):
            current = written.setdefault(name[1], [])
        kinds = row[2].split(", ")
        current += [(field, kinds[place].endswith("?")) for place, field in enumerate(re.findall(r"`(\w+)`", row[1]))]
    return [
        f"{name}: written {written.get(name)}, in the code {real}"
        for name, real in _messages().items()
        if written.get(name) != real
    ] + [f"{name} is not a message of the code" for name in written.keys() - _messages().keys()]


def _messages() -> dict[str, list[tuple[str, bool]]]:
    kinds: list[type[msgspec.Struct]] = [Device, Guarantee, GuaranteeTables]
    for path in sorted((SOURCE / "wire").glob("*.py")):
        module = importlib.import_module(f"paravent.wire.{path.stem}")
        kinds += [
            kind for kind in vars(module).values()
            if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__module__ == module.__name__
        ]  # fmt: skip
    kinds.remove(Message)
    return {kind.__name__: [_field(field) for field in msgspec.structs.fields(kind)] for kind in kinds}


def _field(field: msgspec.structs.FieldInfo) -> tuple[str, bool]:
    return field.name, type(None) in typing.get_args(field.type)


def route_faults(text: str) -> list[str]:
    """Compares the table of routes with the applications, and the messages it names with those of the code."""
    rows = [row for table in tables(text, "party", "route") for row in table]
    written = {
        (party, row[1].strip("`")) for row in rows for party in row[0].replace("key server", "keyserver").split(", ")
    }
    apps = {
        party: "".join(file.read_text(encoding="utf-8") for file in sorted((SOURCE / party).glob("*app.py")))
        for party in ("keyserver", "hub", "insurer")
    }
    shared = "".join(
        (SOURCE / "access" / f"{name}_app.py").read_text(encoding="utf-8")
        for name in ("alarm", "enrolment", "log_memory", "quota", "suspension")
    )
    verifiers = {
        party
        for party, app in apps.items()
        if all(f"{route}(" in app for route in ("alarm_route", "enrolment_routes", "quota_route", "suspension_route"))
    }
    served = {party: app + shared * (party in verifiers) for party, app in apps.items()}
    real = {(party, route) for party, app in served.items() for route in _routes(app)}
    known = _messages().keys() | set(re.findall(r"^class (\w+)\(Message", "\n".join(apps.values()), re.MULTILINE))
    named = {name for row in rows for cell in row[3:5] for name in re.findall(r"`([A-Z]\w+)`", cell)}
    return [f"{route} is not both written and served" for route in sorted(real ^ written)] + sorted(named - known)


_NAMED = (alarm, enrolment, suspension)


def _routes(app: str) -> Iterator[str]:
    """Lists the routes of an application's source: an address is a literal, or a constant of the wire."""
    form = r'Route\((?:"([^"]+)"|([A-Z_]+)), [\w.]+, methods=\["([A-Z]+)"\]\)'
    for literal, constant, method in re.findall(form, app):
        yield f"{method} {literal or next(vars(one)[constant] for one in _NAMED if hasattr(one, constant))}"


def example_faults(text: str) -> list[str]:
    """Checks that every JSON object of the examples has the fields of a message, in order."""
    known = {tuple(name for name, _ in fields) for fields in _messages().values()}
    return [
        f"an example has the fields {', '.join(found)}"
        for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)
        for found in map(tuple, _objects(block))
        if found not in known
    ]


def _objects(block: str) -> Iterator[Mapping[str, object]]:
    decoder, rest = json.JSONDecoder(), block.strip()
    while rest:
        found, end = decoder.raw_decode(rest)
        yield found
        rest = rest[end:].strip()


def diagram_faults(text: str) -> list[str]:
    """Compares the diagram of states with the one drawn from the table of transitions."""
    drawn = [block for block in re.findall(r"```mermaid\n(.*?)```", text, re.DOTALL) if "state right {" in block]
    return [] if drawn == [diagram()] else ["the diagram of section 11 is not the one that the table gives"]


# --- worked values -------------------------------------------------------------------------------


def worked_faults(text: str) -> list[str]:
    """Recomputes the worked values from the secrets printed; lists those that differ."""
    block = re.search(r"## Worked values.*?```text\n(.*?)```", text, re.DOTALL)
    assert block is not None
    lines = re.sub(r"\n +", "", block[1]).splitlines()
    values = {name.strip(): value.strip() for name, value in (line.split("=") for line in lines)}
    try:
        real = _recomputed(values)
    except ParaventError as error:
        return [f"{error.code}: {error}"]
    return [f"{name}: written {values[name]}, computed {found.hex()}" for name, found in real.items()
            if values[name] != found.hex()]  # fmt: skip


def _recomputed(values: Mapping[str, str]) -> dict[str, bytes]:
    """Goes through a check: shares, evaluation, handle, opening values, row, entitlement, holder."""
    raw = {name: bytes.fromhex(value) for name, value in values.items() if re.fullmatch(r"(?:[0-9a-f]{2}){16,}", value)}
    amc, epoch, batch = values["amc"], int(values["epoch"]), int(values["batch"])
    person = PersonIdentity(
        name=NormalisedName(values["name"]), birth_date=BirthDate(values["birth_date"]),
        nir=Nir.from_thirteen(values["nir"]), rank=int(values["rank"]),
    )  # fmt: skip
    key, factor = group.decode_scalar(raw["A"]), group.decode_scalar(raw["r"])
    shares = {index: group.decode_scalar(raw[f"s_{index}"]) for index in (1, 2, 3)}
    commitments = [group.decode_element(raw["C_0"]), group.decode_element(raw["C_1"])]
    x = lookup_input(amc, epoch, person)
    blinded = group.multiply(factor, oprf.hash_input(x))
    evaluated = {index: group.multiply(shares[index], blinded) for index in (1, 2)}
    for index, element in evaluated.items():
        public = public_share(index, commitments)
        verify_proof(raw[f"proof_{index}"], public, [blinded], [element], culprit=f"server {index}")
    output = oprf.finalize(x, factor, combine(evaluated, 2, 3))
    assert output == oprf.evaluate(x, key)
    handle_key = sealing.handle_key(output, amc, epoch)
    handle = sealing.handle_of(amc, epoch, handle_key.public)
    label = sealing.open_label(amc, epoch, batch, handle)
    opening = b"".join(opening_value(OpeningKey(raw[f"K_{members[0]}"]), label) for members in server_sets(2, 3))
    row = sealing.seal_row(
        insurer=amc, epoch=epoch, batch=batch, handle=handle, output=output, opening=opening, entitlement=raw["E"],
        desk_part=raw["D"], rho=raw["rho"],
    )  # fmt: skip
    part = entitlement.verify_entitlement(raw["E"], {amc: VerifyKey(raw["issuer_key"])})
    desk = entitlement.verify_desk_part(part, raw["D"])
    verify_binding(desk, label, amc)
    assert holder_value(desk.salt, Holder(name=person.name, birth_date=person.birth_date)) == desk.holder
    assert part.guarantee == values["guarantee"]
    return {
        "C_0": group.multiply_base(key), "x": x, "blinded": blinded,
        **{f"evaluated_{index}": element for index, element in evaluated.items()},
        **{f"s_{index}": _share(raw, index).reveal() for index in (2, 3)},
        "a": output.reveal(), "pk_a": handle_key.public, "h": handle, "L": label, "F": opening,
        "stored": row.stored, "row_digest": row.digest(),
    }  # fmt: skip


def _share(raw: Mapping[str, bytes], index: int) -> group.Scalar:
    """Computes a share from A and the first one: the line through both, at ``index``."""
    key, first = group.decode_scalar(raw["A"]), group.decode_scalar(raw["s_1"])
    slope = group.scalar_difference(first, key)
    return group.scalar_sum(key, group.scalar_product(slope, group.small_scalar(index)))


# --- citations, links, words ---------------------------------------------------------------------

_TOKENS = r"((?:[ ,]|docs/protocol\.md|sections?|steps?|and|to|\d+(?:\.\d+)?)+)"
_CITATIONS = (rf"protocol\.md{_TOKENS}", rf"\((?:sections?|steps?) {_TOKENS}\)", r"^\s*# (\d+\.\d+) ")


def cited(text: str) -> set[str]:
    """Lists the numbers of sections and steps that a text of the code cites, ranges spelt out."""
    found = set()
    for citation in itertools.chain.from_iterable(re.findall(form, text, re.MULTILINE) for form in _CITATIONS):
        found |= set(re.findall(r"\d+(?:\.\d+)?", citation))
        for first, last in re.findall(r"\b(\d+) to (\d+)\b", citation):
            found |= {str(number) for number in range(int(first), int(last) + 1)}
    return found


def citation_faults(text: str) -> list[str]:
    """Looks for sections that the code or the document itself cites and that are not headings."""
    known = headings(text).keys()
    faults = [f"section {number} is not a heading" for number in map(str, range(1, 16)) if number not in known]
    for path in [*SOURCE.rglob("*.py"), *SOURCE.rglob("*.toml"), *(ROOT / "vectors").glob("*.py")]:
        faults += [f"{path.name} cites {n}" for n in sorted(cited(path.read_text(encoding="utf-8")) - known)]
    prose = re.sub(r"```.*?```|RFC \d+ section [\d.]+", "", text, flags=re.DOTALL)
    own = set(re.findall(r"(?<![\d./])(\d{1,2}\.\d{1,2})(?!\d|\.\d)", prose))
    return faults + [f"the document cites {number}" for number in sorted(own - known)]


def link_faults(pages: Mapping[Path, str]) -> list[str]:
    """Looks for relative links that lead nowhere: a missing file, or a missing heading of a page."""
    faults = []
    for page, text in pages.items():
        for link in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
            name, _, anchor = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            if not target.exists() or (anchor and anchor not in _anchors(pages[target])):
                faults.append(f"{page.name}: {link}")
    return faults


def _anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def word_faults(text: str) -> list[str]:
    """Looks for words that promise more than the protocol gives."""
    return re.findall(r"(?i)\banonym\w*|\bnobody\b", text)


# --- the other pages -----------------------------------------------------------------------------

OPERATING = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
THREATS = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
GROUPS = ("keyserver", "hub", "insurer", "desk", "breach")
CONFIGURATIONS = (
    KeyServerConfig,
    HubConfig,
    InsurerConfig,
    DeskConfig,
    OpenIdConfig,
    QuotaLimits,
    StoreConfig,
    AlarmPolicy,
)


def operating_faults(text: str) -> list[str]:
    """Looks for verbs, settings, errors and log events that the operator's page does not name."""
    rows = [row for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE) for row in table.splitlines()]
    named = {word for row in rows for code in re.findall(r"`([^`]+)`", row) for word in code.split()}
    sources = [path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py")]
    events = {event for source in sources for event in re.findall(r'log_event\("([a-z-]+)"', source)}
    settings = {field.name for kind in CONFIGURATIONS for field in msgspec.structs.fields(kind)} - {
        "alarms",
        "quotas",
        "openid",
        "store",
    }
    verbs = {
        verb for party in GROUPS for verb in importlib.import_module(f"paravent.{party}.cli").group.commands
    }  # fmt: skip
    codes = {kind.code for kind in _tree(ParaventError)} - {"error"}
    # In a text rather than a row of a table: what joins write for every party.
    return sorted((events | settings | verbs | codes) - named - {"directory"})


def store_faults(text: str) -> list[str]:
    """Looks for sentences that stand above a store in the code and not in the threat model."""
    known = " ".join(text.split())
    faults = []
    for path in SOURCE.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        for found in re.findall(r"Holds:(.*?)Stolen:(.*?)Altered:(.*?)(?=\n\n|\"\"\")", source, re.DOTALL):
            sentences = (" ".join(part.replace("``", "`").split()) for part in found)
            faults += [f"{path.name}: {sentence}" for sentence in sentences if sentence not in known]
    return faults


@pytest.mark.parametrize(("check", "page"), [(operating_faults, OPERATING), (store_faults, THREATS)])
def test_the_other_pages_name_what_the_code_has(check: Callable[[str], list[str]], page: str) -> None:
    assert check(page) == []


@pytest.mark.parametrize(
    ("check", "page", "old"),
    [
        (operating_faults, OPERATING, "`watch_seconds`"),
        (operating_faults, OPERATING, "`export-log"),
        (operating_faults, OPERATING, "| `witness-not-ready` |"),
        (operating_faults, OPERATING, "`counts-restored`"),
        (store_faults, THREATS, "how many openings there were each hour, by insurer."),
    ],
)
def test_what_another_page_forgets_is_found_out(check: Callable[[str], list[str]], page: str, old: str) -> None:
    assert old in page
    assert check(page.replace(old, "")) != []


# --- the checks, and each one refusing -----------------------------------------------------------

CHECKS: tuple[Callable[[str], list[str]], ...] = (
    label_faults, error_faults, limit_faults, message_faults, route_faults, diagram_faults, example_faults,
    worked_faults, citation_faults, word_faults,
)  # fmt: skip


@pytest.mark.parametrize("check", CHECKS)
def test_the_specification_says_what_the_code_does(check: Callable[[str], list[str]]) -> None:
    assert check(PROTOCOL) == []


class Altered(NamedTuple):
    """A change that a check must find: the first ``old`` becomes ``new``."""

    check: Callable[[str], list[str]]
    old: str
    new: str


@pytest.mark.parametrize(
    "altered",
    [
        Altered(label_faults, "| `paravent/1/handle` |", "| `paravent/1/handles` |"),
        Altered(label_faults, "| `paravent/1/open` |", "| `paravent/1/open` | `OPEN` |\n| `paravent/1/open` |"),
        Altered(label_faults, "`QUOTA_SUBJECT`", "`QUOTA_SUBJECTS`"),
        Altered(error_faults, "| `stale-data` | technical failure | 503 |", "| `stale-data` | refusal | 503 |"),
        Altered(error_faults, "| refusal of a right | 404 |", "| refusal of a right | 403 |"),
        Altered(error_faults, "| 429 | later |", "| 429 | no |"),
        Altered(limit_faults, "`crypto.sealing.STORED_BYTES` | 376", "`crypto.sealing.STORED_BYTES` | 375"),
        Altered(limit_faults, "`crypto.sharing.SERVERS_MAX`", "`crypto.sharing.SERVERS`"),
        Altered(limit_faults, "QuotaLimits.repeats_per_day_max` | 10", "QuotaLimits.repeats_per_day_max` | 11"),
        Altered(limit_faults, "| `wire.card.CHARACTERS_MAX` |", "| wire.card |"),
        Altered(message_faults, "| `blinded` |", "| `blind` |"),
        Altered(message_faults, "| StoredRow? |", "| StoredRow |"),
        Altered(message_faults, "| `RowRequest`: `POST", "| `RowRequests`: `POST"),
        Altered(route_faults, "`POST /v1/openings` |", "`GET /v1/openings` |"),
        Altered(route_faults, "| hub | `POST /v1/acts` |", "| key server | `POST /v1/acts` |"),
        Altered(route_faults, "| key server, hub | `POST /v1/devices` |", "| key server | `POST /v1/devices` |"),
        Altered(route_faults, "`POST /v1/log/seen` |", "`GET /v1/log/seen` |"),
        Altered(route_faults, "| `RowRequest` | `RowAnswer` |", "| `RowRequest` | `Rows` |"),
        Altered(diagram_faults, "consumed --> free: reverse", "consumed --> reserved: reverse"),
        Altered(diagram_faults, "        disputed --> accepted: uphold\n", ""),
        Altered(example_faults, '"early_renewal":false', '"early":false'),
        Altered(worked_faults, "\nF           = 8", "\nF           = 9"),
        Altered(worked_faults, "\nrank        = 1", "\nrank        = 2"),
        Altered(worked_faults, "\nE           = d28443a10127a058", "\nE           = d28443a10127a059"),
        Altered(citation_faults, "## 12. Witness log", "## Witness log"),
        Altered(citation_faults, "### 7.5 Open", "### 7.9 Open"),
        Altered(citation_faults, "as 4.4", "as 4.44"),
        Altered(word_faults, "never a row of somebody else", "a row of nobody"),
    ],
)  # fmt: skip
def test_an_altered_specification_is_found_out(altered: Altered) -> None:
    assert altered.old in PROTOCOL
    assert altered.check(PROTOCOL.replace(altered.old, altered.new, 1))


def test_citations_are_read_in_every_form_that_the_code_uses() -> None:
    assert cited("(docs/protocol.md section 3, steps 3.1 and 3.5).") == {"3", "3.1", "3.5"}
    assert cited("(protocol.md 4, 11): pure") == {"4", "11"}
    assert cited("protocol.md sections 2 to 5; RFC 9285 section 4.1") == {"2", "3", "4", "5"}
    assert cited("    # signed statements (sections 2 to 4 and 11)") == {"2", "3", "4", "11"}
    assert cited("    # 5.1 handle") == {"5.1"}
    assert cited("(RFC 9497 section 4.1)") == set()


def test_relative_links_resolve() -> None:
    pages = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]
    assert link_faults({page: page.read_text(encoding="utf-8") for page in pages if page.exists()}) == []


@pytest.mark.parametrize("link", ["[x](missing.md)", "[x](#no-such-heading)", "[x](protocol.md#no-such-heading)"])
def test_a_link_that_leads_nowhere_is_found_out(link: str) -> None:
    assert link_faults({ROOT / "docs" / "protocol.md": f"{PROTOCOL}\n{link}\n"})
