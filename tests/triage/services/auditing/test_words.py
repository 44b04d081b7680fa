"""Every fact that an entry of the ledger may hold has a word of its own for whoever audits."""

from __future__ import annotations

import ast
from pathlib import Path

import triage
from triage.services.auditing import exporting

SOURCE = Path(triage.__file__).parent


def written() -> set[str]:
    """The keys of every `detail` that is written out in the code, as an argument or a name."""
    nodes = [node for path in SOURCE.rglob("*.py") for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    given = [node.value for node in nodes if isinstance(node, ast.keyword) and node.arg == "detail"]
    named = [
        node.value
        for node in nodes
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "detail"
    ]
    keys = [key for found in (*given, *named) if isinstance(found, ast.Dict) for key in found.keys]
    return {key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}


def test_every_fact_has_a_word() -> None:
    keys = written()
    assert {"way", "rows", "second_factor"} <= keys
    assert keys <= exporting.FACTS.keys()
