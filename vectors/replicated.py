"""Vectors of the replicated opening keys (docs/protocol.md section 3)."""

from __future__ import annotations

from collections.abc import Iterator

from paravent.crypto import replicated
from paravent.crypto.replicated import OpeningKey, OpeningValue, ServerSet
from vectors.cases import Case, Construction, Values, seeded


def server_sets(values: Values) -> Values:
    """Lists the sets T in their order, and those whose key each server holds."""
    sets = replicated.server_sets(values["threshold"], values["servers"])
    keys = dict.fromkeys(sets, OpeningKey(bytes(32)))
    held = {
        str(index): [list(members) for members in replicated.keys_of_server(index, keys)]
        for index in range(1, values["servers"] + 1)
    }
    return {"sets": [list(members) for members in sets], "held": held}


def key_digest(values: Values) -> Values:
    """Commits to one opening key."""
    digest = replicated.key_digest(
        values["insurer"], values["epoch"], values["batch"], ServerSet(tuple(values["set"])),
        OpeningKey(bytes.fromhex(values["key"])),
    )  # fmt: skip
    return {"digest": digest.hex()}


def opening_value(values: Values) -> Values:
    """Computes the value of one T for a label."""
    key = OpeningKey(bytes.fromhex(values["key"]))
    return {"value": replicated.opening_value(key, bytes.fromhex(values["label"])).hex()}


def assemble(values: Values) -> Values:
    """Concatenates the values of all T."""
    given = {ServerSet(tuple(entry["set"])): OpeningValue(bytes.fromhex(entry["value"])) for entry in values["values"]}
    sets = replicated.server_sets(values["threshold"], values["servers"])
    return {"opening": replicated.assemble(given, sets).hex()}


def cases() -> Iterator[Case]:
    """Lists the cases."""
    for threshold, servers in ((2, 2), (2, 3), (3, 5), (7, 7)):
        numbers: Values = {"threshold": threshold, "servers": servers}
        yield Case(name=f"the sets of {threshold} of {servers}", operation="server-sets", input=numbers)
    for threshold, servers in ((1, 3), (4, 3), (2, 8)):
        numbers = {"threshold": threshold, "servers": servers}
        name = f"the sets of {threshold} of {servers}"
        yield Case(name=name, operation="server-sets", input=numbers, error="malformed-message")
    rng = seeded("replicated")
    dealt: Values = {"insurer": "99000001", "epoch": 3, "batch": 12}
    for members in ([1, 2], [2, 5]):
        given = dealt | {"set": members, "key": rng(32).hex()}
        yield Case(name=f"the digest of key {members}", operation="key-digest", input=given)
    short = dealt | {"set": [1, 2], "key": rng(31).hex()}
    yield Case(name="a key of 31 bytes", operation="key-digest", input=short, error="value-error")
    for size in (0, 1, 100):
        given = {"key": rng(32).hex(), "label": rng(size).hex()}
        yield Case(name=f"the value of a label of {size} bytes", operation="opening-value", input=given)
    entries = [{"set": [index], "value": rng(32).hex()} for index in (3, 1, 2)]
    whole = {"threshold": 2, "servers": 3, "values": entries}
    yield Case(name="values given in another order", operation="assemble", input=whole)
    missing = whole | {"values": entries[:2]}
    yield Case(name="a missing value", operation="assemble", input=missing, error="malformed-message")


CONSTRUCTION = Construction(
    section="3",
    operations={
        "server-sets": server_sets, "key-digest": key_digest, "opening-value": opening_value,
        "assemble": assemble,
    },
    cases=cases,
)  # fmt: skip
