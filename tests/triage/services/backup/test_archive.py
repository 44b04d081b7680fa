"""The file of a backup: whatever a folder may hold goes in and comes out, and what is made can be opened."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest

from triage.errors import BadInput
from triage.services.backup import archive

if TYPE_CHECKING:
    from pathlib import Path

KEY = bytes([9]) * 32
ABOUT = archive.About(archive.FORMAT, "2026", "0.1", "0001", "sqlite", "3", {})
NAMES = ("tables/access.yaml~", "also/0/year=2024/a b.parquet", "also/1/2024（一）.parquet", f"a/{'长' * 80}")


def packed(folder: Path, files: dict[str, Path]) -> Path:
    path = folder / "one.jiesu-backup"
    with path.open("wb") as file:
        into = archive.Writer(file, KEY, key_id=1, about=ABOUT)
        into.database(io.BytesIO(b"rows"), lambda _: None)
        for name, source in files.items():
            into.further(name, source)
        into.finish()
    return path


def opened(path: Path, folder: Path) -> archive.Unpacked:
    folder.mkdir()
    return archive.unpack(path, {1: KEY}, folder, sound=lambda _: None, told=lambda _: None)


def test_any_name_comes_back_for_its_owner_alone(tmp_path: Path) -> None:
    source = tmp_path / "source"
    files = {name: tmp_path / str(number) for number, name in enumerate(NAMES)}
    for name, path in files.items():
        path.write_text(name)
    found = opened(packed(tmp_path, files), source).folder / archive.EXTRA
    assert {name: (found / name).read_text() for name in NAMES} == {name: name for name in NAMES}
    modes = {(path.is_dir(), path.stat().st_mode & 0o777) for path in [found, *found.rglob("*")]}
    assert modes == {(True, 0o700), (False, 0o600)}


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "a//b", "a/./b", "", "a\0b", "a/"])
def test_a_name_that_leads_elsewhere_does_not_open(tmp_path: Path, name: str) -> None:
    (tmp_path / "a").write_text("x")
    path = packed(tmp_path, {name: tmp_path / "a"})
    with pytest.raises(BadInput, match="不完整或被改动过"):
        opened(path, tmp_path / "new")
    assert not (tmp_path / "x").exists()


def test_a_name_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    with pytest.raises(BadInput, match="文件名不是 UTF-8"):
        packed(tmp_path, {"also/0/\udcff": tmp_path / "a"})


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"读不了要备份的文件 .*没有这个文件或目录"):
        packed(tmp_path, {"a": tmp_path / "gone"})


@pytest.mark.parametrize("size", [3, 20])
def test_a_file_that_changes_meanwhile_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Rewritten after its size was taken: the backup is refused while it is made, not when it is needed."""
    path, taken = tmp_path / "a", os.fstat
    path.write_text("0123456789")

    def rewritten(number: int) -> os.stat_result:
        found = taken(number)
        path.write_text("x" * size)
        return found

    monkeypatch.setattr(os, "fstat", rewritten)
    with pytest.raises(BadInput, match="备份时还有程序在写"):
        packed(tmp_path, {"a": path})
