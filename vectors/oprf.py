"""Vectors of the evaluation of an input under one key (docs/protocol.md section 5; RFC 9497, mode 0x01).

The outputs are those of the RFC, whose own vectors stand beside; these add the project's inputs and what
is refused. The evaluation shared between servers is in ``sharing``.
"""

from __future__ import annotations

from collections.abc import Iterator

from paravent.crypto import group, oprf
from paravent.crypto.group import decode_element, decode_scalar
from vectors.cases import Case, Construction, Values, beyond_order, replaying, seeded
from vectors.identity import lookup_input

ZERO = "00" * 32
ORDER = beyond_order(ZERO)
FORM = "malformed-message"


def _input(values: Values) -> bytes:
    return bytes.fromhex(values["oprf_input"]) * int(values.get("times", 1))


def hash_to_group(values: Values) -> Values:
    """Hashes an input to the group."""
    return {"element": oprf.hash_input(_input(values)).hex()}


def blind(values: Values) -> Values:
    """Blinds an input with the scalar given."""
    factor = decode_scalar(bytes.fromhex(values["blind"])).reveal().hex()
    return {"blinded": oprf.blind(_input(values), replaying([factor]))[1].hex()}


def finalize(values: Values) -> Values:
    """Unblinds an evaluated element and hashes it with the input."""
    factor, element = decode_scalar(bytes.fromhex(values["blind"])), decode_element(bytes.fromhex(values["evaluated"]))
    return {"output": oprf.finalize(_input(values), factor, element).reveal().hex()}


def evaluate(values: Values) -> Values:
    """Computes the output with the whole key, as the insurer does."""
    return {"output": oprf.evaluate(_input(values), decode_scalar(bytes.fromhex(values["key"]))).reveal().hex()}


def cases() -> Iterator[Case]:
    """Lists the cases."""
    rng = seeded("oprf")
    person = {"insurer": "99000001", "epoch": 3, "nir": "2850512991045", "birth_date": "19850517", "rank": 1}
    inputs = {"a person": lookup_input(person)["oprf_input"], "one byte": "00", "nothing": ""}
    for name, encoded in inputs.items():
        yield from _round(name, encoded, *(group.random_scalar(rng).reveal().hex() for _ in range(2)))
    blinded: Values = {"oprf_input": inputs["a person"], "blind": group.random_scalar(rng).reveal().hex()}
    keyed: Values = {"oprf_input": inputs["a person"], "key": blinded["blind"]}
    for name, scalar in {"zero": ZERO, "the group order": ORDER, "31 bytes": "01" + "00" * 30}.items():
        yield Case(name=f"blind with {name}", operation="blind", input=blinded | {"blind": scalar}, error=FORM)
        yield Case(name=f"a key of {name}", operation="evaluate", input=keyed | {"key": scalar}, error=FORM)
    for name, element in {"the identity": ZERO, "not an element": "01" + "00" * 31, "31 bytes": "00" * 31}.items():
        given = blinded | {"evaluated": element}
        yield Case(name=f"an evaluation that is {name}", operation="finalize", input=given, error=FORM)
    long = keyed | {"oprf_input": "61", "times": 65535}
    yield Case(name="an input of 65,535 bytes", operation="evaluate", input=long)
    yield Case(name="an input of 65,536 bytes", operation="evaluate", input=long | {"times": 65536}, error=FORM)


def _round(name: str, encoded: str, factor: str, key: str) -> Iterator[Case]:
    given: Values = {"oprf_input": encoded}
    yield Case(name=f"hash {name}", operation="hash-to-group", input=given)
    yield Case(name=f"blind {name}", operation="blind", input=given | {"blind": factor})
    yield Case(name=f"evaluate {name}", operation="evaluate", input=given | {"key": key})
    blinded = decode_element(bytes.fromhex(blind(given | {"blind": factor})["blinded"]))
    evaluated = group.multiply(decode_scalar(bytes.fromhex(key)), blinded).hex()
    final = given | {"blind": factor, "evaluated": evaluated}
    yield Case(name=f"finalize {name}: the same output", operation="finalize", input=final)


CONSTRUCTION = Construction(
    section="5",
    operations={"hash-to-group": hash_to_group, "blind": blind, "finalize": finalize, "evaluate": evaluate},
    cases=cases,
)
