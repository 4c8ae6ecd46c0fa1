"""The headers of every screen: nothing from elsewhere, nothing inline, nothing kept (docs/threat-model.md): pure."""

from __future__ import annotations

from typing import Final

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_REFUSED_FEATURES: Final = ("display-capture", "geolocation", "microphone", "payment", "usb")


def screen_headers(*, camera: bool) -> dict[str, str]:
    """Gives the headers of a page, a script or a style; only a desk asks for the camera."""
    features = [f"{name}=()" for name in _REFUSED_FEATURES]
    return {
        "cache-control": "no-store",
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": ", ".join([f"camera={'(self)' if camera else '()'}", *features]),
        # Not "no-referrer": browsers would then hide the origin of the forms of our own pages.
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
    }
