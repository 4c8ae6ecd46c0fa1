"""A provider of ID tokens in one process, for tests: its keys, its tokens, what it says of an optician."""

from __future__ import annotations

import base64
import json
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from paravent.access.openid import Identified, KeyList, ProviderAnswer, ProviderProfile, RelyingParty, identify
from paravent.access.openid_config import shipped_profile

NOW = 1_800_000_000
ISSUER = "https://provider.example"
CLIENT = "keyserver-1-client"
NONCE = "nonce-of-this-enrolment"
SHOP = "580000001"
PROFESSIONAL = "810000000001"

RSA = RSAKey.generate_key(2_048, {"kid": "r"})
ELLIPTIC = ECKey.generate_key("P-256", {"kid": "e"})
EDWARDS = OKPKey.generate_key("Ed25519", {"kid": "o"})
STRANGER = RSAKey.generate_key(2_048, {"kid": "r"})
ALGORITHM_OF: dict[str, Key] = {"RS256": RSA, "ES256": ELLIPTIC, "Ed25519": EDWARDS}

PROFILE = shipped_profile("pro-sante-connect")
PARTY = RelyingParty(issuer=ISSUER, client_id=CLIENT, acr_accepted=("eidas1",), audiences=("portal",), profile=PROFILE)


def key_list(*keys: Key) -> KeyList:
    """Publishes the public halves."""
    return KeyList(keys=tuple(dict(key.as_dict(private=False)) for key in keys or (RSA, ELLIPTIC, EDWARDS)))


def claims(**changes: object) -> dict[str, Any]:
    """Lists the claims of a good ID token, with changes; None takes a claim out."""
    good: dict[str, Any] = {
        "iss": ISSUER, "sub": "f:1:optician", "aud": CLIENT, "iat": NOW, "exp": NOW + 300, "auth_time": NOW - 60,
        "nonce": NONCE, "acr": "eidas1",
    }  # fmt: skip
    return {name: value for name, value in (good | changes).items() if value is not None}


def sector(**changes: object) -> dict[str, Any]:
    """Lists what userinfo says of an optician who works in the shop, with changes."""
    exercise: dict[str, Any] = {
        "codeProfession": "28",
        "activities": [{"numeroFinessSite": "580000009"}, {"numeroFinessSite": SHOP}],
    }
    good: dict[str, Any] = {
        "sub": "f:1:optician",
        "SubjectNameID": PROFESSIONAL,
        "SubjectRefPro": {"exercices": [exercise]},
    }
    return good | changes


def exercises(*found: tuple[str, str]) -> dict[str, Any]:
    """Describes exercises as (profession, shop)."""
    return {"exercices": [{"codeProfession": code, "activities": [{"numeroFinessSite": at}]} for code, at in found]}


def token(payload: dict[str, Any], key: Key = RSA, header: dict[str, Any] | None = None) -> bytes:
    """Signs a token as the provider, or as somebody else."""
    protected: dict[str, Any] = {"alg": "RS256", "kid": key.kid} if header is None else header
    registry = jws.JWSRegistry(algorithms=[protected["alg"]], strict_check_header=False)
    return jws.serialize_compact(protected, json.dumps(payload), key, registry=registry).encode()


def raw(header: dict[str, Any], payload: dict[str, Any], signature: bytes) -> bytes:
    """Joins the three parts of a token that nobody signed."""
    parts = (json.dumps(header).encode(), json.dumps(payload).encode(), signature)
    return b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)


def judged(
    id_token: bytes, userinfo: dict[str, Any] | None = None, *,
    keys: KeyList | None = None, party: RelyingParty[ProviderProfile] = PARTY, used: bool = False, now: int = NOW,
) -> Identified:  # fmt: skip
    """Has a token judged."""
    answer = ProviderAnswer(id_token=id_token, userinfo=json.dumps(userinfo or sector()).encode())
    return identify(answer, keys or key_list(), party, nonce=NONCE, shop=SHOP, used=lambda _: used, now=now)
