"""RFC 9421 appendix B.2.6: a request signed with Ed25519, and the base that its signature covers."""

from __future__ import annotations

import base64

import pytest

from paravent.access.requests import signature_base
from paravent.crypto.signing import Seed, SigningKey, VerifyKey, verify_bytes
from paravent.errors import ProofFailure

# Appendix B.1.4, test-key-ed25519: the last 32 bytes of the PKCS #8 structure, and the public key.
SEED = base64.b64decode("n4Ni+HpISpVObnQMW0wOhCKROaIKqKtW/2ZYb2p9KcU=")
PUBLIC = base64.urlsafe_b64decode("JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs=")
COMPONENTS = {
    "date": "Tue, 20 Apr 2021 02:07:55 GMT",
    "@method": "POST",
    "@path": "/foo",
    "@authority": "example.com",
    "content-type": "application/json",
    "content-length": "18",
}
PARAMETERS = (
    '("date" "@method" "@path" "@authority" "content-type" "content-length")'
    ';created=1618884473;keyid="test-key-ed25519"'
)
SIGNATURE = base64.b64decode("wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==")


def test_the_signature_base_is_the_published_one() -> None:
    key = SigningKey(Seed(SEED))
    assert key.public == PUBLIC
    assert key.sign_bytes(signature_base(COMPONENTS, PARAMETERS)) == SIGNATURE


@pytest.mark.parametrize("name", COMPONENTS)
def test_no_component_is_left_out_of_the_base(name: str) -> None:
    base = signature_base(COMPONENTS | {name: COMPONENTS[name] + "0"}, PARAMETERS)
    with pytest.raises(ProofFailure):
        verify_bytes(VerifyKey(PUBLIC), SIGNATURE, base, culprit="")
