"""What to type for `jiesu`: what the shell finds, else where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triage.commands import own_name

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_an_environment_that_nobody_activated_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, elsewhere = tmp_path / "a" / ".venv" / "bin", tmp_path / "b"
    for folder in (inside, elsewhere):
        folder.mkdir(parents=True)
        (folder / "jiesu").write_text("#!/bin/sh\n")
        (folder / "jiesu").chmod(0o755)
    monkeypatch.chdir(tmp_path / "a")
    named = []
    for path in ("/nowhere", str(elsewhere), str(inside)):
        monkeypatch.setenv("PATH", path)
        named.append(own_name.jiesu(inside / "python"))
    assert named == [".venv/bin/jiesu", ".venv/bin/jiesu", "jiesu"]
    monkeypatch.chdir(tmp_path / "b")
    monkeypatch.setenv("PATH", "/nowhere")
    assert own_name.jiesu(inside / "python") == str(inside / "jiesu")
    # Where it is not installed beside its Python, there is but one name to tell.
    assert own_name.jiesu(tmp_path / "python") == "jiesu"
