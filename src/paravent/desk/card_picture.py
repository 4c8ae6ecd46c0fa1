"""The text of a card from a picture of its QR code: a file, or a frame of the camera: pure.

A picture may come from anybody: two plain formats only, and its size is read before its content.
"""

from __future__ import annotations

from io import BytesIO

import zxingcpp
from PIL import Image

from paravent.errors import BodyTooLarge, UnreadableCard

PICTURE_BYTES_MAX = 12_000_000
PICTURE_PIXELS_MAX = 40_000_000
_FORMATS = ("JPEG", "PNG")


def read_picture(content: bytes) -> str:
    """Returns the text of the one QR code of a picture; raises BodyTooLarge or UnreadableCard."""
    if len(content) > PICTURE_BYTES_MAX:
        raise BodyTooLarge(f"a picture is at most {PICTURE_BYTES_MAX} bytes")
    try:
        with Image.open(BytesIO(content), formats=_FORMATS) as picture:
            if picture.width * picture.height > PICTURE_PIXELS_MAX:
                raise UnreadableCard(f"a picture has at most {PICTURE_PIXELS_MAX} pixels")
            grey = picture.convert("L")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise UnreadableCard("this file is not a PNG or JPEG picture of a card") from None
    found = zxingcpp.read_barcodes(grey, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    if len(found) != 1:
        raise UnreadableCard(f"the picture holds {len(found)} QR codes, one is needed")
    return str(found[0].text)
