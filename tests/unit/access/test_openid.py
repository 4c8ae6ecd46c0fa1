"""Every check of an ID token, each with the defect that lets through what it refuses (docs/protocol.md section 9)."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OctKey
from tests.unit.access import provider
from tests.unit.access.provider import (
    ALGORITHM_OF,
    CLIENT,
    EDWARDS,
    ELLIPTIC,
    NOW,
    PARTY,
    PROFESSIONAL,
    PROFILE,
    RSA,
    SHOP,
    STRANGER,
    claims,
    exercises,
    judged,
    key_list,
    raw,
    sector,
    token,
)
from tests.unit.crypto.mutation import edited

from paravent.access import openid
from paravent.access.openid import (
    KeyList,
    ProviderAnswer,
    code_challenge,
    from_base64url,
    identify,
    key_name,
    to_base64url,
)
from paravent.errors import EnrolmentRefused

Attempt = Callable[[], object]


@pytest.mark.parametrize("algorithm", sorted(ALGORITHM_OF))
def test_a_good_token_names_the_professional(algorithm: str) -> None:
    key = ALGORITHM_OF[algorithm]
    signed = token(claims(), key, {"alg": algorithm, "kid": key.kid})
    found = judged(signed)
    assert found.professional == PROFESSIONAL
    assert found.token_hash == sha256(signed.rpartition(b".")[0]).digest()


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": [CLIENT]}, {"aud": [CLIENT, "portal"], "azp": CLIENT}, {"azp": CLIENT}, {"iat": NOW - 300},
        {"iat": NOW + 30}, {"exp": NOW + 1}, {"nbf": NOW}, {"auth_time": None}, {"auth_time": NOW - 600},
    ],
)  # fmt: skip
def test_what_stands_at_the_limit_is_accepted(changes: dict[str, Any]) -> None:
    assert judged(token(claims(**changes))).professional == PROFESSIONAL


def test_without_a_key_name_the_one_key_that_fits_is_used() -> None:
    assert judged(token(claims(), RSA, {"alg": "RS256"})).professional == PROFESSIONAL
    assert key_name(token(claims(), RSA, {"alg": "RS256"})) is None
    assert key_name(token(claims())) == "r"


def refused(changes: dict[str, Any], **options: Any) -> Attempt:
    """An ID token with other claims."""
    return lambda: judged(token(claims(**changes)), **options)


def described(changes: dict[str, Any]) -> Attempt:
    """A good ID token with another answer of userinfo."""
    return lambda: judged(token(claims()), sector(**changes))


def signed_with_the_public_key() -> object:
    """The old confusion: the public key, which everybody has, taken as a secret of HS256."""
    header, public = {"alg": "HS256", "kid": "r"}, RSA.as_pem(private=False)
    unsigned = raw(header, claims(), b"")[:-1]
    mac = hmac.digest(public, unsigned, "sha256")
    return judged(raw(header, claims(), mac))


def altered() -> object:
    """The claims of another login under the signature of a good one."""
    head, _, signature = token(claims()).split(b".")
    _, payload, _ = token(claims(auth_time=NOW - 61)).split(b".")
    return judged(b".".join((head, payload, signature)))


def without_userinfo() -> object:
    answer = ProviderAnswer(id_token=token(claims()), userinfo=None)
    return identify(answer, key_list(), PARTY, nonce=provider.NONCE, shop=SHOP, used=lambda _: False, now=NOW)


def limited_to(**members: str) -> Attempt:
    """The right key, published with a member that says what it is for."""
    key = dict(RSA.as_dict(private=False)) | members
    return lambda: judged(token(claims()), keys=KeyList(keys=(key,)))


UNSIGNED = ("_verified", "jws.deserialize_compact(token, key, algorithms=[header.alg]).payload", "_part(token, 1)")

# What is refused, what the refusal says, and where taking which text out lets it through: (function, old, new).
CASES: list[tuple[str, Attempt, str, tuple[str, str, str]]] = [
    ("an extension that must be understood",
     lambda: judged(token(claims(), RSA, {"alg": "RS256", "kid": "r", "crit": ["b64"], "b64": True})),
     "an extension", ("_verified", "header.crit is not None", "False")),
    ("the signature of a stranger", lambda: judged(token(claims(), STRANGER)), "signature", UNSIGNED),
    ("the claims of another login", altered, "signature", UNSIGNED),
    ("a key of another name", lambda: judged(token(claims(), RSA, {"alg": "RS256", "kid": "x"})),
     "no single key", ("_key", 'key.get("kid") == header.kid', "True")),
    ("another issuer", refused({"iss": "https://provider.example/"}), "another provider",
     ("_check_addressee", "claims.iss != party.issuer", "False")),
    ("another audience", refused({"aud": "keyserver-2-client"}), "another service",
     ("_check_addressee", "party.client_id not in audience or not audience <= {party.client_id, *party.audiences}",
      "False")),
    ("an audience that is not on the list", refused({"aud": [CLIENT, "stranger"], "azp": CLIENT}), "another service",
     ("_check_addressee", " or not audience <= {party.client_id, *party.audiences}", "")),
    ("the listed audience alone", refused({"aud": "portal"}), "another service",
     ("_check_addressee", "party.client_id not in audience or ", "")),
    ("several audiences and no authorised party", refused({"aud": [CLIENT, "portal"]}), "asked for by another",
     ("_check_addressee", "(claims.azp is None and len(audience) > 1) or ", "")),
    ("another authorised party", refused({"azp": "portal", "aud": [CLIENT, "portal"]}), "asked for by another",
     ("_check_addressee", " or claims.azp not in {None, party.client_id}", "")),
    ("an old token", refused({"iat": NOW - 301}), "five minutes",
     ("_check_times", "now - TOKEN_AGE_SECONDS_MAX <= claims.iat", "0 <= claims.iat")),
    ("a token of later", refused({"iat": NOW + 31}), "five minutes",
     ("_check_times", " <= now + CLOCK_SKEW_SECONDS_MAX:", " <= now + 3_600:")),
    ("an expired token", refused({"exp": NOW}), "not valid", ("_check_times", "claims.exp <= now or ", "")),
    ("a token not valid yet", refused({"nbf": NOW + 31}), "not valid",
     ("_check_times", " or claims.nbf > now + CLOCK_SKEW_SECONDS_MAX", "")),
    ("a login of long ago", refused({"auth_time": NOW - 601}), "log in again",
     ("_check_times", "claims.auth_time < now - LOGIN_AGE_SECONDS_MAX", "False")),
    ("a lower level", refused({"acr": "eidas0"}), "level", ("verify_login", "claims.acr not in party.acr_accepted",
                                                            "False")),
    ("no level", refused({"acr": None}), "level",
     ("verify_login", "claims.acr not in party.acr_accepted", "False")),
    ("another nonce", refused({"nonce": "nonce-of-another-key"}), "another device",
     ("verify_login", "not hmac.compare_digest(claims.nonce.encode(), nonce.encode())", "False")),
    ("userinfo of somebody else", described({"sub": "f:1:other"}), "whom the ID token names",
     ("_sector", " or _read(userinfo, _Subject).sub != subject", "")),
    ("no identifier", described({"SubjectNameID": None}), "no identifier",
     ("identify", "not isinstance(professional, str) or ", "False and ")),
    ("an identifier of another form", described({"SubjectNameID": f"{PROFESSIONAL}0"}), "no identifier",
     ("identify", " or not re.fullmatch(party.profile.professional_pattern, professional)", "")),
    ("another profession", described({"SubjectRefPro": exercises(("21", SHOP))}), "does not exercise",
     ("_exercises_in", "if exercise.get(profile.profession_claim) in profile.professions", "")),
    ("the profession in another shop", described({"SubjectRefPro": exercises(("28", "580000009"), ("21", SHOP))}),
     "does not exercise", ("_exercises_in", "activity.get(profile.site_claim) == shop", "True")),
    ("a token used already", lambda: judged(token(claims()), used=True), "used already",
     ("identify", "if used(token_hash)", "if False")),
]  # fmt: skip


@pytest.mark.parametrize(("attempt", "says"), [case[1:3] for case in CASES], ids=[case[0] for case in CASES])
def test_is_refused(attempt: Attempt, says: str) -> None:
    with pytest.raises(EnrolmentRefused, match=says):
        attempt()


@pytest.mark.parametrize(("attempt", "edit"), [(case[1], case[3]) for case in CASES], ids=[case[0] for case in CASES])
def test_without_its_check_it_passes(
    attempt: Attempt, edit: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    function, old, new = edit
    changed = edited(openid, function, old, new)
    monkeypatch.setattr(openid, function, changed)
    if function == "identify":
        monkeypatch.setattr(provider, "identify", changed)
    attempt()


# What several checks refuse, or the signature library itself: no single text lets it through.
@pytest.mark.parametrize(
    ("attempt", "says"),
    [
        pytest.param(lambda: judged(raw({"alg": "none"}, claims(), b"")), "algorithm", id="no algorithm"),
        pytest.param(
            lambda: judged(raw({"alg": "none", "kid": "r"}, claims(), b"")), "algorithm", id="no algorithm, with a key"
        ),
        pytest.param(signed_with_the_public_key, "algorithm", id="public key as a secret"),
        pytest.param(lambda: judged(token(claims(), RSA, {"alg": "RS512", "kid": "r"})), "algorithm", id="RS512"),
        pytest.param(
            lambda: judged(token(claims(), EDWARDS, {"alg": "Ed25519", "kid": "e"})),
            "no single key",
            id="a key of another kind",
        ),
        pytest.param(lambda: judged(token(claims()), keys=key_list(ELLIPTIC)), "no single key", id="no key that fits"),
        pytest.param(
            lambda: judged(token(claims()), keys=key_list(RSA, STRANGER)), "no single key", id="two keys that fit"
        ),
        pytest.param(
            lambda: judged(token(claims()), keys=key_list(OctKey.generate_key(256, {"kid": "r"}))),
            "no single key",
            id="a secret key published",
        ),
        pytest.param(limited_to(use="enc"), "no single key", id="a key of another use"),
        pytest.param(
            limited_to(alg="RS512"),
            "no single key",
            id="a key of another algorithm",
        ),
        pytest.param(lambda: judged(b"a.b"), "signed token", id="two parts"),
        pytest.param(lambda: judged(token(claims(padding="x" * 16_384))), "usual size", id="too long"),
        pytest.param(lambda: judged(b"!.e30.e30"), "base64url", id="no base64url"),
        pytest.param(lambda: judged(token(claims(sub=None))), "expected form", id="no subject"),
        pytest.param(lambda: judged(token(claims(iat="now"))), "expected form", id="a time in words"),
        pytest.param(lambda: judged(token(claims(aud=[]))), "another service", id="no audience"),
        pytest.param(without_userinfo, "whom the ID token names", id="no userinfo"),
        pytest.param(described({"SubjectRefPro": "28"}), "does not exercise", id="no exercises"),
        pytest.param(
            described({"SubjectRefPro": {"exercices": [28, {"codeProfession": "28"}]}}),
            "does not exercise",
            id="strange exercises",
        ),
    ],
)
def test_is_refused_as_well(attempt: Attempt, says: str) -> None:
    with pytest.raises(EnrolmentRefused, match=says):
        attempt()


def test_a_key_in_the_header_is_never_used() -> None:
    header = {"alg": "RS256", "jwk": STRANGER.as_dict(private=False), "jku": "https://thief.example/keys"}
    with pytest.raises(EnrolmentRefused, match="signature"):
        judged(token(claims(), STRANGER, header))


def test_the_same_key_twice_is_refused_rather_than_chosen() -> None:
    with pytest.raises(EnrolmentRefused, match="no single key"):
        judged(token(claims()), keys=key_list(RSA, RSA))


def test_a_short_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openid, "RSA_BITS_MIN", 2_049)
    with pytest.raises(EnrolmentRefused, match="too short"):
        judged(token(claims()))


def test_a_claim_written_twice_is_refused() -> None:
    text = json.dumps(claims())[:-1] + ', "acr": "eidas0"}'
    signed = jws.serialize_compact({"alg": "RS256", "kid": "r"}, text, RSA).encode()
    with pytest.raises(EnrolmentRefused, match="expected form"):
        judged(signed)


def test_the_sector_is_read_from_the_id_token_where_the_profile_says_so() -> None:
    party = replace(PARTY, profile=msgspec.structs.replace(PROFILE, sector_source="id-token"))
    whole = claims() | sector()
    assert judged(token(whole), {"sub": "nobody"}, party=party).professional == PROFESSIONAL
    with pytest.raises(EnrolmentRefused, match="no identifier"):
        judged(token(claims()), sector(), party=party)


def test_both_forms_of_an_elliptic_signature_are_one_token() -> None:
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    signed = token(claims(), ELLIPTIC, {"alg": "ES256", "kid": "e"})
    head, _, signature = signed.rpartition(b".")
    value = from_base64url(signature.decode())
    other = value[:32] + (order - int.from_bytes(value[32:], "big")).to_bytes(32, "big")
    twin = head + b"." + to_base64url(other).encode()
    assert twin != signed
    assert judged(twin).token_hash == judged(signed).token_hash


def test_the_pkce_challenge_is_that_of_rfc_7636() -> None:
    assert (
        code_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )


@given(st.binary(max_size=80))
def test_base64url_has_one_form(value: bytes) -> None:
    text = to_base64url(value)
    assert from_base64url(text) == value
    for other in (text + "=", text + "\n", "+" + text[1:] if text else "=", text + "A"):
        if other != text:
            try:
                assert to_base64url(from_base64url(other)) == other
            except EnrolmentRefused:
                continue


def test_the_shipped_profile_says_where_each_value_comes_from() -> None:
    told = set(PROFILE.status)
    names = {field.name for field in msgspec.structs.fields(PROFILE)} - {"name", "as_of", "status"}
    assert told == names
