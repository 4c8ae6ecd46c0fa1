"""Who signed a request, among the parties of the directory (docs/protocol.md sections 2 and 9)."""

from __future__ import annotations

from paravent.access.requests import Authenticated, HttpRequest, authority_of, claimed_keyid, verify_request
from paravent.crypto.signing import VerifyKey, key_id
from paravent.errors import UnknownInsurer, UnknownParty
from paravent.wire.statements import Directory, InsurerEntry


def authenticate_party(request: HttpRequest, directory: Directory, *, base_url: str, now: int) -> str:
    """Returns the name of the key server or hub, or the AMC number of the insurer, that signed a request.

    Raises UnknownParty or RequestNotAuthentic.
    """
    parties = [
        (directory.hub.name, directory.hub.verify_key),
        *((entry.name, entry.verify_key) for entry in directory.keyservers),
        *((entry.amc, entry.issuer_key) for entry in directory.insurers),
    ]
    claimed = claimed_keyid(request)
    for name, encoded in parties:
        key = VerifyKey(encoded)
        if key_id(key) == claimed:
            verify_request(request, key=key, authority=authority_of(base_url), now=now)
            return name
    raise UnknownParty("no party of the directory has this key")


def authenticate_insurer(
    request: HttpRequest, directory: Directory, *, base_url: str, now: int
) -> tuple[InsurerEntry, Authenticated]:
    """Returns the insurer whose issuer key signed a request; raises UnknownInsurer or RequestNotAuthentic."""
    claimed = claimed_keyid(request)
    for entry in directory.insurers:
        key = VerifyKey(entry.issuer_key)
        if key_id(key) == claimed:
            return entry, verify_request(request, key=key, authority=authority_of(base_url), now=now)
    raise UnknownInsurer("no insurer of the directory has this key")
