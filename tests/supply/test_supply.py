"""Locks have hashes, the SBOM is held to the lock, and an audit that could not be run is not a clean one."""

from __future__ import annotations

import re
import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.supply import audit, sbom
from tests.supply.audit import NOT_AUDITED, VULNERABLE, Audit
from tests.supply.lock import pins

ROOT = Path(__file__).parents[2]
LOCKED = {("aiohttp", "3.14.5"): frozenset({"a" * 64}), ("lxml", "6.0"): frozenset({"b" * 64})}
SBOM: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "components": [
        {
            "name": name, "version": version, "purl": f"pkg:pypi/{name}@{version}",
            "externalReferences": [{"hashes": [{"alg": "SHA-256", "content": one} for one in hashes]}],
        }
        for (name, version), hashes in LOCKED.items()
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("requirements.lock", 30),
        ("requirements-dev.lock", 30),
        ("requirements-tools.lock", 30),
        ("requirements-uv.lock", 1),
        ("requirements-build.lock", 1),
    ],
)
def test_everything_that_is_installed_is_pinned_with_hashes(name: str, least: int) -> None:
    assert len(pins(ROOT / name)) >= least


def test_what_runs_is_what_was_tested_but_for_what_is_named_here() -> None:
    runs, tested = (dict(pins(ROOT / name)) for name in ("requirements.lock", "requirements-dev.lock"))
    # A dependency of tests alone holds packaging below what runs.
    assert {name for name, _ in runs.keys() - tested.keys()} == {"packaging"}
    assert [key for key in runs.keys() & tested.keys() if runs[key] != tested[key]] == []


def test_the_image_is_built_by_what_is_pinned_and_takes_nothing_else() -> None:
    """An isolated build fetches the newest setuptools without a hash, and runs it as root."""
    said = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    first, *others = re.findall(r"pip install ([^&\n]+)", said)
    assert first.split()[1:] == ["--require-hashes", "-r", "requirements-build.lock"]
    assert [one.split()[1:] for one in others] == [
        ["--no-build-isolation", "--require-hashes", "-r", "requirements.lock"],
        ["--no-build-isolation", "--no-deps", "-e", "."],
    ]
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    ((name, version),) = pins(ROOT / "requirements-build.lock")
    assert needs == ["setuptools>=80"]
    assert name == "setuptools"
    assert int(version.split(".")[0]) >= 80


def test_every_folder_of_ours_is_installed() -> None:
    """A folder that is not listed is missing where the package is installed, not in a checkout."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for top in ("triage", "nlp", "connectors", "models")
        for path in (ROOT / top).rglob("*.py")
    }
    assert listed["packages"] == sorted(found)


def test_a_pin_without_a_hash_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    path.write_text("aiohttp==3.14.5\n", encoding="utf-8")
    with pytest.raises(ValueError, match="aiohttp has no hash"):
        pins(path)


def test_an_sbom_as_locked_has_no_fault() -> None:
    assert sbom.faults(SBOM, LOCKED) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"version": "3.14.6"}, "aiohttp 3.14.5: not in the SBOM"),
        ({"name": "evil"}, "evil 3.14.5: not in the lock"),
        ({"purl": "pkg:pypi/evil@1"}, "aiohttp 3.14.5: purl pkg:pypi/evil@1"),
        ({"externalReferences": []}, "aiohttp 3.14.5: other hashes"),
    ],
)
def test_an_sbom_that_differs_says_where(change: dict[str, Any], fault: str) -> None:
    spoilt = deepcopy(SBOM)
    spoilt["components"][0] |= change
    assert fault in sbom.faults(spoilt, LOCKED)


def answer(*told: tuple[str, str, dict[str, Any]]) -> dict[str, Any]:
    return {"dependencies": [{"name": name, "version": version, **more} for name, version, more in told]}


SKIPPED: dict[str, Any] = {"skip_reason": "Dependency not found on PyPI"}
CLEAN: dict[str, Any] = {"vulns": []}
BAD: dict[str, Any] = {"vulns": [{"id": "PYSEC-1", "fix_versions": ["3.15"]}]}


@pytest.mark.parametrize(
    ("told", "found", "strictly", "if_reachable"),
    [
        (answer(("aiohttp", "3.14.5", CLEAN), ("lxml", "6.0", CLEAN)), Audit(2, 0, ()), 0, 0),
        (answer(("aiohttp", "3.14.5", SKIPPED), ("lxml", "6.0", SKIPPED)), Audit(0, 2, ()), NOT_AUDITED, 0),
        ({}, Audit(0, 2, ()), NOT_AUDITED, 0),
        # Reached for one: the other is no accident of the network.
        (
            answer(("aiohttp", "3.14.5", CLEAN), ("lxml", "6.0", SKIPPED)),
            Audit(1, 1, ()),
            NOT_AUDITED,
            NOT_AUDITED,
        ),
        (
            answer(("aiohttp", "3.14.5", BAD), ("lxml", "6.0", CLEAN)),
            Audit(1, 0, ("aiohttp 3.14.5: PYSEC-1 (mended in 3.15)",)),
            VULNERABLE,
            VULNERABLE,
        ),
    ],
)
def test_what_could_not_be_audited_is_not_clean(
    told: dict[str, Any], found: Audit, strictly: int, if_reachable: int
) -> None:
    assert audit.read(told, set(LOCKED)) == found
    assert found.status(if_reachable=False) == strictly
    assert found.status(if_reachable=True) == if_reachable
    assert ("AUDIT NOT RUN" in found.told()) == (found.not_audited > 0)
