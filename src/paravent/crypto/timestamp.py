"""What a time-stamping authority answered, verified offline (RFC 3161; docs/protocol.md section 12).

For who reads logs; a key server never imports this. The authority is pinned: one certificate, and the root that signed
it. A stamp says that the note existed at its time; it says nothing of what the authority checked, which is nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509 import Certificate, InvalidVersion
from rfc3161_client import TimeStampResponse, VerificationError, VerifierBuilder, decode_timestamp_response
from rfc3161_client.verify import SHA256_OID

from paravent.crypto.timestamp_request import StampNonce
from paravent.errors import MalformedMessage, ProofFailure

STAMP_BYTES_MAX = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """The authority that is believed: the certificate of its stamps and the root above it."""

    certificate: Certificate
    root: Certificate


def verify_stamp(
    answer: bytes, note: bytes, authority: Authority, *, nonce: StampNonce | None = None, culprit: str
) -> int:
    """Verifies a TimeStampResp for an encoded note and returns its time, in whole seconds, rounded down.

    ``nonce`` is that of the request for who asked, None for who reads a kept stamp. Raises MalformedMessage, or
    ProofFailure naming ``culprit``.
    """
    parsed = _parsed(answer)
    verifier = VerifierBuilder(tsa_certificate=authority.certificate, roots=[authority.root], nonce=nonce).build()
    try:
        # 1. It was granted, and signed by the pinned certificate, valid at the time of the stamp, for time-stamping.
        # 2. It repeats the nonce, and stamps the digest of this note.
        verifier.verify(parsed, hashlib.sha256(note).digest())
        # 3. The certificate stands in the answer: without it the library ties the signature to it or to the root.
        carried = len(parsed.signed_data.certificates)
        # 4. The digest is named as SHA-256: the library compares 32 bytes, whatever hash is said to have made them.
        named = parsed.tst_info.message_imprint.hash_algorithm.dotted_string
        at = int(parsed.tst_info.gen_time.timestamp())
    except (VerificationError, ValueError, InvalidVersion, UnsupportedAlgorithm) as error:
        raise ProofFailure("a time stamp does not verify", culprit=culprit) from error
    if not carried or named != SHA256_OID:
        raise ProofFailure("a time stamp is of another hash, or without its certificate", culprit=culprit)
    return at


def _parsed(answer: bytes) -> TimeStampResponse:
    if len(answer) > STAMP_BYTES_MAX:
        raise MalformedMessage("a time stamp is at most 16,384 bytes")
    try:
        return decode_timestamp_response(answer)
    except ValueError as error:
        raise MalformedMessage("a time stamp is a TimeStampResp of RFC 3161") from error
