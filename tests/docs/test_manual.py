"""The 用户手册 speaks of every section, shows pictures that are there, and is light."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

import triage.tables
from models.vocab import Move, Post
from tests.docs.manual_pictures import PAGES, PICTURES, SIZES
from triage.services.staff.demo import DEMO
from triage.web.navigation import SECTIONS

MANUAL = Path(__file__).parents[2] / "docs" / "用户手册"
TEXT = {path.name: path.read_text(encoding="utf-8") for path in MANUAL.glob("*.md")}
WHOLE = "\n".join(TEXT.values())
ADMINISTRATOR = (MANUAL.parent / "administrator.md").read_text(encoding="utf-8")
HEAVIEST = 150_000
_BACK = (Move.MERGE, Move.SPLIT, Move.UNDO)


def test_there_is_a_chapter_for_each_of_the_six() -> None:
    people = {"热线坐席.md", "承办人.md", "区级中心.md", "回访员.md", "督办员.md", "舆情分析员.md"}
    assert set(TEXT) == {"README.md", *people}
    logins = {account.login for account in DEMO}
    named = set(re.findall(r"账号 `([a-z-]+)`", WHOLE))
    assert named <= logins
    assert {"clerk", "ecology", "follow-up", "supervisor", "analyst"} <= named


def test_every_section_of_the_desk_is_spoken_of_by_its_name_and_address() -> None:
    rows = re.findall(r"^\| ([^|]+) \| `(/desk[^`]*)` \|", TEXT["README.md"], re.MULTILINE)
    assert rows == [(section.label, section.address) for section in SECTIONS]


def test_every_picture_that_is_named_is_there_and_every_one_there_is_made_by_the_script() -> None:
    named = {name for text in (WHOLE, ADMINISTRATOR) for name in re.findall(r"images/([^)]+\.png)\)", text)}
    made = {f"{name}-{width}.png" for pages in PAGES.values() for name, _ in pages for width, _ in SIZES}
    there = {path.name for path in PICTURES.iterdir()}
    assert named <= there
    assert there <= made


def width(path: Path) -> int:
    with Image.open(path) as picture:
        return picture.width


def test_every_picture_is_light_and_as_wide_as_it_says() -> None:
    sizes = {path: path.stat().st_size for path in PICTURES.iterdir()}
    assert {path.name: size for path, size in sizes.items() if size > HEAVIEST} == {}
    assert [path.name for path in sizes if f"-{width(path)}." not in path.name] == []


def test_what_the_manual_says_to_press_is_on_a_page() -> None:
    templates = Path(__file__).parents[2] / "triage" / "web" / "templates"
    pages = "\n".join(path.read_text(encoding="utf-8") for path in templates.rglob("*.html"))
    pressed = set(re.findall(r"(?:点|按)“([^”]+)”", WHOLE))
    acts = {move.label for move in Move}
    assert {word for word in pressed if word not in pages} <= {section.label for section in SECTIONS} | acts
    assert len(pressed) > 8


@pytest.mark.parametrize(
    ("chapter", "post"),
    [
        ("热线坐席.md", Post.HOTLINE),
        ("承办人.md", Post.UNIT),
        ("区级中心.md", Post.DISTRICT),
        ("回访员.md", Post.FOLLOW_UP),
        ("督办员.md", Post.SUPERVISOR),
    ],
)
def test_what_can_be_undone_is_what_the_table_says(chapter: str, post: Post) -> None:
    ((can, cannot),) = re.findall(r"十分钟内能撤销的：([^；]+)；不能撤销的：([^。]+)。", TEXT[chapter])
    rows = [row for row in triage.tables.load().moves.rows if post in row.who]
    # 合并 is undone by 撤销合并, at any time; an undo by doing it again.
    known: dict[str, int | None] = {}
    for row in rows:
        # Of several rows of a move the manual names in brackets which have no way back.
        known |= {} if row.move in _BACK else {row.move.label: known.get(row.move.label) or row.undo_minutes}
    can = re.sub("（[^）]*）", "", can)
    assert sorted(can.split("、")) == sorted(label for label, minutes in known.items() if minutes == 10)
    assert sorted(cannot.split("、")) == sorted(label for label, minutes in known.items() if minutes is None)
