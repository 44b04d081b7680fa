"""附件: real pictures, made here: what is kept of them, and what is refused with which sentence."""

from __future__ import annotations

import re
import resource
import struct
import time
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from connectors.file_store import FolderStore
from models.files import Attachment, file_for, files_of_ticket, sent_with
from models.filters import all_seeing
from models.tickets import Ticket
from models.vocab_files import FileOwner
from tests import pictures
from tests.factories import NOW, TicketIn, add_tickets
from triage.services import attachments
from triage.services.attachments import FileLimits, FileNotTaken, Owner, Upload

if TYPE_CHECKING:
    from pathlib import Path

    from models.db import Database

LIMITS = FileLimits(megabytes=10, megapixels=50, files=3)
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
SAMPLES = {"photo.jpg": pictures.jpeg(), "截图.png": pictures.png(), "a.webp": pictures.webp()}


@pytest.mark.parametrize("name", SAMPLES)
def test_nothing_but_the_picture_survives(name: str) -> None:
    made = attachments.prepare(Upload(name, SAMPLES[name]), LIMITS)
    kept = [made.content, made.thumbnail or b""]
    assert [secret for secret in pictures.SECRETS for part in kept if secret in part] == []
    assert [dict(Image.open(BytesIO(part)).getexif()) for part in kept] == [{}, {}]
    assert attachments.media_type_of(made.content) == made.media_type
    assert made.thumbnail is not None


def test_the_samples_did_hold_what_must_not_survive() -> None:
    whole = b"".join(SAMPLES.values())
    assert [secret for secret in pictures.SECRETS if secret not in whole] == []


def test_a_picture_is_turned_upright_before_its_exif_goes() -> None:
    made = attachments.prepare(Upload("x.jpg", pictures.jpeg(600, 400, orientation=6)), LIMITS)
    assert (made.width, made.height) == (400, 600)
    image = Image.open(BytesIO(made.content)).convert("RGB")
    # The red quarter was top left; turned clockwise by 90° it is top right.
    red, _, blue = image.getpixel((350, 50))  # type: ignore[misc]
    assert (red > 150, blue < 100) == (True, True)


def test_a_picture_with_damaged_exif_is_taken_as_it_is() -> None:
    cut = pictures.with_exif(b"Exif\0\0MM\0*\0\0")
    made = attachments.prepare(Upload("x.jpg", cut), LIMITS)
    assert (made.width, made.height) == (600, 400)


def test_exif_that_cannot_be_written_again_is_no_reason_to_refuse_the_picture() -> None:
    """Turned (6), and the unit of its resolution a word where a number belongs."""
    entries = struct.pack(">HHHIHH", 2, 0x0112, 3, 1, 6, 0) + struct.pack(">HHI4s", 0x0128, 2, 4, b"cm\0\0")
    head = b"Exif\0\0MM\0*" + struct.pack(">I", 8) + entries + bytes(4)
    made = attachments.prepare(Upload("x.jpg", pictures.with_exif(head)), LIMITS)
    assert (made.width, made.height) == (400, 600)


def test_a_great_picture_is_shrunk_to_what_is_kept() -> None:
    made = attachments.prepare(Upload("x.jpg", pictures.jpeg(6000, 3000)), LIMITS)
    assert (made.width, made.height) == (4096, 2048)
    assert Image.open(BytesIO(made.thumbnail or b"")).size == (320, 160)


def test_the_name_in_the_suffix_does_not_count_but_the_content() -> None:
    made = attachments.prepare(Upload("page.html", pictures.png()), LIMITS)
    assert (made.media_type, made.name) == ("image/png", "page.png")


REFUSED = {
    "empty": (b"", "空文件"),
    "too heavy": (b"\xff\xd8\xff" + bytes(10_000_001), "最多 10 MB"),
    "html": (b"<!doctype html><script>alert(1)</script>", "只收照片"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "只收照片"),
    "gif": (b"GIF89a" + bytes(64), "只收照片"),
    "pdf from a citizen": (PDF, "只收照片"),
    "heic": (b"\0\0\0\x18ftypheic" + bytes(64), "HEIC"),
    "avif": (b"\0\0\0\x1cftypavif" + bytes(64), "HEIC"),
    "cut jpeg": (pictures.jpeg()[:900], "已损坏"),
    "cut webp": (pictures.webp()[:60], "已损坏"),
    "only a jpeg head": (b"\xff\xd8\xff\xe0" + bytes(30), "已损坏"),
    "a header of 10 gigapixels": (pictures.png_that_lies(100_000), "尺寸太大"),
    "a header of 64 megapixels": (pictures.png_that_lies(8_000), "8000×8000，最多 50 百万像素"),
    "a real bomb of 144 megapixels": (pictures.png_bomb(12_000), "尺寸太大"),
    "a text chunk of 90 MB": (pictures.png_with_text_bomb(90), "已损坏"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_taken_is_told_in_a_sentence(case: str) -> None:
    content, words = REFUSED[case]
    with pytest.raises(FileNotTaken, match=re.escape(words)):
        attachments.prepare(Upload("x", content), LIMITS)


def test_a_bomb_costs_neither_time_nor_memory() -> None:
    bombs = [pictures.png_bomb(12_000), pictures.png_that_lies(100_000)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    for bomb in bombs:
        with pytest.raises(FileNotTaken):
            attachments.prepare(Upload("x.png", bomb), LIMITS)
    # Unfolded the first alone has 432 MB.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
    assert time.process_time() - started < 1


@settings(max_examples=150, deadline=None)
@given(head=st.sampled_from(list(SAMPLES.values())), cut=st.integers(4, 400), tail=st.binary(max_size=200))
def test_no_bytes_make_it_fail_otherwise(head: bytes, cut: int, tail: bytes) -> None:
    """A head of a real picture and anything behind it: a picture comes of it, or a refusal."""
    try:
        made = attachments.prepare(Upload("x", head[:cut] + tail), LIMITS)
    except FileNotTaken:
        return
    assert attachments.media_type_of(made.content) == made.media_type


def test_staff_may_send_a_pdf() -> None:
    made = attachments.prepare(Upload("现场 记录.PDF", PDF), LIMITS, pdf=True)
    assert (made.content, made.media_type, made.name, made.thumbnail) == (
        PDF,
        "application/pdf",
        "现场 记录.pdf",
        None,
    )


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("../../etc/passwd.jpg", "passwd.jpg"),
        ("C:\\照片\\工地 夜里.JPG", "工地 夜里.jpg"),
        ('x"\r\nSet-Cookie: a=b.jpg', "x_Set-Cookie_ a=b.jpg".replace("=", "_")),
        ("13800001111.jpg", "[手机号].jpg"),
        ("....jpg", "附件.jpg"),
        ("", "附件.jpg"),
        ("夜" * 300 + ".jpg", "夜" * 100 + ".jpg"),
    ],
)
def test_a_name_is_made_harmless(given_name: str, kept: str) -> None:
    assert attachments.harmless_name(given_name, "image/jpeg") == kept


@given(st.text(max_size=200))
def test_no_name_holds_what_a_header_or_a_path_would_mind(name: str) -> None:
    made = attachments.harmless_name(name, "image/png")
    assert re.search(r"[\x00-\x1f/\\\"<>]", made) is None
    assert made.endswith(".png")
    assert len(made) <= 120


async def test_too_many_are_not_begun_with() -> None:
    with pytest.raises(FileNotTaken, match="最多 3 个"):
        await attachments.prepare_all([Upload("x", b"")] * 4, LIMITS)


async def test_the_bad_one_is_named_by_its_place() -> None:
    with pytest.raises(FileNotTaken, match="第 2 个附件：附件是空文件"):
        await attachments.prepare_all([Upload("a", pictures.png()), Upload("b", b"")], LIMITS)


async def test_files_are_registered_once_and_shown_by_the_case_alone(db: Database, tmp_path: Path) -> None:
    one, other = await add_tickets(db, TicketIn(), TicketIn())
    store = FolderStore(tmp_path / "files")
    made = await attachments.prepare_all(
        [Upload("a.png", pictures.png()), Upload("b.jpg", pictures.jpeg())], LIMITS
    )
    hashes = await attachments.store_all(store, made)
    async with db.writes.begin() as session:
        appeal_id = await session.scalar(sa.select(Ticket.appeal_id).where(Ticket.no == one))
        assert appeal_id is not None
        mine = Owner(appeal_id, FileOwner.APPEAL, "citizen")
        first = await attachments.register(session, mine, made, hashes, now=NOW)
        again = await attachments.register(session, mine, made, hashes, now=NOW)
        event = Owner(appeal_id, FileOwner.EVENT, "unit", event_seq=4)
        evidence = await attachments.register(session, event, made[:1], hashes[:1], now=NOW)
    viewer = all_seeing("local")
    async with db.reads() as session:
        assert [row.id for row in await files_of_ticket(session, viewer, one)] == [*first, *evidence]
        assert await files_of_ticket(session, viewer, other) == []
        assert [row.id for row in await sent_with(session, appeal_id)] == first
        found = await file_for(session, viewer, first[0])
        assert await file_for(session, viewer, 10**15) is None
        assert await session.scalar(sa.select(sa.func.count()).select_from(Attachment)) == 3
    assert (len(first), again, len(evidence)) == (2, [], 1)
    assert found is not None
    assert store.read(found.sha256) == made[0].content
    assert store.read(found.thumb_sha256 or "") == made[0].thumbnail
