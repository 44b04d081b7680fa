"""A site's own place names in the data directory: read by every process, written by `gazetteer import`."""

from __future__ import annotations

import os
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from nlp import overlay
from nlp.gazetteer import Gazetteer, GazetteerError
from nlp.place_area import Areas
from nlp.place_point import Atlas
from nlp.places import PlaceReader
from triage import datadir
from triage.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from nlp.gazetteer import PlaceName
    from nlp.overlay import OverlayRow
    from triage.settings import Settings

FILE: Final = "places.jsonl"


def path(settings: Settings) -> Path:
    """Where they are kept."""
    return settings.data_dir / FILE


def load(settings: Settings) -> list[OverlayRow]:
    """The names that are kept. Raises SettingsError when the file is damaged."""
    try:
        return overlay.load(path(settings))
    except (GazetteerError, OSError) as fault:
        raise SettingsError(f"叠加地名文件无法读取：{fault}；可删去后重新导入") from None


def save(settings: Settings, rows: Iterable[OverlayRow]) -> None:
    """Write them, whole or not at all. Raises SettingsError when they cannot be written and read again."""
    rows = list(rows)
    folder = datadir.own_folder(settings.data_dir)
    beside = folder / f".{FILE}.{os.getpid()}"
    try:
        datadir.own_database(beside)  # made for its owner alone, before anything is in it
        beside.write_text(overlay.dump(rows), encoding="utf-8")
        if overlay.load(beside) != rows:
            raise SettingsError("叠加地名写入后读回的不一样；没有替换原来的文件")
        beside.replace(path(settings))
    except (GazetteerError, UnicodeError) as fault:
        raise SettingsError(f"叠加地名写入后读不回来：{fault}；没有替换原来的文件") from None
    except OSError as error:
        raise SettingsError(f"叠加地名文件无法写入（{datadir.system_reason(error)}）") from None
    finally:
        beside.unlink(missing_ok=True)


def atlas(settings: Settings) -> Atlas:
    """Points of units and of this site's names, made once. Raises GazetteerError and SettingsError."""
    return _atlas(tuple(load(settings)))


def area_code(written: str | None) -> str | None:
    """The code of the area a caller is registered in, a street at the finest; None when it is no name."""
    return _areas().code(written) if written else None


@cache
def _areas() -> Areas:
    return Areas(_gazetteer())


@cache
def _gazetteer() -> Gazetteer:
    return Gazetteer.load()


@lru_cache(maxsize=1)
def _atlas(rows: tuple[OverlayRow, ...]) -> Atlas:
    return Atlas(_gazetteer(), [row.place_name() for row in rows])


def place_reader(
    settings: Settings, learned: Iterable[PlaceName] = (), *, rows: Iterable[OverlayRow] | None = None
) -> PlaceReader:
    """The reader of places with this site's names and what it learned. Raises SettingsError.

    `rows` stand for the names that are kept: to see what others would do.
    """
    names = [*(row.place_name() for row in (load(settings) if rows is None else rows)), *learned]
    try:
        return PlaceReader.load(extra=names, abstain=settings.place_abstain, hint=settings.place_hint)
    except GazetteerError as fault:
        raise SettingsError(f"叠加地名与地名库不符：{fault}；请重新导入") from None
