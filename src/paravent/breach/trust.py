"""What a reader of dossiers pins: the key of the log, cosigners, the authority (docs/protocol.md section 16): pure."""

from __future__ import annotations

from functools import partial

from cryptography.x509 import Certificate, InvalidVersion, load_pem_x509_certificate

from paravent.breach.dossier_check import Trust
from paravent.crypto.note import NoteKey, SignatureKind
from paravent.crypto.signing import VerifyKey
from paravent.crypto.timestamp import Authority, verify_stamp
from paravent.errors import InvalidConfiguration
from paravent.wire.codec import Message
from paravent.wire.statements import Directory


class TrustFile(Message, frozen=True, kw_only=True):
    """Verifier keys (name+id+key), and the authority's certificates in PEM, empty when nothing is stamped."""

    log: str
    cosigners: tuple[str, ...]
    authority: str = ""
    root: str = ""


def read_certificate(pem: bytes, source: str) -> Certificate:
    """Reads a certificate in PEM; raises InvalidConfiguration, which names its source."""
    try:
        return load_pem_x509_certificate(pem)
    except (ValueError, InvalidVersion):
        raise InvalidConfiguration(f"{source} is not a certificate in PEM") from None


def trust_of(file: TrustFile) -> Trust:
    """Reads a trust file; raises MalformedMessage, or InvalidConfiguration on a certificate."""
    stamp = None
    if file.authority and file.root:
        stamp = partial(_stamp, Authority(
            certificate=read_certificate(file.authority.encode(), "the authority of the trust file"),
            root=read_certificate(file.root.encode(), "the root of the trust file"),
        ))  # fmt: skip
    return Trust(
        log=NoteKey.parse(file.log), cosigners=tuple(NoteKey.parse(key) for key in file.cosigners), stamp=stamp
    )


def cosigners_of(directory: Directory) -> list[NoteKey]:
    """Lists whose cosignatures count: every key server, the hub, and each insurer under its AMC number."""
    keys = [(peer.name, peer.verify_key) for peer in directory.watchers()]
    keys += [(entry.amc, entry.issuer_key) for entry in directory.insurers]
    return [NoteKey(name=name, kind=SignatureKind.COSIGNATURE, public=VerifyKey(key)) for name, key in sorted(keys)]


def _stamp(authority: Authority, answer: bytes, note: bytes) -> int:
    return verify_stamp(answer, note, authority, culprit="time-stamping authority")
