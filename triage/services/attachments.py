"""附件: a file that was sent becomes one that is kept: known type, bounded, nothing told on the side.

Pictures are decoded and written anew: position, camera and owner (EXIF, XMP), colour profiles, comments and
whatever is hidden behind the last byte do not survive. What is decoded is bounded first by bytes, then by
the pixels its header announces, so a few kilobytes cannot ask for gigabytes.
"""

from __future__ import annotations

import asyncio
import re
import struct
import unicodedata
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, ClassVar, Final

import sqlalchemy as sa
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from models.files import Attachment
from nlp.text import mask_identity
from triage.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.ports import FileStore
    from models.vocab_files import FileOwner

PDF: Final = "application/pdf"
_JPEG: Final = "image/jpeg"
_PNG: Final = "image/png"
_WEBP: Final = "image/webp"
_FORMATS: Final = {_JPEG: "JPEG", _PNG: "PNG", _WEBP: "WEBP"}
PICTURES: Final = tuple(_FORMATS)
SUFFIXES: Final = {_JPEG: ".jpg", _PNG: ".png", _WEBP: ".webp", PDF: ".pdf"}

#: The longest side that is kept: letters on a sign across the street are still read.
LONGEST_SIDE: Final = 4096
THUMB_SIDE: Final = 320
_QUALITY: Final = 88
_THUMB_QUALITY: Final = 75
_LONGEST_NAME: Final = 100
_MEGA: Final = 1_000_000

_HEIF_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis"}
)
_UNSAFE: Final = re.compile(r"[^\w.()\-（）【】·\u3000 ]+", re.UNICODE)
_SPACES: Final = re.compile(r"\s+")
_DOTS: Final = re.compile(r"\.{2,}")

#: What a hand-made or damaged file makes of the decoders: broken, cut short, chunks that unfold to too much.
_BROKEN: Final = (
    UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, struct.error,
    KeyError, AttributeError, OverflowError, ZeroDivisionError,
)  # fmt: skip
#: What brings a picture upright that says (EXIF) how the camera was held.
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

#: Decoding holds a core and up to some hundred megabytes: two at a time in one process.
_POOL: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="pictures")


class FileNotTaken(BadInput):
    """这个附件不能收。"""

    code: ClassVar[str] = "file_not_taken"


@dataclass(frozen=True, slots=True)
class FileLimits:
    """How much is taken, from the settings."""

    megabytes: int
    megapixels: int
    files: int

    @property
    def bytes(self) -> int:
        """The same in bytes."""
        return self.megabytes * _MEGA


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it was sent."""

    name: str = field(repr=False)
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What will be kept of it."""

    content: bytes = field(repr=False)
    media_type: str
    name: str = field(repr=False)
    width: int | None = None
    height: int | None = None
    thumbnail: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Owner:
    """What files belong to, and who gave them. `event_seq` for `FileOwner.EVENT` only."""

    appeal_id: int
    kind: FileOwner
    by: str
    event_seq: int | None = None


def media_type_of(content: bytes) -> str | None:
    """The type by the first bytes: one of those taken, `image/heic`, or None."""
    if content.startswith(b"\xff\xd8\xff"):
        return _JPEG
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return _PNG
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _WEBP
    if content[4:8] == b"ftyp" and content[8:12] in _HEIF_BRANDS:
        return "image/heic"
    return PDF if content.startswith(b"%PDF-") else None


def harmless_name(name: str, media_type: str) -> str:
    """The name as given without folders, control characters, numbers that identify; with a true suffix."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    stem = last.rpartition(".")[0] or last
    plain = _DOTS.sub(".", _SPACES.sub(" ", _UNSAFE.sub("_", stem))).strip(" ._")
    return (mask_identity(plain)[:_LONGEST_NAME] or "附件") + SUFFIXES[media_type]


def prepare(upload: Upload, limits: FileLimits, *, pdf: bool = False) -> Prepared:
    """Check one file and make what is kept of it. `pdf`: staff may send documents. Raises FileNotTaken."""
    content = upload.content
    if not content:
        raise FileNotTaken("附件是空文件。")
    if len(content) > limits.bytes:
        raise FileNotTaken(f"附件太大：每个最多 {limits.megabytes} MB。")
    media_type = media_type_of(content)
    if media_type == "image/heic":
        raise FileNotTaken(
            "暂不支持 HEIC/AVIF 照片：请在手机相机设置里选“兼容性最佳”，或截图后再传（JPEG、PNG、WebP）。"
        )
    if media_type == PDF and pdf:
        return Prepared(content, PDF, harmless_name(upload.name, PDF))
    if media_type not in _FORMATS:
        raise FileNotTaken("只收照片（JPEG、PNG、WebP）" + ("和 PDF。" if pdf else "。"))
    return _picture(upload, media_type, limits)


def _picture(upload: Upload, media_type: str, limits: FileLimits) -> Prepared:
    try:
        with (
            warnings.catch_warnings(action="ignore", category=UserWarning),
            Image.open(BytesIO(upload.content), formats=[_FORMATS[media_type]]) as image,
        ):
            if image.width * image.height > limits.megapixels * _MEGA:
                raise FileNotTaken(
                    f"照片尺寸太大：{image.width}×{image.height}，最多 {limits.megapixels} 百万像素。"
                )
            # JPEG can be decoded at a half or a quarter: no need to hold what is shrunk at once.
            image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            plain = _plain(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise FileNotTaken(f"照片尺寸太大：最多 {limits.megapixels} 百万像素。") from None
    except _BROKEN:
        raise FileNotTaken("照片已损坏，打不开。") from None
    plain.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    small = plain.copy()
    small.thumbnail((THUMB_SIDE, THUMB_SIDE))
    return Prepared(
        content=_written(plain, media_type),
        media_type=media_type,
        name=harmless_name(upload.name, media_type),
        width=plain.width,
        height=plain.height,
        thumbnail=_written(small.convert("RGB"), _JPEG, quality=_THUMB_QUALITY),
    )


def _plain(image: Image.Image) -> Image.Image:
    """The first frame, upright, in sRGB, and nothing else of the file."""
    turned = _upright(image)
    alpha = turned.mode in {"RGBA", "LA", "PA"} or "transparency" in turned.info
    profile = turned.info.get("icc_profile")
    found = turned.convert("RGBA" if alpha else "RGB")
    if profile and turned.mode in {"RGB", "RGBA"}:
        found = _in_srgb(found, profile)
    # A new image: whatever else was known of the old one stays behind.
    bare = Image.new(found.mode, found.size)
    bare.paste(found)
    return bare


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF says; as it is when that is damaged, as editors and cheap phones write it.

    Not by `ImageOps.exif_transpose`: it writes the rest of EXIF anew, and fails where that cannot be written.
    """
    image.load()
    try:
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _BROKEN:
        return image
    return image if turn is None else image.transpose(turn)


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """The colours as they were meant; as they are when the profile is of no use."""
    try:
        made = ImageCms.profileToProfile(
            image, ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB")
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    return made or image


def _written(image: Image.Image, media_type: str, *, quality: int = _QUALITY) -> bytes:
    out = BytesIO()
    match media_type:
        case "image/png":
            image.save(out, "PNG", optimize=False)
        case "image/webp":
            image.save(out, "WEBP", quality=quality, method=4)
        case _:
            image.convert("RGB").save(out, "JPEG", quality=quality, progressive=True)
    return out.getvalue()


async def prepare_all(
    uploads: Sequence[Upload], limits: FileLimits, *, pdf: bool = False
) -> tuple[Prepared, ...]:
    """Prepare files without holding up the loop. Raises FileNotTaken naming the file by its number."""
    if len(uploads) > limits.files:
        raise FileNotTaken(f"附件太多：最多 {limits.files} 个。")
    loop = asyncio.get_running_loop()
    made = []
    for number, upload in enumerate(uploads, start=1):
        try:
            made.append(await loop.run_in_executor(_POOL, partial(prepare, upload, limits, pdf=pdf)))
        except FileNotTaken as error:
            raise FileNotTaken(f"第 {number} 个附件：{error.detail}") from None
    return tuple(made)


async def store_all(store: FileStore, files: Sequence[Prepared]) -> list[tuple[str, str | None]]:
    """Put contents and thumbnails into the store, before any transaction. Gives their hashes.

    What a crash leaves there without a row harms nobody: the same content finds its place again.
    Raises StoreDown.
    """

    def put() -> list[tuple[str, str | None]]:
        return [
            (store.put(file.content), store.put(file.thumbnail) if file.thumbnail else None) for file in files
        ]

    return await asyncio.to_thread(put)


async def register(
    session: AsyncSession,
    owner: Owner,
    files: Sequence[Prepared],
    hashes: Sequence[tuple[str, str | None]],
    *,
    now: datetime,
) -> list[int]:
    """Write the rows of stored files in the caller's transaction; the same file of one owner once."""
    # NULLs are never equal in a unique key, so the database alone would let it in twice.
    known = set(
        await session.scalars(
            sa.select(Attachment.sha256).where(
                Attachment.appeal_id == owner.appeal_id,
                Attachment.owner == owner.kind.value,
                Attachment.event_seq.is_(None)
                if owner.event_seq is None
                else Attachment.event_seq == owner.event_seq,
            )
        )
    )
    rows = {}
    for file, (sha256, thumb) in zip(files, hashes, strict=True):
        if sha256 not in known:
            rows[sha256] = {
                "appeal_id": owner.appeal_id, "owner": owner.kind.value, "event_seq": owner.event_seq,
                "sha256": sha256, "thumb_sha256": thumb, "size": len(file.content),
                "media_type": file.media_type, "width": file.width, "height": file.height,
                "name": file.name, "by": owner.by, "at": now,
            }  # fmt: skip
    if not rows:
        return []
    made = await session.scalars(
        sa.insert(Attachment).returning(Attachment.id, sort_by_parameter_order=True), list(rows.values())
    )
    return list(made)
