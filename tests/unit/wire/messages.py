"""Every kind of message, drawn from its own types: what the wire allows is what the tests send."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect
from tests.unit.crypto.modules import subclasses

from paravent.optics.claim_states import RightRecord, RightState
from paravent.optics.guarantee import Guarantee
from paravent.optics.rules import BandRules, LensLimit, RulesFile
from paravent.wire.claims import CLAIM_KINDS, INSURER_KINDS, Act, ActKind, DecisionsRequest, Ground, InsurerAct
from paravent.wire.codec import Message
from paravent.wire.optics_terms import LensCategory

# What is read from files alone, or only ever written, is never sent: rules and tariffs, records of incidents,
# registers, quote files, documents. Their own tests read and refuse them.
FILES = ("paravent.person.", "paravent.insurer.traps.", "paravent.breach.observatory.", "paravent.breach.registers.",
         "paravent.desk.before_sale", "paravent.pages.", "paravent.insurer.screens.space_app")  # fmt: skip
KINDS = [kind for kind in subclasses(Message) if not kind.__module__.startswith(FILES)]

# JSON carries Unicode text, and half a surrogate pair is not one.
_TEXT = st.characters(exclude_categories=["Cs"])


def _rising(fields: dict[str, Any], first: str, second: str) -> dict[str, Any]:
    """Puts two fields in order, key by key when they are tables."""
    low, high = fields[first], fields[second]
    if low is None or high is None:
        return fields
    if isinstance(low, dict):
        pairs = {key: sorted((low[key], high[key])) for key in low}
        low, high = ({key: pair[at] for key, pair in pairs.items()} for at in (0, 1))
    else:
        low, high = sorted((low, high))
    return fields | {first: low, second: high}


def _in_order(kind: type[Message], fields: dict[str, Any]) -> dict[str, Any]:
    """Makes fields agree where a kind checks more than their types."""
    if kind is BandRules:
        return _rising(fields, "floor_cents", "ceiling_cents")
    if kind is LensLimit:
        return fields | {"cents": dict(zip(LensCategory, sorted(fields["cents"].values()), strict=True))}
    if kind is RulesFile:
        return _rising(fields, "valid_from", "valid_to")
    if kind is Guarantee:
        months = {name: fields[name] for name in ("valid_from", "valid_to")}
        real = {name: month and month - month % 100 + 1 + month % 12 for name, month in months.items()}
        return _rising(fields | real, "valid_from", "valid_to")
    return _ACTS[kind](fields) if kind in _ACTS else fields


def _act(fields: dict[str, Any]) -> dict[str, Any]:
    kinds = CLAIM_KINDS if fields["claim"] is not None else set(ActKind) - CLAIM_KINDS - INSURER_KINDS
    return fields | {"kind": fields["kind"] if fields["kind"] in kinds else min(kinds)}


def _insurer_act(fields: dict[str, Any]) -> dict[str, Any]:
    kind = fields["kind"] if fields["kind"] in INSURER_KINDS else ActKind.DISPUTE
    release, identifier = kind is ActKind.RELEASE, fields["claim_id"] or fields["nullifier"] or bytes(16)
    named = {"claim_id": None, "nullifier": identifier} if release else {"claim_id": identifier, "nullifier": None}
    ground = None if kind is ActKind.UPHOLD else fields["ground"] or Ground.AUDIT
    return fields | named | {"kind": kind, "ground": ground}


def _decisions_request(fields: dict[str, Any]) -> dict[str, Any]:
    claim = fields["claim"]
    return fields | {"act": fields["act"] or bytes(16)} if claim is None else fields | {"act": None}


def _right(fields: dict[str, Any]) -> dict[str, Any]:
    if fields["holder"] is not None and fields["reserved_until"] is not None:
        return fields | {"state": RightState.RESERVED}
    state = RightState.CONSUMED if fields["paid"] else RightState.FREE
    return fields | {"state": state, "holder": None, "reserved_until": None}


_ACTS: Mapping[type[Message], Callable[[dict[str, Any]], dict[str, Any]]] = {
    Act: _act, InsurerAct: _insurer_act, DecisionsRequest: _decisions_request, RightRecord: _right,
}  # fmt: skip


def _integers(kind: inspect.IntType) -> st.SearchStrategy[int]:
    low = kind.ge if kind.ge is not None else (kind.gt + 1 if kind.gt is not None else -(2**63))
    high = kind.le if kind.le is not None else (kind.lt - 1 if kind.lt is not None else 2**63 - 1)
    return st.integers(low, high)


def _texts(kind: inspect.StrType) -> st.SearchStrategy[str]:
    if kind.pattern is not None:
        # A dollar also matches before a last line feed: what is drawn here is what the pattern means.
        return st.from_regex(kind.pattern.replace("$", r"\Z"))
    return st.text(_TEXT, min_size=kind.min_length or 0, max_size=min(kind.max_length or 20, 40))


def _sequence(kind: inspect.VarTupleType) -> st.SearchStrategy[tuple[Any, ...]]:
    most = min(kind.max_length or 3, 3)
    return st.lists(drawn(kind.item_type), min_size=kind.min_length or 0, max_size=most).map(tuple)


def _table(kind: inspect.DictType) -> st.SearchStrategy[dict[Any, Any]]:
    if not isinstance(kind.key_type, inspect.EnumType):
        return st.dictionaries(drawn(kind.key_type), drawn(kind.value_type), max_size=3)
    # The tables of the rules hold every key; those of a guarantee may lack some, and are drawn whole too.
    return st.fixed_dictionaries({key: drawn(kind.value_type) for key in kind.key_type.cls})


def _struct(kind: inspect.StructType) -> st.SearchStrategy[Any]:
    assert issubclass(kind.cls, Message)
    return messages(kind.cls)


def _dataclass(kind: inspect.DataclassType) -> st.SearchStrategy[Any]:
    return st.builds(kind.cls, **{field.name: drawn(field.type) for field in kind.fields})


_STRATEGIES: Mapping[type, Callable[[Any], st.SearchStrategy[Any]]] = {
    inspect.IntType: _integers,
    inspect.StrType: _texts,
    inspect.BytesType: lambda kind: st.binary(min_size=kind.min_length or 0, max_size=kind.max_length or 60),
    inspect.BoolType: lambda _: st.booleans(),
    inspect.NoneType: lambda _: st.none(),
    inspect.EnumType: lambda kind: st.sampled_from(list(kind.cls)),
    inspect.LiteralType: lambda kind: st.sampled_from(list(kind.values)),
    inspect.UnionType: lambda kind: st.one_of(*(drawn(member) for member in kind.types)),
    inspect.VarTupleType: _sequence,
    inspect.DictType: _table,
    inspect.DateType: lambda _: st.dates(),
    inspect.StructType: _struct,
    inspect.DataclassType: _dataclass,
}


def drawn(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """Draws values of a type; a type that no message had yet is an error here."""
    return _STRATEGIES[type(kind)](kind)


def messages(kind: type[Message]) -> st.SearchStrategy[Any]:
    """Draws messages of a kind."""
    fields = {
        field.encode_name: drawn(inspect.type_info(field.type)) for field in msgspec.structs.fields(kind)
    }  # fmt: skip
    return st.fixed_dictionaries(fields).map(lambda values: kind(**_in_order(kind, values)))


def required(kind: type[Message]) -> list[str]:
    """Lists the fields that a message cannot lack."""
    return [field.encode_name for field in msgspec.structs.fields(kind) if field.required]


def objects(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yields the path of every JSON object inside a decoded body."""
    if isinstance(value, dict):
        yield path
        for name, member in value.items():
            yield from objects(member, (*path, name))
    elif isinstance(value, list):
        for place, member in enumerate(value):
            yield from objects(member, (*path, place))


def changed(body: bytes, path: tuple[str | int, ...], change: Callable[[dict[str, Any]], None]) -> bytes:
    """Changes the object at a path and writes the body again."""
    whole = json.loads(body)
    place = whole
    for step in path:
        place = place[step]
    change(place)
    return json.dumps(whole).encode()


def put(name: str, value: object) -> Callable[[dict[str, Any]], None]:
    """Returns the change that gives a field a value."""

    def change(found: dict[str, Any]) -> None:
        found[name] = value

    return change


class _Twice(dict[str, Any]):
    """An object that is written with its first key twice."""

    def items(self) -> Any:
        """Yields the first pair again at the end."""
        pairs = list(super().items())
        return [*pairs, pairs[0]]


def repeated(body: bytes, path: tuple[str | int, ...]) -> bytes | None:
    """Writes the body again with one key of one object twice; None when the object is empty."""
    whole = {"": json.loads(body)}
    *steps, last = ("", *path)
    place: Any = whole
    for step in steps:
        place = place[step]
    if not place[last]:
        return None
    place[last] = _Twice(place[last])
    return json.dumps(whole[""]).encode()
