"""OpenAPI documents of the parties, from the table of routes of docs/protocol.md and the messages of the code.

The table is compared with the applications by ``test_docs``; the schemas are those by which bodies are decoded. What
a document says of errors is what section 13 says: problem details, with the statuses of the declared tree.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from paravent.desk import app as desk_app
from paravent.desk import session
from paravent.errors import BadInput, ParaventError, Refusal, TechnicalFailure
from paravent.hub import app as hub_app
from paravent.insurer import app as insurer_app
from paravent.keyserver import app as keyserver_app
from paravent.wire.claims import DecisionsRequest
from paravent.wire.codec import Message
from paravent.wire.problem import MEDIA_TYPE, Problem

PROTOCOL = Path(__file__).parents[1] / "docs" / "protocol.md"
REFERENCE = "#/components/schemas/{name}"
JSON = "application/json"
FHIR = "application/fhir+json"
APPS = (hub_app, keyserver_app, insurer_app, desk_app)  # their own messages are read below
PARAMETERS = {
    "amc": {"type": "string", "pattern": "^[0-9]{8,10}$"},
    "kind": {"type": "string", "pattern": "^[a-zA-Z-]{1,20}$"},
    "name": {"type": "string", "pattern": "^[a-zA-Z0-9-]{1,64}$"},
    "number": {"type": "integer", "minimum": 0, "maximum": 2**31},
    "first": {"type": "integer", "minimum": 0, "maximum": 2**31},
    "after": {"type": "integer", "minimum": 0, "maximum": 2**31},
}

DESK: dict[str, type[Message]] = {
    "/v1/checks/card": session.CardCheck, "/v1/checks/number": session.NumberCheck,
    "/v1/quotes": session.QuoteRequest, "/v1/reservations": session.ActRequest,
    "/v1/cancellations": session.ActRequest, "/v1/claims": session.ClaimRequest,
    "/v1/corrections": session.CorrectionRequest, "/v1/decisions": DecisionsRequest,
    "/v1/resends": session.ResendRequest, "/v1/pending": desk_app.Nothing, "/v1/quota": desk_app.Nothing,
    "/v1/refreshes": desk_app.Nothing, "/v1/screens": desk_app.Nothing,
}  # fmt: skip
FHIR_GET = ("/fhir/metadata", "/fhir/PaymentReconciliation", "/fhir/{kind}/{name}")
FHIR_POST = {
    "/fhir/VisionPrescription": "VisionPrescription", "/fhir/Coverage": "Coverage",
    "/fhir/CoverageEligibilityRequest/$submit": "CoverageEligibilityRequest", "/fhir/Claim/$submit": "Claim",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row of the table of routes; messages by name, empty when there is none."""

    party: str
    method: str
    path: str
    signer: str
    request: str
    answer: str


def operations() -> Iterator[Operation]:
    """Reads the table of routes of the protocol."""
    section = PROTOCOL.read_text(encoding="utf-8").split("### 1.7 Routes")[1].split("\n## ")[0]
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        route = re.fullmatch(r"`(GET|POST) ([^`]+)`", cells[1]) if len(cells) == 6 else None
        if route is None:
            continue
        for party in cells[0].replace("key server", "keyserver").split(", "):
            yield Operation(
                party=party, method=route[1].lower(), path=route[2], signer=cells[2],
                request=_message(cells[3]), answer=_message(cells[4]),
            )  # fmt: skip


def document(party: str) -> dict[str, Any]:
    """Builds the OpenAPI document of a key server, the hub or an insurer."""
    found = [operation for operation in operations() if operation.party == party]
    kinds = _kinds()
    named = {name for operation in found for name in (operation.request, operation.answer)} & kinds.keys()
    return _document(party, {kinds[name] for name in named}, _paths(
        (operation.path, operation.method, _operation(operation)) for operation in found
    ))  # fmt: skip


def desk_document() -> dict[str, Any]:
    """Builds the OpenAPI document of a desk's own service, FHIR beside."""
    described = [
        (path, "post", _described("POST", path, _reference(kind.__name__), None)) for path, kind in DESK.items()
    ]
    described += [(path, "get", _described("GET", path, None, {}, media=FHIR)) for path in FHIR_GET]
    for path, resource in FHIR_POST.items():
        schema = {"type": "object", "properties": {"resourceType": {"enum": [resource]}}, "required": ["resourceType"]}
        described.append((path, "post", _described("POST", path, schema, {}, media=FHIR)))
    return _document("desk", [*DESK.values()], _paths(described))


def _document(party: str, kinds: Collection[type[Message]], paths: Mapping[str, Any]) -> dict[str, Any]:
    _, schemas = msgspec.json.schema_components([*dict.fromkeys(kinds), Problem],
                                                ref_template=REFERENCE)  # fmt: skip
    return {
        "openapi": "3.1.0", "info": {"title": f"Paravent, {party}", "version": "1"}, "paths": paths,
        "components": {"schemas": _portable(schemas)},
    }  # fmt: skip


def _paths(described: Iterator[tuple[str, str, Any]] | Sequence[tuple[str, str, Any]]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for path, method, operation in described:
        paths.setdefault(re.sub(r":int\}", "}", path), {})[method] = operation
    return paths


def _operation(operation: Operation) -> dict[str, Any]:
    body: dict[str, Any] | None = None
    if operation.request in _kinds():
        body = _reference(operation.request)
    elif operation.method == "post":
        body = {"type": "string"}
    answer = _reference(operation.answer) if operation.answer in _kinds() else None
    status = 303 if "callback" in operation.path else 200
    described = _described(operation.method.upper(), operation.path, body, answer, status=status)
    described["x-signer"] = operation.signer
    if status == 303:
        described["parameters"] += [
            {"name": name, "in": "query", "required": False, "schema": {"type": "string"}} for name in ("code", "state")
        ]
    return described


def _described(
    method: str, path: str, body: Mapping[str, Any] | None, answer: Mapping[str, Any] | None, *, media: str = JSON,
    status: int = 200,
) -> dict[str, Any]:  # fmt: skip
    names = re.findall(r"\{(\w+)", path)
    problem = {FHIR: {"schema": {}}} if media == FHIR else {MEDIA_TYPE: {"schema": _reference("Problem")}}
    responses: dict[str, Any] = {
        str(code): {"description": "A declared error", "content": problem} for code in sorted(statuses())
    }
    good: dict[str, Any] = {"description": "Done"}
    if answer is not None:
        good["content"] = {media: {"schema": answer}}
    responses[str(status)] = good
    if media == FHIR and method == "POST":
        responses["201"] = good
    described: dict[str, Any] = {"responses": responses, "parameters": [
        {"name": name, "in": "path", "required": True, "schema": PARAMETERS[name]} for name in names
    ]}  # fmt: skip
    if body is not None:
        text = "text/plain" if body == {"type": "string"} else media
        described["requestBody"] = {"required": True, "content": {text: {"schema": body}}}
    return described


def statuses() -> set[int]:
    """Lists the statuses of declared errors: what was asked wrongly, refused, or cannot be answered now."""
    kinds = {kind for branch in (BadInput, Refusal, TechnicalFailure) for kind in _tree(branch)}
    return {kind.status for kind in kinds}


def _tree(kind: type[ParaventError]) -> Iterator[type[ParaventError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


def _message(cell: str) -> str:
    found = re.match(r"`([A-Z]\w+)`", cell)
    return found[1] if found else ""


def _kinds() -> dict[str, type[Message]]:
    def below(kind: type[Message]) -> Iterator[type[Message]]:
        yield kind
        for child in kind.__subclasses__():
            yield from below(child)

    return {kind.__name__: kind for kind in below(Message)}


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": REFERENCE.format(name=name)}


def _portable(schema: Any) -> Any:
    """Writes Python's ends of patterns, and the one form of base64, as JSON Schema understands them."""
    if isinstance(schema, list):
        return [_portable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _portable(value) for name, value in schema.items()}
    if isinstance(found.get("pattern"), str):
        found["pattern"] = found["pattern"].replace(r"\Z", "$")
    if found.get("contentEncoding") == "base64":
        found["pattern"] = _base64_pattern(found.get("minLength"), found.get("maxLength"))
    return found


def _base64_pattern(least: int | None, most: int | None) -> str:
    """Writes the pattern of canonical base64, of one length where it has one."""
    sign, two, one = "[A-Za-z0-9+/]", "[A-Za-z0-9+/][AQgw]==", "[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]="
    if least is None or least != most:
        return f"^({sign}{{4}})*({two}|{one})?$"
    # 16 and 64 bytes leave one byte for the last group, 32 two, and whole groups none.
    end = {24: two, 88: two, 44: one}.get(least, f"{sign}{{4}}")
    return f"^{sign}{{{least - 4}}}{end}$"
