"""Which function recomputes which operation of which vector file."""

from __future__ import annotations

from collections.abc import Callable

from tests.vectors.reference import evaluation, persons, records, rights, statements
from tests.vectors.reference.hashing import Refused, Values

OPERATIONS: dict[str, dict[str, Callable[[Values], Values]]] = {
    "boxes": {"public-key": statements.public_key, "open": statements.open_box},
    "card": {
        "base45-encode": rights.base45_encode, "base45-decode": rights.base45_decode, "write": rights.write_card,
        "read": rights.read_card,
    },
    "enc": {"encode": statements.encode},
    "entitlement": {
        "desk-part": rights.desk_part, "issue": rights.issue, "verify": rights.verify,
        "verify-desk-part": rights.verify_desk_part,
    },
    "identity": {
        "nir": persons.nir, "name": persons.name, "birth-date": persons.birth_date,
        "lookup-input": persons.lookup_input, "holder": persons.holder, "binding": persons.binding,
    },
    "manifest": {
        "leaf": records.leaf, "tree": records.tree, "path-positions": records.path_positions,
        "verify-inclusion": records.verify_inclusion, "verify-absence": records.verify_absence,
        "answer": records.answer,
    },
    "number-lane": {
        "sign-fetch": statements.sign_fetch, "verify-fetch": statements.verify_fetch,
        "sign-auth": statements.sign_auth, "verify-auth": statements.verify_auth,
        "sign-evaluation": statements.sign_evaluation, "verify-evaluation": statements.verify_evaluation,
    },
    "oprf": {
        "hash-to-group": evaluation.hash_to_group, "blind": evaluation.blind, "finalize": evaluation.finalize,
        "evaluate": evaluation.evaluate_whole,
    },
    "prescription": {"quarters": persons.quarters, "canonical": persons.canonical, "commit": persons.commit},
    "replicated": {
        "server-sets": records.server_sets, "key-digest": records.key_digest,
        "opening-value": records.opening_value, "assemble": records.assemble,
    },
    "sealing": {"handle": records.handle, "seal": records.seal, "open": records.open_row},
    "sharing": {
        "deal": evaluation.deal, "verify-share": evaluation.verify_share, "evaluate": evaluation.evaluate_share,
        "verify-evaluation": evaluation.verify_evaluation, "combine": evaluation.combine,
    },
    "signing": {
        "sign": statements.sign, "verify": statements.verify, "sign-receipt": statements.sign_receipt,
        "open-receipt": statements.open_receipt,
    },
    "status": {"bits-for": rights.bits_for, "encode": rights.status_list, "read": rights.revoked},
}  # fmt: skip


def recompute(construction: str, case: Values) -> Values:
    """Recomputes one case: its output, or the code of its error."""
    try:
        return {"output": OPERATIONS[construction][case["operation"]](case["input"])}
    except Refused as refused:
        return {"error": refused.code}


def disagreements(construction: str, document: Values) -> list[str]:
    """Lists the cases of a file that come out otherwise than it says."""
    kept = ("output", "error")
    return [
        case["name"] for case in document["cases"]
        if recompute(construction, case) != {name: case[name] for name in kept if name in case}
    ]  # fmt: skip
