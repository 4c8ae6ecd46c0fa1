"""Two approvals of one leak match, for one case and one sample (docs/leak-matcher.md): pure.

Matching tells who is in a sample: like an opening of the witness logs, it takes two persons and a case number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey, VerifyKey, verify
from paravent.errors import InvalidLeakSample
from paravent.wire.codec import Amc, Bytes32, Bytes64, Message, Name
from paravent.wire.suspension import CaseNumber

APPROVALS = 2


class Approval(Message, frozen=True, kw_only=True):
    """An approver's word that this sample (its SHA-256) may be matched for this case."""

    insurer: Amc
    case: CaseNumber
    sample: Bytes32
    approver: Name
    signature: Bytes64


def approve(*, insurer: str, case: str, sample: bytes, approver: str, key: SigningKey) -> Approval:
    """Signs an approval; ``sample`` is a SHA-256."""
    signature = key.sign(Label.LEAK_APPROVAL, insurer, case, sample, approver)
    return Approval(insurer=insurer, case=case, sample=sample, approver=approver, signature=signature)


def require_approvals(
    approvals: Sequence[Approval], approvers: Mapping[str, VerifyKey], *, insurer: str, case: str, sample: bytes
) -> tuple[str, ...]:
    """Checks that two different approvers signed for this case and sample; returns their names.

    Raises InvalidLeakSample when an approval is for something else, of one unknown, or of the same person twice;
    ProofFailure naming an approver whose signature does not verify.
    """
    names = set()
    for approval in approvals:
        key = approvers.get(approval.approver)
        if key is None:
            raise InvalidLeakSample("an approval is of nobody whom this insurer lists as an approver")
        if (approval.insurer, approval.case, approval.sample) != (insurer, case, sample):
            raise InvalidLeakSample("an approval is for another case, another sample or another insurer")
        verify(
            key, approval.signature, Label.LEAK_APPROVAL, insurer, case, sample, approval.approver,
            culprit=approval.approver,
        )  # fmt: skip
        names.add(approval.approver)
    if len({approvers[name] for name in names}) < APPROVALS:
        raise InvalidLeakSample(f"a match takes the approvals of {APPROVALS} persons, each with a key of their own")
    return tuple(sorted(names))
