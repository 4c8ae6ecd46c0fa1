"""Vectors of status lists: the length of an array, its bits, and reading one (docs/protocol.md section 4)."""

from __future__ import annotations

from collections.abc import Iterator

from paravent.crypto import status
from vectors.cases import Case, Construction, Values


def bits_for(values: Values) -> Values:
    """Chooses the length of an array."""
    return {"bits": status.bits_for(values["entitlements"])}


def encode(values: Values) -> Values:
    """Builds an array."""
    return {"array": status.encode(values["revoked"], values["bits"]).hex()}


def read(values: Values) -> Values:
    """Reads one bit."""
    return {"revoked": status.is_revoked(bytes.fromhex(values["array"]), values["index"])}


def cases() -> Iterator[Case]:
    """Lists the cases."""
    for entitlements in (0, 1, 511, 512, 1000, 1024, 33_000_000):
        name = f"the bits for {entitlements} entitlements"
        yield Case(name=name, operation="bits-for", input={"entitlements": entitlements})
    given: Values = {"revoked": [0, 7, 8, 1023], "bits": 1024}
    yield Case(name="four revoked", operation="encode", input=given)
    yield Case(name="none revoked", operation="encode", input=given | {"revoked": []})
    array = encode(given)["array"]
    for index in (0, 1, 7, 8, 9, 1022, 1023):
        yield Case(name=f"index {index}", operation="read", input={"array": array, "index": index})
    for index in (-1, 1024):
        outside = {"array": array, "index": index}
        yield Case(name=f"read index {index}", operation="read", input=outside, error="malformed-message")
        wrong = given | {"revoked": [index]}
        yield Case(name=f"revoke index {index}", operation="encode", input=wrong, error="malformed-message")


CONSTRUCTION = Construction(section="4", operations={"bits-for": bits_for, "encode": encode, "read": read}, cases=cases)
