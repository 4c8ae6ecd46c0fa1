"""The commitment to a prescription that a claim carries (docs/protocol.md section 11, step 11.3): pure.

Made at the desk, verified by the insurer's medical officer when the claim is drawn; without the salt it says nothing.
"""

from __future__ import annotations

import hashlib
import hmac

from paravent.crypto.labels import Label, enc


def prescription_commitment(
    salt: bytes, *, claim_id: bytes, document: bytes, canonical: bytes, categories: str, rules: str
) -> bytes:
    """Computes HMAC(salt, enc(commit-rx, claim id, H(document), canonical form, categories, rules version))."""
    digest = hashlib.sha256(document).digest()
    return hmac.digest(salt, enc(Label.COMMIT_PRESCRIPTION, claim_id, digest, canonical, categories, rules), "sha256")
