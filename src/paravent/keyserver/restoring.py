"""Taking one's own log back from the copy at the next server (docs/protocol.md section 12): pure.

The copy is believed for no word of its keeper: its leaves lead to every checkpoint that another party cosigned, and
this server signed each of those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paravent.crypto.checkpoint import Checkpoint, log_key, open_checkpoint
from paravent.crypto.labels import Label, enc
from paravent.crypto.log import Frontier
from paravent.crypto.merkle import leaf_hash
from paravent.errors import ProofFailure, WitnessNotReady
from paravent.keyserver.state import ServerIdentity
from paravent.wire.log import OpeningEntry, SeenAnswer
from paravent.wire.statements import Directory, KeyServerEntry


def keeper_of(name: str, directory: Directory) -> KeyServerEntry:
    """Finds who keeps a copy of a server's log: the next one in the directory, the first after the last."""
    names = [entry.name for entry in directory.keyservers]
    return directory.keyservers[(names.index(name) + 1) % len(names)]


def remembered(answers: Mapping[str, SeenAnswer], identity: ServerIdentity) -> dict[str, Checkpoint]:
    """Reads what each party cosigned of this log; raises ProofFailure naming who shows what was never signed here.

    Raises WitnessNotReady when none remembers anything: there is nothing to lead to.
    """
    key = log_key(identity.name, identity.signing_key)
    found = {
        party: open_checkpoint(answer.note, key, culprit=party)[0]
        for party, answer in answers.items() if answer.note is not None
    }  # fmt: skip
    if not found:
        raise WitnessNotReady("no other party that answered has cosigned anything of this log")
    return found


def missing(
    own: Sequence[bytes], copy: Sequence[bytes], cosigned: Mapping[str, Checkpoint], keeper: str
) -> Sequence[bytes]:
    """Returns the entries to append to one's own log; raises ProofFailure naming who is contradicted.

    1. the copy reaches the largest checkpoint; 2. it leads to each one; 3. one's own leaves are its first ones.
    """
    # 1. length
    size = max(checkpoint.size for checkpoint in cosigned.values())
    if len(copy) < size:
        raise ProofFailure(f"its copy has {len(copy)} of the {size} leaves that were cosigned", culprit=keeper)
    # 2. roots
    roots = _roots(copy[:size])
    for party, checkpoint in cosigned.items():
        if roots[checkpoint.size] != checkpoint.root:
            raise ProofFailure(f"its copy does not lead to what {party} cosigned", culprit=keeper)
    # 3. one's own leaves
    if list(own[:size]) != list(copy[: len(own[:size])]):
        raise ProofFailure("the leaves that are left here are others than the cosigned ones", culprit="this server")
    return copy[len(own) : size]


def request_of(entry: bytes) -> bytes | None:
    """Returns the request that an entry witnesses, under which it is found again; None for any other entry."""
    return OpeningEntry.decode(entry).request if entry.startswith(enc(Label.LOG_ENTRY)) else None


def _roots(entries: Sequence[bytes]) -> list[bytes]:
    frontier = Frontier()
    roots = [frontier.root()]
    for entry in entries:
        frontier, _ = frontier.append(leaf_hash(entry))
        roots.append(frontier.root())
    return roots
