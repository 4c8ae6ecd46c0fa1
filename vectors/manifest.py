"""Vectors of the manifest: its tree, presence, absence, and answers of one length (docs/protocol.md section 6)."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from paravent.crypto import manifest, merkle
from paravent.crypto.manifest import Inclusion
from paravent.crypto.sealing import STORED_BYTES, Handle
from paravent.wire.codec import encode
from paravent.wire.number_lane import Leaf, RowAnswer, StoredRow, answer_padding
from paravent.wire.statements import Signed
from vectors.cases import Case, Construction, Values, flipped, seeded

PROOF = "proof-failure"
COUNT = 6
"""Leaves of the tree of the proofs: not a power of two, so that paths differ in length."""


def leaf(values: Values) -> Values:
    """Computes the leaf hash of one row."""
    handle, digest = Handle(bytes.fromhex(values["handle"])), bytes.fromhex(values["row_digest"])
    return {"leaf": manifest.manifest_leaf(handle, digest).hex()}


def tree(values: Values) -> Values:
    """Builds a tree from leaf hashes: its levels, each one text, and its root."""
    levels = merkle.build_levels(bytes.fromhex(entry) for entry in values["leaves"])
    return {"levels": [level.hex() for level in levels], "root": merkle.root_of(levels).hex()}


def path_positions(values: Values) -> Values:
    """Lists where the nodes of a path stand, as level and position."""
    positions = merkle.path_positions(values["index"], values["count"])
    return {"positions": [list(place) for place in positions], "longest": merkle.path_length_max(values["count"])}


def verify_inclusion(values: Values) -> Values:
    """Checks that a leaf stands in the tree of a root."""
    root = bytes.fromhex(values["root"])
    manifest.verify_inclusion(_inclusion(values["leaf"]), count=values["count"], root=root, culprit="hub")
    return {}


def verify_absence(values: Values) -> Values:
    """Checks that no leaf has a handle."""
    neighbours = [_inclusion(entry) for entry in values["neighbours"]]
    handle, root = Handle(bytes.fromhex(values["handle"])), bytes.fromhex(values["root"])
    manifest.verify_absence(handle, neighbours, count=values["count"], root=root, culprit="hub")
    return {}


def answer(values: Values) -> Values:
    """Writes the hub's answer, padded to the one length of its manifest: ``room``, and two longest paths."""
    row, signed = values["row"], values["head"]
    unpadded = RowAnswer(
        head=Signed(
            payload=bytes.fromhex(signed["payload"]), signer=signed["signer"],
            signature=bytes.fromhex(signed["signature"]),
        ),
        row=None if row is None else StoredRow(batch=row["batch"], stored=bytes.fromhex(row["stored"])),
        leaves=tuple(_wire_leaf(entry) for entry in values["leaves"]), padding="",
    )  # fmt: skip
    padding = answer_padding(len(encode(unpadded)), merkle.path_length_max(values["count"]), values["room"])
    body = encode(RowAnswer(head=unpadded.head, row=unpadded.row, leaves=unpadded.leaves, padding=padding))
    return {"body": body.decode(), "bytes": len(body)}


def _inclusion(entry: Values) -> Inclusion:
    return _wire_leaf(entry).inclusion()


def _wire_leaf(entry: Values) -> Leaf:
    return Leaf(
        index=entry["index"], handle=bytes.fromhex(entry["handle"]), row_digest=bytes.fromhex(entry["row_digest"]),
        path=tuple(bytes.fromhex(node) for node in entry["path"]),
    )  # fmt: skip


def cases() -> Iterator[Case]:
    """Lists the cases."""
    rng = seeded("manifest")
    rows = sorted((rng(32).hex(), rng(32).hex()) for _ in range(COUNT))
    hashes = []
    for place, (handle, digest) in enumerate(rows):
        given = {"handle": handle, "row_digest": digest}
        hashes.append(leaf(given)["leaf"])
        yield Case(name=f"leaf {place}", operation="leaf", input=given)
    for count in range(COUNT + 1):
        yield Case(name=f"a tree of {count} leaves", operation="tree", input={"leaves": hashes[:count]})
    for index, count in ((0, 1), (0, 6), (3, 6), (4, 6), (5, 6), (6, 7), (8, 9), (32_999_999, 33_000_000)):
        given_place = {"index": index, "count": count}
        yield Case(name=f"the path of leaf {index} of {count}", operation="path-positions", input=given_place)
    leaves = [
        _proved(hashes, index) | {"handle": handle, "row_digest": digest} for index, (handle, digest) in enumerate(rows)
    ]
    where: Values = {"count": COUNT, "root": tree({"leaves": hashes})["root"]}
    yield from _presence(leaves, where)
    yield from _absence(leaves, where)
    yield from _answers(leaves, where)


def _proved(hashes: list[str], index: int) -> Values:
    levels = tree({"leaves": hashes})["levels"]
    places = path_positions({"index": index, "count": len(hashes)})["positions"]
    return {"index": index, "path": [levels[level][64 * place : 64 * place + 64] for level, place in places]}


def _presence(leaves: list[Values], where: Values) -> Iterator[Case]:
    for place, entry in enumerate(leaves):
        yield Case(name=f"leaf {place} is there", operation="verify-inclusion", input=where | {"leaf": entry})
    alone = leaves[0] | {"path": []}
    root = leaf({"handle": alone["handle"], "row_digest": alone["row_digest"]})["leaf"]
    given: Values = {"count": 1, "root": root, "leaf": alone}
    yield Case(name="the only leaf is there", operation="verify-inclusion", input=given)
    right = leaves[2]
    changes: dict[str, Values] = {
        "of another row": {"row_digest": leaves[3]["row_digest"]}, "of another handle": {"handle": leaves[3]["handle"]},
        "at another index": {"index": 3}, "at an index beyond the tree": {"index": COUNT},
        "with an altered path": {"path": [flipped(right["path"][0], 0), *right["path"][1:]]},
        "with a path in another order": {"path": right["path"][::-1]},
        "with a node less": {"path": right["path"][:-1]}, "with a node more": {"path": [*right["path"], "00" * 32]},
        "with a node of 31 bytes": {"path": [right["path"][0][:-2], *right["path"][1:]]},
    }  # fmt: skip
    for name, change in changes.items():
        wrong = where | {"leaf": right | change}
        yield Case(name=f"a leaf {name}", operation="verify-inclusion", input=wrong, error=PROOF)
    others: dict[str, Values] = {"root": {"root": flipped(where["root"], 31)}, "count": {"count": 4}}
    for name, change in others.items():
        wrong = where | change | {"leaf": right}
        yield Case(name=f"a leaf under another {name}", operation="verify-inclusion", input=wrong, error=PROOF)


def _absence(leaves: list[Values], where: Values) -> Iterator[Case]:
    between = _above(leaves[2])
    right: dict[str, tuple[str, list[Values]]] = {
        "between two leaves": (between, leaves[2:4]),
        "before the first": ("00" * 32, leaves[:1]),
        "after the last": ("ff" * 32, leaves[-1:]),
    }
    for name, (handle, neighbours) in right.items():
        given = where | {"handle": handle, "neighbours": neighbours}
        yield Case(name=f"no leaf {name}", operation="verify-absence", input=given)
    empty: Values = {"count": 0, "root": tree({"leaves": []})["root"], "handle": between, "neighbours": []}
    yield Case(name="no leaf in an empty tree", operation="verify-absence", input=empty)
    other = empty | {"root": "00" * 32}
    yield Case(name="an empty tree of another root", operation="verify-absence", input=other, error=PROOF)
    altered = leaves[3] | {"row_digest": flipped(leaves[3]["row_digest"], 0)}
    wrong: dict[str, tuple[str, list[Values]]] = {
        "of a leaf that is there": (leaves[2]["handle"], leaves[2:3]),
        "of a leaf that is there, around it": (leaves[2]["handle"], [leaves[1], leaves[3]]),
        "with a gap": (between, [leaves[2], leaves[4]]),
        "with neighbours in another order": (between, [leaves[3], leaves[2]]),
        "with two leaves below": (between, leaves[1:3]),
        "with three neighbours": (between, leaves[1:4]),
        "with the leaf below only": (between, leaves[2:3]),
        "with the leaf above only": (between, leaves[3:4]),
        "with no neighbour": (between, []),
        "before a leaf that is not the first": ("00" * 32, leaves[1:2]),
        "after a leaf that is not the last": ("ff" * 32, leaves[-2:-1]),
        "with an altered neighbour": (between, [leaves[2], altered]),
    }
    for name, (handle, neighbours) in wrong.items():
        given = where | {"handle": handle, "neighbours": neighbours}
        yield Case(name=f"an absence {name}", operation="verify-absence", input=given, error=PROOF)
    filled = empty | {"neighbours": leaves[:1]}
    yield Case(name="a neighbour in an empty tree", operation="verify-absence", input=filled, error=PROOF)


def _above(entry: Values) -> str:
    return f"{int(entry['handle'], 16) + 1:064x}"


def _answers(leaves: list[Values], where: Values) -> Iterator[Case]:
    rng = seeded("answers")
    payload = b'{"count":6,"root":"' + base64.b64encode(bytes.fromhex(where["root"])) + b'"}'
    head = {"payload": payload.hex(), "signer": "99000001", "signature": rng(64).hex()}
    known: Values = {"head": head, "count": COUNT, "room": 1400}
    answers: dict[str, tuple[Values | None, list[Values]]] = {
        "a row": ({"batch": 7, "stored": rng(STORED_BYTES).hex()}, leaves[2:3]),
        "a row with a short path": ({"batch": 7, "stored": rng(STORED_BYTES).hex()}, leaves[4:5]),
        "a row of a late batch": ({"batch": 70_000, "stored": rng(STORED_BYTES).hex()}, leaves[2:3]),
        "absence between two leaves": (None, leaves[2:4]),
        "absence before the first": (None, leaves[:1]),
        "absence after the last": (None, leaves[-1:]),
    }
    for name, (row, shown) in answers.items():
        given = known | {"row": row, "leaves": shown}
        yield Case(name=f"an answer of one length: {name}", operation="answer", input=given)


CONSTRUCTION = Construction(
    section="6",
    operations={
        "leaf": leaf, "tree": tree, "path-positions": path_positions, "verify-inclusion": verify_inclusion,
        "verify-absence": verify_absence, "answer": answer,
    },
    cases=cases,
)  # fmt: skip
