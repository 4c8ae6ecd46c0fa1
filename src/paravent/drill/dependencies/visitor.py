"""Somebody with a browser at their insurer's space: signs in at the provider, and reads on."""

from __future__ import annotations

import re
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

from paravent.drill.dependencies.outages import NO_ANSWER, WORKS

_TIMEOUT_SECONDS = 30.0
_CODE = re.compile(r"<code>([a-z-]+)</code>")


class Visitor:
    """A browser without a screen, which keeps its cookies; every answer is ``works``, or the code that it shows."""

    def __init__(self, address: str, issuer: str, subject: str) -> None:
        """Will sign in as a subject of the provider."""
        self._address = address
        self._issuer = issuer
        self._form = urllib.parse.urlencode({"sub": subject}).encode()
        cookies = urllib.request.HTTPCookieProcessor(CookieJar())
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies)

    def sign_in(self) -> str:
        """Asks the space to sign in, fills in the provider's form, and comes back."""
        found, at = self._open(f"{self._address}/sign-in")
        if found != WORKS or not at.startswith(self._issuer):
            return found if found != WORKS else "not sent to the provider"
        found, at = self._open(at, self._form)
        return found if found != WORKS or at == f"{self._address}/" else "not signed in"

    def read(self) -> str:
        """Reads the member's own checks, as who is signed in."""
        found, at = self._open(f"{self._address}/journal")
        return found if found != WORKS or at == f"{self._address}/journal" else "not signed in"

    def _open(self, address: str, body: bytes | None = None) -> tuple[str, str]:
        """Opens an address; returns how it ended, and where the redirects led."""
        try:
            with self._opener.open(address, body, timeout=_TIMEOUT_SECONDS) as answer:
                return WORKS, str(answer.url)
        except urllib.error.HTTPError as error:
            with error:
                shown = _CODE.search(error.read().decode(errors="replace"))
            return ("no declared error" if shown is None else shown[1]), address
        except OSError:
            return NO_ANSWER, address
