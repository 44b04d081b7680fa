"""Pictures for tests, made here: with what a phone writes beside them, and such as are meant to do harm."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Final

from PIL import Image
from PIL.PngImagePlugin import PngInfo

#: What must not survive: camera, place, owner.
SECRETS: Final = (b"PhoneMaker X9", b"zhang-owner", b"GPSLatitude-39.9", b"after the last byte")


def _image(width: int, height: int, mode: str = "RGB") -> Image.Image:
    image = Image.new(mode, (width, height))
    image.paste((200, 30, 30), (0, 0, width // 2, height // 2))
    image.paste((30, 30, 200), (width // 2, height // 2, width, height))
    return image


def jpeg(width: int = 640, height: int = 480, *, orientation: int = 1) -> bytes:
    """As a phone takes it: EXIF with camera, owner and GPS, and bytes behind the end."""
    exif = Image.Exif()
    exif[0x0110] = "PhoneMaker X9"
    exif[0x013B] = "zhang-owner"
    exif[0x0112] = orientation
    exif[0x010E] = "GPSLatitude-39.9"
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2] = "N", (39.0, 54.0, 20.0)
    gps[3], gps[4] = "E", (116.0, 23.0, 29.0)
    out = BytesIO()
    _image(width, height).save(out, "JPEG", exif=exif, comment=b"zhang-owner")
    return out.getvalue() + b"<script>after the last byte</script>"


def with_exif(block: bytes) -> bytes:
    """A JPEG of 600 by 400 whose EXIF is these bytes, whatever they are."""
    out = BytesIO()
    _image(600, 400).save(out, "JPEG", exif=block)
    return out.getvalue()


def png(width: int = 320, height: int = 200) -> bytes:
    """With text chunks and transparency."""
    info = PngInfo()
    info.add_text("Author", "zhang-owner")
    info.add_itxt("XML:com.adobe.xmp", "<x>GPSLatitude-39.9</x>")
    out = BytesIO()
    _image(width, height, "RGBA").save(out, "PNG", pnginfo=info)
    return out.getvalue()


def webp() -> bytes:
    """With EXIF."""
    exif = Image.Exif()
    exif[0x0110] = "PhoneMaker X9"
    out = BytesIO()
    _image(300, 300).save(out, "WEBP", exif=exif)
    return out.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_bomb(side: int) -> bytes:
    """A PNG of `side` × `side` zero pixels: some kilobytes that unfold to side² × 3 bytes."""
    packer = zlib.compressobj(9)
    row = b"\0" * (side * 3 + 1)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def png_that_lies(side: int) -> bytes:
    """A header of `side` × `side` and nothing behind it."""
    head = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    empty = zlib.compress(b"")
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", empty) + _chunk(b"IEND", b"")


def png_with_text_bomb(megabytes: int) -> bytes:
    """A small picture whose compressed text chunk unfolds to `megabytes`."""
    whole = png(8, 8)
    text = zlib.compress(b"A" * (megabytes * 1_000_000), 9)
    return whole[:33] + _chunk(b"zTXt", b"Comment\0\0" + text) + whole[33:]
