"""Import contracts name modules one by one: none that is new is forgotten."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import models

MODELS = Path(models.__file__).parent
CONTRACTS = {
    one["name"]: one
    for one in tomllib.loads((MODELS.parent / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
}
MODULES = {f"models.{path.stem}": path.read_text("utf-8") for path in MODELS.glob("*.py")}
ROWS = {name for name, text in MODULES.items() if "sqlalchemy" in text} | {
    "models.everything",
    "models.migrations",
}


def test_every_row_module_is_forbidden_to_connectors() -> None:
    assert set(CONTRACTS["connectors know no rows"]["forbidden_modules"]) == ROWS


def test_every_vocabulary_is_held_to_cost_nothing() -> None:
    vocabularies = {name for name in MODULES if re.fullmatch(r"models\.vocab\w*", name)}
    assert vocabularies <= set(CONTRACTS["the vocabulary costs nothing"]["source_modules"])


def test_every_module_of_triage_stands_in_a_layer() -> None:
    (layers,) = (one for one in CONTRACTS.values() if one["type"] == "layers")
    assert (layers["containers"], layers["exhaustive"]) == (["triage"], True)
