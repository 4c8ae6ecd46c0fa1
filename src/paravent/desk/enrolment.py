"""One enrolment as the desk sees it: what it asks, what it checks, what it proves (docs/protocol.md section 9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.errors import ProofFailure
from paravent.wire.enrolment import (
    CALLBACK_PATH,
    EnrolmentFinish,
    EnrolmentStart,
    EnrolmentStarted,
    enrolment_nonce,
    possession_fields,
    salt_commitment,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """The enrolment of this desk's key at one verifier, under a salt drawn for it."""

    verifier: str
    address: str
    key: SigningKey
    salt: bytes

    def start(self, shop: str, return_port: int) -> EnrolmentStart:
        """Returns what to ask."""
        commitment = salt_commitment(self.salt)
        return EnrolmentStart(
            device_key=self.key.public, shop=shop, salt_commitment=commitment, return_port=return_port
        )

    def check_url(self, started: EnrolmentStarted, parameters: Mapping[str, list[str]]) -> None:
        """Checks the query of the address that a verifier gave, before anybody logs in; raises ProofFailure.

        A verifier that lies could have the professional log in for another key, or at another verifier.
        """
        nonce = enrolment_nonce(self.verifier, self.key.public, salt_commitment(self.salt), started.enrolment)
        expected = {
            "nonce": nonce, "response_type": "code", "redirect_uri": self.address + CALLBACK_PATH,
            "code_challenge_method": "S256",
        }  # fmt: skip
        if any(parameters.get(name) != [value] for name, value in expected.items()):
            raise ProofFailure("it asks for a login for another device or another server", culprit=self.verifier)

    def finish(self, started: EnrolmentStarted, browser_proof: bytes, shop_code: str | None) -> EnrolmentFinish:
        """Returns what proves the key, the salt and the browser."""
        fields = possession_fields(self.verifier, started.enrolment, started.challenge, self.salt)
        return EnrolmentFinish(
            enrolment=started.enrolment, salt=self.salt, browser_proof=browser_proof,
            possession=self.key.sign(Label.ENROL_POSSESSION, *fields), shop_code=shop_code,
        )  # fmt: skip
