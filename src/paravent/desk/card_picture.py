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
_TOO_MANY_PIXELS = f"a picture has at most {PICTURE_PIXELS_MAX} pixels"


def read_picture(content: bytes) -> str:
    """Returns the text of the one QR code of a picture; raises BodyTooLarge or UnreadableCard.

    A large picture takes this machine seconds: a service reads it in a thread.
    """
    if len(content) > PICTURE_BYTES_MAX:
        raise BodyTooLarge(f"a picture is at most {PICTURE_BYTES_MAX} bytes")
    try:
        with Image.open(BytesIO(content), formats=_FORMATS) as picture:
            # Only the head of the file was read: a bomb says its size there, and is never unpacked.
            if picture.width * picture.height > PICTURE_PIXELS_MAX:
                raise BodyTooLarge(_TOO_MANY_PIXELS)
            grey = picture.convert("L")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BodyTooLarge(_TOO_MANY_PIXELS) from None
    except (OSError, ValueError, SyntaxError):
        raise UnreadableCard("this file is not a whole PNG or JPEG picture") from None
    found = zxingcpp.read_barcodes(grey, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    if len(found) != 1:
        raise UnreadableCard(f"the picture holds {len(found)} QR codes, one is needed")
    return str(found[0].text)
