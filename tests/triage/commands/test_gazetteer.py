"""`jiesu gazetteer`: a site's names are kept for its owner alone, and tell which tickets would move."""

from __future__ import annotations

import asyncio
import json
import shutil
import stat
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from models.appeals import Reading
from models.db import open_database
from models.site_places import Pick, add_pick
from models.tickets import Ticket
from nlp.overlay import OverlayRow
from tests.factories import NOW, TicketIn, add_tickets
from triage import overlays
from triage.cli import main
from triage.errors import SettingsError
from triage.services import place_moves
from triage.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from models.db import Database

NAMES = "名称,类型,区,街道\n青禾里花园,小区,朝阳区,望京街道\n"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("JIESU_DATA_DIR", str(tmp_path / "data"))
    return Settings()


def imported(path: Path, text: str, *options: str) -> tuple[int, dict[str, Any]]:
    path.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(main, ["gazetteer", "import", str(path), "--json", *options])
    return result.exit_code, json.loads(result.stdout)


def test_importing_is_idempotent_and_reading_knows_the_names(settings: Settings, tmp_path: Path) -> None:
    status, told = imported(tmp_path / "names.csv", NAMES)
    assert (status, told["added"], told["kept"]) == (0, 1, 1)
    again = imported(tmp_path / "names.csv", NAMES)[1]
    assert (again["added"], again["changed"], again["version"]) == (0, 0, told["version"])
    assert stat.S_IMODE(overlays.path(settings).stat().st_mode) == 0o600
    assert overlays.place_reader(settings).read(None, "青禾里花园太吵").street == "望京街道"


def test_a_street_that_was_wrong_is_put_right_and_a_name_removed(settings: Settings, tmp_path: Path) -> None:
    imported(tmp_path / "names.csv", NAMES)
    told = imported(tmp_path / "names.csv", NAMES.replace("望京街道", "酒仙桥街道"), "--replace")[1]
    assert (told["added"], told["removed"], told["kept"]) == (1, 1, 1)
    assert overlays.place_reader(settings).read(None, "青禾里花园太吵").street == "酒仙桥街道"
    run = CliRunner()
    assert "应是小区" in run.invoke(main, ["gazetteer", "remove", "青禾里花园", "--kind", "楼"]).output
    gone = run.invoke(main, ["gazetteer", "remove", "青禾里花园", "--kind", "小区"])
    assert (gone.exit_code, "已删除 小区 青禾里花园" in gone.output) == (0, True)
    assert "没有导入过这样的地名" in run.invoke(main, ["gazetteer", "remove", "青禾里花园"]).output
    assert overlays.load(settings) == []


def test_a_bad_row_gives_status_1_and_the_rest_is_kept(settings: Settings, tmp_path: Path) -> None:
    status, told = imported(tmp_path / "names.csv", NAMES + "医院,小区,朝阳区,\n")
    assert (status, told["kept"]) == (1, 1)
    assert told["bad"][0] == {
        "file": "names.csv",
        "line": 3,
        "field": "name",
        "reason": "'医院' 太短或是通称，会到处误认",
    }
    assert len(overlays.load(settings)) == 1


def test_a_dry_run_writes_nothing(settings: Settings, tmp_path: Path) -> None:
    imported(tmp_path / "names.csv", NAMES, "--dry-run")
    assert overlays.load(settings) == []


def test_a_damaged_file_of_names_is_said_in_words(settings: Settings) -> None:
    overlays.save(settings, [OverlayRow("compound", "青禾里花园", "110105026")])
    overlays.path(settings).write_text("{\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="叠加地名文件无法读取"):
        overlays.place_reader(settings)


def test_what_cannot_be_read_again_replaces_nothing(settings: Settings) -> None:
    kept = [OverlayRow("compound", "青禾里花园", "110105026")]
    overlays.save(settings, kept)
    for name in ("青禾\ud800", "青禾"):
        with pytest.raises(SettingsError, match="没有替换原来的文件"):
            overlays.save(settings, [OverlayRow("compound", name, "110105", lon=float("nan"))])
    assert overlays.load(settings) == kept
    assert [path.name for path in settings.data_dir.iterdir() if path.name.startswith(".places")] == []


def test_show_build_and_at_say_version_and_place(settings: Settings) -> None:
    version = overlays.place_reader(settings).version
    for command in ("show", "build"):
        assert version in CliRunner().invoke(main, ["gazetteer", command]).stdout
    found = json.loads(CliRunner().invoke(main, ["gazetteer", "at", "116.39", "39.91"]).stdout)
    assert found["district"]["name"] in {"东城区", "西城区"}
    assert len(found["streets"]) == 3


async def test_only_tickets_whose_place_changes_would_move(settings: Settings, db: Database) -> None:
    _, second = await add_tickets(
        db, TicketIn(), TicketIn(title=None, text="青禾里花园有异味", district=None, street=None)
    )
    overlays.save(settings, [OverlayRow("compound", "青禾里花园", "110105026")])
    checked = place_moves.Checked()
    async with db.reads() as session:
        reader = overlays.place_reader(settings)
        found = [move async for move in place_moves.moves(session, reader, checked)]
    assert checked.tickets == 2
    assert [(move.no, move.before, move.after) for move in found] == [(second, "", "110105026")]


OLD = TicketIn(title=None, text="青禾里花园有异味", district=None, street=None)


async def test_names_that_are_not_imported_yet_are_held_against_those_in_force(
    settings: Settings, db: Database
) -> None:
    first, second = await add_tickets(db, OLD, replace(OLD, text="没有写地点"))
    overlays.save(settings, [OverlayRow("compound", "青禾里花园", "110105026")])
    reader = overlays.place_reader(settings)
    async with db.writes.begin() as session:
        # The first was read before any name was there, the second with those in force.
        await session.execute(
            sa.update(Reading).where(Reading.id == sa.select(sa.func.max(Reading.id)).scalar_subquery())
            .values(model_version=f"x/{reader.version}", street_code="110105026", district_code="110105")
        )  # fmt: skip
    other = overlays.place_reader(settings, rows=[OverlayRow("compound", "青禾里花园", "110108017")])
    checked = place_moves.Checked()
    async with db.reads() as session:
        found = [move async for move in place_moves.moves(session, reader, checked, other=other)]
    assert [(move.no, move.before, move.after) for move in found] == [
        (first, "110105026", "110108017"),
        (second, "110105026", ""),
    ]
    assert (checked.tickets, checked.current) == (2, 1)


def test_a_file_is_held_against_the_names_before_it_is_imported(
    settings: Settings, sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tickets.db"
    shutil.copyfile(sqlite_template, path)
    monkeypatch.setenv("JIESU_DATABASE_URL", f"sqlite+aiosqlite:///{path}")

    async def stored() -> str:
        db = open_database(f"sqlite+aiosqlite:///{path}", durable=False)
        (no,) = await add_tickets(db, OLD)
        await db.close()
        return no

    no = asyncio.run(stored())
    imported(tmp_path / "names.csv", NAMES)
    before = overlays.load(settings)
    moved = tmp_path / "moved.csv"
    moved.write_text(NAMES.replace("朝阳区,望京街道", "海淀区,清河街道"), encoding="utf-8")
    diff = ["gazetteer", "diff"]
    put = CliRunner().invoke(main, [*diff, "--with", str(moved), "--replace"])
    assert (put.exit_code, f"{no}（已派单）：朝阳区望京街道 → 海淀区清河街道" in put.output) == (0, True)
    # Beside the old name, and not in its place, the name may be either.
    beside = CliRunner().invoke(main, [*diff, "--with", str(moved), "--json"])
    assert json.loads(beside.stdout)["after"] == ""
    assert overlays.load(settings) == before
    moved.write_text(NAMES + "医院,小区,朝阳区,\n", encoding="utf-8")
    bad = CliRunner().invoke(main, [*diff, "--with", str(moved)])
    assert (bad.exit_code, "地点会变的 0 张" in bad.output, "太短或是通称" in bad.output) == (1, True, True)
    assert "要与 --with" in CliRunner().invoke(main, [*diff, "--replace"]).output


async def _one_pick(path: Path) -> None:
    db = open_database(f"sqlite+aiosqlite:///{path}", durable=False)
    (no,) = await add_tickets(db, TicketIn())
    async with db.writes.begin() as session:
        ticket_id = await session.scalar(sa.select(Ticket.id).where(Ticket.no == no))
        pick = Pick(
            "鹊桥大院", "110105026", None, None, always=True, ticket_id=ticket_id or 0, by="local", at=NOW
        )
        await add_pick(session, pick)
    await db.close()


@pytest.mark.usefixtures("settings")
def test_what_clerks_picked_is_listed_and_revoked(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "picks.db"
    shutil.copyfile(sqlite_template, path)
    monkeypatch.setenv("JIESU_DATABASE_URL", f"sqlite+aiosqlite:///{path}")
    sites = ["gazetteer", "sites"]
    assert "还没有点选过" in CliRunner().invoke(main, sites).stdout
    asyncio.run(_one_pick(path))
    listed = json.loads(CliRunner().invoke(main, [*sites, "--json"]).stdout)
    assert (listed["phrase"], listed["place"], listed["standing"]) == (
        "鹊桥大院",
        "朝阳区望京街道",
        "learned",
    )
    told = CliRunner().invoke(main, [*sites, "--revoke", str(listed["id"])])
    assert (told.exit_code, "已撤销" in told.stdout) == (0, True)
    assert "已撤销" in CliRunner().invoke(main, sites).stdout
    assert CliRunner().invoke(main, [*sites, "--revoke", str(listed["id"])]).exit_code != 0
