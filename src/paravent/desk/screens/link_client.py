"""Asking the running desk for a link to its screens: whoever reads the desk's token may (docs/operating.md)."""

from __future__ import annotations

from http import HTTPStatus

import aiohttp

from paravent.desk.session import ScreensLink
from paravent.errors import Unreachable
from paravent.wire.codec import decode
from paravent.wire.problem import from_problem


async def ask_link(port: int, token: str) -> str:
    """Returns a link; raises Unreachable when the desk's service does not run."""
    headers = {"authorization": f"Bearer {token}"}
    try:
        async with (
            aiohttp.ClientSession(trust_env=False, timeout=aiohttp.ClientTimeout(total=5)) as http,
            http.post(
                f"http://127.0.0.1:{port}/v1/screens", data=b"{}", headers=headers, allow_redirects=False
            ) as answer,
        ):
            content = await answer.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Unreachable(f"the desk's service does not run: start it first ({type(error).__name__})") from None
    if answer.status != HTTPStatus.OK:
        raise from_problem(content, party="desk")
    return decode(content, ScreensLink).link
