"""Signing in to the insured person's space: authorization code with PKCE, state and nonce (protocol.md step 17.2).

What is begun is kept in memory for ten minutes, under a cookie of the browser that began it: an answer that another
browser brings is refused. Nothing of who signed in, or failed to, is logged.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import time
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from paravent.access.openid import code_challenge, preload, to_base64url, verify_login
from paravent.errors import EnrolmentRefused, SignInRefused
from paravent.insurer.sign_in import SignedIn, read_claims
from paravent.insurer.space_config import SignInSetting
from paravent.pages.screens.app import cookie_name

BEGUN_SECONDS_MAX = 600
BEGUN_MAX = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A sign-in that was begun in one browser, and is used once."""

    state: str
    nonce: str
    verifier: str
    at: float

    def __repr__(self) -> str:
        return "Begun(REDACTED)"


class SignIn:
    """The sign-ins of one space."""

    def __init__(self, setting: SignInSetting, cookie: str, *, secure: bool) -> None:
        """Signs in at the provider of a setting; ``secure`` unless the space is on loopback."""
        preload()
        self._setting = setting
        self._cookie = cookie_name(cookie, secure=secure)
        self._secure = secure
        self._begun: dict[str, Begun] = {}

    async def begin(self, headers: dict[str, str]) -> Response:
        """Sends the browser to the provider; raises Unreachable."""
        name = _drawn()
        begun = Begun(state=_drawn(), nonce=_drawn(), verifier=_drawn(), at=time.monotonic())
        party = self._setting.party
        parameters = {
            "response_type": "code", "client_id": party.client_id, "redirect_uri": self._setting.redirect_uri,
            "scope": " ".join(party.profile.scopes), "acr_values": " ".join(party.acr_accepted), "state": begun.state,
            "nonce": begun.nonce, "code_challenge": code_challenge(begun.verifier), "code_challenge_method": "S256",
        }  # fmt: skip
        address = await asyncio.to_thread(self._setting.provider.authorization_url, parameters)
        self._forget()
        self._begun[name] = begun
        answer = RedirectResponse(address, 303, headers)
        answer.set_cookie(self._cookie, name, BEGUN_SECONDS_MAX, httponly=True, samesite="lax", secure=self._secure)
        return answer

    async def finish(self, request: Request) -> SignedIn:
        """Judges what the browser brings back from the provider; raises SignInRefused or Unreachable.

        1. begun in this browser, not long ago, once; 2. state; 3. code; 4. ID token and userinfo (9.9, steps 1 to 10);
        5. a whole pivot identity.
        """
        # 1. begun here
        begun = self._begun.pop(request.cookies.get(self._cookie, ""), None)
        if begun is None or time.monotonic() - begun.at > BEGUN_SECONDS_MAX:
            raise SignInRefused("this sign-in was not begun in this browser in the last ten minutes")
        # 2. state
        if not hmac.compare_digest(request.query_params.get("state", "").encode(), begun.state.encode()):
            raise SignInRefused("the answer is to another sign-in")
        # 3. code
        code = request.query_params.get("code", "")
        if not code:
            raise SignInRefused("the provider did not sign anybody in")
        return await asyncio.to_thread(self._judge, code, begun)

    def _judge(self, code: str, begun: Begun) -> SignedIn:
        setting = self._setting
        try:
            # 4. ID token and userinfo
            answer = setting.provider.exchange(code, begun.verifier)
            keys = setting.provider.keys(answer.id_token)
            claims = verify_login(answer, keys, setting.party, nonce=begun.nonce, now=int(time.time()))
        except EnrolmentRefused as error:
            # The checks are those of enrolment; nobody enrols anything here.
            raise SignInRefused(str(error)) from None
        # 5. pivot identity
        return read_claims(claims, setting.party.profile)

    def _forget(self) -> None:
        oldest = time.monotonic() - BEGUN_SECONDS_MAX
        kept = [(name, begun) for name, begun in self._begun.items() if begun.at > oldest]
        self._begun = dict(kept[-BEGUN_MAX + 1 :])


def _drawn() -> str:
    return to_base64url(os.urandom(32))
