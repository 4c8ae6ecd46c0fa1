"""The OpenID provider of the demonstration, and a browser without a screen: both for loopback only.

The provider is a stand-in for Pro Santé Connect, with the claim names of its profile; it is a development
dependency, installed by the set-up and by nothing else. It lets anybody log in as anybody.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPMessage
from pathlib import Path
from typing import IO, Any

PROFESSION = "28"
LEVEL = "eidas1"
REDIRECTS = frozenset({302, 303})
REDIRECTS_MAX = 40
TIMEOUT_SECONDS = 20.0


def start_provider(port: int, log: Path) -> subprocess.Popen[bytes]:
    """Starts the provider on a loopback port; every client has to be registered and every login to have a nonce."""
    with log.open("ab") as stream:
        return subprocess.Popen(  # noqa: S603 - a locked package, no shell
            [
                sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port),
                "--require-registration", "true", "--require-nonce", "true", "--no-refresh-token",
            ],
            stdout=stream, stderr=stream, stdin=subprocess.DEVNULL, env=os.environ | {"NO_COLOR": "1"},
        )  # fmt: skip


def register_client(issuer: str, redirect_uri: str, method: str = "basic") -> tuple[str, str]:
    """Registers a verifier; returns the client id and the client secret that the provider hands out.

    ``method`` is how the client authenticates itself, as its profile names it.
    """
    asked = {"redirect_uris": [redirect_uri], "token_endpoint_auth_method": f"client_secret_{method}"}
    found = json.loads(_send("POST", f"{issuer}/oauth2/clients", asked))
    return str(found["client_id"]), str(found["client_secret"])


def professional_claims(professional: str, shop: str, **others: object) -> dict[str, Any]:
    """Describes an optician who exercises in a shop, as the profile of Pro Santé Connect names the claims."""
    exercise = {"codeProfession": PROFESSION, "activities": [{"numeroFinessSite": shop}]}
    return {
        "SubjectNameID": professional, "preferred_username": professional, "acr": LEVEL,
        "SubjectRefPro": {"codeCategorieProfessionnelle": "C", "exercices": [exercise]}, **others,
    }  # fmt: skip


def person_claims(name: str, birth_date: str, nir: str, **others: object) -> dict[str, Any]:
    """Describes an insured person as FranceConnect would: names, birth date, sex, place; never their number.

    ``name`` is as printed, the given name last; the synthetic person was born where their own number says.
    """
    family, _, given = name.rpartition(" ")
    return {
        "family_name": family, "given_name": given, "gender": "male" if nir[0] == "1" else "female",
        "birthdate": f"{birth_date[:4]}-{birth_date[4:6]}-{birth_date[6:]}", "birthplace": nir[5:10],
        "birthcountry": "99100", "acr": LEVEL, **others,
    }  # fmt: skip


def set_claims(issuer: str, subject: str, claims: dict[str, Any]) -> None:
    """Tells the provider who somebody is."""
    _send("PUT", f"{issuer}/users/{urllib.parse.quote(subject, safe='')}", claims)


class Browser:
    """Somebody at a browser: logs in wherever the provider asks, and follows every redirect."""

    def __init__(self, issuer: str, subject: str) -> None:
        """Logs in as a subject of the provider."""
        self._login = f"{issuer}/oauth2/authorize?"
        self._form = urllib.parse.urlencode({"sub": subject}).encode()
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stop())

    def walk(self, address: str) -> list[str]:
        """Follows an address to the end; returns every address visited."""
        visited: list[str] = []
        following: str | None = address
        while following is not None and len(visited) < REDIRECTS_MAX:
            visited.append(following)
            following = self.step(following)
        return visited

    def step(self, address: str) -> str | None:
        """Opens one address, with the login form filled in; returns where it sends the browser, if anywhere."""
        body = self._form if address.startswith(self._login) else None
        try:
            self._opener.open(address, body, timeout=TIMEOUT_SECONDS).close()
        except urllib.error.HTTPError as answer:
            if answer.code not in REDIRECTS:
                raise
            answer.close()
            return str(urllib.parse.urljoin(address, answer.headers["location"]))
        return None


class _Stop(urllib.request.HTTPRedirectHandler):
    """Leaves a redirect to the browser above, which decides what to do with it."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Follows nothing."""


def _send(method: str, address: str, message: object) -> bytes:
    body = json.dumps(message).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(address, body, headers, method=method)  # noqa: S310 - the provider just started
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
        return bytes(answer.read())
